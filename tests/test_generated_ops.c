/* Every row of the table of operations as generated code on every target, against the interpreter:
 * forward and backward, at shapes odd for vectors, with rows beyond the count that hold NaN. */
#include "generated_check.h"
#include "op_cases.h"
#include "passes/pass.h"

#define BOUND 2e-5
enum { ODD_BATCH = 7 };

/* ---- building ---- */

/* Callers know the batch axis as the first of an output. */
static Node *batch_first(Graph *g, Node *y)
{
    int64_t axes[MAX_RANK] = {y->type.batch_axis};
    if (y->type.batch_axis <= 0) return y;
    for (int i = 0, n = 1; i < y->type.rank; i++)
        if (i != y->type.batch_axis) axes[n++] = i;
    return build_permute(g, y, axes);
}

/* NULL: the operation has no such variant. */
static Module *build_module(Arena *arena, Op op, int variant, int64_t batch)
{
    Module *m = case_module_new(arena, op_row(op)->name);
    static const char *const entries[] = {"forward", "backward"};
    m->source_name = "ops.nn";
    for (int i = 0; i < 2; i++) {
        Graph *g = graph_new(arena, entries[i], batch);
        Node *y = build_case(g, op, variant);
        if (!y) return NULL;
        graph_output(g, OUT_OUTPUT, "y", batch_first(g, y), -1);
        vec_push(arena, m->entries, g);
    }
    const PassOptions options = {.verify = true};
    const char *wrong = passes_run(m, &options);
    if (wrong) fail_msg("%s: %s", m->name, wrong);
    return m;
}

static Tensor *draw_inputs(Arena *arena, Op op, const Graph *graph, int64_t count)
{
    Tensor *inputs = arena_array(arena, Tensor, graph->inputs.count + 1);
    for (int i = 0; i < graph->inputs.count; i++) {
        inputs[i] = tensor_new(arena, graph->inputs.at[i]->type);
        for (int64_t e = 0; e < type_elements(inputs[i].type); e++)
            tensor_set(&inputs[i], e, is_invalid_row(inputs[i].type, count, e) ? NAN
                                      : draw(op, i, e));
    }
    return inputs;
}

static void queue(Suite *s, Op op, int variant, int model, int64_t count)
{
    static float values[] = {1.0f, -0.5f, 2.0f, 0.25f, 1.5f, -1.0f};
    float **value = arena_array(s->arena, float *, 1);
    const Module *m = s->generated->models.at[model].module;
    const char *name = arena_printf(s->arena, "%s variant %d", op_row(op)->name, variant);
    *value = values;
    for (int i = 0; i < m->entries.count; i++) {
        const Tensor *inputs = draw_inputs(s->arena, op, m->entries.at[i], count);
        suite_queue(s, name, model, m->entries.at[i], value, value, inputs, count);
    }
}

/* ---- the table ---- */

typedef enum Variant { NO_MORE, NOT_LOWERED, COMPARED } Variant;

static Variant add_variant(Suite *s, Op op, int variant, int64_t batch)
{
    Module *m = build_module(s->arena, op, variant, batch);
    if (!m) return NO_MORE;
    if (lower_unsupported(m)) return NOT_LOWERED;
    const int model = generated_add(s->generated, m, -1);
    queue(s, op, variant, model, batch);
    queue(s, op, variant, model, batch - 1);
    return COMPARED;
}

static bool add_operation(Suite *s, Op op, int64_t batch)
{
    int variant = 0;
    Variant last, best = NO_MORE;
    for (; (last = add_variant(s, op, variant, batch)) != NO_MORE; variant++)
        if (last > best) best = last;
    if (best == NO_MORE) fail_msg("%s has no case", op_row(op)->name);
    return best == COMPARED;
}

/* Not optimised, which would take most of the time; then gcc 12's intrinsics are macros that
 * -Wsign-conversion sees. */
static void operations(void **state)
{
    Suite s = suite_begin(*state, "ops", "-O0 -Wno-sign-conversion");
    Text alone = text_new(s.arena);
    for (int op = 0; op < OP_COUNT; op++) {
        const bool compared = add_operation(&s, (Op)op, BATCH);
        add_operation(&s, (Op)op, ODD_BATCH);
        if (!compared) text_addf(&alone, " %s", op_row((Op)op)->name);
    }
    if (alone.length)
        print_message("[          ] in the interpreter alone, not compared:%s\n", alone.at);
    suite_end(&s, BOUND);
}

/* An argument chooses tests: "*avx2". */
int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {ON_EVERY_TARGET(operations)};
    if (argc > 1) cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests_name("generated operations", tests, NULL, NULL);
}
