/* Functions made of statements of others. */
#ifndef NNC_LOOP_OUTLINE_H
#define NNC_LOOP_OUTLINE_H
#include "loop/loop.h"

/* What they read of the rest is passed: buffers from where they are read on, and what they set, or
 * declare for later, through pointers. */
typedef struct Outlined {
    Function *function;
    VEC(Handed) passed;
    VEC(LoopExpr *) arguments;
    VEC(Var *) handed_on; /* declared among the statements, read behind them */
} Outlined;

/* Statements of a list in `from`, a tidy function. False where they cannot be a function. */
bool outline_make(Program *program, Function *from, LoopStmt *const *statements, int count,
                  Outlined *outlined);
/* The statement that stands for them. */
LoopStmt *outline_call(Program *program, const Outlined *outlined);
#endif
