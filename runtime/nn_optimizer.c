/* SPDX-License-Identifier: MIT
 * nn_optimizer.c - the update formulas of SGD, Adam and AdamW. */
#include "nn_optimizer.h"

#include <math.h>

#include "nn_adam.h"
#include "nn_simd.h"

NN_LOOP_BODY void sgd_body(int64_t count, float rate, float decay, float *NN_RESTRICT weight,
                           const float *NN_RESTRICT grad) {
    for (int64_t i = 0; i < count; i++) weight[i] -= rate * (grad[i] + decay * weight[i]);
}
NN_LOOP(sgd, (int64_t count, float rate, float decay, float *weight, const float *grad),
        (count, rate, decay, weight, grad))

/* velocity = momentum * velocity + g; the step is along velocity, or (Nesterov) ahead of it:
 * g + momentum * velocity. One loop does both: the step is of_grad * g + of_velocity * velocity. */
typedef struct Momentum {
    float rate, decay, momentum;
    float of_grad, of_velocity;          /* 0 and 1, or (Nesterov) 1 and momentum */
} Momentum;

NN_LOOP_BODY void momentum_body(int64_t count, const Momentum *a, float *NN_RESTRICT weight,
                                const float *NN_RESTRICT grad, float *NN_RESTRICT velocity) {
    const Momentum k = *a;
    for (int64_t i = 0; i < count; i++) {
        float g = grad[i] + k.decay * weight[i];
        float v = k.momentum * velocity[i] + g;
        velocity[i] = v;
        weight[i] -= k.rate * (k.of_grad * g + k.of_velocity * v);
    }
}
NN_LOOP(momentum, (int64_t count, const Momentum *a, float *weight, const float *grad,
                   float *velocity), (count, a, weight, grad, velocity))

int nn_optimizer_moments(const nn_optimizer *optimizer) {
    if (optimizer->kind != NN_SGD) return 2;
    return optimizer->momentum != 0;
}

static void step_adam(const nn_optimizer *o, const nn_span *span, int64_t step, double rate,
                      float *params, const float *grads, float *const *moments) {
    double decay = span->decay ? o->weight_decay : 0, t = (double)(step + 1);
    nn_adam a;
    a.beta1 = (float)o->beta1;
    a.rest1 = (float)(1 - o->beta1);
    a.beta2 = (float)o->beta2;
    a.rest2 = (float)(1 - o->beta2);
    a.rate = (float)(rate / (1 - pow(o->beta1, t)));
    a.root = (float)(1 / sqrt(1 - pow(o->beta2, t)));
    a.eps = (float)o->eps;
    a.decay = o->kind == NN_ADAM ? (float)decay : 0;
    a.keep = o->kind == NN_ADAMW ? (float)(1 - rate * decay) : 1;
    nn_adam_update(&a, span->floats, params + span->offset, grads + span->offset,
                   moments[0] + span->offset, moments[1] + span->offset);
}

static void step_sgd(const nn_optimizer *o, const nn_span *span, double rate, float *params,
                     const float *grads, float *const *moments) {
    float decay = span->decay ? (float)o->weight_decay : 0;
    Momentum k = { (float)rate, decay, (float)o->momentum, 0, 1 };
    if (o->momentum == 0) {
        sgd(span->floats, k.rate, k.decay, params + span->offset, grads + span->offset);
        return;
    }
    if (o->nesterov) {
        k.of_grad = 1;
        k.of_velocity = k.momentum;
    }
    momentum(span->floats, &k, params + span->offset, grads + span->offset,
             moments[0] + span->offset);
}

void nn_optimizer_step(const nn_optimizer *optimizer, const nn_span *spans, int span_count,
                       int64_t step, double rate, float *params, const float *grads,
                       float *const *moments) {
    for (int i = 0; i < span_count; i++) {
        if (optimizer->kind == NN_SGD)
            step_sgd(optimizer, &spans[i], rate, params, grads, moments);
        else
            step_adam(optimizer, &spans[i], step, rate, params, grads, moments);
    }
}

/* Eight sums in double, so that neither order nor size of the array costs accuracy. */
NN_LOOP_BODY void squares_body(int64_t count, const float *grad, double *sums) {
    for (int64_t i = 0; i + 8 <= count; i += 8)
        for (int j = 0; j < 8; j++) sums[j] += (double)grad[i + j] * (double)grad[i + j];
    for (int64_t i = count - count % 8; i < count; i++)
        sums[0] += (double)grad[i] * (double)grad[i];
}
NN_LOOP(squares, (int64_t count, const float *grad, double *sums), (count, grad, sums))

double nn_gradient_norm(const float *grads, const nn_span *spans, int span_count) {
    double sums[8] = { 0 }, total = 0;
    for (int i = 0; i < span_count; i++) squares(spans[i].floats, grads + spans[i].offset, sums);
    for (int j = 0; j < 8; j++) total += sums[j];
    return sqrt(total);
}

double nn_clip_norm(float *grads, const nn_span *spans, int span_count, double limit) {
    double norm = nn_gradient_norm(grads, spans, span_count), factor = limit / (norm + 1e-6);
    if (!(factor < 1)) return norm;
    for (int i = 0; i < span_count; i++)
        for (int64_t j = 0; j < spans[i].floats; j++) grads[spans[i].offset + j] *= (float)factor;
    return norm;
}
