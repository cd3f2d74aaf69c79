/* Windows of 3 x 3 in Winograd's form.
 *
 *   transformed weights:  U[36][source channels][result channels]
 *   for each block of tiles                          some whole pictures, or rows of tiles of one
 *       for each tile:    V[36][tile][source channels] = transform of 6 x 6 entries
 *       for each plane:   M[tile][result channels] = V @ U
 *       for each tile:    4 x 4 results = transform of M, epilogue, stores
 *
 * Where tiles do not fill a picture the last of a line overlaps the one before, and what both
 * compute is the same but for rounding. The gradient by the weights, which must take in everything
 * once, reads zeros there from the halos of both its operands.
 *
 * The gradient by the weights adds up U += V^T @ Y over the blocks, Y the transform of 4 x 4
 * gradients, and transforms U at the end; where threads share the rows of the batch, each group of
 * rows has a U of its own, and all are added up there. Tiles of pictures beyond the count are
 * computed from what the memory holds and never stored.
 *
 * Transforms stream, products compute: while a block is multiplied, the lines that its results and
 * the next block's transforms need are asked for (ahead.h). */
#include "lower/ahead.h"
#include "lower/tile.h"
#include "lower/window.h"
#include "lower/winograd.h"

typedef struct Winograd {
    Lower *l;
    Window w;
    bool adjoint;
    WinogradBlock block;
    int64_t ins, outs;           /* channels of what is transformed by B, and of the other side */
    int64_t in_width, out_width; /* of their rows in memory: padded */
    int64_t in_plane, out_plane, weight_plane;
    const Value *u, *v, *m;
    Buffer *half;                 /* a tile between its two transforms */
    LoopExpr *picture, *pictures; /* first of the block, and how many of it are there */
    LoopExpr *group;              /* of rows, whose sums stand apart; NULL: there are none */
    LoopExpr *row;                /* of tiles, first of the block */
    Ahead ahead[2];               /* what the next block reads, and what this one writes */
    LoopExpr *at[4], *tile; /* row of the batch; first entry of the tile along both axes; its number
                               in the block */
    const Panel *panel;
} Winograd;

static int64_t width_of(const Winograd *g)
{
    return g->l->lane_axis >= 0 ? g->l->target->width : 1;
}

static LoopExpr *vector_load(const Winograd *g, Buffer *buffer, LoopExpr *at, int active)
{
    return g->l->lane_axis >= 0 ? x_vload(&g->l->b, buffer, at, active)
                                : x_load(&g->l->b, buffer, at);
}

static void vector_store(const Winograd *g, Buffer *buffer, LoopExpr *at, LoopExpr *x, int active)
{
    if (g->l->lane_axis >= 0) loop_vstore(&g->l->b, buffer, at, x, active);
    else loop_store(&g->l->b, buffer, at, x);
}

/* ---- weights ---- */

typedef struct Weights {
    Winograd *g;
    LoopExpr *channel;
    const Panel *panel;
} Weights;

static LoopExpr *weight_at(const Weights *s, const int64_t *stride, int64_t offset, int lane,
                           LoopExpr *y, LoopExpr *x)
{
    LoopBuilder *b = &s->g->l->b;
    LoopExpr *at =
        x_add(b, x_int(b, offset), x_add(b, x_mul(b, y, stride[2]), x_mul(b, x, stride[3])));
    at = x_add(b, at, x_mul(b, s->channel, stride[1 - lane]));
    return x_add(b, at, x_mul(b, s->panel->first, stride[lane]));
}

/* Where plane (y, x) of a transform starts. */
static LoopExpr *plane_of(LoopBuilder *b, int64_t plane, LoopExpr *y, LoopExpr *x)
{
    return x_add(b, x_mul(b, y, WINOGRAD_IN * plane), x_mul(b, x, plane));
}

static LoopExpr *plane_at(const Weights *s, LoopExpr *y, LoopExpr *x)
{
    LoopBuilder *b = &s->g->l->b;
    LoopExpr *at = plane_of(b, s->g->weight_plane, y, x);
    return x_add(b, x_add(b, at, x_mul(b, s->channel, s->g->out_width)), s->panel->first);
}

/* An adjoint turns the window round. */
static LoopExpr *load_weight(void *context, LoopExpr *y, LoopExpr *x)
{
    const Weights *s = context;
    const Winograd *g = s->g;
    const View *view = &g->l->k->contracted[1];
    LoopBuilder *b = &g->l->b;
    if (g->adjoint) {
        y = x_add(b, x_mul(b, y, -1), x_int(b, WINOGRAD_TAPS - 1));
        x = x_add(b, x_mul(b, x, -1), x_int(b, WINOGRAD_TAPS - 1));
    }
    LoopExpr *at = weight_at(s, view->stride, view->offset, g->adjoint ? 1 : 0, y, x);
    return vector_load(g, lower_buffer(g->l, view->value), at, s->panel->active);
}

static void store_plane(void *context, LoopExpr *y, LoopExpr *x, LoopExpr *value)
{
    const Weights *s = context;
    vector_store(s->g, lower_buffer(s->g->l, s->g->u), plane_at(s, y, x), value,
                 (int)width_of(s->g));
}

/* The sum over the groups, in their order. */
static LoopExpr *load_plane(void *context, LoopExpr *y, LoopExpr *x)
{
    const Weights *s = context;
    const Winograd *g = s->g;
    LoopBuilder *b = &g->l->b;
    Buffer *u = lower_buffer(g->l, g->u);
    LoopExpr *at = plane_at(s, y, x), *sum = vector_load(g, u, at, (int)width_of(g));
    for (int i = 1; i < g->u->pieces; i++) {
        LoopExpr *more = x_add(b, at, x_int(b, i * g->u->each));
        sum = x_map(b, OP_add, 2, (LoopExpr *[]){sum, vector_load(g, u, more, (int)width_of(g))});
    }
    return sum;
}

static void store_weight(void *context, LoopExpr *y, LoopExpr *x, LoopExpr *value)
{
    const Weights *s = context;
    const Value *to = s->g->l->k->results.at[0];
    LoopExpr *at = weight_at(s, to->stride, to->origin, 0, y, x);
    vector_store(s->g, lower_buffer(s->g->l, to), at, value, s->panel->active);
}

static void weights_panel(void *context, const Panel *panel)
{
    Weights *s = context;
    LoopBuilder *b = &s->g->l->b;
    const bool gradient = s->g->w.result == ROLE_WEIGHT;
    s->panel = panel;
    loop_block(b);
    Buffer *half = s->g->half;
    const int width = (int)width_of(s->g);
    if (gradient)
        winograd_transform(b, &winograd_weight_gradient,
                           &(Plane){s, load_plane, store_weight, half}, width);
    else
        winograd_transform(b, &winograd_weight, &(Plane){s, load_weight, store_plane, half}, width);
    loop_end(b);
}

static void weights(Winograd *g)
{
    LoopBuilder *b = &g->l->b;
    Weights s = {.g = g};
    loop_comment(b, g->w.result == ROLE_WEIGHT
                        ? "Winograd F(4 x 4, 3 x 3): back from the 36 planes to 3 x 3 taps."
                        : "Winograd F(4 x 4, 3 x 3): weights of 3 x 3 taps to 36 planes.");
    s.channel = x_var(b, loop_begin(b, "c", x_int(b, 0), x_int(b, g->ins), 1));
    window_panels(g->l, g->outs, 1, weights_panel, &s);
    loop_end(b);
}

/* ---- tiles ---- */

/* Entry (y, x) of the tile in an operand, `before` entries of padding in front of it. */
static LoopExpr *entry_at(const Winograd *g, const View *view, int64_t before, LoopExpr *y,
                          LoopExpr *x)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *at = x_add(b, x_int(b, view->offset), x_mul(b, g->at[0], view->stride[0]));
    at =
        x_add(b, at, x_mul(b, x_add(b, g->at[2], x_add(b, y, x_int(b, -before))), view->stride[2]));
    at =
        x_add(b, at, x_mul(b, x_add(b, g->at[3], x_add(b, x, x_int(b, -before))), view->stride[3]));
    return x_add(b, at, x_mul(b, g->panel->first, view->stride[1]));
}

static LoopExpr *tile_at(const Winograd *g, int64_t plane, int64_t width, LoopExpr *y, LoopExpr *x)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *at = plane_of(b, plane, y, x);
    return x_add(b, x_add(b, at, x_mul(b, g->tile, width)), g->panel->first);
}

static LoopExpr *load_in(void *context, LoopExpr *y, LoopExpr *x)
{
    const Winograd *g = context;
    const View *view = &g->l->k->contracted[0];
    const int64_t before = g->adjoint ? WINOGRAD_TAPS - 1 - g->w.axis[0].before
                                      : g->w.axis[0].before;
    const int64_t across = g->adjoint ? WINOGRAD_TAPS - 1 - g->w.axis[1].before
                                      : g->w.axis[1].before;
    LoopExpr *at = x_add(&g->l->b, entry_at(g, view, before, y, x),
                         x_int(&g->l->b, (before - across) * view->stride[3]));
    return vector_load(g, lower_buffer(g->l, view->value), at, g->panel->active);
}

static void store_in(void *context, LoopExpr *y, LoopExpr *x, LoopExpr *value)
{
    const Winograd *g = context;
    vector_store(g, lower_buffer(g->l, g->v), tile_at(g, g->in_plane, g->in_width, y, x), value,
                 (int)width_of(g));
}

static LoopExpr *load_gradient(void *context, LoopExpr *y, LoopExpr *x)
{
    const Winograd *g = context;
    const View *view = &g->l->k->contracted[1];
    return vector_load(g, lower_buffer(g->l, view->value), entry_at(g, view, 0, y, x),
                       g->panel->active);
}

static void store_out(void *context, LoopExpr *y, LoopExpr *x, LoopExpr *value)
{
    const Winograd *g = context;
    vector_store(g, lower_buffer(g->l, g->m), tile_at(g, g->out_plane, g->out_width, y, x), value,
                 (int)width_of(g));
}

static LoopExpr *load_out(void *context, LoopExpr *y, LoopExpr *x)
{
    const Winograd *g = context;
    return vector_load(g, lower_buffer(g->l, g->m), tile_at(g, g->out_plane, g->out_width, y, x),
                       (int)width_of(g));
}

/* The epilogue at one entry of the result. */
static void store_result(void *context, LoopExpr *y, LoopExpr *x, LoopExpr *value)
{
    const Winograd *g = context;
    Lower *l = g->l;
    LoopBuilder *b = &l->b;
    const int mark = lower_mark(l);
    l->axis[0] = g->at[0];
    l->axis[1] = g->panel->first;
    l->axis[2] = x_add(b, g->at[2], y);
    l->axis[3] = x_add(b, g->at[3], x);
    l->active = g->panel->active;
    lower_bind(l, l->k->anchor, x_var(b, loop_let(b, "y", value)));
    for (int i = 0; i < l->k->results.count; i++) {
        const Node *node = l->k->results.at[i]->node;
        lower_store(l, l->k->results.at[i], l->entry->member[node->id].label,
                    lower_member(l, node));
    }
    lower_forget(l, mark);
    l->active = l->target->width;
}

/* One transform of all tiles of the block. */
typedef struct Pass {
    Winograd *g;
    const Transform *transform;
    Plane plane;
    int64_t channels;
} Pass;

static void pass_panel(void *context, const Panel *panel)
{
    const Pass *pass = context;
    pass->g->panel = panel;
    loop_block(&pass->g->l->b);
    winograd_transform(&pass->g->l->b, pass->transform, &pass->plane, (int)width_of(pass->g));
    loop_end(&pass->g->l->b);
}

/* The first entry of a tile. */
static LoopExpr *first_of(const Winograd *g, const char *name, LoopExpr *tile, int axis)
{
    LoopBuilder *b = &g->l->b;
    const int64_t extent = winograd_extent(&g->w, axis);
    LoopExpr *first = x_mul(b, tile, WINOGRAD_OUT);
    if (g->w.result == ROLE_WEIGHT || extent % WINOGRAD_OUT == 0) return first;
    return x_var(b, loop_let(b, name, x_min(b, first, x_int(b, extent - WINOGRAD_OUT))));
}

static void each_tile(Pass *pass)
{
    Winograd *g = pass->g;
    LoopBuilder *b = &g->l->b;
    LoopExpr *n = x_var(b, loop_begin(b, "n", x_int(b, 0), g->pictures, 1));
    LoopExpr *y = x_var(b, loop_begin(b, "y", x_int(b, 0), x_int(b, g->block.high), 1));
    g->at[2] = first_of(g, "top", x_add(b, g->row, y), 0);
    LoopExpr *x = x_var(b, loop_begin(b, "x", x_int(b, 0), x_int(b, g->block.wide), 1));
    g->at[3] = first_of(g, "left", x, 1);
    g->at[0] = x_add(b, g->picture, n);
    g->tile = x_add(
        b, x_add(b, x_mul(b, n, g->block.high * g->block.wide), x_mul(b, y, g->block.wide)), x);
    window_panels(g->l, pass->channels, 1, pass_panel, pass);
    for (int i = 0; i < 3; i++) loop_end(b);
}

/* ---- products ---- */

/* In every plane c[m][n] (+)= sum over k of a[m][k] b[k][n], whole vectors of n. */
typedef struct Product {
    const Value *a, *b, *c;
    int64_t a_plane, b_plane, c_plane;
    int64_t a_row, a_step, b_step, c_row; /* a: from one m, from one k to the next */
    int64_t rows, columns;                /* columns: channels */
    LoopExpr *length;
    bool adds;
} Product;

typedef struct Spot {
    LoopExpr *plane, *m, *n;
    int rows, columns;
} Spot;

static LoopExpr *product_c(Winograd *g, const Product *p, const Spot *s, int r, int v)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *at =
        x_add(b, x_mul(b, s->plane, p->c_plane), x_mul(b, x_add(b, s->m, x_int(b, r)), p->c_row));
    if (g->group) at = x_add(b, at, x_mul(b, g->group, g->u->each));
    return x_add(b, at, x_add(b, s->n, x_int(b, v * width_of(g))));
}

static void product_step(Winograd *g, const Product *p, const Spot *s, LoopExpr *k, Var **acc)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *wide[TILE_MAX];
    for (int v = 0; v < s->columns; v++) {
        LoopExpr *at = x_add(b, x_mul(b, s->plane, p->b_plane), x_mul(b, k, p->b_step));
        at = x_add(b, at, x_add(b, s->n, x_int(b, v * width_of(g))));
        LoopExpr *x = vector_load(g, lower_buffer(g->l, p->b), at, (int)width_of(g));
        wide[v] = x_var(b, loop_let(b, arena_printf(b->arena, "b%d", v), x));
    }
    for (int r = 0; r < s->rows; r++) {
        LoopExpr *at = x_add(b, x_mul(b, s->plane, p->a_plane),
                             x_mul(b, x_add(b, s->m, x_int(b, r)), p->a_row));
        LoopExpr *x = x_load(b, lower_buffer(g->l, p->a), x_add(b, at, x_mul(b, k, p->a_step)));
        if (g->l->lane_axis >= 0) x = x_splat(b, x);
        x = x_var(b, loop_let(b, arena_printf(b->arena, "a%d", r), x));
        for (int v = 0; v < s->columns; v++) {
            Var *sum = acc[r * s->columns + v];
            loop_set(b, sum, x_fma(b, x, wide[v], x_var(b, sum)));
        }
    }
}

/* What is needed next is asked for in shares, a vector of the product each. */
static void look_ahead(Winograd *g, const Product *p, const Spot *s)
{
    LoopBuilder *b = &g->l->b;
    const int64_t width = width_of(g), plane = p->rows * ((p->columns + width - 1) / width);
    LoopExpr *at = x_add(b, x_mul(b, s->plane, plane), x_mul(b, x_div(b, s->n, width), p->rows));
    at = x_add(b, at, x_mul(b, s->m, s->columns));
    for (int i = 0; i < 2; i++)
        if (g->ahead[i].floats)
            ahead_share(b, &g->ahead[i], at, (int64_t)s->rows * s->columns,
                        WINOGRAD_PLANES * plane);
}

static void product_tile(Winograd *g, const Product *p, const Spot *s)
{
    LoopBuilder *b = &g->l->b;
    look_ahead(g, p, s);
    const int count = s->rows * s->columns;
    Var **acc = arena_array(b->arena, Var *, count);
    Buffer *to = lower_buffer(g->l, p->c);
    for (int i = 0; i < count; i++) {
        LoopExpr *start = x_float(b, 0, g->l->lane_axis >= 0);
        if (p->adds)
            start = vector_load(g, to, product_c(g, p, s, i / s->columns, i % s->columns),
                                (int)width_of(g));
        acc[i] =
            loop_var(b, arena_printf(b->arena, "c%d_%d", i / s->columns, i % s->columns), start);
    }
    LoopExpr *k = x_var(b, loop_begin(b, "k", x_int(b, 0), p->length, 1));
    loop_unroll(b, count <= 16 ? 4 : 2);
    product_step(g, p, s, k, acc);
    loop_end(b);
    for (int i = 0; i < count; i++)
        vector_store(g, to, product_c(g, p, s, i / s->columns, i % s->columns), x_var(b, acc[i]),
                     (int)width_of(g));
}

/* A loop over a run of equal tiles, or a block for one. */
static LoopExpr *share_begin(LoopBuilder *b, const char *name, const Share *run, int64_t unit)
{
    const int64_t begin = run->begin * unit, step = run->size * unit;
    if (run->count > 1)
        return x_var(b, loop_begin(b, name, x_int(b, begin), x_int(b, begin + step * run->count),
                                   step));
    loop_block(b);
    return x_int(b, begin);
}

static void products(Winograd *g, const Product *p)
{
    LoopBuilder *b = &g->l->b;
    const int64_t width = width_of(g), vectors = (p->columns + width - 1) / width;
    const Tile tile = tile_choose(g->l->target, p->rows, vectors);
    Share across[2], down[2];
    const int panels = share_evenly(vectors, tile.columns, across),
              heights = share_evenly(p->rows, tile.rows, down);
    Spot s = {.plane = x_var(b, loop_begin(b, "plane", x_int(b, 0), x_int(b, WINOGRAD_PLANES), 1))};
    for (int i = 0; i < panels; i++) {
        s.n = share_begin(b, "o", &across[i], width);
        s.columns = (int)across[i].size;
        for (int j = 0; j < heights; j++) {
            s.m = share_begin(b, "m", &down[j], 1);
            s.rows = (int)down[j].size;
            product_tile(g, p, &s);
            loop_end(b);
        }
        loop_end(b);
    }
    loop_end(b);
}

/* ---- blocks ---- */

static bool fetches(const Winograd *g) { return g->ahead[0].floats || g->ahead[1].floats; }

static void forward_block(Winograd *g)
{
    LoopBuilder *b = &g->l->b;
    Pass in = {g, &winograd_in, {g, load_in, store_in, g->half}, g->ins},
         out = {g, &winograd_out, {g, load_out, store_result, g->half}, g->outs};
    const Product p = {.a = g->v,
                       .b = g->u,
                       .c = g->m,
                       .a_plane = g->in_plane,
                       .b_plane = g->weight_plane,
                       .c_plane = g->out_plane,
                       .a_row = g->in_width,
                       .a_step = 1,
                       .b_step = g->out_width,
                       .c_row = g->out_width,
                       .rows = g->block.tiles,
                       .columns = g->outs,
                       .length = x_int(b, g->ins)};
    loop_comment(b, "Tiles of 6 x 6 entries to 36 planes.");
    each_tile(&in);
    loop_comment(b, fetches(g) ? "In every plane: tiles times weights. Meanwhile the next block's "
                                 "entries come, and the lines for results."
                               : "In every plane: tiles times weights.");
    products(g, &p);
    loop_comment(b, "Back from the planes to tiles of 4 x 4 results.");
    each_tile(&out);
}

static void gradient_block(Winograd *g)
{
    LoopBuilder *b = &g->l->b;
    Pass in = {g, &winograd_in, {g, load_in, store_in, g->half}, g->ins};
    Pass out = {g, &winograd_out_gradient, {g, load_gradient, store_out, g->half}, g->outs};
    const Product p = {.a = g->v,
                       .b = g->m,
                       .c = g->u,
                       .a_plane = g->in_plane,
                       .b_plane = g->out_plane,
                       .c_plane = g->weight_plane,
                       .a_row = 1,
                       .a_step = g->in_width,
                       .b_step = g->out_width,
                       .c_row = g->out_width,
                       .rows = g->ins,
                       .columns = g->outs,
                       .adds = true,
                       .length = x_mul(b, g->pictures, g->block.high * g->block.wide)};
    loop_comment(b, "Tiles of 6 x 6 entries and of 4 x 4 gradients to 36 planes each.");
    each_tile(&in);
    each_tile(&out);
    loop_comment(b, fetches(g) ? "In every plane: the sum of their products over the tiles. "
                                 "Meanwhile the next block's entries come."
                               : "In every plane: the sum of their products over the tiles.");
    products(g, &p);
}

/* Of a value whose tiles the block takes: its stretch of memory, or that of the next block. */
static Ahead stretch(Winograd *g, const Value *value, const int64_t *stride, const char *name,
                     bool next)
{
    LoopBuilder *b = &g->l->b;
    const bool split = g->block.high < winograd_tiles(&g->w, 0);
    if (stride[1] != 1 || value->place != AT_WORK) return (Ahead){0};
    const int64_t line = WINOGRAD_OUT * stride[2],
                  floats = split ? g->block.high * line : g->block.pictures * stride[0];
    LoopExpr *first = x_add(b, x_mul(b, g->picture, stride[0]), x_mul(b, g->row, line));
    return ahead_of(b, lower_buffer(g->l, value), name,
                    next ? x_add(b, first, x_int(b, floats)) : first, floats,
                    g->w.rows * stride[0]);
}

static void set_ahead(Winograd *g)
{
    const View *in = &g->l->k->contracted[0], *other = &g->l->k->contracted[1];
    const Value *result = g->l->k->results.at[0];
    g->ahead[0] = stretch(g, in->value, in->stride, "next", true);
    g->ahead[1] = g->w.result == ROLE_WEIGHT
                    ? stretch(g, other->value, other->stride, "next_gradient", true)
                    : stretch(g, result, result->stride, "soon", false);
}

/* Zeros in the U that starts there. */
static void clear_sums(Winograd *g, LoopExpr *first)
{
    lower_clear_run(g->l, lower_buffer(g->l, g->u), first, WINOGRAD_PLANES * g->weight_plane);
}

/* Opens the loop over groups and sets the first picture of one; returns where its pictures end. */
static LoopExpr *group_begin(Winograd *g, LoopExpr *rows)
{
    LoopBuilder *b = &g->l->b;
    const int64_t groups = g->u->pieces, size = (g->w.rows + groups - 1) / groups;
    g->group = x_var(b, loop_begin(b, "group", x_int(b, 0), x_int(b, groups), 1));
    clear_sums(g, x_mul(b, g->group, g->u->each));
    g->picture = x_mul(b, g->group, size);
    LoopExpr *end = x_add(b, g->picture, x_int(b, size));
    return x_var(b, loop_let(b, "end", x_min(b, end, rows)));
}

static void blocks(Winograd *g, void (*body)(Winograd *g))
{
    LoopBuilder *b = &g->l->b;
    const int64_t high = winograd_tiles(&g->w, 0);
    const Type planes = g->adjoint ? g->w.in : g->w.out;
    LoopExpr *rows = lower_extent(g->l, planes, 0);
    g->picture = g->row = x_int(b, 0);
    g->pictures = rows;
    const bool several = g->block.pictures < g->w.rows, split = g->block.high < high;
    if (g->w.result == ROLE_WEIGHT && g->u->pieces) rows = group_begin(g, rows);
    if (several || g->group) {
        g->picture = x_var(b, loop_begin(b, "picture", g->picture, rows, g->block.pictures));
        LoopExpr *left = x_add(b, rows, x_mul(b, g->picture, -1)),
                 *most = x_int(b, g->block.pictures);
        g->pictures =
            g->block.pictures == 1 ? most : x_var(b, loop_let(b, "pictures", x_min(b, left, most)));
    }
    if (split)
        g->row = x_var(b, loop_begin(b, "tiles", x_int(b, 0), x_int(b, high), g->block.high));
    if (several || split) set_ahead(g);
    body(g);
    if (split) loop_end(b);
    if (several || g->group) loop_end(b);
    if (g->group) loop_end(b);
    g->group = NULL;
}

static Winograd winograd_of(Lower *l)
{
    Winograd g = {.l = l};
    window_of(l->b.arena, l->k->anchor, &g.w);
    g.adjoint = g.w.result == ROLE_IN;
    g.block = winograd_block(&g.w);
    g.ins = g.adjoint ? g.w.out_channels : g.w.in_channels;
    g.outs = g.adjoint ? g.w.in_channels : g.w.out_channels;
    g.in_width = (g.ins + LANE_PAD - 1) / LANE_PAD * LANE_PAD;
    g.out_width = (g.outs + LANE_PAD - 1) / LANE_PAD * LANE_PAD;
    g.in_plane = g.block.tiles * g.in_width + LANE_PAD;
    g.out_plane = g.block.tiles * g.out_width + LANE_PAD;
    g.weight_plane = g.in_width * g.out_width + LANE_PAD;
    g.half =
        loop_local(&l->b, "half", WINOGRAD_PLANES * (l->lane_axis >= 0 ? l->target->width : 1));
    return g;
}

void lower_window_winograd(Lower *l)
{
    Winograd g = winograd_of(l);
    Value *const *scratch = l->k->scratch.at;
    g.u = l->k->transformed ? l->k->transformed : *scratch++;
    g.v = scratch[g.adjoint ? 1 : 0];
    g.m = scratch[g.adjoint ? 0 : 1];
    if (g.w.result == ROLE_WEIGHT) {
        if (!g.u->pieces) clear_sums(&g, x_int(&l->b, 0));
        blocks(&g, gradient_block);
        weights(&g);
    } else {
        if (!l->k->transformed) weights(&g);
        blocks(&g, forward_block);
    }
}

void lower_transform(Lower *l)
{
    l->lane_axis = l->target->width > 1 ? l->k->lane_axis : -1;
    Winograd g = winograd_of(l);
    g.u = l->k->results.at[0];
    weights(&g);
}
