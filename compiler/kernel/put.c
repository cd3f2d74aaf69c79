/* Parts replaced (OP put). The result holds the first input before the kernel runs, which writes
 * the part alone: by a copy in front, or because it is a session that nobody reads as it was. So a
 * cache grows by a row without being moved. */
#include "kernel/kernel.h"

static int readers(const Graph *graph, const Node *node)
{
    int n = 0;
    for (int i = 0; i < graph->nodes.count; i++)
        for (int j = 0; j < graph->nodes.at[i]->input_count; j++)
            n += graph->nodes.at[i]->inputs[j] == node;
    for (int i = 0; i < graph->outputs.count; i++) n += graph->outputs.at[i].node == node;
    return n;
}

bool put_in_place(const EntryPlan *entry, const Output *output)
{
    const Node *node = output->node;
    if (output->kind != OUT_SESSION || op_row(node->op)->kind != KIND_PUT) return false;
    const Node *whole = node->inputs[0];
    return whole->op == OP_session && whole->param == output->param
        && readers(entry->graph, whole) == 1;
}

void put_ensure_whole(EntryPlan *entry, Kernel *k)
{
    Value *result = k->results.at[0];
    if (result->place == AT_SESSION) return;
    plan_copy(entry, k, k->anchor->inputs[0], result);
    vec_push(entry->arena, k->operands, result);
}
