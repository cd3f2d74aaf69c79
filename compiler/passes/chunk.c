/* Scans whose sequences do not fit a cache go by chunks (ops/chunk.c). */
#include "ops/chunk.h"
#include "passes/pass.h"

void pass_chunk(Module *module, Graph *graph)
{
    VEC(Node *) scans = {0};
    for (int i = 0; i < graph->nodes.count; i++)
        if (graph->nodes.at[i]->body) vec_push(graph->arena, scans, graph->nodes.at[i]);
    for (int i = 0; i < scans.count; i++)
        if (scan_chunk(module, graph, scans.at[i])) pass_drop_dead(module, graph);
}
