/* Owns reading numbers and escapes, and the messages about odd characters. */
#include "ast/lexical.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

int64_t lexical_int(ParseContext *context, const char *digits, Span span)
{
    errno = 0;
    long long value = strtoll(digits, NULL, 10);
    if (errno == ERANGE) {
        diag_error(context->diags, span, "this integer is too large");
        diag_help(context->diags, "the largest is 9223372036854775807; a float may be larger");
    }
    return value;
}

double lexical_float(ParseContext *context, const char *digits, Span span)
{
    double value = strtod(digits, NULL);
    if (isfinite(value)) return value;
    diag_error(context->diags, span, "this number is too large for a float");
    return 0;
}

void lexical_bad_number(ParseContext *context, const char *text, Span span)
{
    size_t length = strlen(text);
    diag_error(context->diags, span, "`%.40s` is not a number", text);
    if (text[0] == '.')
        diag_help(context->diags, "a float has digits on both sides of its dot: `0%.40s`", text);
    else if (text[length - 1] == '.')
        diag_help(context->diags, "a float has digits on both sides of its dot: `%.40s0`", text);
    else if (text[0] == '0' && strchr("xXbBoO", text[1]))
        diag_help(context->diags, "integers are written in decimal");
    else if (strchr(text, '_'))
        diag_help(context->diags, "digits are not grouped by underscores");
}

char lexical_escape(ParseContext *context, char c, Span span)
{
    switch (c) {
    case 'n': return '\n';
    case 't': return '\t';
    case 'r': return '\r';
    case '"': case '\\': case '{': case '}': return c;
    }
    diag_error(context->diags, span, "a string has no escape like this");
    diag_help(context->diags, "there are \\n \\t \\r \\\" \\\\ \\{ and \\}");
    return c;
}

/* What people write who come from elsewhere, and what to write here. */
static const struct { const char *text, *help; } habits[] = {
    {"&&", "write `and`"},
    {"||", "write `or`"},
    {"&", "write `and`"},
    {"|", "write `|>` to apply a block, `or` for a choice of conditions"},
    {"->", "write `|>` to apply a block"},
    {">>", "write `|>` to apply a block"},
    {"?", "a choice is `if condition then a else b`"},
    {"!", "write `not`"},
    {"^", "write `**` for a power"},
    {"#", "a comment begins with `//`"},
    {"'", "a string stands in double quotes: \"text\""},
    {"\xe2\x80\x9c", "a string stands in straight quotes: \"text\""},
    {"\xe2\x80\x9d", "a string stands in straight quotes: \"text\""},
    {"\xe2\x80\x99", "a string stands in straight quotes: \"text\""},
    {"\xe2\x88\x92", "write `-` for minus"},
    {"\xe2\x80\x93", "write `-` for minus"},
    {"\xc3\x97", "write `*` to multiply"},
    {"\xe2\x89\xa4", "write `<=`"},
    {"\xe2\x89\xa5", "write `>=`"},
    {"\xe2\x89\xa0", "write `!=`"},
    {"\xc2\xa0", "this is a no-break space; write a plain one"},
};

static const char *habit_help(const char *text)
{
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
        if (strcmp(habits[i].text, text) == 0) return habits[i].help;
    return NULL;
}

void lexical_odd_text(ParseContext *context, const char *text, Span span)
{
    unsigned char first = (unsigned char)text[0];
    if (first < ' ' || first == 0x7f)
        diag_error(context->diags, span, "unexpected control character (byte 0x%02x)", first);
    else
        diag_error(context->diags, span, "unexpected `%s`", text);
    const char *help = habit_help(text);
    if (help) diag_help(context->diags, "%s", help);
    else if (first >= 0x80)
        diag_help(context->diags, "a name is made of the letters a-z and A-Z, digits and `_`");
    else if (text[1] == '=')
        diag_help(context->diags, "there is no `%s`: write `x = x %c ...`", text, text[0]);
}

/* A byte order mark, or a zero byte in one half of the first character: programs begin in ASCII. */
static bool is_utf16(const char *text, size_t length)
{
    static const char *const marks[] = {"\xff\xfe", "\xfe\xff"};
    if (length < 2) return false;
    return !memcmp(text, marks[0], 2) || !memcmp(text, marks[1], 2) || !text[0] != !text[1];
}

bool lexical_is_text(const Source *source, Diags *diags)
{
    if (is_utf16(source->text, source->length)) {
        diag_error(diags, (Span){source, 0, 0}, "this file is in UTF-16: save it as UTF-8");
        return false;
    }
    for (size_t at = 0; at < source->length;) {
        const char *character = source->text + at;
        size_t length = *character ? utf8_length(character, source->length - at) : 0;
        if (length == 0) {
            Span span = {source, (int)at, (int)at + 1};
            diag_error(diags, span, "byte 0x%02x is not part of UTF-8 text",
                       (unsigned char)*character);
            return false;
        }
        at += length;
    }
    return true;
}
