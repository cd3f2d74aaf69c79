/* Scans in generated code against the interpreter: programs of tests/scan, forward and backward, on
 * every target of this machine. */
#include "native_check.h"

#include "driver/compile.h"
#include "target/target.h"

static const char flags[] = "-O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror";

static void check_program(const char *name, const char *target_name)
{
    const Target *target = target_find(target_name), *native = target_find("native");
    if (target->width > native->width) {
        print_message("[  SKIPPED ] this processor lacks %s\n", target_name);
        return;
    }
    Arena *arena = arena_new();
    const CompileOptions options = {0};
    const char *path = arena_printf(arena, "tests/scan/%s.nn", name);
    Compilation c = compile_start(arena, path, &options);
    if (!compile_or_tell(&c, STAGE_TRANSFORMED)) fail();
    const char *label = arena_printf(arena, "%s on %s", name, target_name);
    check_native(arena, c.module, target, flags, label, 2e-5);
    arena_free(arena);
}

static void on_every_target(const char *name)
{
    static const char *const names[] = {"scalar", "avx2", "avx512"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (target_find(names[i])) check_program(name, names[i]);
}

static void recurrent_layers_both_ways(void **state)
{
    (void)state;
    on_every_target("gru");
}

static void carries_that_hand_on_their_values(void **state)
{
    (void)state;
    on_every_target("carries");
}

static void scans_in_scans(void **state)
{
    (void)state;
    on_every_target("nested");
}

/* The steps are a loop: more of them make no more code. */
static void steps_are_not_unrolled(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const CompileOptions options = {.targets = {target_find("scalar")}, .target_count = 1};
    Compilation c = compile_start(arena, "tests/scan/gru.nn", &options);
    assert_true(compile_or_tell(&c, STAGE_LOWERED));
    const EntryPlan *infer = c.plan->entries.at[0];
    int scans = 0;
    for (int i = 0; i < infer->kernels.count; i++)
        if (infer->kernels.at[i]->kind == KERNEL_SCAN) {
            scans++;
            assert_int_equal(infer->kernels.at[i]->body->kernels.count, 3);
        }
    assert_int_equal(scans, 2);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(recurrent_layers_both_ways),
        cmocka_unit_test(carries_that_hand_on_their_values),
        cmocka_unit_test(scans_in_scans),
        cmocka_unit_test(steps_are_not_unrolled),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
