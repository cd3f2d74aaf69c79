/* Math functions as loops over the vocabulary, the same for every target, each built only if used
 * (loop/math.c). */
#ifndef NNC_LOOP_MATH_H
#define NNC_LOOP_MATH_H
#include "loop/loop.h"

/* Makes sure that the program holds the function that E_CALL of `op` calls, for scalars or for
 * vectors. */
void math_need(Program *program, Op op, bool vector);
/* "exp", or "expf" for the scalar twin beside vectors: the function's name without prefix and
 * suffix. */
const char *math_name(Arena *arena, const Program *program, Op op, bool vector);
#endif
