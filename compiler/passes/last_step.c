/* Slices of the last step of a scan become final carries (ops/last_step.c). Before
 * differentiation, so that their gradients do. */
#include "ops/last_step.h"

#include "passes/pass.h"

void pass_last_step(Module *module, Graph *graph)
{
    Arena *arena = graph->arena;
    Graph *to = graph_new(arena, graph->name, graph->batch);
    Node **done = arena_array(arena, Node *, graph->nodes.count + 1);
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        Node **inputs = arena_array(arena, Node *, node->input_count + 1);
        for (int j = 0; j < node->input_count; j++) inputs[j] = done[node->inputs[j]->id];
        done[i] = graph_copy_node(to, node, inputs);
        if (done[i]->body) pass_last_step(module, done[i]->body);
        if (takes_last_step(done[i])) done[i] = last_step(to, done[i]);
    }
    for (int i = 0; i < graph->outputs.count; i++) {
        const Output *output = &graph->outputs.at[i];
        graph_output(to, output->kind, output->name, done[output->node->id], output->param);
    }
    *graph = *to;
    graph_renumber(graph);
}
