/* The stage of Winograd's form that multiplies: one product in each plane. */
#include "lower/accumulate.h"
#include "lower/winograd_stage.h"

typedef struct Spot {
    LoopExpr *plane, *m, *n;
    int rows, columns;
} Spot;

/* What is needed next is asked for in shares, a vector of the product each. */
static void look_ahead(Winograd *g, const Product *p, const Spot *s)
{
    LoopBuilder *b = &g->l->b;
    const int64_t width = winograd_width(g), vectors = (p->columns + width - 1) / width;
    LoopExpr *at = x_add(b, x_times(b, s->plane, x_known(b, "share", p->rows * vectors, false)),
                         x_times(b, x_div(b, s->n, width), x_known(b, "high", p->rows, false)));
    at = x_add(b, at, x_mul(b, s->m, s->columns));
    for (int i = 0; i < 2; i++)
        if (g->ahead[i].floats)
            ahead_share(b, &g->ahead[i], at, (int64_t)s->rows * s->columns,
                        WINOGRAD_PLANES * p->rows * vectors);
}

static LoopExpr *named(LoopBuilder *b, const char *name, LoopExpr *x)
{
    return x_var(b, loop_let(b, name, x));
}

static void product_tile(Winograd *g, const Product *p, const Spot *s)
{
    LoopBuilder *b = &g->l->b;
    look_ahead(g, p, s);
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
                    .lanes = (int)winograd_width(g),
                    .vector = g->l->lane_axis >= 0,
                    .adds = p->adds};
    if (p->adds) t.out_at = x_add(b, t.out_at, window_group_at(g->l, &g->groups, g->u));
    t.loop[t.loops++] = (SumLoop){x_int(b, 0), p->length, p->a_step, p->b_step};
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
    const int64_t width = winograd_width(g), vectors = (p->columns + width - 1) / width;
    const Tile tile = product_tile_of(g, p->rows, vectors);
    Share across[2], down[2];
    const int panels = share_evenly(vectors, tile.columns, across),
              heights = share_evenly(p->rows, tile.rows, down);
    if (p->adds)
        winograd_stage_begin(g, "winograd_add_product",
                             "In every plane: the sum of products over tiles.");
    else winograd_stage_begin(g, "winograd_product", "In every plane: tiles times weights.");
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
    winograd_stage_end(g);
}
