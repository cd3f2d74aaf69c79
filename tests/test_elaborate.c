/* Elaboration: programs of tests/elaborate against their graphs and against the values that they
 * themselves expect, the options of a compilation, and limits. What is refused, and how, stands in
 * tests/bad. */
#include "elaborate_check.h"

#include <glob.h>
#include <math.h>
#include <time.h>

#include "golden.h"
#include "passes/pass.h"

static const char *const search[] = {"tests/elaborate/use/other"};
static const ElaborateOptions with_search = {.search = search, .search_count = 1};

static Module *elaborate_path(Arena *arena, const char *path)
{
    const char *said;
    Source *source = frontend_source(arena, path);
    source->path = path;
    Module *module = elaborate_source(arena, source, &with_search, &said);
    if (!module) fail_msg("%s", said);
    return module;
}

static int for_files(const char *pattern, bool (*check)(const char *path), int least)
{
    glob_t found;
    int failures = 0;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) failures += !check(found.gl_pathv[i]);
    assert_true((int)found.gl_pathc >= least);
    globfree(&found);
    return failures;
}

/* ---- values ---- */

static bool equal_tensors(const char *path, const char *name, const Tensor *got,
                          const Tensor *expected)
{
    if (!type_equal(got->type, expected->type)) {
        fprintf(stderr, "%s: %s is %s, expected %s\n", path, name,
                type_text(arena_new(), got->type), type_text(arena_new(), expected->type));
        return false;
    }
    for (int64_t e = 0; e < type_elements(got->type); e++) {
        double a = tensor_get(got, e), b = tensor_get(expected, e);
        if (fabs(a - b) <= 1e-5 * (1.0 + fabs(b))) continue;
        fprintf(stderr, "%s: %s[%d] is %g, expected %g\n", path, name, (int)e, a, b);
        return false;
    }
    return true;
}

/* One row less is valid than there are. */
static bool check_values(const char *path)
{
    Arena *arena = arena_new();
    Module *module = elaborate_path(arena, path);
    const Graph *graph = module_entry(module, "infer");
    Interp interp = interp_of(arena, module);
    Tensor *inputs = counting_inputs(arena, module, graph);
    Tensor *outputs = run_entry(arena, &interp, graph, inputs, graph->batch - (graph->batch > 1));
    bool matches = true;
    for (int i = 0; i < graph->outputs.count; i++) {
        const char *name = graph->outputs.at[i].name;
        int expected = find_output(graph, OUT_OUTPUT, arena_printf(arena, "%s_expected", name));
        if (expected >= 0) matches &= equal_tensors(path, name, &outputs[i], &outputs[expected]);
    }
    arena_free(arena);
    return matches;
}

static void programs_have_their_values(void **state)
{
    (void)state;
    assert_int_equal(for_files("tests/elaborate/*.nn", check_values, 8), 0);
}

/* ---- graphs ---- */

/* A module's text without the places that it came from. */
static const char *text_without_places(Arena *arena, const Module *module)
{
    Text text = text_new(arena), bare = text_new(arena);
    module_print(&text, module);
    for (const char *line = text.at; *line;) {
        size_t length = strcspn(line, "\n");
        const char *place = strstr(line, "   # ");
        text_addn(&bare, line, place && place < line + length ? (size_t)(place - line) : length);
        text_add(&bare, "\n");
        line += length + (line[length] == '\n');
    }
    return bare.at;
}

/* The text form reads back to the same text. */
static bool reads_back(Arena *arena, const Module *module, const Text *text)
{
    Source source = {"again.graph", text->at, text->length};
    Diags *diags = diags_new(arena);
    const Module *again = module_parse(arena, &source, diags);
    if (!again) {
        diags_print(diags, stderr);
        return false;
    }
    return strcmp(text_without_places(arena, module), text_without_places(arena, again)) == 0;
}

static bool check_graph(const char *path)
{
    Arena *arena = arena_new();
    Module *module = elaborate_path(arena, path);
    const char *fault = module_verify(arena, module);
    if (fault) fprintf(stderr, "%s: %s\n", path, fault);
    Text text = text_new(arena);
    module_print(&text, module);
    bool matches = !fault && reads_back(arena, module, &text);
    int stem = (int)(strlen(path) - strlen(".nn"));
    const char *golden = arena_printf(arena, "%.*s.graph", stem, path);
    matches &= golden_matches(arena, golden, text.at, text.length);
    arena_free(arena);
    return matches;
}

static void programs_have_their_graphs(void **state)
{
    (void)state;
    assert_int_equal(for_files("tests/elaborate/names.nn", check_graph, 1), 0);
    assert_int_equal(for_files("tests/elaborate/memory.nn", check_graph, 1), 0);
    assert_int_equal(for_files("tests/elaborate/scans.nn", check_graph, 1), 0);
}

/* ---- gradients ---- */

enum { DIRECTIONS = 3 };

static double loss_at(Arena *arena, Interp *interp, const Graph *graph, const Tensor *inputs)
{
    Tensor *outputs = run_entry(arena, interp, graph, inputs, graph->batch - 1);
    return tensor_get(&outputs[find_output(graph, OUT_LOSS, "loss")], 0);
}

static void move_params(Interp *interp, float **direction, double step)
{
    for (int i = 0; i < interp->module->params.count; i++)
        for (int64_t e = 0; e < type_elements(interp->module->params.at[i].type); e++)
            interp->params[i][e] += (float)(step * (double)direction[i][e]);
}

/* Small inputs of both signs, so that nothing saturates; labels as counting gives them. */
static Tensor *small_inputs(Arena *arena, const Module *module, const Graph *graph)
{
    Tensor *inputs = counting_inputs(arena, module, graph);
    for (int i = 0; i < graph->inputs.count; i++)
        for (int64_t e = 0; inputs[i].type.dtype == DT_F32 && e < type_elements(inputs[i].type);
             e++)
            tensor_set(&inputs[i], e, 0.7 * sin(1.7 * (double)(e + 1) + i));
    return inputs;
}

/* The derivative along a direction in the space of all parameters, by central differences and by
 * the gradients. */
static bool check_direction(const char *path, Arena *arena, Interp *interp, const Graph *plain,
                            const Graph *graph, const Tensor *inputs, uint64_t seed)
{
    const ParamList *params = &interp->module->params;
    ParamList drawn = {0};
    const double step = 2e-3;
    double slope = 0.0;
    for (int i = 0; i < params->count; i++) {
        Param param = params->at[i];
        param.init = (Init){.kind = INIT_UNIFORM, .a = -1.0, .b = 1.0};
        vec_push(arena, drawn, param);
    }
    float **direction = initial_values(arena, &drawn, seed);
    Tensor *outputs = run_entry(arena, interp, graph, inputs, graph->batch - 1);
    for (int i = 0; i < params->count; i++) {
        const Tensor *gradient = &outputs[find_output(graph, OUT_GRAD, params->at[i].name)];
        for (int64_t e = 0; e < type_elements(gradient->type); e++)
            slope += tensor_get(gradient, e) * (double)direction[i][e];
    }
    move_params(interp, direction, step);
    double above = loss_at(arena, interp, plain, inputs);
    move_params(interp, direction, -2 * step);
    double below = loss_at(arena, interp, plain, inputs);
    move_params(interp, direction, step);
    double expected = (above - below) / (2 * step);
    if (fabs(slope - expected) <= 2e-3 * (0.1 + fabs(expected)) && fabs(expected) > 1e-4)
        return true;
    fprintf(stderr, "%s: the slope is %g, differences give %g\n", path, slope, expected);
    return false;
}

/* Of the training entry, one row less being valid: as elaborated, and after all passes. */
static bool check_gradients(const char *path)
{
    Arena *arena = arena_new();
    Module *plain = elaborate_path(arena, path), *module = elaborate_path(arena, path);
    const char *bug = passes_run(module, &(PassOptions){.verify = true});
    if (bug) fail_msg("%s: %s", path, bug);
    const Graph *graph = module_entry(module, "train");
    Interp interp = interp_of(arena, module);
    Tensor *inputs = small_inputs(arena, module, graph);
    bool matches = true;
    for (uint64_t seed = 1; seed <= DIRECTIONS; seed++)
        matches &= check_direction(path, arena, &interp, module_entry(plain, "train"), graph,
                                   inputs, seed);
    arena_free(arena);
    return matches;
}

static void gradients_are_slopes(void **state)
{
    (void)state;
    assert_int_equal(for_files("tests/elaborate/gradients/*.nn", check_gradients, 6), 0);
}

/* ---- memory ---- */

static double value_of(const Graph *graph, const Tensor *outputs, OutputKind kind, const char *name,
                       int64_t e)
{
    int at = find_output(graph, kind, name);
    if (at < 0) fail_msg("%s has no %s %s", graph->name, output_kind_name(kind), name);
    return tensor_get(&outputs[at], e);
}

/* Two rows of [1 2; 3 4], twice: total and calls go from one call of infer to the next. */
static void sessions_live_between_calls(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *module = elaborate_path(arena, "tests/elaborate/memory.nn");
    const Graph *graph = module_entry(module, "infer");
    Interp interp = interp_of(arena, module);
    Tensor *inputs = counting_inputs(arena, module, graph);
    for (int call = 1; call <= 3; call++) {
        Tensor *outputs = run_entry(arena, &interp, graph, inputs, 2);
        assert_float_equal(value_of(graph, outputs, OUT_SESSION, "total", 3), 4.0F * (float)call,
                           1e-6);
        assert_float_equal(value_of(graph, outputs, OUT_SESSION, "calls", 0), (float)call, 1e-6);
        assert_float_equal(value_of(graph, outputs, OUT_OUTPUT, "sums", 2), 3.0, 1e-6);
        interp.sessions[0] = outputs[find_output(graph, OUT_SESSION, "total")].data;
        interp.sessions[1] = outputs[find_output(graph, OUT_SESSION, "calls")].data;
    }
    assert_int_equal(find_output(graph, OUT_STATE, "norm.steps"), -1);
    arena_free(arena);
}

/* Three of four rows are valid: 1 2, 3 4, 5 6. In training y = 2 * (x - mean), so its values are
 * -4, 0, 4. */
static void training_writes_states(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *module = elaborate_path(arena, "tests/elaborate/memory.nn");
    const Graph *graph = module_entry(module, "train");
    Interp interp = interp_of(arena, module);
    Tensor *inputs = counting_inputs(arena, module, graph);
    Tensor *outputs = run_entry(arena, &interp, graph, inputs, 3);
    assert_float_equal(value_of(graph, outputs, OUT_STATE, "norm.mean_of", 1), 0.4, 1e-6);
    assert_float_equal(value_of(graph, outputs, OUT_STATE, "norm.steps", 0), 1.0, 1e-6);
    assert_float_equal(value_of(graph, outputs, OUT_OUTPUT, "y", 0), -4.0, 1e-6);
    assert_int_equal(find_output(graph, OUT_SESSION, "total"), -1);
    assert_int_equal(find_output(module_entry(module, "evaluate"), OUT_STATE, "norm.steps"), -1);
    arena_free(arena);
}

/* A metric is (sum, weight). y - t is -5 -6 -3 -4 -1 -2: a mean over 6; another value counts its
 * rows; a pair is one. */
static void metrics_add_up(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *module = elaborate_path(arena, "tests/elaborate/memory.nn");
    const Graph *graph = module_entry(module, "train");
    Interp interp = interp_of(arena, module);
    Tensor *outputs = run_entry(arena, &interp, graph, counting_inputs(arena, module, graph), 3);
    static const struct {
        const char *name;
        double sum, weight;
    } expected[] = {
        {"mean_absolute_error", 21.0, 6.0}, {"last", 5.61249, 3.0}, {"pair", 0.0, 4.0}};
    for (int i = 0; i < 3; i++) {
        assert_float_equal(value_of(graph, outputs, OUT_METRIC, expected[i].name, 0),
                           expected[i].sum, 1e-4);
        assert_float_equal(value_of(graph, outputs, OUT_METRIC, expected[i].name, 1),
                           expected[i].weight, 1e-4);
    }
    arena_free(arena);
}

/* ---- entries ---- */

static const char with_loss[] =
    "const width = 3;\n"
    "model m {\n"
    "    input x: f32[batch, 2];\n"
    "    target t: i32[batch];\n"
    "    y = x |> dense(width) as fc |> dropout(0.5);\n"
    "    output y;\n"
    "    loss cross_entropy(y, t);\n"
    "    metric accuracy(y, t);\n"
    "}\n"
    "train m { batch = 8; }\n"
    "infer m { batch = [1, 4]; }\n";

static void check_entries(const Module *module, const char *expected)
{
    Text names = text_new(module->arena);
    for (int i = 0; i < module->entries.count; i++)
        text_addf(&names, "%s%s:%lld", i ? " " : "", module->entries.at[i]->name,
                  (long long)module->entries.at[i]->batch);
    assert_string_equal(names.at, expected);
}

static void entries_have_their_batches(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    check_entries(must_elaborate(arena, with_loss, NULL), "infer:1 infer_4:4 train:8 evaluate:8");
    const int64_t batches[] = {2, 32};
    const char *const sets[] = {"train.batch=5", "infer.batch=9", "width=7"};
    ElaborateOptions options = {.infer_batches = batches, .infer_batch_count = 2};
    check_entries(must_elaborate(arena, with_loss, &options),
                  "infer:2 infer_32:32 train:8 evaluate:8");
    options = (ElaborateOptions){.sets = sets, .set_count = 3};
    Module *module = must_elaborate(arena, with_loss, &options);
    check_entries(module, "infer:9 train:5 evaluate:5");
    assert_int_equal(module->params.at[0].type.dim[0], 7);
    assert_int_equal(module->decls.at[1].limit, 7);
    const char *plain = "model m { input x: f32[batch, 2]; output y = 2 * x; }";
    check_entries(must_elaborate(arena, plain, NULL), "infer:1 forward:32 backward:32");
    const char *const batch[] = {"train.batch=3"};
    options = (ElaborateOptions){.sets = batch, .set_count = 1};
    check_entries(must_elaborate(arena, plain, &options), "infer:1 forward:3 backward:3");
    arena_free(arena);
}

static void inference_leaves_training_out(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *module = must_elaborate(arena, with_loss, NULL);
    int draws[2] = {0};
    const char *const entries[] = {"infer", "train"};
    for (int i = 0; i < 2; i++) {
        const Graph *graph = module_entry(module, entries[i]);
        assert_int_equal(graph->inputs.count, 1 + i);
        for (int j = 0; j < graph->nodes.count; j++)
            draws[i] += graph->nodes.at[j]->op == OP_uniform;
    }
    assert_int_equal(draws[0], 0);
    assert_int_equal(draws[1], 1);
    arena_free(arena);
}

static const char *refused(Arena *arena, const char *text, const ElaborateOptions *options)
{
    const char *said;
    if (elaborate_text(arena, text, options, &said)) fail_msg("accepted: %s", text);
    return said;
}

static void expect_text(const char *said, const char *part)
{
    if (!strstr(said, part)) fail_msg("expected `%s` in\n%s", part, said);
}

static void one_model_is_picked(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const char *text = "model one { input x: f32[batch]; output y = x; }\n"
                       "model two { input x: f32[batch]; output z = x + 1; }\n";
    ElaborateOptions options = {.model = "two"};
    assert_string_equal(must_elaborate(arena, text, &options)->name, "two");
    options.model = "tow";
    expect_text(refused(arena, text, &options), "did you mean `two`?");
    expect_text(refused(arena, text, NULL), "--model picks one of one, two");
    arena_free(arena);
}

static void settings_that_are_not_there_are_refused(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    static const struct { const char *set, *said; } cases[] = {
        {"widht=4", "did you mean `width`?"},
        {"width", "write KEY=VALUE"},
        {"optimizer.lr=1", "there is no such setting"},
        {"infer.batches=1", "did you mean `batch`?"},
        {"width=", "--set:1:"},
        {"width=3 +", "--set:1:"},
        {"train.batch=0", "a batch size lies in"},
        {"train.batch=1/3", "must be an integer"},
        {"width=x", "nothing is called `x`"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        ElaborateOptions options = {.sets = &cases[i].set, .set_count = 1};
        expect_text(refused(arena, with_loss, &options), cases[i].said);
    }
    arena_free(arena);
}

/* ---- entries agree ---- */

static void entries_must_declare_the_same(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const char *only = "model m { input x: f32[batch, 2]; y = x;\n"
                       "    if %s { y = x |> dense(2) as fc; }\n"
                       "    output y; }\n";
    expect_text(refused(arena, arena_printf(arena, only, "training"), NULL),
                "`fc.weight` is declared for forward and not for infer");
    expect_text(refused(arena, arena_printf(arena, only, "not training"), NULL),
                "`fc.weight` is declared for infer and not for forward");
    const char *shape =
        "model m { input x: f32[batch, 2]; param w: f32[if training then 2 else 1] = ones;\n"
        "    output y = x * w; }\n";
    expect_text(refused(arena, shape, NULL),
                "`w` is the param f32[2] for forward, but the param f32[1]");
    arena_free(arena);
}

/* ---- limits ---- */

/* Each is refused with a clear message, soon. */
static void limits_end_what_does_not_end(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    static const struct {
        const char *body, *said;
    } cases[] = {
        {"block f(x) { return f(x); } model m { input x: f32[batch]; output y = f(x); }",
         "more than 256 deep"},
        {"model m { input x: f32[batch]; for i in 0..60000 { for j in 0..60000 { a = 1; } } output "
         "y = x; }",
         "takes more than"},
        {"model m { input x: f32[batch]; for i in 0..60000 { for j in 0..30 { x = x + 1; } } "
         "output y = x; }",
         "the graph grows beyond"},
        {"model m { input x: f32[batch]; a = [1]; for i in 0..99 { a = a + a; } output y = x; }",
         "at most 4096 items"},
        {"model m { input x: f32[batch]; a = \"a\"; for i in 0..99 { a = \"{a}{a}\"; } output y = "
         "x; }",
         "longer than 1024"},
        {"model m { input x: f32[batch]; a = 2; for i in 0..99 { a = a * a; } output y = x * a; }",
         "no finite number"},
        {"model m { input x: f32[batch]; a = batch; for i in 0..99 { a = a + a; } output y = x * "
         "a; }",
         "too long a formula"},
        {"model m { input x: f32[batch, 60000]; output y = reshape(x, [batch, 60000, 1]) + "
         "ones([1, 60000]); }",
         "too large"},
        {"const a = b; const b = a; model m { input x: f32[batch]; output y = x * a; }",
         "depends on itself"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        clock_t before = clock();
        expect_text(refused(arena, cases[i].body, NULL), cases[i].said);
        assert_true((double)(clock() - before) / CLOCKS_PER_SEC < 3.0);
    }
    arena_free(arena);
}

static void errors_come_several_a_run(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const char *said = refused(arena, "model m { input x: f32[batch, 2];\n"
                                      "    a = x @ tensor([1, 2, 3]);\n"
                                      "    b = a + 1 |> dense(3) as fc;\n"
                                      "    c = fc.weight + b;\n"
                                      "    d = e;\n"
                                      "    output y = x + d; output z = x + [1]; }\n", NULL);
    expect_text(said, "t.nn:2:");
    expect_text(said, "t.nn:5:");
    expect_text(said, "t.nn:6:");
    assert_null(strstr(said, "t.nn:3:"));            /* what follows from an error is none */
    assert_null(strstr(said, "t.nn:4:"));
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(programs_have_their_values),
        cmocka_unit_test(programs_have_their_graphs),
        cmocka_unit_test(gradients_are_slopes),
        cmocka_unit_test(sessions_live_between_calls),
        cmocka_unit_test(training_writes_states),
        cmocka_unit_test(metrics_add_up),
        cmocka_unit_test(entries_have_their_batches),
        cmocka_unit_test(inference_leaves_training_out),
        cmocka_unit_test(one_model_is_picked),
        cmocka_unit_test(settings_that_are_not_there_are_refused),
        cmocka_unit_test(entries_must_declare_the_same),
        cmocka_unit_test(limits_end_what_does_not_end),
        cmocka_unit_test(errors_come_several_a_run),
    };
    return cmocka_run_group_tests_name("elaboration", tests, NULL, NULL);
}
