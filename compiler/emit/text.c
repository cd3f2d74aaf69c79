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
