/* What operations of KIND_JOIN place where, for lowering: element i of a piece is taken from entry
 * from + i * from_step of an input to entry to + i * to_step of the result, along every axis. A
 * step may be 0 or negative. */
#ifndef NNC_OPS_JOIN_H
#define NNC_OPS_JOIN_H
#include "ops/op.h"

typedef struct JoinPiece {
    int input;
    bool adds;                       /* to what earlier pieces placed there; else it stores */
    int64_t extent[MAX_RANK];
    int64_t from[MAX_RANK], from_step[MAX_RANK];
    int64_t to[MAX_RANK], to_step[MAX_RANK];
} JoinPiece;

typedef struct Join {
    JoinPiece *pieces;               /* in order */
    int count;
    bool fills;                      /* first the whole result with ... */
    double fill;                     /* ... this value */
} Join;

/* Requires KIND_JOIN. */
Join join_of(Arena *arena, const Node *node);
Join border_join(Arena *arena, const Node *node);   /* of border and border_sum (ops/border.c) */
#endif
