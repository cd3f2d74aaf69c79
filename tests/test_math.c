/* The math functions of generated code (loop/math.c) against libm in double precision, on every
 * target of this machine: the errors that their banners state hold over whole ranges. */
#include <math.h>
#include <stdlib.h>

#include "driver/native.h"
#include "graphs.h"
#include "passes/pass.h"
#include "target/target.h"

enum { POINTS = 1 << 18 };

typedef struct Function1 {
    Op op;
    double (*exact)(double x);
    double lo, hi;
    double ulps;     /* largest error in units of the last place of the result ... */
    double absolute; /* ... or of this size, whichever is larger */
} Function1;

static double sigmoid(double x) { return 1 / (1 + exp(-x)); }

static double normal_cdf(double x) { return erfc(-x * 0.70710678118654752) / 2; }

static double normal_pdf(double x) { return 0.39894228040143267794 * exp(-0.5 * x * x); }

static double softplus(double x) { return log1p(exp(-fabs(x))) + (x > 0 ? x : 0); }

static double reciprocal_root(double x) { return 1 / sqrt(x); }

static const Function1 functions[] = {
    {OP_exp, exp, -87, 88, 1.1, 0},
    {OP_exp, exp, -1, 1, 1.1, 0},
    {OP_log, log, 1e-30, 1e30, 2, 0},
    {OP_log, log, 0.5, 2, 2, 2e-8},
    {OP_tanh, tanh, -10, 10, 6, 0},
    {OP_tanh, tanh, -0.1, 0.1, 5, 0},
    {OP_sigmoid, sigmoid, -20, 20, 3.1, 0},
    {OP_normal_cdf, normal_cdf, -8, 8, 0, 2.5e-7},
    {OP_normal_pdf, normal_pdf, -8, 8, 0, 1.2e-7},
    {OP_softplus, softplus, -15, 15, 2, 1.2e-7},
    {OP_sin, sin, -30, 30, 0, 3e-7},
    {OP_cos, cos, -30, 30, 0, 3e-7},
    {OP_sqrt, sqrt, 1e-6, 1e6, 1, 0},
    {OP_rsqrt, reciprocal_root, 1e-6, 1e6, 2, 0},
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* One entry: output i is function i of input i. */
static Module *all_functions(Arena *arena)
{
    Module *m = module_new(arena, "math");
    m->source_name = "math.nn";
    Graph *g = graph_new(arena, "infer", 1);
    vec_push(arena, m->entries, g);
    const Type type = batched(f32_type(2, (int64_t[]){1, POINTS}));
    for (int i = 0; i < FUNCTIONS; i++) {
        const char *name = arena_printf(arena, "x%d", i);
        const Attr attr = attr_text(name);
        vec_push(arena, m->decls, ((TensorDecl){.name = name, .type = type}));
        Node *x = graph_leaf(g, OP_input, type, &attr, i, (Origin){.name = name});
        graph_output(g, OUT_OUTPUT, arena_printf(arena, "y%d", i), map1(g, functions[i].op, x), -1);
    }
    const PassOptions options = {.verify = true};
    const char *wrong = passes_run(m, &options);
    if (wrong) fail_msg("%s", wrong);
    return m;
}

static void fill(const Function1 *f, float *x)
{
    for (int i = 0; i < POINTS; i++) {
        const double t = (i + 0.5) / POINTS;
        x[i] = (float)(f->lo > 0 ? f->lo * pow(f->hi / f->lo, t) : f->lo + (f->hi - f->lo) * t);
    }
}

static void check(const Function1 *f, const char *target, const float *x, const float *y)
{
    double worst = 0, at = 0;
    for (int i = 0; i < POINTS; i++) {
        const double exact = f->exact((double)x[i]), error = fabs((double)y[i] - exact);
        int exponent;
        frexp(exact, &exponent);
        const double ulps = error / ldexp(1, (exponent < -125 ? -125 : exponent) - 24);
        if (error <= f->absolute || ulps <= worst) continue;
        worst = ulps;
        at = (double)x[i];
    }
    if (!(worst <= f->ulps))
        fail_msg("%s of %g on %s is off by %.2f units of the last place, more than %g",
                 op_row(f->op)->name, at, target, worst, f->ulps);
}

static void on_target(const char *name)
{
    const Target *target = target_find(name);
    if (!target_runs_here(target)) {
        print_message("[  SKIPPED ] this processor lacks %s\n", name);
        skip();
    }
    Arena *arena = arena_new();
    Lowered *lowered = lower_plan(arena, plan_module(arena, all_functions(arena), 0), target);
    const EmitOptions options = {.command = "test", .optimizer = -1};
    const Emission e = emission_new(arena, lowered->plan, &lowered, 1, &options);
    Native native;
    const char *problem = native_load(arena, &e, "-O2", &native);
    if (problem) fail_msg("%s", problem);
    float *x[FUNCTIONS], *y[FUNCTIONS];
    for (int i = 0; i < FUNCTIONS; i++) {
        x[i] = arena_array(arena, float, POINTS);
        y[i] = arena_array(arena, float, POINTS);
        fill(&functions[i], x[i]);
    }
    const nn_entry *entry = &native.model->entries[0];
    nn_call call = {.inputs = (const void *const *)x, .outputs = (void *const *)y, .count = 1};
    call.workspace = arena_array(arena, float, entry->workspace_bytes / 4 + 16);
    call.params = arena_array(arena, float, native.model->param_floats + 16);
    assert_int_equal(entry->call(&call), NN_OK);
    for (int i = 0; i < FUNCTIONS; i++) check(&functions[i], name, x[i], y[i]);
    native_close(&native);
    arena_free(arena);
}

static void test_scalar(void **state)
{
    (void)state;
    on_target("scalar");
}

static void test_avx2(void **state)
{
    (void)state;
    on_target("avx2");
}

static void test_avx512(void **state)
{
    (void)state;
    on_target("avx512");
}

static void test_neon(void **state)
{
    (void)state;
    on_target("neon");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scalar), cmocka_unit_test(test_avx2),
                                       cmocka_unit_test(test_avx512), cmocka_unit_test(test_neon)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
