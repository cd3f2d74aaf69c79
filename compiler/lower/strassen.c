/* Products by one level of Strassen's algorithm (V. Strassen, Gaussian elimination is not optimal,
 * 1969) in S. Winograd's form: with all matrices cut in quarters, seven products of quarters in
 * place of eight. Here with the signs that make the sums of A serve A transposed as well:
 *
 *   S1 = A21 - A22   S2 = A11 - S1    S3 = A21 - A11   S4 = A12 - S2
 *   T1 = B12 - B11   T2 = B22 + T1    T3 = B22 + B12   T4 = B21 - T2
 *   U1 = A11 B11     U2 = U1 + S2 T2  U3 = U2 + S3 T3  U4 = S1 T1
 *   C11 = U1 + A12 B21       C12 = U2 + U4 + S4 B22
 *   C21 = U3 + A22 T4        C22 = U3 + U4
 *
 * A transposed is cut in the same quarters, read from the last to the first, and has the sums S3,
 * S2, S1, S4. One function runs all seven products for a tile of each quarter of C, whose sums stay
 * in registers from product to product:
 *
 *   S1..S4, or those of a tile in its function
 *   for each n panel in the left half
 *       T1..T4 of the panel, or T2
 *       for each m tile in the upper half
 *           tile(A, S, B, T, C)
 *           epilogue on four tiles, in loops
 *
 * The error is about twice that of the plain product (tests/test_strassen.c), but each element has
 * its share of that of the largest, however small its own terms are. So where rows or columns of an
 * operand of a weight gradient are zero all along (a pixel never lit, a dead unit), the result is
 * cleared: Adam would make steps of what is left there. */
#include "lower/strassen.h"

enum { QUARTERS = 4 };

/* Where a tile's quarters go: the result itself, or an array of four tiles, in the order of the
 * quarters in memory. */
typedef struct Target4 {
    Handed to;
    int64_t down, across;
} Target4;

static Target4 target_of(Contract *c, const TilePlace *p, bool direct)
{
    LoopBuilder *b = &c->l->b;
    const Strassen *s = c->l->k->strassen;
    const Value *v = c->l->k->results.at[0];
    const int64_t columns = p->columns * (int64_t)product_width(c), tile = p->rows * columns;
    if (!direct) {
        if (!c->buffer)
            c->buffer = loop_local(b, "tiles", QUARTERS * c->tile.rows * c->tile.columns
                                                   * (int64_t)product_width(c));
        return (Target4){{c->buffer, x_int(b, 0), p->rows, columns, columns}, 2 * tile, tile};
    }
    const int64_t row = product_row_stride(c, v);
    return (Target4){{lower_buffer(c->l, v), product_result_place(c, p, v), p->rows, columns, row},
                     s->rows / 2 * row, s->columns / 2};
}

/* One panel has all columns: each row is met once. */
static bool tiles_make_sums(const Contract *c)
{
    const Strassen *s = c->l->k->strassen;
    return s->sum_stride == 1 && !s->kept
        && s->columns / 2 <= c->tile.columns * (int64_t)product_width(c);
}

static LoopExpr *operand_at(Contract *c, int operand, const TilePlace *p)
{
    c->l->axis[c->m_axis] = p->m;
    c->l->axis[c->n_axis] = p->n;
    c->k_index[0] = x_int(&c->l->b, 0);
    return contract_address(c, operand);
}

static StrassenTile tile_of(const Contract *c, const TilePlace *p, const Target4 *target)
{
    const Strassen *s = c->l->k->strassen;
    const bool adjacent = s->tall_stride == 1;
    const int64_t half = s->sum / 2, b_step = contract_stride(c, c->wide, -1);
    return (StrassenTile){.rows = p->rows,
                          .columns = p->columns,
                          .length = half,
                          .a_row = s->tall_stride,
                          .a_step = s->sum_stride,
                          .a_down = s->rows / 2 * s->tall_stride,
                          .a_on = half * s->sum_stride,
                          .s_row = adjacent ? 1 : s->ld,
                          .s_step = adjacent ? s->ld : 1,
                          .s_plane = s->plane,
                          .b_step = b_step,
                          .b_on = half * b_step,
                          .b_across = s->columns / 2,
                          .c_row = target->to.ld,
                          .c_down = target->down,
                          .c_across = target->across,
                          .only_t2 = s->only_t2,
                          .reversed = s->kept,
                          .makes_sums = tiles_make_sums(c),
                          .lit = s->exact || (s->lit && tiles_make_sums(c)),
                          .exact = s->exact};
}

static void call_tile(Contract *c, const TilePlace *p, const Target4 *target)
{
    LoopBuilder *b = &c->l->b;
    const Strassen *s = c->l->k->strassen;
    const StrassenTile tile = tile_of(c, p, target);
    const int64_t reach = tile.length * p->columns * product_width(c);
    LoopExpr *a_at = operand_at(c, c->tall, p), *b_at = operand_at(c, c->wide, p),
             *s_at = x_mul(b, p->m, tile.s_row);
    loop_call(b, strassen_tile(b->program, &tile));
    loop_pass(b, (Handed){lower_buffer(c->l, c->l->k->contracted[c->tall].value), a_at, 1, 1, 1});
    loop_pass(b, (Handed){lower_buffer(c->l, s->sums), s_at, 1, 1, 1});
    loop_pass(b, (Handed){lower_buffer(c->l, c->l->k->contracted[c->wide].value), b_at, 1, 1, 1});
    loop_pass(b, (Handed){lower_buffer(c->l, s->panel), x_int(b, 0), s->only_t2 ? 1 : STRASSEN_SUMS,
                          reach, reach});
    if (tile.lit) {
        Buffer *lit = lower_buffer(c->l, s->exact ? s->lit_columns : s->lit);
        loop_pass(b, (Handed){lit, s->exact ? p->n : x_int(b, 0), 1, 1, 1});
    }
    loop_pass(b, target->to);
}

/* The epilogue on four tiles, row by row and vector by vector. */
static void finish(Contract *c, const TilePlace *p, const Target4 *target)
{
    LoopBuilder *b = &c->l->b;
    const Strassen *s = c->l->k->strassen;
    LoopExpr *down = x_var(b, loop_begin(b, "down", x_int(b, 0), x_int(b, 2), 1));
    LoopExpr *across = x_var(b, loop_begin(b, "across", x_int(b, 0), x_int(b, 2), 1));
    LoopExpr *r = x_var(b, loop_begin(b, "r", x_int(b, 0), x_int(b, p->rows), 1));
    LoopExpr *v =
        x_var(b, loop_begin(b, "v", x_int(b, 0), x_int(b, target->to.columns), product_width(c)));
    LoopExpr *tile = x_add(b, x_mul(b, down, target->down), x_mul(b, across, target->across));
    LoopExpr *at = x_add(b, tile, x_add(b, x_mul(b, r, target->to.ld), v));
    c->l->active = product_width(c);
    c->l->axis[c->m_axis] = x_add(b, x_add(b, p->m, r), x_mul(b, down, s->rows / 2));
    c->l->axis[c->n_axis] = x_add(b, x_add(b, p->n, v), x_mul(b, across, s->columns / 2));
    contract_finish(
        c, x_var(b, loop_let(b, "sum", x_vload(b, target->to.buffer, at, product_width(c)))));
    for (int i = 0; i < 4; i++) loop_end(b);
}

static void m_tiles(Contract *c, TilePlace p, bool direct)
{
    LoopBuilder *b = &c->l->b;
    const Strassen *s = c->l->k->strassen;
    Share runs[2];
    const int n = share_evenly(s->rows / 2, c->tile.rows, runs);
    strassen_panel_sums(c, &p);
    for (int i = 0; i < n; i++) {
        const int64_t end = runs[i].begin + runs[i].size * runs[i].count;
        p.rows = (int)runs[i].size;
        p.m = x_var(b, loop_begin(b, "i", x_int(b, runs[i].begin), x_int(b, end), runs[i].size));
        const Target4 target = target_of(c, &p, direct);
        call_tile(c, &p, &target);
        if (!direct) finish(c, &p, &target);
        loop_end(b);
    }
}

bool strassen_fits(const Contract *c)
{
    const Strassen *s = c->l->k->strassen;
    return s && product_width(c) >= STRASSEN_LANES && !c->product.panel && product_is_regular(c)
        && c->out.dim[c->m_axis] == s->rows && contract_size(c, 0) == s->sum
        && (!s->exact || product_holds_sums(c, c->l->k->results.at[0]));
}

void strassen_loops(Contract *c)
{
    LoopBuilder *b = &c->l->b;
    const Strassen *s = c->l->k->strassen;
    const int64_t width = product_width(c), vectors = s->columns / 2 / width;
    const bool direct = product_computes_alone(c) && product_holds_sums(c, c->l->k->results.at[0]);
    Share runs[2];
    c->tile = s->only_t2 ? tile_choose_wide(c->l->target, s->rows / 2, vectors)
                       : tile_choose_short(c->l->target, s->rows / 2, vectors);
    c->buffer = NULL;
    strassen_clear_lit(c);
    if (!s->kept && !tiles_make_sums(c)) strassen_tall_sums(c);
    const int n = share_evenly(vectors, c->tile.columns, runs);
    for (int i = 0; i < n; i++) {
        const int64_t size = runs[i].size * width, begin = runs[i].begin * width,
                      end = begin + size * runs[i].count;
        TilePlace p = {.columns = (int)runs[i].size, .active = (int)width, .n = x_int(b, begin)};
        if (runs[i].count > 1)
            p.n = x_var(b, loop_begin(b, "j", x_int(b, begin), x_int(b, end), size));
        m_tiles(c, p, direct);
        if (runs[i].count > 1) loop_end(b);
    }
    strassen_clear_dark(c);
}

void strassen_or(Contract *c, void (*plain)(Contract *))
{
    LoopBuilder *b = &c->l->b;
    const int64_t batch = c->l->entry->graph->batch;
    const bool partly = c->out.batch_axis == c->m_axis || contract_is_batch(c, 0);
    if (partly && batch > 1) {
        LoopExpr *count = x_to_i32(b, lower_count(c->l));
        loop_if(b, x_map(b, OP_lt, 2, (LoopExpr *[]){count, x_i32(b, batch, false)}));
        plain(c);
        loop_else(b);
        strassen_loops(c);
        loop_end(b);
    } else strassen_loops(c);
}
