/* A tile of sums of products: a stage that windows of all kinds share, and the same without a
 * function around it. */
#ifndef NNC_LOWER_ACCUMULATE_H
#define NNC_LOWER_ACCUMULATE_H
#include "lower/tile.h"
#include "loop/loop.h"

enum { SUM_LOOPS = 8 };

/* From lo while less than hi; from one step to the next in each operand. */
typedef struct SumLoop {
    LoopExpr *lo, *hi;
    LoopExpr *a, *b;
} SumLoop;

/* What will be needed next: `each` numbers, from `at` on, are asked for with every step of the loop
 * around the innermost. No buffer: nothing. */
typedef struct SumAhead {
    Buffer *buffer;
    LoopExpr *at, *each;
} SumAhead;

/* out[r][v] = sum over the loops of a[r] * b[v], or added to what is there. The addresses are those
 * of the first row and of the first vector, where all loops are at 0. */
typedef struct Accumulate {
    Buffer *a, *b, *out;
    LoopExpr *a_at, *b_at, *out_at;
    LoopExpr *a_row, *out_row; /* from one row to the next */
    SumLoop loop[SUM_LOOPS]; /* outermost first */
    int loops;
    SumAhead ahead[2];
    int rows, columns; /* columns: vectors, or numbers where there are none */
    int lanes;         /* that may be read of the last vector of b */
    bool vector, adds;
    Var *acc[TILE_MAX];
} Accumulate;

/* To memory. */
void accumulate(LoopBuilder *b, Accumulate *t);
/* The sums stay in `acc`; `out` is not used. */
void accumulate_here(LoopBuilder *b, Accumulate *t);
#endif
