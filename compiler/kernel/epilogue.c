/* Epilogues: which of the maps that follow a product belong into its kernel.
 *
 * Between the product and the rows that read it (reductions, and maps that need them) something
 * must cross memory. What lies before the crossing is computed on the tile, what lies after it by
 * the readers, from what crossed. The cheapest crossing is a minimum cut: an element that crosses
 * is written and read once, or only read where something else wants it in memory anyway; a value
 * that is wanted in memory and lies after the crossing costs its reader one more pass. Between
 * equals the product takes a map whose other operands are small, and leaves one that reads another
 * whole tensor to the readers.
 *
 * Maps that only such maps read (the slope of an activation, computed again) are taken in as well:
 * they feed the epilogue.
 *
 * Of the graph only a stretch is looked at: from the product to the last reader of what could be
 * computed on its tile. */
#include <string.h>

#include "kernel/kernel.h"
#include "base/mincut.h"

enum { WRITE = 8, READ = 8, TIE = 1 };

typedef struct Epilogue {
    EntryPlan *entry;
    const Node *anchor;
    int end;                         /* of the stretch of nodes that begins with the anchor */
    bool *depends;                   /* by node id: on the anchor */
    bool *fits;                      /* could be computed on the tile, the anchor included */
    bool *wanted;                    /* some reader needs it in memory, wherever it is computed */
    bool *whole_operand;             /* reads another tensor of the full size, not a bias */
    bool *taken;
    FlowNetwork network;
    int source, sink;
} Epilogue;

static bool is_whole(const Epilogue *e, const Node *node)
{
    return type_elements(node->type) == type_elements(e->anchor->type);
}

static bool is_memory(const Node *node)
{
    return op_row(node->op)->kind != KIND_LEAF || node->param >= 0 || node->values;
}

static NodeList sources_of(const Epilogue *e, const Node *node)
{
    NodeList sources = {.count = 0};
    for (int i = 0; i < node->input_count && i < 3; i++)
        inline_sources(e->entry, node->inputs[i], &sources);
    return sources;
}

static bool sees_axes(const Node *node)
{
    int axis_of[MAX_RANK];
    for (int i = 0; i < node->input_count; i++)
        if (!view_labels(node->inputs[i], axis_of)) return false;
    return true;
}

static bool has_no_kernel(const Epilogue *e, const Node *node)
{
    return view_is_free(node) || e->entry->member[node->id].inlined;
}

static bool is_candidate(const Epilogue *e, const Node *node)
{
    const bool *forward = e->entry->forward, *early = e->entry->early;
    return op_row(node->op)->kind == KIND_MAP && is_whole(e, node)
        && forward[node->id] == forward[e->anchor->id] && early[node->id] == early[e->anchor->id]
        && !has_no_kernel(e, node) && sees_axes(node);
}

/* ---- what could be taken in ---- */

/* What other kernels read one element at a time need not be in memory for them to be fused. */
static bool reads_in_passing(const Node *reader)
{
    const OpKind kind = op_row(reader->op)->kind;
    return kind == KIND_MAP || kind == KIND_REDUCE;
}

/* The stretch reaches to every map that could be computed on the tile because this one can. */
static void reach_readers(Epilogue *e, const Node *node)
{
    const Nodes *readers = &e->entry->readers[node->id];
    for (int i = 0; i < readers->count; i++)
        if (readers->at[i]->id >= e->end && is_candidate(e, readers->at[i]))
            e->end = readers->at[i]->id + 1;
}

static void mark_node(Epilogue *e, const Node *node)
{
    const NodeList sources = sources_of(e, node);
    bool fits = is_candidate(e, node);
    for (int i = 0; i < sources.count; i++) {
        const Node *s = sources.at[i];
        e->depends[node->id] |= e->depends[s->id];
        fits &= !e->depends[s->id] || e->fits[s->id];
        e->whole_operand[node->id] |= !e->depends[s->id] && is_whole(e, s) && is_memory(s)
                                      && s->param < 0;
    }
    e->fits[node->id] = fits && e->depends[node->id];
    if (e->fits[node->id]) reach_readers(e, node);
}

static void mark(Epilogue *e)
{
    const Graph *graph = e->entry->graph;
    e->depends[e->anchor->id] = e->fits[e->anchor->id] = true;
    e->end = e->anchor->id + 1;
    reach_readers(e, e->anchor);
    for (int i = e->anchor->id + 1; i < e->end; i++) {
        const Node *node = graph->nodes.at[i];
        if (has_no_kernel(e, node)) continue;
        if (reads_in_passing(node)) mark_node(e, node);
        for (int j = 0; j < node->input_count && !reads_in_passing(node); j++)
            e->depends[i] |= e->depends[view_root(node->inputs[j])->id];
    }
}

/* ---- the network ---- */

static int way_in(const Epilogue *e, const Node *node) { return 2 * (node->id - e->anchor->id); }
static int way_out(const Epilogue *e, const Node *node) { return way_in(e, node) + 1; }

static void add_readers(Epilogue *e, const Node *node)
{
    const Nodes *readers = &e->entry->readers[node->id];
    for (int i = 0; i < readers->count; i++) {
        const Node *reader = readers->at[i];
        if (!reads_in_passing(reader)) continue;
        if (!e->fits[reader->id]) {
            flow_edge(&e->network, way_out(e, node), e->sink, CUT_NEVER);
            continue;
        }
        flow_edge(&e->network, way_out(e, node), way_in(e, reader), CUT_NEVER);
        flow_edge(&e->network, way_in(e, reader), way_in(e, node), CUT_NEVER);
    }
}

static void add_node(Epilogue *e, const Node *node)
{
    const int64_t n = type_elements(node->type);
    const bool wanted = e->wanted[node->id];
    flow_edge(&e->network, way_in(e, node), way_out(e, node), n * (wanted ? READ : WRITE + READ));
    if (node == e->anchor) {
        flow_edge(&e->network, e->source, way_in(e, node), CUT_NEVER);
    } else if (e->whole_operand[node->id]) {
        flow_edge(&e->network, way_in(e, node), e->sink, TIE * n);
    } else {
        flow_edge(&e->network, e->source, way_in(e, node), TIE * n);
    }
    if (wanted) flow_edge(&e->network, e->source, way_in(e, node), READ * n);
}

static void cut(Epilogue *e, Arena *scratch)
{
    const Graph *graph = e->entry->graph;
    e->source = 2 * (e->end - e->anchor->id);
    e->sink = e->source + 1;
    e->network = flow_new(scratch, e->source + 2);
    for (int i = e->anchor->id; i < e->end; i++) {
        if (!e->fits[i]) continue;
        add_node(e, graph->nodes.at[i]);
        add_readers(e, graph->nodes.at[i]);
    }
    const bool *readers = flow_sink_side(&e->network, e->source, e->sink);
    for (int i = e->anchor->id; i < e->end; i++)
        e->taken[i] = e->fits[i] && !readers[way_in(e, graph->nodes.at[i])];
}

/* ---- what is taken in ---- */

static bool feeds(const Epilogue *e, const Node *node)
{
    const Nodes *readers = &e->entry->readers[node->id];
    if (e->taken[node->id] || e->depends[node->id] || e->wanted[node->id]) return false;
    for (int i = 0; i < readers->count; i++)
        if (!e->taken[readers->at[i]->id]) return false;
    return is_candidate(e, node);
}

/* Behind the nodes of the list come those that feed them, which may be feeders' feeders. */
static void add_feeders(Epilogue *e, Nodes *list)
{
    for (int i = 0; i < list->count; i++) {
        const NodeList sources = sources_of(e, list->at[i]);
        for (int s = 0; s < sources.count; s++) {
            if (!feeds(e, sources.at[s])) continue;
            e->taken[sources.at[s]->id] = true;
            vec_push(e->entry->arena, *list, sources.at[s]);
        }
    }
}

static void sort_by_id(Nodes *list)
{
    for (int i = 1; i < list->count; i++) {
        const Node *node = list->at[i];
        int j = i;
        for (; j > 0 && list->at[j - 1]->id > node->id; j--) list->at[j] = list->at[j - 1];
        list->at[j] = node;
    }
}

static void note_taken(Epilogue *e)
{
    EntryPlan *entry = e->entry;
    Nodes *list = &entry->epilogue[e->anchor->id];
    for (int i = e->anchor->id + 1; i < e->end; i++)
        if (e->taken[i]) vec_push(entry->arena, *list, entry->graph->nodes.at[i]);
    add_feeders(e, list);
    sort_by_id(list);
    for (int i = 0; i < list->count; i++)
        vec_push(entry->arena, entry->takers[list->at[i]->id], e->anchor);
}

static void clear(Epilogue *e)
{
    const size_t begin = (size_t)e->anchor->id, bytes = (size_t)e->end - begin;
    const Nodes *list = &e->entry->epilogue[begin];
    memset(e->depends + begin, 0, bytes);
    memset(e->fits + begin, 0, bytes);
    memset(e->whole_operand + begin, 0, bytes);
    memset(e->taken + begin, 0, bytes);
    for (int i = 0; i < list->count; i++) e->taken[list->at[i]->id] = false;
}

static void choose(Epilogue *e, const Node *anchor)
{
    Arena *scratch = arena_new();
    e->anchor = anchor;
    mark(e);
    cut(e, scratch);
    note_taken(e);
    clear(e);
    arena_free(scratch);
}

static void mark_wanted(const Epilogue *e)
{
    const Graph *graph = e->entry->graph;
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (has_no_kernel(e, node) || reads_in_passing(node)) continue;
        for (int j = 0; j < node->input_count; j++)
            e->wanted[view_root(node->inputs[j])->id] = true;
    }
    for (int i = 0; i < graph->outputs.count; i++)
        e->wanted[view_root(graph->outputs.at[i].node)->id] = true;
}

static bool takes_epilogue(const EntryPlan *entry, const Node *node)
{
    const OpKind kind = op_row(node->op)->kind;
    return kind == KIND_CONTRACT || (kind == KIND_WINDOW && window_gathers(entry, node));
}

void choose_epilogues(EntryPlan *entry)
{
    const int count = entry->graph->nodes.count + 1;
    Arena *scratch = arena_new();
    Epilogue e = {.entry = entry};
    e.depends = arena_array(scratch, bool, count);
    e.fits = arena_array(scratch, bool, count);
    e.wanted = arena_array(scratch, bool, count);
    e.whole_operand = arena_array(scratch, bool, count);
    e.taken = arena_array(scratch, bool, count);
    entry->epilogue = arena_array(entry->arena, Nodes, count);
    entry->takers = arena_array(entry->arena, Nodes, count);
    mark_wanted(&e);
    for (int i = 0; i < entry->graph->nodes.count; i++)
        if (takes_epilogue(entry, entry->graph->nodes.at[i]))
            choose(&e, entry->graph->nodes.at[i]);
    arena_free(scratch);
}
