/* Sums of channels over all rows and positions, of what a window's epilogue computes. */
#include "lower/window.h"

static bool window_sum_of(const Lower *l, int i) { return !window_stores(l, i); }

/* The scratch that keeps the sums of each row. */
static const Value *rows_of(const Lower *l, int i)
{
    int before = 0;
    for (int j = 0; j < i; j++) before += window_sum_of(l, j);
    return l->k->scratch.at[before];
}

static LoopExpr *rows_at(Lower *l, const Panel *panel)
{
    const int64_t channels = (l->k->domain.dim[1] + LANE_PAD - 1) / LANE_PAD * LANE_PAD;
    LoopExpr *row = l->axis[0] ? x_mul(&l->b, l->axis[0], channels) : x_int(&l->b, 0);
    return x_add(&l->b, row, panel->first);
}

Var **window_sums_begin(Lower *l)
{
    Var **sums = arena_array(l->b.arena, Var *, l->k->results.count + 1);
    for (int i = 0; i < l->k->results.count; i++)
        if (window_sum_of(l, i))
            sums[i] = loop_var(&l->b, l->k->results.at[i]->name,
                               x_float(&l->b, 0, l->lane_axis >= 0));
    return sums;
}

void window_sum_step(Lower *l, Var *const *sums, int i)
{
    const Node *sum = l->k->results.at[i]->node;
    LoopExpr *x = lower_input(l, sum->inputs[0], l->entry->member[sum->id].label);
    LoopExpr *so_far = x_var(&l->b, sums[i]);
    loop_set(&l->b, sums[i], x_map(&l->b, OP_add, 2, (LoopExpr *[]){so_far, x}));
}

void window_sums_end(Lower *l, Var *const *sums, const Panel *panel)
{
    for (int i = 0; i < l->k->results.count; i++) {
        if (!window_sum_of(l, i)) continue;
        Buffer *rows = lower_buffer(l, rows_of(l, i));
        LoopExpr *at = rows_at(l, panel), *x = x_var(&l->b, sums[i]);
        if (l->lane_axis >= 0) loop_vstore(&l->b, rows, at, x, l->target->width);
        else loop_store(&l->b, rows, at, x);
    }
}

typedef struct Finish {
    Lower *l;
    int result;
} Finish;

static void add_up(void *context, const Panel *panel)
{
    const Finish *f = context;
    Lower *l = f->l;
    LoopBuilder *b = &l->b;
    const Value *value = l->k->results.at[f->result];
    Buffer *rows = lower_buffer(l, rows_of(l, f->result));
    const bool vector = l->lane_axis >= 0;
    loop_block(b);
    Var *sum = loop_var(b, "total", x_float(b, 0, vector));
    lower_loop(l, 0);
    LoopExpr *at = rows_at(l, panel);
    LoopExpr *x = vector ? x_vload(b, rows, at, l->target->width) : x_load(b, rows, at);
    loop_set(b, sum, x_map(b, OP_add, 2, (LoopExpr *[]){x_var(b, sum), x}));
    loop_end(b);
    l->axis[0] = NULL;
    l->axis[1] = panel->first;
    l->active = panel->active;
    lower_store(l, value, l->entry->member[value->node->id].label, x_var(b, sum));
    l->active = l->target->width;
    loop_end(b);
}

void window_sums_finish(Lower *l)
{
    for (int i = 0; i < l->k->results.count; i++)
        if (window_sum_of(l, i)) {
            Finish f = {l, i};
            window_panels(l, l->k->domain.dim[1], 1, add_up, &f);
        }
}
