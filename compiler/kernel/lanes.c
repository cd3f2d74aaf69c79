/* Along which axis of its domain a kernel can run the lanes of vectors, be they real or whole
 * numbers. */
#include "kernel/kernel.h"

static int64_t stride_along(const int64_t *stride, const int *label, Type type, int axis)
{
    int64_t s = 0;
    for (int i = 0; i < type.rank; i++)
        if (label[i] == axis && type.dim[i] != 1) s += stride[i];
    return s;
}

static bool varies_along(Type type, const int *label, int axis)
{
    for (int i = 0; i < type.rank; i++)
        if (label[i] == axis && type.dim[i] != 1) return true;
    return false;
}

/* A copy of what `input` is a view of would do: notes it. */
static bool copy_fits(const Value *value, const Node *input, const int *label, int axis,
                      LaneCopies *copies)
{
    const Node *root = view_root(input);
    int axis_of[MAX_RANK], along = -1;
    if (!copies || value->node != root) return false;
    if (value->dtype != DT_F32 || !view_labels(input, axis_of)) return false;
    for (int i = 0; i < input->type.rank; i++) {
        if (label[i] != axis || input->type.dim[i] == 1) continue;
        if (along >= 0 || axis_of[i] < 0) return false;
        along = axis_of[i];
    }
    for (int i = 0; i < copies->count; i++)
        if (copies->at[i].node == root) return copies->at[i].axis == along;
    if (along < 0 || copies->count == MAX_LANE_COPIES) return false;
    copies->at[copies->count].node = root;
    copies->at[copies->count++].axis = along;
    return true;
}

/* What an input reads from memory, itself or through inlined maps. */
static bool input_fits(const EntryPlan *entry, const Kernel *k, const Node *input,
                       const int *label, int axis, LaneCopies *copies)
{
    View view;
    const Node *root = view_root(input);
    int axis_of[MAX_RANK], root_label[MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
    if (plan_operand(entry, k, input, &view)) {
        const int64_t s = stride_along(view.stride, label, input->type, axis);
        if (view.value->place == AT_INDEX || s == 0 || s == 1) return true;
        return copy_fits(view.value, input, label, axis, copies);
    }
    if (!entry->member[root->id].inlined || !view_labels(input, axis_of)) return true;
    for (int i = 0; i < input->type.rank; i++)
        if (axis_of[i] >= 0) root_label[axis_of[i]] = label[i];
    for (int i = 0; i < root->input_count; i++)
        if (!input_fits(entry, k, root->inputs[i], root_label, axis, copies)) return false;
    return true;
}

static bool result_fits(const EntryPlan *entry, const Value *v, int axis)
{
    const int *label = entry->member[v->node->id].label;
    const int64_t s = stride_along(v->stride, label, v->node->type, axis);
    return s == 1 || (s == 0 && !varies_along(v->node->type, label, axis));
}

bool kernel_lanes_fit_copies(const EntryPlan *entry, const Kernel *k, int axis, LaneCopies *copies)
{
    for (int i = 0; i < k->nodes.count; i++) {
        const Node *node = k->nodes.at[i];
        for (int j = 0; node != k->anchor && j < node->input_count; j++)
            if (!input_fits(entry, k, node->inputs[j], entry->member[node->id].label, axis,
                            copies))
                return false;
    }
    for (int i = 0; i < k->results.count; i++)
        if (!result_fits(entry, k->results.at[i], axis)) return false;
    return true;
}

bool kernel_lanes_fit(const EntryPlan *entry, const Kernel *k, int axis)
{
    return kernel_lanes_fit_copies(entry, k, axis, NULL);
}

/* ---- axes that are one ---- */

typedef struct Pair { int outer, inner; int64_t extent; } Pair;

static bool strides_merge(const int64_t *stride, const int *label, Type type, Pair pair)
{
    return stride_along(stride, label, type, pair.outer)
           == pair.extent * stride_along(stride, label, type, pair.inner);
}

static bool input_merges(const EntryPlan *entry, const Kernel *k, const Node *input,
                         const int *label, Pair pair)
{
    View view;
    const Node *root = view_root(input);
    int axis_of[MAX_RANK], root_label[MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
    if (plan_operand(entry, k, input, &view))
        return strides_merge(view.stride, label, input->type, pair);
    if (!entry->member[root->id].inlined) return true;
    if (!view_labels(input, axis_of)) return false;
    for (int i = 0; i < input->type.rank; i++)
        if (axis_of[i] >= 0) root_label[axis_of[i]] = label[i];
    for (int i = 0; i < root->input_count; i++)
        if (!input_merges(entry, k, root->inputs[i], root_label, pair)) return false;
    return true;
}

static bool factors_merge(const Kernel *k, Pair pair)
{
    const Attr *out = &k->anchor->attr[2];
    for (int o = 0; o < 2; o++) {
        int label[MAX_RANK];
        for (int i = 0; i < k->anchor->attr[o].count; i++) {
            label[i] = out->count - 1;
            while (label[i] >= 0 && out->ints[label[i]] != k->anchor->attr[o].ints[i]) label[i]--;
        }
        if (!strides_merge(k->contracted[o].stride, label, k->anchor->inputs[o]->type, pair))
            return false;
    }
    return true;
}

bool kernel_axes_merge(const EntryPlan *entry, const Kernel *k, int outer, int inner)
{
    const Pair pair = {outer, inner, k->domain.dim[inner]};
    if (!factors_merge(k, pair)) return false;
    for (int i = 0; i < k->nodes.count; i++) {
        const Node *node = k->nodes.at[i];
        for (int j = 0; node != k->anchor && j < node->input_count; j++)
            if (!input_merges(entry, k, node->inputs[j], entry->member[node->id].label, pair))
                return false;
    }
    for (int i = 0; i < k->results.count; i++) {
        const Value *v = k->results.at[i];
        const int *label = entry->member[v->node->id].label;
        if (!varies_along(v->node->type, label, inner)
            || !strides_merge(v->stride, label, v->node->type, pair))
            return false;
    }
    return true;
}
