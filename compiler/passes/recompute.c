/* Chooses what the forward part of an entry keeps for its backward part, and lets the backward
 * part compute the rest again.
 *
 * First maps that only gradients need are offered, too, where they depend on no gradient: the cut
 * tells which of them the forward part had better compute (ahead.c).
 *
 * Values of maps, views and random draws can be had again from others. A reduction's never cost
 * more to keep than its input to read once more, so they count as sources, as products do. What
 * is kept must separate the sources from the uses in the backward part: the cheapest such set is
 * a minimum cut. A kept value costs its elements once for reading them back, and once more for
 * writing them if the forward part would not have stored them anyway; a value that the backward
 * part computes again and does not read in passing costs its elements twice, for it is stored
 * there. Among cuts of equal cost the one nearest to the backward part is taken, which computes
 * least again. */
#include "ops/op.h"
#include "base/mincut.h"
#include "passes/pass.h"
#include "passes/recompute.h"

/* ---- the network ---- */

static bool reduces_last_axis(const Node *node)
{
    for (int i = 0; i < node->attr[0].count; i++)
        if (node->attr[0].ints[i] == node->type.rank - 1) return true;
    return false;
}

/* Whether a value comes out of its anchor's kernel: no reduction lies between. */
static void mark_epilogues(Recompute *r)
{
    for (int i = 0; i < r->graph->nodes.count; i++) {
        const Node *node = r->graph->nodes.at[i];
        OpKind kind = op_row(node->op)->kind;
        r->epilogue[i] = kind != KIND_REDUCE;
        for (int j = 0; (kind == KIND_MAP || kind == KIND_VIEW) && j < node->input_count; j++)
            r->epilogue[i] &= r->epilogue[node->inputs[j]->id];
    }
}

bool recompute_reads_in_passing(const Node *user)
{
    OpKind kind = op_row(user->op)->kind;
    return kind == KIND_MAP || kind == KIND_VIEW
           || (kind == KIND_REDUCE && reduces_last_axis(user));
}

/* A view is stored where what it looks at is. Rows that a reduction reads are stored if another
 * kernel makes them. */
static void mark_stored(Recompute *r)
{
    for (int i = 0; i < r->graph->outputs.count; i++)
        r->stored[r->graph->outputs.at[i].node->id] = true;
    for (int i = r->graph->nodes.count - 1; i >= 0; i--) {
        const Node *node = r->graph->nodes.at[i];
        OpKind kind = op_row(node->op)->kind;
        if (kind == KIND_LEAF) r->stored[i] = true;
        for (int j = 0; r->forward[i] && j < node->input_count; j++) {
            int input = node->inputs[j]->id;
            if (kind == KIND_VIEW ? r->stored[i] : !recompute_reads_in_passing(node))
                r->stored[input] = true;
            if (kind == KIND_REDUCE && r->epilogue[input]) r->stored[input] = true;
        }
    }
}

static void mark_wanted_whole(Recompute *r)
{
    for (int i = 0; i < r->graph->nodes.count; i++) {
        const Node *node = r->graph->nodes.at[i];
        for (int j = 0; !r->forward[i] && j < node->input_count; j++)
            if (!recompute_reads_in_passing(node)) r->wanted_whole[node->inputs[j]->id] = true;
    }
}

/* Whether the forward part computes it, or could. */
static bool is_offered(const Recompute *r, const Node *node)
{
    return (r->forward[node->id] || r->ahead[node->id]) && !recompute_is_free(node);
}

/* Whether the backward part may compute it again. */
static bool may_repeat(const Recompute *r, const Node *node)
{
    return op_is_repeatable(node) && !r->exact[node->id];
}

static int64_t cost_to_keep(const Recompute *r, const Node *node)
{
    if (op_row(node->op)->kind == KIND_VIEW) return CUT_NEVER;
    return type_elements(node->type) * (r->stored[node->id] ? 1 : 2);
}

/* Node i is 2 i on its way in and 2 i + 1 on its way out; the edge between costs what keeping it
 * costs, an edge from the source to its way in what computing it again costs. */
static void add_node(const Recompute *r, FlowNetwork *network, const Node *node, int source,
                     int sink)
{
    int in = 2 * node->id, out = in + 1;
    for (int j = 0; j < node->input_count; j++) {
        if (!is_offered(r, node->inputs[j])) continue;
        flow_edge(network, 2 * node->inputs[j]->id + 1, is_offered(r, node) ? in : sink, CUT_NEVER);
    }
    if (!is_offered(r, node)) return;
    flow_edge(network, in, out, cost_to_keep(r, node));
    if (!may_repeat(r, node)) flow_edge(network, source, in, CUT_NEVER);
    else if (r->wanted_whole[node->id])
        flow_edge(network, source, in, 2 * type_elements(node->type));
}

static bool *cut(const Recompute *r, Arena *arena)
{
    int count = r->graph->nodes.count, source = 2 * count, sink = 2 * count + 1;
    FlowNetwork network = flow_new(arena, 2 * count + 2);
    for (int i = 0; i < count; i++) add_node(r, &network, r->graph->nodes.at[i], source, sink);
    return flow_sink_side(&network, source, sink);
}

/* A node whose way in is on the sink's side is computed again; one that is cut in two is kept. */
static void choose(Recompute *r)
{
    Arena *scratch = arena_new();
    const bool *sink_side = cut(r, scratch);
    for (int i = 0; i < r->graph->nodes.count; i++) {
        const Node *node = r->graph->nodes.at[i];
        r->again[i] = (r->forward[i] || r->ahead[i]) && may_repeat(r, node) && sink_side[2 * i];
    }
    arena_free(scratch);
}

/* ---- the new graph ---- */

static Node *copy_node(Recompute *r, const Node *node, bool backward);

/* What stands for a forward node where the backward part reads it. */
static Node *read_back(Recompute *r, const Node *node)
{
    if (!r->again[node->id]) return r->done[node->id];
    Node **repeated = &r->repeated[node->id];
    if (!*repeated) *repeated = copy_node(r, node, true);
    return *repeated;
}

static Node *copy_node(Recompute *r, const Node *node, bool backward)
{
    Arena *arena = r->graph->arena;
    Node **inputs = arena_array(arena, Node *, node->input_count + 1);
    for (int i = 0; i < node->input_count; i++)
        inputs[i] = backward ? read_back(r, node->inputs[i]) : r->done[node->inputs[i]->id];
    return graph_copy_node(r->to, node, inputs);
}

static void rebuild(Recompute *r)
{
    Graph *graph = r->graph;
    r->to = graph_new(graph->arena, graph->name, graph->batch);
    for (int i = 0; i < graph->nodes.count; i++)
        r->done[i] = copy_node(r, graph->nodes.at[i], !r->forward[i]);
    for (int i = 0; i < graph->outputs.count; i++) {
        const Output *output = &graph->outputs.at[i];
        graph_output(r->to, output->kind, output->name, r->done[output->node->id], output->param);
    }
    *graph = *r->to;
}

static Recompute survey(Graph *graph)
{
    Arena *arena = graph->arena;
    int count = graph->nodes.count + 1;
    Recompute r = {.graph = graph};
    r.forward = arena_array(arena, bool, count);
    r.ahead = arena_array(arena, bool, count);
    r.stored = arena_array(arena, bool, count);
    r.epilogue = arena_array(arena, bool, count);
    r.wanted_whole = arena_array(arena, bool, count);
    r.exact = arena_array(arena, bool, count);
    r.again = arena_array(arena, bool, count);
    r.done = arena_array(arena, Node *, count);
    r.repeated = arena_array(arena, Node *, count);
    graph_mark_forward(graph, r.forward);
    mark_epilogues(&r);
    mark_stored(&r);
    mark_wanted_whole(&r);
    graph_mark_exact(graph, r.exact);
    return r;
}

void pass_recompute(Module *module, Graph *graph)
{
    Recompute r = survey(graph);
    recompute_mark_ahead(&r);
    choose(&r);
    recompute_move_ahead(&r);
    r = survey(graph);
    choose(&r);
    if (module->share > 0) recompute_spare(&r, module->share);
    rebuild(&r);
}
