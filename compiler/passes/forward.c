/* Which nodes belong to the forward part of an entry that yields gradients, and what of it its
 * backward part may compute again. */
#include "ops/op.h"
#include "passes/pass.h"

static bool is_gradient(OutputKind kind)
{
    return kind == OUT_GRAD || kind == OUT_INPUT_GRAD;
}

/* What the outputs other than gradients are. */
static bool mark_outputs(const Graph *graph, bool *forward)
{
    bool any = false;
    for (int i = 0; i < graph->outputs.count; i++) {
        if (is_gradient(graph->outputs.at[i].kind)) continue;
        forward[graph->outputs.at[i].node->id] = true;
        any = true;
    }
    return any;
}

/* The gradients that the caller gives are inputs that no declaration stands for. What depends on
 * none of them was there before the backward part; but maps and views may as well be copies that
 * it makes for itself, so they count only if something else needs them. */
static void mark_independent(const Graph *graph, bool *forward)
{
    Arena *scratch = arena_new();
    bool *depends = arena_array(scratch, bool, graph->nodes.count + 1);
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        depends[i] = node->op == OP_input && node->param < 0;
        for (int j = 0; j < node->input_count; j++) depends[i] |= depends[node->inputs[j]->id];
        forward[i] = !depends[i] && !op_is_repeatable(node);
    }
    arena_free(scratch);
}

void graph_mark_forward(const Graph *graph, bool *forward)
{
    if (!mark_outputs(graph, forward)) mark_independent(graph, forward);
    for (int i = graph->nodes.count - 1; i >= 0; i--) {
        const Node *node = graph->nodes.at[i];
        forward[i] |= node->kept;
        for (int j = 0; forward[i] && j < node->input_count; j++)
            forward[node->inputs[j]->id] = true;
    }
}

static const Node *behind_views(const Node *node)
{
    while (op_row(node->op)->kind == KIND_VIEW) node = node->inputs[0];
    return node;
}

void graph_mark_exact(const Graph *graph, bool *exact)
{
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (node->type.dtype != DT_BOOL || node->input_count != 2) continue;
        for (int j = 0; j < 2; j++) {
            const Node *of = behind_views(node->inputs[j]),
                       *reduced = behind_views(node->inputs[1 - j]);
            if (op_row(reduced->op)->kind == KIND_REDUCE && behind_views(reduced->inputs[0]) == of)
                exact[of->id] = true;
        }
    }
}

bool op_is_repeatable(const Node *node)
{
    OpKind kind = op_row(node->op)->kind;
    return kind == KIND_MAP || kind == KIND_VIEW || kind == KIND_RANDOM;
}
