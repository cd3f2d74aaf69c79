/* Windows in generated code against the interpreter, over a grid of odd shapes, forward and
 * backward, on every target of this machine. Each model is a 1x1 convolution, the operation under
 * test, its activation: so that gradients of both operands and a fused epilogue occur. */
#include "generated_check.h"
#include "passes/pass.h"

/* in channels, out channels; over one or two axes: extents, taps, stride, padding before and after,
 * dilation */
typedef struct Case {
    Op op;
    int64_t rows, ins, outs, groups;
    int axes;
    int64_t in[2], taps[2], stride[2], before[2], after[2], dilation[2];
} Case;

static const Case cases[] = {
    {OP_conv, 3, 5, 7, 1, 1, {11}, {3}, {1}, {1}, {1}, {1}},
    {OP_conv, 2, 16, 16, 1, 2, {8, 8}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {OP_conv, 3, 3, 17, 1, 2, {5, 33}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {OP_conv, 2, 8, 32, 1, 2, {9, 7}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
    {OP_conv, 2, 4, 6, 2, 2, {10, 11}, {3, 2}, {3, 2}, {2, 0}, {0, 1}, {1, 1}},
    {OP_conv, 2, 6, 6, 3, 2, {7, 9}, {2, 3}, {1, 1}, {0, 2}, {1, 2}, {2, 2}},
    {OP_conv, 2, 19, 19, 19, 2, {6, 6}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {OP_conv, 2, 5, 5, 5, 2, {9, 8}, {3, 3}, {2, 3}, {1, 0}, {0, 2}, {1, 2}},
    {OP_conv, 2, 4, 12, 4, 2, {5, 5}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {OP_conv, 1, 33, 20, 1, 2, {4, 3}, {1, 1}, {1, 1}, {0, 0}, {0, 0}, {1, 1}},
    {OP_conv, 3, 7, 9, 1, 2, {5, 6}, {1, 1}, {2, 3}, {0, 0}, {0, 0}, {1, 1}},
    {OP_conv, 2, 2, 3, 1, 2, {1, 13}, {1, 5}, {1, 3}, {0, 2}, {0, 1}, {1, 1}},
    {OP_conv, 2, 2, 3, 1, 2, {13, 1}, {5, 1}, {2, 1}, {3, 0}, {1, 0}, {1, 1}},
    {OP_conv, 2, 3, 4, 1, 2, {7, 7}, {2, 2}, {3, 3}, {-1, 0}, {0, -2}, {1, 1}},
    {OP_conv, 2, 2, 33, 1, 2, {9, 7}, {5, 5}, {1, 2}, {2, 2}, {2, 1}, {1, 1}},
    {OP_conv, 4, 1, 16, 1, 2, {28, 28}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {OP_conv, 5, 16, 24, 1, 2, {8, 12}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}}, /* Winograd's form,
                                                                                    odd blocks */
    {OP_conv, 2, 33, 17, 1, 2, {8, 4}, {3, 3}, {1, 1}, {0, 2}, {2, 0}, {1, 1}},
    {OP_conv, 1, 64, 48, 1, 2, {16, 16}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {OP_conv, 3, 16, 16, 1, 2, {6, 10}, {3, 3}, {1, 1}, {0, 0}, {0, 0}, {1, 1}},
    {OP_conv, 9, 16, 16, 1, 2, {4, 4}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    /* its tiles overlap */
    {OP_conv, 5, 16, 32, 1, 2, {14, 14}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {OP_conv, 2, 32, 48, 1, 2, {5, 9}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {OP_conv, 2, 33, 40, 1, 2, {9, 7}, {3, 3}, {1, 1}, {0, 2}, {2, 0}, {1, 1}},
    {OP_conv, 2, 40, 33, 1, 2, {8, 11}, {3, 3}, {1, 1}, {0, 1}, {0, 1}, {1, 1}},
    {OP_conv, 40, 24, 8, 1, 2, {12, 12}, {3, 3}, {1, 1}, {1, 1}, {1, 1}, {1, 1}},
    {OP_conv_input, 2, 6, 10, 1, 2, {5, 4}, {3, 3}, {2, 2}, {1, 1}, {1, 0}, {1, 1}},
    {OP_conv_input, 2, 4, 8, 2, 1, {9}, {4}, {3}, {2}, {1}, {2}},
    {OP_window_sum, 2, 5, 5, 1, 2, {7, 9}, {2, 3}, {2, 3}, {0, 0}, {0, 0}, {1, 1}},
    {OP_window_sum, 2, 19, 19, 1, 2, {8, 5}, {3, 3}, {2, 1}, {1, 1}, {1, 0}, {1, 2}},
    {OP_window_spread, 2, 4, 4, 1, 2, {4, 5}, {3, 2}, {2, 3}, {1, 0}, {0, 0}, {1, 1}},
    {OP_max_pick, 2, 16, 16, 1, 2, {8, 6}, {2, 2}, {2, 2}, {0, 0}, {0, 0}, {1, 1}},
    {OP_max_pick, 3, 5, 5, 1, 2, {9, 7}, {3, 3}, {2, 2}, {1, 1}, {1, 1}, {1, 1}},
    {OP_max_pick, 2, 3, 3, 1, 1, {17}, {3}, {4}, {1}, {2}, {2}},
    {OP_max_pick, 2, 20, 20, 1, 2, {5, 7}, {2, 3}, {2, 3}, {0, 0}, {0, 0}, {1, 1}},
    {OP_max_pick, 3, 20, 20, 1, 2, {6, 9}, {2, 3}, {2, 3}, {0, 0}, {0, 0}, {1, 1}},
    {OP_max_pick, 2, 5, 5, 1, 2, {7, 8}, {2, 2}, {2, 2}, {1, 0}, {0, 0}, {1, 1}},
    {OP_max_pick, 2, 33, 33, 1, 1, {22}, {11}, {11}, {0}, {0}, {1}},
};

static Node *input(Module *m, Graph *g, const Case *c, int64_t channels)
{
    int64_t dim[4] = {c->rows, channels, c->in[0], c->in[1]};
    const Type type = batched(f32_type(2 + c->axes, dim));
    const Attr attr = attr_text("x");
    vec_push(m->arena, m->decls, ((TensorDecl){.name = "x", .type = type}));
    return graph_leaf(g, OP_input, type, &attr, m->decls.count - 1, (Origin){.name = "x"});
}

static Node *biased(Module *m, Graph *g, Node *x, const char *name)
{
    int64_t dim[4] = {x->type.dim[1], 1, 1, 1};
    Node *bias = param_node(m, g, name, f32_type(1, dim));
    return map2(g, OP_add, x, build_reshape(g, bias, f32_type(x->type.rank - 1, dim)));
}

static Node *pointwise(Module *m, Graph *g, Node *x, int64_t outs)
{
    const int axes = x->type.rank - 2;
    int64_t dim[4] = {outs, x->type.dim[1], 1, 1}, ones[2] = {1, 1}, zeros[4] = {0};
    Attr attrs[MAX_ATTRS] = {attr_ints(ones, axes), attr_ints(zeros, 2 * axes),
                             attr_ints(ones, axes), attr_int(1)};
    Node *w = param_node(m, g, "mix.weight", f32_type(2 + axes, dim));
    return make(g, OP_conv, 2, (Node *[]){x, w}, attrs);
}

static Node *tested(Module *m, Graph *g, const Case *c, Node *x)
{
    int64_t padding[4], dim[4] = {c->outs, c->ins / c->groups, c->taps[0], c->taps[1]};
    for (int i = 0; i < c->axes; i++) {
        padding[i] = c->before[i];
        padding[c->axes + i] = c->after[i];
    }
    const bool weights = c->op == OP_conv || c->op == OP_conv_input;
    Attr attrs[MAX_ATTRS] = {attr_ints(c->stride, c->axes), attr_ints(padding, 2 * c->axes),
                             attr_ints(c->dilation, c->axes),
                             weights ? attr_int(c->groups) : attr_ints(c->taps, c->axes)};
    Node *inputs[] = {x, x};
    if (c->op == OP_conv_input) {
        dim[0] = c->ins;
        dim[1] = c->outs / c->groups;
    }
    if (weights) inputs[1] = param_node(m, g, "weight", f32_type(2 + c->axes, dim));
    return make(g, c->op, op_row(c->op)->arity, inputs, attrs);
}

/* The loss: sum over everything of y * y / 2, divided by the number of rows. */
static void finish(Graph *g, Node *y)
{
    graph_output(g, OUT_OUTPUT, "out", y, -1);
    Node *half = build_fill(g, type_scalar(DT_F32), 0.5);
    Node *square = map2(g, OP_mul, map2(g, OP_mul, y, y), half);
    Node *sum = build_reduce(g, OP_sum, square, (int64_t[]){0, 1, 2, 3}, y->type.rank);
    Node *count = graph_leaf(g, OP_count, type_scalar(DT_F32), NULL, -1, (Origin){0});
    Node *total = build_reshape(g, sum, type_scalar(DT_F32));
    graph_output(g, OUT_LOSS, "loss", map2(g, OP_div, total, count), -1);
}

static void add_case(Suite *s, int number, bool strict)
{
    const Case *c = &cases[number];
    Module *m = module_new(s->arena, "window");
    m->source_name = "test.nn";
    m->strict = strict;
    Graph *g = graph_new(s->arena, "train", c->rows);
    vec_push(s->arena, m->entries, g);
    Node *x =
        map1(g, OP_tanh, biased(m, g, pointwise(m, g, input(m, g, c, 3), c->ins), "mix.bias"));
    finish(g, map1(g, OP_sigmoid, biased(m, g, tested(m, g, c, x), "bias")));
    const PassOptions options = {.verify = true};
    const char *wrong = passes_run(m, &options);
    if (wrong) fail_msg("%d: %s", number, wrong);
    suite_add(s, m, arena_printf(s->arena, "%s, case %d", op_row(c->op)->name, number));
}

/* What may take Winograd's form. */
static bool may_transform(const Case *c)
{
    return c->op == OP_conv && c->taps[0] == 3 && c->taps[1] == 3 && c->ins >= 16 && c->outs >= 16;
}

static void windows(void **state)
{
    Suite s = suite_begin(*state, "windows", "-O1");
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++) add_case(&s, i, true);
    suite_end(&s, 2e-5);
}

static void transformed(void **state)
{
    Suite s = suite_begin(*state, "transformed", "-O1");
    for (int i = 0; i < (int)(sizeof cases / sizeof *cases); i++)
        if (may_transform(&cases[i])) add_case(&s, i, false);
    suite_end(&s, 2e-5);
}

/* An argument chooses tests: "*avx2". */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {ON_EVERY_TARGET(windows), ON_EVERY_TARGET(transformed)};
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("windows in generated code", tests, NULL, NULL);
}
