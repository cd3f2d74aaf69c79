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
 * gradients, or takes U = V^T @ Y of a single one, and transforms U at the end; where threads share
 * the rows of the batch, each group of rows does so, and the results are added up. Tiles of
 * pictures beyond the count are computed from what the memory holds and never stored.
 *
 * Transforms stream, products compute: while a block is multiplied, the lines that its results and
 * the next block's transforms need are asked for (winograd_product.c).
 *
 * Each line is a stage, a function that all windows share (winograd_stage.h). */
#include "lower/winograd_stage.h"

/* ---- what stages share ---- */

LoopExpr *winograd_plane(LoopBuilder *b, LoopExpr *plane, LoopExpr *y, LoopExpr *x)
{
    return x_times(b, x_add(b, x_mul(b, y, WINOGRAD_IN), x), plane);
}

/* ---- blocks ---- */

static void forward_block(Winograd *g)
{
    LoopBuilder *b = &g->l->b;
    const Product p = {.a = g->v,
                       .b = g->u,
                       .c = g->m,
                       .a_plane = x_known(b, "in_plane", g->in_plane, false),
                       .b_plane = x_known(b, "weight_plane", g->weight_plane, false),
                       .c_plane = x_known(b, "out_plane", g->out_plane, false),
                       .a_row = x_known(b, "in_width", g->in_width, false),
                       .a_step = x_int(b, 1),
                       .b_step = x_known(b, "width", g->out_width, false),
                       .c_row = x_known(b, "out_width", g->out_width, false),
                       .rows = g->block.tiles,
                       .columns = g->outs,
                       .runs = x_int(b, 1),
                       .most_runs = 1,
                       .run = g->ins,
                       .run_name = "sums"};
    winograd_tiles_in(g);
    winograd_products(g, &p);
    winograd_tiles_out(g);
}

static void gradient_block(Winograd *g)
{
    LoopBuilder *b = &g->l->b;
    const Product p = {.a = g->v,
                       .b = g->m,
                       .c = g->u,
                       .a_plane = x_known(b, "in_plane", g->in_plane, false),
                       .b_plane = x_known(b, "out_plane", g->out_plane, false),
                       .c_plane = x_known(b, "weight_plane", g->weight_plane, false),
                       .a_row = x_int(b, 1),
                       .a_step = x_known(b, "in_width", g->in_width, false),
                       .b_step = x_known(b, "out_width", g->out_width, false),
                       .c_row = x_known(b, "width", g->out_width, false),
                       .rows = g->ins,
                       .columns = g->outs,
                       .adds = !g->once,
                       .runs = g->pictures,
                       .most_runs = g->block.pictures,
                       .run = g->block.high * g->block.wide,
                       .run_name = "tiles"};
    winograd_tiles_in(g);
    winograd_tiles_of_gradients(g);
    winograd_products(g, &p);
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
    LoopExpr *last = x_int(b, g->w.rows * stride[0] - floats);
    if (g->w.rows * stride[0] < floats) return (Ahead){0};
    if (g->stop)
        last = x_var(b, loop_let(b, "last",
                                 x_max(b, x_add(b, x_mul(b, g->stop, stride[0]), x_int(b, -floats)),
                                       x_int(b, 0))));
    return ahead_of(b, lower_buffer(g->l, value), name,
                    next ? x_add(b, first, x_int(b, floats)) : first, last, floats);
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

static void clear_sums(Winograd *g)
{
    lower_clear_run(g->l, lower_buffer(g->l, g->u), window_group_at(g->l, &g->groups, g->u),
                    WINOGRAD_PLANES * g->weight_plane);
}

/* Of the pictures of a block, which are still near. */
static void moments(Winograd *g)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *pictures = g->pictures;
    if (pictures->var && pictures->var->known) pictures = x_int(b, pictures->var->value);
    LoopExpr *n = x_var(b, loop_begin(b, "n", x_int(b, 0), pictures, 1));
    window_moments_row(g->l, x_add(b, g->picture, n));
    loop_end(b);
}

/* Pictures from `first` to `end`. */
static void blocks(Winograd *g, LoopExpr *first, LoopExpr *end, void (*body)(Winograd *g))
{
    LoopBuilder *b = &g->l->b;
    const int64_t high = winograd_tiles(&g->w, 0);
    g->picture = first;
    g->row = x_int(b, 0);
    g->pictures = end;
    const bool several = g->block.pictures < g->w.rows || g->groups.pieces,
               split = g->block.high < high;
    if (several) {
        g->picture = x_var(b, loop_begin(b, "picture", first, end, g->block.pictures));
        LoopExpr *left = x_add(b, end, x_mul(b, g->picture, -1)),
                 *most = x_int(b, g->block.pictures);
        g->pictures =
            g->block.pictures == 1 ? most : x_var(b, loop_let(b, "pictures", x_min(b, left, most)));
    }
    if (g->pictures->kind == E_INT)
        g->pictures = x_known(b, "pictures", (int64_t)g->pictures->number, true);
    if (split)
        g->row = x_var(b, loop_begin(b, "tiles", x_int(b, 0), x_int(b, high), g->block.high));
    if (several || split) set_ahead(g);
    body(g);
    if (split) loop_end(b);
    if (g->l->k->moments) moments(g);
    if (several) loop_end(b);
}

/* The gradient by the weights of the rows at hand. */
static void gradient(Winograd *g, LoopExpr *first, LoopExpr *end)
{
    if (!g->once) clear_sums(g);
    blocks(g, first, end, gradient_block);
    winograd_weights(g);
}

static void gradients(Winograd *g)
{
    LoopBuilder *b = &g->l->b;
    if (!g->u->pieces) {
        g->once = g->block.tiles == g->w.rows * winograd_tiles(&g->w, 0) * winograd_tiles(&g->w, 1);
        gradient(g, x_int(b, 0), lower_extent(g->l, g->w.in, 0));
        return;
    }
    const Value *pieces = g->l->k->scratch.at[3];
    const int64_t floats = g->l->k->results.at[0]->elements;
    g->groups = window_groups_begin(g->l, &g->w, pieces);
    g->stop = g->groups.end;
    if (floats > type_elements(g->l->k->anchor->type)) /* zeros between rows */
        lower_clear_run(g->l, lower_buffer(g->l, pieces), window_group_at(g->l, &g->groups, pieces),
                        floats);
    gradient(g, g->groups.first, g->groups.end);
    window_groups_end(g->l, &g->groups);
}

/* Where threads share the pictures, a name for where they end: a thread asks for nothing beyond its
 * own. */
static void forward(Winograd *g)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *end = lower_extent(g->l, g->adjoint ? g->w.in : g->w.out, 0);
    if (!g->l->k->transformed) winograd_weights(g);
    if (g->l->entry->plan->threads && end->kind != E_INT)
        end = g->stop = x_var(b, loop_let(b, "stop", end));
    blocks(g, x_int(b, 0), end, forward_block);
    window_moments_finish(g->l);
}

static Winograd winograd_of(Lower *l)
{
    Winograd g = {.l = l};
    window_of(l->b.arena, l->k->anchor, &g.w);
    g.adjoint = g.w.result == ROLE_IN;
    g.block = winograd_block(l->entry, &g.w);
    g.ins = g.adjoint ? g.w.out_channels : g.w.in_channels;
    g.outs = g.adjoint ? g.w.in_channels : g.w.out_channels;
    g.in_width = (g.ins + LANE_PAD - 1) / LANE_PAD * LANE_PAD;
    g.out_width = (g.outs + LANE_PAD - 1) / LANE_PAD * LANE_PAD;
    g.in_plane = g.block.tiles * g.in_width + LANE_PAD;
    g.out_plane = g.block.tiles * g.out_width + LANE_PAD;
    g.weight_plane = g.in_width * g.out_width + LANE_PAD;
    return g;
}

void lower_window_winograd(Lower *l)
{
    Winograd g = winograd_of(l);
    Value *const *scratch = l->k->scratch.at;
    g.u = l->k->transformed ? l->k->transformed : *scratch++;
    g.v = scratch[g.adjoint ? 1 : 0];
    g.m = scratch[g.adjoint ? 0 : 1];
    if (g.w.result == ROLE_WEIGHT) gradients(&g);
    else forward(&g);
}

void lower_transform(Lower *l)
{
    l->lane_axis = l->target->width > 1 ? l->k->lane_axis : -1;
    Winograd g = winograd_of(l);
    g.u = l->k->results.at[0];
    winograd_weights(&g);
}
