/* Kernels in parts: on several threads, in any order, they compute what they compute alone, to the
 * bit, and no two threads touch the same memory. */
#include "emit_lab.h"
#include "parts.h"

#define WARNINGS "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"

/* Only one entry where the program is large. */
typedef struct Case {
    const char *program, *sets[4], *entry;
} Case;

static const Case cases[] = {
    {"tests/emit/tiny.nn", {0}, NULL},
    {"tests/emit/pieces.nn", {0}, NULL},
    {"tests/emit/running.nn", {0}, NULL},
    {"tests/threads/windows.nn", {0}, NULL},
    {"tests/found/shared_tiles.nn", {0}, "train"},
    {"tests/found/moved_chunks.nn", {0}, "train"},
    {"examples/digits/digits.nn", {"train.batch=9", 0}, NULL},
    {"examples/lenet.nn", {"train.batch=5", 0}, NULL},
    {"examples/resnet20.nn", {"train.batch=17", 0}, "train"},
    {"examples/tiny_yolo.nn", {"train.batch=1", 0}, "train"},
    {"examples/char_gpt.nn", {"train.batch=3", "depth=1", 0}, "train"},
    {"examples/speech_ctc.nn", {"train.batch=3", 0}, "train"},
    {"tests/bench/lstm_classifier.nn", {"train.batch=17", 0}, "train"}, /* by chunks of steps */
    {"tests/threads/layers.nn", {0}, "train"},
};

enum { CASES = sizeof cases / sizeof *cases, SOON = 4 };

/* ---- files ---- */

static void write_model(const Folder *p, const Compilation *c, const char *name, int threads,
                        int64_t least)
{
    const Target *target = c->options->targets[0];
    Plan *plan = plan_module(p->arena, c->module, threads);
    assert_null(plan_verify(p->arena, plan));
    Lowered *lowered = lower_plan(p->arena, plan, target);
    if (threads) lower_divide(lowered, threads, least);
    const EmitOptions options = {
        .name = name, .command = "test", .optimizer = -1, .threads = threads};
    const Emission e = emission_new(p->arena, plan, &lowered, 1, &options);
    Text header = text_new(p->arena), source = text_new(p->arena), driven = text_new(p->arena);
    emit_header(&header, &e);
    emit_source(&source, &e);
    if (threads > 1) text_add_parallel(&driven, source.at, "parts");
    folder_write(p, arena_printf(p->arena, "%s.h", name), &header);
    folder_write(p, arena_printf(p->arena, "%s.c", name), threads > 1 ? &driven : &source);
    if (threads > 1) folder_write(p, "plain.c", &source);
}

/* "whole" for so many threads, "parts" for three. */
static void generate(const Folder *p, const Case *which, const char *target, int64_t least,
                     int whole)
{
    CompileOptions options = {.elaborate.sets = (const char **)(uintptr_t)which->sets};
    while (which->sets[options.elaborate.set_count]) options.elaborate.set_count++;
    options.entries = &which->entry;
    options.entry_count = which->entry != NULL;
    choose_targets(&options, target);
    Compilation c = compile_start(p->arena, which->program, &options);
    if (!compile_or_tell(&c, STAGE_TRANSFORMED)) fail_msg("%s does not compile", which->program);
    write_model(p, &c, "whole", whole, least);
    write_model(p, &c, "parts", 3, least);
}

/* ---- tests ---- */

/* Contraction is off: the C compiler may merge a product and a sum in the whole that parts have on
 * either side. */
static void build_and_run(const Folder *p, const char *flags, const char *parts)
{
    must_run(p->arena,
             arena_printf(p->arena,
                          "${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L -ffp-contract=off "
                          "%s -I'%s' tests/threads/run.c '%s/whole.c' '%s/%s' "
                          "-o '%s/run' -lpthread && '%s/run'",
                          flags, p->path, p->path, p->path, parts, p->path, p->path));
}

static void same_bits_on_threads(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        Folder p = folder_new();
        generate(&p, &cases[i], "native", SOON, 1);
        print_message("             %s\n", cases[i].program);
        build_and_run(&p, "-O0", "parts.c");
        folder_end(&p);
    }
}

static bool builds_with(const char *flag)
{
    Folder p = folder_new();
    const bool can =
        runs(p.arena, arena_printf(p.arena,
                                   "cd '%s' && echo 'int main(void) { return 0; }' > probe.c && "
                                   "${CC:-cc} %s probe.c -o probe && ./probe",
                                   p.path, flag));
    folder_end(&p);
    if (!can) print_message("[  SKIPPED ] the compiler has no %s\n", flag);
    return can;
}

static void same_bits_on_those_of_openmp(void **state)
{
    static const int tried[] = {3, 7};
    (void)state;
    if (!builds_with("-fopenmp")) skip();
    for (size_t i = 0; i < sizeof tried / sizeof *tried; i++) {
        Folder p = folder_new();
        generate(&p, &cases[tried[i]], "native", SOON, 1);
        build_and_run(&p, "-O0 -fopenmp", "plain.c");
        folder_end(&p);
    }
}

/* Watched by the thread sanitizer, in scalar code, where it sees every access. */
static void no_two_threads_touch_the_same(void **state)
{
    static const int watched[] = {0, 1, 2, 3, 4, 7};
    (void)state;
    if (!builds_with("-fsanitize=thread")) skip();
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        Folder p = folder_new();
        generate(&p, &cases[watched[i]], "scalar", SOON, 1);
        build_and_run(&p, "-O1 -g -fsanitize=thread", "parts.c");
        folder_end(&p);
    }
}

static void no_warning_with_and_without_openmp(void **state)
{
    static const char *const lines[] = {"gcc -std=c11 -fopenmp", "g++ -x c++ -std=c++17 -fopenmp",
                                        "gcc -std=c11 -Wno-unknown-pragmas", "clang -std=c11",
                                        "clang -x c++ -std=c++17"};
    static const int tried[] = {3, 10};
    (void)state;
    for (size_t t = 0; t < sizeof tried / sizeof *tried; t++) {
        Folder p = folder_new();
        generate(&p, &cases[tried[t]], "native", SOON, 1);
        for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
            const char *name = arena_strndup(p.arena, lines[i], strcspn(lines[i], " "));
            if (lab_has(p.arena, name))
                must_run(p.arena, arena_printf(p.arena, "cd '%s' && %s -O0 " WARNINGS " -c plain.c",
                                               p.path, lines[i]));
        }
        must_run(p.arena, arena_printf(p.arena,
                                       "cd '%s' && ! grep -nE '^.{101}|[[:blank:]]$' *.[ch]",
                                       p.path));
        folder_end(&p);
    }
}

/* Small models are left alone, and a file for one thread says nothing of threads. */
static void off_without_a_trace(void **state)
{
    (void)state;
    Folder p = folder_new();
    generate(&p, &cases[0], "scalar", LEAST_STATEMENTS, 0);
    must_run(p.arena, arena_printf(p.arena,
                                   "cd '%s' && ! grep -nE 'parallel|nn_task|divide' "
                                   "whole.[ch] && ! grep -n '_divide' parts.c",
                                   p.path));
    folder_end(&p);
}

/* Every convolution of a training step, in Winograd's form or direct, and its two gradients are
 * in parts. */
static void all_convolutions_are_divided(void **state)
{
    (void)state;
    static const char *const entries[] = {"train"};
    static const char *const kernels[] = {
        "conv1_sum",     "conv_sum_16x32x32",   "conv_sum_32x16x16",   "conv_sum_64x8x8",
        "layer2_0_conv1_sum", "conv_input_16x32x32", "conv_input_32x16x16", "conv_input_64x8x8",
        "conv_weight_16x16x3x3", "conv_weight_32x32x3x3", "conv_weight_64x64x3x3",
        "d_layer2_0_conv1_weight", "d_layer2_0_conv1_input", "d_conv1_weight"};
    Arena *arena = arena_new();
    CompileOptions options = {.entries = entries, .entry_count = 1,
                              .emit = {.command = "test", .optimizer = -1, .threads = 2}};
    choose_targets(&options, "avx512");
    Compilation c = lab_compile(arena, "examples/resnet20.nn", &options);
    Text source = text_new(arena);
    emit_source(&source, compile_emission(&c));
    for (size_t i = 0; i < sizeof kernels / sizeof *kernels; i++)
        if (!strstr(source.at, arena_printf(arena, "void resnet20_%s_part", kernels[i])))
            fail_msg("%s is done by one thread", kernels[i]);
    arena_free(arena);
}

/* The name of the function that is defined in front of `at`. */
static const char *function_around(Arena *arena, const char *source, const char *at)
{
    static const char start[] = "\nstatic void ";
    const char *name = NULL;
    for (const char *next = strstr(source, start); next && next < at; next = strstr(name, start))
        name = next + strlen(start);
    return name ? arena_strndup(arena, name, strcspn(name, "(")) : "";
}

/* Products whose tiles are functions, with sums in a local array or in chunks, panels of each
 * thread's own, and a last panel that one thread does: tiles are called in parts alone. */
static void all_large_products_are_divided(void **state)
{
    (void)state;
    static const char call[] = "    gpt2_tile_";
    static const char *const entries[] = {"train"};
    Arena *arena = arena_new();
    CompileOptions options = {.entries = entries, .entry_count = 1,
                              .emit = {.command = "test", .optimizer = -1, .threads = 2}};
    choose_targets(&options, "avx512");
    Compilation c = lab_compile(arena, "examples/gpt2/gpt2.nn", &options);
    Text source = text_new(arena);
    emit_source(&source, compile_emission(&c));
    int calls = 0;
    for (const char *at = strstr(source.at, call); at; at = strstr(at + 1, call), calls++) {
        const char *name = function_around(arena, source.at, at);
        if (!strstr(name, "_part")) fail_msg("%s is done by one thread", name);
    }
    assert_true(calls >= 12);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_convolutions_are_divided),
        cmocka_unit_test(all_large_products_are_divided),
        cmocka_unit_test(same_bits_on_threads),
        cmocka_unit_test(same_bits_on_those_of_openmp),
        cmocka_unit_test(no_two_threads_touch_the_same),
        cmocka_unit_test(no_warning_with_and_without_openmp),
        cmocka_unit_test(off_without_a_trace),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
