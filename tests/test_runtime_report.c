/* Progress on stderr: a bar that moves on a terminal, plain lines elsewhere, nothing when quiet. */
#define _XOPEN_SOURCE 600            /* pseudo-terminals */
#include <fcntl.h>

#include "runtime_files.h"

#include <sys/wait.h>
#include <time.h>

#include "nn_report.h"

enum { STEPS = 8, EPOCHS = 2 };

static void pause_beyond_the_bar(void)
{
    const struct timespec pause = {0, 110 * 1000 * 1000};
    nanosleep(&pause, NULL);
}

/* Two epochs of a made-up run, told on stderr. */
static void report_run(int quiet)
{
    nn_report report;
    nn_scores train, validate;
    nn_progress p;
    memset(&p, 0, sizeof p);
    memset(&train, 0, sizeof train);
    train.loss_sum = 3;
    train.loss_weight = 2;
    validate = train;
    p.steps = EPOCHS * STEPS;
    p.epochs = EPOCHS;
    p.train = &train;
    nn_report_start(&report, quiet, STEPS);
    for (p.step = 1; p.step <= p.steps; p.step++) {
        p.epoch = (p.step - 1) / STEPS;
        p.validate = NULL;
        if (p.step == STEPS / 2) pause_beyond_the_bar();
        nn_report_step(&report, &p);
        if (p.step % STEPS) continue;
        p.validate = &validate;
        p.best_epoch = 0;
        nn_report_epoch(&report, &p);
    }
}

/* What a child writes to stderr, which is `child` of the two ends of a pipe or terminal. */
static const char *told(int parent, int child, int quiet, char *text, size_t size)
{
    size_t used = 0;
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        close(parent);
        dup2(child, STDERR_FILENO);
        report_run(quiet);
        _exit(0);
    }
    close(child);
    for (ssize_t n; used + 1 < size && (n = read(parent, text + used, size - 1 - used)) > 0;)
        used += (size_t)n;
    text[used] = '\0';
    close(parent);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    return text;
}

static int lines(const char *text)
{
    int count = 0;
    for (; *text; text++) count += *text == '\n';
    return count;
}

static void plain_lines_in_a_pipe(void **state)
{
    char text[4096];
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    told(ends[0], ends[1], 0, text, sizeof text);
    assert_null(strpbrk(text, "\r\x1b"));
    assert_int_equal(lines(text), EPOCHS);
    assert_non_null(strstr(text, "epoch 1/2  train: loss 1.5"));
    assert_non_null(strstr(text, "validate: loss 1.5"));
    assert_non_null(strstr(text, "(best)"));
    assert_non_null(strstr(text, "epoch 2/2"));
}

static void nothing_when_quiet(void **state)
{
    char text[256];
    int ends[2];
    (void)state;
    assert_int_equal(pipe(ends), 0);
    assert_string_equal(told(ends[0], ends[1], 1, text, sizeof text), "");
}

static void a_bar_on_a_terminal(void **state)
{
    char text[4096];
    int parent = posix_openpt(O_RDWR | O_NOCTTY), child;
    (void)state;
    if (parent < 0 || grantpt(parent) || unlockpt(parent)) {
        print_message("no pseudo-terminals here\n");
        skip();
    }
    child = open(ptsname(parent), O_RDWR | O_NOCTTY);
    assert_true(child >= 0);
    told(parent, child, 0, text, sizeof text);
    assert_non_null(strstr(text, "\repoch 1/2 [############............] 4/8  loss 1.5"));
    assert_non_null(strstr(text, "\r\x1b[Kepoch 1/2  train:"));   /* the epoch's line replaces it */
    assert_int_equal(lines(text), EPOCHS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(plain_lines_in_a_pipe),
        cmocka_unit_test(nothing_when_quiet),
        cmocka_unit_test(a_bar_on_a_terminal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
