/* Appends the backward pass of an entry: what to differentiate, by which leaves, and how the
 * gradients come out. */
#include "ops/build.h"
#include "ops/reverse.h"
#include "passes/pass.h"

static Node *loss_of(const Graph *graph)
{
    for (int i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.at[i].kind == OUT_LOSS) return graph->outputs.at[i].node;
    return NULL;
}

/* Without a loss the caller gives the gradient of every real output, and gets those of the real
 * inputs. The entry then yields nothing else: values and new states are the business of the
 * forward entry. */
static int take_output_gradients(Graph *graph, Node **d_outputs)
{
    int inputs = graph->inputs.count;
    for (int i = 0; i < graph->outputs.count; i++) {
        const Output *output = &graph->outputs.at[i];
        if (output->kind != OUT_OUTPUT || output->node->type.dtype != DT_F32) continue;
        char *name = arena_printf(graph->arena, "d_%s", output->name);
        Attr attr = attr_text(name);
        Origin origin = {.name = name, .span = output->node->span};
        d_outputs[i] = graph_leaf(graph, OP_input, output->node->type, &attr, -1, origin);
    }
    return inputs;
}

static void want_params(Reverse *r, const Module *module)
{
    for (int i = 0; i < r->node_count; i++) {
        const Node *node = r->graph->nodes.at[i];
        if (node->op == OP_param && module->params.at[node->param].trainable) reverse_want(r, node);
    }
}

/* A parameter may be read by several nodes; one that nothing depends on has a gradient of zeros. */
static Node **param_gradients(const Reverse *r, const Module *module)
{
    Node **sums = arena_array(module->arena, Node *, module->params.count + 1);
    for (int i = 0; i < r->node_count; i++) {
        const Node *node = r->graph->nodes.at[i];
        if (node->op != OP_param || !r->d[i]) continue;
        sums[node->param] = gradient_add(r->graph, sums[node->param], r->d[i]);
    }
    for (int i = 0; i < module->params.count; i++)
        if (!sums[i] && module->params.at[i].trainable)
            sums[i] = build_fill(r->graph, module->params.at[i].type, 0.0);
    return sums;
}

static void yield_param_gradients(const Reverse *r, const Module *module)
{
    Node **sums = param_gradients(r, module);
    for (int i = 0; i < module->params.count; i++) {
        const Param *param = &module->params.at[i];
        if (!param->trainable) continue;
        Node *d = sums[i];
        if (!d->name && d->id >= r->node_count)
            d->name = arena_printf(module->arena, "d_%s", param->name);
        graph_output(r->graph, OUT_GRAD, param->name, d, i);
    }
}

static void yield_input_gradients(const Reverse *r, int inputs)
{
    Graph *graph = r->graph;
    for (int i = 0; i < inputs; i++) {
        const Node *input = graph->inputs.at[i];
        if (input->type.dtype != DT_F32) continue;
        Node *d = r->d[input->id] ? r->d[input->id] : build_fill(graph, input->type, 0.0);
        graph_output(graph, OUT_INPUT_GRAD, arena_printf(graph->arena, "d_%s", input->name), d, i);
    }
}

static void differentiate_loss(const Module *module, Graph *graph, Node *loss)
{
    Reverse r = reverse_new(graph);
    r.spare = module->share > 0;
    want_params(&r, module);
    reverse_add(&r, loss, build_fill(graph, loss->type, 1.0));
    reverse_run(&r);
    yield_param_gradients(&r, module);
}

static void differentiate_outputs(const Module *module, Graph *graph)
{
    Node **d_outputs = arena_array(graph->arena, Node *, graph->outputs.count + 1);
    int inputs = take_output_gradients(graph, d_outputs);
    Reverse r = reverse_new(graph);
    r.spare = module->share > 0;
    want_params(&r, module);
    for (int i = 0; i < inputs; i++)
        if (graph->inputs.at[i]->type.dtype == DT_F32) reverse_want(&r, graph->inputs.at[i]);
    for (int i = 0; i < graph->outputs.count; i++)
        if (d_outputs[i]) reverse_add(&r, graph->outputs.at[i].node, d_outputs[i]);
    graph->outputs.count = 0;
    reverse_run(&r);
    yield_param_gradients(&r, module);
    yield_input_gradients(&r, inputs);
}

void pass_differentiate(Module *module, Graph *graph)
{
    Node *loss = loss_of(graph);
    if (loss) differentiate_loss(module, graph, loss);
    else differentiate_outputs(module, graph);
}
