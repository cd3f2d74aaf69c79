/* Entries picked by the largest under a window, and the gradient, which adds entries there.
 *
 *   for each row, for each vector of channels, for each position:
 *       at = the tap under which a is largest, the first of equals
 *       pick:  result = b under tap at
 *       place: for each tap: result under it += the position's entry where the tap is at
 *
 * Where windows do not overlap an entry is stored instead of added. */
#include "lower/window.h"

typedef struct Pick {
    Lower *l;
    Window w;
    const View *a, *b; /* b: what is picked from, or what is placed */
    Slide slide[MAX_WINDOW_AXES];
    LoopExpr *channel, *at[MAX_WINDOW_AXES], *tap[MAX_WINDOW_AXES];
    LoopExpr *first[MAX_WINDOW_AXES], *end[MAX_WINDOW_AXES]; /* taps that the position meets */
    int active;
} Pick;

/* ---- elements ---- */

static LoopExpr *entry_at(const Pick *p, int64_t offset, const int64_t *stride, bool position)
{
    LoopBuilder *b = &p->l->b;
    LoopExpr *x = x_int(b, offset);
    if (p->l->axis[0]) x = x_add(b, x, x_mul(b, p->l->axis[0], stride[0]));
    for (int a = 0; a < p->w.axes; a++) {
        LoopExpr *at = position ? p->at[a] : slide_entry(b, &p->slide[a], p->at[a], p->tap[a]);
        x = x_add(b, x, x_mul(b, at, stride[2 + a]));
    }
    return x_add(b, x, x_mul(b, p->channel, stride[1]));
}

static LoopExpr *load(const Pick *p, const Value *value, LoopExpr *at)
{
    Buffer *buffer = lower_buffer(p->l, value);
    return p->l->lane_axis >= 0 ? x_vload(&p->l->b, buffer, at, p->active)
                                : x_load(&p->l->b, buffer, at);
}

static LoopExpr *load_view(const Pick *p, const View *view, bool position)
{
    return load(p, view->value, entry_at(p, view->offset, view->stride, position));
}

/* The number of the tap in row-major order, in every lane. */
static LoopExpr *tap_number(const Pick *p)
{
    LoopBuilder *b = &p->l->b;
    LoopExpr *x = x_int(b, 0);
    for (int a = 0; a < p->w.axes; a++) x = x_add(b, x_mul(b, x, p->w.axis[a].taps), p->tap[a]);
    LoopExpr *number = x_to_i32(b, x);
    return p->l->lane_axis >= 0 ? x_splat(b, number) : number;
}

/* ---- loops over taps ---- */

static void taps_begin(Pick *p)
{
    static const char *const names[] = {"ky", "kz", "ku", "kv", "kq"};
    LoopBuilder *b = &p->l->b;
    for (int a = 0; a < p->w.axes; a++) {
        const char *name = a + 1 == p->w.axes ? "kx" : names[a];
        p->tap[a] = x_var(b, loop_begin(b, name, p->first[a], p->end[a], 1));
    }
}

static void taps_end(Pick *p)
{
    for (int a = 0; a < p->w.axes; a++) loop_end(&p->l->b);
}

static void first_tap(Pick *p)
{
    LoopBuilder *b = &p->l->b;
    for (int a = 0; a < p->w.axes; a++) {
        slide_taps(b, &p->slide[a], p->at[a], &p->first[a], &p->end[a]);
        p->tap[a] = p->first[a];
    }
}

static Var *find_largest(Pick *p)
{
    LoopBuilder *b = &p->l->b;
    first_tap(p);
    Var *largest = loop_var(b, "largest", load_view(p, p->a, false));
    Var *at = loop_var(b, "at", tap_number(p));
    taps_begin(p);
    LoopExpr *a = x_var(b, loop_let(b, "a", load_view(p, p->a, false)));
    LoopExpr *more = x_map(b, OP_gt, 2, (LoopExpr *[]){a, x_var(b, largest)});
    Var *larger = loop_let(b, "larger", more);
    more = x_var(b, larger);
    loop_set(b, largest, x_map(b, OP_select, 3, (LoopExpr *[]){more, a, x_var(b, largest)}));
    loop_set(b, at, x_map(b, OP_select, 3, (LoopExpr *[]){more, tap_number(p), x_var(b, at)}));
    taps_end(p);
    return at;
}

static LoopExpr *here(Pick *p, Var *at)
{
    return x_map(&p->l->b, OP_eq, 2, (LoopExpr *[]){x_var(&p->l->b, at), tap_number(p)});
}

/* ---- the two ---- */

static void pick(Pick *p)
{
    Lower *l = p->l;
    LoopBuilder *b = &l->b;
    Var *at = find_largest(p);
    Var *picked = loop_var(b, "picked", x_float(b, 0, l->lane_axis >= 0));
    taps_begin(p);
    LoopExpr *x = load_view(p, p->b, false);
    loop_set(b, picked, x_map(b, OP_select, 3, (LoopExpr *[]){here(p, at), x, x_var(b, picked)}));
    taps_end(p);
    const int mark = lower_mark(l);
    l->axis[1] = p->channel;
    for (int a = 0; a < p->w.axes; a++) l->axis[2 + a] = p->at[a];
    l->active = p->active;
    lower_bind(l, l->k->anchor, x_var(b, picked));
    for (int i = 0; i < l->k->results.count; i++) {
        const Node *node = l->k->results.at[i]->node;
        lower_store(l, l->k->results.at[i], l->entry->member[node->id].label,
                    lower_member(l, node));
    }
    lower_forget(l, mark);
    l->active = l->target->width;
}

static bool overlaps(const Window *w)
{
    for (int a = 0; a < w->axes; a++)
        if (w->axis[a].dilation * (w->axis[a].taps - 1) + 1 > w->axis[a].stride) return true;
    return false;
}

/* Whether every entry lies under a window. */
static bool covers(const Window *w)
{
    for (int a = 0; a < w->axes; a++) {
        const WindowAxis *x = &w->axis[a];
        const int64_t end = (x->out - 1) * x->stride - x->before + x->taps;
        if (x->taps < x->stride || x->dilation > 1 || x->before < 0 || end < x->in) return false;
    }
    return true;
}

static void place(Pick *p)
{
    Lower *l = p->l;
    LoopBuilder *b = &l->b;
    const Value *result = l->k->results.at[0];
    Buffer *buffer = lower_buffer(l, result);
    Var *at = find_largest(p);
    LoopExpr *d = x_var(b, loop_let(b, "d", load_view(p, p->b, true)));
    taps_begin(p);
    LoopExpr *to = entry_at(p, result->origin, result->stride, false);
    LoopExpr *x = x_map(b, OP_select, 3, (LoopExpr *[]){here(p, at), d, x_float(b, 0, d->vector)});
    if (overlaps(&p->w)) x = x_map(b, OP_add, 2, (LoopExpr *[]){load(p, result, to), x});
    if (l->lane_axis >= 0) loop_vstore(b, buffer, to, x, p->active);
    else loop_store(b, buffer, to, x);
    taps_end(p);
}

static void panel(void *context, const Panel *panel)
{
    static const char *const names[] = {"y", "z", "u", "v", "q"};
    Pick *p = context;
    LoopBuilder *b = &p->l->b;
    p->channel = panel->first;
    p->active = panel->active;
    for (int a = 0; a < p->w.axes; a++) {
        LoopExpr *hi = x_int(b, p->w.axis[a].out);
        p->at[a] = x_var(b, loop_begin(b, a + 1 == p->w.axes ? "x" : names[a], x_int(b, 0), hi, 1));
    }
    if (p->w.result == ROLE_OUT) pick(p);
    else place(p);
    for (int a = 0; a < p->w.axes; a++) loop_end(b);
}

void lower_window_pick(Lower *l)
{
    Pick p = {.l = l, .a = &l->k->contracted[0], .b = &l->k->contracted[1]};
    int open = 0;
    window_of(l->b.arena, l->k->anchor, &p.w);
    for (int a = 0; a < p.w.axes; a++) p.slide[a] = slide_forward(&p.w.axis[a]);
    if (p.w.result == ROLE_IN && (overlaps(&p.w) || !covers(&p.w)))
        lower_clear(l, l->k->results.at[0]);
    if (l->k->domain.dim[0] != 1) {
        lower_loop(l, 0);
        open++;
    }
    window_panels(l, p.w.in_channels, 1, panel, &p);
    while (open--) loop_end(&l->b);
}
