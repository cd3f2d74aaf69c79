/* Sources, spans and diagnostics.
 *
 * A diagnostic is an error or warning at a span, any number of notes ("the shape came from here"),
 * and an optional help line. They are collected, several a run, and printed in source order:
 *
 *   model.nn:6:22: error: dense expects a tensor, got an integer
 *       6 |     logits = 3 |> dense(128);
 *         |              ^
 *   model.nn:2:5: note: declared here
 *   help: did you mean `conv2d`?
 */
#ifndef NNC_BASE_DIAG_H
#define NNC_BASE_DIAG_H
#include <stdbool.h>
#include <stdio.h>
#include "base/arena.h"

typedef struct Source {
    const char *path;
    const char *text;
    size_t length;
} Source;

/* Bytes [begin, end) of a source; source == NULL: no position is known. */
typedef struct Span {
    const Source *source;
    int begin, end;
} Span;

typedef struct Diags Diags;

Span span_join(Span a, Span b);
int span_line(Span span);   /* 1-based; 0 without a source */
int span_column(Span span); /* 1-based, in code points */

Diags *diags_new(Arena *arena);
void diag_error(Diags *diags, Span at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_warning(Diags *diags, Span at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* A note or help line belongs to the diagnostic reported last; a note is not repeated. */
void diag_note(Diags *diags, Span at, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void diag_help(Diags *diags, const char *format, ...) __attribute__((format(printf, 2, 3)));
int diags_errors(const Diags *diags);
bool diags_full(const Diags *diags); /* the limit of reported errors is reached: give up */
void diags_print(const Diags *diags, FILE *out);

/* The candidate nearest to `word` by edit distance, or NULL if none is near enough to suggest. */
const char *nearest_word(const char *word, const char *const *candidates, int count);
#endif
