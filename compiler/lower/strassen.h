/* Products in Strassen's form: what lower/strassen.c has from its other files. */
#ifndef NNC_LOWER_STRASSEN_H
#define NNC_LOWER_STRASSEN_H
#include "lower/contract.h"

/* ---- strassen_tile.c ---- */
/* A function of the program for tiles of that many rows and vectors; adjacent: rows of the repeated
 * operand are one element apart, else the steps of its sum are. */
Function *strassen_tile(Program *program, int rows, int columns, bool adjacent);

/* ---- strassen_sums.c ---- */
/* S1..S4 of the rows from lo to hi in the upper half, or, where rows are one element apart, of
 * those steps in the first half of the sum. */
void strassen_tall_sums(Contract *c, LoopExpr *lo, LoopExpr *hi);
void strassen_panel_sums(Contract *c, const TilePlace *p); /* T1..T4 of a panel */
void strassen_clear_lit(Contract *c);                      /* before all sums */
/* Where all of an operand's row or column is zero, so is the result, but for the rounding that its
 * quarter shares with others: cleared after all tiles. */
void strassen_clear_dark(Contract *c);
#endif
