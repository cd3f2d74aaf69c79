/* Owns the way from a source to its syntax tree: what must hold of the bytes, then scanner and
 * grammar. */
#include "ast/parse.h"

#include "ast/context.h"
#include "ast/lexical.h"

enum { LARGEST_SOURCE = 16 * 1024 * 1024 };

static bool is_readable(const Source *source, Diags *diags)
{
    if (source->length <= LARGEST_SOURCE) return lexical_is_text(source, diags);
    diag_error(diags, (Span){source, 0, 0}, "the file is too large (%zu bytes; the limit is %d)",
               source->length, LARGEST_SOURCE);
    return false;
}

static ParseContext *parse(Arena *arena, const Source *source, Diags *diags, bool is_expression)
{
    ParseContext *context = arena_make(arena, ParseContext);
    context->arena = arena;
    context->source = source;
    context->diags = diags;
    context->file = arena_make(arena, AstFile);
    context->file->source = source;
    context->is_expression = is_expression;
    context->blamed = -1;
    if (is_readable(source, diags)) grammar_parse(context);
    return context;
}

AstFile *ast_parse(Arena *arena, const Source *source, Diags *diags)
{
    return parse(arena, source, diags, false)->file;
}

Expr *ast_parse_expr(Arena *arena, const Source *source, Diags *diags)
{
    int errors = diags_errors(diags);
    Expr *expr = parse(arena, source, diags, true)->expression;
    return diags_errors(diags) > errors ? NULL : expr;
}
