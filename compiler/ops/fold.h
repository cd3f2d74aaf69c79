/* Scales after sums of products, moved into one of the factors. */
#ifndef NNC_OPS_FOLD_H
#define NNC_OPS_FOLD_H
#include "ops/op.h"

/* A graph that is written anew: done[id] is what stands in `to` for node id of the old one. */
typedef struct Fold {
    Graph *to;
    Node *const *done;
    const bool *early;               /* per node: depends on parameters and states alone */
    const int *readers;              /* per node: how many inputs of others and outputs it is */
} Fold;

/* A node of fold->to with the value of `node`, or NULL where there is nothing to gain.
 *
 *   (x * w + b) * s  =  x * (w s) + b s
 *
 * for a convolution or contraction of an early w, where s and b are early and vary along one axis
 * alone, a channel of the result that is an axis of w. With w s and b s computed beforehand a
 * batch norm of inference costs nothing. */
Node *fold_scale(const Fold *fold, const Node *node);
#endif
