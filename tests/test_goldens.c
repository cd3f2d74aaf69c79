/* Every program in the interpreter against PyTorch. */
#include "goldens_check.h"
#include "interp/interp.h"

static const char *run_interpreter(Golden *g, const Graph *entry, const Tensor *inputs,
                                   Tensor *outputs)
{
    const Interp interp = {
        .module = g->module, .params = g->params, .states = g->states, .blas = interp_has_blas()};
    return interp_run(&interp, g->arena, entry, inputs, entry->batch, outputs);
}

static const Backend interpreter = {"interpreter", 1.0, run_interpreter, NULL};

static void programs_equal_pytorch(void **state)
{
    (void)state;
    int failures = 0;
    goldens_need();
    for (size_t i = 0; i < sizeof golden_rows / sizeof *golden_rows; i++) {
        Golden *g = golden_open(&golden_rows[i]);
        if (!g) fail_msg("%s cannot be compared", golden_rows[i].name);
        compare_infer(g, &interpreter);
        compare_train(g, &interpreter);
        compare_adam(g, &interpreter);
        failures += g->failures;
        golden_close(g);
    }
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(programs_equal_pytorch)};
    return cmocka_run_group_tests_name("goldens", tests, NULL, NULL);
}
