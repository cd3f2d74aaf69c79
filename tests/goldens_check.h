/* What is held against a golden, whatever runs it: inference, loss, outputs and gradients of a
 * batch, statistics, and three steps of Adam. */
#ifndef NNC_TESTS_GOLDENS_CHECK_H
#define NNC_TESTS_GOLDENS_CHECK_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <unistd.h>

#include "goldens.h"
#include "nn_optimizer.h"

#define TOLERANCE      2e-5 /* of a value, relative to the tensor's largest */
#define STEP_TOLERANCE 2e-4 /* of weights after three steps */
#define WINOGRAD_TOLERANCE 1e-4 /* of loss and statistics then, of transformed convolutions */
#define NOISE          1e-5 /* a gradient this small beside the model's largest */
#define NOISE_ELEMENT                                                               \
    1e-6 /* elements of a gradient that Adam turns into noise: below this, or below \
          * this beside the tensor's largest, which is the rounding of its sums */

static const GoldenRow golden_rows[] = {
    {"mnist_mlp", 128, {NULL, NULL}, {NULL, NULL}, true, 0.5, 1.0, NULL},
    {"regression", 32, {NULL, NULL}, {NULL, NULL}, true, 0.5, 1.0, NULL},
    {"lenet", 16, {"dropout(0.25)", "dropout(0)"}, {NULL, NULL}, false, 1.0, 1.0, NULL},
    {"resnet20", 8, {NULL, NULL}, {"scalar", NULL}, false, 1.0, 1.0, NULL},
    {"tiny_yolo", 2, {NULL, NULL}, {NULL, "scalar"}, true, 1.0, 1.0, NULL},
    {"char_gpt", 4, {NULL, NULL}, {NULL, NULL}, true, 1.0, 1.0, NULL},
    {"bert_classifier", 4, {"dropout(0.1)", "dropout(0)"}, {NULL, NULL}, true, 1.0, 1.0, NULL},
    {"speech_ctc", 4, {NULL, NULL}, {NULL, NULL}, true, 1.0, 1.0, "bn.running_mean"},
};

/* ---- one entry ---- */

static inline Tensor *run_entry(Golden *g, const Backend *backend, const char *name,
                                const Graph **entry)
{
    *entry = module_entry(g->module, name);
    if (!*entry) fail_msg("%s has no entry %s", g->row->name, name);
    Tensor *outputs = arena_array(g->arena, Tensor, (*entry)->outputs.count + 1);
    const char *failure = backend->run(g, *entry, golden_inputs(g, *entry), outputs);
    if (failure) fail_msg("%s, %s: %s", g->row->name, name, failure);
    return outputs;
}

static inline const Tensor *output_of(const Graph *entry, const Tensor *outputs, OutputKind kind,
                                      int param)
{
    for (int i = 0; i < entry->outputs.count; i++)
        if (entry->outputs.at[i].kind == kind && (param < 0 || entry->outputs.at[i].param == param))
            return &outputs[i];
    fail_msg("%s yields no %s", entry->name, output_kind_name(kind));
    return NULL;
}

static inline void compare_outputs(Golden *g, const Backend *backend, const Graph *entry,
                                   const Tensor *outputs, const char *kind)
{
    for (int i = 0; i < entry->outputs.count; i++) {
        const Output *output = &entry->outputs.at[i];
        bool real = output->kind == OUT_OUTPUT && output->node->type.dtype == DT_F32;
        if (real)
            golden_compare(g, backend, kind, output->name, outputs[i].data,
                           type_elements(outputs[i].type), 0.0, TOLERANCE);
    }
}

static inline void compare_infer(Golden *g, const Backend *backend)
{
    const Graph *entry;
    const Tensor *outputs = run_entry(g, backend, "infer", &entry);
    compare_outputs(g, backend, entry, outputs, "infer/");
}

/* ---- the training step ---- */

static inline double largest_gradient(const Golden *g)
{
    double largest = 0;
    for (int i = 0; i < g->file.count; i++) {
        const nn_stored *stored = &g->file.tensors[i];
        if (strncmp(stored->name, "grad/", 5) != 0) continue;
        largest = fmax(largest, golden_largest(golden_floats(g, stored), stored->elements));
    }
    return largest;
}

/* Of a gradient that is nothing but rounding (of a bias before a batch norm) the size counts alone.
 */
static inline bool is_noise(Golden *g, const Param *param, double floor)
{
    const nn_stored *stored = golden_find(g, "grad/", param->name);
    return stored && golden_largest(golden_floats(g, stored), stored->elements) < floor / 2;
}

static inline void compare_train(Golden *g, const Backend *backend)
{
    const Graph *entry;
    const Tensor *outputs = run_entry(g, backend, "train", &entry);
    const double floor = NOISE * largest_gradient(g);
    compare_outputs(g, backend, entry, outputs, "output/");
    golden_compare(g, backend, "loss", "", output_of(entry, outputs, OUT_LOSS, -1)->data, 1, 0.0,
                   TOLERANCE);
    for (int i = 0; i < g->module->params.count; i++) {
        const Param *param = &g->module->params.at[i];
        const Tensor *grad = output_of(entry, outputs, OUT_GRAD, i);
        golden_compare(g, backend, "grad/", param->name, grad->data, type_elements(param->type),
                       floor, is_noise(g, param, floor) ? 1.0 : TOLERANCE);
    }
}

/* ---- three steps ---- */

static inline void commit_states(Golden *g, const Graph *entry, const Tensor *outputs)
{
    for (int i = 0; i < entry->outputs.count; i++) {
        const Output *output = &entry->outputs.at[i];
        if (output->kind != OUT_STATE) continue;
        memcpy(g->states[output->param], outputs[i].data,
               sizeof(float) * (size_t)type_elements(outputs[i].type));
    }
}

static inline void take_step(Golden *g, int64_t step, const Graph *entry, const Tensor *outputs,
                             float *const *moments)
{
    const nn_optimizer adam = {.kind = NN_ADAM, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    const nn_span whole = {.offset = 0, .floats = g->weight_count};
    float *grads = arena_array(g->arena, float, g->weight_count + 1);
    for (int i = 0; i < g->module->params.count; i++)
        memcpy(grads + (g->params[i] - g->weights), output_of(entry, outputs, OUT_GRAD, i)->data,
               sizeof(float) * (size_t)type_elements(g->module->params.at[i].type));
    nn_optimizer_step(&adam, &whole, 1, step, 1e-3, g->weights, grads, moments);
}

/* Elements whose gradient is noise go wherever Adam sends them: the golden's values stand in.
 * Returns how many. */
static inline int64_t forgive_noise(Golden *g, const Param *param, float *values)
{
    const int64_t count = type_elements(param->type);
    float *grad = arena_array(g->arena, float, count + 1),
          *after = arena_array(g->arena, float, count + 1);
    float *before = arena_array(g->arena, float, count + 1);
    int64_t forgiven = 0;
    if (!golden_fill(g, "grad/", param->name, count, grad)
        || !golden_fill(g, "adam3/", param->name, count, after)
        || !golden_fill(g, "param/", param->name, count, before))
        return 0;
    const double noise = NOISE_ELEMENT * fmax(1.0, golden_largest(grad, count));
    for (int64_t e = 0; e < count; e++) {
        const bool untouched = grad[e] == 0.0f
                            && after[e] == before[e]; /* a row that nothing picked */
        if (fabs((double)grad[e]) >= noise || untouched) continue;
        values[e] = after[e];
        forgiven++;
    }
    return forgiven;
}

static inline void compare_weights(Golden *g, const Backend *backend)
{
    for (int i = 0; i < g->module->params.count; i++) {
        const Param *param = &g->module->params.at[i];
        const int64_t count = type_elements(param->type),
                      forgiven = forgive_noise(g, param, g->params[i]);
        if (forgiven > 0)
            printf("%s: %s: %lld of %lld elements have noise for a gradient and are not compared\n",
                   g->row->name, param->name, (long long)forgiven, (long long)count);
        if (forgiven < count)
            golden_compare(g, backend, "adam3/", param->name, g->params[i], count, 0.0,
                           STEP_TOLERANCE);
    }
}

static inline void compare_states(Golden *g, const Backend *backend, double tolerance)
{
    for (int i = 0; i < g->module->states.count; i++) {
        const Param *state = &g->module->states.at[i];
        if (g->row->follows && !strcmp(g->row->follows, state->name)) continue;
        golden_compare(g, backend, "state3/", state->name, g->states[i], type_elements(state->type),
                       0.0, tolerance);
    }
}

static inline void compare_adam(Golden *g, const Backend *backend)
{
    float *moments[2];
    for (int i = 0; i < 2; i++) moments[i] = arena_array(g->arena, float, g->weight_count + 1);
    for (int64_t step = 0; step < 3; step++) {
        const Graph *entry;
        const Tensor *outputs = run_entry(g, backend, "train", &entry);
        if (step == 2)
            golden_compare(g, backend, "loss3", "", output_of(entry, outputs, OUT_LOSS, -1)->data,
                           1, 0.0, STEP_TOLERANCE);
        take_step(g, step, entry, outputs, moments);
        commit_states(g, entry, outputs);
    }
    compare_weights(g, backend);
    compare_states(g, backend, STEP_TOLERANCE);
    golden_reset(g);
}

/* Skips the test where there are none. */
static inline void goldens_need(void)
{
    if (access("../shared/goldens", R_OK) == 0) return;
    print_message("[  SKIPPED ] there is no ../shared/goldens\n");
    skip();
}
#endif
