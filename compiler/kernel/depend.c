/* Which kernels wait for which, while they are chosen. Every kernel has a level above those of all
 * that it reads: a search for one need not look below it, so in a deep network it stays near. */
#include "kernel/kernel.h"

Kernel *kernel_of(const EntryPlan *entry, const Node *node)
{
    return entry->member[node->id].kernel;
}

/* ---- what is read ---- */

static void note_reader(EntryPlan *entry, const Node *root, const Node *reader)
{
    Nodes *readers = &entry->readers[root->id];
    if (!readers->count || readers->at[readers->count - 1] != reader)
        vec_push(entry->arena, *readers, reader);
}

void find_readers(EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    entry->readers = arena_array(entry->arena, Nodes, graph->nodes.count + 1);
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (view_is_free(node) || entry->member[i].inlined) continue;
        for (int j = 0; j < node->input_count; j++) {
            NodeList sources = {.count = 0};
            inline_sources(entry, node->inputs[j], &sources);
            for (int s = 0; s < sources.count; s++) note_reader(entry, sources.at[s], node);
        }
    }
}

static bool kernel_reads(const Kernel *k, const Node *root)
{
    for (int i = 0; i < k->reads.count; i++)
        if (k->reads.at[i] == root) return true;
    return false;
}

/* ---- levels ---- */

/* No kernel comes to depend on itself, so this ends. */
static void raise_level(const EntryPlan *entry, Kernel *k, int level)
{
    if (k->level >= level) return;
    k->level = level;
    for (int i = 0; i < k->nodes.count; i++) kernel_precedes_readers(entry, k, k->nodes.at[i]);
}

void kernel_precedes_readers(const EntryPlan *entry, const Kernel *k, const Node *node)
{
    const Nodes *readers = &entry->readers[node->id];
    for (int i = 0; i < readers->count; i++) {
        Kernel *reader = kernel_of(entry, readers->at[i]);
        if (reader && reader != k) raise_level(entry, reader, k->level + 1);
    }
}

void kernel_note_read(const EntryPlan *entry, Kernel *k, const Node *root)
{
    const Kernel *from = kernel_of(entry, root);
    if (from == k || kernel_reads(k, root)) return;
    vec_push(entry->arena, k->reads, root);
    if (from) raise_level(entry, k, from->level + 1);
}

/* ---- dependence ---- */

/* What it reads at once is looked at before anything behind it: most answers are found there. */
static bool needs(const EntryPlan *entry, Kernel *from, const Kernel *on, int search)
{
    if (from == on) return true;
    if (from->level <= on->level || from->search == search) return false;
    from->search = search;
    for (int i = 0; i < from->reads.count; i++)
        if (kernel_of(entry, from->reads.at[i]) == on) return true;
    for (int i = 0; i < from->reads.count; i++) {
        Kernel *before = kernel_of(entry, from->reads.at[i]);
        if (before && needs(entry, before, on, search)) return true;
    }
    return false;
}

bool kernel_needs(EntryPlan *entry, Kernel *from, const Kernel *on)
{
    return needs(entry, from, on, ++entry->searches);
}
