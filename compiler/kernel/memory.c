/* Memory: offsets in the one workspace of an entry. Values are placed largest first, each at the lowest offset where no value that
 * is live at the same time lies: first fit by decreasing size, which is close to the lower bound on layered networks. */
#include "kernel/kernel.h"

enum { ALIGN = 64 };

static int64_t value_bytes(const Value *v) {
    const int64_t size = v->dtype == DT_U8 ? 1 : 4;      /* booleans are kept as 0.0 and 1.0 */
    return (v->elements * size + ALIGN - 1) / ALIGN * ALIGN;
}

/* Outputs that the caller may leave out need a slot too: those of entries with a loss. */
static bool needs_slot(const EntryPlan *entry, const Value *v) {
    if (v->first < 0) return false;
    if (v->place == AT_WORK) return true;
    if (v->place != AT_OUTPUT) return false;
    for (int i = 0; i < entry->graph->outputs.count; i++)
        if (entry->graph->outputs.at[i].kind == OUT_LOSS) return true;
    return false;
}

static bool overlap_in_time(const Value *a, const Value *b) {
    return a->first <= b->last && b->first <= a->last;
}

/* The lowest offset for v among the placed values at[0..count). */
static int64_t lowest_fit(Value *const *at, int count, const Value *v) {
    int64_t offset = 0;
    for (int i = 0; i < count; i++) {
        const Value *p = at[i];
        if (!overlap_in_time(p, v)) continue;
        if (offset < p->offset + value_bytes(p) && p->offset < offset + value_bytes(v)) {
            offset = p->offset + value_bytes(p);
            i = -1;
        }
    }
    return offset;
}

static int64_t live_bytes(Value *const *at, int count, int step) {
    int64_t sum = 0;
    for (int i = 0; i < count; i++)
        if (at[i]->first <= step && step <= at[i]->last) sum += value_bytes(at[i]);
    return sum;
}

void memory_plan(EntryPlan *entry) {
    Value **at = arena_array(entry->arena, Value *, entry->values.count + 1);
    int count = 0;
    for (int i = 0; i < entry->values.count; i++) {
        if (!needs_slot(entry, entry->values.at[i])) continue;
        int j = count++;
        for (; j > 0 && value_bytes(at[j - 1]) < value_bytes(entry->values.at[i]); j--) at[j] = at[j - 1];
        at[j] = entry->values.at[i];
    }
    for (int i = 0; i < count; i++) {
        at[i]->offset = lowest_fit(at, i, at[i]);
        if (at[i]->offset + value_bytes(at[i]) > entry->workspace_bytes)
            entry->workspace_bytes = at[i]->offset + value_bytes(at[i]);
    }
    for (int step = 0; step < entry->kernels.count; step++) {
        const int64_t live = live_bytes(at, count, step);
        if (live > entry->workspace_lower_bound) entry->workspace_lower_bound = live;
    }
}
