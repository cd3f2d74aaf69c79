/* SPDX-License-Identifier: MIT
 * nn_weights.h - a model's parameters and states to and from safetensors files under their own
 * names.
 *
 * Files hold logical row-major order, as PyTorch's state_dict does. Tensors under "data/" are
 * what preparation fitted. */
#ifndef NN_WEIGHTS_H
#define NN_WEIGHTS_H
#include "nn_fitted.h"
#include "nn_rename.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_weights_options {
    const nn_rename *renames;        /* NULL: none */
    void (*note)(void *user, const char *text);      /* told what was skipped; may be NULL */
    void *user;
} nn_weights_options;

int64_t nn_tensor_elements(const nn_tensor *tensor);

/* One tensor of a parameter, gradient or state array, to and from logical row-major order. */
void nn_tensor_get(const nn_tensor *tensor, const float *array, float *logical);
void nn_tensor_set(const nn_tensor *tensor, float *array, const float *logical);

/* The initial weights and states of a model; states may be NULL without states. */
void nn_weights_start(const nn_model *model, float *params, float *states, uint64_t seed);

/* Reads all parameters and states. F32, F16, BF16, F64, I32 and I64 are converted. A leading
 * "module." is stripped and tensors named *num_batches_tracked are skipped, each with one note. Two
 * tensors may have the same name of ours where a rule says so, if their values are equal (weights
 * that are tied).
 * Missing, unexpected and misshaped tensors are listed together in one error, and then nothing
 * was changed. states may be NULL without states; fitted may be NULL. options may be NULL. */
int nn_weights_load(const nn_model *model, float *params, float *states, nn_fitted *fitted,
                    const char *path, const nn_weights_options *options, nn_error *error);

/* Writes all parameters and states as F32, and what was fitted (NULL: none); safe against crashes
 * as nn_file_save. */
int nn_weights_save(const nn_model *model, const float *params, float *states,
                    const nn_fitted *fitted, const char *path, nn_error *error);

#ifdef __cplusplus
}
#endif
#endif
