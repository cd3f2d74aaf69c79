/* The rules that the rows of ops.def name, and what the families share in writing them. Private
 * to ops/. */
#ifndef NNC_OPS_RULES_H
#define NNC_OPS_RULES_H
#include "ops/build.h"
#include "ops/op.h"

#define OP(id, ...)                                                                        \
    const char *shape_##id(Arena *arena, const Node *node, Type *out);                     \
    void grad_##id(Grad *g);                                                               \
    void eval_##id(EvalContext *context, const Node *node, const Tensor *in, Tensor *out); \
    double flops_##id(const Node *node);
#define MAP(...)
#include "ops/ops.def"
#undef OP
#undef MAP

/* All elementwise operations share these, driven by their formulas. */
const char *map_shape(Arena *arena, const Node *node, Type *out);
void map_grad(Grad *g);
void map_eval(EvalContext *context, const Node *node, const Tensor *in, Tensor *out);
double map_flops(const Node *node);

/* Axes in range and none twice: NULL or a refusal that shows the type. */
const char *check_axes(Arena *arena, const char *name, const Attr *axes, Type type);
bool attr_has(const Attr *axes, int64_t axis);

/* What a type says for an attribute of one of the kinds ATTR_TYPE_...: true if the kind is one. */
bool attr_of_type(AttrKind kind, Type type, Attr *attr);

/* Steps a multi-index of `rank` axes in row-major order; false after the last. */
bool index_next(int64_t *index, const int64_t *extent, int rank);
int64_t index_offset(const int64_t *index, const int64_t *stride, int rank);
#endif
