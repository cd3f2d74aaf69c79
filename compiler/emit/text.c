/* Pieces of C text: templates, numbers, string literals. */
#include <ctype.h>
#include <math.h>
#include <string.h>

#include "base/embedded.h"
#include "emit/emit.h"

static bool starts(const char *at, const char *word)
{
    return !strncmp(at, word, strlen(word));
}

/* The file with the model's name in place. */
static char *with_names(const Emission *e, const char *begin)
{
    Text out = text_new(e->arena);
    for (const char *c = begin; *c; c++) {
        const bool inside = c > begin && (isalnum((unsigned char)c[-1]) || c[-1] == '_');
        if (!inside && starts(c, "model_")) {
            text_add(&out, e->options.name);
            c += strlen("model") - 1;
        } else if (!inside && starts(c, "MODEL_")) {
            text_add(&out, e->upper);
            c += strlen("MODEL") - 1;
        } else {
            text_addn(&out, c, 1);
        }
    }
    return out.at;
}

/* A long name may make a line too long, which is then broken. */
void emit_template(Text *out, const Emission *e, const char *file)
{
    const char *text = with_names(e, embedded_find(file)->data);
    for (const char *end; *text; text = end + 1) {
        end = strchr(text, '\n');
        const size_t n = (size_t)(end - text), blanks = strspn(text, " ");
        if (n > WRAP_COLUMNS)
            wrap_code(out, (int)blanks, arena_strndup(e->arena, text + blanks, n - blanks));
        else
            text_addf(out, "%.*s\n", (int)n, text);
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
