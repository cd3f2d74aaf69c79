/* Makes the nodes of the syntax tree for the grammar, and checks what a grammar says badly: what
 * may be called, the order of arguments, and the depth of the tree. */
#ifndef NNC_AST_BUILD_H
#define NNC_AST_BUILD_H
#include "ast/context.h"

/* Depth of what is below a node. */
static inline int build_depth(const Expr *expr) { return expr ? expr->depth : 0; }
static inline int build_deeper(int a, int b) { return a > b ? a : b; }

Expr *build_int(ParseContext *context, Span span, int64_t value);
Expr *build_float(ParseContext *context, Span span, double value);
Expr *build_bool(ParseContext *context, Span span, bool value);
Expr *build_none(ParseContext *context, Span span);
Expr *build_name(ParseContext *context, Name name);
Expr *build_string(ParseContext *context, Span span, const PieceList *pieces);
Expr *build_list(ParseContext *context, Span span, const ExprList *list);
Expr *build_parens(Expr *inner, Span span);
Expr *build_call(ParseContext *context, Span span, Expr *callee, const ArgList *args);
Expr *build_as(ParseContext *context, Span span, Expr *call, const Path *path);
Expr *build_stage(ParseContext *context, Expr *stage);       /* a bare name becomes a call */
Expr *build_pipe(ParseContext *context, Span span, Expr *input, Expr *stage);
Expr *build_unary(ParseContext *context, Span span, UnaryOp op, Expr *operand);
Expr *build_binary(ParseContext *context, BinaryOp op, Span op_span, Expr *left, Expr *right);
Expr *build_choice(ParseContext *context, Span span, Expr *condition, Expr *yes, Expr *no);
Expr *build_index(ParseContext *context, Span span, Expr *base, const SubscriptList *subscripts);
Expr *build_member(ParseContext *context, Span span, Expr *base, Name name);
Expr *build_range(ParseContext *context, Span span, Expr *begin, Expr *end);
Expr *build_scan(ParseContext *context, Span span, const Scan *scan);

/* Pushes an argument; a positional one after a named one, or a name used twice, is an error. */
void build_push_arg(ParseContext *context, ArgList *args, Arg arg);
void build_push_formal(ParseContext *context, FormalList *formals, Formal formal);

PathPart build_path_name(Name name);
PathPart build_path_expr(PathPartKind kind, Span span, Expr *expr);

Stmt *build_assign(ParseContext *context, Span span, const NameList *names, Expr *value);
Stmt *build_variable(ParseContext *context, Span span, StmtKind kind, Name name,
                     const TypeExpr *type, Expr *value);
Stmt *build_binding(ParseContext *context, Span span, StmtKind kind, Name name, Expr *value);
Stmt *build_value(ParseContext *context, Span span, StmtKind kind, Expr *value);
Stmt *build_if(ParseContext *context, Span span, Expr *condition, Body *then_body, Body *else_body);
Stmt *build_for(ParseContext *context, Span span, Name name, Expr *range, Body *body);

Body *build_body(ParseContext *context);
void build_push_stmt(ParseContext *context, Body *body, Stmt *stmt);     /* NULL: nothing */
Body *build_else_if(ParseContext *context, Stmt *branch);    /* the body that holds only `if ...` */

Item *build_item(ParseContext *context, Span span, ItemKind kind, Name name);
Item *build_settings(ParseContext *context, Span span, ItemKind kind, Name name, Body *body);
Item *build_use(ParseContext *context, Span span, const Expr *path, const NameList *names);
#endif
