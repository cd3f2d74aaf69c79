/* SPDX-License-Identifier: MIT
 * nn_tsv.c - the loader tsv("messages.tsv", label = 0, classes = ["ham", "spam"], tokens = 1):
 * lines of fields, as numbers, class names and texts.
 *
 * A part that is a single i32 takes the place of its field among the classes; one that is
 * i32[batch, n] takes the characters of its field, cut after n or padded with 0; any other takes a
 * number. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn_alphabet.h"
#include "nn_csv.h"
#include "nn_file.h"
#include "nn_loaders.h"

enum { MAX_TSV_PARTS = 64 };

typedef enum Kind { A_NUMBER, A_CLASS, A_TEXT } Kind;

typedef struct Part {
    const nn_option *option;
    const nn_io *io;
    Kind kind;
    int64_t field;
    nn_column *column;
    nn_alphabet alphabet;
} Part;

typedef struct Reader {
    const nn_request *request;
    const char *path;
    const nn_bytes *file;
    Part parts[MAX_TSV_PARTS];
    int count;
    int64_t rows, skipped; /* skipped: header lines */
    int64_t line;
} Reader;

typedef struct Field {
    const char *at;
    size_t length;
} Field;

/* ---- lines ---- */

/* The line at *at without its end; moves *at behind it. 0 at the end of the file. */
static int next_line(const nn_bytes *file, size_t *at, Field *line)
{
    const char *text = (const char *)file->at;
    const char *end;
    if (*at >= file->size) return 0;
    line->at = text + *at;
    end = memchr(line->at, '\n', file->size - *at);
    line->length = end ? (size_t)(end - line->at) : file->size - *at;
    *at += line->length + (end != NULL);
    if (line->length && line->at[line->length - 1] == '\r') line->length--;
    return 1;
}

/* Field `index` of a line; the last one that is wanted may itself hold tabs if it is the line's
 * rest. 0: the line has fewer. */
static int find_field(Field line, int64_t index, char separator, Field *field)
{
    const char *at = line.at, *end = line.at + line.length;
    for (; index > 0; index--) {
        at = memchr(at, separator, (size_t)(end - at));
        if (!at) return 0;
        at++;
    }
    field->at = at;
    at = memchr(at, separator, (size_t)(end - at));
    field->length = (size_t)((at ? at : end) - field->at);
    return 1;
}

static char separator_of(const Reader *r)
{
    const nn_option *option = nn_find_option(r->request->step, "separator");
    return option && option->text[0] ? option->text[0] : '\t';
}

/* ---- parts ---- */

static Kind kind_of(const nn_io *io)
{
    if (io->dtype == NN_I32 && io->rank == 2) return A_TEXT;
    return io->dtype == NN_I32 && io->rank == 1 ? A_CLASS : A_NUMBER;
}

static int find_parts(Reader *r, nn_error *error)
{
    const nn_step *step = r->request->step;
    for (int i = 0; i < step->option_count; i++) {
        const nn_option *option = &step->options[i];
        const nn_io *io = option->name ? nn_find_input(r->request->entry, option->name) : NULL;
        if (!io) continue;
        if (r->count == MAX_TSV_PARTS)
            return nn_fail(error, NN_ERR_OPTION, "more than %d parts", MAX_TSV_PARTS);
        if (option->number < 0 || option->number > 1e6)
            return nn_fail(error, NN_ERR_RANGE, "'%s' wants field %g", io->name, option->number);
        r->parts[r->count++] =
            (Part){option, io, kind_of(io), (int64_t)option->number, NULL, {0, {0}, {0}}};
    }
    return NN_OK;
}

/* A text of fewer than n characters ends with 0, so no character may have that number: those of an
 * alphabet count from 1. */
static int text_number(const Part *part, unsigned char byte)
{
    int number = part->alphabet.numbers[byte];
    return part->alphabet.count == 256 ? number : number < 0 ? -1 : number + 1;
}

static int fit_alphabet(Reader *r, Part *part, nn_error *error)
{
    const nn_option *option = nn_find_option(r->request->step, "encoding");
    const char *kind = option ? option->text : "bytes";
    char seen[256] = {0};
    unsigned char bytes[256];
    size_t at = 0, count = 0;
    Field line, field;
    if (!strcmp(kind, "bytes")) {
        nn_alphabet_bytes(&part->alphabet);
        return NN_OK;
    }
    if (strcmp(kind, "chars"))
        return nn_fail(error, NN_ERR_OPTION, "encoding is bytes or chars, not '%s'", kind);
    if (!r->request->fitting)
        return nn_alphabet_recall(&part->alphabet, r->request->fitted, part->io->name, error);
    while (next_line(r->file, &at, &line))
        if (find_field(line, part->field, separator_of(r), &field))
            for (size_t i = 0; i < field.length; i++) seen[(unsigned char)field.at[i]] = 1;
    for (int byte = 0; byte < 256; byte++)
        if (seen[byte]) bytes[count++] = (unsigned char)byte;
    nn_alphabet_of(&part->alphabet, bytes, count);
    return nn_alphabet_record(&part->alphabet, r->request->fitted, part->io->name, error);
}

/* ---- values ---- */

static int fail_at_line(const Reader *r, nn_error *error)
{
    nn_error_at(error, r->path, r->line, -1, -1);
    return NN_OK;
}

static int store_class(Reader *r, Part *part, int64_t row, Field field, nn_error *error)
{
    const nn_option *classes = nn_find_option(r->request->step, "classes");
    int32_t *to = (int32_t *)part->column->values + row;
    char word[64];
    double number;
    for (int i = 0; classes && i < classes->count; i++)
        if (strlen(classes->texts[i]) == field.length
            && !memcmp(classes->texts[i], field.at, field.length)) {
            *to = i;
            return NN_OK;
        }
    snprintf(word, sizeof word, "%.*s", (int)(field.length < 60 ? field.length : 60), field.at);
    if (!classes && nn_parse_number(word, &number) && number == (double)(int32_t)number) {
        *to = (int32_t)number;
        return NN_OK;
    }
    fail_at_line(r, error);
    return nn_fail(error, NN_ERR_RANGE,
                   classes ? "'%s' is none of the classes of '%s'"
                           : "'%s' of '%s' is no whole number; name its classes",
                   word, part->io->name);
}

static int store_text(Reader *r, Part *part, int64_t row, Field field, nn_error *error)
{
    int32_t *to = (int32_t *)part->column->values + row * part->column->width;
    for (int64_t i = 0; i < part->column->width && i < (int64_t)field.length; i++) {
        int number = text_number(part, (unsigned char)field.at[i]);
        if (number < 0) {
            fail_at_line(r, error);
            return nn_fail(error, NN_ERR_RANGE, "the byte %d is not in the alphabet of '%s'",
                           (unsigned char)field.at[i], part->io->name);
        }
        to[i] = number;
    }
    return NN_OK;
}

static int store_number(Reader *r, Part *part, int64_t row, Field field, nn_error *error)
{
    char word[64];
    double number;
    snprintf(word, sizeof word, "%.*s", (int)(field.length < 60 ? field.length : 60), field.at);
    if (nn_parse_number(word, &number)) {
        ((float *)part->column->values)[row] = (float)number;
        return NN_OK;
    }
    fail_at_line(r, error);
    return nn_fail(error, NN_ERR_FORMAT, "'%s' is no number, wanted for '%s'", word,
                   part->io->name);
}

static int store(Reader *r, Part *part, int64_t row, Field line, nn_error *error)
{
    Field field;
    if (!find_field(line, part->field, separator_of(r), &field)) {
        fail_at_line(r, error);
        return nn_fail(error, NN_ERR_SHAPE, "the line has no field %lld, wanted for '%s'",
                       (long long)part->field, part->io->name);
    }
    if (part->kind == A_CLASS) return store_class(r, part, row, field, error);
    if (part->kind == A_TEXT) return store_text(r, part, row, field, error);
    return store_number(r, part, row, field, error);
}

/* ---- the file ---- */

static int count_rows(Reader *r, nn_error *error)
{
    size_t at = 0;
    Field line;
    r->skipped = nn_option_flag(r->request->step, "header", 0);
    while (next_line(r->file, &at, &line)) r->rows += line.length > 0;
    r->rows -= r->skipped;
    return r->rows < 1 ? nn_fail(error, NN_ERR_TRUNCATED, "holds no lines") : NN_OK;
}

static int add_columns(Reader *r, nn_data *data, nn_error *error)
{
    for (int i = 0; i < r->count; i++) {
        Part *part = &r->parts[i];
        int status = part->kind == A_TEXT ? fit_alphabet(r, part, error) : NN_OK;
        if (status) return status;
        part->column = nn_data_add(data, part->io->name, part->io->dtype, part->kind == A_TEXT,
                                   &part->io->dims[1], NULL, error);
        if (!part->column) return NN_ERR_SHAPE;
    }
    return NN_OK;
}

static int fill(Reader *r, nn_error *error)
{
    size_t at = 0;
    int64_t row = -r->skipped;
    Field line;
    for (r->line = 1; next_line(r->file, &at, &line); r->line++) {
        if (!line.length) continue;
        for (int i = 0; row >= 0 && i < r->count; i++) {
            int status = store(r, &r->parts[i], row, line, error);
            if (status) return status;
        }
        row++;
    }
    return NN_OK;
}

static int read_file(Reader *r, nn_data **out, nn_error *error)
{
    int status;
    nn_error_at(error, r->path, -1, -1, -1);
    if ((status = find_parts(r, error)) || (status = count_rows(r, error))) return status;
    *out = nn_data_new(r->rows, r->count, error);
    if (!*out) return NN_ERR_MEMORY;
    status = add_columns(r, *out, error);
    if (!status) status = fill(r, error);
    if (status) {
        nn_data_free(*out);
        *out = NULL;
    }
    return status;
}

static int load(const nn_request *request, nn_data **out, nn_error *error)
{
    const nn_option *name = nn_find_option(request->step, NULL);
    char *path = nn_file_join(request->dir, name->text, error);
    nn_bytes file;
    int status;
    *out = NULL;
    if (!path) return NN_ERR_MEMORY;
    status = nn_file_read(path, &file, error);
    if (!status) {
        Reader *r = nn_alloc(1, sizeof *r, error);
        status = NN_ERR_MEMORY;
        if (r) {
            r->request = request;
            r->path = path;
            r->file = &file;
            status = read_file(r, out, error);
        }
        free(r);
        free(file.at);
    }
    free(path);
    return status;
}

static const nn_option_spec options[] = {
    {"", NN_TEXT, 1, "the file, plain or .gz"},
    {"*", NN_NUMBER, 1, "field of the line, counted from 0"},
    {"classes", NN_TEXTS, 0, "names that stand for 0, 1, ... in a part that is one i32"},
    {"encoding", NN_WORD | NN_TEXT, 0,
     "of texts: bytes (default), or chars: numbers from 1 of the bytes that occur; 0 pads"},
    {"separator", NN_TEXT, 0, "between fields; a tab unless given"},
    {"header", NN_WORD | NN_NUMBER, 0, "true: the first line is skipped"},
    {NULL, 0, 0, NULL},
};

const nn_loader nn_tsv_loader = {"tsv", options, load};
