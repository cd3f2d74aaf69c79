/* What entries set to zero: padding of gradients, so that an optimiser may run over all of them,
 * gradients of what is not trained, and those of rows beyond the count, which tiles may have
 * written. */
#include <string.h>

#include "emit/emit.h"

/* How a parameter lies in memory, as rows of `used` floats `apart` from each other. */
typedef struct Rows {
    int64_t rows, used, apart;
} Rows;

static Rows layout_rows(Type type, const ParamLayout *layout)
{
    Rows r = {1, 1, layout->floats};
    int inner = -1;
    for (int i = 0; i < type.rank; i++)
        if (layout->stride[i] == 1 && type.dim[i] > 1) inner = i;
    if (inner >= 0) r.used = type.dim[inner];
    for (int i = 0; i < type.rank; i++)
        if (i != inner && type.dim[i] > 1 && layout->stride[i] < r.apart)
            r.apart = layout->stride[i];
    r.rows = type_elements(type) / r.used;
    if (r.rows * r.apart != layout->floats) r = (Rows){1, 0, layout->floats};
    return r;
}

static const Value *gradient_of(const EntryPlan *entry, int param)
{
    for (int i = 0; i < entry->values.count; i++)
        if (entry->values.at[i]->place == AT_GRAD && entry->values.at[i]->index == param)
            return entry->values.at[i];
    return NULL;
}

static void clear_line(Text *out, const Emission *e, const char *at, Rows r, const char *why)
{
    const char *call = arena_printf(e->arena, "    %s_clear_rows(%s, %lld, %lld, %lld);",
                                    e->options.name, at, (long long)r.rows, (long long)r.used,
                                    (long long)r.apart);
    text_addf(out, "%-*s/* %s */\n", (int)strlen(call) < 59 ? 60 : (int)strlen(call) + 1, call,
              why);
}

/* Where the stretch of parameters from i on ends that this entry makes no gradients of. */
static int untrained_end(const Emission *e, const EntryPlan *entry, int i)
{
    while (i < e->module->params.count && !gradient_of(entry, i)) i++;
    return i;
}

static const char *gradient_at(const Emission *e, const ParamLayout *layout)
{
    return layout->offset
             ? arena_printf(e->arena, "args->grads + %lld", (long long)layout->offset)
             : "args->grads";
}

static bool has_rows_beyond(const Graph *graph, const Output *o)
{
    return o->kind == OUT_INPUT_GRAD && o->node->type.batch_axis == 0 && graph->batch > 1;
}

void emit_clear_rows_beyond(Text *out, const Emission *e, const EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    const EntryNames *names = emit_entry_names(e, entry);
    const char *from = emit_takes_args(graph) ? "args->" : "";
    for (int i = 0; i < graph->outputs.count; i++) {
        const Output *o = &graph->outputs.at[i];
        if (!has_rows_beyond(graph, o)) continue;
        const int64_t row = type_elements(o->node->type) / graph->batch;
        text_addf(out, "    %s_clear_rows(%s%s, 1, (ptrdiff_t)%scount * %lld, %lld);\n",
                  e->options.name, from, names->outputs[i], from, (long long)row,
                  (long long)(row * graph->batch));
    }
}

void emit_clear_gradients(Text *out, const Emission *e, const EntryPlan *entry, bool named)
{
    if (!emit_has(entry->graph, OUT_GRAD)) return;
    for (int i = 0; i < e->module->params.count; i++) {
        const ParamLayout *layout = &e->plan->params[i];
        const Value *made = gradient_of(entry, i);
        if (made && layout->padded)
            clear_line(out, e,
                       named ? emit_value_name(e, entry, made) : gradient_at(e, layout),
                       layout_rows(e->module->params.at[i].type, layout), "padding");
        if (made) continue;
        const int end = untrained_end(e, entry, i);
        const ParamLayout *last = &e->plan->params[end - 1];
        const Rows all = {1, 0, last->offset + last->floats - layout->offset};
        clear_line(out, e, gradient_at(e, layout), all, "not trained");
        i = end - 1;
    }
}

bool emit_clears(const Emission *e)
{
    for (int i = 0; i < e->plan->entries.count; i++) {
        const Graph *graph = e->plan->entries.at[i]->graph;
        for (int j = 0; j < graph->outputs.count; j++)
            if (has_rows_beyond(graph, &graph->outputs.at[j])) return true;
        if (!emit_has(graph, OUT_GRAD)) continue;
        if (emit_count(graph, OUT_GRAD) < e->module->params.count) return true;
        for (int j = 0; j < e->module->params.count; j++)
            if (e->plan->params[j].padded) return true;
    }
    return false;
}
