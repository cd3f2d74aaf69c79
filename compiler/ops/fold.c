/* Scales after sums of products, moved into one of the factors. */
#include "ops/fold.h"

#include "ops/build.h"
#include "ops/contract.h"
#include "ops/window.h"

/* A factor of fold->to with extent 1 along all axes but one, or all: then axis is -1. */
typedef struct Scale {
    Node *value;
    int axis;
} Scale;

/* ---- what varies along one axis ---- */

static Type ones(int rank)
{
    Type type = type_scalar(DT_F32);
    type.rank = rank;
    for (int i = 0; i < rank; i++) type.dim[i] = 1;
    return type;
}

static bool one_axis(Type type, int *axis)
{
    *axis = -1;
    for (int i = 0; i < type.rank; i++) {
        if (type.dim[i] == 1) continue;
        if (*axis >= 0) return false;
        *axis = i;
    }
    return true;
}

static bool scale_of(const Fold *f, const Node *node, Scale *scale)
{
    const int rank = node->type.rank;
    if (node->op == OP_fill) {
        *scale = (Scale){build_fill(f->to, ones(rank), node->attr[0].number), -1};
        return true;
    }
    if (node->op != OP_broadcast || !f->early[node->inputs[0]->id]) return false;
    scale->value = f->done[node->inputs[0]->id];
    return node->inputs[0]->type.rank == rank && one_axis(node->inputs[0]->type, &scale->axis);
}

static Node *times(const Fold *f, Node *a, Node *b)
{
    return build_map(f->to, OP_mul, 2, (Node *[]){a, b});
}

/* ---- sums of products ---- */

/* The axis of an operand such that a factor along it is a factor of the result along `axis`; -1:
 * there is none. */
static int factor_axis(const Fold *f, const Node *node, int operand, int axis)
{
    if (op_row(node->op)->kind == KIND_CONTRACT) {
        Labels labels;
        contract_labels(f->to->arena, node, &labels);
        return labels.at[axis].axis[operand];
    }
    Window w;
    window_of(f->to->arena, node, &w);
    if (axis != 1 || w.input[operand] != ROLE_WEIGHT) return -1;
    if (w.result == ROLE_IN) return w.groups == 1 ? 1 : -1;
    return 0;
}

/* The scale in the shape of a factor of rank `rank`, along its axis. */
static Node *turned(const Fold *f, const Scale *s, int rank, int axis)
{
    Type type = ones(rank);
    if (s->axis >= 0) type.dim[axis] = s->value->type.dim[s->axis];
    return build_reshape(f->to, s->value, type);
}

static Node *scaled_product(const Fold *f, const Node *node, const Scale *s)
{
    for (int i = node->input_count - 1; i >= 0; i--) {
        const Node *factor = node->inputs[i];
        const int axis = s->axis < 0 ? 0 : factor_axis(f, node, i, s->axis);
        if (!f->early[factor->id] || axis < 0) continue;
        Node *inputs[2] = {f->done[node->inputs[0]->id], f->done[node->inputs[1]->id]};
        inputs[i] = times(f, inputs[i], turned(f, s, factor->type.rank, axis));
        if (factor->name)
            inputs[i]->name = arena_printf(f->to->arena, "%s.folded", factor->name);
        return graph_copy_node(f->to, node, inputs);
    }
    return NULL;
}

static Node *scaled(const Fold *f, const Node *node, const Scale *s);

/* (a + b) s = a s + b s, where b is such a scale itself. */
static Node *scaled_sum(const Fold *f, const Node *node, const Scale *s)
{
    for (int i = 0; i < 2; i++) {
        Scale other;
        if (!scale_of(f, node->inputs[i], &other)) continue;
        Node *terms[2], *big = scaled(f, node->inputs[1 - i], s);
        if (!big) continue;
        terms[1 - i] = big;
        terms[i] = build_broadcast(f->to, times(f, other.value, s->value), node->type);
        return build_map(f->to, node->op, 2, terms);
    }
    return NULL;
}

/* The node's value times s; NULL unless that costs nothing. */
static Node *scaled(const Fold *f, const Node *node, const Scale *s)
{
    const OpKind kind = op_row(node->op)->kind;
    if (f->readers[node->id] != 1) return NULL;
    if (node->op == OP_add || node->op == OP_sub) return scaled_sum(f, node, s);
    if (node->input_count != 2 || (kind != KIND_CONTRACT && kind != KIND_WINDOW)) return NULL;
    return scaled_product(f, node, s);
}

Node *fold_scale(const Fold *f, const Node *node)
{
    if (node->op != OP_mul && node->op != OP_div) return NULL;
    for (int i = 1; i >= (node->op == OP_div); i--) {
        Scale s;
        if (!scale_of(f, node->inputs[i], &s)) continue;
        if (node->op == OP_div) {
            Node *one = build_fill(f->to, s.value->type, 1);
            s.value = build_map(f->to, OP_div, 2, (Node *[]){one, s.value});
        }
        Node *result = scaled(f, node->inputs[1 - i], &s);
        if (result) return result;
    }
    return NULL;
}
