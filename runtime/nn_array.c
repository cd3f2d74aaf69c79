/* SPDX-License-Identifier: MIT
 * nn_array.c - decoding elements of binary files, and data sets of one file a part. */
#include "nn_array.h"

#include <stdlib.h>
#include <string.h>

#include "nn_file.h"

int64_t nn_array_elements(const nn_array *array) {
    int64_t product = 1;
    for (int i = 0; i < array->rank; i++) {
        if (array->dims[i] < 0) return -1;
        if (array->dims[i] > 0 && product > INT64_MAX / 16 / array->dims[i]) return -1;
        product *= array->dims[i];
    }
    return product;
}

/* The bits of one element, whatever the machine's byte order. */
static uint64_t element_bits(const unsigned char *at, int size, int big_endian) {
    uint64_t bits = 0;
    for (int i = 0; i < size; i++) bits = bits << 8 | at[big_endian ? i : size - 1 - i];
    return bits;
}

static float to_float(uint64_t bits, int size) {
    float single;
    double wide;
    uint32_t half = (uint32_t)bits;
    if (size == 4) {
        memcpy(&single, &half, sizeof single);
        return single;
    }
    memcpy(&wide, &bits, sizeof wide);
    return (float)wide;
}

/* Sign-extends; unsigned 64-bit files do not occur (see the readers' lists of types). */
static int64_t to_integer(uint64_t bits, int size, int is_signed) {
    int shift = 64 - 8 * size;
    uint64_t top = bits << shift;
    return is_signed ? (int64_t)top / ((int64_t)1 << shift) : (int64_t)bits;
}

static int decode_integers(nn_array *array, char kind, int size, int big_endian,
                           const unsigned char *bytes, int64_t count, nn_error *error) {
    int32_t *out = array->values;
    for (int64_t i = 0; i < count; i++) {
        int64_t value = to_integer(element_bits(bytes + i * size, size, big_endian), size,
                                   kind == 'i');
        if (value < INT32_MIN || value > INT32_MAX)
            return nn_fail(error, NN_ERR_RANGE, "element %lld is %lld: beyond 32 bits",
                           (long long)i, (long long)value);
        out[i] = (int32_t)value;
    }
    return NN_OK;
}

int nn_array_decode(nn_array *array, char kind, int size, int big_endian,
                    const unsigned char *bytes, int64_t count, nn_error *error) {
    int is_byte = size == 1 && kind != 'i';
    array->dtype = kind == 'f' ? NN_F32 : is_byte ? NN_U8 : NN_I32;
    array->values = nn_alloc(count, nn_dtype_size(array->dtype), error);
    if (!array->values) return NN_ERR_MEMORY;
    if (is_byte && count) memcpy(array->values, bytes, (size_t)count);
    if (kind == 'f')
        for (int64_t i = 0; i < count; i++)
            ((float *)array->values)[i] =
                to_float(element_bits(bytes + i * size, size, big_endian), size);
    if (array->dtype != NN_I32) return NN_OK;
    return decode_integers(array, kind, size, big_endian, bytes, count, error);
}

int nn_array_read(const char *path,
                  int (*parse)(const char *path, const nn_bytes *file, nn_array *array,
                               nn_error *error),
                  nn_array *array, nn_error *error) {
    nn_bytes file;
    int status = nn_file_read(path, &file, error);
    array->values = NULL;
    if (status) return status;
    status = parse(path, &file, array, error);
    free(file.at);
    if (status) {
        free(array->values);
        array->values = NULL;
    }
    return status;
}

typedef int read_fn(const char *path, nn_array *array, nn_error *error);

/* Reads one part; the first one makes the data set, the others must agree with its count. */
static int load_part(const nn_request *request, const nn_option *option, read_fn *read,
                     nn_data **out, nn_error *error) {
    nn_array array;
    char *path = nn_file_join(request->dir, option->text, error);
    int status = path ? read(path, &array, error) : NN_ERR_MEMORY;
    nn_error_at(error, path, -1, -1, -1);
    free(path);
    if (status) return status;
    if (!*out && !(*out = nn_data_new(array.dims[0], request->step->option_count, error)))
        status = NN_ERR_MEMORY;
    else if (array.dims[0] != (*out)->count)
        status = nn_fail(error, NN_ERR_SHAPE, "'%s' has %lld samples, '%s' has %lld", option->name,
                         (long long)array.dims[0], (*out)->table->columns[0].name,
                         (long long)(*out)->count);
    else if (!nn_data_add(*out, option->name, array.dtype, array.rank - 1, array.dims + 1,
                          array.values, error))
        status = error ? error->code : NN_ERR_OPTION;
    if (status) free(array.values);
    return status;
}

int nn_load_arrays(const nn_request *request, read_fn *read, nn_data **out, nn_error *error) {
    int status = NN_OK;
    *out = NULL;
    for (int i = 0; i < request->step->option_count && !status; i++)
        status = load_part(request, &request->step->options[i], read, out, error);
    if (!status && !*out)
        status = nn_fail(error, NN_ERR_OPTION, "%s names no file", request->step->name);
    if (status) {
        nn_data_free(*out);
        *out = NULL;
    }
    return status;
}
