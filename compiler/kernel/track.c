/* Carries that live where they are saved. What the way back reads of a carry is its value before
 * each step. A step that finds it in the sequence of those values, and writes the next one behind
 * it, has nothing left to save:
 *
 *   saved    [step 0][step 1] ... [step T-1][T]
 *             first   made by step 0 ...      final
 *
 * The sequence gets room for one more. So it is through scans of chunks: what a chunk leaves is
 * where the next one begins. Not in scans that run backwards. */
#include <string.h>

#include "kernel/kernel.h"
#include "ops/scan.h"

static bool is_result(const Node *node, const Node *owner, int index)
{
    return is_result_of(node, owner) && node->attr[0].ints[0] == index;
}

/* ---- which yield ---- */

static int yield_of(const Node *owner, const Node *node)
{
    for (int i = scan_parts(owner).carries; i < owner->body->outputs.count; i++)
        if (owner->body->outputs.at[i].node == node) return i;
    return -1;
}

static int saving_yield(const Node *owner, int carry);

/* The yield that holds, stacked, what an inner scan saves of a carry that it takes over from this
 * one and hands back. */
static int yield_of_inner(const Node *owner, int carry, const Node *inner)
{
    const Scan scan = scan_parts(owner), in = scan_parts(inner);
    const Node *before = owner->body->inputs.at[scan.sequences + carry];
    for (int c = 0; c < in.carries; c++) {
        if (inner->inputs[in.sequences + c] != before
            || !is_result(owner->body->outputs.at[carry].node, inner, c))
            continue;
        const int saving = saving_yield(inner, c);
        for (int i = scan.carries; saving >= 0 && i < owner->body->outputs.count; i++)
            if (is_result(owner->body->outputs.at[i].node, inner, saving)) return i;
    }
    return -1;
}

/* The yield of a scan that holds a carry as it was before each step; -1: none. */
static int saving_yield(const Node *owner, int carry)
{
    const Scan scan = scan_parts(owner);
    const Graph *body = owner->body;
    const Node *before = body->inputs.at[scan.sequences + carry];
    if (scan.reverse || body->outputs.at[carry].node == before) return -1;
    int found = yield_of(owner, before);
    for (int i = 0; found < 0 && i < body->nodes.count; i++)
        if (body->nodes.at[i]->body) found = yield_of_inner(owner, carry, body->nodes.at[i]);
    return found;
}

/* ---- whether ---- */

static Value *value_of_result(const EntryPlan *body, int index)
{
    const Kernel *k = body->scan;
    for (int i = 0; i < k->nodes.count; i++)
        if (is_result(k->nodes.at[i], k->anchor, index))
            return body->outer->value_of[k->nodes.at[i]->id];
    return NULL;
}

static bool is_own(const Value *v)
{
    return v->place == AT_WORK && !v->whole && !v->halo && !v->scratch;
}

void track_strides(const Value *saved, int rank, int64_t *stride)
{
    const int axes = saved->node->type.rank - rank;
    for (int i = 0; i < rank; i++) stride[i] = saved->stride[axes + i];
}

/* Whether a value lies in memory as the carry does in a step. */
static bool lies_as_step(const Value *v, const Value *saved)
{
    int64_t stride[MAX_RANK];
    track_strides(saved, v->node->type.rank, stride);
    for (int i = 0; i < v->node->type.rank; i++)
        if (v->node->type.dim[i] != 1 && v->stride[i] != stride[i]) return false;
    return v->dtype == saved->dtype;
}

/* Steps lie one behind another, and nothing but steps in the value: with room behind them, where a
 * carry may have found some already. */
static bool is_stack(const Value *saved, int64_t steps)
{
    return !saved->origin && saved->stride[0] > 0
        && (saved->elements == steps * saved->stride[0]
            || saved->elements == (steps + 1) * saved->stride[0]);
}

/* A carry of the plan around the body that it hands to its scan. */
static int carry_given(const EntryPlan *body, int carry)
{
    const Scan scan = scan_parts(body->scan->anchor), outer = scan_parts(body->outer->scan->anchor);
    for (int i = 0; i < outer.carries; i++)
        if (body->outer->graph->inputs.at[outer.sequences + i]
                == body->scan->anchor->inputs[scan.sequences + carry]
            && is_result(body->outer->graph->outputs.at[i].node, body->scan->anchor, carry))
            return i;
    return -1;
}

Value *track_of(const EntryPlan *body, int carry)
{
    const int saving = saving_yield(body->scan->anchor, carry);
    Value *saved = saving < 0 ? NULL : value_of_result(body, saving);
    const int64_t steps = scan_parts(body->scan->anchor).length;
    if (!saved) return NULL;
    if (!body->outer->outer) {
        const Value *final = value_of_result(body, carry);
        const bool fits = !final || final->whole == saved
                       || (is_own(final) && lies_as_step(final, saved));
        return is_own(saved) && is_stack(saved, steps) && fits ? saved : NULL;
    }
    const int given = carry_given(body, carry);
    const Value *around = given < 0 ? NULL : track_of(body->outer, given);
    const bool continues = around && saved->place == AT_AROUND && saved->around.value == around
                        && !saved->around.offset && saved->around.step == steps * saved->stride[0];
    return continues ? saved : NULL;
}

/* ---- the change ---- */

/* The carry before a step as a value of its own. */
static void make_part(Value *part, const Value *saved, int64_t step)
{
    part->whole = saved;
    part->within = step * saved->stride[0];
    part->elements = 1;
    track_strides(saved, part->node->type.rank, part->stride);
    for (int i = 0; i < part->node->type.rank; i++)
        part->elements += (part->node->type.dim[i] - 1) * part->stride[i];
}

Value *track_start(EntryPlan *outer, const Kernel *k, int carry, Value *saved)
{
    const Output *output = &k->anchor->body->outputs.at[carry];
    const int64_t steps = scan_steps(k);
    Value *first = plan_value(outer, output->node, AT_WORK, -1,
                              output->name ? output->name : "carry");
    make_part(first, saved, 0);
    saved->elements = (steps + 1) * saved->stride[0];
    for (int i = 0; i < k->nodes.count; i++) {
        Value *final = outer->value_of[k->nodes.at[i]->id];
        if (final && is_result(k->nodes.at[i], k->anchor, carry)) make_part(final, saved, steps);
    }
    return first;
}
