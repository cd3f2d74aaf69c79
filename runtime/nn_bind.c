/* SPDX-License-Identifier: MIT
 * nn_bind.c - does a data set fit a model's entry? Names, counts, shapes, types and ranges. */
#include "nn_data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

const nn_entry *nn_find_entry(const nn_model *model, const char *name) {
    for (int i = 0; i < model->entry_count; i++)
        if (!strcmp(model->entries[i].name, name)) return &model->entries[i];
    return NULL;
}

const nn_io *nn_find_input(const nn_entry *entry, const char *name) {
    for (int i = 0; i < entry->input_count; i++)
        if (!strcmp(entry->inputs[i].name, name)) return &entry->inputs[i];
    return NULL;
}

/* Axes other than 1, in order; returns how many. */
static int significant(int rank, const int64_t *dims, int64_t *out) {
    int count = 0;
    for (int i = 0; i < rank; i++)
        if (dims[i] != 1) out[count++] = dims[i];
    return count;
}

/* Equal up to axes of size 1; or one of the two is flat. More would hide a transposition. */
static int same_shape(const nn_column *column, const nn_io *io) {
    int64_t a[NN_MAX_RANK], b[NN_MAX_RANK], width = 1;
    int na = significant(column->rank, column->dims, a);
    int nb = significant(io->rank - 1, io->dims + 1, b);
    for (int i = 1; i < io->rank; i++) width *= io->dims[i];
    if (width != column->width) return 0;
    if (na <= 1 || nb <= 1) return 1;
    if (na != nb) return 0;
    return !memcmp(a, b, sizeof *a * (size_t)na);
}

static int check_shape(const nn_column *column, const nn_io *io, nn_error *error) {
    char have[128], want[128];
    if (!io->batched)
        return nn_fail(error, NN_ERR_SHAPE, "'%s' has no batch axis, so no data can be bound to it",
                       io->name);
    if (same_shape(column, io)) return NN_OK;
    nn_shape_text(column->rank, column->dims, have, sizeof have);
    nn_shape_text(io->rank - 1, io->dims + 1, want, sizeof want);
    return nn_fail(error, NN_ERR_SHAPE, "a sample of '%s' is %s in the data, %s in the model",
                   io->name, have, want);
}

/* f32 columns of whole numbers become i32, in place: both are 4 bytes wide. */
static int to_integers(nn_column *column, const nn_data *data, nn_error *error) {
    float *from = column->values;
    int64_t count = data->table->rows * column->width;
    if (column->dtype != NN_F32) return NN_OK;
    for (int64_t i = 0; i < count; i++) {
        float value = from[i];
        if (!(value >= -2147483648.0f && value < 2147483648.0f) || value != (float)(int32_t)value)
            return nn_fail(error, NN_ERR_RANGE,
                           "'%s' of sample %lld is %g; the model wants whole numbers",
                           column->name, (long long)(i / column->width), (double)value);
    }
    for (int64_t i = 0; i < count; i++) {
        int32_t whole = (int32_t)from[i];
        memcpy((char *)column->values + 4 * i, &whole, sizeof whole);
    }
    column->dtype = NN_I32;
    return NN_OK;
}

static int check_limit(const nn_column *column, const nn_data *data, int64_t limit,
                       nn_error *error) {
    for (int64_t s = 0; s < data->count; s++)
        for (int64_t i = 0; i < column->width; i++) {
            double value = nn_column_value(column, nn_data_row(data, s), i);
            if (value < 0 || value >= (double)limit)
                return nn_fail(error, NN_ERR_RANGE,
                               "'%s' of sample %lld is %.0f; the model wants 0..%lld", column->name,
                               (long long)nn_data_row(data, s), value, (long long)limit - 1);
        }
    return NN_OK;
}

/* One value that is no number would make all weights none. */
static int check_finite(const nn_column *column, const nn_data *data, nn_error *error) {
    if (column->dtype != NN_F32) return NN_OK;
    for (int64_t s = 0; s < data->count; s++) {
        const float *sample = (const float *)column->values + nn_data_row(data, s) * column->step;
        for (int64_t i = 0; i < column->width; i++)
            if (!isfinite(sample[i]))
                return nn_fail(error, NN_ERR_RANGE,
                               "'%s' of sample %lld is %g at element %lld: only numbers train",
                               column->name, (long long)nn_data_row(data, s), (double)sample[i],
                               (long long)i);
    }
    return NN_OK;
}

static int bind_one(nn_data *data, const nn_io *io, nn_error *error) {
    nn_column *column = nn_data_column(data, io->name);
    int status;
    if (!column)
        return nn_fail(error, NN_ERR_MISSING, "the data has no part named '%s'", io->name);
    if ((status = check_shape(column, io, error))) return status;
    if (io->dtype != NN_I32) return check_finite(column, data, error);
    if (column->map_count)
        return nn_fail(error, NN_ERR_OPTION, "'%s' holds integers: it cannot be scaled", io->name);
    if ((status = to_integers(column, data, error))) return status;
    return io->limit > 0 ? check_limit(column, data, io->limit, error) : NN_OK;
}

int nn_data_bind(nn_data *data, const nn_entry *entry, nn_error *error) {
    nn_error_at(error, NULL, -1, -1, -1);
    if (data->count < 1) return nn_fail(error, NN_ERR_SHAPE, "the data has no samples");
    for (int i = 0; i < entry->input_count; i++) {
        int status = bind_one(data, &entry->inputs[i], error);
        if (status) return status;
    }
    return NN_OK;
}
