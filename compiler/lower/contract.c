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

/* ---- operands ---- */

LoopExpr *contract_address(const Contract *c, int operand)
{
    LoopBuilder *b = &c->l->b;
    const View *view = &c->l->k->contracted[operand];
    const Attr *labels = contract_labels(c, operand);
    LoopExpr *x = x_int(b, view->offset);
    for (int i = 0; i < labels->count; i++) {
        const int axis = attr_find(contract_labels(c, 2), labels->ints[i]);
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
        axis >= 0 ? contract_labels(c, 2)->ints[axis] : c->k_label[c->k_count - 1];
    const int i = attr_find(contract_labels(c, operand), label);
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
        if (attr_find(contract_labels(c, 2), contract_labels(c, c->wide)->ints[i]) == c->n_axis)
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

static void tile(Contract *c, const TilePlace *p)
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

/* ---- loops over tiles ---- */

static void one_tile(Contract *c, const TilePlace *p)
{
    if (c->product.shared) product_tile(c, p);
    else tile(c, p);
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

/* Whether the tile may start from the result: it is nothing but the product, alone in its memory,
 * and no vector of partial sums. */
static bool may_add_up(const Contract *c)
{
    const Kernel *k = c->l->k;
    const Place place = k->results.at[0]->place;
    return k->nodes.count == 1 && k->results.count == 1 && !k->results.at[0]->halo
        && !k->results.at[0]->whole
        && (place == AT_GRAD || place == AT_WORK)
        && !contract_sums_lanes(c);
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
    for (int i = 0; i < contract_labels(c, operand)->count; i++) {
        const int64_t label = contract_labels(c, operand)->ints[i];
        const int axis = attr_find(contract_labels(c, 2), label);
        if (axis < 0 || axis == not_axis) continue;
        if (attr_find(contract_labels(c, 1 - operand), label) >= 0) continue;
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
        c->wide = attr_find(contract_labels(c, 1),
                                contract_labels(c, 2)->ints[l->k->lane_axis]) >= 0;
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
