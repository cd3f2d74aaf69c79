/* What rounding explains: how far a result moves when the interpreter's rounding is disturbed
 * (interp_disturbed), and how far off another order of the same sums may be. */
#ifndef NNC_DRIVER_ROUNDING_H
#define NNC_DRIVER_ROUNDING_H
#include <math.h>
#include <stdbool.h>

/* Disturbed runs at most: each switches about half of what rounding can switch. */
enum { ROUNDING_RUNS = 10 };

/* Both in one measure; moved: the most of all disturbed runs. What generated code switches in one
 * run may take several disturbed ones to come by, hence the factor. */
static inline bool rounding_explains(double off, double moved)
{
    return isfinite(off) && isfinite(moved) && off <= 3 * moved;
}
#endif
