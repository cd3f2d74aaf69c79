/* SPDX-License-Identifier: MIT
 * nn_checkpoint.h - all state of a training run in one file.
 *
 * The file is a header of 8-byte fields, the arrays, and a checksum of everything before it, in
 * the byte order of the machine, which is checked. It is replaced as nn_save does: a crash leaves
 * the old or the new one. Shuffling and dropout are functions of (seed, step), so these two are
 * their state. */
#ifndef NN_CHECKPOINT_H
#define NN_CHECKPOINT_H
#include "nn_metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_checkpoint {
    int64_t step;            /* done; the place in the data is step % batches per epoch */
    uint64_t seed;
    int64_t data_count, batch;       /* a resumed run must have the same */
    int64_t optimizer;       /* kind */
    double best;
    int64_t best_epoch;
    int64_t log_bytes;       /* length of the log that belongs to this state */
    double loss_sum, loss_weight;    /* of the epoch so far */
    double sums[NN_MAX_METRICS], weights[NN_MAX_METRICS];
} nn_checkpoint;

/* The arrays of a run; moments [moment_count][param_floats]. states may be NULL without states. */
typedef struct nn_arrays {
    float *params, *states;
    float *moments[2];
    int moment_count;
} nn_arrays;

/* Errors: NN_ERR_WRITE; the file before is whole. */
int nn_checkpoint_save(const char *path, const nn_model *model, const nn_checkpoint *checkpoint,
                       const nn_arrays *arrays, nn_error *error);

/* Fills checkpoint and arrays, or changes nothing. Errors: NN_ERR_OPEN, NN_ERR_FORMAT,
 * NN_ERR_TRUNCATED, NN_ERR_READ (the checksum differs), NN_ERR_MODEL (another model, order of
 * weights or number of moments). */
int nn_checkpoint_load(const char *path, const nn_model *model, nn_checkpoint *checkpoint,
                       const nn_arrays *arrays, nn_error *error);

#ifdef __cplusplus
}
#endif
#endif
