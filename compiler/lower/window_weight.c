/* The gradient of a convolution by its weights.
 *
 *   result = 0
 *   for each block of rows                       whose planes stay in cache while all taps and
 * channels pass for each group, for each tap for each panel                       vectors of the
 * group's output channels, at most NV for each tile                    of its input channels, at
 * most MR acc[MR][NV] = result for each row of the block, for each position that meets an entry
 * with the tap: acc[r][v] += splat(in[r]) * out[v] result = acc
 *
 * With one group a channel both operands are read as vectors, and the tile is one row high. */
#include "lower/tile.h"
#include "lower/window.h"

typedef struct Weight {
    Lower *l;
    Window w;
    const View *in, *out;
    Type out_type;
    const Value *result;
    bool channelwise;
    int64_t ins, outs; /* channels of a group */
    Slide slide[MAX_WINDOW_AXES];
    LoopExpr *row, *group;
    LoopExpr *tap[MAX_WINDOW_AXES], *at[MAX_WINDOW_AXES];
    LoopExpr *first, *end; /* rows of the block */
    Tile tile;
} Weight;

/* Input channels m .. + rows of the group. */
typedef struct Spot {
    LoopExpr *m;
    int rows;
    const Panel *panel;
    Var **acc;
} Spot;

/* ---- addresses ---- */

static LoopExpr *lane(const Weight *g, const Spot *p, int column)
{
    const int64_t step = g->l->lane_axis >= 0 ? g->l->target->width : 1;
    return x_add(&g->l->b, p->panel->first, x_int(&g->l->b, column * step));
}

static int active(const Weight *g, const Spot *p, int column)
{
    return column + 1 == p->panel->columns ? p->panel->active : g->l->target->width;
}

static LoopExpr *load(const Weight *g, const View *view, LoopExpr *channel, bool entries, int lanes)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *x = x_add(b, x_int(b, view->offset), x_mul(b, g->row, view->stride[0]));
    for (int a = 0; a < g->w.axes; a++) {
        LoopExpr *at = entries ? slide_entry(b, &g->slide[a], g->at[a], g->tap[a]) : g->at[a];
        x = x_add(b, x, x_mul(b, at, view->stride[2 + a]));
    }
    x = x_add(b, x, x_mul(b, channel, view->stride[1]));
    Buffer *buffer = lower_buffer(g->l, view->value);
    return lanes && g->l->lane_axis >= 0 ? x_vload(b, buffer, x, lanes) : x_load(b, buffer, x);
}

static LoopExpr *load_in(const Weight *g, const Spot *p, int row)
{
    LoopBuilder *b = &g->l->b;
    if (g->channelwise) return load(g, g->in, lane(g, p, row), true, active(g, p, row));
    LoopExpr *channel = x_add(b, x_mul(b, g->group, g->ins), x_add(b, p->m, x_int(b, row)));
    LoopExpr *x = load(g, g->in, channel, true, 0);
    return g->l->lane_axis >= 0 ? x_splat(b, x) : x;
}

static LoopExpr *load_out(const Weight *g, const Spot *p, int column)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *channel = x_add(b, x_mul(b, g->group, g->outs), lane(g, p, column));
    return load(g, g->out, channel, false, active(g, p, column));
}

static LoopExpr *result_at(const Weight *g, const Spot *p, int row, int column)
{
    LoopBuilder *b = &g->l->b;
    const int64_t *stride = g->result->stride;
    LoopExpr *x = x_int(b, 0);
    for (int a = 0; a < g->w.axes; a++) x = x_add(b, x, x_mul(b, g->tap[a], stride[2 + a]));
    if (!g->channelwise) x = x_add(b, x, x_mul(b, x_add(b, p->m, x_int(b, row)), stride[1]));
    LoopExpr *channel = x_add(b, x_mul(b, g->group, g->outs), lane(g, p, column));
    return x_add(b, x, x_mul(b, channel, stride[0]));
}

/* ---- the tile ---- */

static void multiply(const Weight *g, const Spot *p)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *out[TILE_MAX];
    for (int v = 0; v < p->panel->columns; v++)
        out[v] = x_var(b, loop_let(b, arena_printf(b->arena, "d%d", v), load_out(g, p, v)));
    for (int r = 0; r < p->rows; r++) {
        LoopExpr *a = x_var(b, loop_let(b, arena_printf(b->arena, "a%d", r), load_in(g, p, r)));
        for (int v = g->channelwise ? r : 0; v < (g->channelwise ? r + 1 : p->panel->columns);
             v++) {
            Var *acc = p->acc[g->channelwise ? v : r * p->panel->columns + v];
            loop_set(b, acc, x_fma(b, a, out[v], x_var(b, acc)));
        }
    }
}

static void positions(Weight *g, const Spot *p, int axis)
{
    static const char *const names[] = {"y", "z", "u", "v", "q"};
    LoopBuilder *b = &g->l->b;
    LoopExpr *lo, *hi;
    slide_positions(b, &g->slide[axis], g->tap[axis], &lo, &hi);
    const bool last = axis + 1 == g->w.axes;
    g->at[axis] = x_var(b, loop_begin(b, last ? "x" : names[axis], lo, hi, 1));
    if (last) {
        loop_unroll(b, p->rows * p->panel->columns <= 16 ? 4 : 2);
        multiply(g, p);
    } else {
        positions(g, p, axis + 1);
    }
    loop_end(b);
}

static void tile(Weight *g, Spot *p)
{
    Lower *l = g->l;
    LoopBuilder *b = &l->b;
    Buffer *buffer = lower_buffer(l, g->result);
    const int columns = p->panel->columns, rows = g->channelwise ? 1 : p->rows;
    const bool vector = l->lane_axis >= 0;
    p->acc = arena_array(b->arena, Var *, rows * columns);
    for (int i = 0; i < rows * columns; i++) {
        LoopExpr *at = result_at(g, p, i / columns, i % columns);
        LoopExpr *x = vector ? x_vload(b, buffer, at, active(g, p, i % columns))
                             : x_load(b, buffer, at);
        p->acc[i] = loop_var(b, arena_printf(b->arena, "c%d_%d", i / columns, i % columns), x);
    }
    g->row = x_var(b, loop_begin(b, "row", g->first, g->end, 1));
    positions(g, p, 0);
    loop_end(b);
    for (int i = 0; i < rows * columns; i++) {
        LoopExpr *at = result_at(g, p, i / columns, i % columns), *x = x_var(b, p->acc[i]);
        if (vector) loop_vstore(b, buffer, at, x, active(g, p, i % columns));
        else loop_store(b, buffer, at, x);
    }
}

static void panel(void *context, const Panel *panel)
{
    Weight *g = context;
    LoopBuilder *b = &g->l->b;
    if (g->channelwise) {
        Spot p = {.m = x_int(b, 0), .rows = panel->columns, .panel = panel};
        loop_block(b);
        tile(g, &p);
        loop_end(b);
        return;
    }
    Share runs[2];
    const int n = share_evenly(g->ins, g->tile.rows, runs);
    for (int i = 0; i < n; i++) {
        const int64_t end = runs[i].begin + runs[i].size * runs[i].count;
        Spot p = {.rows = (int)runs[i].size, .panel = panel, .m = x_int(b, runs[i].begin)};
        if (runs[i].count == 1) loop_block(b);
        else
            p.m =
                x_var(b, loop_begin(b, "c", x_int(b, runs[i].begin), x_int(b, end), runs[i].size));
        tile(g, &p);
        loop_end(b);
    }
}

/* ---- loops over tiles ---- */

static void taps_and_panels(Weight *g)
{
    static const char *const names[] = {"ky", "kz", "ku", "kv", "kq"};
    LoopBuilder *b = &g->l->b;
    int open = 0;
    if (!g->channelwise && g->w.groups > 1) {
        g->group = x_var(b, loop_begin(b, "group", x_int(b, 0), x_int(b, g->w.groups), 1));
        open++;
    }
    for (int a = 0; a < g->w.axes; a++) {
        g->tap[a] = x_int(b, 0);
        if (g->w.axis[a].taps == 1) continue;
        const char *name = a + 1 == g->w.axes ? "kx" : names[a];
        g->tap[a] = x_var(b, loop_begin(b, name, x_int(b, 0), x_int(b, g->w.axis[a].taps), 1));
        open++;
    }
    const int most = g->channelwise ? 8 : g->tile.columns;
    window_panels(g->l, g->channelwise ? g->w.out_channels : g->outs, most, panel, g);
    while (open--) loop_end(b);
}

/* As many rows as fit the cache with both planes. */
static int64_t block_rows(const Weight *g)
{
    const int64_t bytes = 4 * (type_elements(g->w.in) + type_elements(g->w.out)) / g->w.rows;
    const int64_t rows = TILE_CACHE_BYTES / (bytes ? bytes : 1);
    return rows < 1 ? 1 : rows < g->w.rows ? rows : g->w.rows;
}

void lower_window_weight(Lower *l)
{
    Weight g = {.l = l, .result = l->k->results.at[0]};
    LoopBuilder *b = &l->b;
    window_of(b->arena, l->k->anchor, &g.w);
    g.in = &l->k->contracted[0];
    g.out = &l->k->contracted[1];
    g.channelwise = window_is_channelwise(&g.w);
    g.ins = g.w.in_channels / g.w.groups;
    g.outs = g.w.out_channels / g.w.groups;
    if (g.channelwise) g.outs = 0; /* lanes count channels from the first */
    g.group = x_int(b, 0);
    for (int a = 0; a < g.w.axes; a++) g.slide[a] = slide_forward(&g.w.axis[a]);
    const int64_t width = l->lane_axis >= 0 ? l->target->width : 1;
    if (!g.channelwise) g.tile = tile_choose(l->target, g.ins, (g.outs + width - 1) / width);
    lower_clear(l, g.result);
    const int64_t block = block_rows(&g);
    g.first = x_int(b, 0);
    g.end = lower_extent(l, g.w.in, 0);
    if (block == g.w.rows) {
        taps_and_panels(&g);
        return;
    }
    LoopExpr *rows = g.end;
    g.first = x_var(b, loop_begin(b, "block", x_int(b, 0), rows, block));
    g.end = block == 1
              ? x_add(b, g.first, x_int(b, 1))
              : x_var(b, loop_let(b, "end", x_min(b, x_add(b, g.first, x_int(b, block)), rows)));
    taps_and_panels(&g);
    loop_end(b);
}
