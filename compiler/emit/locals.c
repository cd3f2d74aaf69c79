/* What an entry function reads and writes, as local pointers with the source's names. */
#include <string.h>

#include "emit/emit.h"
#include "kernel/describe.h"

enum { NOTE_COLUMN = 60, NOTE_TAB = 12 }; /* where notes stand; further left where they are long */

/* ---- tables of constants ---- */

static void constant_table(Text *out, const Value *v, const char *name)
{
    const bool real = v->dtype == DT_F32;
    text_addf(out, "static const %s %s[%lld] = {", emit_c_type(v->dtype), name,
              (long long)v->elements);
    for (int64_t i = 0; i < v->elements; i++) {
        text_add(out, i % 8 ? " " : "\n    ");
        if (real) emit_float(out, v->node->values[i]);
        else text_addf(out, "%lld", (long long)v->node->values[i]);
        text_add(out, ",");
    }
    text_add(out, "\n};\n\n");
}

/* Entries share tables: a name is printed where it comes first. */
static bool printed_before(const Emission *e, int entry, int value, const char *name)
{
    for (int i = 0; i <= entry; i++) {
        const EntryNames *names = &e->names.at[i];
        for (int j = 0; j < (i < entry ? names->plan->values.count : value); j++)
            if (names->plan->values.at[j]->place == AT_CONST
                && names->plan->values.at[j]->first >= 0 && names->values[j] == name)
                return true;
    }
    return false;
}

void emit_constants(Text *out, const Emission *e)
{
    for (int i = 0; i < e->names.count; i++) {
        const EntryNames *names = &e->names.at[i];
        for (int j = 0; j < names->plan->values.count; j++) {
            const Value *v = names->plan->values.at[j];
            if (v->place == AT_CONST && v->first >= 0
                && !printed_before(e, i, j, names->values[j]))
                constant_table(out, v, names->values[j]);
        }
    }
}

/* ---- local pointers ---- */

/* "[128][784], stored [784][144]": the shape, and the order in memory where it is another. */
static char *storage_note(const Emission *e, const Value *v)
{
    Text note = text_new(e->arena);
    const bool gradient = v->place == AT_GRAD;
    const Type type = gradient ? e->module->params.at[v->index].type : sample_shape(v);
    const int64_t *stride = gradient ? e->plan->params[v->index].stride : v->stride;
    if (v->scratch) return arena_strdup(e->arena, "scratch");
    const char *order = describe_stored_order(e->arena, type, stride);
    emit_shape(&note, type);
    if (order) text_addf(&note, ", stored %s", order);
    return note.at;
}

/* The note stands behind the declaration, or above it where that would be too long a line. */
static void declare(Text *out, int indent, const char *type, const char *name, const char *place,
                    const char *note)
{
    const char *line = arena_printf(out->arena, "%*s%s*const %s = %s;", indent, "", type, name,
                                    place);
    const int length = (int)strlen(line), room = WRAP_COLUMNS - (int)strlen(note) - 6;
    int column = NOTE_COLUMN;
    while (column > room && column - NOTE_TAB > length) column -= NOTE_TAB;
    if (column <= length) column = length + 1;
    if (*note && column > room) {
        text_addf(out, "%*s/* %s */\n", indent, "", note);
        note = "";
    }
    if (*note) text_addf(out, "%-*s/* %s */\n", column, line, note);
    else wrap_code(out, indent, line + indent);
}

static const char *at_offset(Arena *arena, const char *base, int64_t offset)
{
    return offset ? arena_printf(arena, "%s + %lld", base, (long long)offset) : base;
}

/* A pointer of the wanted type into the workspace. */
static const char *in_workspace(const Emission *e, const EntryPlan *entry, const Value *v)
{
    Arena *arena = e->arena;
    const char *work = entry->outer ? emit_value_name(e, entry->outer, entry->scan->body_work)
                                    : "work";
    const char *place = at_offset(arena, work, v->offset / 4);
    if (!strcmp(emit_c_type(v->dtype), "float")) return place;
    return arena_printf(arena, "(%s *)(void *)(%s)", emit_c_type(v->dtype), place);
}

/* An output that the caller may leave out has a slot in the workspace instead. */
static const char *output_place(const Emission *e, const EntryPlan *entry, const Value *v)
{
    const char *name = emit_entry_names(e, entry)->outputs[v->index];
    if (v->offset < 0) return arena_printf(e->arena, "args->%s", name);
    return arena_printf(e->arena, "args->%s ? args->%s : %s", name, name,
                        in_workspace(e, entry, v));
}

/* The stretch of a value around that a step of a scan works on. */
static const char *in_step(const Emission *e, const EntryPlan *body, const Value *v)
{
    const char *place = at_offset(e->arena, emit_value_name(e, body->outer, v->around.value),
                                  v->around.offset);
    if (!v->around.step) return place;
    return arena_printf(e->arena, "%s + %s * %lld", place, emit_step_name(e, body),
                        (long long)v->around.step);
}

static bool is_written(const EntryPlan *entry, const Value *v)
{
    if (v->scratch) return true;
    for (int i = 0; i < entry->kernels.count; i++)
        for (int j = 0; j < entry->kernels.at[i]->results.count; j++)
            if (entry->kernels.at[i]->results.at[j] == v) return true;
    return false;
}

/* The array of the caller that a value lies in; NULL: it does not lie in one of several values. */
static const char *array_of(const Emission *e, const EntryPlan *entry, const Value *v)
{
    static const char *const names[] = {[AT_PARAM] = "params",
                                        [AT_STATE] = "states",
                                        [AT_SESSION] = "kept",
                                        [AT_GRAD] = "grads",
                                        [AT_METRIC] = "metrics"};
    if (v->place == AT_PREPARED) return emit_prepared_name(e, entry);
    const bool local = v->place == AT_SESSION || v->place == AT_METRIC;
    const char *from = !local && emit_takes_args(entry->graph) ? "args->" : "";
    return arena_printf(e->arena, "%s%s", from, names[v->place]);
}

void emit_local_at(Text *out, const Emission *e, const EntryPlan *entry, const Value *v,
                   const char *name, const char *at, int indent)
{
    const char *c_type = emit_c_type(v->dtype), *place = NULL;
    const char *type =
        arena_printf(e->arena, "%s%s ", is_written(entry, v) ? "" : "const ", c_type);
    if (v->place != AT_WORK) place = arena_printf(e->arena, "%s%s", array_of(e, entry, v), at);
    else if (!strcmp(c_type, "float")) place = arena_printf(e->arena, "work%s", at);
    else place = arena_printf(e->arena, "(%s *)(void *)(work%s)", c_type, at);
    declare(out, indent, type, name, place, storage_note(e, v));
}

void emit_local(Text *out, const Emission *e, const EntryPlan *entry, const Value *v, int indent)
{
    const bool args = emit_takes_args(entry->graph);
    const char *name = emit_value_name(e, entry, v);
    const char *type = arena_printf(e->arena, "%s ", emit_c_type(v->dtype));
    const char *read = arena_printf(e->arena, "const %s", type);
    const char *note = storage_note(e, v);
    if (v->place == AT_GRAD && entry->kernels.count > EMIT_LONG) note = ""; /* as the parameter */
    switch (v->place) {
    case AT_INPUT:
        if (args) declare(out, indent, read, name, arena_printf(e->arena, "args->%s", name), note);
        break;
    case AT_OUTPUT:
        if (args) declare(out, indent, type, name, output_place(e, entry, v), note);
        break;
    case AT_LOSS:
        declare(out, indent, type, name, "args->loss", "");
        break;
    case AT_WORK:
        declare(out, indent, type, name, in_workspace(e, entry, v), note);
        break;
    case AT_SESSION: case AT_PARAM: case AT_STATE: case AT_PREPARED:
    case AT_GRAD: case AT_METRIC:
        declare(out, indent, is_written(entry, v) ? type : read, name,
                at_offset(e->arena, array_of(e, entry, v), v->offset), note);
        break;
    case AT_AROUND:
        if (emit_is_outside(v)) break;
        declare(out, indent, is_written(entry, v) ? type : read, name, in_step(e, entry, v), note);
        break;
    case AT_CONST: case AT_INDEX:
        break;
    }
}
