/* Boxes to the grid of a detector and back, overlap, suppression, how well they
 * were found; NPY files written and read. */
#include <math.h>

#include "nn_array.h"
#include "nn_boxes.h"
#include "runtime_files.h"

enum { ROWS = 3, COLUMNS = 4, ANCHORS = 2, CATEGORIES = 3, CELLS = ROWS * COLUMNS };

static const float anchors[ANCHORS][2] = {{8, 8}, {20, 10}};
static const nn_box_grid grid = {ROWS, COLUMNS, CATEGORIES, 10, 12, ANCHORS, anchors};

typedef struct Targets {
    float objectness[ANCHORS * CELLS], box[4 * ANCHORS * CELLS];
    int category[ANCHORS * CELLS];
} Targets;

/* The output of a network that has learned the targets by heart. */
static void answer(const Targets *t, float *output)
{
    for (int a = 0; a < ANCHORS; a++)
        for (int c = 0; c < CELLS; c++) {
            float *at = output + a * (5 + CATEGORIES) * CELLS + c;
            const float *box = t->box + 4 * a * CELLS + c;
            for (int i = 0; i < 4; i++)
                at[i * CELLS] = i < 2 ? logf(box[i * CELLS] / (1 - box[i * CELLS]))
                                      : box[i * CELLS];
            at[4 * CELLS] = t->objectness[a * CELLS + c] > 0 ? 8.0f : -8.0f;
            for (int i = 0; i < CATEGORIES; i++)
                at[(5 + i) * CELLS] = i == t->category[a * CELLS + c] ? 9.0f : 0.0f;
        }
}

static void assert_box(const nn_box *got, const nn_box *want)
{
    assert_float_equal(got->x1, want->x1, 1e-4);
    assert_float_equal(got->y1, want->y1, 1e-4);
    assert_float_equal(got->x2, want->x2, 1e-4);
    assert_float_equal(got->y2, want->y2, 1e-4);
    assert_int_equal(got->category, want->category);
}

static void boxes_come_back(void **state)
{
    const nn_box boxes[] = {{1, 2, 8, 9, 2, 0}, {12, 14, 33, 23, 1, 0}, {13, 13, 21, 22, 0, 0}};
    float output[ANCHORS * (5 + CATEGORIES) * CELLS];
    Targets t;
    nn_box found[8];
    (void)state;
    assert_int_equal(nn_boxes_encode(&grid, boxes, 3, t.objectness, t.box, t.category), 3);
    answer(&t, output);
    assert_int_equal(nn_boxes_decode(&grid, output, 0.5f, found, 8), 3);
    for (int i = 0; i < 3; i++) {
        int j = 0;
        while (found[j].category != boxes[i].category) j++;
        assert_box(&found[j], &boxes[i]);
        assert_float_equal(found[j].score, 1 / (1 + expf(-8)) / (1 + 2 * expf(-9)), 1e-5);
    }
}

/* Of the shape of the first anchor, whose place is taken: then the second's, then none. */
static void a_cell_fills_up(void **state)
{
    const nn_box boxes[] = {{1, 1, 9, 9, 0, 0}, {2, 1, 9, 9, 1, 0}, {1, 2, 9, 9, 2, 0}};
    Targets t;
    (void)state;
    assert_int_equal(nn_boxes_encode(&grid, boxes, 3, t.objectness, t.box, t.category), 2);
    assert_float_equal(t.objectness[0], 1, 0);
    assert_float_equal(t.objectness[CELLS], 1, 0);
    assert_int_equal(t.category[0], 0);
    assert_int_equal(t.category[CELLS], 1);
    assert_float_equal(t.box[4 * CELLS + 2 * CELLS], log(7.0 / 20), 1e-6);
}

static void what_has_no_place(void **state)
{
    const nn_box boxes[] = {{5, 5, 5, 9, 0, 0},   {-9, 1, -1, 9, 0, 0}, {39, 1, 42, 9, 0, 0},
                            {1, 33, 9, 40, 0, 0}, {1, 1, 9, 9, 3, 0},   {1, 1, 9, 9, -1, 0},
                            {NAN, 1, 9, 9, 0, 0}};
    Targets t;
    (void)state;
    assert_int_equal(nn_boxes_encode(&grid, boxes, 7, t.objectness, t.box, t.category), 0);
    for (int i = 0; i < ANCHORS * CELLS; i++) assert_float_equal(t.objectness[i], 0, 0);
}

/* The surest of more than there is room for, in falling order; what is no number is none. */
static void the_surest_are_kept(void **state)
{
    float output[ANCHORS * (5 + CATEGORIES) * CELLS] = {0};
    nn_box found[3];
    (void)state;
    for (int c = 0; c < CELLS; c++) output[4 * CELLS + c] = (float)((c * 5) % CELLS);
    for (int c = 0; c < CELLS; c++) output[(5 + CATEGORIES + 4) * CELLS + c] = NAN;
    assert_int_equal(nn_boxes_decode(&grid, output, 0, found, 3), 3);
    for (int i = 0; i < 3; i++)
        assert_float_equal(found[i].score, 1 / (1 + expf((float)i - 11)) / CATEGORIES, 1e-6);
    assert_int_equal(nn_boxes_decode(&grid, output, 0, found, 0), 0);
    assert_int_equal(nn_boxes_decode(&grid, output, 1, found, 3), 0);
}

static void overlap_is_common_over_all(void **state)
{
    const nn_box a = {0, 0, 4, 4, 0, 0}, b = {2, 2, 6, 4, 0, 0}, c = {4, 0, 8, 4, 0, 0};
    (void)state;
    assert_float_equal(nn_boxes_overlap(&a, &b), 4.0 / 20, 1e-6);
    assert_float_equal(nn_boxes_overlap(&b, &a), 4.0 / 20, 1e-6);
    assert_float_equal(nn_boxes_overlap(&a, &a), 1, 1e-6);
    assert_float_equal(nn_boxes_overlap(&a, &c), 0, 0);
}

static void only_the_surest_of_a_heap_stays(void **state)
{
    nn_box boxes[] = {{0, 0, 10, 10, 0, 0.5f},
                      {1, 0, 11, 10, 0, 0.9f},
                      {1, 0, 11, 10, 1, 0.4f},
                      {8, 0, 18, 10, 0, 0.8f},
                      {0, 0, 10, 10, 1, 0.3f}};
    (void)state;
    assert_int_equal(nn_boxes_suppress(boxes, 5, 0.5f), 3);
    assert_float_equal(boxes[0].score, 0.9f, 0);
    assert_float_equal(boxes[1].score, 0.8f, 0);
    assert_float_equal(boxes[2].score, 0.4f, 0);
    assert_int_equal(nn_boxes_suppress(boxes, 0, 0.5f), 0);
}

/* The surer one takes the box that both overlap; of another category there is none. */
static void a_wanted_box_is_found_once(void **state)
{
    const nn_box wanted[] = {{0, 0, 10, 10, 0, 0}, {20, 0, 30, 10, 0, 0}, {3, 0, 13, 10, 0, 0}};
    const nn_box found[] = {{0, 0, 10, 11, 0, 0.9f},
                            {1, 0, 11, 10, 0, 0.8f},
                            {20, 0, 30, 10, 1, 0.7f},
                            {0, 0, 9, 10, 0, 0.6f},
                            {20, 0, 30, 5.1f, 0, 0.5f}};
    const int want[] = {0, 2, -1, -1, 1};
    int match[5];
    (void)state;
    nn_boxes_match(found, 5, wanted, 3, 0.5f, match);
    assert_memory_equal(match, want, sizeof want);
    nn_boxes_match(found, 5, wanted, 0, 0.5f, match);
    for (int i = 0; i < 5; i++) assert_int_equal(match[i], -1);
}

/* By hand: right, wrong, right, right, wrong of 5 wanted: precision 1, then 3/4 for the others. */
static void average_precision_by_hand(void **state)
{
    nn_box_verdict found[] = {{0.6f, 1}, {0.9f, 1}, {0.8f, 0}, {0.7f, 1}, {0.5f, 0}};
    nn_box_verdict equal[] = {{0.5f, 1}, {0.5f, 0}, {0.5f, 1}, {0.5f, 0}};
    (void)state;
    assert_float_equal(nn_boxes_average_precision(found, 5, 5), (1 + 0.75 + 0.75) / 5, 1e-12);
    assert_float_equal(found[0].score, 0.9f, 0);
    assert_float_equal(nn_boxes_average_precision(equal, 4, 2), 0.5, 1e-12);
    assert_float_equal(nn_boxes_average_precision(equal, 0, 2), 0, 0);
    assert_float_equal(nn_boxes_average_precision(equal, 4, 0), 0, 0);
}

static void npy_files_come_back(void **state)
{
    float reals[] = {1.5f, -2, 0, 3e30f, 1e-30f, 7};
    int32_t whole[] = {1, -2, INT32_MAX};
    unsigned char bytes[] = {0, 255, 7, 9};
    const nn_array arrays[] = {
        {NN_F32, 3, {1, 3, 2}, reals}, {NN_I32, 1, {3}, whole}, {NN_U8, 2, {2, 2}, bytes}};
    char path[256];
    nn_error error;
    for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) {
        const nn_array *a = &arrays[i];
        nn_array read;
        file_path(state, path, sizeof path, "a.npy");
        assert_int_equal(nn_npy_write(path, a, &error), 0);
        assert_int_equal(nn_npy_read(path, &read, &error), 0);
        assert_int_equal(read.dtype, a->dtype);
        assert_int_equal(read.rank, a->rank);
        for (int j = 0; j < a->rank; j++) assert_int_equal(read.dims[j], a->dims[j]);
        assert_memory_equal(read.values, a->values,
                            (size_t)nn_array_elements(a) * (a->dtype == NN_U8 ? 1 : 4));
        free(read.values);
    }
    assert_int_equal(nn_npy_write("/nowhere/a.npy", &arrays[0], &error), NN_ERR_WRITE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(boxes_come_back),
        cmocka_unit_test(a_cell_fills_up),
        cmocka_unit_test(what_has_no_place),
        cmocka_unit_test(the_surest_are_kept),
        cmocka_unit_test(overlap_is_common_over_all),
        cmocka_unit_test(only_the_surest_of_a_heap_stays),
        cmocka_unit_test(a_wanted_box_is_found_once),
        cmocka_unit_test(average_precision_by_hand),
        cmocka_unit_test(npy_files_come_back),
    };
    return cmocka_run_group_tests_name("boxes", tests, files_setup, files_teardown);
}
