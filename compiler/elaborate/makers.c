/* Owns the builtins that make tensors from nothing: zeros, arange, tensor, rand, ... */
#include <stdlib.h>

#include "elaborate/builtin.h"
#include "ops/build.h"

static const Value *leaf(BuiltinCall *call, Op op, Type type, Attr attr)
{
    if (!size_allowed(call->el, call->span, type)) return &value_poison;
    set_origin(call->el, call->span);
    Graph *graph = call->el->region->graph;
    return tensor_value(call->el, call->span,
                        graph_leaf(graph, op, type, &attr, -1, graph->origin));
}

static bool want_f32_shape(BuiltinCall *call, Type *type)
{
    return want_shape(call->el, call->at[0]->span, call->at[0]->value, DT_F32, type);
}

static const Value *filled(BuiltinCall *call, double value)
{
    Type type;
    return want_f32_shape(call, &type) ? leaf(call, OP_fill, type, attr_number(value))
                                       : &value_poison;
}

static const Value *run_zeros(BuiltinCall *call) { return filled(call, 0.0); }

static const Value *run_ones(BuiltinCall *call) { return filled(call, 1.0); }

static const Value *run_full(BuiltinCall *call)
{
    Number value;
    if (!want_number(call, 1, number_int(0), &value)) return &value_poison;
    return filled(call, number_double(value));
}

/* ---- the index ---- */

/* arange(end), arange(begin, end), arange(begin, end, step): i32, end not included. */
static const Value *run_arange(BuiltinCall *call)
{
    int64_t begin = 0, end = 0, step;
    bool from = call->at[1] != NULL;
    if (!want_integer(call, 0, 0, from ? &begin : &end) || (from && !want_integer(call, 1, 0, &end))
        || !want_integer(call, 2, 1, &step))
        return &value_poison;
    if (step == 0) return fault(call->el, call->at[2]->span, "arange: a step of 0 leads nowhere");
    if (llabs(begin) > INT32_MAX || llabs(end) > INT32_MAX || llabs(step) > INT32_MAX)
        return fault(call->el, call->span, "arange counts in i32, up to %d", INT32_MAX);
    int64_t count = (end - begin + step - (step > 0 ? 1 : -1)) / step;
    if (count < 1)
        return fault(call->el, call->span, "arange from %lld to %lld is empty", (long long)begin,
                     (long long)end);
    const Value *index = leaf(call, OP_iota, type_make(DT_I32, 1, &count), attr_int(0));
    if (begin == 0 && step == 1) return index;
    const Value *scaled[] = {index, value_int(call->el->arena, step)};
    index = apply_map(call->el, call->span, OP_mul, "*", scaled, 2);
    const Value *moved[] = {index, value_int(call->el->arena, begin)};
    return apply_map(call->el, call->span, OP_add, "+", moved, 2);
}

/* iota(x, axis): for each element of x its index along axis, i32. */
static const Value *run_iota(BuiltinCall *call)
{
    Node *x;
    int64_t axis;
    if (!want_tensor(call, 0, &x) || !want_axis(call, 1, x->type.rank, 0, &axis))
        return &value_poison;
    Type type = x->type;
    type.dtype = DT_I32;
    return leaf(call, OP_iota, type, attr_int(axis));
}

/* ---- given values ---- */

/* The shape of nested lists, judged by the first of each. */
static bool listed_type(BuiltinCall *call, const Value *value, Type *type)
{
    *type = type_scalar(DT_F32);
    for (; value->kind == VALUE_LIST; value = value->list.items[0]) {
        if (value->list.count == 0 || type->rank == MAX_RANK) {
            fault(call->el, call->at[0]->span, "tensor: %s",
                  value->list.count == 0 ? "a list is empty" : "lists are nested too deep");
            return false;
        }
        type->dim[type->rank++] = value->list.count;
    }
    return true;
}

/* Copies in row-major order; false where a list has another length than its siblings. */
static bool copy_values(const Value *value, Type type, int axis, float **to)
{
    if (axis == type.rank) {
        if (value->kind == VALUE_NUMBER) *(*to)++ = (float)number_double(value->number);
        return value->kind == VALUE_NUMBER;
    }
    if (value->kind != VALUE_LIST || value->list.count != type.dim[axis]) return false;
    for (int i = 0; i < value->list.count; i++)
        if (!copy_values(value->list.items[i], type, axis + 1, to)) return false;
    return true;
}

/* tensor([[1, 2], [3, 4]]): f32 constants. */
static const Value *run_tensor(BuiltinCall *call)
{
    Type type;
    Elab *el = call->el;
    if (!listed_type(call, call->at[0]->value, &type) || !size_allowed(el, call->span, type))
        return &value_poison;
    float *values = arena_array(el->arena, float, type_elements(type)), *end = values;
    if (!copy_values(call->at[0]->value, type, 0, &end))
        return fault(el, call->at[0]->span, "tensor: the lists are no %s of numbers",
                     type_text(el->arena, type));
    if (type.rank == 0) return leaf(call, OP_fill, type, attr_number((double)values[0]));
    Graph *graph = el->region->graph;
    set_origin(el, call->span);
    Node *node = graph_leaf(graph, OP_constant, type, NULL, -1, graph->origin);
    node->values = values;
    return tensor_value(el, call->span, node);
}

/* ---- randomness ---- */

static const Value *random_bits_of(BuiltinCall *call, Type type)
{
    type.dtype = DT_F32;
    return leaf(call, OP_uniform, type, attr_int(call->el->randoms++));
}

static const Value *run_rand(BuiltinCall *call)
{
    Type type;
    return want_f32_shape(call, &type) ? random_bits_of(call, type) : &value_poison;
}

static const Value *run_rand_like(BuiltinCall *call)
{
    Node *x;
    return want_tensor(call, 0, &x) ? random_bits_of(call, x->type) : &value_poison;
}

const Builtin builtin_makers[] = {
    {"zeros", {"shape"}, run_zeros, "zeros, f32"},
    {"ones", {"shape"}, run_ones, "ones, f32"},
    {"full", {"shape", "value"}, run_full, "every element value, f32"},
    {"arange",
     {"begin", "end?", "step?"},
     run_arange,
     "begin, begin + step, ... below end, i32; with one argument 0, 1, ... below it"},
    {"iota", {"x", "axis"}, run_iota, "for each element of x its index along axis, i32"},
    {"tensor", {"values"}, run_tensor, "constants from numbers in nested lists, f32"},
    {"rand",
     {"shape"},
     run_rand,
     "uniform in [0, 1): a function of seed, place in the program and index"},
    {"rand_like", {"x"}, run_rand_like, "the same in the shape of x"},
    {0},
};
