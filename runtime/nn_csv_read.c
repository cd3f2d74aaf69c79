/* SPDX-License-Identifier: MIT
 * nn_csv_read.c - fields and numbers of CSV text. */
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn_csv.h"

void nn_csv_open(nn_csv *csv, const char *text, size_t size, char separator) {
    memset(csv, 0, sizeof *csv);
    csv->end = text + size;
    if (size >= 3 && !memcmp(text, "\xef\xbb\xbf", 3)) text += 3;
    csv->text = csv->at = text;
    csv->separator = separator;
    csv->next_line = 1;
}

void nn_csv_close(nn_csv *csv) {
    free(csv->field);
    csv->field = NULL;
}

static int append(nn_csv *csv, char c, nn_error *error) {
    if (csv->length + 2 > csv->room) {
        size_t room = csv->room ? 2 * csv->room : 64;
        char *larger = realloc(csv->field, room);
        if (!larger) return nn_fail(error, NN_ERR_MEMORY, "out of memory");
        csv->field = larger;
        csv->room = room;
    }
    csv->field[csv->length++] = c;
    csv->field[csv->length] = '\0';
    return NN_OK;
}

static void newline(nn_csv *csv) {
    csv->next_line++;
    csv->line_start = csv->at - csv->text;
}

static int at_line_end(const nn_csv *csv) {
    return *csv->at == '\n' || (*csv->at == '\r' && csv->at + 1 < csv->end && csv->at[1] == '\n');
}

static int fail_here(const nn_csv *csv, const char *reason, nn_error *error) {
    if (error) {
        error->line = csv->line;
        error->column = csv->column;
    }
    return nn_fail(error, NN_ERR_FORMAT, "%s", reason);
}

static int quoted(nn_csv *csv, nn_error *error) {
    csv->at++;
    for (;;) {
        char c;
        int status;
        if (csv->at == csv->end) return fail_here(csv, "the quote is never closed", error);
        c = *csv->at++;
        if (c == '"') {
            if (csv->at == csv->end || *csv->at != '"') break;
            csv->at++;
        }
        if (c == '\n') newline(csv);
        if ((status = append(csv, c, error))) return status;
    }
    if (csv->at < csv->end && *csv->at != csv->separator && !at_line_end(csv))
        return fail_here(csv, "text behind the closing quote", error);
    return NN_OK;
}

static int plain(nn_csv *csv, nn_error *error) {
    while (csv->at < csv->end && *csv->at != csv->separator && !at_line_end(csv)) {
        int status = append(csv, *csv->at++, error);
        if (status) return status;
    }
    return NN_OK;
}

static void skip_line_end(nn_csv *csv) {
    csv->at += *csv->at == '\r' ? 2 : 1;
    newline(csv);
}

int nn_csv_next(nn_csv *csv, int *what, nn_error *error) {
    int status, starts_record = csv->at - csv->text == csv->line_start;
    while (starts_record && csv->at < csv->end && at_line_end(csv)) skip_line_end(csv);
    if (starts_record && csv->at == csv->end) {
        *what = NN_CSV_END;
        return NN_OK;
    }
    csv->line = csv->next_line;
    csv->column = csv->at - csv->text - csv->line_start + 1;
    csv->length = 0;
    if ((status = append(csv, '\0', error))) return status;
    csv->length = 0;
    status = csv->at < csv->end && *csv->at == '"' ? quoted(csv, error) : plain(csv, error);
    if (status) return status;
    if (csv->at < csv->end && *csv->at == csv->separator) {
        csv->at++;
        *what = NN_CSV_FIELD;
        return NN_OK;
    }
    *what = NN_CSV_LAST;
    if (csv->at < csv->end) {
        skip_line_end(csv);
    } else {
        csv->line_start = csv->at - csv->text;
    }
    return NN_OK;
}

/* strtod reads the locale's decimal point; put it where the text has its dot. */
static int parse_slowly(const char *text, size_t length, double *value) {
    char copy[512], *end, *dot;
    const char *point = localeconv()->decimal_point;
    if (length >= sizeof copy || strpbrk(text, "xXpP")) return 0;
    memcpy(copy, text, length);
    copy[length] = '\0';
    if ((dot = strchr(copy, '.')) && strlen(point) == 1) *dot = point[0];
    *value = strtod(copy, &end);
    return end == copy + length && isfinite(*value);
}

/* Up to 15 digits with a small power of ten are exact in double arithmetic (W. Clinger, 1990). */
static int parse_fast(const char *text, size_t length, double *value) {
    static const double powers[] = { 1,    1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15 };
    int64_t digits = 0;
    int seen = 0, behind = 0, dot = 0;
    size_t i = text[0] == '-' || text[0] == '+';
    for (; i < length; i++) {
        if (text[i] == '.' && !dot) {
            dot = 1;
        } else if (text[i] >= '0' && text[i] <= '9') {
            digits = digits * 10 + (text[i] - '0');
            behind += dot;
            if (++seen > 15) return 0;
        } else {
            return 0;
        }
    }
    if (!seen) return 0;
    *value = (double)digits / powers[behind];
    if (text[0] == '-') *value = -*value;
    return 1;
}

int nn_parse_number(const char *text, double *value) {
    size_t length;
    while (*text == ' ' || *text == '\t') text++;
    length = strlen(text);
    while (length && strchr(" \t\r", text[length - 1])) length--;
    if (!length || !strchr("+-.0123456789", text[0])) return 0;
    return parse_fast(text, length, value) || parse_slowly(text, length, value);
}
