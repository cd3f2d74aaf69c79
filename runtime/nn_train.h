/* SPDX-License-Identifier: MIT
 * nn_train.h - the training loop over any generated model.
 *
 * A run is a function of (model, data, options): the same bits each time, with or without
 * prefetch, and across a stop and a resume. */
#ifndef NN_TRAIN_H
#define NN_TRAIN_H
#include "nn_data.h"
#include "nn_metrics.h"
#include "nn_optimizer.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Where a run stands; given to callbacks. */
typedef struct nn_progress {
    int64_t step, steps;             /* done, and of the whole run */
    int64_t epoch, epochs;           /* current from 0, and of the whole run */
    double rate, loss;               /* of the step just done */
    const nn_scores *train;          /* since the start of the epoch */
    const nn_scores *validate;       /* at the end of an epoch; else NULL */
    double best;                     /* least validation loss; infinity before the first */
    int64_t best_epoch;
} nn_progress;

typedef struct nn_train_options {
    nn_optimizer optimizer;
    double clip_norm;                /* 0: no clipping */
    int64_t epochs;                  /* used where steps is 0 */
    int64_t steps;
    uint64_t seed;                   /* of shuffling and dropout */
    int no_shuffle, no_prefetch;
    const char *checkpoint;          /* file, or NULL */
    int64_t checkpoint_every;        /* steps; 0: each epoch. Also at the start and the end */
    int resume;                      /* go on from the checkpoint, which must exist */
    const char *log;                 /* CSV file with a row for each epoch, or NULL */
    int quiet;                       /* no progress on stderr */
    int handle_interrupt;            /* SIGINT, SIGTERM: stop after this step, checkpoint */
    int (*on_step)(void *user, const nn_progress *progress);     /* not 0: stop */
    int (*on_epoch)(void *user, const nn_progress *progress);
    void *user;
} nn_train_options;

typedef struct nn_train_result {
    int64_t step, epoch;             /* done */
    int interrupted;                 /* 1: stopped by a signal or a callback */
    nn_scores validate;              /* of the last epoch; weight 0 without validation */
    double best;
    int64_t best_epoch;
} nn_train_result;

/* Trains params (and states, NULL without) in place. data and validate (NULL: none) must be bound
 * to the train and evaluate entries by nn_data_bind. The caller's floating-point mode and signal
 * handlers are restored on return. Errors: NN_ERR_MISSING (no train entry), NN_ERR_DIVERGED (the
 * loss is not a number: params hold the weights before that step), those of checkpoints and
 * files, and the status of generated functions with the samples that caused it. */
int nn_train(const nn_model *model, float *params, float *states, const nn_data *data,
             const nn_data *validate, const nn_train_options *options, nn_train_result *result,
             nn_error *error);

/* Loss and metrics of the evaluate entry over a whole data set. */
int nn_evaluate(const nn_model *model, const float *params, float *states,
                const nn_data *data, nn_scores *scores, nn_error *error);

#ifdef __cplusplus
}
#endif
#endif
