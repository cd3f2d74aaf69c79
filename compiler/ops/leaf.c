/* Leaves: values that come from outside the graph or from nothing. Their types are declared, so
 * a shape rule only checks that type and attributes go together. */
#include <string.h>

#include "ops/rules.h"

static const char *declared(const Node *node, Type *out)
{
    *out = node->type;
    return NULL;
}

static const char *declared_f32(Arena *arena, const Node *node, Type *out)
{
    if (node->type.dtype != DT_F32)
        return arena_printf(arena, "%s holds f32, not %s", op_row(node->op)->name,
                            type_text(arena, node->type));
    return declared(node, out);
}

/* What a caller of the entry holds: copied, so that every node owns its value. */
static void copy_leaf(EvalContext *context, const Node *node, Tensor *out)
{
    memcpy(out->data, context->leaf(context, node), tensor_bytes(out));
}

#define LEAF(id, shape_rule)                                                               \
    const char *shape_##id(Arena *arena, const Node *node, Type *out)                      \
    {                                                                                      \
        return shape_rule(arena, node, out);                                               \
    }                                                                                      \
    void eval_##id(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)  \
    {                                                                                      \
        (void)in;                                                                          \
        copy_leaf(context, node, out);                                                     \
    }
#define NO_INPUTS(id)                                \
    void grad_##id(Grad *g) { (void)g; }             \
    double flops_##id(const Node *node)              \
    {                                                \
        (void)node;                                  \
        return 0.0;                                  \
    }

static const char *shape_any(Arena *arena, const Node *node, Type *out)
{
    (void)arena;
    return declared(node, out);
}

LEAF(input, shape_any)
LEAF(param, declared_f32)
LEAF(state, declared_f32)
LEAF(session, declared_f32)
NO_INPUTS(input)
NO_INPUTS(param)
NO_INPUTS(state)
NO_INPUTS(session)
NO_INPUTS(fill)
NO_INPUTS(constant)
NO_INPUTS(iota)
NO_INPUTS(count)

const char *shape_fill(Arena *arena, const Node *node, Type *out)
{
    (void)arena;
    return declared(node, out);
}

void eval_fill(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    (void)context, (void)in;
    const int64_t elements = type_elements(out->type);
    double value[TENSOR_CHUNK];
    for (int i = 0; i < TENSOR_CHUNK; i++) value[i] = node->attr[0].number;
    for (int64_t e = 0; e < elements; e += TENSOR_CHUNK)
        tensor_write(out, e, elements - e < TENSOR_CHUNK ? elements - e : TENSOR_CHUNK, value);
}

const char *shape_constant(Arena *arena, const Node *node, Type *out)
{
    if (node->type.batch_axis >= 0)
        return arena_printf(arena, "constant: given values have no batch axis, %s has one",
                            type_text(arena, node->type));
    return declared(node, out);
}

void eval_constant(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    (void)context, (void)in;
    for (int64_t e = 0; e < type_elements(out->type); e++)
        tensor_set(out, e, (double)node->values[e]);
}

const char *shape_iota(Arena *arena, const Node *node, Type *out)
{
    int64_t axis = node->attr[0].ints[0];
    if (node->type.dtype != DT_I32 || axis < 0 || axis >= node->type.rank)
        return arena_printf(arena, "iota: no i32 index along axis %lld of %s", (long long)axis,
                            type_text(arena, node->type));
    return declared(node, out);
}

void eval_iota(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    (void)context, (void)in;
    int axis = (int)node->attr[0].ints[0];
    int64_t stride[MAX_RANK];
    type_strides(out->type, stride);
    for (int64_t e = 0; e < type_elements(out->type); e++)
        tensor_set(out, e, (double)(e / stride[axis] % out->type.dim[axis]));
}

const char *shape_count(Arena *arena, const Node *node, Type *out)
{
    if (node->type.rank || node->type.dtype != DT_F32)
        return arena_printf(arena, "count is an f32 scalar, not %s", type_text(arena, node->type));
    return declared(node, out);
}

void eval_count(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    (void)node, (void)in;
    tensor_set(out, 0, (double)context->count);
}
