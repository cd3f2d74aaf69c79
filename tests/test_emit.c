/* Generated files: every compiler takes them without a warning, they stand alone, and do what their
 * header says. What the numbers are is the matter of test_lower, test_scan and test_goldens. */
#include "emit_lab.h"

#include <dlfcn.h>

#include "nn_optimizer.h"
#include "nn_weights.h"

#define WARNINGS "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"

static const char *const programs[] = {"tiny", "frozen", "pieces", "words", "running"};
enum { PROGRAMS = sizeof programs / sizeof *programs };

static const CompileOptions plain = {.emit = {.optimizer = -1}};
static const CompileOptions with_adam = {.emit = {.optimizer = OPTIMIZER_ADAM}};

/* ---- compilers ---- */

static void no_warning_from_any_compiler(void **state)
{
    static const char *const lines[] = {"gcc -std=c11 -O0", "g++ -x c++ -std=c++17 -O0",
                                        "clang -std=c11 -O0", "clang -x c++ -std=c++17 -O0",
                                        "gcc -std=c11 -O2"};
    (void)state;
    Folder p = folder_new();
    Text sources = text_new(p.arena);
    for (int i = 0; i < PROGRAMS; i++)
        text_addf(&sources, " %s.c",
                  lab_generate(&p, programs[i], i ? "scalar" : "avx512,avx2,scalar", with_adam));
    text_addf(&sources, " %s.c", lab_generate(&p, "logs", "avx512", plain));
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *name = arena_strndup(p.arena, lines[i], strcspn(lines[i], " "));
        if (lab_has(p.arena, name))
            must_run(p.arena, arena_printf(p.arena, "cd '%s' && %s " WARNINGS " -c %s", p.path,
                                           lines[i], sources.at));
        else print_message("[  SKIPPED ] there is no %s\n", name);
    }
    folder_end(&p);
}

/* The interpreter's results, whatever the compiler does with floating point. */
static void same_results_at_every_level(void **state)
{
    static const char *const flags[] = {"-O0", "-O2", "-O3", "-Ofast"};
    (void)state;
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++) {
        Suite s = suite_begin(i % 2 ? target_find("native")->name : "scalar", "emit", flags[i]);
        for (int j = 0; j < (i == 0 || i == 3 ? PROGRAMS : 1); j++) {
            Compilation c = compile_start(
                s.arena, arena_printf(s.arena, "tests/emit/%s.nn", programs[j]), &plain);
            if (!compile_or_tell(&c, STAGE_TRANSFORMED)) fail();
            suite_add(&s, c.module, programs[j]);
        }
        suite_end(&s, 2e-5);
    }
}

static void portable_code_needs_no_library(void **state)
{
    (void)state;
    Folder p = folder_new();
    for (int i = 0; i < PROGRAMS; i++) {
        const char *name = lab_generate(&p, programs[i], "scalar", with_adam);
        must_run(p.arena,
                 arena_printf(p.arena,
                              "cd '%s' && ${CC:-cc} -std=c11 -O2 -ffreestanding -c %s.c && "
                              "! nm -u %s.o | grep -vE ' (memcpy|memset|_GLOBAL_OFFSET_TABLE_)$'",
                              p.path, name, name));
    }
    folder_end(&p);
}

static void same_bytes_twice(void **state)
{
    (void)state;
    for (int i = 0; i < PROGRAMS; i++) {
        Folder a = folder_new(), b = folder_new();
        const char *name = lab_generate(&a, programs[i], "avx2,scalar", with_adam);
        lab_generate(&b, programs[i], "avx2,scalar", with_adam);
        must_run(a.arena,
                 arena_printf(a.arena, "cmp '%s/%s.c' '%s/%s.c' && cmp '%s/%s.h' '%s/%s.h'", a.path,
                              name, b.path, name, a.path, name, b.path, name));
        folder_end(&a);
        folder_end(&b);
    }
}

static void no_line_is_longer_than_100_columns(void **state)
{
    (void)state;
    Folder p = folder_new();
    for (int i = 0; i < PROGRAMS; i++)
        lab_generate(&p, programs[i], "avx512,avx2,scalar", with_adam);
    must_run(p.arena,
             arena_printf(p.arena, "cd '%s' && ! grep -nE '^.{101}|[[:blank:]]$' *.[ch]", p.path));
    folder_end(&p);
}

/* ---- several files in a program ---- */

static const char two_models[] =
    "#include <stdio.h>\n"
    "#include \"tiny.h\"\n"
    "#include \"frozen.h\"\n"
    "static float p[TINY_PARAM_FLOATS], q[FROZEN_PARAM_FLOATS], out[8], all[8];\n"
    "static float work[TINY_INFER_WORKSPACE_BYTES / 4 + FROZEN_INFER_WORKSPACE_BYTES / 4];\n"
    "int main(void)\n"
    "{\n"
    "    const uint8_t image[12] = {1, 2, 3, 50, 100, 150, 200, 250, 255, 7, 8, 9};\n"
    "    const float x[11] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11};\n"
    "    const struct nn_model *best = tiny_select();\n"
    "    const void *inputs[1] = {image};\n"
    "    void *outputs[1] = {all};\n"
    "    nn_call call = {0};\n"
    "    tiny_init(p, 3);\n"
    "    frozen_init(q, 3);\n"
    "    if (frozen_infer(q, x, out, work) != NN_OK) return 1;\n"
    "    if (tiny_infer(p, image, out, work) != NN_OK) return 2;\n"
    "    call.params = p;\n"
    "    call.inputs = inputs;\n"
    "    call.outputs = outputs;\n"
    "    call.count = 1;\n"
    "    call.workspace = work;\n"
    "    if (best->entries[0].call(&call) != NN_OK) return 3;\n"
    "    for (int i = 0; i < 5; i++)\n"
    "        if (!(out[i] - all[i] < 1e-5f && all[i] - out[i] < 1e-5f)) return 4;\n"
    "    return best->param_floats == TINY_PARAM_FLOATS ? 0 : 5;\n"
    "}\n";

static void two_models_and_targets_in_one_program(void **state)
{
    (void)state;
    Folder p = folder_new();
    lab_generate(&p, "tiny", lab_native_targets(), plain);
    lab_generate(&p, "frozen", "scalar", plain);
    if (target_find("native")->width > 1)
        lab_run_program(&p, "${CC:-cc} -std=c11 -O1 -Wno-missing-field-initializers",
                        "tiny.c frozen.c", two_models);
    folder_end(&p);
}

static void only_the_entries_that_were_asked_for(void **state)
{
    (void)state;
    Folder p = folder_new();
    CompileOptions options = plain;
    options.entries = (const char *const[]){"infer"};
    options.entry_count = 1;
    lab_generate(&p, "tiny", "scalar", options);
    must_run(p.arena, arena_printf(p.arena,
                                   "cd '%s' && grep -q tiny_infer tiny.h && "
                                   "! grep -E 'tiny_train|evaluate|grads' tiny.c",
                                   p.path));
    folder_end(&p);
}

/* ---- arguments ---- */

typedef struct Loaded {
    Arena *arena;
    Compilation c;
    Native native;
    const nn_model *model;
} Loaded;

static Loaded load(const char *program, CompileOptions options)
{
    static CompileOptions kept[4];
    static int count;
    CompileOptions *mine = &kept[count++ % 4];
    Loaded l = {.arena = arena_new()};
    *mine = options;
    choose_targets(mine, "scalar");
    mine->emit.command = "test";
    l.c = lab_compile(l.arena, program, mine);
    const char *problem = native_load(l.arena, compile_emission(&l.c), "-O1", &l.native);
    if (problem) fail_msg("%s", problem);
    l.model = l.native.model;
    return l;
}

static void unload(Loaded *l)
{
    native_close(&l->native);
    arena_free(l->arena);
}

static const nn_entry *entry_of(const Loaded *l, const char *name)
{
    for (int i = 0; i < l->model->entry_count; i++)
        if (!strcmp(l->model->entries[i].name, name)) return &l->model->entries[i];
    fail_msg("no entry %s", name);
    return NULL;
}

typedef struct TinyCall {
    nn_call call;
    uint8_t image[7 * 12];
    int32_t label[7];
    float logits[7 * 5], loss, metrics[2];
    const void *inputs[2];
    void *outputs[1];
} TinyCall;

static void tiny_call(const Loaded *l, TinyCall *t)
{
    memset(t, 0, sizeof *t);
    for (int i = 0; i < 84; i++) t->image[i] = (uint8_t)(i * 37);
    for (int i = 0; i < 7; i++) t->label[i] = i % 5;
    t->inputs[0] = t->image;
    t->inputs[1] = t->label;
    t->outputs[0] = t->logits;
    t->loss = 77;
    float *params = arena_array(l->arena, float, l->model->param_floats);
    l->model->init(params, 1);
    t->call = (nn_call){.params = params,
                        .inputs = t->inputs,
                        .outputs = t->outputs,
                        .count = 7,
                        .grads = arena_array(l->arena, float, l->model->param_floats),
                        .loss = &t->loss,
                        .metrics = t->metrics,
                        .workspace = arena_alloc(l->arena, entry_of(l, "train")->workspace_bytes)};
}

static void wrong_arguments_are_refused_before_anything_is_written(void **state)
{
    (void)state;
    Loaded l = load("tiny", plain);
    const nn_entry *train = entry_of(&l, "train");
    TinyCall t;
    tiny_call(&l, &t);
    t.call.count = 0;
    assert_int_equal(train->call(&t.call), NN_BAD_COUNT);
    t.call.count = 8;
    assert_int_equal(train->call(&t.call), NN_BAD_COUNT);
    t.call.count = 7;
    t.label[6] = 5;
    assert_int_equal(train->call(&t.call), NN_BAD_INDEX);
    t.label[6] = -1;
    assert_int_equal(train->call(&t.call), NN_BAD_INDEX);
    float *grads = t.call.grads;
    t.call.grads = NULL;
    assert_int_equal(train->call(&t.call), NN_BAD_ARGUMENT);
    t.call.grads = grads;
    assert_true(t.loss == 77);
    for (int64_t i = 0; i < l.model->param_floats; i++) assert_true(grads[i] == 0);
    t.call.count = 6; /* row 6 is none of the valid ones */
    assert_int_equal(train->call(&t.call), NN_OK);
    assert_true(t.loss != 77);
    unload(&l);
}

static void outputs_and_metrics_may_be_left_out(void **state)
{
    (void)state;
    Loaded l = load("tiny", plain);
    TinyCall with, without;
    tiny_call(&l, &with);
    tiny_call(&l, &without);
    without.outputs[0] = NULL;
    without.call.metrics = NULL;
    assert_int_equal(entry_of(&l, "train")->call(&with.call), NN_OK);
    assert_int_equal(entry_of(&l, "train")->call(&without.call), NN_OK);
    assert_memory_equal(with.call.grads, without.call.grads,
                        sizeof(float) * (size_t)l.model->param_floats);
    assert_true(with.metrics[1] == 7 && without.metrics[1] == 0);
    without.loss = 0;
    assert_int_equal(entry_of(&l, "evaluate")->call(&without.call), NN_OK);
    assert_true(without.loss > 0);
    unload(&l);
}

static void batches_have_entries_of_their_own(void **state)
{
    (void)state;
    CompileOptions options = plain;
    options.elaborate.infer_batches = (const int64_t[]){1, 4};
    options.elaborate.infer_batch_count = 2;
    Loaded l = load("tiny", options);
    TinyCall t;
    tiny_call(&l, &t);
    t.call.count = 4;
    assert_int_equal(entry_of(&l, "infer_4")->call(&t.call), NN_OK);
    float four[20];
    memcpy(four, t.logits, sizeof four);
    for (int row = 0; row < 4; row++) {
        t.inputs[0] = t.image + 12 * row;
        assert_int_equal(entry_of(&l, "infer")->call(&t.call), NN_OK);
        for (int i = 0; i < 5; i++) assert_true(fabsf(t.logits[i] - four[5 * row + i]) < 1e-6f);
    }
    unload(&l);
}

/* ---- weights ---- */

static void initial_weights_are_those_of_the_interpreter(void **state)
{
    (void)state;
    for (int i = 0; i < PROGRAMS; i++) {
        Loaded l = load(programs[i], plain);
        float *params = arena_array(l.arena, float, l.model->param_floats);
        l.model->init(params, 12345);
        for (int j = 0; j < l.model->param_count; j++) {
            const Param *param = &l.c.module->params.at[j];
            const size_t n = (size_t)type_elements(param->type);
            float *want = arena_array(l.arena, float, n), *got = arena_array(l.arena, float, n);
            init_param(param, j, 12345, want);
            assert_int_equal(l.model->get(params, j, got, n), NN_OK);
            assert_memory_equal(got, want, sizeof(float) * n);
        }
        unload(&l);
    }
}

typedef struct StepArgs { /* as NAME_step_args of Adam */
    float *params;
    const float *grads;
    float *first, *second;
    int64_t step;
    float rate, beta1, beta2, eps, decay;
} StepArgs;

static float *pattern(Arena *arena, int64_t n, unsigned seed)
{
    float *at = arena_array(arena, float, n);
    for (int64_t i = 0; i < n; i++) {
        seed = seed * 1664525u + 1013904223u;
        at[i] = (float)(seed >> 8) / 8388608.0f - 1.0f;
    }
    return at;
}

static void check_step(const char *program, int kind, int runtime_kind, double decay)
{
    CompileOptions options = plain;
    options.emit.optimizer = kind;
    Loaded l = load(program, options);
    int (*step)(const StepArgs *);
    void *symbol = dlsym(l.native.handle, arena_printf(l.arena, "%s_step", program));
    assert_non_null(symbol);
    memcpy(&step, &symbol, sizeof step);
    const int64_t n = l.model->param_floats;
    float *mine = pattern(l.arena, n, 1), *theirs = pattern(l.arena, n, 1);
    float *moments[2] = {arena_array(l.arena, float, n), arena_array(l.arena, float, n)};
    StepArgs args = {mine,
                     NULL,
                     arena_array(l.arena, float, n),
                     arena_array(l.arena, float, n),
                     0,
                     1e-2f,
                     0.9f,
                     0.999f,
                     1e-8f,
                     (float)decay};
    const nn_optimizer o = {
        .kind = runtime_kind, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8, .weight_decay = decay};
    nn_span *spans;
    int count;
    nn_error error;
    assert_int_equal(nn_optimizer_spans(&o, l.model, &spans, &count, &error), NN_OK);
    for (int i = 0; i < 5; i++) {
        const float *grads = pattern(l.arena, n, (unsigned)(7 + i));
        nn_optimizer_step(&o, spans, count, i, 1e-2, theirs, grads, moments);
        args.grads = grads;
        args.step = i + 1;
        assert_int_equal(step(&args), NN_OK);
    }
    for (int64_t i = 0; i < n; i++)
        if (fabsf(mine[i] - theirs[i]) > 2e-6f)
            fail_msg("%s: weight %lld is %g, the runtime's %g", program, (long long)i,
                     (double)mine[i], (double)theirs[i]);
    free(spans);
    unload(&l);
}

static void steps_are_those_of_the_runtime(void **state)
{
    (void)state;
    check_step("tiny", OPTIMIZER_ADAM, NN_ADAM, 0);
    check_step("tiny", OPTIMIZER_ADAM, NN_ADAM, 0.1);
    check_step("tiny", OPTIMIZER_ADAMW, NN_ADAMW, 0.1);
    check_step("frozen", OPTIMIZER_ADAM, NN_ADAM, 0.1);
}

static void weights_are_written_in_stored_order(void **state)
{
    (void)state;
    Folder p = folder_new();
    Loaded l = load("running", plain);
    const int64_t n = l.model->param_floats, s = l.model->state_floats;
    float *params = arena_array(l.arena, float, n), *states = arena_array(l.arena, float, s);
    nn_error error;
    l.model->init(params, 9);
    l.model->init_states(states);
    const char *path = folder_file(&p, "w.safetensors");
    assert_int_equal(nn_weights_save(l.model, params, states, NULL, path, &error), NN_OK);
    Weights weights;
    assert_null(weights_read(l.arena, l.c.plan, path, NULL, &weights));
    assert_memory_equal(weights.params, params, sizeof(float) * (size_t)n);
    assert_memory_equal(weights.states, states, sizeof(float) * (size_t)s);
    Emission e = *compile_emission(&l.c);
    e.options.weights = &weights;
    Text header = text_new(l.arena), source = text_new(l.arena), binary = text_new(l.arena);
    emit_header(&header, &e);
    emit_weights(&source, &e);
    emit_weights_binary(&binary, &e);
    assert_int_equal(binary.length, sizeof(float) * (size_t)(n + s));
    folder_write(&p, "running.h", &header);
    folder_write(&p, "running_weights.c", &source);
    must_run(p.arena, arena_printf(p.arena,
                                   "cd '%s' && ${CC:-cc} -std=c11 " WARNINGS
                                   " -fPIC -shared -o w.so running_weights.c",
                                   p.path));
    void *handle = dlopen(folder_file(&p, "w.so"), RTLD_NOW | RTLD_LOCAL);
    assert_non_null(handle);
    assert_memory_equal(dlsym(handle, "running_weights"), params, sizeof(float) * (size_t)n);
    assert_memory_equal(dlsym(handle, "running_weights_states"), states, sizeof(float) * (size_t)s);
    dlclose(handle);
    const char *wrong = weights_read(l.arena, l.c.plan, folder_file(&p, "missing"), NULL,
                                     &weights);
    assert_non_null(wrong);
    unload(&l);
    folder_end(&p);
}

static void what_is_not_trained_costs_nothing(void **state)
{
    (void)state;
    Loaded l = load("frozen", plain);
    const EntryPlan *train = l.c.plan->entries.at[1];
    for (int i = 0; i < train->kernels.count; i++)
        assert_null(strstr(train->kernels.at[i]->name, "d_body"));
    for (int i = 0; i < l.model->param_count; i++)
        assert_int_equal(l.model->params[i].trainable,
                         !strncmp(l.model->params[i].name, "head", 4));
    unload(&l);
}

static int count_of(const char *text, const char *part)
{
    int count = 0;
    for (; (text = strstr(text, part)); text++) count++;
    return count;
}

/* Of what is large: both results of the first product, gelu and its slope, and in the backward
 * part the slope and the gradient; of what stays in cache nothing. */
static void far_lines_are_asked_for(void **state)
{
    (void)state;
    Folder p = folder_new();
    char *text;
    size_t length;
    lab_generate(&p, "far", "avx2", plain);
    assert_null(file_read(p.arena, folder_file(&p, "far.c"), &text, &length));
    assert_true(count_of(text, "NN_PREFETCH(hidden ") >= 1);
    assert_int_equal(count_of(text, "NN_PREFETCH(fc1_add "), 2);
    assert_int_equal(count_of(text, "NN_PREFETCH(d_fc1 "), 1);
    assert_int_equal(count_of(text, "NN_PREFETCH(low "), 0);
    folder_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_warning_from_any_compiler),
        cmocka_unit_test(same_results_at_every_level),
        cmocka_unit_test(portable_code_needs_no_library),
        cmocka_unit_test(same_bytes_twice),
        cmocka_unit_test(no_line_is_longer_than_100_columns),
        cmocka_unit_test(two_models_and_targets_in_one_program),
        cmocka_unit_test(only_the_entries_that_were_asked_for),
        cmocka_unit_test(wrong_arguments_are_refused_before_anything_is_written),
        cmocka_unit_test(outputs_and_metrics_may_be_left_out),
        cmocka_unit_test(batches_have_entries_of_their_own),
        cmocka_unit_test(initial_weights_are_those_of_the_interpreter),
        cmocka_unit_test(steps_are_those_of_the_runtime),
        cmocka_unit_test(weights_are_written_in_stored_order),
        cmocka_unit_test(what_is_not_trained_costs_nothing),
        cmocka_unit_test(far_lines_are_asked_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
