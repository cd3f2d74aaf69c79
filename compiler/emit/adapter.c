/* Uniform calls: an entry behind the one signature of nn_entry.call. */
#include "emit/emit.h"

static const char *input_expr(const Emission *e, const Graph *graph, int i)
{
    return arena_printf(e->arena, "(const %s *)call->inputs[%d]",
                        emit_c_type(graph->inputs.at[i]->type.dtype), i);
}

static const char *output_expr(const Emission *e, const Output *o, int number)
{
    return arena_printf(e->arena, "(%s *)call->outputs[%d]",
                        emit_c_type(o->node->type.dtype), number);
}

static void with_args(Text *out, const Emission *e, const EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    const EntryNames *names = emit_entry_names(e, entry);
    text_addf(out, "    %s_%s_args args;\n", e->options.name, entry->name);
    if (e->plan->param_floats) text_add(out, "    args.params = call->params;\n");
    if (e->plan->state_floats) text_add(out, "    args.states = call->states;\n");
    if (emit_takes_session(graph))
        text_addf(out, "    args.session = (%s_session *)call->sessions;\n", e->options.name);
    for (int i = 0; i < graph->inputs.count; i++)
        text_addf(out, "    args.%s = %s;\n", names->inputs[i], input_expr(e, graph, i));
    text_add(out, "    args.count = call->count;\n");
    if (emit_takes_seed(graph)) text_add(out, "    args.seed = call->seed;\n");
    if (emit_has(graph, OUT_GRAD)) text_add(out, "    args.grads = call->grads;\n");
    if (emit_has(graph, OUT_LOSS)) text_add(out, "    args.loss = call->loss;\n");
    for (int i = 0, n = 0; i < graph->outputs.count; i++)
        if (names->outputs[i])
            text_addf(out, "    args.%s = call->outputs ? %s : NULL;\n", names->outputs[i],
                      output_expr(e, &graph->outputs.at[i], n++));
    if (emit_has(graph, OUT_METRIC)) text_add(out, "    args.metrics = call->metrics;\n");
    text_add(out, "    args.workspace = call->workspace;\n");
    if (e->options.threads) text_add(out, "    args.parallel = NULL;\n");
}

static void positional(Text *line, const Emission *e, const EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    const EntryNames *names = emit_entry_names(e, entry);
    if (e->plan->param_floats) text_add(line, "call->params, ");
    if (e->plan->state_floats) text_add(line, "call->states, ");
    if (emit_takes_session(graph))
        text_addf(line, "(%s_session *)call->sessions, ", e->options.name);
    for (int i = 0; i < graph->inputs.count; i++)
        text_addf(line, "%s, ", input_expr(e, graph, i));
    if (emit_takes_count(graph)) text_add(line, "call->count, ");
    if (emit_takes_seed(graph)) text_add(line, "call->seed, ");
    for (int i = 0, n = 0; i < graph->outputs.count; i++)
        if (names->outputs[i])
            text_addf(line, "%s, ", output_expr(e, &graph->outputs.at[i], n++));
    text_add(line, e->options.threads ? "call->workspace, NULL" : "call->workspace");
}

static void adapter(Text *out, const Emission *e, const EntryPlan *entry, const char *suffix)
{
    const char *name = e->options.name;
    Text line = text_new(e->arena);
    text_addf(out, "static int %s_call_%s%s(const nn_call *call)\n{\n", name, entry->name, suffix);
    text_addf(&line, "return %s_%s%s(", name, entry->name, suffix);
    if (emit_takes_args(entry->graph)) {
        with_args(out, e, entry);
        text_add(&line, "&args");
    } else {
        positional(&line, e, entry);
    }
    text_add(&line, ");");
    wrap_code(out, 4, line.at);
    text_add(out, "}\n\n");
}

void emit_adapters(Text *out, const Emission *e, int target)
{
    const bool portable = target + 1 == e->target_count;
    for (int i = 0; i < e->plan->entries.count; i++)
        adapter(out, e, e->plan->entries.at[i], portable ? "" : emit_suffix(e, target));
}
