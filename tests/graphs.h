/* Short ways to make the graphs that tests run. */
#ifndef NNC_TESTS_GRAPHS_H
#define NNC_TESTS_GRAPHS_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "ops/build.h"

#define COUNT_OF(...) (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t))
#define DIMS(...) COUNT_OF(__VA_ARGS__), (int64_t[]){__VA_ARGS__}
#define INTS(...) attr_ints((int64_t[]){__VA_ARGS__}, COUNT_OF(__VA_ARGS__))

static inline Type f32_type(int rank, const int64_t *dim)
{
    return type_make(DT_F32, rank, dim);
}

/* axis 0 becomes the batch axis */
static inline Type batched(Type type)
{
    type.batch_axis = 0;
    return type;
}

static inline Node *input_node(Graph *graph, const char *name, Type type)
{
    Attr attr = attr_text(name);
    return graph_leaf(graph, OP_input, type, &attr, -1, (Origin){.name = name});
}

static inline Node *param_node(Module *module, Graph *graph, const char *name, Type type)
{
    Param param = {.name = name, .type = type, .trainable = true, .init = {.kind = INIT_ZEROS}};
    vec_push(module->arena, module->params, param);
    return graph_leaf(graph, OP_param, type, NULL, module->params.count - 1,
                      (Origin){.name = name});
}

static inline Node *map1(Graph *graph, Op op, Node *a)
{
    return build_map(graph, op, 1, &a);
}

static inline Node *map2(Graph *graph, Op op, Node *a, Node *b)
{
    return build_map(graph, op, 2, (Node *[]){a, b});
}

/* A legal node from attributes; fails the test with the rule's text if it is refused. */
static inline Node *make(Graph *graph, Op op, int count, Node *const *inputs, const Attr *attrs)
{
    const char *error = NULL;
    Node *node = graph_append(graph, op, inputs, count, attrs, (Origin){0}, &error);
    if (!node) fail_msg("%s", error);
    return node;
}

/* Whether element e belongs to a row that is not among the first `count`. */
static inline bool is_invalid_row(Type type, int64_t count, int64_t e)
{
    int64_t stride[MAX_RANK];
    type_strides(type, stride);
    int axis = type.batch_axis;
    return axis >= 0 && e / stride[axis] % type.dim[axis] >= count * type.batch_inner;
}
#endif
