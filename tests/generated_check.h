/* Generated code against the interpreter: runs are queued with what the interpreter says of them,
 * then all are compared at once. */
#ifndef NNC_TESTS_GENERATED_CHECK_H
#define NNC_TESTS_GENERATED_CHECK_H
#include <math.h>

#include "generated.h"
#include "interp/interp.h"
#include "ops/random.h"

/* Entries of a table of tests: the function with the name of each target as its *state. */
#define ON_TARGET(function, target)                                              \
    {                                                                            \
#function " on " target, function, NULL, NULL, (void *)(uintptr_t)target \
    }
#define ON_EVERY_TARGET(function)                                                              \
    ON_TARGET(function, "scalar"), ON_TARGET(function, "avx2"), ON_TARGET(function, "avx512"), \
        ON_TARGET(function, "neon")

typedef struct Comparison {
    const char *name;
    GeneratedRun *run;
    Tensor *expected;
} Comparison;

typedef struct Suite {
    Arena *arena;
    double norm_bound; /* > 0: gradients are compared by their Euclidean norm: in deep
                        * models a rounding decides which of two equals a maximum takes */
    Generated *generated;
    VEC(Comparison *) comparisons;
} Suite;

/* Skips the test where code for the target cannot run. `optimise`: the C compiler's -O. */
static inline Suite suite_begin(const char *target_name, const char *name, const char *optimise)
{
    const Target *target = target_find(target_name);
    generated_or_skip(target);
    Arena *arena = arena_new();
    return (Suite){.arena = arena, .generated = generated_new(arena, target, name, optimise)};
}

/* Values of parameters and inputs, between -1 and 1. */
static inline float value_of(uint64_t stream, int64_t e)
{
    const uint64_t bits = random_bits(random_stream(7, stream), (uint64_t)e);
    return (float)((double)(bits >> 40) / 8388608.0 - 1.0);
}

static inline float **draw_params(Arena *arena, const ParamList *list)
{
    float **at = arena_array(arena, float *, list->count + 1);
    for (int i = 0; i < list->count; i++) {
        const int64_t n = type_elements(list->at[i].type);
        at[i] = arena_array(arena, float, n + 1);
        for (int64_t e = 0; e < n; e++) at[i][e] = value_of((uint64_t)i, e);
    }
    return at;
}

static inline void suite_queue(Suite *s, const char *name, int model, const Graph *graph,
                               float **params, float **states, const Tensor *inputs, int64_t count)
{
    Comparison *c = arena_make(s->arena, Comparison);
    const Module *m = s->generated->models.at[model].module;
    float **sessions = draw_params(s->arena, &m->sessions);
    /* Deep models are compared loosely, so their products may take the short way. */
    const bool blas = s->norm_bound > 0 && interp_has_blas();
    const Interp interp = {.module = m, .params = params, .states = states, .sessions = sessions,
                           .blas = blas};
    c->expected = arena_array(s->arena, Tensor, graph->outputs.count + 1);
    c->name = arena_printf(s->arena, "%s, %s, %d of %d rows, on %s", name, graph->name, (int)count,
                           (int)graph->batch, s->generated->target->name);
    const char *error = interp_run(&interp, s->arena, graph, inputs, count, c->expected);
    if (error) fail_msg("%s: the interpreter says: %s", c->name, error);
    c->run = generated_queue(s->generated, model, graph, params, states, inputs, count);
    c->run->sessions = sessions;
    vec_push(s->arena, s->comparisons, c);
}

/* Rows beyond the count hold NaN, or an index far out of range. */
static inline Tensor draw_input(Arena *arena, const Module *m, const Node *node, int64_t count)
{
    Tensor t = tensor_new(arena, node->type);
    const DType dtype = node->type.dtype;
    int64_t limit = m->decls.at[node->param].limit;
    if (dtype != DT_F32 && !limit) limit = dtype == DT_U8 ? 256 : 5;
    for (int64_t e = 0; e < type_elements(t.type); e++) {
        const double x = value_of(100 + (uint64_t)node->param, e);
        const double valid = limit ? floor((x + 1) / 2 * (double)limit) : x;
        const double beyond = dtype == DT_F32 ? NAN : dtype == DT_U8 ? 255 : -1234567;
        tensor_set(&t, e, is_invalid_row(t.type, count, e) ? beyond : valid);
    }
    return t;
}

/* Zeros, ones and the like. */
static inline float **initial_values(Arena *arena, const ParamList *list)
{
    float **at = arena_array(arena, float *, list->count + 1);
    for (int i = 0; i < list->count; i++) {
        at[i] = arena_array(arena, float, type_elements(list->at[i].type) + 1);
        init_param(&list->at[i], i, 0, at[i]);
    }
    return at;
}

static inline void suite_queue_drawn(Suite *s, const char *name, int model, const Graph *graph,
                                     int64_t count)
{
    const Module *m = s->generated->models.at[model].module;
    Tensor *inputs = arena_array(s->arena, Tensor, graph->inputs.count + 1);
    for (int i = 0; i < graph->inputs.count; i++)
        inputs[i] = draw_input(s->arena, m, graph->inputs.at[i], count);
    suite_queue(s, name, model, graph, draw_params(s->arena, &m->params),
                initial_values(s->arena, &m->states), inputs, count);
}

/* Every entry of a module whose passes have run, with all rows, all but one, and one. */
static inline void suite_add(Suite *s, const Module *m, const char *name)
{
    const int model = generated_add(s->generated, m, -1);
    for (int i = 0; i < m->entries.count; i++) {
        const Graph *graph = m->entries.at[i];
        suite_queue_drawn(s, name, model, graph, graph->batch);
        if (graph->batch > 2) suite_queue_drawn(s, name, model, graph, graph->batch - 1);
        if (graph->batch > 1) suite_queue_drawn(s, name, model, graph, 1);
    }
}

/* Gradients that cancel (a bias before a batch norm) are the rounding of others: a thousandth of
 * the largest gradient is the least that one is measured against. */
static inline double gradient_floor(const Comparison *c)
{
    double largest = 0.0;
    for (int i = 0; i < c->run->graph->outputs.count; i++)
        for (int64_t e = 0; c->run->graph->outputs.at[i].kind == OUT_GRAD
                            && e < type_elements(c->expected[i].type);
             e++)
            largest = fmax(largest, fabs(tensor_get(&c->expected[i], e)));
    return 1e-3 * largest;
}

static inline void compare_output(const Comparison *c, const Output *o, const Tensor *got,
                                  const Tensor *want, double bound)
{
    double largest = o->kind == OUT_GRAD ? fmax(1e-6, gradient_floor(c)) : 1e-6, worst = 0.0;
    for (int64_t e = 0; e < type_elements(want->type); e++) {
        if ((o->kind == OUT_OUTPUT || o->kind == OUT_SESSION)
            && is_invalid_row(want->type, c->run->head.count, e))
            continue;
        const double x = tensor_get(got, e), y = tensor_get(want, e);
        if (!isfinite(x)) fail_msg("%s: %s[%d] is %g, not %g", c->name, o->name, (int)e, x, y);
        largest = fmax(largest, fabs(y));
        worst = fmax(worst, fabs(x - y));
    }
    if (worst > bound * largest)
        fail_msg("%s: %s is off by %.3g of its largest element, %.3g", c->name, o->name,
                 worst / largest, largest);
}

static inline void compare_norm(const Comparison *c, const Output *o, const Tensor *got,
                                const Tensor *want, double bound)
{
    double size = 0.0, off = 0.0;
    for (int64_t e = 0; e < type_elements(want->type); e++) {
        const double x = tensor_get(got, e), y = tensor_get(want, e);
        if (!isfinite(x)) fail_msg("%s: %s[%d] is %g, not %g", c->name, o->name, (int)e, x, y);
        size += y * y;
        off += (x - y) * (x - y);
    }
    const double least = gradient_floor(c) * sqrt((double)type_elements(want->type));
    if (sqrt(off) > bound * fmax(sqrt(size), least))
        fail_msg("%s: %s is off by %.3g of its norm %.3g", c->name, o->name, sqrt(off / size),
                 sqrt(size));
}

/* Builds, runs and compares all: values within `bound` of the largest of their tensor. */
static inline void suite_end(Suite *s, double bound)
{
    generated_build(s->generated);
    generated_flush(s->generated);
    for (int i = 0; i < s->comparisons.count; i++) {
        const Comparison *c = s->comparisons.at[i];
        const char *faults = generated_faults(s->arena, c->run);
        if (faults) fail_msg("%s: %s", c->name, faults);
        for (int j = 0; j < c->run->graph->outputs.count; j++) {
            const Output *o = &c->run->graph->outputs.at[j];
            if (o->kind == OUT_GRAD && s->norm_bound > 0)
                compare_norm(c, o, &c->run->outputs[j], &c->expected[j], s->norm_bound);
            else compare_output(c, o, &c->run->outputs[j], &c->expected[j], bound);
        }
    }
    print_message("[          ] %d comparisons on %s\n", s->comparisons.count,
                  s->generated->target->name);
    arena_free(s->arena);
}
#endif
