/* Joining whole kernels of rows over one domain: neighbours that read the same data, and a kernel
 * with the one it feeds, if no other stands between. */
#include <stdlib.h>

#include "kernel/kernel.h"

/* Which kernels wait for which, as bits: pairs are many, and most of them wait for each other. */
typedef struct Merging {
    EntryPlan *entry;
    int words;           /* of a row of bits */
    uint64_t *needs;     /* by step a row: the kernels that must have run, by step, and itself */
    VEC(Kernel *) next;  /* to try with the one at hand, as they were opened */
} Merging;

static uint64_t *row_of(const Merging *m, const Kernel *k)
{
    return m->needs + (size_t)m->words * (size_t)k->step;
}

static bool needs(const Merging *m, const Kernel *from, const Kernel *on)
{
    return row_of(m, from)[on->step / 64] >> on->step % 64 & 1;
}

static void add_needs(Merging *m, const Kernel *to, const Kernel *of)
{
    uint64_t *row = row_of(m, to);
    const uint64_t *more = row_of(m, of);
    for (int i = 0; i < m->words; i++) row[i] |= more[i];
}

static void find_needs(Merging *m, const Kernel *k)
{
    if (needs(m, k, k)) return;
    row_of(m, k)[k->step / 64] |= UINT64_C(1) << k->step % 64;
    for (int i = 0; i < k->reads.count; i++) {
        const Kernel *before = kernel_of(m->entry, k->reads.at[i]);
        if (!before || before == k) continue;
        find_needs(m, before);
        add_needs(m, k, before);
    }
}

/* What waits for b waits for all of a now, and what waited for a for all of b. */
static void join_needs(Merging *m, const Kernel *a, const Kernel *b)
{
    add_needs(m, a, b);
    for (int i = 0; i < m->entry->kernels.count; i++) {
        const Kernel *k = m->entry->kernels.at[i];
        if (needs(m, k, a) || needs(m, k, b)) add_needs(m, k, a);
    }
}

/* `b` waits for `a` by way of a third kernel. */
static bool needs_through_another(const Merging *m, const Kernel *b, const Kernel *a)
{
    for (int i = 0; i < b->reads.count; i++) {
        const Kernel *third = kernel_of(m->entry, b->reads.at[i]);
        if (third && third != a && needs(m, third, a)) return true;
    }
    return false;
}

/* Whether what b reads of a stays legal inside one kernel. */
static bool reads_are_legal(const EntryPlan *entry, const Kernel *a, const Kernel *b, unsigned *row)
{
    for (int i = 0; i < b->nodes.count; i++) {
        const Node *node = b->nodes.at[i];
        for (int j = 0; j < node->input_count; j++) {
            int label[MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
            bool after = false;
            if (!kernel_labels(entry, a, node->inputs[j], label)) return false;
            for (int axis = 0; axis < node->inputs[j]->type.rank; axis++)
                if (label[axis] >= 0 && node->inputs[j]->type.dim[axis] != 1
                    && label[axis] != entry->member[node->id].label[axis])
                    return false;
            if (!kernel_may_read(entry, a, node, node->inputs[j], row, &after) || after)
                return false;
        }
    }
    return true;
}

/* Where memory is short, the backward part computes nothing long before it is needed. */
static bool stand_apart(const EntryPlan *entry, const Kernel *a, const Kernel *b)
{
    const Kernel *first = a->nodes.at[0]->id < b->nodes.at[0]->id ? a : b;
    const Kernel *second = first == a ? b : a;
    if (a->forward && b->forward) return false;
    return a->forward != b->forward || kernel_is_left_behind(entry, first, second->nodes.at[0]);
}

/* Of kernels that are related. */
static bool may_merge(const Merging *m, const Kernel *a, const Kernel *b)
{
    const EntryPlan *entry = m->entry;
    if (a->kind != KERNEL_ROWS || b->kind != KERNEL_ROWS || !a->nodes.count || !b->nodes.count)
        return false;
    if (a->early != b->early) return false;
    if (!type_same_shape(a->domain, b->domain) || a->domain.batch_axis != b->domain.batch_axis)
        return false;
    if (type_elements(a->domain) == 1 || (a->row_axes && b->row_axes && a->row_axes != b->row_axes))
        return false;
    if (needs(m, a, b) || needs_through_another(m, b, a)) return false;
    if (entry->plan->module->share > 0 && stand_apart(entry, a, b)) return false;
    unsigned row = a->row_axes | b->row_axes;
    const unsigned before = row;
    return reads_are_legal(entry, a, b, &row) && (row == before || !before)
        && kernel_counts_once(entry, a, a, row) && kernel_counts_once(entry, a, b, row);
}

static void merge(Merging *m, Kernel *a, Kernel *b)
{
    EntryPlan *entry = m->entry;
    unsigned row = a->row_axes | b->row_axes;
    reads_are_legal(entry, a, b, &row);
    a->row_axes = row;
    for (int i = 0; i < b->nodes.count; i++) {
        entry->member[b->nodes.at[i]->id].kernel = a;
        vec_push(entry->arena, a->nodes, b->nodes.at[i]);
    }
    b->nodes.count = 0;
    int kept = 0;
    for (int i = 0; i < a->reads.count; i++)
        if (kernel_of(entry, a->reads.at[i]) != a) a->reads.at[kept++] = a->reads.at[i];
    a->reads.count = kept;
    for (int i = 0; i < b->reads.count; i++) kernel_note_read(entry, a, b->reads.at[i]);
    for (int i = 1; i < a->nodes.count; i++) /* topological order is the order of ids */
        for (int j = i; j > 0 && a->nodes.at[j - 1]->id > a->nodes.at[j]->id; j--) {
            Node *t = a->nodes.at[j];
            a->nodes.at[j] = a->nodes.at[j - 1];
            a->nodes.at[j - 1] = t;
        }
}

/* ---- the search ---- */

static void add_next(Merging *m, const Kernel *a, const Node *node)
{
    const Nodes *readers = &m->entry->readers[node->id];
    for (int i = 0; i < readers->count; i++) {
        Kernel *k = kernel_of(m->entry, readers->at[i]);
        if (k && k != a) vec_push(m->entry->arena, m->next, k);
    }
}

static int compare_steps(const void *a, const void *b)
{
    return (*(Kernel *const *)a)->step - (*(Kernel *const *)b)->step;
}

/* Constants are written where they are used. */
static bool is_constant(const Node *root)
{
    return op_row(root->op)->kind == KIND_LEAF && root->op != OP_input && root->param < 0
        && !root->values;
}

/* The kernels that read what a makes, or a tensor that a reads, too. */
static void find_related(Merging *m, const Kernel *a)
{
    m->next.count = 0;
    for (int i = 0; i < a->nodes.count; i++) add_next(m, a, a->nodes.at[i]);
    for (int i = 0; i < a->reads.count; i++)
        if (type_elements(a->reads.at[i]->type) > 1 && !is_constant(a->reads.at[i]))
            add_next(m, a, a->reads.at[i]);
    if (m->next.count)
        qsort(m->next.at, (size_t)m->next.count, sizeof *m->next.at, compare_steps);
}

/* What a holds then may allow what it did not before. */
static bool merge_one(Merging *m, Kernel *a)
{
    find_related(m, a);
    for (int i = 0; i < m->next.count; i++) {
        Kernel *b = m->next.at[i];
        if ((i && b == m->next.at[i - 1]) || !may_merge(m, a, b)) continue;
        merge(m, a, b);
        join_needs(m, a, b);
        return true;
    }
    return false;
}

void merge_kernels(EntryPlan *entry)
{
    const int count = entry->kernels.count;
    Arena *scratch = arena_new();
    Merging m = {.entry = entry, .words = count / 64 + 1};
    m.needs = arena_array(scratch, uint64_t, (size_t)m.words * (size_t)count);
    for (int i = 0; i < count; i++) find_needs(&m, entry->kernels.at[i]);
    for (int i = 0; i < count; i++)
        while (merge_one(&m, entry->kernels.at[i])) {}
    arena_free(scratch);
}
