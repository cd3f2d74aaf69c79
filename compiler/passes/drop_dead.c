/* Drops nodes that no output needs. Inputs stay, because they are the entry's signature; so do
 * results of a scan's body that are carries, while yields that nobody reads go, and sequences and
 * captures that the body does not read. */
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

static bool is_read(const Graph *graph, const Node *input)
{
    for (int i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.at[i].node == input) return true;
    for (int i = 0; i < graph->nodes.count; i++)
        for (int j = 0; j < graph->nodes.at[i]->input_count; j++)
            if (graph->nodes.at[i]->inputs[j] == input) return true;
    return false;
}

/* Sequences and captures that the body of a scan does not read; one sequence stays, for its
 * length. Returns whether any went. */
static bool drop_inputs(Node *node)
{
    const Scan scan = scan_parts(node);
    Graph *body = node->body;
    int kept = 0, sequences = scan.sequences;
    for (int i = 0; i < node->input_count; i++) {
        const bool is_sequence = i < scan.sequences;
        const bool is_carry = !is_sequence && i < scan.sequences + scan.carries;
        if (!is_carry && !(is_sequence && sequences == 1) && !is_read(body, body->inputs.at[i])) {
            sequences -= is_sequence;
            continue;
        }
        node->inputs[kept] = node->inputs[i];
        body->inputs.at[kept] = body->inputs.at[i];
        if (is_sequence) node->attr[2].ints[kept] = scan.axes[i];
        kept++;
    }
    if (kept == node->input_count) return false;
    node->attr[0].ints[0] = node->attr[2].count = sequences;
    node->input_count = body->inputs.count = kept;
    return true;
}

/* Scans from the last to the first: what one does not read, an earlier one need not yield. */
void pass_drop_dead(Module *module, Graph *graph)
{
    sweep(graph);
    for (int i = graph->nodes.count - 1; i >= 0; i--) {
        Node *node = graph->nodes.at[i];
        if (!node->body) continue;
        drop_yields(graph, node);
        pass_drop_dead(module, node->body);
        if (!drop_inputs(node)) continue;
        sweep(node->body);
        sweep(graph);
        i = node->id;
    }
}
