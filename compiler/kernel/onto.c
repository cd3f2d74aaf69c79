/* Rows that are added where the rest of the sum stands. A gradient that is a sum of a scatter and
 * of something else (a table of tokens that is the head's matrix too) is written by whoever
 * computes the rest; the scatter adds its rows to that. So there is no table of zeros, and no pass
 * over it. */
#include <string.h>

#include "kernel/kernel.h"

/* A scatter that one node reads, as it is. */
static bool is_scatter(const EntryPlan *entry, const Node *node)
{
    const Kernel *k = entry->member[node->id].kernel;
    return k && k->kind == KERNEL_SCATTER && k->nodes.count == 1
        && entry->readers[node->id].count == 1;
}

static int outputs_of(const Graph *graph, const Node *root)
{
    int n = 0;
    for (int i = 0; i < graph->outputs.count; i++)
        n += view_root(graph->outputs.at[i].node) == root;
    return n;
}

/* The rest can be written where the sum is wanted: by a kernel that stores every element of it,
 * axis for axis. */
static bool is_stored(const EntryPlan *entry, const Node *rest)
{
    int axis_of[MAX_RANK];
    const Node *root = view_root(rest);
    const Kernel *k = entry->member[root->id].kernel;
    return k && (k->kind == KERNEL_CONTRACT || k->kind == KERNEL_ROWS || k->kind == KERNEL_SCATTER)
        && !k->onto && root->type.dtype == DT_F32 && view_labels(rest, axis_of)
        && type_elements(root->type) == type_elements(rest->type)
        && entry->readers[root->id].count == 1 && !outputs_of(entry->graph, root);
}

static void remove_node(Kernel *k, const Node *node)
{
    int n = 0;
    for (int i = 0; i < k->nodes.count; i++)
        if (k->nodes.at[i] != node) k->nodes.at[n++] = k->nodes.at[i];
    k->nodes.count = n;
}

static void find_onto(EntryPlan *entry, Node *sum)
{
    if (sum->op != OP_add || entry->readers[sum->id].count) return;
    if (outputs_of(entry->graph, sum) != 1 || !entry->member[sum->id].kernel) return;
    for (int i = 0; i < 2; i++) {
        Node *scatter = sum->inputs[i], *rest = sum->inputs[1 - i];
        if (!is_scatter(entry, scatter) || !is_stored(entry, rest) || view_root(rest) == scatter
            || !type_equal(scatter->type, sum->type) || !type_equal(rest->type, sum->type))
            continue;
        Kernel *k = entry->member[scatter->id].kernel;
        remove_node(entry->member[sum->id].kernel, sum);
        entry->member[sum->id].kernel = k;
        vec_push(entry->arena, k->nodes, sum);
        k->onto = rest;
        return;
    }
}

void onto_find(EntryPlan *entry)
{
    for (int i = 0; i < entry->graph->outputs.count && !entry->outer; i++) {
        const Output *o = &entry->graph->outputs.at[i];
        if (o->kind == OUT_GRAD) find_onto(entry, o->node);
    }
}

void onto_place(EntryPlan *entry)
{
    for (int i = 0; i < entry->kernels.count; i++) {
        Kernel *k = entry->kernels.at[i];
        int64_t stride[MAX_RANK];
        if (!k->onto) continue;
        const Node *root = view_root(k->onto);
        Value *v = k->results.at[0];
        plan_root_strides(k->onto, v, stride);
        memcpy(v->stride, stride, sizeof stride);
        entry->value_of[v->node->id] = NULL;
        v->node = root;
        entry->value_of[root->id] = v;
        vec_push(entry->arena, entry->member[root->id].kernel->results, v);
        vec_push(entry->arena, k->operands, v);
    }
}
