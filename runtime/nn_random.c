/* SPDX-License-Identifier: MIT
 * nn_random.c - Philox2x64-10 and shuffling with it. */
#include "nn_random.h"

enum { ROUNDS = 10 };

#if defined(__SIZEOF_INT128__)
__extension__ typedef unsigned __int128 Wide;

/* The high half of a 64x64-bit product; the low half to *low. */
static uint64_t product(uint64_t a, uint64_t b, uint64_t *low) {
    Wide wide = (Wide)a * b;
    *low = (uint64_t)wide;
    return (uint64_t)(wide >> 64);
}
#else
/* The same from 32-bit pieces. */
static uint64_t product(uint64_t a, uint64_t b, uint64_t *low) {
    uint64_t a0 = a & 0xffffffffu, a1 = a >> 32, b0 = b & 0xffffffffu, b1 = b >> 32;
    uint64_t p00 = a0 * b0, p01 = a0 * b1, p10 = a1 * b0;
    uint64_t middle = (p00 >> 32) + (p01 & 0xffffffffu) + (p10 & 0xffffffffu);
    *low = a * b;
    return a1 * b1 + (p01 >> 32) + (p10 >> 32) + (middle >> 32);
}
#endif

uint64_t nn_random(uint64_t seed, uint64_t stream, uint64_t counter) {
    const uint64_t multiplier = 0xd2b74407b1ce6e93u, weyl = 0x9e3779b97f4a7c15u;
    uint64_t x = counter, y = stream, key = seed;
    for (int round = 0; round < ROUNDS; round++, key += weyl) {
        uint64_t low, high = product(x, multiplier, &low);
        x = high ^ key ^ y;
        y = low;
    }
    return x;
}

/* The draw for place i lies at counter epoch * 2^40 + i; x * (i + 1) / 2^64 maps it to 0..i. */
void nn_shuffle(int64_t *order, int64_t count, uint64_t seed, uint64_t stream, uint64_t epoch) {
    for (int64_t i = 0; i < count; i++) order[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        uint64_t low, bits = nn_random(seed, stream, (epoch << 40) + (uint64_t)i);
        int64_t j = (int64_t)product(bits, (uint64_t)i + 1, &low);
        int64_t kept = order[i];
        order[i] = order[j];
        order[j] = kept;
    }
}
