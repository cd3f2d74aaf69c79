/* Owns the other builtins: initialisers, changes of type, rows by index, and what is known at
 * compile time. */
#include "elaborate/builtin.h"
#include "ops/build.h"
#include "ops/op.h"

/* ---- initialisers ---- */

static const Value *initial(BuiltinCall *call, InitKind kind, int defaults)
{
    Number a, b;
    if (!want_number(call, 0, number_int(0), &a) || !want_number(call, 1, number_int(defaults), &b))
        return &value_poison;
    Value *value = arena_make(call->el->arena, Value);
    value->kind = VALUE_INIT;
    value->init = (Init){.kind = kind, .a = number_double(a), .b = number_double(b)};
    return value;
}

static const Value *run_uniform(BuiltinCall *call)
{
    const Value *value = initial(call, INIT_UNIFORM, 1);
    if (value->kind != VALUE_INIT || value->init.a <= value->init.b) return value;
    return fault(call->el, call->span, "uniform: the range ends before it begins");
}

static const Value *run_normal(BuiltinCall *call)
{
    const Value *value = initial(call, INIT_NORMAL, 1);
    if (value->kind != VALUE_INIT || value->init.b >= 0.0) return value;
    return fault(call->el, call->span, "normal: a standard deviation is not negative");
}

static const Value *run_constant(BuiltinCall *call)
{
    Number number;
    if (!want_number(call, 0, number_int(0), &number)) return &value_poison;
    double a = number_double(number);
    Value *value = arena_make(call->el->arena, Value);
    value->kind = VALUE_INIT;
    value->init.kind = a == 0.0 ? INIT_ZEROS : a == 1.0 ? INIT_ONES : INIT_CONST;
    value->init.a = a;
    return value;
}

/* ---- element types ---- */

static Node *truth_of(Graph *graph, Node *x)
{
    Node *zero = build_fill(graph, type_scalar(x->type.dtype), 0.0);
    return build_map(graph, OP_ne, 2, (Node *[]){x, zero});
}

/* cast(x, i32): the words f32, i32 and bool are constants of the library. */
static const Value *run_cast(BuiltinCall *call)
{
    Node *x;
    DType dtype;
    const Value *word = call->at[1]->value;
    if (!want_tensor(call, 0, &x)) return &value_poison;
    if (word->kind != VALUE_TEXT || !dtype_from_name(word->text, &dtype) || dtype == DT_U8)
        return fault(call->el, call->at[1]->span, "cast gives f32, i32 or bool, got %s",
                     value_describe(call->el->arena, word));
    Graph *graph = call->el->region->graph;
    if (x->type.dtype == dtype) return call->at[0]->value;
    if (dtype != DT_BOOL)
        x = build_map(graph, dtype == DT_F32 ? OP_to_f32 : OP_to_i32, 1, &x);
    else {
        if (x->type.dtype == DT_U8) x = build_map(graph, OP_to_i32, 1, &x);
        x = truth_of(graph, x);
    }
    return tensor_value(call->el, call->span, x);
}

/* ---- rows by index ---- */

/* Of an input used as it is the declaration tells the limit too. */
static void declare_limit(Elab *el, const Node *index, int64_t limit)
{
    while (op_row(index->op)->kind == KIND_VIEW) index = index->inputs[0];
    if (index->op != OP_input || index->param < 0) return;
    TensorDecl *decl = &el->module->decls.at[index->param];
    if (decl->limit == 0 || limit < decl->limit) decl->limit = limit;
}

/* What leaves out no element of its inputs: views that permute, repeat, reshape. */
static const Node *whole_root(const Node *node)
{
    while (op_row(node->op)->kind == KIND_VIEW
           && type_elements(node->type) >= type_elements(node->inputs[0]->type))
        node = node->inputs[0];
    return node;
}

/* Steps of a scan cannot be stopped, so what comes into them is checked outside. */
static Node *check(BuiltinCall *call, Node *index, int64_t limit)
{
    Elab *el = call->el;
    Region *here = el->region;
    if (index->type.dtype == DT_I32 && index_is_below(index, limit)) return index;
    Node **given = scan_given(here, whole_root(index));
    if (given) {
        el->region = here->parent;
        *given = check(call, *given, limit);
        el->region = here;
        return *given ? index : NULL;
    }
    Attr attrs[MAX_ATTRS] = {attr_int(limit)};
    declare_limit(call->el, index, limit);
    return append_op(call->el, call->span, OP_checked, &index, 1, attrs);
}

/* checked(index, limit): index, an i32 whose values must lie in 0..limit when the code runs. */
static const Value *run_checked(BuiltinCall *call)
{
    Node *index;
    int64_t limit;
    if (!want_tensor(call, 0, &index) || !want_integer(call, 1, 0, &limit)) return &value_poison;
    return tensor_value(call->el, call->span, check(call, index, limit));
}

/* take(table, index): rows of the table, in the shape of index followed by that of a row. */
static const Value *run_take(BuiltinCall *call)
{
    Node *table, *index;
    if (!want_tensor(call, 0, &table) || !want_tensor(call, 1, &index)) return &value_poison;
    if (table->type.rank == 0)
        return fault(call->el, call->at[0]->span, "take: a scalar has no rows");
    index = check(call, index, table->type.dim[0]);
    if (!index) return &value_poison;
    Node *inputs[] = {table, index};
    return tensor_value(call->el, call->span,
                        append_op(call->el, call->span, OP_gather, inputs, 2, NULL));
}

/* put(x, part, at, axis): x with its entries along axis from `at` on replaced by part; checked. */
static const Value *run_put(BuiltinCall *call)
{
    Node *inputs[3];
    int64_t axis;
    if (!want_tensor(call, 0, &inputs[0]) || !want_tensor(call, 1, &inputs[2])
        || !want_tensor(call, 2, &inputs[1])
        || !want_axis(call, 3, inputs[0]->type.rank, 0, &axis))
        return &value_poison;
    Attr attrs[MAX_ATTRS] = {attr_int(axis)};
    const int64_t whole = inputs[0]->type.dim[axis];
    const int64_t part = axis < inputs[2]->type.rank ? inputs[2]->type.dim[axis] : whole;
    if (part <= whole && inputs[1]->type.dtype == DT_I32)
        inputs[1] = check(call, inputs[1], whole - part + 1);
    return tensor_value(call->el, call->span,
                        append_op(call->el, call->span, OP_put, inputs, 3, attrs));
}

/* ---- at compile time ---- */

static const Value *run_length(BuiltinCall *call)
{
    const Value *value = call->at[0]->value;
    if (value->kind == VALUE_LIST) return value_int(call->el->arena, value->list.count);
    return fault(call->el, call->at[0]->span, "length expects a list, got %s",
                 value_describe(call->el->arena, value));
}

/* error("text"): what a block says of arguments that make no sense, so it is told of its call. */
static const Value *run_error(BuiltinCall *call)
{
    Elab *el = call->el;
    Frame *frame = el->frame;
    Span at = call->span;
    if (call->at[0]->value->kind != VALUE_TEXT)
        return fault(el, at, "error expects a text, got %s",
                     value_describe(el->arena, call->at[0]->value));
    if (frame->caller && !frame->is_model) {
        at = frame->call;
        el->frame = frame->caller;
    }
    fault(el, at, "%s", call->at[0]->value->text);
    el->frame = frame;
    return &value_poison;
}

const Builtin builtin_helpers[] = {
    {"uniform", {"low?", "high?"}, run_uniform,
     "initial value: drawn from [low, high), by default [0, 1)"},
    {"normal", {"mean?", "std?"}, run_normal,
     "initial value: drawn with that mean and standard deviation, by default 0 and 1"},
    {"constant", {"value"}, run_constant,
     "initial value: the same everywhere"},
    {"cast", {"x", "dtype"}, run_cast,
     "x as f32, i32 (truncated toward zero) or bool (not 0)"},
    {"checked", {"index", "limit"}, run_checked,
     "index, an i32 whose values must lie in 0..limit: refused when the code runs, before "
     "anything is written"},
    {"take", {"table", "index"}, run_take,
     "rows of table (its axis 0) picked by an i32 tensor: the shape of index, then that of a "
     "row; checked"},
    {"put", {"x", "part", "at", "axis?"}, run_put,
     "x with its entries along axis (0) from the i32 scalar `at` on replaced by part; checked"},
    {"length", {"list"}, run_length,
     "of a list, when the program is compiled"},
    {"error", {"text"}, run_error,
     "stops the compilation with that message at the call of the block"},
    {0},
};
