/* struct nn_model: everything that the header says, as data. */
#include "emit/emit.h"

/* ---- inputs, outputs and metrics of an entry, the same for every target ---- */

static const char *dtype_constant(DType dtype)
{
    return dtype == DT_I32 ? "NN_I32" : dtype == DT_U8 ? "NN_U8" : "NN_F32";
}

static void io_begin(Text *out, const Emission *e, const EntryPlan *entry, const char *which,
                     int count)
{
    text_addf(out, "static const nn_io %s_%s_%s[%d] = {\n", e->options.name, entry->name, which,
              count);
}

static void io_row(Text *out, const char *name, Type type, int64_t limit)
{
    text_add(out, "    {");
    emit_string(out, name);
    text_addf(out, ", %s, %d, {", dtype_constant(type.dtype), type.rank);
    for (int i = 0; i < type.rank; i++)
        text_addf(out, "%s%lld", i ? ", " : "", (long long)type.dim[i]);
    text_addf(out, "%s}, %d, %lld},\n", type.rank ? "" : "0", type.batch_axis == 0,
              (long long)limit);
}

static int count_tensors(const Graph *graph)
{
    return emit_count(graph, OUT_OUTPUT) + emit_count(graph, OUT_INPUT_GRAD);
}

static void input_table(Text *out, const Emission *e, const EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    if (!graph->inputs.count) return;
    io_begin(out, e, entry, "inputs", graph->inputs.count);
    for (int i = 0; i < graph->inputs.count; i++) {
        const Node *in = graph->inputs.at[i];
        const bool declared = in->param >= 0 && in->param < e->module->decls.count;
        io_row(out, in->attr[0].text, in->type,
               declared ? e->module->decls.at[in->param].limit : 0);
    }
    text_add(out, "};\n");
}

static void output_table(Text *out, const Emission *e, const EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    if (!count_tensors(graph)) return;
    io_begin(out, e, entry, "outputs", count_tensors(graph));
    for (int i = 0; i < graph->outputs.count; i++)
        if (emit_is_tensor(graph->outputs.at[i].kind))
            io_row(out, graph->outputs.at[i].name, graph->outputs.at[i].node->type, 0);
    text_add(out, "};\n");
}

static void metric_table(Text *out, const Emission *e, const EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    const char *comma = "";
    if (!emit_has(graph, OUT_METRIC)) return;
    text_addf(out, "static const char *const %s_%s_metrics[%d] = {", e->options.name, entry->name,
              emit_count(graph, OUT_METRIC));
    for (int i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.at[i].kind == OUT_METRIC) {
            text_add(out, comma);
            emit_string(out, graph->outputs.at[i].name);
            comma = ", ";
        }
    text_add(out, "};\n");
}

/* ---- entries ---- */

static double entry_flops(const EntryPlan *entry)
{
    double sum = 0;
    for (int i = 0; i < entry->kernels.count; i++) sum += entry->kernels.at[i]->flops;
    return sum;
}

static const char *table_name(const Emission *e, const EntryPlan *entry, const char *which,
                              bool there)
{
    return there ? arena_printf(e->arena, "%s_%s_%s", e->options.name, entry->name, which) : "NULL";
}

static void entry_row(Text *out, const Emission *e, const EntryPlan *entry, const char *suffix)
{
    const Graph *graph = entry->graph;
    const int outputs = count_tensors(graph), metrics = emit_count(graph, OUT_METRIC);
    Text line = text_new(e->arena);
    text_addf(&line, "{\"%s\", %s, %s, %d, %d, %d, ", entry->name,
              emit_entry_constant(e, entry, "BATCH"),
              emit_entry_constant(e, entry, "WORKSPACE_BYTES"), graph->inputs.count, outputs,
              metrics);
    text_addf(&line, "%s, %s, %s, %.1f, %s_call_%s%s, NULL},",
              table_name(e, entry, "inputs", graph->inputs.count > 0),
              table_name(e, entry, "outputs", outputs > 0),
              table_name(e, entry, "metrics", metrics > 0), entry_flops(entry), e->options.name,
              entry->name, suffix);
    wrap_code(out, 4, line.at);
}

/* ---- the model ---- */

static uint64_t hash_number(uint64_t h, int64_t n)
{
    for (int i = 0; i < 8; i++) h = (h ^ (uint64_t)(n >> 8 * i & 255)) * UINT64_C(0x100000001b3);
    return h;
}

/* FNV-1a over the names, shapes and stored order of everything that a checkpoint holds. */
static uint64_t hash_params(uint64_t h, const Param *params, const ParamLayout *layouts, int count)
{
    for (int i = 0; i < count; i++) {
        for (const char *c = params[i].name; *c; c++) h = hash_number(h, *c);
        h = hash_number(h, layouts[i].offset);
        for (int axis = 0; axis < params[i].type.rank; axis++)
            h = hash_number(hash_number(h, params[i].type.dim[axis]), layouts[i].stride[axis]);
    }
    return h;
}

static uint64_t model_hash(const Emission *e)
{
    const Module *m = e->module;
    const uint64_t h =
        hash_params(UINT64_C(0xcbf29ce484222325), m->params.at, e->plan->params, m->params.count);
    return hash_params(h, m->states.at, e->plan->states, m->states.count);
}

static void model_struct(Text *out, const Emission *e, int target, const char *suffix)
{
    const Module *m = e->module;
    const char *name = e->options.name;
    const bool params = m->params.count > 0, states = m->states.count > 0;
    text_addf(out, "const struct nn_model %s_model%s = {\n", name, suffix);
    text_addf(out, "    NN_MODEL_ABI, \"%s\", \"%s\",\n", name,
              e->lowered[target]->program->target->name);
    text_addf(out, "    UINT64_C(0x%016llx),    /* of names, shapes and stored order */\n",
              (unsigned long long)model_hash(e));
    text_addf(out, "    %s_PARAM_FLOATS, %s, %s\n", e->upper,
              states ? arena_printf(e->arena, "%s_STATE_FLOATS", e->upper) : "0",
              m->sessions.count ? arena_printf(e->arena, "%s_SESSION_BYTES,", e->upper)
                                : "0,    /* no sessions */");
    text_addf(out, "    %d, %d, %d,    /* parameters, states, entries */\n", m->params.count,
              m->states.count, e->plan->entries.count);
    text_addf(out, "    %s, %s, %s_entries%s,\n",
              params ? arena_printf(e->arena, "%s_params", name) : "NULL",
              states ? arena_printf(e->arena, "%s_states", name) : "NULL", name, suffix);
    text_addf(out, "    %s_init, %s, ", name,
              states ? arena_printf(e->arena, "%s_init_states", name) : "NULL");
    text_addf(out, params ? "%s_get, %s_set, NULL, NULL};\n\n" : "NULL, NULL, NULL, NULL};\n\n",
              name, name);
}

static void target_descriptor(Text *out, const Emission *e, int target)
{
    const bool portable = target + 1 == e->target_count;
    const char *suffix = portable ? "" : emit_suffix(e, target);
    emit_adapters(out, e, target);
    text_add(out,
             "/* name, batch, bytes of the workspace, numbers of inputs, outputs and metrics,\n"
             " * their tables, FLOP of a call, the call, its context */\n");
    text_addf(out, "static const nn_entry %s_entries%s[%d] = {\n", e->options.name, suffix,
              e->plan->entries.count);
    for (int i = 0; i < e->plan->entries.count; i++)
        entry_row(out, e, e->plan->entries.at[i], suffix);
    text_add(out, "};\n\n");
    if (!portable) text_add(out, "static ");
    model_struct(out, e, target, suffix);
}

static void select_function(Text *out, const Emission *e)
{
    text_addf(out, "const struct nn_model *%s_select(void)\n{\n", e->options.name);
    for (int i = 0; i + 1 < e->target_count; i++) {
        const Target *t = e->lowered[i]->program->target;
        emit_guard_begin(out, e, i);
        if (t->detect) wrap_code(out, 4, arena_printf(e->arena, "if (%s)", t->detect));
        text_addf(out, "%*sreturn &%s_model%s;\n", t->detect ? 8 : 4, "", e->options.name,
                  emit_suffix(e, i));
        emit_guard_end(out, e, i);
    }
    text_addf(out, "    return &%s_model;\n}\n", e->options.name);
}

void emit_descriptors(Text *out, const Emission *e)
{
    text_add(out, "/* Each input or output: name, type, rank, extents, batched, limit. */\n");
    for (int i = 0; i < e->plan->entries.count; i++) {
        input_table(out, e, e->plan->entries.at[i]);
        output_table(out, e, e->plan->entries.at[i]);
        metric_table(out, e, e->plan->entries.at[i]);
    }
    text_add(out, "\n");
    for (int i = 0; i < e->target_count; i++) {
        emit_guard_begin(out, e, i);
        target_descriptor(out, e, i);
        emit_guard_end(out, e, i);
    }
    if (e->target_count > 1) select_function(out, e);
}
