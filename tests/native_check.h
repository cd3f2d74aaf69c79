/* The interpreter against generated code: one module, all its entries, on one target of this machine. */
#ifndef NNC_TESTS_NATIVE_CHECK_H
#define NNC_TESTS_NATIVE_CHECK_H
#include <math.h>
#include <stdlib.h>

#include "driver/native.h"
#include "graphs.h"
#include "interp/interp.h"
#include "passes/pass.h"

enum { GUARD = 16 };                 /* floats on either side of every buffer */

/* A buffer between guards, aligned for float alone, every byte of it a NaN. */
typedef struct Guarded { float *base; int64_t floats; } Guarded;

static inline float *guarded_new(Guarded *g, int64_t floats)
{
    g->floats = floats;
    g->base = malloc(sizeof(float) * (size_t)(floats + 2 * GUARD + 1));
    memset(g->base, 0xff, sizeof(float) * (size_t)(floats + 2 * GUARD + 1));
    return g->base + GUARD + 1;
}

static inline bool guarded_intact(const Guarded *g)
{
    const unsigned char *bytes = (const unsigned char *)g->base;
    const size_t front = sizeof(float) * (GUARD + 1), back = front + sizeof(float) * (size_t)g->floats;
    for (size_t i = 0; i < front; i++)
        if (bytes[i] != 0xff) return false;
    for (size_t i = back; i < back + sizeof(float) * GUARD; i++)
        if (bytes[i] != 0xff) return false;
    return true;
}

typedef struct Lab {
    Arena *arena;
    const Module *module;
    const nn_model *model;
    float **params;                  /* logical */
    float **states;
    const char *label;               /* for messages */
    unsigned random;
} Lab;

static inline float lab_random(Lab *lab)
{
    lab->random = lab->random * 1664525u + 1013904223u;
    return (float)(lab->random >> 8) / 8388608.0f - 1.0f;
}

/* Random values; rows from `count` on hold NaN (or an index far out of range). */
static inline Tensor lab_input(Lab *lab, const Node *node, int64_t count)
{
    Tensor t = tensor_new(lab->arena, node->type);
    const int64_t n = type_elements(node->type), rows = node->type.batch_axis == 0 ? node->type.dim[0] : 1;
    const int64_t valid = node->type.batch_axis == 0 ? n / rows * count * node->type.batch_inner : n;
    const int64_t limit = node->param >= 0 ? lab->module->decls.at[node->param].limit : 0;
    for (int64_t i = 0; i < n; i++) {
        if (node->type.dtype == DT_F32) ((float *)t.data)[i] = i < valid ? lab_random(lab) : NAN;
        else ((int32_t *)t.data)[i] = i < valid ? (int32_t)((float)(limit ? limit : 5) * (lab_random(lab) * 0.5f + 0.5f)) : -1234567;
        if (node->type.dtype == DT_I32 && limit && i < valid && ((int32_t *)t.data)[i] >= limit) ((int32_t *)t.data)[i] = 0;
    }
    return t;
}

static inline const nn_entry *lab_entry(const Lab *lab, const char *name)
{
    for (int i = 0; i < lab->model->entry_count; i++)
        if (!strcmp(lab->model->entries[i].name, name)) return &lab->model->entries[i];
    fail_msg("%s: no entry %s", lab->label, name);
    return NULL;
}

static inline void lab_compare(const Lab *lab, const char *what, const float *got, const float *want, int64_t n, double bound)
{
    double largest = 1e-6, worst = 0;
    for (int64_t i = 0; i < n; i++) {
        if (!isfinite(got[i])) fail_msg("%s: %s[%lld] is %g, expected %g", lab->label, what, (long long)i, (double)got[i], (double)want[i]);
        if (fabs((double)want[i]) > largest) largest = fabs((double)want[i]);
        if (fabs((double)got[i] - (double)want[i]) > worst) worst = fabs((double)got[i] - (double)want[i]);
    }
    if (worst > bound * largest)
        fail_msg("%s: %s is off by %.3g of its largest element %.3g", lab->label, what, worst / largest, largest);
}

/* The stored form of a tensor as logical values. */
static inline float *lab_unpack(const Lab *lab, const nn_tensor *t, const float *stored)
{
    int64_t n = 1;
    for (int i = 0; i < t->rank; i++) n *= t->dims[i];
    float *out = arena_array(lab->arena, float, n);
    for (int64_t e = 0; e < n; e++) {
        int64_t at = t->offset, rest = e;
        for (int axis = t->rank - 1; axis >= 0; axis--) {
            at += rest % t->dims[axis] * t->stride[axis];
            rest /= t->dims[axis];
        }
        out[e] = stored[at];
    }
    return out;
}

static inline void lab_padding_is_zero(const Lab *lab, const float *stored)
{
    double sum = 0, logical = 0;
    for (int64_t i = 0; i < lab->model->param_floats; i++) sum += fabs((double)stored[i]);
    for (int i = 0; i < lab->model->param_count; i++) {
        const nn_tensor *t = &lab->model->params[i];
        const float *at = lab_unpack(lab, t, stored);
        int64_t n = 1;
        for (int axis = 0; axis < t->rank; axis++) n *= t->dims[axis];
        for (int64_t e = 0; e < n; e++) logical += fabs((double)at[e]);
    }
    if (fabs(sum - logical) > 1e-5 * (logical + 1e-3)) fail_msg("%s: padding of the gradients is not zero", lab->label);
}

typedef struct LabRun { Guarded params, states, grads, loss, metrics, workspace, in[16], out[16]; nn_call call; const void *ins[16]; void *outs[16]; } LabRun;

static inline float *lab_copy(Guarded *g, const void *data, int64_t floats)
{
    float *at = guarded_new(g, floats);
    memcpy(at, data, sizeof(float) * (size_t)floats);
    return at;
}

static inline void lab_prepare(Lab *lab, LabRun *r, const nn_entry *entry, const Graph *graph, const Tensor *inputs, int64_t count)
{
    float *params = guarded_new(&r->params, lab->model->param_floats), *states = guarded_new(&r->states, lab->model->state_floats);
    if (lab->model->init) lab->model->init(params, 0);
    for (int i = 0; i < lab->model->param_count; i++)
        assert_int_equal(lab->model->set(params, i, lab->params[i], (size_t)type_elements(lab->module->params.at[i].type)), NN_OK);
    if (lab->model->init_states) lab->model->init_states(states);
    for (int i = 0; i < graph->inputs.count; i++)
        r->ins[i] = lab_copy(&r->in[i], inputs[i].data, type_elements(inputs[i].type));
    int n = 0;
    for (int i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.at[i].kind == OUT_OUTPUT || graph->outputs.at[i].kind == OUT_INPUT_GRAD) {
            r->outs[n] = guarded_new(&r->out[n], type_elements(graph->outputs.at[i].node->type));
            n++;
        }
    r->call = (nn_call){.params = params, .states = states, .inputs = r->ins, .outputs = r->outs, .count = (int)count};
    r->call.grads = guarded_new(&r->grads, lab->model->param_floats);
    r->call.loss = guarded_new(&r->loss, 2);
    r->call.metrics = guarded_new(&r->metrics, 2 * entry->metric_count);
    r->call.workspace = guarded_new(&r->workspace, (int64_t)entry->workspace_bytes / 4);
}

static inline void lab_finish(const Lab *lab, LabRun *r, const Graph *graph)
{
    Guarded *all[] = {&r->params, &r->states, &r->grads, &r->loss, &r->metrics, &r->workspace};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!guarded_intact(all[i])) fail_msg("%s: buffer %zu was overrun", lab->label, i);
        free(all[i]->base);
    }
    for (int i = 0; i < 16; i++) {
        if (r->in[i].base && !guarded_intact(&r->in[i])) fail_msg("%s: input %d was overrun", lab->label, i);
        if (r->out[i].base && !guarded_intact(&r->out[i])) fail_msg("%s: output %d was overrun", lab->label, i);
        free(r->in[i].base);
        free(r->out[i].base);
    }
    (void)graph;
}

static inline void lab_compare_outputs(Lab *lab, const LabRun *r, const Graph *graph, const Tensor *want, int64_t count, double bound)
{
    int n = 0, metric = 0;
    bool grads = false;
    for (int i = 0; i < graph->outputs.count; i++) {
        const Output *o = &graph->outputs.at[i];
        const Type t = o->node->type;
        int64_t elements = type_elements(t);
        if (t.batch_axis == 0) elements = elements / t.dim[0] * count * t.batch_inner;
        const float *expected = want[i].data;
        const char *what = o->name;
        if (o->kind == OUT_OUTPUT || o->kind == OUT_INPUT_GRAD) {
            if (t.dtype == DT_F32) lab_compare(lab, what, r->outs[n], expected, elements, bound);
            else if (t.dtype == DT_I32) assert_memory_equal(r->outs[n], expected, (size_t)elements * 4);
            n++;
        } else if (o->kind == OUT_LOSS) {
            lab_compare(lab, "loss", r->call.loss, expected, elements, bound);
        } else if (o->kind == OUT_METRIC) {
            lab_compare(lab, what, r->call.metrics + 2 * metric++, expected, 2, bound);
        } else if (o->kind == OUT_GRAD) {
            lab_compare(lab, arena_printf(lab->arena, "gradient of %s", what),
                        lab_unpack(lab, &lab->model->params[o->param], r->call.grads), expected, elements, bound);
            grads = true;
        } else if (o->kind == OUT_STATE) {
            lab_compare(lab, arena_printf(lab->arena, "state %s", what),
                        lab_unpack(lab, &lab->model->states[o->param], r->call.states), expected, elements, bound);
        }
    }
    if (grads) lab_padding_is_zero(lab, r->call.grads);
}

static inline void lab_check_entry(Lab *lab, const Graph *graph, int64_t count, double bound)
{
    const nn_entry *entry = lab_entry(lab, graph->name);
    Tensor *inputs = arena_array(lab->arena, Tensor, graph->inputs.count + 1);
    Tensor *want = arena_array(lab->arena, Tensor, graph->outputs.count + 1);
    for (int i = 0; i < graph->inputs.count; i++) inputs[i] = lab_input(lab, graph->inputs.at[i], count);
    const Interp interp = {.module = lab->module, .params = lab->params, .states = lab->states};
    const char *error = interp_run(&interp, lab->arena, graph, inputs, count, want);
    if (error) fail_msg("%s: the interpreter says: %s", lab->label, error);
    LabRun r = {0};
    lab_prepare(lab, &r, entry, graph, inputs, count);
    const int status = entry->call(&r.call);
    if (status != NN_OK) fail_msg("%s: %s: %s", lab->label, graph->name, nn_status_text(status));
    lab_compare_outputs(lab, &r, graph, want, count, bound);
    lab_finish(lab, &r, graph);
}

/* Compiles the module (its passes have run) for the target with `flags`, and compares all entries at full and at short count. */
static inline void check_native(Arena *arena, const Module *module, const Target *target, const char *flags, const char *label, double bound)
{
    Plan *plan = plan_module(arena, module);
    const char *wrong = plan_verify(arena, plan);
    if (wrong) fail_msg("%s: %s", label, wrong);
    Lowered *lowered = lower_plan(arena, plan, target);
    const EmitOptions options = {.command = "test", .optimizer = -1};
    const Emission e = emission_new(arena, plan, &lowered, 1, &options);
    Native native;
    const char *problem = native_load(arena, &e, flags, &native);
    if (problem) fail_msg("%s: %s", label, problem);
    Lab lab = {.arena = arena, .module = module, .model = native.model, .label = label, .random = 7};
    lab.params = arena_array(arena, float *, module->params.count + 1);
    lab.states = arena_array(arena, float *, module->states.count + 1);
    for (int i = 0; i < module->params.count; i++) {
        lab.params[i] = arena_array(arena, float, type_elements(module->params.at[i].type) + 1);
        for (int64_t j = 0; j < type_elements(module->params.at[i].type); j++) lab.params[i][j] = lab_random(&lab);
    }
    for (int i = 0; i < module->states.count; i++) {
        lab.states[i] = arena_array(arena, float, type_elements(module->states.at[i].type) + 1);
        init_param(&module->states.at[i], i, 0, lab.states[i]);
    }
    for (int i = 0; i < module->entries.count; i++) {
        const Graph *graph = module->entries.at[i];
        lab_check_entry(&lab, graph, graph->batch, bound);
        if (graph->batch > 1 && emit_takes_count(graph)) lab_check_entry(&lab, graph, graph->batch - 1, bound);
    }
    native_close(&native);
}
#endif
