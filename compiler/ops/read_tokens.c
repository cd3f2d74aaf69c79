/* Cuts the text form of graphs into tokens. */
#include "ops/read_tokens.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_word_char(char c)
{
    return isalnum((unsigned char)c) || (c && strchr("_.%+-", c));
}

static size_t token_end(const char *text, size_t length, size_t at)
{
    if (at == length) return at;
    size_t end = at + 1;
    if (is_word_char(text[at])) {
        while (end < length && is_word_char(text[end])) end++;
    } else if (text[at] == '"') {
        while (end < length && text[end] != '"') end += text[end] == '\\' ? 2 : 1;
        end++;
    }
    return end < length ? end : length;
}

static void advance(Tokens *t)
{
    const char *text = t->source->text;
    size_t length = t->source->length;
    t->at = t->end;
    for (;;) {
        while (t->at < length && isspace((unsigned char)text[t->at])) t->at++;
        if (t->at == length || text[t->at] != '#') break;
        while (t->at < length && text[t->at] != '\n') t->at++;
    }
    t->end = token_end(text, length, t->at);
}

Tokens tokens_new(Arena *arena, const Source *source, Diags *diags)
{
    Tokens t = {.arena = arena, .source = source, .diags = diags};
    advance(&t);
    return t;
}

bool tokens_end(const Tokens *t)
{
    return t->at == t->source->length;
}

bool tokens_at(const Tokens *t, const char *text)
{
    size_t length = strlen(text);
    return !t->failed && t->end - t->at == length
           && memcmp(t->source->text + t->at, text, length) == 0;
}

bool tokens_accept(Tokens *t, const char *text)
{
    if (!tokens_at(t, text)) return false;
    advance(t);
    return true;
}

void tokens_fail_at(Tokens *t, const Tokens *where, const char *message)
{
    if (t->failed) return;
    t->failed = true;
    diag_error(t->diags, (Span){t->source, (int)where->at, (int)where->end}, "%s", message);
}

void tokens_fail(Tokens *t, const char *message)
{
    tokens_fail_at(t, t, message);
}

void tokens_expect(Tokens *t, const char *text)
{
    if (!tokens_accept(t, text)) tokens_fail(t, arena_printf(t->arena, "'%s' expected", text));
}

static char *unquote(Arena *arena, const char *text, size_t length)
{
    char *plain = arena_alloc(arena, length + 1), *to = plain;
    for (size_t i = 0; i < length; i++) {
        if (text[i] == '\\' && i + 1 < length) i++;
        *to++ = text[i];
    }
    return plain;
}

/* A quoted string must end with a quote of its own. */
static bool is_string(const Tokens *t)
{
    const char *text = t->source->text;
    return t->end - t->at >= 2 && text[t->at] == '"' && text[t->end - 1] == '"';
}

static bool is_word(const Tokens *t)
{
    return t->end > t->at && is_word_char(t->source->text[t->at]);
}

const char *tokens_name(Tokens *t, const char **label)
{
    const char *text = t->source->text + t->at, *name = "";
    size_t begin = t->at, length = t->end - t->at;
    bool string = is_string(t);
    if (!string && !is_word(t)) tokens_fail(t, "a name expected");
    if (label) *label = "";
    if (t->failed) return name;
    size_t id = label ? strcspn(text, "%") : length;
    name = string ? unquote(t->arena, text + 1, length - 2)
                  : arena_strndup(t->arena, text, id < length ? id : length);
    advance(t);
    if (!label) return name;
    if (string && t->at == begin + length && t->source->text[t->at] == '%') {
        length += t->end - t->at;
        advance(t);
    }
    *label = arena_strndup(t->arena, text, length);
    return name;
}

static char *word(Tokens *t)
{
    if (!is_word(t)) tokens_fail(t, "a number expected");
    return t->failed ? "" : arena_strndup(t->arena, t->source->text + t->at, t->end - t->at);
}

int64_t tokens_int(Tokens *t)
{
    char *end, *digits = word(t);
    errno = 0;
    int64_t value = strtoll(digits, &end, 10);
    if (*end || !*digits || errno) tokens_fail(t, "an integer expected");
    if (t->failed) return 0;
    advance(t);
    return value;
}

double tokens_number(Tokens *t)
{
    char *end, *digits = word(t);
    double value = strtod(digits, &end);
    if (*end || !*digits) tokens_fail(t, "a number expected");
    if (t->failed) return 0;
    advance(t);
    return value;
}
