/* Windows: which template a kernel takes, and what they share. */
#include "lower/window.h"

#include "lower/tile.h"

bool window_is_channelwise(const Window *w)
{
    return w->groups == w->in_channels && w->groups == w->out_channels;
}

void window_panels(Lower *l, int64_t channels, int most,
                   void (*body)(void *context, const Panel *panel), void *context)
{
    LoopBuilder *b = &l->b;
    const int64_t width = l->lane_axis >= 0 ? l->target->width : 1;
    const int64_t vectors = (channels + width - 1) / width;
    const int last = (int)(channels - (vectors - 1) * width);
    Share runs[2];
    const int n = share_evenly(vectors, most, runs);
    for (int i = 0; i < n; i++) {
        const bool partial = i + 1 == n && last < width;
        const int64_t whole = runs[i].count - partial, end = runs[i].begin + runs[i].size * whole;
        Panel p = {.columns = (int)runs[i].size, .active = (int)width};
        if (whole) {
            p.first = whole == 1
                        ? x_int(b, runs[i].begin * width)
                        : x_var(b, loop_begin(b, "o", x_int(b, runs[i].begin * width),
                                              x_int(b, end * width), runs[i].size * width));
            body(context, &p);
            if (whole > 1) loop_end(b);
        }
        if (!partial) continue;
        p.first = x_int(b, end * width);
        p.active = last;
        body(context, &p);
    }
}

int window_lanes(const Lower *l, const View *view, Type type, int axis, int active)
{
    const int64_t width = l->target->width;
    int64_t room = view->value->elements;
    if (!lower_pads(view->value)) return active;
    for (int i = 0; i < type.rank; i++)
        if (i != axis && type.dim[i] > 1 && view->stride[i] > 1 && view->stride[i] < room)
            room = view->stride[i];
    const bool padded = view->value->elements % LANE_PAD == 0 && view->offset % width == 0;
    return padded && (type.dim[axis] + width - 1) / width * width <= room ? (int)width : active;
}

bool window_stores(const Lower *l, int i)
{
    return op_row(l->k->results.at[i]->node->op)->kind != KIND_REDUCE;
}

bool window_is_bare(const Lower *l)
{
    for (int i = 0; i < l->k->results.count; i++)
        if (window_stores(l, i) && l->k->results.at[i]->node != l->k->anchor) return false;
    return l->k->results.at[0]->node == l->k->anchor;
}

void lower_window(Lower *l)
{
    Window w;
    window_of(l->b.arena, l->k->anchor, &w);
    lower_uniforms(l);
    l->lane_axis = l->target->width > 1 ? l->k->lane_axis : -1;
    const bool picks = w.input[1] != ROLE_NONE && w.input[1] != ROLE_WEIGHT && w.input[0] == ROLE_IN
                    && w.result != ROLE_WEIGHT;
    const bool largest = picks && w.result == ROLE_OUT
                      && l->k->anchor->inputs[0] == l->k->anchor->inputs[1];
    if (l->k->winograd) lower_window_winograd(l);
    else if (w.result == ROLE_WEIGHT) lower_window_weight(l);
    else if (picks && !largest) lower_window_pick(l);
    else lower_window_gather(l);
}
