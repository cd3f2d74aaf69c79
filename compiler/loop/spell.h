/* Expressions as C text: infix with the fewest parentheses for scalars, the target's spellings for
 * vectors. */
#ifndef NNC_LOOP_SPELL_H
#define NNC_LOOP_SPELL_H
#include "loop/print.h"
#include "target/target.h"

typedef struct Printer {
    Text *out;
    const Program *program;
    const PrintNames *names;
    const Function *function; /* being printed */
} Printer;

char *spell_expr(const Printer *p, const LoopExpr *x); /* as a statement needs it */
char *spell_pointer(const Printer *p, const Buffer *buffer, const LoopExpr *index);
const char *spell_type(const Program *program, LType type, bool vector);
/* A store of `value` as a statement without its semicolon. */
char *spell_store(const Printer *p, const LoopStmt *store);
/* Replaces @ by the model's prefix, % by the target's suffix and ~ by the attribute macro. */
char *spell_names(const Printer *p, const char *text);
const char *spell_attribute(
    const Program *program); /* a line of its own: "NN_TARGET_AVX2\n", or "" */
#endif
