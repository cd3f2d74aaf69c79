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
 * they feed the epilogue. */
#include "kernel/kernel.h"
#include "passes/mincut.h"

enum { WRITE = 8, READ = 8, TIE = 1 };

typedef struct Epilogue {
    const EntryPlan *entry;
    const Node *anchor;
    bool *depends;                   /* by node id: on the anchor */
    bool *fits;                      /* could be computed on the tile, the anchor included */
    bool *wanted;                    /* some reader needs it in memory, wherever it is computed */
    bool *whole_operand;             /* reads another tensor of the full size, not a bias */
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
    return op_row(node->op)->kind == KIND_MAP && is_whole(e, node) && sees_axes(node)
           && !has_no_kernel(e, node) && forward[node->id] == forward[e->anchor->id]
           && early[node->id] == early[e->anchor->id];
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
}

/* What other kernels read one element at a time need not be in memory for them to be fused. */
static bool reads_in_passing(const Node *reader)
{
    const OpKind kind = op_row(reader->op)->kind;
    return kind == KIND_MAP || kind == KIND_REDUCE;
}

static void mark(Epilogue *e)
{
    const Graph *graph = e->entry->graph;
    e->depends[e->anchor->id] = e->fits[e->anchor->id] = true;
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (has_no_kernel(e, node)) continue;
        if (reads_in_passing(node)) {
            if (i > e->anchor->id) mark_node(e, node);
            continue;
        }
        for (int j = 0; j < node->input_count; j++) {
            const Node *root = view_root(node->inputs[j]);
            e->depends[i] |= e->depends[root->id];
            e->wanted[root->id] = true;
        }
    }
    for (int i = 0; i < graph->outputs.count; i++)
        e->wanted[view_root(graph->outputs.at[i].node)->id] = true;
}

/* ---- the network ---- */

static int way_in(const Node *node) { return 2 * node->id; }
static int way_out(const Node *node) { return 2 * node->id + 1; }

static void add_reads(Epilogue *e, const Node *reader)
{
    const NodeList sources = sources_of(e, reader);
    for (int i = 0; i < sources.count; i++) {
        const Node *s = sources.at[i];
        if (!e->fits[s->id]) continue;
        if (!e->fits[reader->id]) {
            flow_edge(&e->network, way_out(s), e->sink, CUT_NEVER);
            continue;
        }
        flow_edge(&e->network, way_out(s), way_in(reader), CUT_NEVER);
        flow_edge(&e->network, way_in(reader), way_in(s), CUT_NEVER);
    }
}

static void add_node(Epilogue *e, const Node *node)
{
    const int64_t n = type_elements(node->type);
    flow_edge(&e->network, way_in(node), way_out(node),
              n * (e->wanted[node->id] ? READ : WRITE + READ));
    if (node == e->anchor) {
        flow_edge(&e->network, e->source, way_in(node), CUT_NEVER);
    } else if (e->whole_operand[node->id]) {
        flow_edge(&e->network, way_in(node), e->sink, TIE * n);
    } else {
        flow_edge(&e->network, e->source, way_in(node), TIE * n);
    }
    if (e->wanted[node->id]) flow_edge(&e->network, e->source, way_in(node), READ * n);
}

static void cut(Epilogue *e, bool *taken)
{
    const Graph *graph = e->entry->graph;
    for (int i = e->anchor->id; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (has_no_kernel(e, node)) continue;
        if (e->fits[i]) add_node(e, node);
        if (reads_in_passing(node)) add_reads(e, node);
    }
    const bool *readers = flow_sink_side(&e->network, e->source, e->sink);
    for (int i = e->anchor->id; i < graph->nodes.count; i++)
        taken[i] = e->fits[i] && !readers[way_in(graph->nodes.at[i])];
}

/* ---- what feeds it ---- */

/* Readers come after what they read, so they are known when it is looked at. */
static void take_feeders(Epilogue *e, bool *taken, bool *read_elsewhere, bool *read_here)
{
    const Graph *graph = e->entry->graph;
    for (int i = graph->nodes.count - 1; i >= 0; i--) {
        const Node *node = graph->nodes.at[i];
        if (has_no_kernel(e, node)) continue;
        if (!e->depends[i] && read_here[i] && !read_elsewhere[i] && !e->wanted[i])
            taken[i] = is_candidate(e, node);
        const NodeList sources = sources_of(e, node);
        for (int s = 0; s < sources.count; s++)
            (taken[i] ? read_here : read_elsewhere)[sources.at[s]->id] = true;
    }
}

static Epilogue epilogue_new(const EntryPlan *entry, const Node *anchor, Arena *scratch)
{
    const size_t count = (size_t)entry->graph->nodes.count;
    Epilogue e = {.entry = entry, .anchor = anchor};
    e.source = 2 * (int)count;
    e.sink = e.source + 1;
    e.depends = arena_array(scratch, bool, count);
    e.fits = arena_array(scratch, bool, count);
    e.wanted = arena_array(scratch, bool, count);
    e.whole_operand = arena_array(scratch, bool, count);
    e.network = flow_new(scratch, 2 * (int)count + 2);
    return e;
}

const bool *epilogue_choose(const EntryPlan *entry, const Node *anchor)
{
    const size_t count = (size_t)entry->graph->nodes.count;
    Arena *scratch = arena_new();
    Epilogue e = epilogue_new(entry, anchor, scratch);
    bool *taken = arena_array(entry->arena, bool, count);
    mark(&e);
    cut(&e, taken);
    take_feeders(&e, taken, arena_array(scratch, bool, count), arena_array(scratch, bool, count));
    arena_free(scratch);
    return taken;
}
