/* Calls that repeat: a network of many equal layers makes the same calls for each, on other
 * parameters and other places of the workspace. Where the places of an argument are one stride
 * apart, the loop computes them; else it reads them from a table. */
#include "emit/repeat.h"

#include <ctype.h>
#include <string.h>

#include "kernel/describe.h"

enum {
    LONGEST_PERIOD = 96, /* calls of a layer */
    LEAST_TIMES = 3,
    LEAST_SAVED = 12 /* calls: below, a loop reads no better */
};

/* ---- which calls repeat ---- */

static bool same_place(const Value *a, const Value *b)
{
    if (a == b) return true;
    const bool pieces =
        a->place == AT_WORK || a->place == AT_PARAM || a->place == AT_STATE || a->place == AT_GRAD
        || a->place == AT_PREPARED;
    return pieces && a->place == b->place && a->dtype == b->dtype;
}

/* Whether both begin, end or stand among calls for each sample. */
static bool same_samples(const KernelCall *a, const KernelCall *b)
{
    const Samples *x = a->kernel->samples, *y = b->kernel->samples;
    if (!x || !y) return x == y;
    for (int i = 0; i < a->arguments.count; i++)
        if (sample_step(a->arguments.at[i]) != sample_step(b->arguments.at[i])) return false;
    return (x->first == a->kernel) == (y->first == b->kernel)
        && (x->last == a->kernel) == (y->last == b->kernel);
}

static bool begins_nothing(const KernelCall *call)
{
    return call->kernel->samples && call->kernel->samples->first != call->kernel;
}

static bool same_call(const KernelCall *a, const KernelCall *b)
{
    if (a->body || b->body || a->function != b->function) return false;
    if (a->function->returns_status || a->arguments.count != b->arguments.count) return false;
    for (int i = 0; i < a->arguments.count; i++)
        if (!same_place(a->arguments.at[i], b->arguments.at[i])) return false;
    return same_samples(a, b);
}

static int count_times(const LoweredEntry *entry, int begin, int period)
{
    const KernelCall *calls = entry->calls.at;
    int i = begin + period;
    while (i < entry->calls.count && same_call(&calls[begin + (i - begin) % period], &calls[i]))
        i++;
    return (i - begin) / period;
}

static bool find_repeat(const LoweredEntry *entry, int begin, Repeat *found)
{
    int most = LEAST_SAVED - 1;
    for (int period = 1; period <= LONGEST_PERIOD; period++) {
        const int times = count_times(entry, begin, period);
        if (times < LEAST_TIMES || (times - 1) * period <= most) continue;
        most = (times - 1) * period;
        *found = (Repeat){.entry = entry, .begin = begin, .period = period, .times = times,
                          .step = 1};
    }
    return most >= LEAST_SAVED;
}

/* ---- texts that differ by numbers ---- */

/* Where they begin to differ, at the start of a number of each; false if nowhere or otherwise. */
static bool next_number(const char *const *texts, int times, size_t *at)
{
    const char *first = texts[0];
    size_t n = 0;
    for (;; n++) {
        for (int i = 1; i < times; i++)
            if (texts[i][n] != first[n]) goto differs;
        if (!first[n]) return false;
    }
differs:
    while (n > 0 && isdigit((unsigned char)first[n - 1])) n--;
    for (int i = 0; i < times; i++)
        if (!isdigit((unsigned char)texts[i][n])) return false;
    *at = n;
    return true;
}

static size_t digits(const char *text) { return strspn(text, "0123456789"); }

/* Whether the numbers that the texts begin with are first, first + step, ...; up to nine digits. */
static bool progress(const char *const *texts, int times, int64_t *first, int *step)
{
    int64_t n[2] = {0, 0};
    for (int i = 0; i < times; i++) {
        int64_t value = 0;
        for (size_t d = 0; d < digits(texts[i]); d++) value = value * 10 + (texts[i][d] - '0');
        if (digits(texts[i]) > 9) return false;
        if (i < 2) n[i] = value;
        else if (value != n[0] + i * (n[1] - n[0])) return false;
    }
    *first = n[0];
    *step = (int)(n[1] - n[0]);
    return *step == 1 || *step == -1;
}

/* How far the numbers are ahead of those of the passes; false if they do not follow them. */
static bool is_ahead(const Repeat *r, int pass, const char *const *texts, int times, int64_t *ahead)
{
    int64_t first;
    int step;
    if (!progress(texts, times, &first, &step) || step != r->step) return false;
    *ahead = first - (r->first + pass * r->step);
    return true;
}

/* The number of a pass, of the one that follows, or of something else, as numbers at the end of a
 * name are: they only tell equal names apart. */
static const char *number_word(const Repeat *r, int pass, const char *const *texts, int times)
{
    int64_t ahead;
    const char end = texts[0][digits(texts[0])];
    if (end != '_' && end != '.') return r->i;
    return is_ahead(r, pass, texts, times, &ahead) && ahead == r->step ? "next" : r->i;
}

/* The texts of `times` passes from `pass` on as one, with the name of the number where they differ;
 * NULL if they differ otherwise. Where `ahead` is asked for, "%d" stands there for the number of
 * the pass and *ahead. */
static const char *repeat_text(Arena *arena, const Repeat *r, const char *const *texts, int pass,
                               int times, int64_t *ahead)
{
    const char **rest = arena_array(arena, const char *, times + 1);
    Text out = text_new(arena);
    size_t at;
    bool found = false;
    for (int i = 0; i < times; i++) rest[i] = texts[pass + i];
    while (next_number(rest, times, &at)) {
        int64_t here;
        text_addn(&out, rest[0], at);
        for (int i = 0; i < times; i++) rest[i] += at;
        if (ahead) {
            if (!is_ahead(r, pass, rest, times, &here) || (found && here != *ahead)) return NULL;
            *ahead = here;
            found = true;
        }
        text_add(&out, ahead ? "%d" : number_word(r, pass, rest, times));
        for (int i = 0; i < times; i++) rest[i] += digits(rest[i]);
    }
    for (int i = 1; i < times; i++)
        if (strcmp(rest[i], rest[0]) != 0) return NULL;
    text_add(&out, rest[0]);
    return out.at;
}

const char *repeat_most(Arena *arena, const Repeat *r, const char *const *texts)
{
    const char *text = repeat_text(arena, r, texts, 0, r->times, NULL);
    if (!text) text = repeat_text(arena, r, texts, 1, r->times - 1, NULL);
    if (!text) text = repeat_text(arena, r, texts, 0, r->times - 1, NULL);
    return text ? text : repeat_text(arena, r, texts, 1, r->times - 2, NULL);
}

/* ---- names ---- */

static bool is_taken(const EntryNames *names, const Repeat *r, const char *name)
{
    const Graph *graph = names->plan->graph;
    for (int i = 0; i < names->plan->values.count; i++)
        if (!strcmp(names->values[i], name)) return true;
    for (int i = 0; i < graph->inputs.count; i++)
        if (!strcmp(names->inputs[i], name)) return true;
    for (int i = 0; i < graph->outputs.count; i++)
        if (names->outputs[i] && !strcmp(names->outputs[i], name)) return true;
    for (int i = 0; i < r->locals.count; i++)
        if (r->locals.at[i].name && !strcmp(r->locals.at[i].name, name)) return true;
    if (names->sample && !strcmp(names->sample, name)) return true;
    return r->i && !strcmp(r->i, name);
}

static const char *free_name(Arena *arena, const EntryNames *names, const Repeat *r,
                             const char *wanted)
{
    const char *name = wanted;
    for (int i = 2; is_taken(names, r, name); i++) name = arena_printf(arena, "%s_%d", wanted, i);
    return name;
}

static const char **value_names(const Emission *e, const Repeat *r, const RepeatLocal *local)
{
    const char **names = arena_array(e->arena, const char *, r->times + 1);
    for (int i = 0; i < r->times; i++)
        names[i] = emit_value_name(e, r->entry->plan, local->at[i]);
    return names;
}

/* Names often lack the number in the first pass or the last. */
static const char *local_name(const Emission *e, const Repeat *r, const RepeatLocal *local)
{
    const char *name = repeat_most(e->arena, r, value_names(e, r, local));
    if (!name) name = emit_value_name(e, r->entry->plan, local->at[0]);
    return free_name(e->arena, emit_entry_names(e, r->entry->plan), r, name);
}

/* Passes have the numbers that most of the names have. */
static void number_passes(const Emission *e, Repeat *r)
{
    int *votes = arena_array(e->arena, int, r->locals.count + 1), best = 0;
    int64_t *firsts = arena_array(e->arena, int64_t, r->locals.count + 1);
    int *steps = arena_array(e->arena, int, r->locals.count + 1);
    for (int i = 0; i < r->locals.count; i++) {
        const char **names = value_names(e, r, &r->locals.at[i]);
        size_t at;
        if (!next_number(names, r->times, &at)) continue;
        for (int j = 0; j < r->times; j++) names[j] += at;
        if (!progress(names, r->times, &firsts[i], &steps[i])) continue;
        for (int j = 0; j <= i; j++)
            if (steps[j] == steps[i] && firsts[j] == firsts[i]) {
                if (++votes[j] > best) {
                    best = votes[j];
                    r->first = firsts[j];
                    r->step = steps[j];
                }
                break;
            }
    }
}

/* ---- what a pass works on ---- */

static const Value *argument(const Repeat *r, int pass, int call, int i)
{
    return r->entry->calls.at[r->begin + pass * r->period + call].arguments.at[i];
}

static bool stays(const Repeat *r, int call, int i)
{
    for (int pass = 1; pass < r->times; pass++)
        if (argument(r, pass, call, i) != argument(r, 0, call, i)) return false;
    return true;
}

static bool is_known(const Repeat *r, int call, int i)
{
    for (int l = 0; l < r->locals.count; l++) {
        int pass = 0;
        while (pass < r->times && r->locals.at[l].at[pass] == argument(r, pass, call, i)) pass++;
        if (pass == r->times) return true;
    }
    return false;
}

static void find_locals(const Emission *e, Repeat *r)
{
    for (int call = 0; call < r->period; call++)
        for (int i = 0; i < r->entry->calls.at[r->begin + call].arguments.count; i++) {
            if (stays(r, call, i) || is_known(r, call, i)) continue;
            RepeatLocal local = {arena_array(e->arena, const Value *, r->times), NULL};
            for (int pass = 0; pass < r->times; pass++) local.at[pass] = argument(r, pass, call, i);
            vec_push(e->arena, r->locals, local);
        }
    number_passes(e, r);
    r->i = free_name(e->arena, emit_entry_names(e, r->entry->plan), r, "i");
    for (int l = 0; l < r->locals.count; l++)
        r->locals.at[l].name = local_name(e, r, &r->locals.at[l]);
}

/* What a layer is called for those who watch, in all passes or all but the last. */
const char *repeat_layer(Arena *arena, const Repeat *r, const char *const *names, int64_t *ahead,
                         const char **last)
{
    const char *name = repeat_text(arena, r, names, 0, r->times, ahead);
    *last = name ? NULL : names[r->times - 1];
    return name ? name : repeat_text(arena, r, names, 0, r->times - 1, ahead);
}

/* An argument of the first pass has one name only if it is the same local wherever it stands. */
static bool is_clear(const Repeat *r)
{
    for (int a = 0; a < r->locals.count; a++)
        for (int b = 0; b < a; b++)
            if (r->locals.at[a].at[0] == r->locals.at[b].at[0]) return false;
    for (int call = 0; call < r->period; call++)
        for (int i = 0; i < r->entry->calls.at[r->begin + call].arguments.count; i++)
            for (int l = 0; l < r->locals.count; l++)
                if (stays(r, call, i) && argument(r, 0, call, i) == r->locals.at[l].at[0])
                    return false;
    return true;
}

Repeats emit_repeats(const Emission *e, const LoweredEntry *entry)
{
    Repeats repeats = {0};
    if (!emit_is_long(entry) || entry->plan->outer) return repeats;
    for (int i = 0; i < entry->calls.count; i++) {
        Repeat r;
        if (begins_nothing(&entry->calls.at[i]) || !find_repeat(entry, i, &r)) continue;
        find_locals(e, &r);
        if (!is_clear(&r)) continue;
        vec_push(e->arena, repeats, r);
        i += r.period * r.times - 1;
    }
    return repeats;
}

const Repeat *repeat_at(const Repeats *repeats, int call)
{
    for (int i = 0; i < repeats->count; i++)
        if (repeats->at[i].begin == call) return &repeats->at[i];
    return NULL;
}

static bool call_takes(const KernelCall *call, const Value *v)
{
    for (int i = 0; i < call->arguments.count; i++)
        if (call->arguments.at[i] == v) return true;
    return false;
}

bool repeat_leaves(const Repeats *repeats, const LoweredEntry *entry, const Value *v)
{
    for (int at = 0; at < entry->calls.count; at++) {
        const Repeat *r = repeat_at(repeats, at);
        for (int call = 0; r && call < r->period; call++)
            for (int i = 0; i < entry->calls.at[r->begin + call].arguments.count; i++)
                if (stays(r, call, i) && argument(r, 0, call, i) == v) return true;
        if (r) at += r->period * r->times - 1;
        else if (call_takes(&entry->calls.at[at], v)) return true;
    }
    return false;
}

const char *repeat_name(const Emission *e, const Repeat *r, const Value *v)
{
    for (int l = 0; l < r->locals.count; l++)
        if (r->locals.at[l].at[0] == v) return r->locals.at[l].name;
    return emit_value_name(e, r->entry->plan, v);
}

/* ---- text ---- */

static int64_t offset_of(const Value *v) { return v->place == AT_WORK ? v->offset / 4 : v->offset; }

static bool one_stride_apart(const Repeat *r, const RepeatLocal *local)
{
    const int64_t stride = offset_of(local->at[1]) - offset_of(local->at[0]);
    for (int i = 2; i < r->times; i++)
        if (offset_of(local->at[i]) != offset_of(local->at[0]) + i * stride) return false;
    return true;
}

static int64_t lowest(const Repeat *r)
{
    return r->step > 0 ? r->first : r->first - r->times + 1;
}

/* " + i * 7100160 + 39395328" */
static const char *computed(Arena *arena, const Repeat *r, const RepeatLocal *local)
{
    const int64_t factor = (offset_of(local->at[1]) - offset_of(local->at[0])) * r->step;
    const int64_t rest = offset_of(local->at[0]) - factor * r->first;
    const long long f = (long long)(factor < 0 ? -factor : factor),
                    c = (long long)(rest < 0 ? -rest : rest);
    if (!factor) return rest ? arena_printf(arena, " + %lld", c) : "";
    const char *product = arena_printf(arena, "%s * %lld", r->i, f);
    if (!rest) return arena_printf(arena, factor < 0 ? " - %s" : " + %s", product);
    if (factor < 0) return arena_printf(arena, " + %lld - %s", c, product);
    return arena_printf(arena, " + %s %c %lld", product, rest < 0 ? '-' : '+', c);
}

static int table_columns(const Repeat *r)
{
    int columns = 0;
    for (int l = 0; l < r->locals.count; l++) columns += !one_stride_apart(r, &r->locals.at[l]);
    return columns;
}

/* What no stride tells: a row for each pass, by its number. */
static void add_table(Text *out, const Emission *e, const Repeat *r, const char *name, int indent)
{
    text_addf(out, "%*sstatic const ptrdiff_t %s[%d][%d] = {\n", indent, "", name, r->times,
              table_columns(r));
    for (int i = 0; i < r->times; i++) {
        const int pass = r->step > 0 ? i : r->times - 1 - i;
        Text line = text_new(e->arena);
        for (int l = 0; l < r->locals.count; l++)
            if (!one_stride_apart(r, &r->locals.at[l]))
                text_addf(&line, "%s%lld", line.length ? ", " : "{",
                          (long long)offset_of(r->locals.at[l].at[pass]));
        text_add(&line, "},");
        wrap_code(out, indent + 4, line.at);
    }
    text_addf(out, "%*s};\n", indent, "");
}

static void open_loop(Text *out, const Repeat *r, int indent)
{
    const long long first = (long long)r->first, last = first + r->step * (r->times - 1);
    if (r->step > 0)
        text_addf(out, "%*sfor (ptrdiff_t %s = %lld; %s < %lld; %s++) {\n", indent, "", r->i, first,
                  r->i, last + 1, r->i);
    else
        text_addf(out, "%*sfor (ptrdiff_t %s = %lld; %s >= %lld; %s--) {\n", indent, "", r->i,
                  first, r->i, last, r->i);
}

/* A table needs a block around the loop. */
int repeat_depth(const Repeat *r) { return table_columns(r) ? 2 : 1; }

void repeat_open(Text *out, const Emission *e, const Repeat *r, int indent)
{
    const EntryNames *names = emit_entry_names(e, r->entry->plan);
    const char *table = free_name(e->arena, names, r, "places");
    const int64_t low = lowest(r);
    int column = 0;
    if (repeat_depth(r) > 1) {
        text_addf(out, "%*s{\n", indent, "");
        indent += 4;
        add_table(out, e, r, table, indent);
    }
    open_loop(out, r, indent);
    for (int l = 0; l < r->locals.count; l++) {
        const RepeatLocal *local = &r->locals.at[l];
        const char *row = low ? arena_printf(e->arena, "%s - %lld", r->i, (long long)low) : r->i;
        const char *at = one_stride_apart(r, local)
                           ? computed(e->arena, r, local)
                           : arena_printf(e->arena, " + %s[%s][%d]", table, row, column++);
        emit_local_at(out, e, r->entry->plan, local->at[0], local->name, at, indent + 4);
    }
    text_add(out, "\n");
}
