/* What the next block reads and this one writes, asked for in time. */
#include "lower/ahead.h"

Ahead ahead_of(LoopBuilder *b, Buffer *buffer, const char *name, LoopExpr *first, LoopExpr *last,
               int64_t floats)
{
    first = x_var(b, loop_let(b, name, x_min(b, first, last)));
    return (Ahead){buffer, first, floats};
}
