/* Sessions: what inference keeps from call to call. Generated code against the interpreter over
 * several calls, on every target of this machine; streams against whole sequences. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "graphs.h"

#include "driver/buffers.h"
#include "driver/compile.h"
#include "driver/interp_model.h"
#include "driver/native.h"
#include "emit/emit.h"
#include "target/target.h"
#include "nn_weights.h"

static const char flags[] = "-O1 -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror";

enum { CALLS = 5, SEED = 3 };

/* One way to run a program: interpreted, or generated for a target. */
typedef struct Runner {
    const nn_model *model;
    const nn_entry *infer;
    nn_call *call;
    Native native;
} Runner;

static void start_runner(Arena *arena, Runner *r)
{
    float *params = arena_array(arena, float, r->model->param_floats + 1);
    float *states = arena_array(arena, float, r->model->state_floats + 1);
    if (r->model->start) r->model->start(r->model->context, params, states, SEED);
    else r->model->init(params, SEED);
    for (int i = 0; i < r->model->entry_count; i++)
        if (!strcmp(r->model->entries[i].name, "infer")) r->infer = &r->model->entries[i];
    r->call = call_new(arena, r->model, r->infer, params, states);
}

/* target NULL: the interpreter. */
static Runner runner_new(Arena *arena, const char *path, const char *set, const char *target)
{
    Runner r = {0};
    CompileOptions options = {.targets = {target_find(target ? target : "scalar")},
                              .target_count = 1,
                              .emit = {.command = "test", .optimizer = -1}};
    options.elaborate = (ElaborateOptions){.sets = &set, .set_count = set != NULL};
    Compilation c = compile_start(arena, path, &options);
    if (!compile_or_tell(&c, target ? STAGE_LOWERED : STAGE_TRANSFORMED)) fail();
    if (target) {
        const char *problem = native_load(arena, compile_emission(&c), flags, &r.native);
        if (problem) fail_msg("%s: %s", path, problem);
        r.model = r.native.model;
    } else {
        r.model = interp_model(arena, c.module, false);
    }
    start_runner(arena, &r);
    return r;
}

static void runner_end(Runner *r)
{
    if (r->native.model) native_close(&r->native);
}

static bool runs_here(const char *target)
{
    return target_find(target)->width <= target_find("native")->width;
}

static void assert_near(const float *got, const float *want, int64_t n, const char *what)
{
    for (int64_t i = 0; i < n; i++)
        if (!(fabsf(got[i] - want[i]) <= 2e-5f * fmaxf(1, fabsf(want[i]))))
            fail_msg("%s: element %lld is %g, should be %g", what, (long long)i, (double)got[i],
                     (double)want[i]);
}

/* The same inputs to both, call after call: equal outputs and equal sessions. */
static void compare_calls(Runner *got, Runner *want, const char *what)
{
    assert_true(want->model->session_bytes > 0);
    assert_int_equal(got->model->session_bytes, want->model->session_bytes);
    for (int n = 0; n < CALLS; n++) {
        call_random_inputs(got->call, got->model, got->infer, (uint64_t)n);
        call_random_inputs(want->call, want->model, want->infer, (uint64_t)n);
        assert_int_equal(got->infer->call(got->call), NN_OK);
        assert_int_equal(want->infer->call(want->call), NN_OK);
        for (int i = 0; i < want->infer->output_count; i++)
            assert_near(got->call->outputs[i], want->call->outputs[i],
                        io_elements(&want->infer->outputs[i]), what);
        assert_near(got->call->sessions, want->call->sessions,
                    (int64_t)want->model->session_bytes / 4, what);
    }
}

static void compare_program(const char *path)
{
    static const char *const names[] = {"scalar", "avx2", "avx512"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        if (!runs_here(names[i])) {
            print_message("[  SKIPPED ] this processor lacks %s\n", names[i]);
            continue;
        }
        Arena *arena = arena_new();
        Runner want = runner_new(arena, path, NULL, NULL);
        Runner got = runner_new(arena, path, NULL, names[i]);
        compare_calls(&got, &want, arena_printf(arena, "%s on %s", path, names[i]));
        runner_end(&got);
        arena_free(arena);
    }
}

static void buffers_of_a_stream(void **state)
{
    (void)state;
    compare_program("tests/session/memory.nn");
}

static void recurrent_streams(void **state)
{
    (void)state;
    compare_program("tests/session/stream.nn");
}

/* Frames one by one, or three at a time, give what the whole sequence gives; a reset begins
 * anew. */
static void pieces_equal_the_whole(void **state)
{
    enum { FRAMES = 12, IN = 5, OUT = 4 };
    (void)state;
    Arena *arena = arena_new();
    Runner whole = runner_new(arena, "tests/session/stream.nn", "frames=12", "scalar");
    call_random_inputs(whole.call, whole.model, whole.infer, 1);
    assert_int_equal(whole.infer->call(whole.call), NN_OK);
    const float *frames = whole.call->inputs[0], *want = whole.call->outputs[0];
    for (int size = 1; size <= 3; size += 2) {
        Runner piece = runner_new(arena, "tests/session/stream.nn",
                                  arena_printf(arena, "frames=%d", size), "scalar");
        for (int round = 0; round < 2; round++) {
            memset(piece.call->sessions, 0, piece.model->session_bytes);
            for (int t = 0; t < FRAMES; t += size) {
                memcpy(call_input(piece.call, 0), frames + t * IN,
                       sizeof *frames * IN * (size_t)size);
                assert_int_equal(piece.infer->call(piece.call), NN_OK);
                assert_near(piece.call->outputs[0], want + t * OUT, OUT * size, "a piece");
            }
        }
        runner_end(&piece);
    }
    runner_end(&whole);
    arena_free(arena);
}

static void a_missing_session_is_refused(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Runner r = runner_new(arena, "tests/session/memory.nn", NULL, "scalar");
    r.call->sessions = NULL;
    assert_int_equal(r.infer->call(r.call), NN_BAD_ARGUMENT);
    runner_end(&r);
    arena_free(arena);
}

/* Every parameter of `to` from that of the same name. */
static void share_weights(Arena *arena, const Runner *from, const Runner *to)
{
    assert_int_equal(from->model->param_count, to->model->param_count);
    for (int i = 0; i < to->model->param_count; i++) {
        int j = 0;
        while (strcmp(from->model->params[j].name, to->model->params[i].name) != 0)
            if (++j == from->model->param_count)
                fail_msg("there is no %s", to->model->params[i].name);
        const int64_t n = nn_tensor_elements(&to->model->params[i]);
        float *logical = arena_array(arena, float, n + 1);
        nn_tensor_get(&from->model->params[j], from->call->params, logical);
        nn_tensor_set(&to->model->params[i], (float *)(uintptr_t)to->call->params, logical);
    }
}

/* Letters one at a time, or four, with a cache of keys and values: the logits of the whole text. */
static void a_cache_gives_what_the_whole_text_gives(void **state)
{
    enum { CONTEXT = 64, VOCAB = 65 };
    static const char step_file[] = "examples/generate/char_gpt_step.nn";
    (void)state;
    Arena *arena = arena_new();
    Runner whole = runner_new(arena, "examples/char_gpt.nn", NULL, "scalar");
    call_random_inputs(whole.call, whole.model, whole.infer, 1);
    assert_int_equal(whole.infer->call(whole.call), NN_OK);
    const int32_t *letters = whole.call->inputs[0];
    const float *want = whole.call->outputs[0];
    for (int size = 1; size <= 4; size += 3) {
        const char *set = arena_printf(arena, "steps=%d", size);
        Runner piece = runner_new(arena, step_file, set, "native");
        share_weights(arena, &whole, &piece);
        for (int t = 0; t < CONTEXT; t += size) {
            memcpy(call_input(piece.call, 0), letters + t, sizeof *letters * (size_t)size);
            assert_int_equal(piece.infer->call(piece.call), NN_OK);
            assert_near(piece.call->outputs[0], want + t * VOCAB, VOCAB * size, "a letter");
        }
        void *full = arena_array(arena, char, piece.model->session_bytes);
        memcpy(full, piece.call->sessions, piece.model->session_bytes);
        assert_int_equal(piece.infer->call(piece.call), NN_BAD_INDEX);
        assert_memory_equal(full, piece.call->sessions, piece.model->session_bytes);
        runner_end(&piece);
    }
    runner_end(&whole);
    arena_free(arena);
}

/* Of a cache a call writes the new rows alone. */
static void a_cache_is_written_in_place(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const CompileOptions options = {0};
    Compilation c = compile_start(arena, "examples/generate/char_gpt_step.nn", &options);
    assert_true(compile_or_tell(&c, STAGE_PLANNED));
    const EntryPlan *infer = c.plan->entries.at[0];
    int puts = 0;
    for (int i = 0; i < infer->kernels.count; i++) {
        const Kernel *k = infer->kernels.at[i];
        puts += k->kind == KERNEL_PUT && k->results.at[0]->place == AT_SESSION;
        if (k->kind == KERNEL_COPY) assert_true(k->results.at[0]->elements <= 512);
    }
    assert_int_equal(puts, 8);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(buffers_of_a_stream),
        cmocka_unit_test(recurrent_streams),
        cmocka_unit_test(pieces_equal_the_whole),
        cmocka_unit_test(a_cache_gives_what_the_whole_text_gives),
        cmocka_unit_test(a_cache_is_written_in_place),
        cmocka_unit_test(a_missing_session_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
