/* SPDX-License-Identifier: MIT
 * nn_array.h - IDX and NPY files as arrays, and the loaders that bind one such file to each input.
 *
 * Axis 0 is the sample axis. Unsigned bytes stay bytes, other integers become i32 (a value beyond
 * its range is NN_ERR_RANGE), floats become f32. Files may be compressed with gzip. */
#ifndef NN_ARRAY_H
#define NN_ARRAY_H
#include "nn_file.h"
#include "nn_step.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_array {
    int dtype, rank;
    int64_t dims[NN_MAX_RANK + 1];
    void *values; /* row-major; released with free() */
} nn_array;

/* Y. LeCun's IDX: two zero bytes, type (u8, i8, i16, i32, f32, f64), rank 1..4, big-endian sizes
 * and data. Errors: NN_ERR_FORMAT (wrong magic), NN_ERR_TRUNCATED, NN_ERR_SHAPE (bytes left
 * over). */
int nn_idx_read(const char *path, nn_array *array, nn_error *error);

/* NumPy's NPY, versions 1 to 3, C order, rank 1 or more: f4 f8 i1 i2 i4 i8 u1 u2 u4 b1, either byte
 * order. Fortran order is refused with a hint. Errors as nn_idx_read. */
int nn_npy_read(const char *path, nn_array *array, nn_error *error);

/* Writes an NPY file of version 1; dtype is NN_F32, NN_I32 or NN_U8. As nn_file_save: the old file
 * or the new one. NN_ERR_WRITE, NN_ERR_OPTION for another dtype. */
int nn_npy_write(const char *path, const nn_array *array, nn_error *error);

/* Reads a whole file and has `parse` fill in the array, which holds nothing after an error. */
int nn_array_read(const char *path,
                  int (*parse)(const char *path, const nn_bytes *file, nn_array *array,
                               nn_error *error),
                  nn_array *array, nn_error *error);

/* Converts count elements of a file's type: kind 'f', 'i', 'u' or 'b', size in bytes. Sets dtype
 * and values; used by readers of binary formats. */
int nn_array_decode(nn_array *array, char kind, int size, int big_endian,
                    const unsigned char *bytes, int64_t count, nn_error *error);

/* The product of the first rank dims; -1 where it does not fit. */
int64_t nn_array_elements(const nn_array *array);

/* A data set of one file a part: each option of the step is `name = "file"`. All files must hold
 * the same number of samples. */
int nn_load_arrays(const nn_request *request,
                   int (*read)(const char *path, nn_array *array, nn_error *error), nn_data **out,
                   nn_error *error);

#ifdef __cplusplus
}
#endif
#endif
