/* Windows in the plan: which values keep their channels last, and how a window's kernel reads its operands.
 *
 * A window's lanes are channels, so all values of [rows, channels, ...] around windows are stored with the channels
 * contiguous, and what is computed from them element by element likewise: nothing is repacked between layers. The caller's
 * inputs and outputs keep their order. */
#include "kernel/kernel.h"
#include "ops/window.h"

Window window_in(const EntryPlan *entry, const Node *node)
{
    Window w;
    window_of(entry->arena, node, &w);
    return w;
}

bool window_gathers(const EntryPlan *entry, const Node *node)
{
    const Window w = window_in(entry, node);
    return w.result != ROLE_WEIGHT && !(w.result == ROLE_IN && w.input[0] == ROLE_IN);
}

/* ---- channels last ---- */

static bool computed(const Node *node) { return op_row(node->op)->kind != KIND_LEAF && !view_is_free(node); }

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

/* A value computed element by element has the order of what it is computed from, and the other way round. */
static bool mark_around(EntryPlan *entry, const Node *node)
{
    bool changed = false;
    for (int i = 0; i < node->input_count; i++) {
        const Node *in = node->inputs[i], *root = view_root(in);
        const bool here = root == in || in->op == OP_broadcast;
        if (!here || root->type.rank != node->type.rank) continue;
        if (entry->channels_last[root->id]) changed |= mark(entry, node);
        if (entry->channels_last[node->id] && type_same_shape(root->type, node->type)) changed |= mark(entry, root);
    }
    return changed;
}

static void mark_window(EntryPlan *entry, const Node *node)
{
    const Window w = window_in(entry, node);
    if (w.result != ROLE_WEIGHT) mark(entry, node);
    for (int i = 0; i < node->input_count; i++)
        if (w.input[i] != ROLE_WEIGHT && view_root(node->inputs[i]) == node->inputs[i]) mark(entry, node->inputs[i]);
}

void mark_channels_last(EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    bool changed = true;
    entry->channels_last = arena_array(entry->arena, bool, graph->nodes.count + 1);
    for (int i = 0; i < graph->nodes.count; i++)
        if (op_row(graph->nodes.at[i]->op)->kind == KIND_WINDOW) mark_window(entry, graph->nodes.at[i]);
    while (changed) {
        changed = false;
        for (int i = 0; i < graph->nodes.count; i++)
            if (is_elementwise(graph->nodes.at[i])) changed |= mark_around(entry, graph->nodes.at[i]);
    }
}

/* Rows, then what the window moves along, then channels; of weights the taps, then the channels, `last` innermost. */
static void channel_order(Type type, int last, bool weight, int *order)
{
    int n = 0;
    if (!weight) order[n++] = 0;
    for (int i = 2; i < type.rank; i++) order[n++] = i;
    if (weight) order[n++] = 1 - last;
    order[n] = last;
}

void layout_channels_last(Type type, Value *value)
{
    int order[MAX_RANK];
    channel_order(type, 1, false, order);
    layout_dense(type, order, 0, value);
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

static void copy_operand(EntryPlan *entry, Kernel *k, int operand, const Value *in_order)
{
    const Node *in = k->anchor->inputs[operand];
    View *view = &k->contracted[operand];
    Value *copy = plan_value(entry, in, AT_WORK, -1, arena_printf(entry->arena, "%s_transposed", view->value->name));
    copy->elements = in_order->elements;
    for (int i = 0; i < MAX_RANK; i++) copy->stride[i] = in_order->stride[i];
    plan_copy(entry, k, in, copy);
    *view = (View){.value = copy};
    for (int i = 0; i < in->type.rank; i++) view->stride[i] = copy->stride[i];
}

static bool contiguous(const View *view, Type type, int axis) { return type.dim[axis] == 1 || view->stride[axis] == 1; }

enum { STRIDED_CHANNELS = 4 };       /* so many channels may lie apart, as a caller's picture has them */

/* Reads channels as vectors, or so many of them that they should lie together. */
static bool wants_channels_last(const Window *w, int operand, Type type)
{
    const bool channelwise = w->groups == w->in_channels && w->groups == w->out_channels;
    const bool gradient = w->result == ROLE_WEIGHT && w->input[operand] == ROLE_OUT;
    return channelwise || gradient || type.dim[1] > STRIDED_CHANNELS;
}

static void layout_operand(EntryPlan *entry, Kernel *k, const Window *w, int operand)
{
    Value order = {0};
    const Type type = k->anchor->inputs[operand]->type;
    View *view = &k->contracted[operand];
    plan_operand(entry, k, k->anchor->inputs[operand], view);
    if (w->input[operand] == ROLE_WEIGHT) {
        const int lanes = window_weight_lanes(w);
        if (contiguous(view, type, lanes)) return;
        layout_weight(type, lanes, &order);
    } else {
        if (!wants_channels_last(w, operand, type) || contiguous(view, type, 1)) return;
        layout_channels_last(type, &order);
    }
    copy_operand(entry, k, operand, &order);
}

/* ---- lanes ---- */

static int64_t stride_along(const int64_t *stride, const int *label, Type type, int axis)
{
    int64_t s = 0;
    for (int i = 0; i < type.rank; i++)
        if (label[i] == axis && type.dim[i] != 1) s += stride[i];
    return s;
}

/* Along `axis` every result is contiguous, and whatever the epilogue reads is contiguous or the same. */
static bool lanes_fit(const EntryPlan *entry, const Kernel *k, int axis)
{
    if (k->domain.dim[axis] == 1) return true;
    for (int i = 0; i < k->results.count; i++) {
        const Node *node = k->results.at[i]->node;
        if (stride_along(k->results.at[i]->stride, entry->member[node->id].label, node->type, axis) != 1) return false;
    }
    for (int i = 0; i < k->nodes.count; i++) {
        const Node *node = k->nodes.at[i];
        for (int j = 0; node != k->anchor && j < node->input_count; j++) {
            View view;
            if (!plan_operand(entry, k, node->inputs[j], &view)) continue;
            const int64_t s = stride_along(view.stride, entry->member[node->id].label, node->inputs[j]->type, axis);
            if (s != 0 && s != 1) return false;
        }
    }
    return true;
}

void layout_window(EntryPlan *entry, Kernel *k)
{
    const Window w = window_in(entry, k->anchor);
    const int axis = w.result == ROLE_WEIGHT ? 0 : 1;
    for (int i = 0; i < k->anchor->input_count; i++) layout_operand(entry, k, &w, i);
    k->lane_axis = lanes_fit(entry, k, axis) ? axis : -1;
}
