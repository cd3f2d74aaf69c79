/* The summed labels of a product: which there are, how long they are, and which make one loop. */
#include "lower/contract.h"

static Type k_type(const Contract *c, int k, int *axis)
{
    const int64_t label = k + 1 == c->k_count ? c->k_outer : c->k_label[k];
    *axis = attr_find(operand_labels(c, 0), label);
    if (*axis >= 0) return contract_node(c)->inputs[0]->type;
    *axis = attr_find(operand_labels(c, 1), label);
    return contract_node(c)->inputs[1]->type;
}

bool contract_is_batch(const Contract *c, int k)
{
    int axis;
    return k_type(c, k, &axis).batch_axis == axis;
}

bool contract_sums_lanes(const Contract *c)
{
    if (c->l->lane_axis >= 0 || !c->k_count || contract_is_batch(c, c->k_count - 1)) return false;
    for (int o = 0; o < 2; o++) {
        const int axis = attr_find(operand_labels(c, o), c->k_label[c->k_count - 1]);
        if (axis < 0 || c->l->k->contracted[o].stride[axis] != 1) return false;
    }
    return true;
}

LoopExpr *contract_extent(const Contract *c, int k)
{
    int axis;
    const Type type = k_type(c, k, &axis);
    LoopExpr *extent = lower_extent(c->l, type, axis);
    return k + 1 == c->k_count ? x_mul(&c->l->b, extent, c->k_inner) : extent;
}

int64_t contract_size(const Contract *c, int k)
{
    int axis;
    const Type type = k_type(c, k, &axis);
    return type.dim[axis] * (k + 1 == c->k_count ? c->k_inner : 1);
}

/* Summed labels, a contiguous one innermost. */
static void find_labels(Contract *c)
{
    for (int o = 0; o < 2; o++)
        for (int i = 0; i < operand_labels(c, o)->count; i++) {
            const int64_t label = operand_labels(c, o)->ints[i];
            bool known = attr_find(operand_labels(c, 2), label) >= 0;
            for (int k = 0; k < c->k_count; k++) known |= c->k_label[k] == label;
            if (!known) c->k_label[c->k_count++] = label;
        }
    for (int k = 0; k + 1 < c->k_count; k++) {
        const int axis = attr_find(operand_labels(c, c->tall), c->k_label[k]);
        if (axis < 0 || c->l->k->contracted[c->tall].stride[axis] != 1) continue;
        const int64_t label = c->k_label[k];
        c->k_label[k] = c->k_label[c->k_count - 1];
        c->k_label[c->k_count - 1] = label;
        break;
    }
}

/* Whether a step of the sum over `outer` is as far as all of the innermost one, for both operands.
 * An axis of extent 1 has no place in addresses, so it takes in no other. */
static bool sums_merge(const Contract *c, int64_t outer)
{
    for (int o = 0; o < 2; o++) {
        const View *view = &c->l->k->contracted[o];
        const int i = attr_find(operand_labels(c, o), outer),
                  j = attr_find(operand_labels(c, o), c->k_label[c->k_count - 1]);
        const Type type = contract_node(c)->inputs[o]->type;
        if (i < 0 || j < 0 || view->stride[i] != view->stride[j] * contract_size(c, c->k_count - 1)
            || type.dim[i] == 1 || type.dim[j] == 1)
            return false;
    }
    return true;
}

/* Sums over axes that lie one behind another in both operands are one loop. */
static void merge_sums(Contract *c)
{
    c->k_inner = 1;
    if (!c->k_count) return;
    c->k_outer = c->k_label[c->k_count - 1];
    const bool lanes = contract_sums_lanes(c);
    for (int k = 0; k + 1 < c->k_count;) {
        if ((lanes && contract_is_batch(c, k)) || contract_is_batch(c, c->k_count - 1)
            || !sums_merge(c, c->k_label[k])) {
            k++;
            continue;
        }
        c->k_inner = contract_size(c, c->k_count - 1);
        c->k_outer = c->k_label[k];
        for (int i = k; i + 1 < c->k_count; i++) c->k_label[i] = c->k_label[i + 1];
        c->k_count--;
        k = 0;
    }
}

void contract_find_sums(Contract *c)
{
    find_labels(c);
    merge_sums(c);
}
