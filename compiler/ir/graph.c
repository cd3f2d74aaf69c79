/* Modules and graphs as containers: making them, appending nodes and outputs, renumbering. */
#include "ir/graph.h"

#include <string.h>

Module *module_new(Arena *arena, const char *name)
{
    Module *module = arena_make(arena, Module);
    module->arena = arena;
    module->name = name;
    return module;
}

Graph *module_entry(const Module *module, const char *name)
{
    for (int i = 0; i < module->entries.count; i++)
        if (strcmp(module->entries.at[i]->name, name) == 0) return module->entries.at[i];
    return NULL;
}

Graph *graph_new(Arena *arena, const char *name, int64_t batch)
{
    Graph *graph = arena_make(arena, Graph);
    graph->arena = arena;
    graph->name = name;
    graph->batch = batch;
    return graph;
}

int attr_find(const Attr *list, int64_t number)
{
    for (int i = 0; i < list->count; i++)
        if (list->ints[i] == number) return i;
    return -1;
}

Node *graph_push(Graph *graph, Op op, Type type, Origin origin)
{
    Node *node = arena_make(graph->arena, Node);
    node->op = op;
    node->id = graph->nodes.count;
    node->type = type;
    node->param = -1;
    node->name = origin.name;
    node->layer = origin.layer ? origin.layer : "";
    node->span = origin.span;
    vec_push(graph->arena, graph->nodes, node);
    if (op == OP_input) vec_push(graph->arena, graph->inputs, node);
    return node;
}

/* copies[id] is what stands in the new graph for node id of the old. */
Graph *graph_clone(Arena *arena, const Graph *graph, const char *name)
{
    Graph *copy = graph_new(arena, name, graph->batch);
    Node **copies = arena_array(arena, Node *, graph->nodes.count + 1);
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        Node **inputs = arena_array(arena, Node *, node->input_count + 1);
        for (int j = 0; j < node->input_count; j++) inputs[j] = copies[node->inputs[j]->id];
        copies[i] = graph_copy_node(copy, node, inputs);
    }
    for (int i = 0; i < graph->outputs.count; i++) {
        const Output *output = &graph->outputs.at[i];
        graph_output(copy, output->kind, output->name, copies[output->node->id], output->param);
    }
    return copy;
}

Node *graph_copy_node(Graph *graph, const Node *from, Node *const *inputs)
{
    Origin origin = {.name = from->name, .layer = from->layer, .span = from->span};
    Node *node = graph_push(graph, from->op, from->type, origin);
    node->input_count = from->input_count;
    node->inputs = arena_array(graph->arena, Node *, from->input_count + 1);
    for (int i = 0; i < from->input_count; i++) node->inputs[i] = inputs[i];
    memcpy(node->attr, from->attr, sizeof node->attr);
    node->values = from->values;
    node->param = from->param;
    node->kept = from->kept;
    if (from->body) node->body = graph_clone(graph->arena, from->body, from->body->name);
    return node;
}

void graph_output(Graph *graph, OutputKind kind, const char *name, Node *node, int param)
{
    Output output = {.kind = kind, .name = name, .node = node, .param = param};
    vec_push(graph->arena, graph->outputs, output);
}

void graph_renumber(Graph *graph)
{
    graph->inputs.count = 0;
    for (int i = 0; i < graph->nodes.count; i++) {
        Node *node = graph->nodes.at[i];
        node->id = i;
        if (node->op == OP_input) vec_push(graph->arena, graph->inputs, node);
    }
}

const char *output_kind_name(OutputKind kind)
{
    static const char *const names[] = {
        [OUT_OUTPUT] = "output", [OUT_LOSS] = "loss", [OUT_METRIC] = "metric", [OUT_GRAD] = "grad",
        [OUT_INPUT_GRAD] = "input_grad", [OUT_STATE] = "state", [OUT_SESSION] = "session",
        [OUT_YIELD] = "yield",
    };
    return names[kind];
}
