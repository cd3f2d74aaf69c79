/* SPDX-License-Identifier: MIT
 * nn_float_mode.h - flush-to-zero and denormals-are-zero of the calling thread.
 *
 * Moments of weights that get no gradient decay into denormals, on which some processors compute a
 * hundred times slower. Set while training, restored after. */
#ifndef NN_FLOAT_MODE_H
#define NN_FLOAT_MODE_H
#include <stdint.h>
#if defined(__SSE__)
#include <xmmintrin.h>
#endif

/* Turns both on; returns the mode before, for nn_float_mode_restore. On other processors:
 * nothing. */
static inline uint64_t nn_float_mode_fast(void) {
#if defined(__SSE__)
    unsigned int before = _mm_getcsr();
    _mm_setcsr(before | 0x8040u);        /* FZ is bit 15, DAZ bit 6 */
    return before;
#elif defined(__aarch64__) && defined(__GNUC__)
    uint64_t before;
    __asm__ volatile("mrs %0, fpcr" : "=r"(before));
    __asm__ volatile("msr fpcr, %0" : : "r"(before | (uint64_t)1 << 24));
    return before;
#else
    return 0;
#endif
}

static inline void nn_float_mode_restore(uint64_t before) {
#if defined(__SSE__)
    _mm_setcsr((unsigned int)before);
#elif defined(__aarch64__) && defined(__GNUC__)
    __asm__ volatile("msr fpcr, %0" : : "r"(before));
#else
    (void)before;
#endif
}
#endif
