/* The head of NAME.c: for each entry its kernels with what they cost, and the map of its workspace.
 */
#include <stdlib.h>
#include <string.h>

#include "emit/emit.h"
#include "ops/scan.h"

/* ---- tables of text ---- */

enum { MAX_COLUMNS = 5 };

typedef struct Table {
    Arena *arena;
    int columns;
    unsigned right; /* bit set: columns of numbers */
    VEC(const char *) cells;
} Table;

static void put_cell(Table *t, const char *text) { vec_push(t->arena, t->cells, text); }

static void put_number(Table *t, int64_t n)
{
    Text text = text_new(t->arena);
    text_add_grouped(&text, n);
    put_cell(t, text.at);
}

static void print_table(Text *out, const Table *t)
{
    int width[MAX_COLUMNS] = {0};
    for (int i = 0; i < t->cells.count; i++) {
        const int n = (int)strlen(t->cells.at[i]);
        if (n > width[i % t->columns]) width[i % t->columns] = n;
    }
    for (int i = 0; i < t->cells.count; i++) {
        const int column = i % t->columns;
        const bool right = t->right >> column & 1, last = column + 1 == t->columns;
        text_add(out, column ? "  " : " *     ");
        text_addf(out, right ? "%*s" : "%-*s", last && !right ? 0 : width[column], t->cells.at[i]);
        if (last) text_add(out, "\n");
    }
}

/* ---- entries ---- */

static char *shape_text(Arena *arena, Type type)
{
    Text shape = text_new(arena);
    emit_shape(&shape, type);
    return shape.at;
}

/* Of a sum of products what it makes, else the domain of the loops. */
static const char *kernel_shape(Arena *arena, const Kernel *k)
{
    const bool made = k->kind == KERNEL_CONTRACT && k->results.count;
    return shape_text(arena, made ? k->results.at[0]->node->type : k->domain);
}

/* "3"; of the kernels that a step of a scan calls "3.1". */
static const char *step_number(Arena *arena, const char *scan, int i)
{
    return *scan ? arena_printf(arena, "%s.%d", scan, i + 1) : arena_printf(arena, "%d", i + 1);
}

static void kernel_rows(Table *t, const LoweredEntry *entry, const char *scan)
{
    for (int i = 0; i < entry->calls.count; i++) {
        const KernelCall *call = &entry->calls.at[i];
        const char *number = step_number(t->arena, scan, i);
        put_cell(t, number);
        put_cell(t, call->body ? call->body->plan->name : call->function->name);
        if (call->body)
            put_cell(t, arena_printf(t->arena, "%lld times",
                                     (long long)scan_parts(call->kernel->anchor).length));
        else put_cell(t, kernel_shape(t->arena, call->kernel));
        put_number(t, (int64_t)call->kernel->flops);
        put_number(t, (int64_t)call->kernel->bytes);
        if (call->body) kernel_rows(t, call->body, number);
    }
}

/* ---- long entries: each function once, the largest buffers ---- */

enum { LARGEST = 24 };

/* Kernels that have no function of their own are scans: each counts for itself. */
static bool first_call(const LoweredEntry *entry, int i)
{
    for (int j = 0; entry->calls.at[i].function && j < i; j++)
        if (entry->calls.at[j].function == entry->calls.at[i].function) return false;
    return true;
}

static void function_row(Table *t, const LoweredEntry *entry, int i)
{
    const KernelCall *call = &entry->calls.at[i];
    double flops = 0, bytes = 0;
    int calls = 0;
    for (int j = i; j < entry->calls.count; j++) {
        const KernelCall *other = &entry->calls.at[j];
        if (j != i && (!call->function || other->function != call->function)) continue;
        flops += other->kernel->flops;
        bytes += other->kernel->bytes;
        calls++;
    }
    put_number(t, calls);
    put_cell(t, call->body ? call->body->plan->name : call->function->name);
    put_cell(t, kernel_shape(t->arena, call->kernel));
    put_number(t, (int64_t)flops);
    put_number(t, (int64_t)bytes);
}

static void functions(Text *out, const Emission *e, const LoweredEntry *entry)
{
    Table t = {.arena = e->arena, .columns = 5, .right = 1u << 0 | 1u << 3 | 1u << 4};
    static const char *const heads[] = {"calls", "kernel", "shape", "FLOP in all", "bytes in all"};
    for (int i = 0; i < 5; i++) put_cell(&t, heads[i]);
    for (int i = 0; i < entry->calls.count; i++)
        if (first_call(entry, i)) function_row(&t, entry, i);
    print_table(out, &t);
}

/* The buffers of the workspace in order of size, as many as are shown; among equals the first. */
typedef struct Largest {
    const Value *at[LARGEST + 1];
    int count;
} Largest;

static Largest largest_buffers(const EntryPlan *plan)
{
    Largest l = {.count = 0};
    for (int i = 0; i < plan->values.count; i++) {
        const Value *v = plan->values.at[i];
        if (v->place != AT_WORK || v->first < 0) continue;
        int j = l.count;
        for (; j > 0 && l.at[j - 1]->elements < v->elements; j--) l.at[j] = l.at[j - 1];
        l.at[j] = v;
        if (l.count < LARGEST) l.count++;
    }
    return l;
}

static bool is_among(const Largest *l, const Value *v)
{
    for (int i = 0; i < l->count; i++)
        if (l->at[i] == v) return true;
    return false;
}

/* By the step that makes them, and by their place. */
static int compare_lives(const void *left, const void *right)
{
    const Value *a = *(Value *const *)left, *b = *(Value *const *)right;
    if (a->first != b->first) return a->first - b->first;
    if (a->offset != b->offset) return a->offset < b->offset ? -1 : 1;
    return strcmp(a->name, b->name);
}

static Values buffers(Arena *arena, const EntryPlan *plan)
{
    Values found = {0};
    for (int i = 0; i < plan->values.count; i++)
        if (plan->values.at[i]->place == AT_WORK && plan->values.at[i]->first >= 0)
            vec_push(arena, found, plan->values.at[i]);
    if (found.count) qsort(found.at, (size_t)found.count, sizeof *found.at, compare_lives);
    return found;
}

/* ---- every kernel, every buffer ---- */

static void kernels(Text *out, const Emission *e, const LoweredEntry *entry)
{
    Table t = {.arena = e->arena, .columns = 5, .right = 1u << 0 | 1u << 3 | 1u << 4};
    static const char *const heads[] = {"step", "kernel", "shape", "FLOP", "bytes"};
    for (int i = 0; i < 5; i++) put_cell(&t, heads[i]);
    kernel_rows(&t, entry, "");
    print_table(out, &t);
}

static void workspace(Text *out, const Emission *e, const EntryPlan *plan)
{
    Table t = {.arena = e->arena, .columns = 5, .right = 1u << 0 | 1u << 1};
    static const char *const heads[] = {"offset", "bytes", "steps", "buffer", "shape"};
    const Values all = buffers(e->arena, plan);
    const bool is_long = all.count > EMIT_LONG;
    const Largest largest = largest_buffers(plan);
    for (int i = 0; i < 5; i++) put_cell(&t, heads[i]);
    for (int i = 0; i < all.count; i++) {
        const Value *v = all.at[i];
        if (is_long && !is_among(&largest, v)) continue;
        put_number(&t, v->offset);
        put_number(&t, 4 * v->elements);
        put_cell(&t, arena_printf(e->arena, "%d..%d", v->first + 1, v->last + 1));
        put_cell(&t, emit_value_name(e, plan, v));
        put_cell(&t, v->scratch ? "scratch" : shape_text(e->arena, sample_shape(v)));
    }
    if (t.cells.count == t.columns) return;
    text_add(out, " *\n");
    print_table(out, &t);
    if (is_long) text_addf(out, " *     and %d smaller ones\n", all.count - LARGEST);
}

void emit_overview(Text *out, const Emission *e)
{
    for (int i = 0; i < e->lowered[0]->entries.count; i++) {
        const LoweredEntry *entry = &e->lowered[0]->entries.at[i];
        text_addf(out, " *\n * %s, with a workspace of ", entry->plan->name);
        text_add_grouped(out, entry->plan->workspace_bytes);
        text_add(out, " bytes, ");
        text_add_grouped(out, entry->plan->workspace_lower_bound);
        text_add(out, " of them live at once:\n *\n");
        if (emit_is_long(entry)) functions(out, e, entry);
        else kernels(out, e, entry);
        workspace(out, e, entry->plan);
    }
}
