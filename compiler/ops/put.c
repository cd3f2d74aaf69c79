/* A part of a tensor replaced, at a place that is known when the code runs. */
#include "ops/rules.h"

double flops_put(const Node *node)
{
    (void)node;
    return 0;                        /* moved, not computed */
}

const char *shape_put(Arena *arena, const Node *node, Type *out)
{
    const Type whole = node->inputs[0]->type, at = node->inputs[1]->type;
    const Type part = node->inputs[2]->type;
    const int64_t axis = node->attr[0].ints[0];
    if (at.dtype != DT_I32 || at.rank)
        return arena_printf(arena, "put: the place is an i32 scalar, not %s", type_text(arena, at));
    if (axis < 0 || axis >= whole.rank || axis == whole.batch_axis)
        return arena_printf(arena, "put: %s has no axis %lld to put anything along",
                            type_text(arena, whole), (long long)axis);
    Type fits = part;
    if (axis < part.rank && part.dim[axis] <= whole.dim[axis]) fits.dim[axis] = whole.dim[axis];
    if (!type_equal(fits, whole))
        return arena_printf(arena, "put: %s is no part of %s along axis %lld",
                            type_text(arena, part), type_text(arena, whole), (long long)axis);
    *out = whole;
    return NULL;
}

/* The entries of dy that came from c: rows of it, the axis in front. */
static Node *taken_back(Grad *g, int axis)
{
    Graph *graph = g->graph;
    Node *at = g->node->inputs[1];
    const Type part = g->node->inputs[2]->type;
    const int rank = part.rank;
    int64_t front[MAX_RANK], back[MAX_RANK];
    for (int i = 0; i < rank; i++) front[i] = i == 0 ? axis : i <= axis ? i - 1 : i;
    for (int i = 0; i < rank; i++) back[front[i]] = i;
    Attr along = attr_int(0);
    const char *error;
    Node *count = graph_leaf(graph, OP_iota, type_make(DT_I32, 1, &part.dim[axis]), &along, -1,
                             graph->origin);
    Node *rows[] = {build_permute(graph, g->dy, front),
                    build_map(graph, OP_add, 2, (Node *[]){count, at})};
    Node *taken = graph_append(graph, OP_gather, rows, 2, NULL, graph->origin, &error);
    return build_permute(graph, taken, back);
}

void grad_put(Grad *g)
{
    const Node *node = g->node;
    Node *nothing[] = {g->dy, node->inputs[1], NULL};
    const char *error;
    if (g->wanted[0]) {
        nothing[2] = build_fill(g->graph, node->inputs[2]->type, 0);
        g->dx[0] = graph_append(g->graph, OP_put, nothing, 3, node->attr, g->graph->origin, &error);
    }
    if (g->wanted[2]) g->dx[2] = taken_back(g, (int)node->attr[0].ints[0]);
}

void eval_put(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    const int64_t axis = node->attr[0].ints[0], at = (int64_t)tensor_get(&in[1], 0);
    const int64_t room = out->type.dim[axis] - in[2].type.dim[axis];
    int64_t index[MAX_RANK] = {0}, stride[MAX_RANK], e = 0;
    if (at < 0 || at > room) {
        context->error = arena_printf(context->arena, "index %lld is not in [0, %lld)",
                                      (long long)at, (long long)room + 1);
        return;
    }
    type_strides(out->type, stride);
    for (int64_t i = 0; i < type_elements(out->type); i++)
        tensor_set(out, i, tensor_get(&in[0], i));
    do tensor_set(out, index_offset(index, stride, out->type.rank) + at * stride[axis],
                  tensor_get(&in[2], e++));
    while (index_next(index, in[2].type.dim, out->type.rank));
}
