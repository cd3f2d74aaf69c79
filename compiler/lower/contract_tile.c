/* One tile of a product: addresses of the operands, sums in registers over the innermost label, and
 * the epilogue that the finished sums go through.
 *
 *   acc[rows][columns] = 0, or what the stretches before added up to
 *   for k:  acc[r][v] += splat(a[r][k]) * b[k][v]
 *   epilogue on acc, stores */
#include <string.h>

#include "lower/contract.h"

/* ---- operands ---- */

LoopExpr *contract_address(const Contract *c, int operand)
{
    LoopBuilder *b = &c->l->b;
    const View *view = &c->l->k->contracted[operand];
    const Attr *labels = operand_labels(c, operand);
    LoopExpr *x = x_int(b, view->offset);
    for (int i = 0; i < labels->count; i++) {
        const int axis = attr_find(operand_labels(c, 2), labels->ints[i]);
        LoopExpr *at = axis >= 0 ? c->l->axis[axis] : NULL;
        for (int k = 0; axis < 0 && k < c->k_count; k++)
            if (c->k_label[k] == labels->ints[i]) at = c->k_index[k];
        if (at && contract_node(c)->inputs[operand]->type.dim[i] != 1)
            x = x_add(b, x, x_mul(b, at, view->stride[i]));
    }
    return x;
}

int64_t contract_stride(const Contract *c, int operand, int axis)
{
    const int64_t label =
        axis >= 0 ? operand_labels(c, 2)->ints[axis] : c->k_label[c->k_count - 1];
    const int i = attr_find(operand_labels(c, operand), label);
    return i < 0 ? 0 : c->l->k->contracted[operand].stride[i];
}

static LoopExpr *load(const Contract *c, int operand, bool vector, int active)
{
    Buffer *buffer = lower_buffer(c->l, c->l->k->contracted[operand].value);
    LoopExpr *at = contract_address(c, operand);
    return vector && c->l->target->width > 1 ? x_vload(&c->l->b, buffer, at, active)
                                             : x_load(&c->l->b, buffer, at);
}

/* Whole vectors may be read past the last column where the rows are padded. */
int contract_lanes_readable(const Contract *c, int active)
{
    const View *view = &c->l->k->contracted[c->wide];
    const Type type = contract_node(c)->inputs[c->wide]->type;
    const int64_t width = c->l->target->width;
    int64_t room = view->value->elements, extent = 0;
    if (!lower_pads(view->value)) return active;
    for (int i = 0; i < type.rank; i++) {
        if (attr_find(operand_labels(c, 2), operand_labels(c, c->wide)->ints[i]) == c->n_axis)
            extent = type.dim[i];
        else if (type.dim[i] > 1 && view->stride[i] > 1 && view->stride[i] < room)
            room = view->stride[i];
    }
    const bool padded = view->value->elements % LANE_PAD == 0 && view->offset % width == 0;
    return padded && (extent + width - 1) / width * width <= room ? (int)width : active;
}

/* ---- the tile ---- */

void contract_set_axes(const Contract *c, const TilePlace *p, int row, int column)
{
    Lower *l = c->l;
    const int64_t step = l->lane_axis >= 0 ? l->target->width : 1;
    if (c->m_axis >= 0) l->axis[c->m_axis] = x_add(&l->b, p->m, x_int(&l->b, row));
    if (c->n_axis >= 0) l->axis[c->n_axis] = x_add(&l->b, p->n, x_int(&l->b, column * step));
    l->active = column + 1 == p->columns ? p->active : l->target->width;
}

/* One step of the sum: the vectors of the wide operand, then each row of the other times all of
 * them. */
static void multiply(Contract *c, const TilePlace *p, Var **acc, int active)
{
    Lower *l = c->l;
    Var *wide[TILE_MAX];
    const bool along_sum = contract_sums_lanes(c);
    const bool vector = along_sum || l->lane_axis >= 0;
    for (int v = 0; v < p->columns; v++) {
        contract_set_axes(c, p, 0, v);
        const int lanes =
            along_sum ? active
                      : (v + 1 == p->columns ? contract_lanes_readable(c, p->active)
                                             : l->target->width);
        wide[v] =
            loop_let(&l->b, arena_printf(l->b.arena, "b%d", v), load(c, c->wide, vector, lanes));
    }
    for (int r = 0; r < p->rows; r++) {
        contract_set_axes(c, p, r, 0);
        LoopExpr *tall = load(c, c->tall, along_sum, active);
        Var *a = loop_let(&l->b, arena_printf(l->b.arena, "a%d", r),
                          vector ? x_splat(&l->b, tall) : tall);
        for (int v = 0; v < p->columns; v++) {
            Var *sum = acc[r * p->columns + v];
            loop_set(&l->b, sum,
                     x_fma(&l->b, x_var(&l->b, a), x_var(&l->b, wide[v]), x_var(&l->b, sum)));
        }
    }
}

/* The loop of a summed label, or of the stretch of it, as far as it concerns the tile. */
static LoopExpr *k_begin(Contract *c, int k, const char *name, const TilePlace *p)
{
    LoopBuilder *b = &c->l->b;
    const bool part = k == 0 && c->stretch;
    LoopExpr *lo = part ? c->stretch_begin : x_int(b, 0);
    LoopExpr *hi = part ? c->stretch_end : contract_extent(c, k);
    if (diagonals_any(&c->diagonals)) {
        const int64_t width = c->l->lane_axis >= 0 ? c->l->target->width : 1;
        LoopExpr *m = p->m ? p->m : x_int(b, 0), *n = p->n ? p->n : x_int(b, 0);
        const TileSpan span = {{m, n},
                               {x_add(b, m, x_int(b, p->rows - 1)),
                                x_add(b, n, x_int(b, p->columns * width - 1))}};
        diagonals_narrow(&c->diagonals, b, k, &span, &lo, &hi);
    }
    return x_var(b, loop_begin(b, name, lo, hi, 1));
}

enum {
    UNROLLED_FMAS = 64
}; /* the body of the innermost loop; more costs compile time and gains nothing */

/* The innermost sum, one step at a time. */
static void innermost_rows(Contract *c, const TilePlace *p, Var **acc)
{
    LoopBuilder *b = &c->l->b;
    const int k = c->k_count - 1, fmas = p->rows * p->columns;
    c->k_index[k] = k_begin(c, k, "k", p);
    loop_unroll(b, fmas * 4 <= UNROLLED_FMAS ? 4 : 2);
    contract_ask(c, p, c->k_index[k]);
    multiply(c, p, acc, c->l->target->width);
    loop_end(b);
}

/* The innermost sum along the lanes, with a tail of fewer. */
static void innermost_lanes(Contract *c, const TilePlace *p, Var **acc)
{
    LoopBuilder *b = &c->l->b;
    const int k = c->k_count - 1, width = c->l->target->width;
    const int64_t size = contract_size(c, k), whole = size / width * width;
    if (whole) {
        Var *i = loop_begin(b, "k", x_int(b, 0), x_int(b, whole), width);
        c->k_index[k] = x_var(b, i);
        multiply(c, p, acc, width);
        loop_end(b);
    }
    if (whole == size) return;
    c->k_index[k] = x_int(b, whole);
    loop_block(b);
    multiply(c, p, acc, (int)(size - whole));
    loop_end(b);
}

void contract_finish(Contract *c, LoopExpr *sum)
{
    Lower *l = c->l;
    const int mark = lower_mark(l);
    lower_bind(l, contract_node(c), sum);
    for (int i = 0; i < l->k->results.count; i++) {
        const Node *node = l->k->results.at[i]->node;
        lower_store(l, l->k->results.at[i], l->entry->member[node->id].label,
                    lower_member(l, node));
    }
    lower_forget(l, mark);
}

static void epilogue_unrolled(Contract *c, const TilePlace *p, Var **acc, bool add_lanes)
{
    LoopBuilder *b = &c->l->b;
    for (int r = 0; r < p->rows; r++)
        for (int v = 0; v < p->columns; v++) {
            LoopExpr *sum = x_var(b, acc[r * p->columns + v]);
            contract_set_axes(c, p, r, v);
            contract_finish(c, add_lanes ? x_unary(b, E_ADD_LANES, sum) : sum);
        }
}

/* Where the rows of a tile wait for a loop over them. */
Buffer *contract_tile_buffer(Contract *c, int64_t width)
{
    if (!c->buffer)
        c->buffer = loop_local(&c->l->b, "tile", c->tile.rows * c->tile.columns * width);
    return c->buffer;
}

/* A long epilogue once a row, in a loop: its text and machine code shrink by the height of the
 * tile, for a round of the sums through the nearest cache. */
static void epilogue_looped(Contract *c, const TilePlace *p, Var **acc)
{
    LoopBuilder *b = &c->l->b;
    const int64_t width = acc[0]->vector ? c->l->target->width : 1;
    Buffer *buffer = contract_tile_buffer(c, width);
    for (int i = 0; i < p->rows * p->columns; i++) {
        LoopExpr *sum = x_var(b, acc[i]);
        if (width > 1) loop_vstore(b, buffer, x_int(b, i * width), sum, (int)width);
        else loop_store(b, buffer, x_int(b, i), sum);
    }
    LoopExpr *r = x_var(b, loop_begin(b, "r", x_int(b, 0), x_int(b, p->rows), 1));
    for (int v = 0; v < p->columns; v++) {
        LoopExpr *at = x_add(b, x_mul(b, r, p->columns * width), x_int(b, v * width));
        contract_set_axes(c, p, 0, v);
        c->l->axis[c->m_axis] = x_add(b, p->m, r);
        contract_finish(c, width > 1 ? x_vload(b, buffer, at, (int)width) : x_load(b, buffer, at));
    }
    loop_end(b);
}

static void epilogue(Contract *c, const TilePlace *p, Var **acc, bool add_lanes)
{
    const bool looped = !add_lanes && c->m_axis >= 0 && p->rows > 1;
    if (looped && lower_epilogue_is_long(c->l)) epilogue_looped(c, p, acc);
    else epilogue_unrolled(c, p, acc, add_lanes);
    c->l->active = c->l->target->width;
}

/* What an accumulator starts from: zero, or the sum of the stretches before. */
static LoopExpr *start_of(Contract *c, const TilePlace *p, int row, int column, bool vector)
{
    Lower *l = c->l;
    if (!c->stretch) return x_float(&l->b, 0, vector);
    const Value *v = l->k->results.at[0];
    View view = {.value = v, .offset = v->origin};
    memcpy(view.stride, v->stride, sizeof view.stride);
    contract_set_axes(c, p, row, column);
    return lower_load(l, &view, l->entry->member[v->node->id].label, v->node->type);
}

void contract_tile(Contract *c, const TilePlace *p)
{
    Lower *l = c->l;
    LoopBuilder *b = &l->b;
    const bool contiguous = contract_sums_lanes(c);
    const bool vector = (l->lane_axis >= 0 || contiguous) && l->target->width > 1;
    Var **acc = arena_array(b->arena, Var *, p->rows * p->columns);
    for (int r = 0; r < p->rows; r++)
        for (int v = 0; v < p->columns; v++)
            acc[r * p->columns + v] =
                loop_var(b, arena_printf(b->arena, "c%d_%d", r, v), start_of(c, p, r, v, vector));
    for (int k = 0; k + 1 < c->k_count; k++)
        c->k_index[k] = k_begin(c, k, "s", p);
    if (!c->k_count) multiply(c, p, acc, l->target->width);
    else if (contiguous && (vector || !diagonals_any(&c->diagonals))) innermost_lanes(c, p, acc);
    else innermost_rows(c, p, acc);
    for (int k = 0; k + 1 < c->k_count; k++) loop_end(b);
    epilogue(c, p, acc, contiguous && l->target->width > 1);
}
