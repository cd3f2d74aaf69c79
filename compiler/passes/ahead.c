/* Slopes ahead of time: maps that only gradients need, but that the forward part can compute,
 * because they depend on no gradient.
 *
 * Where keeping such a value costs no more than keeping what it is computed from, the forward part
 * computes and keeps it: the slope of an activation in place of its argument. It has the argument
 * at hand, and most often a part of the slope with it, as gelu has the distribution function; the
 * backward part is left with one multiplication. What the backward part stores in any case, because
 * it reads it whole (the gradient of a loss), it makes itself, just before it is read. */
#include "ops/op.h"
#include "passes/recompute.h"

bool recompute_is_free(const Node *node)
{
    return op_row(node->op)->kind == KIND_LEAF && node->param < 0 && node->op != OP_input
        && !node->values;
}

static void mark_read_whole(const Recompute *r, bool *whole)
{
    for (int i = r->graph->nodes.count; i-- > 0;) {
        const Node *node = r->graph->nodes.at[i];
        whole[i] |= r->wanted_whole[i];
        if (whole[i] && op_row(node->op)->kind == KIND_VIEW) whole[node->inputs[0]->id] = true;
    }
    for (int i = 0; i < r->graph->outputs.count; i++)
        whole[r->graph->outputs.at[i].node->id] = true;
}

void recompute_mark_ahead(Recompute *r)
{
    const Graph *graph = r->graph;
    Arena *scratch = arena_new();
    bool *whole = arena_array(scratch, bool, graph->nodes.count + 1);
    mark_read_whole(r, whole);
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        const OpKind kind = op_row(node->op)->kind;
        bool ahead = !r->forward[i] && !whole[i] && node->type.dtype == DT_F32
                  && (kind == KIND_MAP || kind == KIND_VIEW);
        for (int j = 0; ahead && j < node->input_count; j++) {
            const Node *input = node->inputs[j];
            ahead = r->forward[input->id] || r->ahead[input->id] || recompute_is_free(input);
        }
        r->ahead[i] = ahead;
    }
    arena_free(scratch);
}

/* ---- the new graph ---- */

typedef struct Mover {
    Recompute *r;
    Graph *to;
    Node **done;                     /* per node: its copy */
    int *behind;                     /* per node that moves: the last node in front of it */
    int *next, *first;               /* lists of nodes that move behind a node, in order */
} Mover;

static bool moves(const Recompute *r, int id) { return r->ahead[id] && !r->again[id]; }

static void list_behind(Mover *m)
{
    const Graph *graph = m->r->graph;
    for (int i = graph->nodes.count; i-- > 0;) m->first[i] = -1;
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        m->behind[i] = moves(m->r, i) ? 0 : i;
        for (int j = 0; moves(m->r, i) && j < node->input_count; j++) {
            const Node *input = node->inputs[j];
            if (!recompute_is_free(input) && m->behind[input->id] > m->behind[i])
                m->behind[i] = m->behind[input->id];
        }
    }
    for (int i = graph->nodes.count; i-- > 0;) {
        if (!moves(m->r, i)) continue;
        m->next[i] = m->first[m->behind[i]];
        m->first[m->behind[i]] = i;
    }
}

/* Constants come with whoever needs them first. */
static void copy(Mover *m, const Node *node)
{
    if (m->done[node->id]) return;
    Node **inputs = arena_array(m->r->graph->arena, Node *, node->input_count + 1);
    for (int i = 0; i < node->input_count; i++) {
        copy(m, node->inputs[i]);
        inputs[i] = m->done[node->inputs[i]->id];
    }
    m->done[node->id] = graph_copy_node(m->to, node, inputs);
    m->done[node->id]->kept |= moves(m->r, node->id);
}

void recompute_move_ahead(Recompute *r)
{
    Graph *graph = r->graph;
    const int count = graph->nodes.count + 1;
    Mover m = {.r = r, .to = graph_new(graph->arena, graph->name, graph->batch)};
    m.done = arena_array(graph->arena, Node *, count);
    m.behind = arena_array(graph->arena, int, count);
    m.next = arena_array(graph->arena, int, count);
    m.first = arena_array(graph->arena, int, count);
    list_behind(&m);
    for (int i = 0; i < graph->nodes.count; i++) {
        if (!moves(r, i)) copy(&m, graph->nodes.at[i]);
        for (int j = m.first[i]; j >= 0; j = m.next[j]) copy(&m, graph->nodes.at[j]);
    }
    for (int i = 0; i < graph->outputs.count; i++) {
        const Output *output = &graph->outputs.at[i];
        graph_output(m.to, output->kind, output->name, m.done[output->node->id], output->param);
    }
    *graph = *m.to;
}
