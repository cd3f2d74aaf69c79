/* Rebuilds a graph with every node rewritten for less work, and equal nodes made one. */
#include <string.h>

#include "ops/rewrite.h"
#include "passes/pass.h"

enum { BUCKETS = 1024 };

typedef VEC(Node *) Bucket;

typedef struct Simplifier {
    Graph *graph;                    /* the new one */
    Rewriter rewriter;
    Bucket *seen;                    /* nodes of the new graph by hash */
} Simplifier;

/* ---- equal nodes ---- */

static bool attr_equal(const Attr *a, const Attr *b)
{
    if (a->count != b->count || memcmp(&a->number, &b->number, sizeof a->number) != 0) return false;
    if (memcmp(a->ints, b->ints, sizeof *a->ints * (size_t)a->count) != 0) return false;
    return a->text == b->text || (a->text && b->text && strcmp(a->text, b->text) == 0);
}

static bool node_equal(const Node *a, const Node *b)
{
    if (a->op != b->op || a->input_count != b->input_count || a->param != b->param) return false;
    if (!type_equal(a->type, b->type) || a->values != b->values) return false;
    for (int i = 0; i < a->input_count; i++)
        if (a->inputs[i] != b->inputs[i]) return false;
    for (int i = 0; i < MAX_ATTRS; i++)
        if (!attr_equal(&a->attr[i], &b->attr[i])) return false;
    return true;
}

static unsigned node_hash(const Node *node)
{
    unsigned hash = (unsigned)node->op * 31u + (unsigned)node->param;
    for (int i = 0; i < node->input_count; i++) hash = hash * 131u + (unsigned)node->inputs[i]->id;
    return hash % BUCKETS;
}

/* Every region and every input stands for itself. */
static bool is_unique(const Node *node)
{
    return node->body || node->op == OP_input;
}

static Node *find_equal(const Simplifier *s, const Node *node)
{
    const Bucket *bucket = &s->seen[node_hash(node)];
    for (int i = 0; i < bucket->count && !is_unique(node); i++)
        if (node_equal(bucket->at[i], node)) return bucket->at[i];
    return NULL;
}

/* ---- rewriting ---- */

/* The value that stays takes over the name of the one that goes, if it has none. */
static Node *replace(Simplifier *s, const Node *gone, Node *stays)
{
    if (!stays->name && gone->name) {
        stays->name = gone->name;
        stays->layer = gone->layer;
        stays->span = gone->span;
    }
    if (s->graph->nodes.count == gone->id + 1) s->graph->nodes.count--;
    return stays;
}

static Node *settle(void *context, Node *node)
{
    Simplifier *s = context;
    Node *equal = find_equal(s, node);
    if (equal) return replace(s, node, equal);
    Origin before = s->graph->origin;
    s->graph->origin = (Origin){.layer = node->layer, .span = node->span};
    Node *less = rewrite_node(&s->rewriter, node);
    s->graph->origin = before;
    if (less) return replace(s, node, less);
    vec_push(s->graph->arena, s->seen[node_hash(node)], node);
    return node;
}

static Node *copy_with_inputs(Simplifier *s, const Node *node, Node *const *done)
{
    Arena *arena = s->graph->arena;
    Node **inputs = arena_array(arena, Node *, node->input_count + 1);
    for (int i = 0; i < node->input_count; i++) inputs[i] = done[node->inputs[i]->id];
    return graph_copy_node(s->graph, node, inputs);
}

void pass_simplify(Module *module, Graph *graph)
{
    Arena *arena = graph->arena;
    Simplifier s = {.graph = graph_new(arena, graph->name, graph->batch)};
    s.seen = arena_array(arena, Bucket, BUCKETS);
    s.rewriter = rewriter_new(s.graph, settle, &s);
    Node **done = arena_array(arena, Node *, graph->nodes.count + 1);
    for (int i = 0; i < graph->nodes.count; i++) {
        Node *copy = copy_with_inputs(&s, graph->nodes.at[i], done);
        if (copy->body) pass_simplify(module, copy->body);
        done[i] = settle(&s, copy);
    }
    for (int i = 0; i < graph->outputs.count; i++) {
        const Output *output = &graph->outputs.at[i];
        graph_output(s.graph, output->kind, output->name, done[output->node->id], output->param);
    }
    *graph = *s.graph;
    graph_renumber(graph);
}
