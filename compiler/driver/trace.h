/* The outputs of layers as outputs of an entry, so that whoever runs it shows them. */
#ifndef NNC_DRIVER_TRACE_H
#define NNC_DRIVER_TRACE_H
#include "driver/subject.h"

typedef struct TracedLayer {
    const char *layer;               /* "h.0.attn.c_proj" */
    const Node *node;                /* its last operation */
    int output;                      /* its place among the entry's outputs */
} TracedLayer;
typedef VEC(TracedLayer) TracedLayers;

/* Adds an output for each named layer of the entry's graph, in the order of the graph. Requires
 * STAGE_ELABORATED, before any pass. */
TracedLayers trace_layers(Arena *arena, Module *module, const char *entry);
const TracedLayer *traced_find(const TracedLayers *layers, const char *layer);
#endif
