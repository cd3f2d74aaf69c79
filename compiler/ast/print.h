/* The syntax tree as text: indented for reading, and as a program in canonical form. */
#ifndef NNC_AST_PRINT_H
#define NNC_AST_PRINT_H
#include "ast/ast.h"
#include "base/text.h"

/* One node a line, children indented (--emit=ast). */
void ast_print(Text *text, const AstFile *file);

/* The program in canonical form (nnc fmt). Requires a file that parsed without errors.
 * Formatting the result again changes nothing; comments and single blank lines are kept. */
void ast_format(Text *text, const AstFile *file);
#endif
