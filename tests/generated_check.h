/* Generated code against the interpreter: runs are queued with what the interpreter says of them,
 * then all are compared at once. */
#ifndef NNC_TESTS_GENERATED_CHECK_H
#define NNC_TESTS_GENERATED_CHECK_H
#include <math.h>

#include "generated.h"
#include "interp/interp.h"

typedef struct Comparison { const char *name; GeneratedRun *run; Tensor *expected; } Comparison;

typedef struct Suite {
    Arena *arena;
    Generated *generated;
    VEC(Comparison *) comparisons;
} Suite;

/* Skips the test where code for the target cannot run. */
static inline Suite suite_begin(const char *target_name, const char *name)
{
    Arena *arena = arena_new();
    const Target *target = target_find(target_name);
    const char *reason = generated_cannot_run(arena, target);
    if (reason) {
        print_message("[  SKIPPED ] %s\n", reason);
        arena_free(arena);
        skip();
    }
    return (Suite){.arena = arena, .generated = generated_new(arena, target, name)};
}

static inline void suite_queue(Suite *s, const char *name, int model, const Graph *graph,
                               float **params, float **states, const Tensor *inputs, int64_t count)
{
    Comparison *c = arena_make(s->arena, Comparison);
    const Interp interp = {.module = s->generated->models.at[model].module, .params = params,
                           .states = states};
    c->expected = arena_array(s->arena, Tensor, graph->outputs.count + 1);
    c->name = arena_printf(s->arena, "%s, %s, %d of %d rows, on %s", name, graph->name, (int)count,
                           (int)graph->batch, s->generated->target->name);
    const char *error = interp_run(&interp, s->arena, graph, inputs, count, c->expected);
    if (error) fail_msg("%s: the interpreter says: %s", c->name, error);
    c->run = generated_queue(s->generated, model, graph, params, states, inputs, count);
    vec_push(s->arena, s->comparisons, c);
}

static inline void compare_output(const Comparison *c, const Output *o, const Tensor *got,
                                  const Tensor *want, double bound)
{
    double largest = 1e-6, worst = 0.0;
    for (int64_t e = 0; e < type_elements(want->type); e++) {
        if (o->kind == OUT_OUTPUT && is_invalid_row(want->type, c->run->head.count, e)) continue;
        const double x = tensor_get(got, e), y = tensor_get(want, e);
        if (!isfinite(x)) fail_msg("%s: %s[%d] is %g, not %g", c->name, o->name, (int)e, x, y);
        largest = fmax(largest, fabs(y));
        worst = fmax(worst, fabs(x - y));
    }
    if (worst > bound * largest)
        fail_msg("%s: %s is off by %.3g of its largest element, %.3g", c->name, o->name,
                 worst / largest, largest);
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
        for (int j = 0; j < c->run->graph->outputs.count; j++)
            compare_output(c, &c->run->graph->outputs.at[j], &c->run->outputs[j], &c->expected[j],
                           bound);
    }
    print_message("[          ] %d comparisons on %s\n", s->comparisons.count,
                  s->generated->target->name);
    arena_free(s->arena);
}
#endif
