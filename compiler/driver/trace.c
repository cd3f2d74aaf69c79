/* Outputs for layers. */
#include "driver/trace.h"

#include <string.h>

static int trace_node(Graph *graph, Node *node, const char *name)
{
    int place = 0;
    for (int i = 0; i < graph->outputs.count; i++)
        place += graph->outputs.at[i].kind == OUT_OUTPUT;
    graph_output(graph, OUT_OUTPUT, name, node, -1);
    return place;
}

const TracedLayer *traced_find(const TracedLayers *layers, const char *layer)
{
    for (int i = 0; i < layers->count; i++)
        if (!strcmp(layers->at[i].layer, layer)) return &layers->at[i];
    return NULL;
}

/* The last operation of each layer stands for it. */
static void note_layer(Arena *arena, TracedLayers *layers, const Node *node)
{
    for (int i = 0; i < layers->count; i++)
        if (!strcmp(layers->at[i].layer, node->layer)) {
            layers->at[i].node = node;
            return;
        }
    vec_push(arena, *layers, ((TracedLayer){.layer = node->layer, .node = node}));
}

/* By the place of the last operation: a layer around others ends after them. */
static void sort_by_end(TracedLayers *layers)
{
    for (int i = 1; i < layers->count; i++)
        for (int j = i; j > 0 && layers->at[j - 1].node->id > layers->at[j].node->id; j--) {
            const TracedLayer t = layers->at[j];
            layers->at[j] = layers->at[j - 1];
            layers->at[j - 1] = t;
        }
}

TracedLayers trace_layers(Arena *arena, Module *module, const char *entry)
{
    TracedLayers layers = {0};
    Graph *graph = module_entry(module, entry);
    if (!graph) return layers;
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (op_row(node->op)->kind == KIND_LEAF || !node->layer || !*node->layer) continue;
        if (node->type.dtype != DT_BOOL) note_layer(arena, &layers, node);
    }
    sort_by_end(&layers);
    for (int i = 0; i < layers.count; i++) {
        TracedLayer *l = &layers.at[i];
        l->output = trace_node(graph, graph->nodes.at[l->node->id],
                               arena_printf(arena, "act/%s", l->layer));
    }
    return layers;
}
