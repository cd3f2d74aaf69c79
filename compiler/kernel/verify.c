/* The verifier of plans. It finds liveness again from the kernels alone, so that a mistake of
 * memory.c does not hide itself. */
#include "kernel/kernel.h"

typedef struct Lifetime {
    int written, last_read;
} Lifetime;

static int index_of(const EntryPlan *entry, const Value *value)
{
    for (int i = 0; i < entry->values.count; i++)
        if (entry->values.at[i] == value) return i;
    return -1;
}

/* The carries of a scan are set before it and changed by it. */
static bool reads(const Kernel *k, const Value *value)
{
    for (int i = 0; i < k->operands.count; i++)
        if (k->operands.at[i] == value) return true;
    return false;
}

/* What has a carry's steps starts with one that is set. */
static bool goes_on(const Kernel *k, const Value *value)
{
    for (int i = 0; i < k->operands.count; i++)
        if (k->operands.at[i] == value || (k->body && k->operands.at[i]->whole == value))
            return true;
    return false;
}

/* What the caller or the file gives is there before the first kernel. */
static bool is_given(const EntryPlan *entry, const Value *value)
{
    if (value->place == AT_PREPARED) return !entry->prepares;
    return op_row(value->node->op)->kind == KIND_LEAF && value->place != AT_WORK
        && value->place != AT_OUTPUT;
}

/* The first part of a value that was not written; or NULL. */
static const Value *part_missing(const EntryPlan *entry, const Value *whole, const Lifetime *life)
{
    for (int i = 0; i < entry->values.count; i++)
        if (entry->values.at[i]->whole == whole && life[i].written < 0) return entry->values.at[i];
    return NULL;
}

/* Kernels that run for each sample come again to what the first of them uses until the last has
 * run; outside of them nobody sees more than one sample of what holds one. */
static int last_of(const EntryPlan *entry, int step)
{
    const Samples *samples = entry->kernels.at[step]->samples;
    while (samples && entry->kernels.at[step] != samples->last && step + 1 < entry->kernels.count)
        step++;
    return step;
}

static int first_of(const EntryPlan *entry, int step)
{
    const Samples *samples = entry->kernels.at[step]->samples;
    while (samples && entry->kernels.at[step] != samples->first && step > 0) step--;
    return step;
}

static const char *check_samples(Arena *arena, const EntryPlan *entry, const Lifetime *life)
{
    for (int i = 0; i < entry->values.count; i++) {
        const Value *v = entry->values.at[i];
        if (!v->one_sample) continue;
        if (life[i].written < 0 || v->place != AT_WORK
            || life[i].last_read != last_of(entry, life[i].written))
            return arena_printf(arena, "%s: %s holds one sample and is read for all", entry->name,
                                v->name);
    }
    return NULL;
}

static const char *walk(Arena *arena, const EntryPlan *entry, Lifetime *life)
{
    for (int at = 0; at < entry->kernels.count; at++) {
        const Kernel *k = entry->kernels.at[at];
        const int first = first_of(entry, at), step = last_of(entry, at);
        for (int i = 0; i < k->operands.count; i++) {
            const int v = index_of(entry, k->operands.at[i]);
            if (v < 0 || (!is_given(entry, k->operands.at[i]) && life[v].written < 0))
                return arena_printf(arena, "%s: %s reads %s before it is written", entry->name,
                                    k->name, k->operands.at[i]->name);
            life[v].last_read = step;
            const Value *part = part_missing(entry, k->operands.at[i], life);
            if (part)
                return arena_printf(arena, "%s: %s reads %s before %s is written", entry->name,
                                    k->name, k->operands.at[i]->name, part->name);
        }
        for (int i = 0; i < k->scratch.count; i++) {
            const int v = index_of(entry, k->scratch.at[i]);
            if (life[v].written < 0) life[v].written = first;
            life[v].last_read = step;
        }
        for (int i = 0; i < k->results.count; i++) {
            const int v = index_of(entry, k->results.at[i]);
            if (v < 0 || (life[v].written >= 0 && !goes_on(k, k->results.at[i])))
                return arena_printf(arena, "%s: %s writes %s twice", entry->name, k->name,
                                    k->results.at[i]->name);
            if (life[v].written < 0) life[v].written = first;
            life[v].last_read = step;
            if (!k->results.at[i]->whole) continue;
            const int whole = index_of(entry, k->results.at[i]->whole);
            if (life[whole].written < 0) life[whole].written = first;
            life[whole].last_read = step;
        }
    }
    return NULL;
}

/* Outputs that the caller may leave out have a slot in the workspace, too. */
static bool has_slot(const Value *v)
{
    return (v->place == AT_WORK && !v->whole) || (v->place == AT_OUTPUT && v->offset >= 0);
}

static bool share_bytes(const Value *a, const Value *b)
{
    const int64_t size_a = a->elements * (a->dtype == DT_U8 ? 1 : 4),
                  size_b = b->elements * (b->dtype == DT_U8 ? 1 : 4);
    return a->offset < b->offset + size_b && b->offset < a->offset + size_a;
}

static const char *check_overlaps(Arena *arena, const EntryPlan *entry, const Lifetime *life)
{
    for (int i = 0; i < entry->values.count; i++) {
        const Value *a = entry->values.at[i];
        if (!has_slot(a) || life[i].written < 0) continue;
        if (a->offset < 0 || a->offset % 64
            || a->offset + a->elements * (a->dtype == DT_U8 ? 1 : 4) > entry->workspace_bytes)
            return arena_printf(arena, "%s: %s lies outside the workspace", entry->name, a->name);
        for (int j = 0; j < i; j++) {
            const Value *b = entry->values.at[j];
            if (!has_slot(b) || life[j].written < 0 || !share_bytes(a, b)) continue;
            if (life[i].written <= life[j].last_read && life[j].written <= life[i].last_read)
                return arena_printf(arena, "%s: %s and %s are live at once and overlap",
                                    entry->name, a->name, b->name);
        }
    }
    return NULL;
}

static bool is_carry(const Value *v) { return v->place == AT_AROUND && !v->around.step; }

/* A carry that has its new value is not read for its old one. */
static const char *check_carries(Arena *arena, const EntryPlan *entry)
{
    for (int i = 0; i < entry->values.count; i++) {
        const Value *old = entry->values.at[i];
        const char *writer = NULL;
        if (!is_carry(old) || old->node->op != OP_input) continue;
        for (int step = 0; step < entry->kernels.count; step++) {
            const Kernel *k = entry->kernels.at[step];
            if (writer && reads(k, old))
                return arena_printf(arena, "%s: %s reads %s, which %s has changed", entry->name,
                                    k->name, old->name, writer);
            for (int j = 0; j < k->results.count; j++)
                if (is_carry(k->results.at[j])
                    && k->results.at[j]->around.value == old->around.value)
                    writer = k->name;
        }
    }
    return NULL;
}

static const char *check_entry(Arena *arena, const EntryPlan *entry)
{
    Lifetime *life = arena_array(arena, Lifetime, entry->values.count + 1);
    for (int i = 0; i < entry->values.count; i++) life[i].written = life[i].last_read = -1;
    const char *wrong = walk(arena, entry, life);
    if (!wrong) wrong = check_samples(arena, entry, life);
    if (!wrong) wrong = check_overlaps(arena, entry, life);
    if (!wrong) wrong = check_carries(arena, entry);
    for (int i = 0; !wrong && i < entry->kernels.count; i++)
        if (entry->kernels.at[i]->body) wrong = check_entry(arena, entry->kernels.at[i]->body);
    return wrong;
}

const char *plan_verify(Arena *arena, const Plan *plan)
{
    const char *wrong = NULL;
    for (int e = 0; !wrong && e < plan->entries.count; e++)
        wrong = check_entry(arena, plan->entries.at[e]);
    return wrong;
}
