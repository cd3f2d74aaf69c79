/* Pictures: the loader of CIFAR-10, and what random_flip and random_crop do to a batch. */
#include "runtime_files.h"

#include "nn_batch.h"
#include "nn_step.h"

enum { SIDE = 32, PIXELS = 3 * SIDE * SIDE, RECORD = 1 + PIXELS, SAMPLES = 5, BATCH = 3 };

static const nn_io io[] = {
    {"image", NN_F32, 4, {BATCH, 3, SIDE, SIDE}, 1, 0},
    {"label", NN_I32, 1, {BATCH}, 1, 10},
};
static const nn_entry entry = {"train", BATCH, 64, 2, 0, 0, io, NULL, NULL, 0, NULL, NULL};
static const char *const targets[] = {"label", NULL};

/* Sample s has label s + 1 and the pixel s + 7 y + 3 x + 80 c at (c, y, x). */
static unsigned char pixel(int s, int c, int y, int x)
{
    return (unsigned char)(s + 7 * y + 3 * x + 80 * c);
}

static const char *write_records(void **state, char *path, size_t size, size_t cut)
{
    static unsigned char bytes[SAMPLES * RECORD];
    for (int s = 0; s < SAMPLES; s++) {
        unsigned char *at = bytes + s * RECORD;
        *at++ = (unsigned char)(s + 1);
        for (int i = 0; i < PIXELS; i++)
            *at++ = pixel(s, i / (SIDE * SIDE), i / SIDE % SIDE, i % SIDE);
    }
    file_path(state, path, size, "batch.bin");
    file_write(path, bytes, sizeof bytes - cut);
    return path;
}

static nn_data *load(void **state, size_t cut, nn_error *error)
{
    char path[64];
    nn_option option = {NULL, NN_TEXT, 0, 0, NULL, NULL, NULL, 0};
    nn_step step = {"cifar10", &option, 1};
    nn_request request = {&step, &entry, "", NULL, 0, NULL, 1};
    nn_data *data = NULL;
    option.text = write_records(state, path, sizeof path, cut);
    nn_find_loader("cifar10")->load(&request, &data, error);
    return data;
}

static void records_become_pictures_and_labels(void **state)
{
    nn_data *data = load(state, 0, NULL);
    nn_column *image = nn_data_column(data, "image"), *label = nn_data_column(data, "label");
    assert_int_equal(data->count, SAMPLES);
    assert_int_equal(nn_data_bind(data, &entry, NULL), NN_OK);
    for (int s = 0; s < SAMPLES; s++) {
        assert_true(nn_column_value(label, s, 0) == s + 1);
        assert_true(nn_column_value(image, s, (2 * SIDE + 5) * SIDE + 9) == pixel(s, 2, 5, 9));
    }
    nn_data_free(data);
}

static void half_a_record_is_refused(void **state)
{
    nn_error error;
    memset(&error, 0, sizeof error);
    assert_null(load(state, 100, &error));
    assert_int_equal(error.code, NN_ERR_TRUNCATED);
    assert_string_equal(error.reason, "15265 bytes are no whole number of records of 3073");
}

static void transform(const char *name, double padding, nn_data *data, int fitting)
{
    nn_option option = {"padding", NN_NUMBER, 0, 0, NULL, NULL, NULL, 0};
    nn_step step = {name, &option, 1};
    nn_parts parts = {data, NULL, &entry, targets, NULL, fitting};
    option.number = padding;
    step.option_count = padding > 0;
    assert_int_equal(nn_find_transform(name)->apply(&step, &parts, NULL), NN_OK);
}

/* Whether the picture is sample s, mirrored or not, moved by (down, right) within zeros. */
static int is_moved(const float *image, int s, int mirrored, int down, int right)
{
    for (int i = 0; i < PIXELS; i++) {
        int y = i / SIDE % SIDE + down, x = i % SIDE + right;
        int inside = y >= 0 && y < SIDE && x >= 0 && x < SIDE;
        float want = inside ? pixel(s, i / (SIDE * SIDE), y, mirrored ? SIDE - 1 - x : x) : 0;
        if (image[i] != want) return 0;
    }
    return 1;
}

/* Counts, over some epochs, how often pictures were mirrored and moved; each must be one that the
 * two transforms can make. */
static void count_changes(nn_data *data, uint64_t seed, int *mirrored, int places[5][5])
{
    nn_batches *batches;
    assert_int_equal(nn_batches_open(&batches, data, &entry, NN_BATCH_SHUFFLE, seed, 0, NULL),
                     NN_OK);
    for (int b = 0; b < 60 * 2; b++) {
        const nn_batch *batch = nn_batches_next(batches);
        for (int r = 0; r < batch->count; r++) {
            const float *image = (const float *)batch->inputs[0] + r * PIXELS;
            int s = ((const int32_t *)batch->inputs[1])[r] - 1, found = 0;
            for (int i = 0; i < 2 * 25 && !found; i++) {
                found = is_moved(image, s, i & 1, i / 2 / 5 - 2, i / 2 % 5 - 2);
                if (found) places[i / 2 / 5][i / 2 % 5]++, *mirrored += i & 1;
            }
            assert_true(found);
        }
    }
    nn_batches_close(batches);
}

static void every_place_and_both_sides_occur(void **state)
{
    int mirrored = 0, places[5][5] = {{0}};
    nn_data *data = load(state, 0, NULL);
    assert_int_equal(nn_data_bind(data, &entry, NULL), NN_OK);
    transform("random_flip", 0, data, 1);
    transform("random_crop", 2, data, 1);
    count_changes(data, 3, &mirrored, places);
    assert_true(mirrored > 100 && mirrored < 200); /* of 300 */
    for (int i = 0; i < 25; i++) assert_true(places[i / 5][i % 5] > 1);
    nn_data_free(data);
}

static void the_same_seed_changes_alike(void **state)
{
    nn_data *data = load(state, 0, NULL);
    nn_batches *a, *b;
    assert_int_equal(nn_data_bind(data, &entry, NULL), NN_OK);
    transform("random_crop", 2, data, 1);
    assert_int_equal(nn_batches_open(&a, data, &entry, NN_BATCH_SHUFFLE, 9, 0, NULL), NN_OK);
    assert_int_equal(
        nn_batches_open(&b, data, &entry, NN_BATCH_SHUFFLE | NN_BATCH_PREFETCH, 9, 3, NULL), NN_OK);
    for (int i = 0; i < 6; i++) { /* b resumes where a stands after three */
        const nn_batch *x = nn_batches_next(a), *y;
        if (i < 3) continue;
        y = nn_batches_next(b);
        assert_int_equal(x->count, y->count);
        assert_memory_equal(x->inputs[0], y->inputs[0], sizeof(float) * PIXELS * (size_t)x->count);
    }
    nn_batches_close(a);
    nn_batches_close(b);
    nn_data_free(data);
}

static void validation_stays_as_it_is(void **state)
{
    nn_data *data = load(state, 0, NULL);
    int mirrored = 0, places[5][5] = {{0}};
    assert_int_equal(nn_data_bind(data, &entry, NULL), NN_OK);
    transform("random_flip", 0, data, 0);
    transform("random_crop", 4, data, 0);
    count_changes(data, 3, &mirrored, places);
    assert_true(mirrored == 0 && places[2][2] == 60 * SAMPLES);
    nn_data_free(data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(records_become_pictures_and_labels),
        cmocka_unit_test(half_a_record_is_refused),
        cmocka_unit_test(every_place_and_both_sides_occur),
        cmocka_unit_test(the_same_seed_changes_alike),
        cmocka_unit_test(validation_stays_as_it_is),
    };
    return cmocka_run_group_tests_name("pictures", tests, files_setup, files_teardown);
}
