/* The tile of a convolution: its sums, which are a stage (accumulate.c), and its epilogue, a loop
 * over them. While it adds up it asks for its share of the next picture, which the processor does
 * not foresee where lines end. Without an epilogue the result itself takes the sums, else an array
 * of the size of a tile. A short epilogue behind a short sum, where that way through memory would
 * show, is on the accumulators, and the tile is part of its kernel. */
#include "lower/accumulate.h"
#include "lower/window_gather.h"

static int last_axis(const Gather *g) { return g->w.axes - 1; }

static int64_t width_of(const Gather *g)
{
    return g->l->lane_axis >= 0 ? g->l->target->width : 1;
}

/* ---- addresses ---- */

static LoopExpr *source_of(const Gather *g, const Spot *p)
{
    LoopBuilder *b = &g->l->b;
    const View *view = g->source;
    LoopExpr *x = x_int(b, view->offset);
    if (g->l->axis[0]) x = x_add(b, x, x_mul(b, g->l->axis[0], view->stride[0]));
    for (int a = 0; a < g->w.axes; a++) {
        LoopExpr *at = slide_entry(b, &g->slide[a], a == last_axis(g) ? p->m : g->at[a],
                                   x_int(b, 0));
        x = x_add(b, x, x_mul(b, at, view->stride[2 + a]));
    }
    return x_add(b, x, x_mul(b, g->group, g->sums * view->stride[1]));
}

static LoopExpr *weight_of(const Gather *g, const Spot *p)
{
    LoopBuilder *b = &g->l->b;
    const View *view = g->weight;
    LoopExpr *x = x_int(b, view->offset);
    for (int a = 0; a < g->w.axes; a++)
        x = x_add(b, x, x_int(b, g->slide[a].weight * view->stride[2 + a]));
    x = x_add(b, x, x_mul(b, g->group, g->w.out_channels / g->w.groups * view->stride[0]));
    return x_add(b, x, x_mul(b, p->panel->first, view->stride[g->lane_weight]));
}

/* ---- loops over what is added up ---- */

static SumLoop taps_of(const Gather *g, int axis)
{
    LoopBuilder *b = &g->l->b;
    const Slide *s = &g->slide[axis];
    SumLoop loop = {x_int(b, 0), x_int(b, s->taps),
                    x_int(b, s->offset_step * g->source->stride[2 + axis]),
                    x_int(b, s->weight_step * g->weight->stride[2 + axis])};
    if (axis < last_axis(g)) slide_taps(b, s, g->at[axis], &loop.lo, &loop.hi);
    return loop;
}

/* Taps of the last axis and channels are one loop where they lie one after another on both
 * sides. */
static bool merges(const Gather *g)
{
    const int axis = last_axis(g);
    const Slide *s = &g->slide[axis];
    return s->taps == 1
        || (s->offset_step * g->source->stride[2 + axis] == g->sums * g->source->stride[1]
            && s->weight_step * g->weight->stride[2 + axis]
                   == g->sums * g->weight->stride[1 - g->lane_weight]);
}

/* Steps of the innermost loop. */
static int64_t length_of(const Gather *g)
{
    return (merges(g) ? g->slide[last_axis(g)].taps : 1) * g->sums;
}

/* How many steps the loops over taps have. */
static int64_t outer_steps(const Gather *g)
{
    const int last = last_axis(g);
    int64_t steps = merges(g) ? 1 : g->slide[last].taps;
    for (int a = 0; a < last; a++) steps *= g->slide[a].taps;
    return steps;
}

enum { LEAST_PART = 4 };

/* A sum without such loops goes in parts, for between them is asked for what is needed next. */
static int64_t parts_of(const Gather *g)
{
    const int64_t length = length_of(g);
    int64_t parts = length / LEAST_PART;
    if (outer_steps(g) != 1 || !parts) return 1;
    while (length % parts) parts--;
    return parts;
}

/* The taps of the last axis are outermost: next to each other they would read almost the same
 * entries, which compilers then try to keep in registers that they do not have. */
static void find_loops(const Gather *g, Accumulate *t)
{
    LoopBuilder *b = &g->l->b;
    const int last = last_axis(g);
    const int64_t parts = g->next ? parts_of(g) : 1, part = length_of(g) / parts,
                  step_a = g->source->stride[1], step_b = g->weight->stride[1 - g->lane_weight];
    if (!merges(g)) t->loop[t->loops++] = taps_of(g, last);
    for (int a = 0; a < last; a++) t->loop[t->loops++] = taps_of(g, a);
    if (parts > 1)
        t->loop[t->loops++] = (SumLoop){x_int(b, 0), x_int(b, parts), x_int(b, part * step_a),
                                        x_int(b, part * step_b)};
    t->loop[t->loops++] =
        (SumLoop){x_int(b, 0), x_int(b, part), x_int(b, step_a), x_int(b, step_b)};
}

/* ---- what is needed next ---- */

/* Tiles of `rows` positions in a line of the phase. */
static int64_t tiles_of_line(const Gather *g, int64_t rows)
{
    return (g->slide[last_axis(g)].count + rows - 1) / rows;
}

static int64_t panels_of(const Gather *g, int64_t columns)
{
    const int64_t panel = columns * width_of(g);
    return (g->lanes + panel - 1) / panel;
}

/* The number of the tile in its phase: by group, panel, line, and positions. */
static LoopExpr *tile_number(const Gather *g, const Spot *p)
{
    LoopBuilder *b = &g->l->b;
    const int64_t columns = p->panel->columns;
    LoopExpr *at = x_add(b, x_mul(b, g->group, panels_of(g, columns)),
                         x_div(b, p->panel->first, columns * width_of(g)));
    for (int a = 0; a < last_axis(g); a++)
        at = x_add(b, x_mul(b, at, g->slide[a].count), g->at[a]);
    return x_add(b, x_mul(b, at, tiles_of_line(g, p->rows)), x_div(b, p->m, p->rows));
}

/* How many steps the loops around the innermost have. */
static int64_t steps_of(const Gather *g) { return outer_steps(g) * parts_of(g); }

int64_t gather_steps(const Gather *g)
{
    int64_t tiles = g->w.groups * panels_of(g, g->tile.columns) * tiles_of_line(g, g->tile.rows);
    for (int a = 0; a < last_axis(g); a++) tiles *= g->slide[a].count;
    return tiles * steps_of(g);
}

/* A share of the next picture, and of the lines that its results will take. */
static void look_ahead(const Gather *g, const Spot *p, Accumulate *t)
{
    LoopBuilder *b = &g->l->b;
    const Value *result = g->l->k->results.at[0];
    const int64_t steps = steps_of(g), floats[2] = {g->source->stride[0], result->stride[0]};
    const Value *const of[2] = {g->source->value, result};
    if (!g->next || !steps) return;
    LoopExpr *at = tile_number(g, p);
    for (int i = 0; i < 2; i++) {
        const int64_t each = floats[i] / g->asks;
        if (!each) continue;
        LoopExpr *first = x_add(b, x_mul(b, g->next, floats[i]), x_int(b, g->asked * each));
        first = x_add(b, first, x_mul(b, at, steps * each));
        t->ahead[i] = (SumAhead){lower_buffer(g->l, of[i]), first, x_int(b, each)};
    }
}

static Accumulate sums_of(const Gather *g, const Spot *p)
{
    const Slide *s = &g->slide[last_axis(g)];
    Accumulate t = {.a = lower_buffer(g->l, g->source->value),
                    .b = lower_buffer(g->l, g->weight->value),
                    .a_at = source_of(g, p),
                    .b_at = weight_of(g, p),
                    .a_row = x_int(&g->l->b,
                                   s->source_step * g->source->stride[2 + last_axis(g)]),
                    .rows = p->rows,
                    .columns = p->panel->columns,
                    .lanes = gather_weight_lanes(g, p, p->panel->columns - 1),
                    .vector = g->l->lane_axis >= 0};
    find_loops(g, &t);
    look_ahead(g, p, &t);
    return t;
}

/* ---- the epilogue ---- */

/* All positions of some vectors: the members behind the product, from what waits. */
static void epilogue(Gather *g, const Spot *p, LoopExpr *column, int active)
{
    Lower *l = g->l;
    LoopBuilder *b = &l->b;
    const int64_t row = p->panel->columns * width_of(g);
    LoopExpr *r = x_var(b, loop_begin(b, "r", x_int(b, 0), x_int(b, p->rows), 1));
    Spot spot = *p;
    Panel panel = *p->panel;
    const int mark = lower_mark(l);
    panel.first = x_add(b, panel.first, column);
    spot.m = x_add(b, spot.m, r);
    spot.panel = &panel;
    gather_set_place(g, &spot, 0, 0);
    l->active = active;
    LoopExpr *at = x_add(b, x_mul(b, r, row), column);
    LoopExpr *sum = l->lane_axis >= 0 ? x_vload(b, g->waiting, at, l->target->width)
                                      : x_load(b, g->waiting, at);
    lower_bind(l, l->k->anchor, x_var(b, loop_let(b, "sum", sum)));
    for (int i = 0; i < l->k->results.count; i++) {
        if (!window_stores(l, i)) continue;
        const Node *node = l->k->results.at[i]->node;
        lower_store(l, l->k->results.at[i], l->entry->member[node->id].label,
                    lower_member(l, node));
    }
    lower_forget(l, mark);
    l->active = l->target->width;
    loop_end(b);
}

static void finish(Gather *g, const Spot *p)
{
    LoopBuilder *b = &g->l->b;
    const int64_t width = width_of(g);
    const int whole = p->panel->active < width ? p->panel->columns - 1 : p->panel->columns;
    if (whole > 1) {
        LoopExpr *v = x_var(b, loop_begin(b, "v", x_int(b, 0), x_int(b, whole * width), width));
        epilogue(g, p, v, g->l->target->width);
        loop_end(b);
    } else if (whole) {
        epilogue(g, p, x_int(b, 0), g->l->target->width);
    }
    if (whole < p->panel->columns) epilogue(g, p, x_int(b, whole * width), p->panel->active);
}

/* The result takes whole vectors of sums as they are. */
static bool is_plain(const Gather *g, const Spot *p)
{
    const Value *v = g->l->k->results.at[0];
    return window_is_bare(g->l) && v->dtype == DT_F32 && p->panel->active == width_of(g)
        && v->stride[1] == 1;
}

/* Where the sums go: to the result, or to an array where they wait. */
static void choose_destination(Gather *g, const Spot *p, bool plain, Accumulate *t)
{
    Lower *l = g->l;
    const Value *v = l->k->results.at[0];
    const int64_t width = width_of(g);
    if (plain) {
        gather_set_place(g, p, 0, 0);
        t->out = lower_buffer(l, v);
        t->out_at = lower_address(l, v->origin, v->stride, l->entry->member[v->node->id].label,
                                  v->node->type);
        t->out_row = x_int(&l->b, g->slide[last_axis(g)].step * v->stride[2 + last_axis(g)]);
        return;
    }
    if (!g->waiting)
        g->waiting = loop_local(&l->b, "tile", g->tile.rows * g->tile.columns * width);
    t->out = g->waiting;
    t->out_at = x_int(&l->b, 0);
    t->out_row = x_int(&l->b, p->panel->columns * width);
}

enum { SHORT_SUM = 64 };

/* Whether the accumulators go through the epilogue where they are. */
static bool stays(const Gather *g)
{
    int64_t length = g->sums;
    for (int a = 0; a < g->w.axes; a++) length *= g->slide[a].taps;
    return length < SHORT_SUM && !lower_epilogue_is_long(g->l);
}

void gather_product_tile(Gather *g, Spot *p)
{
    const bool plain = is_plain(g, p);
    Accumulate t = sums_of(g, p);
    if (!plain && stays(g)) {
        accumulate_here(&g->l->b, &t);
        p->acc = t.acc;
        gather_epilogue(g, p);
        return;
    }
    choose_destination(g, p, plain, &t);
    accumulate(&g->l->b, &t);
    if (!plain) finish(g, p);
}
