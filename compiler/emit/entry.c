/* Entry functions: they check their arguments and call the kernels in order, one a line, in the
 * words of the model. */
#include <string.h>

#include "emit/repeat.h"
#include "kernel/describe.h"
#include "loop/print.h"
#include "ops/scan.h"

/* ---- what is used ---- */

static bool is_used(const LoweredEntry *lowered, const Value *v);

/* What a step of a scan works on, and the workspace of its body. */
static bool is_used_in_steps(const KernelCall *call, const Value *v)
{
    const EntryPlan *body = call->body->plan;
    if (call->kernel->body_work == v) return true;
    for (int i = 0; i < body->values.count; i++)
        if (body->values.at[i]->around.value == v && is_used(call->body, body->values.at[i]))
            return true;
    return false;
}

static bool is_used(const LoweredEntry *lowered, const Value *v)
{
    for (int i = 0; i < lowered->calls.count; i++) {
        const KernelCall *call = &lowered->calls.at[i];
        for (int j = 0; j < call->arguments.count; j++)
            if (call->arguments.at[j] == v) return true;
        if (call->body && is_used_in_steps(call, v)) return true;
    }
    return false;
}

static bool takes_scalar(const Function *f, LType type)
{
    for (int i = 0; i < f->scalars.count; i++)
        if (f->scalars.at[i]->type == type) return true;
    return false;
}

/* Whether some kernel takes the count (LT_INDEX) or the seed (LT_SEED). */
static bool calls_with(const LoweredEntry *lowered, LType type)
{
    for (int i = 0; i < lowered->calls.count; i++) {
        const KernelCall *call = &lowered->calls.at[i];
        if (call->body ? calls_with(call->body, type) : takes_scalar(call->function, type))
            return true;
    }
    return false;
}

/* ---- calls ---- */

typedef struct Body {
    Text *out;
    const Emission *e;
    const LoweredEntry *lowered;
    PrintNames names;
    int indent;
    Repeats repeats;
    const Repeat *repeat; /* the loop that the calls at hand stand in; or NULL */
    const char *sample;   /* in a loop over samples: the one at hand; else NULL */
} Body;

static const char *name_of(const Body *b, const Value *v)
{
    return b->repeat ? repeat_name(b->e, b->repeat, v)
                     : emit_value_name(b->e, b->lowered->plan, v);
}

/* The first call that returns a status declares it. */
static bool is_first_check(const LoweredEntry *lowered, const KernelCall *call)
{
    const KernelCall *c = lowered->calls.at;
    while (c->body || !c->function->returns_status) c++;
    return c == call;
}

static void call_line(const Body *b, const KernelCall *call)
{
    Arena *arena = b->e->arena;
    Text line = text_new(arena);
    const bool checks = call->function->returns_status;
    if (checks) text_add(&line, is_first_check(b->lowered, call) ? "int status = " : "status = ");
    text_addf(&line, "%s(", function_c_name(arena, call->function, &b->names));
    const char *comma = "";
    if (call->function->parts.count) {
        text_add(&line, "parallel");
        comma = ", ";
    }
    for (int i = 0; i < call->arguments.count; i++, comma = ", ") {
        const int64_t step = b->sample ? sample_step(call->arguments.at[i]) : 0;
        text_addf(&line, "%s%s", comma, name_of(b, call->arguments.at[i]));
        if (step) text_addf(&line, " + %s * %lld", b->sample, (long long)step);
    }
    for (int i = 0; i < call->function->scalars.count; i++, comma = ", ")
        text_addf(&line, "%s%s", comma, call->function->scalars.at[i]->type == LT_SEED ? "seed"
                                        : b->sample                                    ? "1"
                                                                                       : "count");
    text_add(&line, ");");
    wrap_code(b->out, b->indent, line.at);
    if (checks) wrap_code(b->out, b->indent, "if (status != NN_OK) return status;");
}

/* What is told of the kernels that the passes of a loop run in place of a call's. */
static const char **of_passes(const Body *b, const KernelCall *call, int result,
                              const char *(*tell)(const Body *, const Kernel *, int))
{
    const char **texts = arena_array(b->e->arena, const char *, b->repeat->times + 1);
    for (int i = 0; i < b->repeat->times; i++)
        texts[i] = tell(b, call[i * b->repeat->period].kernel, result);
    return texts;
}

static const char *formula_of(const Body *b, const Kernel *k, int result)
{
    return describe_formula(b->e->arena, b->lowered->plan, k, result);
}

/* The formula of the first result, where it is short enough to help. */
static void formula_line(const Body *b, const KernelCall *call)
{
    const Kernel *k = call->kernel;
    if (k->kind == KERNEL_CHECK || k->kind == KERNEL_COPY || k->kind == KERNEL_TRANSFORM) return;
    if (!k->results.count) return;
    const char *formula =
        b->repeat ? repeat_most(b->e->arena, b->repeat, of_passes(b, call, 0, formula_of))
                  : formula_of(b, k, 0);
    if (formula && strlen(formula) + (size_t)b->indent <= 92)
        text_addf(b->out, "%*s/* %s */\n", b->indent, "", formula);
}

static bool in_layer(const Node *node) { return node->layer && *node->layer; }

static const char *traced_name(const Body *b, const Kernel *k, int result)
{
    return describe_node_name(b->lowered->plan, k->results.at[result]->node);
}

/* NAME_TRACE("h.0.ln_1", and behind it what is told of a value. */
static char *trace(const Body *b, const char *layer, const char *i, const Value *v)
{
    Text line = text_new(b->e->arena);
    text_addf(&line, "%s_TRACE%s(", b->e->upper, i ? "_LAYER" : "");
    emit_string(&line, layer);
    text_addf(&line, "%s%s, %s, %lld);", i ? ", " : "", i ? i : "", name_of(b, v),
              (long long)v->elements);
    return line.at;
}

/* In a loop NAME_TRACE_LAYER("h.%d.ln_1", (int)i, ...). */
static void trace_passes(const Body *b, const KernelCall *call, int result)
{
    Arena *arena = b->e->arena;
    const Repeat *r = b->repeat;
    const Value *v = call->kernel->results.at[result];
    const char **names = of_passes(b, call, result, traced_name), *last;
    int64_t ahead = 0;
    const char *layer = repeat_layer(arena, r, names, &ahead, &last);
    const char *i = !layer || !strstr(layer, "%d") ? NULL
                  : ahead ? arena_printf(arena, "(int)%s %c %lld", r->i, ahead < 0 ? '-' : '+',
                                         (long long)(ahead < 0 ? -ahead : ahead))
                          : arena_printf(arena, "(int)%s", r->i);
    const char *line = trace(b, layer ? layer : names[0], i, v);
    if (layer && last)
        line = arena_printf(arena, "if (%s != %lld) %s", r->i,
                            (long long)(r->first + r->step * (r->times - 1)), line);
    wrap_code(b->out, b->indent, line);
    if (layer && last)
        wrap_code(b->out, b->indent, arena_printf(arena, "else %s", trace(b, last, NULL, v)));
}

/* Forward values, each under its name in the program; no statistics on the way to them. */
static void trace_line(const Body *b, const KernelCall *call)
{
    const Kernel *k = call->kernel;
    if (b->lowered->plan->outer || b->lowered->plan->prepares || k->kind == KERNEL_COPY) return;
    for (int i = 0; i < k->results.count; i++) {
        const Value *v = k->results.at[i];
        if (!b->lowered->plan->forward[v->node->id] || v->node->kept) continue;
        if ((v->place != AT_WORK && v->place != AT_OUTPUT) || v->scratch || v->one_sample) continue;
        const bool named = v->node->name && !op_inner_name(v->node);
        if (!named && v->node->type.batch_axis < 0) continue;
        if (!in_layer(v->node) && !v->node->name && !(k->anchor && in_layer(k->anchor))) continue;
        if (b->repeat) trace_passes(b, call, i);
        else wrap_code(b->out, b->indent, trace(b, traced_name(b, k, i), NULL, v));
    }
}

static bool is_forward(const Body *b, const Kernel *k)
{
    for (int i = 0; i < k->results.count; i++)
        if (b->lowered->plan->forward[k->results.at[i]->node->id]) return true;
    return k->kind == KERNEL_CHECK || !k->results.count;
}

static void calls(const Body *b);

/* By the calls that stand in no loop over layers, or in the same way in all passes of one. */
static bool is_used_outside(const Body *b, const Value *v)
{
    if (repeat_leaves(&b->repeats, b->lowered, v)) return true;
    for (int i = 0; i < b->lowered->calls.count; i++)
        if (b->lowered->calls.at[i].body && is_used_in_steps(&b->lowered->calls.at[i], v))
            return true;
    return false;
}

static bool needs_local(const Body *b, const Value *v)
{
    return b->repeats.count ? is_used_outside(b, v) : is_used(b->lowered, v);
}

/* Scratch goes by the name of what has its place. */
static bool is_declared(const Body *b, int value)
{
    const EntryPlan *entry = b->lowered->plan;
    const char *const *names = emit_entry_names(b->e, entry)->values;
    for (int i = 0; entry->values.at[value]->scratch && i < value; i++)
        if (names[i] == names[value] && needs_local(b, entry->values.at[i])) return true;
    return false;
}

static void locals(const Body *b)
{
    const EntryPlan *entry = b->lowered->plan;
    for (int i = 0; i < entry->values.count; i++)
        if (needs_local(b, entry->values.at[i]) && !is_declared(b, i))
            emit_local(b->out, b->e, entry, entry->values.at[i], b->indent);
}

/* A scan: its steps as a loop. */
static void steps(const Body *b, const KernelCall *call)
{
    const Body inner = {b->out, b->e, call->body, b->names, b->indent + 4, {0}, NULL, NULL};
    const Scan scan = scan_parts(call->kernel->anchor);
    const char *t = emit_step_name(b->e, call->body->plan);
    text_addf(b->out, "%*sfor (int %s = ", b->indent, "", t);
    if (scan.reverse)
        text_addf(b->out, "%lld; %s >= 0; %s--) {\n", (long long)scan.length - 1, t, t);
    else text_addf(b->out, "0; %s < %lld; %s++) {\n", t, (long long)scan.length, t);
    locals(&inner);
    calls(&inner);
    text_addf(b->out, "%*s}\n", b->indent, "");
}

bool emit_is_long(const LoweredEntry *entry) { return entry->calls.count > EMIT_LONG; }

/* Layers that run the same function: in a long entry the first call alone shows what it computes.
 */
static bool is_repeated(const Body *b, const KernelCall *call)
{
    if (!emit_is_long(b->lowered) || !call->function) return false;
    for (const KernelCall *c = b->lowered->calls.at; c != call; c++)
        if (c->function == call->function) return true;
    return false;
}

/* Calls for each sample, in a loop over those; returns how many. */
static int samples(const Body *b, const KernelCall *call)
{
    const Samples *all = call->kernel->samples;
    Body inner = *b;
    int n = 0;
    inner.sample = emit_entry_names(b->e, b->lowered->plan)->sample;
    inner.indent += 4;
    text_addf(b->out, "%*sfor (ptrdiff_t %s = 0; %s < count; %s++) {\n", b->indent, "",
              inner.sample, inner.sample, inner.sample);
    do {
        if (!is_repeated(b, &call[n])) formula_line(&inner, &call[n]);
        call_line(&inner, &call[n]);
    } while (call[n++].kernel != all->last);
    text_addf(b->out, "%*s}\n", b->indent, "");
    for (int i = 0; i < n; i++) trace_line(b, &call[i]);
    return n;
}

/* A call, or several that stand in a loop over samples; returns how many. */
static int some_calls(const Body *b, const KernelCall *call)
{
    if (call->kernel->samples) return samples(b, call);
    if (!is_repeated(b, call)) formula_line(b, call);
    if (call->body) steps(b, call);
    else call_line(b, call);
    trace_line(b, call);
    return 1;
}

/* Equal layers: the calls of one, in a loop over all. */
static void passes(const Body *b, const Repeat *r)
{
    const int depth = repeat_depth(r);
    const Body inner = {b->out, b->e, b->lowered, b->names, b->indent + 4 * depth, {0}, r,
                        NULL};
    repeat_open(b->out, b->e, r, b->indent);
    for (int i = 0; i < r->period;) i += some_calls(&inner, &b->lowered->calls.at[r->begin + i]);
    for (int i = depth; i--;) text_addf(b->out, "%*s}\n", b->indent + 4 * i, "");
}

/* A blank line stands between the forward and the backward part. */
static void calls(const Body *b)
{
    const bool outermost = !b->lowered->plan->outer;
    bool checking = outermost, forward = outermost;
    for (int i = 0; i < b->lowered->calls.count;) {
        const KernelCall *call = &b->lowered->calls.at[i];
        if (checking && call->kernel->kind != KERNEL_CHECK) {
            emit_clear_gradients(b->out, b->e, b->lowered->plan, !b->repeats.count);
            checking = false;
        }
        if (forward && !is_forward(b, call->kernel)) {
            text_add(b->out, i ? "\n" : "");
            forward = false;
        }
        const Repeat *r = repeat_at(&b->repeats, i);
        if (r) passes(b, r);
        i += r ? r->period * r->times : some_calls(b, call);
    }
    if (checking) emit_clear_gradients(b->out, b->e, b->lowered->plan, !b->repeats.count);
    emit_clear_rows_beyond(b->out, b->e, b->lowered->plan);
}

/* The caller may leave them out. */
static void metrics_local(Text *out, const Graph *graph)
{
    const int metrics = emit_count(graph, OUT_METRIC);
    if (!metrics) return;
    text_addf(out, "    float unwanted[%d];\n", 2 * metrics);
    text_add(out, "    float *const metrics = args->metrics ? args->metrics : unwanted;\n");
}

static void body(const Body *b)
{
    const EntryPlan *entry = b->lowered->plan;
    Text *out = b->out;
    const bool args = emit_takes_args(entry->graph);
    emit_check_arguments(out, b->e, entry);
    const bool count = calls_with(b->lowered, LT_INDEX);
    if (count && args) text_add(out, "    const int count = args->count;\n");
    if (calls_with(b->lowered, LT_SEED) && args)
        text_add(out, "    const uint64_t seed = args->seed;\n");
    if (count && !emit_takes_count(entry->graph))
        text_addf(out, "    const int count = %lld;\n", (long long)entry->graph->batch);
    if (entry->workspace_bytes)
        text_addf(out, "    float *const work = (float *)%sworkspace;\n", args ? "args->" : "");
    if (emit_takes_session(entry->graph))
        text_add(out, "    float *const kept = (float *)(void *)session;\n");
    metrics_local(out, entry->graph);
    emit_threads_local(out, b->e, b->lowered);
    locals(b);
    text_add(out, "\n");
    calls(b);
    text_add(out, "    return NN_OK;\n");
}

void emit_entries(Text *out, const Emission *e, int target)
{
    const Lowered *lowered = e->lowered[target];
    const bool portable = target + 1 == e->target_count;
    for (int i = 0; i < lowered->entries.count; i++) {
        const EntryPlan *entry = lowered->entries.at[i].plan;
        const Body b = {
            out, e, &lowered->entries.at[i], {e->options.name, emit_suffix(e, target)}, 4,
            emit_repeats(e, &lowered->entries.at[i]), NULL, NULL};
        const char *suffix = portable ? "" : emit_suffix(e, target);
        text_addf(out, "%s\n{\n", emit_signature(e, entry, suffix, ""));
        body(&b);
        text_add(out, "}\n\n");
    }
}
