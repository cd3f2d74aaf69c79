/* Where Winograd's form is chosen: every convolution of 3 x 3 in steps of one with enough channels,
 * its two gradients as well, and nothing else. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <string.h>

#include "driver/compile.h"
#include "ops/op.h"
#include "target/target.h"

static const Plan *plan_with(Arena *arena, const char *path, CompileOptions *options)
{
    options->targets[options->target_count++] = target_find("scalar");
    Compilation c = compile_start(arena, path, options);
    if (!compile_or_tell(&c, STAGE_PLANNED)) fail_msg("%s does not compile", path);
    return c.plan;
}

static const Plan *plan_of(Arena *arena, const char *path, bool strict)
{
    CompileOptions *options = arena_make(arena, CompileOptions);
    options->strict = strict;
    return plan_with(arena, path, options);
}

/* Kernels of the entry around this operation; winograd: in that form. */
static int kernels_of(const Plan *plan, const char *entry, Op op, bool winograd)
{
    int n = 0;
    for (int i = 0; i < plan->entries.count; i++) {
        const EntryPlan *e = plan->entries.at[i];
        for (int j = 0; !strcmp(e->name, entry) && j < e->kernels.count; j++) {
            const Kernel *k = e->kernels.at[j];
            n += k->anchor && k->anchor->op == op && k->winograd == winograd;
        }
    }
    return n;
}

/* Of its 21 convolutions the first has three channels, two go in steps of two, two are 1 x 1. */
static void resnet20_has_it_where_it_pays(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const Plan *plan = plan_of(arena, "examples/resnet20.nn", false);
    assert_int_equal(kernels_of(plan, "infer", OP_conv, true), 16);
    assert_int_equal(kernels_of(plan, "infer", OP_conv, false), 5);
    assert_int_equal(kernels_of(plan, "train", OP_conv, true), 16);
    assert_int_equal(kernels_of(plan, "train", OP_conv, false), 5);
    assert_int_equal(kernels_of(plan, "train", OP_conv_input, true), 16);
    assert_int_equal(kernels_of(plan, "train", OP_conv_input, false), 4);
    assert_int_equal(kernels_of(plan, "train", OP_conv_weight, true), 16);
    assert_int_equal(kernels_of(plan, "train", OP_conv_weight, false), 5);
    assert_int_equal(kernels_of(plan, "evaluate", OP_conv, true), 16);
    arena_free(arena);
}

static void strict_keeps_to_the_formula(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const Plan *plan = plan_of(arena, "examples/resnet20.nn", true);
    assert_int_equal(kernels_of(plan, "infer", OP_conv, true), 0);
    assert_int_equal(kernels_of(plan, "train", OP_conv, false), 21);
    assert_int_equal(kernels_of(plan, "train", OP_conv_input, false), 20);
    assert_int_equal(kernels_of(plan, "train", OP_conv_weight, false), 21);
    arena_free(arena);
}

/* Of its windows of 3 x 3, one reads a single channel; the other yields 14 x 14, and its tiles of
 * 4 x 4 overlap. The gradient by its weights reads zeros around both operands instead. */
static void lenet_has_tiles_that_overlap(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const Plan *plan = plan_of(arena, "examples/lenet.nn", false);
    assert_int_equal(kernels_of(plan, "infer", OP_conv, true), 1);
    assert_int_equal(kernels_of(plan, "train", OP_conv, true), 1);
    assert_int_equal(kernels_of(plan, "train", OP_conv_input, true), 1);
    assert_int_equal(kernels_of(plan, "train", OP_conv_weight, true), 1);
    assert_int_equal(kernels_of(plan, "train", OP_conv_weight, false), 1);
    arena_free(arena);
}

/* 512 channels of 7 x 7: the planes of the weights are 38 MB. One picture's four tiles are not
 * worth making or fetching them, eight pictures' are. With 256 channels of 14 x 14 one picture's
 * are. */
static void far_weights_want_many_tiles(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    CompileOptions *options = arena_make(arena, CompileOptions);
    options->prepare = true;
    const Plan *plan = plan_with(arena, "tests/winograd/far_weights.nn", options);
    assert_int_equal(kernels_of(plan, "infer", OP_conv, true), 1);
    assert_int_equal(kernels_of(plan, "infer", OP_conv, false), 1);
    assert_int_equal(kernels_of(plan, "infer_prepared", OP_conv, true), 1);
    assert_int_equal(kernels_of(plan, "infer_prepared", OP_conv, false), 1);
    assert_int_equal(kernels_of(plan, "train", OP_conv, true), 2);
    assert_int_equal(kernels_of(plan, "train", OP_conv_weight, true), 2);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(resnet20_has_it_where_it_pays),
        cmocka_unit_test(strict_keeps_to_the_formula),
        cmocka_unit_test(lenet_has_tiles_that_overlap),
        cmocka_unit_test(far_weights_want_many_tiles),
    };
    return cmocka_run_group_tests_name("where Winograd's form is chosen", tests, NULL, NULL);
}
