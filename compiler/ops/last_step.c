/* The last step of a scan. What is taken of the last step alone of a yield that is a carry, too, is
 * the carry in the end: then the yield of all steps need not be kept, and its gradient is where the
 * way back begins, in place of a sequence that is zero in every other step. */
#include "ops/last_step.h"

#include "ops/build.h"
#include "ops/scan.h"

/* The carry that a result of a scan, a yield, holds the values of after each step; -1: none. */
static int carry_behind(const Node *result)
{
    const Node *owner = result->inputs[0];
    const int carries = scan_parts(owner).carries, index = (int)result->attr[0].ints[0];
    const Output *outputs = owner->body->outputs.at;
    for (int i = 0; index >= carries && i < carries; i++)
        if (outputs[i].node == outputs[index].node) return i;
    return -1;
}

/* The axis along which the steps of such a yield, seen through permutes, run; -1: it is none. */
static int steps_axis(const Node *view)
{
    if (view->op == OP_result) return carry_behind(view) >= 0 ? 0 : -1;
    if (view->op != OP_permute) return -1;
    const int behind = steps_axis(view->inputs[0]);
    for (int i = 0; i < view->type.rank; i++)
        if (view->attr[0].ints[i] == behind) return i;
    return -1;
}

bool takes_last_step(const Node *slice)
{
    const Node *root = slice->inputs[0];
    const int axis = slice->op == OP_slice ? steps_axis(root) : -1;
    if (axis < 0) return false;
    while (root->op == OP_permute) root = root->inputs[0];
    const Scan scan = scan_parts(root->inputs[0]);
    return slice->type.dim[axis] == 1
        && slice->attr[0].ints[axis] == (scan.reverse ? 0 : scan.length - 1);
}

/* The view of one step that is the carry in the end. */
static Node *final_view(Graph *graph, const Node *view)
{
    if (view->op == OP_permute)
        return build_permute(graph, final_view(graph, view->inputs[0]), view->attr[0].ints);
    Node *carry = build_result(graph, view->inputs[0], carry_behind(view));
    return build_reshape(graph, carry, type_add_axis(carry->type, 0, 1));
}

Node *last_step(Graph *graph, const Node *slice)
{
    int64_t start[MAX_RANK];
    const int axis = steps_axis(slice->inputs[0]);
    for (int i = 0; i < slice->type.rank; i++)
        start[i] = i == axis ? 0 : slice->attr[0].ints[i];
    graph->origin = (Origin){.layer = slice->layer, .span = slice->span};
    return build_slice(graph, final_view(graph, slice->inputs[0]), start, slice->attr[1].ints,
                       slice->attr[2].ints);
}
