/* Maximum flow by shortest augmenting paths (Edmonds and Karp, 1972), and the cut it proves
 * minimal. */
#include "passes/mincut.h"

FlowNetwork flow_new(Arena *arena, int node_count)
{
    FlowNetwork network = {.arena = arena, .node_count = node_count};
    network.from = arena_alloc(arena, sizeof *network.from * (size_t)node_count);
    return network;
}

void flow_edge(FlowNetwork *network, int from, int to, int64_t capacity)
{
    int forward = network->edges.count;
    vec_push(network->arena, network->edges, ((FlowEdge){.to = to, .left = capacity}));
    vec_push(network->arena, network->edges, ((FlowEdge){.to = from, .left = 0}));
    vec_push(network->arena, network->from[from].edges, forward);
    vec_push(network->arena, network->from[to].edges, forward + 1);
}

/* Breadth first from the source: by[node] becomes the edge that reached it. False if the sink is
 * not reached. */
static bool find_path(const FlowNetwork *network, int source, int sink, int *by, int *queue)
{
    int head = 0, tail = 0;
    for (int i = 0; i < network->node_count; i++) by[i] = -1;
    queue[tail++] = source;
    while (head < tail && by[sink] < 0) {
        int node = queue[head++];
        for (int i = 0; i < network->from[node].edges.count; i++) {
            int edge = network->from[node].edges.at[i], to = network->edges.at[edge].to;
            if (network->edges.at[edge].left == 0 || by[to] >= 0 || to == source) continue;
            by[to] = edge;
            queue[tail++] = to;
        }
    }
    return by[sink] >= 0;
}

static void augment(FlowNetwork *network, int source, int sink, const int *by)
{
    int64_t flow = CUT_NEVER;
    FlowEdge *edges = network->edges.at;
    for (int node = sink; node != source; node = edges[by[node] ^ 1].to)
        if (edges[by[node]].left < flow) flow = edges[by[node]].left;
    for (int node = sink; node != source; node = edges[by[node] ^ 1].to) {
        edges[by[node]].left -= flow;
        edges[by[node] ^ 1].left += flow;
    }
}

/* What can still send to the sink, found backward from it. */
static bool *reach_backward(const FlowNetwork *network, int sink, int *queue)
{
    bool *reaches = arena_array(network->arena, bool, network->node_count);
    int head = 0, tail = 0;
    queue[tail++] = sink;
    reaches[sink] = true;
    while (head < tail) {
        int node = queue[head++];
        for (int i = 0; i < network->from[node].edges.count; i++) {
            int edge = network->from[node].edges.at[i], other = network->edges.at[edge].to;
            if (network->edges.at[edge ^ 1].left == 0 || reaches[other]) continue;
            reaches[other] = true;
            queue[tail++] = other;
        }
    }
    return reaches;
}

bool *flow_sink_side(FlowNetwork *network, int source, int sink)
{
    int *by = arena_array(network->arena, int, network->node_count);
    int *queue = arena_array(network->arena, int, network->node_count);
    while (find_path(network, source, sink, by, queue)) augment(network, source, sink, by);
    return reach_backward(network, sink, queue);
}
