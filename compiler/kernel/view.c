/* Views: how a consumer addresses a value through reshapes, permutations, slices and broadcasts. */
#include "kernel/kernel.h"

bool view_is_free(const Node *node)
{
    return op_row(node->op)->kind == KIND_VIEW || node->op == OP_checked;
}

const Node *view_root(const Node *node)
{
    while (view_is_free(node)) node = node->inputs[0];
    return node;
}

/* Matches the axes of a reshape that only adds or removes axes of extent 1: from[i] of the result
 * is the input's axis or -1. */
static bool unit_reshape(Type out, Type in, int from[MAX_RANK])
{
    int a = 0;
    for (int i = 0; i < out.rank; i++) {
        from[i] = -1;
        while (a < in.rank && in.dim[a] == 1 && out.dim[i] != 1) a++;
        if (a < in.rank && in.dim[a] == out.dim[i]) from[i] = a++;
        else if (out.dim[i] != 1) return false;
    }
    while (a < in.rank && in.dim[a] == 1) a++;
    return a == in.rank;
}

/* One view: for each axis of `node`, the axis of its input. */
static bool step_labels(const Node *node, int from[MAX_RANK])
{
    const Type in = node->inputs[0]->type;
    if (node->op == OP_reshape) return unit_reshape(node->type, in, from);
    if (node->op == OP_slice && !type_same_shape(node->type, in)) return false;
    for (int i = 0; i < node->type.rank; i++) {
        if (node->op == OP_permute) from[i] = (int)node->attr[0].ints[i];
        else if (node->op == OP_slice && node->attr[2].ints[i] != 1) return false;
        else from[i] = i;
    }
    return true;
}

bool view_labels(const Node *node, int axis_of[MAX_RANK])
{
    const int rank = node->type.rank;
    for (int i = 0; i < rank; i++) axis_of[i] = i;
    for (; view_is_free(node); node = node->inputs[0]) {
        int from[MAX_RANK];
        if (!step_labels(node, from)) return false;
        for (int i = 0; i < rank; i++)
            if (axis_of[i] >= 0) axis_of[i] = from[axis_of[i]];
    }
    return true;
}

/* The extents of the axes that [*end] closes over until their product reaches another's; see
 * reshape_strides. */
typedef struct Group {
    int begin, end, last;
    int64_t product;
} Group;

static void group_extend(Group *g, const Type *type)
{
    if (type->dim[g->end] != 1) g->last = g->end;
    g->product *= type->dim[g->end++];
}

/* True if the axes of the group, stored with these strides, are evenly spaced as one. */
static bool group_is_even(const Group *g, const Type *type, const int64_t *stride)
{
    int inner = g->last;
    for (int i = g->last - 1; i >= g->begin; i--) {
        if (type->dim[i] == 1) continue;
        if (stride[i] != stride[inner] * type->dim[inner]) return false;
        inner = i;
    }
    return true;
}

/* Splits or merges strides so that the elements of `in`, in row-major order, take the shape `out`
 * (numpy's rule of a reshape without a copy). False where a merged axis is not evenly spaced. */
static bool reshape_strides(Type in, const int64_t *stride, Type out, int64_t *result)
{
    int i = 0, o = 0;
    for (int axis = 0; axis < out.rank; axis++) result[axis] = 0;
    for (;;) {
        while (i < in.rank && in.dim[i] == 1) i++;
        while (o < out.rank && out.dim[o] == 1) o++;
        if (i == in.rank || o == out.rank) return i == in.rank && o == out.rank;
        Group a = {i, i, i, 1}, b = {o, o, o, 1};
        group_extend(&a, &in);
        group_extend(&b, &out);
        while (a.product != b.product) {
            if (a.product < b.product) group_extend(&a, &in);
            else group_extend(&b, &out);
        }
        if (!group_is_even(&a, &in, stride)) return false;
        int64_t s = stride[a.last];
        for (int axis = b.end - 1; axis >= b.begin; axis--) {
            if (out.dim[axis] == 1) continue;
            result[axis] = s;
            s *= out.dim[axis];
        }
        i = a.end;
        o = b.end;
    }
}

/* The strides of one view, given those of its input in *view; false: a copy is needed. */
static bool step_strides(const Node *node, View *view)
{
    const View in = *view;
    const Type from = node->inputs[0]->type;
    if (node->op == OP_reshape) return reshape_strides(from, in.stride, node->type, view->stride);
    for (int i = 0; i < node->type.rank; i++) {
        if (node->op == OP_permute) {
            view->stride[i] = in.stride[node->attr[0].ints[i]];
        } else if (node->op == OP_slice) {
            view->offset += node->attr[0].ints[i] * in.stride[i];
            view->stride[i] = in.stride[i] * node->attr[2].ints[i];
        } else if (node->op == OP_broadcast) {
            view->stride[i] = from.dim[i] == 1 ? 0 : in.stride[i];
        }
    }
    return true;
}

static const Node *strides_of(const Node *node, const Value *value, View *view)
{
    if (node == value->node) {
        *view = (View){.value = value, .offset = value->origin};
        for (int i = 0; i < node->type.rank; i++) view->stride[i] = value->stride[i];
        return NULL;
    }
    const Node *stuck = strides_of(node->inputs[0], value, view);
    if (stuck) return stuck;
    return step_strides(node, view) ? NULL : node;
}

const Node *view_strides(const Node *node, const Value *value, View *view)
{
    return strides_of(node, value, view);
}
