/* SPDX-License-Identifier: MIT
 * nn_data.h - samples in memory: named columns, and the rows of them that make a data set.
 *
 * A column holds one tensor a row in the type of its file (bytes stay bytes). What preparation
 * does to an input is a map (value - center) * scale kept beside it and applied while batches are
 * gathered. A split shares the columns of the whole and owns only its list of rows. */
#ifndef NN_DATA_H
#define NN_DATA_H
#include "nn_error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_column {
    char name[64];
    int dtype;               /* NN_F32, NN_I32, NN_U8 */
    int rank;                /* of one sample; 0: a single value */
    int64_t dims[NN_MAX_RANK];
    int64_t width;           /* elements of one sample */
    int64_t step;            /* elements from one row to the next; < width: rows overlap */
    void *values;            /* owned */
    int64_t map_count;       /* 0: no map; 1: one for all elements; width: one for each */
    float *center, *scale;   /* [map_count], owned */
    int pictures;            /* 1: the last two axes are rows and columns that nn_augment changes */
} nn_column;

typedef struct nn_table {
    int references;
    int64_t rows;
    int column_count, room;
    nn_column *columns;       /* [room] */
} nn_table;

/* What happens to pictures at random while batches are gathered (nn_augment.h). */
typedef struct nn_augment {
    int flip;                /* 1: every second one is mirrored, left to right */
    int64_t border;          /* they move by up to so many pixels; 0: none */
} nn_augment;

typedef struct nn_data {
    nn_table *table;
    int64_t count;           /* samples */
    int64_t *rows;           /* [count]: the table's row of each sample; NULL: sample i is row i */
    nn_augment augment;      /* of this part alone */
} nn_data;

/* A data set of `count` rows with room for column_count columns, to be filled by nn_data_add.
 * NULL when out of memory. */
nn_data *nn_data_new(int64_t count, int column_count, nn_error *error);

/* Adds the next column and returns it; NULL: out of memory, a name used twice or too long, a rank
 * beyond NN_MAX_RANK, or more columns than room. dims are those of one sample. values: NULL for
 * zeroed ones, else memory of malloc for all rows that the column takes over (not on failure). */
nn_column *nn_data_add(nn_data *data, const char *name, int dtype, int rank, const int64_t *dims,
                       void *values, nn_error *error);

/* NULL is allowed. Columns go when the last data set that shares them goes. */
void nn_data_free(nn_data *data);

/* The same columns, with the given samples of `data` (indices below data->count) in that order. */
nn_data *nn_data_select(const nn_data *data, const int64_t *samples, int64_t count,
                        nn_error *error);

/* NULL where there is none of that name. */
nn_column *nn_data_column(const nn_data *data, const char *name);

/* The table's row of a sample. */
static inline int64_t nn_data_row(const nn_data *data, int64_t sample) {
    return data->rows ? data->rows[sample] : sample;
}

/* Element i of a row as the model will see it, map applied. Slow; for tests and statistics. */
double nn_column_value(const nn_column *column, int64_t row, int64_t i);

/* Puts (value - center) * scale behind the map the column has. count is 1 or column->width; a scale
 * of 0 or one that is not finite is NN_ERR_RANGE. */
int nn_column_map(nn_column *column, int64_t count, const float *center, const float *scale,
                  nn_error *error);

size_t nn_dtype_size(int dtype);
const char *nn_dtype_name(int dtype);

/* "[28,28]"; returns buffer. */
const char *nn_shape_text(int rank, const int64_t *dims, char *buffer, size_t size);

/* Entry and io of a model by name; NULL where there is none. */
const nn_entry *nn_find_entry(const nn_model *model, const char *name);
const nn_io *nn_find_input(const nn_entry *entry, const char *name);

/* Makes the data fit the entry, or says what does not: every input and target of the entry has a
 * column of its name; a sample's shape equals the input's shape behind the batch axis, up to axes
 * of size 1, or either of the two is flat and the number of elements is equal; an i32 input's
 * column holds whole numbers (an f32 column of whole numbers becomes i32) within 0..limit-1 where
 * the input has a limit. Errors name the column and the sample. */
int nn_data_bind(nn_data *data, const nn_entry *entry, nn_error *error);

#ifdef __cplusplus
}
#endif
#endif
