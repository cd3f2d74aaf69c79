/* Panels: as many columns of an operand as a tile has, in scratch memory just before all rows pass
 * them, and still in cache then.
 * Where a product's lanes should run along an axis that its operand does not store contiguously,
 * the operand need not be copied as a whole: its sum is contiguous there, and a panel of it is
 * turned.
 * Where they run along a contiguous axis but every step of the sum is a row further, a panel is
 * moved together if many rows pass it (the gradient of a matrix of weights): what lies one behind
 * another comes from cache without waiting, and 1 to 5 % sooner. */
#include "kernel/kernel.h"

enum { LEAST_SUM = 256, LEAST_ROWS = 64, MANY_ROWS = 512 };

/* The one label that is summed; -1: there are none or several. */
static int64_t only_sum(const Node *product)
{
    int64_t sum = -1;
    for (int o = 0; o < 2; o++)
        for (int i = 0; i < product->attr[o].count; i++) {
            const int64_t label = product->attr[o].ints[i];
            if (attr_find(&product->attr[2], label) >= 0 || label == sum) continue;
            if (sum >= 0) return -1;
            sum = label;
        }
    return sum;
}

bool panel_pays(const Node *product, int operand, int axis)
{
    const Node *in = product->inputs[operand], *other = product->inputs[1 - operand];
    const int64_t label = only_sum(product);
    const int sum = attr_find(&product->attr[operand], label),
              along = attr_find(&product->attr[1 - operand], label);
    if (sum < 0 || along < 0 || in->type.dtype != DT_F32 || in->type.batch_axis >= 0) return false;
    for (int i = 0; i < in->type.rank; i++)
        if (i != sum && i != axis && in->type.dim[i] > 1) return false;
    const int64_t steps = in->type.dim[sum], columns = in->type.dim[axis];
    const int64_t rows = type_elements(other->type) / steps;
    return steps >= LEAST_SUM && steps % LANE_PAD == 0 && rows >= LEAST_ROWS
        && (steps <= PANEL_STEPS || columns % LANE_PAD == 0);
}

/* One, or two that lie one behind another. */
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

bool kernel_rows_are_one(const EntryPlan *entry, const Kernel *k)
{
    return rows_are_one(entry, k, k->lane_axis);
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

/* What any panel asks of a kernel. */
static bool may_have(const EntryPlan *entry, Kernel *k, const View view[2], int operand, int axis)
{
    const Type type = k->anchor->inputs[operand]->type;
    const int lanes = attr_find(&k->anchor->attr[2], k->anchor->attr[operand].ints[axis]);
    const int64_t steps = type_elements(type) / type.dim[axis];
    if (entry->outer || view[operand].value->place == AT_INDEX) return false;
    if (steps > PANEL_STEPS && !holds_sums(entry, k, lanes)) return false;
    k->contracted[0] = view[0];
    k->contracted[1] = view[1];
    return rows_are_one(entry, k, lanes);
}

bool panel_fits(const EntryPlan *entry, Kernel *k, const View view[2], int operand, int axis)
{
    const Node *product = k->anchor;
    if (!panel_pays(product, operand, axis)) return false;
    const int64_t label = only_sum(product);
    const int sum = attr_find(&product->attr[operand], label),
              along = attr_find(&product->attr[1 - operand], label);
    return view[operand].stride[sum] == 1 && view[1 - operand].stride[along] == 1
        && may_have(entry, k, view, operand, axis);
}

/* ---- panels that are moved together ---- */

/* Whether a step along `outer` is as far as all of `inner`, in both operands. */
static bool follow(const Node *product, const View view[2], int64_t outer, int64_t inner)
{
    for (int o = 0; o < 2; o++) {
        const Type type = product->inputs[o]->type;
        const int i = attr_find(&product->attr[o], outer), j = attr_find(&product->attr[o], inner);
        if (i < 0 || j < 0 || type.dim[i] == 1 || type.dim[j] == 1 || type.batch_axis == j
            || view[o].stride[i] != view[o].stride[j] * type.dim[j])
            return false;
    }
    return true;
}

/* The innermost of the summed labels, which lie one behind another in both operands; -1: they do
 * not, or are none or more than two. */
static int64_t innermost_sum(const Node *product, const View view[2])
{
    const Attr *labels = &product->attr[0];
    int64_t sum[2];
    int n = 0;
    for (int i = 0; i < labels->count; i++) {
        if (attr_find(&product->attr[2], labels->ints[i]) >= 0) continue;
        if (n == 2) return -1;
        sum[n++] = labels->ints[i];
    }
    if (n < 2) return n ? sum[0] : -1;
    if (follow(product, view, sum[0], sum[1])) return sum[1];
    return follow(product, view, sum[1], sum[0]) ? sum[0] : -1;
}

/* Nothing of an operand but its sum and one axis of the result. */
static int only_kept(const Node *product, int operand)
{
    const Node *in = product->inputs[operand];
    int kept = -1;
    for (int i = 0; i < in->type.rank; i++) {
        const int64_t label = product->attr[operand].ints[i];
        if (in->type.dim[i] == 1 || attr_find(&product->attr[2], label) < 0) continue;
        if (kept >= 0) return -1;
        kept = i;
    }
    return kept;
}

bool panel_gathers(const EntryPlan *entry, Kernel *k, const View view[2], int operand, int axis)
{
    const Node *product = k->anchor, *in = product->inputs[operand];
    const Attr *other = &product->attr[1 - operand];
    const int row = only_kept(product, 1 - operand);
    const int64_t label = innermost_sum(product, view);
    const int along = attr_find(other, label);
    if (only_kept(product, operand) != axis || row < 0 || along < 0) return false;
    if (attr_find(&product->attr[operand], label) < 0 || in->type.dtype != DT_F32) return false;
    if (view[operand].stride[axis] != 1 || in->type.batch_axis == axis) return false;
    if (view[1 - operand].stride[along] != 1 && view[1 - operand].stride[row] != 1) return false;
    const int64_t columns = in->type.dim[axis], steps = type_elements(in->type) / columns;
    return steps >= LEAST_SUM && columns > PANEL_COLUMNS
        && product->inputs[1 - operand]->type.dim[row] >= MANY_ROWS
        && (steps <= PANEL_STEPS || columns % LANE_PAD == 0)
        && may_have(entry, k, view, operand, axis);
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
