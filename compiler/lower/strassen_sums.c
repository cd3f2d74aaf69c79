/* Sums of quarters of the operands of a product in Strassen's form, and with them what tells rows
 * and columns of zeros: the sums of their absolute values. */
#include "lower/strassen.h"

static LoopExpr *minus(LoopBuilder *b, Var *x, Var *y)
{
    return x_map(b, OP_sub, 2, (LoopExpr *[]){x_var(b, x), x_var(b, y)});
}

static LoopExpr *plus(LoopBuilder *b, Var *x, Var *y)
{
    return x_map(b, OP_add, 2, (LoopExpr *[]){x_var(b, x), x_var(b, y)});
}

/* One vector of each quarter of an operand; the place in the first is set: the index of the sum
 * in c->k_index[0], and of the result's axis. */
static void load_quarters(Contract *c, int operand, int axis, int lanes, Var *x[2][2])
{
    LoopBuilder *b = &c->l->b;
    const Strassen *s = c->l->k->strassen;
    const bool tall = operand != c->wide;
    LoopExpr *k = c->k_index[0], *i = c->l->axis[axis];
    const int64_t half = (tall ? s->rows : s->columns) / 2;
    for (int row = 0; row < 2; row++)
        for (int column = 0; column < 2; column++) {
            const int second = tall ? row : column,
                      on = tall ? column : s->kept ? 1 - row : row;
            c->k_index[0] = x_add(b, k, x_int(b, on * s->sum / 2));
            c->l->axis[axis] = x_add(b, i, x_int(b, second * half));
            LoopExpr *at = contract_address(c, operand);
            Buffer *buffer = lower_buffer(c->l, c->l->k->contracted[operand].value);
            x[row][column] = loop_let(
                b, arena_printf(b->arena, "%s%d%d", tall ? "a" : "b", row + 1, column + 1),
                x_vload(b, buffer, at, lanes));
        }
    c->k_index[0] = k;
    c->l->axis[axis] = i;
}

static void store_sums(LoopBuilder *b, Buffer *to, LoopExpr *at, int64_t plane, int lanes,
                       LoopExpr *const sum[STRASSEN_SUMS])
{
    for (int i = 0; i < STRASSEN_SUMS; i++)
        loop_vstore(b, to, x_add(b, at, x_int(b, i * plane)), sum[i], lanes);
}

LoopExpr *strassen_size(LoopBuilder *b, Var *x, Var *y)
{
    LoopExpr *size[2] = {x_var(b, x), x_var(b, y)};
    for (int i = 0; i < 2; i++) size[i] = x_map(b, OP_abs, 1, &size[i]);
    return x_map(b, OP_add, 2, size);
}

/* Adds the absolute values of two vectors to those of a row or column. */
static void add_lit(Contract *c, const Value *to, LoopExpr *at, int64_t behind, int lanes, Var *x,
                    Var *y)
{
    LoopBuilder *b = &c->l->b;
    Buffer *lit = lower_buffer(c->l, to);
    at = x_add(b, at, x_int(b, behind));
    LoopExpr *const both[2] = {x_vload(b, lit, at, lanes), strassen_size(b, x, y)};
    loop_vstore(b, lit, at, x_map(b, OP_add, 2, both), lanes);
}

void strassen_tall_four(LoopBuilder *b, Var *a[2][2], Buffer *to, LoopExpr *at,
                        int64_t plane, int lanes)
{
    Var *s1 = loop_let(b, "s1", minus(b, a[1][0], a[1][1]));
    Var *s2 = loop_let(b, "s2", minus(b, a[0][0], s1));
    LoopExpr *const sum[STRASSEN_SUMS] = {x_var(b, s1), x_var(b, s2), minus(b, a[1][0], a[0][0]),
                                          minus(b, a[0][1], s2)};
    store_sums(b, to, at, plane, lanes, sum);
}

/* S1..S4 of one vector along the stride of one. */
static void tall_vector(Contract *c, LoopExpr *at, int lanes)
{
    LoopBuilder *b = &c->l->b;
    const Strassen *s = c->l->k->strassen;
    const bool along = s->sum_stride == 1;
    Var *a[2][2];
    load_quarters(c, c->tall, c->m_axis, lanes, a);
    if (s->lit) {
        LoopExpr *place = along ? c->k_index[0] : c->l->axis[c->m_axis];
        add_lit(c, s->lit, place, 0, lanes, a[0][0], along ? a[1][0] : a[0][1]);
        add_lit(c, s->lit, place, (along ? s->sum : s->rows) / 2, lanes, along ? a[0][1] : a[1][0],
                a[1][1]);
    }
    strassen_tall_four(b, a, lower_buffer(c->l, s->sums), at, s->plane, lanes);
}

void strassen_tall_sums(Contract *c)
{
    LoopBuilder *b = &c->l->b;
    const Strassen *s = c->l->k->strassen;
    const bool along = s->sum_stride == 1;
    const int64_t inner = (along ? s->sum : s->rows) / 2, width = product_width(c),
                  whole = inner / width * width;
    LoopExpr *outer = x_int(b, (along ? s->rows : s->sum) / 2);
    LoopExpr *r = x_var(b, loop_begin(b, along ? "r" : "k", x_int(b, 0), outer, 1));
    LoopExpr **outer_index = along ? &c->l->axis[c->m_axis] : &c->k_index[0],
             **index = along ? &c->k_index[0] : &c->l->axis[c->m_axis];
    *outer_index = r;
    if (whole) {
        *index = x_var(b, loop_begin(b, "v", x_int(b, 0), x_int(b, whole), width));
        tall_vector(c, x_add(b, x_mul(b, r, s->ld), *index), (int)width);
        loop_end(b);
    }
    if (whole < inner) {
        *index = x_int(b, whole);
        loop_block(b);
        tall_vector(c, x_add(b, x_mul(b, r, s->ld), *index), (int)(inner - whole));
        loop_end(b);
    }
    loop_end(b);
}

void strassen_panel_sums(Contract *c, const TilePlace *p)
{
    LoopBuilder *b = &c->l->b;
    const Strassen *s = c->l->k->strassen;
    const int64_t columns = p->columns * (int64_t)product_width(c);
    Var *x[2][2];
    c->k_index[0] = x_var(b, loop_begin(b, "k", x_int(b, 0), x_int(b, s->sum / 2), 1));
    LoopExpr *v = x_int(b, 0);
    if (p->columns > 1) v = x_var(b, loop_begin(b, "v", v, x_int(b, columns), product_width(c)));
    c->l->axis[c->n_axis] = x_add(b, p->n, v);
    load_quarters(c, c->wide, c->n_axis, product_width(c), x);
    if (s->exact) {
        LoopExpr *place = x_add(b, p->n, v);
        add_lit(c, s->lit_columns, place, 0, product_width(c), x[0][0], x[1][0]);
        add_lit(c, s->lit_columns, place, s->columns / 2, product_width(c), x[0][1], x[1][1]);
    }
    Var *t1 = loop_let(b, "t1", minus(b, x[0][1], x[0][0]));
    Var *t2 = loop_let(b, "t2", plus(b, x[1][1], t1));
    LoopExpr *at = x_add(b, x_mul(b, c->k_index[0], columns), v);
    LoopExpr *const sum[STRASSEN_SUMS] = {x_var(b, t1), x_var(b, t2), plus(b, x[1][1], x[0][1]),
                                          minus(b, x[1][0], t2)};
    Buffer *to = lower_buffer(c->l, s->panel);
    if (s->only_t2) loop_vstore(b, to, at, sum[1], product_width(c));
    else store_sums(b, to, at, s->sum / 2 * columns, product_width(c), sum);
    if (p->columns > 1) loop_end(b);
    loop_end(b);
}

/* ---- rows and columns of zeros ---- */

void strassen_clear_lit(Contract *c)
{
    const Strassen *s = c->l->k->strassen;
    LoopExpr *first = x_int(&c->l->b, 0);
    if (s->lit && !s->kept)
        lower_clear_run(c->l, lower_buffer(c->l, s->lit), first, s->lit->elements);
    if (s->exact)
        lower_clear_run(c->l, lower_buffer(c->l, s->lit_columns), first, s->lit_columns->elements);
}

static void clear_dark_rows(Contract *c, LoopExpr *at)
{
    LoopBuilder *b = &c->l->b;
    const Strassen *s = c->l->k->strassen;
    const Value *v = c->l->k->results.at[0];
    Buffer *lit = lower_buffer(c->l, s->lit);
    LoopExpr *r = x_var(b, loop_begin(b, "i", x_int(b, 0), x_int(b, s->rows), 1));
    LoopExpr *dark = x_map(b, OP_eq, 2, (LoopExpr *[]){x_load(b, lit, r), x_float(b, 0, false)});
    loop_if(b, dark);
    lower_clear_run(c->l, lower_buffer(c->l, v),
                    x_add(b, at, x_mul(b, r, product_row_stride(c, v))), s->columns);
    loop_end(b);
    loop_end(b);
}

void strassen_clear_dark(Contract *c)
{
    LoopBuilder *b = &c->l->b;
    if (!c->l->k->strassen->exact) return;
    c->l->active = product_width(c);
    const TilePlace first = {.m = x_int(b, 0), .n = x_int(b, 0), .rows = 1, .columns = 1,
                             .active = product_width(c)};
    clear_dark_rows(c, product_result_place(c, &first, c->l->k->results.at[0]));
}
