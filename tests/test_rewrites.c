/* Every rule of ops/rewrites.def: both sides have the same value, and simplification turns the
 * one into something no larger than the other. */
#include <math.h>

#include "graphs.h"
#include "interp/interp.h"
#include "ops/formula.h"
#include "passes/pass.h"

static const struct { const char *pattern, *replacement; } rules[] = {
#define RULE(pattern, replacement) {pattern, replacement},
#define REAL(pattern, replacement) {pattern, replacement},
#include "ops/rewrites.def"
#undef RULE
#undef REAL
};
enum { RULES = sizeof rules / sizeof *rules };

/* The names of one rule as nodes of a graph: a, b and c inputs, k and m constants. */
typedef struct Names { Graph *graph; Node *of[26]; } Names;

static bool takes_bool(Op op, int argument)
{
    return op == OP_not || (op == OP_select && argument == 0);
}

static Node *leaf(Names *names, char name, DType dtype)
{
    Node **node = &names->of[name - 'a'];
    Type type = type_make(dtype, DIMS(2));
    static const char *const spelled[] = {"a", "b", "c"};
    if (*node) return *node;
    if (name == 'k' || name == 'm')
        *node = build_fill(names->graph, type, name == 'k' ? 3.0 : -0.75);
    else *node = input_node(names->graph, spelled[name - 'a'], type);
    return *node;
}

static Node *build(Names *names, const Formula *f, DType dtype)
{
    Type type = type_make(dtype, DIMS(2));
    if (f->kind == FORMULA_NUMBER) return build_fill(names->graph, type, f->number);
    if (f->kind == FORMULA_NAME) return leaf(names, f->name, dtype);
    Node *args[3];
    for (int i = 0; i < f->arg_count; i++)
        args[i] = build(names, f->args[i], takes_bool(f->op, i) ? DT_BOOL : dtype);
    return build_map(names->graph, f->op, f->arg_count, args);
}

/* What a rule is about: the type that its outermost operation takes. */
static DType dtype_of(const char *pattern)
{
    if (strstr(pattern, "logical_") == pattern) return DT_BOOL;
    return strstr(pattern, "to_i32") == pattern ? DT_I32 : DT_F32;
}

static Graph *side(Module *module, const char *name, const char *pattern, const char *text)
{
    Graph *graph = graph_new(module->arena, name, 1);
    Names names = {.graph = graph};
    build(&names, formula_parse(module->arena, pattern), dtype_of(pattern));
    Node *y = build(&names, formula_parse(module->arena, text), dtype_of(pattern));
    graph_output(graph, OUT_OUTPUT, "y", y, -1);
    vec_push(module->arena, module->entries, graph);
    return graph;
}

/* Positive values, because a rule may hold a square root. */
static Tensor evaluate(const Module *module, const Graph *graph)
{
    Tensor *inputs = arena_array(module->arena, Tensor, graph->inputs.count + 1), y;
    for (int i = 0; i < graph->inputs.count; i++) {
        inputs[i] = tensor_new(module->arena, graph->inputs.at[i]->type);
        tensor_set(&inputs[i], 0, 0.7 + 0.6 * i);
        tensor_set(&inputs[i], 1, i == 0 ? 0.0 : 2.3 - 0.6 * i);
    }
    Interp interp = {.module = module};
    const char *error = interp_run(&interp, module->arena, graph, inputs, 1, &y);
    if (error) fail_msg("%s", error);
    return y;
}

static bool agree(double a, double b)
{
    return a == b || fabs(a - b) <= 1e-6 * (1.0 + fabs(a));
}

/* At 0, quotients by it are the one thing that a rule may change. */
static void assert_same(const char *rule, const Tensor *a, const Tensor *b)
{
    for (int64_t e = 0; e < 2; e++) {
        double left = tensor_get(a, e), right = tensor_get(b, e);
        if (isnan(left) && e == 1) continue;
        if (!agree(left, right)) fail_msg("%s: %g is not %g", rule, left, right);
    }
}

static void check_rule(const char *pattern, const char *replacement)
{
    Arena *arena = arena_new();
    Module *module = module_new(arena, "rules");
    Graph *before = side(module, "before", pattern, pattern);
    Graph *after = side(module, "after", pattern, replacement);
    Graph *simple = side(module, "simple", pattern, pattern);
    pass_simplify(module, simple);
    pass_drop_dead(module, simple);
    pass_drop_dead(module, after);
    const char *wrong = module_verify(arena, module);
    if (wrong) fail_msg("%s", wrong);
    Tensor y = evaluate(module, before), expected = evaluate(module, after),
           got = evaluate(module, simple);
    assert_same(pattern, &y, &expected);
    assert_same(pattern, &y, &got);
    if (simple->nodes.count > after->nodes.count) fail_msg("%s is not simplified", pattern);
    arena_free(arena);
}

static void every_rule_holds(void **state)
{
    (void)state;
    for (int i = 0; i < RULES; i++) check_rule(rules[i].pattern, rules[i].replacement);
}

/* Common factors are taken out of sums (ops/factor.c), of the first products of a sum of several,
 * too; but not one where another operation would be left. */
static void common_factors_are_taken_out(void **state)
{
    (void)state;
    check_rule("a * b + a * c", "a * (b + c)");
    check_rule("b * a - c * a", "a * (b - c)");
    check_rule("a * b * c + 3 * a * c", "c * a * (b + 3)");
    check_rule("a * b + a * b * c", "b * a * (c + 1)");
    check_rule("a * exp(b) + a * b + a * c", "a * (exp(b) + b + c)");
    check_rule("a * b + a", "a * b + a");
    check_rule("a * 3 + b * 3", "a * 3 + b * 3");
}

/* ---- what no formula says ---- */

static Graph *new_graph(Module *module)
{
    Graph *g = graph_new(module->arena, "infer", 1);
    vec_push(module->arena, module->entries, g);
    return g;
}

static const char *simplified(Module *module, Graph *g, Node *y)
{
    graph_output(g, OUT_OUTPUT, "y", y, -1);
    pass_simplify(module, g);
    pass_drop_dead(module, g);
    assert_null(module_verify(module->arena, module));
    Text text = text_new(module->arena);
    graph_print(&text, module, g);
    return text.at;
}

static void views_are_composed(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *module = module_new(arena, "m");
    Graph *g = new_graph(module);
    Node *x = input_node(g, "x", f32_type(DIMS(4, 6)));
    Node *y = build_permute(g, build_permute(g, x, (int64_t[]){1, 0}), (int64_t[]){1, 0});
    y = build_slice(g, y, (int64_t[]){3, 1}, (int64_t[]){4, 5}, (int64_t[]){-1, 1});
    y = build_slice(g, y, (int64_t[]){1, 4}, (int64_t[]){2, 2}, (int64_t[]){2, -2});
    y = build_reshape(g, build_reshape(g, y, f32_type(DIMS(4))), f32_type(DIMS(1, 4)));
    assert_string_equal(simplified(module, g, y),
                        "graph infer batch=1 {\n"
                        "    x: f32[4, 6] = input\n"
                        "    %1: f32[2, 2] = slice x start=[2, 5] size=[2, 2] step=[-2, -2]\n"
                        "    %2: f32[1, 4] = reshape %1\n"
                        "    output y = %2\n"
                        "}\n");
    arena_free(arena);
}

static void equal_nodes_are_one(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *module = module_new(arena, "m");
    Graph *g = new_graph(module);
    Node *x = input_node(g, "x", f32_type(DIMS(3)));
    Node *y = map2(g, OP_mul, map1(g, OP_exp, x), map1(g, OP_exp, x));
    Node *sum = build_reduce(g, OP_sum,
                             build_broadcast(g, build_fill(g, type_scalar(DT_F32), 2.0), x->type),
                             (int64_t[]){0}, 1);
    assert_string_equal(simplified(module, g, map2(g, OP_add, y, sum)),
                        "graph infer batch=1 {\n"
                        "    x: f32[3] = input\n"
                        "    %1: f32[3] = exp x\n"
                        "    %2: f32[3] = mul %1, %1\n"
                        "    %3: f32[3] = fill value=6.0\n"
                        "    %4: f32[3] = add %2, %3\n"
                        "    output y = %4\n"
                        "}\n");
    arena_free(arena);
}

static void neighbours_are_joined(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *module = module_new(arena, "m");
    Graph *g = new_graph(module);
    Node *part[3], *sum = NULL;
    static const char *const names[] = {"a", "b", "c"};
    for (int i = 0; i < 3; i++) {
        part[i] = input_node(g, names[i], f32_type(DIMS(2)));
        Node *wide = build_pad(g, part[i], (int64_t[]){2 * i}, (int64_t[]){6 - 2 * i}, 0.0);
        sum = sum ? map2(g, OP_add, wide, sum) : wide;
    }
    assert_string_equal(simplified(module, g, sum),
                        "graph infer batch=1 {\n"
                        "    a: f32[2] = input\n"
                        "    b: f32[2] = input\n"
                        "    c: f32[2] = input\n"
                        "    %3: f32[6] = concat a, b, c\n"
                        "    %4: f32[8] = pad %3 before=[0] after=[2] value=0.0\n"
                        "    output y = %4\n"
                        "}\n");
    arena_free(arena);
}

/* What is left of `an index along 3 OP the constant`: 0, 1, or -1 for the comparison itself. */
static int left_of(Op op, double constant, bool turned)
{
    Arena *arena = arena_new();
    Module *module = module_new(arena, "m");
    Graph *g = new_graph(module);
    const Attr axis = attr_int(0);
    const int64_t extent = 3;
    Node *index = graph_leaf(g, OP_iota, type_make(DT_I32, 1, &extent), &axis, -1, (Origin){0});
    Node *limit = build_fill(g, index->type, constant);
    Node *y = turned ? map2(g, op, limit, index) : map2(g, op, index, limit);
    const char *text = simplified(module, g, map1(g, OP_to_f32, y));
    const int left = strstr(text, "iota") ? -1 : strstr(text, "fill value=1.0") ? 1 : 0;
    if (left == 0) assert_non_null(strstr(text, "fill value=0.0"));
    arena_free(arena);
    return left;
}

static void comparisons_of_indices_are_known(void **state)
{
    (void)state;
    static const struct { Op op; int left[5]; } cases[] = {
        {OP_lt, {0, 0, -1, 1, 1}}, {OP_le, {0, -1, 1, 1, 1}}, {OP_gt, {1, -1, 0, 0, 0}},
        {OP_ge, {1, 1, -1, 0, 0}}, {OP_eq, {0, -1, -1, 0, 0}}, {OP_ne, {1, -1, -1, 1, 1}},
    };
    static const double constants[] = {-1, 0, 2, 3, 4};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (int k = 0; k < 5; k++)
            assert_int_equal(left_of(cases[i].op, constants[k], false), cases[i].left[k]);
    assert_int_equal(left_of(OP_gt, 0, true), 0);
    assert_int_equal(left_of(OP_gt, 3, true), 1);
    assert_int_equal(left_of(OP_gt, 2, true), -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rule_holds),
        cmocka_unit_test(common_factors_are_taken_out),
        cmocka_unit_test(views_are_composed),
        cmocka_unit_test(equal_nodes_are_one),
        cmocka_unit_test(neighbours_are_joined),
        cmocka_unit_test(comparisons_of_indices_are_known),
    };
    return cmocka_run_group_tests_name("rewrites", tests, NULL, NULL);
}
