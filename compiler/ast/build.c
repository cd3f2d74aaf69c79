/* Owns making expressions, and what the grammar leaves to check about them. */
#include "ast/build.h"

#include <string.h>

static Expr *make(ParseContext *context, ExprKind kind, Span span, int depth_below)
{
    Expr *expr = arena_make(context->arena, Expr);
    expr->kind = kind;
    expr->span = span;
    expr->depth = depth_below + 1;
    if (expr->depth > AST_DEPTH_LIMIT) context_too_deep(context, span);
    return expr;
}

Expr *build_int(ParseContext *context, Span span, int64_t value)
{
    Expr *expr = make(context, EXPR_INT, span, 0);
    expr->integer = value;
    return expr;
}

Expr *build_float(ParseContext *context, Span span, double value)
{
    Expr *expr = make(context, EXPR_FLOAT, span, 0);
    expr->number = value;
    return expr;
}

Expr *build_bool(ParseContext *context, Span span, bool value)
{
    Expr *expr = make(context, EXPR_BOOL, span, 0);
    expr->boolean = value;
    return expr;
}

Expr *build_none(ParseContext *context, Span span)
{
    return make(context, EXPR_NONE, span, 0);
}

Expr *build_name(ParseContext *context, Name name)
{
    Expr *expr = make(context, EXPR_NAME, name.span, 0);
    expr->name = name.text;
    return expr;
}

/* Runs of literal bytes become one piece each, whatever escapes they were made of. */
Expr *build_string(ParseContext *context, Span span, const PieceList *pieces)
{
    PieceList joined = {0};
    int depth = 0;
    for (int i = 0; i < pieces->count;) {
        if (pieces->at[i].expr) {
            depth = build_deeper(depth, pieces->at[i].expr->depth);
            vec_push(context->arena, joined, pieces->at[i++]);
            continue;
        }
        size_t length = 0;
        int end = i;
        for (; end < pieces->count && !pieces->at[end].expr; end++)
            length += pieces->at[end].length;
        char *text = arena_alloc(context->arena, length + 1);
        StringPiece piece = {text, length, NULL};
        for (; i < end; i++) {
            memcpy(text, pieces->at[i].text, pieces->at[i].length);
            text += pieces->at[i].length;
        }
        vec_push(context->arena, joined, piece);
    }
    Expr *expr = make(context, EXPR_STRING, span, depth);
    expr->pieces = joined;
    return expr;
}

Expr *build_list(ParseContext *context, Span span, const ExprList *list)
{
    int depth = 0;
    for (int i = 0; i < list->count; i++) depth = build_deeper(depth, list->at[i]->depth);
    Expr *expr = make(context, EXPR_LIST, span, depth);
    expr->list = *list;
    return expr;
}

Expr *build_parens(Expr *inner, Span span)
{
    inner->span = span;
    inner->parens++;
    return inner;
}

static Name called_name(ParseContext *context, const Expr *callee)
{
    if (callee->kind == EXPR_NAME && !callee->parens) return (Name){callee->name, callee->span};
    if (callee->kind == EXPR_MEMBER && !callee->parens) return callee->member.name;
    diag_error(context->diags, callee->span, "only a block can be called, by its name");
    return (Name){"", callee->span};
}

Expr *build_call(ParseContext *context, Span span, Expr *callee, const ArgList *args)
{
    int depth = callee->depth;
    for (int i = 0; i < args->count; i++) depth = build_deeper(depth, args->at[i].value->depth);
    Expr *expr = make(context, EXPR_CALL, span, depth);
    expr->call.callee = called_name(context, callee);
    if (callee->kind == EXPR_MEMBER) expr->call.of = callee->member.base;
    expr->call.args = *args;
    return expr;
}

static int path_depth(const Path *path)
{
    int depth = 0;
    for (int i = 0; i < path->parts.count; i++)
        depth = build_deeper(depth, build_depth(path->parts.at[i].expr));
    return depth;
}

Expr *build_as(ParseContext *context, Span span, Expr *call, const Path *path)
{
    if (call->kind != EXPR_CALL || call->parens) {
        diag_error(context->diags, path->span, "`as` names a call, and this is none");
        if (call->kind == EXPR_PIPE)
            diag_help(context->diags, "name the last stage, inside the parentheses");
        return call;
    }
    if (call->call.as) {
        diag_error(context->diags, path->span, "this call already has a name");
        return call;
    }
    call->call.as = arena_copy(context->arena, path, sizeof *path);
    call->span = span;
    call->depth = build_deeper(call->depth, path_depth(path) + 1);
    if (call->depth > AST_DEPTH_LIMIT) context_too_deep(context, span);
    return call;
}

Expr *build_stage(ParseContext *context, Expr *stage)
{
    if (stage->kind == EXPR_CALL && !stage->parens) return stage;
    if (stage->kind != EXPR_NAME || stage->parens) {
        diag_error(context->diags, stage->span, "a stage of a pipe is the name of a block, "
                   "with or without arguments");
        return stage;
    }
    Expr *expr = make(context, EXPR_CALL, stage->span, 0);
    expr->call.callee = (Name){stage->name, stage->span};
    expr->call.bare = true;
    return expr;
}

Expr *build_pipe(ParseContext *context, Span span, Expr *input, Expr *stage)
{
    Expr *expr = make(context, EXPR_PIPE, span, build_deeper(input->depth, stage->depth));
    expr->pipe.input = input;
    expr->pipe.stage = stage;
    return expr;
}

Expr *build_unary(ParseContext *context, Span span, UnaryOp op, Expr *operand)
{
    Expr *expr = make(context, EXPR_UNARY, span, operand->depth);
    expr->unary.op = op;
    expr->unary.operand = operand;
    return expr;
}

Expr *build_binary(ParseContext *context, BinaryOp op, Span op_span, Expr *left, Expr *right)
{
    Span span = span_join(left->span, right->span);
    Expr *expr = make(context, EXPR_BINARY, span, build_deeper(left->depth, right->depth));
    expr->binary.op = op;
    expr->binary.left = left;
    expr->binary.right = right;
    expr->binary.op_span = op_span;
    return expr;
}

Expr *build_choice(ParseContext *context, Span span, Expr *condition, Expr *yes, Expr *no)
{
    int depth = build_deeper(condition->depth, build_deeper(yes->depth, no->depth));
    Expr *expr = make(context, EXPR_IF, span, depth);
    expr->choice.condition = condition;
    expr->choice.yes = yes;
    expr->choice.no = no;
    return expr;
}

Expr *build_index(ParseContext *context, Span span, Expr *base, const SubscriptList *subscripts)
{
    int depth = base->depth;
    for (int i = 0; i < subscripts->count; i++) {
        const Subscript *subscript = &subscripts->at[i];
        depth = build_deeper(depth, build_depth(subscript->index));
        depth = build_deeper(depth, build_depth(subscript->begin));
        depth = build_deeper(depth, build_depth(subscript->end));
    }
    Expr *expr = make(context, EXPR_INDEX, span, depth);
    expr->index.base = base;
    expr->index.subscripts = *subscripts;
    return expr;
}

Expr *build_member(ParseContext *context, Span span, Expr *base, Name name)
{
    if (base->kind == EXPR_INT || base->kind == EXPR_FLOAT)
        diag_error(context->diags, name.span, "a number has no members");
    Expr *expr = make(context, EXPR_MEMBER, span, base->depth);
    expr->member.base = base;
    expr->member.name = name;
    return expr;
}

Expr *build_range(ParseContext *context, Span span, Expr *begin, Expr *end)
{
    Expr *expr = make(context, EXPR_RANGE, span, build_deeper(begin->depth, end->depth));
    expr->range.begin = begin;
    expr->range.end = end;
    return expr;
}

Expr *build_scan(ParseContext *context, Span span, const Scan *scan)
{
    int depth = build_deeper(scan->axis->depth, scan->body->depth);
    for (int i = 0; i < scan->vars.count; i++)
        depth = build_deeper(depth, scan->vars.at[i].sequence->depth);
    for (int i = 0; i < scan->options.count; i++)
        depth = build_deeper(depth, scan->options.at[i].value->depth);
    Expr *expr = make(context, EXPR_SCAN, span, depth);
    expr->scan = *scan;
    return expr;
}
