/* Uniform random numbers: element e of instance i is the top 24 bits of
 * random_bits(random_stream(seed, i), e), times 2^-24, where e counts in row-major order of the
 * logical shape. Inside a region every step draws the same numbers. */
#include "ops/random.h"

#include "ops/rules.h"

const char *shape_uniform(Arena *arena, const Node *node, Type *out)
{
    if (node->type.dtype != DT_F32)
        return arena_printf(arena, "uniform draws f32, not %s", type_text(arena, node->type));
    if (node->attr[0].ints[0] < 0) return "uniform: an instance is numbered from 0";
    *out = node->type;
    return NULL;
}

void grad_uniform(Grad *g)
{
    (void)g;
}

void eval_uniform(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    (void)in;
    uint64_t stream = random_stream(context->seed, (uint64_t)node->attr[0].ints[0]);
    for (int64_t e = 0; e < type_elements(out->type); e++)
        tensor_set(out, e, (double)(random_bits(stream, (uint64_t)e) >> 40) * 0x1p-24);
}

double flops_uniform(const Node *node)
{
    return 6.0 * (double)type_elements(node->type);
}
