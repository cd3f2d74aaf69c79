/* Contractions: register-tiled products with an epilogue of maps.
 *
 *   for each block of rows             as many as stay in cache
 *       for each n panel               vectors of the lane axis, at most NV
 *           for each m tile            rows of the other operand, at most MR
 *               acc[MR][NV] = 0
 *               for k:  acc[r][v] += splat(a[r][k]) * b[k][v]
 *               epilogue on acc, stores
 *
 * All of k is innermost; the remainder is shared evenly, so tiles differ by at most one row or
 * vector. Where no axis of the result can run along the lanes the sum does: acc[r][c] is a vector
 * of partial sums, added up after the loop. A sum far longer than the result is wide (the gradient
 * of weights over all samples and times) goes by stretches whose operands stay in cache: they are
 * the outermost loop, and the tile starts from what the result holds. */
#include <string.h>

#include "lower/contract.h"

/* ---- loops over tiles ---- */

static void one_tile(Contract *c, const TilePlace *p)
{
    if (c->product.shared) product_tile(c, p);
    else contract_tile(c, p);
}

/* All m tiles of one panel: two runs of tiles whose heights differ by one; with a batch axis, up to
 * count. */
static void m_tiles(Contract *c, TilePlace p)
{
    LoopBuilder *b = &c->l->b;
    if (c->product.panel) product_fill(c, &p);
    if (c->m_axis < 0) {
        p.rows = 1;
        one_tile(c, &p);
        return;
    }
    const bool batch = c->out.batch_axis == c->m_axis && c->out.dim[c->m_axis] > 1;
    const bool whole = c->block == c->out.dim[c->m_axis];
    Share runs[2];
    const int n = share_evenly(c->block, c->tile.rows, runs);
    for (int i = 0; i < n; i++) {
        const int64_t end = runs[i].begin + runs[i].size * runs[i].count;
        LoopExpr *lo = x_add(b, c->first, x_int(b, runs[i].begin)),
                 *hi = x_add(b, c->first, x_int(b, end));
        if (batch && i + 1 == n && whole) hi = lower_extent(c->l, c->out, c->m_axis);
        else if (batch)
            hi = x_var(b, loop_let(b, "rows", x_min(b, lower_extent(c->l, c->out, c->m_axis), hi)));
        p.rows = (int)runs[i].size;
        if (runs[i].count == 1 && !batch) {
            p.m = lo;
            loop_block(b);
        } else {
            p.m = x_var(b, loop_begin(b, batch ? "row" : "i", lo, hi, runs[i].size));
        }
        one_tile(c, &p);
        loop_end(b);
    }
}

/* All panels: runs of equal width; the last one by itself if its last vector is not full. */
void contract_panels(Contract *c)
{
    LoopBuilder *b = &c->l->b;
    const int64_t width = c->l->lane_axis >= 0 ? c->l->target->width : 1;
    if (c->n_axis < 0) {
        m_tiles(c, (TilePlace){.columns = 1, .active = c->l->target->width});
        return;
    }
    const int64_t extent = c->out.dim[c->n_axis], vectors = (extent + width - 1) / width;
    const int last = (int)(extent - (vectors - 1) * width);
    Share runs[2];
    const int n = share_evenly(vectors, c->tile.columns, runs);
    for (int i = 0; i < n; i++) {
        const bool partial = i + 1 == n && last < width;
        const int64_t whole = runs[i].count - partial;
        TilePlace p = {.columns = (int)runs[i].size, .active = (int)width};
        if (whole && c->product.whole) {
            const int64_t end = runs[i].begin + runs[i].size * whole;
            p.n = whole == 1 ? x_int(b, runs[i].begin * width)
                             : x_var(b, loop_begin(b, "j", x_int(b, runs[i].begin * width),
                                                   x_int(b, end * width), runs[i].size * width));
            m_tiles(c, p);
            if (whole > 1) loop_end(b);
        }
        if (partial && c->product.partial) {
            p.n = x_int(b, (runs[i].begin + runs[i].size * whole) * width);
            p.active = last;
            m_tiles(c, p);
        }
    }
}

/* Blocks of equal size, of whole tiles if possible, whose rows of the repeated operand fit the
 * cache beside a panel, so that every panel finds them there. */
static void choose_block(Contract *c)
{
    int64_t k = 1, row_bytes;
    for (int i = 0; i < c->k_count; i++) k *= contract_size(c, i);
    row_bytes = 4 * k;
    const int64_t rows = c->block,
                  least = (rows * row_bytes + TILE_CACHE_BYTES - 1) / TILE_CACHE_BYTES;
    for (int64_t whole = c->tile.rows;; whole = 1) {
        for (int64_t n = least; n <= 2 * least && rows / n >= 4 * c->tile.rows; n++)
            if (rows % n == 0 && rows / n % whole == 0) {
                c->block = rows / n;
                return;
            }
        if (whole == 1) return;
    }
}

/* Whether the tile may start from the result, which is cleared first: it is nothing but the
 * product, alone in its memory, of all samples, and no vector of partial sums. */
static bool may_add_up(const Contract *c)
{
    const Kernel *k = c->l->k;
    const Place place = k->results.at[0]->place;
    return k->nodes.count == 1 && k->results.count == 1 && !k->samples
        && !k->results.at[0]->halo && !k->results.at[0]->whole
        && (place == AT_GRAD || place == AT_WORK) && !contract_sums_lanes(c);
}

static void choose_stretch(Contract *c)
{
    const int64_t lanes = c->l->lane_axis < 0 ? 1 : c->l->target->width;
    int64_t sum = 1;
    for (int i = 0; i < c->k_count; i++) sum *= contract_size(c, i);
    if (!c->k_count || !may_add_up(c) || diagonals_any(&c->diagonals)) return;
    const int64_t outer = contract_size(c, 0);
    c->stretch = tile_stretch(c->block, c->tile.columns * lanes, outer, sum / outer);
}

static void stretch_begin(Contract *c)
{
    LoopBuilder *b = &c->l->b;
    const int64_t steps = contract_size(c, 0);
    lower_clear(c->l, c->l->k->results.at[0]);
    LoopExpr *extent = contract_extent(c, 0);
    c->stretch_begin = x_var(b, loop_begin(b, "first", x_int(b, 0), extent, c->stretch));
    c->stretch_end = x_add(b, c->stretch_begin, x_int(b, c->stretch));
    if (extent->kind != E_INT || steps % c->stretch)
        c->stretch_end = x_var(b, loop_let(b, "last", x_min(b, extent, c->stretch_end)));
}

static void m_blocks(Contract *c)
{
    LoopBuilder *b = &c->l->b;
    if (!c->stretch) choose_block(c);
    if (c->m_axis < 0 || c->block == c->out.dim[c->m_axis]) {
        contract_panels(c);
        return;
    }
    c->first = x_var(
        b, loop_begin(b, "block", x_int(b, 0), lower_extent(c->l, c->out, c->m_axis), c->block));
    contract_panels(c);
    loop_end(b);
}

/* ---- roles of the axes ---- */

/* The axis of the result that comes from this operand alone and is longest. */
static int tile_axis(const Contract *c, int operand, int not_axis)
{
    int best = -1;
    for (int i = 0; i < operand_labels(c, operand)->count; i++) {
        const int64_t label = operand_labels(c, operand)->ints[i];
        const int axis = attr_find(operand_labels(c, 2), label);
        if (axis < 0 || axis == not_axis) continue;
        if (attr_find(operand_labels(c, 1 - operand), label) >= 0) continue;
        if (best < 0 || c->out.dim[axis] > c->out.dim[best]) best = axis;
    }
    return best;
}

/* Rows of all samples are one axis where they lie one behind another: tiles of one height, and
 * panels of the other operand that pass once for all samples. */
static void merge_rows(Contract *c)
{
    const int batch = c->out.batch_axis, m = c->m_axis;
    if (m < 0 || batch < 0 || batch == m || batch == c->n_axis || c->out.dim[batch] == 1) return;
    if (diagonals_any(&c->diagonals)) return;
    if (!kernel_axes_merge(c->l->entry, c->l->k, batch, m)) return;
    c->out.batch_inner *= c->out.dim[m];
    c->out.dim[m] *= c->out.dim[batch];
    c->out.dim[batch] = 1;
    c->out.batch_axis = m;
}

static void assign_roles(Contract *c)
{
    Lower *l = c->l;
    l->lane_axis = l->target->width > 1 ? l->k->lane_axis : -1;
    c->wide = 1;
    if (l->k->lane_axis >= 0)
        c->wide = attr_find(operand_labels(c, 1),
                                operand_labels(c, 2)->ints[l->k->lane_axis]) >= 0;
    c->tall = 1 - c->wide;
    c->n_axis = l->k->lane_axis >= 0 ? l->k->lane_axis : tile_axis(c, c->wide, -1);
    c->m_axis = tile_axis(c, c->tall, c->n_axis);
    contract_find_sums(c);
    c->diagonals = diagonals_find(l, (const int[2]){c->m_axis, c->n_axis}, c->k_label,
                                  c->k_count - (c->k_inner > 1));
    merge_rows(c);
}

/* Which part of its sums a tile runs. */
static double share_of_sums(const void *context, int64_t row, int rows, int64_t column, int columns)
{
    const Contract *c = context;
    const int64_t width = c->l->lane_axis >= 0 ? c->l->target->width : 1;
    const int64_t first[2] = {row, column * width},
                  last[2] = {row + rows - 1, (column + columns) * width - 1};
    double share = 1;
    for (int k = 0; k < c->k_count; k++)
        share *= diagonals_share(&c->diagonals, k, contract_size(c, k), first, last);
    return share;
}

/* On long sides every tile saves about half of the work beyond a diagonal. */
enum { LONG_SIDE = 256 };

enum { ENOUGH = 12 }; /* accumulators to hide the latency of a multiply-add */

/* Over one vector of columns, a lower tile that divides the rows where the best one is not 3 %
 * better: one text in place of two, each shorter. */
static Tile dividing(const Contract *c, int64_t m, Tile best)
{
    double least = 1.03 * tile_cost(best.rows, best.columns);
    if (m % best.rows == 0) return best;
    for (int rows = best.rows; rows >= ENOUGH; rows--)
        if (m % rows == 0 && tile_fits(c->l->target, rows, 1) && tile_cost(rows, 1) < least)
            return (Tile){rows, 1};
    return best;
}

static Tile choose_tile(const Contract *c)
{
    const int64_t width = c->l->lane_axis >= 0 ? c->l->target->width : 1;
    const int64_t m = c->m_axis < 0 ? 1 : c->out.dim[c->m_axis],
                  n = c->n_axis < 0 ? 1 : c->out.dim[c->n_axis];
    const bool cuts = diagonals_any(&c->diagonals) && m <= LONG_SIDE && n <= LONG_SIDE;
    const Tile best = tile_choose_cut(c->l->target, m, (n + width - 1) / width,
                                      cuts ? share_of_sums : NULL, c);
    return n <= width && width > 1 && !cuts ? dividing(c, m, best) : best;
}

static const char *tile_note(const Contract *c)
{
    const int lanes = c->l->lane_axis >= 0 ? c->l->target->width : 1;
    const int64_t rows = c->m_axis < 0 ? 1 : c->out.dim[c->m_axis],
                  columns = c->n_axis < 0 ? 1 : c->out.dim[c->n_axis];
    const int64_t tall = c->tile.rows < rows ? c->tile.rows : rows, wide = c->tile.columns * lanes;
    return arena_printf(c->l->b.arena, "Tile %lld x %lld.", (long long)tall,
                        (long long)(wide < columns ? wide : columns));
}

/* With one function of tiles for all products, or this one's own. */
static void plain_loops(Contract *c)
{
    int open = 0;
    c->first = x_int(&c->l->b, 0);
    c->block = c->m_axis < 0 ? 1 : c->out.dim[c->m_axis];
    if (!c->product.shared) choose_stretch(c);
    if (c->stretch) stretch_begin(c);
    for (int axis = 0; axis < c->out.rank; axis++) {
        if (axis == c->m_axis || axis == c->n_axis || c->out.dim[axis] == 1) continue;
        lower_loop(c->l, axis);
        open++;
    }
    if (c->product.shared) product_loops(c);
    else m_blocks(c);
    for (open += c->stretch > 0; open > 0; open--) loop_end(&c->l->b);
}

void lower_contract(Lower *l)
{
    Contract c = {.l = l, .out = l->k->domain};
    lower_uniforms(l);
    assign_roles(&c);
    c.tile = choose_tile(&c);
    product_plan(&c);
    if (strassen_fits(&c)) strassen_or(&c, plain_loops);
    else plain_loops(&c);
    l->b.function->comment = tile_note(&c);
}
