/* Graph: one entry of a model as single-assignment nodes in topological order. Module:
 * parameters, states, sessions, and the graphs of the entries.
 *
 * Everything is owned by the module's arena. A node is never changed after it was appended,
 * except by a pass that owns the whole graph; passes build a new graph or append to one and
 * redirect uses. */
#ifndef NNC_IR_GRAPH_H
#define NNC_IR_GRAPH_H
#include "base/arena.h"
#include "base/diag.h"
#include "base/text.h"
#include "ir/type.h"

typedef enum Op {
#define OP(id, ...) OP_##id,
#include "ops/ops.def"
#undef OP
    OP_COUNT
} Op;

enum { MAX_ATTR_INTS = 3 * MAX_RANK, MAX_ATTRS = 4 };

/* One attribute value. Which of the fields counts is said by the operation's row (AttrKind). */
typedef struct Attr {
    int count;                       /* of ints */
    int64_t ints[MAX_ATTR_INTS];
    double number;
    const char *text;
} Attr;

/* Where a number stands in a list, a label among those of an operand's axes; -1: nowhere. */
int attr_find(const Attr *list, int64_t number);

typedef struct Node Node;
typedef struct Graph Graph;

struct Node {
    Op op;
    int id;                          /* position in graph->nodes */
    Type type;
    int input_count;
    Node **inputs;
    Attr attr[MAX_ATTRS];
    const float *values;             /* OP_constant: row-major values; else NULL */
    Graph *body;                     /* operations that own a region (scan); else NULL */
    bool kept;                       /* only gradients need it, but the forward part computes it */
    int param;                       /* of a parameter, state, session buffer or declared input:
                                      * its place in the module's list; else -1 */
    const char *name;                /* source name: "hidden", "fc1", "d_logits"; or NULL */
    const char *layer;               /* path of the block call that made it: "h.0.attn", or "" */
    Span span;
};

/* Where nodes come from. The verbs of ops/build.h copy the graph's origin into each node they
 * build. */
typedef struct Origin { const char *name; const char *layer; Span span; } Origin;

/* What an entry yields. kind tells how the entry's signature shows it. */
typedef enum OutputKind {
    OUT_OUTPUT,                      /* a model output */
    OUT_LOSS,                        /* f32 scalar, as the program says over the valid rows */
    OUT_METRIC,                      /* f32[2]: (sum, weight) to be added up over batches */
    OUT_GRAD,                        /* gradient of params[param] */
    OUT_INPUT_GRAD,                  /* gradient of an input: "backward" of a model without loss */
    OUT_STATE,                       /* new value of states[param], committed on success */
    OUT_SESSION,                     /* new value of sessions[param] */
    OUT_YIELD                        /* result of a region's body */
} OutputKind;

typedef struct Output { OutputKind kind; const char *name; Node *node; int param; } Output;

struct Graph {
    Arena *arena;
    const char *name;                /* "infer", "train", "evaluate", "forward", "backward";
                                      * a region's body: its owner's name */
    int64_t batch;                   /* compiled batch size */
    VEC(Node *) nodes;               /* every node after its inputs */
    VEC(Node *) inputs;              /* OP_INPUT nodes in declaration order, inputs then targets */
    VEC(Output) outputs;
    Origin origin;                   /* of the nodes being built; its name is not copied */
};

/* How a parameter starts: drawn in logical order from one counter-based stream. */
typedef enum InitKind {
    INIT_ZEROS, INIT_ONES, INIT_CONST, INIT_UNIFORM, INIT_NORMAL, INIT_VALUES
} InitKind;
typedef struct Init { InitKind kind; double a, b; const float *values; } Init;
/* UNIFORM: a <= x < b; NORMAL: mean a, deviation b; CONST: a */

typedef struct Param {
    const char *name;                /* "fc1.weight": the name in files */
    Type type;                       /* logical shape; only a session's may have a batch axis */
    Init init;
    bool trainable;
    bool decay;                      /* weight decay applies (no_decay patterns decided) */
    Span span;
} Param;
typedef VEC(Param) ParamList;

typedef struct TensorDecl {          /* an input or target as declared */
    const char *name;
    Type type;                       /* at batch 1; an entry's input nodes have its batch */
    bool is_target;
    int64_t limit;                   /* > 0: values must lie in [0, limit) */
    Span span;
} TensorDecl;

typedef struct Module {
    Arena *arena;
    const char *name;                /* model name */
    const char *source_name;         /* base name of the .nn file, for banners: "mnist_mlp.nn" */
    ParamList params;
    ParamList states;
    ParamList sessions;
    VEC(TensorDecl) decls;
    VEC(Graph *) entries;
    VEC(const char *) sources;       /* paths of the files it was read from, the program's first */
    bool strict;                     /* sums keep to the formula: no Winograd, no Strassen */
    int lanes;                       /* f32 in a vector of the widest target it is compiled for; 0:
                                      * not known */
    double share;                    /* of the memory of entries with gradients that they may take,
                                      * at the price of computing values again; 0: all */
    int64_t far_bytes;               /* of sequences from which scans go by chunks; 0: more than
                                      * caches keep */
    const struct TrainPlan *train;   /* the `train` block (elaborate/train_plan.h), or NULL */
} Module;

Module *module_new(Arena *arena, const char *name);
Graph *module_entry(const Module *module, const char *name);       /* or NULL */
Graph *graph_new(Arena *arena, const char *name, int64_t batch);
Graph *graph_clone(Arena *arena, const Graph *graph, const char *name);
/* Appends a bare node: the caller fills in the rest. */
Node *graph_push(Graph *graph, Op op, Type type, Origin origin);
/* Appends a copy of `from`, of any graph, with the given inputs; a region's body is copied with
 * it. */
Node *graph_copy_node(Graph *graph, const Node *from, Node *const *inputs);
void graph_output(Graph *graph, OutputKind kind, const char *name, Node *node, int param);
/* Recomputes ids and the list of inputs after a pass changed the list of nodes. */
void graph_renumber(Graph *graph);
const char *output_kind_name(OutputKind kind);                     /* "output", "loss", ... */

/* Text form: graph_print and module_print write it, module_parse reads it back (NULL and
 * diagnostics on error). Printing, reading and verifying read the operations' table, so they
 * stand in ops/{print,read,verify}.c. */

void module_print(Text *out, const Module *module);
void graph_print(Text *out, const Module *module, const Graph *graph);
Module *module_parse(Arena *arena, const Source *source, Diags *diags);

/* NULL if the module keeps every invariant: topological order, types equal to the shape rule's
 * answer, attribute counts, outputs present, names unique. Else a message. */
const char *module_verify(Arena *arena, const Module *module);
#endif
