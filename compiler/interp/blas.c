/* A contraction as matrix products. Its labels fall into four groups: those in all three tensors
 * repeat the product, those in a and the result are its rows, in b and the result its columns,
 * in a and b what is summed. It is a matrix product if in every tensor each group steps like one
 * axis, and one of a matrix' two axes has stride 1. */
#include "interp/blas.h"

#include "interp/interp.h"

#ifndef NNC_HAVE_CBLAS

bool interp_has_blas(void)
{
    return false;
}

void interp_blas_threads(int count)
{
    (void)count;
}

int blas_contract(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    (void)context, (void)node, (void)in, (void)out;
    return 0;
}

#else

#include <cblas.h>
#include <dlfcn.h>
#include <string.h>

#include "ops/contract.h"

/* The library starts its threads when it is loaded, which takes longer than most compilations: it
 * is loaded when a product is asked of it, and found again by name after that. */
static void find_function(const char *name, void *function)
{
    static const char *const libraries[] = {"libopenblas.so.0", "libopenblas.so",
                                            "libopenblas.dylib", NULL};
    void *library = NULL, *symbol;
    for (int i = 0; !library && libraries[i]; i++) library = dlopen(libraries[i], RTLD_NOW);
    symbol = library ? dlsym(library, name) : NULL;
    memcpy(function, &symbol, sizeof symbol);
}

typedef void Sgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE form_a, CBLAS_TRANSPOSE form_b, blasint m,
                   blasint n, blasint k, float alpha, const float *a, blasint lead_a, const float *b,
                   blasint lead_b, float beta, float *out, blasint lead_out);

static Sgemm *find_sgemm(void)
{
    Sgemm *sgemm;
    find_function("cblas_sgemm", &sgemm);
    return sgemm;
}

bool interp_has_blas(void)
{
    return find_sgemm() != NULL;
}

void interp_blas_threads(int count)
{
    void (*set)(int);
    find_function("openblas_set_num_threads", &set);
    if (set) set(count);
}

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

/* How CBLAS is told of a matrix of the given strides: row-major, or its transpose. False if it
 * cannot be. */
static bool matrix_form(const Group *rows, const Group *columns, int tensor, CBLAS_TRANSPOSE *form,
                        int *lead)
{
    int64_t row = rows->stride[tensor], column = columns->stride[tensor];
    bool plain = columns->extent == 1 || column == 1;
    bool turned = rows->extent == 1 || row == 1;
    if (!plain && !turned) return false;
    *form = plain ? CblasNoTrans : CblasTrans;
    int64_t step = plain ? row : column, least = plain ? columns->extent : rows->extent;
    *lead = (int)(step > least ? step : least);
    return true;
}

static void multiply(Sgemm *sgemm, const Product *p, const float *a, const float *b, float *out, bool *done)
{
    const Group *m = &p->group[ROWS], *n = &p->group[COLUMNS], *k = &p->group[SUMMED];
    CBLAS_TRANSPOSE form_a, form_b, form_out;
    int lead_a, lead_b, lead_out;
    *done = matrix_form(m, k, CONTRACT_A, &form_a, &lead_a)
         && matrix_form(k, n, CONTRACT_B, &form_b, &lead_b)
         && matrix_form(m, n, CONTRACT_OUT, &form_out, &lead_out);
    if (!*done) return;
    CBLAS_ORDER order = CblasRowMajor;
    if (form_out == CblasTrans) {    /* in that order the same memory is a result by rows */
        order = CblasColMajor;
        form_a = form_a == CblasTrans ? CblasNoTrans : CblasTrans;
        form_b = form_b == CblasTrans ? CblasNoTrans : CblasTrans;
    }
    sgemm(order, form_a, form_b, (int)m->extent, (int)n->extent, (int)k->extent, 1.0f, a,
                lead_a, b, lead_b, 0.0f, out, lead_out);
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

int blas_contract(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    Labels labels;
    Product product;
    Sgemm *sgemm = find_sgemm();
    if (!sgemm || contract_labels(context->arena, node, &labels)) return 0;
    sort_labels(&labels);
    if (!find_product(&labels, context->count, &product)) return 0;
    int64_t index[MAX_LABELS] = {0}, offset[3] = {0};
    const float *a = in[0].data, *b = in[1].data;
    float *result = out->data;
    bool done;
    do {
        multiply(sgemm, &product, a + offset[CONTRACT_A], b + offset[CONTRACT_B],
                 result + offset[CONTRACT_OUT], &done);
    } while (done && next_product(&product, index, offset));
    return done;
}

#endif
