/* How a product's panel is filled just before all rows pass it (kernel/panel.c): turned, where the
 * operand lies the other way round, or moved together. */
#include "lower/contract.h"

bool product_turns(const Contract *c)
{
    return c->product.panel && contract_stride(c, c->wide, c->n_axis) != 1;
}

/* Blocks along the sum, as many rows of the operand in each. */
static void turn_rows(Contract *c, const TilePlace *p, LoopExpr *first, int rows)
{
    LoopBuilder *b = &c->l->b;
    const int64_t columns = p->columns * (int64_t)product_width(c);
    const int cols = product_width(c) > 1 ? product_width(c) : LANE_PAD;
    const bool all = p->active < product_width(c) || c->product.chunks == 1;
    LoopExpr *from = all ? x_int(b, 0) : c->product.from;
    LoopExpr *hi = all ? contract_extent(c, c->k_count - 1) : c->product.length;
    LoopExpr *k = x_var(b, loop_begin(b, "k", x_int(b, 0), hi, cols));
    c->l->axis[c->n_axis] = x_add(b, p->n, first);
    c->k_index[0] = x_add(b, from, k);
    loop_transpose(b, lower_buffer(c->l, c->product.panel), x_add(b, x_mul(b, k, columns), first),
                   columns, lower_buffer(c->l, c->l->k->contracted[c->wide].value),
                   contract_address(c, c->wide), contract_stride(c, c->wide, c->n_axis), rows,
                   cols);
    loop_end(b);
}

/* The panel as it lies, step by step. */
static void move_panel(Contract *c, const TilePlace *p)
{
    LoopBuilder *b = &c->l->b;
    const int width = product_width(c);
    const bool part = p->active < width;
    Buffer *panel = lower_buffer(c->l, c->product.panel),
           *from = lower_buffer(c->l, c->l->k->contracted[c->wide].value);
    LoopExpr *first = part ? x_int(b, 0) : c->product.from,
             *steps = part ? contract_extent(c, c->k_count - 1) : c->product.length;
    LoopExpr *k = x_var(b, loop_begin(b, "k", x_int(b, 0), steps, 1));
    c->l->axis[c->n_axis] = p->n;
    c->k_index[0] = x_add(b, first, k);
    LoopExpr *at = contract_address(c, c->wide), *to = x_mul(b, k, p->columns * width);
    for (int v = 0; v < p->columns; v++) {
        LoopExpr *column = x_int(b, v * width), *in = x_add(b, at, column),
                 *out = x_add(b, to, column);
        const int lanes = v + 1 == p->columns ? p->active : width;
        if (width > 1) loop_vstore(b, panel, out, x_vload(b, from, in, lanes), lanes);
        else loop_store(b, panel, out, x_load(b, from, in));
    }
    loop_end(b);
}

void product_fill(Contract *c, const TilePlace *p)
{
    LoopBuilder *b = &c->l->b;
    const int width = product_width(c), whole = p->columns - (p->active < width);
    if (!product_turns(c)) {
        move_panel(c, p);
        return;
    }
    if (width == 1) {
        turn_rows(c, p, x_int(b, 0), p->columns);
        return;
    }
    if (whole) {
        turn_rows(c, p, x_var(b, loop_begin(b, "v", x_int(b, 0), x_int(b, whole * width), width)),
                  width);
        loop_end(b);
    }
    if (whole < p->columns) turn_rows(c, p, x_int(b, whole * width), p->active);
}
