/* Kernels of rows: maps and reductions over one domain.
 *
 *   for each index of the outer axes                    one "row"
 *       phase 0:  for the row's axes: reductions that need only operands; results ready by now
 *       phase 1:  for the row's axes: what needs the reductions of phase 0; and so on
 *
 * A row stays in registers or L1 between its phases. Reductions over other axes than the row's
 * accumulate: a scalar in a register, anything else in its result. Lanes run along the last axis if
 * the operands allow: inside the row (reductions then end with a sum over the lanes) or across rows
 * (each lane reduces its own). */
#include <string.h>

#include "lower/rows.h"

/* ---- accumulators ---- */

/* Writes zeros over a result that is added to, rows beyond the count left out: it may be called for
 * one sample alone. */
static void clear_result(Rows *r, const Node *node)
{
    Lower *l = r->l;
    const Value *v = result_of(r, node);
    const int *label = member_of(r, node)->label;
    int open = 0;
    for (int i = 0; i < node->type.rank; i++) {
        if (node->type.dim[i] == 1) continue;
        const bool lanes = label[i] == l->lane_axis && l->target->width > 1;
        if (lanes) continue;
        lower_loop(l, label[i]);
        open++;
    }
    if (varies(node->type, label) >> (l->lane_axis & 31) & (l->lane_axis >= 0))
        lane_loop_zero(l, v, label);
    else lower_store(l, v, label, lower_number(l, node->type.dtype, 0, false));
    while (open--) loop_end(&l->b);
    memset(l->axis, 0, sizeof l->axis);
}

/* After the result that it is, or that the arithmetic after the loops makes of it. */
static const char *total_name(const Rows *r, const Node *node)
{
    const Value *v = result_of(r, node);
    for (int i = 0; !v && i < r->l->k->results.count; i++)
        if (member_of(r, r->l->k->results.at[i]->node)->after_loops) v = r->l->k->results.at[i];
    return v ? arena_printf(r->l->b.arena, "%s_total", v->name) : "total";
}

static void open_accumulators(Rows *r)
{
    Lower *l = r->l;
    for (int i = 0; i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        if (!accumulates(r, node)) continue;
        if (!is_scalar(node)) {
            clear_result(r, node);
            continue;
        }
        const bool lanes = input_has_lanes(r, node);
        const char *name = total_name(r, node);
        LoopExpr *zero = lower_number(l, node->type.dtype, 0, lanes);
        r->total[place_of(r, node)] = loop_var(&l->b, name, zero);
    }
}

/* Adds the value of an accumulating reduction's input at the current index. */
static void accumulate(Rows *r, const Node *node)
{
    Lower *l = r->l;
    const Member *m = member_of(r, node);
    LoopExpr *x = lower_input(l, node->inputs[0], m->label);
    if (input_has_lanes(r, node))
        x = reduction_masked(l, x_splat(&l->b, x), lower_number(l, node->type.dtype, 0, true));
    Var *total = r->total[place_of(r, node)];
    if (total) {
        loop_set(&l->b, total, x_map(&l->b, OP_add, 2, (LoopExpr *[]){x_var(&l->b, total), x}));
        return;
    }
    const Value *v = result_of(r, node);
    const View view = {.value = v, .offset = v->origin};
    View at = view;
    memcpy(at.stride, v->stride, sizeof at.stride);
    const bool keeps_lanes = varies(node->type, m->label) >> (l->lane_axis & 31)
                           & (l->lane_axis >= 0);
    if (x->vector && !keeps_lanes) x = x_unary(&l->b, E_ADD_LANES, x);
    LoopExpr *sum =
        x_map(&l->b, OP_add, 2, (LoopExpr *[]){lower_load(l, &at, m->label, node->type), x});
    lower_store(l, v, m->label, sum);
}

static void close_accumulators(Rows *r)
{
    Lower *l = r->l;
    for (int i = 0; i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        Var *total = r->total[place_of(r, node)];
        if (!total) continue;
        LoopExpr *x = x_var(&l->b, total);
        if (total->vector) x = x_unary(&l->b, E_ADD_LANES, x);
        lower_bind(l, node, x);
    }
    const int lane = l->lane_axis;
    l->lane_axis = -1;
    for (int i = 0; i < l->k->results.count; i++) {
        const Value *v = l->k->results.at[i];
        const Member *m = member_of(r, v->node);
        if (m->after_loops || r->total[place_of(r, v->node)])
            lower_store(l, v, m->label, lower_member(l, v->node));
    }
    l->lane_axis = lane;
}

/* ---- phases ---- */

/* What one element of phase p does. */
void rows_element(Rows *r, int p, Reduction *const *running, int running_count, int part)
{
    Lower *l = r->l;
    const int mark = lower_mark(l);
    rows_keep(r, p);
    for (int i = 0; i < running_count; i++) reduction_step(l, running[i], part);
    for (int i = 0; i < l->k->results.count; i++) {
        const Node *node = l->k->results.at[i]->node;
        const Member *m = member_of(r, node);
        if (reduces(r, node) || m->after_loops || level_of(r, node) != p) continue;
        if (!r->row || (varies(node->type, m->label) & r->row))
            lower_result(l, l->k->results.at[i]);
    }
    for (int i = 0; i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        if (accumulates(r, node) && level_of(r, node) == p && (!r->row || input_in_row(r, node)))
            accumulate(r, node);
    }
    lower_forget(l, mark);
}

bool rows_phase_has_work(const Rows *r, int p, int running_count)
{
    const Kernel *k = r->l->k;
    if (running_count) return true;
    for (int i = 0; i < k->nodes.count; i++) {
        const Node *node = k->nodes.at[i];
        if (level_of(r, node) != p || member_of(r, node)->after_loops) continue;
        if (accumulates(r, node) && (!r->row || input_in_row(r, node))) return true;
        if (!reduces(r, node) && result_of(r, node)
            && (!r->row || (varies(node->type, member_of(r, node)->label) & r->row)))
            return true;
    }
    return false;
}

typedef struct Phase {
    Rows *rows;
    int p;
    Reduction **running;
    int running_count, part;
} Phase;

static void phase_element(void *context)
{
    Phase *phase = context;
    rows_element(phase->rows, phase->p, phase->running, phase->running_count, phase->part);
}

static void phase_beyond(void *context)
{
    const Phase *phase = context;
    rows_beyond(phase->rows, phase->p);
}

/* What has one value a row and is ready before phase p is computed in front of its loops. */
void rows_hoist(Rows *r, int p)
{
    Lower *l = r->l;
    for (int i = 0; r->row && i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        const Member *m = member_of(r, node);
        if (lower_bound(l, node) || reduces(r, node) || m->after_loops || level_of(r, node) > p
            || op_row(node->op)->kind == KIND_JOIN)
            continue;
        if (!lower_uses(l, node) || (varies(node->type, m->label) & r->row)) continue;
        LoopExpr *x = lower_member(l, node);
        const bool plain = x->kind == E_VAR || x->kind == E_FLOAT || x->kind == E_INT;
        const char *name = op_node_name(node);
        if (!plain) lower_bind(l, node, x_var(&l->b, loop_let(&l->b, name, x)));
    }
}

/* An addition takes four cycles, so one accumulator alone would wait for itself. */
int rows_parts(const Rows *r, Reduction *const *running, int count)
{
    const Lower *l = r->l;
    const bool along = l->lane_axis >= 0 && (r->row >> l->lane_axis & 1);
    int chains = 0;
    for (int i = 0; i < count; i++) {
        if (reduction_is_heavy(running[i])) return 1;
        chains += !reduction_takes_over(running[i]);
    }
    if (!along || !chains || chains > 2) return 1;
    const int parts = chains == 1 ? MAX_PARTS : MAX_PARTS / 2;
    return l->k->domain.dim[l->lane_axis] >= 2 * parts * l->target->width ? parts : 1;
}

/* Turns to the bindings and the lanes of a side. */
static void enter(Rows *r, int v)
{
    Lower *l = r->l;
    if (r->sides == 1) return;
    r->side[r->current].bound = l->bound;
    r->current = v;
    l->bound = r->side[v].bound;
    l->axis[l->lane_axis] = x_add(&l->b, r->first, x_int(&l->b, v * l->target->width));
}

int rows_find_running(Reduction *reductions, int count, int p, Reduction **running)
{
    int n = 0;
    for (int i = 0; i < count; i++)
        if (reduction_runs(&reductions[i], p)) running[n++] = &reductions[i];
    return n;
}

/* In front of the innermost of several loops, and behind it. */
static void nest(Rows *r, int running, void (*step)(Lower *l, Reduction *reduction))
{
    for (int v = 0; v < r->sides; v++) {
        enter(r, v);
        for (int i = 0; i < running; i++) step(r->l, r->side[v].running[i]);
    }
}

/* Opens the loops over the row's axes other than the lanes; returns how many. */
static int open_row(Rows *r, int running)
{
    const int loops = loops_over(r, r->row);
    int open = 0;
    for (int axis = 0; axis < r->l->k->domain.rank; axis++) {
        if (!(r->row >> axis & 1) || axis == r->l->lane_axis) continue;
        if (open > 0 && open + 1 == loops) nest(r, running, reduction_nest);
        if (r->end) lower_loop_to(r->l, axis, r->end);
        else lower_loop(r->l, axis);
        open++;
    }
    return open;
}

static void close_row(Rows *r, int open, int running)
{
    for (int left = open; left > 0; left--) {
        loop_end(&r->l->b);
        if (open > 1 && left == open) nest(r, running, reduction_unnest);
    }
    for (int axis = 0; axis < r->l->k->domain.rank; axis++)
        if (r->row >> axis & 1) r->l->axis[axis] = NULL;
}

/* One phase: its loops over the row's axes, and what stands around them. */
static void run_phase(Rows *r, int p)
{
    Lower *l = r->l;
    int n = 0;
    for (int v = 0; v < r->sides; v++)
        n = rows_find_running(r->side[v].reductions, r->count, p, r->side[v].running);
    if (!rows_phase_has_work(r, p, n)) return;
    const int parts = rows_parts(r, r->side[0].running, n);
    const bool along = l->lane_axis >= 0 && (r->row >> l->lane_axis & 1);
    void (*beyond)(void *) = rows_end_in(r, p) ? phase_beyond : NULL;
    for (int v = 0; v < r->sides; v++) {
        enter(r, v);
        rows_hoist(r, p);
        for (int i = 0; i < n; i++)
            reduction_open(l, r->side[v].running[i], l->lane_axis >= 0, parts);
    }
    const int open = open_row(r, n);
    for (int v = 0; v < r->sides; v++) {
        Phase phase = {r, p, r->side[v].running, n, 0};
        enter(r, v);
        if (along)
            lane_loop_parts(l, (LaneRange){r->whole, r->end, beyond}, parts, &phase.part,
                            phase_element, &phase);
        else phase_element(&phase);
    }
    close_row(r, open, n);
    if (r->end) rows_finish_band(r, p);
    for (int v = 0; v < r->sides; v++) {
        enter(r, v);
        for (int i = 0; i < n; i++) reduction_close(l, r->side[v].running[i], along);
    }
}

void rows_store_ready(Rows *r, int p)
{
    for (int i = 0; i < r->l->k->results.count; i++) {
        const Value *v = r->l->k->results.at[i];
        const Member *m = member_of(r, v->node);
        if (r->stored[m->place] || r->level[m->place] > p || m->after_loops
            || accumulates(r, v->node) || (varies(v->node->type, m->label) & r->row))
            continue;
        if (!r->row && !reduces(r, v->node)) continue;
        if (v->over && p < r->phases) continue; /* its operand may be read until then */
        lower_result(r->l, v);
        r->stored[m->place] = true;
    }
}

void rows_finish(Rows *r)
{
    Lower *l = r->l;
    const int lane = l->lane_axis;
    if (lane >= 0 && (r->row >> lane & 1)) l->lane_axis = -1;
    rows_store_ready(r, r->phases);
    for (int i = 0; r->row && i < l->k->nodes.count; i++)
        if (accumulates(r, l->k->nodes.at[i]) && !input_in_row(r, l->k->nodes.at[i]))
            accumulate(r, l->k->nodes.at[i]);
    l->lane_axis = lane;
    memset(r->stored, 0, sizeof *r->stored * (size_t)l->k->nodes.count);
}

/* The reductions of a side; returns how many. */
static int make_reductions(Rows *r, Side *side)
{
    Lower *l = r->l;
    int count = 0;
    side->reductions = arena_array(l->b.arena, Reduction, l->k->nodes.count + 1);
    side->running = arena_array(l->b.arena, Reduction *, l->k->nodes.count + 1);
    for (int i = 0; r->row && i < l->k->nodes.count; i++) {
        if (!in_row(r, l->k->nodes.at[i])) continue;
        Reduction *own = &side->reductions[count];
        *own = reduction_of(l, l->k->nodes.at[i], level_of(r, l->k->nodes.at[i]));
        for (int j = 0; j < count && !own->twin; j++)
            if (!side->reductions[j].twin && reduction_shares(&side->reductions[j], own))
                own->twin = &side->reductions[j];
        rows_find_shortcuts(r, own);
        count++;
    }
    return count;
}

/* Every side begins with what is bound so far. */
static void split_bindings(Rows *r)
{
    Lower *l = r->l;
    r->current = 0;
    r->side[0].bound = l->bound;
    for (int v = 1; v < r->sides; v++) {
        r->side[v].bound = (Bindings){0};
        for (int i = 0; i < l->bound.count; i++)
            vec_push(l->b.arena, r->side[v].bound, l->bound.at[i]);
    }
}

static void one_row(void *context)
{
    Rows *r = context;
    Lower *l = r->l;
    const int mark = lower_mark(l);
    if (r->sides > 1) split_bindings(r);
    for (int v = 0; v < r->sides; v++) r->count = make_reductions(r, &r->side[v]);
    rows_begin_band(r);
    for (int p = 0; p < r->phases; p++) (r->columns ? rows_run_columns : run_phase)(r, p);
    if (r->columns) rows_finish_columns(r);
    for (int v = r->sides - 1; v >= 0 && !r->columns; v--) {
        enter(r, v);
        rows_finish(r);
    }
    if (r->many) lower_forget(l, mark); /* else its sums serve what follows the loops */
}

/* Lanes across rows, some vectors of them side by side or in a loop inside. */
static void rows_across(Rows *r, void (*body)(void *context), void *context)
{
    Lower *l = r->l;
    const int64_t extent = l->k->domain.dim[l->lane_axis],
                  step = r->columns ? r->columns : (int64_t)r->sides * l->target->width;
    if (r->sides == 1 && !r->columns) {
        lane_loop(l, body, context);
        return;
    }
    LoopExpr *first = x_int(&l->b, 0);
    if (step == extent) loop_block(&l->b);
    else
        first = x_var(&l->b, loop_begin(&l->b, lower_axis_name(l, l->lane_axis), first,
                                        x_int(&l->b, extent), step));
    l->axis[l->lane_axis] = r->first = first;
    body(context);
    loop_end(&l->b);
    l->axis[l->lane_axis] = NULL;
}

/* ---- sums over the innermost axis ---- */

typedef struct Inner {
    Rows *rows;
    int axis;
} Inner;

static void add_total(Rows *r, const Node *node, Var *total)
{
    Lower *l = r->l;
    const Value *v = result_of(r, node);
    const int *label = member_of(r, node)->label;
    View at = {.value = v, .offset = v->origin};
    memcpy(at.stride, v->stride, sizeof at.stride);
    const bool keeps_lanes = varies(node->type, label) >> (l->lane_axis & 31) & (l->lane_axis >= 0);
    LoopExpr *x = x_var(&l->b, total);
    if (x->vector && !keeps_lanes) x = x_unary(&l->b, E_ADD_LANES, x);
    x = x_map(&l->b, OP_add, 2, (LoopExpr *[]){lower_load(l, &at, label, node->type), x});
    lower_store(l, v, label, x);
}

static void inner_rows(void *context)
{
    const Inner *inner = context;
    Rows *r = inner->rows;
    Lower *l = r->l;
    for (int i = 0; i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        if (!sums_up(r, node)) continue;
        const char *name = node->name ? node->name : "total";
        r->total[place_of(r, node)] =
            loop_var(&l->b, name, lower_number(l, node->type.dtype, 0, input_has_lanes(r, node)));
    }
    lower_loop(l, inner->axis);
    one_row(r);
    loop_end(&l->b);
    l->axis[inner->axis] = NULL;
    for (int i = 0; i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        if (!sums_up(r, node)) continue;
        add_total(r, node, r->total[place_of(r, node)]);
        r->total[place_of(r, node)] = NULL;
    }
}

void lower_rows(Lower *l)
{
    const int members = l->k->nodes.count + 1;
    Rows r = {.l = l};
    r.level = arena_array(l->b.arena, int, members);
    r.total = arena_array(l->b.arena, Var *, members);
    r.rows = arena_array(l->b.arena, Row, members);
    r.stored = arena_array(l->b.arena, bool, members);
    r.held = arena_array(l->b.arena, Buffer *, members);
    r.given = arena_array(l->b.arena, const Value *, members);
    lower_uniforms(l);
    rows_choose_lanes(&r);
    rows_choose_row(&r);
    rows_find_levels(&r);
    rows_choose_kept(&r);
    rows_find_band(&r);
    open_accumulators(&r);
    int open = 0;
    Inner inner = {&r, rows_inner_axis(&r)};
    for (int axis = 0; axis < l->k->domain.rank; axis++) {
        if ((r.row >> axis & 1) || axis == l->lane_axis || axis == inner.axis
            || l->k->domain.dim[axis] == 1)
            continue;
        lower_loop(l, axis);
        open++;
    }
    const bool across = l->lane_axis >= 0 && !(r.row >> l->lane_axis & 1);
    void (*body)(void *) = inner.axis >= 0 ? inner_rows : one_row;
    void *context = inner.axis >= 0 ? (void *)&inner : (void *)&r;
    r.many = open || across || inner.axis >= 0;
    r.columns = across && inner.axis < 0 ? rows_columns(&r) : 0;
    r.sides = across && inner.axis < 0 ? rows_sides(&r) : 1;
    if (across) rows_across(&r, body, context);
    else body(context);
    while (open--) loop_end(&l->b);
    close_accumulators(&r);
}
