/* Reductions inside a row, and loops along the lanes. */
#include "lower/reduction.h"

#include <string.h>

typedef enum Combine { NONE, SUM, MAX } Combine;
typedef struct Recipe {
    Combine combine[2];
    const char *formula[2], *between, *final;
    Op shortcut;
} Recipe;

static const Recipe *recipe_of(Op op)
{
    static const Recipe recipes[OP_COUNT] = {
#define REDUCE(id, combine1, first, between, combine2, second, final, shortcut) \
    [OP_##id] = {{combine1, combine2}, {first, second}, between, final, shortcut},
#include "ops/reduce.def"
#undef REDUCE
    };
    return &recipes[op];
}

int reduction_passes(Op op) { return recipe_of(op)->combine[1] == NONE ? 1 : 2; }

Reduction reduction_of(Lower *l, const Node *node, int level)
{
    return (Reduction){.node = node,
                       .label = l->entry->member[node->id].label,
                       .level = level,
                       .passes = reduction_passes(node->op)};
}

static int pass_at(const Reduction *r, int phase) { return phase - (r->level - r->passes); }

bool reduction_runs(const Reduction *r, int phase)
{
    const int pass = pass_at(r, phase);
    return pass >= 0 && pass < r->passes;
}

static int current_pass(const Reduction *r) { return r->result[0] ? 1 : 0; }

/* What a pass starts from. The first pass takes the elements as they are, whole numbers too. */
static LoopExpr *identity(Lower *l, const Reduction *r, bool vector)
{
    const bool max = recipe_of(r->node->op)->combine[current_pass(r)] == MAX;
    const DType dtype = current_pass(r) ? DT_F32 : r->node->inputs[0]->type.dtype;
    const double least = dtype == DT_F32 ? -3.402823466e38 : -INT32_MAX;
    return lower_number(l, dtype, max ? least : 0, vector);
}

bool reduction_shares(const Reduction *a, const Reduction *b)
{
    const Recipe *x = recipe_of(a->node->op), *y = recipe_of(b->node->op);
    return a->node->inputs[0] == b->node->inputs[0] && x->combine[0] == y->combine[0] &&
           !strcmp(x->formula[0], y->formula[0]);
}

bool reduction_takes_over(const Reduction *r) { return r->twin && !current_pass(r); }

bool reduction_is_heavy(const Reduction *r)
{
    const char *formula = recipe_of(r->node->op)->formula[current_pass(r)];
    return !reduction_takes_over(r) && strstr(formula, "exp(");
}

void reduction_open(Lower *l, Reduction *r, bool vector, int parts)
{
    static const char *const names[] = {"none", "sum", "largest"};
    const Combine combine = recipe_of(r->node->op)->combine[current_pass(r)];
    r->parts = parts;
    for (int i = 0; i < parts && !reduction_takes_over(r); i++)
        r->running[i] =
            loop_var(&l->b, names[combine], identity(l, r, vector && l->target->width > 1));
}

static LoopExpr *combined(Lower *l, Combine combine, LoopExpr *a, LoopExpr *b)
{
    return x_map(&l->b, combine == MAX ? OP_max : OP_add, 2, (LoopExpr *[]){a, b});
}

static bool nests(const Reduction *r)
{
    return r->parts == 1 && !reduction_takes_over(r) &&
           recipe_of(r->node->op)->combine[current_pass(r)] == SUM;
}

void reduction_nest(Lower *l, Reduction *r)
{
    if (!nests(r)) return;
    r->outer = r->running[0];
    r->running[0] = loop_var(&l->b, "partial", identity(l, r, r->outer->vector));
}

void reduction_unnest(Lower *l, Reduction *r)
{
    if (!nests(r)) return;
    loop_set(&l->b, r->outer,
             combined(l, SUM, x_var(&l->b, r->outer), x_var(&l->b, r->running[0])));
    r->running[0] = r->outer;
}

/* ---- many columns ---- */

static LoopExpr *load_columns(Lower *l, const Reduction *r, Buffer *from)
{
    return x_vload(&l->b, from, r->column, l->target->width);
}

static void store_columns(Lower *l, const Reduction *r, Buffer *to, LoopExpr *x)
{
    loop_vstore(&l->b, to, r->column, x, l->target->width);
}

void reduction_enter(Lower *l, Reduction *r, LoopExpr *column)
{
    r->column = column;
    if (!r->held || r->result[1]) return;
    r->result[0] = x_var(&l->b, loop_let(&l->b, recipe_of(r->node->op)->between ? "mean" : "first",
                                         load_columns(l, r, r->held)));
}

void reduction_open_columns(Lower *l, Reduction *r, int64_t columns)
{
    const bool max = recipe_of(r->node->op)->combine[current_pass(r)] == MAX;
    r->parts = 1;
    if (reduction_takes_over(r)) return;
    if (!r->sums || max) r->sums = loop_local(&l->b, max ? "maxima" : "sums", columns);
    store_columns(l, r, r->sums, identity(l, r, true));
}

void reduction_nest_columns(Lower *l, Reduction *r, int64_t columns)
{
    if (!nests(r)) return;
    if (!r->partials) r->partials = loop_local(&l->b, "partials", columns);
    store_columns(l, r, r->partials, identity(l, r, true));
    r->nested = true;
}

void reduction_unnest_columns(Lower *l, Reduction *r)
{
    if (!nests(r)) return;
    LoopExpr *sum = load_columns(l, r, r->sums), *partial = load_columns(l, r, r->partials);
    store_columns(l, r, r->sums, combined(l, SUM, sum, partial));
    r->nested = false;
}

void reduction_close_columns(Lower *l, Reduction *r, int64_t columns)
{
    const int pass = current_pass(r);
    if (!reduction_takes_over(r))
        r->running[0] = loop_let(&l->b, "sum", load_columns(l, r, r->sums));
    reduction_close(l, r, false);
    if (pass + 1 == r->passes) return;
    r->held = loop_local(&l->b, recipe_of(r->node->op)->between ? "means" : "firsts", columns);
    store_columns(l, r, r->held, r->result[0]);
}

/* How many elements a row reduces, as f32; NULL where the recipe does not ask. */
static LoopExpr *row_size(Lower *l, const Node *node, bool vector)
{
    if (!strchr(recipe_of(node->op)->final, 'y')) return NULL;
    const Type in = node->inputs[0]->type;
    double size = 1;
    LoopExpr *valid = NULL;
    for (int i = 0; i < node->attr[0].count; i++) {
        const int axis = (int)node->attr[0].ints[i];
        if (axis == in.batch_axis)
            valid = x_map(&l->b, OP_to_f32, 1,
                          (LoopExpr *[]){x_to_i32(&l->b, lower_extent(l, in, axis))});
        else size *= (double)in.dim[axis];
    }
    LoopExpr *n = x_float(&l->b, size, vector);
    return valid ? x_map(&l->b, OP_mul, 2, (LoopExpr *[]){valid, n}) : n;
}

/* The position along the one reduced axis, as f32 (exact up to 2^24). */
static LoopExpr *position(Lower *l, const Reduction *r)
{
    const int axis = r->label[r->node->attr[0].ints[0]];
    LoopExpr *i = x_to_i32(&l->b, l->axis[axis] ? l->axis[axis] : x_int(&l->b, 0));
    if (axis == l->lane_axis && l->target->width > 1)
        i = x_map(&l->b, OP_add, 2, (LoopExpr *[]){x_splat(&l->b, i), x_lanes(&l->b)});
    return x_map(&l->b, OP_to_f32, 1, (LoopExpr *[]){i});
}

/* Which lanes of a tail are in use: where that is no constant of the target, computed once, in
 * front of the tail. */
static LoopExpr *active_lanes(Lower *l)
{
    if (l->mask) return l->mask;
    LoopStmts *here = l->b.list, front = {0};
    LoopExpr *in =
        x_map(&l->b, OP_lt, 2, (LoopExpr *[]){x_lanes(&l->b), x_i32(&l->b, l->active, true)});
    if (l->b.program->target->first_lanes) return in;
    l->b.list = &front;
    l->mask = x_var(&l->b, loop_let(&l->b, "active", in));
    l->b.list = here;
    vec_push(l->b.arena, *l->tail, front.at[0]);
    memmove(l->tail->at + 1, l->tail->at, sizeof *l->tail->at * (size_t)(l->tail->count - 1));
    l->tail->at[0] = front.at[0];
    return l->mask;
}

LoopExpr *reduction_masked(Lower *l, LoopExpr *x, LoopExpr *rest)
{
    if (l->active == l->target->width || l->target->width == 1) return x;
    return x_map(&l->b, OP_select, 3, (LoopExpr *[]){active_lanes(l), x, rest});
}

Op reduction_shortcut(const Reduction *r) { return recipe_of(r->node->op)->shortcut; }

static LoopExpr *kept(Lower *l, const char *name, LoopExpr *x)
{
    return x->kind == E_VAR ? x : x_var(&l->b, loop_let(&l->b, name, x));
}

void reduction_step(Lower *l, Reduction *r, int part)
{
    if (reduction_takes_over(r)) return;
    const Recipe *recipe = recipe_of(r->node->op);
    const int pass = current_pass(r);
    Buffer *columns = r->nested ? r->partials : r->sums;
    const bool vector = columns || r->running[part]->vector;
    LoopExpr *element =
        lower_named(l, lower_input(l, r->node->inputs[0], r->label), view_root(r->node->inputs[0]));
    LoopExpr *index = r->node->op == OP_argmax ? position(l, r) : NULL;
    LoopExpr *x = lower_formula(
        l, recipe->formula[pass],
        (LoopExpr *[]){element, r->result[0], NULL, row_size(l, r->node, vector), index}, vector);
    x = r->elements && pass == 1 ? kept(l, op_row(recipe->shortcut)->name, x)
                                 : lower_named(l, x, NULL);
    if (r->elements && pass == 1)
        loop_vstore(&l->b, r->elements, l->axis[l->lane_axis], x, l->target->width);
    if (vector && l->lane_axis >= 0)
        x = reduction_masked(l, x_splat(&l->b, x), identity(l, r, true));
    LoopExpr *running = columns ? load_columns(l, r, columns) : x_var(&l->b, r->running[part]);
    x = combined(l, recipe->combine[pass], running, x);
    if (columns) store_columns(l, r, columns, x);
    else loop_set(&l->b, r->running[part], x);
}

/* The accumulators as one value of the row. */
static LoopExpr *total(Lower *l, const Reduction *r, Combine combine, bool along_lanes)
{
    LoopExpr *part[MAX_PARTS];
    for (int i = 0; i < r->parts; i++) part[i] = x_var(&l->b, r->running[i]);
    for (int n = r->parts; n > 1; n /= 2)
        for (int i = 0; i < n / 2; i++)
            part[i] = combined(l, combine, part[2 * i], part[2 * i + 1]);
    if (!along_lanes || !part[0]->vector)
        return r->parts > 1 ? x_var(&l->b, loop_let(&l->b, "all", part[0])) : part[0];
    LoopExpr *x = x_unary(&l->b, combine == MAX ? E_MAX_LANES : E_ADD_LANES, part[0]);
    return x_var(&l->b, loop_let(&l->b, combine == MAX ? "row_max" : "row_sum", x));
}

void reduction_close(Lower *l, Reduction *r, bool along_lanes)
{
    const Recipe *recipe = recipe_of(r->node->op);
    const int pass = current_pass(r);
    LoopExpr *x =
        reduction_takes_over(r) ? r->twin->first : total(l, r, recipe->combine[pass], along_lanes);
    if (pass == 0) {
        r->first = x;
        if (recipe->between)
            x = kept(
                l, "mean",
                lower_formula(l, recipe->between,
                              (LoopExpr *[]){NULL, x, NULL, row_size(l, r->node, x->vector), NULL},
                              x->vector));
    }
    r->result[pass] = x;
    if (pass + 1 < r->passes) return;
    if (r->elements)
        r->scale = kept(l, "scale",
                        x_map(&l->b, OP_div, 2, (LoopExpr *[]){x_float(&l->b, 1, x->vector), x}));
    const bool unbiased = r->node->op == OP_variance && r->node->attr[1].ints[0];
    LoopExpr *n = row_size(l, r->node, x->vector);
    if (unbiased) {
        LoopExpr *one = x_float(&l->b, 1, n->vector);
        n = x_map(&l->b, OP_max, 2,
                  (LoopExpr *[]){x_map(&l->b, OP_sub, 2, (LoopExpr *[]){n, one}), one});
    }
    LoopExpr *final = lower_formula(
        l, recipe->final, (LoopExpr *[]){NULL, r->result[0], r->result[1], n, NULL}, x->vector);
    lower_bind(l, r->node,
               kept(l, op_node_name(r->node), final));
}

LoopExpr *reduction_of_one(Lower *l, const Node *node)
{
    const Recipe *recipe = recipe_of(node->op);
    LoopExpr *a = lower_input(l, node->inputs[0], l->entry->member[node->id].label);
    LoopExpr *one = x_float(&l->b, 1, a->vector), *zero = x_float(&l->b, 0, a->vector), *b,
             *c = NULL;
    b = lower_formula(l, recipe->formula[0], (LoopExpr *[]){a, NULL, NULL, one, zero}, a->vector);
    if (recipe->between)
        b = lower_formula(l, recipe->between, (LoopExpr *[]){NULL, b, NULL, one, zero}, a->vector);
    if (recipe->formula[1])
        c = lower_formula(l, recipe->formula[1], (LoopExpr *[]){a, b, NULL, one, zero}, a->vector);
    return lower_formula(l, recipe->final, (LoopExpr *[]){a, b, c, one, zero}, a->vector);
}

/* ---- lanes ---- */

static bool runs_once(const LoopExpr *from, const LoopExpr *to, int64_t step)
{
    return from->kind == E_INT && to->kind == E_INT && to->number - from->number == (double)step;
}

/* The body for `parts` vectors, the first of them at `first`. */
static void some_lanes(Lower *l, LoopExpr *first, int parts, int *part,
                       void (*body)(void *context), void *context)
{
    for (*part = 0; *part < parts; ++*part) {
        l->axis[l->lane_axis] = x_add(&l->b, first, x_int(&l->b, *part * l->target->width));
        body(context);
    }
    *part = 0;
}

static LoopExpr *is_before(Lower *l, LoopExpr *first, LoopExpr *end)
{
    return x_map(&l->b, OP_lt, 2, (LoopExpr *[]){x_to_i32(&l->b, first), x_to_i32(&l->b, end)});
}

/* Whole vectors from `from` to `to`, `parts` of them a time round. */
static void whole_lanes(Lower *l, LoopExpr *from, LoopExpr *to, LaneRange range, int parts,
                        int *part, void (*body)(void *context), void *context)
{
    const int axis = l->lane_axis, step = parts * l->target->width;
    LoopExpr *first = from;
    if (runs_once(from, to, 0)) return;
    if (runs_once(from, to, step)) loop_block(&l->b);
    else first = x_var(&l->b, loop_begin(&l->b, lower_axis_name(l, axis), from, to, step));
    if (range.beyond) loop_if(&l->b, is_before(l, first, range.end));
    some_lanes(l, first, parts, part, body, context);
    if (range.beyond) {
        loop_else(&l->b);
        some_lanes(l, first, parts, part, range.beyond, context);
        loop_end(&l->b);
    }
    loop_end(&l->b);
}

static void tail_lanes(Lower *l, int64_t from, int64_t to, void (*body)(void *context),
                       void *context)
{
    if (from == to) return;
    l->active = (int)(to - from);
    l->axis[l->lane_axis] = x_int(&l->b, from);
    loop_block(&l->b);
    l->tail = l->b.list;
    l->mask = NULL;
    body(context);
    loop_end(&l->b);
    l->mask = NULL;
    l->active = l->target->width;
}

static void lanes(Lower *l, int64_t extent, LaneRange range, int parts, int *part,
                  void (*body)(void *context), void *context)
{
    const int64_t width = l->target->width, whole = extent / width * width,
                  grouped = range.end ? range.whole : whole / (parts * width) * (parts * width);
    LoopExpr *zero = x_int(&l->b, 0), *rest = x_int(&l->b, grouped);
    LoopExpr *end = range.end && !range.beyond ? range.end : rest;
    *part = 0;
    whole_lanes(l, zero, end, range, parts, part, body, context);
    whole_lanes(l, rest, x_int(&l->b, whole), (LaneRange){0}, 1, part, body, context);
    tail_lanes(l, whole, extent, body, context);
    l->axis[l->lane_axis] = NULL;
}

void lane_loop(Lower *l, void (*body)(void *context), void *context)
{
    lane_loop_over(l, l->k->domain.dim[l->lane_axis], body, context);
}

void lane_loop_over(Lower *l, int64_t extent, void (*body)(void *context), void *context)
{
    int part;
    lanes(l, extent, (LaneRange){0}, 1, &part, body, context);
}

void lane_loop_parts(Lower *l, LaneRange range, int parts, int *part, void (*body)(void *context),
                     void *context)
{
    lanes(l, l->k->domain.dim[l->lane_axis], range, parts, part, body, context);
}

typedef struct Zero {
    Lower *l;
    const Value *value;
    const int *label;
} Zero;

static void store_zero(void *context)
{
    const Zero *z = context;
    lower_store(z->l, z->value, z->label, lower_number(z->l, z->value->node->type.dtype, 0, true));
}

void lane_loop_zero(Lower *l, const Value *value, const int *label)
{
    Zero zero = {l, value, label};
    lane_loop(l, store_zero, &zero);
}
