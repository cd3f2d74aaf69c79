/* What an entry keeps (states), and a scan from step to step (carries), is written when everything
 * has read the old value, one after another. A new value that is the old one of another would then
 * read what has been written: it gets a value of its own first. */
#include "ops/build.h"
#include "ops/scan.h"
#include "passes/pass.h"

static const Node *root_of(const Node *node)
{
    while (op_row(node->op)->kind == KIND_VIEW) node = node->inputs[0];
    return node;
}

static void separate(Graph *graph, Output *output)
{
    const char *error;
    Origin origin = {output->name, output->node->layer, output->node->span};
    output->node = graph_append(graph, OP_stop_gradient, &output->node, 1, NULL, origin, &error);
}

static bool is_state(const Node *node)
{
    return node->op == OP_state || node->op == OP_session;
}

static void separate_states(Graph *graph)
{
    for (int i = 0; i < graph->outputs.count; i++) {
        Output *output = &graph->outputs.at[i];
        const Node *root = root_of(output->node);
        if ((output->kind == OUT_STATE || output->kind == OUT_SESSION) && is_state(root)
            && (output->node != root || root->param != output->param))
            separate(graph, output);
    }
}

static void separate_carries(const Node *owner)
{
    Graph *body = owner->body;
    const Scan scan = scan_parts(owner);
    for (int i = 0; i < scan.carries; i++)
        for (int j = 0; j < scan.carries; j++) {
            Output *output = &body->outputs.at[i];
            const Node *other = body->inputs.at[scan.sequences + j];
            if (root_of(output->node) == other && (i != j || output->node != other))
                separate(body, output);
        }
}

void pass_separate(Module *module, Graph *graph)
{
    separate_states(graph);
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (!node->body) continue;
        separate_carries(node);
        pass_separate(module, node->body);
    }
    graph_renumber(graph);
}
