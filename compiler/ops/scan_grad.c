/* The gradient of a scan is a scan the other way round. Its body runs the step again from the
 * carries that the forward scan saved, then differentiates it; what would cost more to make again
 * than to keep is saved too (ops/scan_keep.c).
 *
 *   sequences: those of the scan, the saved carries, the gradients of the yields, what else is kept
 *   carries:   the gradients of the carries, then sums of the gradients of captures
 *   yields:    the gradients of the sequences' elements, then factors (below)
 *
 * A capture whose gradient is a sum over the steps of products leaves the loop: the factors are
 * yielded, and one product over time and batch stands behind the scan. So a recurrent weight
 * gets one large product in place of many small ones. */
#include <assert.h>

#include "ops/reverse.h"
#include "ops/rules.h"
#include "ops/scan.h"
#include "ops/scan_keep.h"

typedef VEC(Node *) NodeList;

typedef struct ScanGrad {
    Grad *g;
    Scan scan;
    Graph *body;    /* of the reverse scan */
    Node **step;    /* per node of the forward body: its copy */
    Node **kept;    /* per node of it: an element of what it saved; or NULL */
    Node **saved;   /* per carry: in the graph, its value before each step */
    Node **d_yield; /* per yield: its gradient's element, or NULL */
    Node **d_carry; /* per carry: the gradient carried, or NULL if it is no f32 */
    Reverse reverse;
    NodeList inputs;   /* of the reverse scan: sequences; in the end all */
    NodeList elements; /* of the body: of the sequences */
    NodeList starts;   /* carries */
    NodeList factors;  /* of the body, to be yielded for products behind the scan */
    int64_t axes[MAX_ATTR_INTS];
    Node *behind;     /* the reverse scan */
    int first_factor; /* its result that is factors.at[0] */
} ScanGrad;

static Node *body_input(Graph *body, Type type, const char *prefix, const char *name)
{
    Arena *arena = body->arena;
    const char *full = name ? arena_printf(arena, "%s%s", prefix, name) : NULL;
    Attr attr = attr_text(full ? full : "");
    return graph_leaf(body, OP_input, type, &attr, -1, (Origin){.name = full});
}

static Node *add_sequence(ScanGrad *s, Node *whole, int64_t axis, const char *prefix,
                          const char *name)
{
    Arena *arena = s->body->arena;
    Node *element = body_input(s->body, type_drop_axis(whole->type, (int)axis), prefix, name);
    s->axes[s->inputs.count] = axis;
    vec_push(arena, s->inputs, whole);
    vec_push(arena, s->elements, element);
    return element;
}

/* The forward scan yields a node of its body. */
static Node *save(ScanGrad *s, Node *inner)
{
    Node *node = s->g->graph->nodes.at[s->g->node->id];
    int index = s->scan.carries;
    while (index < node->body->outputs.count && node->body->outputs.at[index].node != inner)
        index++;
    if (index == node->body->outputs.count)
        graph_output(node->body, OUT_YIELD, inner->name, inner, -1);
    return build_result(s->g->graph, node, index);
}

/* Whether so many more sequences are sure to fit the attributes of the reverse scan. */
static bool has_room(const ScanGrad *s, int more)
{
    const int carries = s->scan.carries + s->scan.captures;
    const int sequences = s->inputs.count + more;
    const int yields = s->scan.sequences + 2 * s->scan.captures;
    return sequences + 2 * carries + yields <= MAX_ATTR_INTS;
}

/* Sets needed[id] for the nodes of the forward step whose values its gradient reads. */
static void mark_needed(const ScanGrad *s, bool *needed)
{
    const Graph *forward = s->g->node->body;
    const Reverse *r = &s->reverse;
    bool *read = arena_array(s->body->arena, bool, s->body->nodes.count + 1);
    for (int i = 0; i < r->node_count; i++)
        if (r->wanted[i] && r->d[i] && s->body->nodes.at[i]->op == OP_input)
            read[r->d[i]->id] = true;
    for (int i = s->body->nodes.count - 1; i >= r->node_count; i--)
        for (int j = 0; read[i] && j < s->body->nodes.at[i]->input_count; j++)
            read[s->body->nodes.at[i]->inputs[j]->id] = true;
    for (int i = 0; i < forward->nodes.count; i++) needed[i] = read[s->step[i]->id];
}

static void add_kept(ScanGrad *s)
{
    const Graph *forward = s->g->node->body;
    bool *needed = arena_array(s->body->arena, bool, forward->nodes.count + 1);
    bool *kept = arena_array(s->body->arena, bool, forward->nodes.count + 1);
    mark_needed(s, needed);
    if (s->g->spare || !has_room(s, scan_choose_kept(s->g->node, needed, false, kept)))
        scan_choose_kept(s->g->node, needed, true, kept);
    for (int i = 0; i < forward->nodes.count; i++) {
        Node *node = forward->nodes.at[i];
        if (kept[i] && has_room(s, 1))
            s->kept[i] = add_sequence(s, save(s, node), 0, "", node->name);
    }
}

/* The values of what is kept come from there; the gradient has gone through it already. */
static void read_kept(ScanGrad *s)
{
    const Graph *forward = s->g->node->body;
    for (int i = 0; i < forward->nodes.count; i++)
        for (int n = 0; s->kept[i] && n < s->body->nodes.count; n++) {
            Node *reader = s->body->nodes.at[n];
            for (int j = 0; j < reader->input_count; j++)
                if (reader->inputs[j] == s->step[i]) reader->inputs[j] = s->kept[i];
        }
}

static void add_sequences(ScanGrad *s)
{
    const Node *node = s->g->node;
    for (int i = 0; i < s->scan.sequences; i++) {
        const Node *element = node->body->inputs.at[i];
        s->step[element->id] = add_sequence(s, node->inputs[i], s->scan.axes[i], "", element->name);
    }
    for (int i = 0; i < s->scan.carries; i++) {
        const Node *carry = node->body->inputs.at[s->scan.sequences + i];
        s->saved[i] = save(s, node->body->inputs.at[s->scan.sequences + i]);
        s->step[carry->id] = add_sequence(s, s->saved[i], 0, "", carry->name);
    }
    for (int i = 0; i < s->scan.yields; i++) {
        Node *d = s->g->results[s->scan.carries + i];
        const char *name = node->body->outputs.at[s->scan.carries + i].name;
        if (d) s->d_yield[i] = add_sequence(s, d, 0, "d_", name);
    }
}

static void add_carries(ScanGrad *s)
{
    Graph *graph = s->g->graph;
    for (int i = 0; i < s->scan.carries; i++) {
        const Output *output = &s->g->node->body->outputs.at[i];
        Node *d = s->g->results[i];
        if (output->node->type.dtype != DT_F32) continue;
        vec_push(graph->arena, s->starts, d ? d : build_fill(graph, output->node->type, 0.0));
        s->d_carry[i] = body_input(s->body, output->node->type, "d_", output->name);
    }
}

static const Node *capture_of(const ScanGrad *s, int capture)
{
    return s->g->node->body->inputs.at[s->scan.sequences + s->scan.carries + capture];
}

static bool capture_wanted(const ScanGrad *s, int capture)
{
    return s->g->wanted[s->scan.sequences + s->scan.carries + capture];
}

/* Runs the step again in the reverse body. The captures come with it as inputs. */
static void copy_step(ScanGrad *s)
{
    Arena *arena = s->body->arena;
    const Graph *forward = s->g->node->body;
    for (int i = 0; i < forward->nodes.count; i++) {
        const Node *node = forward->nodes.at[i];
        if (s->step[i]) continue;
        Node **inputs = arena_array(arena, Node *, node->input_count + 1);
        for (int j = 0; j < node->input_count; j++) inputs[j] = s->step[node->inputs[j]->id];
        s->step[i] = graph_copy_node(s->body, node, inputs);
    }
}

static void differentiate_step(ScanGrad *s)
{
    const Graph *forward = s->g->node->body;
    s->reverse = reverse_new(s->body);
    s->reverse.spare = s->g->spare;
    for (int i = 0; i < s->scan.sequences; i++)
        if (s->g->wanted[i]) reverse_want(&s->reverse, s->step[forward->inputs.at[i]->id]);
    for (int i = 0; i < s->scan.carries; i++)
        if (s->d_carry[i])
            reverse_want(&s->reverse, s->step[forward->inputs.at[s->scan.sequences + i]->id]);
    for (int i = 0; i < s->scan.captures; i++)
        if (capture_wanted(s, i)) reverse_want(&s->reverse, s->step[capture_of(s, i)->id]);
    for (int i = 0; i < s->scan.carries; i++)
        if (s->d_carry[i])
            reverse_add(&s->reverse, s->step[forward->outputs.at[i].node->id], s->d_carry[i]);
    for (int i = 0; i < s->scan.yields; i++)
        if (s->d_yield[i])
            reverse_add(&s->reverse, s->step[forward->outputs.at[s->scan.carries + i].node->id],
                        s->d_yield[i]);
    reverse_run(&s->reverse);
}

/* The gradient of a node of the step, zeros if nothing depends on it. */
static Node *step_gradient(const ScanGrad *s, const Node *forward)
{
    Node *node = s->step[forward->id];
    Node *d = s->reverse.d[node->id];
    return d ? d : build_fill(s->body, node->type, 0.0);
}

/* ---- captures that leave the loop ---- */

static bool is_linear_view(const Node *node)
{
    return node->op == OP_reshape || node->op == OP_permute;
}

/* Whether the sum of a node over all steps can be had behind the scan from stacked factors. */
static bool can_leave(const Node *node)
{
    switch (op_row(node->op)->kind) {
    case KIND_CONTRACT:
        return node->inputs[0]->type.rank < MAX_RANK && node->inputs[1]->type.rank < MAX_RANK;
    case KIND_REDUCE: return node->op == OP_sum && node->inputs[0]->type.rank < MAX_RANK;
    case KIND_VIEW: return is_linear_view(node) && can_leave(node->inputs[0]);
    case KIND_MAP:
        return node->op == OP_add && can_leave(node->inputs[0]) && can_leave(node->inputs[1]);
    default: return false;
    }
}

/* Where a factor's steps are found: a sequence of the reverse scan as it came in, else a yield. */
static int sequence_of(const ScanGrad *s, const Node *factor)
{
    for (int i = 0; i < s->elements.count; i++)
        if (s->elements.at[i] == factor) return i;
    return -1;
}

static int factor_of(const ScanGrad *s, const Node *factor)
{
    int i = 0;
    while (i < s->factors.count && s->factors.at[i] != factor) i++;
    return i;
}

/* The result of the reverse scan that holds a factor: where it is the gradient of an element of a
 * sequence, that yield. */
static int result_of_factor(const ScanGrad *s, const Node *factor)
{
    for (int i = 0; i < s->first_factor; i++)
        if (s->body->outputs.at[i].node == factor && i >= s->starts.count) return i;
    return s->first_factor + factor_of(s, factor);
}

static void plan_factors(ScanGrad *s, Node *node)
{
    bool product = op_row(node->op)->kind == KIND_CONTRACT || op_row(node->op)->kind == KIND_REDUCE;
    for (int i = 0; i < node->input_count; i++) {
        Node *input = node->inputs[i];
        if (!product) plan_factors(s, input);
        else if (sequence_of(s, input) < 0 && factor_of(s, input) == s->factors.count)
            vec_push(s->body->arena, s->factors, input);
    }
}

/* All steps of a factor, with time at *axis. */
static Node *stacked(const ScanGrad *s, const Node *factor, int *axis)
{
    int sequence = sequence_of(s, factor);
    *axis = sequence >= 0 ? (int)s->axes[sequence] : 0;
    if (sequence >= 0) return s->behind->inputs[sequence];
    return build_result(s->g->graph, s->behind, result_of_factor(s, factor));
}

static Node *stacked_contract(const ScanGrad *s, const Node *node)
{
    int64_t labels[2][MAX_RANK], time = 0;
    Node *factor[2];
    for (int i = 0; i < 2; i++)
        for (int j = 0; j < node->attr[i].count; j++)
            if (node->attr[i].ints[j] >= time) time = node->attr[i].ints[j] + 1;
    for (int i = 0; i < 2; i++) {
        int axis, next = 0;
        factor[i] = stacked(s, node->inputs[i], &axis);
        for (int j = 0; j < factor[i]->type.rank; j++)
            labels[i][j] = j == axis ? time : node->attr[i].ints[next++];
    }
    return build_contract(s->g->graph, factor[0], labels[0], factor[1], labels[1],
                          node->attr[2].ints, node->attr[2].count);
}

static Node *stacked_sum(const ScanGrad *s, const Node *node)
{
    int time, count = 0;
    int64_t axes[MAX_RANK];
    Node *factor = stacked(s, node->inputs[0], &time);
    for (int i = 0; i < factor->type.rank; i++)
        if (i == time || attr_has(&node->attr[0], i < time ? i : i - 1)) axes[count++] = i;
    Node *sum = build_reduce(s->g->graph, OP_sum, factor, axes, count);
    return build_reshape(s->g->graph, sum, node->type);
}

static Node *leave(const ScanGrad *s, const Node *node)
{
    OpKind kind = op_row(node->op)->kind;
    if (kind == KIND_CONTRACT) return stacked_contract(s, node);
    if (kind == KIND_REDUCE) return stacked_sum(s, node);
    Node *inputs[2] = {NULL, NULL};
    for (int i = 0; i < node->input_count; i++) inputs[i] = leave(s, node->inputs[i]);
    return graph_copy_node(s->g->graph, node, inputs);
}

/* ---- the reverse scan ---- */

static bool leaves(const ScanGrad *s, int capture)
{
    const Node *d = s->reverse.d[s->step[capture_of(s, capture)->id]->id];
    return d && can_leave(d);
}

/* The other captures add their gradients up in a carry. */
static void add_captures(ScanGrad *s, NodeList *sums)
{
    for (int i = 0; i < s->scan.captures; i++) {
        if (!capture_wanted(s, i)) continue;
        const Node *capture = capture_of(s, i);
        if (leaves(s, i)) {
            plan_factors(s, step_gradient(s, capture));
            continue;
        }
        Node *sum = body_input(s->body, capture->type, "d_", capture->name);
        Node *d = step_gradient(s, capture);
        vec_push(s->body->arena, s->starts, build_fill(s->g->graph, capture->type, 0.0));
        vec_push(s->body->arena, *sums, build_map(s->body, OP_add, 2, (Node *[]){sum, d}));
    }
}

static void add_outputs(ScanGrad *s, const NodeList *sums)
{
    const Graph *forward = s->g->node->body;
    for (int i = 0; i < s->scan.carries; i++)
        if (s->d_carry[i])
            graph_output(s->body, OUT_YIELD, s->d_carry[i]->name,
                         step_gradient(s, forward->inputs.at[s->scan.sequences + i]), -1);
    for (int i = 0; i < sums->count; i++)
        graph_output(s->body, OUT_YIELD, sums->at[i]->inputs[0]->name, sums->at[i], -1);
    for (int i = 0; i < s->scan.sequences; i++)
        if (s->g->wanted[i])
            graph_output(s->body, OUT_YIELD, NULL, step_gradient(s, forward->inputs.at[i]), -1);
    s->first_factor = s->body->outputs.count;
    for (int i = 0; i < s->factors.count; i++)
        graph_output(s->body, OUT_YIELD, s->factors.at[i]->name, s->factors.at[i], -1);
}

/* Sequences, carries, sums, captures, in front of all other nodes. */
static void order_inputs(ScanGrad *s, const NodeList *sums)
{
    Arena *arena = s->body->arena;
    Graph *body = s->body;
    NodeList order = {0};
    for (int i = 0; i < s->elements.count; i++) vec_push(arena, order, s->elements.at[i]);
    for (int i = 0; i < s->scan.carries; i++)
        if (s->d_carry[i]) vec_push(arena, order, s->d_carry[i]);
    for (int i = 0; i < sums->count; i++) vec_push(arena, order, sums->at[i]->inputs[0]);
    for (int i = 0; i < s->scan.captures; i++)
        vec_push(arena, order, s->step[capture_of(s, i)->id]);
    for (int i = 0; i < body->nodes.count; i++)
        if (body->nodes.at[i]->op != OP_input) vec_push(arena, order, body->nodes.at[i]);
    assert(order.count == body->nodes.count && "every input is one of these");
    for (int i = 0; i < order.count; i++) body->nodes.at[i] = order.at[i];
    graph_renumber(body);
}

static void append_scan(ScanGrad *s)
{
    const Node *node = s->g->node;
    Graph *graph = s->g->graph;
    int sequences = s->inputs.count;
    for (int i = 0; i < s->starts.count; i++) vec_push(graph->arena, s->inputs, s->starts.at[i]);
    for (int i = s->scan.sequences + s->scan.carries; i < node->input_count; i++)
        vec_push(graph->arena, s->inputs, node->inputs[i]);
    Attr attrs[MAX_ATTRS] = {attr_int(sequences), attr_int(s->starts.count),
                             attr_ints(s->axes, sequences), attr_int(!s->scan.reverse)};
    Origin origin = graph->origin;
    origin.name = s->body->name;
    const char *error;
    s->behind = graph_append_region(graph, OP_scan, s->inputs.at, s->inputs.count, attrs, s->body,
                                    origin, &error);
    assert(s->behind && "the reverse scan fits its body");
    s->inputs.count = sequences;
}

/* Stacked along axis 0, the gradient of a sequence goes back along its own axis. */
static Node *unstack(Graph *graph, Node *d, int64_t axis)
{
    int64_t axes[MAX_RANK];
    for (int i = 0; i < d->type.rank; i++) axes[i] = i < axis ? i + 1 : i == axis ? 0 : i;
    return build_permute(graph, d, axes);
}

static void hand_out(ScanGrad *s, Node **d_left)
{
    Node **dx = s->g->dx;
    int result = 0;
    for (int i = 0; i < s->scan.carries; i++)
        if (s->d_carry[i])
            dx[s->scan.sequences + i] = build_result(s->g->graph, s->behind, result++);
    for (int i = 0; i < s->scan.captures; i++) {
        if (!capture_wanted(s, i)) continue;
        Node **d = &dx[s->scan.sequences + s->scan.carries + i];
        *d = d_left[i] ? leave(s, d_left[i]) : build_result(s->g->graph, s->behind, result++);
    }
    for (int i = 0; i < s->scan.sequences; i++)
        if (s->g->wanted[i])
            dx[i] = unstack(s->g->graph, build_result(s->g->graph, s->behind, result++),
                            s->scan.axes[i]);
}

void grad_scan(Grad *g)
{
    Arena *arena = g->graph->arena;
    ScanGrad s = {.g = g, .scan = scan_parts(g->node)};
    const char *name = g->node->body->name;
    s.body = graph_new(arena, arena_printf(arena, "d_%s", name ? name : "scan"), g->graph->batch);
    s.step = arena_array(arena, Node *, g->node->body->nodes.count + 1);
    s.kept = arena_array(arena, Node *, g->node->body->nodes.count + 1);
    s.saved = arena_array(arena, Node *, s.scan.carries + 1);
    s.d_yield = arena_array(arena, Node *, s.scan.yields + 1);
    s.d_carry = arena_array(arena, Node *, s.scan.carries + 1);
    add_sequences(&s);
    add_carries(&s);
    copy_step(&s);
    differentiate_step(&s);
    add_kept(&s);
    read_kept(&s);

    NodeList sums = {0};
    add_captures(&s, &sums);
    Node **d_left = arena_array(arena, Node *, s.scan.captures + 1);
    for (int i = 0; i < s.scan.captures; i++)
        if (capture_wanted(&s, i) && leaves(&s, i))
            d_left[i] = step_gradient(&s, capture_of(&s, i));
    add_outputs(&s, &sums);
    order_inputs(&s, &sums);
    append_scan(&s);
    hand_out(&s, d_left);
}
