/* A model by hand for tests of the runtime: prediction = x . weight + bias, half-squared error.
 *
 * It shows everything a generated model may have: a weight stored with padding, a tensor that is
 * not trained, decay marks, a state that training writes, and a random part that depends on the
 * seed of a call (one input of three is left out of the gradient). */
#ifndef TESTS_RUNTIME_MODEL_H
#define TESTS_RUNTIME_MODEL_H
#include <math.h>
#include <string.h>

#include "nn_model.h"

enum { TOY_BATCH = 8, TOY_FLOATS = 48, TOY_STATES = 4 };

static const nn_tensor toy_params[] = {
    {"fc.weight", 2, {1, 3}, {16, 2}, 0, 16, 1, 1}, /* every second float */
    {"fc.bias", 1, {1}, {1}, 16, 16, 1, 0},
    {"fixed", 1, {2}, {1}, 32, 16, 0, 0},
};
static const nn_tensor toy_states[] = {{"seen", 1, {2}, {3}, 0, 4, 0, 0}};
static const nn_io toy_inputs[] = {
    {"x", NN_F32, 2, {TOY_BATCH, 3}, 1, 0},
    {"y", NN_F32, 2, {TOY_BATCH, 1}, 1, 0},
};
static const nn_io toy_outputs[] = {{"prediction", NN_F32, 2, {TOY_BATCH, 1}, 1, 0}};
static const char *const toy_metrics[] = {"mean_absolute_error"};

static inline float toy_predict(const float *params, const float *x)
{
    return x[0] * params[0] + x[1] * params[2] + x[2] * params[4] + params[16];
}

/* Loss and metric of a call; returns the status of its arguments. */
static inline int toy_score(const nn_call *call)
{
    const float *x = call->inputs[0], *y = call->inputs[1];
    float loss = 0, absolute = 0;
    if (call->count < 1 || call->count > TOY_BATCH) return NN_BAD_COUNT;
    for (int i = 0; i < call->count; i++) {
        float d = toy_predict(call->params, x + 3 * i) - y[i];
        loss += d * d / 2;
        absolute += fabsf(d);
    }
    *call->loss = loss / (float)call->count;
    if (call->metrics) {
        call->metrics[0] = absolute;
        call->metrics[1] = (float)call->count;
    }
    return NN_OK;
}

static inline int toy_train_call(const nn_call *call)
{
    const float *x = call->inputs[0], *y = call->inputs[1];
    int status = toy_score(call), dropped = (int)(call->seed % 4);
    if (status) return status;
    memset(call->grads, 0, sizeof(float) * TOY_FLOATS);
    for (int i = 0; i < call->count; i++) {
        float d = (toy_predict(call->params, x + 3 * i) - y[i]) / (float)call->count;
        for (int j = 0; j < 3; j++)
            if (j != dropped) call->grads[2 * j] += d * x[3 * i + j];
        call->grads[16] += d;
    }
    call->grads[32] = call->grads[33] = 1; /* must not matter: `fixed` is not trained */
    call->states[0] += (float)call->count;
    call->states[3] += 1;
    return NN_OK;
}

static inline void toy_init(float *params, uint64_t seed)
{
    memset(params, 0, sizeof(float) * TOY_FLOATS);
    params[0] = (float)(seed % 10) / 10;
    params[32] = 5;
    params[33] = 6;
}

static inline void toy_init_states(float *states) { memset(states, 0, sizeof(float) * TOY_STATES); }

static inline int64_t toy_place(int tensor, int64_t i)
{
    const nn_tensor *t = &toy_params[tensor];
    return t->offset + i * t->stride[t->rank - 1];
}

static inline int toy_get(const float *params, int tensor, float *out, size_t capacity)
{
    size_t count = tensor == 0 ? 3 : tensor == 1 ? 1 : 2;
    if (tensor < 0 || tensor > 2 || capacity < count) return NN_BAD_TENSOR;
    for (size_t i = 0; i < count; i++) out[i] = params[toy_place(tensor, (int64_t)i)];
    return NN_OK;
}

static inline int toy_set(float *params, int tensor, const float *in, size_t count)
{
    if (tensor < 0 || tensor > 2 || count != (size_t)(tensor == 0 ? 3 : tensor == 1 ? 1 : 2))
        return NN_BAD_TENSOR;
    for (size_t i = 0; i < count; i++) params[toy_place(tensor, (int64_t)i)] = in[i];
    return NN_OK;
}

static const nn_entry toy_entries[] = {
    {"train", TOY_BATCH, 64, 2, 1, 1, toy_inputs, toy_outputs, toy_metrics, 0, toy_train_call,
     NULL},
    {"evaluate", TOY_BATCH, 64, 2, 1, 1, toy_inputs, toy_outputs, toy_metrics, 0, toy_score, NULL},
};

static const nn_model toy_model = {
    NN_MODEL_ABI, "toy",      "scalar",    0x746f79, TOY_FLOATS,
    TOY_STATES,   0,          3,           1,        2,
    toy_params,   toy_states, toy_entries, toy_init, toy_init_states,
    toy_get,      toy_set,    NULL,        NULL,
};
#endif
