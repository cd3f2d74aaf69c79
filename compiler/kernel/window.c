/* Windows in the plan: which values keep their channels last, and how a window's kernel reads its
 * operands.
 *
 * A window's lanes are channels, so all values of [rows, channels, ...] around windows are stored
 * with the channels contiguous, and what is computed from them element by element likewise: nothing
 * is repacked between layers. The caller's inputs and outputs keep their order. */
#include "kernel/window.h"

#include "kernel/describe.h"

Window window_in(const EntryPlan *entry, const Node *node)
{
    Window w;
    window_of(entry->arena, node, &w);
    return w;
}

int64_t window_padded(int64_t channels)
{
    return (channels + LANE_PAD - 1) / LANE_PAD * LANE_PAD;
}

static bool places(const Window *w) { return w->result == ROLE_IN && w->input[0] == ROLE_IN; }

bool window_gathers(const EntryPlan *entry, const Node *node)
{
    const Window w = window_in(entry, node);
    if (places(&w)) return window_parts(&w) && window_covers(&w);
    return w.result != ROLE_WEIGHT;
}

static bool is_read(const Graph *graph, const Node *node)
{
    for (int i = node->id + 1; i < graph->nodes.count; i++)
        for (int j = 0; j < graph->nodes.at[i]->input_count; j++)
            if (!view_is_free(graph->nodes.at[i])
                && view_root(graph->nodes.at[i]->inputs[j]) == node)
                return true;
    return false;
}

bool window_takes_sum(const EntryPlan *entry, const Kernel *k, const Node *node)
{
    const Type type = node->inputs[0]->type;
    unsigned axes = 0;
    if (k->kind != KERNEL_WINDOW || !window_gathers(entry, k->anchor)
        || !type_same_shape(type, k->domain) || is_read(entry->graph, node))
        return false;
    const Window w = window_in(entry, k->anchor);
    for (int i = 0; i < node->attr[0].count; i++) axes |= 1u << node->attr[0].ints[i];
    return places(&w) && axes == (((1u << type.rank) - 1) & ~2u);
}

/* ---- channels last ---- */

static bool computed(const Node *node)
{
    return op_row(node->op)->kind != KIND_LEAF && !view_is_free(node);
}

static bool mark(EntryPlan *entry, const Node *node)
{
    if (node->type.rank < 3 || !computed(node) || entry->channels_last[node->id]) return false;
    return entry->channels_last[node->id] = true;
}

static bool is_elementwise(const Node *node)
{
    const OpKind kind = op_row(node->op)->kind;
    return kind == KIND_MAP || kind == KIND_JOIN;
}

/* A value computed element by element has the order of what it is computed from, and the other way
 * round. */
static bool mark_around(EntryPlan *entry, const Node *node)
{
    bool changed = false;
    for (int i = 0; i < node->input_count; i++) {
        const Node *in = node->inputs[i], *root = view_root(in);
        const bool here = root == in || in->op == OP_broadcast;
        if (!here || root->type.rank != node->type.rank) continue;
        if (entry->channels_last[root->id]) changed |= mark(entry, node);
        if (entry->channels_last[node->id] && type_same_shape(root->type, node->type))
            changed |= mark(entry, root);
    }
    return changed;
}

static void mark_window(EntryPlan *entry, const Node *node)
{
    const Window w = window_in(entry, node);
    if (w.result != ROLE_WEIGHT) mark(entry, node);
    for (int i = 0; i < node->input_count; i++)
        if (w.input[i] != ROLE_WEIGHT && view_root(node->inputs[i]) == node->inputs[i])
            mark(entry, node->inputs[i]);
}

static void widen_halo(EntryPlan *entry, const Node *node, int axis, int64_t before, int64_t after)
{
    Halo **halo = &entry->halo[node->id];
    if (!*halo) *halo = arena_make(entry->arena, Halo);
    if ((*halo)->before[axis] < before) (*halo)->before[axis] = before;
    if ((*halo)->after[axis] < after) (*halo)->after[axis] = after;
}

/* The entries of the source that a window's positions meet along an axis, as far as they lie before
 * and after it, and how many of its multiplications meet those. */
typedef struct Reach {
    int64_t before, after, wasted, all;
} Reach;

static void meet(Reach *b, int64_t entry, int64_t extent)
{
    b->all++;
    if (entry >= 0 && entry < extent) return;
    b->wasted++;
    if (-entry > b->before) b->before = -entry;
    if (entry - extent + 1 > b->after) b->after = entry - extent + 1;
}

static Reach reach_of(const Window *w, const WindowAxis *a)
{
    Reach b = {.all = 0};
    const bool adjoint = w->result == ROLE_IN;
    for (int64_t i = 0; i < (adjoint ? a->in : a->out); i++)
        for (int64_t tap = 0; tap < a->taps; tap++) {
            const int64_t at = i + a->before - tap * a->dilation;
            if (!adjoint) meet(&b, i * a->stride - a->before + tap * a->dilation, a->in);
            else if (at % a->stride == 0) meet(&b, at / a->stride, a->out);
        }
    return b;
}

enum { WASTE = 8 }; /* one in so many multiplications may be with zero */

/* Whether a direct convolution reads padding along its last axis as zeros from around its source:
 * all its tiles are of one kind then. Along the others it stops where the source does. */
static bool pads_lines(const EntryPlan *entry, const Window *w, Reach *b)
{
    const bool channelwise = w->groups == w->in_channels && w->groups == w->out_channels;
    if (w->result == ROLE_WEIGHT || w->input[1] != ROLE_WEIGHT || channelwise || w->axes > 2
        || entry->outer)
        return false;
    *b = reach_of(w, &w->axis[w->axes - 1]);
    return b->wasted && WASTE * b->wasted <= b->all;
}

/* The operand that is transformed with its border of zeros: what the window slides over, or the
 * gradient of its value. */
static void mark_halo(EntryPlan *entry, const Node *node)
{
    const Window w = window_in(entry, node);
    Reach lines;
    if (!window_is_winograd(entry, node)) {
        if (pads_lines(entry, &w, &lines))
            widen_halo(entry, node->inputs[0], 1 + w.axes, lines.before, lines.after);
        return;
    }
    for (int a = 0; a < w.axes; a++) {
        const WindowAxis *x = &w.axis[a];
        const int64_t behind = 2 - x->before - (x->in - x->out); /* padding after the last entry */
        const int64_t before = w.result == ROLE_IN ? 2 - x->before : x->before;
        const int64_t beyond = winograd_beyond(&w, a),
                      after = (w.result == ROLE_IN ? 2 - behind : behind) + beyond;
        widen_halo(entry, node->inputs[0], 2 + a, before, after);
        if (beyond) widen_halo(entry, node->inputs[1], 2 + a, 0, beyond);
    }
}

enum { MOST_GROUPS = 4, GROUP_ROWS = 8, GROUPS_BYTES = 1280 * 1024 };

int window_count_groups(const Window *w, int64_t bytes)
{
    int64_t groups = w->rows / GROUP_ROWS;
    if (groups * bytes > GROUPS_BYTES) groups = GROUPS_BYTES / bytes;
    return groups < 2           ? w->rows >= 2 * GROUP_ROWS ? 2 : 0
         : groups < MOST_GROUPS ? (int)groups
                                : MOST_GROUPS;
}

void window_add_groups(EntryPlan *entry, Kernel *k, int groups)
{
    const Value *result = k->results.at[0];
    const char *name = arena_printf(entry->arena, "%s_groups", result->name);
    Value *v = plan_value(entry, k->anchor, AT_WORK, -1, name);
    v->elements = result->elements;
    v->scratch = true;
    v->pieces = groups;
    vec_push(entry->arena, k->scratch, v);
}

/* The gradient by the weights without a transform. One that would fill the cache is shared out by
 * its own elements. */
static void plan_groups(EntryPlan *entry, Kernel *k, const Window *w)
{
    const Value *result = k->results.at[0];
    const int64_t bytes = 4 * result->elements;
    const int groups = window_count_groups(w, bytes);
    const bool near = groups * bytes <= GROUPS_BYTES;
    if (groups && near && !result->whole) window_add_groups(entry, k, groups);
}

void mark_channels_last(EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    bool changed = true;
    entry->channels_last = arena_array(entry->arena, bool, graph->nodes.count + 1);
    entry->halo = arena_array(entry->arena, Halo *, graph->nodes.count + 1);
    entry->planes_of = arena_array(entry->arena, Value *, graph->nodes.count + 1);
    for (int i = 0; i < graph->nodes.count; i++) {
        if (op_row(graph->nodes.at[i]->op)->kind != KIND_WINDOW) continue;
        mark_window(entry, graph->nodes.at[i]);
        mark_halo(entry, graph->nodes.at[i]);
    }
    while (changed) {
        changed = false;
        for (int i = 0; i < graph->nodes.count; i++)
            if (is_elementwise(graph->nodes.at[i]))
                changed |= mark_around(entry, graph->nodes.at[i]);
    }
}

/* ---- layouts ---- */

/* Rows, then what the window moves along, then channels; of weights the taps, then the channels,
 * `last` innermost. */
static void channel_order(Type type, int last, bool weight, int *order)
{
    int n = 0;
    if (!weight) order[n++] = 0;
    for (int i = 2; i < type.rank; i++) order[n++] = i;
    if (weight) order[n++] = 1 - last;
    order[n] = last;
}

/* Axes in that order (NULL: as they are). Channels that fill a multiple of PARAM_APART get a vector
 * more: of 1,024 channels the positions of a tile would share one cache set. */
static void layout_in_halo(Type type, const int *order, const Halo *halo, Value *value)
{
    Type whole = type;
    for (int i = 0; halo && i < type.rank; i++) whole.dim[i] += halo->before[i] + halo->after[i];
    const int64_t row = whole.dim[order ? order[type.rank - 1] : type.rank - 1];
    layout_dense(whole, order, row * 4 % PARAM_APART ? 0 : PARAM_APART, value);
    value->halo = halo;
    for (int i = 0; halo && i < type.rank; i++) value->origin += halo->before[i] * value->stride[i];
}

void layout_channels_last(Type type, const Halo *halo, Value *value)
{
    int order[MAX_RANK];
    channel_order(type, 1, false, order);
    layout_in_halo(type, order, halo, value);
}

void layout_weight(Type type, int last, Value *value)
{
    int order[MAX_RANK];
    channel_order(type, last, true, order);
    layout_dense(type, order, PARAM_APART, value);
}

/* ---- operands ---- */

/* The axis of the weights that runs along the lanes: their channels on the side of the result. */
int window_weight_lanes(const Window *w)
{
    const bool channelwise = w->groups == w->in_channels && w->groups == w->out_channels;
    return w->result == ROLE_IN && !channelwise ? 1 : 0;
}

/* `in` stored with `last` contiguous, for weights: every call of the entry makes its own copy. */
static void copy_weight(EntryPlan *entry, Kernel *k, int operand, int last)
{
    const Node *in = k->anchor->inputs[operand];
    const char *name =
        arena_printf(entry->arena, "%s_transposed", describe_node_name(entry, view_root(in)));
    Value *copy = plan_value(entry, in, AT_WORK, -1, name);
    layout_weight(in->type, last, copy);
    plan_copy(entry, k, in, copy);
    view_strides(in, copy, &k->contracted[operand]);
}

/* The operand with the halo that all windows want around it, copied once: with channels last, or as
 * it is where a few channels may lie apart. */
static void copy_planes(EntryPlan *entry, Kernel *k, int operand, bool channels_last)
{
    const Node *in = k->anchor->inputs[operand];
    Value **copy = &entry->planes_of[in->id];
    if (!*copy || (channels_last && (*copy)->stride[1] != 1)) {
        const char *name =
            arena_printf(entry->arena, "%s_planes", describe_node_name(entry, view_root(in)));
        *copy = plan_value(entry, in, AT_WORK, -1, name);
        if (channels_last) layout_channels_last(in->type, entry->halo[in->id], *copy);
        else layout_in_halo(in->type, NULL, entry->halo[in->id], *copy);
        plan_copy(entry, k, in, *copy);
    }
    view_strides(in, *copy, &k->contracted[operand]);
}

static bool contiguous(const View *view, Type type, int axis)
{
    return type.dim[axis] == 1 || view->stride[axis] == 1;
}

enum { STRIDED_CHANNELS = 4 }; /* so many channels may lie apart, as a caller's picture has them */

/* Reads channels as vectors, or so many of them that they should lie together. */
static bool wants_channels_last(const Window *w, int operand, Type type)
{
    const bool channelwise = w->groups == w->in_channels && w->groups == w->out_channels;
    const bool gradient = w->result == ROLE_WEIGHT && w->input[operand] == ROLE_OUT;
    return channelwise || gradient || type.dim[1] > STRIDED_CHANNELS;
}

/* Padding is read as zeros from around the value itself: by Winograd's transform, and along the
 * last axis by direct convolutions. */
static bool lacks_halo(const EntryPlan *entry, const Kernel *k, const Window *w, int operand,
                       const View *view)
{
    Reach lines;
    const bool beyond = winograd_beyond(w, 0) || winograd_beyond(w, 1);
    const bool reads = operand == 0 ? k->winograd || pads_lines(entry, w, &lines)
                                    : k->winograd && beyond;
    return reads && (view->value->node != k->anchor->inputs[operand] || !view->value->halo);
}

static void layout_operand(EntryPlan *entry, Kernel *k, const Window *w, int operand)
{
    const Node *in = k->anchor->inputs[operand];
    View *view = &k->contracted[operand];
    const bool stored = plan_operand(entry, k, in, view);
    if (w->input[operand] == ROLE_WEIGHT) {
        const int lanes = window_weight_lanes(w);
        if (!stored || !contiguous(view, in->type, lanes)) copy_weight(entry, k, operand, lanes);
        return;
    }
    const bool channels_last = wants_channels_last(w, operand, in->type);
    if (!stored || lacks_halo(entry, k, w, operand, view)
        || (channels_last && !contiguous(view, in->type, 1)))
        copy_planes(entry, k, operand, channels_last || !entry->halo[in->id]);
}

static Value *add_rows(EntryPlan *entry, Kernel *k, const char *name, int64_t each)
{
    Value *v = plan_value(entry, k->anchor, AT_WORK, -1, name);
    v->elements = k->domain.dim[0] * each;
    v->scratch = true;
    vec_push(entry->arena, k->scratch, v);
    return v;
}

static void plan_sums(EntryPlan *entry, Kernel *k, const Window *w)
{
    const int64_t channels = window_padded(k->domain.dim[1]);
    for (int i = 0; i < k->results.count; i++) {
        const Node *sum = k->results.at[i]->node;
        if (op_row(sum->op)->kind != KIND_REDUCE) continue;
        const Node *of = places(w) ? sum : sum->inputs[0];
        const char *name = describe_node_name(entry, of);
        if (places(w)) add_rows(entry, k, arena_printf(entry->arena, "%s_rows", name), channels);
        else if (!k->moments)
            k->moments = add_rows(entry, k, arena_printf(entry->arena, "%s_moments", name),
                                  2 * channels);
    }
}

/* Behind what is stored come the reductions. */
static void put_reductions_last(EntryPlan *entry, Kernel *k)
{
    Values reductions = {0};
    int kept = 0;
    for (int i = 0; i < k->results.count; i++) {
        Value *v = k->results.at[i];
        if (op_row(v->node->op)->kind == KIND_REDUCE) vec_push(entry->arena, reductions, v);
        else k->results.at[kept++] = v;
    }
    for (int i = 0; i < reductions.count; i++) k->results.at[kept++] = reductions.at[i];
}

void layout_window(EntryPlan *entry, Kernel *k)
{
    const Window w = window_in(entry, k->anchor);
    const int axis = w.result == ROLE_WEIGHT ? 0 : 1;
    put_reductions_last(entry, k);
    if (window_is_winograd(entry, k->anchor)) winograd_plan(entry, k, &w);
    else if (w.result == ROLE_WEIGHT && entry->plan->threads) plan_groups(entry, k, &w);
    for (int i = 0; i < k->anchor->input_count; i++) layout_operand(entry, k, &w, i);
    plan_sums(entry, k, &w);
    k->lane_axis = k->domain.dim[axis] == 1 || kernel_lanes_fit(entry, k, axis) ? axis : -1;
    if (k->winograd) winograd_plan_early(entry, k, &w);
}
