/* Columns: lanes across rows, where a loop over their vectors stands innermost.
 *
 *   for each index of the row's axes
 *       for each vector of columns: sums[column] += ...
 *
 * Memory is taken in its order, and many columns take no more text than few. The columns are so few
 * that a C compiler unrolls their loops and keeps the sums in registers. Between two phases a loop
 * over the columns makes of the sums what has one value a column; arrays, or the results
 * themselves, hold that for the phases behind. */
#include "lower/rows.h"

static LoopExpr *held_value(Rows *r, const Node *node)
{
    Lower *l = r->l;
    const int place = place_of(r, node);
    const Value *v = r->given[place];
    if (r->held[place]) return x_vload(&l->b, r->held[place], r->column, l->target->width);
    if (!v) return NULL;
    View view = {.value = v, .offset = v->origin};
    for (int i = 0; i < MAX_RANK; i++) view.stride[i] = v->stride[i];
    return lower_load(l, &view, member_of(r, node)->label, node->type);
}

static void open_columns(Rows *r, bool unrolled)
{
    Lower *l = r->l;
    if (r->column) return;
    r->mark = lower_mark(l);
    r->column = x_var(&l->b, loop_begin(&l->b, lower_axis_name(l, l->lane_axis), x_int(&l->b, 0),
                                        x_int(&l->b, r->columns), l->target->width));
    if (unrolled && r->columns > l->target->width)
        loop_unroll(&l->b, (int)(r->columns / l->target->width));
    l->axis[l->lane_axis] = x_add(&l->b, r->first, r->column);
    for (int i = 0; i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        LoopExpr *x = held_value(r, node);
        if (x) lower_bind(l, node, x_var(&l->b, loop_let(&l->b, op_node_name(node), x)));
    }
    for (int i = 0; i < r->count; i++) reduction_enter(l, &r->side[0].reductions[i], r->column);
}

static void close_columns(Rows *r)
{
    Lower *l = r->l;
    lower_forget(l, r->mark);
    loop_end(&l->b);
    l->axis[l->lane_axis] = NULL;
    r->column = NULL;
}

static bool lies_in_columns(const Rows *r, const Value *v)
{
    const int *label = member_of(r, v->node)->label;
    return v->dtype == DT_F32 && lower_lane_stride(r->l, v->stride, label, v->node->type) == 1;
}

/* What was made of the columns stays for the phases behind: in results where it is one. */
static void hold(Rows *r, int p)
{
    Lower *l = r->l;
    rows_store_ready(r, p);
    for (int i = 0; i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        const int place = place_of(r, node);
        LoopExpr *x = lower_bound(l, node);
        if (!x || !x->vector || x->type != LT_F32 || r->held[place] || r->given[place]) continue;
        const Value *v = result_of(r, node);
        if (v && r->stored[place] && lies_in_columns(r, v)) {
            r->given[place] = v;
            continue;
        }
        const char *name = arena_printf(l->b.arena, "%ss", op_node_name(node));
        r->held[place] = loop_local(&l->b, name, r->columns);
        loop_vstore(&l->b, r->held[place], r->column, x, l->target->width);
    }
}

/* The phase's loops; sums of the innermost are added up by themselves first (reduction_nest). */
static void loops(Rows *r, int p, Reduction *const *running, int n)
{
    Lower *l = r->l;
    const bool nested = n && loops_over(r, r->row) > 1;
    int open = 0;
    for (int axis = 0; axis < l->k->domain.rank; axis++) {
        if (!(r->row >> axis & 1) || axis == l->lane_axis) continue;
        if (nested && open + 1 == loops_over(r, r->row)) {
            open_columns(r, true);
            for (int i = 0; i < n; i++) reduction_nest_columns(l, running[i], r->columns);
            close_columns(r);
        }
        lower_loop(l, axis);
        open++;
    }
    open_columns(r, true);
    rows_hoist(r, p);
    rows_element(r, p, running, n, 0);
    close_columns(r);
    for (int left = open; left > 0; left--) {
        loop_end(&l->b);
        if (!nested || left < open) continue;
        open_columns(r, true);
        for (int i = 0; i < n; i++) reduction_unnest_columns(l, running[i]);
        close_columns(r);
    }
    for (int axis = 0; axis < l->k->domain.rank; axis++)
        if (r->row >> axis & 1) l->axis[axis] = NULL;
}

/* Unless sums are nested, they must leave the loop over columns that starts them in registers. */
static bool keeps_sums(const Rows *r) { return loops_over(r, r->row) == 1; }

/* One phase, and behind it the columns' loop that closes it, left open for what the next begins
 * with. */
void rows_run_columns(Rows *r, int p)
{
    Lower *l = r->l;
    Reduction **running = r->side[0].running;
    const int n = rows_find_running(r->side[0].reductions, r->count, p, running);
    if (!rows_phase_has_work(r, p, n)) return;
    open_columns(r, keeps_sums(r));
    rows_hoist(r, p);
    for (int i = 0; i < n; i++) reduction_open_columns(l, running[i], r->columns);
    hold(r, p);
    close_columns(r);
    loops(r, p, running, n);
    open_columns(r, keeps_sums(r));
    for (int i = 0; i < n; i++) reduction_close_columns(l, running[i], r->columns);
}

void rows_finish_columns(Rows *r)
{
    open_columns(r, keeps_sums(r));
    rows_finish(r);
    close_columns(r);
}
