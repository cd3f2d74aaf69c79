/* Statistics of channels, where windows make them: the variance of what a window stores, and the
 * sum beside it, over all rows of the batch and positions.
 *
 * Reductions are placed among the rows that read their results (fuse.c), whose loops then begin
 * with two passes over memory. Where a window has made what they reduce, it reduces each of its
 * rows while that is near (lower/window_moments.c): the reductions become members of the window,
 * and the rows, whose shape stays, find their results in memory. */
#include "kernel/window.h"

/* Over all axes but that of the channels. */
static bool is_by_channel(const Node *node)
{
    unsigned axes = 0;
    for (int i = 0; i < node->attr[0].count; i++) axes |= 1u << node->attr[0].ints[i];
    return axes == (((1u << node->inputs[0]->type.rank) - 1) & ~2u);
}

/* Whether rows read, as it is, what the node reduces. */
static bool is_read_by(const EntryPlan *entry, const Kernel *rows, const Node *node)
{
    const Nodes *readers = &entry->readers[node->id];
    for (int i = 0; i < readers->count; i++) {
        const Node *reader = readers->at[i];
        if (op_row(reader->op)->kind == KIND_MAP && kernel_of(entry, reader) == rows) return true;
    }
    return false;
}

static bool reduces_already(const Kernel *k)
{
    for (int i = 0; i < k->nodes.count; i++)
        if (op_row(k->nodes.at[i]->op)->kind == KIND_REDUCE) return true;
    return false;
}

enum { NEAR_BYTES = 128 * 1024 }; /* half of a second-level cache */

/* Whether a row of the batch is still near when all of it is made. */
static bool stays_near(Type type) { return 4 * type_elements(type) / type.dim[0] <= NEAR_BYTES; }

/* The window that makes what the node, a variance among those rows, reduces; or NULL. */
static Kernel *maker_of(const EntryPlan *entry, const Kernel *rows, const Node *node)
{
    const Node *of = node->inputs[0];
    Kernel *k = kernel_of(entry, of);
    if (node->op != OP_variance || !is_by_channel(node) || !k || k->kind != KERNEL_WINDOW
        || of->type.dtype != DT_F32 || !type_same_shape(of->type, k->domain)
        || !stays_near(of->type))
        return NULL;
    const Window w = window_in(entry, k->anchor);
    const bool convolves = w.input[1] == ROLE_WEIGHT && w.result != ROLE_WEIGHT;
    const bool together = k->forward == entry->forward[node->id]
                       && k->early == entry->early[node->id];
    return convolves && together && !reduces_already(k) && is_read_by(entry, rows, of) ? k : NULL;
}

static void move(EntryPlan *entry, Kernel *rows, int i, Kernel *to)
{
    Node *node = rows->nodes.at[i];
    Member *m = &entry->member[node->id];
    m->kernel = to;
    for (int a = 0; a < MAX_RANK; a++) m->label[a] = a < node->type.rank ? a : -1;
    vec_push(entry->arena, to->nodes, node);
    for (int j = i; j + 1 < rows->nodes.count; j++) rows->nodes.at[j] = rows->nodes.at[j + 1];
    rows->nodes.count--;
    kernel_note_read(entry, rows, node);
}

/* The variance, and the sum of the same. */
static void move_from(EntryPlan *entry, Kernel *rows, const Node *variance, Kernel *to)
{
    const Node *of = variance->inputs[0];
    for (int i = rows->nodes.count - 1; i >= 0; i--) {
        const Node *node = rows->nodes.at[i];
        const bool sums = node->op == OP_sum && node->inputs[0] == of && is_by_channel(node);
        if (node == variance || sums) move(entry, rows, i, to);
    }
}

void moments_move(EntryPlan *entry)
{
    for (int i = 0; i < entry->kernels.count && !entry->outer; i++) {
        Kernel *rows = entry->kernels.at[i];
        for (int j = 0; rows->kind == KERNEL_ROWS && j < rows->nodes.count; j++) {
            Kernel *to = maker_of(entry, rows, rows->nodes.at[j]);
            if (!to) continue;
            move_from(entry, rows, rows->nodes.at[j], to);
            j = -1;
        }
    }
}
