/* The body of a scan over chunks: what makes the chunks of its sequences, the scan of a chunk, and
 * what adds up its yields; and the graph with it in place of the scan over all steps. */
#include <assert.h>

#include "ops/build.h"
#include "ops/chunk.h"

/* ---- the body ---- */

static Type chunk_type(const Chunk *c, Type type, int axis)
{
    type.dim[axis] = c->length;
    return type;
}

static Node *take(Chunk *c, Role role, Node *given, Type type)
{
    Attr attr = attr_text(given->name ? given->name : "");
    Origin origin = {given->name, given->layer, given->span};
    Node *input = graph_leaf(c->body, OP_input, type, &attr, -1, origin);
    vec_push(c->graph->arena, c->given[role], given);
    vec_push(c->graph->arena, c->taken[role], input);
    return input;
}

static Node *capture(Chunk *c, Node *node)
{
    for (int i = 0; i < c->given[CAPTURE].count; i++)
        if (c->given[CAPTURE].at[i] == node) return c->taken[CAPTURE].at[i];
    return take(c, CAPTURE, node, node->type);
}

/* A node with its steps cut into chunks along one axis and the next. */
static Node *cut(Chunk *c, Node *node, int axis)
{
    Type type = type_add_axis(node->type, axis, c->parts.length / c->length);
    type.dim[axis + 1] = c->length;
    if (node->op == OP_reshape && type_equal(node->inputs[0]->type, type)) return node->inputs[0];
    return build_reshape(c->graph, node, type);
}

static Node *sequence(Chunk *c, Node *node, int axis)
{
    for (int i = 0; i < c->whole.count && i < MAX_ATTR_INTS; i++)
        if (c->whole.at[i] == node && c->axes[i] == axis) return c->taken[SEQUENCE].at[i];
    if (c->whole.count < MAX_ATTR_INTS) c->axes[c->whole.count] = axis;
    vec_push(c->graph->arena, c->whole, node);
    Node *input = take(c, SEQUENCE, cut(c, node, axis), chunk_type(c, node->type, axis));
    input->name = node->name;
    return input;
}

static Node *result(Chunk *c, int index)
{
    while (c->results.count < c->inner->body->outputs.count) {
        Node *made = build_result(c->body, c->inner, c->results.count);
        if (c->results.count < c->parts.carries)
            made->name = c->inner->body->outputs.at[c->results.count].name;
        vec_push(c->graph->arena, c->results, made);
    }
    return c->results.at[index];
}

static Node *chunk_of(Chunk *c, Node *node, int axis);

static Node *view_of_chunk(Chunk *c, Node *view, int axis)
{
    const int behind = chunk_axis_behind(view, axis);
    Node *in = behind < 0 ? capture(c, view->inputs[0]) : chunk_of(c, view->inputs[0], behind);
    const Type type = chunk_type(c, view->type, axis);
    switch (view->op) {
    case OP_permute: return build_permute(c->body, in, view->attr[0].ints);
    case OP_broadcast: return build_broadcast(c->body, in, type);
    default: return build_reshape(c->body, in, type);
    }
}

/* A map or product of chunks. `label`: of the steps in a product. */
static Node *copy_of(Chunk *c, const Node *node, int axis, int64_t label)
{
    Node *inputs[3];
    const char *error;
    const bool product = op_row(node->op)->kind == KIND_CONTRACT;
    assert(node->input_count <= 3);
    for (int i = 0; i < node->input_count; i++) {
        const int at = product ? attr_find(&node->attr[i], label) : axis;
        inputs[i] = at < 0 ? capture(c, node->inputs[i]) : chunk_of(c, node->inputs[i], at);
    }
    const Origin origin = {node->name, node->layer, node->span};
    Node *copy =
        graph_append(c->body, node->op, inputs, node->input_count, node->attr, origin, &error);
    assert(copy && "a chunk is as legal as the whole");
    return copy;
}

static Node *chunk_of(Chunk *c, Node *node, int axis)
{
    if (!chunk_is_made(c, node, axis)) return sequence(c, node, axis);
    if (chunk_is_view(node)) return view_of_chunk(c, node, axis);
    if (node->op == OP_fill)
        return build_fill(c->body, chunk_type(c, node->type, axis), node->attr[0].number);
    if (is_result_of(node, c->scan)) return result(c, (int)node->attr[0].ints[0]);
    const bool product = op_row(node->op)->kind == KIND_CONTRACT;
    return copy_of(c, node, axis, product ? node->attr[2].ints[axis] : -1);
}

static void add_inner(Chunk *c)
{
    Nodes inputs = {0};
    const char *error;
    Node *scan = c->scan;
    for (int i = 0; i < c->parts.sequences; i++)
        vec_push(c->graph->arena, inputs, chunk_of(c, scan->inputs[i], (int)c->parts.axes[i]));
    for (int i = c->parts.sequences; i < scan->input_count; i++) {
        const bool carried = i < c->parts.sequences + c->parts.carries;
        Node *given = scan->inputs[i];
        Node *taken = carried ? take(c, CARRY, given, given->type) : capture(c, given);
        if (carried) taken->name = scan->body->inputs.at[i]->name;
        vec_push(c->graph->arena, inputs, taken);
    }
    const Origin origin = {scan->name, scan->layer, scan->span};
    c->inner = graph_append_region(c->body, OP_scan, inputs.at, inputs.count, scan->attr,
                                   scan->body, origin, &error);
    assert(c->inner && "a scan of a chunk is as legal as that of all steps");
}

static void add_sum(Chunk *c, Node *node)
{
    Node *start = build_fill(c->graph, node->type, 0.0), *share;
    start->name = node->name;
    Node *total = take(c, CARRY, start, node->type);
    if (op_row(node->op)->kind == KIND_CONTRACT) {
        share = copy_of(c, node, -1, chunk_summed_label(c, node));
    } else {
        share = copy_of(c, node, chunk_summed_axis(c, node), -1);
    }
    vec_push(c->graph->arena, c->sums, node);
    vec_push(c->graph->arena, c->totals,
             build_map(c->body, OP_add, 2, (Node *[]){total, share}));
}

/* All inputs come before the other nodes: sequences, carries, captures. */
static void order_inputs(Chunk *c)
{
    Nodes order = {0};
    for (int role = 0; role < ROLES; role++)
        for (int i = 0; i < c->taken[role].count; i++)
            vec_push(c->graph->arena, order, c->taken[role].at[i]);
    for (int i = 0; i < c->body->nodes.count; i++)
        if (c->body->nodes.at[i]->op != OP_input)
            vec_push(c->graph->arena, order, c->body->nodes.at[i]);
    for (int i = 0; i < order.count; i++) c->body->nodes.at[i] = order.at[i];
    graph_renumber(c->body);
}

/* ---- the graph ---- */

static void replace(Graph *graph, const Node *old, Node *by)
{
    for (int i = 0; i < graph->nodes.count; i++)
        for (int j = 0; j < graph->nodes.at[i]->input_count; j++)
            if (graph->nodes.at[i]->inputs[j] == old) graph->nodes.at[i]->inputs[j] = by;
    for (int i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.at[i].node == old) graph->outputs.at[i].node = by;
}

static Node *append_outer(Chunk *c)
{
    Nodes inputs = {0};
    const char *error;
    for (int role = 0; role < ROLES; role++)
        for (int i = 0; i < c->given[role].count; i++)
            vec_push(c->graph->arena, inputs, c->given[role].at[i]);
    const Attr attrs[MAX_ATTRS] = {attr_int(c->given[SEQUENCE].count),
                                   attr_int(c->given[CARRY].count),
                                   attr_ints(c->axes, c->given[SEQUENCE].count),
                                   attr_int(c->parts.reverse)};
    const Origin origin = {c->scan->name, c->scan->layer, c->scan->span};
    Node *outer = graph_append_region(c->graph, OP_scan, inputs.at, inputs.count, attrs, c->body,
                                      origin, &error);
    assert(outer && "the scan over chunks fits its body");
    return outer;
}

/* The results of the scan become those of the outer one; its yields have their steps in two axes.
 */
static void hand_out(Chunk *c, Node *outer)
{
    const int carries = c->parts.carries, sums = c->sums.count, count = c->graph->nodes.count;
    for (int i = 0; i < count; i++) {
        Node *node = c->graph->nodes.at[i];
        if (!is_result_of(node, c->scan)) continue;
        const int index = (int)node->attr[0].ints[0];
        Node *by = build_result(c->graph, outer, index < carries ? index : index + sums);
        by->name = node->name;
        replace(c->graph, node, build_reshape(c->graph, by, node->type));
    }
    for (int i = 0; i < sums; i++) {
        Node *by = build_result(c->graph, outer, carries + i);
        by->name = c->sums.at[i]->name;
        replace(c->graph, c->sums.at[i], by);
    }
}

/* Every node behind its inputs again, else in the order in which they were. */
static void sort(Graph *graph, Node *node, bool *placed, Nodes *order)
{
    if (placed[node->id]) return;
    placed[node->id] = true;
    for (int i = 0; i < node->input_count; i++) sort(graph, node->inputs[i], placed, order);
    vec_push(graph->arena, *order, node);
}

static void sort_nodes(Graph *graph)
{
    Nodes order = {0};
    bool *placed = arena_array(graph->arena, bool, graph->nodes.count + 1);
    for (int i = 0; i < graph->inputs.count; i++)
        sort(graph, graph->inputs.at[i], placed, &order);
    for (int i = 0; i < graph->nodes.count; i++)
        sort(graph, graph->nodes.at[i], placed, &order);
    for (int i = 0; i < order.count; i++) graph->nodes.at[i] = order.at[i];
    graph_renumber(graph);
}

static void add_outputs(Chunk *c)
{
    const Graph *step = c->scan->body;
    for (int i = 0; i < c->parts.carries; i++)
        graph_output(c->body, OUT_YIELD, step->outputs.at[i].name, result(c, i), -1);
    for (int i = 0; i < c->totals.count; i++)
        graph_output(c->body, OUT_YIELD, c->sums.at[i]->name, c->totals.at[i], -1);
    for (int i = c->parts.carries; i < step->outputs.count; i++)
        graph_output(c->body, OUT_YIELD, step->outputs.at[i].name, result(c, i), -1);
}

bool chunk_build(Chunk *c)
{
    const int count = c->graph->nodes.count;
    c->body = graph_new(c->graph->arena, c->scan->body->name, c->graph->batch);
    c->body->origin = c->graph->origin = (Origin){NULL, c->scan->layer, c->scan->span};
    add_inner(c);
    for (int i = 0; i < count; i++)
        if (chunk_sums_steps(c, c->graph->nodes.at[i])) add_sum(c, c->graph->nodes.at[i]);
    add_outputs(c);
    order_inputs(c);
    if (c->given[SEQUENCE].count + c->given[CARRY].count + c->body->outputs.count
        > MAX_ATTR_INTS) {
        c->graph->nodes.count = count;
        return false;
    }
    hand_out(c, append_outer(c));
    sort_nodes(c->graph);
    return true;
}
