/* Views: reshape, permute, slice, broadcast. No arithmetic; the batch axis is followed through
 * each. */
#include <string.h>

#include "ops/rules.h"

static void copy_row(char *to, const char *from, ptrdiff_t step, int64_t count, size_t size)
{
    if (size == sizeof(float))
        for (int64_t e = 0; e < count; e++) memcpy(to + 4 * e, from + e * step, 4);
    else
        for (int64_t e = 0; e < count; e++) memcpy(to + (int64_t)size * e, from + e * step, size);
}

/* Evaluates a view that reads element offset + sum(index * stride) of its input. */
static void copy_strided(const Tensor *from, int64_t offset, const int64_t *stride, Tensor *out)
{
    const int outer = out->type.rank > 0 ? out->type.rank - 1 : 0;
    const int64_t count = out->type.rank > 0 ? out->type.dim[outer] : 1;
    const size_t size = dtype_size(out->type.dtype);
    const ptrdiff_t step = out->type.rank > 0 ? (ptrdiff_t)stride[outer] * (ptrdiff_t)size : 0;
    int64_t index[MAX_RANK] = {0};
    char *to = out->data;
    if (type_elements(out->type) == 0) return;
    do {
        int64_t first = offset + index_offset(index, stride, outer);
        const char *at = (const char *)from->data + (ptrdiff_t)first * (ptrdiff_t)size;
        copy_row(to, at, step, count, size);
        to += count * (int64_t)size;
    } while (index_next(index, out->type.dim, outer));
}

#define VIEW_COST(id)                      \
    double flops_##id(const Node *node)    \
    {                                      \
        (void)node;                        \
        return 0.0;                        \
    }
VIEW_COST(reshape)
VIEW_COST(permute)
VIEW_COST(slice)
VIEW_COST(broadcast)

/* The type that the attributes of reshape and broadcast ask for: NULL or a refusal. */
static const char *target_type(Arena *arena, const Node *node, Type *out)
{
    const Attr *attr = node->attr;
    const char *name = op_row(node->op)->name;
    if (attr[0].count > MAX_RANK)
        return arena_printf(arena, "%s: more than %d axes", name, MAX_RANK);
    *out = type_make(node->inputs[0]->type.dtype, attr[0].count, attr[0].ints);
    for (int i = 0; i < out->rank; i++)
        if (out->dim[i] < 1)
            return arena_printf(arena, "%s: an axis needs at least one entry, got %s", name,
                                type_text(arena, *out));
    int64_t axis = attr[1].ints[0], inner = attr[2].ints[0];
    if (axis < -1 || axis >= out->rank || inner < 1 || (axis >= 0 && out->dim[axis] % inner))
        return arena_printf(arena, "%s: axis %lld of %s is no batch axis with %lld entries a row",
                            name, (long long)axis, type_text(arena, *out), (long long)inner);
    out->batch_axis = (int)axis;
    out->batch_inner = inner;
    return NULL;
}

/* ---- reshape ---- */

static int64_t blocks_before(Type type, int axis)
{
    int64_t blocks = 1;
    for (int i = 0; i < axis; i++) blocks *= type.dim[i];
    return blocks;
}

/* Both mark the same elements in row-major order as valid, whatever the count. */
static bool same_rows(Type a, Type b)
{
    if ((a.batch_axis < 0) != (b.batch_axis < 0)) return false;
    return a.batch_axis < 0 || (type_batch(a) == type_batch(b)
           && blocks_before(a, a.batch_axis) == blocks_before(b, b.batch_axis));
}

const char *shape_reshape(Arena *arena, const Node *node, Type *out)
{
    Type a = node->inputs[0]->type, found;
    const char *error = target_type(arena, node, out);
    if (error) return error;
    error = reshape_type(arena, a, out->rank, out->dim, &found);
    if (!error && !same_rows(a, *out))
        error = arena_printf(arena, "reshape: %s and %s do not have the same rows",
                             type_text(arena, a), type_text(arena, *out));
    return error;
}

void grad_reshape(Grad *g)
{
    g->dx[0] = build_reshape(g->graph, g->dy, g->node->inputs[0]->type);
}

void eval_reshape(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    (void)context, (void)node;
    memcpy(out->data, in->data, tensor_bytes(out));
}

/* ---- permute ---- */

const char *shape_permute(Arena *arena, const Node *node, Type *out)
{
    Type a = node->inputs[0]->type;
    const Attr *axes = &node->attr[0];
    const char *error = check_axes(arena, "permute", axes, a);
    if (error) return error;
    if (axes->count != a.rank)
        return arena_printf(arena, "permute: %s has %d axes, got an order of %d",
                            type_text(arena, a), a.rank, axes->count);
    *out = a;
    for (int i = 0; i < a.rank; i++) {
        out->dim[i] = a.dim[axes->ints[i]];
        if (axes->ints[i] == a.batch_axis) out->batch_axis = i;
    }
    return NULL;
}

void grad_permute(Grad *g)
{
    int64_t inverse[MAX_RANK];
    const Attr *axes = &g->node->attr[0];
    for (int i = 0; i < axes->count; i++) inverse[axes->ints[i]] = i;
    g->dx[0] = build_permute(g->graph, g->dy, inverse);
}

void eval_permute(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    (void)context;
    int64_t stride[MAX_RANK], moved[MAX_RANK];
    type_strides(in->type, stride);
    for (int i = 0; i < out->type.rank; i++) moved[i] = stride[node->attr[0].ints[i]];
    copy_strided(in, 0, moved, out);
}

/* ---- slice ---- */

static const char *check_slice_axis(Arena *arena, const Node *node, int axis)
{
    Type a = node->inputs[0]->type;
    int64_t start = node->attr[0].ints[axis], size = node->attr[1].ints[axis];
    int64_t step = node->attr[2].ints[axis], last = start + (size - 1) * step;
    if (size < 1 || step == 0 || start < 0 || last < 0 || start >= a.dim[axis]
        || last >= a.dim[axis])
        return arena_printf(arena, "slice: %lld entries from %lld in steps of %lld do not lie in "
                            "axis %d of %s", (long long)size, (long long)start, (long long)step,
                            axis, type_text(arena, a));
    if (axis == a.batch_axis && (size != a.dim[axis] || step != 1))
        return arena_printf(arena,
                            "slice: the batch axis of %s cannot be cut: how many of its rows "
                            "are valid is known only when the code runs",
                            type_text(arena, a));
    if (a.rank == MAX_RANK && step != 1 && step != -1)
        return arena_printf(arena, "slice: a step of %lld needs fewer than %d axes",
                            (long long)step, MAX_RANK);
    return NULL;
}

const char *shape_slice(Arena *arena, const Node *node, Type *out)
{
    Type a = node->inputs[0]->type;
    *out = a;
    for (int i = 0; i < 3; i++)
        if (node->attr[i].count != a.rank)
            return arena_printf(arena, "slice: %s has %d axes, got ranges for %d",
                                type_text(arena, a), a.rank, node->attr[i].count);
    for (int i = 0; i < a.rank; i++) {
        const char *error = check_slice_axis(arena, node, i);
        if (error) return error;
        out->dim[i] = node->attr[1].ints[i];
    }
    return NULL;
}

/* The gradient of a slice along one axis, spread out to the places it came from, up to a border
 * of zeros: turned round if the step is negative, then with step - 1 zeros after each entry but
 * the last. */
static Node *spread(Graph *g, Node *dy, int axis, int64_t step)
{
    Type type = dy->type;
    int64_t start[MAX_RANK] = {0}, ones[MAX_RANK], zeros[MAX_RANK] = {0}, after[MAX_RANK] = {0};
    for (int i = 0; i < MAX_RANK; i++) ones[i] = 1;
    if (step < 0) {
        start[axis] = type.dim[axis] - 1;
        ones[axis] = -1;
        dy = build_slice(g, dy, start, type.dim, ones);
        start[axis] = 0;
        ones[axis] = 1;
        step = -step;
    }
    if (step == 1) return dy;
    Type wide = type_add_axis(type, axis + 1, 1);
    after[axis + 1] = step - 1;
    dy = build_pad(g, build_reshape(g, dy, wide), zeros, after, 0.0);
    type.dim[axis] *= step;
    dy = build_reshape(g, dy, type);
    type.dim[axis] -= step - 1;
    return build_slice(g, dy, start, type.dim, ones);
}

void grad_slice(Grad *g)
{
    Type a = g->node->inputs[0]->type;
    Node *dy = g->dy;
    int64_t before[MAX_RANK], after[MAX_RANK];
    for (int i = 0; i < a.rank; i++) {
        int64_t start = g->node->attr[0].ints[i], size = g->node->attr[1].ints[i];
        int64_t step = g->node->attr[2].ints[i], last = start + (size - 1) * step;
        dy = spread(g->graph, dy, i, step);
        before[i] = step < 0 ? last : start;
        after[i] = a.dim[i] - 1 - (step < 0 ? start : last);
    }
    g->dx[0] = build_pad(g->graph, dy, before, after, 0.0);
}

void eval_slice(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    (void)context;
    int64_t stride[MAX_RANK], stepped[MAX_RANK];
    type_strides(in->type, stride);
    for (int i = 0; i < out->type.rank; i++) stepped[i] = stride[i] * node->attr[2].ints[i];
    copy_strided(in, index_offset(node->attr[0].ints, stride, out->type.rank), stepped, out);
}

/* ---- broadcast ---- */

const char *shape_broadcast(Arena *arena, const Node *node, Type *out)
{
    Type a = node->inputs[0]->type;
    const char *error = target_type(arena, node, out);
    if (error) return error;
    bool fits = a.rank == out->rank;
    for (int i = 0; fits && i < a.rank; i++) {
        bool batch_in = i == a.batch_axis, batch_out = i == out->batch_axis;
        if (batch_in)
            fits = batch_out && a.batch_inner == out->batch_inner && a.dim[i] == out->dim[i];
        else fits = a.dim[i] == 1 || (a.dim[i] == out->dim[i] && !batch_out);
    }
    if (!fits)
        return arena_printf(arena,
                            "broadcast: %s cannot be repeated to %s: only axes of extent 1 are",
                            type_text(arena, a), type_text(arena, *out));
    return NULL;
}

void grad_broadcast(Grad *g)
{
    g->dx[0] = build_sum_to(g->graph, g->dy, g->node->inputs[0]->type);
}

void eval_broadcast(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    (void)context, (void)node;
    int64_t stride[MAX_RANK];
    type_strides(in->type, stride);
    for (int i = 0; i < out->type.rank; i++)
        if (in->type.dim[i] == 1) stride[i] = 0;
    copy_strided(in, 0, stride, out);
}
