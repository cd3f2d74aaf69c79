/* SPDX-License-Identifier: MIT
 * nn_job.h - what the train block of a .nn file says, as data, and the program that does it.
 *
 * nnc --main writes NAME_main.c: the tables of steps, one nn_job, and a main that calls nn_main. */
#ifndef NN_JOB_H
#define NN_JOB_H
#include "nn_optimizer.h"
#include "nn_step.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_job {
    int64_t epochs; /* used where steps is 0 */
    int64_t steps;
    nn_optimizer optimizer;
    double clip_norm;    /* 0: none */
    const nn_step *data; /* a loader, then transforms */
    int data_count;
    const nn_step *validate; /* NULL: none of its own */
    int validate_count;
    int parts;                  /* 2: `data, validate = ...`, with a split; else 1 */
    const char *const *targets; /* NULL-terminated names: preparation skips them */
    const nn_custom *customs;   /* what custom("name") may name; NULL: none */
    int custom_count;
    uint64_t seed; /* of weights, shuffling, dropout; --seed overrides */
} nn_job;

/* Runs the pipelines of a job and binds the results to the model's train (and evaluate) entries.
 * *validate is NULL where the job has none. On success the caller frees both and the fitted
 * values; on failure nothing is left to free. */
int nn_job_load(const nn_job *job, const nn_model *model, const char *dir, nn_data **data,
                nn_data **validate, nn_fitted *fitted, nn_error *error);

/* Options of the program, for whoever passes them on; ends with name NULL. */
typedef struct nn_main_option {
    const char *name, *argument, *help; /* argument NULL: none */
} nn_main_option;
extern const nn_main_option nn_main_options[];

/* The program: trains, evaluates, saves, as nn_main_options say. Last line on stdout where there is
 * validation data: "validate: loss 0.0812  accuracy 97.61%". Returns main's status: 0, 1 after an
 * error (told on stderr), 2 for wrong options, 130 after an interrupt. */
int nn_main(const nn_model *model, const nn_job *job, int argc, char **argv);

#ifdef __cplusplus
}
#endif
#endif
