/* Kernels: the graph of an entry cut into fused regions, with a place in memory for every value that crosses from one to
 * another. This is target-independent; lower/ turns each kernel into a loop function for one target.
 *
 *   fuse.c      nodes -> kernels           (which nodes share a loop nest)
 *   layout.c    parameters -> stored order (one for all entries), values -> strides
 *   memory.c    values -> offsets in the one workspace of the entry
 *   plan.c      runs them in order
 */
#ifndef NNC_KERNEL_KERNEL_H
#define NNC_KERNEL_KERNEL_H
#include "ops/op.h"

/* Where a value lives. */
typedef enum Place {
    AT_INPUT,        /* caller's input or target; index: module->decls */
    AT_PARAM,        /* params + offset floats; index: module->params */
    AT_STATE,        /* states + offset floats; index: module->states */
    AT_OUTPUT,       /* caller's buffer of outputs.at[index] of the graph, which is an OUT_OUTPUT or OUT_INPUT_GRAD */
    AT_GRAD,         /* grads + offset floats; index: module->params */
    AT_LOSS,         /* the caller's float(s) for the loss */
    AT_METRIC,       /* metrics + offset floats */
    AT_WORK          /* workspace + offset bytes */
} Place;

/* A tensor in memory. Logical element (i0, i1, ...) is element  sum(i * stride)  from its start. */
typedef struct Value {
    const Node *node;                /* whose result it holds */
    const char *name;                /* a unique C identifier in the entry: "hidden", "d_logits" */
    Place place;
    int index;
    int64_t offset;                  /* AT_WORK: bytes; AT_PARAM, AT_STATE, AT_GRAD, AT_METRIC: floats */
    DType dtype;
    int64_t stride[MAX_RANK];
    int64_t elements;                /* occupied, padding included */
    int first, last;                 /* steps of the entry between which it is live (AT_WORK) */
    const struct Value *copy_of;     /* a second place of the same node (an output that is also kept), or NULL */
} Value;

/* An operand as a kernel addresses it: element = offset + sum(i * stride) over the axes of the node that is read. */
typedef struct View { const Value *value; int64_t offset; int64_t stride[MAX_RANK]; } View;

typedef enum KernelKind {
    KERNEL_ROWS,         /* maps and reductions over one domain (lower/rows.c) */
    KERNEL_CONTRACT,     /* a contraction and its epilogue of maps (lower/contract.c) */
    KERNEL_COPY,         /* another layout of the same tensor (lower/copy.c) */
    KERNEL_GATHER,       /* rows by index */
    KERNEL_SCATTER,
    KERNEL_JOIN,         /* concat, pad */
    KERNEL_CHECK         /* verifies indices; its function returns a status */
} KernelKind;

typedef struct Kernel {
    KernelKind kind;
    const char *name;                /* "fc1_relu", "d_hidden" : from the source's names */
    const char *comment;             /* formula, shapes, source line */
    Node *anchor;                    /* the contraction, gather, ...; NULL for KERNEL_ROWS */
    VEC(Node *) nodes;               /* computed here, in topological order; views are not members */
    VEC(Value *) results;            /* what it writes; the node of each is a member */
    VEC(const Value *) operands;     /* what it reads, each once; found by plan.c */
    double flops, bytes;             /* of one call with count == batch */
    int step;                        /* position in the entry */
} Kernel;

typedef struct EntryPlan {
    const Graph *graph;
    const char *name;
    VEC(Kernel *) kernels;           /* in order of execution; checks first */
    VEC(Value *) values;
    int64_t workspace_bytes;         /* multiple of 64 */
    int64_t workspace_lower_bound;   /* largest sum of values live at one step */
} EntryPlan;

/* How a parameter (or state) is stored: strides of its logical axes, in floats. */
typedef struct ParamLayout { int64_t offset, floats; int64_t stride[MAX_RANK]; bool padded; } ParamLayout;

typedef struct Plan {
    Arena *arena;
    const Module *module;
    ParamLayout *params, *states;
    int64_t param_floats, state_floats;
    VEC(EntryPlan *) entries;
} Plan;

Plan *plan_module(Arena *arena, const Module *module);

/* NULL, or what is wrong: overlaps among live values (found again, independently of memory.c), values written twice or read before
 * they are written, kernels out of order. */
const char *plan_verify(Arena *arena, const Plan *plan);

void plan_print_kernels(Text *out, const Plan *plan);        /* --emit=kernels */
void plan_print_memory(Text *out, const Plan *plan);         /* --emit=memory */

/* ---- used by lowering ---- */
/* The value that holds `node` (through views) as seen by kernel `k`, or false if the node is computed in registers there. */
bool plan_view(const EntryPlan *entry, const Node *node, View *view);
/* The member node behind a chain of views, and for each axis of `node` the axis of that member (-1: an axis it does not have).
 * False if the chain does more than permute, broadcast, and add or remove axes of extent 1. */
bool plan_labels(const Node *node, const Node **root, int axis_of[MAX_RANK]);
#endif
