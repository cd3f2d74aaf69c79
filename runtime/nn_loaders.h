/* SPDX-License-Identifier: MIT
 * nn_loaders.h - the rows of the tables of loaders and transforms, each defined in its own file. */
#ifndef NN_LOADERS_H
#define NN_LOADERS_H
#include "nn_step.h"

#ifdef __cplusplus
extern "C" {
#endif

extern const nn_loader nn_idx_loader, nn_csv_loader, nn_tsv_loader, nn_npy_loader, nn_text_loader;
extern const nn_loader nn_cifar10_loader, nn_wav_loader, nn_custom_loader;
extern const nn_transform nn_scale_transform, nn_normalize_transform, nn_standardize_transform;
extern const nn_transform nn_split_transform, nn_unique_transform;
extern const nn_transform nn_random_flip_transform, nn_random_crop_transform;

#ifdef __cplusplus
}
#endif
#endif
