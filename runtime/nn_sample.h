/* SPDX-License-Identifier: MIT
 * nn_sample.h - one of several classes drawn by their logits: the next letter or word of a text. */
#ifndef NN_SAMPLE_H
#define NN_SAMPLE_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_sampling {
    float temperature;       /* logits are divided by it; 0: the class of the largest logit */
    int top_k;               /* only the so many largest may be drawn; 0: all */
    uint64_t seed;
} nn_sampling;

/* A class of 0..count-1 with probability softmax(logits / temperature) among those that may be
 * drawn. A function of its arguments alone: `place` numbers the draws of one seed (the position in
 * the text), so a text can be repeated from any place on. Of equal logits the first count among
 * the largest. A logit that is no number is never drawn. -1 where no class can be. */
int nn_sample(const nn_sampling *sampling, const float *logits, int count, uint64_t place);

#ifdef __cplusplus
}
#endif
#endif
