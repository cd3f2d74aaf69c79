/* Kernels in parts: on several threads, in any order, they compute what they compute alone, to the
 * bit, and no two threads touch the same memory. */
#include "emit_lab.h"

#define WARNINGS "-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror"

/* Only one entry where the program is large. */
typedef struct Case {
    const char *program, *sets[4], *entry;
} Case;

static const Case cases[] = {
    {"tests/emit/tiny.nn", {0}, NULL},
    {"tests/emit/pieces.nn", {0}, NULL},
    {"tests/emit/running.nn", {0}, NULL},
    {"examples/digits/digits.nn", {"train.batch=9", 0}, NULL},
    {"examples/lenet.nn", {"train.batch=5", 0}, NULL},
    {"examples/resnet20.nn", {"train.batch=3", 0}, "train"},
    {"examples/tiny_yolo.nn", {"train.batch=1", 0}, "train"},
    {"examples/char_gpt.nn", {"train.batch=3", "depth=1", 0}, "train"},
    {"examples/speech_ctc.nn", {"train.batch=3", 0}, "train"},
};

enum { CASES = sizeof cases / sizeof *cases, SOON = 4 };

/* ---- files ---- */

/* What the uniform call passes as threads becomes those of tests/threads/run.c. */
static void with_threads(Text *out, const char *source)
{
    static const char *const from[] = {"args.parallel = NULL;", "call->workspace, NULL"};
    static const char *const to[] = {"args.parallel = test_parallel;",
                                     "call->workspace, test_parallel"};
    const char *include = strstr(source, "#include \"parts.h\"\n");
    assert_non_null(include);
    include = strchr(include, '\n') + 1;
    text_addn(out, source, (size_t)(include - source));
    text_add(out, "extern const nn_parallel *const test_parallel;\n");
    for (const char *at = include; *at;) {
        int which = -1;
        for (int i = 0; i < 2; i++)
            if (!strncmp(at, from[i], strlen(from[i]))) which = i;
        if (which < 0) {
            text_addn(out, at++, 1);
        } else {
            text_add(out, to[which]);
            at += strlen(from[which]);
        }
    }
}

static void write_model(const Folder *p, const Compilation *c, const char *name, int threads,
                        int64_t least)
{
    const Target *target = c->options->targets[0];
    Lowered *lowered = lower_plan(p->arena, c->plan, target);
    if (threads) lower_divide(lowered, threads, least);
    const EmitOptions options = {
        .name = name, .command = "test", .optimizer = -1, .threads = threads};
    const Emission e = emission_new(p->arena, c->plan, &lowered, 1, &options);
    Text header = text_new(p->arena), source = text_new(p->arena), driven = text_new(p->arena);
    emit_header(&header, &e);
    emit_source(&source, &e);
    if (threads) with_threads(&driven, source.at);
    folder_write(p, arena_printf(p->arena, "%s.h", name), &header);
    folder_write(p, arena_printf(p->arena, "%s.c", name), threads ? &driven : &source);
    if (threads) folder_write(p, "plain.c", &source);
}

static void generate(const Folder *p, const Case *which, const char *target, int64_t least)
{
    CompileOptions options = {.elaborate.sets = (const char **)(uintptr_t)which->sets};
    while (which->sets[options.elaborate.set_count]) options.elaborate.set_count++;
    options.entries = &which->entry;
    options.entry_count = which->entry != NULL;
    choose_targets(&options, target);
    Compilation c = compile_start(p->arena, which->program, &options);
    if (!compile_or_tell(&c, STAGE_PLANNED)) fail_msg("%s does not compile", which->program);
    write_model(p, &c, "whole", 0, 0);
    write_model(p, &c, "parts", 3, least);
}

/* ---- tests ---- */

/* Contraction is off: the C compiler may merge a product and a sum in the whole that parts have on
 * either side. */
static void build_and_run(const Folder *p, const char *flags)
{
    must_run(p->arena,
             arena_printf(p->arena,
                          "${CC:-cc} -std=c11 -D_POSIX_C_SOURCE=200809L -ffp-contract=off "
                          "%s -I'%s' tests/threads/run.c '%s/whole.c' '%s/parts.c' "
                          "-o '%s/run' -lpthread && '%s/run'",
                          flags, p->path, p->path, p->path, p->path, p->path));
}

static void same_bits_on_threads(void **state)
{
    (void)state;
    for (int i = 0; i < CASES; i++) {
        Folder p = folder_new();
        generate(&p, &cases[i], "native", SOON);
        print_message("             %s\n", cases[i].program);
        build_and_run(&p, "-O0");
        folder_end(&p);
    }
}

/* Watched by the thread sanitizer, in scalar code, where it sees every access. */
static void no_two_threads_touch_the_same(void **state)
{
    static const int watched[] = {0, 1, 2, 4};
    Folder probe = folder_new();
    (void)state;
    const bool can = runs(
        probe.arena, arena_printf(probe.arena,
                                  "cd '%s' && echo 'int main(void) { return 0; }' > probe.c && "
                                  "${CC:-cc} -fsanitize=thread probe.c -o probe && ./probe",
                                  probe.path));
    folder_end(&probe);
    if (!can) {
        print_message("[  SKIPPED ] the compiler has no thread sanitizer\n");
        skip();
    }
    for (size_t i = 0; i < sizeof watched / sizeof *watched; i++) {
        Folder p = folder_new();
        generate(&p, &cases[watched[i]], "scalar", SOON);
        build_and_run(&p, "-O1 -g -fsanitize=thread");
        folder_end(&p);
    }
}

static void no_warning_with_and_without_openmp(void **state)
{
    static const char *const lines[] = {"gcc -std=c11 -fopenmp", "g++ -x c++ -std=c++17 -fopenmp",
                                        "gcc -std=c11 -Wno-unknown-pragmas", "clang -std=c11",
                                        "clang -x c++ -std=c++17"};
    (void)state;
    Folder p = folder_new();
    generate(&p, &cases[4], "native", SOON);
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        const char *name = arena_strndup(p.arena, lines[i], strcspn(lines[i], " "));
        if (lab_has(p.arena, name))
            must_run(p.arena, arena_printf(p.arena, "cd '%s' && %s -O0 " WARNINGS " -c plain.c",
                                           p.path, lines[i]));
    }
    must_run(p.arena,
             arena_printf(p.arena, "cd '%s' && ! grep -nE '^.{101}|[[:blank:]]$' *.[ch]", p.path));
    folder_end(&p);
}

/* Small models are left alone, and a file for one thread says nothing of threads. */
static void off_without_a_trace(void **state)
{
    (void)state;
    Folder p = folder_new();
    generate(&p, &cases[0], "scalar", LEAST_STATEMENTS);
    must_run(p.arena, arena_printf(p.arena,
                                   "cd '%s' && ! grep -nE 'parallel|nn_task|divide' "
                                   "whole.[ch] && ! grep -n '_divide' parts.c",
                                   p.path));
    folder_end(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(same_bits_on_threads),
        cmocka_unit_test(no_two_threads_touch_the_same),
        cmocka_unit_test(no_warning_with_and_without_openmp),
        cmocka_unit_test(off_without_a_trace),
    };
    return cmocka_run_group_tests_name("threads", tests, NULL, NULL);
}
