/* --max-workspace: plans within a limit compute what plans without one do, and where none fits it
 * is said by how much. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <string.h>

#include "driver/buffers.h"
#include "driver/subject.h"
#include "nn_weights.h"
#include "target/target.h"

/* Training of a program within so many hundredths of what it takes without a limit, or within so
 * many bytes: what it takes without one may come near to the least. */
typedef struct Case {
    const char *program, *sets[3];
    int percent;
    int64_t bytes;
} Case;

static const Case cases[] = {
    {"examples/resnet20.nn", {"train.batch=2", 0}, .percent = 70},
    {"examples/tiny_yolo.nn", {"train.batch=1", 0}, .percent = 83},
    {"examples/char_gpt.nn", {"train.batch=2", 0}, .percent = 55},
    {"examples/bert_classifier.nn", {"train.batch=2", 0}, .percent = 55},
    {"examples/speech_ctc.nn", {"train.batch=2", 0}, .bytes = 2330000},
};
static const Case small[] = {
    {"examples/char_gpt.nn", {"train.batch=3", "depth=2", 0}, .percent = 65},
    {"tests/workspace/residual.nn", {0}, .percent = 62},
};

static const char *const train[] = {"train"};

typedef struct Pair {
    Arena *arena;
    CompileOptions options[2];
    Compilation whole, fitted;
    int64_t limit;
} Pair;

static Compilation planned(Arena *arena, const Case *which, CompileOptions *options)
{
    options->elaborate.sets = (const char **)(uintptr_t)which->sets;
    while (which->sets[options->elaborate.set_count]) options->elaborate.set_count++;
    options->entries = train;
    options->entry_count = 1;
    options->emit.optimizer = -1;
    options->emit.command = "test";
    options->targets[0] = target_find("native");
    options->target_count = 1;
    Compilation c = compile_start(arena, which->program, options);
    if (!compile_or_tell(&c, STAGE_PLANNED)) fail_msg("%s does not fit", which->program);
    return c;
}

static void pair_new(Pair *p, const Case *which)
{
    *p = (Pair){.arena = arena_new()};
    p->whole = planned(p->arena, which, &p->options[0]);
    const int64_t whole = p->whole.plan->entries.at[0]->workspace_bytes;
    p->limit = which->bytes ? which->bytes : whole * which->percent / 100;
    assert_true(p->limit <= whole);
    p->options[1].max_workspace = p->limit;
    p->fitted = planned(p->arena, which, &p->options[1]);
}

/* What one step gives, from the same weights and inputs. */
static Results step(Arena *arena, const Subject *s, const nn_model *named)
{
    const nn_entry *entry = nn_find_entry(s->model, "train");
    float *params = floats_new(arena, (int64_t)named->param_floats),
          *states = floats_new(arena, (int64_t)named->state_floats);
    Subject start = {.model = named, .params = params, .states = states};
    Subject to = *s;
    nn_weights_start(named, params, states, 3);
    subject_copy(&start, &to);
    nn_call *call = call_new(arena, s->model, entry, s->params, s->states);
    call_random_inputs(call, s->model, entry, 5);
    call->count -= entry->batch > 2;
    call->seed = 11;
    memset(call->workspace, 0xff, entry->workspace_bytes);
    assert_int_equal(entry->call(call), NN_OK);
    return call_results(arena, s->model, entry, call);
}

static void compare(const char *program, const Results *a, const Results *b, double tolerance)
{
    assert_int_equal(a->count, b->count);
    for (int i = 0; i < a->count; i++) {
        const Result *x = &a->at[i], *y = result_find(b, x->kind, x->name);
        const Difference d = floats_differ(y->values, x->values, x->elements, 1e-3);
        if (!d.finite || d.relative > tolerance)
            fail_msg("%s: %s differs by %g", program, x->name, d.relative);
    }
}

/* With those of the steps of scans. */
static int count_nodes(const Graph *graph)
{
    int nodes = graph->nodes.count;
    for (int i = 0; i < graph->nodes.count; i++)
        if (graph->nodes.at[i]->body) nodes += count_nodes(graph->nodes.at[i]->body);
    return nodes;
}

static void check_fit(const Pair *p, const Case *which)
{
    const EntryPlan *entry = p->fitted.plan->entries.at[0];
    if (entry->workspace_bytes > p->limit)
        fail_msg("%s takes %lld bytes, allowed are %lld", which->program,
                 (long long)entry->workspace_bytes, (long long)p->limit);
    assert_true(entry->workspace_lower_bound <= entry->workspace_bytes);
    assert_null(plan_verify(p->arena, p->fitted.plan));
    assert_true(count_nodes(entry->graph) > count_nodes(p->whole.plan->entries.at[0]->graph));
}

/* The interpreter computes what is computed again by the same rules: the same bits. */
static void graphs_compute_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Pair p;
        Subject whole, fitted;
        pair_new(&p, &cases[i]);
        check_fit(&p, &cases[i]);
        assert_true(subject_interp(&p.whole, true, &whole));
        assert_true(subject_interp(&p.fitted, true, &fitted));
        const Results a = step(p.arena, &whole, whole.model),
                      b = step(p.arena, &fitted, whole.model);
        compare(cases[i].program, &a, &b, 0);
        arena_free(p.arena);
    }
}

static void generated_code_computes_the_same(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof small / sizeof *small; i++) {
        Pair p;
        Subject whole, fitted;
        pair_new(&p, &small[i]);
        check_fit(&p, &small[i]);
        assert_true(subject_native(&p.whole, &whole));
        assert_true(subject_native(&p.fitted, &fitted));
        assert_true(nn_find_entry(fitted.model, "train")->workspace_bytes <= (size_t)p.limit);
        const Results a = step(p.arena, &whole, whole.model),
                      b = step(p.arena, &fitted, whole.model);
        compare(small[i].program, &a, &b, 1e-4);
        native_close(&whole.native);
        native_close(&fitted.native);
        arena_free(p.arena);
    }
}

/* A limit that holds anyway changes nothing. */
static void room_enough_changes_nothing(void **state)
{
    static const Case with_room = {"examples/lenet.nn", {"train.batch=4", 0}, .percent = 100};
    (void)state;
    Pair p;
    pair_new(&p, &with_room);
    assert_int_equal(p.whole.plan->entries.at[0]->graph->nodes.count,
                     p.fitted.plan->entries.at[0]->graph->nodes.count);
    arena_free(p.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(graphs_compute_the_same),
        cmocka_unit_test(generated_code_computes_the_same),
        cmocka_unit_test(room_enough_changes_nothing),
    };
    return cmocka_run_group_tests_name("workspace", tests, NULL, NULL);
}
