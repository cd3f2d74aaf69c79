/* Initial values, drawn exactly as the generated NAME_init draws them.
 *
 * Parameter p has the stream random_stream(seed, p); element e (row-major, logical) owns the
 * four draws 4 e .. 4 e + 3 of it. UNIFORM takes the top 24 bits of the first. NORMAL adds the
 * twelve 16-bit fields of the first three, whose sum has mean 12 * 32767.5 and, to one part in
 * 2^32, deviation 65536: nearly normal by the central limit theorem (the Irwin-Hall
 * distribution). Everything up to the last addition is exact in double, so no contraction of a
 * product and a sum can change a bit. */
#include "interp/interp.h"
#include "ops/random.h"

static float draw_uniform(const Init *init, uint64_t stream, uint64_t element)
{
    float low = (float)init->a, range = (float)(init->b - init->a);
    double part = (double)(random_bits(stream, 4 * element) >> 40) * 0x1p-24;
    return (float)((double)low + (double)range * part);
}

static float draw_normal(const Init *init, uint64_t stream, uint64_t element)
{
    float mean = (float)init->a, deviation = (float)init->b;
    int64_t sum = 0;
    for (uint64_t i = 0; i < 3; i++) {
        uint64_t bits = random_bits(stream, 4 * element + i);
        for (int field = 0; field < 4; field++) sum += (int64_t)(bits >> (16 * field) & 0xffff);
    }
    double z = ((double)sum - 12 * 32767.5) / 65536.0;
    return (float)((double)mean + (double)deviation * z);
}

void init_param(const Param *param, int index, uint64_t seed, float *out)
{
    const Init *init = &param->init;
    uint64_t stream = random_stream(seed, (uint64_t)index);
    int64_t elements = type_elements(param->type);
    for (int64_t e = 0; e < elements; e++) {
        switch (init->kind) {
        case INIT_ZEROS: out[e] = 0.0f; break;
        case INIT_ONES: out[e] = 1.0f; break;
        case INIT_CONST: out[e] = (float)init->a; break;
        case INIT_UNIFORM: out[e] = draw_uniform(init, stream, (uint64_t)e); break;
        case INIT_NORMAL: out[e] = draw_normal(init, stream, (uint64_t)e); break;
        case INIT_VALUES: out[e] = init->values[e]; break;
        }
    }
}
