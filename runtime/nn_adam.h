/* SPDX-License-Identifier: MIT
 * nn_adam.h - the update of Adam and AdamW over one stretch of weights; the trainer's hot loop. */
#ifndef NN_ADAM_H
#define NN_ADAM_H
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers of one step, rounded to f32 once (D. Kingma, J. Ba: Adam, 2014; I. Loshchilov, F. Hutter:
 * Decoupled Weight Decay Regularization, 2017; in the order of operations of PyTorch):
 *   g = grad + decay * w;  m = beta1 * m + rest1 * g;  v = beta2 * v + rest2 * g * g
 *   w = keep * w - rate * m / (sqrt(v) * root + eps) */
typedef struct nn_adam {
    float beta1, rest1, beta2, rest2;    /* rest = 1 - beta */
    float rate;              /* lr / (1 - beta1^t) */
    float root;              /* 1 / sqrt(1 - beta2^t) */
    float eps;
    float decay;             /* Adam: weight decay added to the gradient; else 0 */
    float keep;              /* AdamW: 1 - lr * weight_decay; else 1 */
} nn_adam;

/* The four arrays hold count floats, need no alignment and must not overlap. */
void nn_adam_update(const nn_adam *adam, int64_t count, float *weight, const float *grad,
                    float *first, float *second);

#ifdef __cplusplus
}
#endif
#endif
