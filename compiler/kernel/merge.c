/* Joining whole kernels of rows over one domain: neighbours that read the same data, and a kernel
 * with the one it feeds, if no other stands between. */
#include "kernel/kernel.h"

static Kernel *kernel_of(const EntryPlan *entry, const Node *node)
{
    return entry->member[node->id].kernel;
}

/* True if b reads what a makes, or both read one tensor. */
static bool related(const EntryPlan *entry, const Kernel *a, const Kernel *b)
{
    for (int i = 0; i < b->reads.count; i++) {
        const Node *root = b->reads.at[i];
        if (kernel_of(entry, root) == a
            || (type_elements(root->type) > 1 && kernel_reads(a, root)))
            return true;
    }
    return false;
}

/* `b` waits for `a` by way of a third kernel. */
static bool needs_through_another(const EntryPlan *entry, const Kernel *b, const Kernel *a)
{
    for (int i = 0; i < b->reads.count; i++) {
        const Kernel *third = kernel_of(entry, b->reads.at[i]);
        if (third && third != a && kernel_needs(entry, third, a)) return true;
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

static bool may_merge(const EntryPlan *entry, const Kernel *a, const Kernel *b)
{
    if (a->kind != KERNEL_ROWS || b->kind != KERNEL_ROWS || !a->nodes.count || !b->nodes.count)
        return false;
    if (a->early != b->early) return false;
    if (entry->plan->module->share > 0 && stand_apart(entry, a, b)) return false;
    if (!type_same_shape(a->domain, b->domain) || a->domain.batch_axis != b->domain.batch_axis)
        return false;
    if (type_elements(a->domain) == 1 || (a->row_axes && b->row_axes && a->row_axes != b->row_axes))
        return false;
    unsigned row = a->row_axes | b->row_axes;
    const unsigned before = row;
    return related(entry, a, b) && !kernel_needs(entry, a, b) && !needs_through_another(entry, b, a)
        && reads_are_legal(entry, a, b, &row) && (row == before || !before)
        && kernel_counts_once(entry, a, a, row) && kernel_counts_once(entry, a, b, row);
}

static void merge(EntryPlan *entry, Kernel *a, Kernel *b)
{
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

void merge_kernels(EntryPlan *entry)
{
    for (int i = 0; i < entry->kernels.count; i++)
        for (int j = 0; j < entry->kernels.count; j++) {
            if (i == j || !may_merge(entry, entry->kernels.at[i], entry->kernels.at[j])) continue;
            merge(entry, entry->kernels.at[i], entry->kernels.at[j]);
            j = -1; /* what a holds now may allow what it did not before */
        }
}
