/* Products by one level of Strassen's algorithm: where it is chosen, that it agrees with the
 * interpreter at odd sizes and with fewer rows, how far it is from exact sums, and that gradients
 * of what is dark stay zero. */
#include "driver/compile.h"
#include "generated_check.h"

static Compilation compiled(Arena *arena, const char *path, CompileOptions *options, Stage stage)
{
    Compilation c = compile_start(arena, path, options);
    if (!compile_or_tell(&c, stage)) fail_msg("%s does not compile", path);
    return c;
}

/* ---- where ---- */

static int count_in(const char *path, const char *entry, CompileOptions options, const char *target)
{
    Arena *arena = arena_new();
    int n = 0;
    options.targets[options.target_count++] = target_find(target);
    const Compilation c = compiled(arena, path, &options, STAGE_PLANNED);
    for (int i = 0; i < c.plan->entries.count; i++)
        for (int j = 0; j < c.plan->entries.at[i]->kernels.count; j++)
            n += !strcmp(c.plan->entries.at[i]->name, entry)
              && c.plan->entries.at[i]->kernels.at[j]->strassen;
    arena_free(arena);
    return n;
}

static const char digits[] = "examples/mnist_mlp.nn";

static void large_products_have_it(void **state)
{
    (void)state;
    assert_int_equal(count_in(digits, "train", (CompileOptions){0}, "avx512"), 2);
    assert_int_equal(count_in(digits, "evaluate", (CompileOptions){0}, "avx512"), 1);
    assert_int_equal(count_in(digits, "infer", (CompileOptions){0}, "avx512"), 0);
}

static void others_do_not(void **state)
{
    (void)state;
    const CompileOptions strict = {.strict = true}, threads = {.emit.threads = 2},
                         small = {.max_workspace = 1 << 20};
    assert_int_equal(count_in(digits, "train", (CompileOptions){0}, "avx2"), 0);
    assert_int_equal(count_in(digits, "train", (CompileOptions){0}, "scalar"), 0);
    assert_int_equal(count_in(digits, "train", strict, "avx512"), 0);
    assert_int_equal(count_in(digits, "train", threads, "avx512"), 0);
    assert_int_equal(count_in(digits, "train", small, "avx512"), 0);
}

/* ---- what ---- */

/* Planned as for AVX-512 on every target: one file may be for several. */
static Module *transformed(Arena *arena, const char *path)
{
    static const char *const train[] = {"train"};
    CompileOptions *options = arena_make(arena, CompileOptions);
    options->entries = train;
    options->entry_count = 1;
    Module *m = compiled(arena, path, options, STAGE_TRANSFORMED).module;
    m->lanes = 16;
    return m;
}

static int planned(Arena *arena, const Module *m)
{
    const Plan *plan = plan_module(arena, m, 0);
    int n = 0;
    for (int i = 0; i < plan->entries.count; i++)
        for (int j = 0; j < plan->entries.at[i]->kernels.count; j++)
            n += plan->entries.at[i]->kernels.at[j]->strassen != NULL;
    return n;
}

static void equals_the_interpreter(void **state)
{
    static const struct {
        const char *path;
        int kernels;
    } programs[] = {{"tests/strassen/odd.nn", 2},
                    {"tests/strassen/rows.nn", 2},
                    {"tests/strassen/narrow.nn", 2}};
    Suite s = suite_begin(*state, "strassen", "-O1");
    for (int i = 0; i < (int)(sizeof programs / sizeof *programs); i++) {
        const Module *m = transformed(s.arena, programs[i].path);
        assert_int_equal(planned(s.arena, m), programs[i].kernels);
        suite_add(&s, m, programs[i].path);
    }
    suite_end(&s, 1e-5);
}

/* ---- how exactly ---- */

enum { ROWS = 128, PIXELS = 784, UNITS = 128, SEEDS = 8 };
/* Of the largest element. Seen were 1.5e-6 forward and 9.5e-7 backward, and 8e-7 and 6e-7 of the
 * plain products that AVX2 has. */
static const double exactness = 2e-6;

typedef struct Layer {
    Tensor x;
    float *weight, *bias;
    GeneratedRun *run;
    double h[ROWS][UNITS];
} Layer;

static bool dark_pixel(int p) { return p < 40 || p == 431 || p > 770; }
static bool dark_unit(int u) { return u == 3 || u == 70 || u == 127; }

static Layer *draw(Generated *g, const Module *m, uint64_t seed)
{
    Layer *l = arena_make(g->arena, Layer);
    float **params = arena_array(g->arena, float *, 2);
    l->weight = params[0] = arena_array(g->arena, float, UNITS * PIXELS);
    l->bias = params[1] = arena_array(g->arena, float, UNITS);
    l->x = tensor_new(g->arena, m->entries.at[0]->inputs.at[0]->type);
    for (int e = 0; e < ROWS * PIXELS; e++)
        tensor_set(&l->x, e,
                   dark_pixel(e % PIXELS) ? 0 : 0.5 + 0.5 * (double)value_of(3 * seed, e));
    for (int e = 0; e < UNITS * PIXELS; e++) params[0][e] = value_of(3 * seed + 1, e) / 28;
    for (int e = 0; e < UNITS; e++)
        params[1][e] = dark_unit(e) ? -1000 : value_of(3 * seed + 2, e);
    l->run = generated_queue(g, 0, m->entries.at[0], params, NULL, &l->x, ROWS);
    return l;
}

static const Tensor *output_of(const Layer *l, OutputKind kind, int param)
{
    for (int i = 0; i < l->run->graph->outputs.count; i++) {
        const Output *o = &l->run->graph->outputs.at[i];
        if (o->kind == kind && (param < 0 || o->param == param)) return &l->run->outputs[i];
    }
    fail_msg("no such output");
    return NULL;
}

static double error_forward(Layer *l)
{
    const Tensor *h = output_of(l, OUT_OUTPUT, -1);
    double worst = 0, largest = 0;
    for (int r = 0; r < ROWS; r++)
        for (int u = 0; u < UNITS; u++) {
            double sum = (double)l->bias[u];
            for (int p = 0; p < PIXELS; p++)
                sum += tensor_get(&l->x, r * PIXELS + p) * (double)l->weight[u * PIXELS + p];
            l->h[r][u] = fmax(sum, 0);
            largest = fmax(largest, l->h[r][u]);
            worst = fmax(worst, fabs(tensor_get(h, r * UNITS + u) - l->h[r][u]));
        }
    return worst / largest;
}

static double error_backward(const Layer *l)
{
    const Tensor *grad = output_of(l, OUT_GRAD, 0);
    double worst = 0, largest = 0;
    for (int u = 0; u < UNITS; u++)
        for (int p = 0; p < PIXELS; p++) {
            const double got = tensor_get(grad, u * PIXELS + p);
            double sum = 0;
            for (int r = 0; r < ROWS; r++) sum += tensor_get(&l->x, r * PIXELS + p) * l->h[r][u];
            if ((dark_unit(u) || dark_pixel(p)) && got != 0.0)
                fail_msg("the gradient of unit %d by pixel %d is %g, not 0", u, p, got);
            largest = fmax(largest, fabs(sum));
            worst = fmax(worst, fabs(got - sum));
        }
    return worst / largest;
}

static void is_nearly_exact_and_dark_stays_dark(void **state)
{
    const Target *target = target_find(*state);
    generated_or_skip(target);
    Arena *arena = arena_new();
    Generated *g = generated_new(arena, target, "strassen_exact", "-O1");
    const Module *m = transformed(arena, "tests/strassen/relu.nn");
    Layer *layers[SEEDS];
    double worst[2] = {0, 0};
    assert_int_equal(planned(arena, m), 2);
    generated_add(g, m, -1);
    generated_build(g);
    for (int i = 0; i < SEEDS; i++) layers[i] = draw(g, m, 20 + (uint64_t)i);
    generated_flush(g);
    for (int i = 0; i < SEEDS; i++) {
        worst[0] = fmax(worst[0], error_forward(layers[i]));
        worst[1] = fmax(worst[1], error_backward(layers[i]));
    }
    print_message("[          ] off by %.2g forward, %.2g backward\n", worst[0], worst[1]);
    assert_true(worst[0] < exactness && worst[1] < exactness);
    arena_free(arena);
}

/* An argument chooses tests: "*avx2". */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(large_products_have_it),
        cmocka_unit_test(others_do_not),
        ON_EVERY_TARGET(equals_the_interpreter),
        ON_TARGET(is_nearly_exact_and_dark_stays_dark, "avx512"),
        ON_TARGET(is_nearly_exact_and_dark_stays_dark, "avx2"),
    };
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("Strassen's products", tests, NULL, NULL);
}
