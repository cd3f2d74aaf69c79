/* Owns the removal of what no output of a graph needs. */
#include "elaborate/context.h"

static void mark(bool *needed, const Node *node)
{
    needed[node->id] = true;
}

/* Nodes stand after their inputs, so one walk from the end finds all that is needed. */
static bool *needed_nodes(Elab *el, const Graph *graph)
{
    bool *needed = arena_array(el->arena, bool, graph->nodes.count + 1);
    for (int i = 0; i < graph->inputs.count; i++) mark(needed, graph->inputs.at[i]);
    for (int i = 0; i < graph->outputs.count; i++) mark(needed, graph->outputs.at[i].node);
    for (int i = graph->nodes.count - 1; i >= 0; i--)
        for (int j = 0; needed[i] && j < graph->nodes.at[i]->input_count; j++)
            mark(needed, graph->nodes.at[i]->inputs[j]);
    return needed;
}

void prune_graph(Elab *el, Graph *graph)
{
    bool *needed = needed_nodes(el, graph);
    int kept = 0;
    for (int i = 0; i < graph->nodes.count; i++)
        if (needed[i]) graph->nodes.at[kept++] = graph->nodes.at[i];
    graph->nodes.count = kept;
    graph_renumber(graph);
}
