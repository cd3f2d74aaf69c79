/* Reverse accumulation over one graph, by the gradient rules of its operations. */
#include "ops/reverse.h"

#include <assert.h>

#include "ops/build.h"

Node *gradient_add(Graph *graph, Node *sum, Node *d)
{
    return sum ? build_map(graph, OP_add, 2, (Node *[]){sum, d}) : d;
}

Reverse reverse_new(Graph *graph)
{
    Reverse r = {.graph = graph, .node_count = graph->nodes.count};
    r.wanted = arena_array(graph->arena, bool, r.node_count + 1);
    r.d = arena_array(graph->arena, Node *, r.node_count + 1);
    r.results = arena_array(graph->arena, Node **, r.node_count + 1);
    return r;
}

void reverse_want(Reverse *r, const Node *leaf)
{
    r->wanted[leaf->id] = true;
}

void reverse_add(Reverse *r, const Node *node, Node *d)
{
    assert(type_equal(node->type, d->type) && "a gradient has the type of its value");
    Node **sum = &r->d[node->id];
    *sum = gradient_add(r->graph, *sum, d);
}

/* A node's gradient is used if it is real and depends on a wanted leaf. */
static void spread_wanted(Reverse *r)
{
    for (int i = 0; i < r->node_count; i++) {
        const Node *node = r->graph->nodes.at[i];
        for (int j = 0; j < node->input_count; j++)
            if (node->type.dtype == DT_F32 && r->wanted[node->inputs[j]->id]) r->wanted[i] = true;
    }
}

static Node **results_of(Reverse *r, const Node *owner)
{
    Node ***slot = &r->results[owner->id];
    if (!*slot) *slot = arena_array(r->graph->arena, Node *, owner->body->outputs.count + 1);
    return *slot;
}

/* "d_hidden" is the gradient of "hidden": the sum of all contributions, unless it already stands
 * for another value. */
static void name_gradient(const Reverse *r, const Node *node)
{
    Node *d = r->d[node->id];
    if (node->name && d && !d->name && d->id >= r->node_count)
        d->name = arena_printf(r->graph->arena, "d_%s", node->name);
}

static void differentiate_node(Reverse *r, const Node *node)
{
    Arena *arena = r->graph->arena;
    Grad g = {.graph = r->graph, .node = node, .spare = r->spare, .dy = r->d[node->id]};
    g.y = r->graph->nodes.at[node->id];
    g.dx = arena_array(arena, Node *, node->input_count + 1);
    bool *wanted = arena_array(arena, bool, node->input_count + 1);
    for (int i = 0; i < node->input_count; i++) wanted[i] = r->wanted[node->inputs[i]->id];
    g.wanted = wanted;
    if (op_row(node->op)->kind == KIND_REGION)
        g.results = results_of(r, node->body ? node : node->inputs[0]);

    r->graph->origin = (Origin){.layer = node->layer, .span = node->span};
    op_row(node->op)->grad(&g);
    for (int i = 0; i < node->input_count; i++)
        if (g.dx[i] && wanted[i]) reverse_add(r, node->inputs[i], g.dx[i]);
}

void reverse_run(Reverse *r)
{
    spread_wanted(r);
    for (int i = r->node_count - 1; i >= 0; i--) {
        const Node *node = r->graph->nodes.at[i];
        if (!r->wanted[i] || (!r->d[i] && !r->results[i])) continue;
        name_gradient(r, node);
        differentiate_node(r, node);
    }
    r->graph->origin = (Origin){0};
}
