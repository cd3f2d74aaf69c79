/* Scans: the plan of a body inside the plan of what runs it.
 *
 * The inputs and outputs of the body are no memory of its own: an element of a sequence and of a
 * stacked result is a stretch of the whole, found by the place of the step; a capture is the value
 * outside. A carry is one value outside, set before the scan and copied into at the end of each
 * step, when everything has read it, or written where it is (carry.c). The workspace of the body is
 * a value outside, live while the scan runs. */
#include "ops/scan.h"

#include <string.h>

#include "kernel/kernel.h"

static Value *around(EntryPlan *body, const Node *node, const char *name, Around where)
{
    Value *v = plan_value(body, node, AT_AROUND, -1, name);
    v->around = where;
    return v;
}

/* The result of the scan that somebody reads, or NULL. */
static const Node *result_node(const EntryPlan *body, int index)
{
    const Kernel *k = body->scan;
    for (int i = 0; i < k->nodes.count; i++)
        if (is_result_of(k->nodes.at[i], k->anchor) && k->nodes.at[i]->attr[0].ints[0] == index)
            return k->nodes.at[i];
    return NULL;
}

/* ---- inputs ---- */

/* The view of an input of the scan in memory: of what has none (a constant, the count) or is its
 * own index, a copy is made. */
static View outer_view(EntryPlan *outer, Kernel *k, const Node *input)
{
    View view;
    const Node *root = view_root(input);
    if (plan_operand(outer, k, input, &view) && view.value->place != AT_INDEX) return view;
    Value *copy = plan_value(outer, input, AT_WORK, -1, root->name ? root->name : "given");
    plan_copy(outer, k, input, copy);
    vec_push(outer->arena, k->operands, copy);
    view = (View){.value = copy};
    for (int i = 0; i < input->type.rank; i++) view.stride[i] = copy->stride[i];
    return view;
}

static int input_index(const EntryPlan *body, const Node *input)
{
    int i = 0;
    while (body->graph->inputs.at[i] != input) i++;
    return i;
}

static Value *place_view(EntryPlan *body, const Node *input, const View *view, int axis)
{
    Around where = {view->value, view->offset, axis >= 0 ? view->stride[axis] : 0};
    Value *v = around(body, input, input->name ? input->name : view->value->name, where);
    for (int i = 0; i < input->type.rank; i++)
        v->stride[i] = view->stride[axis >= 0 && i >= axis ? i + 1 : i];
    v->dtype = view->value->dtype;
    return v;
}

/* The carry's memory outside: where its final value is wanted, else one for the loop alone. */
static Value *carry_value(EntryPlan *body, int carry)
{
    EntryPlan *outer = body->outer;
    const Output *output = &body->graph->outputs.at[carry];
    const Node *result = result_node(body, carry);
    if (result && outer->value_of[result->id]) return outer->value_of[result->id];
    Value *v = plan_value(outer, output->node, AT_WORK, -1, output->name ? output->name : "carry");
    vec_push(outer->arena, body->scan->results, v);
    return v;
}

/* A carry is set in front of the scan; one that goes on from chunk to chunk is there. */
static Value *place_carry(EntryPlan *body, const Node *input, int carry)
{
    Kernel *k = body->scan;
    Value *saved = track_of(body, carry), *start = NULL;
    if (!saved) start = carry_value(body, carry);
    else if (!body->outer->outer) start = track_start(body->outer, k, carry, saved);
    if (start) {
        const int given = scan_parts(k->anchor).sequences + carry;
        plan_copy(body->outer, k, k->anchor->inputs[given], start);
        vec_push(body->arena, k->operands, start);
    }
    Around where = {saved ? saved : start, 0, saved ? saved->stride[0] : 0};
    Value *v = around(body, input, input->name ? input->name : where.value->name, where);
    track_strides(where.value, input->type.rank, v->stride);
    v->dtype = where.value->dtype;
    return v;
}

void scan_place_input(EntryPlan *body, const Node *input)
{
    Kernel *k = body->scan;
    const Scan scan = scan_parts(k->anchor);
    const int i = input_index(body, input);
    const Node *given = k->anchor->inputs[i];
    if (i >= scan.sequences && i < scan.sequences + scan.carries) {
        body->value_of[input->id] = place_carry(body, input, i - scan.sequences);
        return;
    }
    const View view = outer_view(body->outer, k, given);
    const int axis = i < scan.sequences ? (int)scan.axes[i] : -1;
    body->value_of[input->id] = place_view(body, input, &view, axis);
}

/* ---- outputs ---- */

/* Whether a carry lives where it would be saved. */
static bool lives_in(const EntryPlan *body, const Node *node, const Value *saved)
{
    const Value *carry = node->op == OP_input ? body->value_of[node->id] : NULL;
    return carry && carry->around.value == saved && carry->around.step;
}

Value *scan_output(EntryPlan *body, int index)
{
    const Output *output = &body->graph->outputs.at[index];
    const Scan scan = scan_parts(body->scan->anchor);
    if (index < scan.carries) {
        const Node *input = body->graph->inputs.at[scan.sequences + index];
        if (output->node == input) return NULL;
        Value *v = plan_value(body, output->node, AT_AROUND, -1, body->value_of[input->id]->name);
        v->around = body->value_of[input->id]->around;
        v->around.offset += v->around.step; /* the next */
        for (int i = 0; i < output->node->type.rank; i++)
            v->stride[i] = body->value_of[input->id]->stride[i];
        return v;
    }
    const Node *result = result_node(body, index);
    const Value *whole = result ? body->outer->value_of[result->id] : NULL;
    if (!whole || lives_in(body, output->node, whole)) return NULL;
    Value *v = around(body, output->node, output->name ? output->name : whole->name,
                      (Around){whole, 0, whole->stride[0]});
    for (int i = 0; i < output->node->type.rank; i++) v->stride[i] = whole->stride[i + 1];
    return v;
}

/* ---- the body ---- */

/* The input of the scan that `in` is a view of, if it is a capture; *axis becomes that of the
 * capture. */
static const Node *captured(const EntryPlan *body, const Node *in, int *axis)
{
    int axis_of[MAX_RANK];
    const Node *root = view_root(in);
    if (!body->outer || root->op != OP_input || !view_labels(in, axis_of)) return NULL;
    const Scan scan = scan_parts(body->scan->anchor);
    const int i = input_index(body, root);
    *axis = axis_of[*axis];
    return i < scan.sequences + scan.carries || *axis < 0 ? NULL : body->scan->anchor->inputs[i];
}

bool scan_may_hoist(const EntryPlan *body, const Node *in, int axis)
{
    return captured(body, in, &axis) != NULL;
}

static Value *copied_before(const EntryPlan *outer, const Node *given, const int64_t *stride)
{
    for (int i = 0; i < outer->kernels.count; i++) {
        const Kernel *k = outer->kernels.at[i];
        if (k->kind == KERNEL_COPY && k->anchor == given
            && !memcmp(k->results.at[0]->stride, stride, sizeof *stride * (size_t)given->type.rank))
            return k->results.at[0];
    }
    return NULL;
}

Value *scan_hoist(EntryPlan *body, const Node *in, int axis)
{
    int order[MAX_RANK], n = 0;
    EntryPlan *outer = body->outer;
    const Node *given = captured(body, in, &axis);
    for (int a = 0; a < given->type.rank; a++)
        if (a != axis) order[n++] = a;
    order[n] = axis;
    const char *name =
        arena_printf(body->arena, "%s_transposed", body->value_of[view_root(in)->id]->name);
    Value want = {0}, *copy;
    layout_dense(given->type, order, WORK_APART, &want);
    if (view_root(given) == given && scan_may_hoist(outer, given, axis))
        copy = scan_hoist(outer, given, axis); /* out of the scan around, too */
    else copy = copied_before(outer, given, want.stride);
    if (!copy) {
        copy = plan_value(outer, given, AT_WORK, -1, name);
        layout_dense(given->type, order, WORK_APART, copy);
        plan_copy(outer, body->scan, given, copy);
    }
    vec_push(body->arena, body->scan->operands, copy);
    View view = {.value = copy};
    for (int a = 0; a < given->type.rank; a++) view.stride[a] = copy->stride[a];
    return place_view(body, view_root(in), &view, -1);
}

void scan_plan(EntryPlan *entry, Kernel *k)
{
    k->body = plan_graph((Plan *)(uintptr_t)entry->plan, k->anchor->body, entry, k);
    if (!k->body->workspace_bytes) return;
    Value *work = plan_value(entry, k->anchor, AT_WORK, -1,
                             arena_printf(entry->arena, "%s_steps", k->body->name));
    work->elements = k->body->workspace_bytes / 4;
    work->scratch = true;
    k->body_work = work;
    vec_push(entry->arena, k->results, work);
}

int64_t scan_steps(const Kernel *k) { return scan_parts(k->anchor).length; }
