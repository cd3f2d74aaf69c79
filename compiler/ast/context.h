/* What the scanner, the grammar and the error messages share during one parse. */
#ifndef NNC_AST_CONTEXT_H
#define NNC_AST_CONTEXT_H
#include "ast/ast.h"
#include "base/diag.h"

/* An open bracket. One that opens an expression inside a string remembers the quote of that
 * string, because its `}` leads back into the text; else `string` has no source. */
typedef struct Bracket { char open; Span span, string; } Bracket;

/* Where a `;` is missing in front of a token that begins a statement, the parser gets it after the
 * error, and then the token once more. */
typedef enum Missed { MISSED_NOTHING, MISSED_SEMICOLON, MISSED_TOKEN } Missed;

typedef struct ParseContext {
    Arena *arena;
    const Source *source;
    Diags *diags;
    AstFile *file;
    bool is_expression;                      /* the source is one expression, not a file */
    Expr *expression;                        /* the one */
    int start_token;                         /* 0: it was handed out */
    int offset;                              /* of the scanner: the next byte */
    Span string_begin;                       /* the quote of the string that is being read */
    Span comment_begin;                      /* the mark of the block comment that is being read */
    Span token, previous;                    /* the last two tokens handed to the parser */
    int token_kind, previous_kind;
    Bracket innermost;                       /* what was open before `token`; no source: nothing */
    Bracket brackets[AST_DEPTH_LIMIT];
    int bracket_count;
    int blamed;                              /* where the last syntax error was reported */
    Missed missed;
    bool gave_up;                            /* nothing more is scanned or reported */
    bool brace_missing;                      /* already said; the end of the file says it no more */
} ParseContext;

void context_open(ParseContext *context, char bracket, Span span);
void context_open_string(ParseContext *context, Span span);  /* `{` of an expression in a string */

Bracket context_innermost(const ParseContext *context);

/* Returns true if the `}` ends an expression inside a string. */
bool context_close(ParseContext *context, char bracket);

/* A statement has ended: whatever round or square bracket is open was left open by mistake. */
void context_end_statement(ParseContext *context);

/* Is an expression inside a string being read? context_leave_string gives up all that are, with a
 * complaint about the innermost (or none, NULL). */
bool context_in_string(const ParseContext *context);
void context_leave_string(ParseContext *context, const char *complaint);

void context_comment(ParseContext *context, Span span);
const char *context_text(const ParseContext *context, Span span);   /* of the source, copied */
void context_too_deep(ParseContext *context, Span span);

/* Runs scanner and parser over context->source and fills context->file (grammar/nn.l). */
void grammar_parse(ParseContext *context);
#endif
