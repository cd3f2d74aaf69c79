/* The parts of the scanner that are more than a pattern: numbers, escapes, and what to say about
 * characters that open no token. */
#ifndef NNC_AST_LEXICAL_H
#define NNC_AST_LEXICAL_H
#include "ast/context.h"

int64_t lexical_int(ParseContext *context, const char *digits, Span span);
double lexical_float(ParseContext *context, const char *digits, Span span);
void lexical_bad_number(ParseContext *context, const char *text, Span span);

/* The byte that `\c` stands for. */
char lexical_escape(ParseContext *context, char c, Span span);

/* Reports a character, or the spelling of another language, that opens no token. */
void lexical_odd_text(ParseContext *context, const char *text, Span span);

/* Reports the first byte that makes the source no UTF-8 text; true if there is none. */
bool lexical_is_text(const Source *source, Diags *diags);
#endif
