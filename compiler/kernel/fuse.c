/* Fusion: which nodes share a loop nest.
 *
 * Nodes are taken in order. An elementwise operation or a reduction joins the kernel of one of its inputs where the rules allow,
 * else it opens a kernel of its own; contractions and the like always open one. The rules:
 *
 *   - all members of a kernel run over one domain; every axis of a member is an axis of it;
 *   - in a kernel of rows, reductions that are consumed inside all run over the same axes (the row);
 *   - a reduction over other axes may leave the kernel as an accumulator; inside, only scalar arithmetic that runs after the
 *     loops may read it;
 *   - the epilogue of a contraction takes elementwise operations of the full shape of its result;
 *   - no kernel may come to depend on itself through another.
 *
 * Afterwards kernels of rows that read the same data over the same domain are joined. */
#include <string.h>

#include "kernel/kernel.h"

typedef struct Fuser {
    EntryPlan *entry;
    Arena *arena;
    int *seen;                       /* by kernel->step: stamp of the last walk that came by */
    int stamp;
} Fuser;

static Kernel *kernel_of(const EntryPlan *entry, const Node *node) {
    return entry->member[node->id].kernel;
}

/* ---- dependence ---- */

static bool needs(Fuser *f, const Kernel *from, const Kernel *on) {
    if (from == on) return true;
    if (f->seen[from->step] == f->stamp) return false;
    f->seen[from->step] = f->stamp;
    for (int i = 0; i < from->nodes.count; i++) {
        const Node *node = from->nodes.at[i];
        for (int j = 0; j < node->input_count; j++) {
            const Kernel *before = kernel_of(f->entry, view_root(node->inputs[j]));
            if (before && before != from && needs(f, before, on)) return true;
        }
    }
    return false;
}

/* True if running `from` requires that `on` has run (or is it). */
static bool kernel_needs(Fuser *f, const Kernel *from, const Kernel *on) {
    f->stamp++;
    return needs(f, from, on);
}

/* A node may join k only if none of its inputs from elsewhere waits for k. */
static bool inputs_precede(Fuser *f, const Kernel *k, const Node *node) {
    for (int i = 0; i < node->input_count; i++) {
        const Kernel *other = kernel_of(f->entry, view_root(node->inputs[i]));
        if (other && other != k && kernel_needs(f, other, k)) return false;
    }
    return true;
}

/* ---- kernels ---- */

static Kernel *kernel_open(Fuser *f, KernelKind kind, Node *anchor, Type domain) {
    Kernel *k = arena_make(f->arena, Kernel);
    k->kind = kind;
    k->anchor = anchor;
    k->domain = domain;
    k->step = f->entry->kernels.count;
    vec_push(f->arena, f->entry->kernels, k);
    return k;
}

static void kernel_add(Fuser *f, Kernel *k, Node *node, const int *label, bool after_loops) {
    Member *m = &f->entry->member[node->id];
    m->kernel = k;
    m->after_loops = after_loops;
    for (int i = 0; i < MAX_RANK; i++) m->label[i] = i < node->type.rank ? label[i] : -1;
    vec_push(f->arena, k->nodes, node);
}

static const int identity[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};

/* ---- labels ---- */

/* The labels that input `in`, a member of k seen through views, gives to the axes of its consumer. False on a view or a
 * conflict that the shared domain cannot express. */
static bool labels_from(const Fuser *f, const Kernel *k, const Node *in, int label[MAX_RANK]) {
    int axis_of[MAX_RANK];
    const Node *root = view_root(in);
    const Member *m = &f->entry->member[root->id];
    if (!view_labels(in, axis_of)) return false;
    for (int i = 0; i < in->type.rank; i++) {
        const int l = axis_of[i] < 0 ? -1 : m->label[axis_of[i]];
        if (l < 0) continue;
        if (label[i] >= 0 && label[i] != l) return false;
        if (in->type.dim[i] != 1 && in->type.dim[i] != k->domain.dim[l]) return false;
        label[i] = l;
    }
    return true;
}

static bool same_axis(Type a, int i, Type b, int j) {
    return a.dim[i] == b.dim[j] && (a.batch_axis == i) == (b.batch_axis == j);
}

/* Axes that no fellow member labels (a row value or a vector repeated over them) take a free axis of the domain of the same
 * extent: the one at the same place if it fits, else the first. */
static bool labels_complete(const Kernel *k, Type type, int label[MAX_RANK]) {
    unsigned used = 0;
    for (int i = 0; i < type.rank; i++)
        if (label[i] >= 0) used |= 1u << label[i];
    for (int i = 0; i < type.rank; i++) {
        if (label[i] >= 0 || type.dim[i] == 1) continue;
        const int here = i + k->domain.rank - type.rank;
        if (here >= 0 && !(used >> here & 1) && same_axis(type, i, k->domain, here)) label[i] = here;
        for (int d = 0; label[i] < 0 && d < k->domain.rank; d++)
            if (!(used >> d & 1) && same_axis(type, i, k->domain, d)) label[i] = d;
        if (label[i] < 0) return false;
        used |= 1u << label[i];
    }
    return true;
}

/* A kernel whose members all have extent 1 along an axis may widen to a consumer that repeats them along it. */
static void domain_widen(Kernel *k, Type type) {
    if (k->kind != KERNEL_ROWS || k->domain.rank != type.rank) return;
    for (int i = 0; i < type.rank; i++)
        if (k->domain.dim[i] != 1 && k->domain.dim[i] != type.dim[i]) return;
    k->domain = type;
}

/* ---- the rule of rows ---- */

static unsigned reduced_axes(const Fuser *f, const Node *node) {
    unsigned axes = 0;
    const Member *m = &f->entry->member[node->id];
    for (int i = 0; i < node->attr[0].count; i++) {
        const int64_t axis = node->attr[0].ints[i];
        if (node->inputs[0]->type.dim[axis] != 1) axes |= 1u << m->label[axis];
    }
    return axes;
}

static bool is_scalar(Type type) { return type_elements(type) == 1; }

/* May `node`, of k, read fellow member `root`? Sets *row to the row axes that this fixes, and *after if it runs after the loops. */
static bool may_read(const Fuser *f, const Kernel *k, const Node *node, const Node *root, unsigned *row, bool *after) {
    if (f->entry->member[root->id].after_loops) {
        *after = true;
        return is_scalar(node->type);
    }
    if (op_row(root->op)->kind != KIND_REDUCE) return true;
    const unsigned axes = reduced_axes(f, root);
    if (!axes || axes == *row) return true;
    if (is_scalar(node->type) && root->op == OP_sum) {
        *after = true;
        return true;
    }
    if (*row || k->kind != KERNEL_ROWS) return false;
    *row = axes;
    return true;
}

/* Scalar arithmetic after the loops must not mix with values of the loops. */
static bool may_run_after(const Fuser *f, const Kernel *k, const Node *node) {
    for (int i = 0; i < node->input_count; i++) {
        const Node *root = view_root(node->inputs[i]);
        if (kernel_of(f->entry, root) != k || f->entry->member[root->id].after_loops) continue;
        if (op_row(root->op)->kind != KIND_REDUCE || root->op != OP_sum) return false;
    }
    return true;
}

static bool join_map(Fuser *f, Kernel *k, Node *node) {
    const Type before = k->domain;
    int label[MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
    unsigned row = k->row_axes;
    bool after = false;
    if (!is_scalar(node->type)) domain_widen(k, node->type);
    bool legal = inputs_precede(f, k, node);
    for (int i = 0; legal && i < node->input_count; i++) {
        const Node *root = view_root(node->inputs[i]);
        if (kernel_of(f->entry, root) != k) continue;
        legal = labels_from(f, k, node->inputs[i], label) && may_read(f, k, node, root, &row, &after);
    }
    if (legal && after) legal = may_run_after(f, k, node);
    if (legal && !after) legal = labels_complete(k, node->type, label);
    if (legal && k->kind == KERNEL_CONTRACT)
        legal = !after && type_elements(node->type) == type_elements(k->domain);
    if (!legal) {
        k->domain = before;
        return false;
    }
    k->row_axes = row;
    kernel_add(f, k, node, label, after);
    return true;
}

static bool join_reduce(Fuser *f, Kernel *k, Node *node) {
    const Node *in = node->inputs[0];
    const Member *m = &f->entry->member[view_root(in)->id];
    int label[MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
    unsigned row = k->row_axes;
    bool after = false;
    if (k->kind != KERNEL_ROWS || m->kernel != k || !labels_from(f, k, in, label)) return false;
    if (!labels_complete(k, in->type, label)) return false;
    if (!may_read(f, k, in, view_root(in), &row, &after) || after) return false;
    unsigned axes = 0;
    for (int i = 0; i < node->attr[0].count; i++)
        if (in->type.dim[node->attr[0].ints[i]] != 1) axes |= 1u << label[node->attr[0].ints[i]];
    if (node->op != OP_sum) {
        if (row && row != axes) return false;
        row = axes;
    }
    k->row_axes = row;
    kernel_add(f, k, node, label, false);
    return true;
}

/* ---- the walk ---- */

static KernelKind anchor_kind(OpKind kind) {
    switch (kind) {
    case KIND_CONTRACT: return KERNEL_CONTRACT;
    case KIND_GATHER: return KERNEL_GATHER;
    case KIND_SCATTER: return KERNEL_SCATTER;
    case KIND_JOIN: return KERNEL_JOIN;
    default: return KERNEL_ROWS;
    }
}

static bool join(Fuser *f, Kernel *k, Node *node) {
    if (k->kind != KERNEL_ROWS && k->kind != KERNEL_CONTRACT) return false;
    return op_row(node->op)->kind == KIND_REDUCE ? join_reduce(f, k, node) : join_map(f, k, node);
}

/* The kernel of an input to try next: the latest opened before `limit`. */
static Kernel *candidate(const Fuser *f, const Node *node, int limit) {
    Kernel *best = NULL;
    for (int i = 0; i < node->input_count; i++) {
        Kernel *k = kernel_of(f->entry, view_root(node->inputs[i]));
        if (k && k->step < limit && (!best || k->step > best->step)) best = k;
    }
    return best;
}

static void place_fusible(Fuser *f, Node *node) {
    int limit = f->entry->kernels.count;
    for (Kernel *k; (k = candidate(f, node, limit)); limit = k->step)
        if (join(f, k, node)) return;
    const bool reduces = op_row(node->op)->kind == KIND_REDUCE;
    Kernel *k = kernel_open(f, KERNEL_ROWS, NULL, reduces ? node->inputs[0]->type : node->type);
    kernel_add(f, k, node, identity, false);
    if (reduces && node->op != OP_sum) k->row_axes = reduced_axes(f, node);
}

static void place(Fuser *f, Node *node) {
    const OpKind kind = op_row(node->op)->kind;
    if (kind == KIND_LEAF || view_is_free(node)) return;
    if (kind == KIND_MAP || kind == KIND_REDUCE || kind == KIND_RANDOM) {
        place_fusible(f, node);
        return;
    }
    kernel_add(f, kernel_open(f, anchor_kind(kind), node, node->type), node, identity, false);
}

/* ---- joining neighbours ---- */

static bool share_operand(const EntryPlan *entry, const Kernel *a, const Kernel *b) {
    for (int i = 0; i < a->nodes.count; i++)
        for (int j = 0; j < a->nodes.at[i]->input_count; j++) {
            const Node *root = view_root(a->nodes.at[i]->inputs[j]);
            if (is_scalar(root->type) || kernel_of(entry, root) == a) continue;
            for (int m = 0; m < b->nodes.count; m++)
                for (int n = 0; n < b->nodes.at[m]->input_count; n++)
                    if (view_root(b->nodes.at[m]->inputs[n]) == root) return true;
        }
    return false;
}

static bool may_merge(Fuser *f, Kernel *a, Kernel *b) {
    if (a->kind != KERNEL_ROWS || b->kind != KERNEL_ROWS) return false;
    if (!a->nodes.count || !b->nodes.count || !type_same_shape(a->domain, b->domain)) return false;
    if (a->domain.batch_axis != b->domain.batch_axis || is_scalar(a->domain)) return false;
    if (a->row_axes && b->row_axes && a->row_axes != b->row_axes) return false;
    return share_operand(f->entry, a, b) && !kernel_needs(f, a, b) && !kernel_needs(f, b, a);
}

static void merge(Fuser *f, Kernel *a, Kernel *b) {
    for (int i = 0; i < b->nodes.count; i++) {
        f->entry->member[b->nodes.at[i]->id].kernel = a;
        vec_push(f->arena, a->nodes, b->nodes.at[i]);
    }
    b->nodes.count = 0;
    a->row_axes |= b->row_axes;
    /* members stay in topological order: node ids are */
    for (int i = 1; i < a->nodes.count; i++)
        for (int j = i; j > 0 && a->nodes.at[j - 1]->id > a->nodes.at[j]->id; j--) {
            Node *t = a->nodes.at[j];
            a->nodes.at[j] = a->nodes.at[j - 1];
            a->nodes.at[j - 1] = t;
        }
}

static void merge_neighbours(Fuser *f) {
    for (int i = 0; i < f->entry->kernels.count; i++)
        for (int j = i + 1; j < f->entry->kernels.count; j++)
            if (may_merge(f, f->entry->kernels.at[i], f->entry->kernels.at[j]))
                merge(f, f->entry->kernels.at[i], f->entry->kernels.at[j]);
}

/* ---- order ---- */

static void schedule(Fuser *f, Kernel *k, Kernel **order, int *count) {
    if (f->seen[k->step] == f->stamp) return;
    f->seen[k->step] = f->stamp;
    for (int i = 0; i < k->nodes.count; i++) {
        const Node *node = k->nodes.at[i];
        for (int j = 0; j < node->input_count; j++) {
            Kernel *before = kernel_of(f->entry, view_root(node->inputs[j]));
            if (before && before != k) schedule(f, before, order, count);
        }
    }
    order[(*count)++] = k;
}

static void order_kernels(Fuser *f) {
    EntryPlan *entry = f->entry;
    Kernel **order = arena_array(f->arena, Kernel *, entry->kernels.count + 1);
    int count = 0;
    f->stamp++;
    for (int i = 0; i < entry->kernels.count; i++)
        if (entry->kernels.at[i]->nodes.count) schedule(f, entry->kernels.at[i], order, &count);
    for (int i = 0; i < count; i++) order[i]->step = i;
    memcpy(entry->kernels.at, order, sizeof *order * (size_t)count);
    entry->kernels.count = count;
}

void fuse_entry(EntryPlan *entry) {
    const Graph *graph = entry->graph;
    Fuser f = {.entry = entry, .arena = entry->arena};
    entry->member = arena_array(f.arena, Member, graph->nodes.count + 1);
    f.seen = arena_array(f.arena, int, graph->nodes.count + 1);
    for (int i = 0; i < graph->nodes.count; i++) place(&f, graph->nodes.at[i]);
    merge_neighbours(&f);
    order_kernels(&f);
}
