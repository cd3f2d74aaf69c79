/* Copies: the same tensor in another order. Where source and destination are contiguous along
 * different axes, blocks of the target's width are transposed in registers. Joins move
 * pieces the same way. */
#include <string.h>

#include "lower/context.h"
#include "lower/reduction.h"
#include "ops/join.h"

static const int same_axes[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};

static int contiguous_axis(Type type, const int64_t *stride)
{
    for (int i = type.rank - 1; i >= 0; i--)
        if (stride[i] == 1 && type.dim[i] > 1) return i;
    return -1;
}

/* Of the elements of `type`: all of `from`, or a piece of it. */
typedef struct Copy {
    Lower *l;
    const Node *from;
    const JoinPiece *piece; /* NULL: all, one by one */
    Type type;
    const Value *to;
    int64_t offset, stride[MAX_RANK];
    LoopExpr *shift; /* added to the address; NULL: nothing */
} Copy;

static Copy copy_of(Lower *l, const Node *from, const Value *to)
{
    Copy c = {.l = l, .from = from, .type = from->type, .to = to, .offset = to->origin};
    memcpy(c.stride, to->stride, sizeof c.stride);
    return c;
}

/* Element i of the piece, along every axis, is entry from + i * from_step. */
static LoopExpr *load_piece(const Copy *c)
{
    View view;
    Lower *l = c->l;
    LoopExpr *i[MAX_RANK];
    const bool stored = plan_operand(l->entry, l->k, c->from, &view);
    for (int a = 0; stored && a < c->type.rank; a++) {
        view.offset += c->piece->from[a] * view.stride[a];
        view.stride[a] *= c->piece->from_step[a];
    }
    if (stored) return lower_load(l, &view, same_axes, c->type);
    memcpy(i, l->axis, sizeof i);
    for (int a = 0; a < c->type.rank; a++) {
        LoopExpr *begin = x_int(&l->b, c->piece->from[a]);
        l->axis[a] = i[a] ? x_add(&l->b, begin, x_mul(&l->b, i[a], c->piece->from_step[a])) : begin;
    }
    LoopExpr *x = lower_input(l, c->from, same_axes);
    memcpy(l->axis, i, sizeof i);
    return x;
}

/* The current element, or lanes of it. */
static void copy_element(void *context)
{
    const Copy *c = context;
    Lower *l = c->l;
    const int mark = lower_mark(l);
    LoopExpr *x = c->piece ? load_piece(c) : lower_input(l, c->from, same_axes);
    Buffer *buffer = lower_buffer(l, c->to);
    LoopExpr *at = lower_address(l, c->offset, c->stride, same_axes, c->type);
    if (c->shift) at = x_add(&l->b, c->shift, at);
    const bool lanes = l->lane_axis >= 0 && l->target->width > 1;
    if (c->piece && c->piece->adds) {
        LoopExpr *sum =
            lanes ? x_vload(&l->b, buffer, at, l->active) : x_load(&l->b, buffer, at);
        x = x_map(&l->b, OP_add, 2, (LoopExpr *[]){sum, x});
    }
    if (c->to->dtype == DT_BOOL)
        x = x_map(&l->b, OP_select, 3,
                  (LoopExpr *[]){x, x_float(&l->b, 1, x->vector), x_float(&l->b, 0, x->vector)});
    if (lanes) loop_vstore(&l->b, buffer, at, x_splat(&l->b, x), l->active);
    else loop_store(&l->b, buffer, at, x);
    lower_forget(l, mark);
}

static void for_each(Lower *l, Type type, void (*step)(void *context), void *context)
{
    int open = 0;
    for (int axis = 0; axis < type.rank; axis++) {
        if (axis == l->lane_axis || type.dim[axis] == 1) continue;
        LoopExpr *hi = lower_extent(l, type, axis);
        l->axis[axis] =
            x_var(&l->b, loop_begin(&l->b, lower_axis_name(l, axis), x_int(&l->b, 0), hi, 1));
        open++;
    }
    if (l->lane_axis >= 0) lane_loop_over(l, type.dim[l->lane_axis], step, context);
    else step(context);
    while (open--) loop_end(&l->b);
    for (int i = 0; i < MAX_RANK; i++) l->axis[i] = NULL;
}

static void copy_loops(Copy *c) { for_each(c->l, c->type, copy_element, c); }

/* One block of the transposition: rows of the source along axis d, columns along axis s. */
static void transpose_block(Copy *c, const View *view, int s, int d, int rows, int columns)
{
    Lower *l = c->l;
    const Type type = c->type;
    loop_transpose(&l->b, lower_buffer(l, c->to),
                   lower_address(l, c->offset, c->stride, same_axes, type), c->stride[s],
                   lower_buffer(l, view->value),
                   lower_address(l, view->offset, view->stride, same_axes, type), view->stride[d],
                   rows, columns);
}

static void transpose_row_of_blocks(Copy *c, const View *view, int s, int d, int rows)
{
    Lower *l = c->l;
    const int64_t width = l->target->width, n = c->type.dim[s], whole = n / width * width;
    if (whole) {
        l->axis[s] =
            x_var(&l->b, loop_begin(&l->b, "column", x_int(&l->b, 0), x_int(&l->b, whole), width));
        transpose_block(c, view, s, d, rows, (int)width);
        loop_end(&l->b);
    }
    if (whole < n) {
        l->axis[s] = x_int(&l->b, whole);
        transpose_block(c, view, s, d, rows, (int)(n - whole));
    }
}

static void transpose_loops(Copy *c, const View *view, int s, int d)
{
    Lower *l = c->l;
    const Type type = c->type;
    const int64_t width = l->target->width, n = type.dim[d], whole = n / width * width;
    int open = 0;
    for (int axis = 0; axis < type.rank; axis++) {
        if (axis == s || axis == d || type.dim[axis] == 1) continue;
        lower_loop(l, axis);
        open++;
    }
    if (whole) {
        l->axis[d] =
            x_var(&l->b, loop_begin(&l->b, "row", x_int(&l->b, 0), x_int(&l->b, whole), width));
        transpose_row_of_blocks(c, view, s, d, (int)width);
        loop_end(&l->b);
    }
    if (whole < n) {
        l->axis[d] = x_int(&l->b, whole);
        transpose_row_of_blocks(c, view, s, d, (int)(n - whole));
    }
    while (open--) loop_end(&l->b);
}

void lower_copy(Lower *l)
{
    View view;
    const Value *to = l->k->results.at[0];
    Copy c = copy_of(l, l->k->anchor, to);
    const Type type = c.type;
    const bool stored = plan_operand(l->entry, l->k, c.from, &view)
                     && view.value->place != AT_INDEX;
    const int d = contiguous_axis(type, to->stride),
              s = stored ? contiguous_axis(type, view.stride) : d;
    const bool floats = to->dtype == DT_F32;
    if (stored && floats && s >= 0 && d >= 0 && s != d && s != type.batch_axis
        && d != type.batch_axis && view.stride[d] > 0 && l->target->width > 1) {
        transpose_loops(&c, &view, s, d);
        return;
    }
    l->lane_axis = floats && s == d && d != type.batch_axis && l->target->width > 1 ? d : -1;
    copy_loops(&c);
}

/* ---- joins: pieces of the inputs in their places (ops/join.h) ---- */

/* The axis along which lanes may copy `part`; -1: none. */
static int copy_lanes(const Lower *l, const Node *part, const Value *to)
{
    View view;
    const int d = contiguous_axis(part->type, to->stride);
    const bool stored = plan_operand(l->entry, l->k, part, &view) && view.value->place != AT_INDEX;
    const bool floats = to->dtype == DT_F32 && l->target->width > 1;
    return floats && d >= 0 && d != part->type.batch_axis && stored && view.stride[d] == 1 ? d : -1;
}

static bool piece_has_lanes(const JoinPiece *piece, int axis)
{
    return piece->extent[axis] > 1 && piece->from_step[axis] >= 0 && piece->to_step[axis] == 1;
}

static void place_piece(Lower *l, const JoinPiece *piece)
{
    Copy c = copy_of(l, l->k->anchor->inputs[piece->input], l->k->results.at[0]);
    const int axis = copy_lanes(l, c.from, c.to);
    c.piece = piece;
    memcpy(c.type.dim, piece->extent, sizeof c.type.dim);
    for (int a = 0; a < c.type.rank; a++) {
        c.offset += piece->to[a] * c.stride[a];
        c.stride[a] *= piece->to_step[a];
    }
    l->lane_axis = axis >= 0 && piece_has_lanes(piece, axis) ? axis : -1;
    copy_loops(&c);
}

typedef struct Fill {
    Lower *l;
    const Value *to;
    double value;
} Fill;

static void fill_element(void *context)
{
    const Fill *f = context;
    lower_store(f->l, f->to, same_axes, x_float(&f->l->b, f->value, false));
}

static void fill_result(Lower *l, double value)
{
    Fill f = {l, l->k->results.at[0], value};
    const Type type = f.to->node->type;
    const int d = contiguous_axis(type, f.to->stride);
    l->lane_axis = f.to->dtype == DT_F32 && d != type.batch_axis && l->target->width > 1 ? d : -1;
    for_each(l, type, fill_element, &f);
}

void lower_join(Lower *l)
{
    const Join join = join_of(l->b.arena, l->k->anchor);
    if (join.fills) fill_result(l, join.fill);
    for (int i = 0; i < join.count; i++) place_piece(l, &join.pieces[i]);
}

/* ---- puts: the part into its place ---- */

void lower_put(Lower *l)
{
    const Node *node = l->k->anchor, *part = node->inputs[2];
    const Value *to = l->k->results.at[0];
    LoopExpr *at = x_to_index(&l->b, lower_input(l, node->inputs[1], same_axes));
    Var *place = loop_let(&l->b, "place", x_mul(&l->b, at, to->stride[node->attr[0].ints[0]]));
    Copy c = copy_of(l, part, to);
    c.shift = x_var(&l->b, place);
    l->lane_axis = copy_lanes(l, part, to);
    copy_loops(&c);
}
