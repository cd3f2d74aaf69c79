/* Minimum cuts of graphs. */
#ifndef NNC_BASE_MINCUT_H
#define NNC_BASE_MINCUT_H
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

#define CUT_NEVER (INT64_MAX / 4)    /* an edge that no cut contains */

/* Edge i and edge i ^ 1 are each other's reverse. */
typedef struct FlowEdge { int to; int64_t left; } FlowEdge;

typedef struct FlowNetwork {
    Arena *arena;
    int node_count;
    VEC(FlowEdge) edges;
    struct { VEC(int) edges; } *from;                        /* per node: the edges that leave it */
} FlowNetwork;

FlowNetwork flow_new(Arena *arena, int node_count);
void flow_edge(FlowNetwork *network, int from, int to, int64_t capacity);
/* Per node: whether it is on the sink's side of the minimum cut that lies nearest to the sink. */
bool *flow_sink_side(FlowNetwork *network, int source, int sink);
#endif
