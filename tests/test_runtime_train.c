/* The training loop: what it learns, stops, logs, and that a run killed at any instant resumes to
 * the bits of an unbroken one. */
#include "runtime_files.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include "nn_checkpoint.h"
#include "nn_job.h"
#include "nn_random.h"
#include "nn_train.h"
#include "nn_weights.h"
#include "runtime_model.h"

enum { SAMPLES = 61 };           /* 7 full batches of 8 and one of 5 */

/* y = 1 x0 - 2 x1 + 0.5 x2 + 3 */
static nn_data *make_data(void) {
    static const int64_t three[] = { 3 };
    nn_data *data = nn_data_new(SAMPLES, 2, NULL);
    nn_column *x = nn_data_add(data, "x", NN_F32, 1, three, NULL, NULL);
    nn_column *y = nn_data_add(data, "y", NN_F32, 0, NULL, NULL, NULL);
    for (uint64_t i = 0; i < SAMPLES; i++) {
        float *row = (float *)x->values + 3 * i;
        for (uint64_t j = 0; j < 3; j++)
            row[j] = (float)(nn_random(1, NN_STREAM_USER, 3 * i + j) >> 40) * 0x1p-23f - 1;
        ((float *)y->values)[i] = row[0] - 2 * row[1] + 0.5f * row[2] + 3;
    }
    assert_int_equal(nn_data_bind(data, &toy_entries[0], NULL), NN_OK);
    return data;
}

static nn_train_options make_options(void) {
    nn_train_options o;
    memset(&o, 0, sizeof o);
    o.optimizer.kind = NN_ADAMW;
    o.optimizer.lr.kind = NN_COSINE;
    o.optimizer.lr.peak = 0.05;
    o.optimizer.lr.warmup = 5;
    o.optimizer.beta1 = 0.9;
    o.optimizer.beta2 = 0.999;
    o.optimizer.eps = 1e-8;
    o.optimizer.weight_decay = 1e-4;
    o.epochs = 40;
    o.seed = 7;
    o.quiet = 1;
    return o;
}

typedef struct Weights {
    float params[TOY_FLOATS], states[TOY_STATES];
} Weights;

static int run(const nn_train_options *options, Weights *w, nn_train_result *result,
               nn_error *error) {
    nn_data *data = make_data();
    int status;
    toy_init(w->params, options->seed);
    toy_init_states(w->states);
    nn_error_clear(error);
    status = nn_train(&toy_model, w->params, w->states, data, data, options, result, error);
    nn_data_free(data);
    return status;
}

static void learns_the_line(void **state) {
    nn_train_options o = make_options();
    nn_train_result result;
    Weights w;
    (void)state;
    o.optimizer.weight_decay = 0;
    assert_int_equal(run(&o, &w, &result, NULL), NN_OK);
    assert_true(fabsf(w.params[0] - 1) < 0.05f && fabsf(w.params[2] + 2) < 0.05f);
    assert_true(fabsf(w.params[4] - 0.5f) < 0.05f && fabsf(w.params[16] - 3) < 0.05f);
    assert_true(w.params[32] == 5 && w.params[33] == 6);         /* not trained */
    for (int i = 0; i < TOY_FLOATS; i++)
        if (i != 0 && i != 2 && i != 4 && i != 16 && i != 32 && i != 33)
            assert_true(w.params[i] == 0);                       /* padding */
    assert_int_equal(result.step, 40 * 8);
    assert_int_equal((int)w.states[0], 40 * SAMPLES);            /* short batches by count */
    assert_true(nn_scores_loss(&result.validate) < 1e-3);
    assert_int_equal((int)result.validate.loss_weight, SAMPLES);
    assert_false(result.interrupted);
}

static void prefetch_changes_nothing(void **state) {
    nn_train_options o = make_options();
    Weights with, without;
    (void)state;
    assert_int_equal(run(&o, &with, NULL, NULL), NN_OK);
    o.no_prefetch = 1;
    assert_int_equal(run(&o, &without, NULL, NULL), NN_OK);
    assert_memory_equal(&with, &without, sizeof with);
    o.seed = 8;
    assert_int_equal(run(&o, &without, NULL, NULL), NN_OK);
    assert_memory_not_equal(&with, &without, sizeof with);
}

static void steps_cut_the_last_epoch(void **state) {
    nn_train_options o = make_options();
    nn_train_result result;
    char log[64];
    nn_bytes text;
    Weights w;
    int lines = 0;
    o.steps = 19;
    o.log = PATH(log, "steps.csv");
    assert_int_equal(run(&o, &w, &result, NULL), NN_OK);
    assert_int_equal(result.step, 19);
    assert_int_equal(nn_file_read(log, &text, NULL), NN_OK);
    for (size_t i = 0; i < text.size; i++) lines += text.at[i] == '\n';
    assert_int_equal(lines, 1 + 3);
    assert_non_null(strstr((char *)text.at, "epoch,step,rate,train_loss,train_mean_absolute_error,"
                           "validate_loss,validate_mean_absolute_error\n1,8,"));
    assert_non_null(strstr((char *)text.at, "\n3,19,"));
    free(text.at);
}

static void divergence_is_told(void **state) {
    nn_train_options o = make_options();
    nn_error error;
    Weights w;
    (void)state;
    memset(&o.optimizer.lr, 0, sizeof o.optimizer.lr);
    o.optimizer.kind = NN_SGD;
    o.optimizer.lr.peak = 1e20;
    o.steps = 100;
    assert_int_equal(run(&o, &w, NULL, &error), NN_ERR_DIVERGED);
    assert_non_null(strstr(error.reason, "at step"));
    assert_non_null(strstr(error.reason, "1e+20"));
}

static int stop_at_11(void *user, const nn_progress *progress) {
    (void)user;
    return progress->step == 11;
}

static void a_callback_stops_and_resume_goes_on(void **state) {
    nn_train_options o = make_options();
    nn_train_result result;
    char checkpoint[64];
    Weights whole, broken;
    assert_int_equal(run(&o, &whole, NULL, NULL), NN_OK);
    o.checkpoint = PATH(checkpoint, "callback.ckpt");
    o.on_step = stop_at_11;
    assert_int_equal(run(&o, &broken, &result, NULL), NN_OK);
    assert_true(result.interrupted && result.step == 11);
    o.on_step = NULL;
    o.resume = 1;
    assert_int_equal(run(&o, &broken, &result, NULL), NN_OK);
    assert_int_equal(result.step, 320);
    assert_memory_equal(&whole, &broken, sizeof whole);
}

static int raise_at_3(void *user, const nn_progress *progress) {
    (void)user;
    if (progress->step == 3) kill(getpid(), SIGINT);
    return 0;
}

static void an_interrupt_ends_after_the_step(void **state) {
    nn_train_options o = make_options();
    nn_train_result result;
    struct sigaction before, after;
    sigset_t mask;
    Weights w;
    (void)state;
    signal(SIGINT, SIG_DFL);         /* a shell that runs tests in the background has it ignored */
    sigaction(SIGINT, NULL, &before);
    o.handle_interrupt = 1;
    o.on_step = raise_at_3;
    assert_int_equal(run(&o, &w, &result, NULL), NN_OK);
    assert_true(result.interrupted);
    assert_int_equal(result.step, 3);
    sigaction(SIGINT, NULL, &after);
    assert_ptr_equal(before.sa_handler, after.sa_handler);
    sigprocmask(SIG_BLOCK, NULL, &mask);
    assert_int_equal(sigismember(&mask, SIGINT), 0);
}

/* --- killing --- */

static nn_train_options killed_options(const char *checkpoint, const char *log) {
    nn_train_options o = make_options();
    o.epochs = 40;
    o.clip_norm = 0.5;
    o.checkpoint = checkpoint;
    o.checkpoint_every = 3;
    o.log = log;
    return o;
}

/* In a child process: trains, or goes on; writes the weights and exits with 0. */
static void child(const char *checkpoint, const char *log, const char *weights) {
    nn_train_options o = killed_options(checkpoint, log);
    Weights w;
    o.resume = access(checkpoint, F_OK) == 0;
    if (run(&o, &w, NULL, NULL)) _exit(1);
    _exit(nn_weights_save(&toy_model, w.params, w.states, NULL, weights, NULL) ? 1 : 0);
}

/* Starts a child and kills it after some microseconds; 1: it had ended by itself before. */
static int live(const char *checkpoint, const char *log, const char *weights, long microseconds) {
    struct timespec pause = { 0, 1000 * microseconds };
    pid_t pid = fork();
    int status;
    assert_true(pid >= 0);
    if (!pid) child(checkpoint, log, weights);
    if (microseconds) {
        nanosleep(&pause, NULL);
        kill(pid, SIGKILL);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    if (WIFEXITED(status)) assert_int_equal(WEXITSTATUS(status), 0);
    return WIFEXITED(status);
}

/* A run that ended before its 20 kills is compared and begun anew, so that a fast machine kills as
 * often as a slow one. */
static void killed_at_random_resumes_to_the_same_bits(void **state) {
    char a[3][64], b[3][64];
    uint64_t lives = 0;
    int kills = 0, ended = 0;
    PATH(a[0], "whole.ckpt"), PATH(a[1], "whole.csv"), PATH(a[2], "whole.safetensors");
    PATH(b[0], "killed.ckpt"), PATH(b[1], "killed.csv"), PATH(b[2], "killed.safetensors");
    assert_true(live(a[0], a[1], a[2], 0));
    while (kills < 20 || !ended) {
        long pause = 1000 + (long)(nn_random((uint64_t)time(NULL), 1, lives++) % 15000);
        ended = live(b[0], b[1], b[2], kills < 20 ? pause : 0);
        kills += !ended;
        for (int i = 0; ended && i < 3; i++) {
            assert_files_equal(a[i], b[i]);
            if (kills < 20) unlink(b[i]);
        }
        assert_true(lives < 1000);
    }
    print_message("killed %d times in %d lives\n", kills, (int)lives);
}

/* --- checkpoints --- */

static void damaged_checkpoints_are_refused(void **state) {
    nn_train_options o = make_options();
    char path[64];
    nn_bytes file;
    nn_error error;
    Weights w;
    o.checkpoint = PATH(path, "damaged.ckpt");
    o.epochs = 1;
    assert_int_equal(run(&o, &w, NULL, NULL), NN_OK);
    assert_int_equal(nn_file_read(path, &file, NULL), NN_OK);
    o.resume = 1;
    for (size_t size = 0; size < file.size; size += 37) {
        file_write(path, file.at, size);
        assert_int_not_equal(run(&o, &w, NULL, &error), NN_OK);
        assert_string_equal(error.file, path);
    }
    file.at[file.size / 2] ^= 4;
    file_write(path, file.at, file.size);
    assert_int_equal(run(&o, &w, NULL, &error), NN_ERR_READ);
    assert_non_null(strstr(error.reason, "checksum"));
    file.at[file.size / 2] ^= 4;
    file_write(path, file.at, file.size);
    assert_int_equal(run(&o, &w, NULL, &error), NN_OK);
    o.optimizer.kind = NN_SGD;
    assert_int_equal(run(&o, &w, NULL, &error), NN_ERR_MODEL);
    free(file.at);
    o.checkpoint = "/nowhere/x.ckpt";
    assert_int_equal(run(&o, &w, NULL, &error), NN_ERR_OPEN);
}

/* A limit of the file size stands in for a full disk. */
static void a_full_disk_leaves_the_old_file(void **state) {
    struct rlimit before, small;
    char path[64], temporary[64];
    nn_checkpoint place;
    nn_arrays arrays;
    nn_error error;
    Weights w;
    memset(&place, 0, sizeof place);
    memset(&arrays, 0, sizeof arrays);
    toy_init(w.params, 1);
    toy_init_states(w.states);
    arrays.params = w.params;
    arrays.states = w.states;
    PATH(path, "full.ckpt");
    place.step = 41;
    assert_int_equal(nn_checkpoint_save(path, &toy_model, &place, &arrays, NULL), NN_OK);
    getrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_IGN);
    small = before;
    small.rlim_cur = 100;
    setrlimit(RLIMIT_FSIZE, &small);
    place.step = 42;
    nn_error_clear(&error);
    assert_int_equal(nn_checkpoint_save(path, &toy_model, &place, &arrays, &error), NN_ERR_WRITE);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_string_equal(error.file, path);
    assert_non_null(strstr(error.reason, "cannot write"));
    assert_false(file_exists(PATH(temporary, "full.ckpt.tmp")));
    assert_int_equal(nn_checkpoint_load(path, &toy_model, &place, &arrays, NULL), NN_OK);
    assert_int_equal(place.step, 41);
}

/* --- the program --- */

static const nn_option toy_csv[] = {
    { NULL, NN_TEXT, 0, 0, "toy.csv", NULL, NULL, 0 },
    { "header", NN_WORD, 0, 0, "true", NULL, NULL, 0 },
    { "x", NN_RANGE, 0, 3, NULL, NULL, NULL, 0 },
    { "y", NN_TEXT, 0, 0, "y", NULL, NULL, 0 },
};
static const nn_option toy_split[] = {
    { NULL, NN_NUMBER, 0.8, 0, NULL, NULL, NULL, 0 },
    { "seed", NN_NUMBER, 1, 0, NULL, NULL, NULL, 0 },
};
static const nn_step toy_steps[] = {
    { "csv", toy_csv, 4 },
    { "standardize", NULL, 0 },
    { "split", toy_split, 2 },
};
static const char *const toy_targets[] = { "y", NULL };

static nn_job make_job(void) {
    nn_job job;
    memset(&job, 0, sizeof job);
    job.epochs = 30;
    job.optimizer = make_options().optimizer;
    job.data = toy_steps;
    job.data_count = 3;
    job.parts = 2;
    job.targets = toy_targets;
    job.seed = 3;
    return job;
}

static void write_csv(const char *path) {
    nn_data *data = make_data();
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fprintf(f, "a,b,c,y\n");
    for (int64_t i = 0; i < SAMPLES; i++)
        fprintf(f, "%.9g,%.9g,%.9g,%.9g\n", 100 * nn_column_value(&data->table->columns[0], i, 0),
                nn_column_value(&data->table->columns[0], i, 1) + 40,
                nn_column_value(&data->table->columns[0], i, 2),
                nn_column_value(&data->table->columns[1], i, 0));
    fclose(f);
    nn_data_free(data);
}

/* Runs nn_main in a child with stdout and stderr to a file; returns its status. */
static int program(const char *output, char **argv) {
    nn_job job = make_job();
    int argc = 0, status;
    pid_t pid;
    while (argv[argc]) argc++;
    fflush(NULL);
    pid = fork();
    assert_true(pid >= 0);
    if (!pid) {
        if (!freopen(output, "w", stdout) || dup2(STDOUT_FILENO, STDERR_FILENO) < 0) _exit(99);
        status = nn_main(&toy_model, &job, argc, argv);
        fflush(NULL);
        _exit(status);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

static void assert_output(const char *output, const char *part) {
    nn_bytes text;
    assert_int_equal(nn_file_read(output, &text, NULL), NN_OK);
    if (!strstr((char *)text.at, part)) fail_msg("'%s' is not in: %s", part, (char *)text.at);
    free(text.at);
}

static void the_program_trains_saves_and_validates(void **state) {
    char csv[64], out[64], again[64], weights[64];
    char *train[] = { "toy", "--data", *state, "--save", weights, "--epochs", "60", NULL };
    char *check[] = { "toy", "--data", *state, "--weights", weights, "--eval-only", NULL };
    nn_fitted fitted = { 0, 0, NULL };
    nn_bytes first, second;
    Weights w;
    write_csv(PATH(csv, "toy.csv"));
    PATH(weights, "toy.safetensors");
    assert_int_equal(program(PATH(out, "train.txt"), train), 0);
    assert_output(out, "epoch 60/60  train: loss ");
    assert_output(out, "\nvalidate: loss ");
    assert_output(out, "  mean_absolute_error ");
    assert_int_equal(program(PATH(again, "check.txt"), check), 0);
    assert_int_equal(nn_file_read(out, &first, NULL), NN_OK);
    assert_int_equal(nn_file_read(again, &second, NULL), NN_OK);
    assert_non_null(strstr((char *)first.at, (char *)second.at));    /* the same last line */
    free(first.at);
    free(second.at);
    assert_int_equal(nn_weights_load(&toy_model, w.params, w.states, &fitted, weights, NULL, NULL),
                     NN_OK);
    assert_int_equal(nn_fitted_get(&fitted, "x", "mean")->count, 3);
    assert_true(fabsf(nn_fitted_get(&fitted, "x", "center")->values[1] - 40) < 0.3f);
    assert_null(nn_fitted_get(&fitted, "y", "center"));
    nn_fitted_free(&fitted);
}

static void the_program_tells_what_is_wrong(void **state) {
    char out[64];
    char *unknown[] = { "toy", "--dats", "x", NULL };
    char *number[] = { "toy", "--epochs", "many", NULL };
    char *equals[] = { "toy", "--epochs=few", NULL };
    char *flag[] = { "toy", "--quiet=1", NULL };
    char *resume[] = { "toy", "--resume", NULL };
    char *nowhere[] = { "toy", "--data", "/nowhere", NULL };
    char *help[] = { "toy", "--help", NULL };
    PATH(out, "wrong.txt");
    assert_int_equal(program(out, unknown), 2);
    assert_output(out, "there is no option '--dats'");
    assert_int_equal(program(out, number), 2);
    assert_output(out, "--epochs needs a number, not 'many'");
    assert_int_equal(program(out, equals), 2);
    assert_output(out, "--epochs needs a number, not 'few'");
    assert_int_equal(program(out, flag), 2);
    assert_output(out, "there is no option '--quiet=1'");
    assert_int_equal(program(out, resume), 2);
    assert_int_equal(program(out, nowhere), 1);
    assert_output(out, "/nowhere/toy.csv: cannot open: No such file or directory");
    assert_int_equal(program(out, help), 0);
    assert_output(out, "--checkpoint-every N");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(learns_the_line),
        cmocka_unit_test(prefetch_changes_nothing),
        cmocka_unit_test(steps_cut_the_last_epoch),
        cmocka_unit_test(divergence_is_told),
        cmocka_unit_test(a_callback_stops_and_resume_goes_on),
        cmocka_unit_test(an_interrupt_ends_after_the_step),
        cmocka_unit_test(killed_at_random_resumes_to_the_same_bits),
        cmocka_unit_test(damaged_checkpoints_are_refused),
        cmocka_unit_test(a_full_disk_leaves_the_old_file),
        cmocka_unit_test(the_program_trains_saves_and_validates),
        cmocka_unit_test(the_program_tells_what_is_wrong),
    };
    return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
