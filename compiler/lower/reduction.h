/* Reductions inside a row, as ops/reduce.def describes them, and loops along the lanes. */
#ifndef NNC_LOWER_REDUCTION_H
#define NNC_LOWER_REDUCTION_H
#include "lower/context.h"

enum { MAX_PARTS = 4 };

/* A reduction keeps several accumulators where one would wait for itself: neighbouring vectors go
 * to each in turn. */
typedef struct Reduction {
    const Node *node;
    const int *label;
    int level; /* the phase after its last pass */
    int passes;
    const struct Reduction *twin; /* another whose first pass is the same, or NULL */
    Var *running[MAX_PARTS];      /* the accumulators of the current pass */
    int parts;
    Var *outer;          /* of the loops around, while nested */
    Buffer *sums, *partials; /* accumulators of many columns, in place of those; else NULL */
    bool nested;             /* partials are at work, not sums */
    Buffer *held;            /* what the second pass of many columns reads of the first, or NULL */
    LoopExpr *column;        /* the first lane of the columns at hand */
    LoopExpr *first;     /* result of the first pass, before the recipe's `between` */
    LoopExpr *result[2]; /* of each pass, one value a row */
    Buffer *elements;    /* a row that keeps what the second pass adds up, or NULL ... */
    LoopExpr *scale;     /* ... and one divided by their sum */
} Reduction;

int reduction_passes(Op op);
Reduction reduction_of(Lower *l, const Node *node, int level);
bool reduction_runs(const Reduction *r, int phase);
/* Whether the first passes of both sum up the same. */
bool reduction_shares(const Reduction *a, const Reduction *b);
/* The recipe's shortcut from `elements` and `scale`; OP_COUNT: it has none. */
Op reduction_shortcut(const Reduction *r);
/* Whether the current pass is a twin's: opening and stepping do nothing, and closing takes over the
 * result. */
bool reduction_takes_over(const Reduction *r);
/* Whether an element of the current pass takes longer than adding it up. */
bool reduction_is_heavy(const Reduction *r);
void reduction_open(Lower *l, Reduction *r, bool vector, int parts);
/* Around the innermost of several loops: sums of its elements are added up by themselves first, so
 * that rounding grows with the lengths of the loops and not with their product. */
void reduction_nest(Lower *l, Reduction *r);
void reduction_unnest(Lower *l, Reduction *r);
/* The same with accumulators for many columns in local arrays; each stands in a loop over vectors
 * of columns, which begins with reduction_enter. */
void reduction_enter(Lower *l, Reduction *r, LoopExpr *column);
void reduction_open_columns(Lower *l, Reduction *r, int64_t columns);
void reduction_nest_columns(Lower *l, Reduction *r, int64_t columns);
void reduction_unnest_columns(Lower *l, Reduction *r);
void reduction_close_columns(Lower *l, Reduction *r, int64_t columns);
void reduction_step(Lower *l, Reduction *r, int part); /* takes in the current element */
void reduction_close(Lower *l, Reduction *r, bool along_lanes);

/* A reduction over axes of extent 1: its formulas at the one element. */
LoopExpr *reduction_of_one(Lower *l, const Node *node);

/* In a tail: x in the active lanes, `rest` in the others. */
LoopExpr *reduction_masked(Lower *l, LoopExpr *x, LoopExpr *rest);

/* Of the first `whole` entries of a row only those in front of `end`, a multiple of the steps;
 * NULL: all. For the others of them `beyond` stands in place of the body; NULL: nothing does. A
 * loop of its own for those would be taken for a memset, whose start costs more than the stores. */
typedef struct LaneRange {
    int64_t whole;
    LoopExpr *end;
    void (*beyond)(void *context);
} LaneRange;

/* The lane axis of the domain in steps of the width, then a tail with fewer active lanes. With
 * `parts` > 1 the body stands that many times in the loop, for neighbouring vectors, and *part says
 * which. */
void lane_loop(Lower *l, void (*body)(void *context), void *context);
void lane_loop_parts(Lower *l, LaneRange range, int parts, int *part, void (*body)(void *context),
                     void *context);
void lane_loop_over(Lower *l, int64_t extent, void (*body)(void *context), void *context);
void lane_loop_zero(Lower *l, const Value *value, const int *label);
#endif
