/* Inference from a prepared form: what depends on parameters and states alone is computed once,
 * before the inputs come (kernel/prepare.c divides the kernels of such an entry), and what can be
 * made to depend on them alone is. */
#include <string.h>

#include "ops/fold.h"
#include "passes/pass.h"

static const char ending[] = "_prepared";

bool graph_is_prepared(const Graph *graph)
{
    const size_t n = strlen(graph->name), tail = sizeof ending - 1;
    return n > tail && !strcmp(graph->name + n - tail, ending);
}

static bool is_infer(const Graph *graph)
{
    const size_t n = strlen("infer");
    return !strncmp(graph->name, "infer", n) && (!graph->name[n] || graph->name[n] == '_');
}

void module_add_prepared(Module *module)
{
    const int count = module->entries.count;
    for (int i = 0; i < count; i++) {
        const Graph *graph = module->entries.at[i];
        if (!is_infer(graph) || graph_is_prepared(graph)) continue;
        const char *name = arena_printf(module->arena, "%s%s", graph->name, ending);
        vec_push(module->arena, module->entries, graph_clone(module->arena, graph, name));
    }
}

/* ---- what is there before the inputs ---- */

/* Of what an early node may be computed: early ones, and constants, which alone are not worth
 * memory. */
typedef struct Early {
    bool *early, *constant;
} Early;

static void mark_leaf(const Early *e, const Node *node)
{
    const bool given = node->op == OP_param || node->op == OP_state;
    const bool fixed = node->op == OP_fill || node->op == OP_iota || node->op == OP_constant;
    e->early[node->id] = given;
    e->constant[node->id] = fixed && node->type.batch_axis < 0;
}

static bool is_arithmetic(const Node *node)
{
    const OpKind kind = op_row(node->op)->kind;
    return kind == KIND_MAP || kind == KIND_REDUCE || kind == KIND_CONTRACT || kind == KIND_WINDOW
        || kind == KIND_JOIN || kind == KIND_GATHER;
}

static void mark_node(const Early *e, const Node *node)
{
    const bool view = op_row(node->op)->kind == KIND_VIEW;
    const bool real = node->type.dtype == DT_F32 || node->type.dtype == DT_BOOL;
    bool ready = true, any = false;
    for (int i = 0; i < node->input_count; i++) {
        const int in = node->inputs[i]->id;
        ready &= e->early[in] || e->constant[in];
        any |= e->early[in];
    }
    if (!view) ready &= is_arithmetic(node) && real && node->type.batch_axis < 0;
    e->early[node->id] = ready && any;
    e->constant[node->id] = ready && !any;
}

/* Constants that early nodes are computed of are computed with them. */
static void mark_feeders(const Graph *graph, const Early *e)
{
    for (int i = graph->nodes.count - 1; i >= 0; i--) {
        const Node *node = graph->nodes.at[i];
        for (int j = 0; e->early[i] && j < node->input_count; j++) {
            const Node *in = node->inputs[j];
            if (op_row(in->op)->kind != KIND_LEAF) e->early[in->id] = true;
        }
    }
}

/* What the caller gets is written for every call. */
static void unmark_outputs(const Graph *graph, const Early *e)
{
    for (int i = 0; i < graph->outputs.count; i++) {
        const Node *node = graph->outputs.at[i].node;
        while (op_row(node->op)->kind == KIND_VIEW) node = node->inputs[0];
        if (op_row(node->op)->kind != KIND_LEAF) e->early[node->id] = false;
    }
}

void graph_mark_early(const Graph *graph, bool *early)
{
    Arena *scratch = arena_new();
    const Early e = {early, arena_array(scratch, bool, graph->nodes.count + 1)};
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (op_row(node->op)->kind == KIND_LEAF) mark_leaf(&e, node);
        else mark_node(&e, node);
    }
    unmark_outputs(graph, &e);
    /* What is computed of an output comes after it. */
    for (int i = 0; i < graph->nodes.count; i++)
        for (int j = 0; j < graph->nodes.at[i]->input_count; j++) {
            const int in = graph->nodes.at[i]->inputs[j]->id;
            early[i] &= early[in] || e.constant[in];
        }
    mark_feeders(graph, &e);
    arena_free(scratch);
}

/* ---- folding ---- */

static int *count_readers(const Graph *graph)
{
    int *readers = arena_array(graph->arena, int, graph->nodes.count + 1);
    for (int i = 0; i < graph->nodes.count; i++)
        for (int j = 0; j < graph->nodes.at[i]->input_count; j++)
            readers[graph->nodes.at[i]->inputs[j]->id]++;
    for (int i = 0; i < graph->outputs.count; i++) readers[graph->outputs.at[i].node->id]++;
    return readers;
}

static Node *copied(Graph *to, const Node *node, Node *const *done)
{
    Node **inputs = arena_array(to->arena, Node *, node->input_count + 1);
    for (int i = 0; i < node->input_count; i++) inputs[i] = done[node->inputs[i]->id];
    return graph_copy_node(to, node, inputs);
}

void pass_fold(Module *module, Graph *graph)
{
    Arena *arena = graph->arena;
    bool *early = arena_array(arena, bool, graph->nodes.count + 1);
    Node **done = arena_array(arena, Node *, graph->nodes.count + 1);
    Graph *to = graph_new(arena, graph->name, graph->batch);
    (void)module;
    graph_mark_early(graph, early);
    const Fold fold = {to, done, early, count_readers(graph)};
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        to->origin = (Origin){.layer = node->layer, .span = node->span};
        Node *folded = fold_scale(&fold, node);
        done[i] = folded ? folded : copied(to, node, done);
    }
    for (int i = 0; i < graph->outputs.count; i++) {
        const Output *output = &graph->outputs.at[i];
        graph_output(to, output->kind, output->name, done[output->node->id], output->param);
    }
    *graph = *to;
    graph_renumber(graph);
}
