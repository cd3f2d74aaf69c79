/* What the next block reads and this one writes, asked for in time. */
#include "lower/ahead.h"

enum { LINE = 16 }; /* floats that come together */

Ahead ahead_of(LoopBuilder *b, Buffer *buffer, const char *name, LoopExpr *first, LoopExpr *last,
               int64_t floats)
{
    first = x_var(b, loop_let(b, name, x_min(b, first, last)));
    return (Ahead){buffer, first, floats};
}

/* Shares are rounded down: the last lines are not worth reading beyond the end. */
void ahead_share(LoopBuilder *b, const Ahead *ahead, LoopExpr *at, int64_t size, int64_t count)
{
    const int64_t each = ahead->floats / count, lines = (size * each + LINE - 1) / LINE;
    if (!each) return;
    LoopExpr *end = x_known(b, "lines", lines, false), *step = x_known(b, "each", each, false);
    LoopExpr *i = x_var(b, loop_begin(b, "i", x_int(b, 0), end, 1));
    LoopExpr *place = x_add(b, ahead->first, x_times(b, at, step));
    loop_prefetch(b, ahead->buffer, x_add(b, place, x_mul(b, i, LINE)));
    loop_end(b);
}
