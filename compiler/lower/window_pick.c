/* Entries picked by the largest under a window, and the gradient, which adds entries there.
 *
 *   for each row, for each vector of channels, for each position:
 *       at = the tap under which a is largest, the first of equals
 *       pick:  result = b under tap at, epilogue
 *       place: for each tap: result under it += the position's entry where the tap is at
 *
 * Where windows do not overlap an entry is stored instead of added, and where they also cover all
 * entries an epilogue follows on each. Few taps are written out. */
#include "lower/window.h"

typedef struct Pick {
    Lower *l;
    Window w;
    const View *a, *b; /* b: what is picked from, or what is placed */
    Slide slide[MAX_WINDOW_AXES];
    LoopExpr *channel, *at[MAX_WINDOW_AXES], *tap[MAX_WINDOW_AXES];
    LoopExpr *first[MAX_WINDOW_AXES], *end[MAX_WINDOW_AXES]; /* taps that the position meets */
    int active;
    Var **sums; /* by result: of the row and panel at hand, or NULL */
} Pick;

/* ---- elements ---- */

static LoopExpr *entry_at(const Pick *p, int64_t offset, const int64_t *stride, bool position)
{
    LoopBuilder *b = &p->l->b;
    LoopExpr *x = x_int(b, offset);
    if (p->l->axis[0]) x = x_add(b, x, x_mul(b, p->l->axis[0], stride[0]));
    x = x_add(b, x, x_mul(b, p->channel, stride[1])); /* in the order of an epilogue's addresses */
    for (int a = 0; a < p->w.axes; a++) {
        LoopExpr *at = position ? p->at[a] : slide_entry(b, &p->slide[a], p->at[a], p->tap[a]);
        x = x_add(b, x, x_mul(b, at, stride[2 + a]));
    }
    return x;
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

enum { WRITTEN_OUT = 9 }; /* so many taps need no loop, where every position meets them all */

static int written_out(const Pick *p)
{
    int64_t taps = 1;
    for (int a = 0; a < p->w.axes; a++) {
        if (p->first[a]->kind != E_INT || p->end[a]->kind != E_INT) return 0;
        taps *= (int64_t)(p->end[a]->number - p->first[a]->number);
    }
    return taps > 0 && taps <= WRITTEN_OUT ? (int)taps : 0;
}

typedef void TapBody(Pick *p, void *context);

/* The taps that the position meets, from number `from` on (of those that are written out). */
static void each_tap(Pick *p, int from, TapBody *body, void *context)
{
    static const char *const names[] = {"ky", "kz", "ku", "kv", "kq"};
    LoopBuilder *b = &p->l->b;
    const int taps = written_out(p);
    for (int t = from; t < taps; t++) {
        for (int a = p->w.axes - 1, rest = t; a >= 0; a--) {
            const int64_t first = (int64_t)p->first[a]->number,
                          count = (int64_t)p->end[a]->number - first;
            p->tap[a] = x_int(b, first + rest % count);
            rest /= (int)count;
        }
        body(p, context);
    }
    if (taps) return;
    for (int a = 0; a < p->w.axes; a++) {
        const char *name = a + 1 == p->w.axes ? "kx" : names[a];
        p->tap[a] = x_var(b, loop_begin(b, name, p->first[a], p->end[a], 1));
    }
    body(p, context);
    for (int a = 0; a < p->w.axes; a++) loop_end(b);
}

static void first_tap(Pick *p)
{
    LoopBuilder *b = &p->l->b;
    for (int a = 0; a < p->w.axes; a++) {
        slide_taps(b, &p->slide[a], p->at[a], &p->first[a], &p->end[a]);
        p->tap[a] = p->first[a];
    }
}

typedef struct Largest {
    Var *value, *at;
} Largest;

static void compare(Pick *p, void *context)
{
    const Largest *largest = context;
    LoopBuilder *b = &p->l->b;
    LoopExpr *a = x_var(b, loop_let(b, "a", load_view(p, p->a, false)));
    LoopExpr *value = x_var(b, largest->value), *at = x_var(b, largest->at);
    LoopExpr *more = x_map(b, OP_gt, 2, (LoopExpr *[]){a, value});
    more = x_var(b, loop_let(b, "larger", more));
    loop_set(b, largest->value, x_map(b, OP_select, 3, (LoopExpr *[]){more, a, value}));
    loop_set(b, largest->at, x_map(b, OP_select, 3, (LoopExpr *[]){more, tap_number(p), at}));
}

static Var *find_largest(Pick *p)
{
    LoopBuilder *b = &p->l->b;
    first_tap(p);
    Largest largest = {.value = loop_var(b, "largest", load_view(p, p->a, false)),
                       .at = loop_var(b, "at", tap_number(p))};
    each_tap(p, 1, compare, &largest);
    return largest.at;
}

static LoopExpr *here(Pick *p, Var *at)
{
    return x_map(&p->l->b, OP_eq, 2, (LoopExpr *[]){x_var(&p->l->b, at), tap_number(p)});
}

/* ---- the two ---- */

/* What follows on the anchor's value at an index of its domain. */
static void epilogue(Pick *p, LoopExpr *const *index, LoopExpr *x)
{
    Lower *l = p->l;
    const int mark = lower_mark(l);
    l->axis[1] = p->channel;
    for (int a = 0; a < p->w.axes; a++) l->axis[2 + a] = index[a];
    l->active = p->active;
    lower_bind(l, l->k->anchor, x);
    for (int i = 0; i < l->k->results.count; i++) {
        const Node *node = l->k->results.at[i]->node;
        if (p->sums[i]) window_sum_step(l, p->sums, i);
        else
            lower_store(l, l->k->results.at[i], l->entry->member[node->id].label,
                        lower_member(l, node));
    }
    lower_forget(l, mark);
    l->active = l->target->width;
}

typedef struct Chosen {
    Var *at, *picked;
    LoopExpr *d;
} Chosen;

static void take(Pick *p, void *context)
{
    const Chosen *c = context;
    LoopBuilder *b = &p->l->b;
    LoopExpr *x = load_view(p, p->b, false), *picked = x_var(b, c->picked);
    loop_set(b, c->picked, x_map(b, OP_select, 3, (LoopExpr *[]){here(p, c->at), x, picked}));
}

static void pick(Pick *p)
{
    LoopBuilder *b = &p->l->b;
    Chosen c = {.at = find_largest(p)};
    c.picked = loop_var(b, "picked", x_float(b, 0, p->l->lane_axis >= 0));
    each_tap(p, 0, take, &c);
    epilogue(p, p->at, x_var(b, c.picked));
}

/* x is the gradient of the entry under the tap at hand. */
static void put(Pick *p, LoopExpr *x)
{
    Lower *l = p->l;
    LoopBuilder *b = &l->b;
    if (window_parts(&p->w) && window_covers(&p->w)) {
        LoopExpr *entry[MAX_WINDOW_AXES];
        for (int a = 0; a < p->w.axes; a++)
            entry[a] = slide_entry(b, &p->slide[a], p->at[a], p->tap[a]);
        epilogue(p, entry, x);
        return;
    }
    const Value *result = l->k->results.at[0];
    Buffer *buffer = lower_buffer(l, result);
    LoopExpr *to = entry_at(p, result->origin, result->stride, false);
    if (!window_parts(&p->w))
        x = x_map(b, OP_add, 2, (LoopExpr *[]){load(p, result, to), x});
    if (l->lane_axis >= 0) loop_vstore(b, buffer, to, x, p->active);
    else loop_store(b, buffer, to, x);
}

static LoopExpr *either(Pick *p, LoopExpr *condition, LoopExpr *yes, LoopExpr *no)
{
    return x_map(&p->l->b, OP_select, 3, (LoopExpr *[]){condition, yes, no});
}

static void put_if_here(Pick *p, void *context)
{
    const Chosen *c = context;
    put(p, either(p, here(p, c->at), c->d, x_float(&p->l->b, 0, c->d->vector)));
}

static void place_in_loops(Pick *p)
{
    LoopBuilder *b = &p->l->b;
    Chosen c = {.at = find_largest(p)};
    c.d = x_var(b, loop_let(b, "d", load_view(p, p->b, true)));
    each_tap(p, 0, put_if_here, &c);
}

/* Taps that are written out: the first entry that equals the largest takes the gradient, and leaves
 * none; the last one has what is left. */
typedef struct Handing {
    LoopExpr *entry[WRITTEN_OUT], *largest;
    int taps, tap;
    Var *left;
} Handing;

static void note_entry(Pick *p, void *context)
{
    Handing *h = context;
    LoopBuilder *b = &p->l->b;
    LoopExpr *a = x_var(b, loop_let(b, "a", load_view(p, p->a, false)));
    h->entry[h->taps++] = a;
    h->largest = h->largest ? x_map(b, OP_max, 2, (LoopExpr *[]){h->largest, a}) : a;
}

static void hand_out(Pick *p, void *context)
{
    Handing *h = context;
    LoopBuilder *b = &p->l->b;
    LoopExpr *left = x_var(b, h->left), *zero = x_float(b, 0, left->vector);
    if (h->tap + 1 == h->taps) {
        put(p, left);
        return;
    }
    LoopExpr *same = x_map(b, OP_eq, 2, (LoopExpr *[]){h->entry[h->tap++], h->largest});
    same = x_var(b, loop_let(b, "same", same));
    put(p, either(p, same, left, zero));
    loop_set(b, h->left, either(p, same, zero, left));
}

static void place(Pick *p)
{
    LoopBuilder *b = &p->l->b;
    Handing h = {0};
    first_tap(p);
    if (!written_out(p)) {
        place_in_loops(p);
        return;
    }
    each_tap(p, 0, note_entry, &h);
    h.largest = x_var(b, loop_let(b, "largest", h.largest));
    h.left = loop_var(b, "d", load_view(p, p->b, true));
    each_tap(p, 0, hand_out, &h);
}

static void panel(void *context, const Panel *panel)
{
    static const char *const names[] = {"y", "z", "u", "v", "q"};
    Pick *p = context;
    LoopBuilder *b = &p->l->b;
    p->channel = panel->first;
    p->active = panel->active;
    p->sums = window_sums_begin(p->l);
    for (int a = 0; a < p->w.axes; a++) {
        LoopExpr *hi = x_int(b, p->w.axis[a].out);
        p->at[a] = x_var(b, loop_begin(b, a + 1 == p->w.axes ? "x" : names[a], x_int(b, 0), hi, 1));
    }
    if (p->w.result == ROLE_OUT) pick(p);
    else place(p);
    for (int a = 0; a < p->w.axes; a++) loop_end(b);
    window_sums_end(p->l, p->sums, panel);
}

void lower_window_pick(Lower *l)
{
    Pick p = {.l = l, .a = &l->k->contracted[0], .b = &l->k->contracted[1]};
    int open = 0;
    window_of(l->b.arena, l->k->anchor, &p.w);
    for (int a = 0; a < p.w.axes; a++) p.slide[a] = slide_forward(&p.w.axis[a]);
    if (p.w.result == ROLE_IN && !(window_parts(&p.w) && window_covers(&p.w)))
        lower_clear(l, l->k->results.at[0]);
    if (l->k->domain.dim[0] != 1) {
        lower_loop(l, 0);
        open++;
    }
    window_panels(l, p.w.in_channels, 1, panel, &p);
    while (open--) loop_end(&l->b);
    window_sums_finish(l);
}
