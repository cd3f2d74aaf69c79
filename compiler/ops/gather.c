/* Rows by index: checked, gather and its gradient scatter. */
#include "ops/rules.h"

#define INDEX_COST(id, operations)                               \
    double flops_##id(const Node *node)                          \
    {                                                            \
        return (operations) * (double)type_elements(node->type); \
    }
INDEX_COST(checked, 1.0)
INDEX_COST(gather, 0.0)

/* Whether element e of a tensor belongs to one of the valid rows. */
static bool is_valid(Type type, int64_t e, int64_t count)
{
    if (type.batch_axis < 0) return true;
    int64_t stride[MAX_RANK];
    type_strides(type, stride);
    int64_t row = e / stride[type.batch_axis] % type.dim[type.batch_axis];
    return row < count * type.batch_inner;
}

/* Element e as an index into `rows` rows. Of an invalid row it may be anything and counts as 0;
 * else out of range is an error. */
static int64_t row_index(EvalContext *context, const Tensor *indices, int64_t e, int64_t rows)
{
    int64_t index = (int64_t)tensor_get(indices, e);
    if (index >= 0 && index < rows) return index;
    if (is_valid(indices->type, e, context->count) && !context->error)
        context->error = arena_printf(context->arena, "index %lld is not in [0, %lld)",
                                      (long long)index, (long long)rows);
    return 0;
}

static const char *not_an_index(Arena *arena, Type type)
{
    return arena_printf(arena, "an index is i32, not %s: declare it so, or `cast(..., i32)`",
                        type_text(arena, type));
}

/* ---- checked ---- */

const char *shape_checked(Arena *arena, const Node *node, Type *out)
{
    *out = node->inputs[0]->type;
    if (out->dtype != DT_I32)
        return not_an_index(arena, *out);
    if (node->attr[0].ints[0] < 1)
        return arena_printf(arena, "checked: no index is below %lld",
                            (long long)node->attr[0].ints[0]);
    return NULL;
}

void grad_checked(Grad *g)
{
    (void)g;
}

void eval_checked(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    for (int64_t e = 0; e < type_elements(out->type); e++)
        tensor_set(out, e, (double)row_index(context, in, e, node->attr[0].ints[0]));
}

/* ---- gather ---- */

/* The shape of the indices followed by that of a row; one of the two may bring the batch axis. */
static const char *picked_type(Arena *arena, Type table, Type indices, Type *out)
{
    if (indices.dtype != DT_I32)
        return not_an_index(arena, indices);
    if (table.rank == 0 || table.rank - 1 + indices.rank > MAX_RANK)
        return arena_printf(arena,
                            "gather: rows of %s at %s: there must be rows, and at most %d axes "
                            "in the result",
                            type_text(arena, table), type_text(arena, indices), MAX_RANK);
    if (table.batch_axis == 0 || (table.batch_axis > 0 && indices.batch_axis >= 0))
        return arena_printf(arena,
                            "gather: rows of %s at %s: rows cannot be picked across the batch",
                            type_text(arena, table), type_text(arena, indices));
    *out = indices;
    out->dtype = table.dtype;
    for (int i = 1; i < table.rank; i++) {
        if (i == table.batch_axis) {
            out->batch_axis = out->rank;
            out->batch_inner = table.batch_inner;
        }
        out->dim[out->rank++] = table.dim[i];
    }
    return NULL;
}

const char *shape_gather(Arena *arena, const Node *node, Type *out)
{
    return picked_type(arena, node->inputs[0]->type, node->inputs[1]->type, out);
}

void grad_gather(Grad *g)
{
    Attr attrs[MAX_ATTRS] = {attr_int(g->node->inputs[0]->type.dim[0])};
    const char *error;
    if (g->wanted[0])
        g->dx[0] = graph_append(g->graph, OP_scatter, (Node *[]){g->node->inputs[1], g->dy}, 2,
                                attrs, g->graph->origin, &error);
}

void eval_gather(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    (void)node;
    int64_t rows = in[0].type.dim[0], width = type_elements(in[0].type) / rows;
    for (int64_t i = 0; i < type_elements(in[1].type); i++) {
        int64_t row = row_index(context, &in[1], i, rows);
        for (int64_t j = 0; j < width; j++)
            tensor_set(out, i * width + j, tensor_get(&in[0], row * width + j));
    }
}

/* ---- scatter ---- */

const char *shape_scatter(Arena *arena, const Node *node, Type *out)
{
    Type indices = node->inputs[0]->type, values = node->inputs[1]->type, picked;
    if (values.dtype != DT_F32 || values.rank < indices.rank || node->attr[0].ints[0] < 1)
        return arena_printf(arena, "scatter: f32 rows at %s are wanted, got %s",
                            type_text(arena, indices), type_text(arena, values));
    *out = values;
    for (int i = 0; i < indices.rank; i++) *out = type_drop_axis(*out, 0);
    *out = type_add_axis(*out, 0, node->attr[0].ints[0]);
    const char *error = picked_type(arena, *out, indices, &picked);
    if (!error && !type_equal(picked, values))
        error = arena_printf(arena, "scatter: rows at %s should be %s, got %s",
                             type_text(arena, indices), type_text(arena, picked),
                             type_text(arena, values));
    return error;
}

void grad_scatter(Grad *g)
{
    const char *error;
    if (g->wanted[1])
        g->dx[1] = graph_append(g->graph, OP_gather, (Node *[]){g->dy, g->node->inputs[0]}, 2, NULL,
                                g->graph->origin, &error);
}

void eval_scatter(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    int64_t rows = node->attr[0].ints[0], width = type_elements(out->type) / rows;
    double *total = arena_array(context->arena, double, rows * width);
    for (int64_t i = 0; i < type_elements(in[0].type); i++) {
        if (!is_valid(in[0].type, i, context->count)) continue;
        int64_t row = row_index(context, &in[0], i, rows);
        for (int64_t j = 0; j < width; j++)
            total[row * width + j] += tensor_get(&in[1], i * width + j);
    }
    for (int64_t e = 0; e < rows * width; e++) tensor_set(out, e, total[e]);
}

double flops_scatter(const Node *node)
{
    return (double)type_elements(node->inputs[1]->type);
}
