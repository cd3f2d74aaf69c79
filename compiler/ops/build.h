/* The verbs with which passes, gradient rules and the elaborator append nodes. Each infers the
 * type by the operation's own shape rule; a rule's refusal comes back through graph_append (the
 * short verbs may assume legal use). Maps broadcast their inputs by numpy's rule: a verb inserts
 * the reshape and broadcast nodes. */
#ifndef NNC_OPS_BUILD_H
#define NNC_OPS_BUILD_H
#include "ops/op.h"

Attr attr_int(int64_t value);
Attr attr_ints(const int64_t *values, int count);
Attr attr_number(double value);
Attr attr_text(const char *text);

/* Appends a node; on a type error returns NULL and sets *error (arena-owned). Constant folding
 * is left to passes. */
Node *graph_append(Graph *graph, Op op, Node *const *inputs, int input_count, const Attr *attrs,
                   Origin origin, const char **error);
/* The same for leaves whose type is declared (input, param, fill, iota, ...). */
Node *graph_leaf(Graph *graph, Op op, Type type, const Attr *attrs, int param, Origin origin);

/* The same for a region's owner: `body` comes with it. */
Node *graph_append_region(Graph *graph, Op op, Node *const *inputs, int input_count,
                          const Attr *attrs, Graph *body, Origin origin, const char **error);

/* numpy's broadcasting: false, with both shapes in *error, if they do not fit. */
bool broadcast_types(Arena *arena, Type a, Type b, Type *out, const char **error);

/* The type of a under another shape, its batch axis found again: NULL, or why the shape does not
 * fit. */
const char *reshape_type(Arena *arena, Type a, int rank, const int64_t *dim, Type *out);

Node *build_map(Graph *g, Op op, int count, Node *const *inputs);       /* broadcasts its inputs */
Node *build_fill(Graph *g, Type type, double value);
Node *build_reshape(Graph *g, Node *a, Type type);             /* shape and batch axis of type */
Node *build_broadcast(Graph *g, Node *a, Type type);                    /* also adds leading axes */
Node *build_permute(Graph *g, Node *a, const int64_t *axes);
Node *build_slice(Graph *g, Node *a, const int64_t *start, const int64_t *size,
                  const int64_t *step);
Node *build_pad(Graph *g, Node *a, const int64_t *before, const int64_t *after, double value);
/* Reduced extents stay as 1. */
Node *build_reduce(Graph *g, Op op, Node *a, const int64_t *axes, int count);
Node *build_sum_to(Graph *g, Node *a, Type type);                  /* the inverse of broadcasting */
Node *build_contract(Graph *g, Node *a, const int64_t *la, Node *b, const int64_t *lb,
                     const int64_t *lout, int out_rank);
Node *build_result(Graph *g, Node *scan, int index);                    /* of a scan */
#endif
