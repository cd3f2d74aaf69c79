/* Entry functions: they check their arguments and call the kernels in order, one a line, in the words of the model. */
#include <string.h>

#include "emit/emit.h"
#include "kernel/describe.h"
#include "loop/print.h"

/* ---- signatures ---- */

static const char *states_type(const Graph *graph) { return emit_has(graph, OUT_STATE) ? "float *" : "const float *"; }

char *emit_signature(const Emission *e, const EntryPlan *entry, const char *suffix) {
    Text out = text_new(e->arena);
    const Graph *graph = entry->graph;
    text_addf(&out, "int %s_%s%s(", e->options.name, entry->name, suffix);
    if (emit_has_loss(graph)) {
        text_addf(&out, "const %s_%s_args *args)", e->options.name, entry->name);
        return out.at;
    }
    text_add(&out, "const float *params, ");
    if (e->plan->state_floats) text_addf(&out, "%sstates, ", states_type(graph));
    for (int i = 0; i < graph->inputs.count; i++)
        text_addf(&out, "const %s *%s, ", emit_c_type(graph->inputs.at[i]->type.dtype),
                  emit_identifier(e->arena, graph->inputs.at[i]->attr[0].text));
    for (int i = 0; i < graph->outputs.count; i++)
        if (emit_is_tensor(graph->outputs.at[i].kind))
            text_addf(&out, "%s *%s, ", emit_c_type(graph->outputs.at[i].node->type.dtype),
                      emit_identifier(e->arena, graph->outputs.at[i].name));
    text_add(&out, "void *workspace)");
    return out.at;
}

/* ---- arguments of kernels ---- */

static const char *at_offset(Arena *arena, const char *base, int64_t offset) {
    return offset ? arena_printf(arena, "%s + %lld", base, (long long)offset) : base;
}

/* A name of this entry that no argument has. */
static const char *local_name(const Emission *e, const EntryPlan *entry, const Value *v) {
    const char *name = emit_identifier(e->arena, v->name);
    for (int i = 0; i < entry->graph->outputs.count; i++) {
        const Output *o = &entry->graph->outputs.at[i];
        if (emit_is_tensor(o->kind) && !strcmp(emit_identifier(e->arena, o->name), name))
            return arena_printf(e->arena, "%s_value", name);
    }
    return name;
}

static const char *argument(const Emission *e, const EntryPlan *entry, const Value *v) {
    const char *const pointer = v->dtype == DT_I32 ? "(int32_t *)(void *)" : "";
    switch (v->place) {
    case AT_INPUT: return emit_identifier(e->arena, v->node->attr[0].text);
    case AT_PARAM: return at_offset(e->arena, "params", v->offset);
    case AT_STATE: return at_offset(e->arena, "states", v->offset);
    case AT_GRAD: return at_offset(e->arena, "grads", v->offset);
    case AT_METRIC: return at_offset(e->arena, "metrics", v->offset);
    case AT_LOSS: return "loss";
    case AT_OUTPUT: return emit_identifier(e->arena, entry->graph->outputs.at[v->index].name);
    case AT_CONST: return arena_printf(e->arena, "%s_%s_%s", e->options.name, entry->name, emit_identifier(e->arena, v->name));
    default: return arena_printf(e->arena, "%s%s", pointer, local_name(e, entry, v));
    }
}

/* ---- bodies ---- */

static void refuse_null(Text *out, const char *names) {
    text_addf(out, "    if (%s) return NN_BAD_ARGUMENT;\n", names);
}

static void required(Text *list, const char *prefix, const char *name) {
    text_addf(list, "%s!%s%s", list->length ? " || " : "", prefix, name);
}

/* Every pointer that must not be NULL, tested before anything is written. */
static void check_pointers(Text *out, const Emission *e, const EntryPlan *entry) {
    const Graph *graph = entry->graph;
    const bool args = emit_has_loss(graph);
    const char *from = args ? "args->" : "";
    Text list = text_new(e->arena);
    if (args) required(&list, "", "args");
    if (e->plan->param_floats) required(&list, from, "params");
    if (e->plan->state_floats) required(&list, from, "states");
    for (int i = 0; i < graph->inputs.count; i++)
        required(&list, from, emit_identifier(e->arena, graph->inputs.at[i]->attr[0].text));
    if (emit_has(graph, OUT_GRAD)) required(&list, from, "grads");
    if (emit_has(graph, OUT_LOSS)) required(&list, from, "loss");
    if (emit_has(graph, OUT_METRIC)) required(&list, from, "metrics");
    for (int i = 0; !args && i < graph->outputs.count; i++)
        if (emit_is_tensor(graph->outputs.at[i].kind)) required(&list, "", emit_identifier(e->arena, graph->outputs.at[i].name));
    if (entry->workspace_bytes) required(&list, from, "workspace");
    if (list.length) refuse_null(out, list.at);
    if (args)
        text_addf(out, "    if (args->count < 1 || args->count > %lld) return NN_BAD_COUNT;\n", (long long)graph->batch);
}

static bool uses_place(const EntryPlan *entry, Place place) {
    for (int i = 0; i < entry->kernels.count; i++) {
        const Kernel *k = entry->kernels.at[i];
        for (int j = 0; j < k->operands.count; j++)
            if (k->operands.at[j]->place == place) return true;
        for (int j = 0; j < k->results.count; j++)
            if (k->results.at[j]->place == place) return true;
    }
    return false;
}

static bool entry_counts(const LoweredEntry *lowered) {
    for (int i = 0; i < lowered->calls.count; i++)
        if (lowered->calls.at[i].function->scalars.count) return true;
    return false;
}

/* The fields of the argument structure under their own names. */
static void unpack(Text *out, const Emission *e, const EntryPlan *entry) {
    const Graph *graph = entry->graph;
    if (uses_place(entry, AT_PARAM)) text_add(out, "    const float *const params = args->params;\n");
    if (uses_place(entry, AT_STATE)) text_addf(out, "    %sconst states = args->states;\n", states_type(graph));
    for (int i = 0; i < graph->inputs.count; i++) {
        const char *name = emit_identifier(e->arena, graph->inputs.at[i]->attr[0].text);
        text_addf(out, "    const %s *const %s = args->%s;\n", emit_c_type(graph->inputs.at[i]->type.dtype), name, name);
    }
    if (emit_has(graph, OUT_GRAD)) text_add(out, "    float *const grads = args->grads;\n");
    if (emit_has(graph, OUT_LOSS)) text_add(out, "    float *const loss = args->loss;\n");
    if (emit_has(graph, OUT_METRIC)) text_add(out, "    float *const metrics = args->metrics;\n");
}

static void workspace_values(Text *out, const Emission *e, const EntryPlan *entry) {
    const bool args = emit_has_loss(entry->graph);
    if (!entry->workspace_bytes) return;
    text_addf(out, "    float *const work = (float *)%sworkspace;\n", args ? "args->" : "");
    for (int i = 0; i < entry->values.count; i++) {
        const Value *v = entry->values.at[i];
        if (v->first < 0) continue;
        const char *place = at_offset(e->arena, "work", v->offset / 4);
        if (v->place == AT_WORK) {
            text_addf(out, "    float *const %s = %s;\n", local_name(e, entry, v), place);
        } else if (v->place == AT_OUTPUT && v->offset >= 0 && args) {
            const char *name = emit_identifier(e->arena, entry->graph->outputs.at[v->index].name);
            const char *type = emit_c_type(v->dtype);
            text_addf(out, "    %s *const %s = args->%s ? args->%s : (%s *)(void *)(%s);\n", type, name, name, name, type, place);
        }
    }
}

/* Gradients whose stored form has padding, or that nothing computes, start from zero. */
static void clear_padding(Text *out, const Emission *e, const EntryPlan *entry) {
    if (!emit_has(entry->graph, OUT_GRAD)) return;
    for (int i = 0; i < e->module->params.count; i++) {
        const ParamLayout *layout = &e->plan->params[i];
        bool made = false;
        for (int j = 0; j < entry->graph->outputs.count; j++)
            made |= entry->graph->outputs.at[j].kind == OUT_GRAD && entry->graph->outputs.at[j].param == i;
        if (made && !layout->padded) continue;
        text_addf(out, "    memset(%s, 0, %lld * sizeof(float));%s\n", at_offset(e->arena, "grads", layout->offset),
                  (long long)layout->floats, made ? "" : "    /* not trained */");
    }
}

static void call_line(Text *out, const Emission *e, const LoweredEntry *lowered, const KernelCall *call, const PrintNames *names) {
    Text line = text_new(e->arena);
    text_addf(&line, "%s(", function_c_name(e->arena, call->function, names));
    for (int i = 0; i < call->arguments.count; i++)
        text_addf(&line, "%s%s", i ? ", " : "", argument(e, lowered->plan, call->arguments.at[i]));
    if (call->function->scalars.count) text_addf(&line, "%scount", call->arguments.count ? ", " : "");
    text_add(&line, ")");
    if (call->function->returns_status) text_addf(out, "    if ((status = %s) != NN_OK) return status;\n", line.at);
    else text_addf(out, "    %s;\n", line.at);
}

static void trace_line(Text *out, const Emission *e, const LoweredEntry *lowered, const Kernel *k) {
    if (!k->anchor || !k->results.count || !k->anchor->layer || !*k->anchor->layer) return;
    const Value *v = k->results.at[0];
    if (v->place != AT_WORK && v->place != AT_OUTPUT) return;
    text_addf(out, "    %s_TRACE(\"%s\", %s, %lld);\n", emit_upper(e->arena, e->options.name), k->anchor->layer,
              argument(e, lowered->plan, v), (long long)v->elements);
}

static void body(Text *out, const Emission *e, const LoweredEntry *lowered, const PrintNames *names) {
    const EntryPlan *entry = lowered->plan;
    const bool args = emit_has_loss(entry->graph);
    check_pointers(out, e, entry);
    if (args) unpack(out, e, entry);
    if (entry_counts(lowered))
        text_addf(out, args ? "    const ptrdiff_t count = args->count;\n" : "    const ptrdiff_t count = %lld;\n",
                  (long long)entry->graph->batch);
    workspace_values(out, e, entry);
    if (entry->kernels.count && entry->kernels.at[0]->kind == KERNEL_CHECK) text_add(out, "    int status;\n");
    text_add(out, "\n");
    bool checking = true;
    for (int i = 0; i < lowered->calls.count; i++) {
        if (checking && lowered->calls.at[i].kernel->kind != KERNEL_CHECK) {
            clear_padding(out, e, entry);
            checking = false;
        }
        call_line(out, e, lowered, &lowered->calls.at[i], names);
        trace_line(out, e, lowered, lowered->calls.at[i].kernel);
    }
    text_add(out, "    return NN_OK;\n");
}

/* ---- uniform calls ---- */

static void adapter_args(Text *out, const Emission *e, const EntryPlan *entry, const char *suffix) {
    const Graph *graph = entry->graph;
    int n = 0;
    text_addf(out, "    %s_%s_args args;\n    memset(&args, 0, sizeof args);\n    args.params = call->params;\n", e->options.name,
              entry->name);
    if (e->plan->state_floats) text_add(out, "    args.states = call->states;\n");
    for (int i = 0; i < graph->inputs.count; i++)
        text_addf(out, "    args.%s = (const %s *)call->inputs[%d];\n", emit_identifier(e->arena, graph->inputs.at[i]->attr[0].text),
                  emit_c_type(graph->inputs.at[i]->type.dtype), i);
    text_add(out, "    args.count = call->count;\n");
    if (emit_has(graph, OUT_GRAD)) text_add(out, "    args.grads = call->grads;\n");
    if (emit_has(graph, OUT_LOSS)) text_add(out, "    args.loss = call->loss;\n");
    for (int i = 0; i < graph->outputs.count; i++)
        if (emit_is_tensor(graph->outputs.at[i].kind)) {
            text_addf(out, "    args.%s = call->outputs ? (%s *)call->outputs[%d] : NULL;\n",
                      emit_identifier(e->arena, graph->outputs.at[i].name), emit_c_type(graph->outputs.at[i].node->type.dtype), n);
            n++;
        }
    if (emit_has(graph, OUT_METRIC)) {
        int count = 0;
        for (int i = 0; i < graph->outputs.count; i++) count += graph->outputs.at[i].kind == OUT_METRIC;
        text_addf(out, "    float unwanted[%d];\n    args.metrics = call->metrics ? call->metrics : unwanted;\n", 2 * count);
    }
    text_addf(out, "    args.workspace = call->workspace;\n    return %s_%s%s(&args);\n", e->options.name, entry->name, suffix);
}

static void adapter_positional(Text *out, const Emission *e, const EntryPlan *entry, const char *suffix) {
    const Graph *graph = entry->graph;
    int n = 0;
    text_addf(out, "    return %s_%s%s(call->params, ", e->options.name, entry->name, suffix);
    if (e->plan->state_floats) text_add(out, "call->states, ");
    for (int i = 0; i < graph->inputs.count; i++)
        text_addf(out, "(const %s *)call->inputs[%d], ", emit_c_type(graph->inputs.at[i]->type.dtype), i);
    for (int i = 0; i < graph->outputs.count; i++)
        if (emit_is_tensor(graph->outputs.at[i].kind))
            text_addf(out, "(%s *)call->outputs[%d], ", emit_c_type(graph->outputs.at[i].node->type.dtype), n++);
    text_add(out, "call->workspace);\n");
}

static void adapter(Text *out, const Emission *e, const EntryPlan *entry, const char *suffix) {
    text_addf(out, "static int %s_call_%s%s(const nn_call *call) {\n", e->options.name, entry->name, suffix);
    if (emit_has_loss(entry->graph)) adapter_args(out, e, entry, suffix);
    else adapter_positional(out, e, entry, suffix);
    text_add(out, "}\n\n");
}

static void constant_tables(Text *out, const Emission *e, const EntryPlan *entry) {
    for (int i = 0; i < entry->values.count; i++) {
        const Value *v = entry->values.at[i];
        if (v->place != AT_CONST || v->first < 0) continue;
        text_addf(out, "static const float %s[%lld] = {\n   ", argument(e, entry, v), (long long)v->elements);
        for (int64_t j = 0; j < v->elements; j++) {
            text_add(out, j && j % 8 == 0 ? "\n    " : " ");
            text_add_float(out, v->node->values[j]);
            text_add(out, "f,");
        }
        text_add(out, "\n};\n\n");
    }
}

void emit_entries(Text *out, const Emission *e, int target) {
    const PrintNames names = {e->options.name, emit_suffix(e, target)};
    const Lowered *lowered = e->lowered[target];
    for (int i = 0; i < lowered->entries.count; i++) {
        const EntryPlan *entry = lowered->entries.at[i].plan;
        if (target == 0) constant_tables(out, e, entry);
        text_addf(out, "%s%s {\n", *names.suffix ? "static " : "", emit_signature(e, entry, names.suffix));
        body(out, e, &lowered->entries.at[i], &names);
        text_add(out, "}\n\n");
        adapter(out, e, entry, names.suffix);
    }
}

/* The arguments of a positional entry, by name. */
static void forward_arguments(Text *out, const Emission *e, const Graph *graph) {
    text_add(out, "params, ");
    if (e->plan->state_floats) text_add(out, "states, ");
    for (int i = 0; i < graph->inputs.count; i++)
        text_addf(out, "%s, ", emit_identifier(e->arena, graph->inputs.at[i]->attr[0].text));
    for (int i = 0; i < graph->outputs.count; i++)
        if (emit_is_tensor(graph->outputs.at[i].kind))
            text_addf(out, "%s, ", emit_identifier(e->arena, graph->outputs.at[i].name));
    text_add(out, "workspace");
}

void emit_portable_entries(Text *out, const Emission *e) {
    const char *suffix = emit_suffix(e, e->target_count - 1);
    for (int i = 0; i < e->plan->entries.count; i++) {
        const EntryPlan *entry = e->plan->entries.at[i];
        text_addf(out, "%s {\n    return %s_%s%s(", emit_signature(e, entry, ""), e->options.name, entry->name, suffix);
        if (emit_has_loss(entry->graph)) text_add(out, "args");
        else forward_arguments(out, e, entry->graph);
        text_add(out, ");\n}\n\n");
    }
}
