/* SPDX-License-Identifier: MIT
 * nn_safetensors.c - reading safetensors files, with distrust. */
#include "nn_safetensors.h"

#include <stdlib.h>
#include <string.h>

#include "nn_json.h"

enum { MAX_HEADER = 100 << 20 };

enum { TYPE_F32, TYPE_F64, TYPE_F16, TYPE_BF16, TYPE_I64, TYPE_I32, TYPE_I16, TYPE_I8, TYPE_U8,
       TYPE_BOOL, TYPE_COUNT };

static const struct {
    const char *name;
    int size;
} types[TYPE_COUNT] = {
    { "F32", 4 }, { "F64", 8 }, { "F16", 2 }, { "BF16", 2 }, { "I64", 8 },
    { "I32", 4 }, { "I16", 2 }, { "I8", 1 },  { "U8", 1 },   { "BOOL", 1 },
};

const char *nn_stored_type(const nn_stored *tensor) {
    return types[tensor->type].name;
}

static int fail_at(const nn_json *json, nn_error *error, const char *what) {
    if (error) error->byte = 8 + (json->at - json->start);
    return nn_fail(error, NN_ERR_FORMAT, "the header is malformed: %s", what);
}

static int take_type(nn_json *json, nn_stored *tensor, nn_error *error) {
    char *text = nn_json_string(json);
    int status = NN_OK;
    if (!text) return fail_at(json, error, "dtype must be a string");
    tensor->type = TYPE_COUNT;
    for (int i = 0; i < TYPE_COUNT; i++)
        if (!strcmp(types[i].name, text)) tensor->type = i;
    if (tensor->type == TYPE_COUNT)
        status = nn_fail(error, NN_ERR_FORMAT, "'%s' has the dtype '%.20s', which is not supported",
                         tensor->name, text);
    free(text);
    return status;
}

static int take_shape(nn_json *json, nn_stored *tensor, nn_error *error) {
    if (!nn_json_take(json, '[')) return fail_at(json, error, "shape must be a list");
    if (nn_json_take(json, ']')) return NN_OK;
    do {
        int64_t size;
        if (tensor->rank == NN_MAX_RANK) return fail_at(json, error, "more axes than 8");
        if (!nn_json_integer(json, &size)) return fail_at(json, error, "an axis is no size");
        if (size && tensor->elements > INT64_MAX / 16 / size)
            return fail_at(json, error, "the size is impossible");
        tensor->dims[tensor->rank++] = size;
        tensor->elements *= size;
    } while (nn_json_take(json, ','));
    return nn_json_take(json, ']') ? NN_OK : fail_at(json, error, "']' expected");
}

static int take_offsets(nn_json *json, int64_t *begin, int64_t *end, nn_error *error) {
    if (nn_json_take(json, '[') && nn_json_integer(json, begin) && nn_json_take(json, ',') &&
        nn_json_integer(json, end) && nn_json_take(json, ']'))
        return NN_OK;
    return fail_at(json, error, "data_offsets must be two numbers");
}

static int take_field(nn_json *json, nn_stored *tensor, int64_t *range, int *seen,
                      nn_error *error) {
    char *key = nn_json_string(json);
    int status = NN_OK;
    if (!key || !nn_json_take(json, ':')) {
        status = fail_at(json, error, "a key and ':' expected");
    } else if (!strcmp(key, "dtype")) {
        *seen |= 1;
        status = take_type(json, tensor, error);
    } else if (!strcmp(key, "shape")) {
        status = *seen & 2 ? fail_at(json, error, "two shapes") : take_shape(json, tensor, error);
        *seen |= 2;
    } else if (!strcmp(key, "data_offsets")) {
        *seen |= 4;
        status = take_offsets(json, &range[0], &range[1], error);
    } else if (!nn_json_skip(json)) {
        status = fail_at(json, error, "a value expected");
    }
    free(key);
    return status;
}

static int check_range(const nn_safetensors *file, const nn_json *json, nn_stored *tensor,
                       const int64_t *range, nn_error *error) {
    int64_t size = (int64_t)file->file.size - 8 - (json->end - json->start);
    int64_t want = tensor->elements * types[tensor->type].size;
    if (range[0] > range[1])
        return nn_fail(error, NN_ERR_FORMAT, "the offsets of '%s' are reversed", tensor->name);
    if (range[1] > size)
        return nn_fail(error, NN_ERR_TRUNCATED, "'%s' ends at byte %lld of %lld bytes of data",
                       tensor->name, (long long)range[1], (long long)size);
    if (range[1] - range[0] != want)
        return nn_fail(error, NN_ERR_FORMAT, "'%s' has %lld bytes; its shape needs %lld",
                       tensor->name, (long long)(range[1] - range[0]), (long long)want);
    tensor->data = (const unsigned char *)json->end + range[0];
    tensor->bytes = (size_t)want;
    return NN_OK;
}

static int take_tensor(nn_json *json, const nn_safetensors *file, nn_stored *tensor,
                       nn_error *error) {
    int64_t range[2] = { 0, 0 };
    int seen = 0, status;
    tensor->elements = 1;
    if (!nn_json_take(json, '{')) return fail_at(json, error, "'{' expected");
    do {
        if ((status = take_field(json, tensor, range, &seen, error))) return status;
    } while (nn_json_take(json, ','));
    if (!nn_json_take(json, '}')) return fail_at(json, error, "'}' expected");
    if (seen != 7) return fail_at(json, error, "dtype, shape or data_offsets is missing");
    return check_range(file, json, tensor, range, error);
}

static nn_stored *append(nn_safetensors *file, nn_error *error) {
    if (file->count == file->room) {
        int room = file->room ? 2 * file->room : 32;
        nn_stored *larger = realloc(file->tensors, sizeof *larger * (size_t)room);
        if (!larger) {
            nn_fail(error, NN_ERR_MEMORY, "out of memory");
            return NULL;
        }
        file->tensors = larger;
        file->room = room;
    }
    memset(&file->tensors[file->count], 0, sizeof *file->tensors);
    return &file->tensors[file->count];
}

static int take_entry(nn_json *json, nn_safetensors *file, nn_error *error) {
    char *name = nn_json_string(json);
    nn_stored *tensor;
    if (!name || !nn_json_take(json, ':')) {
        free(name);
        return fail_at(json, error, "a name and ':' expected");
    }
    if (!strcmp(name, "__metadata__")) {
        free(name);
        return nn_json_skip(json) ? NN_OK : fail_at(json, error, "the metadata");
    }
    if (!(tensor = append(file, error))) {
        free(name);
        return NN_ERR_MEMORY;
    }
    tensor->name = name;
    file->count++;
    return take_tensor(json, file, tensor, error);
}

static int by_place(const void *a, const void *b) {
    const nn_stored *x = *(nn_stored *const *)a, *y = *(nn_stored *const *)b;
    if (x->data != y->data) return x->data < y->data ? -1 : 1;
    return (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static int by_name(const void *a, const void *b) {
    return strcmp((*(nn_stored *const *)a)->name, (*(nn_stored *const *)b)->name);
}

/* No byte twice, none unused, no name twice. */
static int check_whole(const nn_safetensors *file, const nn_json *json, nn_stored **sorted,
                       nn_error *error) {
    const unsigned char *next = (const unsigned char *)json->end;
    qsort(sorted, (size_t)file->count, sizeof *sorted, by_place);
    for (int i = 0; i < file->count; i++) {
        if (sorted[i]->data != next)
            return nn_fail(error, NN_ERR_FORMAT, "'%s' %s", sorted[i]->name,
                           sorted[i]->data < next ? "overlaps the tensor before it"
                                                  : "follows bytes that belong to no tensor");
        next += sorted[i]->bytes;
    }
    if (next != file->file.at + file->file.size)
        return nn_fail(error, NN_ERR_FORMAT, "the last bytes belong to no tensor");
    qsort(sorted, (size_t)file->count, sizeof *sorted, by_name);
    for (int i = 1; i < file->count; i++)
        if (!strcmp(sorted[i]->name, sorted[i - 1]->name))
            return nn_fail(error, NN_ERR_FORMAT, "'%s' is there twice", sorted[i]->name);
    return NN_OK;
}

static int parse_header(nn_safetensors *file, nn_json *json, nn_error *error) {
    nn_stored **sorted;
    int status;
    if (!nn_json_take(json, '{')) return fail_at(json, error, "'{' expected");
    if (!nn_json_take(json, '}')) {
        do {
            if ((status = take_entry(json, file, error))) return status;
        } while (nn_json_take(json, ','));
        if (!nn_json_take(json, '}')) return fail_at(json, error, "'}' expected");
    }
    for (; json->at < json->end; json->at++)
        if (*json->at != ' ') return fail_at(json, error, "text behind the last '}'");
    if (!(sorted = nn_alloc(file->count, sizeof *sorted, error))) return NN_ERR_MEMORY;
    for (int i = 0; i < file->count; i++) sorted[i] = &file->tensors[i];
    status = check_whole(file, json, sorted, error);
    free(sorted);
    return status;
}

int nn_safetensors_parse(nn_bytes bytes, nn_safetensors *out, nn_error *error) {
    uint64_t length = 0;
    nn_json json;
    memset(out, 0, sizeof *out);
    out->file = bytes;
    if (bytes.size < 8)
        return nn_fail(error, NN_ERR_TRUNCATED, "%zu bytes are too few for safetensors",
                       bytes.size);
    for (int i = 7; i >= 0; i--) length = length << 8 | bytes.at[i];
    if (length > MAX_HEADER)
        return nn_fail(error, NN_ERR_FORMAT, "no safetensors file: its header would have %llu "
                       "bytes", (unsigned long long)length);
    if (length > bytes.size - 8)
        return nn_fail(error, NN_ERR_TRUNCATED, "ends within its header of %llu bytes",
                       (unsigned long long)length);
    json.at = json.start = (const char *)bytes.at + 8;
    json.end = json.start + length;
    return parse_header(out, &json, error);
}

int nn_safetensors_read(const char *path, nn_safetensors *out, nn_error *error) {
    nn_bytes bytes;
    int status;
    memset(out, 0, sizeof *out);
    if ((status = nn_file_read(path, &bytes, error))) return status;
    return nn_safetensors_parse(bytes, out, error);
}

void nn_safetensors_free(nn_safetensors *file) {
    for (int i = 0; i < file->count; i++) free(file->tensors[i].name);
    free(file->tensors);
    free(file->file.at);
    memset(file, 0, sizeof *file);
}

const nn_stored *nn_safetensors_find(const nn_safetensors *file, const char *name) {
    for (int i = 0; i < file->count; i++)
        if (!strcmp(file->tensors[i].name, name)) return &file->tensors[i];
    return NULL;
}

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

/* IEEE 754 binary16: subnormals are value * 2^-24. */
static float from_half(uint32_t half) {
    uint32_t sign = (half & 0x8000u) << 16, exponent = half >> 10 & 31, fraction = half & 0x3ffu;
    if (exponent == 0) {
        float small = (float)fraction * 0x1p-24f;
        return sign ? -small : small;
    }
    if (exponent == 31) return from_bits(sign | 0x7f800000u | fraction << 13);
    return from_bits(sign | (exponent + 112) << 23 | fraction << 13);
}

static float element(int type, uint64_t bits) {
    double wide;
    switch (type) {
    case TYPE_F32: return from_bits((uint32_t)bits);
    case TYPE_F16: return from_half((uint32_t)bits);
    case TYPE_BF16: return from_bits((uint32_t)bits << 16);
    case TYPE_I64: return (float)(int64_t)bits;
    case TYPE_I32: return (float)(int32_t)bits;
    case TYPE_I16: return (float)(int16_t)bits;
    case TYPE_I8: return (float)(int8_t)bits;
    case TYPE_F64:
        memcpy(&wide, &bits, sizeof wide);
        return (float)wide;
    default: return (float)bits;
    }
}

void nn_stored_floats(const nn_stored *tensor, float *out) {
    int size = types[tensor->type].size;
    const unsigned char *at = tensor->data;
    for (int64_t i = 0; i < tensor->elements; i++, at += size) {
        uint64_t bits = 0;
        for (int b = size - 1; b >= 0; b--) bits = bits << 8 | at[b];
        out[i] = element(tensor->type, bits);
    }
}
