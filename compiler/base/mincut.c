/* Maximum flow by shortest augmenting paths, all of one length at a time (Dinitz, 1970), and the
 * cut it proves minimal. */
#include <string.h>

#include "base/mincut.h"

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

/* Breadth first from the source: how many edges away each node is; -1: out of reach. False if the
 * sink is. */
static bool find_levels(const FlowNetwork *network, int source, int sink, int *level, int *queue)
{
    int head = 0, tail = 0;
    for (int i = 0; i < network->node_count; i++) level[i] = -1;
    level[source] = 0;
    queue[tail++] = source;
    while (head < tail && level[sink] < 0) {
        int node = queue[head++];
        for (int i = 0; i < network->from[node].edges.count; i++) {
            const FlowEdge *edge = &network->edges.at[network->from[node].edges.at[i]];
            if (edge->left == 0 || level[edge->to] >= 0) continue;
            level[edge->to] = level[node] + 1;
            queue[tail++] = edge->to;
        }
    }
    return level[sink] >= 0;
}

/* Sends up to `most` from a node to the sink along edges that lead away from the source; next[node]
 * is the first of its edges that may still carry something. */
static int64_t push(FlowNetwork *network, int node, int sink, int64_t most, const int *level,
                    int *next)
{
    if (node == sink) return most;
    for (; next[node] < network->from[node].edges.count; next[node]++) {
        const int at = network->from[node].edges.at[next[node]];
        FlowEdge *edge = &network->edges.at[at];
        if (edge->left == 0 || level[edge->to] != level[node] + 1) continue;
        const int64_t room = edge->left < most ? edge->left : most;
        const int64_t sent = push(network, edge->to, sink, room, level, next);
        if (!sent) continue;
        edge->left -= sent;
        network->edges.at[at ^ 1].left += sent;
        return sent;
    }
    return 0;
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
    int *level = arena_array(network->arena, int, network->node_count);
    int *next = arena_array(network->arena, int, network->node_count);
    int *queue = arena_array(network->arena, int, network->node_count);
    while (find_levels(network, source, sink, level, queue)) {
        memset(next, 0, sizeof *next * (size_t)network->node_count);
        while (push(network, source, sink, CUT_NEVER, level, next)) {}
    }
    return reach_backward(network, sink, queue);
}
