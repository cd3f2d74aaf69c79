/* Builtins and library blocks in the interpreter, and the train block against the runtime. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "ast/parse.h"
#include "elaborate/elaborate.h"
#include "elaborate/train_plan.h"
#include "interp/interp.h"
#include "library_cases.h"

static Module *compile(Arena *arena, const char *text, const ElaborateOptions *options)
{
    Diags *diags = diags_new(arena);
    Source *source = arena_make(arena, Source);
    *source = (Source){.path = "test.nn", .text = text, .length = strlen(text)};
    AstFile *file = ast_parse(arena, source, diags);
    Module *module = diags_errors(diags) ? NULL : elaborate(arena, file, options, diags);
    diags_print(diags, stderr);
    return module;
}

/* ---- values ---- */

static const float x_values[] = {-2.0f, -0.5f, 1.5f, 0.25f, 3.0f, -1.0f};
static const float y_values[] = {0.0f, 1.0f, 0.5f, 1.0f, 0.25f, 0.0f};
static const int32_t label_values[] = {2, 0};

static Tensor run_case(Arena *arena, const LibraryCase *row)
{
    const int64_t batch = 2;
    const ElaborateOptions options = {.infer_batches = &batch, .infer_batch_count = 1};
    const char *text = arena_printf(arena,
                                    "model m { input x: f32[batch, 3]; input y: f32[batch, 3]; "
                                    "input label: i32[batch]; output r = %s; }",
                                    row->expr);
    Module *module = compile(arena, text, &options);
    if (!module) fail_msg("%s does not compile", row->expr);
    const Graph *graph = module_entry(module, "infer");
    Interp interp = {.module = module,
                     .params = arena_array(arena, float *, module->params.count + 1)};
    for (int i = 0; i < module->params.count; i++) {
        interp.params[i] = arena_array(arena, float, type_elements(module->params.at[i].type));
        init_param(&module->params.at[i], i, 1, interp.params[i]);
    }
    interp.states = arena_array(arena, float *, module->states.count + 1);
    for (int i = 0; i < module->states.count; i++) {
        interp.states[i] = arena_array(arena, float, type_elements(module->states.at[i].type));
        init_param(&module->states.at[i], i, 1, interp.states[i]);
    }
    const Tensor inputs[] = {{graph->inputs.at[0]->type, (void *)x_values},
                             {graph->inputs.at[1]->type, (void *)y_values},
                             {graph->inputs.at[2]->type, (void *)label_values}};
    Tensor result;
    const char *failure = interp_run(&interp, arena, graph, inputs, batch, &result);
    if (failure) fail_msg("%s: %s", row->expr, failure);
    return result;
}

static int check_case(const LibraryCase *row)
{
    Arena *arena = arena_new();
    const Tensor result = run_case(arena, row);
    int wrong = type_elements(result.type) != row->count;
    if (wrong)
        fprintf(stderr, "%s has %lld elements\n", row->expr, (long long)type_elements(result.type));
    for (int i = 0; !wrong && i < row->count; i++) {
        const double got = tensor_get(&result, i), expected = row->expected[i];
        wrong = !(fabs(got - expected) <= 2e-6 * (1.0 + fabs(expected)));
        if (wrong)
            fprintf(stderr, "%s: element %d is %.9g, not %.9g\n", row->expr, i, got, expected);
    }
    arena_free(arena);
    return wrong;
}

static void blocks_and_builtins_compute_what_they_say(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof library_cases / sizeof *library_cases; i++)
        wrong += check_case(&library_cases[i]);
    assert_int_equal(wrong, 0);
}

/* ---- dropout ---- */

static void dropout_keeps_the_mean_in_training(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const char *text = "model m { input x: f32[batch, 4096]; output y = x |> dropout(0.25); }";
    Module *module = compile(arena, text, NULL);
    assert_non_null(module);
    const Graph *graph = module_entry(module, "forward");
    const int64_t count = type_elements(graph->inputs.at[0]->type);
    Tensor input = tensor_new(arena, graph->inputs.at[0]->type), output;
    for (int64_t i = 0; i < count; i++) tensor_set(&input, i, 3.0);
    const Interp interp = {.module = module, .seed = 7};
    assert_null(interp_run(&interp, arena, graph, &input, graph->batch, &output));
    double sum = 0.0;
    for (int64_t i = 0; i < count; i++) {
        const double value = tensor_get(&output, i);
        assert_true(value == 0.0 || value == 4.0);
        sum += value;
    }
    assert_true(fabs(sum / (double)count - 3.0) < 0.03);
    arena_free(arena);
}

/* ---- the train block ---- */

#define MODEL_TEXT                                                                          \
    "model m { input x: f32[batch, 4]; target y: f32[batch, 1]; p = x |> dense(1) as out; " \
    "output p; loss mean_squared_error(p, y); }\n"

static const nn_job *job_of(Arena *arena, Module **module, const char *settings)
{
    *module = compile(
        arena, arena_printf(arena, MODEL_TEXT "const width = 4;\ntrain m { %s }", settings), NULL);
    assert_non_null(*module);
    assert_non_null((*module)->train);
    return &(*module)->train->job;
}

static void the_train_block_becomes_a_job(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *module;
    nn_error error;
    const char *const names[] = {"x", "y", NULL};
    const nn_job *job = job_of(
        arena, &module,
        "batch = 8; steps = 70; seed = 5; clip_norm = 1.5; trainable = [\"out.w*\"];"
        "optimizer = adamw(cosine(peak = 1e-3, warmup = 10), betas = [0.8, 0.9], weight_decay = "
        "0.1, no_decay = [\"*.bias\"]);"
        "data, validate = csv(\"a.csv\", header = true, x = 0..width, y = [4]) |> scale(1 / 255) "
        "|> split(0.8, seed = 1);");
    assert_int_equal(nn_check_steps(job->data, job->data_count, names, &error), NN_OK);
    assert_int_equal(job->steps, 70);
    assert_int_equal(job->epochs, 0);
    assert_int_equal(job->seed, 5);
    assert_int_equal(job->parts, 2);
    assert_null(job->validate);
    assert_true(job->clip_norm == 1.5);
    assert_int_equal(job->optimizer.kind, NN_ADAMW);
    assert_int_equal(job->optimizer.lr.kind, NN_COSINE);
    assert_int_equal(job->optimizer.lr.warmup, 10);
    assert_true(job->optimizer.lr.peak == 1e-3 && job->optimizer.weight_decay == 0.1);
    assert_true(job->optimizer.beta1 == 0.8 && job->optimizer.beta2 == 0.9
                && job->optimizer.eps == 1e-8);
    assert_true(module->params.at[0].trainable && module->params.at[0].decay);
    assert_false(module->params.at[1].trainable || module->params.at[1].decay);
    assert_string_equal(job->targets[0], "y");
    assert_null(job->targets[1]);
    const nn_option *x = nn_find_option(&job->data[0], "x"),
                    *y = nn_find_option(&job->data[0], "y");
    assert_true(x->kind == NN_RANGE && x->number == 0.0 && x->last == 4.0);
    assert_true(y->kind == NN_NUMBERS && y->count == 1 && y->numbers[0] == 4.0);
    assert_true(nn_option_flag(&job->data[0], "header", 0));
    assert_true(nn_option_number(&job->data[1], NULL, 0.0) == 1.0 / 255.0);
    arena_free(arena);
}

static void the_other_ways_to_train(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *module;
    const nn_job *job = job_of(
        arena, &module,
        "batch = 8; epochs = 2 * 3; optimizer = sgd(0.1, momentum = 0.9, nesterov = true);"
        "data = csv(\"a.csv\", x = 0..4, y = 4); validate = csv(\"b.csv\", x = 0..4, y = 4);");
    assert_true(job->epochs == 6 && job->parts == 1 && job->validate_count == 1);
    assert_true(job->optimizer.kind == NN_SGD && job->optimizer.lr.kind == NN_CONSTANT
                && job->optimizer.nesterov);
    assert_true(job->optimizer.lr.peak == 0.1 && job->optimizer.momentum == 0.9);
    job = job_of(arena, &module,
                 "batch = 8; optimizer = sgd(step(0.5, every = 30, factor = 0.2, warmup = 3));");
    assert_true(job->optimizer.lr.kind == NN_STEPWISE && job->optimizer.lr.every == 30);
    assert_true(job->optimizer.lr.factor == 0.2 && job->optimizer.lr.warmup == 3 && !job->data);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(blocks_and_builtins_compute_what_they_say),
        cmocka_unit_test(dropout_keeps_the_mean_in_training),
        cmocka_unit_test(the_train_block_becomes_a_job),
        cmocka_unit_test(the_other_ways_to_train),
    };
    return cmocka_run_group_tests_name("library", tests, NULL, NULL);
}
