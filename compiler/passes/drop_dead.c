/* Drops nodes that no output needs. Inputs stay, because they are the entry's signature; so do
 * results of a scan's body that are carries, while yields that nobody reads go. */
#include "ops/scan.h"
#include "passes/pass.h"

static void mark_live(const Graph *graph, bool *live)
{
    for (int i = 0; i < graph->outputs.count; i++) live[graph->outputs.at[i].node->id] = true;
    for (int i = 0; i < graph->inputs.count; i++) live[graph->inputs.at[i]->id] = true;
    for (int i = graph->nodes.count - 1; i >= 0; i--) {
        const Node *node = graph->nodes.at[i];
        for (int j = 0; live[i] && j < node->input_count; j++) live[node->inputs[j]->id] = true;
    }
}

static void sweep(Graph *graph)
{
    bool *live = arena_array(graph->arena, bool, graph->nodes.count + 1);
    mark_live(graph, live);
    int kept = 0;
    for (int i = 0; i < graph->nodes.count; i++)
        if (live[i]) graph->nodes.at[kept++] = graph->nodes.at[i];
    graph->nodes.count = kept;
    graph_renumber(graph);
}

/* Takes the yields of a scan that no result reads out of its body, and renumbers the results
 * that stay. */
static void drop_yields(Graph *graph, const Node *owner)
{
    Graph *body = owner->body;
    int count = body->outputs.count, carries = scan_parts(owner).carries, kept = 0;
    bool *read = arena_array(graph->arena, bool, count + 1);
    int64_t *place = arena_array(graph->arena, int64_t, count + 1);
    for (int i = owner->id + 1; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (is_result_of(node, owner)) read[node->attr[0].ints[0]] = true;
    }
    for (int i = 0; i < count; i++) {
        place[i] = kept;
        if (i < carries || read[i]) body->outputs.at[kept++] = body->outputs.at[i];
    }
    body->outputs.count = kept;
    for (int i = owner->id + 1; i < graph->nodes.count; i++) {
        Node *node = graph->nodes.at[i];
        if (is_result_of(node, owner)) node->attr[0].ints[0] = place[node->attr[0].ints[0]];
    }
}

void pass_drop_dead(Module *module, Graph *graph)
{
    sweep(graph);
    for (int i = 0; i < graph->nodes.count; i++) {
        Node *node = graph->nodes.at[i];
        if (!node->body) continue;
        drop_yields(graph, node);
        pass_drop_dead(module, node->body);
    }
}
