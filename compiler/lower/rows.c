/* Kernels of rows: maps and reductions over one domain.
 *
 *   for each index of the outer axes                    one "row"
 *       phase 0:  for the row's axes: reductions that need only operands; results ready by now
 *       phase 1:  for the row's axes: what needs the reductions of phase 0; and so on
 *
 * A row stays in registers or L1 between its phases. Reductions over other axes than the row's accumulate: a scalar in a
 * register, anything else in its result. Lanes run along the last axis if the operands allow: inside the row (reductions then
 * end with a sum over the lanes) or across rows (each lane reduces its own). */
#include <string.h>

#include "lower/reduction.h"
#include "ops/formula.h"

/* What costs many operations an element and serves several phases is kept in a local row instead of computed again. */
typedef struct Row {
    unsigned phases;                 /* bit set: the phases that need the member */
    Buffer *values;                  /* kept from the first of them on; NULL: computed again */
    const Reduction *shortcut;       /* values come from the row that this reduction keeps */
} Row;

typedef struct Rows {
    Lower *l;
    unsigned row;                    /* bit set of the row's axes */
    int *level;                      /* by node id: the phase in which a full value is ready */
    int phases;
    Var **total;                     /* by node id: register of a scalar accumulator */
    Row *rows;                       /* by node id: a member's values along the row, where they are kept */
    bool many;                       /* a loop runs over rows */
} Rows;

static const Member *member_of(const Rows *r, const Node *node) { return &r->l->entry->member[node->id]; }

static unsigned axes_of(const Rows *r, const Node *node) {
    unsigned axes = 0;
    if (op_row(node->op)->kind != KIND_REDUCE) return 0;
    for (int i = 0; i < node->attr[0].count; i++) {
        const int64_t a = node->attr[0].ints[i];
        if (node->inputs[0]->type.dim[a] != 1) axes |= 1u << member_of(r, node)->label[a];
    }
    return axes;
}

/* A reduction over axes of extent 1 counts as a map. */
static bool reduces(const Rows *r, const Node *node) { return axes_of(r, node) != 0; }

/* The axes of the domain along which a value of this type and these labels varies. */
static unsigned varies(Type type, const int *label) {
    unsigned axes = 0;
    for (int i = 0; i < type.rank; i++)
        if (type.dim[i] != 1 && label[i] >= 0) axes |= 1u << label[i];
    return axes;
}

static bool in_row(const Rows *r, const Node *node) { return reduces(r, node) && axes_of(r, node) == r->row; }

static bool accumulates(const Rows *r, const Node *node) {
    return reduces(r, node) && !in_row(r, node);
}

/* ---- shape of the loops ---- */

static void choose_lanes(Rows *r) {
    const Type d = r->l->k->domain;
    if (r->l->target->width > 1)
        for (int axis = d.rank - 1; axis >= 0; axis--)
            if (d.dim[axis] > 1 && axis != d.batch_axis && kernel_lanes_fit(r->l->entry, r->l->k, axis)) {
                r->l->lane_axis = axis;
                return;
            }
    r->l->lane_axis = -1;
}

/* Without a consumed reduction the row is what the first sum along the lanes reduces. */
static void choose_row(Rows *r) {
    const Kernel *k = r->l->k;
    r->row = k->row_axes;
    for (int i = 0; !r->row && i < k->nodes.count; i++)
        if (reduces(r, k->nodes.at[i])) {
            const unsigned axes = axes_of(r, k->nodes.at[i]);
            const int last = k->domain.rank - 1;
            if (r->l->lane_axis >= 0 ? axes >> r->l->lane_axis & 1 : axes >> last & 1) r->row = axes;
        }
}

static void find_levels(Rows *r) {
    const Kernel *k = r->l->k;
    r->phases = 1;
    for (int i = 0; i < k->nodes.count; i++) {
        const Node *node = k->nodes.at[i];
        int level = 0;
        NodeList sources = {.count = 0};
        for (int j = 0; j < node->input_count; j++) inline_sources(r->l->entry, node->inputs[j], &sources);
        for (int j = 0; j < sources.count; j++) {
            const Node *root = sources.at[j];
            if (member_of(r, root)->kernel == k && r->level[root->id] > level) level = r->level[root->id];
        }
        if (in_row(r, node)) level += reduction_passes(node->op);
        r->level[node->id] = level;
        const bool full = (varies(node->type, member_of(r, node)->label) & r->row) || accumulates(r, node);
        if (level + full > r->phases && !member_of(r, node)->after_loops) r->phases = level + full;
        if (in_row(r, node) && level > r->phases) r->phases = level;
    }
}

/* ---- accumulators ---- */

static const Value *result_of(const Rows *r, const Node *node) {
    for (int i = 0; i < r->l->k->results.count; i++)
        if (r->l->k->results.at[i]->node == node) return r->l->k->results.at[i];
    return NULL;
}

static bool is_scalar(const Node *node) { return type_elements(node->type) == 1; }

static bool input_in_row(const Rows *r, const Node *node) {
    return varies(node->inputs[0]->type, member_of(r, node)->label) & r->row;
}

static bool input_has_lanes(const Rows *r, const Node *node) {
    const unsigned axes = varies(node->inputs[0]->type, member_of(r, node)->label);
    return r->l->lane_axis >= 0 && r->l->target->width > 1 && (axes >> r->l->lane_axis & 1);
}

static void loop_range(Lower *l, int axis, int64_t extent) {
    Var *i = loop_begin(&l->b, lower_axis_name(l, axis), x_int(&l->b, 0), x_int(&l->b, extent), 1);
    l->axis[axis] = x_var(&l->b, i);
}

/* Writes zeros over the whole of a result that is added to. */
static void clear_result(Rows *r, const Node *node) {
    Lower *l = r->l;
    const Value *v = result_of(r, node);
    const int *label = member_of(r, node)->label;
    int open = 0;
    for (int i = 0; i < node->type.rank; i++) {
        if (node->type.dim[i] == 1) continue;
        const bool lanes = label[i] == l->lane_axis && l->target->width > 1;
        if (lanes) continue;
        loop_range(l, label[i], node->type.dim[i]);
        open++;
    }
    if (varies(node->type, label) >> (l->lane_axis & 31) & (l->lane_axis >= 0))
        lane_loop_zero(l, v, label);
    else
        lower_store(l, v, label, x_float(&l->b, 0, false));
    while (open--) loop_end(&l->b);
    memset(l->axis, 0, sizeof l->axis);
}

/* After the result that it is, or that the arithmetic after the loops makes of it. */
static const char *total_name(const Rows *r, const Node *node) {
    const Value *v = result_of(r, node);
    for (int i = 0; !v && i < r->l->k->results.count; i++)
        if (member_of(r, r->l->k->results.at[i]->node)->after_loops) v = r->l->k->results.at[i];
    return v ? arena_printf(r->l->b.arena, "%s_total", v->name) : "total";
}

static void open_accumulators(Rows *r) {
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
        r->total[node->id] = loop_var(&l->b, name, x_float(&l->b, 0, lanes));
    }
}

/* Adds the value of an accumulating reduction's input at the current index. */
static void accumulate(Rows *r, const Node *node) {
    Lower *l = r->l;
    const Member *m = member_of(r, node);
    LoopExpr *x = lower_input(l, node->inputs[0], m->label);
    if (input_has_lanes(r, node)) x = reduction_masked(l, x_splat(&l->b, x), x_float(&l->b, 0, true));
    Var *total = r->total[node->id];
    if (total) {
        loop_set(&l->b, total, x_map(&l->b, OP_add, 2, (LoopExpr *[]){x_var(&l->b, total), x}));
        return;
    }
    const Value *v = result_of(r, node);
    const View view = {.value = v, .offset = 0};
    View at = view;
    memcpy(at.stride, v->stride, sizeof at.stride);
    const bool keeps_lanes = varies(node->type, m->label) >> (l->lane_axis & 31) & (l->lane_axis >= 0);
    if (x->vector && !keeps_lanes) x = x_unary(&l->b, E_ADD_LANES, x);
    LoopExpr *sum = x_map(&l->b, OP_add, 2, (LoopExpr *[]){lower_load(l, &at, m->label, node->type), x});
    lower_store(l, v, m->label, sum);
}

static void close_accumulators(Rows *r) {
    Lower *l = r->l;
    for (int i = 0; i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        Var *total = r->total[node->id];
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
        if (m->after_loops || r->total[v->node->id]) lower_store(l, v, m->label, lower_member(l, v->node));
    }
    l->lane_axis = lane;
}

/* ---- rows that are kept ---- */

enum { KEPT_FLOATS = 4096 };         /* of a local row: half of a first-level cache */

static void need(Rows *r, const Node *input, int p) {
    const Node *node = view_root(input);
    const Member *m = member_of(r, node);
    if (!m->inlined && (m->kernel != r->l->k || reduces(r, node) || !(varies(node->type, m->label) & r->row))) return;
    r->rows[node->id].phases |= 1u << p;
    for (int i = 0; i < node->input_count; i++) need(r, node->inputs[i], p);
}

/* Which phases compute which members. */
static void find_needs(Rows *r) {
    for (int i = 0; i < r->l->k->nodes.count; i++) {
        const Node *node = r->l->k->nodes.at[i];
        const int level = r->level[node->id];
        if (in_row(r, node))
            for (int pass = 1; pass <= reduction_passes(node->op); pass++) need(r, node->inputs[0], level - pass);
        else if (accumulates(r, node) && input_in_row(r, node)) need(r, node->inputs[0], level);
        else if (result_of(r, node) && !reduces(r, node)) need(r, node, level);
    }
}

/* A function of the math library, or a formula with one. */
static bool is_costly(const Rows *r, const Node *node) {
    if (op_row(node->op)->kind != KIND_MAP || r->l->target->map_f32[node->op]) return false;
    const char *formula = map_value_formula(node->op);
    return !formula || strstr(formula, "exp(") || strstr(formula, "log(");
}

static Buffer *new_row(Rows *r, const char *name) {
    const int64_t extent = r->l->k->domain.dim[r->l->lane_axis];
    return loop_local(&r->l->b, arena_printf(r->l->b.arena, "%s_row", name), (extent + LANE_PAD - 1) / LANE_PAD * LANE_PAD);
}

/* Lanes run along the row, which is one axis and short enough. */
static bool may_keep_rows(const Rows *r) {
    const Lower *l = r->l;
    return l->lane_axis >= 0 && l->target->width > 1 && r->row == 1u << l->lane_axis &&
           l->k->domain.dim[l->lane_axis] <= KEPT_FLOATS;
}

static void choose_rows(Rows *r) {
    if (!may_keep_rows(r)) return;
    find_needs(r);
    for (int i = 0; i < r->l->k->nodes.count; i++) {
        const Node *node = r->l->k->nodes.at[i];
        Row *row = &r->rows[node->id];
        const bool several = row->phases & (row->phases - 1);
        if (several && is_costly(r, node)) row->values = new_row(r, node->name ? node->name : op_row(node->op)->name);
    }
}

/* exp(x - logsumexp(x)) is what the reduction's second pass added up, divided by the sum. */
static bool is_shortcut(const Reduction *s, const Node *node) {
    if (node->op != reduction_shortcut(s)) return false;
    const Node *less = view_root(node->inputs[0]);
    return less->op == OP_sub && view_root(less->inputs[0]) == view_root(s->node->inputs[0]) &&
           view_root(less->inputs[1]) == s->node;
}

static void find_shortcuts(Rows *r, Reduction *s) {
    if (!may_keep_rows(r)) return;
    for (int i = 0; i < r->l->k->nodes.count; i++) {
        const Node *node = r->l->k->nodes.at[i];
        if (!is_shortcut(s, node)) continue;
        if (!s->elements) s->elements = new_row(r, op_row(node->op)->name);
        r->rows[node->id] = (Row){r->rows[node->id].phases, s->elements, s};
    }
}

/* In front of an element of phase p: kept values are computed and put into their rows, or read from them. */
static void keep_values(Rows *r, int p) {
    Lower *l = r->l;
    for (int i = 0; i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        const Row *row = &r->rows[node->id];
        if (!row->values || !(row->phases >> p & 1)) continue;
        LoopExpr *at = l->axis[l->lane_axis];
        if (!row->shortcut && !(row->phases & ((1u << p) - 1))) {
            loop_vstore(&l->b, row->values, at, lower_member(l, node), l->target->width);
            continue;
        }
        LoopExpr *x = x_vload(&l->b, row->values, at, l->target->width);
        if (row->shortcut) x = x_map(&l->b, OP_mul, 2, (LoopExpr *[]){x, row->shortcut->scale});
        lower_bind(l, node, x_var(&l->b, loop_let(&l->b, node->name ? node->name : op_row(node->op)->name, x)));
    }
}

/* ---- phases ---- */

/* What one element of phase p does. */
static void element(Rows *r, int p, Reduction *const *running, int running_count, int part) {
    Lower *l = r->l;
    const int mark = lower_mark(l);
    keep_values(r, p);
    for (int i = 0; i < running_count; i++) reduction_step(l, running[i], part);
    for (int i = 0; i < l->k->results.count; i++) {
        const Node *node = l->k->results.at[i]->node;
        const Member *m = member_of(r, node);
        if (reduces(r, node) || m->after_loops || r->level[node->id] != p) continue;
        if (!r->row || (varies(node->type, m->label) & r->row))
            lower_store(l, l->k->results.at[i], m->label, lower_member(l, node));
    }
    for (int i = 0; i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        if (accumulates(r, node) && r->level[node->id] == p && (!r->row || input_in_row(r, node))) accumulate(r, node);
    }
    lower_forget(l, mark);
}

static bool phase_has_work(const Rows *r, int p, int running_count) {
    const Kernel *k = r->l->k;
    if (running_count) return true;
    for (int i = 0; i < k->nodes.count; i++) {
        const Node *node = k->nodes.at[i];
        if (r->level[node->id] != p || member_of(r, node)->after_loops) continue;
        if (accumulates(r, node) && (!r->row || input_in_row(r, node))) return true;
        if (!reduces(r, node) && result_of(r, node) &&
            (!r->row || (varies(node->type, member_of(r, node)->label) & r->row))) return true;
    }
    return false;
}

typedef struct Phase { Rows *rows; int p; Reduction **running; int running_count, part; } Phase;

static void phase_element(void *context) {
    Phase *phase = context;
    element(phase->rows, phase->p, phase->running, phase->running_count, phase->part);
}

/* What has one value a row and is ready before phase p is computed in front of its loops. */
static void hoist(Rows *r, int p) {
    Lower *l = r->l;
    for (int i = 0; r->row && i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        const Member *m = member_of(r, node);
        if (l->bound[node->id] || reduces(r, node) || m->after_loops || r->level[node->id] > p) continue;
        if (!l->uses[node->id] || (varies(node->type, m->label) & r->row)) continue;
        LoopExpr *x = lower_member(l, node);
        const bool plain = x->kind == E_VAR || x->kind == E_FLOAT || x->kind == E_INT;
        const char *name = node->name ? node->name : op_row(node->op)->name;
        if (!plain) lower_bind(l, node, x_var(&l->b, loop_let(&l->b, name, x)));
    }
}

/* How many accumulators each reduction of a phase gets: an addition takes four cycles, so one alone would wait for itself. */
static int parts_of(const Rows *r, Reduction *const *running, int count) {
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

/* How many loops run over the given axes. */
static int loops_over(const Rows *r, unsigned axes) {
    int n = 0;
    for (int axis = 0; axis < r->l->k->domain.rank; axis++) n += (axes >> axis & 1) && axis != r->l->lane_axis;
    return n;
}

/* The loops of one phase over the row's axes. */
static void run_phase(Rows *r, int p, Reduction *reductions, int count) {
    Lower *l = r->l;
    Reduction **running = arena_array(l->b.arena, Reduction *, count + 1);
    int n = 0, open = 0;
    for (int i = 0; i < count; i++)
        if (reduction_runs(&reductions[i], p)) running[n++] = &reductions[i];
    if (!phase_has_work(r, p, n)) return;
    hoist(r, p);
    const int parts = parts_of(r, running, n);
    for (int i = 0; i < n; i++) reduction_open(l, running[i], l->lane_axis >= 0, parts);
    const int loops = loops_over(r, r->row);
    for (int axis = 0; axis < l->k->domain.rank; axis++) {
        if (!(r->row >> axis & 1) || axis == l->lane_axis) continue;
        for (int i = 0; open > 0 && open + 1 == loops && i < n; i++) reduction_nest(l, running[i]);
        lower_loop(l, axis);
        open++;
    }
    Phase phase = {r, p, running, n, 0};
    if (l->lane_axis >= 0 && (r->row >> l->lane_axis & 1)) lane_loop_parts(l, parts, &phase.part, phase_element, &phase);
    else phase_element(&phase);
    for (int left = open; left > 0; left--) {
        loop_end(&l->b);
        for (int i = 0; loops > 1 && left == loops && i < n; i++) reduction_unnest(l, running[i]);
    }
    for (int axis = 0; axis < l->k->domain.rank; axis++)
        if (r->row >> axis & 1) l->axis[axis] = NULL;
    for (int i = 0; i < n; i++) reduction_close(l, running[i], (r->row >> (l->lane_axis & 31) & 1) && l->lane_axis >= 0);
}

/* After its phases a row stores what has one value a row, and adds to accumulators. */
static void finish_row(Rows *r) {
    Lower *l = r->l;
    const int lane = l->lane_axis;
    if (lane >= 0 && (r->row >> lane & 1)) l->lane_axis = -1;
    for (int i = 0; i < l->k->results.count; i++) {
        const Value *v = l->k->results.at[i];
        const Member *m = member_of(r, v->node);
        if (m->after_loops || accumulates(r, v->node) || (varies(v->node->type, m->label) & r->row)) continue;
        if (!r->row && !reduces(r, v->node)) continue;
        lower_store(l, v, m->label, lower_member(l, v->node));
    }
    for (int i = 0; r->row && i < l->k->nodes.count; i++)
        if (accumulates(r, l->k->nodes.at[i]) && !input_in_row(r, l->k->nodes.at[i])) accumulate(r, l->k->nodes.at[i]);
    l->lane_axis = lane;
}

static void one_row(void *context) {
    Rows *r = context;
    Lower *l = r->l;
    const int mark = lower_mark(l);
    Reduction *reductions = arena_array(l->b.arena, Reduction, l->k->nodes.count + 1);
    int count = 0;
    for (int i = 0; r->row && i < l->k->nodes.count; i++)
        if (in_row(r, l->k->nodes.at[i])) {
            Reduction *own = &reductions[count];
            *own = reduction_of(l, l->k->nodes.at[i], r->level[l->k->nodes.at[i]->id]);
            for (int j = 0; j < count && !own->twin; j++)
                if (!reductions[j].twin && reduction_shares(&reductions[j], own)) own->twin = &reductions[j];
            find_shortcuts(r, own);
            count++;
        }
    for (int p = 0; p < r->phases; p++) run_phase(r, p, reductions, count);
    finish_row(r);
    if (r->many) lower_forget(l, mark);              /* else its sums serve what follows the loops */
}

/* ---- sums over the innermost axis ---- */

static bool sums_up(const Rows *r, const Node *node) { return accumulates(r, node) && !is_scalar(node); }

/* The last loop, where every sum that leaves the kernel adds up along it: then each keeps a register there. Else -1. */
static int inner_axis(const Rows *r) {
    const Kernel *k = r->l->k;
    int inner = -1;
    bool any = false;
    for (int axis = 0; axis < k->domain.rank; axis++)
        if (!(r->row >> axis & 1) && axis != r->l->lane_axis && k->domain.dim[axis] > 1) inner = axis;
    for (int i = 0; inner >= 0 && i < k->nodes.count; i++) {
        if (!sums_up(r, k->nodes.at[i])) continue;
        any = true;
        if (!(axes_of(r, k->nodes.at[i]) >> inner & 1)) return -1;
    }
    return any && !r->row ? inner : -1;
}

typedef struct Inner { Rows *rows; int axis; } Inner;

static void add_total(Rows *r, const Node *node, Var *total) {
    Lower *l = r->l;
    const Value *v = result_of(r, node);
    const int *label = member_of(r, node)->label;
    View at = {.value = v, .offset = 0};
    memcpy(at.stride, v->stride, sizeof at.stride);
    const bool keeps_lanes = varies(node->type, label) >> (l->lane_axis & 31) & (l->lane_axis >= 0);
    LoopExpr *x = x_var(&l->b, total);
    if (x->vector && !keeps_lanes) x = x_unary(&l->b, E_ADD_LANES, x);
    x = x_map(&l->b, OP_add, 2, (LoopExpr *[]){lower_load(l, &at, label, node->type), x});
    lower_store(l, v, label, x);
}

static void inner_rows(void *context) {
    const Inner *inner = context;
    Rows *r = inner->rows;
    Lower *l = r->l;
    for (int i = 0; i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        if (!sums_up(r, node)) continue;
        const char *name = node->name ? node->name : "total";
        r->total[node->id] = loop_var(&l->b, name, x_float(&l->b, 0, input_has_lanes(r, node)));
    }
    lower_loop(l, inner->axis);
    one_row(r);
    loop_end(&l->b);
    l->axis[inner->axis] = NULL;
    for (int i = 0; i < l->k->nodes.count; i++) {
        const Node *node = l->k->nodes.at[i];
        if (!sums_up(r, node)) continue;
        add_total(r, node, r->total[node->id]);
        r->total[node->id] = NULL;
    }
}

void lower_rows(Lower *l) {
    const int nodes = l->entry->graph->nodes.count + 1;
    Rows r = {.l = l};
    r.level = arena_array(l->b.arena, int, nodes);
    r.total = arena_array(l->b.arena, Var *, nodes);
    r.rows = arena_array(l->b.arena, Row, nodes);
    lower_uniforms(l);
    choose_lanes(&r);
    choose_row(&r);
    find_levels(&r);
    choose_rows(&r);
    open_accumulators(&r);
    int open = 0;
    Inner inner = {&r, inner_axis(&r)};
    for (int axis = 0; axis < l->k->domain.rank; axis++) {
        if ((r.row >> axis & 1) || axis == l->lane_axis || axis == inner.axis || l->k->domain.dim[axis] == 1) continue;
        lower_loop(l, axis);
        open++;
    }
    const bool across = l->lane_axis >= 0 && !(r.row >> l->lane_axis & 1);
    void (*body)(void *) = inner.axis >= 0 ? inner_rows : one_row;
    void *context = inner.axis >= 0 ? (void *)&inner : (void *)&r;
    r.many = open || across || inner.axis >= 0;
    if (across) lane_loop(l, body, context);
    else body(context);
    while (open--) loop_end(&l->b);
    close_accumulators(&r);
}
