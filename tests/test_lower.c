/* Fused kernels against the interpreter: compositions at odd shapes, forward and backward, on every
 * target of this machine. */
#include "blocks.h"
#include "generated_check.h"
#include "passes/pass.h"

typedef struct Case {
    const char *name;
    void (*build)(Module *m, Graph *g, int64_t rows, int64_t columns);
    int64_t rows, columns;
} Case;

/* ---- models ---- */

static void build_dense_tanh(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = matrix_input(m, g, "x", rows, columns);
    square_loss(g,
                dense(m, g, map1(g, OP_tanh, dense(m, g, x, "a", 2 * columns + 1)), "b", columns));
}

static void build_one_wide(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = matrix_input(m, g, "x", rows, columns);
    square_loss(g, dense(m, g, map1(g, OP_sigmoid, dense(m, g, x, "a", 5)), "b", 1));
}

static void build_layer_norm(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    square_loss(g, layer_norm(m, g,
                              dense(m, g, matrix_input(m, g, "x", rows, columns), "a", columns)));
}

static void build_softmax(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    square_loss(g,
                softmax(m, g, dense(m, g, matrix_input(m, g, "x", rows, columns), "a", columns)));
}

static void build_gelu(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    square_loss(g, gelu(m, g, dense(m, g, matrix_input(m, g, "x", rows, columns), "a", columns)));
}

static void build_column_norm(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    square_loss(g, column_norm(m, g,
                               dense(m, g, matrix_input(m, g, "x", rows, columns), "a", columns)));
}

/* Forward and backward are apart. */
static void build_between(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = dense(m, g, matrix_input(m, g, "x", rows, 3), "a", columns);
    square_loss(g, dense(m, g, gelu(m, g, softmax(m, g, layer_norm(m, g, x))), "b", 5));
}

static void build_cross_entropy(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *logits = dense(m, g, matrix_input(m, g, "x", rows, 7), "a", columns);
    graph_output(g, OUT_OUTPUT, "logits", logits, -1);
    row_loss(g, cross_entropy(g, logits, label_input(m, g, rows, columns)));
}

static void build_largest(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = dense(m, g, matrix_input(m, g, "x", rows, columns), "a", columns);
    Node *top = build_reduce(g, OP_reduce_max, x, (int64_t[]){1}, 1);
    Node *at = build_reduce(g, OP_argmax, x, (int64_t[]){1}, 1);
    graph_output(g, OUT_OUTPUT, "at", at, -1);
    square_loss(g, map2(g, OP_sub, x, top));
}

/* Sums and maxima of whole numbers, along rows and down columns. */
static void build_whole_numbers(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = matrix_input(m, g, "x", rows, columns);
    Node *y = dense(m, g, x, "a", columns);
    Node *whole = map1(g, OP_to_i32, map2(g, OP_mul, x, constant(g, 5)));
    Node *sum = map1(g, OP_to_f32, build_reduce(g, OP_sum, whole, (int64_t[]){1}, 1));
    Node *most = map1(g, OP_to_f32, build_reduce(g, OP_reduce_max, whole, (int64_t[]){1}, 1));
    square_loss(g, map2(g, OP_mul, y, map2(g, OP_add, sum, most)));
}

static void build_slices(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = dense(m, g, matrix_input(m, g, "x", rows, columns), "a", 2 * columns);
    Node *left =
        build_slice(g, x, (int64_t[]){0, 0}, (int64_t[]){rows, columns}, (int64_t[]){1, 1});
    Node *right = build_slice(g, x, (int64_t[]){0, 2 * columns - 1}, (int64_t[]){rows, columns},
                              (int64_t[]){1, -1});
    square_loss(g, map2(g, OP_mul, left, map1(g, OP_sigmoid, right)));
}

static void build_reshaped(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = dense(m, g, matrix_input(m, g, "x", rows, columns), "a", 6 * columns);
    Type cube = f32_type(3, (int64_t[]){rows, 6, columns});
    cube.batch_axis = 0;
    Node *turned = build_permute(g, build_reshape(g, x, cube), (int64_t[]){0, 2, 1});
    Type flat = batched(f32_type(2, (int64_t[]){rows, 6 * columns}));
    square_loss(g, dense(m, g, build_reshape(g, map1(g, OP_relu, turned), flat), "b", 9));
}

static void build_concat(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = matrix_input(m, g, "x", rows, columns);
    Node *parts[] = {map1(g, OP_tanh, dense(m, g, x, "a", columns)), dense(m, g, x, "b", 3)};
    const Attr axis = attr_int(1);
    square_loss(g, map1(g, OP_softplus, make(g, OP_concat, 2, parts, &axis)));
}

/* ---- running ---- */

static const Case cases[] = {
    {"dense_tanh", build_dense_tanh, 5, 3},
    {"dense_tanh", build_dense_tanh, 33, 17},
    {"dense_tanh", build_dense_tanh, 64, 128},
    {"dense_tanh", build_dense_tanh, 1031, 61}, /* the sum of the weight gradient in stretches */
    {"one_wide", build_one_wide, 9, 10},
    {"layer_norm", build_layer_norm, 4, 13},
    {"layer_norm", build_layer_norm, 7, 64},
    {"layer_norm", build_layer_norm, 3, 1},
    {"softmax", build_softmax, 6, 10},
    {"softmax", build_softmax, 5, 37},
    {"gelu", build_gelu, 11, 19},
    {"cross_entropy", build_cross_entropy, 12, 10},
    {"cross_entropy", build_cross_entropy, 3, 33},
    {"column_norm", build_column_norm, 13, 21},
    {"largest", build_largest, 8, 23},
    {"slices", build_slices, 4, 11},
    {"reshaped", build_reshaped, 6, 5},
    {"concat", build_concat, 7, 12},
    {"whole_numbers", build_whole_numbers, 5, 37},
    {"whole_numbers", build_whole_numbers, 3, 6},
    {"between", build_between, 9, 21},
    {"between", build_between, 6, 64},
};

static void add_case(Suite *s, const Case *c)
{
    Module *m = module_new(s->arena, c->name);
    m->source_name = "test.nn";
    Graph *g = graph_new(s->arena, "train", c->rows);
    vec_push(s->arena, m->entries, g);
    c->build(m, g, c->rows, c->columns);
    const PassOptions options = {.verify = true};
    const char *wrong = passes_run(m, &options);
    if (wrong) fail_msg("%s: %s", c->name, wrong);
    const char *name = arena_printf(s->arena, "%s %dx%d", c->name, (int)c->rows, (int)c->columns);
    suite_add(s, m, name);
}

static void models(void **state)
{
    Suite s = suite_begin(*state, "lower", "-O1");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) add_case(&s, &cases[i]);
    suite_end(&s, 2e-5);
}

/* An argument chooses tests: "*avx2". */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {ON_EVERY_TARGET(models)};
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("lowering", tests, NULL, NULL);
}
