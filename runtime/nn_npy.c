/* SPDX-License-Identifier: MIT
 * nn_npy.c - the loader npy(image = "images.npy", ...), after NumPy's description (NEP 1). */
#include <stdlib.h>
#include <string.h>

#include "nn_array.h"
#include "nn_file.h"
#include "nn_loaders.h"

/* The header's text: a Python dictionary with the keys descr, fortran_order and shape. */
typedef struct Header {
    const char *at, *end;
    char order, kind;
    int size, fortran;
} Header;

static const char types[][3] = { "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "b1" };

static void skip_spaces(Header *h) {
    while (h->at < h->end && strchr(" \t\r\n", *h->at)) h->at++;
}

static int take(Header *h, char c) {
    skip_spaces(h);
    if (h->at == h->end || *h->at != c) return 0;
    h->at++;
    return 1;
}

/* A quoted text into out; 0 where there is none or it is too long. */
static int take_text(Header *h, char *out, size_t size) {
    size_t used = 0;
    char quote;
    skip_spaces(h);
    if (h->at == h->end || (*h->at != '\'' && *h->at != '"')) return 0;
    quote = *h->at++;
    while (h->at < h->end && *h->at != quote) {
        if (used + 1 == size) return 0;
        out[used++] = *h->at++;
    }
    out[used] = '\0';
    return take(h, quote);
}

static int take_word(Header *h, const char *word) {
    size_t length = strlen(word);
    skip_spaces(h);
    if ((size_t)(h->end - h->at) < length || memcmp(h->at, word, length)) return 0;
    h->at += length;
    return 1;
}

static int take_shape(Header *h, nn_array *array) {
    if (!take(h, '(')) return 0;
    for (array->rank = 0; !take(h, ')'); array->rank++) {
        int64_t size = 0;
        const char *start;
        if (array->rank > NN_MAX_RANK) return 0;
        skip_spaces(h);
        for (start = h->at; h->at < h->end && *h->at >= '0' && *h->at <= '9'; h->at++) {
            if (size > INT64_MAX / 100) return 0;
            size = size * 10 + (*h->at - '0');
        }
        if (h->at == start) return 0;
        array->dims[array->rank] = size;
        if (!take(h, ',') && (h->at == h->end || *h->at != ')')) return 0;
    }
    return 1;
}

static int take_type(Header *h) {
    char text[16];
    if (!take_text(h, text, sizeof text) || strlen(text) != 3 || !strchr("<>|=", text[0])) return 0;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (!strcmp(types[i], text + 1)) {
            h->order = text[0];
            h->kind = text[1];
            h->size = text[2] - '0';
            return 1;
        }
    return 0;
}

static int take_entry(Header *h, nn_array *array, const char *key) {
    if (!strcmp(key, "descr")) return take_type(h);
    if (!strcmp(key, "shape")) return take_shape(h, array);
    if (strcmp(key, "fortran_order")) return 0;
    h->fortran = take_word(h, "True");
    return h->fortran || take_word(h, "False");
}

static int parse_header(Header *h, nn_array *array, nn_error *error) {
    char key[32];
    int seen = 0;
    if (!take(h, '{')) return nn_fail(error, NN_ERR_FORMAT, "the header is not a dictionary");
    while (!take(h, '}')) {
        if (!take_text(h, key, sizeof key) || !take(h, ':'))
            return nn_fail(error, NN_ERR_FORMAT, "the header cannot be read");
        if (!take_entry(h, array, key))
            return nn_fail(error, NN_ERR_FORMAT,
                           "the header's '%s' is not supported (types: f4 f8 i1 i2 i4 i8 u1 u2 u4 "
                           "b1, at most %d axes)", key, NN_MAX_RANK + 1);
        seen++;
        take(h, ',');
    }
    if (seen != 3) return nn_fail(error, NN_ERR_FORMAT, "the header has %d of 3 keys", seen);
    if (array->rank < 1)
        return nn_fail(error, NN_ERR_SHAPE, "a single value, without a sample axis");
    if (h->fortran && array->rank > 1)
        return nn_fail(error, NN_ERR_FORMAT, "stored in Fortran order: save it with "
                       "numpy.ascontiguousarray");
    return NN_OK;
}

/* Where the data starts, and the header's text; 0 where the file is no NPY. */
static size_t locate(const nn_bytes *file, Header *h) {
    const unsigned char *at = file->at;
    size_t prefix, length;
    if (file->size < 12 || memcmp(at, "\x93NUMPY", 6) || at[6] < 1 || at[6] > 3) return 0;
    prefix = at[6] == 1 ? 10 : 12;
    length = at[8] | (size_t)at[9] << 8;
    if (at[6] > 1) length |= (size_t)at[10] << 16 | (size_t)at[11] << 24;
    h->at = (const char *)at + prefix;
    h->end = h->at + length;
    return prefix + length;
}

static int parse(const char *path, const nn_bytes *file, nn_array *array, nn_error *error) {
    Header h = { NULL, NULL, '|', 0, 0, 0 };
    size_t start = locate(file, &h);
    int64_t count, want;
    int status;
    nn_error_at(error, path, -1, -1, 0);
    if (!start) return nn_fail(error, NN_ERR_FORMAT, "not an NPY file of version 1 to 3");
    if (start > file->size) return nn_fail(error, NN_ERR_TRUNCATED, "ends within its header");
    if ((status = parse_header(&h, array, error))) return status;
    count = nn_array_elements(array);
    if (count < 0) return nn_fail(error, NN_ERR_SHAPE, "the sizes are impossible");
    want = count * h.size;
    nn_error_at(error, path, -1, -1, (int64_t)file->size);
    if ((int64_t)(file->size - start) < want)
        return nn_fail(error, NN_ERR_TRUNCATED, "holds %lld of %lld bytes of data",
                       (long long)(file->size - start), (long long)want);
    if ((int64_t)(file->size - start) > want)
        return nn_fail(error, NN_ERR_SHAPE, "%lld byte%s more than its shape says",
                       (long long)(file->size - start) - (long long)want,
                       (int64_t)(file->size - start) - want == 1 ? "" : "s");
    return nn_array_decode(array, h.kind, h.size, h.order == '>', file->at + start, count, error);
}

int nn_npy_read(const char *path, nn_array *array, nn_error *error) {
    return nn_array_read(path, parse, array, error);
}

static int load(const nn_request *request, nn_data **out, nn_error *error) {
    return nn_load_arrays(request, nn_npy_read, out, error);
}

static const nn_option_spec options[] = {
    { "*", NN_TEXT, 1, "NPY file, plain or .gz" },
    { NULL, 0, 0, NULL },
};

const nn_loader nn_npy_loader = { "npy", options, load };
