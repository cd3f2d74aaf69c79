/* What entries take: which arguments there are, the signature, and the checks that stand first. */
#include "base/wrap.h"
#include "emit/emit.h"

int emit_count(const Graph *graph, OutputKind kind)
{
    int n = 0;
    for (int i = 0; i < graph->outputs.count; i++) n += graph->outputs.at[i].kind == kind;
    return n;
}

bool emit_has(const Graph *graph, OutputKind kind) { return emit_count(graph, kind) > 0; }

bool emit_takes_args(const Graph *graph)
{
    return emit_has(graph, OUT_LOSS) || emit_has(graph, OUT_GRAD);
}

bool emit_takes_count(const Graph *graph) { return emit_takes_args(graph) || graph->batch > 1; }

bool emit_takes_seed(const Graph *graph)
{
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (op_row(node->op)->kind == KIND_RANDOM) return true;
        if (node->body && emit_takes_seed(node->body)) return true;
    }
    return false;
}

bool emit_is_tensor(OutputKind kind) { return kind == OUT_OUTPUT || kind == OUT_INPUT_GRAD; }

static bool reads_session(const Graph *graph)
{
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (node->op == OP_session || (node->body && reads_session(node->body))) return true;
    }
    return false;
}

bool emit_takes_session(const Graph *graph)
{
    return emit_has(graph, OUT_SESSION) || reads_session(graph);
}

static const char *states_type(const Graph *graph)
{
    return emit_has(graph, OUT_STATE) ? "float *" : "const float *";
}

char *emit_signature(const Emission *e, const EntryPlan *entry, const char *suffix, const char *end)
{
    const Graph *graph = entry->graph;
    const EntryNames *names = emit_entry_names(e, entry);
    Text line = text_new(e->arena), out = text_new(e->arena);
    text_addf(&line, "int %s_%s%s(", e->options.name, entry->name, suffix);
    if (emit_takes_args(graph)) {
        text_addf(&line, "const %s_%s_args *args)%s", e->options.name, entry->name, end);
        return line.at;
    }
    if (e->plan->param_floats) text_add(&line, "const float *params, ");
    if (e->plan->state_floats) text_addf(&line, "%sstates, ", states_type(graph));
    if (emit_takes_session(graph)) text_addf(&line, "%s_session *session, ", e->options.name);
    for (int i = 0; i < graph->inputs.count; i++)
        text_addf(&line, "const %s *%s, ", emit_c_type(graph->inputs.at[i]->type.dtype),
                  names->inputs[i]);
    if (emit_takes_count(graph)) text_add(&line, "int count, ");
    if (emit_takes_seed(graph)) text_add(&line, "uint64_t seed, ");
    for (int i = 0; i < graph->outputs.count; i++)
        if (names->outputs[i])
            text_addf(&line, "%s *%s, ", emit_c_type(graph->outputs.at[i].node->type.dtype),
                      names->outputs[i]);
    text_addf(&line, "void *workspace%s)%s",
              e->options.threads ? ", const nn_parallel *parallel" : "", end);
    wrap_code(&out, 0, line.at);
    out.at[--out.length] = 0;
    return out.at;
}

static void require(Text *list, const char *prefix, const char *name)
{
    text_addf(list, "%s!%s%s", list->length ? " || " : "", prefix, name);
}

void emit_check_arguments(Text *out, const Emission *e, const EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    const EntryNames *names = emit_entry_names(e, entry);
    const bool args = emit_takes_args(graph);
    const char *from = args ? "args->" : "";
    Text list = text_new(e->arena);
    if (args) require(&list, "", "args");
    if (e->plan->param_floats) require(&list, from, "params");
    if (e->plan->state_floats) require(&list, from, "states");
    if (emit_takes_session(graph)) require(&list, from, "session");
    for (int i = 0; i < graph->inputs.count; i++) require(&list, from, names->inputs[i]);
    if (emit_has(graph, OUT_GRAD)) require(&list, from, "grads");
    if (emit_has(graph, OUT_LOSS)) require(&list, from, "loss");
    for (int i = 0; !emit_has(graph, OUT_LOSS) && i < graph->outputs.count; i++)
        if (names->outputs[i]) require(&list, from, names->outputs[i]);
    if (entry->workspace_bytes) require(&list, from, "workspace");
    if (list.length) {
        wrap_code(out, 4, arena_printf(e->arena, "if (%s)", list.at));
        text_add(out, "        return NN_BAD_ARGUMENT;\n");
    }
    if (emit_takes_count(graph))
        text_addf(out, "    if (%scount < 1 || %scount > %lld) return NN_BAD_COUNT;\n", from, from,
                  (long long)graph->batch);
    if (!entry->workspace_bytes && !args) text_add(out, "    (void)workspace;\n");
}
