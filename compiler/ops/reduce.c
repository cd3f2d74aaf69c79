/* Reductions. The reduced axes stay with extent 1; a reduced batch axis stops at count and is no
 * batch axis any more. */
#include <math.h>

#include "ops/rules.h"

/* ---- shapes ---- */

static const char *reduced_type(Arena *arena, const Node *node, Type *out)
{
    const Attr *axes = &node->attr[0];
    *out = node->inputs[0]->type;
    const char *error = check_axes(arena, op_row(node->op)->name, axes, *out);
    if (error) return error;
    for (int i = 0; i < axes->count; i++) {
        out->dim[axes->ints[i]] = 1;
        if (axes->ints[i] == out->batch_axis) out->batch_axis = -1;
    }
    if (out->batch_axis < 0) out->batch_inner = 1;
    return NULL;
}

static const char *refuse_dtype(Arena *arena, const Node *node, const char *expected)
{
    return arena_printf(arena, "%s expects %s, got %s", op_row(node->op)->name, expected,
                        type_text(arena, node->inputs[0]->type));
}

static const char *reduced_number(Arena *arena, const Node *node, Type *out)
{
    DType dtype = node->inputs[0]->type.dtype;
    if (dtype != DT_F32 && dtype != DT_I32) return refuse_dtype(arena, node, "f32 or i32");
    return reduced_type(arena, node, out);
}

static const char *reduced_real(Arena *arena, const Node *node, Type *out)
{
    if (node->inputs[0]->type.dtype != DT_F32) return refuse_dtype(arena, node, "f32");
    return reduced_type(arena, node, out);
}

const char *shape_sum(Arena *arena, const Node *node, Type *out)
{
    return reduced_number(arena, node, out);
}

const char *shape_reduce_max(Arena *arena, const Node *node, Type *out)
{
    return reduced_number(arena, node, out);
}

const char *shape_logsumexp(Arena *arena, const Node *node, Type *out)
{
    return reduced_real(arena, node, out);
}

const char *shape_variance(Arena *arena, const Node *node, Type *out)
{
    return reduced_real(arena, node, out);
}

const char *shape_argmax(Arena *arena, const Node *node, Type *out)
{
    if (node->attr[0].count != 1) return "argmax goes along exactly one axis";
    const char *error = reduced_number(arena, node, out);
    out->dtype = DT_I32;
    return error;
}

/* ---- gradients ---- */

static Node *map1(Grad *g, Op op, Node *a)
{
    return build_map(g->graph, op, 1, &a);
}

static Node *map2(Grad *g, Op op, Node *a, Node *b)
{
    return build_map(g->graph, op, 2, (Node *[]){a, b});
}

void grad_sum(Grad *g)
{
    g->dx[0] = build_broadcast(g->graph, g->dy, g->node->inputs[0]->type);
}

/* Split equally among the equals: dy / number of them, where a is the largest. */
void grad_reduce_max(Grad *g)
{
    Node *a = g->node->inputs[0];
    const Attr *axes = &g->node->attr[0];
    Node *equal = map2(g, OP_eq, a, g->y);
    Node *ones = map1(g, OP_to_f32, equal);
    Node *equals = build_reduce(g->graph, OP_sum, ones, axes->ints, axes->count);
    Node *share = map2(g, OP_div, g->dy, equals);
    Node *zero = build_fill(g->graph, a->type, 0.0);
    g->dx[0] = build_map(g->graph, OP_select, 3, (Node *[]){equal, share, zero});
}

void grad_logsumexp(Grad *g)
{
    Node *share = map1(g, OP_exp, map2(g, OP_sub, g->node->inputs[0], g->y));
    g->dx[0] = map2(g, OP_mul, share, g->dy);
}

/* How many elements a reduction takes in, as a node: known now, or so many a valid row. */
static Node *divisor(Grad *g, Type a, const Attr *axes)
{
    int64_t fixed = 1;
    bool rows = false;
    for (int i = 0; i < axes->count; i++) {
        bool batch = axes->ints[i] == a.batch_axis;
        fixed *= batch ? a.batch_inner : a.dim[axes->ints[i]];
        rows |= batch;
    }
    Type scalar = type_scalar(DT_F32);
    Node *n = build_fill(g->graph, scalar, (double)fixed);
    if (!rows) return n;
    Node *count = graph_leaf(g->graph, OP_count, scalar, NULL, -1, g->graph->origin);
    return map2(g, OP_mul, count, n);
}

/* The gradient by way of the mean is zero, because the distances from the mean add up to zero:
 * dx = (a - mean) * 2 dy / n, with n - 1 in place of n where unbiased. */
void grad_variance(Grad *g)
{
    Node *a = g->node->inputs[0];
    const Attr *axes = &g->node->attr[0];
    Type scalar = type_scalar(DT_F32);
    Node *n = divisor(g, a->type, axes);
    Node *mean = map2(g, OP_div, build_reduce(g->graph, OP_sum, a, axes->ints, axes->count), n);
    if (g->node->attr[1].ints[0]) {
        Node *one = build_fill(g->graph, scalar, 1.0);
        n = map2(g, OP_max, map2(g, OP_sub, n, one), one);
    }
    Node *factor = map2(g, OP_div, build_fill(g->graph, scalar, 2.0), n);
    g->dx[0] = map2(g, OP_mul, map2(g, OP_sub, a, mean), map2(g, OP_mul, g->dy, factor));
}

void grad_argmax(Grad *g)
{
    (void)g;
}

/* ---- evaluation, in double ---- */

/* Folds values into cells that are `step` apart, each with what it is about. */
typedef void Fold(double *cell, const double *about, int64_t step, const double *value,
                  int64_t count);

#define FOLD(id, expression)                                                                       \
    static void fold_##id(double *cell, const double *about, int64_t step, const double *value,    \
                          int64_t count)                                                           \
    {                                                                                              \
        for (int64_t i = 0; i < count; i++, cell += step, about += step) {                         \
            const double x = value[i];                                                             \
            *cell = expression;                                                                    \
        }                                                                                          \
    }
FOLD(sum, *cell + x)
FOLD(max, x > *cell || isnan(x) ? x : *cell)
FOLD(exp, *cell + exp(x - *about))
FOLD(square, *cell + (x - *about) * (x - *about))
#undef FOLD

/* Folds the valid elements of `in` into cells, one for each element of out, a chunk of the last
 * axis at a time. `about` has a number for each cell, or is NULL. */
static double *fold_over(EvalContext *context, const Node *node, const Tensor *in,
                         const Tensor *out, double start, Fold *fold, const double *about)
{
    int64_t index[MAX_RANK] = {0}, extent[MAX_RANK], from[MAX_RANK], to[MAX_RANK];
    const int rank = in->type.rank, outer = rank > 0 ? rank - 1 : 0;
    int64_t cells = type_elements(out->type);
    double *cell = arena_array(context->arena, double, cells), value[TENSOR_CHUNK];
    for (int64_t i = 0; i < cells; i++) cell[i] = start;
    if (!about) about = cell;
    type_strides(in->type, from);
    type_strides(out->type, to);
    for (int i = 0; i < rank; i++) {
        bool reduced = attr_has(&node->attr[0], i);
        extent[i] = reduced ? type_valid(in->type, i, context->count) : in->type.dim[i];
        if (reduced) to[i] = 0;
    }
    const int64_t row = rank > 0 ? extent[outer] : 1, step = rank > 0 ? to[outer] : 0;
    do {
        const int64_t at = index_offset(index, to, outer), a = index_offset(index, from, outer);
        for (int64_t i = 0; i < row; i += TENSOR_CHUNK) {
            const int64_t count = row - i < TENSOR_CHUNK ? row - i : TENSOR_CHUNK;
            tensor_read(in, a + i, count, value);
            fold(cell + at + i * step, about + at + i * step, step, value, count);
        }
    } while (index_next(index, extent, outer));
    return cell;
}

static void store(Tensor *out, const double *cell)
{
    tensor_write(out, 0, type_elements(out->type), cell);
}

void eval_sum(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    store(out, fold_over(context, node, in, out, 0.0, fold_sum, NULL));
}

void eval_reduce_max(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    store(out, fold_over(context, node, in, out, -INFINITY, fold_max, NULL));
}

/* Where everything is -inf the largest element is no use as a shift: the sum is of zeros. */
void eval_logsumexp(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    double *most = fold_over(context, node, in, out, -INFINITY, fold_max, NULL);
    for (int64_t e = 0; e < type_elements(out->type); e++)
        if (most[e] == -INFINITY) most[e] = 0.0;
    double *total = fold_over(context, node, in, out, 0.0, fold_exp, most);
    for (int64_t e = 0; e < type_elements(out->type); e++) total[e] = most[e] + log(total[e]);
    store(out, total);
}

void eval_variance(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    double n = 1.0;
    for (int i = 0; i < node->attr[0].count; i++)
        n *= (double)type_valid(in->type, (int)node->attr[0].ints[i], context->count);
    double *mean = fold_over(context, node, in, out, 0.0, fold_sum, NULL);
    for (int64_t e = 0; e < type_elements(out->type); e++) mean[e] /= n;
    double *squares = fold_over(context, node, in, out, 0.0, fold_square, mean);
    if (node->attr[1].ints[0]) n = n > 2.0 ? n - 1.0 : 1.0;
    for (int64_t e = 0; e < type_elements(out->type); e++) squares[e] /= n;
    store(out, squares);
}

void eval_argmax(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    int axis = (int)node->attr[0].ints[0];
    int64_t index[MAX_RANK] = {0}, stride[MAX_RANK], e = 0;
    int64_t valid = type_valid(in->type, axis, context->count);
    type_strides(in->type, stride);
    do {
        int64_t first = index_offset(index, stride, in->type.rank), best = 0;
        for (int64_t i = 1; i < valid; i++)
            if (tensor_get(in, first + i * stride[axis])
                > tensor_get(in, first + best * stride[axis]))
                best = i;
        tensor_set(out, e++, (double)best);
    } while (index_next(index, out->type.dim, out->type.rank));
}

#define REDUCE_COST(id, operations)                                            \
    double flops_##id(const Node *node)                                        \
    {                                                                          \
        return (operations) * (double)type_elements(node->inputs[0]->type);    \
    }
REDUCE_COST(sum, 1.0)
REDUCE_COST(reduce_max, 1.0)
REDUCE_COST(logsumexp, 3.0)
REDUCE_COST(variance, 3.0)
REDUCE_COST(argmax, 1.0)
