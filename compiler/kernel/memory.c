/* Memory: offsets in the one workspace of an entry. Values are placed largest first, each at the
 * lowest offset where no value that is live at the same time lies: first fit by decreasing size,
 * which is close to the lower bound on layered networks. */
#include <stdlib.h>

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
    if (v->first < 0 || v->whole) return false;
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

/* Where threads share the rows of a batch, each writes the same share of every value. A value that
 * takes the place of one of another size would have a thread write what another has in its cache:
 * threads that share no cache wait for that. From so many bytes on only equals follow each other.
 */
enum { OWNED = 64 * 1024 };

static bool would_change_hands(const EntryPlan *entry, const Value *a, const Value *b)
{
    return entry->plan->threads > 1 && memory_bytes(a) != memory_bytes(b)
        && memory_bytes(a) >= OWNED && memory_bytes(b) >= OWNED;
}

/* The lowest offset for v among the placed values at[0..count), which are in order of theirs. */
static int64_t lowest_fit(const EntryPlan *entry, Value *const *at, int count, const Value *v)
{
    int64_t offset = 0;
    for (int i = 0; i < count && at[i]->offset < offset + memory_bytes(v); i++) {
        const Value *p = at[i];
        if (!overlap_in_time(p, v) && !would_change_hands(entry, p, v)) continue;
        if (offset < p->offset + memory_bytes(p)) offset = p->offset + memory_bytes(p);
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

/* ---- scratch in pieces ---- */

/* Floats between two pieces. A processor that walks from plane to plane fetches some strides ahead,
 * and would fetch what another is writing: without a gap two threads that share no cache train
 * resnet20 no faster than one; 100 KB take away most of that, and this all. */
enum { GAP = 65536 };

/* The n-th scratch of the kernel that is in pieces, or NULL. */
static Value *pieces_of(const Kernel *k, int n)
{
    for (int i = 0; i < k->scratch.count; i++)
        if (k->scratch.at[i]->pieces && !n--) return k->scratch.at[i];
    return NULL;
}

/* The most that the n-th of any kernel takes, in floats. */
static int64_t largest_pieces(const EntryPlan *entry, int n)
{
    int64_t most = 0;
    for (int i = 0; i < entry->kernels.count; i++) {
        const Value *v = pieces_of(entry->kernels.at[i], n);
        if (v && v->pieces * (v->elements + GAP) > most) most = v->pieces * (v->elements + GAP);
    }
    return most;
}

static void place_pieces(EntryPlan *entry)
{
    int64_t most;
    for (int n = 0; (most = largest_pieces(entry, n)) > 0; n++) {
        for (int i = 0; i < entry->kernels.count; i++) {
            Value *v = pieces_of(entry->kernels.at[i], n);
            if (!v) continue;
            v->each = most / v->pieces / LANE_PAD * LANE_PAD;
            v->elements += (v->pieces - 1) * v->each;
            v->offset = entry->workspace_bytes;
        }
        entry->workspace_bytes += (4 * most + ALIGN - 1) / ALIGN * ALIGN;
    }
}

/* ---- all others ---- */

/* A value with its number, so that among equals the first comes first. */
typedef struct Sized {
    Value *value;
    int64_t bytes;
    int number;
} Sized;

/* What has its place so far, in order of that. */
typedef struct Placed {
    EntryPlan *entry;
    Value **at;
    int count;
} Placed;

/* Larger ones, and of one size what is no scratch, that scratch comes together. */
static int compare_sizes(const void *left, const void *right)
{
    const Sized *a = left, *b = right;
    if (a->bytes != b->bytes) return a->bytes < b->bytes ? 1 : -1;
    if (a->value->scratch != b->value->scratch) return a->value->scratch ? 1 : -1;
    return a->number - b->number;
}

static void put(Placed *p, Value *v, int64_t offset)
{
    int j = p->count++;
    v->offset = offset;
    for (; j > 0 && p->at[j - 1]->offset > offset; j--) p->at[j] = p->at[j - 1];
    p->at[j] = v;
    if (offset + memory_bytes(v) > p->entry->workspace_bytes)
        p->entry->workspace_bytes = offset + memory_bytes(v);
}

static void put_lowest(Placed *p, Value *v)
{
    put(p, v, lowest_fit(p->entry, p->at, p->count, v));
}

static bool fits(const Placed *p, const Value *v, int64_t offset)
{
    for (int i = 0; i < p->count && p->at[i]->offset < offset + memory_bytes(v); i++) {
        const Value *other = p->at[i];
        if (offset < other->offset + memory_bytes(other)
            && (overlap_in_time(other, v) || would_change_hands(p->entry, other, v)))
            return false;
    }
    return true;
}

enum { MOST_TRIALS = 20000000 };

/* The offset that suits most of `count` values of one size, within what is planned so far; -1: none
 * does, or there are too many to tell. */
static int64_t common_place(const Placed *p, const Sized *some, int count)
{
    int64_t best = -1;
    int most = 0;
    if ((int64_t)p->count * p->count * count > MOST_TRIALS) return -1;
    for (int i = -1; i < p->count; i++) {
        const int64_t offset = i < 0 ? 0 : p->at[i]->offset + memory_bytes(p->at[i]);
        int n = 0;
        if (offset + some->bytes > p->entry->workspace_bytes) continue;
        for (int j = 0; j < count; j++) n += fits(p, some[j].value, offset);
        if (n < most || !n || (n == most && offset > best)) continue;
        best = offset;
        most = n;
    }
    return best;
}

/* Kernels that do the same have their scratch at one place, as far as it is free: there it is still
 * in cache, and goes by one name. */
static void put_scratch(Placed *p, Sized *some, int count)
{
    while (count) {
        const int64_t offset = common_place(p, some, count);
        int left = 0;
        if (offset < 0) put_lowest(p, some->value);
        for (int i = offset < 0; i < count; i++) {
            if (offset >= 0 && fits(p, some[i].value, offset)) put(p, some[i].value, offset);
            else some[left++] = some[i];
        }
        count = left;
    }
}

static int scratch_of_one_size(const Sized *sized, int count)
{
    int n = 0;
    while (n < count && sized[n].value->scratch && sized[n].bytes == sized[0].bytes) n++;
    return n;
}

static void mark_scratch(EntryPlan *entry)
{
    for (int i = 0; i < entry->kernels.count; i++)
        for (int j = 0; j < entry->kernels.at[i]->scratch.count; j++)
            entry->kernels.at[i]->scratch.at[j]->scratch = true;
}

/* Plans all offsets; with scratch of kernels that do the same `together` or wherever it fits. */
static int64_t find_offsets(EntryPlan *entry, Arena *scratch, bool together)
{
    Sized *sized = arena_array(scratch, Sized, entry->values.count + 1);
    Placed placed = {entry, arena_array(scratch, Value *, entry->values.count + 1), 0};
    int count = 0;
    entry->workspace_bytes = 0;
    for (int i = 0; i < entry->values.count; i++) {
        Value *v = entry->values.at[i];
        if (memory_has_slot(entry, v) && !v->pieces)
            sized[count++] = (Sized){v, memory_bytes(v), i};
    }
    qsort(sized, (size_t)count, sizeof *sized, compare_sizes);
    for (int i = 0; i < count;) {
        const int n = together ? scratch_of_one_size(sized + i, count - i) : 0;
        if (n > 1) put_scratch(&placed, sized + i, n);
        else put_lowest(&placed, sized[i].value);
        i += n > 1 ? n : 1;
    }
    return entry->workspace_bytes;
}

enum { LITTLE = 256 }; /* a part of the workspace, that one place for scratch may cost */

static void place_all(EntryPlan *entry, Arena *scratch)
{
    mark_scratch(entry);
    const int64_t least = find_offsets(entry, scratch, false);
    const int64_t more = entry->plan->module->share > 0 ? 0 : least / LITTLE;
    if (find_offsets(entry, scratch, true) > least + more) find_offsets(entry, scratch, false);
}

/* The most that is live at one step, from what begins and ends there. */
static int64_t most_live_bytes(const EntryPlan *entry, Arena *scratch)
{
    int64_t *change = arena_array(scratch, int64_t, entry->kernels.count + 1), live = 0, most = 0;
    for (int i = 0; i < entry->values.count; i++) {
        const Value *v = entry->values.at[i];
        if (!memory_has_slot(entry, v)) continue;
        change[v->first] += memory_bytes(v);
        change[v->last + 1] -= memory_bytes(v);
    }
    for (int step = 0; step < entry->kernels.count; step++) {
        live += change[step];
        if (live > most) most = live;
    }
    return most;
}

/* ---- the whole ---- */

void memory_plan(EntryPlan *entry)
{
    Arena *scratch = arena_new();
    place_all(entry, scratch);
    place_pieces(entry);
    for (int i = 0; i < entry->values.count; i++) {
        Value *v = entry->values.at[i];
        if (v->whole) v->offset = v->whole->offset + 4 * v->within;
    }
    entry->workspace_lower_bound = most_live_bytes(entry, scratch);
    arena_free(scratch);
}
