/* Every row of the table of operations: gradients against central differences, and the text form
 * there and back. A row without a case here fails the test. Entries run with fewer rows than
 * they were compiled for, and the rows beyond hold NaN: they may not influence anything. */
#include <math.h>
#include <stdio.h>

#include "graphs.h"
#include "interp/interp.h"
#include "ops/random.h"
#include "passes/pass.h"
#include "window_cases.h"

enum { BATCH = SLIDE_ROWS, COUNT = 3 };

/* Builds the operation on fresh inputs and returns the value to be looked at; variant counts
 * from 0, NULL: no more. */
typedef Node *Build(Graph *g, int variant);
typedef struct Case { Op op; Build *build; } Case;

static Node *batch_input(Graph *g, const char *name, int rank, const int64_t *dim)
{
    return input_node(g, name, batched(f32_type(rank, dim)));
}

static Node *plain_input(Graph *g, const char *name, int rank, const int64_t *dim)
{
    return input_node(g, name, f32_type(rank, dim));
}

/* ---- leaves ---- */

static Node *case_input(Graph *g, int variant)
{
    if (variant == 0) return batch_input(g, "x", DIMS(BATCH, 3));
    return variant == 1 ? plain_input(g, "x", DIMS(2, 3)) : NULL;
}

/* A leaf times an input, so that there is something to differentiate. */
static Node *with_leaf(Graph *g, Op op, Type type, const Attr *attrs, int param)
{
    Node *leaf = graph_leaf(g, op, type, attrs, param, (Origin){0});
    if (type.dtype != DT_F32) leaf = map1(g, OP_to_f32, leaf);
    return map2(g, OP_mul, input_node(g, "x", leaf->type), leaf);
}

static Node *case_module(Graph *g, Op op, int variant)
{
    return variant == 0 ? with_leaf(g, op, f32_type(DIMS(2, 3)), NULL, 0) : NULL;
}

static Node *case_param(Graph *g, int variant) { return case_module(g, OP_param, variant); }
static Node *case_state(Graph *g, int variant) { return case_module(g, OP_state, variant); }
static Node *case_session(Graph *g, int variant) { return case_module(g, OP_session, variant); }

static Node *case_fill(Graph *g, int variant)
{
    Attr attr = attr_number(1.5);
    return variant == 0 ? with_leaf(g, OP_fill, batched(f32_type(DIMS(BATCH, 3))), &attr, -1)
                        : NULL;
}

static Node *case_constant(Graph *g, int variant)
{
    static const float values[] = {0.5f, -1.0f, 2.0f};
    if (variant > 0) return NULL;
    Node *leaf = graph_leaf(g, OP_constant, f32_type(DIMS(3)), NULL, -1, (Origin){0});
    leaf->values = values;
    return map2(g, OP_mul, batch_input(g, "x", DIMS(BATCH, 3)), leaf);
}

static Node *case_iota(Graph *g, int variant)
{
    Attr attr = attr_int(variant);
    Type type = type_make(DT_I32, DIMS(BATCH, 3));
    return variant < 2 ? with_leaf(g, OP_iota, batched(type), &attr, -1) : NULL;
}

static Node *case_count(Graph *g, int variant)
{
    return variant == 0 ? with_leaf(g, OP_count, type_scalar(DT_F32), NULL, -1) : NULL;
}

static Node *case_uniform(Graph *g, int variant)
{
    Attr attr = attr_int(7);
    return variant == 0 ? with_leaf(g, OP_uniform, batched(f32_type(DIMS(BATCH, 5))), &attr, -1)
                        : NULL;
}

/* ---- views and joins ---- */

static Node *case_reshape(Graph *g, int variant)
{
    const char *error;
    Node *x = batch_input(g, "x", DIMS(BATCH, 3, 5));
    static const struct { int rank; int64_t dim[4]; } to[] = {
        {2, {BATCH, 15}}, {2, {BATCH * 3, 5}}, {4, {1, BATCH, 5, 3}}, {1, {BATCH * 15}}};
    if (variant >= 4) return NULL;
    Type type;
    error = reshape_type(g->arena, x->type, to[variant].rank, to[variant].dim, &type);
    assert_null(error);
    return build_reshape(g, x, type);
}

static Node *case_permute(Graph *g, int variant)
{
    static const int64_t orders[][3] = {{2, 0, 1}, {1, 2, 0}, {0, 2, 1}};
    if (variant >= 3) return NULL;
    return build_permute(g, batch_input(g, "x", DIMS(BATCH, 3, 5)), orders[variant]);
}

static Node *case_slice(Graph *g, int variant)
{
    static const int64_t start[] = {1, 6, 0, 5, 6, 0}, size[] = {3, 7, 3, 2, 3, 1},
                         step[] = {1, -1, 2, -3, -3, 4};
    if (variant >= 6) return NULL;
    Node *x = batch_input(g, "x", DIMS(BATCH, 7, 2));
    return build_slice(g, x, (int64_t[]){0, start[variant], 1},
                       (int64_t[]){BATCH, size[variant], 1}, (int64_t[]){1, step[variant], 1});
}

static Node *case_broadcast(Graph *g, int variant)
{
    Type to = batched(f32_type(DIMS(BATCH, 3, 5)));
    if (variant == 0) return build_broadcast(g, batch_input(g, "x", DIMS(BATCH, 1, 5)), to);
    if (variant == 1) return build_broadcast(g, plain_input(g, "x", DIMS(5)), to);
    return variant == 2 ? build_broadcast(g, plain_input(g, "x", 0, NULL), to) : NULL;
}

static Node *case_concat(Graph *g, int variant)
{
    if (variant > 0) return NULL;
    Node *parts[] = {batch_input(g, "x", DIMS(BATCH, 3, 2)), batch_input(g, "y", DIMS(BATCH, 1, 2)),
                     batch_input(g, "z", DIMS(BATCH, 2, 2))};
    return make(g, OP_concat, 3, parts, &(Attr){.count = 1, .ints = {1}});
}

static Node *case_pad(Graph *g, int variant)
{
    if (variant > 0) return NULL;
    Node *x = batch_input(g, "x", DIMS(BATCH, 3, 2));
    return build_pad(g, x, (int64_t[]){0, 1, 0}, (int64_t[]){0, 2, 3}, 0.5);
}

/* ---- reductions ---- */

static Node *reduction(Graph *g, Op op, int variant)
{
    static const struct {
        int count;
        int64_t axes[3];
    } over[] = {{1, {1}}, {1, {0}}, {2, {1, 2}}, {3, {0, 1, 2}}};
    if (variant >= 4) return NULL;
    Node *x = batch_input(g, "x", DIMS(BATCH, 3, 5));
    return build_reduce(g, op, x, over[variant].axes, over[variant].count);
}

static Node *case_sum(Graph *g, int variant) { return reduction(g, OP_sum, variant); }
static Node *case_reduce_max(Graph *g, int variant) { return reduction(g, OP_reduce_max, variant); }
static Node *case_logsumexp(Graph *g, int variant) { return reduction(g, OP_logsumexp, variant); }

static Node *case_variance(Graph *g, int variant)
{
    if (variant < 4) return reduction(g, OP_variance, variant);
    if (variant >= 6) return NULL;
    Attr attrs[MAX_ATTRS] = {attr_int(variant - 4), attr_int(1)};
    return make(g, OP_variance, 1, (Node *[]){batch_input(g, "x", DIMS(BATCH, 3))}, attrs);
}

static Node *case_argmax(Graph *g, int variant)
{
    if (variant >= 2) return NULL;
    Node *x = batch_input(g, "x", DIMS(BATCH, 5));
    return build_reduce(g, OP_argmax, x, (int64_t[]){variant}, 1);
}

/* ---- contraction ---- */

static Node *case_contract(Graph *g, int variant)
{
    Node *x = batch_input(g, "x", DIMS(BATCH, 3, 5));
    enum { B, T, D, O };
    if (variant == 0)                /* a layer */
        return build_contract(g, x, (int64_t[]){B, T, D}, plain_input(g, "w", DIMS(2, 5)),
                              (int64_t[]){O, D}, (int64_t[]){B, T, O}, 3);
    if (variant == 1)                /* its weight gradient: summed over the valid rows */
        return build_contract(g, x, (int64_t[]){B, T, D}, batch_input(g, "y", DIMS(BATCH, 3, 2)),
                              (int64_t[]){B, T, O}, (int64_t[]){O, D}, 2);
    if (variant == 2)                /* one product a row */
        return build_contract(g, x, (int64_t[]){B, T, D}, batch_input(g, "y", DIMS(BATCH, 2, 5)),
                              (int64_t[]){B, O, D}, (int64_t[]){B, O, T}, 3);
    if (variant == 3)                /* elementwise and outer */
        return build_contract(g, x, (int64_t[]){B, T, D}, plain_input(g, "w", DIMS(5, 2)),
                              (int64_t[]){D, O}, (int64_t[]){D, B, O, T}, 4);
    return NULL;
}

/* ---- rows by index ---- */

/* Indices that depend on nothing: 0 2 1 0 2 1 ... along axis 0. */
static Node *some_indices(Graph *g, Type type)
{
    type.dtype = DT_I32;
    Attr axis = attr_int(0), limit = attr_int(3);
    Node *i = map1(g, OP_to_f32, graph_leaf(g, OP_iota, type, &axis, -1, (Origin){0}));
    Node *third = map1(g, OP_floor,
                       map2(g, OP_div, map2(g, OP_mul, i, build_fill(g, type_scalar(DT_F32), 2.0)),
                            build_fill(g, type_scalar(DT_F32), 3.0)));
    Node *rest = map2(g, OP_sub, map2(g, OP_mul, i, build_fill(g, type_scalar(DT_F32), 2.0)),
                      map2(g, OP_mul, third, build_fill(g, type_scalar(DT_F32), 3.0)));
    return make(g, OP_checked, 1, (Node *[]){map1(g, OP_to_i32, rest)}, &limit);
}

static Node *case_checked(Graph *g, int variant)
{
    if (variant > 0) return NULL;
    Node *index = some_indices(g, batched(f32_type(DIMS(BATCH))));
    return map2(g, OP_mul, map1(g, OP_to_f32, index), batch_input(g, "x", DIMS(BATCH)));
}

static Node *case_gather(Graph *g, int variant)
{
    if (variant == 0)
        return make(g, OP_gather, 2, (Node *[]){plain_input(g, "x", DIMS(3, 5)),
                    some_indices(g, batched(f32_type(DIMS(BATCH, 2))))}, NULL);
    if (variant > 1) return NULL;
    Node *x = build_permute(g, batch_input(g, "x", DIMS(BATCH, 3)), (int64_t[]){1, 0});
    return make(g, OP_gather, 2, (Node *[]){x, some_indices(g, f32_type(DIMS(4)))}, NULL);
}

static Node *case_scatter(Graph *g, int variant)
{
    if (variant > 0) return NULL;
    Attr rows = attr_int(3);
    return make(g, OP_scatter, 2, (Node *[]){some_indices(g, batched(f32_type(DIMS(BATCH, 2)))),
                batch_input(g, "x", DIMS(BATCH, 2, 5))}, &rows);
}

/* ---- scans ---- */

/* h' = tanh(x + h w^T + b) * c, c' = c + h'; yields h' and h' * h; w and b are captured, so is a
 * batched mask m. */
static Graph *cell(Arena *arena)
{
    Graph *body = graph_new(arena, "cell", BATCH);
    Node *x = input_node(body, "x", batched(f32_type(DIMS(BATCH, 2))));
    Node *h = input_node(body, "h", batched(f32_type(DIMS(BATCH, 2))));
    Node *c = input_node(body, "c", batched(f32_type(DIMS(BATCH, 2))));
    Node *w = input_node(body, "w", f32_type(DIMS(2, 2)));
    Node *b = input_node(body, "b", f32_type(DIMS(2)));
    Node *m = input_node(body, "m", batched(f32_type(DIMS(BATCH, 2))));
    Node *u
        = build_contract(body, h, (int64_t[]){0, 1}, w, (int64_t[]){2, 1}, (int64_t[]){0, 2}, 2);
    Node *new_h = map2(body, OP_mul,
                       map1(body, OP_tanh, map2(body, OP_add, map2(body, OP_add, x, u), b)), c);
    Node *new_c = map2(body, OP_add, map2(body, OP_mul, c, m), new_h);
    graph_output(body, OUT_YIELD, "h", new_h, -1);
    graph_output(body, OUT_YIELD, "c", new_c, -1);
    graph_output(body, OUT_YIELD, "y", map2(body, OP_mul, new_h, h), -1);
    return body;
}

static Node *scan_node(Graph *g, bool reverse)
{
    Node *inputs[] = {batch_input(g, "x", DIMS(BATCH, 3, 2)), batch_input(g, "h0", DIMS(BATCH, 2)),
                      batch_input(g, "c0", DIMS(BATCH, 2)), plain_input(g, "w", DIMS(2, 2)),
                      plain_input(g, "b", DIMS(2)), batch_input(g, "m", DIMS(BATCH, 2))};
    Attr attrs[MAX_ATTRS] = {attr_int(1), attr_int(2), INTS(1), attr_int(reverse)};
    const char *error;
    Node *scan
        = graph_append_region(g, OP_scan, inputs, 6, attrs, cell(g->arena), (Origin){0}, &error);
    assert_null(error);
    return scan;
}

/* Everything that the scan gives, in one value: the stacked yields plus the final carries. */
static Node *case_scan(Graph *g, int variant)
{
    if (variant > 1) return NULL;
    Node *scan = scan_node(g, variant == 1);
    Node *sum = map2(g, OP_add, build_result(g, scan, 2), build_result(g, scan, 0));
    return map2(g, OP_add, sum, build_result(g, scan, 1));
}

static Node *case_result(Graph *g, int variant)
{
    return variant < 3 ? build_result(g, scan_node(g, false), variant) : NULL;
}

static const Case cases[] = {
#define CASE(id) {OP_##id, case_##id}
    CASE(input),  CASE(param),    CASE(state),   CASE(session),    CASE(fill),      CASE(constant),
    CASE(iota),   CASE(count),    CASE(reshape), CASE(permute),    CASE(slice),     CASE(broadcast),
    CASE(concat), CASE(pad),      CASE(sum),     CASE(reduce_max), CASE(logsumexp), CASE(variance),
    CASE(argmax), CASE(contract), CASE(checked), CASE(gather),     CASE(scatter),   CASE(uniform),
    CASE(scan),   CASE(result),   CASE(conv),    CASE(conv_input), CASE(conv_weight),
    CASE(window_sum), CASE(window_spread), CASE(max_pick), CASE(max_place),
#undef CASE
};

/* ---- elementwise operations: all alike ---- */

/* An input of the kind an operation takes: bool where numbers are refused. */
static Node *map_operand(Graph *g, Op op, int i, Type type)
{
    static const char *const names[] = {"a", "b", "c"};
    Node *x = input_node(g, names[i], type);
    Node *zero = build_fill(g, type, 0.3);
    bool wants_bool = op == OP_and || op == OP_or || op == OP_not || (op == OP_select && i == 0);
    return wants_bool ? map2(g, OP_gt, x, zero) : x;
}

/* Variant 1 broadcasts the last operand along the batch, variant 2 a scalar. */
static Node *build_elementwise(Graph *g, Op op, int variant)
{
    Node *inputs[3];
    Type types[] = {batched(f32_type(DIMS(BATCH, 5))), f32_type(DIMS(5)), type_scalar(DT_F32)};
    int arity = op_row(op)->arity;
    if (variant > 2 || (variant > 0 && arity == 1)) return NULL;
    for (int i = 0; i < arity; i++)
        inputs[i] = map_operand(g, op, i, types[i == arity - 1 ? variant : 0]);
    return build_map(g, op, arity, inputs);
}

static Node *build_case(Graph *g, Op op, int variant)
{
    Node *y = NULL;
    if (op_row(op)->kind == KIND_MAP) y = build_elementwise(g, op, variant);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (cases[i].op == op) y = cases[i].build(g, variant);
    return y && y->type.dtype != DT_F32 ? map1(g, OP_to_f32, y) : y;
}

/* ---- the checks ---- */

typedef struct Check {
    Arena *arena;
    Module *module;
    Graph *forward, *backward;
    Interp interp;
    float *values;                   /* of the module's one parameter, state and session */
    Op op;
    const char *name;
} Check;

static Param module_param(const char *name)
{
    return (Param){.name = name, .type = f32_type(DIMS(2, 3)), .init = {.kind = INIT_ONES}};
}

static bool check_begin(Check *c, Op op, int variant)
{
    static float values[] = {1.0f, -0.5f, 2.0f, 0.25f, 1.5f, -1.0f};
    *c = (Check){.arena = arena_new(), .values = values, .op = op, .name = op_row(op)->name};
    c->module = module_new(c->arena, "ops");
    vec_push(c->arena, c->module->params, module_param("p"));
    vec_push(c->arena, c->module->states, module_param("s"));
    vec_push(c->arena, c->module->sessions, module_param("t"));
    Graph *graphs[]
        = {graph_new(c->arena, "forward", BATCH), graph_new(c->arena, "backward", BATCH)};
    for (int i = 0; i < 2; i++) {
        Node *y = build_case(graphs[i], op, variant);
        if (!y) return false;
        graph_output(graphs[i], OUT_OUTPUT, "y", y, -1);
        vec_push(c->arena, c->module->entries, graphs[i]);
    }
    c->forward = graphs[0];
    c->backward = graphs[1];
    c->interp = (Interp){.module = c->module, .params = &c->values, .states = &c->values,
                         .sessions = &c->values, .seed = 11};
    return true;
}

/* Between 0.35 and 1.95, of either sign where the operation is defined there. Multiples of the
 * golden ratio leave gaps, so that no step of the differences crosses a kink of maximum or
 * reduce_max. */
static double draw(Op op, int input, int64_t e)
{
    bool positive = op == OP_sqrt || op == OP_rsqrt || op == OP_log || op == OP_pow || op == OP_div;
    uint64_t bits = random_bits(random_stream(5, (uint64_t)input), (uint64_t)e);
    double x = 0.35 + 1.6 * fmod(0.37 * (input + 1) + 0.61803398875 * (double)e, 1.0);
    return !positive && (bits & 1) ? -x : x;
}

static bool is_invalid_row(Type type, int64_t e)
{
    int64_t stride[MAX_RANK];
    type_strides(type, stride);
    int axis = type.batch_axis;
    return axis >= 0 && e / stride[axis] % type.dim[axis] >= COUNT * type.batch_inner;
}

static Tensor *draw_inputs(Check *c)
{
    const Graph *graph = c->backward;          /* the forward inputs, then d_y */
    Tensor *inputs = arena_array(c->arena, Tensor, graph->inputs.count + 1);
    for (int i = 0; i < graph->inputs.count; i++) {
        inputs[i] = tensor_new(c->arena, graph->inputs.at[i]->type);
        for (int64_t e = 0; e < type_elements(inputs[i].type); e++)
            tensor_set(&inputs[i], e, is_invalid_row(inputs[i].type, e) ? NAN
                                      : draw(c->op, i, e));
    }
    return inputs;
}

/* sum(y * d_y) over what is valid */
static double objective(Check *c, const Tensor *inputs)
{
    Tensor y;
    const char *error = interp_run(&c->interp, c->arena, c->forward, inputs, COUNT, &y);
    if (error) fail_msg("%s: %s", c->name, error);
    const Tensor *dy = &inputs[c->forward->inputs.count];
    double total = 0.0;
    for (int64_t e = 0; e < type_elements(y.type); e++)
        if (!is_invalid_row(y.type, e)) total += tensor_get(&y, e) * tensor_get(dy, e);
    return total;
}

static void check_element(Check *c, Tensor *inputs, int input, int64_t e, double gradient)
{
    double x = tensor_get(&inputs[input], e), step = 0x1p-9;
    if (is_invalid_row(inputs[input].type, e)) {
        if (gradient != 0.0)
            fail_msg("%s: d_input %d [%d] is beyond the rows, yet %g", c->name, input, (int)e,
                     gradient);
        return;
    }
    tensor_set(&inputs[input], e, x + step);
    double above = objective(c, inputs);
    tensor_set(&inputs[input], e, x - step);
    double below = objective(c, inputs);
    tensor_set(&inputs[input], e, x);
    double expected = c->op == OP_stop_gradient ? 0.0 : (above - below) / (2 * step);
    if (!(fabs(expected - gradient) <= 2e-3 * (1.0 + fabs(expected))))
        fail_msg("%s: d_input %d [%d] is %g, differences give %g", c->name, input, (int)e, gradient,
                 expected);
}

static void check_gradients(Check *c)
{
    pass_differentiate(c->module, c->backward);
    const char *wrong = module_verify(c->arena, c->module);
    if (wrong) fail_msg("%s", wrong);
    Tensor *inputs = draw_inputs(c);
    Tensor *gradients = arena_array(c->arena, Tensor, c->backward->outputs.count + 1);
    const char *error = interp_run(&c->interp, c->arena, c->backward, inputs, COUNT, gradients);
    if (error) fail_msg("%s: %s", c->name, error);
    assert_int_equal(c->backward->outputs.count, c->forward->inputs.count);
    for (int i = 0; i < c->forward->inputs.count; i++)
        for (int64_t e = 0; e < type_elements(inputs[i].type); e++)
            check_element(c, inputs, i, e, tensor_get(&gradients[i], e));
}

static void check_round_trip(Check *c)
{
    Text first = text_new(c->arena), second = text_new(c->arena);
    module_print(&first, c->module);
    Source source = {.path = "printed.graph", .text = first.at, .length = first.length};
    Diags *diags = diags_new(c->arena);
    Module *again = module_parse(c->arena, &source, diags);
    if (!again) diags_print(diags, stderr);
    assert_non_null(again);
    module_print(&second, again);
    assert_string_equal(first.at, second.at);
    assert_null(module_verify(c->arena, again));
}

static void every_operation(void **state)
{
    (void)state;
    for (int op = 0; op < OP_COUNT; op++) {
        Check c;
        int variants = 0;
        for (bool more = true; more; variants += more) {
            more = check_begin(&c, (Op)op, variants);
            if (more) {
                check_gradients(&c);
                check_round_trip(&c);
            }
            arena_free(c.arena);
        }
        if (variants == 0) fail_msg("%s has no case", op_row((Op)op)->name);
    }
}

/* ---- what the table says of itself ---- */

static void names_are_found(void **state)
{
    (void)state;
    for (int op = 0; op < OP_COUNT; op++) {
        Op found;
        assert_true(op_from_name(op_row((Op)op)->name, &found));
        assert_int_equal(found, op);
        assert_true(op_row((Op)op)->doc[0] != '\0');
    }
    Op none;
    assert_false(op_from_name("linear", &none));
}

/* ---- refusals ---- */

static void refused(Graph *g, Op op, int count, Node *const *inputs, const Attr *attrs,
                    const char *text)
{
    const char *error = NULL;
    assert_null(graph_append(g, op, inputs, count, attrs, (Origin){0}, &error));
    assert_string_equal(error, text);
}

static void shape_rules_refuse(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Graph *g = graph_new(arena, "g", BATCH);
    Node *x = batch_input(g, "x", DIMS(BATCH, 6)), *w = plain_input(g, "w", DIMS(5, 3));
    Node *i = map1(g, OP_to_i32, x);
    Attr labels[] = {INTS(0, 1), INTS(1, 2), INTS(0, 2)};
    refused(g, OP_contract, 2, (Node *[]){x, w}, labels,
            "the products of f32[batch=4, 6] and f32[5, 3] do not fit: axis 1 of the one and axis "
            "0 of the other "
            "must have the same extent");
    refused(g, OP_add, 2, (Node *[]){x, w}, NULL,
            "add expects equal shapes, got f32[batch=4, 6] and f32[5, 3]");
    refused(g, OP_add, 2, (Node *[]){x, i}, NULL,
            "add expects f32 or i32 alike, got f32[batch=4, 6] and i32[batch=4, 6]");
    refused(g, OP_sqrt, 1, (Node *[]){i}, NULL, "sqrt expects f32, got i32[batch=4, 6]");
    refused(g, OP_add, 1, (Node *[]){x}, NULL, "add takes 2 arguments, got 1");
    Attr cut[] = {INTS(0, 0), INTS(2, 6), INTS(1, 1)};
    refused(g, OP_slice, 1, (Node *[]){x}, cut,
            "slice: the batch axis of f32[batch=4, 6] cannot be cut: how many of its rows are "
            "valid is known only "
            "when the code runs");
    refused(g, OP_sum, 1, (Node *[]){x}, (Attr[]){INTS(2)},
            "sum: there is no axis 2 in f32[batch=4, 6]");
    refused(g, OP_sum, 1, (Node *[]){x}, (Attr[]){INTS(1, 1)}, "sum: axis 1 is given twice");
    refused(g, OP_concat, 2, (Node *[]){x, x}, (Attr[]){attr_int(0)},
            "concat: the batch axis of f32[batch=4, 6] cannot be joined: how many of its rows are "
            "valid is known "
            "only when the code runs");
    refused(g, OP_gather, 2, (Node *[]){x, i}, NULL,
            "gather: rows of f32[batch=4, 6] at i32[batch=4, 6]: rows cannot be picked across the "
            "batch");
    arena_free(arena);
}

static void batch_axis_is_followed(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Graph *g = graph_new(arena, "g", BATCH);
    Node *x = batch_input(g, "x", DIMS(BATCH, 3, 5));
    Type type;
    const char *error;
    assert_null(reshape_type(arena, x->type, 2, (int64_t[]){BATCH * 3, 5}, &type));
    assert_string_equal(type_text(arena, type), "f32[batch*3=12, 5]");
    Node *merged = build_reshape(g, x, type);
    assert_null(reshape_type(arena, merged->type, 4, (int64_t[]){BATCH, 3, 1, 5}, &type));
    assert_string_equal(type_text(arena, type), "f32[batch=4, 3, 1, 5]");
    assert_string_equal(
        reshape_type(arena, x->type, 2, (int64_t[]){3, BATCH * 5}, &type),
        "reshape: f32[batch=4, 3, 5] to f32[3, 20] would tear the batch axis apart: it must stay "
        "whole, or be merged with axes after it");
    assert_string_equal(type_text(arena, build_permute(g, x, (int64_t[]){2, 0, 1})->type),
                        "f32[5, batch=4, 3]");
    assert_string_equal(type_text(arena, build_reduce(g, OP_sum, x, (int64_t[]){0}, 1)->type),
                        "f32[1, 3, 5]");
    Type single = f32_type(DIMS(1, 1, 6));
    single.batch_axis = 1;
    assert_null(reshape_type(arena, single, 4, (int64_t[]){1, 1, 2, 3}, &type));
    assert_string_equal(type_text(arena, type), "f32[1, batch=1, 2, 3]");
    assert_null(reshape_type(arena, single, 2, (int64_t[]){1, 6}, &type));
    assert_string_equal(type_text(arena, type), "f32[batch=1, 6]");
    assert_null(reshape_type(arena, single, 1, (int64_t[]){6}, &type));
    assert_string_equal(type_text(arena, type), "f32[batch*6=6]");
    assert_true(broadcast_types(arena, x->type, f32_type(DIMS(3, 1)), &type, &error));
    assert_string_equal(type_text(arena, type), "f32[batch=4, 3, 5]");
    assert_false(broadcast_types(arena, x->type, f32_type(DIMS(BATCH, 1, 1)), &type, &error));
    assert_string_equal(
        error, "f32[batch=4, 3, 5] and f32[4, 1, 1] do not fit: from the right, extents must be "
               "equal or 1, and the batch axis meets only itself or 1");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_operation),
        cmocka_unit_test(names_are_found),
        cmocka_unit_test(shape_rules_refuse),
        cmocka_unit_test(batch_axis_is_followed),
    };
    return cmocka_run_group_tests_name("operations", tests, NULL, NULL);
}
