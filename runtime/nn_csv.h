/* SPDX-License-Identifier: MIT
 * nn_csv.h - walking the fields of CSV text (RFC 4180), and numbers in them. */
#ifndef NN_CSV_H
#define NN_CSV_H
#include "nn_error.h"

#ifdef __cplusplus
extern "C" {
#endif

/* A reader over text in memory. Set at, end and separator; the rest starts zeroed. */
typedef struct nn_csv {
    const char *at, *end;
    char separator;
    int64_t line, column;    /* of the field just read, from 1 */
    int64_t next_line, line_start;   /* where reading stands; maintained by the reader */
    const char *text;        /* start of the whole text */
    char *field;             /* of the field just read: unquoted, zero-terminated; owned */
    size_t length, room;
} nn_csv;

enum { NN_CSV_FIELD, NN_CSV_LAST, NN_CSV_END };

/* Starts at the beginning of text (size bytes); a UTF-8 byte order mark is skipped. */
void nn_csv_open(nn_csv *csv, const char *text, size_t size, char separator);
void nn_csv_close(nn_csv *csv);

/* Reads the next field: *what becomes NN_CSV_FIELD, NN_CSV_LAST (of its record) or NN_CSV_END (no
 * more records). Lines without any character are skipped. Quoted fields may hold separators, line
 * ends and doubled quotes. NN_ERR_FORMAT: a quote that is not closed, or text behind a closed
 * one. */
int nn_csv_next(nn_csv *csv, int *what, nn_error *error);

/* The number a text is, independent of the locale, blanks around it allowed; 0 where it is none. */
int nn_parse_number(const char *text, double *value);

#ifdef __cplusplus
}
#endif
#endif
