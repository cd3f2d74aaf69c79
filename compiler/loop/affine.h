/* Addresses as sums of counters, and whether the iterations of a loop can touch one another's
 * memory. */
#ifndef NNC_LOOP_AFFINE_H
#define NNC_LOOP_AFFINE_H
#include "loop/loop.h"

/* Whether the iterations of `loop`, a statement inside `top` (or top itself), touch what they write
 * apart from each other: no element of a buffer that `top` writes is written or read by two
 * iterations, whatever the counters of the loops around and inside stand at. Variables are the
 * caller's to look at. Local arrays are left out: each part has its own. */
bool loop_iterations_apart(Arena *arena, const LoopStmt *top, const LoopStmt *loop);

#endif
