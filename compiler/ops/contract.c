/* Contraction: out[its labels] = sum over the other labels of a[its labels] * b[its labels]. */
#include "ops/contract.h"

#include "ops/rules.h"

/* ---- labels ---- */

static Label *find_label(Labels *labels, int64_t name)
{
    for (int i = 0; i < labels->count; i++)
        if (labels->at[i].label == name) return &labels->at[i];
    if (labels->count == MAX_LABELS) return NULL;
    Label *label = &labels->at[labels->count++];
    *label = (Label){.label = name, .axis = {-1, -1, -1}};
    return label;
}

static const char *enter_axis(Arena *arena, const Node *node, Labels *labels, int operand, int axis)
{
    Type type = node->inputs[operand]->type;
    Label *label = find_label(labels, node->attr[operand].ints[axis]);
    if (!label) return "contract: too many labels";
    if (label->axis[operand] >= 0)
        return arena_printf(arena, "contract: a label is given twice to %s",
                            type_text(arena, type));
    int64_t inner = axis == type.batch_axis ? type.batch_inner : 0;
    bool seen = operand == CONTRACT_B && label->axis[CONTRACT_A] >= 0;
    if (seen && (label->extent != type.dim[axis] || label->batch_inner != inner))
        return arena_printf(arena,
                            "the products of %s and %s do not fit: axis %d of the one and axis %d "
                            "of the other must have the same extent",
                            type_text(arena, node->inputs[0]->type), type_text(arena, type),
                            label->axis[CONTRACT_A], axis);
    label->extent = type.dim[axis];
    label->batch_inner = inner;
    label->axis[operand] = axis;
    return NULL;
}

static const char *enter_operand(Arena *arena, const Node *node, Labels *labels, int operand)
{
    Type type = node->inputs[operand]->type;
    if (type.dtype != DT_F32)
        return arena_printf(arena, "a product of f32 is wanted, got %s", type_text(arena, type));
    if (node->attr[operand].count != type.rank)
        return arena_printf(arena, "contract: %d labels for %s", node->attr[operand].count,
                            type_text(arena, type));
    int64_t stride[MAX_RANK];
    type_strides(type, stride);
    for (int i = 0; i < type.rank; i++) {
        const char *error = enter_axis(arena, node, labels, operand, i);
        if (error) return error;
        find_label(labels, node->attr[operand].ints[i])->stride[operand] = stride[i];
    }
    return NULL;
}

static void enter_result(Labels *labels, const Attr *out)
{
    int64_t step = 1;
    for (int i = out->count - 1; i >= 0; i--) {
        Label *label = find_label(labels, out->ints[i]);
        label->axis[CONTRACT_OUT] = i;
        label->stride[CONTRACT_OUT] = step;
        step *= label->extent;
    }
}

const char *contract_labels(Arena *arena, const Node *node, Labels *labels)
{
    *labels = (Labels){0};
    const Attr *out = &node->attr[CONTRACT_OUT];
    if (out->count > MAX_RANK) return "contract: the result has too many axes";
    for (int i = 0; i < out->count; i++) {
        find_label(labels, out->ints[i]);
        if (labels->count != i + 1) return "contract: a label is given twice to the result";
    }
    for (int operand = 0; operand < 2; operand++) {
        const char *error = enter_operand(arena, node, labels, operand);
        if (error) return error;
    }
    enter_result(labels, out);
    for (int i = 0; i < labels->count; i++) {
        const int *axis = labels->at[i].axis;
        if ((axis[0] >= 0) + (axis[1] >= 0) + (axis[2] >= 0) < 2)
            return "contract: every label must occur in two of a, b and the result";
    }
    return NULL;
}

int64_t label_extent(const Label *label, int64_t count)
{
    bool stops = label->batch_inner > 0 && label->axis[CONTRACT_OUT] < 0;
    return stops ? count * label->batch_inner : label->extent;
}

/* ---- the row ---- */

const char *shape_contract(Arena *arena, const Node *node, Type *out)
{
    Labels labels;
    const char *error = contract_labels(arena, node, &labels);
    if (error) return error;
    *out = type_scalar(DT_F32);
    out->rank = node->attr[CONTRACT_OUT].count;
    for (int i = 0; i < out->rank; i++) {
        out->dim[i] = labels.at[i].extent;
        if (labels.at[i].batch_inner == 0) continue;
        if (out->batch_axis >= 0)
            return arena_printf(
                arena, "contract: the result of %s and %s would have two batch axes",
                type_text(arena, node->inputs[0]->type), type_text(arena, node->inputs[1]->type));
        out->batch_axis = i;
        out->batch_inner = labels.at[i].batch_inner;
    }
    return NULL;
}

/* Each factor's gradient contracts dy with the other factor over the labels that it lacks. */
void grad_contract(Grad *g)
{
    Node *a = g->node->inputs[0], *b = g->node->inputs[1];
    const int64_t *la = g->node->attr[0].ints, *lb = g->node->attr[1].ints,
                  *ly = g->node->attr[2].ints;
    if (g->wanted[0]) g->dx[0] = build_contract(g->graph, g->dy, ly, b, lb, la, a->type.rank);
    if (g->wanted[1]) g->dx[1] = build_contract(g->graph, g->dy, ly, a, la, lb, b->type.rank);
}

void eval_contract(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    Labels labels;
    contract_labels(context->arena, node, &labels);

    int rank = out->type.rank, summed = labels.count - rank;
    int64_t extent[MAX_LABELS], stride[2][MAX_LABELS], index[MAX_LABELS] = {0}, e = 0;
    for (int i = 0; i < labels.count; i++) {
        extent[i] = label_extent(&labels.at[i], context->count);
        for (int j = 0; j < 2; j++) stride[j][i] = labels.at[i].stride[j];
    }
    const float *a = in[0].data, *b = in[1].data;
    do {
        int64_t at_a = index_offset(index, stride[0], rank);
        int64_t at_b = index_offset(index, stride[1], rank);
        double total = 0.0;
        do {
            int64_t i = at_a + index_offset(index + rank, stride[0] + rank, summed);
            int64_t j = at_b + index_offset(index + rank, stride[1] + rank, summed);
            total += (double)a[i] * (double)b[j];
        } while (index_next(index + rank, extent + rank, summed));
        tensor_set(out, e++, total);
    } while (index_next(index, extent, rank));
}

double flops_contract(const Node *node)
{
    double flops = 2.0;
    const Node *a = node->inputs[0], *b = node->inputs[1];
    for (int i = 0; i < a->type.rank; i++) flops *= (double)a->type.dim[i];
    for (int i = 0; i < b->type.rank; i++)
        if (!attr_has(&node->attr[0], node->attr[1].ints[i])) flops *= (double)b->type.dim[i];
    return flops;
}
