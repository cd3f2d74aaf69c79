/* Stages of Winograd's form over the tiles of a block: entries in memory to planes and back. */
#include "lower/winograd_stage.h"

/* All tiles of the block: entries in memory, and their planes. */
typedef struct Tiles {
    Winograd *g;
    const Transform *transform;
    Buffer *entries, *planes;
    LoopExpr *first;                  /* entry of the block's first tile ... */
    LoopExpr *picture, *row, *column; /* ... and what lies between them */
    LoopExpr *plane, *width;          /* of the planes */
    LoopExpr *at, *tile;              /* of the tile at hand: its entry, its place in a plane */
    int64_t channels;
    Buffer *half;
    const Panel *panel;
} Tiles;

static LoopExpr *entry_at(const Tiles *t, LoopExpr *y, LoopExpr *x)
{
    LoopBuilder *b = &t->g->l->b;
    LoopExpr *at = x_add(b, x_times(b, y, t->row), x_times(b, x, t->column));
    return x_add(b, x_add(b, x_add(b, t->first, t->at), at), t->panel->first);
}

static LoopExpr *tile_at(const Tiles *t, LoopExpr *y, LoopExpr *x)
{
    LoopBuilder *b = &t->g->l->b;
    return x_add(b, x_add(b, winograd_plane(b, t->plane, y, x), t->tile), t->panel->first);
}

static LoopExpr *load_entry(void *context, LoopExpr *y, LoopExpr *x)
{
    const Tiles *t = context;
    return window_load(t->g->l, t->entries, entry_at(t, y, x), t->panel->active);
}

static void store_entry(void *context, LoopExpr *y, LoopExpr *x, LoopExpr *value)
{
    const Tiles *t = context;
    window_store(t->g->l, t->entries, entry_at(t, y, x), value, t->panel->active);
}

static LoopExpr *load_tile(void *context, LoopExpr *y, LoopExpr *x)
{
    const Tiles *t = context;
    return window_load(t->g->l, t->planes, tile_at(t, y, x), window_width(t->g->l));
}

static void store_tile(void *context, LoopExpr *y, LoopExpr *x, LoopExpr *value)
{
    const Tiles *t = context;
    window_store(t->g->l, t->planes, tile_at(t, y, x), value, window_width(t->g->l));
}

/* Whether the last tiles along an axis overlap their neighbours. */
static bool overlaps(const Winograd *g, int axis)
{
    return g->w.result != ROLE_WEIGHT && winograd_extent(&g->w, axis) % WINOGRAD_OUT;
}

/* The first entry of a tile. */
static LoopExpr *first_of(const Winograd *g, const char *name, LoopExpr *tile, int axis)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *first = x_mul(b, tile, WINOGRAD_OUT);
    if (!overlaps(g, axis)) return first;
    LoopExpr *last = x_int(b, winograd_extent(&g->w, axis) - WINOGRAD_OUT);
    return x_var(b, loop_let(b, name, x_min(b, first, last)));
}

/* Entry 0 of the tiles in a value of these strides lies `before` entries in front of the first. */
static void find_entries(Tiles *t, const int64_t *stride, int64_t offset, const int64_t before[2])
{
    const Winograd *g = t->g;
    LoopBuilder *b = &g->l->b;
    LoopExpr *first = x_mul(b, g->picture, stride[0]);
    if (!overlaps(g, 0)) first = x_add(b, first, x_mul(b, g->row, WINOGRAD_OUT * stride[2]));
    t->first = x_add(b, first, x_int(b, offset - before[0] * stride[2] - before[1] * stride[3]));
    t->picture = x_known(b, "picture", stride[0], false);
    t->row = x_known(b, "row", stride[2], false);
    t->column = x_known(b, "column", stride[3], false);
}

static void find_planes(Tiles *t, const Value *value, int64_t plane, int64_t width)
{
    LoopBuilder *b = &t->g->l->b;
    t->planes = lower_buffer(t->g->l, value);
    t->plane = x_known(b, "plane", plane, false);
    t->width = x_known(b, "width", width, false);
}

static void tiles_vector(void *context, const Panel *panel)
{
    Tiles *t = context;
    const bool back = t->transform == &winograd_out;
    t->panel = panel;
    const Plane forth = {t, load_entry, store_tile, t->half},
                again = {t, load_tile, store_entry, t->half};
    winograd_transform(&t->g->l->b, t->transform, back ? &again : &forth,
                       window_width(t->g->l));
}

/* The loops over the tiles of the block; three to end. */
static void begin_tiles(const Winograd *g, LoopExpr *const extent[3], LoopExpr *at[3],
                        LoopExpr **tile)
{
    static const char *const names[] = {"n", "y", "x"};
    LoopBuilder *b = &g->l->b;
    for (int i = 0; i < 3; i++)
        at[i] = x_var(b, loop_begin(b, names[i], x_int(b, 0), extent[i], 1));
    *tile = x_add(b, x_times(b, at[0], extent[1]), at[1]);
    *tile = x_add(b, x_times(b, *tile, extent[2]), at[2]);
}

static void tiles(Tiles *t)
{
    const Winograd *g = t->g;
    LoopBuilder *b = &g->l->b;
    LoopExpr *at[3];
    LoopExpr *const extent[3] = {g->pictures, x_known(b, "high", g->block.high, false),
                                 x_known(b, "wide", g->block.wide, false)};
    t->half = loop_local(b, "half", WINOGRAD_PLANES * window_width(g->l));
    begin_tiles(g, extent, at, &t->tile);
    if (overlaps(g, 0)) at[1] = x_add(b, g->row, at[1]);
    LoopExpr *top = first_of(g, "top", at[1], 0), *left = first_of(g, "left", at[2], 1);
    LoopExpr *first = x_add(b, x_times(b, top, t->row), x_times(b, left, t->column));
    first = x_add(b, x_times(b, at[0], t->picture), first);
    t->at = x_var(b, loop_let(b, "entry", first));
    t->tile = x_var(b, loop_let(b, "tile", x_times(b, t->tile, t->width)));
    window_vectors(g->l, t->channels, tiles_vector, t);
    for (int i = 0; i < 3; i++) loop_end(b);
}

void winograd_tiles_in(Winograd *g)
{
    const View *view = &g->l->k->contracted[0];
    Tiles t = {.g = g,
               .transform = &winograd_in,
               .channels = g->ins,
               .entries = lower_buffer(g->l, view->value)};
    int64_t before[2];
    for (int i = 0; i < 2; i++)
        before[i] = g->adjoint ? WINOGRAD_TAPS - 1 - g->w.axis[i].before : g->w.axis[i].before;
    window_stage_begin(&g->l->b, "winograd_in",
                         "Winograd F(4 x 4, 3 x 3): tiles of 6 x 6 entries to 36 planes.");
    find_entries(&t, view->stride, view->offset, before);
    find_planes(&t, g->v, g->in_plane, g->in_width);
    tiles(&t);
    window_stage_end(&g->l->b);
}

void winograd_tiles_of_gradients(Winograd *g)
{
    const View *view = &g->l->k->contracted[1];
    Tiles t = {.g = g,
               .transform = &winograd_out_gradient,
               .channels = g->outs,
               .entries = lower_buffer(g->l, view->value)};
    window_stage_begin(&g->l->b, "winograd_gradients", "Tiles of 4 x 4 gradients to 36 planes.");
    find_entries(&t, view->stride, view->offset, (int64_t[2]){0, 0});
    find_planes(&t, g->m, g->out_plane, g->out_width);
    tiles(&t);
    window_stage_end(&g->l->b);
}

static void tiles_out(Winograd *g)
{
    const Value *to = g->l->k->results.at[0];
    Tiles t = {
        .g = g, .transform = &winograd_out, .channels = g->outs, .entries = lower_buffer(g->l, to)};
    window_stage_begin(&g->l->b, "winograd_out", "Back from 36 planes to tiles of 4 x 4 results.");
    find_entries(&t, to->stride, to->origin, (int64_t[2]){0, 0});
    find_planes(&t, g->m, g->out_plane, g->out_width);
    tiles(&t);
    window_stage_end(&g->l->b);
}

/* ---- tiles with an epilogue ---- */

typedef struct Finish {
    Winograd *g;
    Tiles tiles;
    Buffer *tile; /* its 4 x 4 results */
} Finish;

static LoopExpr *result_at(const Finish *f, LoopExpr *y, LoopExpr *x)
{
    LoopBuilder *b = &f->g->l->b;
    return x_mul(b, x_add(b, x_mul(b, y, WINOGRAD_OUT), x), window_width(f->g->l));
}

static LoopExpr *load_plane_of_tile(void *context, LoopExpr *y, LoopExpr *x)
{
    Finish *f = context;
    return load_tile(&f->tiles, y, x);
}

static void store_in_tile(void *context, LoopExpr *y, LoopExpr *x, LoopExpr *value)
{
    const Finish *f = context;
    window_store(f->g->l, f->tile, result_at(f, y, x), value, window_width(f->g->l));
}

/* The epilogue at one entry of the result. */
static void finish_entry(const Finish *f, LoopExpr *y, LoopExpr *x)
{
    const Winograd *g = f->g;
    Lower *l = g->l;
    LoopBuilder *b = &l->b;
    const int mark = lower_mark(l);
    l->axis[0] = g->at[0];
    l->axis[1] = f->tiles.panel->first;
    l->axis[2] = x_add(b, g->at[2], y);
    l->axis[3] = x_add(b, g->at[3], x);
    l->active = f->tiles.panel->active;
    LoopExpr *value = window_load(g->l, f->tile, result_at(f, y, x), window_width(g->l));
    lower_bind(l, l->k->anchor, x_var(b, loop_let(b, "y", value)));
    for (int i = 0; i < l->k->results.count; i++) {
        if (!window_stores(l, i)) continue;
        const Node *node = l->k->results.at[i]->node;
        lower_store(l, l->k->results.at[i], l->entry->member[node->id].label,
                    lower_member(l, node));
    }
    lower_forget(l, mark);
    l->active = l->target->width;
}

static void finish_vector(void *context, const Panel *panel)
{
    Finish *f = context;
    LoopBuilder *b = &f->g->l->b;
    f->tiles.panel = panel;
    loop_stage(b, "winograd_tile", "One tile, back from 36 planes to 4 x 4 results.", true);
    find_planes(&f->tiles, f->g->m, f->g->out_plane, f->g->out_width);
    Buffer *half = loop_local(b, "half", WINOGRAD_PLANES * window_width(f->g->l));
    winograd_transform(b, &winograd_out, &(Plane){f, load_plane_of_tile, store_in_tile, half},
                       window_width(f->g->l));
    loop_end(b);
    LoopExpr *y = x_var(b, loop_begin(b, "y", x_int(b, 0), x_int(b, WINOGRAD_OUT), 1));
    LoopExpr *x = x_var(b, loop_begin(b, "x", x_int(b, 0), x_int(b, WINOGRAD_OUT), 1));
    loop_unroll(b, WINOGRAD_OUT);
    finish_entry(f, y, x);
    loop_end(b);
    loop_end(b);
}

static void tiles_finished(Winograd *g)
{
    LoopBuilder *b = &g->l->b;
    LoopExpr *at[3];
    LoopExpr *pictures = g->pictures;
    if (pictures->var->known) pictures = x_int(b, pictures->var->value);
    LoopExpr *const extent[3] = {pictures, x_int(b, g->block.high), x_int(b, g->block.wide)};
    Finish f = {.g = g, .tiles = {.g = g}};
    f.tile = loop_local(b, "tile", WINOGRAD_OUT * WINOGRAD_OUT * window_width(g->l));
    begin_tiles(g, extent, at, &f.tiles.tile);
    f.tiles.tile = x_mul(b, f.tiles.tile, g->out_width);
    g->at[0] = x_add(b, g->picture, at[0]);
    g->at[2] = first_of(g, "top", x_add(b, g->row, at[1]), 0);
    g->at[3] = first_of(g, "left", at[2], 1);
    window_panels(g->l, g->outs, 1, finish_vector, &f);
    for (int i = 0; i < 3; i++) loop_end(b);
}

void winograd_tiles_out(Winograd *g)
{
    if (window_is_bare(g->l)) tiles_out(g);
    else tiles_finished(g);
}
