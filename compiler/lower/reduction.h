/* Reductions inside a row, as ops/reduce.def describes them, and loops along the lanes. */
#ifndef NNC_LOWER_REDUCTION_H
#define NNC_LOWER_REDUCTION_H
#include "lower/context.h"

typedef struct Reduction {
    const Node *node;
    const int *label;
    int level;                       /* the phase after its last pass */
    int passes;
    Var *running;                    /* the accumulator of the current pass */
    LoopExpr *result[2];                 /* of each pass, one value a row */
} Reduction;

int reduction_passes(Op op);
Reduction reduction_of(Lower *l, const Node *node, int level);
bool reduction_runs(const Reduction *r, int phase);
void reduction_open(Lower *l, Reduction *r, bool vector);
void reduction_step(Lower *l, Reduction *r);                 /* takes in the current element */
void reduction_close(Lower *l, Reduction *r, bool along_lanes);

/* A reduction over axes of extent 1: its formulas at the one element. */
LoopExpr *reduction_of_one(Lower *l, const Node *node);

/* In a tail: x in the active lanes, `rest` in the others. */
LoopExpr *reduction_masked(Lower *l, LoopExpr *x, LoopExpr *rest);

/* The lane axis of the domain in steps of the width, then a tail with fewer active lanes. */
void lane_loop(Lower *l, void (*body)(void *context), void *context);
void lane_loop_over(Lower *l, int64_t extent, void (*body)(void *context), void *context);
void lane_loop_zero(Lower *l, const Value *value, const int *label);
#endif
