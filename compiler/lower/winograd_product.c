/* The stage of Winograd's form that multiplies: one product in each plane. */
#include "lower/accumulate.h"
#include "lower/winograd_stage.h"

typedef struct Spot {
    LoopExpr *plane, *m, *n;
    int rows, columns;
} Spot;

/* ---- the sum, and what is asked for meanwhile ---- */

/* Numbers of a stretch that fall to each vector of the product, rounded down: the last lines are
 * not worth reading beyond the end. */
static int64_t share_of(const Winograd *g, const Product *p, const Ahead *ahead)
{
    const int64_t width = window_width(g->l), vectors = (p->columns + width - 1) / width;
    return ahead->floats / (WINOGRAD_PLANES * p->rows * vectors);
}

enum { LINE = 16, LEAST_PART = 4 }; /* floats that come together; steps of a part of the sum */

/* The parts that a run of the sum is cut into, each with a few of the tile's lines asked for in
 * front: as many as a run has lines, for the loads of the product wait behind lines that are asked
 * for all at once. 0: there are fewer lines than runs. */
static int64_t parts_of(const Winograd *g, const Product *p, const Spot *s)
{
    int64_t parts = 0;
    for (int i = 0; i < 2; i++) {
        const int64_t lines = share_of(g, p, &g->ahead[i]) * s->rows * s->columns / LINE;
        if (parts < lines / p->most_runs) parts = lines / p->most_runs;
    }
    while (parts > 1 && (p->run % parts || p->run / parts < LEAST_PART)) parts--;
    return parts;
}

static LoopExpr *named(LoopBuilder *b, const char *name, LoopExpr *x)
{
    return x->kind == E_VAR || x->kind == E_INT ? x : x_var(b, loop_let(b, name, x));
}

/* From one step of a loop to the next, each `steps` steps of the sum. */
static SumLoop sum_loop(LoopBuilder *b, const Product *p, LoopExpr *count, const char *name,
                        LoopExpr *steps)
{
    return (SumLoop){x_int(b, 0), count,
                     named(b, arena_printf(b->arena, "a_%s", name), x_times(b, steps, p->a_step)),
                     named(b, arena_printf(b->arena, "b_%s", name), x_times(b, steps, p->b_step))};
}

/* All of it at once, or by runs and their parts. */
static void find_loops(LoopBuilder *b, const Product *p, int64_t parts, Accumulate *t)
{
    LoopExpr *length = x_known(b, p->run_name, p->run, false);
    if (parts && p->most_runs > 1) t->loop[t->loops++] = sum_loop(b, p, p->runs, "run", length);
    if (parts > 1) {
        length = x_known(b, "part", p->run / parts, false);
        t->loop[t->loops++] = sum_loop(b, p, x_known(b, "parts", parts, false), "part", length);
    }
    if (!t->loops) length = named(b, "k_count", x_times(b, p->runs, length));
    t->loop[t->loops++] = (SumLoop){x_int(b, 0), length, p->a_step, p->b_step};
}

static void look_ahead(const Winograd *g, const Product *p, const Spot *s, int64_t steps,
                       Accumulate *t)
{
    LoopBuilder *b = &g->l->b;
    const int64_t width = window_width(g->l), vectors = (p->columns + width - 1) / width;
    LoopExpr *at = x_add(b, x_times(b, s->plane, x_known(b, "vectors", p->rows * vectors, false)),
                         x_times(b, x_div(b, s->n, width), x_known(b, "high", p->rows, false)));
    at = x_add(b, at, x_mul(b, s->m, s->columns));
    if (g->ahead[0].floats || g->ahead[1].floats) at = named(b, "vector", at);
    for (int i = 0; i < 2; i++) {
        const int64_t share = share_of(g, p, &g->ahead[i]),
                      each = (share * s->rows * s->columns + steps - 1) / steps;
        if (!share) continue;
        LoopExpr *from = named(b, "from", x_times(b, at, x_known(b, "share", share, false)));
        t->ahead[i] = (SumAhead){g->ahead[i].buffer, x_add(b, g->ahead[i].first, from),
                                 x_known(b, "each", each, false)};
    }
}

/* ---- tiles ---- */

static void product_tile(Winograd *g, const Product *p, const Spot *s)
{
    LoopBuilder *b = &g->l->b;
    const int64_t parts = parts_of(g, p, s);
    LoopExpr *a = x_add(b, x_times(b, s->plane, p->a_plane), x_times(b, s->m, p->a_row)),
             *wide = x_add(b, x_times(b, s->plane, p->b_plane), s->n),
             *c = x_add(b, x_times(b, s->plane, p->c_plane), x_times(b, s->m, p->c_row));
    Accumulate t = {.a = lower_buffer(g->l, p->a),
                    .b = lower_buffer(g->l, p->b),
                    .out = lower_buffer(g->l, p->c),
                    .a_at = named(b, "a", a),
                    .b_at = named(b, "b", wide),
                    .out_at = named(b, "c", x_add(b, c, s->n)),
                    .a_row = p->a_row,
                    .out_row = p->c_row,
                    .rows = s->rows,
                    .columns = s->columns,
                    .lanes = window_width(g->l),
                    .vector = g->l->lane_axis >= 0,
                    .adds = p->adds};
    if (p->adds) t.out_at = x_add(b, t.out_at, window_group_at(g->l, &g->groups, g->u));
    find_loops(b, p, parts, &t);
    look_ahead(g, p, s, parts ? parts * p->most_runs : 1, &t);
    accumulate(b, &t);
}

enum { ENOUGH = 12 }; /* accumulators to hide the latency of a multiply-add */

/* The best tile of those that divide the product, where none is 5 % better: its text is half as
 * long, and products of other sizes have it as well. */
static Tile product_tile_of(const Winograd *g, int64_t rows, int64_t vectors)
{
    const Tile free = tile_choose(g->l->target, rows, vectors);
    Tile best = free;
    double least = 1.05 * tile_cost(free.rows, free.columns);
    for (int columns = 1; columns <= 4; columns++)
        for (int r = 1; r <= rows && r <= TILE_MAX; r++) {
            const bool divides = rows % r == 0 && vectors % columns == 0;
            if (!divides || r * columns < ENOUGH || !tile_fits(g->l->target, r, columns)) continue;
            if (tile_cost(r, columns) > least) continue;
            least = 0.98 * tile_cost(r, columns);
            best = (Tile){r, columns};
        }
    return best;
}

/* A loop over a run of equal tiles. */
static LoopExpr *share_begin(LoopBuilder *b, const char *name, const Share *run, int64_t unit,
                             bool all)
{
    const int64_t begin = run->begin * unit, step = run->size * unit;
    LoopExpr *end = x_int(b, begin + step * run->count);
    if (all) end = x_known(b, *name == 'm' ? "rows" : "channels", (int64_t)end->number, false);
    return x_var(b, loop_begin(b, name, x_int(b, begin), end, step));
}

void winograd_products(Winograd *g, const Product *p)
{
    LoopBuilder *b = &g->l->b;
    const int64_t width = window_width(g->l), vectors = (p->columns + width - 1) / width;
    const Tile tile = product_tile_of(g, p->rows, vectors);
    Share across[2], down[2];
    const int panels = share_evenly(vectors, tile.columns, across),
              heights = share_evenly(p->rows, tile.rows, down);
    if (p->adds)
        window_stage_begin(&g->l->b, "winograd_add_product",
                             "In every plane: the sum of products over tiles.");
    else window_stage_begin(&g->l->b, "winograd_product", "In every plane: tiles times weights.");
    Spot s = {.plane = x_var(b, loop_begin(b, "plane", x_int(b, 0), x_int(b, WINOGRAD_PLANES), 1))};
    for (int i = 0; i < panels; i++) {
        s.n = share_begin(b, "o", &across[i], width, panels == 1);
        s.columns = (int)across[i].size;
        for (int j = 0; j < heights; j++) {
            s.m = share_begin(b, "m", &down[j], 1, heights == 1);
            s.rows = (int)down[j].size;
            product_tile(g, p, &s);
            loop_end(b);
        }
        loop_end(b);
    }
    loop_end(b);
    window_stage_end(&g->l->b);
}
