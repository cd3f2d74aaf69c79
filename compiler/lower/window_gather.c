/* Windows whose result gathers: convolutions and sums under a window, both ways, and the largest
 * under a window.
 *
 *   for each row
 *       for each group of channels
 *           for each phase                                 of an adjoint with a stride
 *               for each panel                             vectors of the group's channels, at most
 * NV for each position of the outer axes for each tile of the last axis     positions, at most MR
 *                           acc[MR][NV] = 0
 *                           for each tap, for each channel of the source:
 *                               acc[r][v] += splat(source[r]) * weight[v]
 *                           epilogue on acc, stores
 *
 * The loops over taps of the outer axes stop where the source does. Padding at the ends of the last
 * axis is read from the zeros around the source if it has them (kernel/window.c); else tiles there
 * are written out with the taps that each position meets. Tiles of products without such ends are
 * a stage that windows share (window_tile.c). With one group a channel the lanes of the source
 * are the lanes of the result, there is no sum over channels, and the loops stand in another order
 * (window_each.c). */
#include "lower/window_gather.h"

static int last_axis(const Gather *g) { return g->w.axes - 1; }

/* ---- addresses ---- */

void gather_set_place(const Gather *g, const Spot *p, int row, int column)
{
    Lower *l = g->l;
    LoopBuilder *b = &l->b;
    const int64_t step = l->lane_axis >= 0 ? l->target->width : 1;
    LoopExpr *channel = x_add(b, p->panel->first, x_int(b, column * step));
    l->axis[1] = x_add(b, x_mul(b, g->group, g->lanes), channel);
    for (int a = 0; a < last_axis(g); a++) l->axis[2 + a] = slide_result(b, &g->slide[a], g->at[a]);
    LoopExpr *at = x_add(b, p->m, x_int(b, row));
    l->axis[2 + last_axis(g)] = slide_result(b, &g->slide[last_axis(g)], at);
    l->active = column + 1 == p->panel->columns ? p->panel->active : l->target->width;
}

static LoopExpr *row_offset(const Gather *g, LoopExpr *x, int64_t stride)
{
    LoopExpr *row = g->l->axis[0];
    return row ? x_add(&g->l->b, x, x_mul(&g->l->b, row, stride)) : x;
}

static LoopExpr *load_source(const Gather *g, const Spot *p, int row, int column)
{
    Lower *l = g->l;
    LoopBuilder *b = &l->b;
    const View *view = g->source;
    gather_set_place(g, p, row, column);
    LoopExpr *channel = g->channelwise ? l->axis[1]
                                       : x_add(b, x_mul(b, g->group, g->sums), g->channel);
    LoopExpr *x = row_offset(g, x_int(b, view->offset), view->stride[0]);
    for (int a = 0; a < g->w.axes; a++) {
        LoopExpr *at = a == last_axis(g) ? x_add(b, p->m, x_int(b, row)) : g->at[a];
        x = x_add(b, x, x_mul(b, slide_entry(b, &g->slide[a], at, g->tap[a]), view->stride[2 + a]));
    }
    x = x_add(b, x, x_mul(b, channel, view->stride[1]));
    Buffer *buffer = lower_buffer(l, view->value);
    const bool vector = g->channelwise && l->lane_axis >= 0;
    return vector ? x_vload(b, buffer, x, l->active) : x_load(b, buffer, x);
}

int gather_weight_lanes(const Gather *g, const Spot *p, int column)
{
    const Lower *l = g->l;
    const int active = column + 1 == p->panel->columns ? p->panel->active : l->target->width;
    const bool aligned = g->w.groups == 1 || g->channelwise;
    return aligned ? window_lanes(l, g->weight, g->weight_type, g->lane_weight, active) : active;
}

static LoopExpr *load_weight(const Gather *g, const Spot *p, int column)
{
    Lower *l = g->l;
    LoopBuilder *b = &l->b;
    const View *view = g->weight;
    const int64_t step = l->lane_axis >= 0 ? l->target->width : 1,
                  group = g->w.out_channels / g->w.groups;
    LoopExpr *x = x_int(b, view->offset),
             *lane = x_add(b, p->panel->first, x_int(b, column * step));
    for (int a = 0; a < g->w.axes; a++)
        x = x_add(b, x, x_mul(b, slide_weight(b, &g->slide[a], g->tap[a]), view->stride[2 + a]));
    x = x_add(b, x, x_mul(b, g->group, group * view->stride[0]));
    if (!g->channelwise) x = x_add(b, x, x_mul(b, g->channel, view->stride[1 - g->lane_weight]));
    x = x_add(b, x, x_mul(b, lane, view->stride[g->lane_weight]));
    Buffer *buffer = lower_buffer(l, view->value);
    return l->lane_axis >= 0 ? x_vload(b, buffer, x, gather_weight_lanes(g, p, column))
                             : x_load(b, buffer, x);
}

/* ---- the tile ---- */

static bool meets(const Gather *g, const Spot *p, int row, int64_t tap)
{
    return tap < 0 || slide_meets(&g->slide[last_axis(g)], p->begin + row, tap);
}

static void take(const Gather *g, Var *acc, LoopExpr *a, LoopExpr *weight)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *x = x_var(b, acc);
    if (g->combine == PRODUCT) x = x_fma(b, a, weight, x);
    else x = x_map(b, g->combine == SUM ? OP_add : OP_max, 2, (LoopExpr *[]){x, a});
    loop_set(b, acc, x);
}

/* One tap and channel: all rows of the tile that meet an entry with it (tap < 0: all do). */
static void combine(const Gather *g, const Spot *p, int64_t tap)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *weight[TILE_MAX] = {NULL};
    const int columns = p->panel->columns;
    for (int v = 0; g->combine == PRODUCT && v < columns; v++)
        weight[v] = x_var(b, loop_let(b, arena_printf(b->arena, "w%d", v), load_weight(g, p, v)));
    for (int r = 0; r < p->rows; r++) {
        if (!meets(g, p, r, tap)) continue;
        LoopExpr *a = NULL;
        for (int v = 0; v < columns; v++) {
            if (!v || g->channelwise) {
                const char *name =
                    arena_printf(b->arena, "a%d", g->channelwise ? r * columns + v : r);
                a = x_var(b, loop_let(b, name, load_source(g, p, r, v)));
                if (g->l->lane_axis >= 0 && !a->vector) a = x_splat(b, a);
            }
            take(g, p->acc[r * columns + v], a, weight[v]);
        }
    }
}

enum { UNROLLED = 64 }; /* multiplications in the body of the innermost loop */

static void unroll(const Gather *g, const Spot *p)
{
    const int size = p->rows * p->panel->columns;
    loop_unroll(&g->l->b, size * 4 <= UNROLLED ? 4 : 2);
}

static void channels(Gather *g, const Spot *p, int64_t tap)
{
    LoopBuilder *b = &g->l->b;
    g->channel = x_int(b, 0);
    if (g->channelwise || g->sums == 1) {
        loop_block(b);
    } else {
        g->channel = x_var(b, loop_begin(b, "c", x_int(b, 0), x_int(b, g->sums), 1));
        unroll(g, p);
    }
    combine(g, p, tap);
    loop_end(b);
}

/* The taps of the last axis, written out: each position takes those that it meets. */
static void ragged(Gather *g, const Spot *p)
{
    LoopBuilder *b = &g->l->b;
    const Slide *s = &g->slide[last_axis(g)];
    for (int64_t tap = 0; tap < s->taps; tap++) {
        bool any = false;
        for (int r = 0; r < p->rows; r++) any |= meets(g, p, r, tap);
        if (!any) continue;
        g->tap[last_axis(g)] = x_int(b, tap);
        channels(g, p, tap);
    }
}

/* Few taps of single channels are no work for a loop. */
static void unroll_taps(const Gather *g, int axis)
{
    const int64_t taps = g->slide[axis].taps;
    if (g->channelwise && taps <= 4) loop_unroll(&g->l->b, (int)taps);
}

static void whole(Gather *g, const Spot *p)
{
    LoopBuilder *b = &g->l->b;
    const Slide *s = &g->slide[last_axis(g)];
    g->tap[last_axis(g)] = x_int(b, 0);
    if (s->taps > 1) {
        g->tap[last_axis(g)] = x_var(b, loop_begin(b, "kx", x_int(b, 0), x_int(b, s->taps), 1));
        unroll_taps(g, last_axis(g));
    }
    channels(g, p, -1);
    if (s->taps > 1) loop_end(b);
}

void gather_epilogue(const Gather *g, const Spot *p)
{
    Lower *l = g->l;
    for (int r = 0; r < p->rows; r++)
        for (int v = 0; v < p->panel->columns; v++) {
            const int mark = lower_mark(l);
            gather_set_place(g, p, r, v);
            lower_bind(l, l->k->anchor, x_var(&l->b, p->acc[r * p->panel->columns + v]));
            for (int i = 0; i < l->k->results.count; i++) {
                if (!window_stores(l, i)) continue;
                const Node *node = l->k->results.at[i]->node;
                lower_store(l, l->k->results.at[i], l->entry->member[node->id].label,
                            lower_member(l, node));
            }
            lower_forget(l, mark);
        }
    l->active = l->target->width;
}

static bool empty(const Gather *g)
{
    for (int a = 0; a < g->w.axes; a++)
        if (!g->slide[a].taps) return true;
    return false;
}

void gather_tile(Gather *g, Spot *p, bool is_whole)
{
    static const char *const names[] = {"ky", "kz", "ku", "kv", "kw"};
    LoopBuilder *b = &g->l->b;
    if (is_whole && g->combine == PRODUCT && !g->channelwise) {
        gather_product_tile(g, p);
        return;
    }
    const int count = p->rows * p->panel->columns;
    const double start = g->combine == LARGEST ? -3.402823466e38 : 0;
    p->acc = arena_array(b->arena, Var *, count);
    for (int i = 0; i < count; i++) {
        const char *name =
            arena_printf(b->arena, "c%d_%d", i / p->panel->columns, i % p->panel->columns);
        p->acc[i] = loop_var(b, name, x_float(b, start, g->l->lane_axis >= 0));
    }
    if (!empty(g)) {
        for (int a = 0; a < last_axis(g); a++) {
            LoopExpr *lo, *hi;
            slide_taps(b, &g->slide[a], g->at[a], &lo, &hi);
            g->tap[a] = x_var(b, loop_begin(b, names[a], lo, hi, 1));
            unroll_taps(g, a);
        }
        if (is_whole) whole(g, p);
        else ragged(g, p);
        for (int a = 0; a < last_axis(g); a++) loop_end(b);
    }
    gather_epilogue(g, p);
}

/* ---- loops over tiles ---- */

static void tiles(Gather *g, const Panel *panel)
{
    LoopBuilder *b = &g->l->b;
    SlideTiles *runs;
    const int n = slide_tiles(b->arena, &g->slide[last_axis(g)], g->tile.rows, &runs);
    for (int i = 0; i < n; i++) {
        Spot p = {.begin = runs[i].begin, .rows = (int)runs[i].size, .panel = panel};
        if (runs[i].count > 1) {
            const int64_t end = runs[i].begin + runs[i].size * runs[i].count;
            p.m =
                x_var(b, loop_begin(b, "x", x_int(b, runs[i].begin), x_int(b, end), runs[i].size));
        } else {
            p.m = x_int(b, runs[i].begin);
            loop_block(b);
        }
        gather_tile(g, &p, runs[i].whole);
        loop_end(b);
    }
}

static void panel(void *context, const Panel *p)
{
    static const char *const names[] = {"y", "z", "u", "v", "q"};
    Gather *g = context;
    LoopBuilder *b = &g->l->b;
    for (int a = 0; a < last_axis(g); a++)
        g->at[a] = x_var(b, loop_begin(b, names[a], x_int(b, 0), x_int(b, g->slide[a].count), 1));
    tiles(g, p);
    for (int a = 0; a < last_axis(g); a++) loop_end(b);
}

static Slide with_zeros(const Gather *g, int axis, Slide slide)
{
    const Value *source = g->source->value;
    const bool reads = axis == last_axis(g) && g->combine == PRODUCT && !g->channelwise
                    && source->node == g->l->k->anchor->inputs[0] && source->halo;
    if (reads) slide.before = source->halo->before[2 + axis];
    if (reads) slide.after = source->halo->after[2 + axis];
    return slide;
}

/* All phases of an adjoint: those of each axis combined with those of the others. */
static void phases(Gather *g, int axis, void (*phase)(Gather *g))
{
    if (axis == g->w.axes) {
        phase(g);
        return;
    }
    const WindowAxis *a = &g->w.axis[axis];
    if (g->w.result == ROLE_OUT) {
        g->slide[axis] = with_zeros(g, axis, slide_forward(a));
        phases(g, axis + 1, phase);
        return;
    }
    for (int64_t first = 0; first < a->stride; first++) {
        g->slide[axis] = with_zeros(g, axis, slide_adjoint(a, first));
        if (g->slide[axis].count) phases(g, axis + 1, phase);
    }
}

static void count_steps(Gather *g) { g->asks += gather_steps(g); }

static void all_panels(Gather *g)
{
    window_panels(g->l, g->lanes, g->tile.columns, panel, g);
    if (g->next) g->asked += gather_steps(g);
}

static void choose_tile(Gather *g)
{
    const WindowAxis *last = &g->w.axis[last_axis(g)];
    const int64_t width = g->l->lane_axis >= 0 ? g->l->target->width : 1;
    const int64_t positions =
        g->w.result == ROLE_OUT ? last->out : (last->in + last->stride - 1) / last->stride;
    const int64_t channels = g->channelwise ? g->w.in_channels : g->lanes,
                  vectors = (channels + width - 1) / width;
    if (g->combine == PRODUCT && !g->channelwise) {
        g->tile = tile_choose(g->l->target, positions, vectors);
        return;
    }
    g->tile.columns = vectors < 2 ? (int)vectors
                                  : 2; /* nothing is reused: enough to fill the pipeline */
    g->tile.rows = positions < 4 ? (int)positions : 4;
}

/* Whether the next picture should be asked for: where one stays in cache while its tiles pass, all
 * of it is read, and no other thread has it. */
static bool asks_ahead(const Gather *g)
{
    const Value *source = g->source->value, *result = g->l->k->results.at[0];
    if (g->combine != PRODUCT || g->channelwise) return false;
    for (int a = 0; a < g->w.axes; a++)
        if (g->w.result == ROLE_OUT && g->w.axis[a].taps < g->w.axis[a].stride) return false;
    return !g->l->entry->plan->threads && source->place == AT_WORK && result->place == AT_WORK
        && g->source->stride[1] == 1 && result->stride[1] == 1
        && 4 * (g->source->stride[0] + result->stride[0]) <= TILE_CACHE_BYTES;
}

static LoopExpr *next_picture(const Gather *g)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *next = x_add(b, g->l->axis[0], x_int(b, 1));
    return x_var(b, loop_let(b, "next", x_min(b, next, x_int(b, g->w.rows - 1))));
}

void lower_window_gather(Lower *l)
{
    Gather g = {.l = l};
    const Node *node = l->k->anchor;
    window_of(l->b.arena, node, &g.w);
    g.combine = g.w.input[1] == ROLE_WEIGHT ? PRODUCT : g.w.input[1] == ROLE_NONE ? SUM : LARGEST;
    g.source = &l->k->contracted[0];
    g.weight = &l->k->contracted[1];
    g.weight_type = g.w.weight;
    g.channelwise = window_is_channelwise(&g.w);
    g.lane_weight = window_weight_lanes(&g.w);
    const bool forward = g.w.result == ROLE_OUT;
    g.lanes = g.channelwise ? 1 : (forward ? g.w.out_channels : g.w.in_channels) / g.w.groups;
    g.sums = g.channelwise ? 1 : (forward ? g.w.in_channels : g.w.out_channels) / g.w.groups;
    g.group = x_int(&l->b, 0);
    choose_tile(&g);
    const bool rows = l->k->domain.dim[0] != 1, grouped = !g.channelwise && g.w.groups > 1;
    if (rows) {
        lower_loop(l, 0);
        if (asks_ahead(&g)) {
            phases(&g, 0, count_steps);
            g.next = next_picture(&g);
        }
    }
    if (grouped)
        g.group =
            x_var(&l->b, loop_begin(&l->b, "group", x_int(&l->b, 0), x_int(&l->b, g.w.groups), 1));
    if (g.channelwise) gather_each(&g);
    else phases(&g, 0, all_panels);
    if (grouped) loop_end(&l->b);
    window_moments_row(l, l->axis[0] ? l->axis[0] : x_int(&l->b, 0));
    if (rows) loop_end(&l->b);
    window_moments_finish(l);
}
