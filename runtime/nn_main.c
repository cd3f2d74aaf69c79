/* SPDX-License-Identifier: MIT
 * nn_main.c - the training program of any model: options, data, training, evaluation, saving. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn_file.h"
#include "nn_job.h"
#include "nn_pages.h"
#include "nn_train.h"
#include "nn_weights.h"

enum { STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_INTERRUPTED = 130 };

typedef struct Options {
    const char *data, *weights, *names, *save, *checkpoint, *log;
    int64_t epochs, steps, seed, checkpoint_every;       /* -1: not given */
    int resume, eval_only, quiet, help;
} Options;

const nn_main_option nn_main_options[] = {
    { "--data", "DIR", "directory of the data files" },
    { "--epochs", "N", "train for N epochs" },
    { "--steps", "N", "train for N steps" },
    { "--seed", "N", "of initial weights, shuffling and dropout" },
    { "--weights", "FILE", "start from these weights (safetensors)" },
    { "--names", "FILE", "what the weights' file calls our tensors" },
    { "--save", "FILE", "write the trained weights (safetensors)" },
    { "--checkpoint", "FILE", "keep the state of the run here" },
    { "--checkpoint-every", "N", "steps between checkpoints; default: an epoch" },
    { "--resume", NULL, "go on from the checkpoint" },
    { "--log", "FILE", "a CSV row for each epoch" },
    { "--eval-only", NULL, "no training: validate the weights" },
    { "--quiet", NULL, "no progress" },
    { "--help", NULL, "this text" },
    { NULL, NULL, NULL },
};

/* Where an option's value goes. */
typedef struct Row {
    const char **text;
    int64_t *number;
    int *flag;
} Row;

enum { ROWS = sizeof nn_main_options / sizeof *nn_main_options - 1 };

/* In the order of nn_main_options. */
static void option_rows(Options *o, Row *rows) {
    const Row all[ROWS] = {
        { &o->data, NULL, NULL },       { NULL, &o->epochs, NULL },
        { NULL, &o->steps, NULL },      { NULL, &o->seed, NULL },
        { &o->weights, NULL, NULL },    { &o->names, NULL, NULL },
        { &o->save, NULL, NULL },       { &o->checkpoint, NULL, NULL },
        { NULL, &o->checkpoint_every, NULL }, { NULL, NULL, &o->resume },
        { &o->log, NULL, NULL },        { NULL, NULL, &o->eval_only },
        { NULL, NULL, &o->quiet },      { NULL, NULL, &o->help },
    };
    memcpy(rows, all, sizeof all);
}

static void usage(FILE *out, const char *program, const nn_model *model) {
    fprintf(out, "usage: %s [options]\nTrains and validates the model '%s' (%s).\n", program,
            model->name, model->target);
    for (const nn_main_option *o = nn_main_options; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "%s %s", o->name, o->argument ? o->argument : "");
        fprintf(out, "  %-24s %s\n", left, o->help);
    }
}

static int parse_count(const char *text, int64_t *value) {
    char *end;
    errno = 0;
    *value = strtoll(text, &end, 10);
    return !errno && end != text && !*end && *value >= 0;
}

/* The row of "--epochs" or "--epochs=20"; -1: none. *value is what follows '=', or NULL. */
static int find_row(const char *word, const char **value) {
    size_t length = strcspn(word, "=");
    *value = word[length] ? word + length + 1 : NULL;
    for (int i = 0; i < ROWS; i++)
        if (strlen(nn_main_options[i].name) == length &&
            !strncmp(nn_main_options[i].name, word, length))
            return i;
    return -1;
}

/* Takes argv[*at] and what belongs to it; 0 with a message where it is wrong. */
static int parse_option(const Row *rows, int argc, char **argv, int *at) {
    const char *value, *word = argv[*at];
    int i = find_row(word, &value);
    if (i < 0 || (rows[i].flag && value)) {
        fprintf(stderr, "%s: there is no option '%s'; --help lists them\n", argv[0], word);
        return 0;
    }
    if (rows[i].flag) return *rows[i].flag = 1;
    if (!value && *at + 1 < argc) value = argv[++*at];
    if (!value) {
        fprintf(stderr, "%s: %s needs %s\n", argv[0], word, nn_main_options[i].argument);
        return 0;
    }
    if (rows[i].text) *rows[i].text = value;
    if (rows[i].number && !parse_count(value, rows[i].number)) {
        fprintf(stderr, "%s: %s needs a number, not '%s'\n", argv[0], nn_main_options[i].name,
                value);
        return 0;
    }
    return 1;
}

static int parse_options(Options *o, const Row *rows, int argc, char **argv) {
    for (int i = 1; i < argc; i++)
        if (!parse_option(rows, argc, argv, &i)) return 0;
    if (o->resume && !o->checkpoint) {
        fprintf(stderr, "%s: --resume needs --checkpoint FILE\n", argv[0]);
        return 0;
    }
    return 1;
}

/* What main holds. */
typedef struct Program {
    const nn_model *model;
    const nn_job *job;
    const Options *options;
    nn_data *data, *validate;
    nn_fitted fitted;
    float *params, *states;
    int interrupted;
} Program;

static void tell(void *user, const char *text) {
    const Options *options = user;
    if (!options->quiet) fprintf(stderr, "note: %s\n", text);
}

/* Initial weights, then those of a file. What a file says was fitted replaces what this data says
 * only where nothing is trained, so that validation sees what the weights have seen. */
static int load_weights(Program *p, uint64_t seed, nn_error *error) {
    nn_weights_options options = { NULL, tell, NULL };
    nn_fitted saved = { 0, 0, NULL };
    nn_rename *names = NULL;
    int status;
    nn_weights_start(p->model, p->params, p->states, seed);
    if (!p->options->weights) return NN_OK;
    options.user = (void *)(uintptr_t)p->options;
    if (p->options->names && (status = nn_renames_read(p->options->names, &names, error)))
        return status;
    options.renames = names;
    status = nn_weights_load(p->model, p->params, p->states, &saved, p->options->weights, &options,
                             error);
    if (!status && p->options->eval_only && p->validate)
        status = nn_fitted_apply(&saved, p->validate, error);
    nn_fitted_free(&saved);
    free(names);
    return status;
}

static int train(Program *p, uint64_t seed, nn_error *error) {
    const Options *o = p->options;
    nn_train_options t;
    nn_train_result result;
    int status;
    memset(&t, 0, sizeof t);
    t.optimizer = p->job->optimizer;
    t.clip_norm = p->job->clip_norm;
    t.epochs = o->epochs >= 0 ? o->epochs : p->job->epochs;
    t.steps = o->steps >= 0 ? o->steps : o->epochs >= 0 ? 0 : p->job->steps;
    t.seed = seed;
    t.checkpoint = o->checkpoint;
    t.checkpoint_every = o->checkpoint_every > 0 ? o->checkpoint_every : 0;
    t.resume = o->resume;
    t.log = o->log;
    t.quiet = o->quiet;
    t.handle_interrupt = 1;
    status = nn_train(p->model, p->params, p->states, p->data, p->validate, &t, &result, error);
    p->interrupted = !status && result.interrupted;
    return status;
}

static int validate(Program *p, nn_error *error) {
    nn_scores scores;
    char text[512];
    int status;
    if (!p->validate) return NN_OK;
    status = nn_evaluate(p->model, p->params, p->states, p->validate, &scores, error);
    if (!status) printf("validate: %s\n", nn_scores_text(&scores, text, sizeof text));
    return status;
}

static int run(Program *p, nn_error *error) {
    const Options *o = p->options;
    uint64_t seed = o->seed >= 0 ? (uint64_t)o->seed : p->job->seed;
    int status = o->save ? nn_save_check(o->save, error) : NN_OK;
    if (status) return status;
    status = nn_job_load(p->job, p->model, o->data, &p->data, &p->validate, &p->fitted, error);
    if (status) return status;
    p->params = nn_alloc_aligned(sizeof(float) * (size_t)p->model->param_floats, error);
    p->states = nn_alloc_aligned(sizeof(float) * (size_t)p->model->state_floats, error);
    if (!p->params || !p->states) return NN_ERR_MEMORY;
    nn_pages_large(p->params, sizeof(float) * (size_t)p->model->param_floats);
    if (o->eval_only && !p->validate)
        return nn_fail(error, NN_ERR_OPTION, "--eval-only: the program has no validation data");
    if ((status = load_weights(p, seed, error))) return status;
    if (!o->eval_only && (status = train(p, seed, error))) return status;
    if (p->interrupted) {
        if (!o->quiet)
            fprintf(stderr, "interrupted%s\n",
                    o->checkpoint ? ": go on with --resume" : "; --checkpoint would have kept it");
        return NN_OK;
    }
    if ((status = validate(p, error)) || !o->save) return status;
    return nn_weights_save(p->model, p->params, p->states, &p->fitted, o->save, error);
}

static void release(Program *p) {
    nn_data_free(p->data);
    nn_data_free(p->validate);
    nn_fitted_free(&p->fitted);
    nn_free_aligned(p->params);
    nn_free_aligned(p->states);
}

int nn_main(const nn_model *model, const nn_job *job, int argc, char **argv) {
    Options options = { NULL, NULL, NULL, NULL, NULL, NULL, -1, -1, -1, -1, 0, 0, 0, 0 };
    Row rows[ROWS];
    Program program;
    nn_error error;
    char text[2560];
    int status;
    option_rows(&options, rows);
    if (!parse_options(&options, rows, argc, argv)) return STATUS_USAGE;
    if (options.help) {
        usage(stdout, argv[0], model);
        return 0;
    }
    memset(&program, 0, sizeof program);
    nn_error_clear(&error);
    program.model = model;
    program.job = job;
    program.options = &options;
    status = run(&program, &error);
    release(&program);
    if (status) {
        fprintf(stderr, "%s: %s\n", argv[0], nn_error_text(&error, text, sizeof text));
        return STATUS_FAILED;
    }
    return program.interrupted ? STATUS_INTERRUPTED : 0;
}
