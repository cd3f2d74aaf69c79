/* SPDX-License-Identifier: MIT
 * nn_batch.h - an endless stream of batches, shuffled anew each epoch, gathered ahead of time.
 *
 * Batch number k belongs to epoch k / per_epoch and is a function of (data, seed, k) alone, so a
 * stream opened at any number goes on as if it had been read from the start. */
#ifndef NN_BATCH_H
#define NN_BATCH_H
#include "nn_data.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { NN_BATCH_SHUFFLE = 1, NN_BATCH_PREFETCH = 2 };

typedef struct nn_batch {
    const void *const *inputs;       /* in the order of entry->inputs; for nn_call.inputs */
    int count;                       /* valid rows; the last batch of an epoch may be short */
    int64_t epoch, index;            /* index of the batch within its epoch */
} nn_batch;

typedef struct nn_batches nn_batches;

/* Batches of entry->batch rows, starting with number `first`. data must be bound to the entry
 * (nn_data_bind) and outlive the stream. With NN_BATCH_PREFETCH a second thread gathers up to two
 * batches ahead; the bytes are the same. */
int nn_batches_open(nn_batches **out, const nn_data *data, const nn_entry *entry, int flags,
                    uint64_t seed, int64_t first, nn_error *error);

/* The next batch, valid until the following call. */
const nn_batch *nn_batches_next(nn_batches *batches);

/* Batches in an epoch: ceil(count / batch). */
int64_t nn_batches_per_epoch(const nn_data *data, const nn_entry *entry);

/* Number of the sample in row `row` of the batch given last. */
int64_t nn_batches_sample(const nn_batches *batches, int row);

void nn_batches_close(nn_batches *batches);          /* NULL is allowed */

/* Copies one row of a column to out as dtype NN_F32 or NN_I32, mapped. */
void nn_gather_row(const nn_column *column, int64_t row, int dtype, void *out);

/* Asks for a row that will be gathered soon; a hint that changes no result. */
void nn_touch_row(const nn_column *column, int64_t row);

#ifdef __cplusplus
}
#endif
#endif
