/* Owns the open brackets, the comments and the depth limit of a parse. */
#include "ast/context.h"

const char *context_text(const ParseContext *context, Span span)
{
    if (!span.source) return "";
    return arena_strndup(context->arena, span.source->text + span.begin,
                         (size_t)(span.end - span.begin));
}

void context_too_deep(ParseContext *context, Span span)
{
    if (!context->gave_up)
        diag_error(context->diags, span, "this is nested too deeply (the limit is %d levels)",
                   AST_DEPTH_LIMIT);
    context->gave_up = true;
}

static void push(ParseContext *context, Bracket bracket)
{
    if (context->bracket_count == AST_DEPTH_LIMIT) context_too_deep(context, bracket.span);
    else context->brackets[context->bracket_count++] = bracket;
}

void context_open(ParseContext *context, char bracket, Span span)
{
    push(context, (Bracket){.open = bracket, .span = span});
}

void context_open_string(ParseContext *context, Span span)
{
    push(context, (Bracket){.open = '{', .span = span, .string = context->string_begin});
}

Bracket context_innermost(const ParseContext *context)
{
    return context->bracket_count ? context->brackets[context->bracket_count - 1] : (Bracket){0};
}

static char opening(char closing)
{
    return closing == ')' ? '(' : closing == ']' ? '[' : '{';
}

/* A closing bracket closes the nearest opening one of its kind; those in between were left open by
 * mistake, which the parser reports. A `)` does not reach out of its braces. */
bool context_close(ParseContext *context, char bracket)
{
    for (int i = context->bracket_count - 1; i >= 0; i--) {
        const Bracket *candidate = &context->brackets[i];
        if (candidate->open == opening(bracket)) {
            context->bracket_count = i;
            if (!candidate->string.source) return false;
            context->string_begin = candidate->string;
            return true;
        }
        if (candidate->open == '{') return false;
    }
    return false;
}

void context_end_statement(ParseContext *context)
{
    while (context->bracket_count > 0
           && context->brackets[context->bracket_count - 1].open != '{')
        context->bracket_count--;
}

static int innermost_brace(const ParseContext *context)
{
    int i = context->bracket_count - 1;
    while (i >= 0 && context->brackets[i].open != '{') i--;
    return i;
}

bool context_in_string(const ParseContext *context)
{
    int brace = innermost_brace(context);
    return brace >= 0 && context->brackets[brace].string.source;
}

void context_leave_string(ParseContext *context, const char *complaint)
{
    if (complaint)
        diag_error(context->diags, context->brackets[innermost_brace(context)].span, "%s",
                   complaint);
    while (context_in_string(context)) context->bracket_count = innermost_brace(context);
}

void context_comment(ParseContext *context, Span span)
{
    const char *text = span.source->text;
    while (span.end > span.begin && text[span.end - 1] == '\r') span.end--;
    vec_push(context->arena, context->file->comments, (Comment){span});
}
