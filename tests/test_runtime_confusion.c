/* Which classes are taken for which. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>

#include "nn_confusion.h"

enum { CLASSES = 3, ROWS = 6 };

/* The largest: 0 (the first of equals), 2, 1, 2, 0, 1. */
static const float logits[ROWS][CLASSES] = {{1, 1, 0},  {0, -1, 2}, {-3, -1, -2},
                                            {0, 0, .5f}, {4, 3, 2},  {0, 9, 1}};
static const int32_t labels[ROWS] = {0, 2, 1, 1, 0, -1};

static void count_twice(int64_t *counts)
{
    nn_confusion_add(counts, CLASSES, &logits[0][0], labels, 2);
    nn_confusion_add(counts, CLASSES, &logits[2][0], labels + 2, ROWS - 2);
}

static void rows_are_counted(void **state)
{
    static const int64_t want[CLASSES * CLASSES] = {2, 0, 0, 0, 1, 1, 0, 0, 1};
    int64_t counts[CLASSES * CLASSES] = {0};
    (void)state;
    count_twice(counts);
    assert_memory_equal(counts, want, sizeof want);
    assert_float_equal(nn_confusion_accuracy(counts, CLASSES), 0.8, 1e-12);
    assert_float_equal(nn_confusion_recall(counts, CLASSES, 1), 0.5, 1e-12);
    assert_float_equal(nn_confusion_precision(counts, CLASSES, 1), 1, 1e-12);
    assert_float_equal(nn_confusion_precision(counts, CLASSES, 2), 0.5, 1e-12);
}

static void nothing_is_no_share(void **state)
{
    const int64_t counts[CLASSES * CLASSES] = {0};
    (void)state;
    assert_float_equal(nn_confusion_accuracy(counts, CLASSES), 0, 0);
    assert_float_equal(nn_confusion_recall(counts, CLASSES, 0), 0, 0);
    assert_float_equal(nn_confusion_precision(counts, CLASSES, 0), 0, 0);
}

static void a_table_is_printed(void **state)
{
    static const char *const names[] = {"cat", "mouse", "dog"};
    static const char want[] = "         cat  mouse    dog  recall  precision\n"
                               "  cat      2      0      0   1.000      1.000\n"
                               "mouse      0      1      1   0.500      1.000\n"
                               "  dog      0      0      1   1.000      0.500\n";
    int64_t counts[CLASSES * CLASSES] = {0};
    char *said = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&said, &length);
    (void)state;
    count_twice(counts);
    nn_confusion_print(out, counts, CLASSES, names);
    fclose(out);
    assert_string_equal(said, want);
    free(said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(rows_are_counted),
                                       cmocka_unit_test(nothing_is_no_share),
                                       cmocka_unit_test(a_table_is_printed)};
    return cmocka_run_group_tests_name("confusion", tests, NULL, NULL);
}
