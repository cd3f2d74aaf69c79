/* Tables for people, and the same rows as CSV for programs. */
#ifndef NNC_DRIVER_TABLE_H
#define NNC_DRIVER_TABLE_H
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include "base/arena.h"

enum { TABLE_COLUMNS = 16 };

typedef struct TableRow { bool rule; const char *cells[TABLE_COLUMNS]; } TableRow;

typedef struct Table {
    Arena *arena;
    const char *align;               /* a letter a column: '<' text, '>' numbers */
    int columns;
    VEC(TableRow) rows;              /* the first holds the titles */
} Table;

/* The titles are one text, parted by '|'. */
Table table_new(Arena *arena, const char *align, const char *titles);
/* As many cells as columns, each a const char * (NULL: empty). */
void table_add(Table *table, ...);
void table_rule(Table *table);       /* a line between rows */
void table_print(const Table *table, FILE *out);
void table_print_csv(const Table *table, FILE *out);     /* cells without thousands' commas */

const char *with_commas(Arena *arena, int64_t n);        /* 101770 as "101,770" */
const char *with_unit(Arena *arena, double seconds);     /* "1.97 us", "12.3 ms": 3 digits */
const char *bytes_text(Arena *arena, double bytes);      /* "512 B", "446.0 KB", "1.2 MB" */
#endif
