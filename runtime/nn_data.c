/* SPDX-License-Identifier: MIT
 * nn_data.c - columns, rows, and selections of rows. */
#include "nn_data.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

size_t nn_dtype_size(int dtype) {
    return dtype == NN_U8 ? 1 : 4;
}

const char *nn_dtype_name(int dtype) {
    static const char *const names[] = { "f32", "i32", "u8" };
    return dtype >= NN_F32 && dtype <= NN_U8 ? names[dtype] : "unknown";
}

const char *nn_shape_text(int rank, const int64_t *dims, char *buffer, size_t size) {
    size_t used = 0;
    snprintf(buffer, size, "[");
    for (int i = 0; i < rank && used + 1 < size; i++) {
        used += strlen(buffer + used);
        snprintf(buffer + used, size - used, "%s%lld", i ? "," : "", (long long)dims[i]);
    }
    used += strlen(buffer + used);
    snprintf(buffer + used, size - used, "]");
    return buffer;
}

nn_data *nn_data_new(int64_t count, int column_count, nn_error *error) {
    nn_data *data = nn_alloc(1, sizeof *data, error);
    nn_table *table = nn_alloc(1, sizeof *table, error);
    nn_column *columns = nn_alloc(column_count, sizeof *columns, error);
    if (!data || !table || !columns) {
        free(data);
        free(table);
        free(columns);
        return NULL;
    }
    table->references = 1;
    table->rows = count;
    table->columns = columns;
    data->table = table;
    data->count = count;
    table->room = column_count;
    return data;
}

/* The product of a sample's axes; -1 where an axis is negative or the product times count
 * overflows. */
static int64_t sample_width(int rank, const int64_t *dims, int64_t count) {
    int64_t width = 1, limit = INT64_MAX / 8 / (count > 0 ? count : 1);
    for (int i = 0; i < rank; i++) {
        if (dims[i] < 0 || (dims[i] > 0 && width > limit / dims[i])) return -1;
        width *= dims[i];
    }
    return width;
}

static int check_new_column(const nn_data *data, const char *name, int rank, nn_error *error) {
    if (data->table->column_count == data->table->room)
        return nn_fail(error, NN_ERR_SHAPE, "no room for another column '%s'", name);
    if (strlen(name) >= sizeof data->table->columns->name)
        return nn_fail(error, NN_ERR_OPTION, "the column name '%s' is too long", name);
    if (nn_data_column(data, name))
        return nn_fail(error, NN_ERR_OPTION, "two columns are named '%s'", name);
    if (rank < 0 || rank > NN_MAX_RANK)
        return nn_fail(error, NN_ERR_SHAPE, "'%s' has %d axes; at most %d are possible", name, rank,
                       NN_MAX_RANK);
    return NN_OK;
}

nn_column *nn_data_add(nn_data *data, const char *name, int dtype, int rank, const int64_t *dims,
                       void *values, nn_error *error) {
    nn_column *column;
    int64_t width;
    if (check_new_column(data, name, rank, error)) return NULL;
    width = sample_width(rank, dims, data->table->rows);
    if (width < 0) {
        nn_fail(error, NN_ERR_SHAPE, "the size of '%s' is impossible", name);
        return NULL;
    }
    column = &data->table->columns[data->table->column_count];
    if (!values) values = nn_alloc(width * data->table->rows, nn_dtype_size(dtype), error);
    if (!values) return NULL;
    column->values = values;
    snprintf(column->name, sizeof column->name, "%s", name);
    column->dtype = dtype;
    column->rank = rank;
    for (int i = 0; i < rank; i++) column->dims[i] = dims[i];
    column->width = column->step = width;
    data->table->column_count++;
    return column;
}

static void free_table(nn_table *table) {
    for (int i = 0; i < table->column_count; i++) {
        free(table->columns[i].values);
        free(table->columns[i].scale);
        free(table->columns[i].center);
    }
    free(table->columns);
    free(table);
}

void nn_data_free(nn_data *data) {
    if (!data) return;
    if (--data->table->references == 0) free_table(data->table);
    free(data->rows);
    free(data);
}

nn_data *nn_data_select(const nn_data *data, const int64_t *samples, int64_t count,
                        nn_error *error) {
    nn_data *part = nn_alloc(1, sizeof *part, error);
    int64_t *rows = nn_alloc(count, sizeof *rows, error);
    if (!part || !rows) {
        free(part);
        free(rows);
        return NULL;
    }
    for (int64_t i = 0; i < count; i++) rows[i] = nn_data_row(data, samples[i]);
    part->table = data->table;
    part->table->references++;
    part->count = count;
    part->rows = rows;
    part->augment = data->augment;
    return part;
}

nn_column *nn_data_column(const nn_data *data, const char *name) {
    for (int i = 0; i < data->table->column_count; i++)
        if (!strcmp(data->table->columns[i].name, name)) return &data->table->columns[i];
    return NULL;
}

double nn_column_value(const nn_column *column, int64_t row, int64_t i) {
    int64_t at = row * column->step + i, map = column->map_count == 1 ? 0 : i;
    float value;
    if (column->dtype == NN_I32 && !column->map_count) return ((const int32_t *)column->values)[at];
    if (column->dtype == NN_F32)
        value = ((const float *)column->values)[at];
    else if (column->dtype == NN_I32)
        value = (float)((const int32_t *)column->values)[at];
    else
        value = (float)((const unsigned char *)column->values)[at];
    return column->map_count ? (value - column->center[map]) * column->scale[map] : value;
}

/* (x - c1) * s1 followed by (y - c2) * s2 is (x - (c1 + c2 / s1)) * (s1 * s2). */
static void compose(const nn_column *column, int64_t count, const float *center,
                    const float *scale, int64_t wide, float *centers, float *scales) {
    for (int64_t i = 0; i < wide; i++) {
        int64_t n = count == 1 ? 0 : i, o = column->map_count == 1 ? 0 : i;
        double c1 = column->map_count ? (double)column->center[o] : 0;
        double s1 = column->map_count ? (double)column->scale[o] : 1;
        centers[i] = (float)(c1 + (double)center[n] / s1);
        scales[i] = (float)(s1 * (double)scale[n]);
    }
}

int nn_column_map(nn_column *column, int64_t count, const float *center, const float *scale,
                  nn_error *error) {
    int64_t wide = column->map_count > count ? column->map_count : count;
    float *centers, *scales;
    if (count != 1 && count != column->width)
        return nn_fail(error, NN_ERR_SHAPE, "a map of %lld elements for '%s' of %lld",
                       (long long)count, column->name, (long long)column->width);
    for (int64_t i = 0; i < count; i++)
        if (scale[i] == 0 || !isfinite(scale[i]) || !isfinite(center[i]))
            return nn_fail(error, NN_ERR_RANGE, "'%s' cannot be scaled by %g", column->name,
                           (double)scale[i]);
    centers = nn_alloc(wide, sizeof *centers, error);
    scales = nn_alloc(wide, sizeof *scales, error);
    if (!centers || !scales) {
        free(centers);
        free(scales);
        return NN_ERR_MEMORY;
    }
    compose(column, count, center, scale, wide, centers, scales);
    free(column->center);
    free(column->scale);
    column->center = centers;
    column->scale = scales;
    column->map_count = wide;
    return NN_OK;
}
