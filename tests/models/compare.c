/* Queueing and comparing. A difference counts where it is larger than what tiny changes of the
 * inputs and of every rounding make of the oracle itself: so an ill-conditioned network is no
 * failure, and a wrong kernel of a well-conditioned one is. */
#include "compare.h"

enum { PERTURBATIONS = 3 };
static const double bound = 1e-4, patience = 20;

static void tell(Trial *t, const char *model, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    printf("%s: ", model);
    vprintf(format, args);
    printf("\n");
    va_end(args);
    if (!t->last_failed || strcmp(t->last_failed, model) != 0) t->failed++;
    t->last_failed = model;
}

/* ---- values ---- */

/* Near the values that the program starts with, so that no zeros or ones hide an error. */
static float **near_start(Arena *arena, const ParamList *list, uint64_t stream)
{
    float **at = initial_values(arena, list);
    for (int i = 0; i < list->count; i++)
        for (int64_t e = 0; e < type_elements(list->at[i].type); e++)
            at[i][e] += 0.1f * value_of(stream + (uint64_t)i, e);
    return at;
}

/* ---- the oracle ---- */

/* Whether rows beyond the count hold anything. */
static bool has_rows(const Output *o) { return o->kind == OUT_OUTPUT || o->kind == OUT_SESSION; }

static double largest_difference(const Output *o, const Tensor *a, const Tensor *b, int64_t count)
{
    double worst = 0;
    for (int64_t e = 0; e < type_elements(a->type); e++) {
        if (has_rows(o) && is_invalid_row(a->type, count, e)) continue;
        const double d = fabs(tensor_get(a, e) - tensor_get(b, e));
        if (!(d <= worst)) worst = d;
        if (isnan(d)) return INFINITY;
    }
    return worst;
}

/* False: it says that an index is out of range. */
static bool run_oracle(Trial *t, TrialRun *r, float **params, float **states,
                       float **sessions, const Tensor *inputs, int64_t count)
{
    const Interp interp = {
        .module = r->oracle, .params = params, .states = states, .sessions = sessions};
    const int outputs = r->graph->outputs.count;
    r->expected = arena_array(t->arena, Tensor, outputs + 1);
    r->slack = arena_array(t->arena, double, outputs + 1);
    const char *error = interp_run(&interp, t->arena, r->graph, inputs, count, r->expected);
    if (error) return false;
    for (int round = 1; round <= PERTURBATIONS; round++) {
        Tensor *moved = arena_array(t->arena, Tensor, outputs + 1);
        interp_disturbed(&interp, t->arena, r->graph, inputs, count, round, moved);
        for (int i = 0; i < outputs; i++)
            r->slack[i] = fmax(r->slack[i], largest_difference(&r->graph->outputs.at[i], &moved[i],
                                                               &r->expected[i], count));
    }
    return true;
}

/* ---- queueing ---- */

static void queue_run(Trial *t, const char *name, const Module *oracle, int model, int entry,
                      int64_t count)
{
    const Graph *graph = t->generated->models.at[model].module->entries.at[entry];
    TrialRun *r = arena_make(t->arena, TrialRun);
    r->name = arena_printf(t->arena, "%s, %s, %d of %d rows", name, graph->name, (int)count,
                           (int)graph->batch);
    r->oracle = oracle;
    r->graph = oracle->entries.at[entry];
    float **params = near_start(t->arena, &oracle->params, 1);
    float **states = near_start(t->arena, &oracle->states, 50);
    float **sessions = draw_params(t->arena, &oracle->sessions);
    Tensor *inputs = arena_array(t->arena, Tensor, graph->inputs.count + 1);
    for (int i = 0; i < graph->inputs.count; i++)
        inputs[i] = draw_input(t->arena, oracle, graph->inputs.at[i], count);
    if (!run_oracle(t, r, params, states, sessions, inputs, count)) return;
    r->run = generated_queue(t->generated, model, graph, params, states, inputs, count);
    r->run->sessions = sessions;
    vec_push(t->arena, t->runs, r);
}

static Module *compiled(Trial *t, const char *path, const char *last_pass)
{
    CompileOptions *options = arena_make(t->arena, CompileOptions);
    options->last_pass = last_pass;
    options->targets[options->target_count++] = t->generated->target;
    Compilation *c = arena_make(t->arena, Compilation);
    *c = compile_start(t->arena, path, options);
    if (!compile_or_tell(c, STAGE_ELABORATED)) return NULL;
    c->module->far_bytes = 1; /* scans go by chunks where they can */
    return compile_or_tell(c, STAGE_TRANSFORMED) ? c->module : NULL;
}

void trial_add(Trial *t, const char *name, const char *path)
{
    Module *oracle = compiled(t, path, "differentiate"), *m = compiled(t, path, NULL);
    t->models++;
    if (!oracle || !m) {
        tell(t, name, "does not compile");
        return;
    }
    const int model = generated_add(t->generated, m, -1);
    for (int i = 0; i < m->entries.count; i++) {
        const int64_t batch = m->entries.at[i]->batch;
        queue_run(t, name, oracle, model, i, batch);
        if (batch > 2) queue_run(t, name, oracle, model, i, batch - 1);
        if (batch > 1) queue_run(t, name, oracle, model, i, 1);
    }
}

/* ---- comparing ---- */

static double largest_of(const TrialRun *r, int i)
{
    const Tensor *want = &r->expected[i];
    double largest = 0;
    for (int64_t e = 0; e < type_elements(want->type); e++)
        if (!has_rows(&r->graph->outputs.at[i])
            || !is_invalid_row(want->type, r->run->head.count, e))
            largest = fmax(largest, fabs(tensor_get(want, e)));
    return largest;
}

/* Gradients far below the largest of the network are what rounding left of it. */
static double least_gradient(const TrialRun *r)
{
    double largest = 1e-3;
    for (int i = 0; i < r->graph->outputs.count; i++)
        if (r->graph->outputs.at[i].kind == OUT_GRAD)
            largest = fmax(largest, 1e-4 * largest_of(r, i));
    return largest;
}

static bool compare_one(Trial *t, const TrialRun *r, int i, const char *model)
{
    const Output *o = &r->graph->outputs.at[i];
    const Tensor *want = &r->expected[i], *got = &r->run->outputs[i];
    const int64_t count = r->run->head.count;
    const double own = largest_of(r, i), floor = o->kind == OUT_GRAD ? least_gradient(r) : 1e-3;
    const double largest = own == 0 ? 1 : fmax(floor, own); /* 0: what cancels out exactly */
    if (!isfinite(r->slack[i]) || !isfinite(largest)) return true;
    const double off = largest_difference(o, got, want, count);
    if (o->kind == OUT_METRIC && off <= 0.25 * largest) return true; /* counts: equals break ties */
    if (off <= bound * largest + patience * r->slack[i]) return true;
    tell(t, model, "%s, on %s: %s is off by %.3g of its largest element, %.3g (slack %.1g)",
         r->name, t->generated->target->name, o->name, off / largest, largest,
         r->slack[i] / largest);
    return false;
}

static void compare_run(Trial *t, const TrialRun *r)
{
    const char *comma = strchr(r->name, ',');
    const char *model = arena_printf(t->arena, "%.*s", (int)(comma - r->name), r->name);
    const char *faults = generated_faults(t->arena, r->run);
    if (faults) tell(t, model, "%s, on %s: %s", r->name, t->generated->target->name, faults);
    if (r->run->answer.status != NN_OK) return;
    for (int i = 0; i < r->graph->outputs.count; i++)
        if (!compare_one(t, r, i, model)) return;
}

int trial_end(Trial *t)
{
    if (!t->runs.count) return t->failed;
    generated_build(t->generated);
    generated_flush(t->generated);
    for (int i = 0; i < t->runs.count; i++) compare_run(t, t->runs.at[i]);
    printf("%d runs of %d models on %s, %d failed\n", t->runs.count, t->models,
           t->generated->target->name, t->failed);
    return t->failed;
}
