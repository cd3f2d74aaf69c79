/* The commands of nnc, run as a user runs them.
 *
 * tests/driver/NAME.sh is a line for the shell, in the top of the source tree; NAME.out beside it
 * is what comes out on stdout and stderr, and the status. $TMP is a directory that is empty at
 * first. What depends on the machine (times, instruction sets) is tested below, by what must hold
 * of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <dirent.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "golden.h"

typedef struct Run { const char *out; size_t length; int status; } Run;

/* Runs a line with `nnc` and $TMP set up; stderr goes the way of stdout. */
static Run run(Arena *arena, const char *line)
{
    const char *build = getenv("BUILD");
    char *script = arena_printf(arena,
                                "TMP=$(mktemp -d \"${TMPDIR:-/tmp}/nnc-driver-XXXXXX\") || exit\n"
                                "export TMP\ntrap 'rm -rf \"$TMP\"' EXIT\n"
                                "nnc() { \"%s/nnc\" \"$@\"; }\nexec 2>&1\n{ %s\n}",
                                build ? build : "build", line);
    char *path = arena_strdup(arena, "/tmp/nnc-driver-script-XXXXXX");
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, script, strlen(script)), (ssize_t)strlen(script));
    close(fd);
    FILE *pipe = popen(arena_printf(arena, "sh %s", path), "r");
    assert_non_null(pipe);
    Text out = text_new(arena);
    char piece[4096];
    for (size_t n; (n = fread(piece, 1, sizeof piece, pipe)) > 0;) text_addn(&out, piece, n);
    const int status = pclose(pipe);
    unlink(path);
    assert_true(WIFEXITED(status));
    return (Run){out.at, out.length, WEXITSTATUS(status)};
}

static void expect(const Run *r, int status, const char *part)
{
    if (r->status != status) fail_msg("status %d, expected %d:\n%s", r->status, status, r->out);
    if (!strstr(r->out, part)) fail_msg("`%s` is not in:\n%s", part, r->out);
}

static void expect_not(const Run *r, const char *part)
{
    if (strstr(r->out, part)) fail_msg("`%s` is in:\n%s", part, r->out);
}

/* The number behind the last `label` of the output. */
static double number_behind(const Run *r, const char *label)
{
    const char *at = NULL;
    for (const char *p = r->out; (p = strstr(p, label)); p++) at = p;
    if (!at) fail_msg("`%s` is not in:\n%s", label, r->out);
    return strtod(at + strlen(label), NULL);
}

/* ---- pairs of files ---- */

static int by_name(const struct dirent *entry)
{
    const char *dot = strrchr(entry->d_name, '.');
    return dot && !strcmp(dot, ".sh");
}

static void pairs(void **state)
{
    (void)state;
    struct dirent **entries;
    const int count = scandir("tests/driver", &entries, by_name, alphasort);
    int wrong = 0;
    assert_true(count > 40);
    for (int i = 0; i < count; i++) {
        Arena *arena = arena_new();
        char *line;
        size_t length;
        const char *name = entries[i]->d_name;
        const char *path = arena_printf(arena, "tests/driver/%s", name);
        assert_null(file_read(arena, path, &line, &length));
        const Run r = run(arena, line);
        const char *text = arena_printf(arena, "%sstatus %d\n", r.out, r.status);
        const char *out = arena_printf(arena, "tests/driver/%.*s.out", (int)strlen(name) - 3, name);
        wrong += !golden_matches(arena, out, text, strlen(text));
        free(entries[i]);
        arena_free(arena);
    }
    free(entries);
    if (wrong) fail_msg("%d of %d command lines print something else", wrong, count);
}

/* ---- what depends on the machine ---- */

static void digits_are_learned(void **state)
{
    const Run r = run(*state, "nnc run examples/digits/digits.nn");
    expect(&r, 0, "\nvalidate: loss ");
    assert_true(number_behind(&r, "accuracy ") > 93.0);
}

/* The interpreter and generated code start from the same weights and see the same batches. */
static void the_interpreter_trains_alike(void **state)
{
    const Run a = run(*state, "nnc run examples/digits/digits.nn --epochs=2 --quiet");
    const Run b = run(*state, "nnc run examples/digits/digits.nn --epochs=2 --quiet --interpret");
    const double generated = number_behind(&a, "validate: loss ");
    const double interpreted = number_behind(&b, "validate: loss ");
    assert_true(generated > 0);
    assert_true(interpreted > 0.999 * generated && interpreted < 1.001 * generated);
}

static void weights_go_around(void **state)
{
    const Run r = run(*state,
                      "nnc run examples/digits/digits.nn --epochs=3 --quiet --save=$TMP/w && "
                      "nnc run examples/digits/digits.nn --eval-only --weights=$TMP/w "
                      "--target=scalar");
    expect(&r, 0, "validate: loss ");
    const double first = strtod(strstr(r.out, "accuracy ") + 9, NULL);
    assert_true(first > 80 && number_behind(&r, "accuracy ") == first);
}

/* At a constant rate: a schedule over the whole run would see two runs. */
static void a_run_goes_on(void **state)
{
    const Run r = run(*state,
                      "run() { nnc run examples/digits/digits.nn --quiet "
                      "--set 'train.optimizer=adam(lr = 1e-3)' \"$@\"; }; "
                      "run --epochs=4 --save=$TMP/a; run --epochs=2 --checkpoint=$TMP/c; "
                      "run --epochs=4 --checkpoint=$TMP/c --resume --save=$TMP/b --log=$TMP/log; "
                      "cmp $TMP/a $TMP/b && echo equal; head -n 1 $TMP/log");
    expect(&r, 0, "\nequal\nepoch,");
}

static void a_loader_of_ones_own(void **state)
{
    const Run r = run(*state, "nnc run tests/driver/custom.nn --quiet");
    expect(&r, 0, "validate: loss ");
    assert_true(number_behind(&r, "validate: loss ") < 0.01);
    const Run missing = run(*state, "sed s/squares/other/ tests/driver/custom.nn > $TMP/m.nn; "
                                    "nnc run $TMP/m.nn --quiet");
    expect(&missing, 1, "/other.c: No such file or directory");
    const Run empty = run(*state, "sed s/squares/other/ tests/driver/custom.nn > $TMP/m.nn; "
                                  "echo 'int nothing;' > $TMP/other.c; nnc run $TMP/m.nn --quiet");
    expect(&empty, 1, "nnc: error: other.c does not define other_open (see nn_step.h)");
}

static void check_agrees(void **state)
{
    const Run r = run(*state, "nnc check examples/regression.nn");
    expect(&r, 0, "ok: ");
    expect(&r, 0, "gradient of hidden.weight");
    expect(&r, 0, "31 of 32");
    expect(&r, 0, "4 gradients are confirmed");
    expect_not(&r, "DIFFERS");
}

static void check_without_a_loss(void **state)
{
    const Run r = run(*state,
                      "echo 'model m { input x: f32[batch, 3]; y = x |> dense(4) as a |> tanh; "
                      "output y; }' > $TMP/m.nn; nnc check $TMP/m.nn --target=scalar");
    expect(&r, 0, "backward");
    expect(&r, 0, "gradient of a.weight");
    expect(&r, 0, "2 gradients are confirmed");
}

/* nnc check with a C compiler that changes what it is given. */
static Run check_forged(Arena *arena, const char *edit, const char *arguments)
{
    return run(arena, arena_printf(arena,
                      "export XDG_CACHE_HOME=$TMP CC=$TMP/cc; "
                      "cc=$(command -v gcc cc clang | head -n 1); "
                      "printf '#!/bin/sh\nfor f; do case $f in *.c) sed -i \"%s\" \"$f\"; esac; "
                      "done\nexec %%s \"$@\"\n' $cc > $CC; chmod +x $CC; nnc check %s", edit,
                      arguments));
}

static void check_can_fail(void **state)
{
    const char *arguments = "examples/regression.nn --target=scalar";
    const Run right = check_forged(*state, "s/1.0f - /1.0f - /", arguments);
    expect(&right, 0, "ok: 19 tensors agree");
    const Run wrong = check_forged(*state, "s/1.0f - /0.99f - /", arguments);
    expect(&wrong, 1, "FAILED: 4 of 19 tensors differ by more than 1.0e-04");
    expect(&wrong, 1, "gradient of hidden.weight ");
    expect(&wrong, 1, "DIFFERS at element ");
    const Run forward = check_forged(*state, "s/, 0.0f);/, 0.01f);/",
                                     "examples/mnist_mlp.nn --target=scalar");
    expect(&forward, 1, "DIFFERS at element ");
    expect(&forward, 1, "FAILED: ");
}

/* What rounding decides is no fault, and hides none that is larger. */
static void check_knows_rounding(void **state)
{
    const char *arguments = "tests/driver/rounding.nn --target=scalar";
    const Run right = check_forged(*state, "s/1.0f - /1.0f - /", arguments);
    expect(&right, 0, "within rounding: the interpreter itself moves by ");
    expect(&right, 0, " within what rounding moves in the interpreter, 4 gradients are confirmed");
    expect_not(&right, "DIFFERS");
    const Run wrong = check_forged(*state, "s/1.0f - /0.9f - /", arguments);
    expect(&wrong, 1, "within rounding: the interpreter itself moves by ");
    expect(&wrong, 1, "DIFFERS at element ");
    expect(&wrong, 1, "FAILED: 4 of 15 tensors differ by more than 1.0e-04");
    expect(&wrong, 1, "gradients are wrong by more than 2%");
}

static void bench_measures(void **state)
{
    const Run r = run(*state, "nnc bench examples/regression.nn --seconds=0.1 --target=scalar");
    expect(&r, 0, "generated (scalar)");
    expect(&r, 0, "training step, batch 32: forward, loss, backward, Adam");
    expect(&r, 0, "of machine code");
}

/* Kernels inside of scans too, which one call of the entry runs once a step. */
static void profile_measures(void **state)
{
    const Run r = run(*state, "nnc profile tests/scan/gru.nn --rounds=1 --target=scalar");
    expect(&r, 0, "gru_both_ways, scalar, train");
    expect(&r, 0, "    forward ");
    expect(&r, 0, "[train and adam]");
}

static void profile_gives_csv(void **state)
{
    const Run r = run(*state, "nnc profile examples/regression.nn --rounds=1 --csv --entries=infer "
                              "--target=scalar");
    expect(&r, 0, "model,target,entry,batch,kernel,kind,calls,");
    expect(&r, 0, "diabetes,scalar,infer,1,");
    expect(&r, 0, "[infer]");
}

static void bench_gives_csv(void **state)
{
    const Run r = run(*state, "nnc bench examples/regression.nn --seconds=0.1 --csv");
    expect(&r, 0, "model,entry,batch,flop,peak_gflops,runner,min_us,p50_us,p99_us,max_us,ratio,");
    expect(&r, 0, "\ndiabetes,infer,1,");
    expect(&r, 0, "\ndiabetes,train,32,");
    expect(&r, 0, ",interpreter,");
    for (const char *line = r.out; *line; line += strcspn(line, "\n") + 1) {
        int commas = 0;
        for (const char *c = line; *c && *c != '\n'; c++) commas += *c == ',';
        if (!strstr(r.out, "\"interpreter, BLAS\"")) assert_int_equal(commas, 12);
        else assert_in_range(commas, 12, 13);
    }
}

static void summary_counts(void **state)
{
    const Run r = run(*state, "nnc summary examples/mnist_mlp.nn --target=scalar");
    expect(&r, 0, "fc1                 f32[batch=1, 128]     100,480  200,832");
    expect(&r, 0, "101,770");
    expect(&r, 0, "evaluate");
}

/* A guard against work that grows where nobody looks: the time of the processor, the least of ten
 * runs. On the machine where it was written it takes 11 ms. */
static void compiling_is_quick(void **state)
{
    const Run r = run(*state, "for i in 1 2 3 4 5 6 7 8 9 10; do "
                              "( nnc examples/mnist_mlp.nn -o $TMP; times | tail -n 1 ); done");
    double least = 1e9;
    for (const char *line = r.out; *line; line += strcspn(line, "\n") + 1) {
        int minutes[2];
        double seconds[2];
        assert_int_equal(sscanf(line, "%dm%lfs %dm%lfs", &minutes[0], &seconds[0], &minutes[1],
                                &seconds[1]), 4);
        if (seconds[0] + seconds[1] < least) least = seconds[0] + seconds[1];
    }
#if defined(__SANITIZE_ADDRESS__) || !defined(__OPTIMIZE__)
    assert_true(least < 5);
#else
    assert_true(least < 0.1);
#endif
}

/* ---- the cache ---- */

static void the_cache_is_used(void **state)
{
    const Run r = run(*state,
                      "export XDG_CACHE_HOME=$TMP CC=$TMP/cc; "
                      "cc=$(command -v gcc cc clang | head -n 1); "
                      "printf '#!/bin/sh\\necho called >> %s/calls\\nexec %s \"$@\"\\n' $TMP $cc "
                      "> $CC; "
                      "chmod +x $CC; nnc check examples/regression.nn && "
                      "nnc check examples/regression.nn && wc -l < $TMP/calls");
    expect(&r, 0, "ok: ");
    const char *last = strrchr(arena_strndup(*state, r.out, r.length - 1), '\n');
    assert_int_equal(strtol(last, NULL, 10), 1);
}

static void no_compiler(void **state)
{
    const Run r = run(*state, "export XDG_CACHE_HOME=$TMP; "
                              "CC=no-such-cc nnc check examples/regression.nn");
    expect(&r, 1, "nnc: error: cannot run no-such-cc: no such command");
}

static void a_cache_that_cannot_be(void **state)
{
    const Run r = run(*state, "XDG_CACHE_HOME=/dev/null nnc check examples/regression.nn");
    expect(&r, 1, "cannot make the directory /dev/null/nnc: Not a directory");
}

/* What a full disk left of a library is built again: loaded, its missing pages would end nnc. */
static void a_library_cut_short(void **state)
{
    const Run r = run(*state, "export XDG_CACHE_HOME=$TMP; nnc check examples/regression.nn && "
                              "cd $TMP/nnc && for l in *.so; do head -c 9000 $l > cut && "
                              "mv cut $l; done; cd - && nnc check examples/regression.nn && "
                              "cd $TMP/nnc && for l in *.so; do : > $l; done; cd - && "
                              "nnc check examples/regression.nn");
    expect(&r, 0, "ok: ");
}

/* Training is not begun where its weights could not be saved. */
static void weights_that_cannot_be_saved(void **state)
{
    const Run r = run(*state, "nnc run examples/digits/digits.nn --interpret --epochs=1000000 "
                              "--save=$TMP/none/w.safetensors");
    expect(&r, 1, "none/w.safetensors.tmp: cannot create: No such file or directory");
    const Run d = run(*state, "nnc run examples/digits/digits.nn --interpret --epochs=1000000 "
                              "--save=$TMP");
    expect(&d, 1, "cannot write: Is a directory");
}

static void main_without_data(void **state)
{
    const Run r = run(*state, "nnc tests/session/stream.nn --main -o $TMP");
    expect(&r, 1, "the `train` block of tests/session/stream.nn has no `data`");
}

static void main_without_training(void **state)
{
    const Run r = run(*state, "nnc examples/digits/digits.nn --entries=infer --main -o $TMP");
    expect(&r, 1, "--main needs the entry `train`");
}

/* As C compilers take them. */
static void values_joined_to_options(void **state)
{
    const Run r = run(*state, "nnc examples/regression.nn -o$TMP/joined -Itests/elaborate && "
                              "nnc examples/regression.nn -o=$TMP/equal && ls $TMP/*");
    expect(&r, 0, "joined:");
    expect(&r, 0, "equal:");
}

static void directories_in_a_row(void **state)
{
    const Run r = run(*state, "nnc examples/regression.nn -o $TMP/a/b/c/ && ls $TMP/a/b/c");
    expect(&r, 0, "diabetes.h");
}

/* ---- references ---- */

#define GOLDEN(name) "../shared/goldens/" name ".safetensors"

static void needs(const char *path)
{
    if (access(path, R_OK) == 0) return;
    print_message("[ no data  ] %s is not there\n", path);
    skip();
}

/* A Python with numpy; Debian's own is not always the first in PATH. */
static const char *find_python(Arena *arena)
{
    static const char *const names[] = {"python3", "/usr/bin/python3", NULL};
    for (int i = 0; names[i]; i++)
        if (run(arena, arena_printf(arena, "%s -c 'import numpy'", names[i])).status == 0)
            return names[i];
    print_message("[ no tool  ] there is no python3 with numpy\n");
    skip();
    return NULL;
}

static void references_agree(void **state)
{
    needs(GOLDEN("mnist_mlp"));
    const Run a = run(*state, "nnc compare examples/mnist_mlp.nn " GOLDEN("mnist_mlp"));
    expect(&a, 0, "ok: 14 tensors agree within 1.0e-04 (1.0e-03 after three steps of Adam)");
    const Run b = run(*state, "nnc compare examples/regression.nn --generated "
                              GOLDEN("regression"));
    expect(&b, 0, "ok: 14 tensors agree within 1.0e-04 (1.0e-03 after three steps of Adam)");
    const Run c = run(*state, "nnc compare examples/lenet.nn --generated --tolerance=2e-5 "
                              GOLDEN("lenet"));
    expect(&c, 0, "within rounding: the interpreter itself moves by ");
    expect(&c, 0, "1 within what rounding moves in the interpreter");
}

/* Weights after the steps that are a little wrong, and the first of them is named. */
static void steps_are_compared(void **state)
{
    needs(GOLDEN("regression"));
    const char *python = find_python(*state);
    const Run r = run(*state, arena_printf(*state, "%s tests/driver/steps.py " GOLDEN("regression")
                                           " $TMP/r adam3/out.weight && "
                                           "nnc compare examples/regression.nn $TMP/r", python));
    expect(&r, 1, "adam3/hidden.bias ");
    expect(&r, 1, "DIFFERS; rounding moves it by ");
    expect(&r, 1, "regression.nn:6:54: error: adam3/out.weight is the first that differs");
}

/* The program is changed, and the line that was changed is blamed. */
static void the_first_difference_is_named(void **state)
{
    needs(GOLDEN("mnist_mlp"));
    const Run r = run(*state,
                      "sed 's/|> relu |>/|> tanh |>/' examples/mnist_mlp.nn > $TMP/m.nn; "
                      "nnc compare $TMP/m.nn " GOLDEN("mnist_mlp") "; s=$?; exit $s");
    expect(&r, 1, "m.nn:6:52: error: layer fc2 is the first that differs");
    expect(&r, 1, "layer fc1        [128, 128]");
    expect(&r, 1, "the reference has relu where line 6 has tanh: with that changed, it agrees");
}

static const struct CauseCase { const char *change, *cause; } causes[] = {
    {"t['input/x'] = t['input/x'] * 255",
     "the reference scaled its inputs by 1/255 before the model"},
    {"t['param/a.weight'] = t['param/a.weight'].T.copy()", "a.weight is transposed"},
    {"t['param/b.weight'] = t['param/b.weight'].T.copy()",
     "it looks transposed: store its .T"},
    {"t['act/a'] = numpy.maximum(t['act/a'], 0)", "the reference holds the value after relu"},
    {"t['act/norm'] = norm(numpy.tanh(t['act/a']), eps=1e-3)",
     "eps is 0.001 in the reference and 1e-05 here"},
    {"del t['param/a.bias']", "the reference has no tensor 'param/a.bias'"},
    {"t['input/x'] = t['input/x'][:, :2]", "'x' is [4, 2] in the reference, [4, 3] in the model"},
};

static Run run_changed(Arena *arena, const char *python, const char *change)
{
    return run(arena, arena_printf(arena, "%s tests/driver/reference.py $TMP/r \"%s\"; "
                                          "nnc compare tests/driver/reference.nn $TMP/r", python,
                                   change));
}

static void causes_are_found(void **state)
{
    const char *python = find_python(*state);
    const Run same = run_changed(*state, python, "pass");
    expect(&same, 0, "ok: ");
    for (size_t i = 0; i < sizeof causes / sizeof *causes; i++) {
        const Run r = run_changed(*state, python, causes[i].change);
        expect(&r, 1, causes[i].cause);
    }
}

static int open_arena(void **state)
{
    *state = arena_new();
    return 0;
}

static int close_arena(void **state)
{
    arena_free(*state);
    return 0;
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, open_arena, close_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(pairs), TEST(digits_are_learned), TEST(the_interpreter_trains_alike),
        TEST(weights_go_around), TEST(a_run_goes_on), TEST(a_loader_of_ones_own),
        TEST(check_agrees),
        TEST(check_without_a_loss), TEST(check_can_fail),
        TEST(check_knows_rounding), TEST(bench_measures),
        TEST(bench_gives_csv), TEST(profile_measures),
        TEST(profile_gives_csv), TEST(summary_counts), TEST(compiling_is_quick),
        TEST(the_cache_is_used), TEST(no_compiler),
        TEST(a_cache_that_cannot_be), TEST(a_library_cut_short),
        TEST(weights_that_cannot_be_saved), TEST(main_without_data), TEST(directories_in_a_row),
        TEST(main_without_training), TEST(values_joined_to_options),
        TEST(references_agree), TEST(steps_are_compared),
        TEST(the_first_difference_is_named), TEST(causes_are_found),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
