/* The interpreter: values of tests/interp/NAME.graph against NAME.out, its refusals, products by
 * CBLAS against the reference loop, and the generator of initial values. */
#include <glob.h>
#include <math.h>
#include <stdio.h>

#include "golden.h"
#include "graphs.h"
#include "interp/blas.h"
#include "interp/interp.h"
#include "ops/random.h"

/* ---- values in files ---- */

static Module *read_module(Arena *arena, const char *path)
{
    Source *source = arena_make(arena, Source);
    char *text;
    source->path = path;
    const char *failure = file_read(arena, path, &text, &source->length);
    if (failure) fail_msg("%s", failure);
    source->text = text;
    Diags *diags = diags_new(arena);
    Module *module = module_parse(arena, source, diags);
    if (!module) diags_print(diags, stderr);
    assert_non_null(module);
    return module;
}

static void add_tensor(Text *text, const char *name, const Tensor *tensor)
{
    text_addf(text, "%s: %s =", name, type_text(text->arena, tensor->type));
    for (int64_t e = 0; e < type_elements(tensor->type); e++) {
        double value = tensor_get(tensor, e);
        text_add(text, e ? ", " : " ");
        if (tensor->type.dtype != DT_F32) text_addf(text, "%g", value);
        else if (isinf(value)) text_add(text, value < 0 ? "-inf" : "inf");
        else text_add_float(text, (float)value);
    }
    text_add(text, "\n");
}

/* One row less than there are, where there are several. */
static bool check_file(const char *path)
{
    Arena *arena = arena_new();
    Module *module = read_module(arena, path);
    const Graph *graph = module_entry(module, "check");
    Interp interp = {.module = module, .seed = 42};
    Tensor *outputs = arena_array(arena, Tensor, graph->outputs.count);
    int64_t count = graph->batch > 1 ? graph->batch - 1 : 1;
    const char *error = module_verify(arena, module);
    if (!error) error = interp_run(&interp, arena, graph, NULL, count, outputs);
    if (error) fail_msg("%s: %s", path, error);
    Text text = text_new(arena);
    for (int i = 0; i < graph->outputs.count; i++)
        add_tensor(&text, graph->outputs.at[i].name, &outputs[i]);
    int stem = (int)(strlen(path) - strlen(".graph"));
    bool matches
        = golden_matches(arena, arena_printf(arena, "%.*s.out", stem, path), text.at, text.length);
    arena_free(arena);
    return matches;
}

static void graphs_have_their_values(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob("tests/interp/*.graph", 0, NULL, &found), 0);
    int failures = 0;
    for (size_t i = 0; i < found.gl_pathc; i++) failures += !check_file(found.gl_pathv[i]);
    assert_true(found.gl_pathc >= 7);
    globfree(&found);
    assert_int_equal(failures, 0);
}

/* ---- refusals ---- */

static void bad_calls_are_refused(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *module = module_new(arena, "m");
    Graph *g = graph_new(arena, "infer", 3);
    Node *at = input_node(g, "at", batched(type_make(DT_I32, DIMS(3))));
    Attr limit = attr_int(4);
    graph_output(g, OUT_OUTPUT, "y", make(g, OP_checked, 1, &at, &limit), -1);
    vec_push(arena, module->entries, g);
    Interp interp = {.module = module};
    int32_t values[] = {3, 4, -1};
    Tensor input = {at->type, values}, output;
    assert_null(interp_run(&interp, arena, g, &input, 1, &output));
    assert_string_equal(interp_run(&interp, arena, g, &input, 2, &output),
                        "index 4 is not in [0, 4)");
    values[1] = 0;
    assert_null(interp_run(&interp, arena, g, &input, 2, &output));
    assert_int_equal(((int32_t *)output.data)[2], 0);
    assert_string_equal(interp_run(&interp, arena, g, &input, 3, &output),
                        "index -1 is not in [0, 4)");
    assert_string_equal(interp_run(&interp, arena, g, &input, 0, &output),
                        "infer: count 0 is not in 1..3");
    assert_string_equal(interp_run(&interp, arena, g, &input, 4, &output),
                        "infer: count 4 is not in 1..3");
    input.type.dim[0] = 2;
    assert_string_equal(interp_run(&interp, arena, g, &input, 1, &output),
                        "infer: input 0 should be i32[batch=3], got i32[batch=2]");
    arena_free(arena);
}

/* ---- products by CBLAS ---- */

static float *noise(Arena *arena, Type type, uint64_t stream)
{
    float *values = arena_array(arena, float, type_elements(type));
    for (int64_t e = 0; e < type_elements(type); e++)
        values[e] = (float)(random_bits(stream, (uint64_t)e) >> 40) * 0x1p-23f - 1.0f;
    return values;
}

enum { B, H, T, S, D, O };

/* Axes of a, of b and of the result, each ended by -1; B is the batch. Whether that is a product
 * of matrices. */
static const struct { int64_t a[6], b[6], out[6]; bool is_matrix;
} products[] = {
    {{B, D, -1}, {O, D, -1}, {B, O, -1}, true}, /* a layer */
    {{B, O, -1}, {B, D, -1}, {O, D, -1}, true}, /* its weights' gradient */
    {{B, O, -1}, {O, D, -1}, {B, D, -1}, true}, /* its input's gradient */
    {{B, T, D, -1}, {O, D, -1}, {B, T, O, -1}, true},
    {{B, T, O, -1}, {B, T, D, -1}, {O, D, -1}, true},
    {{B, H, T, D, -1}, {B, H, S, D, -1}, {B, H, T, S, -1}, true}, /* attention */
    {{B, H, T, S, -1}, {B, H, S, D, -1}, {B, H, T, D, -1}, true},
    {{B, T, H, D, -1}, {B, S, H, D, -1}, {B, H, T, S, -1}, true},
    {{T, D, -1}, {D, O, -1}, {O, T, -1}, true}, /* a transposed result */
    {{D, T, -1}, {O, D, -1}, {T, O, -1}, true},
    {{D, -1}, {O, D, -1}, {O, -1}, true}, /* matrix and vector */
    {{B, T, D, -1}, {D, T, -1}, {B, -1}, false}, /* sums that do not step like one axis */
    {{B, D, -1}, {B, D, -1}, {B, -1}, true},
    {{D, -1}, {O, -1}, {D, O, -1}, true},
};

static Node *operand(Graph *g, const char *name, const int64_t *labels)
{
    static const int64_t extents[] = {[B] = 5, [H] = 2, [T] = 3, [S] = 4, [D] = 7, [O] = 6};
    Type type = type_scalar(DT_F32);
    for (; labels[type.rank] >= 0; type.rank++) {
        type.dim[type.rank] = extents[labels[type.rank]];
        if (labels[type.rank] == B) type.batch_axis = type.rank;
    }
    return input_node(g, name, type);
}

static int rank_of(const int64_t *labels)
{
    int rank = 0;
    while (labels[rank] >= 0) rank++;
    return rank;
}

static void check_product(size_t i, int64_t count)
{
    Arena *arena = arena_new();
    Graph *g = graph_new(arena, "infer", 5);
    Node *a = operand(g, "a", products[i].a), *b = operand(g, "b", products[i].b);
    Node *y = build_contract(g, a, products[i].a, b, products[i].b, products[i].out,
                             rank_of(products[i].out));
    graph_output(g, OUT_OUTPUT, "y", y, -1);
    Tensor inputs[] = {{a->type, noise(arena, a->type, 1)}, {b->type, noise(arena, b->type, 2)}};
    Tensor slow, fast;
    assert_null(interp_run(&(Interp){.blas = false}, arena, g, inputs, count, &slow));
    assert_null(interp_run(&(Interp){.blas = true}, arena, g, inputs, count, &fast));
    EvalContext context = {.arena = arena, .count = count};
    Tensor direct = tensor_new(arena, y->type);
    assert_int_equal(blas_contract(&context, y, inputs, &direct), products[i].is_matrix);
    for (int64_t e = 0; e < type_elements(y->type); e++)
        if (!(fabs(tensor_get(&slow, e) - tensor_get(&fast, e)) <= 1e-5))
            fail_msg("product %d at %d rows: [%d] is %g, the reference %g", (int)i, (int)count,
                     (int)e, tensor_get(&fast, e), tensor_get(&slow, e));
    arena_free(arena);
}

static void blas_agrees_with_the_reference(void **state)
{
    (void)state;
    if (!interp_has_blas()) {
        print_message("built without CBLAS: not compared\n");
        skip();
    }
    for (size_t i = 0; i < sizeof products / sizeof *products; i++)
        for (int64_t count = 1; count <= 5; count += 2) check_product(i, count);
}

/* ---- initial values ---- */

/* Worked out from the definition in interp/init.c with other code: parameter 3, seed 42,
 * elements 0 and 1. */
static void initial_values_are_as_documented(void **state)
{
    (void)state;
    Type type = f32_type(DIMS(2));
    float out[2];
    Param uniform = {.type = type, .init = {.kind = INIT_UNIFORM, .a = -0.1, .b = 0.3}};
    init_param(&uniform, 3, 42, out);
    assert_true(out[0] == -0.020283078774809837f && out[1] == 0.16106772422790527f);
    Param normal = {.type = type, .init = {.kind = INIT_NORMAL, .a = 0.5, .b = 0.02}};
    init_param(&normal, 3, 42, out);
    assert_true(out[0] == 0.5011813640594482f && out[1] == 0.48869994282722473f);
}

static void initial_values_are_distributed(void **state)
{
    (void)state;
    enum { N = 40000 };
    static float out[N];
    Param param = {.type = f32_type(DIMS(N)), .init = {.kind = INIT_NORMAL, .a = 1.0, .b = 2.0}};
    init_param(&param, 0, 7, out);
    double sum = 0, square = 0;
    for (int i = 0; i < N; i++) sum += (double)out[i];
    for (int i = 0; i < N; i++) square += ((double)out[i] - sum / N) * ((double)out[i] - sum / N);
    assert_true(fabs(sum / N - 1.0) < 0.04 && fabs(sqrt(square / N) - 2.0) < 0.04);
    param.init = (Init){.kind = INIT_UNIFORM, .a = -1.0, .b = 3.0};
    init_param(&param, 1, 7, out);
    sum = 0;
    for (int i = 0; i < N; i++) {
        sum += (double)out[i];
        assert_true(out[i] >= -1.0f && out[i] < 3.0f);
    }
    assert_true(fabs(sum / N - 1.0) < 0.03);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_have_their_values),
        cmocka_unit_test(bad_calls_are_refused),
        cmocka_unit_test(blas_agrees_with_the_reference),
        cmocka_unit_test(initial_values_are_as_documented),
        cmocka_unit_test(initial_values_are_distributed),
    };
    return cmocka_run_group_tests_name("interpreter", tests, NULL, NULL);
}
