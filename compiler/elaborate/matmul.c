/* Owns `a @ b`: numpy's matmul as a contraction over labelled axes. */
#include "elaborate/context.h"
#include "ops/build.h"

typedef struct Product {
    Node *node[2];
    int64_t label[2][MAX_RANK];
    int64_t out[2 * MAX_RANK];
    int out_rank;
} Product;

enum { LABEL_SUM, LABEL_ROW, LABEL_COLUMN, LABEL_STACK };

static bool is_plain_one(Type type, int axis)
{
    return type.dim[axis] == 1 && axis != type.batch_axis;
}

static bool same_axis(Type a, int axis_a, Type b, int axis_b)
{
    bool batch_a = axis_a == a.batch_axis, batch_b = axis_b == b.batch_axis;
    return a.dim[axis_a] == b.dim[axis_b] && batch_a == batch_b
           && (!batch_a || a.batch_inner == b.batch_inner);
}

/* Axes before the last two are a stack of matrices: numbered from the right, so that both operands
 * agree. */
static int64_t stack_label(Type type, int axis)
{
    return LABEL_STACK + type.rank - 3 - axis;
}

static const Value *refuse(Elab *el, Span at, const Value *a, const Value *b, const char *why)
{
    fault(el, at, "`@`: %s and %s do not fit: %s", value_describe(el->arena, a),
          value_describe(el->arena, b), why);
    note_shape(el, user_span(el, at), a);
    if (a->tensor.node != b->tensor.node) note_shape(el, user_span(el, at), b);
    return &value_poison;
}

/* Takes away the stack axes of extent 1 that the other operand repeats over. */
static bool drop_ones(Elab *el, Product *p, int side, Type other)
{
    Type type = p->node[side]->type, kept = type;
    for (int axis = type.rank - 3; axis >= 0; axis--) {
        int opposite = axis - type.rank + other.rank;
        if (opposite < 0 || same_axis(type, axis, other, opposite)) continue;
        if (is_plain_one(type, axis)) kept = type_drop_axis(kept, axis);
        else if (!is_plain_one(other, opposite)) return false;
    }
    for (int axis = 0, at = 0; axis < type.rank; axis++) {
        int opposite = axis - type.rank + other.rank;
        bool stack = axis < type.rank - 2;
        if (stack && opposite >= 0 && !same_axis(type, axis, other, opposite)
            && is_plain_one(type, axis))
            continue;
        p->label[side][at++] = stack ? stack_label(type, axis) : axis == type.rank - 1 ? 0 : 1;
    }
    p->node[side] = build_reshape(el->region->graph, p->node[side], kept);
    return true;
}

static void set_matrix_labels(Product *p, int side, int rank)
{
    int last = p->node[side]->type.rank - 1;
    p->label[side][last] = side == 0 || rank == 1 ? LABEL_SUM : LABEL_COLUMN;
    if (rank > 1) p->label[side][last - 1] = side == 0 ? LABEL_ROW : LABEL_SUM;
}

static void add_out(Product *p, int64_t label)
{
    p->out[p->out_rank++] = label;
}

static void set_out_labels(Product *p, Type a, Type b)
{
    int stack_a = a.rank - 2, stack_b = b.rank - 2, stack = stack_a > stack_b ? stack_a : stack_b;
    for (int i = stack - 1; i >= 0; i--) add_out(p, LABEL_STACK + i);
    if (a.rank > 1) add_out(p, LABEL_ROW);
    if (b.rank > 1) add_out(p, LABEL_COLUMN);
}

/* The axis of the right operand that is summed. */
static int inner_axis(Type type)
{
    return type.rank > 1 ? type.rank - 2 : 0;
}

static const char *inner_extents(Elab *el, Type a, Type b)
{
    const char *which = b.rank > 1 ? "last but one" : "only";
    return arena_printf(el->arena,
                        "the last axis of the one has %lld entries, the %s axis of the other %lld",
                        (long long)a.dim[a.rank - 1], which, (long long)b.dim[inner_axis(b)]);
}

const Value *apply_matmul(Elab *el, Span at, const Value *a, const Value *b)
{
    if (a->kind == VALUE_POISON || b->kind == VALUE_POISON) return &value_poison;
    if (a->kind != VALUE_TENSOR || b->kind != VALUE_TENSOR)
        return fault(el, at, "`@` expects two tensors, got %s and %s", value_describe(el->arena, a),
                     value_describe(el->arena, b));
    Type ta = a->tensor.node->type, tb = b->tensor.node->type;
    if (ta.rank == 0 || tb.rank == 0)
        return refuse(el, at, a, b, "a scalar is multiplied with `*`");
    if (!same_axis(ta, ta.rank - 1, tb, inner_axis(tb))) {
        refuse(el, at, a, b, inner_extents(el, ta, tb));
        if (tb.rank == 2 && tb.batch_axis < 0 && same_axis(ta, ta.rank - 1, tb, 1))
            diag_help(el->diags, "the other one turned round, `.T`, would fit");
        return &value_poison;
    }
    Product p = {.node = {tensor_node(el, a), tensor_node(el, b)}};
    set_origin(el, at);
    if (!drop_ones(el, &p, 0, tb) || !drop_ones(el, &p, 1, ta))
        return refuse(el, at, a, b, "the axes before the last two must be equal or 1");
    set_matrix_labels(&p, 0, ta.rank);
    set_matrix_labels(&p, 1, tb.rank);
    set_out_labels(&p, ta, tb);
    if (ta.batch_axis == ta.rank - 2 && tb.batch_axis == tb.rank - 1 && ta.batch_axis >= 0
        && tb.batch_axis >= 0)
        return refuse(el, at, a, b, "the result would have two batch axes");
    if (p.out_rank > MAX_RANK) return refuse(el, at, a, b, "the result has too many axes");
    Attr attrs[MAX_ATTRS] = {attr_ints(p.label[0], p.node[0]->type.rank),
                             attr_ints(p.label[1], p.node[1]->type.rank),
                             attr_ints(p.out, p.out_rank)};
    return tensor_value(el, at, append_op(el, at, OP_contract, p.node, 2, attrs));
}
