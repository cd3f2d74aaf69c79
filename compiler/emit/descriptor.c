/* struct nn_model: everything the header says, as data. */
#include "emit/emit.h"

static int dtype_number(DType dtype) { return dtype == DT_I32 ? 1 : dtype == DT_U8 ? 2 : 0; }

static void io_row(Text *out, const char *name, Type type, int64_t limit) {
    text_addf(out, "    {\"%s\", %d, %d, {", name, dtype_number(type.dtype), type.rank);
    for (int i = 0; i < type.rank; i++) text_addf(out, "%s%lld", i ? ", " : "", (long long)type.dim[i]);
    text_addf(out, "%s}, %d, %lld},\n", type.rank ? "" : "0", type.batch_axis == 0, (long long)limit);
}

static int count_of(const Graph *graph, OutputKind kind) {
    int n = 0;
    for (int i = 0; i < graph->outputs.count; i++) n += graph->outputs.at[i].kind == kind;
    return n;
}

static int count_tensors(const Graph *graph) { return count_of(graph, OUT_OUTPUT) + count_of(graph, OUT_INPUT_GRAD); }

/* The tables of one entry's inputs, outputs and metric names; the same for every target. */
static void io_tables(Text *out, const Emission *e, const EntryPlan *entry) {
    const Graph *graph = entry->graph;
    const char *name = e->options.name;
    if (graph->inputs.count) {
        text_addf(out, "static const nn_io %s_%s_inputs[%d] = {\n", name, entry->name, graph->inputs.count);
        for (int i = 0; i < graph->inputs.count; i++) {
            const Node *in = graph->inputs.at[i];
            const bool declared = in->param >= 0 && in->param < e->module->decls.count;
            io_row(out, in->attr[0].text, in->type, declared ? e->module->decls.at[in->param].limit : 0);
        }
        text_add(out, "};\n");
    }
    if (count_tensors(graph)) {
        text_addf(out, "static const nn_io %s_%s_outputs[%d] = {\n", name, entry->name, count_tensors(graph));
        for (int i = 0; i < graph->outputs.count; i++)
            if (emit_is_tensor(graph->outputs.at[i].kind)) io_row(out, graph->outputs.at[i].name, graph->outputs.at[i].node->type, 0);
        text_add(out, "};\n");
    }
    if (count_of(graph, OUT_METRIC)) {
        text_addf(out, "static const char *const %s_%s_metrics[%d] = {", name, entry->name, count_of(graph, OUT_METRIC));
        const char *comma = "";
        for (int i = 0; i < graph->outputs.count; i++)
            if (graph->outputs.at[i].kind == OUT_METRIC) {
                text_addf(out, "%s\"%s\"", comma, graph->outputs.at[i].name);
                comma = ", ";
            }
        text_add(out, "};\n");
    }
    text_add(out, "\n");
}

static double entry_flops(const EntryPlan *entry) {
    double sum = 0;
    for (int i = 0; i < entry->kernels.count; i++) sum += entry->kernels.at[i]->flops;
    return sum;
}

static void entry_row(Text *out, const Emission *e, const EntryPlan *entry, const char *suffix) {
    const Graph *graph = entry->graph;
    const char *name = e->options.name, *which = entry->name;
    const int outputs = count_tensors(graph), metrics = count_of(graph, OUT_METRIC);
    text_addf(out, "    {\"%s\", %lld, %lld, %d, %d, %d,\n     ", which, (long long)graph->batch, (long long)entry->workspace_bytes,
              graph->inputs.count, outputs, metrics);
    text_add(out, graph->inputs.count ? arena_printf(e->arena, "%s_%s_inputs, ", name, which) : "NULL, ");
    text_add(out, outputs ? arena_printf(e->arena, "%s_%s_outputs, ", name, which) : "NULL, ");
    text_add(out, metrics ? arena_printf(e->arena, "%s_%s_metrics, ", name, which) : "NULL, ");
    text_addf(out, "%.1f, %s_call_%s%s, NULL},\n", entry_flops(entry), name, which, suffix);
}

/* FNV-1a over the names, shapes and stored order of everything that a checkpoint holds. */
static uint64_t hash_number(uint64_t h, int64_t n) {
    for (int i = 0; i < 8; i++) h = (h ^ (uint64_t)(n >> 8 * i & 255)) * UINT64_C(0x100000001b3);
    return h;
}

static uint64_t hash_params(uint64_t h, const Param *params, const ParamLayout *layouts, int count) {
    for (int i = 0; i < count; i++) {
        for (const char *c = params[i].name; *c; c++) h = hash_number(h, *c);
        h = hash_number(h, layouts[i].offset);
        for (int axis = 0; axis < params[i].type.rank; axis++)
            h = hash_number(hash_number(h, params[i].type.dim[axis]), layouts[i].stride[axis]);
    }
    return h;
}

static void model_struct(Text *out, const Emission *e, int target, const char *name_of_struct, const char *suffix) {
    const Module *m = e->module;
    const char *name = e->options.name;
    uint64_t hash = hash_params(UINT64_C(0xcbf29ce484222325), m->params.at, e->plan->params, m->params.count);
    hash = hash_params(hash, m->states.at, e->plan->states, m->states.count);
    text_addf(out, "const struct nn_model %s = {\n    NN_MODEL_ABI, \"%s\", \"%s\", UINT64_C(0x%llx),\n", name_of_struct, name,
              e->lowered[target]->program->target->name, (unsigned long long)hash);
    text_addf(out, "    %lld, %lld, 0, %d, %d, %d,\n", (long long)e->plan->param_floats, (long long)e->plan->state_floats,
              m->params.count, m->states.count, e->plan->entries.count);
    text_addf(out, "    %s, %s, %s_entries%s,\n", m->params.count ? arena_printf(e->arena, "%s_params", name) : "NULL",
              m->states.count ? arena_printf(e->arena, "%s_states", name) : "NULL", name, suffix);
    if (m->params.count) text_addf(out, "    %s_init, %s, %s_get, %s_set, NULL, NULL};\n\n", name,
                                   m->states.count ? arena_printf(e->arena, "%s_init_states", name) : "NULL", name, name);
    else text_addf(out, "    %s_init, NULL, NULL, NULL, NULL, NULL};\n\n", name);
}

static void target_descriptor(Text *out, const Emission *e, int target) {
    const char *suffix = emit_suffix(e, target), *name = e->options.name;
    text_addf(out, "static const nn_entry %s_entries%s[%d] = {\n", name, suffix, e->plan->entries.count);
    for (int i = 0; i < e->plan->entries.count; i++) entry_row(out, e, e->plan->entries.at[i], suffix);
    text_add(out, "};\n\n");
    const bool portable = target + 1 == e->target_count;
    if (!portable) text_add(out, "static ");
    model_struct(out, e, target, portable ? arena_printf(e->arena, "%s_model", name)
                                          : arena_printf(e->arena, "%s_model%s", name, suffix), suffix);
}

static void select_function(Text *out, const Emission *e) {
    const char *name = e->options.name;
    text_addf(out, "const struct nn_model *%s_select(void) {\n", name);
    for (int i = 0; i + 1 < e->target_count; i++) {
        const Target *t = e->lowered[i]->program->target;
        text_addf(out, "#if %s\n    if (%s) return &%s_model%s;\n#endif\n", t->guard ? t->guard : "1", t->detect ? t->detect : "1",
                  name, emit_suffix(e, i));
    }
    text_addf(out, "    return &%s_model;\n}\n", name);
}

void emit_descriptors(Text *out, const Emission *e) {
    for (int i = 0; i < e->plan->entries.count; i++) io_tables(out, e, e->plan->entries.at[i]);
    for (int i = 0; i < e->target_count; i++) {
        const char *guard = e->target_count > 1 ? e->lowered[i]->program->target->guard : NULL;
        if (guard) text_addf(out, "#if %s\n", guard);
        target_descriptor(out, e, i);
        if (guard) text_add(out, "#endif\n\n");
    }
    if (e->target_count > 1) select_function(out, e);
}
