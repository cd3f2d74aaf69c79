/* A contraction as matrix products. Its labels fall into four groups: those in all three tensors
 * repeat the product, those in a and the result are its rows, in b and the result its columns,
 * in a and b what is summed. It is a matrix product if in every tensor each group steps like one
 * axis, and one of a matrix' two axes has stride 1. */
#include "interp/blas.h"
#include "ops/contract.h"

enum { ROWS, COLUMNS, SUMMED, REPEATED, GROUPS };

typedef struct Group { int64_t extent, stride[3]; } Group;

typedef struct Product {
    Group group[SUMMED + 1];
    int repeated_count;
    const Label *repeated[MAX_LABELS];
} Product;

static int group_of(const Label *label)
{
    if (label->axis[CONTRACT_A] < 0) return COLUMNS;
    if (label->axis[CONTRACT_B] < 0) return ROWS;
    return label->axis[CONTRACT_OUT] < 0 ? SUMMED : REPEATED;
}

/* Appends a label inside the others of its group; false if they do not step like one axis. Its
 * whole extent is stepped over by the outer ones, so only the outermost label may be cut short
 * by count. */
static bool extend(Group *group, const Label *label, int64_t count)
{
    int64_t extent = label_extent(label, count);
    if (extent == 1 && label->extent == 1) return true;
    bool first = group->extent == 1 && !group->stride[0] && !group->stride[1] && !group->stride[2];
    for (int i = 0; i < 3 && !first; i++)
        if (group->stride[i] != label->stride[i] * label->extent) return false;
    if (!first && extent != label->extent) return false;
    group->extent *= extent;
    for (int i = 0; i < 3; i++) group->stride[i] = label->stride[i];
    return true;
}

static int64_t widest_stride(const Label *label)
{
    int64_t widest = 0;
    for (int i = 0; i < 3; i++)
        if (label->stride[i] > widest) widest = label->stride[i];
    return widest;
}

/* Outer labels first. */
static void sort_labels(Labels *labels)
{
    for (int i = 1; i < labels->count; i++)
        for (int j = i; j > 0 && widest_stride(&labels->at[j]) > widest_stride(&labels->at[j - 1]);
             j--) {
            Label label = labels->at[j];
            labels->at[j] = labels->at[j - 1];
            labels->at[j - 1] = label;
        }
}

static bool find_product(const Labels *labels, int64_t count, Product *product)
{
    *product = (Product){0};
    for (int i = 0; i <= SUMMED; i++) product->group[i].extent = 1;
    for (int i = 0; i < labels->count; i++) {
        const Label *label = &labels->at[i];
        int group = group_of(label);
        if (group == REPEATED) product->repeated[product->repeated_count++] = label;
        else if (!extend(&product->group[group], label, count)) return false;
    }
    return true;
}

/* A matrix by the strides of two groups: its rows, or its columns, lie side by side. False if it is
 * none. */
static bool matrix_form(const Group *rows, const Group *columns, int tensor, BlasMatrix *out)
{
    int64_t row = rows->stride[tensor], column = columns->stride[tensor];
    bool plain = columns->extent == 1 || column == 1;
    bool turned = rows->extent == 1 || row == 1;
    if (!plain && !turned) return false;
    int64_t step = plain ? row : column, least = plain ? columns->extent : rows->extent;
    out->turned = !plain;
    out->lead = step > least ? step : least;
    return true;
}

/* The transpose of a product is the product of the transposes, in the other order. */
static bool multiply(const Product *p, const float *a, const float *b, float *out)
{
    const Group *m = &p->group[ROWS], *n = &p->group[COLUMNS], *k = &p->group[SUMMED];
    BlasMatrix left = {.at = a}, right = {.at = b}, result = {.at = out};
    if (!matrix_form(m, k, CONTRACT_A, &left) || !matrix_form(k, n, CONTRACT_B, &right)
        || !matrix_form(m, n, CONTRACT_OUT, &result))
        return false;
    if (!result.turned) {
        blas_multiply(m->extent, n->extent, k->extent, left, right, 0.0f, out, result.lead);
        return true;
    }
    left.turned = !left.turned;
    right.turned = !right.turned;
    blas_multiply(n->extent, m->extent, k->extent, right, left, 0.0f, out, result.lead);
    return true;
}

/* Steps the repeated labels; false after the last. */
static bool next_product(const Product *p, int64_t *index, int64_t *offset)
{
    for (int i = p->repeated_count - 1; i >= 0; i--) {
        const Label *label = p->repeated[i];
        for (int j = 0; j < 3; j++) offset[j] += label->stride[j];
        if (++index[i] < label->extent) return true;
        for (int j = 0; j < 3; j++) offset[j] -= label->stride[j] * label->extent;
        index[i] = 0;
    }
    return false;
}

bool blas_contract(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    Labels labels;
    Product product;
    if (contract_labels(context->arena, node, &labels)) return false;
    sort_labels(&labels);
    if (!find_product(&labels, context->count, &product)) return false;
    int64_t index[MAX_LABELS] = {0}, offset[3] = {0};
    const float *a = in[0].data, *b = in[1].data;
    float *result = out->data;
    bool done;
    do {
        done = multiply(&product, a + offset[CONTRACT_A], b + offset[CONTRACT_B],
                        result + offset[CONTRACT_OUT]);
    } while (done && next_product(&product, index, offset));
    return done;
}
