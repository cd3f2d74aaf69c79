/* Windows by numbers worked out by hand, and what their shape rules refuse. */
#include <math.h>

#include "graphs.h"
#include "interp/interp.h"

typedef struct Numbers { Graph *graph; Tensor inputs[2]; int count; } Numbers;

static Node *given(Numbers *n, const char *name, Type type, const float *values)
{
    Tensor *tensor = &n->inputs[n->count++];
    *tensor = tensor_new(n->graph->arena, type);
    for (int64_t e = 0; e < type_elements(type); e++) tensor_set(tensor, e, (double)values[e]);
    return input_node(n->graph, name, type);
}

static void expect(Numbers *n, Node *node, int count, const float *values)
{
    Module *module = module_new(n->graph->arena, "m");
    vec_push(module->arena, module->entries, n->graph);
    graph_output(n->graph, OUT_OUTPUT, "y", node, -1);
    Interp interp = {.module = module};
    Tensor y;
    assert_null(interp_run(&interp, module->arena, n->graph, n->inputs, 1, &y));
    assert_int_equal(type_elements(y.type), count);
    for (int e = 0; e < count; e++)
        assert_true(fabs(tensor_get(&y, e) - (double)values[e]) < 1e-6);
}

#define F(...) (const float[]){__VA_ARGS__}
#define EXPECT(n, node, ...) expect(n, node, sizeof(F(__VA_ARGS__)) / sizeof(float), F(__VA_ARGS__))

static Numbers numbers(Arena *arena)
{
    return (Numbers){.graph = graph_new(arena, "g", 1)};
}

static void convolution_is_not_flipped(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Numbers n = numbers(arena);
    Node *x = given(&n, "x", f32_type(DIMS(1, 1, 4)), F(1, 2, 3, 4));
    Node *w = given(&n, "w", f32_type(DIMS(1, 1, 3)), F(10, 1, 100));
    Attr attrs[MAX_ATTRS] = {INTS(1), INTS(1, 0), INTS(1), attr_int(1)};
    EXPECT(&n, make(n.graph, OP_conv, 2, (Node *[]){x, w}, attrs), 201, 312, 423);
    arena_free(arena);
}

static void groups_keep_to_their_channels(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Numbers n = numbers(arena);
    Node *x = given(&n, "x", f32_type(DIMS(1, 2, 1, 3)), F(1, 2, 3, 10, 20, 30));
    Node *w = given(&n, "w", f32_type(DIMS(4, 1, 1, 2)), F(1, 0, 0, 1, 1, 0, 0, 1));
    Attr attrs[MAX_ATTRS] = {INTS(1, 1), INTS(0, 0, 0, 0), INTS(1, 2), attr_int(2)};
    EXPECT(&n, make(n.graph, OP_conv, 2, (Node *[]){x, w}, attrs), 1, 3, 10, 30);
    arena_free(arena);
}

static void transposed_convolution_overlaps(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Numbers n = numbers(arena);
    Node *y = given(&n, "y", f32_type(DIMS(1, 1, 3)), F(1, 2, 3));
    Node *w = given(&n, "w", f32_type(DIMS(1, 1, 3)), F(1, 10, 100));
    /* one entry more after the last window than it reaches: PyTorch's output_padding */
    Attr attrs[MAX_ATTRS] = {INTS(2), INTS(1, -1), INTS(1), attr_int(1)};
    EXPECT(&n, make(n.graph, OP_conv_input, 2, (Node *[]){y, w}, attrs), 10, 102, 20, 203, 30, 300,
           0);
    arena_free(arena);
}

static void first_of_equals_is_picked(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Numbers n = numbers(arena);
    Node *a = given(&n, "a", f32_type(DIMS(1, 1, 2, 4)), F(-1, -2, 5, 5, -3, -1, 5, 2));
    Node *d = given(&n, "d", f32_type(DIMS(1, 1, 1, 2)), F(7, 8));
    Attr attrs[MAX_ATTRS] = {INTS(2, 2), INTS(0, 0, 0, 0), INTS(1, 1), INTS(2, 2)};
    EXPECT(&n, make(n.graph, OP_max_place, 2, (Node *[]){a, d}, attrs), 7, 0, 8, 0, 0, 0, 0, 0);
    arena_free(arena);
}

/* Negative numbers next to padding: the padding is not taken for a zero. */
static void padding_is_never_largest(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Numbers n = numbers(arena);
    Node *a = given(&n, "a", f32_type(DIMS(1, 1, 3)), F(-1, -2, -3));
    Attr attrs[MAX_ATTRS] = {INTS(2), INTS(1, 1), INTS(1), INTS(2)};
    EXPECT(&n, make(n.graph, OP_max_pick, 2, (Node *[]){a, a}, attrs), -1, -2);
    arena_free(arena);
}

static void sums_treat_padding_as_zero(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Numbers n = numbers(arena);
    Node *a = given(&n, "a", f32_type(DIMS(1, 1, 2, 3)), F(1, 2, 3, 4, 5, 6));
    Attr attrs[MAX_ATTRS] = {INTS(1, 2), INTS(0, 1, 1, 0), INTS(1, 1), INTS(2, 2)};
    EXPECT(&n, make(n.graph, OP_window_sum, 1, &a, attrs), 5, 16, 4, 11);
    arena_free(arena);
}

/* ---- refusals ---- */

static void refused(Graph *g, Op op, Node *a, Node *b, const Attr *attrs, const char *text)
{
    const char *error = NULL;
    Node *inputs[] = {a, b};
    assert_null(graph_append(g, op, inputs, b ? 2 : 1, attrs, (Origin){0}, &error));
    assert_string_equal(error, text);
}

static void shape_rules_refuse(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Graph *g = graph_new(arena, "g", 4);
    Node *x = input_node(g, "x", batched(f32_type(DIMS(4, 3, 5, 8))));
    Node *w = input_node(g, "w", f32_type(DIMS(6, 2, 7, 3)));
    Node *v = input_node(g, "v", f32_type(DIMS(6, 3, 7, 3)));
    Node *row = input_node(g, "row", batched(f32_type(DIMS(4, 3))));
    Attr conv[MAX_ATTRS] = {INTS(1, 1), INTS(0, 0, 1, 1), INTS(1, 1), attr_int(1)};
    refused(g, OP_conv, x, w, conv,
            "conv: f32[batch=4, 3, 5, 8] has 3 channels, but the weights f32[6, 2, 7, 3] in 1 "
            "group are for 2");
    refused(g, OP_conv, x, v, conv,
            "conv: a window of 7 does not fit into the 5 entries of axis 2 of f32[batch=4, 3, 5, "
            "8] with padding 0 and 1");
    refused(g, OP_conv, row, v, conv,
            "conv: axes for rows, channels and at least one for the window to move along are "
            "wanted, got f32[batch=4, 3]");
    conv[3] = attr_int(2);
    refused(g, OP_conv, x, w, conv,
            "conv: the 3 channels of f32[batch=4, 3, 5, 8] cannot be divided into 2 groups");
    conv[0] = INTS(1, 0);
    refused(g, OP_conv, x, w, conv, "conv: stride must be at least 1, got 0");
    Attr pool[MAX_ATTRS] = {INTS(1, 1), INTS(2, 0, 0, 0), INTS(1, 1), INTS(2, 2)};
    refused(g, OP_max_pick, x, x, pool,
            "max_pick: with padding 2 and 0 a window of 2 along axis 2 of f32[batch=4, 3, 5, 8] "
            "holds nothing but padding");
    refused(g, OP_max_pick, x, w, (Attr[]){INTS(1, 1), INTS(0, 0, 0, 0), INTS(1, 1), INTS(2, 2)},
            "max_pick: beside f32[batch=4, 3, 5, 8], f32[batch=4, 3, 5, 8] is wanted, got f32[6, "
            "2, 7, 3]");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolution_is_not_flipped),
        cmocka_unit_test(groups_keep_to_their_channels),
        cmocka_unit_test(transposed_convolution_overlaps),
        cmocka_unit_test(first_of_equals_is_picked),
        cmocka_unit_test(padding_is_never_largest),
        cmocka_unit_test(sums_treat_padding_as_zero),
        cmocka_unit_test(shape_rules_refuse),
    };
    return cmocka_run_group_tests_name("windows", tests, NULL, NULL);
}
