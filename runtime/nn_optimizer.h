/* SPDX-License-Identifier: MIT
 * nn_optimizer.h - SGD, Adam and AdamW over a whole parameter array in stored order, schedules,
 * and clipping.
 *
 * The formulas are those of PyTorch's documentation (torch.optim.SGD, Adam, AdamW). Padding is
 * zero and stays zero, because each update maps (0, 0) to 0. Tensors with trainable == 0 are
 * skipped; weight decay touches those with decay == 1. */
#ifndef NN_OPTIMIZER_H
#define NN_OPTIMIZER_H
#include "nn_error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { NN_CONSTANT, NN_STEPWISE, NN_COSINE };

/* Learning rate by step t = 0, 1, ...:
 *   during t < warmup: peak * (t + 1) / warmup
 *   NN_CONSTANT: peak
 *   NN_STEPWISE: peak * factor ** floor(t / every)
 *   NN_COSINE:   peak * (1 + cos(pi * (t - warmup) / (total - warmup))) / 2, 0 from `total` on;
 *                total 0: the whole run */
typedef struct nn_schedule {
    int kind;
    double peak;
    int64_t warmup;
    int64_t every;
    double factor;
    int64_t total;
} nn_schedule;

/* total is used where schedule->total is 0. */
double nn_schedule_rate(const nn_schedule *schedule, int64_t step, int64_t total);

enum { NN_SGD, NN_ADAM, NN_ADAMW };

typedef struct nn_optimizer {
    int kind;
    nn_schedule lr;
    double momentum;         /* SGD */
    int nesterov;            /* SGD */
    double beta1, beta2, eps;        /* Adam, AdamW: 0.9, 0.999, 1e-8 */
    double weight_decay;     /* SGD, Adam: added to the gradient; AdamW: decoupled, 0.01 */
} nn_optimizer;

/* How many arrays of param_floats the optimiser keeps: 0, 1 or 2. */
int nn_optimizer_moments(const nn_optimizer *optimizer);

/* A stretch of the parameter array that is treated alike. */
typedef struct nn_span {
    int64_t offset, floats;
    int decay;
} nn_span;

/* The trainable stretches of a model, neighbours merged, in ascending order; *spans is released
 * with free(). */
int nn_optimizer_spans(const nn_optimizer *optimizer, const nn_model *model, nn_span **spans,
                       int *count, nn_error *error);

/* One step. step counts from 0; rate is the learning rate; moments[i] are arrays as long as
 * params, zero before the first step. grads is read only. */
void nn_optimizer_step(const nn_optimizer *optimizer, const nn_span *spans, int span_count,
                       int64_t step, double rate, float *params, const float *grads,
                       float *const *moments);

/* The Euclidean norm of the gradient over the spans, and scaling of it. */
double nn_gradient_norm(const float *grads, const nn_span *spans, int span_count);

/* Scales grads so that their norm is at most limit, as torch.nn.utils.clip_grad_norm_ does (factor
 * limit / (norm + 1e-6), never above 1); returns the norm before. */
double nn_clip_norm(float *grads, const nn_span *spans, int span_count, double limit);

#ifdef __cplusplus
}
#endif
#endif
