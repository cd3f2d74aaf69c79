/* Between what chooses values to compute again: recompute.c, which saves time, with ahead.c, and
 * spare.c, which saves memory. */
#ifndef NNC_PASSES_RECOMPUTE_H
#define NNC_PASSES_RECOMPUTE_H
#include "ir/graph.h"

typedef struct Recompute {
    Graph *graph;       /* before */
    bool *forward;      /* per node: belongs to the forward part */
    bool *ahead;        /* per node: only gradients need it, but it could belong to that part */
    bool *stored;       /* per node: the forward part stores its value in any case */
    bool *epilogue;     /* per node: no reduction lies between it and its anchors */
    bool *wanted_whole; /* per node: the backward part uses it from memory */
    bool *exact;        /* per node: compared with its own reduction */
    bool *again;        /* per node: the backward part computes it again */
    Graph *to;          /* after */
    Node **done;        /* per node: its copy */
    Node **repeated;    /* per node: its second copy, of the backward part */
} Recompute;

/* Fused into the kernel of its input, so that the input need not be stored for it. */
bool recompute_reads_in_passing(const Node *user);

/* Constants, indices and the count are no memory. */
bool recompute_is_free(const Node *node);

/* Sets `ahead`. */
void recompute_mark_ahead(Recompute *r);
/* Nodes that are ahead and not to be computed again become a part of the forward part (Node.kept)
 * and stand behind what they read. */
void recompute_move_ahead(Recompute *r);

/* Adds to `again` until the values that are live at once take no more than `share` of what they
 * would take, as estimated, or as little as is found. */
void recompute_spare(Recompute *r, double share);
#endif
