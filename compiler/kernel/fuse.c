/* Fusion: which nodes share a loop nest.
 *
 * Nodes are taken in order. An elementwise operation or a reduction joins the kernel of one of its
 * inputs where the rules allow, else it opens a kernel of its own; contractions and the like always
 * open one. The rules:
 *
 *   - all members of a kernel run over one domain; every axis of a member is an axis of it;
 *   - in a kernel of rows, reductions that are consumed inside all run over the same axes (the
 * row);
 *   - a reduction over other axes may leave the kernel as an accumulator; inside, only scalar
 * arithmetic that runs after the loops may read it;
 *   - the epilogue of a contraction or window takes elementwise operations of the full shape of its
 * result, as epilogue.c chose, that of a window also sums a channel, which nobody reads here;
 *   - what sets values of the whole domain side by side joins the rows that make them: each is
 *     stored at its place;
 *   - the backward part joins no kernel of the forward part: what it computes again it does where
 * it needs it;
 *   - what is prepared and what is not are never in one kernel;
 *   - no kernel may come to depend on itself through another.
 *
 * Afterwards kernels of rows that read the same data over the same domain are joined, and windows
 * take over what reduces their channels. */
#include <string.h>

#include "kernel/kernel.h"
#include "ops/join.h"
#include "passes/pass.h"

/* A node may join k only if none of its inputs from elsewhere waits for k. */
static bool inputs_precede(EntryPlan *entry, const Kernel *k, const Node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        NodeList sources = {.count = 0};
        inline_sources(entry, node->inputs[i], &sources);
        for (int s = 0; s < sources.count; s++) {
            Kernel *other = kernel_of(entry, sources.at[s]);
            if (other && other != k && kernel_needs(entry, other, k)) return false;
        }
    }
    return true;
}

/* ---- kernels ---- */

static Kernel *kernel_open(EntryPlan *entry, KernelKind kind, const Node *first, Node *anchor,
                           Type domain)
{
    Kernel *k = arena_make(entry->arena, Kernel);
    k->kind = kind;
    k->anchor = anchor;
    k->domain = domain;
    k->forward = entry->forward[first->id];
    k->early = entry->early[first->id];
    k->step = entry->kernels.count;
    vec_push(entry->arena, entry->kernels, k);
    return k;
}

static void kernel_add(EntryPlan *entry, Kernel *k, Node *node, const int *label, bool after_loops)
{
    Member *m = &entry->member[node->id];
    m->kernel = k;
    m->after_loops = after_loops;
    for (int i = 0; i < MAX_RANK; i++) m->label[i] = i < node->type.rank ? label[i] : -1;
    vec_push(entry->arena, k->nodes, node);
    for (int i = 0; i < node->input_count; i++) {
        NodeList sources = {.count = 0};
        inline_sources(entry, node->inputs[i], &sources);
        for (int s = 0; s < sources.count; s++) kernel_note_read(entry, k, sources.at[s]);
    }
    kernel_precedes_readers(entry, k, node);
}

static const int identity[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};

/* ---- labels ---- */

static bool same_axis(Type a, int i, Type b, int j)
{
    return a.dim[i] == b.dim[j] && (a.batch_axis == i) == (b.batch_axis == j);
}

bool kernel_labels(const EntryPlan *entry, const Kernel *k, const Node *in, int label[MAX_RANK])
{
    int axis_of[MAX_RANK], given[MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
    const Node *root = view_root(in);
    const Member *m = &entry->member[root->id];
    if (m->kernel != k && !m->inlined) return true;
    if (!view_labels(in, axis_of)) return false;
    for (int i = 0; i < in->type.rank; i++)
        if (axis_of[i] >= 0) given[axis_of[i]] = m->inlined ? label[i] : m->label[axis_of[i]];
    for (int i = 0; m->inlined && i < root->input_count; i++)
        if (!kernel_labels(entry, k, root->inputs[i], given)) return false;
    for (int i = 0; i < in->type.rank; i++) {
        const int l = axis_of[i] < 0 ? -1 : given[axis_of[i]];
        if (l < 0) continue;
        if (label[i] >= 0 && label[i] != l) return false;
        if (in->type.dim[i] != 1 && !same_axis(in->type, i, k->domain, l)) return false;
        label[i] = l;
    }
    return true;
}

/* Axes that no fellow member labels (a row value or a vector repeated over them) take a free axis
 * of the domain of the same extent: the one at the same place if it fits, else the first. False if
 * an axis would be walked along two of the node, as by the products of a member with itself. */
static bool labels_complete(const Kernel *k, Type type, int label[MAX_RANK])
{
    unsigned used = 0;
    for (int i = 0; i < type.rank; i++) {
        if (label[i] < 0) continue;
        if (type.dim[i] != 1 && used >> label[i] & 1) return false;
        if (type.dim[i] != 1) used |= 1u << label[i];
    }
    for (int i = 0; i < type.rank; i++)
        if (label[i] >= 0) used |= 1u << label[i];
    for (int i = 0; i < type.rank; i++) {
        if (label[i] >= 0 || type.dim[i] == 1) continue;
        const int here = i + k->domain.rank - type.rank;
        if (here >= 0 && !(used >> here & 1) && same_axis(type, i, k->domain, here))
            label[i] = here;
        for (int d = 0; label[i] < 0 && d < k->domain.rank; d++)
            if (!(used >> d & 1) && same_axis(type, i, k->domain, d)) label[i] = d;
        if (label[i] < 0) return false;
        used |= 1u << label[i];
    }
    return true;
}

/* A kernel whose members all have extent 1 along an axis may widen to a consumer that repeats them
 * along it; but pieces side by side are as large as the domain. */
static void domain_widen(Kernel *k, Type type)
{
    if (k->kind != KERNEL_ROWS || k->domain.rank != type.rank) return;
    for (int i = 0; i < k->nodes.count; i++)
        if (op_row(k->nodes.at[i]->op)->kind == KIND_JOIN) return;
    for (int i = 0; i < type.rank; i++)
        if (k->domain.dim[i] != 1 && !same_axis(k->domain, i, type, i)) return;
    k->domain = type;
}

/* ---- the rule of rows ---- */

static unsigned reduced_axes(const EntryPlan *entry, const Node *node)
{
    unsigned axes = 0;
    const Member *m = &entry->member[node->id];
    for (int i = 0; i < node->attr[0].count; i++) {
        const int64_t axis = node->attr[0].ints[i];
        if (node->inputs[0]->type.dim[axis] != 1) axes |= 1u << m->label[axis];
    }
    return axes;
}

static bool is_scalar(Type type) { return type_elements(type) == 1; }

/* One row, as at batch 1: its sum is a row's value, which the row may read again, and not what is
 * left after many. */
static bool is_only_row(const Kernel *k, unsigned axes)
{
    const int last = k->domain.rank - 1;
    return k->kind == KERNEL_ROWS && last >= 0 && axes == 1u << last && k->domain.batch_axis != last
        && type_elements(k->domain) == k->domain.dim[last];
}

/* A sum that leaves the kernel takes in each element once: what it adds up varies along all axes of
 * the domain, or along all but those of the row, of which it then is a value. */
static bool counts_once(const Kernel *k, const Node *node, const int *label, unsigned row)
{
    const Type in = node->inputs[0]->type;
    unsigned reduced = 0, repeated = 0;
    for (int d = 0; d < k->domain.rank; d++)
        if (k->domain.dim[d] != 1) repeated |= 1u << d;
    for (int i = 0; i < in.rank; i++)
        if (in.dim[i] != 1 && label[i] >= 0) repeated &= ~(1u << label[i]);
    for (int i = 0; i < node->attr[0].count; i++)
        if (in.dim[node->attr[0].ints[i]] != 1) reduced |= 1u << label[node->attr[0].ints[i]];
    return !reduced || reduced == row || !repeated || repeated == row;
}

bool kernel_counts_once(const EntryPlan *entry, const Kernel *k, const Kernel *members,
                        unsigned row)
{
    for (int i = 0; i < members->nodes.count; i++) {
        const Node *node = members->nodes.at[i];
        if (op_row(node->op)->kind == KIND_REDUCE
            && !counts_once(k, node, entry->member[node->id].label, row))
            return false;
    }
    return true;
}

static bool may_read_member(const EntryPlan *entry, const Kernel *k, const Node *node,
                            const Node *root, unsigned *row, bool *after)
{
    if (entry->member[root->id].after_loops) {
        *after = true;
        return is_scalar(node->type);
    }
    if (op_row(root->op)->kind == KIND_JOIN) return false; /* its place is not the domain's */
    if (op_row(root->op)->kind != KIND_REDUCE) return true;
    const unsigned axes = reduced_axes(entry, root);
    if (!axes || axes == *row) return true;
    if (is_scalar(node->type) && root->op == OP_sum && (*row || !is_only_row(k, axes))) {
        *after = true;
        return true;
    }
    if (*row || k->kind != KERNEL_ROWS) return false;
    *row = axes;
    return true;
}

/* What runs after the loops is not read through inlined maps: those run wherever their readers do.
 */
bool kernel_may_read(const EntryPlan *entry, const Kernel *k, const Node *node, const Node *input,
                     unsigned *row, bool *after)
{
    const Node *root = view_root(input);
    if (kernel_of(entry, root) == k) return may_read_member(entry, k, node, root, row, after);
    bool late = false;
    for (int i = 0; entry->member[root->id].inlined && i < root->input_count; i++)
        if (!kernel_may_read(entry, k, root, root->inputs[i], row, &late)) return false;
    return !late;
}

/* Scalar arithmetic after the loops must not mix with values of the loops. */
static bool may_run_after(const EntryPlan *entry, const Kernel *k, const Node *node)
{
    for (int i = 0; i < node->input_count; i++) {
        const Node *root = view_root(node->inputs[i]);
        if (kernel_of(entry, root) != k || entry->member[root->id].after_loops) continue;
        if (op_row(root->op)->kind != KIND_REDUCE || root->op != OP_sum) return false;
    }
    return true;
}

static bool join_map(EntryPlan *entry, Kernel *k, Node *node)
{
    const Type before = k->domain;
    int label[MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
    unsigned row = k->row_axes;
    bool after = false;
    if (!is_scalar(node->type)) domain_widen(k, node->type);
    bool legal = inputs_precede(entry, k, node);
    for (int i = 0; legal && i < node->input_count; i++) {
        legal = kernel_labels(entry, k, node->inputs[i], label)
             && kernel_may_read(entry, k, node, node->inputs[i], &row, &after);
    }
    if (legal && after) legal = may_run_after(entry, k, node);
    if (legal && !after) legal = labels_complete(k, node->type, label);
    if (legal) legal = kernel_counts_once(entry, k, k, row);
    if (legal && k->kind != KERNEL_ROWS)
        legal = !after && type_elements(node->type) == type_elements(k->domain);
    if (!legal) {
        k->domain = before;
        return false;
    }
    k->row_axes = row;
    kernel_add(entry, k, node, label, after);
    return true;
}

static bool join_reduce(EntryPlan *entry, Kernel *k, Node *node)
{
    const Node *in = node->inputs[0];
    int label[MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
    unsigned row = k->row_axes;
    bool after = false;
    if (!inputs_precede(entry, k, node) || !kernel_labels(entry, k, in, label)) return false;
    if (!labels_complete(k, in->type, label)) return false;
    if (!kernel_may_read(entry, k, in, in, &row, &after) || after) return false;
    unsigned axes = 0;
    for (int i = 0; i < node->attr[0].count; i++)
        if (in->type.dim[node->attr[0].ints[i]] != 1) axes |= 1u << label[node->attr[0].ints[i]];
    if (node->op != OP_sum) {
        if (row && row != axes) return false;
        row = axes;
    }
    if (!counts_once(k, node, label, row) || !kernel_counts_once(entry, k, k, row)) return false;
    k->row_axes = row;
    kernel_add(entry, k, node, label, false);
    return true;
}

/* Pieces as large as the domain, one of which k computes; the others it computes, too, or reads. */
static bool join_pieces(EntryPlan *entry, Kernel *k, Node *node)
{
    int label[MAX_RANK];
    unsigned row = k->row_axes;
    bool after = false;
    if (k->kind != KERNEL_ROWS || (k->forward && !entry->forward[node->id])
        || !inputs_precede(entry, k, node))
        return false;
    for (int i = 0; i < node->input_count; i++) {
        const Node *in = node->inputs[i];
        if (!type_same_shape(in->type, k->domain) || in->type.batch_axis != k->domain.batch_axis)
            return false;
        memcpy(label, identity, sizeof label);
        if (!kernel_labels(entry, k, in, label)
            || !kernel_may_read(entry, k, node, in, &row, &after))
            return false;
    }
    if (row != k->row_axes || after) return false;
    kernel_add(entry, k, node, identity, false);
    return true;
}

/* ---- the walk ---- */

static KernelKind anchor_kind(OpKind kind)
{
    switch (kind) {
    case KIND_CONTRACT: return KERNEL_CONTRACT;
    case KIND_GATHER: return KERNEL_GATHER;
    case KIND_SCATTER: return KERNEL_SCATTER;
    case KIND_JOIN: return KERNEL_JOIN;
    case KIND_PUT: return KERNEL_PUT;
    case KIND_WINDOW: return KERNEL_WINDOW;
    case KIND_RANDOM: return KERNEL_RANDOM;
    case KIND_REGION: return KERNEL_SCAN;
    default: return KERNEL_ROWS;
    }
}

/* Whether k is a contraction or window that takes the node into its epilogue. */
static bool takes(const EntryPlan *entry, const Kernel *k, const Node *node)
{
    const Nodes *takers = &entry->takers[node->id];
    for (int i = 0; i < takers->count; i++)
        if (takers->at[i] == k->anchor) return true;
    return false;
}

bool kernel_is_left_behind(const EntryPlan *entry, const Kernel *k, const Node *node)
{
    for (int i = k->nodes.at[k->nodes.count - 1]->id + 1; i < node->id; i++) {
        const Kernel *between = kernel_of(entry, entry->graph->nodes.at[i]);
        if (between && between != k && between->kind != KERNEL_ROWS) return true;
    }
    return false;
}

/* Where memory is short, the backward part computes nothing long before it is needed. */
static bool too_early(const EntryPlan *entry, const Kernel *k, const Node *node)
{
    return entry->plan->module->share > 0 && k->kind == KERNEL_ROWS && !entry->forward[node->id]
        && kernel_is_left_behind(entry, k, node);
}

static bool join(EntryPlan *entry, Kernel *k, Node *node)
{
    const bool reduces = op_row(node->op)->kind == KIND_REDUCE;
    const bool taken = node->op == OP_sum ? window_takes_sum(entry, k, node)
                                          : !reduces && takes(entry, k, node);
    if (k->kind != KERNEL_ROWS && !taken) return false;
    if (k->forward && !entry->forward[node->id]) return false;
    if (k->early != entry->early[node->id]) return false;
    if (too_early(entry, k, node)) return false;
    return reduces ? join_reduce(entry, k, node) : join_map(entry, k, node);
}

/* Whole inputs beside each other, which fill the result. */
static bool sets_side_by_side(const EntryPlan *entry, const Node *node)
{
    if (op_row(node->op)->kind != KIND_JOIN || node->input_count < 2) return false;
    const Join join = join_of(entry->arena, node);
    int64_t elements = 0;
    for (int i = 0; i < join.count; i++) {
        const JoinPiece *piece = &join.pieces[i];
        const Type type = node->inputs[piece->input]->type;
        for (int a = 0; a < type.rank; a++)
            if (piece->from[a] || piece->from_step[a] != 1 || piece->to_step[a] != 1
                || piece->extent[a] != type.dim[a])
                return false;
        if (piece->adds || piece->input != i) return false;
        elements += type_elements(type);
    }
    return join.count == node->input_count && elements == type_elements(node->type);
}

/* Whether the kernel of a piece takes the node in. */
static bool joins_pieces(EntryPlan *entry, Node *node)
{
    if (!sets_side_by_side(entry, node)) return false;
    for (int i = node->input_count - 1; i >= 0; i--) {
        Kernel *k = kernel_of(entry, view_root(node->inputs[i]));
        if (k && join_pieces(entry, k, node)) return true;
    }
    return false;
}

/* The kernel of an input to try next: the latest opened before `limit`. */
static Kernel *candidate(const EntryPlan *entry, const Node *node, int limit)
{
    Kernel *best = NULL;
    NodeList sources = {.count = 0};
    for (int i = 0; i < node->input_count; i++) inline_sources(entry, node->inputs[i], &sources);
    for (int i = 0; i < sources.count; i++) {
        Kernel *k = kernel_of(entry, sources.at[i]);
        if (k && k->step < limit && (!best || k->step > best->step)) best = k;
    }
    return best;
}

/* Contractions that take the node come first, the latest of them before the others. */
static bool join_any(EntryPlan *entry, Node *node)
{
    const Nodes *takers = &entry->takers[node->id];
    for (int i = takers->count - 1; i >= 0; i--) {
        Kernel *k = kernel_of(entry, takers->at[i]);
        if (k && join(entry, k, node)) return true;
    }
    int limit = entry->kernels.count;
    for (Kernel *k; (k = candidate(entry, node, limit)); limit = k->step)
        if (join(entry, k, node)) return true;
    return false;
}

static void place_fusible(EntryPlan *entry, Node *node)
{
    if (join_any(entry, node)) return;
    const bool reduces = op_row(node->op)->kind == KIND_REDUCE;
    Kernel *k =
        kernel_open(entry, KERNEL_ROWS, node, NULL, reduces ? node->inputs[0]->type : node->type);
    kernel_add(entry, k, node, identity, false);
    if (reduces && node->op != OP_sum) k->row_axes = reduced_axes(entry, node);
}

/* A map that feeds the epilogue of a contraction to come waits for that. */
static bool waits(const EntryPlan *entry, const Node *node)
{
    const Nodes *takers = &entry->takers[node->id];
    return takers->count && takers->at[takers->count - 1]->id > node->id;
}

static void place_anchor(EntryPlan *entry, Node *node, KernelKind kind)
{
    const Node *domain = kind == KERNEL_PUT ? node->inputs[2] : node;
    Kernel *k = kernel_open(entry, kind, node, node, domain->type);
    kernel_add(entry, k, node, identity, false);
    const Nodes *taken = &entry->epilogue[node->id];
    for (int i = 0; i < taken->count && taken->at[i]->id < node->id; i++)
        if (!kernel_of(entry, taken->at[i]))
            place_fusible(entry, entry->graph->nodes.at[taken->at[i]->id]);
}

static void place(EntryPlan *entry, Node *node)
{
    const OpKind kind = op_row(node->op)->kind;
    if (kind == KIND_LEAF || view_is_free(node) || entry->member[node->id].inlined
        || waits(entry, node))
        return;
    if (kind == KIND_MAP || kind == KIND_REDUCE) place_fusible(entry, node);
    else if (kind == KIND_REGION && !node->body)
        kernel_add(entry, kernel_of(entry, node->inputs[0]), node, identity, false);
    else if (!joins_pieces(entry, node)) place_anchor(entry, node, anchor_kind(kind));
}

static void number_members(EntryPlan *entry)
{
    for (int i = 0; i < entry->kernels.count; i++) {
        const Kernel *k = entry->kernels.at[i];
        for (int j = 0; j < k->nodes.count; j++) entry->member[k->nodes.at[j]->id].place = j;
    }
}

void fuse_entry(EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    entry->member = arena_array(entry->arena, Member, graph->nodes.count + 1);
    entry->forward = arena_array(entry->arena, bool, graph->nodes.count + 1);
    graph_mark_forward(graph, entry->forward);
    entry->early = arena_array(entry->arena, bool, graph->nodes.count + 1);
    if (!entry->outer && graph_is_prepared(graph)) graph_mark_early(graph, entry->early);
    inline_cheap_maps(entry);
    find_readers(entry);
    choose_epilogues(entry);
    for (int i = 0; i < graph->nodes.count; i++) place(entry, graph->nodes.at[i]);
    merge_kernels(entry);
    moments_move(entry);
    onto_find(entry);
    order_kernels(entry);
    number_members(entry);
}
