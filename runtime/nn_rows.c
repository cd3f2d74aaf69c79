/* SPDX-License-Identifier: MIT
 * nn_rows.c - the transforms that choose samples: split and unique. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn_file.h"
#include "nn_loaders.h"
#include "nn_random.h"

static int ascending(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* Cuts a list of samples in two; both parts keep the file's order. */
static int cut(nn_parts *parts, int64_t *samples, int64_t first, nn_error *error) {
    int64_t rest = parts->data->count - first;
    nn_data *data, *validate;
    qsort(samples, (size_t)first, sizeof *samples, ascending);
    qsort(samples + first, (size_t)rest, sizeof *samples, ascending);
    data = nn_data_select(parts->data, samples, first, error);
    validate = nn_data_select(parts->data, samples + first, rest, error);
    if (!data || !validate) {
        nn_data_free(data);
        nn_data_free(validate);
        return NN_ERR_MEMORY;
    }
    nn_data_free(parts->data);
    parts->data = data;
    parts->validate = validate;
    return NN_OK;
}

/* split(fraction, seed = n): the first part gets round(fraction * count) samples, drawn at random
 * under the seed; without a seed it gets the first ones, as text and time series need. */
static int split(const nn_step *step, nn_parts *parts, nn_error *error) {
    double fraction = nn_option_number(step, NULL, 0);
    const nn_option *seed = nn_find_option(step, "seed");
    int64_t count = parts->data->count, first = (int64_t)floor(fraction * (double)count + 0.5);
    int64_t *samples;
    int status;
    if (parts->validate) return nn_fail(error, NN_ERR_OPTION, "split stands twice in a pipeline");
    if (!(fraction > 0 && fraction < 1))
        return nn_fail(error, NN_ERR_OPTION, "split: the fraction %g is not between 0 and 1",
                       fraction);
    if (first < 1 || first >= count)
        return nn_fail(error, NN_ERR_SHAPE, "split: %g of %lld samples leaves an empty part",
                       fraction, (long long)count);
    if (!(samples = nn_alloc(count, sizeof *samples, error))) return NN_ERR_MEMORY;
    for (int64_t i = 0; i < count; i++) samples[i] = i;
    if (seed) nn_shuffle(samples, count, (uint64_t)(int64_t)seed->number, NN_STREAM_SPLIT, 0);
    status = cut(parts, samples, first, error);
    free(samples);
    return status;
}

static const char *values_of(const nn_column *column, int64_t row) {
    return (const char *)column->values + (size_t)(row * column->step) *
           nn_dtype_size(column->dtype);
}

static size_t bytes_of(const nn_column *column) {
    return (size_t)column->width * nn_dtype_size(column->dtype);
}

static uint64_t hash_row(const nn_table *table, int64_t row) {
    uint64_t hash = 0;
    for (int i = 0; i < table->column_count; i++)
        hash = hash * 31 + nn_checksum(values_of(&table->columns[i], row),
                                       bytes_of(&table->columns[i]));
    return hash;
}

static int equal_rows(const nn_table *table, int64_t a, int64_t b) {
    for (int i = 0; i < table->column_count; i++)
        if (memcmp(values_of(&table->columns[i], a), values_of(&table->columns[i], b),
                   bytes_of(&table->columns[i])))
            return 0;
    return 1;
}

/* The first of each group of equal samples into keep; returns how many. slots is a hash table of
 * `room` (a power of two beyond the count) numbers of samples + 1. */
static int64_t first_of_equals(const nn_data *data, int64_t *keep, int64_t *slots, int64_t room) {
    int64_t kept = 0;
    for (int64_t s = 0; s < data->count; s++) {
        int64_t row = nn_data_row(data, s), slot;
        slot = (int64_t)(hash_row(data->table, row) & (uint64_t)(room - 1));
        while (slots[slot] && !equal_rows(data->table, nn_data_row(data, slots[slot] - 1), row))
            slot = (slot + 1) & (room - 1);
        if (slots[slot]) continue;
        slots[slot] = s + 1;
        keep[kept++] = s;
    }
    return kept;
}

/* unique: of samples that are equal in all inputs and targets, the first stays. */
static int unique(const nn_step *step, nn_parts *parts, nn_error *error) {
    int64_t room = 16, *keep, *slots;
    nn_data *data = NULL;
    (void)step;
    if (parts->validate)
        return nn_fail(error, NN_ERR_OPTION, "unique must stand before split, or a sample could "
                       "be in both parts");
    while (room < 2 * parts->data->count) room *= 2;
    keep = nn_alloc(parts->data->count, sizeof *keep, error);
    slots = nn_alloc(room, sizeof *slots, error);
    if (keep && slots) {
        int64_t kept = first_of_equals(parts->data, keep, slots, room);
        data = nn_data_select(parts->data, keep, kept, error);
    }
    free(keep);
    free(slots);
    if (!data) return NN_ERR_MEMORY;
    nn_data_free(parts->data);
    parts->data = data;
    return NN_OK;
}

static const nn_option_spec split_options[] = {
    { "", NN_NUMBER, 1, "the fraction of the first part" },
    { "seed", NN_NUMBER, 0, "draw at random under this seed; without it the order is kept" },
    { NULL, 0, 0, NULL },
};
static const nn_option_spec unique_options[] = {
    { NULL, 0, 0, NULL },
};

const nn_transform nn_split_transform = { "split", split_options, 1, split };
const nn_transform nn_unique_transform = { "unique", unique_options, 1, unique };
