/* Every program of examples/ as generated code on every target against the interpreter, run as
 * badly as the interface allows (tests/runner.c): garbage in the workspace and in rows beyond the
 * count, canaries, buffers aligned for float alone, two runs, outputs left out. Small batches;
 * nothing is dropped, since what is drawn is a matter of test_generated_ops. */
#include <glob.h>

#include "driver/compile.h"
#include "generated_check.h"

#define BOUND 1e-4                   /* of the largest element: sums of floats in another order */

#define NORM_BOUND 5e-2              /* of gradients */

enum { TRAIN = 2, INFER = 2 };

/* One entry from the program's initial weights, with all rows but one: what is left out shows what
 * is read beyond. */
static void queue_entry(Suite *s, const char *name, int model, const Graph *graph)
{
    const Module *m = s->generated->models.at[model].module;
    const int64_t count = graph->batch > 1 ? graph->batch - 1 : 1;
    Tensor *inputs = arena_array(s->arena, Tensor, graph->inputs.count + 1);
    for (int i = 0; i < graph->inputs.count; i++)
        inputs[i] = draw_input(s->arena, m, graph->inputs.at[i], count);
    suite_queue(s, name, model, graph, initial_values(s->arena, &m->params),
                initial_values(s->arena, &m->states), inputs, count);
}

static void check_program(const char *path, const Target *target)
{
    const char *slash = strrchr(path, '/');
    const int64_t infer = INFER;
    CompileOptions options = {.elaborate = {.infer_batches = &infer, .infer_batch_count = 1,
                                            .train_batch = TRAIN, .deterministic = true}};
    char name[64];
    snprintf(name, sizeof name, "model-%s", slash + 1);
    Suite s = suite_begin(target->name, name, "-O1");
    s.norm_bound = NORM_BOUND;
    Compilation c = compile_start(s.arena, path, &options);
    if (!compile_or_tell(&c, STAGE_TRANSFORMED)) fail_msg("%s does not compile", path);
    const Node *unsupported = lower_unsupported(c.module);
    if (unsupported) {
        print_message("[          ] %s: no template for %s\n", path,
                      op_row(unsupported->op)->name);
        arena_free(s.arena);
        return;
    }
    const int model = generated_add(s.generated, c.module, -1);
    for (int i = 0; i < c.module->entries.count; i++)
        queue_entry(&s, slash + 1, model, c.module->entries.at[i]);
    suite_end(&s, BOUND);
}

static void programs(void **state)
{
    const Target *target = target_find(*state);
    glob_t found;
    generated_or_skip(target);
    assert_int_equal(glob("examples/*.nn", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) check_program(found.gl_pathv[i], target);
    globfree(&found);
}

/* An argument chooses tests: "*avx2". */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {ON_EVERY_TARGET(programs)};
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("models", tests, NULL, NULL);
}
