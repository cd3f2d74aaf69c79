/* SPDX-License-Identifier: MIT
 * nn_sample.c - sampling by temperature among the k largest. Nothing is sorted and nothing
 * allocated: the k-th largest logit is found by bisection of the floats' order. */
#include "nn_sample.h"

#include <math.h>
#include <string.h>

#include "nn_random.h"

/* Integers in the order of the floats; what is no number comes below all. */
static uint32_t rank_of(float x) {
    uint32_t bits;
    if (isnan(x)) return 0;
    memcpy(&bits, &x, sizeof bits);
    return bits >> 31 ? ~bits : bits | UINT32_C(0x80000000);
}

static int count_from(const float *logits, int count, uint32_t rank) {
    int n = 0;
    for (int i = 0; i < count; i++) n += rank_of(logits[i]) >= rank;
    return n;
}

/* The rank of the k-th largest. */
static uint32_t rank_of_kth(const float *logits, int count, int k) {
    uint32_t low = 0, high = UINT32_MAX;             /* at least k from low on, fewer beyond high */
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2 + 1;
        if (count_from(logits, count, middle) >= k) low = middle;
        else high = middle - 1;
    }
    return low;
}

static int largest_of(const float *logits, int count) {
    int best = -1;
    for (int i = 0; i < count; i++)
        if (!isnan(logits[i]) && (best < 0 || logits[i] > logits[best])) best = i;
    return best;
}

/* Weights of the classes that may be drawn, one after another. */
typedef struct Walk {
    const float *logits;
    double largest, temperature;
    uint32_t least;
    int equals;                      /* of rank `least` that may still be drawn */
} Walk;

static double weight_of(Walk *w, int i) {
    const uint32_t rank = rank_of(w->logits[i]);
    if (rank == 0 || rank < w->least || (rank == w->least && w->equals-- <= 0)) return 0;
    const double weight = exp(((double)w->logits[i] - w->largest) / w->temperature);
    return isnan(weight) ? 1 : weight;               /* both infinite */
}

int nn_sample(const nn_sampling *sampling, const float *logits, int count, uint64_t place) {
    const int best = largest_of(logits, count);
    const int k = sampling->top_k > 0 && sampling->top_k < count ? sampling->top_k : count;
    if (best < 0 || !(sampling->temperature > 0)) return best;
    Walk walk = {logits, (double)logits[best], (double)sampling->temperature, 1, count};
    if (k < count) {
        walk.least = rank_of_kth(logits, count, k);
        walk.equals = k - (walk.least < UINT32_MAX ? count_from(logits, count, walk.least + 1) : 0);
    }
    double sum = 0, seen = 0;
    Walk first = walk;
    for (int i = 0; i < count; i++) sum += weight_of(&first, i);
    const uint64_t bits = nn_random(sampling->seed, NN_STREAM_SAMPLE, place) >> 11;
    const double drawn = (double)bits / 9007199254740992.0 * sum;        /* 53 bits: [0, sum) */
    int last = best;
    for (int i = 0; i < count; i++) {
        const double weight = weight_of(&walk, i);
        if (weight > 0) last = i;
        if ((seen += weight) > drawn) return i;
    }
    return last;
}
