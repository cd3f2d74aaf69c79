/* Addresses, loads, stores and the expressions of a kernel's members. */
#include "lower/context.h"

#include "base/cname.h"
#include "lower/reduction.h"
#include "ops/formula.h"
#include "ops/join.h"

static void add_use(Lower *l, const Node *node)
{
    const Member *m = &l->entry->member[node->id];
    if (m->kernel == l->k) l->uses[m->place]++;
}

int lower_uses(const Lower *l, const Node *member)
{
    return l->uses[l->entry->member[member->id].place];
}

void lower_begin(Lower *l, Arena *arena, Program *program, const EntryPlan *entry, const Kernel *k)
{
    *l = (Lower){.target = program->target, .entry = entry, .k = k, .lane_axis = -1};
    l->b = loop_function(program, k->name, NULL);
    l->active = program->target->width;
    l->uses = arena_array(arena, int, k->nodes.count + 1);
    for (int i = 0; i < k->nodes.count; i++)
        for (int j = 0; j < k->nodes.at[i]->input_count; j++)
            add_use(l, view_root(k->nodes.at[i]->inputs[j]));
    for (int i = 0; i < k->results.count; i++) add_use(l, k->results.at[i]->node);
    /* The formals keep one order for every target: operands, then results. */
    for (int i = 0; i < k->operands.count; i++) lower_buffer(l, k->operands.at[i]);
    for (int i = 0; i < k->results.count; i++) lower_buffer(l, k->results.at[i]);
}

static LType memory_type(DType dtype)
{
    switch (dtype) {
    case DT_I32: return LT_I32;
    case DT_U8: return LT_U8;
    default: return LT_F32; /* booleans are kept as 0.0 and 1.0 */
    }
}

static bool is_result(const Lower *l, const Value *value)
{
    for (int i = 0; i < l->k->results.count; i++)
        if (l->k->results.at[i] == value) return true;
    for (int i = 0; i < l->k->scratch.count; i++)
        if (l->k->scratch.at[i] == value) return true;
    return false;
}

/* An operand whose place a result takes is that result: one pointer for both. */
static const Value *replaced_by(const Lower *l, const Value *value)
{
    for (int i = 0; i < l->k->results.count; i++)
        if (l->k->results.at[i]->over == value) return l->k->results.at[i];
    return value;
}

Buffer *lower_buffer(Lower *l, const Value *value)
{
    value = replaced_by(l, value);
    for (int i = 0; i < l->values.count; i++)
        if (l->values.at[i] == value) return l->buffers.at[i];
    Buffer *buffer =
        loop_buffer(&l->b, value->name, memory_type(value->dtype), !is_result(l, value));
    const char *inner = value->scratch ? NULL : op_inner_name(value->node);
    if (inner) buffer->value_name = c_identifier(l->b.arena, inner);
    if (value->own) buffer->each = value->each;
    vec_push(l->b.arena, l->values, value);
    vec_push(l->b.arena, l->buffers, buffer);
    return buffer;
}

LoopExpr *lower_count(Lower *l)
{
    if (!l->count) l->count = loop_scalar(&l->b, "count", LT_INDEX);
    return x_var(&l->b, l->count);
}

LoopExpr *lower_extent(Lower *l, Type type, int axis)
{
    if (axis != type.batch_axis || type_batch(type) == 1) return x_int(&l->b, type.dim[axis]);
    return x_mul(&l->b, lower_count(l), type.batch_inner);
}

const char *lower_axis_name(const Lower *l, int axis)
{
    static const char *const names[MAX_RANK] = {"i", "j", "k", "l", "m", "n", "p", "q"};
    return axis == l->k->domain.batch_axis && axis == 0 ? "row" : names[axis];
}

void lower_loop_to(Lower *l, int axis, LoopExpr *end)
{
    Var *i = loop_begin(&l->b, lower_axis_name(l, axis), x_int(&l->b, 0), end, 1);
    l->axis[axis] = x_var(&l->b, i);
}

void lower_loop(Lower *l, int axis)
{
    lower_loop_to(l, axis, lower_extent(l, l->k->domain, axis));
}

/* ---- memory ---- */

LoopExpr *lower_address(Lower *l, int64_t offset, const int64_t *stride, const int *label,
                        Type type)
{
    LoopExpr *address = x_int(&l->b, offset);
    for (int i = 0; i < type.rank; i++)
        if (label[i] >= 0 && type.dim[i] != 1 && l->axis[label[i]])
            address = x_add(&l->b, address, x_mul(&l->b, l->axis[label[i]], stride[i]));
    return address;
}

int64_t lower_lane_stride(const Lower *l, const int64_t *stride, const int *label, Type type)
{
    int64_t s = 0;
    for (int i = 0; l->lane_axis >= 0 && i < type.rank; i++)
        if (label[i] == l->lane_axis && type.dim[i] != 1) s += stride[i];
    return s;
}

/* The element's own index, as i32: iota seen through views. */
static LoopExpr *load_index(Lower *l, LoopExpr *address, int64_t step)
{
    LoopExpr *first = x_to_i32(&l->b, address);
    if (!step || l->target->width == 1) return first;
    LoopExpr *lanes = x_lanes(&l->b);
    if (step != 1) lanes = x_map(&l->b, OP_mul, 2, (LoopExpr *[]){lanes, x_i32(&l->b, step, true)});
    return x_map(&l->b, OP_add, 2, (LoopExpr *[]){x_splat(&l->b, first), lanes});
}

bool lower_pads(const Value *value)
{
    return value->place == AT_WORK || value->place == AT_PARAM || value->place == AT_PREPARED;
}

/* Lanes that may be read at once: all of them where the row's padding makes that safe. */
static int load_lanes(const Lower *l, const View *view, Type type, const int *label)
{
    const int64_t width = l->target->width;
    int64_t room = view->value->elements, extent = 1;
    if (l->active == width || !lower_pads(view->value)) return l->active;
    for (int i = 0; i < type.rank; i++) {
        if (label[i] == l->lane_axis) extent = type.dim[i];
        else if (view->stride[i] > 1 && type.dim[i] > 1 && view->stride[i] < room)
            room = view->stride[i];
    }
    const bool whole = view->offset % room + (extent + width - 1) / width * width <= room;
    return whole && view->value->elements % LANE_PAD == 0 && view->offset % width == 0 ? (int)width
                                                                                       : l->active;
}

LoopExpr *lower_load(Lower *l, const View *view, const int *label, Type type)
{
    const int64_t step = lower_lane_stride(l, view->stride, label, type);
    LoopExpr *address = lower_address(l, view->offset, view->stride, label, type);
    if (view->value->place == AT_INDEX) return load_index(l, address, step);
    Buffer *buffer = lower_buffer(l, view->value);
    LoopExpr *x = step == 1 && l->target->width > 1
                    ? x_vload(&l->b, buffer, address, load_lanes(l, view, type, label))
                    : x_load(&l->b, buffer, address);
    if (view->value->dtype != DT_BOOL) return x;
    return x_map(&l->b, OP_ne, 2, (LoopExpr *[]){x, x_float(&l->b, 0, x->vector)});
}

static LoopExpr *as_stored(Lower *l, const Value *value, LoopExpr *x)
{
    if (value->dtype != DT_BOOL) return x;
    return x_map(&l->b, OP_select, 3,
                 (LoopExpr *[]){x, x_float(&l->b, 1, x->vector), x_float(&l->b, 0, x->vector)});
}

/* `value` says where in the buffer. */
static void store_at(Lower *l, Buffer *buffer, const Value *value, const int *label, LoopExpr *x)
{
    const Type type = value->node->type;
    LoopExpr *address = lower_address(l, value->origin, value->stride, label, type);
    x = as_stored(l, value, x);
    if (lower_lane_stride(l, value->stride, label, type) == 1 && l->target->width > 1)
        loop_vstore(&l->b, buffer, address, x_splat(&l->b, x), l->active);
    else loop_store(&l->b, buffer, address, x);
}

void lower_store(Lower *l, const Value *value, const int *label, LoopExpr *x)
{
    store_at(l, lower_buffer(l, value), value, label, x);
}

/* ---- members ---- */

int lower_mark(const Lower *l) { return l->bound.count; }

void lower_forget(Lower *l, int mark) { l->bound.count = mark; }

void lower_bind(Lower *l, const Node *node, LoopExpr *value)
{
    vec_push(l->b.arena, l->bound, ((Binding){node, value}));
}

LoopExpr *lower_bound(const Lower *l, const Node *node)
{
    for (int i = l->bound.count - 1; i >= 0; i--)
        if (l->bound.at[i].node == node) return l->bound.at[i].value;
    return NULL;
}

LoopExpr *lower_number(Lower *l, DType dtype, double value, bool vector)
{
    return dtype == DT_F32 ? x_float(&l->b, value, vector) : x_i32(&l->b, (int64_t)value, vector);
}

static LoopExpr *inline_leaf(Lower *l, const Node *root)
{
    if (root->op == OP_count)
        return x_map(&l->b, OP_to_f32, 1, (LoopExpr *[]){x_to_i32(&l->b, lower_count(l))});
    return lower_number(l, root->type.dtype, root->attr[0].number, false);
}

LoopExpr *lower_named(Lower *l, LoopExpr *x, const Node *node)
{
    if (x->kind != E_MAP && x->kind != E_CALL && x->kind != E_FMA) return x;
    if (x_is_short(x)) return x;
    const char *name = x->kind == E_FMA ? "sum" : op_row(x->op)->name;
    if (node) name = op_node_name(node);
    return x_var(&l->b, loop_let(&l->b, name, x));
}

/* A map without a kernel of its own: its axes run along those of the reader that sees it through
 * views. */
static LoopExpr *inlined_map(Lower *l, const Node *input, const Node *root, const int *label)
{
    if (lower_bound(l, root)) return lower_bound(l, root);
    int axis_of[MAX_RANK], root_label[MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
    LoopExpr *args[3];
    view_labels(input, axis_of);
    for (int i = 0; i < input->type.rank; i++)
        if (axis_of[i] >= 0) root_label[axis_of[i]] = label[i];
    for (int i = 0; i < root->input_count; i++)
        args[i] =
            lower_named(l, lower_input(l, root->inputs[i], root_label), view_root(root->inputs[i]));
    return x_map(&l->b, root->op, root->input_count, args);
}

/* Whether an inlined map takes in what the kernel itself computes, which is not there in front of
 * its loops. */
static bool reads_members(const Lower *l, const Node *root)
{
    for (int i = 0; i < root->input_count; i++) {
        const Node *from = view_root(root->inputs[i]);
        const Member *m = &l->entry->member[from->id];
        if (m->kernel == l->k || (m->inlined && reads_members(l, from))) return true;
    }
    return false;
}

static void bind_uniform(Lower *l, const Node *input)
{
    static const int none[MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
    const Node *root = view_root(input);
    if (root->op == OP_count && !lower_bound(l, root))
        lower_bind(l, root, x_var(&l->b, loop_let(&l->b, "valid", inline_leaf(l, root))));
    if (!l->entry->member[root->id].inlined || lower_bound(l, root)) return;
    for (int i = 0; i < root->input_count; i++) bind_uniform(l, root->inputs[i]);
    if (type_elements(root->type) != 1 || reads_members(l, root)) return;
    LoopExpr *x = lower_input(l, root, none);
    if (x->kind != E_VAR && x->kind != E_FLOAT && x->kind != E_INT)
        x = x_var(&l->b, loop_let(&l->b, op_node_name(root), x));
    lower_bind(l, root, x);
}

void lower_uniforms(Lower *l)
{
    for (int i = 0; i < l->k->nodes.count; i++)
        for (int j = 0; j < l->k->nodes.at[i]->input_count; j++)
            bind_uniform(l, l->k->nodes.at[i]->inputs[j]);
}

LoopExpr *lower_input(Lower *l, const Node *input, const int *label)
{
    View view;
    const Node *root = view_root(input);
    if (plan_operand(l->entry, l->k, input, &view)) return lower_load(l, &view, label, input->type);
    if (op_row(root->op)->kind == KIND_LEAF)
        return lower_bound(l, root) ? lower_bound(l, root) : inline_leaf(l, root);
    return l->entry->member[root->id].inlined ? inlined_map(l, input, root, label)
                                              : lower_member(l, root);
}

static LoopExpr *map_here(Lower *l, const Node *node)
{
    LoopExpr *args[3];
    for (int i = 0; i < node->input_count; i++)
        args[i] = lower_named(l, lower_input(l, node->inputs[i], l->entry->member[node->id].label),
                              view_root(node->inputs[i]));
    return x_map(&l->b, node->op, node->input_count, args);
}

LoopExpr *lower_member(Lower *l, const Node *node)
{
    if (lower_bound(l, node)) return lower_bound(l, node);
    LoopExpr *x = op_row(node->op)->kind == KIND_REDUCE ? reduction_of_one(l, node)
                                                        : map_here(l, node);
    const bool keeps = lower_uses(l, node) > 1 || (node->name && !x_is_short(x));
    if (keeps && !x_is_name(x)) x = x_var(&l->b, loop_let(&l->b, op_node_name(node), x));
    lower_bind(l, node, x);
    return x;
}

/* Pieces side by side are stored each at its place. */
void lower_result(Lower *l, const Value *value)
{
    const Node *node = value->node;
    const int *label = l->entry->member[node->id].label;
    if (op_row(node->op)->kind != KIND_JOIN) {
        lower_store(l, value, label, lower_member(l, node));
        return;
    }
    const Join join = join_of(l->b.arena, node);
    for (int i = 0; i < join.count; i++) {
        Value at = *value;
        for (int a = 0; a < node->type.rank; a++)
            at.origin += join.pieces[i].to[a] * value->stride[a];
        store_at(l, lower_buffer(l, value), &at, label,
                 lower_input(l, node->inputs[join.pieces[i].input], label));
    }
}

/* ---- formulas ---- */

typedef struct FormulaScope {
    Lower *l;
    bool vector;
} FormulaScope;

static void *formula_number(void *context, double value)
{
    FormulaScope *scope = context;
    return x_float(&scope->l->b, value, scope->vector);
}

static void *formula_call(void *context, Op op, int count, void **args)
{
    FormulaScope *scope = context;
    LoopExpr *x[3];
    for (int i = 0; i < count; i++) x[i] = args[i];
    if (count == 2 && !x_is_leaf(x[0]) && loop_equal(x[0], x[1])) /* a square of more than a name */
        x[0] = x[1] = x_var(&scope->l->b, loop_let(&scope->l->b, "d", x[0]));
    return x_map(&scope->l->b, op, count, x);
}

LoopExpr *lower_formula(Lower *l, const char *text, LoopExpr *const bound[5], bool vector)
{
    FormulaScope scope = {l, vector};
    FormulaReader reader = {.context = &scope, .number = formula_number, .call = formula_call};
    for (int i = 0; i < 5; i++) reader.bound[i] = bound[i];
    return formula_read(formula_parse(l->b.arena, text), &reader);
}

/* ---- epilogues ---- */

enum { LONG_EPILOGUE = 2 }; /* operations an element */

/* Operations for one element of a map and of the maps that it computes itself. */
static double map_flops(const Lower *l, const Node *node)
{
    double sum = op_row(node->op)->flops(node) / (double)type_elements(node->type);
    for (int i = 0; i < node->input_count; i++) {
        const Node *root = view_root(node->inputs[i]);
        if (l->entry->member[root->id].inlined) sum += map_flops(l, root);
    }
    return sum;
}

bool lower_epilogue_is_long(const Lower *l)
{
    double sum = 0;
    for (int i = 0; i < l->k->nodes.count; i++)
        if (op_row(l->k->nodes.at[i]->op)->kind == KIND_MAP) sum += map_flops(l, l->k->nodes.at[i]);
    return sum > LONG_EPILOGUE;
}
