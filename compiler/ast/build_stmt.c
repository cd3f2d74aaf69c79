/* Owns making statements, items and their lists of names and arguments. */
#include "ast/build.h"

#include <string.h>

/* Doubles are looked for one by one, in lists as long as a person may write. */
enum { LONGEST_LIST = 256 };

static void said_twice(ParseContext *context, Name name, Name first, const char *what)
{
    diag_error(context->diags, name.span, "%s `%s` is given twice", what, name.text);
    diag_note(context->diags, first.span, "the first time here");
}

void build_push_arg(ParseContext *context, ArgList *args, Arg arg)
{
    const Arg *last = args->count ? &args->at[args->count - 1] : NULL;
    if (!arg.name.text && last && last->name.text)
        diag_error(context->diags, arg.value->span,
                   "an argument without a name cannot follow `%s = ...`", last->name.text);
    for (int i = 0; arg.name.text && i < args->count && i < LONGEST_LIST; i++)
        if (args->at[i].name.text && strcmp(args->at[i].name.text, arg.name.text) == 0) {
            said_twice(context, arg.name, args->at[i].name, "argument");
            break;
        }
    vec_push(context->arena, *args, arg);
}

void build_push_formal(ParseContext *context, FormalList *formals, Formal formal)
{
    const Formal *last = formals->count ? &formals->at[formals->count - 1] : NULL;
    if (!formal.default_value && last && last->default_value)
        diag_error(context->diags, formal.name.span,
                   "`%s` needs a default, because `%s` before it has one", formal.name.text,
                   last->name.text);
    for (int i = 0; i < formals->count && i < LONGEST_LIST; i++)
        if (strcmp(formals->at[i].name.text, formal.name.text) == 0) {
            said_twice(context, formal.name, formals->at[i].name, "parameter");
            break;
        }
    vec_push(context->arena, *formals, formal);
}

PathPart build_path_name(Name name)
{
    return (PathPart){.kind = PATH_NAME, .name = name.text, .span = name.span};
}

PathPart build_path_expr(PathPartKind kind, Span span, Expr *expr)
{
    return (PathPart){.kind = kind, .expr = expr, .span = span};
}

static Stmt *make(ParseContext *context, StmtKind kind, Span span, int depth_below)
{
    Stmt *stmt = arena_make(context->arena, Stmt);
    stmt->kind = kind;
    stmt->span = span;
    stmt->depth = depth_below + 1;
    if (stmt->depth > AST_DEPTH_LIMIT) context_too_deep(context, span);
    return stmt;
}

Stmt *build_assign(ParseContext *context, Span span, const NameList *names, Expr *value)
{
    Stmt *stmt = make(context, STMT_ASSIGN, span, value->depth);
    stmt->assign.names = *names;
    stmt->assign.value = value;
    return stmt;
}

Stmt *build_variable(ParseContext *context, Span span, StmtKind kind, Name name,
                     const TypeExpr *type, Expr *value)
{
    int depth = build_depth(value);
    for (int i = 0; i < type->dims.count; i++) depth = build_deeper(depth, type->dims.at[i]->depth);
    Stmt *stmt = make(context, kind, span, depth);
    stmt->variable.name = name;
    stmt->variable.type = *type;
    stmt->variable.value = value;
    return stmt;
}

Stmt *build_binding(ParseContext *context, Span span, StmtKind kind, Name name, Expr *value)
{
    Stmt *stmt = make(context, kind, span, build_depth(value));
    stmt->binding.name = name;
    stmt->binding.value = value;
    return stmt;
}

Stmt *build_value(ParseContext *context, Span span, StmtKind kind, Expr *value)
{
    Stmt *stmt = make(context, kind, span, value->depth);
    stmt->value = value;
    return stmt;
}

Stmt *build_if(ParseContext *context, Span span, Expr *condition, Body *then_body, Body *else_body)
{
    int depth = build_deeper(condition->depth, then_body->depth);
    if (else_body) depth = build_deeper(depth, else_body->depth);
    Stmt *stmt = make(context, STMT_IF, span, depth);
    stmt->branch.condition = condition;
    stmt->branch.then_body = then_body;
    stmt->branch.else_body = else_body;
    return stmt;
}

Stmt *build_for(ParseContext *context, Span span, Name name, Expr *range, Body *body)
{
    Stmt *stmt = make(context, STMT_FOR, span, build_deeper(range->depth, body->depth));
    stmt->loop.name = name;
    stmt->loop.range = range;
    stmt->loop.body = body;
    return stmt;
}

Body *build_body(ParseContext *context)
{
    return arena_make(context->arena, Body);
}

void build_push_stmt(ParseContext *context, Body *body, Stmt *stmt)
{
    if (!stmt) return;                       /* it was not understood, and that was reported */
    vec_push(context->arena, body->stmts, stmt);
    body->depth = build_deeper(body->depth, stmt->depth);
}

Body *build_else_if(ParseContext *context, Stmt *branch)
{
    Body *body = build_body(context);
    body->span = branch->span;
    build_push_stmt(context, body, branch);
    return body;
}

Item *build_item(ParseContext *context, Span span, ItemKind kind, Name name)
{
    Item *item = arena_make(context->arena, Item);
    item->kind = kind;
    item->span = span;
    item->name = name;
    return item;
}

Item *build_settings(ParseContext *context, Span span, ItemKind kind, Name name, Body *body)
{
    Item *item = build_item(context, span, kind, name);
    item->body = body;
    for (int i = 0; i < body->stmts.count; i++) {
        const Stmt *stmt = body->stmts.at[i];
        if (stmt->kind == STMT_ASSIGN) continue;
        diag_error(context->diags, stmt->span, "`%s` holds settings, `name = value;`",
                   ast_item_word(kind));
        diag_help(context->diags, "what is computed belongs into `model` or `block`");
    }
    return item;
}

Item *build_use(ParseContext *context, Span span, const Expr *path, const NameList *names)
{
    Item *item = build_item(context, span, ITEM_USE, (Name){0});
    item->use.path_span = path->span;
    item->use.names = *names;
    item->use.path = "";
    if (path->pieces.count == 1 && !path->pieces.at[0].expr
        && !memchr(path->pieces.at[0].text, 0, path->pieces.at[0].length))
        item->use.path = path->pieces.at[0].text;
    else
        diag_error(context->diags, path->span, "`use` needs the plain name of a file");
    return item;
}
