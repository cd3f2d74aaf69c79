/* SPDX-License-Identifier: MIT
 * nn_idx.c - the loader idx(image = "images-idx3-ubyte.gz", label = "labels-idx1-ubyte.gz"). */
#include <stdlib.h>

#include "nn_array.h"
#include "nn_file.h"
#include "nn_loaders.h"

static const struct {
    int code;
    char kind;
    int size;
} idx_types[] = {
    { 0x08, 'u', 1 }, { 0x09, 'i', 1 }, { 0x0b, 'i', 2 },
    { 0x0c, 'i', 4 }, { 0x0d, 'f', 4 }, { 0x0e, 'f', 8 },
};

static int find_type(int code) {
    for (size_t i = 0; i < sizeof idx_types / sizeof *idx_types; i++)
        if (idx_types[i].code == code) return (int)i;
    return -1;
}

static int64_t size_at(const unsigned char *at) {
    return (int64_t)at[0] << 24 | (int64_t)at[1] << 16 | (int64_t)at[2] << 8 | (int64_t)at[3];
}

static int parse(const char *path, const nn_bytes *file, nn_array *array, nn_error *error) {
    const unsigned char *at = file->at;
    int64_t count, want, have = (int64_t)file->size;
    int type;
    nn_error_at(error, path, -1, -1, 0);
    if (have < 4)
        return nn_fail(error, NN_ERR_TRUNCATED, "%lld bytes are too few for IDX", (long long)have);
    type = find_type(at[2]);
    if (at[0] || at[1] || type < 0 || at[3] < 1 || at[3] > 4)
        return nn_fail(error, NN_ERR_FORMAT, "not an IDX file: it starts with %02x %02x %02x %02x",
                       at[0], at[1], at[2], at[3]);
    array->rank = at[3];
    nn_error_at(error, path, -1, -1, 4);
    if (have < 4 + 4 * array->rank)
        return nn_fail(error, NN_ERR_TRUNCATED, "ends within the sizes of its %d axes",
                       array->rank);
    for (int i = 0; i < array->rank; i++) array->dims[i] = size_at(at + 4 + 4 * i);
    count = nn_array_elements(array);
    if (count < 0) return nn_fail(error, NN_ERR_SHAPE, "the sizes are impossible");
    want = 4 + 4 * array->rank + count * idx_types[type].size;
    nn_error_at(error, path, -1, -1, have < want ? have : want);
    if (have < want)
        return nn_fail(error, NN_ERR_TRUNCATED, "ends after %lld of %lld bytes", (long long)have,
                       (long long)want);
    if (have > want)
        return nn_fail(error, NN_ERR_SHAPE, "%lld byte%s more than its sizes say",
                       (long long)(have - want), have - want == 1 ? "" : "s");
    return nn_array_decode(array, idx_types[type].kind, idx_types[type].size, 1,
                           at + 4 + 4 * array->rank, count, error);
}

int nn_idx_read(const char *path, nn_array *array, nn_error *error) {
    return nn_array_read(path, parse, array, error);
}

static int load(const nn_request *request, nn_data **out, nn_error *error) {
    return nn_load_arrays(request, nn_idx_read, out, error);
}

static const nn_option_spec options[] = {
    { "*", NN_TEXT, 1, "IDX file, plain or .gz" },
    { NULL, 0, 0, NULL },
};

const nn_loader nn_idx_loader = { "idx", options, load };
