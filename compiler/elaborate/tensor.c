/* Owns values in the graph at hand: their nodes, captures of a scan's body, operations, shapes. */
#include <math.h>
#include <string.h>

#include "elaborate/context.h"
#include "ops/build.h"
#include "ops/op.h"

void set_origin(Elab *el, Span at)
{
    el->region->graph->origin = (Origin){.layer = el->frame->path, .span = user_span(el, at)};
}

static bool graph_allowed(Elab *el, Span at)
{
    if (el->region->graph->nodes.count <= NODE_LIMIT) return true;
    fault_limit(el, at, "the graph grows beyond %d operations", NODE_LIMIT);
    return false;
}

/* ---- values ---- */

const Value *tensor_value(Elab *el, Span at, Node *node)
{
    if (!node || !graph_allowed(el, at)) return &value_poison;
    Value *value = arena_make(el->arena, Value);
    value->kind = VALUE_TENSOR;
    value->tensor.node = node;
    value->tensor.region = el->region;
    return value;
}

const Value *tensor_mean(Elab *el, Span at, Node *sum, Number weight)
{
    const Value *args[2] = {tensor_value(el, at, sum), value_number(el->arena, weight)};
    const Value *mean = apply_map(el, at, OP_div, "/", args, 2);
    if (mean->kind != VALUE_TENSOR || !weight.rows || mean->tensor.node->type.rank > 0) return mean;
    Value *value = arena_copy(el->arena, mean, sizeof *mean);
    value->tensor.sum = sum;
    value->tensor.weight = weight;
    return value;
}

void name_tensor(Elab *el, const Value *value, int since, const char *name)
{
    if (value->kind != VALUE_TENSOR || value->tensor.region != el->region) return;
    Node *node = value->tensor.node;
    if (node->id >= since && !node->name) node->name = name;
}

/* ---- captures ---- */

static Node *capture(Elab *el, Region *region, Node *node)
{
    for (int i = 0; i < region->outer.count; i++)
        if (region->outer.at[i] == node) return region->inner.at[i];
    Origin origin = {.name = node->name, .layer = node->layer, .span = node->span};
    Attr attr = attr_text(node->name ? node->name : "");
    Node *inner = graph_leaf(region->graph, OP_input, node->type, &attr, -1, origin);
    vec_push(el->arena, region->outer, node);
    vec_push(el->arena, region->inner, inner);
    return inner;
}

/* NULL if `of` is no region around this one. */
static Node *bring_in(Elab *el, Region *region, const Region *of, Node *node)
{
    if (region == of || !region) return region ? node : NULL;
    Node *outside = bring_in(el, region->parent, of, node);
    if (!outside) return NULL;
    bool everywhere = node->op == OP_fill || node->op == OP_count;
    return everywhere ? graph_copy_node(region->graph, outside, NULL)
                      : capture(el, region, outside);
}

const Value *extent_value(Elab *el, Type type, int axis)
{
    Number extent = number_int(type.dim[axis]);
    if (axis == type.batch_axis)
        number_binary(el->arena, BINARY_MUL, number_batch(el->arena, type_batch(type)),
                      number_int(type.batch_inner), &extent);
    return value_number(el->arena, extent);
}

Node *tensor_node(Elab *el, const Value *value)
{
    Node *node = value->tensor.node;
    if (value->tensor.region == el->region) return node;
    Node *here = bring_in(el, el->region, value->tensor.region, node);
    if (here) return here;
    fault(el, el->region->graph->origin.span,
          "%s%s%s belongs to the steps of a scan and is not known outside of them",
          node->name ? node->name : "", node->name ? ", " : "", type_text(el->arena, node->type));
    diag_note(el->diags, node->span, "it comes from here");
    diag_help(el->diags,
              "`yield` gives the values of all steps, and `s.h` the last value of the carry `h` of "
              "`s = scan ...`");
    return build_fill(el->region->graph, node->type, 0.0);
}

/* ---- numbers ---- */

static Node *scalar_fill(Elab *el, double value, DType dtype)
{
    Attr attr = attr_number(value);
    Origin origin = {.layer = el->frame->path, .span = el->region->graph->origin.span};
    return graph_leaf(el->region->graph, OP_fill, type_scalar(dtype), &attr, -1, origin);
}

/* The formula of a number of rows, over the number of rows that are valid when the code runs. */
static Node *rows_node(Elab *el, Number number)
{
    Node *operands[2] = {NULL};
    if (!number.rows) return scalar_fill(el, number_double(number), DT_F32);
    const Rows *rows = number.rows;
    if (rows->op == OP_count)
        return graph_leaf(el->region->graph, OP_count, type_scalar(DT_F32), NULL, -1,
                          el->region->graph->origin);
    for (int i = 0; i < rows->count; i++) operands[i] = rows_node(el, rows->operands[i]);
    return build_map(el->region->graph, rows->op, rows->count, operands);
}

Node *number_node(Elab *el, Number number, DType dtype)
{
    if (!number.rows) return scalar_fill(el, number_double(number), dtype);
    Node *node = rows_node(el, number);
    return dtype == DT_I32 ? build_map(el->region->graph, OP_to_i32, 1, &node) : node;
}

/* ---- operations ---- */

bool size_allowed(Elab *el, Span at, Type type)
{
    int64_t elements = 1;
    for (int i = 0; i < type.rank; i++)
        if (__builtin_mul_overflow(elements, type.dim[i], &elements) || elements > ELEMENT_LIMIT) {
            fault(el, at, "%s is too large: a tensor has at most %lld elements",
                  type_text(el->arena, type), (long long)ELEMENT_LIMIT);
            return false;
        }
    return true;
}

static void note_node(Elab *el, Span at, const Node *node)
{
    const Value value = {.kind = VALUE_TENSOR, .tensor = {.node = (Node *)node}};
    note_shape(el, user_span(el, at), &value);
}

/* Of a rule's refusal that begins with the operation's name: what the program calls it. */
static const char *as_called(Elab *el, Op op, const char *sign, const char *error)
{
    size_t length = strlen(op_row(op)->name);
    if (strncmp(error, op_row(op)->name, length) != 0 || error[length] != ' ') return error;
    return arena_printf(el->arena, "`%s`%s", sign, error + length);
}

static bool attrs_allowed(Elab *el, Span at, const char *sign, Op op, const Attr *attrs)
{
    for (int i = 0; attrs && op_row(op)->attr[i].kind != ATTR_NONE; i++)
        for (int j = 0; j < attrs[i].count; j++)
            if (attrs[i].ints[j] > ELEMENT_LIMIT || attrs[i].ints[j] < -ELEMENT_LIMIT) {
                fault(el, at, "`%s` cannot reach as far as %lld", sign,
                      (long long)attrs[i].ints[j]);
                return false;
            }
    return true;
}

/* Messages call the operation `sign`. */
static Node *append_as(Elab *el, Span at, Op op, const char *sign, Node *const *inputs, int count,
                       const Attr *attrs)
{
    const char *error;
    if (!attrs_allowed(el, at, sign, op, attrs)) return NULL;
    set_origin(el, at);
    Node *node = graph_append(el->region->graph, op, inputs, count, attrs,
                              el->region->graph->origin, &error);
    if (!node) {
        fault(el, at, "%s", as_called(el, op, sign, error));
        for (int i = 0; i < count && i < 3; i++)
            if (i == 0 || inputs[i] != inputs[i - 1]) note_node(el, at, inputs[i]);
        return NULL;
    }
    return size_allowed(el, at, node->type) && graph_allowed(el, at) ? node : NULL;
}

Node *append_op(Elab *el, Span at, Op op, Node *const *inputs, int count, const Attr *attrs)
{
    return append_as(el, at, op, op_row(op)->name, inputs, count, attrs);
}

/* a as dtype, converted if it is something else that converts. */
static Node *convert_node(Elab *el, Span at, Node *a, DType dtype)
{
    if (a->type.dtype == dtype) return a;
    if (dtype == DT_F32) return append_op(el, at, OP_to_f32, &a, 1, NULL);
    if (dtype == DT_I32) return append_op(el, at, OP_to_i32, &a, 1, NULL);
    fault(el, at, "%s does not become %s by itself", type_text(el->arena, a->type),
          dtype_name(dtype));
    return NULL;
}

/* ---- elementwise ---- */

static bool is_logic(Op op)
{
    return op == OP_and || op == OP_or || op == OP_not;
}

/* `2`, but not `2.0` or `batch`. */
static bool is_whole(const Value *value)
{
    return value->kind == VALUE_NUMBER && value->number.exact && value->number.den == 1
        && !value->number.rows;
}

/* The element type that operands [first, count) meet in: f32 before i32 before the small ones, with
 * which no arithmetic is done. A whole number is whatever the tensors are, and i32 by itself. */
static DType common_dtype(Op op, const Value *const *args, int first, int count)
{
    DType common = DT_COUNT;
    for (int i = first; i < count; i++) {
        DType dtype = args[i]->kind == VALUE_TENSOR ? args[i]->tensor.node->type.dtype
                    : args[i]->kind == VALUE_BOOL ? DT_BOOL : is_whole(args[i]) ? DT_COUNT : DT_F32;
        if (dtype < common) common = dtype;
    }
    if (common == DT_COUNT) return DT_I32;
    bool arithmetic = !is_logic(op) && op != OP_select && count - first > 1;
    return arithmetic && common > DT_I32 ? DT_I32 : common;
}

static bool refuse_operand(Elab *el, Span at, const char *sign, const Value *value)
{
    if (value->kind == VALUE_POISON) return false;
    if (value->kind == VALUE_TENSOR || value->kind == VALUE_NUMBER || value->kind == VALUE_BOOL)
        return true;
    fault(el, at, "`%s` expects tensors or numbers, got %s", sign,
          value_describe(el->arena, value));
    if (value->kind == VALUE_LIST)
        diag_help(el->diags, "`tensor([...])` makes a tensor of a list of numbers");
    return false;
}

static Node *operand_node(Elab *el, Span at, const Value *value, DType dtype)
{
    set_origin(el, at);
    if (value->kind == VALUE_BOOL) return scalar_fill(el, value->boolean, dtype);
    if (value->kind == VALUE_NUMBER && dtype == DT_I32
        && fabs(number_double(value->number)) > (double)INT32_MAX) {
        fault(el, at, "%s does not fit i32", value_describe(el->arena, value));
        return NULL;
    }
    if (value->kind == VALUE_NUMBER) return number_node(el, value->number, dtype);
    return convert_node(el, at, tensor_node(el, value), dtype);
}

/* Which `@` would multiply. */
static bool are_matrices(Node *const *inputs)
{
    const Type a = inputs[0]->type, b = inputs[1]->type;
    return a.rank >= 2 && b.rank == 2 && a.dim[a.rank - 1] == b.dim[0];
}

/* Repeats nodes to the one shape that fits them all. */
static bool fit_nodes(Elab *el, Span at, const char *sign, Node **nodes, int count)
{
    const char *error;
    Type joined = nodes[0]->type;
    for (int i = 1; i < count; i++)
        if (!broadcast_types(el->arena, joined, nodes[i]->type, &joined, &error)) {
            fault(el, at, "`%s`: %s", sign, error);
            for (int j = 0; j <= i; j++) note_node(el, at, nodes[j]);
            if (!strcmp(sign, "*") && are_matrices(nodes))
                diag_help(el->diags, "`@` is the matrix product");
            return false;
        }
        else if (!size_allowed(el, at, joined)) return false;
    set_origin(el, at);
    for (int i = 0; i < count; i++) nodes[i] = build_broadcast(el->region->graph, nodes[i], joined);
    return true;
}

const Value *apply_map(Elab *el, Span at, Op op, const char *sign, const Value *const *args,
                       int count)
{
    Node *nodes[3] = {NULL};
    int first = op == OP_select;
    for (int i = 0; i < count; i++)
        if (!refuse_operand(el, at, sign, args[i])) return &value_poison;
    DType dtype = op == OP_div ? DT_F32 : common_dtype(op, args, first, count);
    for (int i = 0; i < count; i++) {
        bool as_it_is = count == 1 || i < first;
        DType own = args[i]->kind == VALUE_TENSOR ? args[i]->tensor.node->type.dtype
                  : args[i]->kind == VALUE_BOOL ? DT_BOOL : dtype;
        if (!(nodes[i] = operand_node(el, at, args[i], as_it_is ? own : dtype)))
            return &value_poison;
    }
    if (!fit_nodes(el, at, sign, nodes, count)) return &value_poison;
    Node *node = append_as(el, at, op, sign, nodes, count, NULL);
    if (node) return tensor_value(el, at, node);
    if (is_logic(op) || op == OP_select)
        diag_help(el->diags, "a comparison makes a bool tensor, as in `x != 0`");
    else if (dtype != DT_F32) diag_help(el->diags, "`cast(x, f32)` converts");
    return &value_poison;
}

/* ---- shapes in a program ---- */

static bool shape_extent(Elab *el, Span at, const Value *value, Type *out)
{
    int64_t extent, inner;
    if (!want_int(el, at, "an extent of a shape", value, &extent)) return false;
    if (extent < 1) {
        fault(el, at, "an axis needs at least one entry, got %lld", (long long)extent);
        return false;
    }
    inner = el->mode ? number_per_row(value->number, el->mode->batch) : 0;
    if (inner && out->batch_axis >= 0) {
        fault(el, at, "two axes of a shape are multiples of `batch`");
        return false;
    }
    if (!inner && value->number.rows && value->number.rows->power != 0) {
        fault(el, at, "an extent that depends on `batch` must be a whole multiple of it");
        return false;
    }
    if (inner) {
        out->batch_axis = out->rank;
        out->batch_inner = inner;
    }
    out->dim[out->rank++] = extent;
    return true;
}

bool want_shape(Elab *el, Span at, const Value *value, DType dtype, Type *out)
{
    *out = type_scalar(dtype);
    if (value->kind == VALUE_POISON) return false;
    if (value->kind == VALUE_NUMBER)
        return shape_extent(el, at, value, out) && size_allowed(el, at, *out);
    if (value->kind != VALUE_LIST) {
        fault(el, at, "a shape is a list of integers, got %s", value_describe(el->arena, value));
        return false;
    }
    if (value->list.count > MAX_RANK) {
        fault(el, at, "a tensor has at most %d axes, this shape %d", MAX_RANK, value->list.count);
        return false;
    }
    for (int i = 0; i < value->list.count; i++)
        if (!shape_extent(el, at, value->list.items[i], out)) return false;
    return size_allowed(el, at, *out);
}
