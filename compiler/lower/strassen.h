/* Products in Strassen's form: what lower/strassen.c has from its other files. */
#ifndef NNC_LOWER_STRASSEN_H
#define NNC_LOWER_STRASSEN_H
#include "lower/contract.h"

enum { STRASSEN_SUMS = 4 }; /* of each operand */

/* ---- strassen_tile.c ---- */
/* How a tile lies: strides from row to row and from step to step of the sum, and how far the second
 * half of the rows (down), of the sum (on) and of the columns (across) is from the first. */
typedef struct StrassenTile {
    int rows, columns;                     /* in each quarter; columns in vectors */
    int64_t length;                        /* half of the sum */
    int64_t a_row, a_step, a_down, a_on;   /* A, the repeated operand */
    int64_t s_row, s_step, s_plane;        /* S1..S4, one behind another */
    int64_t b_step, b_on, b_across;        /* T1..T4 are dense, one behind another */
    int64_t c_row, c_down, c_across;
    bool only_t2;    /* of T1..T4 */
    bool reversed;   /* the sums are of A transposed: its second halves are the first */
    bool makes_sums; /* S1..S4 of its rows, which lie along the sum; else they are there */
    bool lit;        /* it is handed sizes: */
    bool exact;      /* those of columns are read, else those of steps of the sum are added to */
} StrassenTile;
/* A function of the program for such tiles. Its buffers are A, S, B, T, the sizes if there are any,
 * C; each from the first element of the tile's first quarter in memory. */
Function *strassen_tile(Program *program, const StrassenTile *at);

/* ---- strassen_sums.c ---- */
/* Stores S1..S4 of one vector of each quarter, `plane` elements apart. */
void strassen_tall_four(LoopBuilder *b, Var *a[2][2], Buffer *to, LoopExpr *at,
                        int64_t plane, int lanes);
LoopExpr *strassen_size(LoopBuilder *b, Var *x, Var *y); /* |x| + |y| */
/* S1..S4 of all rows. */
void strassen_tall_sums(Contract *c);
void strassen_panel_sums(Contract *c, const TilePlace *p); /* T1..T4 of a panel, or T2 */
void strassen_clear_lit(Contract *c);                      /* before all sums */
/* Where all of a row of the repeated operand is zero so is the result, but for the rounding that
 * its quarter shares with others: cleared after all tiles. Tiles see to columns. */
void strassen_clear_dark(Contract *c);
#endif
