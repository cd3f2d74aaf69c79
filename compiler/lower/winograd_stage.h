/* The stages of Winograd's form, each a function in C that all windows share. */
#ifndef NNC_LOWER_WINOGRAD_STAGE_H
#define NNC_LOWER_WINOGRAD_STAGE_H
#include "lower/ahead.h"
#include "lower/window_stage.h"
#include "lower/winograd.h"

typedef struct Winograd {
    Lower *l;
    Window w;
    bool adjoint;
    WinogradBlock block;
    bool once; /* a gradient by the weights whose tiles are all in one block */
    int64_t ins, outs;           /* channels of what is transformed by B, and of the other side */
    int64_t in_width, out_width; /* of their rows in memory: padded */
    int64_t in_plane, out_plane, weight_plane;
    const Value *u, *v, *m;
    LoopExpr *picture, *pictures; /* first of the block, and how many of it are there */
    RowGroups groups;             /* of a gradient by the weights */
    LoopExpr *stop;               /* where the pictures of this thread end; NULL: there is one */
    LoopExpr *row;                /* of tiles, first of the block */
    Ahead ahead[2];               /* what the next block reads, and what this one writes */
    LoopExpr *at[4];              /* of the current tile: row of the batch; first entry along both
                                     axes */
} Winograd;

/* Entry (y, x) of a transform's planes. */
LoopExpr *winograd_plane(LoopBuilder *b, LoopExpr *plane, LoopExpr *y, LoopExpr *x);

/* winograd_weights.c: the taps to planes of U, or the planes back to the gradient's taps */
void winograd_weights(Winograd *g);

/* winograd_tiles.c: all tiles of a block */
void winograd_tiles_in(Winograd *g);           /* to V */
void winograd_tiles_of_gradients(Winograd *g); /* to M */
void winograd_tiles_out(Winograd *g);          /* from M, with the epilogue */

/* winograd_product.c */
/* In every plane, while what is needed next is asked for: c[m][n] (+)= sum over k of a[m][k]
 * b[k][n], whole vectors of n. The sum goes over runs of k, at most `most_runs`, of `run` each. */
typedef struct Product {
    const Value *a, *b, *c;
    LoopExpr *a_plane, *b_plane, *c_plane;
    LoopExpr *a_row, *a_step; /* from one m, from one k to the next */
    LoopExpr *b_step, *c_row;
    int64_t rows, columns; /* columns: channels */
    LoopExpr *runs;
    int64_t most_runs, run;
    const char *run_name; /* of their length, in the text */
    bool adds;
} Product;
void winograd_products(Winograd *g, const Product *p);
#endif
