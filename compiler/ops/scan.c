/* The scan: a loop over sequences with carried values, and its results. */
#include "ops/scan.h"

#include <string.h>

#include "ops/reverse.h"
#include "ops/rules.h"

Scan scan_parts(const Node *node)
{
    Scan scan = {.sequences = (int)node->attr[0].ints[0], .carries = (int)node->attr[1].ints[0],
                 .reverse = node->attr[3].ints[0] != 0, .axes = node->attr[2].ints};
    scan.captures = node->input_count - scan.sequences - scan.carries;
    scan.yields = node->body->outputs.count - scan.carries;
    scan.length = node->inputs[0]->type.dim[scan.axes[0]];
    return scan;
}

bool is_result_of(const Node *node, const Node *scan)
{
    return node->op == OP_result && node->inputs[0] == scan;
}

/* ---- shapes ---- */

static const char *check_counts(Arena *arena, const Node *node)
{
    int64_t sequences = node->attr[0].ints[0], carries = node->attr[1].ints[0];
    if (!node->body) return "scan: a body is needed";
    if (sequences < 1) return "scan goes along at least one sequence";
    if (carries < 0 || sequences + carries > node->input_count
        || node->attr[2].count != sequences || node->body->inputs.count != node->input_count
        || node->body->outputs.count < carries)
        return arena_printf(arena,
                            "scan: %lld sequences and %lld carries do not fit %d inputs, %d axes, "
                            "and a body of %d inputs and %d outputs",
                            (long long)sequences, (long long)carries, node->input_count,
                            node->attr[2].count, node->body->inputs.count,
                            node->body->outputs.count);
    if (sequences + carries + node->body->outputs.count > MAX_ATTR_INTS)
        return arena_printf(arena, "scan: more than %d sequences, carries and results together",
                            MAX_ATTR_INTS);
    return NULL;
}

static const char *check_sequence(Arena *arena, const Node *node, int i)
{
    Type type = node->inputs[i]->type, first = node->inputs[0]->type;
    int64_t axis = node->attr[2].ints[i];
    if (axis < 0 || axis >= type.rank || axis == type.batch_axis)
        return arena_printf(arena, "scan: %s has no axis %lld to go along%s",
                            type_text(arena, type), (long long)axis,
                            axis == type.batch_axis ? " but the batch axis" : "");
    if (type.dim[axis] != first.dim[node->attr[2].ints[0]])
        return arena_printf(arena, "scan: the sequences %s and %s differ in length",
                            type_text(arena, first), type_text(arena, type));
    return NULL;
}

static const char *check_body_input(Arena *arena, const Node *node, int i)
{
    Type given = node->inputs[i]->type, taken = node->body->inputs.at[i]->type;
    if (i < node->attr[0].ints[0]) given = type_drop_axis(given, (int)node->attr[2].ints[i]);
    if (type_equal(given, taken)) return NULL;
    return arena_printf(arena, "scan: input %d of the body is %s, but gets %s", i,
                        type_text(arena, taken), type_text(arena, given));
}

static const char *check_carry(Arena *arena, const Node *node, int i)
{
    Type before = node->inputs[node->attr[0].ints[0] + i]->type;
    const Output *output = &node->body->outputs.at[i];
    if (type_equal(before, output->node->type)) return NULL;
    return arena_printf(arena, "scan: the carry %s starts as %s and is %s after a step",
                        output->name ? output->name : "", type_text(arena, before),
                        type_text(arena, output->node->type));
}

const char *shape_scan(Arena *arena, const Node *node, Type *out)
{
    const char *error = check_counts(arena, node);
    for (int i = 0; !error && i < node->attr[0].ints[0]; i++)
        error = check_sequence(arena, node, i);
    for (int i = 0; !error && i < node->input_count; i++) error = check_body_input(arena, node, i);
    for (int i = 0; !error && i < node->attr[1].ints[0]; i++) error = check_carry(arena, node, i);
    *out = type_scalar(DT_F32);
    return error;
}

const char *shape_result(Arena *arena, const Node *node, Type *out)
{
    const Node *owner = node->inputs[0];
    int64_t index = node->attr[0].ints[0];
    if (!owner->body) return "result: only a scan has results";
    if (index < 0 || index >= owner->body->outputs.count)
        return arena_printf(arena, "result: there is no result %lld of %d", (long long)index,
                            owner->body->outputs.count);
    Scan scan = scan_parts(owner);
    *out = owner->body->outputs.at[index].node->type;
    if (index < scan.carries) return NULL;
    if (out->rank == MAX_RANK)
        return arena_printf(arena, "scan: %s has too many axes to be stacked",
                            type_text(arena, *out));
    *out = type_add_axis(*out, 0, scan.length);
    return NULL;
}

void grad_result(Grad *g)
{
    Node **sum = &g->results[g->node->attr[0].ints[0]];
    *sum = gradient_add(g->graph, *sum, g->dy);
}

/* ---- evaluation ---- */

/* Copies between a whole sequence and its element at `place` along an axis. */
static void move_element(Tensor *whole, int axis, int64_t place, Tensor *element, bool store)
{
    int64_t index[MAX_RANK] = {0}, stride[MAX_RANK], extent[MAX_RANK], e = 0;
    type_strides(whole->type, stride);
    for (int i = 0; i < whole->type.rank; i++) extent[i] = i == axis ? 1 : whole->type.dim[i];
    do {
        int64_t at = place * stride[axis] + index_offset(index, stride, whole->type.rank);
        if (store) tensor_set(whole, at, tensor_get(element, e++));
        else tensor_set(element, e++, tensor_get(whole, at));
    } while (index_next(index, extent, whole->type.rank));
}

static void copy_values(Tensor *to, const Tensor *from)
{
    size_t bytes = (size_t)type_elements(to->type) * dtype_size(to->type.dtype);
    memcpy(to->data, from->data, bytes);
}

static Tensor *new_results(EvalContext *context, const Node *node, const Scan *scan,
                           const Tensor *in)
{
    Tensor *results = arena_array(context->arena, Tensor, node->body->outputs.count + 1);
    for (int i = 0; i < node->body->outputs.count; i++) {
        Type type = node->body->outputs.at[i].node->type;
        if (i >= scan->carries) type = type_add_axis(type, 0, scan->length);
        results[i] = tensor_new(context->arena, type);
        if (i < scan->carries) copy_values(&results[i], &in[scan->sequences + i]);
    }
    return results;
}

/* One step at `place` of the sequences; what it needs of memory is given back after it. */
static void step(EvalContext *context, const Node *node, const Scan *scan, const Tensor *in,
                 Tensor *results, int64_t place)
{
    EvalContext inner = *context;
    inner.arena = arena_new();
    Tensor *given = arena_array(inner.arena, Tensor, node->input_count + 1);
    Tensor *made = arena_array(inner.arena, Tensor, node->body->outputs.count + 1);
    for (int i = 0; i < node->input_count; i++) {
        given[i] = i < scan->sequences + scan->carries && i >= scan->sequences
                 ? results[i - scan->sequences] : in[i];
        if (i >= scan->sequences) continue;
        given[i] = tensor_new(inner.arena, node->body->inputs.at[i]->type);
        Tensor whole = in[i];
        move_element(&whole, (int)scan->axes[i], place, &given[i], false);
    }
    inner.run(&inner, node->body, given, made);
    for (int i = 0; !inner.error && i < node->body->outputs.count; i++) {
        if (i < scan->carries) copy_values(&results[i], &made[i]);
        else move_element(&results[i], 0, place, &made[i], true);
    }
    if (inner.error) context->error = arena_strdup(context->arena, inner.error);
    arena_free(inner.arena);
}

/* The value of the node is the array of its results; only `result` looks at it. */
void eval_scan(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    Scan scan = scan_parts(node);
    Tensor *results = new_results(context, node, &scan, in);
    for (int64_t t = 0; t < scan.length && !context->error; t++)
        step(context, node, &scan, in, results, scan.reverse ? scan.length - 1 - t : t);
    out->data = results;
}

void eval_result(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    (void)context;
    const Tensor *results = in->data;
    copy_values(out, &results[node->attr[0].ints[0]]);
}

double flops_scan(const Node *node)
{
    double flops = 0.0;
    for (int i = 0; i < node->body->nodes.count; i++) {
        const Node *inner = node->body->nodes.at[i];
        flops += op_row(inner->op)->flops(inner);
    }
    return flops * (double)scan_parts(node).length;
}

double flops_result(const Node *node)
{
    (void)node;
    return 0.0;
}
