/* The library's ctc against its definition: the sum over every path of labels and blanks that
 * reads as the text. */
#include <math.h>

#include "graphs.h"

#include "driver/buffers.h"
#include "driver/compile.h"
#include "driver/interp_model.h"

enum { ROWS = 6, STEPS = 5, CLASSES = 4, MOST = 3, BLANK = 2, PATHS = 1024 };    /* 4 to the 5th */

/* None, one, one twice (which needs a blank between), three, three of which two are equal. */
static const int32_t texts[ROWS][MOST] = {
    {-1, -1, -1}, {3, -1, -1}, {1, 1, -1}, {0, 1, 3}, {0, 3, 3}, {0, 1, -1}};

/* Whether the path reads as the text: runs of one class count once, blanks not at all. */
static bool reads_as(const int *path, const int32_t *text)
{
    int n = 0;
    for (int t = 0; t < STEPS; t++) {
        if (path[t] == BLANK || (t > 0 && path[t] == path[t - 1])) continue;
        if (n == MOST || text[n] != path[t]) return false;
        n++;
    }
    return n == MOST || text[n] < 0;
}

static double log_softmax(const float *logits, int c)
{
    double sum = 0;
    for (int i = 0; i < CLASSES; i++) sum += exp((double)logits[i]);
    return (double)logits[c] - log(sum);
}

/* -log of the sum of all paths' probabilities. */
static double by_definition(const float *logits, const int32_t *text)
{
    double sum = 0;
    for (int number = 0; number < PATHS; number++) {
        int path[STEPS];
        double log_p = 0;
        for (int t = 0, rest = number; t < STEPS; t++, rest /= CLASSES) path[t] = rest % CLASSES;
        for (int t = 0; t < STEPS; t++) log_p += log_softmax(logits + t * CLASSES, path[t]);
        if (reads_as(path, text)) sum += exp(log_p);
    }
    return -log(sum);
}

static const nn_entry *train_of(const nn_model *model)
{
    for (int i = 0; i < model->entry_count; i++)
        if (!strcmp(model->entries[i].name, "train")) return &model->entries[i];
    fail_msg("there is no train");
    return NULL;
}

static void every_alignment_counts(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const CompileOptions options = {0};
    Compilation c = compile_start(arena, "tests/ctc/ctc.nn", &options);
    assert_true(compile_or_tell(&c, STAGE_TRANSFORMED));
    const nn_model *model = interp_model(arena, c.module, false);
    const nn_entry *train = train_of(model);
    for (uint64_t seed = 1; seed <= 5; seed++) {
        nn_call *call = call_new(arena, model, train, floats_new(arena, 1), floats_new(arena, 1));
        call_random_inputs(call, model, train, seed);
        float *logits = call_input(call, 0);
        for (int i = 0; i < ROWS * STEPS * CLASSES; i++) logits[i] *= (float)seed;
        memcpy(call_input(call, 1), texts, sizeof texts);
        assert_int_equal(train->call(call), NN_OK);
        for (int row = 0; row < ROWS; row++) {
            const double want = by_definition(logits + row * STEPS * CLASSES, texts[row]);
            const double got = (double)((const float *)call->outputs[0])[row];
            if (!(fabs(got - want) <= 2e-5 * fmax(1, want)))
                fail_msg("row %d: %g, all alignments give %g", row, got, want);
        }
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_alignment_counts)};
    return cmocka_run_group_tests_name("ctc", tests, NULL, NULL);
}
