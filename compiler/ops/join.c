/* Joins that leave their inputs as they are: concat and pad place them in a larger tensor. */
#include "ops/join.h"

#include "ops/rules.h"

/* Copies all of `from` into `to`, its first element at offset. */
static void place(const Tensor *from, Tensor *to, int64_t offset)
{
    int64_t index[MAX_RANK] = {0}, stride[MAX_RANK], e = 0;
    type_strides(to->type, stride);
    do {
        int64_t at = offset + index_offset(index, stride, to->type.rank);
        tensor_set(to, at, tensor_get(from, e++));
    } while (index_next(index, from->type.dim, from->type.rank));
}

static JoinPiece whole(int input, Type type)
{
    JoinPiece piece = {.input = input};
    for (int i = 0; i < type.rank; i++) {
        piece.extent[i] = type.dim[i];
        piece.from_step[i] = piece.to_step[i] = 1;
    }
    return piece;
}

Join join_of(Arena *arena, const Node *node)
{
    if (node->op == OP_border || node->op == OP_border_sum) return border_join(arena, node);
    const bool pads = node->op == OP_pad;
    Join join = {.count = node->input_count, .fills = pads};
    join.pieces = arena_array(arena, JoinPiece, join.count);
    int64_t at = 0;
    for (int i = 0; i < join.count; i++) {
        JoinPiece *piece = &join.pieces[i];
        *piece = whole(i, node->inputs[i]->type);
        for (int a = 0; pads && a < node->type.rank; a++) piece->to[a] = node->attr[0].ints[a];
        if (pads) continue;
        const int64_t axis = node->attr[0].ints[0];
        piece->to[axis] = at;
        at += piece->extent[axis];
    }
    if (pads) join.fill = node->attr[2].number;
    return join;
}

#define JOIN_COST(id)                      \
    double flops_##id(const Node *node)    \
    {                                      \
        (void)node;                        \
        return 0.0;                        \
    }
JOIN_COST(concat)
JOIN_COST(pad)

/* ---- concat ---- */

static const char *refuse_concat(Arena *arena, Type a, Type b, int axis)
{
    return arena_printf(arena, "concat: %s and %s differ in more than axis %d", type_text(arena, a),
                        type_text(arena, b), axis);
}

const char *shape_concat(Arena *arena, const Node *node, Type *out)
{
    if (node->input_count == 0) return "concat needs at least one tensor";
    int64_t axis = node->attr[0].ints[0];
    *out = node->inputs[0]->type;
    const char *error = check_axes(arena, "concat", &node->attr[0], *out);
    if (error) return error;
    if (axis == out->batch_axis && node->input_count > 1)
        return arena_printf(arena,
                            "concat: the batch axis of %s cannot be joined: how many of its rows "
                            "are valid is known only when the code runs",
                            type_text(arena, *out));
    for (int i = 1; i < node->input_count; i++) {
        Type b = node->inputs[i]->type, like = b;
        if (b.rank != out->rank) return refuse_concat(arena, node->inputs[0]->type, b, (int)axis);
        like.dim[axis] = out->dim[axis];
        if (!type_equal(like, *out))
            return refuse_concat(arena, node->inputs[0]->type, b, (int)axis);
        out->dim[axis] += b.dim[axis];
    }
    return NULL;
}

void grad_concat(Grad *g)
{
    int axis = (int)g->node->attr[0].ints[0];
    int64_t start[MAX_RANK] = {0}, step[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) step[i] = 1;
    for (int i = 0; i < g->node->input_count; i++) {
        Type a = g->node->inputs[i]->type;
        if (g->wanted[i]) g->dx[i] = build_slice(g->graph, g->dy, start, a.dim, step);
        start[axis] += a.dim[axis];
    }
}

void eval_concat(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    (void)context;
    int axis = (int)node->attr[0].ints[0];
    int64_t stride[MAX_RANK], at = 0;
    type_strides(out->type, stride);
    for (int i = 0; i < node->input_count; i++) {
        place(&in[i], out, at * stride[axis]);
        at += in[i].type.dim[axis];
    }
}

/* ---- pad ---- */

const char *shape_pad(Arena *arena, const Node *node, Type *out)
{
    const Attr *before = &node->attr[0], *after = &node->attr[1];
    *out = node->inputs[0]->type;
    if (before->count != out->rank || after->count != out->rank)
        return arena_printf(arena, "pad: %s has %d axes, got borders for %d and %d",
                            type_text(arena, *out), out->rank, before->count, after->count);
    for (int i = 0; i < out->rank; i++) {
        if (before->ints[i] < 0 || after->ints[i] < 0)
            return arena_printf(arena, "pad: a border of %lld and %lld entries on axis %d of %s",
                                (long long)before->ints[i], (long long)after->ints[i], i,
                                type_text(arena, *out));
        if (i == out->batch_axis && before->ints[i] + after->ints[i] > 0)
            return arena_printf(arena, "pad: the batch axis of %s cannot get a border",
                                type_text(arena, *out));
        out->dim[i] += before->ints[i] + after->ints[i];
    }
    return NULL;
}

void grad_pad(Grad *g)
{
    int64_t step[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) step[i] = 1;
    g->dx[0]
        = build_slice(g->graph, g->dy, g->node->attr[0].ints, g->node->inputs[0]->type.dim, step);
}

void eval_pad(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    (void)context;
    int64_t stride[MAX_RANK];
    type_strides(out->type, stride);
    for (int64_t e = 0; e < type_elements(out->type); e++) tensor_set(out, e, node->attr[2].number);
    place(in, out, index_offset(node->attr[0].ints, stride, out->type.rank));
}
