/* Inlined maps: arithmetic so cheap, on values that are in memory anyway, that every reader
 * computes it itself instead of reading a stored result: a mask `label == index`, a scale `1 /
 * count`, the sign test of a relu's gradient. */
#include "kernel/kernel.h"
#include "passes/pass.h"

enum { CHEAP_FLOPS = 4, MAX_SOURCES = 4 };

void inline_sources(const EntryPlan *entry, const Node *input, NodeList *sources)
{
    const Node *root = view_root(input);
    if (!entry->member[root->id].inlined) {
        if (sources->count < 16) sources->at[sources->count++] = root;
        return;
    }
    for (int i = 0; i < root->input_count; i++) inline_sources(entry, root->inputs[i], sources);
}

/* Nodes whose readers need them in memory, whatever fusion does: operands of everything but maps
 * and reductions, and outputs. */
static void mark_stored(const Graph *graph, bool *stored)
{
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        const OpKind kind = op_row(node->op)->kind;
        const bool streams = kind == KIND_MAP || kind == KIND_REDUCE || view_is_free(node);
        if (kind == KIND_LEAF) stored[i] = true;
        for (int j = 0; !streams && j < node->input_count; j++)
            stored[view_root(node->inputs[j])->id] = true;
    }
    for (int i = 0; i < graph->outputs.count; i++)
        stored[view_root(graph->outputs.at[i].node)->id] = true;
}

/* What is prepared is computed once, so that its readers find it in memory. */
static void mark_prepared(const EntryPlan *entry, bool *stored, bool *barred)
{
    for (int i = 0; i < entry->graph->nodes.count; i++) {
        stored[i] |= entry->early[i];
        barred[i] |= entry->early[i];
    }
}

/* Flops an element if inlined with what is inlined below it; large if some input is not at hand. */
static double cost_of(const EntryPlan *entry, const Node *node, const bool *stored,
                      const double *cost)
{
    double sum = op_row(node->op)->flops(node) / (double)type_elements(node->type);
    for (int i = 0; i < node->input_count; i++) {
        int axis_of[MAX_RANK];
        const Node *root = view_root(node->inputs[i]);
        if (entry->member[root->id].inlined && view_labels(node->inputs[i], axis_of))
            sum += cost[root->id];
        else if (!stored[root->id]) return 1e9;
    }
    return sum;
}

/* Every reader must be a map or a reduction that sees the node axis by axis. */
static void mark_unreadable(const Graph *graph, bool *barred)
{
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        const OpKind kind = op_row(node->op)->kind;
        if (view_is_free(node)) continue;
        for (int j = 0; j < node->input_count; j++) {
            int axis_of[MAX_RANK];
            if ((kind != KIND_MAP && kind != KIND_REDUCE) || !view_labels(node->inputs[j], axis_of))
                barred[view_root(node->inputs[j])->id] = true;
        }
    }
    for (int i = 0; i < graph->outputs.count; i++)
        barred[view_root(graph->outputs.at[i].node)->id] = true;
}

void inline_cheap_maps(EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    const int count = graph->nodes.count + 1;
    bool *stored = arena_array(entry->arena, bool, count),
         *barred = arena_array(entry->arena, bool, count);
    double *cost = arena_array(entry->arena, double, count);
    mark_stored(graph, stored);
    mark_unreadable(graph, barred);
    mark_prepared(entry, stored, barred);
    graph_mark_exact(graph, barred);
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (op_row(node->op)->kind != KIND_MAP || barred[i]) continue;
        cost[i] = cost_of(entry, node, stored, cost);
        entry->member[i].inlined = cost[i] <= CHEAP_FLOPS;
        NodeList sources = {.count = 0};
        inline_sources(entry, node, &sources);
        if (sources.count > MAX_SOURCES) entry->member[i].inlined = false;
    }
}
