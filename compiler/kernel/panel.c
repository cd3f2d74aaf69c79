/* Panels: where a product's lanes should run along an axis that its operand does not store
 * contiguously, the operand need not be copied as a whole. Its sum is contiguous there, so a panel
 * of as many columns as a tile has is turned into scratch memory just before all rows pass it, and
 * is still in cache then. */
#include "kernel/kernel.h"

enum { LEAST_SUM = 256, LEAST_ROWS = 64 };

static int axis_with(const Attr *labels, int64_t label)
{
    for (int i = 0; i < labels->count; i++)
        if (labels->ints[i] == label) return i;
    return -1;
}

/* The one label that is summed; -1: there are none or several. */
static int64_t only_sum(const Node *product)
{
    int64_t sum = -1;
    for (int o = 0; o < 2; o++)
        for (int i = 0; i < product->attr[o].count; i++) {
            const int64_t label = product->attr[o].ints[i];
            if (axis_with(&product->attr[2], label) >= 0 || label == sum) continue;
            if (sum >= 0) return -1;
            sum = label;
        }
    return sum;
}

bool panel_pays(const Node *product, int operand, int axis)
{
    const Node *in = product->inputs[operand], *other = product->inputs[1 - operand];
    const int64_t label = only_sum(product);
    const int sum = axis_with(&product->attr[operand], label),
              along = axis_with(&product->attr[1 - operand], label);
    if (sum < 0 || along < 0 || in->type.dtype != DT_F32 || in->type.batch_axis >= 0) return false;
    for (int i = 0; i < in->type.rank; i++)
        if (i != sum && i != axis && in->type.dim[i] > 1) return false;
    const int64_t steps = in->type.dim[sum], columns = in->type.dim[axis];
    const int64_t rows = type_elements(other->type) / steps;
    return steps >= LEAST_SUM && steps % LANE_PAD == 0 && rows >= LEAST_ROWS
        && (steps <= PANEL_STEPS || columns % LANE_PAD == 0);
}

/* All rows are one axis, or two that lie one behind another. */
static bool rows_are_one(const EntryPlan *entry, const Kernel *k, int lanes)
{
    int rows[2], n = 0;
    for (int i = 0; i < k->domain.rank; i++) {
        if (i == lanes || k->domain.dim[i] == 1) continue;
        if (n == 2) return false;
        rows[n++] = i;
    }
    return n == 1 || (n == 2 && rows[0] == k->domain.batch_axis
                      && kernel_axes_merge(entry, k, rows[0], rows[1]));
}

/* A sum in chunks waits in the result. */
static bool holds_sums(const EntryPlan *entry, const Kernel *k, int lanes)
{
    const Value *v = k->results.at[0];
    const int *label = entry->member[v->node->id].label;
    if (v->dtype != DT_F32 || type_elements(v->node->type) != type_elements(k->domain))
        return false;
    for (int i = 0; i < v->node->type.rank; i++)
        if (label[i] == lanes && v->node->type.dim[i] > 1) return v->stride[i] == 1;
    return false;
}

bool panel_fits(const EntryPlan *entry, Kernel *k, const View view[2], int operand, int axis)
{
    const Node *product = k->anchor;
    const int lanes = axis_with(&product->attr[2], product->attr[operand].ints[axis]);
    if (entry->outer || !panel_pays(product, operand, axis)) return false;
    const int64_t label = only_sum(product);
    const int sum = axis_with(&product->attr[operand], label),
              along = axis_with(&product->attr[1 - operand], label);
    if (view[operand].stride[sum] != 1 || view[1 - operand].stride[along] != 1) return false;
    if (view[operand].value->place == AT_INDEX) return false;
    if (product->inputs[operand]->type.dim[sum] > PANEL_STEPS && !holds_sums(entry, k, lanes))
        return false;
    k->contracted[0] = view[0];
    k->contracted[1] = view[1];
    return rows_are_one(entry, k, lanes);
}

/* One panel serves all products: it stays in cache. Those that run beforehand have their own, and
 * so have those of threads, whose pieces lie at one place anyway (memory.c). */
static Value *panel_of(EntryPlan *entry, const Kernel *k)
{
    const bool alone = entry->early[k->anchor->id] || entry->plan->threads > 1;
    if (!alone && entry->panel) return entry->panel;
    Value *v = plan_value(entry, k->anchor, AT_WORK, -1, "panel");
    v->scratch = true;
    v->elements = 0;
    if (entry->plan->threads > 1) {
        v->own = true;
        v->pieces = entry->plan->threads;
    }
    if (!alone) entry->panel = v;
    return v;
}

void panel_plan(EntryPlan *entry, Kernel *k, int operand, int axis)
{
    const Type type = k->anchor->inputs[operand]->type;
    int64_t columns = (type.dim[axis] + LANE_PAD - 1) / LANE_PAD * LANE_PAD,
            steps = type_elements(type) / type.dim[axis];
    if (columns > PANEL_COLUMNS) columns = PANEL_COLUMNS;
    if (steps > PANEL_STEPS) steps = PANEL_STEPS;
    Value *v = panel_of(entry, k);
    if (v->elements < steps * columns) v->elements = steps * columns;
    vec_push(entry->arena, k->scratch, v);
    k->panel = v;
}
