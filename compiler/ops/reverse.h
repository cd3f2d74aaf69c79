/* Reverse accumulation: appends to a graph the nodes that compute gradients of some of its
 * nodes. Used for entries by passes/differentiate.c, and for the bodies of regions by their own
 * gradient rules. */
#ifndef NNC_OPS_REVERSE_H
#define NNC_OPS_REVERSE_H
#include "ops/op.h"

typedef struct Reverse {
    Graph *graph;
    bool spare;                      /* memory is scarce: what can be made again need not be kept */
    int node_count;                  /* of what is differentiated: gradients come after them */
    bool *wanted;                    /* per node: its gradient is used */
    Node **d;                        /* per node: its gradient so far, or NULL */
    Node ***results;                 /* per region's owner: the gradients of its results, or NULL */
} Reverse;

/* The sum of two contributions; sum may be NULL. */
Node *gradient_add(Graph *graph, Node *sum, Node *d);

Reverse reverse_new(Graph *graph);
void reverse_want(Reverse *r, const Node *leaf);
void reverse_add(Reverse *r, const Node *node, Node *d);      /* a seed, or one more contribution */
void reverse_run(Reverse *r);                            /* completes d[id] of the wanted leaves */
#endif
