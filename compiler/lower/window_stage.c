/* What the stages of windows share. */
#include "lower/window_stage.h"

void window_stage_begin(LoopBuilder *b, const char *name, const char *comment)
{
    loop_stage(b, name, "For one size.", false);
    loop_stage(b, arena_printf(b->arena, "%s_of", name), comment, true);
}

void window_stage_end(LoopBuilder *b)
{
    loop_end(b);
    loop_end(b);
}

void window_vectors(Lower *l, int64_t channels,
                    void (*body)(void *context, const Panel *panel), void *context)
{
    LoopBuilder *b = &l->b;
    const int64_t width = window_width(l), whole = channels / width * width;
    LoopExpr *end = x_known(b, "channels", whole, false);
    if (whole) {
        Var *o = loop_begin(b, "o", x_int(b, 0), end, width);
        body(context, &(Panel){x_var(b, o), 1, (int)width});
        loop_end(b);
    }
    if (whole == channels) return;
    loop_block(b);
    body(context, &(Panel){whole ? end : x_int(b, 0), 1, (int)(channels - whole)});
    loop_end(b);
}

int window_width(const Lower *l) { return l->lane_axis >= 0 ? l->target->width : 1; }

LoopExpr *window_load(Lower *l, Buffer *buffer, LoopExpr *at, int active)
{
    return l->lane_axis >= 0 ? x_vload(&l->b, buffer, at, active) : x_load(&l->b, buffer, at);
}

void window_store(Lower *l, Buffer *buffer, LoopExpr *at, LoopExpr *x, int active)
{
    if (l->lane_axis >= 0) loop_vstore(&l->b, buffer, at, x, active);
    else loop_store(&l->b, buffer, at, x);
}
