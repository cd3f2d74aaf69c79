/* Prepared forms: the kernels of an entry that need no input run in an entry of their own, once,
 * and leave what they make in a buffer of the caller that the rest reads. */
#include <string.h>

#include "kernel/kernel.h"

enum { PREPARED_ALIGN = 16 }; /* floats */

static bool writes(const Kernel *k, const Value *v)
{
    if (kernel_writes(k, v)) return true;
    for (int i = 0; k->body && i < k->body->kernels.count; i++) {
        const Kernel *inner = k->body->kernels.at[i];
        for (int j = 0; j < inner->results.count; j++)
            if (inner->results.at[j]->around.value == v) return true;
    }
    return false;
}

/* What is set first and changed later, as the carries of scans, is set by every call. */
static bool is_changed(const EntryPlan *entry, const Kernel *by, const Value *v)
{
    for (int i = 0; i < entry->kernels.count; i++)
        if (entry->kernels.at[i] != by && writes(entry->kernels.at[i], v)) return true;
    return false;
}

static bool is_early(const EntryPlan *entry, const Kernel *k)
{
    for (int i = 0; i < k->results.count; i++)
        if (k->results.at[i]->place != AT_WORK || is_changed(entry, k, k->results.at[i]))
            return false;
    if (k->kind == KERNEL_CHECK || k->kind == KERNEL_SCAN) return false;
    if (k->kind == KERNEL_COPY) return entry->early[view_root(k->anchor)->id];
    return k->early;
}

static bool touches(const Kernel *k, const Value *v)
{
    for (int i = 0; i < k->operands.count; i++)
        if (k->operands.at[i] == v) return true;
    for (int i = 0; i < k->scratch.count; i++)
        if (k->scratch.at[i] == v) return true;
    return kernel_writes(k, v);
}

/* Bodies of scans read what lies around them. */
static bool captures(const Kernel *k, const Value *v)
{
    for (int i = 0; k->body && i < k->body->values.count; i++)
        if (k->body->values.at[i]->around.value == v) return true;
    return false;
}

/* Steps count from the first kernel of the entry; -1 where none touches the value. */
static bool find_life(const EntryPlan *entry, const Value *v, int *first, int *last)
{
    *first = *last = -1;
    for (int i = 0; i < entry->kernels.count; i++) {
        if (!touches(entry->kernels.at[i], v) && !captures(entry->kernels.at[i], v)) continue;
        if (*first < 0) *first = i;
        *last = i;
    }
    return *first >= 0;
}

static void divide_kernels(EntryPlan *prepare, EntryPlan *rest, const EntryPlan *whole)
{
    prepare->kernels.count = 0;
    prepare->kernels.at = NULL;
    prepare->kernels.room = 0;
    rest->kernels = prepare->kernels;
    for (int i = 0; i < whole->kernels.count; i++) {
        Kernel *k = whole->kernels.at[i];
        EntryPlan *to = is_early(whole, k) ? prepare : rest;
        k->step = to->kernels.count;
        vec_push(whole->arena, to->kernels, k);
    }
}

static int64_t rounded(int64_t floats)
{
    return (floats + PREPARED_ALIGN - 1) / PREPARED_ALIGN * PREPARED_ALIGN;
}

/* What both read is the prepared form, if it is no memory of the caller's anyway. */
static void divide_values(EntryPlan *prepare, EntryPlan *rest, const EntryPlan *whole)
{
    prepare->values.count = 0;
    prepare->values.at = NULL;
    prepare->values.room = 0;
    rest->values = prepare->values;
    for (int i = 0; i < whole->values.count; i++) {
        Value *v = whole->values.at[i];
        int first, last, from, to;
        const bool early = find_life(prepare, v, &first, &last);
        const bool late = find_life(rest, v, &from, &to);
        if (early) vec_push(whole->arena, prepare->values, v);
        if (late || !early) vec_push(whole->arena, rest->values, v);
        v->first = early ? first : from;
        v->last = early ? last : to;
        if (v->place != AT_WORK || !early || !late) continue;
        v->place = AT_PREPARED;
        v->offset = rest->prepared_floats;
        rest->prepared_floats += rounded(v->elements);
    }
    prepare->prepared_floats = rest->prepared_floats;
}

/* ---- the two entries ---- */

/* "_32" of "infer_32_prepared". */
static const char *which_infer(Arena *arena, const char *name)
{
    const size_t begin = sizeof "infer" - 1, end = sizeof "_prepared" - 1;
    return arena_strndup(arena, name + begin, strlen(name) - begin - end);
}

static Node *buffer_node(const EntryPlan *entry, int64_t floats)
{
    Node *node = arena_make(entry->arena, Node);
    node->op = OP_input;
    node->id = entry->graph->nodes.count;
    node->type = type_scalar(DT_F32);
    node->type.rank = 1;
    node->type.dim[0] = floats;
    node->param = -1;
    node->attr[0].text = node->name = "prepared";
    node->layer = "";
    return node;
}

/* The buffer is an input like others, in front of them. */
static void take_buffer(EntryPlan *entry, Node *buffer)
{
    Graph *graph = arena_make(entry->arena, Graph);
    *graph = *entry->graph;
    graph->inputs.count = graph->inputs.room = 0;
    graph->inputs.at = NULL;
    vec_push(entry->arena, graph->inputs, buffer);
    for (int i = 0; i < entry->graph->inputs.count; i++)
        vec_push(entry->arena, graph->inputs, entry->graph->inputs.at[i]);
    entry->graph = graph;
}

/* The buffer is the one output; what is not early is not there. */
static void give_buffer(EntryPlan *entry, Node *buffer)
{
    Graph *graph = graph_new(entry->arena, entry->name, 1);
    for (int i = 0; i < entry->graph->nodes.count; i++)
        vec_push(entry->arena, graph->nodes,
                 entry->early[i] ? entry->graph->nodes.at[i] : buffer);
    graph_output(graph, OUT_OUTPUT, buffer->name, buffer, -1);
    entry->graph = graph;
}

EntryPlan *prepare_split(EntryPlan *entry)
{
    Arena *arena = entry->arena;
    const EntryPlan whole = *entry;
    EntryPlan *prepare = arena_make(arena, EntryPlan);
    *prepare = whole;
    divide_kernels(prepare, entry, &whole);
    if (!prepare->kernels.count) {
        *entry = whole;
        return NULL;
    }
    divide_values(prepare, entry, &whole);
    const char *which = which_infer(arena, entry->name);
    entry->form = prepare->form = arena_printf(arena, "prepared%s", which);
    prepare->name = arena_printf(arena, "prepare%s", which);
    prepare->prepares = true;
    Node *buffer = buffer_node(entry, entry->prepared_floats);
    take_buffer(entry, buffer);
    give_buffer(prepare, buffer);
    memory_plan(prepare);
    memory_plan(entry);
    return prepare;
}
