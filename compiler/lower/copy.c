/* Copies: the same tensor in another order. Where source and destination are contiguous along
 * different axes, blocks of the target's width are transposed in registers. Joins and gathers move
 * rows the same way. */
#include "lower/context.h"
#include "lower/reduction.h"

static const int same_axes[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};

static int contiguous_axis(Type type, const int64_t *stride)
{
    for (int i = type.rank - 1; i >= 0; i--)
        if (stride[i] == 1 && type.dim[i] > 1) return i;
    return -1;
}

/* shift: added to the address; NULL: nothing */
typedef struct Copy {
    Lower *l;
    const Node *from;
    const Value *to;
    int64_t offset;
    LoopExpr *shift;
} Copy;

/* The current element, or lanes of it. */
static void copy_element(void *context)
{
    const Copy *c = context;
    Lower *l = c->l;
    const int mark = lower_mark(l);
    LoopExpr *x = lower_input(l, c->from, same_axes);
    Buffer *buffer = lower_buffer(l, c->to);
    LoopExpr *at = lower_address(l, c->offset, c->to->stride, same_axes, c->from->type);
    if (c->shift) at = x_add(&l->b, c->shift, at);
    const bool lanes = l->lane_axis >= 0 && l->target->width > 1;
    if (c->to->dtype == DT_BOOL)
        x = x_map(&l->b, OP_select, 3,
                  (LoopExpr *[]){x, x_float(&l->b, 1, x->vector), x_float(&l->b, 0, x->vector)});
    if (lanes) loop_vstore(&l->b, buffer, at, x_splat(&l->b, x), l->active);
    else loop_store(&l->b, buffer, at, x);
    lower_forget(l, mark);
}

static void for_each(Copy *c, Type type, void (*step)(void *context))
{
    Lower *l = c->l;
    int open = 0;
    for (int axis = 0; axis < type.rank; axis++) {
        if (axis == l->lane_axis || type.dim[axis] == 1) continue;
        LoopExpr *hi = lower_extent(l, type, axis);
        l->axis[axis] =
            x_var(&l->b, loop_begin(&l->b, lower_axis_name(l, axis), x_int(&l->b, 0), hi, 1));
        open++;
    }
    if (l->lane_axis >= 0) lane_loop_over(l, type.dim[l->lane_axis], step, c);
    else step(c);
    while (open--) loop_end(&l->b);
    for (int i = 0; i < MAX_RANK; i++) l->axis[i] = NULL;
}

static void copy_loops(Copy *c, Type type) { for_each(c, type, copy_element); }

/* One block of the transposition: rows of the source along axis d, columns along axis s. */
static void transpose_block(Copy *c, const View *view, int s, int d, int rows, int columns)
{
    Lower *l = c->l;
    const Type type = c->from->type;
    loop_transpose(&l->b, lower_buffer(l, c->to),
                   lower_address(l, c->offset, c->to->stride, same_axes, type), c->to->stride[s],
                   lower_buffer(l, view->value),
                   lower_address(l, view->offset, view->stride, same_axes, type), view->stride[d],
                   rows, columns);
}

static void transpose_row_of_blocks(Copy *c, const View *view, int s, int d, int rows)
{
    Lower *l = c->l;
    const int64_t width = l->target->width, n = c->from->type.dim[s], whole = n / width * width;
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
    const Type type = c->from->type;
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
    Copy c = {l, l->k->anchor, to, to->origin, NULL};
    const Type type = c.from->type;
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
    copy_loops(&c, type);
}

/* ---- joins: each input into its part of the result ---- */

static void fill_element(void *context)
{
    const Copy *c = context;
    Lower *l = c->l;
    lower_store(l, c->to, same_axes, x_float(&l->b, c->from->attr[2].number, false));
}

/* The axis along which lanes may copy `part`; -1: none. */
static int copy_lanes(const Lower *l, const Node *part, const Value *to)
{
    View view;
    const int d = contiguous_axis(part->type, to->stride);
    const bool stored = plan_operand(l->entry, l->k, part, &view) && view.value->place != AT_INDEX;
    const bool floats = to->dtype == DT_F32 && l->target->width > 1;
    return floats && d >= 0 && d != part->type.batch_axis && stored && view.stride[d] == 1 ? d : -1;
}

static void fill_result(Lower *l, const Value *to)
{
    const Type type = to->node->type;
    const int d = contiguous_axis(type, to->stride);
    Copy c = {l, l->k->anchor, to, to->origin, NULL};
    l->lane_axis = to->dtype == DT_F32 && d != type.batch_axis && l->target->width > 1 ? d : -1;
    for_each(&c, type, fill_element);
}

void lower_join(Lower *l)
{
    const Node *node = l->k->anchor;
    const Value *to = l->k->results.at[0];
    const bool pads = node->attr[2].count == 0 && node->input_count == 1 && node->attr[1].count;
    int64_t at = 0;
    if (pads) fill_result(l, to);
    for (int i = 0; i < node->input_count; i++) {
        Copy c = {l, node->inputs[i], to, to->origin, NULL};
        for (int a = 0; pads && a < node->type.rank; a++)
            c.offset += node->attr[0].ints[a] * to->stride[a];
        if (!pads) c.offset += at * to->stride[node->attr[0].ints[0]];
        l->lane_axis = copy_lanes(l, c.from, to);
        copy_loops(&c, c.from->type);
        if (!pads) at += c.from->type.dim[node->attr[0].ints[0]];
    }
}

/* ---- puts: the part into its place ---- */

void lower_put(Lower *l)
{
    const Node *node = l->k->anchor, *part = node->inputs[2];
    const Value *to = l->k->results.at[0];
    LoopExpr *at = x_to_index(&l->b, lower_input(l, node->inputs[1], same_axes));
    Var *place = loop_let(&l->b, "place", x_mul(&l->b, at, to->stride[node->attr[0].ints[0]]));
    Copy c = {l, part, to, to->origin, x_var(&l->b, place)};
    l->lane_axis = copy_lanes(l, part, to);
    copy_loops(&c, part->type);
}
