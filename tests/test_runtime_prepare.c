/* Preparation of what was loaded, and the real files that it was written for. */
#include "runtime_data.h"

/* --- preparation --- */

static nn_data *small_table(void) {
    static const float x[] = { 1, 7, 2, 7, 3, 7, 1, 7, 9, 7, 9, 7 };
    static const int64_t two[] = { 2 };
    nn_data *data = nn_data_new(6, 2, NULL);
    memcpy(nn_data_add(data, "x", NN_F32, 1, two, NULL, NULL)->values, x, sizeof x);
    nn_data_add(data, "label", NN_I32, 0, NULL, NULL, NULL);
    return data;
}

static void apply(const char *name, const nn_option *options, int count, nn_parts *parts) {
    nn_step step = { NULL, NULL, 0 };
    step.name = name;
    step.options = options;
    step.option_count = count;
    assert_int_equal(nn_find_transform(name)->apply(&step, parts, NULL), NN_OK);
}

static nn_parts make_parts(const Wanted *w, nn_fitted *fitted) {
    nn_parts parts = { NULL, NULL, NULL, targets, NULL, 1 };
    memset(fitted, 0, sizeof *fitted);
    parts.data = small_table();
    parts.entry = &w->entry;
    parts.fitted = fitted;
    return parts;
}

/* Columns 1,2,3 | 1,9,9 of the first element; the second is constant. */
static void standardize_fits_the_training_part(void **state) {
    static const int64_t two[] = { 2 };
    nn_option half = number_option(NULL, 0.5);
    nn_fitted fitted;
    nn_parts parts;
    nn_column *x;
    Wanted w;
    (void)state;
    make_wanted(&w, 1, two);
    parts = make_parts(&w, &fitted);
    apply("split", &half, 1, &parts);
    apply("standardize", NULL, 0, &parts);
    x = nn_data_column(parts.data, "x");
    assert_true(parts.data->count == 3 && parts.validate->count == 3);
    assert_true(fabs(nn_column_value(x, 0, 0) + sqrt(1.5)) < 1e-6);
    assert_true(nn_column_value(x, 1, 0) == 0 && nn_column_value(x, 0, 1) == 0);
    assert_true(fabs(nn_column_value(x, nn_data_row(parts.validate, 1), 0) - 7 * sqrt(1.5)) < 1e-5);
    assert_true(nn_fitted_get(&fitted, "x", "mean")->values[0] == 2);
    assert_true(nn_fitted_get(&fitted, "x", "std")->values[1] == 1);
    {
        nn_parts other = parts;                  /* a pipeline of validate reads what was fitted */
        other.data = small_table();
        other.fitting = 0;
        apply("standardize", NULL, 0, &other);
        assert_true(nn_column_value(nn_data_column(other.data, "x"), 1, 0) == 0);
        nn_data_free(other.data);
    }
    nn_data_free(parts.data);
    nn_data_free(parts.validate);
    nn_fitted_free(&fitted);
}

static void unique_and_split_share_no_sample(void **state) {
    static const int64_t two[] = { 2 };
    nn_option options[2];
    nn_fitted fitted;
    nn_parts parts;
    int seen[6] = { 0 };
    Wanted w;
    (void)state;
    options[0] = number_option(NULL, 0.5);
    options[1] = number_option("seed", 1);
    make_wanted(&w, 1, two);
    parts = make_parts(&w, &fitted);
    apply("unique", NULL, 0, &parts);
    assert_int_equal(parts.data->count, 4);      /* rows 0, 1, 2, 4 */
    apply("split", options, 2, &parts);
    assert_true(parts.data->count == 2 && parts.validate->count == 2);
    for (int i = 0; i < 2; i++) seen[nn_data_row(parts.data, i)]++;
    for (int i = 0; i < 2; i++) seen[nn_data_row(parts.validate, i)]++;
    assert_true(seen[0] == 1 && seen[1] == 1 && seen[2] == 1 && seen[4] == 1);
    nn_data_free(parts.data);
    nn_data_free(parts.validate);
}

static void normalize_behind_scale(void **state) {
    static const int64_t two[] = { 2 };
    static const double mean[] = { 0.5, 0.25 }, deviation[] = { 0.5, 2 };
    nn_option factor = number_option(NULL, 0.1), options[2];
    nn_fitted fitted;
    nn_parts parts;
    nn_column *x;
    Wanted w;
    (void)state;
    options[0] = number_option("mean", 0);
    options[1] = number_option("std", 0);
    options[0].numbers = mean;
    options[1].numbers = deviation;
    options[0].count = options[1].count = 2;
    make_wanted(&w, 1, two);
    parts = make_parts(&w, &fitted);
    apply("scale", &factor, 1, &parts);
    apply("normalize", options, 2, &parts);
    x = nn_data_column(parts.data, "x");
    assert_true(fabs(nn_column_value(x, 4, 0) - (0.9 - 0.5) / 0.5) < 1e-6);
    assert_true(fabs(nn_column_value(x, 4, 1) - (0.7 - 0.25) / 2) < 1e-6);
    assert_int_equal(nn_data_column(parts.data, "label")->map_count, 0);
    nn_data_free(parts.data);
}

static void transposed_pictures_are_refused(void **state) {
    static const int64_t file[] = { 4, 4, 3 }, model[] = { 3, 4, 4 }, ones[] = { 1, 48 };
    nn_data *data = nn_data_new(1, 2, NULL);
    nn_error error;
    Wanted w;
    (void)state;
    nn_data_add(data, "x", NN_U8, 3, file, NULL, NULL);
    nn_data_add(data, "label", NN_U8, 0, NULL, NULL, NULL);
    make_wanted(&w, 3, model);
    assert_int_equal(nn_data_bind(data, &w.entry, &error), NN_ERR_SHAPE);
    assert_string_equal(error.reason,
                        "a sample of 'x' is [4,4,3] in the data, [3,4,4] in the model");
    make_wanted(&w, 2, ones);
    assert_int_equal(nn_data_bind(data, &w.entry, &error), NN_OK);
    nn_data_free(data);
}

/* --- real files --- */

static void the_real_digits(void **state) {
    const char *images = "../shared/data/mnist/t10k-images-idx3-ubyte.gz";
    static const int64_t flat[] = { 784 };
    static const int64_t histogram[] = { 980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009 };
    int64_t seen[10] = { 0 };
    nn_option files[2];
    nn_step step = { "idx", files, 2 };
    nn_data *data, *validate;
    nn_fitted fitted;
    Wanted w;
    (void)state;
    if (!file_exists(images)) {
        print_message("skipped: %s is not there\n", images);
        skip();
    }
    files[0] = text_option("x", images);
    files[1] = text_option("label", "../shared/data/mnist/t10k-labels-idx1-ubyte.gz");
    make_wanted(&w, 1, flat);
    assert_int_equal(load(&w, &step, 1, 1, &data, &validate, &fitted, NULL), NN_OK);
    for (int64_t i = 0; i < data->count; i++)
        seen[(int)nn_column_value(nn_data_column(data, "label"), i, 0)]++;
    assert_memory_equal(seen, histogram, sizeof seen);
    nn_data_free(data);
}

/* The whole pipeline of the regression example. */
static void the_real_patients(void **state) {
    const char *path = "../shared/data/diabetes/diabetes.csv";
    static const int64_t ten[] = { 10 };
    nn_option columns[4], cut[2];
    nn_step steps[3];
    nn_data *data, *validate;
    nn_fitted fitted;
    Wanted w;
    double sum = 0, squares = 0;
    (void)state;
    if (!file_exists(path)) {
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    columns[0] = text_option(NULL, path);
    columns[1] = number_option("header", 1);
    columns[2] = range_option("x", 0, 10);
    columns[3] = number_option("label", 10);
    cut[0] = number_option(NULL, 0.8);
    cut[1] = number_option("seed", 1);
    steps[0] = (nn_step){ "csv", columns, 4 };
    steps[1] = (nn_step){ "split", cut, 2 };
    steps[2] = (nn_step){ "standardize", NULL, 0 };
    make_wanted(&w, 1, ten);
    w.inputs[1].limit = 400;
    assert_int_equal(load(&w, steps, 3, 2, &data, &validate, &fitted, NULL), NN_OK);
    assert_true(data->count == 354 && validate->count == 88);
    for (int64_t i = 0; i < data->count; i++) {
        double value = nn_column_value(nn_data_column(data, "x"), nn_data_row(data, i), 4);
        sum += value;
        squares += value * value;
    }
    assert_true(fabs(sum / 354) < 1e-6 && fabs(squares / 354 - 1) < 1e-5);
    assert_true(nn_column_value(nn_data_column(data, "label"), 0, 0) == 151);
    nn_data_free(data);
    nn_data_free(validate);
    nn_fitted_free(&fitted);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(standardize_fits_the_training_part),
        cmocka_unit_test(unique_and_split_share_no_sample),
        cmocka_unit_test(normalize_behind_scale),
        cmocka_unit_test(transposed_pictures_are_refused),
        cmocka_unit_test(the_real_digits),
        cmocka_unit_test(the_real_patients),
    };
    return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
