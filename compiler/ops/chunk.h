/* Scans by chunks: what chunk.c finds and chunk_body.c builds. */
#ifndef NNC_OPS_CHUNK_H
#define NNC_OPS_CHUNK_H
#include "ops/scan.h"

typedef VEC(Node *) Nodes;
typedef enum Role { SEQUENCE, CARRY, CAPTURE, ROLES } Role;

typedef struct Chunk {
    Graph *graph;
    Node *scan; /* to be replaced */
    Scan parts;
    int64_t length;      /* steps of a chunk */
    bool *depends;       /* per node: on the scan */
    int *readers;        /* per node: of its value, outputs included */
    Graph *body;         /* of the outer scan */
    Node *inner;         /* the scan of a chunk, in the body */
    Nodes results;       /* of it, by index */
    Nodes given[ROLES];  /* the inputs of the outer scan ... */
    Nodes taken[ROLES];  /* ... and of its body */
    Nodes whole;         /* sequences, before they are cut into chunks ... */
    int64_t axes[MAX_ATTR_INTS]; /* ... and where their steps are */
    Nodes sums;   /* over all steps of what the scan yields ... */
    Nodes totals; /* ... and in the body, so far */
} Chunk;

/* Replaces a scan by one over chunks of its steps around one over the steps of a chunk, where that
 * keeps sequences near; false: it is left as it is. Dead nodes remain. */
bool scan_chunk(const Module *module, Graph *graph, Node *scan);

/* ---- chunk.c ---- */
bool chunk_is_view(const Node *node); /* through which the steps are followed */
/* The axis of a view's input that is this axis of the view; -1: none is. */
int chunk_axis_behind(const Node *view, int axis);
/* Whether a product or sum adds up, over all steps, what the scan yields; and the label or axis of
 * the steps. */
bool chunk_sums_steps(const Chunk *c, const Node *node);
int64_t chunk_summed_label(const Chunk *c, const Node *product);
int chunk_summed_axis(const Chunk *c, const Node *sum);
/* Whether a node's chunks, along that axis, are made in the body; else they come in. */
bool chunk_is_made(const Chunk *c, const Node *node, int axis);

/* ---- chunk_body.c ---- */
/* Builds it for c->length steps a chunk, and replaces the scan. False if it would have more inputs
 * and results than a scan can have: the graph is as it was. */
bool chunk_build(Chunk *c);
#endif
