/* Joins in place: where what is joined is computed for the join alone, its kernels write into the
 * joined value, and nothing is left to do. */
#include "ops/join.h"

#include <string.h>

#include "kernel/kernel.h"

/* Whether a piece is all of its input, element by element. */
static bool is_plain(const JoinPiece *piece, Type input)
{
    if (piece->adds) return false;
    for (int a = 0; a < input.rank; a++)
        if (piece->extent[a] != input.dim[a] || piece->from[a] || piece->from_step[a] != 1
            || piece->to_step[a] != 1)
            return false;
    return true;
}

/* Whether an input of the join is the only thing that is ever done with a node. */
static bool is_only_use(const EntryPlan *entry, const Node *join, const Node *node)
{
    const Nodes *readers = &entry->readers[node->id];
    int uses = 0;
    if (readers->count != 1 || readers->at[0] != join) return false;
    for (int i = 0; i < join->input_count; i++) uses += view_root(join->inputs[i]) == node;
    for (int i = 0; i < entry->graph->outputs.count; i++)
        uses += view_root(entry->graph->outputs.at[i].node) == node;
    return uses == 1;
}

static bool is_dense(const EntryPlan *entry, const Value *v)
{
    return v && v->place == AT_WORK && v->dtype == DT_F32 && !v->halo && !v->whole
        && !entry->channels_last[v->node->id];
}

/* Rows run their lanes along the last axis; a product along any that is contiguous. */
static bool can_write(const Kernel *k, const Node *node, const int64_t *stride)
{
    bool contiguous = false;
    for (int i = 0; i < node->type.rank; i++) contiguous |= stride[i] == 1 && node->type.dim[i] > 1;
    if (k->kind == KERNEL_CONTRACT) return contiguous;
    return k->kind == KERNEL_ROWS && node->type.rank && stride[node->type.rank - 1] == 1;
}

/* The value of what is joined as a part of the whole; false: its kernel cannot write it there. */
static bool find_part(const EntryPlan *entry, const Kernel *k, const JoinPiece *piece, Value *part)
{
    const Node *input = k->anchor->inputs[piece->input], *root = view_root(input);
    const Kernel *maker = entry->member[root->id].kernel;
    Value *whole = k->results.at[0];
    if (!maker || maker == k || !is_plain(piece, input->type)
        || !is_only_use(entry, k->anchor, root) || !is_dense(entry, entry->value_of[root->id]))
        return false;
    *part = *entry->value_of[root->id];
    if (!plan_root_strides(input, whole, part->stride) || !can_write(maker, root, part->stride))
        return false;
    part->whole = whole;
    part->within = whole->origin;
    part->elements = 1;
    for (int a = 0; a < input->type.rank; a++) part->within += piece->to[a] * whole->stride[a];
    for (int a = 0; a < root->type.rank; a++)
        part->elements += (root->type.dim[a] - 1) * part->stride[a];
    return true;
}

static bool join_parts(EntryPlan *entry, Kernel *k)
{
    const Join join = join_of(entry->arena, k->anchor);
    Value *parts = arena_array(entry->arena, Value, join.count + 1);
    if (join.fills || k->results.count != 1 || !is_dense(entry, k->results.at[0])) return false;
    for (int i = 0; i < join.count; i++)
        if (!find_part(entry, k, &join.pieces[i], &parts[i])) return false;
    for (int i = 0; i < join.count; i++)
        *entry->value_of[view_root(k->anchor->inputs[join.pieces[i].input])->id] = parts[i];
    return true;
}

void join_in_place(EntryPlan *entry)
{
    int kept = 0;
    for (int i = 0; i < entry->kernels.count; i++) {
        Kernel *k = entry->kernels.at[i];
        if (k->kind != KERNEL_JOIN || !join_parts(entry, k)) entry->kernels.at[kept++] = k;
    }
    entry->kernels.count = kept;
}
