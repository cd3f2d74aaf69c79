/* Scans in generated code against the interpreter: programs of tests/scan, forward and backward, on
 * every target of this machine. */
#include "driver/compile.h"
#include "generated_check.h"

/* Recurrent layers both ways; carries that hand on their values or need each other; scans in scans;
 * rows picked in steps; steps enough for sums of weight gradients in stretches; chunks of steps;
 * the last step alone; the largest of a step, which gradients compare. */
static void programs(void **state)
{
    static const char *const names[] = {"gru",     "lstm", "carries", "mutual", "nested",
                                        "indices", "long", "chunks",  "last",   "largest"};
    Suite s = suite_begin(*state, "scan", "-O1");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const CompileOptions options = {0};
        const char *path = arena_printf(s.arena, "tests/scan/%s.nn", names[i]);
        Compilation c = compile_start(s.arena, path, &options);
        if (!compile_or_tell(&c, STAGE_ELABORATED)) fail();
        c.module->far_bytes = 1; /* as if caches were small */
        if (!compile_or_tell(&c, STAGE_TRANSFORMED)) fail();
        suite_add(&s, c.module, names[i]);
    }
    suite_end(&s, 2e-5);
}

/* What comes into a scan is checked in front of it; what no check can reach is refused. */
static void indices_are_checked_outside(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const CompileOptions options = {0};
    Compilation good = compile_start(arena, "tests/scan/indices.nn", &options);
    assert_true(compile_or_tell(&good, STAGE_PLANNED));
    const EntryPlan *infer = good.plan->entries.at[0];
    int checks = 0;
    for (int i = 0; i < infer->kernels.count; i++)
        checks += infer->kernels.at[i]->kind == KERNEL_CHECK;
    assert_int_equal(checks, 2);
    assert_int_equal(good.module->decls.at[0].limit, 5);
    Compilation bad = compile_start(arena, "tests/scan/unbounded.nn", &options);
    assert_true(compile_or_tell(&bad, STAGE_TRANSFORMED));
    assert_false(compile_to(&bad, STAGE_PLANNED));
    arena_free(arena);
}

/* The steps are a loop: more of them make no more code. One is a product and the gates, which leave
 * the carry where the next step reads it. */
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
            assert_int_equal(infer->kernels.at[i]->body->kernels.count, 2);
        }
    assert_int_equal(scans, 2);
    arena_free(arena);
}

static const EntryPlan *training_plan(Arena *arena, const char *path, int64_t far_bytes)
{
    const CompileOptions options = {0};
    Compilation c = compile_start(arena, path, &options);
    assert_true(compile_or_tell(&c, STAGE_ELABORATED));
    c.module->far_bytes = far_bytes;
    assert_true(compile_or_tell(&c, STAGE_PLANNED));
    for (int i = 0; i < c.plan->entries.count; i++)
        if (!strcmp(c.plan->entries.at[i]->name, "train")) return c.plan->entries.at[i];
    fail_msg("%s has no training entry", path);
    return NULL;
}

/* A yield of which only the last step is read is not kept of all steps, nor is its gradient. */
static void last_step_is_the_carry(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const CompileOptions options = {0};
    Compilation c = compile_start(arena, "tests/bench/lstm_classifier.nn", &options);
    assert_true(compile_or_tell(&c, STAGE_TRANSFORMED));
    int scans = 0;
    for (int e = 0; e < c.module->entries.count; e++) {
        const Graph *graph = c.module->entries.at[e];
        for (int i = 0; i < graph->nodes.count; i++) {
            const Node *node = graph->nodes.at[i];
            assert_int_not_equal(node->op, OP_pad);
            if (!node->body) continue;
            scans++;
            if (!strcmp(graph->name, "train")) continue;
            assert_int_equal(node->body->outputs.count, node->attr[1].ints[0]);
        }
    }
    assert_int_equal(scans, 4);
    arena_free(arena);
}

static int copies_in_steps(const EntryPlan *plan)
{
    int copies = 0;
    for (int i = 0; i < plan->kernels.count; i++) {
        const Kernel *k = plan->kernels.at[i];
        copies += plan->outer && k->kind == KERNEL_COPY;
        const bool onwards = k->body && k->forward && !k->anchor->attr[3].ints[0];
        if (onwards) copies += copies_in_steps(k->body);
    }
    return copies;
}

/* Carries live where the way back reads them, through chunks and without: no step saves them. Of
 * its product a gated recurrent unit saves one of three parts: the others are saved as gates. */
static void carries_live_where_they_are_saved(void **state)
{
    (void)state;
    static const char *const paths[] = {"tests/bench/lstm_classifier.nn", "tests/scan/lstm.nn",
                                        "tests/scan/gru.nn"};
    static const int copies[] = {0, 0, 1};
    for (size_t p = 0; p < sizeof paths / sizeof *paths; p++) {
        Arena *arena = arena_new();
        const EntryPlan *train = training_plan(arena, paths[p], p ? 1 : 0);
        assert_int_equal(copies_in_steps(train), copies[p]);
        arena_free(arena);
    }
}

/* The gradients of the gates are stored side by side by the pass that makes them, and the step
 * back reads only what it needs: the saved gates, each behind its activation, the cell, the
 * gradient. */
static void gates_go_back_in_one_pass(void **state)
{
    (void)state;
    static const char *const paths[] = {"tests/scan/lstm.nn", "tests/scan/gru.nn"};
    static const int multiplies[] = {1, 1};
    static const int sequences[] = {6, 6};
    for (int p = 0; p < 2; p++) {
        Arena *arena = arena_new();
        const EntryPlan *train = training_plan(arena, paths[p], 0);
        int backward = 0;
        for (int i = 0; i < train->kernels.count; i++) {
            const Kernel *k = train->kernels.at[i];
            if (k->kind != KERNEL_SCAN || k->forward) continue;
            int rows = 0, products = 0, others = 0;
            for (int j = 0; j < k->body->kernels.count; j++) {
                const KernelKind kind = k->body->kernels.at[j]->kind;
                rows += kind == KERNEL_ROWS;
                products += kind == KERNEL_CONTRACT;
                others += kind != KERNEL_ROWS && kind != KERNEL_CONTRACT && kind != KERNEL_COPY;
            }
            assert_int_equal(rows, 1);
            assert_int_equal(products, multiplies[p]);
            assert_int_equal(others, 0);
            assert_int_equal(k->anchor->attr[0].ints[0], sequences[p]);
            backward++;
        }
        assert_int_equal(backward, 2);
        arena_free(arena);
    }
}

/* Gates and their gradients of all steps do not fit a cache: the scan of a chunk stands in that
 * over chunks, which keeps them for one chunk alone and adds up the gradients of both weights and
 * of the bias. A scan of less, or of what others read, is left as it is. */
static void large_sequences_go_by_chunks(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const EntryPlan *train = training_plan(arena, "tests/scan/chunks.nn", 4 * 12 * 3 * 4 * 33);
    int chunked = 0, whole = 0;
    for (int i = 0; i < train->kernels.count; i++) {
        const Kernel *k = train->kernels.at[i];
        if (k->kind != KERNEL_SCAN) continue;
        int scans = 0, products = 0;
        for (int j = 0; j < k->body->kernels.count; j++) {
            scans += k->body->kernels.at[j]->kind == KERNEL_SCAN;
            products += k->body->kernels.at[j]->kind == KERNEL_CONTRACT;
        }
        chunked += scans;
        whole += !scans;
        if (scans) assert_int_equal(products, k->forward ? 1 : 2);
    }
    assert_int_equal(chunked, 4);
    assert_int_equal(whole, 2);
    for (int i = 0; i < train->values.count; i++) {
        const Value *v = train->values.at[i];
        assert_int_not_equal(type_elements(v->node->type), 12 * 3 * 4 * 33);
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_EVERY_TARGET(programs),
        cmocka_unit_test(indices_are_checked_outside),
        cmocka_unit_test(steps_are_not_unrolled),
        cmocka_unit_test(last_step_is_the_carry),
        cmocka_unit_test(carries_live_where_they_are_saved),
        cmocka_unit_test(gates_go_back_in_one_pass),
        cmocka_unit_test(large_sequences_go_by_chunks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
