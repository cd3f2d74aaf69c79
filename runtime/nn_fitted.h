/* SPDX-License-Identifier: MIT
 * nn_fitted.h - what preparing the data learned from the training part, by name.
 *
 * "x/mean" and "x/std" are what standardize fitted; "x/center" and "x/scale" are the whole map
 * from a file's values to the model's input, of 1 element or one for each element of a sample.
 * They are saved with the weights as tensors "data/x/scale", ... so that a program that only
 * infers can prepare its input the same way. */
#ifndef NN_FITTED_H
#define NN_FITTED_H
#include "nn_data.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_fit {
    char name[96];
    int64_t count;
    float *values;           /* [count], owned */
} nn_fit;

typedef struct nn_fitted {
    int count, room;
    nn_fit *fits;
} nn_fitted;

void nn_fitted_free(nn_fitted *fitted);

/* Copies values under "column/what", replacing what was there. */
int nn_fitted_put(nn_fitted *fitted, const char *column, const char *what, const float *values,
                  int64_t count, nn_error *error);

/* NULL where there is none. */
const nn_fit *nn_fitted_get(const nn_fitted *fitted, const char *column, const char *what);

/* Records the map of every column that has one; replaces a column's map by the recorded one. */
int nn_fitted_record(nn_fitted *fitted, const nn_data *data, nn_error *error);
int nn_fitted_apply(const nn_fitted *fitted, nn_data *data, nn_error *error);

#ifdef __cplusplus
}
#endif
#endif
