/* From text to syntax tree. */
#ifndef NNC_AST_PARSE_H
#define NNC_AST_PARSE_H
#include "ast/ast.h"
#include "base/diag.h"

/* Never NULL: after an error the tree holds what could be understood, so check diags_errors before
 * using it. The tree keeps pointing into the source. */
AstFile *ast_parse(Arena *arena, const Source *source, Diags *diags);

/* A source that is one expression, such as a setting of the command line; NULL after an error. */
Expr *ast_parse_expr(Arena *arena, const Source *source, Diags *diags);
#endif
