/* Products in work: what the files of lower/contract*.c and lower/product*.c share. */
#ifndef NNC_LOWER_CONTRACT_H
#define NNC_LOWER_CONTRACT_H
#include "lower/context.h"
#include "lower/diagonal.h"
#include "lower/tile.h"

typedef struct Contract {
    Lower *l;
    Type out; /* the domain */
    int wide,
        tall; /* which operand is read as vectors along the lane axis, and which is repeated */
    int m_axis, n_axis; /* axes of the domain that the tile spans; -1: the operand has none */
    int64_t k_label[MAX_RANK];   /* summed labels ... */
    LoopExpr *k_index[MAX_RANK]; /* ... and where each stands now */
    int k_count;
    int64_t k_outer; /* the innermost sum may be several labels, one behind another in memory: the
                        outermost ... */
    int64_t k_inner; /* ... and how many elements one step of it is */
    Diagonals diagonals;
    Tile tile;
    int64_t block;   /* rows of the repeated operand that stay in cache while all panels pass */
    Buffer *buffer;                  /* of epilogue_looped; NULL: none yet */
    LoopExpr *first; /* of the block */
    int64_t stretch; /* of the outermost sum; 0: all of it at once */
    LoopExpr *stretch_begin, *stretch_end;
    struct Product {           /* of lower/product.c */
        bool shared;           /* tiles are functions that other products call too */
        bool direct;           /* they write the result itself, for there is no epilogue */
        bool held;             /* it holds them until the epilogue follows */
        bool adjacent;         /* rows of the repeated operand are one element apart */
        const Value *panel;    /* where panels of the wide operand are made; or NULL */
        int64_t chunks, chunk; /* that the sum is done in, and the steps of one; partial sums wait
                                  in the result */
        bool last;             /* this one is the last ... */
        bool whole, partial;   /* ... of panels of whole vectors, of the one that is not */
        LoopExpr *from, *length;
    } product;
} Contract;

typedef struct TilePlace {
    LoopExpr *m, *n;
    int rows, columns, active;
} TilePlace; /* active: lanes of the last vector */

static inline const Node *contract_node(const Contract *c) { return c->l->k->anchor; }

static inline const Attr *operand_labels(const Contract *c, int operand)
{
    return &contract_node(c)->attr[operand];
}

/* ---- contract_sums.c ---- */
void contract_find_sums(Contract *c);        /* k_label and what goes with it */
bool contract_sums_lanes(const Contract *c); /* the innermost sum runs along the lanes */
LoopExpr *contract_extent(const Contract *c, int k);
int64_t contract_size(const Contract *c, int k);
bool contract_is_batch(const Contract *c, int k);

/* ---- contract_lines.c ---- */
/* In step k of the innermost sum: asks for a part of the lines that the epilogue and later tiles
 * will want. */
void contract_ask(Contract *c, const TilePlace *p, LoopExpr *k);

/* ---- contract_tile.c ---- */
/* The address of an operand's element at the current indices of the result and of the sum. */
LoopExpr *contract_address(const Contract *c, int operand);
/* The stride of an operand along an axis of the result, or along the innermost sum (-1). */
int64_t contract_stride(const Contract *c, int operand, int axis);
/* Lanes that may be read where `active` are wanted. */
int contract_lanes_readable(const Contract *c, int active);
void contract_set_axes(const Contract *c, const TilePlace *p, int row, int column);
/* The maps behind the product at one place of the tile, whose indices are set. */
void contract_finish(Contract *c, LoopExpr *sum);
Buffer *contract_tile_buffer(Contract *c, int64_t width); /* for the sums of one tile */
void contract_tile(Contract *c, const TilePlace *p);      /* where nothing else has it */

/* ---- contract.c ---- */
void contract_panels(Contract *c); /* all tiles of a block of rows */

/* ---- product.c ---- */
static inline int product_width(const Contract *c)
{
    return c->l->lane_axis >= 0 ? c->l->target->width : 1;
}
/* Whether and how the product's tiles are shared; the tile's size is chosen. */
void product_plan(Contract *c);
void product_loops(Contract *c);
void product_tile(Contract *c, const TilePlace *p);
/* Full panels of the operand along the lanes can be read whole, and there is one sum in steps of
 * one stride. */
bool product_is_regular(const Contract *c);
/* Whether a result can hold the sums: an element for each, in the order of the lanes. */
bool product_holds_sums(const Contract *c, const Value *v);
bool product_computes_alone(const Contract *c); /* there is no epilogue */
int64_t product_row_stride(const Contract *c, const Value *v);
/* The address in a result of a tile's first element. */
LoopExpr *product_result_place(Contract *c, const TilePlace *p, const Value *v);

/* ---- product_panel.c ---- */
/* Whether panels are turned: what they are of lies the other way round. */
bool product_turns(const Contract *c);
void product_fill(Contract *c, const TilePlace *p); /* the panel that the next tiles read */

/* ---- strassen.c ---- */
bool strassen_fits(const Contract *c); /* requires product_plan */
/* Loops over quarters, or the plain ones where not all samples are there. */
void strassen_or(Contract *c, void (*plain)(Contract *));
#endif
