/* Fused kernels against the interpreter: compositions at odd shapes, forward and backward, on every target of this machine. */
#include "native_check.h"

#include "target/target.h"

static const char flags[] = "-O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror";

typedef struct Case { const char *name; void (*build)(Module *m, Graph *g, int64_t rows, int64_t columns); int64_t rows, columns; } Case;

/* ---- pieces ---- */

static Node *matrix_input(Module *m, Graph *g, const char *name, int64_t rows, int64_t columns)
{
    const Type type = batched(f32_type(2, (int64_t[]){rows, columns}));
    vec_push(m->arena, m->decls, ((TensorDecl){.name = name, .type = type}));
    const Attr attr = attr_text(name);
    Node *node = graph_leaf(g, OP_input, type, &attr, m->decls.count - 1, (Origin){.name = name});
    return node;
}

static Node *label_input(Module *m, Graph *g, int64_t rows, int64_t limit)
{
    Type type = type_make(DT_I32, 1, &rows);
    type.batch_axis = 0;
    vec_push(m->arena, m->decls, ((TensorDecl){.name = "label", .type = type, .is_target = true, .limit = limit}));
    const Attr attr = attr_text("label");
    Node *node = graph_leaf(g, OP_input, type, &attr, m->decls.count - 1, (Origin){.name = "label"});
    return node;
}

static Node *vector_param(Module *m, Graph *g, const char *name, int64_t n)
{
    return param_node(m, g, name, f32_type(1, &n));
}

static Node *constant(Graph *g, double value) { return build_fill(g, type_scalar(DT_F32), value); }

static Node *dense(Module *m, Graph *g, Node *x, const char *name, int64_t out)
{
    Node *w = param_node(m, g, arena_printf(m->arena, "%s.weight", name), f32_type(2, (int64_t[]){out, x->type.dim[1]}));
    Node *b = vector_param(m, g, arena_printf(m->arena, "%s.bias", name), out);
    Node *y = build_contract(g, x, (int64_t[]){0, 2}, w, (int64_t[]){1, 2}, (int64_t[]){0, 1}, 2);
    return map2(g, OP_add, y, b);
}

static Node *row_mean(Graph *g, Node *x)
{
    Node *sum = build_reduce(g, OP_sum, x, (int64_t[]){1}, 1);
    return map2(g, OP_mul, sum, constant(g, 1.0 / (double)x->type.dim[1]));
}

/* The loss: sum over everything of x * x / 2, divided by the number of rows. */
static void finish(Graph *g, Node *x)
{
    graph_output(g, OUT_OUTPUT, "out", x, -1);
    Node *square = map2(g, OP_mul, map2(g, OP_mul, x, x), constant(g, 0.5));
    int64_t axes[MAX_RANK];
    for (int i = 0; i < x->type.rank; i++) axes[i] = i;
    Node *total = build_reshape(g, build_reduce(g, OP_sum, square, axes, x->type.rank), type_scalar(DT_F32));
    Node *count = graph_leaf(g, OP_count, type_scalar(DT_F32), NULL, -1, (Origin){0});
    graph_output(g, OUT_LOSS, "loss", map2(g, OP_div, total, count), -1);
}

/* ---- models ---- */

static void build_dense_tanh(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = matrix_input(m, g, "x", rows, columns);
    finish(g, dense(m, g, map1(g, OP_tanh, dense(m, g, x, "a", 2 * columns + 1)), "b", columns));
}

static void build_one_wide(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = matrix_input(m, g, "x", rows, columns);
    finish(g, dense(m, g, map1(g, OP_sigmoid, dense(m, g, x, "a", 5)), "b", 1));
}

static void build_layer_norm(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = dense(m, g, matrix_input(m, g, "x", rows, columns), "a", columns);
    const Attr attrs[] = {attr_ints((int64_t[]){1}, 1), attr_int(0)};
    Node *centred = map2(g, OP_sub, x, row_mean(g, x));
    Node *variance = make(g, OP_variance, 1, &x, attrs);
    Node *scaled = map2(g, OP_mul, centred, map1(g, OP_rsqrt, map2(g, OP_add, variance, constant(g, 1e-5))));
    Node *y = map2(g, OP_add, map2(g, OP_mul, scaled, vector_param(m, g, "weight", columns)), vector_param(m, g, "bias", columns));
    finish(g, y);
}

static void build_softmax(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = dense(m, g, matrix_input(m, g, "x", rows, columns), "a", columns);
    Node *lse = build_reduce(g, OP_logsumexp, x, (int64_t[]){1}, 1);
    finish(g, map1(g, OP_exp, map2(g, OP_sub, x, lse)));
}

static void build_gelu(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = dense(m, g, matrix_input(m, g, "x", rows, columns), "a", columns);
    finish(g, map2(g, OP_mul, x, map1(g, OP_normal_cdf, x)));
}

static void build_cross_entropy(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = dense(m, g, matrix_input(m, g, "x", rows, 7), "a", columns), *label = label_input(m, g, rows, columns);
    const Attr limit = attr_int(columns), axis = attr_int(0);
    Node *checked = make(g, OP_checked, 1, &label, &limit);
    Type column = type_make(DT_I32, 2, (int64_t[]){rows, 1});
    column.batch_axis = 0;
    Node *index = graph_leaf(g, OP_iota, type_make(DT_I32, 1, &columns), &axis, -1, (Origin){0});
    Node *hit = map2(g, OP_eq, build_reshape(g, checked, column), index);
    Node *picked = build_map(g, OP_select, 3, (Node *[]){hit, x, constant(g, 0)});
    Node *each = map2(g, OP_sub, build_reduce(g, OP_logsumexp, x, (int64_t[]){1}, 1),
                      build_reduce(g, OP_sum, picked, (int64_t[]){1}, 1));
    Node *total = build_reshape(g, build_reduce(g, OP_sum, each, (int64_t[]){0, 1}, 2), type_scalar(DT_F32));
    Node *count = graph_leaf(g, OP_count, type_scalar(DT_F32), NULL, -1, (Origin){0});
    graph_output(g, OUT_OUTPUT, "logits", x, -1);
    graph_output(g, OUT_LOSS, "loss", map2(g, OP_div, total, count), -1);
}

static void build_column_norm(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = dense(m, g, matrix_input(m, g, "x", rows, columns), "a", columns);
    const Attr attrs[] = {attr_ints((int64_t[]){0}, 1), attr_int(0)};
    Node *variance = make(g, OP_variance, 1, &x, attrs);
    finish(g, map2(g, OP_mul, x, map1(g, OP_rsqrt, map2(g, OP_add, variance, constant(g, 0.1)))));
}

static void build_largest(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = dense(m, g, matrix_input(m, g, "x", rows, columns), "a", columns);
    Node *top = build_reduce(g, OP_reduce_max, x, (int64_t[]){1}, 1);
    Node *at = build_reduce(g, OP_argmax, x, (int64_t[]){1}, 1);
    graph_output(g, OUT_OUTPUT, "at", at, -1);
    finish(g, map2(g, OP_sub, x, top));
}

static void build_slices(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = dense(m, g, matrix_input(m, g, "x", rows, columns), "a", 2 * columns);
    Node *left = build_slice(g, x, (int64_t[]){0, 0}, (int64_t[]){rows, columns}, (int64_t[]){1, 1});
    Node *right = build_slice(g, x, (int64_t[]){0, 2 * columns - 1}, (int64_t[]){rows, columns}, (int64_t[]){1, -1});
    finish(g, map2(g, OP_mul, left, map1(g, OP_sigmoid, right)));
}

static void build_reshaped(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = dense(m, g, matrix_input(m, g, "x", rows, columns), "a", 6 * columns);
    Type cube = f32_type(3, (int64_t[]){rows, 6, columns});
    cube.batch_axis = 0;
    Node *turned = build_permute(g, build_reshape(g, x, cube), (int64_t[]){0, 2, 1});
    Type flat = batched(f32_type(2, (int64_t[]){rows, 6 * columns}));
    finish(g, dense(m, g, build_reshape(g, map1(g, OP_relu, turned), flat), "b", 9));
}

static void build_concat(Module *m, Graph *g, int64_t rows, int64_t columns)
{
    Node *x = matrix_input(m, g, "x", rows, columns);
    Node *parts[] = {map1(g, OP_tanh, dense(m, g, x, "a", columns)), dense(m, g, x, "b", 3)};
    const Attr axis = attr_int(1);
    finish(g, map1(g, OP_softplus, make(g, OP_concat, 2, parts, &axis)));
}

/* ---- running ---- */

static const Case cases[] = {
    {"dense_tanh", build_dense_tanh, 5, 3},      {"dense_tanh", build_dense_tanh, 33, 17},   {"dense_tanh", build_dense_tanh, 64, 128},
    {"one_wide", build_one_wide, 9, 10},         {"layer_norm", build_layer_norm, 4, 13},     {"layer_norm", build_layer_norm, 7, 64},
    {"layer_norm", build_layer_norm, 3, 1},      {"softmax", build_softmax, 6, 10},          {"softmax", build_softmax, 5, 37},
    {"gelu", build_gelu, 11, 19},                {"cross_entropy", build_cross_entropy, 12, 10},
    {"cross_entropy", build_cross_entropy, 3, 33},                                           {"column_norm", build_column_norm, 13, 21},
    {"largest", build_largest, 8, 23},           {"slices", build_slices, 4, 11},            {"reshaped", build_reshaped, 6, 5},
    {"concat", build_concat, 7, 12},
};

static void run_case(const Case *c, const Target *target)
{
    Arena *arena = arena_new();
    Module *m = module_new(arena, c->name);
    m->source_name = "test.nn";
    Graph *g = graph_new(arena, "train", c->rows);
    vec_push(arena, m->entries, g);
    c->build(m, g, c->rows, c->columns);
    const PassOptions options = {.verify = true};
    const char *wrong = passes_run(m, &options);
    if (wrong) fail_msg("%s: %s", c->name, wrong);
    const char *label = arena_printf(arena, "%s %lldx%lld on %s", c->name, (long long)c->rows, (long long)c->columns, target->name);
    check_native(arena, m, target, flags, label, 2e-5);
    arena_free(arena);
}

static void on_target(const char *name)
{
    const Target *target = target_find(name), *native = target_find("native");
    if (target->width > native->width) {
        print_message("[  SKIPPED ] this processor lacks %s\n", name);
        skip();
    }
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) run_case(&cases[i], target);
}

static void test_scalar(void **state)
{
    (void)state;
    on_target("scalar");
}

static void test_avx2(void **state)
{
    (void)state;
    on_target("avx2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scalar), cmocka_unit_test(test_avx2)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
