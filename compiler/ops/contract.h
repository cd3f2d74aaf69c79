/* The labels of a contraction: what each axis of a, b and the result runs over. Read by the
 * reference loop, by the BLAS products of the interpreter and by lowering. */
#ifndef NNC_OPS_CONTRACT_H
#define NNC_OPS_CONTRACT_H
#include "ops/op.h"

enum { CONTRACT_A, CONTRACT_B, CONTRACT_OUT, MAX_LABELS = 2 * MAX_RANK };

typedef struct Label {
    int64_t label;
    int64_t extent;
    int64_t batch_inner;             /* 0: not the batch axis */
    int axis[3];                     /* in a, b, out; -1 where it does not occur */
    int64_t stride[3];               /* row-major elements; 0 where it does not occur */
} Label;

/* Those of out come first, in its order. */
typedef struct Labels { int count; Label at[MAX_LABELS]; } Labels;

/* NULL, or why the labels do not make a contraction. */
const char *contract_labels(Arena *arena, const Node *node, Labels *labels);
/* The number of entries a label runs over: a summed batch axis stops at count. */
int64_t label_extent(const Label *label, int64_t count);
#endif
