/* Three steps of Adam. */
#include "driver/steps.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/interp_model.h"
#include "driver/rounding.h"
#include "nn_data.h"
#include "nn_optimizer.h"
#include "nn_weights.h"

enum { STEPS = 3 };
static const double noise = 1e-6, rate = 1e-3;
static const nn_optimizer adam = {.kind = NN_ADAM, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
static const Span nowhere = {NULL, 0, 0};

/* ---- taking them ---- */

static int take(Arena *arena, const Subject *s, nn_call *call, const nn_entry *entry,
                nn_error *error)
{
    float *moments[] = {floats_new(arena, s->model->param_floats),
                        floats_new(arena, s->model->param_floats)};
    nn_span *spans;
    int count, status = nn_optimizer_spans(&adam, s->model, &spans, &count, error);
    if (status) return status;
    for (int step = 0; step < STEPS && !status; step++) {
        status = entry->call(call);
        if (!status)
            nn_optimizer_step(&adam, spans, count, step, rate, s->params, call->grads, moments);
    }
    free(spans);
    return status;
}

static void add(Arena *arena, Results *results, ResultKind kind, const nn_tensor *t,
                const float *array)
{
    Result r = {.kind = kind, .name = t->name, .rank = t->rank, .elements = nn_tensor_elements(t)};
    memcpy(r.dims, t->dims, sizeof r.dims);
    r.values = floats_new(arena, r.elements);
    nn_tensor_get(t, array, r.values);
    vec_push(arena, *results, r);
}

/* The loss, then trained parameters, then states, as the steps leave them in the subject. */
static bool take_all(const Steps *s, const Module *module, Subject *subject, Results *out)
{
    const nn_model *model = subject->model;
    const nn_entry *entry = nn_find_entry(model, "train");
    nn_call *call = call_new(s->arena, model, entry, subject->params, subject->states);
    nn_error error;
    nn_error_clear(&error);
    if (!reference_weights(s->file, module, subject, s->diags)
        || !reference_inputs(s->file, model, entry, call, s->diags))
        return false;
    const int status = take(s->arena, subject, call, entry, &error);
    if (status) diag_error(s->diags, nowhere, "%s: %s", entry->name, nn_status_text(status));
    if (status) return false;
    *out = (Results){0};
    Result loss = {.kind = RESULT_LOSS, .name = "loss", .elements = 1, .values = call->loss};
    vec_push(s->arena, *out, loss);
    for (int i = 0; i < model->param_count; i++)
        if (model->params[i].trainable)
            add(s->arena, out, RESULT_PARAM, &model->params[i], subject->params);
    for (int i = 0; i < model->state_count; i++)
        add(s->arena, out, RESULT_STATE, &model->states[i], subject->states);
    return true;
}

/* ---- the reference's ---- */

static const char *kind_of(const Result *r) { return r->kind == RESULT_PARAM ? "adam3" : "state3"; }

static const nn_stored *wanted(const nn_safetensors *file, const Result *r)
{
    const nn_stored *want = r->kind == RESULT_LOSS ? nn_safetensors_find(file, "loss3")
                                                   : reference_find(file, kind_of(r), r->name);
    return want && want->elements == r->elements ? want : NULL;
}

static bool has_steps(const nn_safetensors *file)
{
    for (int i = 0; i < file->count; i++)
        if (!strncmp(file->tensors[i].name, "adam3/", 6)) return true;
    return false;
}

/* Elements with noise for a gradient get the reference's value. Returns how many. */
static int64_t forgive_noise(const Steps *s, const Result *r, const float *want)
{
    const nn_stored *grad = reference_find(s->file, "grad", r->name);
    const nn_stored *before = reference_find(s->file, "param", r->name);
    int64_t forgiven = 0;
    if (r->kind != RESULT_PARAM || !grad || !before || grad->elements != r->elements) return 0;
    const float *g = reference_floats(s->arena, grad), *was = reference_floats(s->arena, before);
    const double least = noise * fmax(1.0, floats_differ(g, g, grad->elements, 0).largest);
    for (int64_t e = 0; e < r->elements; e++) {
        const bool untouched = g[e] == 0.0f && want[e] == was[e];    /* a row that nothing picked */
        if (fabs((double)g[e]) >= least || untouched) continue;
        r->values[e] = want[e];
        forgiven++;
    }
    return forgiven;
}

/* ---- rounding ---- */

/* The interpreter and its module: the subject, or beside generated code. */
static bool make_oracle(const Steps *s, Subject *oracle, const Module **module)
{
    *oracle = *s->subject;
    *module = s->module;
    if (!s->generated) return true;
    CompileOptions *options = arena_make(s->arena, CompileOptions);
    *options = *s->options;
    options->last_pass = "differentiate";
    Compilation c = compile_start(s->arena, s->path, options);
    if (!subject_interp(&c, false, oracle)) return false;
    *module = c.module;
    return true;
}

/* of: the place of each row among the results. */
static void note_moves(const Steps *s, const int *of, const Results *moved, const Results *still)
{
    for (int i = 0; i < s->rows.count; i++) {
        StepRow *row = &s->rows.at[i];
        const Result *m = &moved->at[of[i]], *r = &still->at[of[i]];
        const Difference d = floats_differ(m->values, r->values, r->elements, row->off.largest);
        row->moved = fmax(row->moved, d.relative);
        row->rounding = row->off.finite && rounding_explains(row->off.relative, row->moved);
    }
}

static bool all_explained(const Steps *s)
{
    for (int i = 0; i < s->rows.count; i++)
        if (!s->rows.at[i].within && !s->rows.at[i].rounding) return false;
    return true;
}

/* As often as it takes to explain what is off, if rounding can. */
static bool disturb(const Steps *s, const int *of)
{
    Subject oracle;
    const Module *module;
    Results still, moved;
    if (!make_oracle(s, &oracle, &module) || !take_all(s, module, &oracle, &still)) return false;
    for (int round = 1; round <= ROUNDING_RUNS && !all_explained(s); round++) {
        oracle.model = interp_model_disturbed(s->arena, module, round);
        if (!take_all(s, module, &oracle, &moved)) return false;
        note_moves(s, of, &moved, &still);
    }
    return true;
}

/* ---- comparing ---- */

bool steps_compare(Steps *s)
{
    Results got;
    if (!has_steps(s->file) || !nn_find_entry(s->subject->model, "train")) return true;
    if (!take_all(s, s->module, s->subject, &got)) return false;
    int *of = arena_array(s->arena, int, got.count + 1);
    for (int i = 0; i < got.count; i++) {
        const Result *r = &got.at[i];
        const nn_stored *want = wanted(s->file, r);
        if (!want) continue;
        const float *values = reference_floats(s->arena, want);
        StepRow row = {.what = "loss3", .rank = want->rank, .dims = want->dims};
        if (r->kind != RESULT_LOSS)
            row.what = arena_printf(s->arena, "%s/%s", kind_of(r), r->name);
        if (r->kind == RESULT_PARAM) row.param = r->name;
        row.noise = forgive_noise(s, r, values);
        row.off = floats_differ(r->values, values, r->elements, 0);
        row.within = row.off.finite && row.off.relative <= s->tolerance;
        of[s->rows.count] = i;
        vec_push(s->arena, s->rows, row);
    }
    return all_explained(s) || disturb(s, of);
}
