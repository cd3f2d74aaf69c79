/* Gathering windows with one group a channel, where nothing is reused from one position to the
 * next: results are written in the order in which they lie in memory, whatever phase they are of.
 *
 *   for each position of the outer axes, for each of their phases
 *       for each tile of the last axis
 *           for each panel of channels, for each phase of the last axis
 *               the tile
 *
 * Positions at the ends of the last axis that have padding under them stand apart, and those that
 * only some phases of an adjoint have. */
#include "lower/window_gather.h"

typedef struct Each {
    Gather *g;
    int64_t phases[MAX_WINDOW_AXES]; /* that have the position at hand */
    const Slide *slides;             /* of the phases of the last axis */
    Spot spot;
    bool whole;
} Each;

static bool is_forward(const Gather *g) { return g->w.result == ROLE_OUT; }

static int64_t phases_of(const Gather *g, int axis)
{
    return is_forward(g) ? 1 : g->w.axis[axis].stride;
}

static Slide slide_of(const Gather *g, int axis, int64_t phase)
{
    const WindowAxis *a = &g->w.axis[axis];
    return is_forward(g) ? slide_forward(a) : slide_adjoint(a, phase);
}

/* ---- the last axis ---- */

static void all_phases(void *context, const Panel *panel)
{
    Each *e = context;
    LoopBuilder *b = &e->g->l->b;
    const int last = e->g->w.axes - 1;
    e->spot.panel = panel;
    for (int64_t i = 0; i < e->phases[last]; i++) {
        e->g->slide[last] = e->slides[i];
        loop_block(b);
        gather_tile(e->g, &e->spot, e->whole);
        loop_end(b);
    }
}

/* `count` tiles of `size` positions from `begin` on. */
static void tiles(Each *e, int64_t begin, int64_t size, int64_t count, bool whole)
{
    Gather *g = e->g;
    LoopBuilder *b = &g->l->b;
    e->spot = (Spot){.m = x_int(b, begin), .begin = begin, .rows = (int)size};
    e->whole = whole;
    if (count > 1)
        e->spot.m = x_var(b, loop_begin(b, "x", e->spot.m, x_int(b, begin + size * count), size));
    window_panels(g->l, g->w.in_channels, g->tile.columns, all_phases, e);
    if (count > 1) loop_end(b);
}

/* Positions with padding under some window: each takes the taps that it meets. */
static void ragged(Each *e, int64_t begin, int64_t end)
{
    const int64_t most = e->g->tile.rows;
    for (; begin < end; begin += most)
        tiles(e, begin, end - begin < most ? end - begin : most, 1, false);
}

/* The positions that all phases have; those without padding are shared out to equal tiles. */
static void shared_positions(Each *e, int64_t count)
{
    Share runs[2];
    const int64_t phases = e->phases[e->g->w.axes - 1];
    int64_t begin = 0, end = count;
    while (begin < count && !slides_are_whole(e->slides, phases, begin)) begin++;
    while (end > begin && !slides_are_whole(e->slides, phases, end - 1)) end--;
    ragged(e, 0, begin);
    const int n = end > begin ? share_evenly(end - begin, e->g->tile.rows, runs) : 0;
    for (int i = 0; i < n; i++)
        tiles(e, begin + runs[i].begin, runs[i].size, runs[i].count, true);
    ragged(e, end, count);
}

static void last_axis(Each *e)
{
    Gather *g = e->g;
    const int last = g->w.axes - 1;
    const int64_t phases = phases_of(g, last);
    Slide *slides = arena_array(g->l->b.arena, Slide, phases);
    for (int64_t i = 0; i < phases; i++) slides[i] = slide_of(g, last, i);
    const int64_t shared = slides[phases - 1].count;
    e->slides = slides;
    e->phases[last] = phases;
    shared_positions(e, shared);
    while (e->phases[last] && slides[e->phases[last] - 1].count == shared) e->phases[last]--;
    if (e->phases[last]) tiles(e, shared, 1, 1, false);
}

/* ---- the outer axes ---- */

static void outer_phases(Each *e, int axis)
{
    if (axis + 1 == e->g->w.axes) {
        last_axis(e);
        return;
    }
    for (int64_t i = 0; i < e->phases[axis]; i++) {
        e->g->slide[axis] = slide_of(e->g, axis, i);
        outer_phases(e, axis + 1);
    }
}

static void positions(Each *e, int axis)
{
    static const char *const names[] = {"y", "z", "u", "v", "q"};
    Gather *g = e->g;
    LoopBuilder *b = &g->l->b;
    if (axis + 1 == g->w.axes) {
        outer_phases(e, 0);
        return;
    }
    const WindowAxis *a = &g->w.axis[axis];
    const int64_t phases = phases_of(g, axis), extent = is_forward(g) ? a->out : a->in;
    if (extent / phases) {
        g->at[axis] =
            x_var(b, loop_begin(b, names[axis], x_int(b, 0), x_int(b, extent / phases), 1));
        e->phases[axis] = phases;
        positions(e, axis + 1);
        loop_end(b);
    }
    if (extent % phases == 0) return;
    g->at[axis] = x_int(b, extent / phases);
    e->phases[axis] = extent % phases;
    positions(e, axis + 1);
}

void gather_each(Gather *g) { positions(&(Each){.g = g}, 0); }
