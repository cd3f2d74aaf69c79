/* SPDX-License-Identifier: MIT
 * nn_simd.h - loops that use the machine's vectors even under plain -O2.
 *
 * NN_LOOP(name, (parameters), (arguments)) makes a function of a static inline name_body that is
 * compiled for AVX-512, AVX2 and the build's own processor, and chosen by the processor at each
 * call. No contraction to fused multiply-add and correctly rounded division and square root: all
 * three give the same bits. Elsewhere than on x86 with GCC or Clang it is just the plain
 * function. */
#ifndef NN_SIMD_H
#define NN_SIMD_H

#if defined(__GNUC__) && !defined(__clang__)
#define NN_LOOP_OPTIONS __attribute__((optimize("O3", "no-math-errno", "fp-contract=off")))
#else
#define NN_LOOP_OPTIONS
#endif

#if defined(__GNUC__)
#define NN_LOOP_BODY static inline __attribute__((always_inline)) NN_LOOP_OPTIONS
#else
#define NN_LOOP_BODY static inline
#endif

#if defined(__GNUC__) && defined(__x86_64__)
#define NN_LOOP(name, parameters, arguments)                                                     \
    NN_LOOP_OPTIONS __attribute__((target("avx512f"))) static void name##_avx512 parameters {     \
        name##_body arguments;                                                                    \
    }                                                                                             \
    NN_LOOP_OPTIONS __attribute__((target("avx2"))) static void name##_avx2 parameters {          \
        name##_body arguments;                                                                    \
    }                                                                                             \
    NN_LOOP_OPTIONS static void name##_plain parameters { name##_body arguments; }                \
    static void name parameters {                                                                 \
        if (__builtin_cpu_supports("avx512f")) name##_avx512 arguments;                           \
        else if (__builtin_cpu_supports("avx2")) name##_avx2 arguments;                           \
        else name##_plain arguments;                                                              \
    }
#else
#define NN_LOOP(name, parameters, arguments)                                                      \
    NN_LOOP_OPTIONS static void name parameters { name##_body arguments; }
#endif
#endif
