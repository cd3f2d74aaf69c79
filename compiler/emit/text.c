/* Pieces of C text: templates, long lines, string literals. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/embedded.h"
#include "emit/emit.h"

enum { COLUMNS = 100 };

static bool starts(const char *at, const char *word)
{
    return !strncmp(at, word, strlen(word));
}

void emit_template(Text *out, const Emission *e, const char *file)
{
    const char *begin = embedded_find(file)->data;
    for (const char *c = begin; *c; c++) {
        const bool inside = c > begin && (isalnum((unsigned char)c[-1]) || c[-1] == '_');
        if (!inside && starts(c, "model_")) {
            text_add(out, e->options.name);
            c += strlen("model") - 1;
        } else if (!inside && starts(c, "MODEL_")) {
            text_add(out, e->upper);
            c += strlen("MODEL") - 1;
        } else {
            text_addn(out, c, 1);
        }
    }
}

/* The last place within `room` after which the line may be broken; the whole line if none is. */
static size_t break_at(const char *line, size_t room)
{
    size_t best = strlen(line);
    if (best <= room) return best;
    for (size_t i = 1; line[i] && (i <= room || best == strlen(line)); i++)
        if (line[i] == ' ' && (line[i - 1] == ',' || starts(line + i, " || "))) best = i;
    return best;
}

void emit_wrapped(Text *out, int indent, int hanging, const char *line)
{
    for (int column = indent; *line; column = hanging) {
        const size_t n = break_at(line, (size_t)(COLUMNS - column));
        text_addf(out, "%*s%.*s\n", column, "", (int)n, line);
        line += n;
        while (*line == ' ') line++;
    }
}

/* ---- comments ---- */

/* The words of `text` in lines that open with `head`, at most 100 columns; a newline starts another.
 * Blanks at the start of a line indent it. Returns where the text ends on its last line. */
static void comment_words(Text *out, const char *head, const char *text, int reserved)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        const size_t room = (size_t)COLUMNS - strlen(head);
        const bool last = !text[n];
        const size_t limit = room - (last ? (size_t)reserved : 0);
        if (n > limit) {
            size_t best = 0;
            for (size_t i = 1; i <= room && text[i] != '\n'; i++)
                if (text[i] == ' ' && text[i - 1] != ' ' && i <= room) best = i;
            if (best) n = best;
        }
        text_addf(out, "%s%.*s", head, (int)n, text);
        text += n;
        while (*text == ' ') text++;
        if (*text == '\n') text++;
        if (*text) text_add(out, "\n");
    }
}

void emit_comment_lines(Text *out, const char *text)
{
    comment_words(out, " * ", text, 0);
    text_add(out, "\n");
}

void emit_comment(Text *out, int indent, const char *text)
{
    Text body = text_new(out->arena);
    comment_words(&body, arena_printf(out->arena, "%*s * ", indent, ""), text, 3);
    body.at[indent] = '/';
    text_addf(out, "%s */\n", body.at);
}

void emit_grouped(Text *out, int64_t n)
{
    const char *digits = arena_printf(out->arena, "%lld", (long long)n);
    const size_t length = strlen(digits);
    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0) text_add(out, ",");
        text_addn(out, digits + i, 1);
    }
}

/* ---- constants ---- */

void emit_float(Text *out, float value)
{
    if (isnan(value)) text_add(out, "(0.0f / 0.0f)");
    else if (isinf(value)) text_add(out, value < 0 ? "(-1.0f / 0.0f)" : "(1.0f / 0.0f)");
    else {
        text_add_float(out, value);
        text_add(out, "f");
    }
}

void emit_string(Text *out, const char *text)
{
    text_add(out, "\"");
    for (const char *c = text; *c; c++) {
        const unsigned char byte = (unsigned char)*c;
        if (byte == '"' || byte == '\\' || byte == '?') text_addf(out, "\\%c", byte);
        else if (byte < 32 || byte > 126) text_addf(out, "\\%03o", byte);
        else text_addn(out, c, 1);
    }
    text_add(out, "\"");
}
