/* Owns drawing one source line, its gutter and the `^~~~` below. */
#include "base/snippet.h"

#include <stdbool.h>
#include <string.h>

#include "base/utf8.h"

enum { LONGEST_LINE = 160, LINE_BEFORE_MARK = 60 };

/* Bytes [begin, end) of the source that are shown. */
typedef struct Window { int begin, end; bool cut_begin, cut_end; } Window;

static bool is_continuation(const Source *source, int at)
{
    return ((unsigned char)source->text[at] & 0xc0) == 0x80;
}

static Window shown_part(Span span)
{
    const Source *source = span.source;
    Window window = {span.begin, span.begin, false, false};
    while (window.begin > 0 && source->text[window.begin - 1] != '\n') window.begin--;
    while (window.end < (int)source->length && source->text[window.end] != '\n') window.end++;
    if (window.end > window.begin && source->text[window.end - 1] == '\r') window.end--;
    if (span.begin - window.begin > LONGEST_LINE - LINE_BEFORE_MARK) {
        window.begin = span.begin - LINE_BEFORE_MARK;
        while (window.begin < span.begin && is_continuation(source, window.begin)) window.begin++;
        window.cut_begin = true;
    }
    if (window.end - window.begin > LONGEST_LINE) {
        window.end = window.begin + LONGEST_LINE;
        while (window.end > span.begin && is_continuation(source, window.end)) window.end--;
        window.cut_end = true;
    }
    return window;
}

/* 0 for a stray byte, which must not reach the terminal. */
static int sequence_length(const Source *source, int at, int end)
{
    return (int)utf8_length(source->text + at, (size_t)(end - at));
}

static void print_text(const Source *source, Window window, FILE *out)
{
    for (int at = window.begin; at < window.end;) {
        int length = sequence_length(source, at, window.end);
        unsigned char byte = (unsigned char)source->text[at];
        bool control = (byte < ' ' && byte != '\t') || byte == 0x7f;
        if (length == 0 || control) fputc('?', out);
        else fwrite(source->text + at, 1, (size_t)length, out);
        at += length ? length : 1;
    }
}

/* Tabs are repeated, so that the mark stands under its text whatever the terminal's tab stops. */
static void print_mark(Span span, Window window, FILE *out)
{
    const Source *source = span.source;
    for (int at = window.begin; at < span.begin && at < window.end;) {
        int length = sequence_length(source, at, window.end);
        fputc(source->text[at] == '\t' ? '\t' : ' ', out);
        at += length ? length : 1;
    }
    fputc('^', out);
    int end = span.end < window.end ? span.end : window.end;
    int length = span.begin < end ? sequence_length(source, span.begin, window.end) : 1;
    for (int at = span.begin + (length ? length : 1); at < end;) {
        length = sequence_length(source, at, window.end);
        fputc('~', out);
        at += length ? length : 1;
    }
    fputc('\n', out);
}

/* A zero byte near the place: the file is no text, and its line says nothing. */
static bool is_binary(Span span, Window window)
{
    return memchr(span.source->text + window.begin, 0, (size_t)(window.end - window.begin)) != NULL;
}

void snippet_print(Span span, FILE *out)
{
    Window window = shown_part(span);
    if (is_binary(span, window)) return;
    const char *dots = "...";
    fprintf(out, "%5d | %s", span_line(span), window.cut_begin ? dots : "");
    print_text(span.source, window, out);
    fprintf(out, "%s\n      | %s", window.cut_end ? dots : "", window.cut_begin ? "   " : "");
    print_mark(span, window, out);
}
