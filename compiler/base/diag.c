/* Owns positions in sources and the collection of diagnostics; snippet.c draws the source lines. */
#include "base/diag.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "base/snippet.h"
#include "base/text.h"

enum { ERROR_LIMIT = 20 };       /* after so many, more would only scroll the first away */

typedef enum Severity { SEVERITY_ERROR, SEVERITY_WARNING, SEVERITY_NOTE, SEVERITY_HELP } Severity;

typedef struct Message { Severity severity; Span at; const char *text; } Message;

/* A diagnostic is its first message and the notes and help that follow. */
typedef struct Diag {
    VEC(Message) messages;
    int source_rank, order;      /* sources in the order they were first blamed; then as reported */
} Diag;

struct Diags {
    Arena *arena;
    VEC(Diag *) all;
    VEC(const Source *) sources;
    Diag *last;                  /* NULL if it was dropped: its notes are dropped too */
    int errors;
};

Span span_join(Span a, Span b)
{
    if (!a.source) return b;
    if (a.source != b.source) return a;
    return (Span){a.source, a.begin < b.begin ? a.begin : b.begin, a.end > b.end ? a.end : b.end};
}

static int line_begin(Span span)
{
    int at = span.begin;
    while (at > 0 && span.source->text[at - 1] != '\n') at--;
    return at;
}

int span_line(Span span)
{
    if (!span.source) return 0;
    int line = 1;
    for (int i = 0; i < span.begin; i++) line += span.source->text[i] == '\n';
    return line;
}

int span_column(Span span)
{
    if (!span.source) return 0;
    int column = 1;
    for (int i = line_begin(span); i < span.begin; i++)
        column += ((unsigned char)span.source->text[i] & 0xc0) != 0x80;   /* not a continuation */
    return column;
}

Diags *diags_new(Arena *arena)
{
    Diags *diags = arena_make(arena, Diags);
    diags->arena = arena;
    return diags;
}

static int source_rank(Diags *diags, const Source *source)
{
    for (int i = 0; i < diags->sources.count; i++)
        if (diags->sources.at[i] == source) return i;
    vec_push(diags->arena, diags->sources, source);
    return diags->sources.count - 1;
}

static const char *formatted(Diags *diags, const char *format, va_list args)
{
    Text text = text_new(diags->arena);
    text_addv(&text, format, args);
    return text.at;
}

static bool reported_before(const Diags *diags, Span at, const char *text)
{
    for (int i = 0; i < diags->all.count; i++) {
        const Message *first = &diags->all.at[i]->messages.at[0];
        if (first->at.source == at.source && first->at.begin == at.begin
            && strcmp(first->text, text) == 0)
            return true;
    }
    return false;
}

/* The same message at the same place (a block expanded twice) is said once. */
static void report(Diags *diags, Severity severity, Span at, const char *text)
{
    diags->last = NULL;
    if (diags_full(diags) || reported_before(diags, at, text)) return;
    if (severity == SEVERITY_ERROR) diags->errors++;
    Diag *diag = arena_make(diags->arena, Diag);
    diag->source_rank = source_rank(diags, at.source);
    diag->order = diags->all.count;
    vec_push(diags->arena, diag->messages, ((Message){severity, at, text}));
    vec_push(diags->arena, diags->all, diag);
    diags->last = diag;
}

void diag_error(Diags *diags, Span at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(diags, SEVERITY_ERROR, at, formatted(diags, format, args));
    va_end(args);
}

void diag_warning(Diags *diags, Span at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(diags, SEVERITY_WARNING, at, formatted(diags, format, args));
    va_end(args);
}

void diag_note(Diags *diags, Span at, const char *format, ...)
{
    if (!diags->last) return;
    va_list args;
    va_start(args, format);
    Message note = {SEVERITY_NOTE, at, formatted(diags, format, args)};
    va_end(args);
    const Message *before = &diags->last->messages.at[diags->last->messages.count - 1];
    if (strcmp(before->text, note.text) != 0 || before->at.begin != at.begin
        || before->at.source != at.source)
        vec_push(diags->arena, diags->last->messages, note);
}

void diag_help(Diags *diags, const char *format, ...)
{
    if (!diags->last) return;
    va_list args;
    va_start(args, format);
    Message help = {SEVERITY_HELP, {0}, formatted(diags, format, args)};
    vec_push(diags->arena, diags->last->messages, help);
    va_end(args);
}

int diags_errors(const Diags *diags)
{
    return diags->errors;
}

bool diags_full(const Diags *diags)
{
    return diags->errors >= ERROR_LIMIT;
}

static void print_message(const Message *message, FILE *out)
{
    static const char *const severity_name[] = {"error", "warning", "note", "help"};
    if (message->at.source)
        fprintf(out, "%s:%d:%d: ", message->at.source->path, span_line(message->at),
                span_column(message->at));
    else if (message->severity != SEVERITY_HELP)
        fprintf(out, "nnc: ");
    fprintf(out, "%s: %s\n", severity_name[message->severity], message->text);
    if (message->at.source) snippet_print(message->at, out);
}

static int compare_diags(const void *a, const void *b)
{
    const Diag *x = *(Diag *const *)a, *y = *(Diag *const *)b;
    if (x->source_rank != y->source_rank) return x->source_rank < y->source_rank ? -1 : 1;
    int x_begin = x->messages.at[0].at.begin, y_begin = y->messages.at[0].at.begin;
    if (x_begin != y_begin) return x_begin < y_begin ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

void diags_print(const Diags *diags, FILE *out)
{
    size_t count = (size_t)diags->all.count;
    Diag **sorted = arena_copy(diags->arena, diags->all.at, sizeof *sorted * count);
    qsort(sorted, count, sizeof *sorted, compare_diags);
    for (size_t i = 0; i < count; i++)
        for (int j = 0; j < sorted[i]->messages.count; j++)
            print_message(&sorted[i]->messages.at[j], out);
    if (diags_full(diags))
        fprintf(out, "nnc: too many errors, stopped after %d\n", ERROR_LIMIT);
}
