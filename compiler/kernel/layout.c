/* Layout: the stored order of parameters, the strides of values, and how contractions read their
 * operands.
 *
 * A vector lane axis must be contiguous in the operand that is loaded as vectors and in the result.
 * For each parameter the one axis that is stored contiguously is chosen by the cost of all
 * contractions of all entries that read it or make its gradient; where an entry would want another,
 * it transposes a copy, if that is cheaper than summing along the lanes. */
#include "kernel/kernel.h"
#include "ops/scan.h"
#include "ops/window.h"

enum {
    COPY_FLOPS = 16,   /* a transposed element costs about as much as so many flops of a product */
    TURN_FLOPS = 4,    /* of a panel that is turned while it is in cache */
    LONG_SUM = 1 << 13 /* steps: ten rows of a tile are more than a quarter of a MB */
};

static int64_t round_up(int64_t n, int64_t to) { return (n + to - 1) / to * to; }

/* How much longer a product takes because lanes stay empty. */
static double lane_waste(int64_t n) { return (double)round_up(n, LANE_PAD) / (double)n; }

/* Summing along the lanes costs a horizontal sum an element of the result; where a few rows of the
 * operands are more than a cache holds, every tile fetches them anew from memory. */
static double dot_waste(int64_t k)
{
    return (lane_waste(k) + 100.0 / (double)k) * (k > LONG_SUM ? 2 : 1);
}

void layout_padded(Type type, const int *order, int inner, int apart, Value *value)
{
    int64_t s = 1;
    for (int i = type.rank - 1; i >= 0; i--) {
        const int axis = order ? order[i] : i;
        value->stride[axis] = s;
        s *= type.dim[axis];
        if (i != type.rank - inner || i == 0 || !apart) continue;
        if (inner == 1) s = round_up(s, LANE_PAD);
        if (s % LANE_PAD == 0 && s * 4 % apart == 0) s += LANE_PAD;
    }
    value->elements = s;
}

void layout_dense(Type type, const int *order, int apart, Value *value)
{
    layout_padded(type, order, 1, apart, value);
}

/* ---- parameters ---- */

typedef struct Wish {
    double cost[MAX_RANK];
} Wish;

/* The bodies of scans that a product stands in, the innermost first. */
typedef struct Scope {
    const Node *scan;
    const struct Scope *around;
    double steps;
} Scope;

/* The parameter that an operand is, through views and the captures of scans, and the axis of it
 * that each of the operand's axes runs along (-1: none); NULL if it is no parameter or not axis by
 * axis. */
static const Node *param_seen(const Node *seen, const Scope *scope, int axis_of[MAX_RANK])
{
    const Node *root = view_root(seen);
    int outside[MAX_RANK], n = 0;
    if (!view_labels(seen, axis_of)) return NULL;
    if (root->op == OP_param) return root;
    if (!scope || root->op != OP_input) return NULL;
    while (scope->scan->body->inputs.at[n] != root) n++;
    const Scan scan = scan_parts(scope->scan);
    if (n < scan.sequences + scan.carries) return NULL;
    const Node *param = param_seen(scope->scan->inputs[n], scope->around, outside);
    for (int i = 0; param && i < seen->type.rank; i++)
        if (axis_of[i] >= 0) axis_of[i] = outside[axis_of[i]];
    return param;
}

/* The product reads `operand` (0 or 1): if it is a parameter, the cost for each axis stored
 * contiguously. */
static void wish_of_read(const Node *product, int operand, const Scope *scope, Wish *wishes)
{
    int axis_of[MAX_RANK];
    const Node *seen = product->inputs[operand], *param = param_seen(seen, scope, axis_of);
    const Attr *labels = &product->attr[operand], *out = &product->attr[2];
    if (!param) return;
    const double flops = op_row(product->op)->flops(product) * (scope ? scope->steps : 1);
    double best_free = 1e300, k = 1;
    int free_axis = 0;
    for (int i = 0; i < seen->type.rank; i++) {
        if (attr_find(out, labels->ints[i]) < 0) k *= (double)seen->type.dim[i];
        else if (flops * lane_waste(seen->type.dim[i]) < best_free) {
            best_free = flops * lane_waste(seen->type.dim[i]);
            free_axis = i;
        }
    }
    const double elements = (double)type_elements(param->type);
    const double summed = flops * dot_waste((int64_t)k);
    for (int i = 0; i < seen->type.rank; i++) {
        if (axis_of[i] < 0) continue;
        const bool is_free = attr_find(out, labels->ints[i]) >= 0;
        const bool turned = !scope && panel_pays(product, operand, free_axis);
        const double copied = best_free + (turned ? TURN_FLOPS : COPY_FLOPS) * elements;
        wishes[param->param].cost[axis_of[i]] += is_free ? flops * lane_waste(seen->type.dim[i])
                                                         : (copied < summed ? copied : summed);
    }
}

/* The product makes the gradient of a parameter. */
static void wish_of_gradient(const Node *seen, Wish *wish)
{
    int axis_of[MAX_RANK];
    const Node *product = view_root(seen);
    if (op_row(product->op)->kind != KIND_CONTRACT || !view_labels(seen, axis_of)) return;
    for (int i = 0; i < seen->type.rank; i++)
        wish->cost[i] += op_row(product->op)->flops(product) * lane_waste(seen->type.dim[i]);
}

/* The window that reads a parameter as its weights, or makes its gradient: the axis that it wants
 * contiguous, else -1. */
static int window_wish(const Plan *plan, const Node *node)
{
    Window w;
    if (op_row(node->op)->kind != KIND_WINDOW || window_of(plan->arena, node, &w)) return -1;
    return w.weight.rank ? window_weight_lanes(&w) : -1;
}

/* Weights of windows: forward reads decide, gradients follow. */
static void collect_window_wishes(const Plan *plan, const Graph *graph, int *last)
{
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        const int axis = window_wish(plan, node);
        for (int j = 0; axis >= 0 && j < node->input_count; j++)
            if (node->inputs[j]->op == OP_param && last[node->inputs[j]->param] < 0)
                last[node->inputs[j]->param] = axis;
    }
}

static void collect_reads(const Graph *graph, const Scope *scope, Wish *wishes)
{
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        for (int j = 0; j < 2 && op_row(node->op)->kind == KIND_CONTRACT; j++)
            wish_of_read(node, j, scope, wishes);
        if (!node->body) continue;
        const double steps = (scope ? scope->steps : 1) * (double)scan_parts(node).length;
        collect_reads(node->body, &(Scope){node, scope, steps}, wishes);
    }
}

static void collect_wishes(const Graph *graph, Wish *wishes)
{
    collect_reads(graph, NULL, wishes);
    for (int i = 0; i < graph->outputs.count; i++) {
        const Output *o = &graph->outputs.at[i];
        if (o->kind == OUT_GRAD) wish_of_gradient(o->node, &wishes[o->param]);
    }
}

/* window_last: the contiguous axis of weights of a window, else -1. */
static int64_t store(const Param *param, const Wish *wish, int window_last, int64_t offset,
                     ParamLayout *layout)
{
    const int rank = param->type.rank;
    int last = rank - 1, order[MAX_RANK] = {0}, n = 0;
    for (int i = 0; wish && i < rank; i++)
        if (wish->cost[i] < wish->cost[last] && param->type.dim[i] > 1) last = i;
    for (int i = 0; i < rank; i++)
        if (i != last) order[n++] = i;
    if (rank) order[n] = last;
    Value v = {0};
    if (window_last >= 0) layout_weight(param->type, window_last, &v);
    else layout_dense(param->type, rank ? order : NULL, PARAM_APART, &v);
    layout->offset = offset;
    layout->floats = round_up(v.elements, LANE_PAD);
    layout->padded = layout->floats != type_elements(param->type);
    for (int i = 0; i < rank; i++) layout->stride[i] = v.stride[i];
    return offset + layout->floats;
}

/* The caller sees a session as a structure of arrays in logical order; each begins where a vector
 * may. */
static void layout_sessions(Plan *plan)
{
    const ParamList *sessions = &plan->module->sessions;
    plan->sessions = arena_array(plan->arena, ParamLayout, sessions->count + 1);
    for (int i = 0; i < sessions->count; i++) {
        ParamLayout *layout = &plan->sessions[i];
        layout->offset = plan->session_floats;
        layout->floats = round_up(type_elements(sessions->at[i].type), LANE_PAD);
        type_strides(sessions->at[i].type, layout->stride);
        plan->session_floats += layout->floats;
    }
}

void layout_params(Plan *plan)
{
    const Module *module = plan->module;
    Wish *wishes = arena_array(plan->arena, Wish, module->params.count + 1);
    int *last = arena_array(plan->arena, int, module->params.count + 1);
    for (int i = 0; i < module->params.count; i++) last[i] = -1;
    for (int i = 0; i < module->entries.count; i++) {
        collect_wishes(module->entries.at[i], wishes);
        collect_window_wishes(plan, module->entries.at[i], last);
    }
    plan->params = arena_array(plan->arena, ParamLayout, module->params.count + 1);
    plan->states = arena_array(plan->arena, ParamLayout, module->states.count + 1);
    for (int i = 0; i < module->params.count; i++)
        plan->param_floats =
            store(&module->params.at[i], &wishes[i], last[i], plan->param_floats, &plan->params[i]);
    for (int i = 0; i < module->states.count; i++)
        plan->state_floats =
            store(&module->states.at[i], NULL, -1, plan->state_floats, &plan->states[i]);
    layout_sessions(plan);
}

/* ---- contractions ---- */

/* One way of running a contraction: which axis of the result runs along the lanes (-1: the sum),
 * and a copy of an operand that it needs (operand < 0: none), or panels of it, with which of the
 * operand's axes contiguous. */
typedef struct Way {
    double cost;
    int lane_axis, operand, axis;
    bool turned; /* no copy: panels of it */
} Way;

static int result_axis(const Kernel *k, int64_t label)
{
    return attr_find(&k->anchor->attr[2], label);
}

static void consider(Way *best, Way way)
{
    if (way.cost < best->cost) *best = way;
}

/* What a copy of an operand costs a call; one of what a scan captures is made once for all steps.
 */
static double copy_cost(const EntryPlan *entry, const Node *in, int axis)
{
    const double cost = COPY_FLOPS * (double)type_elements(in->type);
    return scan_may_hoist(entry, in, axis) ? cost / (double)scan_parts(entry->scan->anchor).length
                                           : cost;
}

static void consider_lanes(const EntryPlan *entry, Kernel *k, const View view[2], Way *best)
{
    const Node *product = k->anchor;
    const double flops = op_row(product->op)->flops(product);
    for (int operand = 0; operand < 2; operand++) {
        const Node *in = product->inputs[operand];
        const Attr *other = &product->attr[1 - operand];
        for (int a = 0; a < in->type.rank; a++) {
            const int64_t label = product->attr[operand].ints[a];
            const int axis = result_axis(k, label);
            if (axis < 0 || in->type.dim[a] == 1 || attr_find(other, label) >= 0) continue;
            LaneCopies copies = {.count = 0};
            if (!kernel_lanes_fit_copies(entry, k, axis, &copies)) continue;
            double time = flops * lane_waste(in->type.dim[a]);
            for (int i = 0; i < copies.count; i++)
                time += COPY_FLOPS * (double)type_elements(copies.at[i].node->type);
            const double copy = copy_cost(entry, in, a),
                         turn = TURN_FLOPS * (double)type_elements(in->type);
            if (view[operand].stride[a] == 1) consider(best, (Way){time, axis, -1, 0, false});
            else consider(best, (Way){time + copy, axis, operand, a, false});
            if (view[operand].stride[a] != 1 && panel_fits(entry, k, view, operand, a))
                consider(best, (Way){time + turn, axis, operand, a, true});
        }
    }
}

static void consider_sum(const Kernel *k, const View view[2], Way *best)
{
    const Node *product = k->anchor;
    const double flops = op_row(product->op)->flops(product);
    for (int a = 0; a < product->inputs[0]->type.rank; a++) {
        const int64_t label = product->attr[0].ints[a];
        const int b = attr_find(&product->attr[1], label);
        if (result_axis(k, label) >= 0 || b < 0) continue;
        const int64_t n = product->inputs[0]->type.dim[a];
        const bool contiguous = view[0].stride[a] == 1 && view[1].stride[b] == 1;
        consider(best, (Way){flops * (contiguous ? dot_waste(n) : 2 * LANE_PAD), -1, -1, 0,
                             false});
    }
}

/* A copy of `in`, which is stored as `name`, in front of k with the given axis contiguous. */
static Value *copy_before(EntryPlan *entry, Kernel *k, const char *name, const Node *in, int axis)
{
    int order[MAX_RANK], n = 0;
    for (int i = 0; i < in->type.rank; i++)
        if (i != axis) order[n++] = i;
    order[n] = axis;
    Value *copy =
        plan_value(entry, in, AT_WORK, -1, arena_printf(entry->arena, "%s_transposed", name));
    layout_dense(in->type, order, WORK_APART, copy);
    plan_copy(entry, k, in, copy);
    return copy;
}

/* A copy of an operand whose given axis is contiguous. */
static View transposed(EntryPlan *entry, Kernel *k, const View *view, const Node *in, int axis)
{
    View result;
    Value *copy = scan_may_hoist(entry, in, axis)
                    ? scan_hoist(entry, in, axis)
                    : copy_before(entry, k, view->value->name, in, axis);
    view_strides(in, copy, &result);
    return result;
}

/* Copies of what the epilogue reads with other strides than its lanes can. */
static void copy_for_lanes(EntryPlan *entry, Kernel *k)
{
    LaneCopies copies = {.count = 0};
    if (k->lane_axis < 0) return;
    kernel_lanes_fit_copies(entry, k, k->lane_axis, &copies);
    for (int i = 0; i < copies.count; i++) {
        const Node *node = copies.at[i].node;
        vec_push(entry->arena, k->copies,
                 copy_before(entry, k, entry->value_of[node->id]->name, node, copies.at[i].axis));
    }
}

/* The operand along whose contiguous axis the lanes run may still be worth panels. */
static void gather_panels(EntryPlan *entry, Kernel *k, const View view[2])
{
    for (int o = 0; o < 2 && k->lane_axis >= 0 && !k->panel; o++) {
        const Attr *labels = &k->anchor->attr[o];
        const int axis = attr_find(labels, k->anchor->attr[2].ints[k->lane_axis]);
        if (axis >= 0 && panel_gathers(entry, k, view, o, axis)) panel_plan(entry, k, o, axis);
    }
}

void layout_contraction(EntryPlan *entry, Kernel *k)
{
    View view[2];
    Way best = {1e300, -1, -1, 0, false};
    for (int i = 0; i < 2; i++) plan_operand(entry, k, k->anchor->inputs[i], &view[i]);
    consider_sum(k, view, &best);
    consider_lanes(entry, k, view, &best);
    k->lane_axis = best.lane_axis;
    if (best.turned) panel_plan(entry, k, best.operand, best.axis);
    else if (best.operand >= 0)
        view[best.operand] =
            transposed(entry, k, &view[best.operand], k->anchor->inputs[best.operand], best.axis);
    k->contracted[0] = view[0];
    k->contracted[1] = view[1];
    copy_for_lanes(entry, k);
    strassen_plan(entry, k);
    if (best.operand < 0 && !k->strassen) gather_panels(entry, k, view);
}
