/* Sampling: frequencies, the k largest, ties, what is no number, repetition. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "nn_sample.h"

enum { CLASSES = 5, DRAWS = 40000 };

static void count_draws(const nn_sampling *sampling, const float *logits, int *times)
{
    for (int i = 0; i < CLASSES; i++) times[i] = 0;
    for (uint64_t place = 0; place < DRAWS; place++) {
        const int c = nn_sample(sampling, logits, CLASSES, place);
        assert_in_range(c, 0, CLASSES - 1);
        times[c]++;
    }
}

/* Each share within five deviations of its probability. */
static void assert_shares(const int *times, const double *p)
{
    for (int i = 0; i < CLASSES; i++) {
        const double share = (double)times[i] / DRAWS, off = sqrt(p[i] * (1 - p[i]) / DRAWS);
        if (fabs(share - p[i]) > 5 * off + 1e-9) fail_msg("class %d: %g, not %g", i, share, p[i]);
    }
}

static void frequencies_are_those_of_softmax(void **state)
{
    (void)state;
    static const float logits[CLASSES] = {0, 1, -2, 3, 0.5f}, temperatures[] = {0.5f, 1, 4};
    for (int t = 0; t < 3; t++) {
        const nn_sampling sampling = {.temperature = temperatures[t], .seed = 7};
        double p[CLASSES], sum = 0;
        int times[CLASSES];
        for (int i = 0; i < CLASSES; i++) sum += p[i] = exp((double)(logits[i] / temperatures[t]));
        for (int i = 0; i < CLASSES; i++) p[i] /= sum;
        count_draws(&sampling, logits, times);
        assert_shares(times, p);
    }
}

static void only_the_largest_are_drawn(void **state)
{
    (void)state;
    static const float logits[CLASSES] = {0, 1, -2, 3, 0.5f};
    const nn_sampling sampling = {.temperature = 1, .top_k = 2, .seed = 1};
    const double one = exp(1), three = exp(3);
    int times[CLASSES];
    count_draws(&sampling, logits, times);
    assert_shares(times, (double[]){0, one / (one + three), 0, three / (one + three), 0});
}

static void the_first_of_equals_count_among_the_largest(void **state)
{
    (void)state;
    static const float logits[CLASSES] = {1, 2, 1, 1, -1};
    const nn_sampling sampling = {.temperature = 1, .top_k = 3, .seed = 1};
    const double sum = exp(2) + 2 * exp(1);
    int times[CLASSES];
    count_draws(&sampling, logits, times);
    assert_shares(times, (double[]){exp(1) / sum, exp(2) / sum, exp(1) / sum, 0, 0});
}

static void without_temperature_the_largest_wins(void **state)
{
    (void)state;
    const nn_sampling sampling = {.top_k = 3};
    assert_int_equal(nn_sample(&sampling, (float[]){0, 4, -1, 4, 2}, CLASSES, 0), 1);
}

static void what_is_no_number_is_never_drawn(void **state)
{
    (void)state;
    const nn_sampling sampling = {.temperature = 1, .seed = 2},
                      two = {.temperature = 1, .top_k = 2};
    const float logits[CLASSES] = {NAN, 0, -INFINITY, NAN, 0};
    int times[CLASSES];
    count_draws(&sampling, logits, times);
    assert_shares(times, (double[]){0, 0.5, 0, 0, 0.5});
    count_draws(&two, logits, times);
    assert_shares(times, (double[]){0, 0.5, 0, 0, 0.5});
    assert_int_equal(nn_sample(&sampling, (float[]){NAN, NAN}, 2, 0), -1);
    assert_int_equal(nn_sample(&sampling, logits, 0, 0), -1);
    const float endless[CLASSES] = {0, INFINITY, 1, -INFINITY, 2};
    assert_int_equal(nn_sample(&sampling, endless, CLASSES, 3), 1);
}

static void the_same_seed_and_place_repeat(void **state)
{
    (void)state;
    const float logits[CLASSES] = {0, 0, 0, 0, 0};
    const nn_sampling a = {.temperature = 1, .seed = 1}, b = {.temperature = 1, .seed = 2};
    int differ = 0;
    for (uint64_t place = 0; place < 100; place++) {
        const int c = nn_sample(&a, logits, CLASSES, place);
        assert_int_equal(nn_sample(&a, logits, CLASSES, place), c);
        differ += nn_sample(&b, logits, CLASSES, place) != c;
    }
    assert_in_range(differ, 60, 95);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(frequencies_are_those_of_softmax),
        cmocka_unit_test(only_the_largest_are_drawn),
        cmocka_unit_test(the_first_of_equals_count_among_the_largest),
        cmocka_unit_test(without_temperature_the_largest_wins),
        cmocka_unit_test(what_is_no_number_is_never_drawn),
        cmocka_unit_test(the_same_seed_and_place_repeat),
    };
    return cmocka_run_group_tests_name("sampling", tests, NULL, NULL);
}
