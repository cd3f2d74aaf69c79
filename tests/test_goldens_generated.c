/* Every program as generated code on every target against PyTorch: as the interpreter, with three
 * steps of the runtime's Adam on logical weights; then with three of NAME_step, and three of the
 * runtime's on stored ones. */
#include "generated_check.h"
#include "goldens_check.h"

static const char *run_generated(Golden *g, const Graph *entry, const Tensor *inputs,
                                 Tensor *outputs)
{
    GeneratedRun *run = generated_queue(g->generated, 0, entry, g->params, g->states, inputs,
                                        entry->batch);
    run->head.kind = RUN_PLAIN;
    generated_flush(g->generated);
    for (int i = 0; i < entry->outputs.count; i++) outputs[i] = run->outputs[i];
    return generated_faults(g->arena, run);
}

/* All three steps inside the program; kind: RUN_STEP or RUN_OPTIMIZER. The parameters become what
 * they made of them. */
static void take_steps(Golden *g, const Backend *backend, int kind, double tolerance)
{
    const Graph *entry = module_entry(g->module, "train");
    GeneratedRun *run = generated_queue(g->generated, 0, entry, g->params, g->states,
                                        golden_inputs(g, entry), entry->batch);
    run->head.kind = kind;
    run->head.steps = 3;
    generated_flush(g->generated);
    const char *faults = generated_faults(g->arena, run);
    if (faults) fail_msg("%s, %s: %s", g->row->name, backend->name, faults);
    golden_compare(g, backend, "loss3", "", output_of(entry, run->outputs, OUT_LOSS, -1)->data, 1,
                   0.0, tolerance);
    for (int i = 0; i < g->module->params.count; i++) g->params[i] = run->trained[i];
    commit_states(g, entry, run->outputs);
    compare_states(g, backend, tolerance);
}

static void compare_steps(Golden *g, const Backend *backend, int kind)
{
    take_steps(g, backend, kind, STEP_TOLERANCE);
    compare_weights(g, backend);
    golden_reset(g);
}

enum { EMULATED_FLOPS = 100000000 };     /* a step that an emulated processor runs in a moment */

static double step_flops(const Golden *g)
{
    const Graph *graph = module_entry(g->module, "train");
    double sum = 0;
    for (int i = 0; i < graph->nodes.count; i++)
        sum += op_row(graph->nodes.at[i]->op)->flops(graph->nodes.at[i]);
    return sum;
}

static bool convolves(const Golden *g)
{
    const Graph *graph = module_entry(g->module, "train");
    for (int i = 0; i < graph->nodes.count; i++)
        if (graph->nodes.at[i]->op == OP_conv) return true;
    return false;
}

static void build(Golden *g, const Target *target, const char *form)
{
    const char *name = arena_printf(g->arena, "golden-%s%s", g->row->name, form);
    g->module->lanes = target->width;
    g->generated = generated_new(g->arena, target, name, "-O1");
    generated_add(g->generated, g->module, OPTIMIZER_ADAM);
    generated_build(g->generated);
}

static bool jumps(const Golden *g, const Target *target, int form)
{
    return g->row->jumps[form] && !strcmp(g->row->jumps[form], target->name);
}

/* The form that a user gets. Adam makes a whole step of the smallest gradient, so that Winograd's
 * rounding of an element that is nearly zero shows in full in its weight. */
static void compare_transformed_steps(Golden *g, const Target *target, const Backend *backend)
{
    if (jumps(g, target, 1)) return;
    take_steps(g, backend, RUN_STEP, WINOGRAD_TOLERANCE);
    if (g->row->keeps) compare_weights(g, backend);
    golden_reset(g);
}

static void compare_three_steps(Golden *g, const Target *target, const Backend *backend)
{
    if (convolves(g)) {
        compare_transformed_steps(g, target, backend);
        if (jumps(g, target, 0)) return;
        g->module->strict = true;
        build(g, target, "-strict");
    }
    compare_adam(g, backend);
    compare_steps(g, backend, RUN_STEP);
    compare_steps(g, backend, RUN_OPTIMIZER);
}

/* Outputs, loss and gradients with convolutions in the form that a user gets, Winograd's where it
 * is chosen (by their formula: test_convolutional.sh). */
static int compare_program(const GoldenRow *row, const Target *target)
{
    Golden *g = golden_open(row);
    if (!g) fail_msg("%s cannot be compared", row->name);
    const Backend backend = {arena_printf(g->arena, "generated code for %s", target->name),
                             row->slack, run_generated, NULL};
    const Node *unsupported = lower_unsupported(g->module);
    if (unsupported) fail_msg("%s: no template for %s", row->name, op_row(unsupported->op)->name);
    build(g, target, "");
    compare_infer(g, &backend);
    compare_train(g, &backend);
    if (!(generated_abroad(target) && step_flops(g) > EMULATED_FLOPS))
        compare_three_steps(g, target, &backend);
    const int failures = g->failures;
    golden_close(g);
    return failures;
}

static void programs_equal_pytorch(void **state)
{
    const Target *target = target_find(*state);
    int failures = 0;
    goldens_need();
    generated_or_skip(target);
    for (size_t i = 0; i < sizeof golden_rows / sizeof *golden_rows; i++)
        failures += compare_program(&golden_rows[i], target);
    assert_int_equal(failures, 0);
}

/* An argument chooses tests: "*avx2". */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {ON_EVERY_TARGET(programs_equal_pytorch)};
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("goldens in generated code", tests, NULL, NULL);
}
