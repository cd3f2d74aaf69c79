/* A border of a tensor's own entries, and the sum over it that is its gradient. Along each axis the
 * result falls into three parts: before, the entries themselves, and after. */
#include "ops/join.h"
#include "ops/rules.h"

/* ---- geometry ---- */

/* The entry that stands at place i of an axis of `extent` entries with `before` in front. */
static int64_t entry_at(int64_t i, int64_t before, int64_t extent, bool mirrored)
{
    int64_t entry = i - before;
    if (mirrored) {
        if (entry < 0) return -entry;
        return entry < extent ? entry : 2 * (extent - 1) - entry;
    }
    return entry < 0 ? 0 : entry < extent ? entry : extent - 1;
}

/* One part of an axis: `count` places from `place` on, of entries from `entry` on. */
typedef struct Part { int64_t count, place, entry, step; } Part;

static int parts_of(const Node *node, Type inner, int axis, Part parts[3])
{
    const int64_t before = node->attr[0].ints[axis], after = node->attr[1].ints[axis],
                  extent = inner.dim[axis];
    const bool mirrored = node->attr[2].ints[0];
    int count = 0;
    parts[count++] = (Part){extent, before, 0, 1};
    if (before) parts[count++] = (Part){before, 0, mirrored ? before : 0, mirrored ? -1 : 0};
    if (after)
        parts[count++] = (Part){after, before + extent, extent - (mirrored ? 2 : 1),
                                mirrored ? -1 : 0};
    return count;
}

/* All combinations of the parts of the axes, the entries themselves first. */
Join border_join(Arena *arena, const Node *node)
{
    const bool sums = node->op == OP_border_sum;
    const Type inner = sums ? node->type : node->inputs[0]->type;
    Part parts[MAX_RANK][3];
    int64_t count[MAX_RANK], index[MAX_RANK] = {0};
    Join join = {.count = 1};
    for (int i = 0; i < inner.rank; i++) {
        count[i] = parts_of(node, inner, i, parts[i]);
        join.count *= (int)count[i];
    }
    join.pieces = arena_array(arena, JoinPiece, join.count);
    for (int n = 0; n < join.count; n++, index_next(index, count, inner.rank)) {
        JoinPiece *piece = &join.pieces[n];
        piece->adds = sums && n > 0;
        for (int i = 0; i < inner.rank; i++) {
            const Part *p = &parts[i][index[i]];
            piece->extent[i] = p->count;
            piece->from[i] = sums ? p->place : p->entry;
            piece->from_step[i] = sums ? 1 : p->step;
            piece->to[i] = sums ? p->entry : p->place;
            piece->to_step[i] = sums ? p->step : 1;
        }
    }
    return join;
}

/* ---- rules ---- */

/* Of the inner tensor with this border: NULL, or why there is none. */
static const char *check_border(Arena *arena, const Node *node, Type inner)
{
    const Attr *before = &node->attr[0], *after = &node->attr[1];
    const bool mirrored = node->attr[2].ints[0];
    if (before->count != inner.rank || after->count != inner.rank)
        return arena_printf(arena, "pad: %s has %d axes, got borders for %d and %d",
                            type_text(arena, inner), inner.rank, before->count, after->count);
    for (int i = 0; i < inner.rank; i++) {
        const int64_t a = before->ints[i], b = after->ints[i];
        if (a < 0 || b < 0)
            return arena_printf(arena, "pad: a border of %lld and %lld entries on axis %d of %s",
                                (long long)a, (long long)b, i, type_text(arena, inner));
        if (i == inner.batch_axis && (a || b))
            return arena_printf(arena, "pad: the batch axis of %s cannot get a border",
                                type_text(arena, inner));
        if (mirrored && (a >= inner.dim[i] || b >= inner.dim[i]))
            return arena_printf(arena,
                                "pad: axis %d of %s has %lld entries beside its outermost to "
                                "mirror, not %lld",
                                i, type_text(arena, inner), (long long)inner.dim[i] - 1,
                                (long long)(a > b ? a : b));
    }
    return NULL;
}

const char *shape_border(Arena *arena, const Node *node, Type *out)
{
    *out = node->inputs[0]->type;
    const char *error = check_border(arena, node, *out);
    for (int i = 0; !error && i < out->rank; i++) {
        const int64_t more = node->attr[0].ints[i] + node->attr[1].ints[i];
        if (more) out->dim[i] += more;
    }
    return error;
}

const char *shape_border_sum(Arena *arena, const Node *node, Type *out)
{
    *out = node->inputs[0]->type;
    if (node->attr[0].count != out->rank || node->attr[1].count != out->rank)
        return check_border(arena, node, *out);
    for (int i = 0; i < out->rank; i++) {
        const int64_t less = node->attr[0].ints[i] + node->attr[1].ints[i];
        if (less) out->dim[i] -= less;
        if (out->dim[i] < 1)
            return arena_printf(arena, "border_sum: %s is all border along axis %d",
                                type_text(arena, node->inputs[0]->type), i);
    }
    return check_border(arena, node, *out);
}

static Node *other_of_the_pair(Grad *g, Op op)
{
    const char *error;
    return graph_append(g->graph, op, &g->dy, 1, g->node->attr, g->graph->origin, &error);
}

void grad_border(Grad *g)
{
    g->dx[0] = other_of_the_pair(g, OP_border_sum);
}

void grad_border_sum(Grad *g)
{
    g->dx[0] = other_of_the_pair(g, OP_border);
}

/* For each element of the larger tensor the one of the inner that it repeats. */
static int64_t *repeated(Arena *arena, const Node *node, Type outer, Type inner)
{
    int64_t index[MAX_RANK] = {0}, stride[MAX_RANK], e = 0;
    int64_t *element = arena_array(arena, int64_t, type_elements(outer));
    type_strides(inner, stride);
    do {
        for (int i = 0; i < inner.rank; i++)
            element[e] += stride[i]
                        * entry_at(index[i], node->attr[0].ints[i], inner.dim[i],
                                   node->attr[2].ints[0]);
        e++;
    } while (index_next(index, outer.dim, outer.rank));
    return element;
}

void eval_border(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    const int64_t *from = repeated(context->arena, node, out->type, in->type);
    for (int64_t e = 0; e < type_elements(out->type); e++)
        tensor_set(out, e, tensor_get(in, from[e]));
}

void eval_border_sum(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    const int64_t *to = repeated(context->arena, node, in->type, out->type);
    double *total = arena_array(context->arena, double, type_elements(out->type));
    for (int64_t e = 0; e < type_elements(in->type); e++) total[to[e]] += tensor_get(in, e);
    for (int64_t e = 0; e < type_elements(out->type); e++) tensor_set(out, e, total[e]);
}

double flops_border(const Node *node)
{
    (void)node;
    return 0.0;
}

double flops_border_sum(const Node *node)
{
    return (double)(type_elements(node->inputs[0]->type) - type_elements(node->type));
}
