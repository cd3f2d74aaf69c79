/* NAME.h: what a user of the generated code reads. */
#include <string.h>

#include "base/embedded.h"
#include "emit/weights.h"

/* ---- the overview ---- */

static void io_item(Text *out, const char *name, Type type)
{
    text_addf(out, "%s%s %s[", out->length ? ", " : "", name, dtype_name(type.dtype));
    for (int i = 0; i < type.rank; i++)
        text_addf(out, "%s%lld", i ? "," : "", (long long)type.dim[i]);
    text_add(out, type.rank ? "]" : "1]");
}

/* "image f32[128,784], label i32[128]" */
static char *taken_by(Arena *arena, const Graph *graph)
{
    Text in = text_new(arena);
    for (int i = 0; i < graph->inputs.count; i++)
        io_item(&in, graph->inputs.at[i]->attr[0].text, graph->inputs.at[i]->type);
    return in.at;
}

/* "loss, gradients, logits f32[128,10]" */
static char *made_by(Arena *arena, const Graph *graph)
{
    Text out = text_new(arena);
    if (emit_has(graph, OUT_LOSS)) text_add(&out, "loss");
    if (emit_has(graph, OUT_GRAD)) text_addf(&out, "%sgradients", out.length ? ", " : "");
    for (int i = 0; i < graph->outputs.count; i++)
        if (emit_is_tensor(graph->outputs.at[i].kind))
            io_item(&out, graph->outputs.at[i].name, graph->outputs.at[i].node->type);
    for (int i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.at[i].kind == OUT_METRIC)
            text_addf(&out, "%s%s", out.length ? ", " : "", graph->outputs.at[i].name);
    return out.at;
}

static void overview(Text *out, const Emission *e)
{
    size_t name_width = 0, in_width = 0;
    for (int i = 0; i < e->plan->entries.count; i++) {
        const EntryPlan *entry = e->plan->entries.at[i];
        const size_t n = strlen(entry->name), in = strlen(taken_by(e->arena, entry->graph));
        if (n > name_width) name_width = n;
        if (in > in_width && in <= 44) in_width = in;
    }
    for (int i = 0; i < e->plan->entries.count; i++) {
        const EntryPlan *entry = e->plan->entries.at[i];
        const char *in = taken_by(e->arena, entry->graph), *made = made_by(e->arena, entry->graph);
        const bool fits = name_width + strlen(in) + strlen(made) < 85;
        Text line = text_new(e->arena);
        text_addf(&line, "  %-*s   %-*s %s-> %s", (int)name_width, entry->name, (int)in_width, in,
                  fits ? "" : "\n      ", made);
        wrap_comment_lines(out, line.at);
    }
}

static void banner(Text *out, const Emission *e)
{
    emit_banner(out, e, ".h");
    text_add(out, " *\n");
    overview(out, e);
    text_add(
        out,
        " *\n"
        " * All buffers belong to the caller, aligned for float (64 bytes is fastest). No "
        "function\n"
        " * allocates, locks, calls the system, keeps state, changes floating-point control, or "
        "touches\n"
        " * memory beyond its arguments; calls with separate workspaces may run at the same time.\n"
        " * Outputs must not overlap inputs. */\n");
}

/* ---- constants ---- */

static void define(Text *out, int width, const char *name, int64_t value, const char *note)
{
    text_addf(out, "#define %-*s %lld", width, name, (long long)value);
    if (note) text_addf(out, "    /* %s */", note);
    text_add(out, "\n");
}

static const char *floats_note(const Emission *e)
{
    int64_t elements = 0, trained = 0;
    for (int i = 0; i < e->module->params.count; i++) {
        const Param *p = &e->module->params.at[i];
        elements += type_elements(p->type);
        trained += p->trainable ? type_elements(p->type) : 0;
    }
    Text note = text_new(e->arena);
    text_add_grouped(&note, trained);
    text_add(&note, " trained");
    if (trained != elements) {
        text_add(&note, ", ");
        text_add_grouped(&note, elements - trained);
        text_add(&note, " not");
    }
    if (elements != e->plan->param_floats) text_add(&note, ", the rest is zero padding");
    return note.at;
}

static void constants(Text *out, const Emission *e)
{
    const Plan *plan = e->plan;
    int width = (int)strlen(e->upper) + (int)strlen("_PARAM_FLOATS");
    for (int i = 0; i < plan->entries.count; i++) {
        const int n = (int)strlen(e->upper) + (int)strlen(plan->entries.at[i]->name)
                    + (int)strlen("__WORKSPACE_BYTES");
        if (n > width) width = n;
    }
    define(out, width, arena_printf(e->arena, "%s_PARAM_FLOATS", e->upper), plan->param_floats,
           plan->param_floats ? floats_note(e) : NULL);
    if (plan->state_floats)
        define(out, width, arena_printf(e->arena, "%s_STATE_FLOATS", e->upper), plan->state_floats,
               NULL);
    if (plan->session_floats)
        define(out, width, arena_printf(e->arena, "%s_SESSION_BYTES", e->upper),
               4 * plan->session_floats, NULL);
    for (int i = 0; i < plan->entries.count; i++) {
        const EntryPlan *entry = plan->entries.at[i];
        if (entry->prepares)
            define(out, width, emit_prepared_constant(e, entry), entry->prepared_floats, NULL);
        define(out, width, emit_entry_constant(e, entry, "BATCH"), entry->graph->batch, NULL);
        define(out, width, emit_entry_constant(e, entry, "WORKSPACE_BYTES"), entry->workspace_bytes,
               NULL);
    }
    text_add(out, "\n");
}

/* ---- the session ---- */

static void session(Text *out, const Emission *e)
{
    int width = 0;
    VEC(char *) members = {0};
    for (int i = 0; i < e->module->sessions.count; i++) {
        Text member = text_new(e->arena);
        text_addf(&member, "    float %s", e->sessions[i]);
        emit_shape(&member, e->module->sessions.at[i].type);
        text_add(&member, ";");
        if ((int)member.length > width) width = (int)member.length;
        vec_push(e->arena, members, member.at);
    }
    text_add(
        out,
        "/* What a stream keeps from call to call, owned by the caller and a stream's alone. All "
        "zero\n"
        " * where a stream begins: by memset, or by the function. */\n");
    text_addf(out, "typedef struct %s_session {\n", e->options.name);
    for (int i = 0; i < members.count; i++) {
        const Param *p = &e->module->sessions.at[i];
        const int64_t rest = e->plan->sessions[i].floats - type_elements(p->type);
        text_addf(out, "%-*s    /* %s */\n", width, members.at[i], p->name);
        if (rest) text_addf(out, "    float unused_%d[%lld];\n", i + 1, (long long)rest);
    }
    text_addf(out, "} %s_session;\n", e->options.name);
    emit_template(out, e, "session.h");
}

/* ---- structures of arguments ---- */

typedef struct Field {
    const char *type, *star, *name, *note;
} Field;
typedef VEC(Field) Fields;

/* Types, names and comments each in a column; a comment that is too long stands above its field. */
static void fields(Text *out, Arena *arena, const Fields *list)
{
    int type_width = 0, name_width = 0;
    for (int i = 0; i < list->count; i++) {
        const int type = (int)strlen(list->at[i].type), name = (int)strlen(list->at[i].name);
        if (type > type_width) type_width = type;
        if (name > name_width) name_width = name;
    }
    for (int i = 0; i < list->count; i++) {
        const Field *f = &list->at[i];
        const char *line =
            arena_printf(arena, "    %-*s %s%s;", type_width, f->type, f->star, f->name);
        const int column = 4 + type_width + 1 + 1 + name_width + 1 + 4;
        if (column + (int)strlen(f->note) + 6 > 100) {
            wrap_comment(out, 4, f->note);
            text_addf(out, "%s\n", line);
        } else {
            text_addf(out, "%-*s/* %s */\n", column, line, f->note);
        }
    }
}

static void add_field(const Emission *e, Fields *list, const char *type, const char *star,
                      const char *name, const char *note)
{
    vec_push(e->arena, *list, ((Field){type, star, name, note}));
}

static const char *input_note(const Emission *e, const Node *in)
{
    Text note = text_new(e->arena);
    emit_shape(&note, in->type);
    const bool declared = in->param >= 0 && in->param < e->module->decls.count;
    const int64_t limit = declared ? e->module->decls.at[in->param].limit : 0;
    if (limit > 0) text_addf(&note, ", 0..%lld", (long long)limit - 1);
    return note.at;
}

static const char *loss_note(const Graph *graph)
{
    for (int i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.at[i].kind == OUT_LOSS
            && type_elements(graph->outputs.at[i].node->type) == 2)
            return "out: [2], sum over the valid rows and their weight";
    return "out: [1], over the valid rows";
}

static const char *metrics_note(const Emission *e, const Graph *graph)
{
    Text note = text_new(e->arena);
    text_addf(&note, "out: [%d][2], sum and weight of", emit_count(graph, OUT_METRIC));
    const char *comma = " ";
    for (int i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.at[i].kind == OUT_METRIC) {
            text_addf(&note, "%s%s", comma, graph->outputs.at[i].name);
            comma = ", ";
        }
    text_add(&note, ", or NULL");
    return note.at;
}

static void add_results(const Emission *e, const EntryPlan *entry, Fields *list)
{
    const Graph *graph = entry->graph;
    const EntryNames *names = emit_entry_names(e, entry);
    if (emit_has(graph, OUT_GRAD))
        add_field(e, list, "float", "*", "grads",
                  arena_printf(e->arena, "out: [%s_PARAM_FLOATS], overwritten", e->upper));
    if (emit_has(graph, OUT_LOSS)) add_field(e, list, "float", "*", "loss", loss_note(graph));
    for (int i = 0; i < graph->outputs.count; i++) {
        if (!names->outputs[i]) continue;
        Text note = text_new(e->arena);
        text_add(&note, "out: ");
        emit_shape(&note, graph->outputs.at[i].node->type);
        text_add(&note, ", or NULL");
        add_field(e, list, emit_c_type(graph->outputs.at[i].node->type.dtype), "*",
                  names->outputs[i], note.at);
    }
    if (emit_has(graph, OUT_METRIC))
        add_field(e, list, "float", "*", "metrics", metrics_note(e, graph));
}

static void arguments(Text *out, const Emission *e, const EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    const EntryNames *names = emit_entry_names(e, entry);
    const bool writes = emit_has(graph, OUT_STATE);
    Fields list = {0};
    if (e->plan->param_floats)
        add_field(e, &list, "const float", "*", "params",
                  arena_printf(e->arena, "[%s_PARAM_FLOATS]", e->upper));
    if (e->plan->state_floats)
        add_field(e, &list, writes ? "float" : "const float", "*", "states",
                  arena_printf(e->arena, "[%s_STATE_FLOATS]%s", e->upper,
                               writes ? ", updated" : ""));
    if (emit_takes_session(graph))
        add_field(e, &list, arena_printf(e->arena, "%s_session", e->options.name), "*", "session",
                  "of the stream, updated");
    for (int i = 0; i < graph->inputs.count; i++) {
        const Node *in = graph->inputs.at[i];
        add_field(e, &list, arena_printf(e->arena, "const %s", emit_c_type(in->type.dtype)), "*",
                  names->inputs[i], input_note(e, in));
    }
    add_field(e, &list, "int", " ", "count",
              arena_printf(e->arena, "valid rows, 1..%lld; the others may hold anything",
                           (long long)graph->batch));
    if (emit_takes_seed(graph))
        add_field(e, &list, "uint64_t", " ", "seed",
                  "of the random numbers: another one for every step");
    add_results(e, entry, &list);
    add_field(e, &list, "void", "*", "workspace",
              entry->workspace_bytes
                  ? arena_printf(e->arena, "[%s]", emit_entry_constant(e, entry, "WORKSPACE_BYTES"))
                  : "unused, may be NULL");
    if (e->options.threads)
        add_field(e, &list, "const nn_parallel", "*", "parallel",
                  "runs the parts of kernels, or NULL: OpenMP where built with it");
    text_addf(out, "typedef struct %s_%s_args {\n", e->options.name, entry->name);
    fields(out, e->arena, &list);
    text_addf(out, "} %s_%s_args;\n\n", e->options.name, entry->name);
}

/* ---- entries ---- */

static int index_of_entry(const Emission *e, const EntryPlan *entry)
{
    int i = 0;
    while (e->plan->entries.at[i] != entry) i++;
    return i;
}

/* "infer_32_prepared" reads what "prepare_32" makes, and stands behind it. */
static const char *what_prepare_does(const Emission *e, const EntryPlan *entry)
{
    const int i = index_of_entry(e, entry);
    const char *reader = e->plan->entries.at[i + 1]->name;
    return arena_printf(e->arena,
                        "Computes what %s needs of the parameters%s alone, once for any number of "
                        "its calls: scales folded into weights, weights transformed and in the "
                        "order that it reads. Again after they have changed.",
                        reader, e->plan->state_floats ? " and states" : "");
}

/* "logits[1][10] from image[1][1][28][28]" */
static const char *what_goes_where(const Emission *e, const EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    const EntryNames *names = emit_entry_names(e, entry);
    Text text = text_new(e->arena);
    for (int i = 0; i < graph->outputs.count; i++) {
        if (!names->outputs[i]) continue;
        text_addf(&text, "%s%s", text.length ? ", " : "", names->outputs[i]);
        emit_shape(&text, graph->outputs.at[i].node->type);
    }
    for (int i = 0; i < graph->inputs.count; i++) {
        text_addf(&text, "%s%s", i ? ", " : " from ", names->inputs[i]);
        emit_shape(&text, graph->inputs.at[i]->type);
    }
    return text.at;
}

static const char *what_it_does(const Emission *e, const EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    const char *formula = emit_formula(e->arena, graph);
    if (entry->prepares) return what_prepare_does(e, entry);
    if (entry->form)
        return arena_printf(e->arena, "The same as %.*s, from the prepared form: %s[%s] as %s left "
                            "it, with the same params.",
                            (int)(strlen(entry->name) - strlen("_prepared")), entry->name,
                            emit_prepared_name(e, entry), emit_prepared_constant(e, entry),
                            e->plan->entries.at[index_of_entry(e, entry) - 1]->name);
    if (emit_has(graph, OUT_LOSS) && emit_has(graph, OUT_GRAD)) return "Forward, loss, backward.";
    if (emit_has(graph, OUT_GRAD) || emit_has(graph, OUT_INPUT_GRAD))
        return "Backward: from the gradients of the outputs to those of parameters and inputs.";
    if (emit_has(graph, OUT_LOSS))
        return "Inference mode: the loss, and metrics as (sum, weight) to be added up over "
               "batches.";
    if (!formula) formula = what_goes_where(e, entry);
    return arena_printf(e->arena, "%s. Reads params directly: nothing to prepare.", formula);
}

/* "a label outside 0..9, ...": what the entry checks before it writes. */
static const char *checks_note(const Emission *e, const EntryPlan *entry)
{
    Text note = text_new(e->arena);
    for (int i = 0; i < entry->kernels.count; i++) {
        const Kernel *k = entry->kernels.at[i];
        if (k->kind != KERNEL_CHECK || !k->operands.count) continue;
        text_addf(&note, "%s%s outside 0..%lld", note.length ? " or " : "",
                  emit_value_name(e, entry, k->operands.at[0]),
                  (long long)k->anchor->attr[0].ints[0] - 1);
    }
    return note.length ? note.at : NULL;
}

static void prototype(Text *out, const Emission *e, const EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    const char *checks = checks_note(e, entry);
    Text note = text_new(e->arena);
    text_addf(&note, "%s\nNN_BAD_ARGUMENT: a required pointer is NULL; ", what_it_does(e, entry));
    if (emit_takes_count(graph))
        text_addf(&note, "NN_BAD_COUNT: count outside 1..%lld; ", (long long)graph->batch);
    if (checks) text_addf(&note, "NN_BAD_INDEX: %s; ", checks);
    text_add(&note, "then nothing was written.");
    wrap_comment(out, 0, note.at);
    text_addf(out, "%s\n\n", emit_signature(e, entry, "", ";"));
}

static void entries(Text *out, const Emission *e)
{
    for (int i = 0; i < e->plan->entries.count; i++) {
        const EntryPlan *entry = e->plan->entries.at[i];
        if (emit_takes_args(entry->graph)) arguments(out, e, entry);
        prototype(out, e, entry);
    }
}

/* ---- the rest ---- */

static void tensors(Text *out, const Emission *e)
{
    const ParamList *params = &e->module->params;
    if (!params->count) return;
    wrap_comment(out, 0,
                 "One tensor between its logical row-major shape and the stored order. capacity "
                 "and count are its number of elements, of type float.\n"
                 "NN_BAD_ARGUMENT: a pointer is NULL; NN_BAD_TENSOR: no such tensor, or another "
                 "number of elements; then nothing was written.");
    text_add(out, "enum {\n");
    int width = 0;
    for (int i = 0; i < params->count; i++)
        if ((int)strlen(e->tensors[i]) > width) width = (int)strlen(e->tensors[i]);
    for (int i = 0; i < params->count; i++) {
        const bool last = i + 1 == params->count;
        text_addf(out, "    %s_%s%s%*s/* %s ", e->upper, e->tensors[i], last ? "" : ",",
                  width - (int)strlen(e->tensors[i]) + 4 + last, "", params->at[i].name);
        emit_shape(out, params->at[i].type);
        text_add(out, " */\n");
    }
    text_addf(out, "};\n");
    emit_template(out, e, "access.h");
}

static void targets_of_entries(Text *out, const Emission *e)
{
    emit_template(out, e, "select.h");
    for (int i = 0; i + 1 < e->target_count; i++) {
        emit_guard_begin(out, e, i);
        for (int j = 0; j < e->plan->entries.count; j++)
            text_addf(out, "%s\n",
                      emit_signature(e, e->plan->entries.at[j], emit_suffix(e, i), ";"));
        emit_guard_end(out, e, i);
    }
}

void emit_header(Text *out, const Emission *e)
{
    banner(out, e);
    text_addf(out, "#ifndef %s_H\n#define %s_H\n#include <stddef.h>\n#include <stdint.h>\n\n",
              e->upper, e->upper);
    constants(out, e);
    text_addf(out,
              "/* ======== the same in every generated file ======== */\n\n%s\n"
              "/* ======== %s ======== */\n\n",
              embedded_find("nn_model.h")->data, e->options.name);
    text_add(out, "#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n");
    if (e->options.threads) emit_template(out, e, "parallel.h");
    emit_template(out, e, "init.h");
    if (e->plan->state_floats) emit_template(out, e, "states.h");
    if (e->module->sessions.count) session(out, e);
    entries(out, e);
    tensors(out, e);
    if (e->options.optimizer >= 0) emit_optimizer_header(out, e);
    if (e->options.weights) emit_weights_header(out, e);
    emit_template(out, e, "model.h");
    if (e->target_count > 1) targets_of_entries(out, e);
    text_add(out, "\n#ifdef __cplusplus\n}\n#endif\n#endif\n");
}
