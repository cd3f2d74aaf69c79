/* The table of operations: everything that is known of an operation stands in its row and its
 * family's file. */
#ifndef NNC_OPS_OP_H
#define NNC_OPS_OP_H
#include "ir/graph.h"

/* What passes and lowering ask for. */
typedef enum OpKind {
    KIND_LEAF,        /* no inputs: input, param, state, fill, iota, count */
    KIND_MAP,         /* elementwise over equal shapes (broadcasts are explicit nodes) */
    KIND_VIEW,        /* an affine index map: reshape, permute, slice, broadcast, reverse */
    KIND_JOIN,        /* places its inputs side by side or in a border: concat, pad */
    KIND_REDUCE,      /* over attr 0 (axes), which stay with extent 1 */
    KIND_CONTRACT,    /* sum of products over labelled axes */
    KIND_GATHER,      /* rows picked by an index */
    KIND_SCATTER,     /* rows added by an index */
    KIND_PUT,         /* its first input, a part of it replaced */
    KIND_WINDOW,      /* convolution and pooling, forward and gradients */
    KIND_RANDOM,      /* f(seed, instance, logical index) */
    KIND_REGION       /* owns a body graph: scan */
} OpKind;

/* The last three are the extents (ints), batch axis (an int) and batch_inner (an int) of the
 * node's type, so the text form does not repeat them. An ATTR_INT that is not given is 0. */
typedef enum AttrKind {
    ATTR_NONE, ATTR_INT, ATTR_INTS, ATTR_NUMBER, ATTR_TEXT,
    ATTR_TYPE_SHAPE, ATTR_TYPE_AXIS, ATTR_TYPE_INNER
} AttrKind;
typedef struct AttrSpec { const char *name; AttrKind kind; } AttrSpec;

/* A tensor in the interpreter: row-major logical values. f32 and i32/u8/bool all live in their
 * own C type. */
typedef struct Tensor { Type type; void *data; } Tensor;

Tensor tensor_new(Arena *arena, Type type);          /* zeros */
size_t tensor_bytes(const Tensor *tensor);
double tensor_get(const Tensor *tensor, int64_t element);
/* Integers truncate toward zero and saturate. */
void tensor_set(Tensor *tensor, int64_t element, double value);
/* The same for `count` elements from `first` on. */
void tensor_read(const Tensor *tensor, int64_t first, int64_t count, double *out);
void tensor_write(Tensor *tensor, int64_t first, int64_t count, const double *in);
enum { TENSOR_CHUNK = 256 };         /* what rules read, compute and write at a time */

typedef struct EvalContext {
    Arena *arena;
    int64_t count;                   /* valid rows */
    uint64_t seed;
    /* What the walker of the graph lends to the rules: the values of an input, parameter, state
     * or session; and a run of a region's body, whose inputs and outputs are in the order of the
     * body's. */
    const void *(*leaf)(struct EvalContext *context, const Node *node);
    void (*run)(struct EvalContext *context, const Graph *body, const Tensor *inputs,
                Tensor *outputs);
    void *walker;
    const char *error;               /* set by a rule that refuses its values */
} EvalContext;

/* Where and into which graph the differentiation appends; see ops/build.h for the verbs. */
typedef struct Grad {
    Graph *graph;
    const Node *node;                /* being differentiated */
    Node *y;                         /* its value */
    Node *dy;                        /* gradient of its value */
    bool spare;                      /* memory is scarce: as in Reverse */
    const bool *wanted;              /* per input: whether its gradient is used */
    Node **dx;                       /* out, per input: gradient, or NULL for none */
    Node **results;                  /* for a scan and its results: gradients of these, or NULL */
} Grad;

typedef struct OpRow {
    const char *name;
    OpKind kind;
    int arity;
    AttrSpec attr[MAX_ATTRS + 1];    /* ends with ATTR_NONE */
    /* Fills *out from the inputs and attributes; returns NULL or an error text for the user
     * (arena-owned). */
    const char *(*shape)(Arena *arena, const Node *node, Type *out);
    void (*grad)(Grad *g);
    void (*eval)(EvalContext *context, const Node *node, const Tensor *in, Tensor *out);
    double (*flops)(const Node *node);
    const char *doc;                 /* one line for docs/operations.md: what it computes */
} OpRow;

const OpRow *op_row(Op op);
/* What a block of the library called the value within its layer, "average" of "bn1.average"; or
 * NULL. */
const char *op_inner_name(const Node *node);
/* That, or what the source called the node's value; else its operation. */
const char *op_node_name(const Node *node);
bool op_from_name(const char *name, Op *op);
#endif
