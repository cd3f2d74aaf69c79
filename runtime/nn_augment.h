/* SPDX-License-Identifier: MIT
 * nn_augment.h - pictures changed at random while batches are gathered: mirrored, and moved within
 * a border of zeros. What happens to a sample in an epoch depends on the seed, the epoch and the
 * sample alone. */
#ifndef NN_AUGMENT_H
#define NN_AUGMENT_H
#include "nn_data.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Changes the row of a column in place as the data set says; `out` holds column->width floats as
 * the model sees them, with rows of pictures as its last two axes. scratch: as many floats. */
void nn_augment_row(const nn_augment *augment, const nn_column *column, uint64_t seed,
                    int64_t epoch, int64_t sample, float *out, float *scratch);

#ifdef __cplusplus
}
#endif
#endif
