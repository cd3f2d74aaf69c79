/* Names as generated code spells them: identifiers of C and C++, each taken once in its scope. */
#include <ctype.h>
#include <string.h>

#include "base/cname.h"
#include "base/names.h"
#include "emit/emit.h"
#include "target/target.h"

/* ---- single names ---- */

const char *emit_identifier(Arena *arena, const char *name) { return c_identifier(arena, name); }

static const char *upper_name(Arena *arena, const char *name)
{
    char *upper = arena_strdup(arena, emit_identifier(arena, name));
    for (char *c = upper; *c; c++) *c = (char)toupper((unsigned char)*c);
    return upper;
}

const char *emit_suffix(const Emission *e, int target)
{
    if (e->target_count == 1) return "";
    return arena_printf(e->arena, "_%s", e->lowered[target]->program->target->name);
}

static const char *guard_of(const Emission *e, int target)
{
    return e->target_count > 1 ? e->lowered[target]->program->target->guard : NULL;
}

void emit_guard_begin(Text *out, const Emission *e, int target)
{
    if (guard_of(e, target)) text_addf(out, "#if %s\n", guard_of(e, target));
}

void emit_guard_end(Text *out, const Emission *e, int target)
{
    if (guard_of(e, target)) text_add(out, "#endif\n");
}

const char *emit_entry_constant(const Emission *e, const EntryPlan *entry, const char *what)
{
    return arena_printf(e->arena, "%s_%s_%s", e->upper, upper_name(e->arena, entry->name), what);
}

const char *emit_c_type(DType dtype)
{
    static const char *const names[DT_COUNT] = {
        [DT_F32] = "float", [DT_I32] = "int32_t", [DT_U8] = "uint8_t", [DT_BOOL] = "float"};
    return names[dtype];
}

void emit_shape(Text *out, Type type)
{
    for (int i = 0; i < type.rank; i++) text_addf(out, "[%lld]", (long long)type.dim[i]);
    if (!type.rank) text_add(out, "[1]");
}

/* ---- names of an entry ---- */

static const char *wanted_value_name(const Emission *e, const EntryNames *names, const Value *v)
{
    const Module *m = e->module;
    switch (v->place) {
    case AT_OUTPUT: return names->outputs[v->index];
    case AT_PARAM: return emit_identifier(e->arena, m->params.at[v->index].name);
    case AT_GRAD: return emit_identifier(e->arena, arena_printf(e->arena, "d_%s",
                                                                m->params.at[v->index].name));
    default: return emit_identifier(e->arena, v->name);
    }
}

/* Inputs, outputs and the pointers that stand for fixed arguments have one name each; whatever
 * else needs a local variable comes after. */
static const char *fixed_value_name(const EntryPlan *entry, const EntryNames *names, const Value *v)
{
    if (v->place == AT_OUTPUT) return names->outputs[v->index];
    if (v->place == AT_LOSS) return "loss";
    for (int i = 0; v->place == AT_INPUT && i < entry->graph->inputs.count; i++)
        if (entry->graph->inputs.at[i] == v->node) return names->inputs[i];
    return NULL;
}

static bool same_constant(const Value *a, const Value *b)
{
    return b->place == AT_CONST && a->dtype == b->dtype && a->elements == b->elements
           && !memcmp(a->node->values, b->node->values, sizeof(float) * (size_t)a->elements);
}

/* Entries share a table of equal constants. */
static const char *name_constant(const Emission *e, const Value *v, const char *wanted,
                                 Names *globals)
{
    for (int i = 0; i < e->names.count; i++) {
        const EntryPlan *entry = e->names.at[i].plan;
        for (int j = 0; j < entry->values.count; j++)
            if (same_constant(v, entry->values.at[j])) return e->names.at[i].values[j];
    }
    return names_take(e->arena, globals, arena_printf(e->arena, "%s_%s", e->options.name, wanted));
}

static void name_arguments(const Emission *e, EntryNames *names, Names *taken)
{
    static const char *const own[] = {"params", "states", "grads", "loss", "metrics", "workspace",
                                      "count", "seed", "args", "work", "status", "session",
                                      "kept", "unwanted"};
    const Graph *graph = names->plan->graph;
    Arena *arena = e->arena;
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) names_reserve(arena, taken, own[i]);
    if (e->options.threads) names_reserve(arena, taken, "parallel");
    for (int i = 0; i < graph->inputs.count; i++)
        names->inputs[i] = names_take(arena, taken,
                                      emit_identifier(arena, graph->inputs.at[i]->attr[0].text));
    for (int i = 0; i < graph->outputs.count; i++)
        if (emit_is_tensor(graph->outputs.at[i].kind))
            names->outputs[i] = names_take(arena, taken,
                                           emit_identifier(arena, graph->outputs.at[i].name));
}

bool emit_is_outside(const Value *v)
{
    return v->place == AT_AROUND && !v->around.offset && !v->around.step;
}

static const EntryPlan *outermost(const EntryPlan *entry)
{
    while (entry->outer) entry = entry->outer;
    return entry;
}

/* The scans around the body of one: 0 for an entry. */
static int depth_of(const EntryPlan *entry)
{
    return entry->outer ? depth_of(entry->outer) + 1 : 0;
}

/* Of the place in a scan: scans of an entry that stand beside each other share one. */
static const char *name_step(const Emission *e, const EntryPlan *body, Names *taken)
{
    const int depth = depth_of(body);
    for (int i = 0; i < e->names.count; i++) {
        const EntryPlan *other = e->names.at[i].plan;
        if (outermost(other) == outermost(body) && depth_of(other) == depth)
            return e->names.at[i].step;
    }
    return names_take(e->arena, taken, depth == 1 ? "t" : arena_printf(e->arena, "t%d", depth));
}

/* Scratch at the place of another's is the same pointer. */
static const char *name_scratch(const EntryNames *names, const EntryPlan *entry, int value)
{
    const Value *v = entry->values.at[value];
    for (int i = 0; v->scratch && !v->pieces && i < value; i++) {
        const Value *other = entry->values.at[i];
        if (other->scratch && !other->pieces && other->offset == v->offset
            && other->elements == v->elements && other->dtype == v->dtype)
            return names->values[i];
    }
    return NULL;
}

static bool runs_by_samples(const EntryPlan *entry)
{
    for (int i = 0; i < entry->kernels.count; i++)
        if (entry->kernels.at[i]->samples) return true;
    return false;
}

/* The body of a scan stands inside the function of its entry: what is taken there is taken here. */
static void name_entry(Emission *e, const EntryPlan *entry, Names *taken, Names *globals)
{
    Arena *arena = e->arena;
    EntryNames names = {arena_array(arena, const char *, entry->graph->inputs.count + 1),
                        arena_array(arena, const char *, entry->graph->outputs.count + 1),
                        arena_array(arena, const char *, entry->values.count + 1), entry, NULL,
                        NULL};
    if (entry->outer) names.step = name_step(e, entry, taken);
    else name_arguments(e, &names, taken);
    if (runs_by_samples(entry)) names.sample = names_take(arena, taken, "row");
    for (int i = 0; i < entry->values.count; i++) {
        const Value *v = entry->values.at[i];
        const char *fixed = fixed_value_name(entry, &names, v);
        const char *wanted = wanted_value_name(e, &names, v);
        if (v->place == AT_CONST) fixed = name_constant(e, v, wanted, globals);
        if (emit_is_outside(v)) fixed = emit_value_name(e, entry->outer, v->around.value);
        if (!fixed) fixed = name_scratch(&names, entry, i);
        names.values[i] = fixed ? fixed : names_take(arena, taken, wanted);
    }
    vec_push(arena, e->names, names);
    for (int i = 0; i < entry->kernels.count; i++)
        if (entry->kernels.at[i]->body)
            name_entry(e, entry->kernels.at[i]->body, taken, globals);
}

const char *emit_step_name(const Emission *e, const EntryPlan *body)
{
    return emit_entry_names(e, body)->step;
}

const EntryNames *emit_entry_names(const Emission *e, const EntryPlan *entry)
{
    int i = 0;
    while (e->names.at[i].plan != entry) i++;
    return &e->names.at[i];
}

const char *emit_value_name(const Emission *e, const EntryPlan *entry, const Value *value)
{
    int i = 0;
    while (entry->values.at[i] != value) i++;
    return emit_entry_names(e, entry)->values[i];
}

const char *emit_prepared_name(const Emission *e, const EntryPlan *entry)
{
    while (entry->outer) entry = entry->outer;
    const EntryNames *names = emit_entry_names(e, entry);
    return entry->prepares ? names->outputs[0] : names->inputs[0];
}

const char *emit_prepared_constant(const Emission *e, const EntryPlan *entry)
{
    return arena_printf(e->arena, "%s_%s_FLOATS", e->upper, upper_name(e->arena, entry->form));
}

/* ---- names at file scope ---- */

static void reserve(const Emission *e, Names *taken, const char *format, const char *word)
{
    const char *end = arena_printf(e->arena, "%.*s%s%s", (int)(strchr(format, '*') - format),
                                   format, word, strchr(format, '*') + 1);
    names_reserve(e->arena, taken, arena_printf(e->arena, "%s_%s", e->options.name, end));
}

/* Everything that the file defines beside kernels and tables of constants. */
static void reserve_globals(const Emission *e, Names *taken)
{
    static const char *const own[] = {
        "init", "init_uniform", "init_normal", "init_constant", "init_values", "init_states",
        "tensor", "get", "set", "select", "model", "step", "step_args", "params", "states", "place",
        "elements", "mix", "draw", "power", "entries", "clear_rows", "weights", "session",
        "session_reset",
    };
    static const char *const of_entry[] = {"*", "*_args", "*_inputs", "*_outputs", "*_metrics",
                                           "call_*"};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++) reserve(e, taken, "*", own[i]);
    if (e->options.threads) reserve(e, taken, "*", "divide");
    for (int i = 0; i < e->plan->entries.count; i++)
        for (size_t j = 0; j < sizeof of_entry / sizeof *of_entry; j++)
            reserve(e, taken, of_entry[j], e->plan->entries.at[i]->name);
}

/* "@_lanes%" is called model_lanes. */
static void reserve_helpers(const Emission *e, const Target *target, Names *taken)
{
    for (int i = 0; target->helpers && target->helpers[i].name; i++) {
        const char *name = target->helpers[i].name + strlen("@_");
        reserve(e, taken, "*", arena_strndup(e->arena, name, strlen(name) - 1));
    }
}

static void name_kernels(const Emission *e, const Program *program, const Names *globals)
{
    Names taken = {0};
    int count = program->functions.count;
    names_reserve_all(e->arena, &taken, globals);
    reserve_helpers(e, program->target, &taken);
    reserve_helpers(e, &target_scalar, &taken);
    for (int i = 0; i < program->math.count; i++)
        reserve(e, &taken, "*", program->math.at[i]->name);
    for (int i = 0; i < program->inner.count; i++)
        reserve(e, &taken, "*", program->inner.at[i]->name);
    if (e->options.optimizer >= 0)       /* the last function is the step, which keeps its name */
        reserve(e, &taken, "*", program->functions.at[--count]->name);
    for (int i = 0; i < count; i++) {
        Function *f = program->functions.at[i];
        const char *wanted = arena_printf(e->arena, "%s_%s", e->options.name, f->name);
        f->name = names_take(e->arena, &taken, wanted) + strlen(e->options.name) + 1;
    }
}

/* Enumerators and the constants of the header share a scope. */
static void name_tensors(Emission *e)
{
    Names taken = {0};
    names_reserve(e->arena, &taken, "PARAM_FLOATS");
    names_reserve(e->arena, &taken, "STATE_FLOATS");
    names_reserve(e->arena, &taken, "SESSION_BYTES");
    names_reserve(e->arena, &taken, "TRACE");
    names_reserve(e->arena, &taken, "H");
    for (int i = 0; i < e->plan->entries.count; i++) {
        const char *entry = upper_name(e->arena, e->plan->entries.at[i]->name);
        names_reserve(e->arena, &taken, arena_printf(e->arena, "%s_BATCH", entry));
        names_reserve(e->arena, &taken, arena_printf(e->arena, "%s_WORKSPACE_BYTES", entry));
        if (e->plan->entries.at[i]->form)
            names_reserve(e->arena, &taken, emit_prepared_constant(e, e->plan->entries.at[i])
                                                + strlen(e->upper) + 1);
    }
    e->tensors = arena_array(e->arena, const char *, e->module->params.count + 1);
    for (int i = 0; i < e->module->params.count; i++)
        e->tensors[i] = names_take(e->arena, &taken,
                                   upper_name(e->arena, e->module->params.at[i].name));
}

static void name_sessions(Emission *e)
{
    Names taken = {0};
    const ParamList *sessions = &e->module->sessions;
    e->sessions = arena_array(e->arena, const char *, sessions->count + 1);
    for (int i = 0; i < sessions->count; i++)
        names_reserve(e->arena, &taken, arena_printf(e->arena, "unused_%d", i + 1));
    for (int i = 0; i < sessions->count; i++)
        e->sessions[i] = names_take(e->arena, &taken,
                                    emit_identifier(e->arena, sessions->at[i].name));
}

Emission emission_new(Arena *arena, const Plan *plan, Lowered *const *lowered, int target_count,
                      const EmitOptions *options)
{
    Emission e = {.arena = arena, .module = plan->module, .plan = plan, .lowered = lowered,
                  .target_count = target_count, .options = *options};
    const char *name = options->name ? options->name : plan->module->name;
    e.options.name = strcmp(name, "nn") ? emit_identifier(arena, name) : "nn_net";
    e.upper = upper_name(arena, e.options.name);
    Names globals = {0};
    reserve_globals(&e, &globals);
    name_tensors(&e);
    name_sessions(&e);
    for (int i = 0; i < plan->entries.count; i++) {
        Names taken = {0};
        name_entry(&e, plan->entries.at[i], &taken, &globals);
    }
    for (int i = 0; i < target_count; i++) {
        loop_outline(lowered[i]->program);
        loop_rename(lowered[i]->program);
        loop_merge_alike(lowered[i]->program);
        loop_open(lowered[i]->program);
    }
    for (int i = 0; i < target_count; i++) name_kernels(&e, lowered[i]->program, &globals);
    return e;
}
