/* Every row of the table of operations: gradients against central differences, and the text form
 * there and back. A row without a case here fails the test. Entries run with fewer rows than
 * they were compiled for, and the rows beyond hold NaN: they may not influence anything. */
#include <math.h>
#include <stdio.h>

#include "op_cases.h"
#include "interp/interp.h"
#include "ops/random.h"
#include "passes/pass.h"

enum { COUNT = BATCH - 1 };

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

static bool check_begin(Check *c, Op op, int variant)
{
    static float values[] = {1.0f, -0.5f, 2.0f, 0.25f, 1.5f, -1.0f};
    *c = (Check){.arena = arena_new(), .values = values, .op = op, .name = op_row(op)->name};
    c->module = case_module_new(c->arena, "ops");
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

static Tensor *draw_inputs(Check *c)
{
    const Graph *graph = c->backward;          /* the forward inputs, then d_y */
    Tensor *inputs = arena_array(c->arena, Tensor, graph->inputs.count + 1);
    for (int i = 0; i < graph->inputs.count; i++) {
        inputs[i] = tensor_new(c->arena, graph->inputs.at[i]->type);
        for (int64_t e = 0; e < type_elements(inputs[i].type); e++)
            tensor_set(&inputs[i], e, is_invalid_row(inputs[i].type, COUNT, e) ? NAN
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
        if (!is_invalid_row(y.type, COUNT, e)) total += tensor_get(&y, e) * tensor_get(dy, e);
    return total;
}

static void check_element(Check *c, Tensor *inputs, int input, int64_t e, double gradient)
{
    double x = tensor_get(&inputs[input], e), step = 0x1p-9;
    if (is_invalid_row(inputs[input].type, COUNT, e)) {
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

/* Products by way of a BLAS, where there is one, are those of the reference loops. */
static void check_blas(Check *c)
{
    Tensor slow, fast, *inputs = draw_inputs(c);
    Interp blas = c->interp;
    blas.blas = true;
    assert_null(interp_run(&c->interp, c->arena, c->forward, inputs, COUNT, &slow));
    assert_null(interp_run(&blas, c->arena, c->forward, inputs, COUNT, &fast));
    for (int64_t e = 0; e < type_elements(slow.type); e++) {
        const double want = tensor_get(&slow, e), got = tensor_get(&fast, e);
        if (!(fabs(got - want) <= 1e-5 * (1 + fabs(want))) && !(isinf(want) && got == want))
            fail_msg("%s: by BLAS [%d] is %g, the reference %g", c->name, (int)e, got, want);
    }
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
                check_blas(&c);
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
