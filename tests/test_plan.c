/* The verifier of plans against plans with a mistake: every way to let two live values overlap, to
 * leave the workspace, or to run kernels in another order is refused. */
#include "blocks.h"
#include "kernel/kernel.h"
#include "passes/pass.h"

static Plan *sound_plan(Arena *arena)
{
    Module *m = module_new(arena, "plan");
    Graph *g = graph_new(arena, "train", 12);
    vec_push(arena, m->entries, g);
    Node *x = dense(m, g, matrix_input(m, g, "x", 12, 3), "a", 20);
    x = dense(m, g, gelu(m, g, softmax(m, g, layer_norm(m, g, x))), "b", 7);
    graph_output(g, OUT_OUTPUT, "logits", x, -1);
    row_loss(g, cross_entropy(g, x, label_input(m, g, 12, 7)));
    const PassOptions options = {.verify = true};
    const char *wrong = passes_run(m, &options);
    if (wrong) fail_msg("%s", wrong);
    Plan *plan = plan_module(arena, m, 0);
    wrong = plan_verify(arena, plan);
    if (wrong) fail_msg("a sound plan is refused: %s", wrong);
    return plan;
}

static void refused(const Plan *plan, const char *what, const char *text)
{
    const char *wrong = plan_verify(plan->arena, plan);
    if (!wrong) fail_msg("%s: accepted", what);
    if (!strstr(wrong, text)) fail_msg("%s: refused, but: %s", what, wrong);
}

/* ---- liveness once more, by looking at every kernel ---- */

static bool touches(const Kernel *k, const Value *v)
{
    for (int i = 0; i < k->operands.count; i++)
        if (k->operands.at[i] == v) return true;
    for (int i = 0; i < k->results.count; i++)
        if (k->results.at[i] == v) return true;
    return false;
}

static bool live_at(const EntryPlan *entry, const Value *v, int step)
{
    bool before = false, after = false;
    for (int i = 0; i < entry->kernels.count; i++) {
        before |= i <= step && touches(entry->kernels.at[i], v);
        after |= i >= step && touches(entry->kernels.at[i], v);
    }
    return before && after;
}

static bool live_together(const EntryPlan *entry, const Value *a, const Value *b)
{
    for (int i = 0; i < entry->kernels.count; i++)
        if (live_at(entry, a, i) && live_at(entry, b, i)) return true;
    return false;
}

/* ---- mistakes ---- */

static void overlaps_are_refused(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const Plan *plan = sound_plan(arena);
    EntryPlan *entry = plan->entries.at[0];
    int tried = 0, shared = 0;
    entry->workspace_bytes *= 4; /* room, so that overlaps alone are wrong */
    for (int i = 0; i < entry->values.count; i++)
        for (int j = 0; j < entry->values.count; j++) {
            Value *a = entry->values.at[i];
            const Value *b = entry->values.at[j];
            const int64_t kept = a->offset;
            if (i == j || a->place != AT_WORK || b->place != AT_WORK) continue;
            shared += a->offset == b->offset;
            if (!live_together(entry, a, b)) continue;
            a->offset = b->offset;
            refused(plan, a->name, "overlap");
            a->offset = kept;
            tried++;
        }
    assert_true(tried > 10);
    assert_true(shared > 0); /* memory is used again, so there is a point */
    assert_null(plan_verify(arena, plan));
    arena_free(arena);
}

static void outputs_that_may_be_left_out_have_room(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const Plan *plan = sound_plan(arena);
    EntryPlan *entry = plan->entries.at[0];
    int tried = 0;
    entry->workspace_bytes *= 4;
    for (int i = 0; i < entry->values.count; i++)
        for (int j = 0; j < entry->values.count; j++) {
            Value *a = entry->values.at[i];
            const Value *b = entry->values.at[j];
            const int64_t kept = a->offset;
            if (a->place != AT_OUTPUT || b->place != AT_WORK) continue;
            assert_true(a->offset >= 0);
            if (!live_together(entry, a, b)) continue;
            a->offset = b->offset;
            refused(plan, a->name, "overlap");
            a->offset = kept;
            tried++;
        }
    assert_true(tried > 0);
    arena_free(arena);
}

static void places_outside_the_workspace_are_refused(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const Plan *plan = sound_plan(arena);
    EntryPlan *entry = plan->entries.at[0];
    for (int i = 0; i < entry->values.count; i++) {
        Value *v = entry->values.at[i];
        const int64_t kept = v->offset, wrong[] = {-64, kept + 4, entry->workspace_bytes};
        for (int j = 0; v->place == AT_WORK && j < 3; j++) {
            v->offset = wrong[j];
            refused(plan, v->name, "outside the workspace");
        }
        v->offset = kept;
    }
    entry->workspace_bytes -= 64;
    refused(plan, "a smaller workspace", "outside the workspace");
    arena_free(arena);
}

static bool feeds(const Kernel *a, const Kernel *b)
{
    for (int i = 0; i < a->results.count; i++)
        for (int j = 0; j < b->operands.count; j++)
            if (b->operands.at[j] == a->results.at[i]) return true;
    return false;
}

static void another_order_is_refused(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const Plan *plan = sound_plan(arena);
    const EntryPlan *entry = plan->entries.at[0];
    int tried = 0;
    for (int i = 0; i + 1 < entry->kernels.count; i++) {
        Kernel *a = entry->kernels.at[i], *b = entry->kernels.at[i + 1];
        if (!feeds(a, b)) continue;
        entry->kernels.at[i] = b;
        entry->kernels.at[i + 1] = a;
        refused(plan, a->name, "before it is written");
        entry->kernels.at[i] = a;
        entry->kernels.at[i + 1] = b;
        tried++;
    }
    assert_true(tried > 3);
    arena_free(arena);
}

static void a_value_is_written_once(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const Plan *plan = sound_plan(arena);
    const EntryPlan *entry = plan->entries.at[0];
    Kernel *first = NULL, *last = entry->kernels.at[entry->kernels.count - 1];
    for (int i = 0; i < entry->kernels.count && !first; i++)
        if (entry->kernels.at[i]->results.count) first = entry->kernels.at[i];
    assert_non_null(first);
    vec_push(arena, last->results, first->results.at[0]);
    refused(plan, "a value with two writers", "twice");
    last->results.count--;
    vec_push(arena, first->operands, last->results.at[0]);
    refused(plan, "a value read before", "before it is written");
    arena_free(arena);
}

/* Of kernels in a loop over samples all leave alone what one of them uses, and what holds one
 * sample nobody reads for all. */
static void samples_are_kept_apart(void **state)
{
    enum { TIME = 160 };
    (void)state;
    Arena *arena = arena_new();
    Module *m = module_new(arena, "attention");
    Graph *g = graph_new(arena, "infer", 3);
    const Type type = batched(f32_type(3, (int64_t[]){3, TIME, 8}));
    vec_push(arena, m->entries, g);
    Node *x = declared_input(m, g, (TensorDecl){.name = "x", .type = type});
    graph_output(g, OUT_OUTPUT, "y", attention(g, x, x, x), -1);
    const Plan *plan = plan_module(arena, m, 0);
    EntryPlan *entry = plan->entries.at[0];
    Values one = {0};
    assert_null(plan_verify(arena, plan));
    for (int i = 0; i < entry->values.count; i++)
        if (entry->values.at[i]->one_sample) vec_push(arena, one, entry->values.at[i]);
    assert_true(one.count > 1);
    for (int i = 1; i < one.count; i++) {
        const int64_t kept = one.at[i]->offset;
        one.at[i]->offset = one.at[0]->offset;
        refused(plan, one.at[i]->name, "overlap");
        one.at[i]->offset = kept;
    }
    Kernel *last = entry->kernels.at[entry->kernels.count - 1];
    const Samples shorter = {last->samples->first, entry->kernels.at[entry->kernels.count - 2]};
    for (int i = 0; i < entry->kernels.count; i++)
        if (entry->kernels.at[i]->samples) entry->kernels.at[i]->samples = &shorter;
    last->samples = NULL;
    refused(plan, "a reader behind the loop", "holds one sample");
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(overlaps_are_refused),
        cmocka_unit_test(outputs_that_may_be_left_out_have_room),
        cmocka_unit_test(places_outside_the_workspace_are_refused),
        cmocka_unit_test(another_order_is_refused),
        cmocka_unit_test(a_value_is_written_once),
        cmocka_unit_test(samples_are_kept_apart),
    };
    return cmocka_run_group_tests_name("plans", tests, NULL, NULL);
}
