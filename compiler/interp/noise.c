/* Rounding made visible: every number that an operation computed is moved by a little, at random.
 * What a result moves by then is what another order of the same sums may make of it. Numbers that
 * were only chosen or handed on (of a maximum, a selection), and integers, were not rounded and
 * stay. */
#include "interp/noise.h"

#include <math.h>
#include <stdlib.h>

#include "ops/random.h"

static int compare_floats(const void *a, const void *b)
{
    const float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

/* The magnitudes of all f32 elements that went in, ascending. */
static float *magnitudes(Arena *arena, const Node *node, const Tensor *in, int64_t *count)
{
    int64_t n = 0;
    for (int i = 0; i < node->input_count; i++)
        if (in[i].type.dtype == DT_F32) n += type_elements(in[i].type);
    float *at = arena_array(arena, float, n + 1);
    *count = 0;
    for (int i = 0; i < node->input_count; i++)
        for (int64_t e = 0; in[i].type.dtype == DT_F32 && e < type_elements(in[i].type); e++) {
            const float x = fabsf((float)tensor_get(&in[i], e));
            if (!isnan(x)) at[(*count)++] = x;
        }
    qsort(at, (size_t)*count, sizeof *at, compare_floats);
    return at;
}

void noise_add(const Noise *noise, Arena *arena, const Node *node, const Tensor *in, Tensor *out)
{
    int64_t count;
    if (node->type.dtype != DT_F32 || !node->input_count || node->body) return;
    const float *given = magnitudes(arena, node, in, &count);
    float *at = out->data;
    for (int64_t e = 0; e < type_elements(out->type); e++) {
        const float x = fabsf(at[e]);
        if (!isfinite(x) || x == floorf(x)) continue;
        if (bsearch(&x, given, (size_t)count, sizeof x, compare_floats)) continue;
        const uint64_t stream = random_stream(noise->seed, (uint64_t)node->id);
        const uint64_t bits = random_bits(stream, (uint64_t)e);
        at[e] *= (float)(1.0 + noise->size * ((double)(bits >> 11) * 0x1p-52 - 1.0));
    }
}
