/* The walk: every node in order, by its operation's reference rule. */
#include "interp/blas.h"
#include "interp/interp.h"
#include "interp/noise.h"

typedef struct Walker {
    const Interp *interp;
    const Graph *graph;              /* the entry, or a region's body */
    const Tensor *inputs;            /* by graph->inputs */
} Walker;

static const void *input_values(const Walker *walker, const Node *node)
{
    for (int i = 0; i < walker->graph->inputs.count; i++)
        if (walker->graph->inputs.at[i] == node) return walker->inputs[i].data;
    return NULL;
}

/* A parameter, state or session may be read in a body too; an input belongs to the graph that is
 * walked. */
static const void *leaf_values(EvalContext *context, const Node *node)
{
    const Walker *walker = context->walker;
    const Interp *interp = walker->interp;
    if (node->op == OP_param) return interp->params[node->param];
    if (node->op == OP_state) return interp->states[node->param];
    if (node->op == OP_session) return interp->sessions[node->param];
    return input_values(walker, node);
}

static void walk(EvalContext *context, const Graph *graph, Tensor *values)
{
    const Interp *interp = ((const Walker *)context->walker)->interp;
    for (int i = 0; i < graph->nodes.count && !context->error; i++) {
        const Node *node = graph->nodes.at[i];
        Tensor *in = arena_array(context->arena, Tensor, node->input_count + 1);
        for (int j = 0; j < node->input_count; j++) in[j] = values[node->inputs[j]->id];
        values[i] = tensor_new(context->arena, node->type);
        if (!interp->blas || !blas_eval(context, node, in, &values[i]))
            op_row(node->op)->eval(context, node, in, &values[i]);
        if (interp->noise.size > 0) noise_add(&interp->noise, node, in, &values[i]);
    }
}

static void run_graph(EvalContext *context, const Graph *graph, const Tensor *inputs,
                      Tensor *outputs)
{
    const Walker *outer = context->walker;
    Walker walker = {.interp = outer->interp, .graph = graph, .inputs = inputs};
    EvalContext inner = *context;
    inner.walker = &walker;
    Tensor *values = arena_array(context->arena, Tensor, graph->nodes.count + 1);
    walk(&inner, graph, values);
    context->error = inner.error;
    if (inner.error) return;
    for (int i = 0; i < graph->outputs.count; i++)
        outputs[i] = values[graph->outputs.at[i].node->id];
}

/* Rows beyond count hold whatever came of the caller's rows: they come out as zeros. */
static void clear_invalid(Tensor *tensor, int64_t count)
{
    int axis = tensor->type.batch_axis;
    if (axis < 0 || count * tensor->type.batch_inner == tensor->type.dim[axis]) return;
    int64_t stride[MAX_RANK], elements = type_elements(tensor->type);
    type_strides(tensor->type, stride);
    for (int64_t e = 0; e < elements; e++)
        if (e / stride[axis] % tensor->type.dim[axis] >= count * tensor->type.batch_inner)
            tensor_set(tensor, e, 0.0);
}

/* Outputs may share a node, and an output may be an input: each gets values of its own. */
static void own_output(Arena *arena, Tensor *output, int64_t count)
{
    size_t bytes = (size_t)type_elements(output->type) * dtype_size(output->type.dtype);
    output->data = arena_copy(arena, output->data, bytes);
    clear_invalid(output, count);
}

static const char *check_call(Arena *arena, const Graph *graph, const Tensor *inputs, int64_t count)
{
    if (count < 1 || count > graph->batch)
        return arena_printf(arena, "%s: count %lld is not in 1..%lld", graph->name,
                            (long long)count, (long long)graph->batch);
    for (int i = 0; i < graph->inputs.count; i++)
        if (!type_same_shape(inputs[i].type, graph->inputs.at[i]->type)
            || inputs[i].type.dtype != graph->inputs.at[i]->type.dtype)
            return arena_printf(arena, "%s: input %d should be %s, got %s", graph->name, i,
                                type_text(arena, graph->inputs.at[i]->type),
                                type_text(arena, inputs[i].type));
    return NULL;
}

const char *interp_run(const Interp *interp, Arena *arena, const Graph *graph, const Tensor *inputs,
                       int64_t count, Tensor *outputs)
{
    const char *error = check_call(arena, graph, inputs, count);
    if (error) return error;
    Walker walker = {.interp = interp};
    EvalContext context = {.arena = arena, .count = count, .seed = interp->seed,
                           .leaf = leaf_values, .run = run_graph, .walker = &walker};
    run_graph(&context, graph, inputs, outputs);
    for (int i = 0; !context.error && i < graph->outputs.count; i++)
        own_output(arena, &outputs[i], count);
    return context.error;
}
