/* The table of operations, made from the rows of ops.def and maps.def. */
#include <string.h>

#include "ops/rules.h"

#define ATTRS(...)  __VA_ARGS__
#define INT(name)    {#name, ATTR_INT},
#define INTS(name)   {#name, ATTR_INTS},
#define NUMBER(name) {#name, ATTR_NUMBER},
#define NAME(name)   {#name, ATTR_TEXT},
#define SHAPE(name)  {#name, ATTR_TYPE_SHAPE},
#define AXIS(name)   {#name, ATTR_TYPE_AXIS},
#define INNER(name)  {#name, ATTR_TYPE_INNER},

static const OpRow rows[OP_COUNT] = {
#define OP(id, spelling, of_kind, inputs, attrs, text)                                        \
    [OP_##id] = {.name = spelling, .kind = KIND_##of_kind, .arity = inputs,                   \
                 .attr = {attrs {NULL, ATTR_NONE}},                                           \
                 .shape = shape_##id, .grad = grad_##id, .eval = eval_##id,                   \
                 .flops = flops_##id, .doc = text},
#define MAP(id, spelling, inputs, types, value, gradients, text)                              \
    [OP_##id] = {.name = spelling, .kind = KIND_MAP, .arity = inputs,                         \
                 .shape = map_shape, .grad = map_grad, .eval = map_eval, .flops = map_flops,  \
                 .doc = text},
#include "ops/ops.def"
#undef OP
#undef MAP
};

const OpRow *op_row(Op op)
{
    return &rows[op];
}

bool op_from_name(const char *name, Op *op)
{
    for (int i = 0; i < OP_COUNT; i++) {
        if (strcmp(rows[i].name, name) != 0) continue;
        *op = (Op)i;
        return true;
    }
    return false;
}

const char *op_inner_name(const Node *node)
{
    const size_t n = node->layer ? strlen(node->layer) : 0;
    const bool within = node->name && n && strncmp(node->name, node->layer, n) == 0
                     && node->name[n] == '.';
    return within ? node->name + n + 1 : NULL;
}

const char *op_node_name(const Node *node)
{
    const char *inner = op_inner_name(node);
    return inner ? inner : node->name ? node->name : op_row(node->op)->name;
}
