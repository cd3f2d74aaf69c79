/* Stages of Winograd's form over the weights: taps to planes, and planes back to their gradient. */
#include "lower/winograd_stage.h"

typedef struct Weights {
    Winograd *g;
    Buffer *taps;               /* the weights, or their gradient ... */
    LoopExpr *first;            /* ... where they start ... */
    LoopExpr *stride[2], *next; /* ... and what lies between taps along both axes and channels */
    int64_t lane;
    LoopExpr *plane, *width; /* of the planes */
    LoopExpr *channel;
    Buffer *half;
    const Panel *panel;
} Weights;

static LoopExpr *tap_at(const Weights *s, LoopExpr *y, LoopExpr *x)
{
    LoopBuilder *b = &s->g->l->b;
    LoopExpr *at = x_add(b, x_times(b, y, s->stride[0]), x_times(b, x, s->stride[1]));
    at = x_add(b, x_add(b, s->first, x_times(b, s->channel, s->next)), at);
    return x_add(b, at, x_mul(b, s->panel->first, s->lane));
}

static LoopExpr *plane_at(const Weights *s, LoopExpr *y, LoopExpr *x)
{
    LoopBuilder *b = &s->g->l->b;
    LoopExpr *at = x_add(b, winograd_plane(b, s->plane, y, x), x_times(b, s->channel, s->width));
    return x_add(b, at, s->panel->first);
}

static LoopExpr *load_weight(void *context, LoopExpr *y, LoopExpr *x)
{
    const Weights *s = context;
    return window_load(s->g->l, s->taps, tap_at(s, y, x), s->panel->active);
}

static void store_plane(void *context, LoopExpr *y, LoopExpr *x, LoopExpr *value)
{
    const Weights *s = context;
    window_store(s->g->l, lower_buffer(s->g->l, s->g->u), plane_at(s, y, x), value,
                   window_width(s->g->l));
}

static LoopExpr *load_plane(void *context, LoopExpr *y, LoopExpr *x)
{
    const Weights *s = context;
    const Winograd *g = s->g;
    LoopExpr *at = window_group_at(g->l, &g->groups, g->u);
    return window_load(g->l, lower_buffer(g->l, g->u), x_add(&g->l->b, at, plane_at(s, y, x)),
                         window_width(g->l));
}

static void store_weight(void *context, LoopExpr *y, LoopExpr *x, LoopExpr *value)
{
    const Weights *s = context;
    window_store(s->g->l, s->taps, tap_at(s, y, x), value, s->panel->active);
}

static void weights_vector(void *context, const Panel *panel)
{
    Weights *s = context;
    LoopBuilder *b = &s->g->l->b;
    s->panel = panel;
    const int width = window_width(s->g->l);
    if (s->g->w.result == ROLE_WEIGHT)
        winograd_transform(b, &winograd_weight_gradient,
                           &(Plane){s, load_plane, store_weight, s->half}, width);
    else
        winograd_transform(b, &winograd_weight, &(Plane){s, load_weight, store_plane, s->half},
                           width);
}

/* Where the taps lie; an adjoint turns the window round. */
static void find_taps(const Winograd *g, Weights *s)
{
    LoopBuilder *b = &g->l->b;
    const bool gradient = g->w.result == ROLE_WEIGHT;
    const View *view = &g->l->k->contracted[1];
    const Value *to = g->l->k->results.at[0];
    const int64_t *stride = gradient ? to->stride : view->stride;
    int64_t first = gradient ? to->origin : view->offset;
    for (int i = 0; i < 2; i++) {
        const int64_t apart = stride[2 + i];
        if (g->adjoint) first += (WINOGRAD_TAPS - 1) * apart;
        s->stride[i] = x_known(b, i ? "column" : "row", g->adjoint ? -apart : apart, false);
    }
    const Value *pieces = g->groups.pieces;
    s->taps = lower_buffer(g->l, pieces ? pieces : gradient ? to : view->value);
    s->first = x_add(b, window_group_at(g->l, &g->groups, pieces), x_int(b, first));
    s->next = x_known(b, "next", stride[g->adjoint ? 0 : 1], false);
    s->lane = stride[g->adjoint ? 1 : 0];
}

void winograd_weights(Winograd *g)
{
    LoopBuilder *b = &g->l->b;
    Weights s = {.g = g};
    if (g->w.result == ROLE_WEIGHT)
        window_stage_begin(&g->l->b, "winograd_taps", "Back from the 36 planes to 3 x 3 taps.");
    else window_stage_begin(&g->l->b, "winograd_weights", "Weights of 3 x 3 taps to 36 planes.");
    s.half = loop_local(b, "half", WINOGRAD_PLANES * window_width(g->l));
    find_taps(g, &s);
    s.plane = x_known(b, "plane", g->weight_plane, false);
    s.width = x_known(b, "width", g->out_width, false);
    s.channel = x_var(b, loop_begin(b, "c", x_int(b, 0), x_known(b, "count", g->ins, false), 1));
    window_vectors(g->l, g->outs, weights_vector, &s);
    loop_end(b);
    window_stage_end(&g->l->b);
}
