/* The plan of an entry: fused kernels, a value for every tensor that crosses between them, copies
 * where strides do not do, and the order of execution. */
#include <string.h>

#include "kernel/describe.h"
#include "kernel/kernel.h"
#include "ops/scan.h"
#include "passes/pass.h"

/* ---- values ---- */

static const char *unique_name(EntryPlan *entry, const char *name)
{
    char *base = arena_strdup(entry->arena, name && *name ? name : "value");
    for (char *c = base; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9')))
            *c = '_';
    return names_take(entry->arena, &entry->names, base);
}

Value *plan_value(EntryPlan *entry, const Node *node, Place place, int index, const char *name)
{
    Value *v = arena_make(entry->arena, Value);
    v->node = node;
    v->place = place;
    v->index = index;
    v->offset = place == AT_OUTPUT ? -1 : 0;
    v->dtype = node->type.dtype;
    v->name = unique_name(entry, name);
    v->first = v->last = -1;
    layout_dense(node->type, NULL, 0, v);
    vec_push(entry->arena, entry->values, v);
    return v;
}

static void value_of_param(Value *v, const ParamLayout *layout)
{
    v->offset = layout->offset;
    v->elements = layout->floats;
    for (int i = 0; i < v->node->type.rank; i++) v->stride[i] = layout->stride[i];
}

/* The place of a leaf: caller's memory, a table, or the index itself. Fills and counts have none:
 * they are computed inline. */
static void place_leaf(EntryPlan *entry, const Node *node)
{
    const Module *module = entry->plan->module;
    Value *v;
    switch (node->op) {
    case OP_input:
        if (entry->outer) {
            scan_place_input(entry, node);
            return;
        }
        v = plan_value(entry, node, AT_INPUT, node->param, node->attr[0].text);
        break;
    case OP_param:
        v = plan_value(entry, node, AT_PARAM, node->param, module->params.at[node->param].name);
        value_of_param(v, &entry->plan->params[node->param]);
        break;
    case OP_state:
        v = plan_value(entry, node, AT_STATE, node->param, module->states.at[node->param].name);
        value_of_param(v, &entry->plan->states[node->param]);
        break;
    case OP_session:
        v = plan_value(entry, node, AT_SESSION, node->param, module->sessions.at[node->param].name);
        value_of_param(v, &entry->plan->sessions[node->param]);
        break;
    case OP_constant:
        v = plan_value(entry, node, AT_CONST, -1, node->name ? node->name : "table");
        break;
    case OP_iota:
        v = plan_value(entry, node, AT_INDEX, -1, "index");
        for (int i = 0; i < node->type.rank; i++) v->stride[i] = i == node->attr[0].ints[0];
        break;
    default: return;
    }
    entry->value_of[node->id] = v;
}

static void find_reshapes(EntryPlan *entry)
{
    const Graph *graph = entry->graph;
    entry->reshapes = arena_array(entry->arena, Nodes, graph->nodes.count + 1);
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        if (node->op == OP_reshape)
            vec_push(entry->arena, entry->reshapes[view_root(node)->id], node);
    }
}

/* Reshapes of a value that strides can do if it is stored so. */
static int reshapes_by_strides(const EntryPlan *entry, const Value *stored)
{
    const Nodes *reshapes = &entry->reshapes[stored->node->id];
    int count = 0;
    for (int i = 0; i < reshapes->count; i++) {
        View view;
        count += !view_strides(reshapes->at[i], stored, &view);
    }
    return count;
}

/* The order of axes in which a permuted view of a node, which is reshaped, lies in memory as it
 * is; the last axis stays where it is. False: it is no such view. */
static bool order_of_view(const Node *reshape, int order[MAX_RANK])
{
    const Node *seen = reshape->inputs[0], *root = view_root(reshape);
    int axis_of[MAX_RANK];
    unsigned axes = 0;
    if (!view_labels(seen, axis_of) || seen->type.rank != root->type.rank || !root->type.rank)
        return false;
    for (int i = 0; i < seen->type.rank; i++) {
        if (axis_of[i] < 0) return false;
        order[i] = axis_of[i];
        axes |= 1u << axis_of[i];
    }
    return axes + 1 == 1u << root->type.rank && order[root->type.rank - 1] == root->type.rank - 1;
}

/* Axes from the outermost in memory to the innermost. */
static void order_in_memory(const Value *v, int order[MAX_RANK])
{
    for (int i = 0; i < v->node->type.rank; i++) {
        int j = i;
        for (; j > 0 && v->stride[order[j - 1]] < v->stride[i]; j--) order[j] = order[j - 1];
        order[j] = i;
    }
}

enum { SHORT_ROW = 8 }; /* one value a row or little more lies close, for lanes across rows */

/* Rows are padded where no reshape needs them one behind another: rows of the innermost axis, else
 * of as many as a reshape makes one. */
static void pad_rows(const EntryPlan *entry, Value *v, int served)
{
    const Type type = v->node->type;
    int order[MAX_RANK];
    if (type.rank < 2 || type.dtype != DT_F32) return;
    order_in_memory(v, order);
    if (type.dim[order[type.rank - 1]] < SHORT_ROW) return;
    for (int inner = 1; inner < type.rank; inner++) {
        Value padded = *v;
        layout_padded(type, order, inner, WORK_APART, &padded);
        if (padded.elements == v->elements || reshapes_by_strides(entry, &padded) < served)
            continue;
        *v = padded;
        return;
    }
}

/* The layout of a workspace value that serves the most of its reshapes without a copy: row-major or
 * in the order of one of them. */
static void layout_for_reshapes(const EntryPlan *entry, Value *v)
{
    int order[MAX_RANK];
    layout_dense(v->node->type, NULL, 0, v);
    int most = reshapes_by_strides(entry, v);
    const Nodes *reshapes = &entry->reshapes[v->node->id];
    for (int i = 0; i < reshapes->count; i++) {
        Value other = *v;
        if (!order_of_view(reshapes->at[i], order)) continue;
        layout_dense(v->node->type, order, 0, &other);
        const int served = reshapes_by_strides(entry, &other);
        if (served <= most) continue;
        most = served;
        *v = other;
    }
    pad_rows(entry, v, most);
}

static void place_in_workspace(EntryPlan *entry, Node *node)
{
    if (entry->value_of[node->id]) return;
    Kernel *k = entry->member[node->id].kernel;
    Value *v = plan_value(entry, node, AT_WORK, -1, describe_node_name(entry, node));
    if (entry->channels_last[node->id]) layout_channels_last(node->type, entry->halo[node->id], v);
    else if (op_row(node->op)->kind == KIND_WINDOW) layout_weight(node->type, 0, v);
    else layout_for_reshapes(entry, v);
    entry->value_of[node->id] = v;
    vec_push(entry->arena, k->results, v);
}

/* ---- outputs ---- */

static Place output_place(OutputKind kind)
{
    switch (kind) {
    case OUT_LOSS: return AT_LOSS;
    case OUT_METRIC: return AT_METRIC;
    case OUT_GRAD: return AT_GRAD;
    case OUT_STATE: return AT_STATE;
    case OUT_SESSION: return AT_SESSION;
    default: return AT_OUTPUT;
    }
}

static void output_layout(const Plan *plan, const Output *o, int metric, Value *v)
{
    const ParamLayout *layout = o->kind == OUT_GRAD    ? &plan->params[o->param]
                              : o->kind == OUT_STATE   ? &plan->states[o->param]
                              : o->kind == OUT_SESSION ? &plan->sessions[o->param]
                                                       : NULL;
    if (o->kind == OUT_METRIC) v->offset = 2 * metric;
    if (!layout) return;
    v->offset = layout->offset;
    v->elements = layout->floats;
    for (int i = 0; i < v->node->type.rank; i++) v->stride[i] = layout->stride[i];
}

/* Then a kernel can write an output in place. */
bool plan_root_strides(const Node *node, const Value *as, int64_t *stride)
{
    int axis_of[MAX_RANK];
    const Node *root = view_root(node);
    if (!view_labels(node, axis_of) || type_elements(root->type) != type_elements(node->type))
        return false;
    for (int i = 0; i < root->type.rank; i++) stride[i] = 0;
    for (int i = 0; i < node->type.rank; i++)
        if (axis_of[i] >= 0) stride[axis_of[i]] = as->stride[i];
    return true;
}

/* Outputs that no kernel can write in place are copied at the end. */
typedef VEC(Value *) Values;

static Value *output_value(EntryPlan *entry, int index, int metric)
{
    const Output *o = &entry->graph->outputs.at[index];
    if (entry->outer) return scan_output(entry, index);
    const int number = output_place(o->kind) == AT_OUTPUT ? index : o->param;
    const char *name = o->kind == OUT_GRAD ? arena_printf(entry->arena, "d_%s", o->name) : o->name;
    Value *v = plan_value(entry, o->node, output_place(o->kind), number, name);
    output_layout(entry->plan, o, metric, v);
    return v;
}

/* What is read until the end of the entry, or of the step, changes only then. */
static bool changes_at_end(const EntryPlan *entry, int index)
{
    if (entry->outer) return index < scan_parts(entry->scan->anchor).carries;
    const OutputKind kind = entry->graph->outputs.at[index].kind;
    return kind == OUT_STATE || kind == OUT_SESSION;
}

static void place_output(EntryPlan *entry, int index, int metric, Values *copied)
{
    const Output *o = &entry->graph->outputs.at[index];
    const Node *root = view_root(o->node);
    Value *v = output_value(entry, index, metric);
    if (!v) return;
    Kernel *k = entry->member[root->id].kernel;
    if (!entry->outer && put_in_place(entry, o)) {
        entry->value_of[root->id] = v;
        vec_push(entry->arena, k->results, v);
        return;
    }
    int64_t stride[MAX_RANK];
    const bool in_order = !entry->channels_last[root->id] || root->type.dim[1] == 1;
    if (k && !changes_at_end(entry, index) && !entry->value_of[root->id] && in_order
        && plan_root_strides(o->node, v, stride)) {
        memcpy(v->stride, stride, sizeof stride);
        v->node = root;
        entry->value_of[root->id] = v;
        vec_push(entry->arena, k->results, v);
    } else {
        if (k) place_in_workspace(entry, (Node *)(uintptr_t)root);
        vec_push(entry->arena, *copied, v);
    }
}

/* What changes at the end comes last: until then its old value may be read. */
static void place_outputs(EntryPlan *entry, Values *copied)
{
    for (int last = 0; last < 2; last++)
        for (int i = 0, metric = 0; i < entry->graph->outputs.count; i++) {
            if (changes_at_end(entry, i) == last) place_output(entry, i, metric, copied);
            metric += entry->graph->outputs.at[i].kind == OUT_METRIC;
        }
}

/* ---- operands ---- */

static bool writes(const Kernel *k, const Value *value)
{
    for (int i = 0; k && i < k->results.count; i++)
        if (k->results.at[i] == value) return true;
    return false;
}

/* Checks run before anything is written: what leaves hold is all that they find in memory. */
static bool may_read_value(const Kernel *k, const Value *value)
{
    return !k || k->kind != KERNEL_CHECK || op_row(value->node->op)->kind == KIND_LEAF;
}

static bool read_from(const Kernel *k, const Node *input, const Value *value, View *view,
                      const Node **stuck)
{
    if (!value || writes(k, value) || !may_read_value(k, value)) return false;
    const Node *reshape = view_strides(input, value, view);
    if (reshape && !*stuck) *stuck = reshape;
    return !reshape;
}

/* A copy was made for one reader: what runs in front of that reads what the copy is made of. */
static bool precedes(const EntryPlan *entry, const Value *copy, const Kernel *k)
{
    for (int i = 0; copy && i < entry->kernels.count && entry->kernels.at[i] != k; i++)
        if (entry->kernels.at[i]->kind == KERNEL_COPY && writes(entry->kernels.at[i], copy))
            return true;
    return false;
}

/* The nearest value on the chain of views that `input` can be read from by strides; else false, and
 * *stuck is the reshape of the nearest one that needs a copy, or NULL. */
static bool find_operand(const EntryPlan *entry, const Kernel *k, const Node *input, View *view,
                         const Node **stuck)
{
    *stuck = NULL;
    for (const Node *node = input;; node = node->inputs[0]) {
        for (int i = 0; k && i < k->copies.count; i++)
            if (k->copies.at[i]->node == node && read_from(k, input, k->copies.at[i], view, stuck))
                return true;
        const Node *of_value = NULL, *of_dense = NULL;
        if (read_from(k, input, entry->value_of[node->id], view, &of_value)) return true;
        const Value *dense = entry->dense_of[node->id];
        if (precedes(entry, dense, k) && read_from(k, input, dense, view, &of_dense)) return true;
        if (!*stuck) *stuck = of_dense ? of_dense : of_value; /* a dense copy gets further */
        if (!view_is_free(node)) return false;
    }
}

bool plan_operand(const EntryPlan *entry, const Kernel *k, const Node *input, View *view)
{
    const Node *stuck;
    if (k && entry->member[view_root(input)->id].kernel == k && k->kind != KERNEL_COPY)
        return false;
    return find_operand(entry, k, input, view, &stuck);
}

void plan_insert(EntryPlan *entry, const Kernel *before, Kernel *k)
{
    vec_push(entry->arena, entry->kernels, k);
    for (int i = entry->kernels.count - 1; before && i > 0; i--) {
        entry->kernels.at[i] = entry->kernels.at[i - 1];
        entry->kernels.at[i - 1] = k;
        if (entry->kernels.at[i] == before) return;
    }
}

Kernel *plan_copy(EntryPlan *entry, Kernel *before, const Node *node, Value *to)
{
    Kernel *k = arena_make(entry->arena, Kernel);
    k->kind = KERNEL_COPY;
    k->anchor = (Node *)(uintptr_t)node;
    k->domain = node->type;
    vec_push(entry->arena, k->results, to);
    plan_insert(entry, before, k);
    return k;
}

void plan_ensure_view(EntryPlan *entry, Kernel *k, const Node *input)
{
    View view;
    const Node *stuck, *root = view_root(input);
    if (k && entry->member[root->id].kernel == k) return;
    for (int i = 0; entry->member[root->id].inlined && i < root->input_count; i++)
        plan_ensure_view(entry, k, root->inputs[i]);
    while (!find_operand(entry, k, input, &view, &stuck) && stuck) {
        const Node *whole = stuck->inputs[0];
        const char *name = arena_printf(entry->arena, "%s_dense", describe_node_name(entry, whole));
        Value *copy = plan_value(entry, whole, AT_WORK, -1, name);
        plan_copy(entry, k, whole, copy);
        entry->dense_of[whole->id] = copy;
    }
}

/* ---- checks ---- */

static void add_checks(EntryPlan *entry)
{
    for (int i = 0; i < entry->graph->nodes.count; i++) {
        Node *node = entry->graph->nodes.at[i];
        if (node->op != OP_checked) continue;
        Kernel *k = arena_make(entry->arena, Kernel);
        k->kind = KERNEL_CHECK;
        k->anchor = node;
        k->domain = node->type;
        plan_insert(entry, entry->kernels.count ? entry->kernels.at[0] : NULL, k);
    }
}

/* ---- finishing ---- */

static void use(EntryPlan *entry, Kernel *k, const Value *value)
{
    for (int i = 0; i < k->operands.count; i++)
        if (k->operands.at[i] == value) return;
    if (value->place != AT_INDEX) vec_push(entry->arena, k->operands, value);
}

static void use_input(EntryPlan *entry, Kernel *k, const Node *input)
{
    View view;
    const Node *root = view_root(input);
    const bool in_place = entry->member[root->id].inlined
                       || (k->kind == KERNEL_CHECK && op_row(root->op)->kind == KIND_MAP);
    if (plan_operand(entry, k, input, &view)) use(entry, k, view.value);
    else if (in_place)
        for (int i = 0; i < root->input_count; i++) use_input(entry, k, root->inputs[i]);
}

static void find_operands(EntryPlan *entry, Kernel *k)
{
    const bool reads_laid_out = k->kind == KERNEL_CONTRACT || k->kind == KERNEL_WINDOW;
    for (int i = 0; reads_laid_out && i < k->anchor->input_count; i++)
        if (i == 0 || !k->transformed) use(entry, k, k->contracted[i].value);
    if (k->transformed) use(entry, k, k->transformed);
    if (k->kind == KERNEL_TRANSFORM) use(entry, k, k->contracted[1].value);
    if (k->kind == KERNEL_COPY) use_input(entry, k, k->anchor);
    if (k->kind == KERNEL_CHECK) use_input(entry, k, k->anchor->inputs[0]);
    for (int i = 0; i < k->nodes.count; i++)
        for (int j = k->kind == KERNEL_PUT; j < k->nodes.at[i]->input_count; j++)
            if (k->nodes.at[i] != k->anchor || !reads_laid_out)
                use_input(entry, k, k->nodes.at[i]->inputs[j]);
}

static void touch(const Value *value, int step)
{
    Value *v = (Value *)(uintptr_t)value;
    if (v->first < 0) v->first = step;
    v->last = step;
    if (v->whole) touch(v->whole, step);
}

static void finish(EntryPlan *entry)
{
    for (int i = 0; i < entry->kernels.count; i++) find_operands(entry, entry->kernels.at[i]);
    if (entry->outer) carries_in_place(entry);
    for (int i = 0; i < entry->kernels.count; i++) {
        Kernel *k = entry->kernels.at[i];
        k->step = i;
        for (int j = 0; j < k->operands.count; j++) touch(k->operands.at[j], i);
        for (int j = 0; j < k->results.count; j++) touch(k->results.at[j], i);
        for (int j = 0; j < k->scratch.count; j++) touch(k->scratch.at[j], i);
        for (int j = 0; j < k->nodes.count; j++)
            k->flops += op_row(k->nodes.at[j]->op)->flops(k->nodes.at[j]);
        for (int j = 0; j < k->operands.count; j++)
            k->bytes += 4.0 * (double)k->operands.at[j]->elements;
        for (int j = 0; j < k->results.count; j++)
            k->bytes += 4.0 * (double)k->results.at[j]->elements;
        k->name = describe_kernel_name(entry, k);
    }
}

/* ---- the plan ---- */

/* What k reads of other kernels must be stored. */
static void place_source(EntryPlan *entry, const Kernel *k, const Node *input)
{
    NodeList sources = {.count = 0};
    inline_sources(entry, input, &sources);
    for (int i = 0; i < sources.count; i++) {
        const Kernel *from = entry->member[sources.at[i]->id].kernel;
        if (from && from != k) place_in_workspace(entry, (Node *)(uintptr_t)sources.at[i]);
    }
}

static void place_members(EntryPlan *entry)
{
    for (int i = 0; i < entry->kernels.count; i++) {
        const Kernel *k = entry->kernels.at[i];
        for (int j = 0; j < k->nodes.count; j++)
            for (int n = 0; n < k->nodes.at[j]->input_count; n++)
                place_source(entry, k, k->nodes.at[j]->inputs[n]);
    }
}

static void ensure_views(EntryPlan *entry)
{
    for (int i = 0; i < entry->kernels.count; i++) {
        Kernel *k = entry->kernels.at[i];
        for (int j = 0; j < k->nodes.count; j++)
            for (int n = 0; n < k->nodes.at[j]->input_count; n++)
                plan_ensure_view(entry, k, k->nodes.at[j]->inputs[n]);
        while (entry->kernels.at[i] != k) i++; /* copies went in front */
    }
}

EntryPlan *plan_graph(Plan *plan, const Graph *graph, EntryPlan *outer, Kernel *scan)
{
    EntryPlan *entry = arena_make(plan->arena, EntryPlan);
    entry->arena = plan->arena;
    entry->plan = plan;
    entry->outer = outer;
    entry->scan = scan;
    entry->graph = graph;
    entry->name = graph->name;
    entry->bands = bands_of(plan->arena, graph);
    entry->value_of = arena_array(plan->arena, Value *, graph->nodes.count + 1);
    entry->dense_of = arena_array(plan->arena, Value *, graph->nodes.count + 1);
    Values copied = {0};
    fuse_entry(entry);
    mark_channels_last(entry);
    find_reshapes(entry);
    for (int i = 0; i < graph->nodes.count; i++) place_leaf(entry, graph->nodes.at[i]);
    place_outputs(entry, &copied);
    place_members(entry);
    join_in_place(entry);
    ensure_views(entry);
    for (int i = 0; i < copied.count; i++) {
        plan_ensure_view(entry, NULL, copied.at[i]->node);
        plan_copy(entry, NULL, copied.at[i]->node, copied.at[i]);
    }
    for (int i = 0; i < entry->kernels.count; i++) {
        Kernel *k = entry->kernels.at[i];
        if (k->kind == KERNEL_CONTRACT) layout_contraction(entry, k);
        if (k->kind == KERNEL_WINDOW) layout_window(entry, k);
        if (k->kind == KERNEL_SCAN) scan_plan(entry, k);
        if (k->kind == KERNEL_PUT) put_ensure_whole(entry, k);
        while (entry->kernels.at[i] != k) i++;
    }
    add_checks(entry);
    finish(entry);
    if (outer || !graph_is_prepared(graph)) memory_plan(entry);
    return entry;
}

/* A prepared form that holds nothing is none: the parameters serve directly. */
static void plan_entry(Plan *plan, const Graph *graph)
{
    EntryPlan *entry = plan_graph(plan, graph, NULL, NULL);
    if (graph_is_prepared(graph)) {
        EntryPlan *prepare = prepare_split(entry);
        if (!prepare) return;
        vec_push(plan->arena, plan->entries, prepare);
    }
    vec_push(plan->arena, plan->entries, entry);
}

Plan *plan_module(Arena *arena, const Module *module, int threads)
{
    Plan *plan = arena_make(arena, Plan);
    plan->arena = arena;
    plan->module = module;
    plan->threads = threads;
    layout_params(plan);
    for (int i = 0; i < module->entries.count; i++)
        plan_entry(plan, module->entries.at[i]);
    return plan;
}
