/* Passes over small training graphs: that they keep every value, that simplification leaves
 * nothing to do, and which values the forward part keeps for the backward part. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "graphs.h"
#include "interp/interp.h"
#include "ops/random.h"
#include "ops/scan.h"
#include "base/mincut.h"
#include "passes/pass.h"

enum { BATCH = 4, COUNT = 3, WIDTH = 6 };

/* A train entry under construction: x [BATCH, WIDTH] and label [BATCH] go in. */
typedef struct Train {
    Arena *arena;
    Module *module;
    Graph *g;
    Node *x, *label;
} Train;

static Train train_new(void)
{
    Train t = {.arena = arena_new()};
    t.module = module_new(t.arena, "net");
    t.g = graph_new(t.arena, "train", BATCH);
    vec_push(t.arena, t.module->entries, t.g);
    t.x = input_node(t.g, "x", batched(f32_type(DIMS(BATCH, WIDTH))));
    t.label = input_node(t.g, "label", batched(type_make(DT_I32, DIMS(BATCH))));
    return t;
}

static Node *number(const Train *t, double value)
{
    return build_fill(t->g, type_scalar(DT_F32), value);
}

static Node *named(Node *node, const char *name)
{
    node->name = name;
    return node;
}

/* x w^T, with w [out, in] a parameter */
static Node *dense(Train *t, Node *x, const char *name, int64_t out)
{
    Node *w = param_node(t->module, t->g, name, f32_type(DIMS(out, x->type.dim[1])));
    return build_contract(t->g, x, (int64_t[]){0, 1}, w, (int64_t[]){2, 1}, (int64_t[]){0, 2}, 2);
}

static Node *mean_of_rows(Train *t, Node *rows)
{
    int64_t axes[] = {0, 1};
    Node *sum = build_reduce(t->g, OP_sum, rows, axes, rows->type.rank);
    Node *count = graph_leaf(t->g, OP_count, type_scalar(DT_F32), NULL, -1, (Origin){0});
    return map2(t->g, OP_div, build_reshape(t->g, sum, type_scalar(DT_F32)), count);
}

/* mean(logsumexp(logits) - logits[label]) */
static void cross_entropy(Train *t, Node *logits)
{
    Graph *g = t->g;
    Type type = logits->type;
    Attr axis = attr_int(1), limit = attr_int(type.dim[1]);
    Type index = type;
    index.dtype = DT_I32;
    Node *checked = make(g, OP_checked, 1, &t->label, &limit);
    Node *column = build_reshape(g, checked, batched(type_make(DT_I32, DIMS(BATCH, 1))));
    Node *hit = map2(g, OP_eq, graph_leaf(g, OP_iota, index, &axis, -1, (Origin){0}), column);
    Node *zero = build_fill(g, type, 0.0);
    Node *picked = build_map(g, OP_select, 3, (Node *[]){hit, logits, zero});
    Node *pick = build_reduce(g, OP_sum, picked, (int64_t[]){1}, 1);
    Node *lse = named(build_reduce(g, OP_logsumexp, logits, (int64_t[]){1}, 1), "lse");
    graph_output(g, OUT_LOSS, "loss", mean_of_rows(t, map2(g, OP_sub, lse, pick)), -1);
    graph_output(g, OUT_OUTPUT, "logits", logits, -1);
}

static Node *mean_of_axis(Train *t, Node *x)
{
    Node *sum = build_reduce(t->g, OP_sum, x, (int64_t[]){1}, 1);
    return map2(t->g, OP_div, sum, number(t, (double)x->type.dim[1]));
}

static Node *layer_norm(Train *t, Node *x)
{
    Graph *g = t->g;
    Node *scale = param_node(t->module, g, "ln.weight", f32_type(DIMS(x->type.dim[1])));
    Node *shift = param_node(t->module, g, "ln.bias", f32_type(DIMS(x->type.dim[1])));
    Node *mean = named(mean_of_axis(t, x), "mean");
    Node *variance = named(build_reduce(g, OP_variance, x, (int64_t[]){1}, 1), "variance");
    Node *rstd = named(map1(g, OP_rsqrt, map2(g, OP_add, variance, number(t, 1e-5))), "rstd");
    Node *normal = named(map2(g, OP_mul, map2(g, OP_sub, x, mean), rstd), "normal");
    return named(map2(g, OP_add, map2(g, OP_mul, normal, scale), shift), "y");
}

/* x * sigmoid(2 u), u = 0.79788456 (x + 0.044715 x^3) */
static Node *gelu(Train *t, Node *x)
{
    Graph *g = t->g;
    Node *cube = map2(g, OP_mul, map2(g, OP_mul, x, x), x);
    Node *u = map2(g, OP_mul, map2(g, OP_add, x, map2(g, OP_mul, cube, number(t, 0.044715))),
                   number(t, 2 * 0.7978845608));
    Node *gate = named(map1(g, OP_sigmoid, u), "gate");
    return named(map2(g, OP_mul, x, gate), "y");
}

static Node *softmax(Train *t, Node *x)
{
    Node *lse = named(build_reduce(t->g, OP_logsumexp, x, (int64_t[]){1}, 1), "row_lse");
    return named(map1(t->g, OP_exp, map2(t->g, OP_sub, x, lse)), "p");
}

/* ---- the networks ---- */

static Node *activated(Train *t, Op op)
{
    Node *b = param_node(t->module, t->g, "fc1.bias", f32_type(DIMS(5)));
    Node *a = named(map2(t->g, OP_add, dense(t, t->x, "fc1", 5), b), "a");
    return named(map1(t->g, op, a), "y");
}

static void net_relu(Train *t)
{
    cross_entropy(t, named(dense(t, activated(t, OP_relu), "fc2", 3), "logits"));
}
static void net_tanh(Train *t)
{
    cross_entropy(t, named(dense(t, activated(t, OP_tanh), "fc2", 3), "logits"));
}

static void net_gelu(Train *t)
{
    Node *x = named(dense(t, t->x, "fc1", 5), "fc1_out");
    cross_entropy(t, named(dense(t, gelu(t, x), "fc2", 3), "logits"));
}

static void net_layer_norm(Train *t)
{
    Node *x = named(dense(t, t->x, "fc1", 5), "fc1_out");
    cross_entropy(t, named(dense(t, layer_norm(t, x), "fc2", 3), "logits"));
}

static void net_softmax(Train *t)
{
    Node *x = named(dense(t, t->x, "fc1", 5), "fc1_out");
    cross_entropy(t, named(dense(t, softmax(t, x), "fc2", 3), "logits"));
}

static void net_dropout(Train *t)
{
    Graph *g = t->g;
    Attr instance = attr_int(0);
    Node *x = named(map1(g, OP_relu, dense(t, t->x, "fc1", 5)), "h");
    Node *draw = named(graph_leaf(g, OP_uniform, x->type, &instance, -1, (Origin){0}), "draw");
    Node *keep = named(map2(g, OP_ge, draw, number(t, 0.25)), "keep");
    Node *scaled = map2(g, OP_div, x, number(t, 0.75));
    Node *y = named(
        build_map(g, OP_select, 3, (Node *[]){keep, scaled, build_fill(g, x->type, 0.0)}), "y");
    cross_entropy(t, named(dense(t, y, "fc2", 3), "logits"));
}

/* An LSTM over x as WIDTH steps of one feature, from the last step to the first if reverse; its
 * final h is classified. */
static Graph *lstm_cell(Arena *arena)
{
    Graph *g = graph_new(arena, "lstm", BATCH);
    Node *x = input_node(g, "x", batched(f32_type(DIMS(BATCH, 1))));
    Node *h = input_node(g, "h", batched(f32_type(DIMS(BATCH, 2))));
    Node *c = input_node(g, "c", batched(f32_type(DIMS(BATCH, 2))));
    Node *wx = input_node(g, "wx", f32_type(DIMS(8, 1))),
         *wh = input_node(g, "wh", f32_type(DIMS(8, 2)));
    Node *b = input_node(g, "b", f32_type(DIMS(8)));
    int64_t rows[] = {0, 1}, weight[] = {2, 1}, out[] = {0, 2}, one[] = {1, 1}, part[] = {BATCH, 2};
    Node *u = map2(g, OP_add, build_contract(g, x, rows, wx, weight, out, 2),
                   build_contract(g, h, rows, wh, weight, out, 2));
    Node *gates[4];
    u = map2(g, OP_add, u, b);
    for (int i = 0; i < 4; i++)
        gates[i] = map1(g, i == 2 ? OP_tanh : OP_sigmoid,
                        build_slice(g, u, (int64_t[]){0, 2 * i}, part, one));
    Node *kept = map2(g, OP_mul, gates[1], c), *added = map2(g, OP_mul, gates[0], gates[2]);
    Node *new_c = map2(g, OP_add, kept, added);
    Node *new_h = map2(g, OP_mul, gates[3], map1(g, OP_tanh, new_c));
    graph_output(g, OUT_YIELD, "h", new_h, -1);
    graph_output(g, OUT_YIELD, "c", new_c, -1);
    graph_output(g, OUT_YIELD, "y", new_h, -1);
    return g;
}

static void lstm(Train *t, bool reverse)
{
    Graph *g = t->g;
    Node *zeros = build_fill(g, batched(f32_type(DIMS(BATCH, 2))), 0.0);
    Node *steps = build_reshape(g, t->x, batched(f32_type(DIMS(BATCH, WIDTH, 1))));
    Node *inputs[] = {steps, zeros, zeros, param_node(t->module, g, "wx", f32_type(DIMS(8, 1))),
                      param_node(t->module, g, "wh", f32_type(DIMS(8, 2))),
                      param_node(t->module, g, "b", f32_type(DIMS(8)))};
    Attr attrs[MAX_ATTRS] = {attr_int(1), attr_int(2), attr_int(1), attr_int(reverse)};
    const char *error;
    Node *scan = graph_append_region(g, OP_scan, inputs, 6, attrs, lstm_cell(t->arena), (Origin){0},
                                     &error);
    assert_non_null(scan);
    Node *all = build_reduce(g, OP_sum, build_result(g, scan, 2), (int64_t[]){0}, 1);
    Node *h = map2(g, OP_add, build_result(g, scan, 0),
                   build_reshape(g, all, batched(f32_type(DIMS(BATCH, 2)))));
    cross_entropy(t, named(dense(t, named(h, "h"), "fc", 3), "logits"));
}

static void net_lstm(Train *t) { lstm(t, false); }
static void net_lstm_reversed(Train *t) { lstm(t, true); }

/* The forward values that nodes of the backward part read, leaves aside, in order of their
 * names; of gelu its slope, not its argument. */
static const struct { const char *name; void (*build)(Train *t); const char *kept; } nets[] = {
    {"relu", net_relu, "logits lse y"},
    {"tanh", net_tanh, "logits lse y"},
    {"gelu", net_gelu, "logits lse mul y"},
    {"layer_norm", net_layer_norm, "fc1_out logits lse mean rstd y"},
    {"softmax", net_softmax, "logits lse p"},
    {"dropout", net_dropout, "h logits lse y"},
    {"lstm", net_lstm, "h logits lse scan"},
    {"lstm_reversed", net_lstm_reversed, "h logits lse scan"},
};
enum { NETS = sizeof nets / sizeof *nets };

/* ---- running them ---- */

static Tensor *run(const Train *t)
{
    Interp interp = {.module = t->module, .seed = 3};
    interp.params = arena_array(t->arena, float *, t->module->params.count + 1);
    for (int i = 0; i < t->module->params.count; i++) {
        Param param = t->module->params.at[i];
        param.init = (Init){.kind = INIT_UNIFORM, .a = -1.0, .b = 1.0};
        interp.params[i] = arena_array(t->arena, float, type_elements(param.type));
        init_param(&param, i, 17, interp.params[i]);
    }
    float x[BATCH * WIDTH];
    int32_t label[BATCH] = {2, 0, 1, -77};
    for (int i = 0; i < BATCH * WIDTH; i++)
        x[i] = i < COUNT * WIDTH ? (float)(random_bits(9, (uint64_t)i) >> 40) * 0x1p-23f - 1.0f
                                 : NAN;
    Tensor inputs[] = {{t->g->inputs.at[0]->type, x}, {t->g->inputs.at[1]->type, label}};
    Tensor *outputs = arena_array(t->arena, Tensor, t->g->outputs.count + 1);
    const char *error = interp_run(&interp, t->arena, t->g, inputs, COUNT, outputs);
    if (error) fail_msg("%s", error);
    return outputs;
}

static void assert_same_outputs(const Train *a, const Train *b, const char *name)
{
    Tensor *left = run(a), *right = run(b);
    assert_int_equal(a->g->outputs.count, b->g->outputs.count);
    for (int i = 0; i < a->g->outputs.count; i++)
        for (int64_t e = 0; e < type_elements(left[i].type); e++) {
            double l = tensor_get(&left[i], e), r = tensor_get(&right[i], e);
            if (!(fabs(l - r) <= 1e-5 * (1.0 + fabs(l))))
                fail_msg("%s: output %s [%d] is %g, was %g", name, a->g->outputs.at[i].name, (int)e,
                         r, l);
        }
}

static void verified(const Train *t)
{
    const char *wrong = module_verify(t->arena, t->module);
    if (wrong) fail_msg("%s", wrong);
}

static Train optimised(void (*build)(Train *t))
{
    Train t = train_new();
    build(&t);
    const char *wrong = passes_run(t.module, &(PassOptions){.verify = true});
    if (wrong) fail_msg("%s", wrong);
    return t;
}

static void passes_keep_values(void **state)
{
    (void)state;
    for (int i = 0; i < NETS; i++) {
        Train plain = train_new();
        nets[i].build(&plain);
        pass_differentiate(plain.module, plain.g);
        verified(&plain);
        Train better = optimised(nets[i].build);
        assert_same_outputs(&plain, &better, nets[i].name);
        arena_free(plain.arena);
        arena_free(better.arena);
    }
}

/* A second run finds nothing more to do. */
static void simplify_is_settled(void **state)
{
    (void)state;
    for (int i = 0; i < NETS; i++) {
        Train t = train_new();
        Text once = text_new(t.arena), twice = text_new(t.arena);
        nets[i].build(&t);
        pass_differentiate(t.module, t.g);
        pass_simplify(t.module, t.g);
        pass_drop_dead(t.module, t.g);
        module_print(&once, t.module);
        pass_simplify(t.module, t.g);
        pass_drop_dead(t.module, t.g);
        module_print(&twice, t.module);
        assert_string_equal(once.at, twice.at);
        arena_free(t.arena);
    }
}

/* ---- what is kept ---- */

static void mark_forward(const Graph *graph, bool *forward)
{
    for (int i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.at[i].kind != OUT_GRAD) forward[graph->outputs.at[i].node->id] = true;
    for (int i = 0; i < graph->nodes.count; i++) forward[i] |= graph->nodes.at[i]->kept;
    for (int i = graph->nodes.count - 1; i >= 0; i--)
        for (int j = 0; forward[i] && j < graph->nodes.at[i]->input_count; j++)
            forward[graph->nodes.at[i]->inputs[j]->id] = true;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static const char *kept_values(const Train *t)
{
    const Graph *graph = t->g;
    bool *forward = arena_array(t->arena, bool, graph->nodes.count);
    const char **names = arena_alloc(t->arena, sizeof *names * (size_t)graph->nodes.count);
    bool *listed = arena_array(t->arena, bool, graph->nodes.count);
    int count = 0;
    mark_forward(graph, forward);
    for (int i = 0; i < graph->nodes.count; i++)
        for (int j = 0; !forward[i] && j < graph->nodes.at[i]->input_count; j++) {
            const Node *input = graph->nodes.at[i]->inputs[j];
            OpKind kind = op_row(input->op)->kind;
            if (!forward[input->id] || listed[input->id] || kind == KIND_LEAF
                || kind == KIND_GATHER)
                continue;
            listed[input->id] = true;
            names[count++] = input->name ? input->name : op_row(input->op)->name;
        }
    qsort(names, (size_t)count, sizeof *names, by_name);
    Text text = text_new(t->arena);
    for (int i = 0; i < count; i++) text_addf(&text, "%s%s", i ? " " : "", names[i]);
    return text.at;
}

static void forward_keeps_little(void **state)
{
    (void)state;
    for (int i = 0; i < NETS; i++) {
        Train t = optimised(nets[i].build);
        const char *kept = kept_values(&t);
        if (strcmp(kept, nets[i].kept) != 0) {
            Text text = text_new(t.arena);
            graph_print(&text, t.module, t.g);
            fprintf(stderr, "%s", text.at);
            fail_msg("%s keeps: %s; not: %s", nets[i].name, kept, nets[i].kept);
        }
        arena_free(t.arena);
    }
}

static const Node *node_named(const Graph *graph, const char *name)
{
    for (int i = 0; i < graph->nodes.count; i++)
        if (graph->nodes.at[i]->name && strcmp(graph->nodes.at[i]->name, name) == 0)
            return graph->nodes.at[i];
    fail_msg("no node %s", name);
    return NULL;
}

static int count_op(const Graph *graph, Op op)
{
    int count = 0;
    for (int i = 0; i < graph->nodes.count; i++) count += graph->nodes.at[i]->op == op;
    return count;
}

/* d_logits = (exp(logits - lse) - [iota == label]) / count: neither scatter nor argmax nor a
 * second reduction of rows. */
static void cross_entropy_differentiates_to_maps(void **state)
{
    (void)state;
    Train t = optimised(net_relu);
    assert_int_equal(count_op(t.g, OP_scatter), 0);
    assert_int_equal(count_op(t.g, OP_gather), 0);
    assert_int_equal(count_op(t.g, OP_argmax), 0);
    assert_int_equal(count_op(t.g, OP_reduce_max), 0);
    assert_int_equal(count_op(t.g, OP_logsumexp), 1);
    assert_int_equal(count_op(t.g, OP_sum), 3); /* the pick, the loss, the bias' gradient */
    assert_int_equal(count_op(t.g, OP_contract), 5);
    arena_free(t.arena);
}

/* The reverse scan carries the gradients of h and c alone. Those of its weights are products
 * behind it, over time and batch; the gradients of the four gates come as one. */
static void captured_weights_leave_the_loop(void **state)
{
    (void)state;
    Train t = optimised(net_lstm);
    const Node *reverse = node_named(t.g, "d_lstm");
    assert_int_equal(scan_parts(reverse).carries, 2);
    assert_int_equal(scan_parts(reverse).yields, 1);
    assert_true(scan_parts(reverse).reverse);
    assert_int_equal(count_op(reverse->body, OP_contract), 3);
    assert_int_equal(count_op(reverse->body, OP_pad), 0);
    assert_int_equal(node_named(t.g, "d_wh")->op, OP_contract);
    assert_int_equal(node_named(t.g, "d_wx")->op, OP_contract);
    arena_free(t.arena);
}

/* ---- parameters that are not trained or not used; entries without a loss ---- */

static void gradients_follow_trainable(void **state)
{
    (void)state;
    Train t = train_new();
    net_relu(&t);
    param_node(t.module, t.g, "unused", f32_type(DIMS(7)));
    t.module->params.at[1].trainable = false;            /* fc1 */
    assert_null(passes_run(t.module, &(PassOptions){.verify = true}));
    const char *expected[] = {"loss", "logits", "fc1.bias", "fc2", "unused"};
    assert_int_equal(t.g->outputs.count, 5);
    for (int i = 0; i < 5; i++) assert_string_equal(t.g->outputs.at[i].name, expected[i]);
    assert_int_equal(t.g->outputs.at[4].node->op, OP_fill);
    assert_int_equal(count_op(t.g, OP_contract), 4);     /* fc1 forward, fc2 both ways */
    arena_free(t.arena);
}

static void backward_takes_output_gradients(void **state)
{
    (void)state;
    Train t = train_new();
    t.g->name = "backward";
    graph_output(t.g, OUT_OUTPUT, "y", activated(&t, OP_tanh), -1);
    assert_null(passes_run(t.module, &(PassOptions){.verify = true}));
    assert_int_equal(t.g->inputs.count, 3);
    assert_string_equal(t.g->inputs.at[2]->name, "d_y");
    assert_int_equal(t.g->outputs.count, 3);
    assert_int_equal(t.g->outputs.at[2].kind, OUT_INPUT_GRAD);
    assert_string_equal(t.g->outputs.at[2].name, "d_x");
    arena_free(t.arena);
}

static void broken_graphs_are_reported(void **state)
{
    (void)state;
    Train t = train_new();
    net_relu(&t);
    t.x->type.dim[1] = 7;
    const char *wrong = passes_run(t.module, &(PassOptions){.verify = true});
    assert_non_null(wrong);
    assert_int_equal(strncmp(wrong, "after elaboration: train: ", 26), 0);
    arena_free(t.arena);
}

/* ---- minimum cuts ---- */

static void cut_is_minimal_and_late(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    FlowNetwork diamond = flow_new(arena, 6);            /* 0 -> 1 -> {2, 3} -> 4 -> 5 */
    flow_edge(&diamond, 0, 1, 5);
    flow_edge(&diamond, 1, 2, 2);
    flow_edge(&diamond, 1, 3, 2);
    flow_edge(&diamond, 2, 4, 3);
    flow_edge(&diamond, 3, 4, 9);
    flow_edge(&diamond, 4, 5, 4);
    const bool *side = flow_sink_side(&diamond, 0, 5);
    for (int i = 0; i < 5; i++)
        assert_false(side[i]);       /* both cuts cost 4; the later one is taken */
    assert_true(side[5]);

    FlowNetwork crossed = flow_new(arena, 4); /* the flow must be sent back over 1 -> 2 */
    flow_edge(&crossed, 0, 1, 1);
    flow_edge(&crossed, 0, 2, 1);
    flow_edge(&crossed, 1, 2, 1);
    flow_edge(&crossed, 1, 3, 1);
    flow_edge(&crossed, 2, 3, CUT_NEVER);
    side = flow_sink_side(&crossed, 0, 3);
    assert_false(side[0]);
    assert_true(side[3]);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(passes_keep_values),
        cmocka_unit_test(simplify_is_settled),
        cmocka_unit_test(forward_keeps_little),
        cmocka_unit_test(cross_entropy_differentiates_to_maps),
        cmocka_unit_test(captured_weights_leave_the_loop),
        cmocka_unit_test(gradients_follow_trainable),
        cmocka_unit_test(backward_takes_output_gradients),
        cmocka_unit_test(broken_graphs_are_reported),
        cmocka_unit_test(cut_is_minimal_and_late),
    };
    return cmocka_run_group_tests_name("passes", tests, NULL, NULL);
}
