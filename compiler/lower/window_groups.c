/* Gradients of weights by groups of rows of the batch. */
#include "lower/window.h"

RowGroups window_groups_begin(Lower *l, const Window *w, const Value *pieces)
{
    LoopBuilder *b = &l->b;
    RowGroups g = {.pieces = pieces};
    const int64_t groups = pieces->pieces, size = (w->rows + groups - 1) / groups;
    g.group = x_var(b, loop_begin(b, "group", x_int(b, 0), x_int(b, groups), 1));
    g.first = x_mul(b, g.group, size);
    LoopExpr *end = x_add(b, g.first, x_int(b, size));
    g.end = x_var(b, loop_let(b, "end", x_min(b, end, lower_extent(l, w->in, 0))));
    return g;
}

LoopExpr *window_group_at(Lower *l, const RowGroups *g, const Value *of)
{
    return g->pieces ? x_mul(&l->b, g->group, of->each) : x_int(&l->b, 0);
}

/* Vectors of the result from `at` on, the last with fewer active. */
static void add_up(Lower *l, const RowGroups *g, LoopExpr *at, int active)
{
    LoopBuilder *b = &l->b;
    Buffer *pieces = lower_buffer(l, g->pieces);
    LoopExpr *sum = x_vload(b, pieces, at, active);
    for (int i = 1; i < g->pieces->pieces; i++) {
        LoopExpr *more = x_add(b, at, x_int(b, i * g->pieces->each));
        sum = x_map(b, OP_add, 2, (LoopExpr *[]){sum, x_vload(b, pieces, more, active)});
    }
    loop_vstore(b, lower_buffer(l, l->k->results.at[0]), at, sum, active);
}

void window_groups_end(Lower *l, const RowGroups *g)
{
    LoopBuilder *b = &l->b;
    const int64_t width = l->target->width, floats = l->k->results.at[0]->elements,
                  whole = floats / width * width;
    loop_end(b);
    if (whole) {
        Var *i = loop_begin(b, "i", x_int(b, 0), x_int(b, whole), width);
        add_up(l, g, x_var(b, i), (int)width);
        loop_end(b);
    }
    if (whole < floats) add_up(l, g, x_int(b, whole), (int)(floats - whole));
}
