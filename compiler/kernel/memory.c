/* Memory: offsets in the one workspace of an entry. Values are placed largest first, each at the
 * lowest offset where no value that is live at the same time lies: first fit by decreasing size,
 * which is close to the lower bound on layered networks. */
#include "kernel/kernel.h"

enum { ALIGN = 64 };

int64_t memory_bytes(const Value *v)
{
    const int64_t size = v->dtype == DT_U8 ? 1 : 4; /* booleans are kept as 0.0 and 1.0 */
    return (v->elements * size + ALIGN - 1) / ALIGN * ALIGN;
}

/* Outputs that the caller may leave out need a slot too: those of entries with a loss. */
bool memory_has_slot(const EntryPlan *entry, const Value *v)
{
    if (v->first < 0) return false;
    if (v->place == AT_WORK) return true;
    if (v->place != AT_OUTPUT) return false;
    for (int i = 0; i < entry->graph->outputs.count; i++)
        if (entry->graph->outputs.at[i].kind == OUT_LOSS) return true;
    return false;
}

static bool overlap_in_time(const Value *a, const Value *b)
{
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset for v among the placed values at[0..count). */
static int64_t lowest_fit(Value *const *at, int count, const Value *v)
{
    int64_t offset = 0;
    for (int i = 0; i < count; i++) {
        const Value *p = at[i];
        if (!overlap_in_time(p, v)) continue;
        if (offset < p->offset + memory_bytes(p) && p->offset < offset + memory_bytes(v)) {
            offset = p->offset + memory_bytes(p);
            i = -1;
        }
    }
    return offset;
}

int64_t memory_live_bytes(const EntryPlan *entry, int step)
{
    int64_t sum = 0;
    for (int i = 0; i < entry->values.count; i++) {
        const Value *v = entry->values.at[i];
        if (memory_has_slot(entry, v) && v->first <= step && step <= v->last)
            sum += memory_bytes(v);
    }
    return sum;
}

void memory_plan(EntryPlan *entry)
{
    Value **at = arena_array(entry->arena, Value *, entry->values.count + 1);
    int count = 0;
    for (int i = 0; i < entry->values.count; i++) {
        if (!memory_has_slot(entry, entry->values.at[i])) continue;
        int j = count++;
        for (; j > 0 && memory_bytes(at[j - 1]) < memory_bytes(entry->values.at[i]); j--)
            at[j] = at[j - 1];
        at[j] = entry->values.at[i];
    }
    for (int i = 0; i < count; i++) {
        at[i]->offset = lowest_fit(at, i, at[i]);
        if (at[i]->offset + memory_bytes(at[i]) > entry->workspace_bytes)
            entry->workspace_bytes = at[i]->offset + memory_bytes(at[i]);
    }
    for (int step = 0; step < entry->kernels.count; step++) {
        const int64_t live = memory_live_bytes(entry, step);
        if (live > entry->workspace_lower_bound) entry->workspace_lower_bound = live;
    }
}
