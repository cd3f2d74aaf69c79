/* Gathering windows in work: what lower/window_gather.c and lower/window_tile.c share. */
#ifndef NNC_LOWER_WINDOW_GATHER_H
#define NNC_LOWER_WINDOW_GATHER_H
#include "lower/tile.h"
#include "lower/window.h"

typedef enum Combine { PRODUCT, SUM, LARGEST } Combine;

typedef struct Gather {
    Lower *l;
    Window w;
    Combine combine;
    const View *source, *weight;
    Type weight_type;
    int lane_weight; /* axis of the weights along the lanes */
    bool channelwise;
    int64_t lanes, sums; /* channels of a group: of the result, of the source */
    LoopExpr *group;
    LoopExpr *next;                /* the picture that is asked for meanwhile, or NULL */
    int64_t asked, asks; /* a share with each step of sums: before the phase, of all phases */
    LoopExpr *channel;             /* of the source, within the group */
    Slide slide[MAX_WINDOW_AXES];  /* of the current phase */
    LoopExpr *at[MAX_WINDOW_AXES]; /* positions of the outer axes */
    LoopExpr *tap[MAX_WINDOW_AXES];
    Tile tile;
    Buffer *waiting; /* sums of a tile, for the epilogue; NULL: none yet */
} Gather;

/* Positions p->m .. + rows of the last axis, a panel of channels. */
typedef struct Spot {
    LoopExpr *m;
    int64_t begin;
    int rows;
    const Panel *panel;
    Var **acc;
} Spot;

/* ---- window_gather.c ---- */
/* Turns to a position of the tile and one of its vectors. */
void gather_set_place(const Gather *g, const Spot *p, int row, int column);
/* Lanes of a vector of weights that are read. */
int gather_weight_lanes(const Gather *g, const Spot *p, int column);
/* The members behind the window, and stores, for each accumulator. */
void gather_epilogue(const Gather *g, const Spot *p);

/* Positions of the last axis and their epilogue; whole: all taps meet entries. */
void gather_tile(Gather *g, Spot *p, bool whole);

/* ---- window_each.c: all positions where each channel is a group ---- */
void gather_each(Gather *g);

/* ---- window_tile.c ---- */
/* Steps of the sums of a picture's phase, each of which asks for a share of the next picture. */
int64_t gather_steps(const Gather *g);
/* A tile of products all of whose taps meet entries, or zeros around them, with its epilogue. */
void gather_product_tile(Gather *g, Spot *p);
#endif
