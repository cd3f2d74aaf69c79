/* Owns the builtins that take axes together: sum, mean, max, ... `axis` is one axis, a list, or all
 * where it is missing; the axes go unless keepdims. */
#include "elaborate/builtin.h"
#include "ops/build.h"

typedef struct Reduction {
    Node *x;
    int64_t axes[MAX_RANK];
    int count;
    bool keepdims;
} Reduction;

static Node *as_f32(BuiltinCall *call, Node *x)
{
    return build_map(call->el->region->graph, OP_to_f32, 1, &x);
}

/* Arguments 0 to 2: x, axis, keepdims. Booleans count as 0 and 1. */
static bool read_reduction(BuiltinCall *call, int keepdims_at, Reduction *r)
{
    if (!want_tensor(call, 0, &r->x)) return false;
    if (r->x->type.dtype == DT_BOOL || r->x->type.dtype == DT_U8) r->x = as_f32(call, r->x);
    return want_axes(call, 1, r->x->type.rank, r->axes, &r->count)
        && want_bool(call, keepdims_at, false, &r->keepdims);
}

static Node *drop_axes(BuiltinCall *call, const Reduction *r, Node *node)
{
    Type type = node->type;
    if (r->keepdims) return node;
    for (int i = r->count; i-- > 0;) type = type_drop_axis(type, (int)r->axes[i]);
    return build_reshape(call->el->region->graph, node, type);
}

static Node *reduce(BuiltinCall *call, const Reduction *r, Op op, int64_t flag)
{
    Attr attrs[MAX_ATTRS] = {attr_ints(r->axes, r->count), attr_int(flag)};
    Node *node = append_op(call->el, call->span, op, &r->x, 1, attrs);
    return node ? drop_axes(call, r, node) : NULL;
}

static const Value *run_plain(BuiltinCall *call, Op op)
{
    Reduction r;
    if (!read_reduction(call, 2, &r)) return &value_poison;
    Node *node = r.count ? reduce(call, &r, op, 0) : r.x;
    return tensor_value(call->el, call->span, node);
}

static const Value *run_sum(BuiltinCall *call)
{
    return run_plain(call, OP_sum);
}

static const Value *run_max(BuiltinCall *call)
{
    return run_plain(call, OP_reduce_max);
}

static const Value *run_logsumexp(BuiltinCall *call)
{
    return run_plain(call, OP_logsumexp);
}

/* min(x) = -max(-x). */
static const Value *run_min(BuiltinCall *call)
{
    Reduction r;
    if (!read_reduction(call, 2, &r)) return &value_poison;
    Graph *graph = call->el->region->graph;
    r.x = build_map(graph, OP_neg, 1, &r.x);
    Node *node = r.count ? reduce(call, &r, OP_reduce_max, 0) : r.x;
    return tensor_value(call->el, call->span, node ? build_map(graph, OP_neg, 1, &node) : NULL);
}

/* ---- mean ---- */

/* How many elements fall together: a number that depends on `batch` if its axis is among them. */
static Number weight_of(Elab *el, const Reduction *r)
{
    Type type = r->x->type;
    Number weight = number_int(1);
    for (int i = 0; i < r->count; i++) {
        bool rows = r->axes[i] == type.batch_axis;
        Number extent = number_int(rows ? type.batch_inner : type.dim[r->axes[i]]);
        number_binary(el->arena, BINARY_MUL, weight, extent, &weight);
        if (rows)
            number_binary(el->arena, BINARY_MUL, weight, number_batch(el->arena, type_batch(type)),
                          &weight);
    }
    return weight;
}

/* Over rows the divisor is the number of valid ones, and a metric adds up sum and weight. */
static const Value *run_mean(BuiltinCall *call)
{
    Reduction r;
    if (!read_reduction(call, 2, &r)) return &value_poison;
    if (r.x->type.dtype == DT_I32) r.x = as_f32(call, r.x);
    if (r.count == 0) return tensor_value(call->el, call->span, r.x);
    Number weight = weight_of(call->el, &r);
    Node *sum = reduce(call, &r, OP_sum, 0);
    if (!sum) return &value_poison;
    return tensor_mean(call->el, call->span, sum, weight);
}

/* ---- the others ---- */

static const Value *run_variance(BuiltinCall *call)
{
    Reduction r;
    bool unbiased;
    if (!read_reduction(call, 3, &r) || !want_bool(call, 2, false, &unbiased)) return &value_poison;
    if (r.count == 0) return fault(call->el, call->span, "variance: a scalar has no axes");
    return tensor_value(call->el, call->span, reduce(call, &r, OP_variance, unbiased));
}

static const Value *run_argmax(BuiltinCall *call)
{
    Reduction r;
    if (!read_reduction(call, 2, &r)) return &value_poison;
    return tensor_value(call->el, call->span, reduce(call, &r, OP_argmax, 0));
}

static const Value *run_argmin(BuiltinCall *call)
{
    Reduction r;
    if (!read_reduction(call, 2, &r)) return &value_poison;
    r.x = build_map(call->el->region->graph, OP_neg, 1, &r.x);
    return tensor_value(call->el, call->span, reduce(call, &r, OP_argmax, 0));
}

const Builtin builtin_reductions[] = {
    {"sum", {"x", "axis?", "keepdims?"}, run_sum,
     "sum over axis: one axis, a list of them, or all; they go unless keepdims. A bool counts "
     "as 0 or 1"},
    {"mean", {"x", "axis?", "keepdims?"}, run_mean,
     "arithmetic mean; over the batch axis that of the valid rows, and as a metric it adds up "
     "over batches"},
    {"max", {"x", "axis?", "keepdims?"}, run_max,
     "largest; among equals the gradient is shared"},
    {"min", {"x", "axis?", "keepdims?"}, run_min,
     "smallest; among equals the gradient is shared"},
    {"logsumexp", {"x", "axis?", "keepdims?"}, run_logsumexp,
     "log(sum(exp(x))) without overflow"},
    {"variance", {"x", "axis?", "unbiased?", "keepdims?"}, run_variance,
     "mean squared distance from the mean; unbiased divides by n - 1"},
    {"argmax", {"x", "axis", "keepdims?"}, run_argmax,
     "index of the first largest along axis, i32"},
    {"argmin", {"x", "axis", "keepdims?"}, run_argmin,
     "index of the first smallest along axis, i32"},
    {0},
};
