/* SPDX-License-Identifier: MIT
 * nn_safetensors.h - the safetensors format: 8 bytes of header length, a JSON header, and the
 * data.
 *
 * Header: {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...};
 * "__metadata__" is skipped. Data is little-endian and row-major; every byte of it belongs to
 * exactly one tensor. */
#ifndef NN_SAFETENSORS_H
#define NN_SAFETENSORS_H
#include "nn_file.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_stored {
    char *name;
    int type;                        /* row of the table of dtypes; see nn_stored_type */
    int rank;
    int64_t dims[NN_MAX_RANK], elements;
    const unsigned char *data;       /* within the file's bytes */
    size_t bytes;
} nn_stored;

typedef struct nn_safetensors {
    nn_bytes file;
    int count, room;
    nn_stored *tensors;              /* in the order of the header */
} nn_safetensors;

/* Reads and checks a whole file. Errors: NN_ERR_TRUNCATED, NN_ERR_FORMAT (header, dtype, offsets
 * that overlap, leave a gap or do not match the shape). Release with nn_safetensors_free also on
 * failure. */
int nn_safetensors_read(const char *path, nn_safetensors *out, nn_error *error);

/* The same over bytes in memory, which are taken over (released by nn_safetensors_free). */
int nn_safetensors_parse(nn_bytes file, nn_safetensors *out, nn_error *error);
void nn_safetensors_free(nn_safetensors *file);

/* NULL where there is none of that name. */
const nn_stored *nn_safetensors_find(const nn_safetensors *file, const char *name);

/* "F32", "BF16", ... */
const char *nn_stored_type(const nn_stored *tensor);

/* All elements as f32: F32, F16, BF16, F64, I8 to I64, U8 and BOOL convert, rounding to nearest. */
void nn_stored_floats(const nn_stored *tensor, float *out);

/* One f32 tensor to write. */
typedef struct nn_storing {
    const char *name;
    int rank;
    int64_t dims[NN_MAX_RANK];
    const float *values;
} nn_storing;

/* Replaces a file, as safely as nn_save does. */
int nn_safetensors_write(const char *path, const nn_storing *tensors, int count, nn_error *error);

#ifdef __cplusplus
}
#endif
#endif
