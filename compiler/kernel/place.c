/* Where values live and how they lie in memory: leaves, what one kernel makes and another reads,
 * and outputs. */
#include <string.h>

#include "kernel/describe.h"
#include "kernel/kernel.h"
#include "ops/scan.h"

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

/* What an entry keeps, and a scan from step to step. */
static bool is_kept(const EntryPlan *entry, int index)
{
    if (entry->outer) return index < scan_parts(entry->scan->anchor).carries;
    const OutputKind kind = entry->graph->outputs.at[index].kind;
    return kind == OUT_STATE || kind == OUT_SESSION;
}

/* What is read until the end of the entry, or of the step, changes only then: no carry whose next
 * value has a place of its own. */
static bool changes_at_end(const EntryPlan *entry, int index)
{
    return is_kept(entry, index) && !(entry->outer && track_of(entry, index));
}

/* Outputs that no kernel can write in place are copied at the end. */
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
            if (is_kept(entry, i) == last) place_output(entry, i, metric, copied);
            metric += entry->graph->outputs.at[i].kind == OUT_METRIC;
        }
}

/* ---- what is stored ---- */

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

void place_values(EntryPlan *entry, Values *copied)
{
    const Graph *graph = entry->graph;
    find_reshapes(entry);
    for (int i = 0; i < graph->nodes.count; i++) place_leaf(entry, graph->nodes.at[i]);
    place_outputs(entry, copied);
    onto_place(entry);
    place_members(entry);
}
