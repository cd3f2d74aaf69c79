/* SPDX-License-Identifier: MIT
 * nn_csv.c - the loader csv("file.csv", header = true, x = 0..10, y = "target"). */
#include "nn_csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn_file.h"
#include "nn_loaders.h"

/* Where the values of one column of the file go; several if parts share a column of the file. */
typedef struct Target {
    int part;                /* column of the data set */
    int64_t place;           /* element of the sample */
    int64_t source;          /* column of the file */
} Target;

typedef struct Reader {
    const nn_request *request;
    char *path;
    nn_bytes file;
    int header;
    char separator;
    char **names;            /* [width] of the header, NULL without */
    int64_t width, rows;     /* of the file */
    Target *targets;
    int64_t target_count;
} Reader;

static int fail_at(const Reader *reader, const nn_csv *csv, nn_error *error) {
    nn_error_at(error, reader->path, csv->line, csv->column, -1);
    return NN_OK;
}

/* Counts records and fields, keeps the header's names, refuses records of another length. */
static int take_header(Reader *reader, const nn_csv *csv, int64_t column, nn_error *error) {
    char **larger = realloc(reader->names, sizeof *larger * (size_t)(column + 1));
    char *name = nn_alloc((int64_t)csv->length + 1, 1, error);
    if (larger) reader->names = larger;
    if (!larger || !name) {
        free(name);
        return nn_fail(error, NN_ERR_MEMORY, "out of memory");
    }
    memcpy(name, csv->field, csv->length + 1);
    reader->names[column] = name;
    reader->width = column + 1;
    return NN_OK;
}

static int measure(Reader *reader, nn_csv *csv, nn_error *error) {
    int64_t column = 0, records = 0;
    int what = NN_CSV_FIELD, status;
    for (;;) {
        if ((status = nn_csv_next(csv, &what, error)) || what == NN_CSV_END) break;
        if (records == 0 && reader->header)
            status = take_header(reader, csv, column, error);
        else if (records == 0)
            reader->width = column + 1;
        if (status) return status;
        column++;
        if (what == NN_CSV_FIELD) continue;
        if (column != reader->width) {
            fail_at(reader, csv, error);
            return nn_fail(error, NN_ERR_SHAPE, "%lld fields, the first line has %lld",
                           (long long)column, (long long)reader->width);
        }
        column = 0;
        records++;
    }
    reader->rows = records - (reader->header && records > 0);
    if (!status && reader->rows < 1) return nn_fail(error, NN_ERR_TRUNCATED, "holds no records");
    return status;
}

static int find_name(const Reader *reader, const char *part, const char *name, int64_t *column,
                     nn_error *error) {
    if (!reader->header)
        return nn_fail(error, NN_ERR_OPTION, "'%s' names column '%s': that needs header = true",
                       part, name);
    for (int64_t i = 0; i < reader->width; i++)
        if (!strcmp(reader->names[i], name)) {
            *column = i;
            return NN_OK;
        }
    return nn_fail(error, NN_ERR_MISSING, "no column '%s', wanted for '%s'", name, part);
}

/* How many columns of the file an option names. */
static int64_t option_width(const nn_option *option) {
    if (option->kind == NN_RANGE) return (int64_t)option->last - (int64_t)option->number;
    return option->kind == NN_NUMBERS || option->kind == NN_TEXTS ? option->count : 1;
}

static int find_column(const Reader *reader, const nn_option *option, int64_t i, int64_t *column,
                       nn_error *error) {
    double number = option->number + (double)i;
    if (option->kind == NN_TEXT)
        return find_name(reader, option->name, option->text, column, error);
    if (option->kind == NN_TEXTS)
        return find_name(reader, option->name, option->texts[i], column, error);
    if (option->kind == NN_NUMBERS) number = option->numbers[i];
    if (reader->width == 1 && number > 0)
        return nn_fail(error, NN_ERR_RANGE, "'%s' wants column %.0f; between `%c` the file has "
                       "only one: is another character its `separator`?",
                       option->name, number, reader->separator);
    if (!(number >= 0 && number < (double)reader->width))
        return nn_fail(error, NN_ERR_RANGE, "'%s' wants column %.0f; the file has 0..%lld",
                       option->name, number, (long long)reader->width - 1);
    *column = (int64_t)number;
    return NN_OK;
}

/* One part of the data set: its column and where its elements come from. */
static int add_part(Reader *reader, const nn_option *option, nn_data *data, nn_error *error) {
    const nn_io *io = nn_find_input(reader->request->entry, option->name);
    int64_t width = option_width(option);
    int rank = option->kind == NN_RANGE || option->kind == NN_NUMBERS || option->kind == NN_TEXTS;
    int part = data->table->column_count;
    Target *larger;
    if (width < 1)
        return nn_fail(error, NN_ERR_OPTION, "'%s' names no column", option->name);
    if (!nn_data_add(data, option->name, io && io->dtype == NN_I32 ? NN_I32 : NN_F32, rank, &width,
                     NULL, error))
        return error ? error->code : NN_ERR_MEMORY;
    larger = realloc(reader->targets, sizeof *larger * (size_t)(reader->target_count + width));
    if (!larger) return nn_fail(error, NN_ERR_MEMORY, "out of memory");
    reader->targets = larger;
    for (int64_t i = 0; i < width; i++) {
        Target *target = &larger[reader->target_count];
        int status = find_column(reader, option, i, &target->source, error);
        if (status) return status;
        target->part = part;
        target->place = i;
        reader->target_count++;
    }
    return NN_OK;
}

static int is_part(const nn_option *option) {
    return option->name && strcmp(option->name, "header") && strcmp(option->name, "separator");
}

static int by_source(const void *a, const void *b) {
    const Target *x = a, *y = b;
    return (x->source > y->source) - (x->source < y->source);
}

static int add_parts(Reader *reader, nn_data *data, nn_error *error) {
    const nn_step *step = reader->request->step;
    for (int i = 0; i < step->option_count; i++) {
        int status = is_part(&step->options[i]) ? add_part(reader, &step->options[i], data, error)
                                                : NN_OK;
        if (status) return status;
    }
    if (!reader->target_count)
        return nn_fail(error, NN_ERR_OPTION, "csv chooses no columns: say which are the inputs");
    qsort(reader->targets, (size_t)reader->target_count, sizeof *reader->targets, by_source);
    return NN_OK;
}

static int bad_value(const Reader *reader, const nn_csv *csv, int64_t source, nn_error *error) {
    char name[300];
    fail_at(reader, csv, error);
    if (reader->header)
        snprintf(name, sizeof name, "'%s'", reader->names[source]);
    else
        snprintf(name, sizeof name, "%lld", (long long)source);
    if (!csv->length)
        return nn_fail(error, NN_ERR_MISSING, "column %s has no value here", name);
    return nn_fail(error, NN_ERR_FORMAT, "column %s: '%.40s' is not a number%s", name, csv->field,
                   csv->line == 1 && !reader->header
                       ? "; `header = true` skips a line of names" : "");
}

static int store(const Reader *reader, const nn_csv *csv, nn_column *column, const Target *target,
                 int64_t row, nn_error *error) {
    int64_t at = row * column->width + target->place;
    double value;
    if (!nn_parse_number(csv->field, &value)) return bad_value(reader, csv, target->source, error);
    if (column->dtype == NN_F32) {
        ((float *)column->values)[at] = (float)value;
        return NN_OK;
    }
    if (!(value >= INT32_MIN && value <= INT32_MAX) || value != (double)(int32_t)value) {
        fail_at(reader, csv, error);
        return nn_fail(error, NN_ERR_RANGE, "'%s' wants whole numbers, this is %.40s",
                       column->name, csv->field);
    }
    ((int32_t *)column->values)[at] = (int32_t)value;
    return NN_OK;
}

static int fill(const Reader *reader, nn_csv *csv, nn_data *data, nn_error *error) {
    int64_t column = 0, record = 0, next = 0;
    int what, status;
    for (;;) {
        if ((status = nn_csv_next(csv, &what, error)) || what == NN_CSV_END) return status;
        if (record >= reader->header)
            for (; next < reader->target_count && reader->targets[next].source == column; next++) {
                const Target *target = &reader->targets[next];
                status = store(reader, csv, &data->table->columns[target->part], target,
                               record - reader->header, error);
                if (status) return status;
            }
        column++;
        if (what == NN_CSV_FIELD) continue;
        column = next = 0;
        record++;
    }
}

static int read_into(Reader *reader, nn_data **out, nn_error *error) {
    nn_csv csv;
    int status;
    nn_csv_open(&csv, (const char *)reader->file.at, reader->file.size, reader->separator);
    status = measure(reader, &csv, error);
    nn_csv_close(&csv);
    if (status) return status;
    *out = nn_data_new(reader->rows, reader->request->step->option_count, error);
    if (!*out) return NN_ERR_MEMORY;
    if ((status = add_parts(reader, *out, error))) return status;
    nn_csv_open(&csv, (const char *)reader->file.at, reader->file.size, reader->separator);
    status = fill(reader, &csv, *out, error);
    nn_csv_close(&csv);
    return status;
}

static void release(Reader *reader) {
    for (int64_t i = 0; reader->names && i < reader->width; i++) free(reader->names[i]);
    free(reader->names);
    free(reader->targets);
    free(reader->file.at);
    free(reader->path);
}

static int load(const nn_request *request, nn_data **out, nn_error *error) {
    const nn_option *separator = nn_find_option(request->step, "separator");
    Reader reader;
    int status;
    *out = NULL;
    memset(&reader, 0, sizeof reader);
    reader.request = request;
    reader.header = nn_option_flag(request->step, "header", 0);
    reader.separator = separator ? separator->text[0] : ',';
    if (separator && (!separator->text[0] || separator->text[1]))
        return nn_fail(error, NN_ERR_OPTION, "a separator is one character, not '%.20s'",
                       separator->text);
    reader.path = nn_file_join(request->dir, nn_find_option(request->step, NULL)->text, error);
    if (!reader.path) return NN_ERR_MEMORY;
    status = nn_file_read(reader.path, &reader.file, error);
    if (!status) status = read_into(&reader, out, error);
    if (status) {
        nn_data_free(*out);
        *out = NULL;
    }
    release(&reader);
    return status;
}

static const nn_option_spec options[] = {
    { "", NN_TEXT, 1, "CSV file, plain or .gz" },
    { "header", NN_WORD | NN_NUMBER, 0, "true: the first line names the columns" },
    { "separator", NN_TEXT, 0, "the character between fields; a comma" },
    { "*", NN_NUMBER | NN_RANGE | NN_TEXT | NN_NUMBERS | NN_TEXTS, 1, "columns" },
    { NULL, 0, 0, NULL },
};

const nn_loader nn_csv_loader = { "csv", options, load };
