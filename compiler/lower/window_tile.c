/* The tile of a convolution. Its sums are a stage that all convolutions with tiles of that size
 * share, with the strides as numbers where it is called; the epilogue is a loop over them.
 *
 *   for kx < taps                               of the last axis, or one: the loop over c has them
 *       for ky in [first, end)                  of the outer axes
 *           for c < length
 *               acc[r][v] += in[r * step + ...] * weight[... + v]
 *   sums[r * row + v] = acc[r][v]
 *
 * Without an epilogue the result itself takes the sums, else an array of the size of a tile. A
 * short epilogue behind a short sum, where that way through memory would show, is on the
 * accumulators, and the tile is part of its kernel. */
#include "lower/window_gather.h"

/* A loop over taps or channels, and how far one step goes in the source and in the weights. */
typedef struct Walk {
    int64_t length, source, weight;
} Walk;

typedef struct Sums {
    Gather *g;
    const Spot *p;
    bool shared; /* a stage */
    Buffer *to;
    LoopExpr *to_at;
    int64_t to_row;
    LoopExpr *row;             /* known: to_row */
    LoopExpr *step;            /* known: from one position to the next in the source */
    LoopExpr *source, *weight; /* addresses: of the first position, of the first vector */
} Sums;

static int last_axis(const Gather *g) { return g->w.axes - 1; }

static LoopExpr *number(const Sums *t, const char *name, int64_t value)
{
    LoopBuilder *b = &t->g->l->b;
    return t->shared ? x_known(b, name, value, false) : x_int(b, value);
}

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

static Walk taps_of(const Gather *g, int axis)
{
    const Slide *s = &g->slide[axis];
    return (Walk){s->taps, s->offset_step * g->source->stride[2 + axis],
                  s->weight_step * g->weight->stride[2 + axis]};
}

static Walk channels_of(const Gather *g)
{
    return (Walk){g->sums, g->source->stride[1], g->weight->stride[1 - g->lane_weight]};
}

/* Taps of the last axis and channels are one loop where they lie one after another on both sides;
 * nothing is left of the loop over taps then. */
static void merge(Walk *taps, Walk *channels)
{
    const bool adjoins = taps->source == channels->length * channels->source
                      && taps->weight == channels->length * channels->weight;
    if (!adjoins && taps->length != 1) return;
    channels->length *= taps->length;
    *taps = (Walk){.length = 1};
}

/* Opens the loop; the addresses are those of its current step. */
static void walk(Sums *t, const char *name, LoopExpr *lo, LoopExpr *hi, Walk w, const char *in_step,
                 const char *weight_step)
{
    LoopBuilder *b = &t->g->l->b;
    LoopExpr *i = x_var(b, loop_begin(b, name, lo, hi, 1));
    t->source = x_add(b, t->source, x_times(b, i, number(t, in_step, w.source)));
    t->weight = x_add(b, t->weight, x_times(b, i, number(t, weight_step, w.weight)));
}

static LoopExpr *bound(const Sums *t, const char *name, LoopExpr *x)
{
    return x->kind == E_INT ? number(t, name, (int64_t)x->number) : x;
}

static void multiply(const Sums *t)
{
    LoopBuilder *b = &t->g->l->b;
    const Spot *p = t->p;
    const int columns = p->panel->columns;
    LoopExpr *weight[TILE_MAX];
    for (int v = 0; v < columns; v++) {
        LoopExpr *at = x_add(b, t->weight, x_int(b, v * width_of(t->g)));
        weight[v] = x_var(b, loop_let(b, arena_printf(b->arena, "w%d", v),
                                      gather_load_weight(t->g, p, v, at)));
    }
    for (int r = 0; r < p->rows; r++) {
        LoopExpr *at = x_add(b, t->source, x_mul(b, t->step, r));
        LoopExpr *x = x_load(b, lower_buffer(t->g->l, t->g->source->value), at);
        x = x_var(b, loop_let(b, arena_printf(b->arena, "a%d", r),
                              t->g->l->lane_axis >= 0 ? x_splat(b, x) : x));
        for (int v = 0; v < columns; v++) {
            Var *sum = p->acc[r * columns + v];
            loop_set(b, sum, x_fma(b, x, weight[v], x_var(b, sum)));
        }
    }
}

/* [lo, hi): the taps of the outer axes. Those of the last are outermost: next to each other they
 * would read almost the same entries, which compilers then try to keep in registers that they do
 * not have. */
static void add_up(Sums *t, LoopExpr *const *lo, LoopExpr *const *hi)
{
    static const char *const names[] = {"ky", "kz", "ku", "kv", "kq"};
    Gather *g = t->g;
    LoopBuilder *b = &g->l->b;
    LoopExpr *zero = x_int(b, 0);
    Walk taps = taps_of(g, last_axis(g)), channels = channels_of(g);
    merge(&taps, &channels);
    walk(t, "kx", zero, number(t, "taps", taps.length), taps, "tap", "weight_tap");
    for (int a = 0; a < last_axis(g); a++)
        walk(t, names[a], bound(t, "first", lo[a]), bound(t, "end", hi[a]), taps_of(g, a), "line",
             "weight_line");
    walk(t, "c", zero, number(t, "length", channels.length), channels, "apart", "weight_row");
    gather_unroll(g, t->p);
    multiply(t);
    for (int open = 0; open <= g->w.axes; open++) loop_end(b);
}

/* ---- the stage ---- */

static LoopExpr *sum_place(const Sums *t, int i)
{
    LoopBuilder *b = &t->g->l->b;
    const int columns = t->p->panel->columns;
    LoopExpr *at = x_add(b, t->to_at, x_mul(b, t->row, i / columns));
    return x_add(b, at, x_int(b, i % columns * width_of(t->g)));
}

static void begin_stage(const Sums *t)
{
    const Gather *g = t->g;
    LoopBuilder *b = &g->l->b;
    const int rows = t->p->rows, lanes = t->p->panel->columns * (int)width_of(g);
    const char *comment = arena_printf(b->arena,
                                       "out[r * row + v] = sum over taps and channels of in[r * "
                                       "step] * weight[v], for %d positions r and %d channels v.",
                                       rows, lanes);
    lower_buffer(g->l, g->weight->value)->role = "weight";
    loop_stage(b, arena_printf(b->arena, "window_%dx%d", rows, lanes), comment, true);
}

static void start_sums(const Sums *t)
{
    LoopBuilder *b = &t->g->l->b;
    const int columns = t->p->panel->columns;
    for (int i = 0; i < t->p->rows * columns; i++)
        t->p->acc[i] = loop_var(b, arena_printf(b->arena, "c%d_%d", i / columns, i % columns),
                                x_float(b, 0, t->g->l->lane_axis >= 0));
}

static void store_sums(const Sums *t)
{
    Lower *l = t->g->l;
    for (int i = 0; i < t->p->rows * t->p->panel->columns; i++) {
        LoopExpr *x = x_var(&l->b, t->p->acc[i]);
        if (l->lane_axis < 0) loop_store(&l->b, t->to, sum_place(t, i), x);
        else loop_vstore(&l->b, t->to, sum_place(t, i), x, l->target->width);
    }
}

static void sums(Sums *t)
{
    const Gather *g = t->g;
    LoopBuilder *b = &g->l->b;
    const int last = last_axis(g);
    const int64_t step = g->slide[last].source_step * g->source->stride[2 + last];
    LoopExpr *lo[MAX_WINDOW_AXES], *hi[MAX_WINDOW_AXES];
    for (int a = 0; a < last; a++) slide_taps(b, &g->slide[a], g->at[a], &lo[a], &hi[a]);
    if (t->shared) begin_stage(t);
    t->step = number(t, "step", step);
    start_sums(t);
    add_up(t, lo, hi);
    if (!t->shared) return;
    t->row = number(t, "row", t->to_row);
    store_sums(t);
    loop_end(b);
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
    const Kernel *k = g->l->k;
    const Value *v = k->results.at[0];
    return k->nodes.count == 1 && k->results.count == 1 && v->dtype == DT_F32
        && v->node == k->anchor && p->panel->active == width_of(g) && v->stride[1] == 1;
}

/* Where the sums go: to the result, or to an array where they wait. */
static void choose_destination(Sums *t, bool plain)
{
    Gather *g = t->g;
    Lower *l = g->l;
    const Value *v = l->k->results.at[0];
    const int64_t width = width_of(g);
    if (plain) {
        gather_set_place(g, t->p, 0, 0);
        t->to = lower_buffer(l, v);
        t->to_at = lower_address(l, v->origin, v->stride, l->entry->member[v->node->id].label,
                                 v->node->type);
        t->to_row = g->slide[last_axis(g)].step * v->stride[2 + last_axis(g)];
        return;
    }
    if (!g->waiting)
        g->waiting = loop_local(&l->b, "tile", g->tile.rows * g->tile.columns * width);
    t->to = g->waiting;
    t->to_at = x_int(&l->b, 0);
    t->to_row = t->p->panel->columns * width;
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
    p->acc = arena_array(g->l->b.arena, Var *, p->rows * p->panel->columns);
    Sums t = {.g = g, .p = p, .source = source_of(g, p), .weight = weight_of(g, p)};
    const bool plain = is_plain(g, p);
    t.shared = plain || !stays(g);
    if (t.shared) choose_destination(&t, plain);
    sums(&t);
    if (!t.shared) gather_epilogue(g, p);
    else if (!plain) finish(g, p);
}
