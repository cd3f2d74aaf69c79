/* SPDX-License-Identifier: MIT
 * nn_adam.c - Adam in vectors of each size the machine has.
 *
 * A square root that may set errno keeps compilers from vectorising the plain loop unless the
 * whole build is told otherwise, so the vectors are written out; only the root differs by
 * instruction set. Division and root are correctly rounded, hence equal in all of them, and hide
 * behind 28 bytes of traffic a weight. */
#include "nn_adam.h"

#include <math.h>

#include "nn_model.h"
#include "nn_simd.h"

#if defined(__GNUC__) && defined(__x86_64__)
#include <immintrin.h>
#elif defined(__GNUC__) && defined(__aarch64__)
#include <arm_neon.h>
#endif

/* name_vectors updates a multiple of `width` weights and returns how many. */
#define ADAM_VECTORS(name, attributes, width, root_of)                                           \
    typedef float name##_vector __attribute__((vector_size(4 * (width)), aligned(4), may_alias)); \
    NN_LOOP_OPTIONS attributes static int64_t name##_vectors(                                     \
        const nn_adam *a, int64_t count, float *weight, const float *grad, float *first,          \
        float *second) {                                                                          \
        const nn_adam k = *a;                                                                     \
        int64_t i = 0;                                                                            \
        for (; i + (width) <= count; i += (width)) {                                              \
            name##_vector w = *(const name##_vector *)(weight + i);                               \
            name##_vector g = *(const name##_vector *)(grad + i) + k.decay * w;                   \
            name##_vector m = k.beta1 * *(name##_vector *)(first + i) + k.rest1 * g;              \
            name##_vector v = k.beta2 * *(name##_vector *)(second + i) + k.rest2 * (g * g);       \
            *(name##_vector *)(first + i) = m;                                                    \
            *(name##_vector *)(second + i) = v;                                                   \
            *(name##_vector *)(weight + i) =                                                      \
                k.keep * w - k.rate * m / ((name##_vector)root_of(v) * k.root + k.eps);           \
        }                                                                                         \
        return i;                                                                                 \
    }

#if defined(__GNUC__) && defined(__x86_64__)
#define ROOT16(v) _mm512_sqrt_ps((__m512)(v))
#define ROOT8(v) _mm256_sqrt_ps((__m256)(v))
#define ROOT4(v) _mm_sqrt_ps((__m128)(v))
ADAM_VECTORS(avx512, __attribute__((target("avx512f"))), 16, ROOT16)
ADAM_VECTORS(avx2, __attribute__((target("avx2"))), 8, ROOT8)
ADAM_VECTORS(sse2, , 4, ROOT4)

static int64_t vectors(const nn_adam *a, int64_t count, float *weight, const float *grad,
                       float *first, float *second) {
    if (__builtin_cpu_supports("avx512f"))
        return avx512_vectors(a, count, weight, grad, first, second);
    if (__builtin_cpu_supports("avx2"))
        return avx2_vectors(a, count, weight, grad, first, second);
    return sse2_vectors(a, count, weight, grad, first, second);
}
#elif defined(__GNUC__) && defined(__aarch64__)
#define ROOT4(v) vsqrtq_f32((float32x4_t)(v))
ADAM_VECTORS(neon, , 4, ROOT4)

static int64_t vectors(const nn_adam *a, int64_t count, float *weight, const float *grad,
                       float *first, float *second) {
    return neon_vectors(a, count, weight, grad, first, second);
}
#else
static int64_t vectors(const nn_adam *a, int64_t count, float *weight, const float *grad,
                       float *first, float *second) {
    (void)a, (void)count, (void)weight, (void)grad, (void)first, (void)second;
    return 0;
}
#endif

void nn_adam_update(const nn_adam *adam, int64_t count, float *weight, const float *grad,
                    float *first, float *second) {
    const nn_adam k = *adam;
    for (int64_t i = vectors(adam, count, weight, grad, first, second); i < count; i++) {
        float w = weight[i], g = grad[i] + k.decay * w;
        float m = k.beta1 * first[i] + k.rest1 * g;
        float v = k.beta2 * second[i] + k.rest2 * (g * g);
        first[i] = m;
        second[i] = v;
        weight[i] = k.keep * w - k.rate * m / (sqrtf(v) * k.root + k.eps);
    }
}
