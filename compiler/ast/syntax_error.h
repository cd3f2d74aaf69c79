/* Turns what the parser knows about a text that does not fit into a message a person can use. */
#ifndef NNC_AST_SYNTAX_ERROR_H
#define NNC_AST_SYNTAX_ERROR_H
#include "ast/context.h"

enum { SYNTAX_EXPECTED_LIMIT = 100 };        /* more than the grammar has tokens */

/* Tokens by the names the grammar gives them: "a name", ";", "if". */
typedef struct SyntaxError {
    Span at;
    const char *got;
    const char *expected[SYNTAX_EXPECTED_LIMIT];
    int count;
} SyntaxError;

void syntax_error_report(ParseContext *context, const SyntaxError *error);
#endif
