/* The gradient of a convolution by its weights, or that of a group of rows (window.h).
 *
 *   result = 0
 *   for each block of rows                       whose planes stay in cache while all taps and
 *                                                channels pass
 *       for each group, for each tap
 *           for each panel                       vectors of the group's output channels, at most NV
 *               for each tile                    of its input channels, at most MR
 *                   acc[MR][NV] = result
 *                   for each row of the block, for each position that meets an entry with the tap:
 *                       acc[r][v] += splat(in[r]) * out[v]
 *                   result = acc
 *
 * The sums of a tile are a stage that windows share (accumulate.c). While they are added up, the
 * lines of the next block are asked for, a share with each tile: the first tap would wait for them.
 *
 * Few input channels leave a tile
 * low. It then takes in the taps of the last axes too, T of them, acc[T][MR][NV]: a vector of `out`
 * is loaded once for all of them. Positions at the ends, which meet fewer taps, are written out.
 *
 * With one group a channel both operands are read as vectors, and the tile has one input channel
 * for each output channel. */
#include "lower/accumulate.h"
#include "lower/ahead.h"
#include "lower/window.h"

typedef struct Weight {
    Lower *l;
    Window w;
    const View *in, *out;
    Type out_type;
    const Value *result; /* or the groups' pieces, which lie as it does */
    bool channelwise;
    int64_t ins, outs; /* channels of a group */
    Slide slide[MAX_WINDOW_AXES];
    LoopExpr *row, *group;
    LoopExpr *tap[MAX_WINDOW_AXES], *at[MAX_WINDOW_AXES];
    int64_t block;         /* rows at a time ... */
    LoopExpr *first, *end; /* ... and those at hand */
    RowGroups groups;
    Ahead ahead[2]; /* of both operands, what the next block reads */
    Tile tile;
    int inside; /* so many of the last axes have their taps in the tile */
} Weight;

/* Input channels m .. + rows of the group. Of the axes inside the tile, their taps [lo, hi) at the
 * positions at hand. */
typedef struct Spot {
    LoopExpr *m;
    int rows;
    const Panel *panel;
    Var **acc; /* [taps inside][rows][columns], or of one group a channel [taps inside][columns] */
    int64_t lo[MAX_WINDOW_AXES], hi[MAX_WINDOW_AXES];
} Spot;

static int outside(const Weight *g) { return g->w.axes - g->inside; }

static int taps_inside(const Weight *g)
{
    int64_t taps = 1;
    for (int a = outside(g); a < g->w.axes; a++) taps *= g->w.axis[a].taps;
    return (int)taps;
}

/* Turns to a tap inside the tile; false: the positions at hand do not meet it. */
static bool turn_to(Weight *g, const Spot *p, int number)
{
    for (int a = g->w.axes - 1; a >= outside(g); a--) {
        const int64_t tap = number % g->w.axis[a].taps;
        if (p && (tap < p->lo[a] || tap >= p->hi[a])) return false;
        g->tap[a] = x_int(&g->l->b, tap);
        number /= (int)g->w.axis[a].taps;
    }
    return true;
}

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
    const int64_t *stride = g->l->k->results.at[0]->stride;
    LoopExpr *x = window_group_at(g->l, &g->groups, g->result);
    for (int a = 0; a < g->w.axes; a++) x = x_add(b, x, x_mul(b, g->tap[a], stride[2 + a]));
    if (!g->channelwise) x = x_add(b, x, x_mul(b, x_add(b, p->m, x_int(b, row)), stride[1]));
    LoopExpr *channel = x_add(b, x_mul(b, g->group, g->outs), lane(g, p, column));
    return x_add(b, x, x_mul(b, channel, stride[0]));
}

/* ---- the tile ---- */

/* One tap: all rows and columns of the tile. */
static void multiply(const Weight *g, const Spot *p, Var *const *acc, LoopExpr *const *out)
{
    LoopBuilder *b = &g->l->b;
    for (int r = 0; r < p->rows; r++) {
        LoopExpr *a = x_var(b, loop_let(b, arena_printf(b->arena, "a%d", r), load_in(g, p, r)));
        const int first = g->channelwise ? r : 0,
                  end = g->channelwise ? r + 1 : p->panel->columns;
        for (int v = first; v < end; v++) {
            Var *sum = acc[g->channelwise ? v : r * p->panel->columns + v];
            loop_set(b, sum, x_fma(b, a, out[v], x_var(b, sum)));
        }
    }
}

static int accumulators(const Weight *g, const Spot *p)
{
    return (g->channelwise ? 1 : p->rows) * p->panel->columns; /* of one tap */
}

static void position(Weight *g, const Spot *p)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *out[TILE_MAX];
    for (int v = 0; v < p->panel->columns; v++)
        out[v] = x_var(b, loop_let(b, arena_printf(b->arena, "d%d", v), load_out(g, p, v)));
    for (int t = 0; t < taps_inside(g); t++)
        if (turn_to(g, p, t)) multiply(g, p, p->acc + t * accumulators(g, p), out);
}

static void positions(Weight *g, Spot *p, int axis);

static void positions_between(Weight *g, Spot *p, int axis, LoopExpr *lo, LoopExpr *hi)
{
    static const char *const names[] = {"y", "z", "u", "v", "q"};
    LoopBuilder *b = &g->l->b;
    const bool last = axis + 1 == g->w.axes;
    g->at[axis] = x_var(b, loop_begin(b, last ? "x" : names[axis], lo, hi, 1));
    if (last) loop_unroll(b, taps_inside(g) * accumulators(g, p) <= 16 ? 4 : 2);
    positions(g, p, axis + 1);
    loop_end(b);
}

/* Of an axis inside the tile: a loop for each run of positions that meet the same taps. */
static void positions_in_runs(Weight *g, Spot *p, int axis)
{
    LoopBuilder *b = &g->l->b;
    SlideRun *runs;
    const int n = slide_runs(b->arena, &g->slide[axis], &runs);
    for (int i = 0; i < n; i++) {
        p->lo[axis] = runs[i].lo;
        p->hi[axis] = runs[i].hi;
        if (runs[i].count > 1) {
            positions_between(g, p, axis, x_int(b, runs[i].begin),
                              x_int(b, runs[i].begin + runs[i].count));
            continue;
        }
        g->at[axis] = x_int(b, runs[i].begin);
        loop_block(b);
        positions(g, p, axis + 1);
        loop_end(b);
    }
}

static void positions(Weight *g, Spot *p, int axis)
{
    if (axis == g->w.axes) {
        position(g, p);
    } else if (axis >= outside(g)) {
        positions_in_runs(g, p, axis);
    } else {
        LoopExpr *lo, *hi;
        slide_positions(&g->l->b, &g->slide[axis], g->tap[axis], &lo, &hi);
        positions_between(g, p, axis, lo, hi);
    }
}

/* Whether the tile is a stage: whole vectors, and one tap at a time. */
static bool is_shared(const Weight *g, const Spot *p)
{
    const int width = g->l->lane_axis >= 0 ? g->l->target->width : 1;
    return !g->channelwise && !g->inside && p->panel->active == width
        && g->l->k->results.at[0]->stride[0] == 1;
}

/* The rows of the block, and positions that meet an entry with the tap at hand. */
static void add_loops(const Weight *g, Accumulate *t)
{
    LoopBuilder *b = &g->l->b;
    t->loop[t->loops++] = (SumLoop){g->first, g->end, x_int(b, g->in->stride[0]),
                                    x_int(b, g->out->stride[0])};
    for (int a = 0; a < g->w.axes; a++) {
        SumLoop positions = {.a = x_int(b, g->slide[a].source_step * g->in->stride[2 + a]),
                             .b = x_int(b, g->out->stride[2 + a])};
        slide_positions(b, &g->slide[a], g->tap[a], &positions.lo, &positions.hi);
        t->loop[t->loops++] = positions;
    }
}

/* Positions of a channel, those along the last axis aside: a step of the sums each. */
static int64_t lines_of(const Weight *g)
{
    int64_t lines = 1;
    for (int a = 0; a + 1 < g->w.axes; a++) lines *= g->w.axis[a].out;
    return lines;
}

/* The number of the tile in its block, and how many there are: by group, tap, panel, and rows. */
static LoopExpr *tile_number(const Weight *g, const Spot *p, int64_t *count)
{
    LoopBuilder *b = &g->l->b;
    const int64_t width = g->l->lane_axis >= 0 ? g->l->target->width : 1,
                  panel = p->panel->columns * width, panels = (g->outs + panel - 1) / panel,
                  high = (g->ins + p->rows - 1) / p->rows;
    LoopExpr *at = g->group;
    *count = g->w.groups;
    for (int a = 0; a < g->w.axes; a++) {
        at = x_add(b, x_mul(b, at, g->w.axis[a].taps), g->tap[a]);
        *count *= g->w.axis[a].taps;
    }
    at = x_add(b, x_mul(b, at, panels), x_div(b, p->panel->first, panel));
    *count *= panels * high;
    return x_add(b, x_mul(b, at, high), x_div(b, p->m, p->rows));
}

static void look_ahead(const Weight *g, const Spot *p, Accumulate *t)
{
    LoopBuilder *b = &g->l->b;
    int64_t count;
    LoopExpr *at = tile_number(g, p, &count);
    for (int i = 0; i < 2; i++) {
        const Ahead *ahead = &g->ahead[i];
        const int64_t steps = g->block * lines_of(g), each = ahead->floats / (count * steps);
        if (!each) continue;
        t->ahead[i] = (SumAhead){ahead->buffer,
                                 x_add(b, ahead->first, x_mul(b, at, steps * each)),
                                 x_int(b, each)};
    }
}

static void shared_tile(Weight *g, const Spot *p)
{
    Lower *l = g->l;
    LoopBuilder *b = &l->b;
    Accumulate t = {.a = lower_buffer(l, g->in->value),
                    .b = lower_buffer(l, g->out->value),
                    .out = lower_buffer(l, g->result),
                    .a_row = x_int(b, g->in->stride[1]),
                    .out_row = x_int(b, l->k->results.at[0]->stride[1]),
                    .rows = p->rows,
                    .columns = p->panel->columns,
                    .lanes = p->panel->active,
                    .vector = l->lane_axis >= 0,
                    .adds = true};
    LoopExpr *channel = x_add(b, x_mul(b, g->group, g->ins), p->m);
    t.a_at = x_add(b, x_int(b, g->in->offset), x_mul(b, channel, g->in->stride[1]));
    for (int a = 0; a < g->w.axes; a++) {
        LoopExpr *entry = slide_entry(b, &g->slide[a], x_int(b, 0), g->tap[a]);
        t.a_at = x_add(b, t.a_at, x_mul(b, entry, g->in->stride[2 + a]));
    }
    channel = x_add(b, x_mul(b, g->group, g->outs), lane(g, p, 0));
    t.b_at = x_add(b, x_int(b, g->out->offset), x_mul(b, channel, g->out->stride[1]));
    t.out_at = result_at(g, p, 0, 0);
    add_loops(g, &t);
    look_ahead(g, p, &t);
    accumulate(b, &t);
}

static void tile(Weight *g, Spot *p)
{
    if (is_shared(g, p)) {
        shared_tile(g, p);
        return;
    }
    Lower *l = g->l;
    LoopBuilder *b = &l->b;
    Buffer *buffer = lower_buffer(l, g->result);
    const int columns = p->panel->columns, each = accumulators(g, p), taps = taps_inside(g);
    const bool vector = l->lane_axis >= 0;
    p->acc = arena_array(b->arena, Var *, taps * each);
    for (int i = 0; i < taps * each; i++) {
        turn_to(g, NULL, i / each);
        LoopExpr *at = result_at(g, p, i % each / columns, i % columns);
        LoopExpr *x = vector ? x_vload(b, buffer, at, active(g, p, i % columns))
                             : x_load(b, buffer, at);
        p->acc[i] = loop_var(b, arena_printf(b->arena, "c%d_%d", i / columns, i % columns), x);
    }
    g->row = x_var(b, loop_begin(b, "row", g->first, g->end, 1));
    positions(g, p, 0);
    loop_end(b);
    for (int i = 0; i < taps * each; i++) {
        turn_to(g, NULL, i / each);
        LoopExpr *at = result_at(g, p, i % each / columns, i % columns), *x = x_var(b, p->acc[i]);
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
    for (int a = 0; a < outside(g); a++) {
        g->tap[a] = x_int(b, 0);
        if (g->w.axis[a].taps == 1) continue;
        const char *name = a + 1 == g->w.axes ? "kx" : names[a];
        g->tap[a] = x_var(b, loop_begin(b, name, x_int(b, 0), x_int(b, g->w.axis[a].taps), 1));
        open++;
    }
    window_panels(g->l, g->channelwise ? g->w.out_channels : g->outs, g->tile.columns, panel, g);
    while (open--) loop_end(b);
}

/* ---- the shape of the tile ---- */

/* Runs of positions, each a text of its own, and accumulators that compilers keep in registers
 * through all of them: 27 (3 channels of 3 x 3) run at 70 % of the peak, three times 9 at 98 %. */
enum { MAX_RUNS = 9, MAX_INSIDE = 24 };

/* As many of the last axes as make the tile cheapest; with their taps in it a tile has all input
 * channels of the group. */
static void choose_tile(Weight *g)
{
    const Target *target = g->l->target;
    const int64_t width = g->l->lane_axis >= 0 ? target->width : 1;
    const int64_t lanes = g->channelwise ? g->w.out_channels : g->outs,
                  vectors = (lanes + width - 1) / width, rows = g->channelwise ? 1 : g->ins;
    g->tile = g->channelwise ? (Tile){1, 8} : tile_choose(target, rows, vectors);
    double least = g->channelwise ? tile_cost(1, 1) : tile_cost(g->tile.rows, g->tile.columns);
    int64_t taps = 1, runs = 1;
    for (int inside = 1; inside <= g->w.axes; inside++) {
        const int axis = g->w.axes - inside;
        SlideRun *of;
        taps *= g->w.axis[axis].taps;
        runs *= slide_runs(g->l->b.arena, &g->slide[axis], &of);
        if (runs > MAX_RUNS) break;
        for (int columns = 1; columns <= 8 && columns <= vectors; columns++) {
            const int64_t accumulators = taps * rows * columns;
            if (!tile_fits(target, taps * rows, columns) || accumulators > MAX_INSIDE) continue;
            const double cost = tile_cost(taps * rows, g->channelwise ? 1 : columns);
            if (cost >= least) continue;
            least = cost;
            g->tile = (Tile){(int)rows, columns};
            g->inside = inside;
        }
    }
}

/* As many rows as fit the cache with both planes. */
static int64_t block_rows(const Weight *g)
{
    const int64_t bytes = 4 * (type_elements(g->w.in) + type_elements(g->w.out)) / g->w.rows;
    const int64_t rows = TILE_CACHE_BYTES / (bytes ? bytes : 1);
    return rows < 1 ? 1 : rows < g->w.rows ? rows : g->w.rows;
}

/* Whether the window steps over entries: to ask for what lies between them costs more than it
 * gains. */
static bool skips_entries(const Weight *g)
{
    for (int a = 0; a < g->w.axes; a++)
        if (g->w.axis[a].taps < g->w.axis[a].stride) return true;
    return false;
}

/* The rows behind the block, but none behind those of its group, which other threads may have. */
static void set_ahead(Weight *g, LoopExpr *end)
{
    LoopBuilder *b = &g->l->b;
    const View *const views[2] = {g->in, g->out};
    if (g->channelwise || g->inside || skips_entries(g)) return;
    LoopExpr *last = x_int(b, g->w.rows - g->block);
    if (g->groups.pieces) last = x_max(b, x_add(b, end, x_int(b, -g->block)), x_int(b, 0));
    LoopExpr *next = x_min(b, x_add(b, g->first, x_int(b, g->block)), last);
    next = x_var(b, loop_let(b, "next", next));
    for (int i = 0; i < 2; i++)
        if (views[i]->stride[1] == 1 && views[i]->value->place == AT_WORK)
            g->ahead[i] = (Ahead){lower_buffer(g->l, views[i]->value),
                                  x_mul(b, next, views[i]->stride[0]),
                                  g->block * views[i]->stride[0]};
}

/* What the rows from `first` to `end` give, at once or by blocks. */
static void gradient(Weight *g, LoopExpr *first, LoopExpr *end)
{
    LoopBuilder *b = &g->l->b;
    const int64_t block = block_rows(g);
    g->block = block;
    g->first = first;
    g->end = end;
    if (block == g->w.rows) {
        taps_and_panels(g);
        return;
    }
    g->first = x_var(b, loop_begin(b, "block", first, end, block));
    g->end = block == 1
               ? x_add(b, g->first, x_int(b, 1))
               : x_var(b, loop_let(b, "end", x_min(b, x_add(b, g->first, x_int(b, block)), end)));
    set_ahead(g, end);
    taps_and_panels(g);
    loop_end(b);
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
    choose_tile(&g);
    if (!l->k->scratch.count) {
        lower_clear(l, g.result);
        gradient(&g, x_int(b, 0), lower_extent(l, g.w.in, 0));
        return;
    }
    g.result = l->k->scratch.at[0];
    g.groups = window_groups_begin(l, &g.w, g.result);
    lower_clear_run(l, lower_buffer(l, g.result), window_group_at(l, &g.groups, g.result),
                    l->k->results.at[0]->elements);
    gradient(&g, g.groups.first, g.groups.end);
    window_groups_end(l, &g.groups);
}
