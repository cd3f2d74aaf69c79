/* Loaders and binding: what they read, and what they say of files that are wrong. */
#include <math.h>

#include "runtime_data.h"

#ifdef NN_HAVE_ZLIB
#include <zlib.h>
#endif

#include "nn_csv.h"

/* --- IDX --- */

static const unsigned char idx_images[] = { 0, 0, 8, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 2,
                                            0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 255 };
static const unsigned char idx_labels[] = { 0, 0, 8, 1, 0, 0, 0, 3, 7, 0, 9 };

static void idx_of_each_type(void **state) {
    static const unsigned char i32[] = { 0, 0, 12, 1, 0, 0, 0, 2, 255, 255, 255, 254, 0, 1, 0, 0 };
    static const unsigned char f32[] = { 0, 0, 13, 2, 0, 0, 0, 1, 0, 0, 0, 1, 0x3f, 0xc0, 0, 0 };
    static const unsigned char i16[] = { 0, 0, 11, 1, 0, 0, 0, 1, 0x80, 0 };
    static const unsigned char f64[] = { 0, 0, 14, 1, 0, 0, 0, 1, 0xbf, 0xd0, 0, 0, 0, 0, 0, 0 };
    nn_array a;
    char path[64];
    file_write(PATH(path, "a.idx"), i32, sizeof i32);
    assert_int_equal(nn_idx_read(path, &a, NULL), NN_OK);
    assert_int_equal(a.dtype, NN_I32);
    assert_int_equal(((int32_t *)a.values)[0], -2);
    assert_int_equal(((int32_t *)a.values)[1], 65536);
    free(a.values);
    file_write(path, f32, sizeof f32);
    assert_int_equal(nn_idx_read(path, &a, NULL), NN_OK);
    assert_true(a.rank == 2 && ((float *)a.values)[0] == 1.5f);
    free(a.values);
    file_write(path, i16, sizeof i16);
    assert_int_equal(nn_idx_read(path, &a, NULL), NN_OK);
    assert_int_equal(((int32_t *)a.values)[0], -32768);
    free(a.values);
    file_write(path, f64, sizeof f64);
    assert_int_equal(nn_idx_read(path, &a, NULL), NN_OK);
    assert_true(((float *)a.values)[0] == -0.25f);
    free(a.values);
}

/* Every shorter file is refused, as is one byte more, and each wrong byte of the magic number. */
static void idx_cut_anywhere_is_refused(void **state) {
    unsigned char bytes[sizeof idx_images + 1] = { 0 };
    nn_array a;
    nn_error error;
    char path[64];
    memcpy(bytes, idx_images, sizeof idx_images);
    PATH(path, "cut.idx");
    for (size_t size = 0; size < sizeof idx_images; size++) {
        file_write(path, bytes, size);
        assert_int_equal(nn_idx_read(path, &a, &error), NN_ERR_TRUNCATED);
    }
    file_write(path, bytes, sizeof bytes);
    assert_int_equal(nn_idx_read(path, &a, &error), NN_ERR_SHAPE);
    for (size_t i = 0; i < 4; i++) {
        memcpy(bytes, idx_images, sizeof idx_images);
        bytes[i] = 99;
        file_write(path, bytes, sizeof idx_images);
        assert_int_equal(nn_idx_read(path, &a, &error), NN_ERR_FORMAT);
        assert_string_equal(error.file, path);
    }
    memcpy(bytes, idx_images, sizeof idx_images);
    memset(bytes + 4, 255, 12);
    file_write(path, bytes, sizeof idx_images);
    assert_int_equal(nn_idx_read(path, &a, &error), NN_ERR_SHAPE);
}

static void idx_binds_and_scales(void **state) {
    static const int64_t flat[] = { 4 };
    char images[64], labels[64];
    nn_option factor = number_option(NULL, 1.0 / 255);
    nn_option files[2];
    nn_step steps[2];
    nn_data *data, *validate;
    nn_fitted fitted;
    Wanted w;
    files[0] = text_option("x", PATH(images, "images.idx"));
    files[1] = text_option("label", PATH(labels, "labels.idx"));
    steps[0] = (nn_step){ "idx", files, 2 };
    steps[1] = (nn_step){ "scale", &factor, 1 };
    file_write(images, idx_images, sizeof idx_images);
    file_write(labels, idx_labels, sizeof idx_labels);
    make_wanted(&w, 1, flat);
    assert_int_equal(load(&w, steps, 2, 1, &data, &validate, &fitted, NULL), NN_OK);
    assert_null(validate);
    assert_int_equal(data->count, 3);
    assert_true(nn_column_value(nn_data_column(data, "x"), 2, 3) == 1.0);
    assert_true(nn_column_value(nn_data_column(data, "label"), 2, 0) == 9.0);
    assert_true(nn_fitted_get(&fitted, "x", "scale")->values[0] == 1.0f / 255);
    nn_fitted_free(&fitted);
    nn_data_free(data);
}

static void parts_that_do_not_fit(void **state) {
    static const int64_t flat[] = { 4 }, other[] = { 5 };
    unsigned char many[sizeof idx_labels + 1] = { 0 }, high[sizeof idx_labels];
    char images[64], labels[64];
    nn_option files[2];
    nn_step step = { "idx", files, 2 };
    Wanted w;
    files[0] = text_option("x", PATH(images, "images.idx"));
    files[1] = text_option("label", PATH(labels, "labels.idx"));
    make_wanted(&w, 1, flat);
    file_write(images, idx_images, sizeof idx_images);
    memcpy(many, idx_labels, sizeof idx_labels);
    many[7] = 4;
    file_write(labels, many, sizeof many);
    assert_int_equal(refuse(&w, &step, 1, "'label' has 4 samples, 'x' has 3"), NN_ERR_SHAPE);
    memcpy(high, idx_labels, sizeof high);
    high[9] = 10;
    file_write(labels, high, sizeof high);
    assert_int_equal(refuse(&w, &step, 1, "'label' of sample 1 is 10; the model wants 0..9"),
                     NN_ERR_RANGE);
    file_write(labels, idx_labels, sizeof idx_labels);
    make_wanted(&w, 1, other);
    assert_int_equal(refuse(&w, &step, 1, "a sample of 'x' is [2,2] in the data, [5] in the model"),
                     NN_ERR_SHAPE);
    step.option_count = 1;
    assert_int_equal(refuse(&w, &step, 1, "does not say where 'label' comes from"),
                     NN_ERR_OPTION);
    files[1] = text_option("lable", labels);
    step.option_count = 2;
    assert_int_equal(refuse(&w, &step, 1, "idx has no option 'lable'"), NN_ERR_OPTION);
}

#ifdef NN_HAVE_ZLIB
static void gzip_is_unpacked_and_checked(void **state) {
    char path[64];
    gzFile gz;
    nn_bytes packed;
    nn_array a;
    nn_error error;
    PATH(path, "packed.idx.gz");
    gz = gzopen(path, "wb");
    assert_int_equal(gzwrite(gz, idx_images, sizeof idx_images), sizeof idx_images);
    gzclose(gz);
    assert_int_equal(nn_idx_read(path, &a, NULL), NN_OK);
    assert_true(a.dims[0] == 3 && ((unsigned char *)a.values)[11] == 255);
    free(a.values);
    {
        FILE *f = fopen(path, "rb");
        packed.at = malloc(4096);
        packed.size = fread(packed.at, 1, 4096, f);
        fclose(f);
    }
    file_write(path, packed.at, packed.size - 6);
    assert_int_equal(nn_idx_read(path, &a, &error), NN_ERR_TRUNCATED);
    packed.at[packed.size - 5] ^= 1;
    file_write(path, packed.at, packed.size);
    assert_int_equal(nn_idx_read(path, &a, &error), NN_ERR_READ);
    free(packed.at);
}
#endif

/* --- NPY --- */

/* Writes an NPY file of version 1 or 2 with that header and data. */
static void write_npy(const char *path, int version, const char *header, const void *data,
                      size_t size) {
    unsigned char bytes[512] = "\x93NUMPY";
    size_t prefix = version == 1 ? 10 : 12, length = strlen(header);
    bytes[6] = (unsigned char)version;
    bytes[8] = (unsigned char)length;
    memcpy(bytes + prefix, header, length);
    memcpy(bytes + prefix + length, data, size);
    file_write(path, bytes, prefix + length + size);
}

static void npy_of_each_type(void **state) {
    static const struct {
        const char *type;
        unsigned char data[8];
        int dtype;
        double value;
    } cases[] = {
        { "<f4", { 0, 0, 0xc0, 0x3f }, NN_F32, 1.5 },
        { ">f4", { 0x3f, 0xc0, 0, 0 }, NN_F32, 1.5 },
        { "<f8", { 0, 0, 0, 0, 0, 0, 0xd0, 0xbf }, NN_F32, -0.25 },
        { "<i4", { 0xfe, 0xff, 0xff, 0xff }, NN_I32, -2 },
        { "<i8", { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff }, NN_I32, -1 },
        { "<u2", { 0xff, 0xff }, NN_I32, 65535 },
        { "|i1", { 0x80 }, NN_I32, -128 },
        { "|u1", { 0x80 }, NN_U8, 128 },
        { "|b1", { 1 }, NN_U8, 1 },
    };
    char path[64], header[128];
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        nn_array a;
        double value;
        snprintf(header, sizeof header,
                 "{'descr': '%s', 'fortran_order': False, 'shape': (1,), }\n", cases[i].type);
        write_npy(PATH(path, "type.npy"), i % 2 ? 2 : 1, header, cases[i].data,
                  (size_t)(cases[i].type[2] - '0'));
        assert_int_equal(nn_npy_read(path, &a, NULL), NN_OK);
        assert_int_equal(a.dtype, cases[i].dtype);
        value = a.dtype == NN_F32   ? (double)((float *)a.values)[0]
                : a.dtype == NN_I32 ? ((int32_t *)a.values)[0]
                                    : ((unsigned char *)a.values)[0];
        assert_true(value == cases[i].value);
        free(a.values);
    }
}

static void npy_that_is_wrong(void **state) {
    static const struct {
        const char *header, *reason;
    } cases[] = {
        { "{'descr': '<f4', 'fortran_order': True, 'shape': (2, 1), }", "Fortran order" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (), }", "without a sample axis" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (3,), }", "holds 8 of 12 bytes" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "4 bytes more" },
        { "{'descr': '<c8', 'fortran_order': False, 'shape': (1,), }", "'descr'" },
        { "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,), }", "'descr'" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (1 1), }", "'shape'" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,), }",
          "'shape'" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (4294967296, 4294967296), }",
          "impossible" },
        { "{'descr': '<f4', 'fortran_order': False, }", "2 of 3 keys" },
        { "{'descr': '<f4', 'fortran_order': False, 'shape': (2,)", "cannot be read" },
        { "descr", "not a dictionary" },
        { "{'other': 1}", "'other'" },
    };
    static const char data[8] = { 0 };
    char path[64];
    nn_array a;
    nn_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        write_npy(PATH(path, "wrong.npy"), 1, cases[i].header, data, sizeof data);
        assert_int_not_equal(nn_npy_read(path, &a, &error), NN_OK);
        if (!strstr(error.reason, cases[i].reason)) fail_msg("%zu: %s", i, error.reason);
    }
    write_npy(path, 1, "{'descr': '<i8', 'fortran_order': False, 'shape': (1,), }",
              "\0\0\0\0\1\0\0\0", 8);
    assert_int_equal(nn_npy_read(path, &a, &error), NN_ERR_RANGE);
    file_write(path, "\x93NUMPX\1\0\0\0\0\0\0", 13);
    assert_int_equal(nn_npy_read(path, &a, &error), NN_ERR_FORMAT);
}

/* --- CSV --- */

static void numbers_are_read_exactly(void **state) {
    static const char *const good[] = { "0", "-0.5", "+3", "4.803999999999999", "1e-8", ".5", "5.",
                                        "123456789012345678901234567890", "1.7976931348623157e308",
                                        " 7 ", "0.1", "2.2250738585072014e-308" };
    static const char *const bad[] = { "", " ", "-", ".", "1x", "nan", "inf", "0x10", "1e999",
                                       "1,5", "--1", "e5" };
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        double value;
        assert_true(nn_parse_number(good[i], &value));
        assert_true(value == strtod(good[i], NULL));
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        double value;
        if (nn_parse_number(bad[i], &value)) fail_msg("'%s' was read", bad[i]);
    }
}

static int csv_refuse(void **state, const Wanted *w, const char *text, const char *part) {
    char path[64];
    nn_option options[4];
    nn_step step = { "csv", options, 4 };
    options[0] = text_option(NULL, PATH(path, "table.csv"));
    options[1] = number_option("header", 1);
    options[2] = range_option("x", 0, 2);
    options[3] = text_option("label", "class");
    file_write(path, text, strlen(text));
    return refuse(w, &step, 1, part);
}

static void csv_quotes_and_line_ends(void **state) {
    static const char text[] = "\xef\xbb\xbf" "a,\"b \"\"and\"\" c\",\"class\"\r\n"
                               "\r\n1.5,\"-2\",3\r\n\"4\",5e1,6";
    static const int64_t two[] = { 2 };
    char path[64];
    nn_option options[4];
    nn_step step = { "csv", options, 4 };
    nn_data *data, *validate;
    nn_fitted fitted;
    Wanted w;
    options[0] = text_option(NULL, PATH(path, "quotes.csv"));
    options[1] = number_option("header", 1);
    options[2] = range_option("x", 0, 2);
    options[3] = text_option("label", "class");
    make_wanted(&w, 1, two);
    file_write(path, text, sizeof text - 1);
    assert_int_equal(load(&w, &step, 1, 1, &data, &validate, &fitted, NULL), NN_OK);
    assert_int_equal(data->count, 2);
    assert_true(nn_column_value(nn_data_column(data, "x"), 0, 1) == -2);
    assert_true(nn_column_value(nn_data_column(data, "x"), 1, 1) == 50);
    assert_true(nn_column_value(nn_data_column(data, "label"), 1, 0) == 6);
    nn_data_free(data);
}

static void csv_that_is_wrong(void **state) {
    static const int64_t two[] = { 2 };
    Wanted w;
    make_wanted(&w, 1, two);
    csv_refuse(state, &w, "a,b,class\n1,2,3\n1,2\n", ":3:3: 2 fields, the first line has 3");
    csv_refuse(state, &w, "a,b,class\n1,2,3\n1,,4\n", ":3:3: column 'b' has no value here");
    csv_refuse(state, &w, "a,b,class\n1,2,3\n1,two,4\n", ":3:3: column 'b': 'two' is not a number");
    csv_refuse(state, &w, "a,b,class\n1,2,3.5\n", ":2:5: 'label' wants whole numbers, this is 3.5");
    csv_refuse(state, &w, "a,b,class\n1,2,\"3\n", ":2:5: the quote is never closed");
    csv_refuse(state, &w, "a,b,class\n1,\"2\"x,3\n", ":2:3: text behind the closing quote");
    csv_refuse(state, &w, "\"a\nx\",b,class\n1,2,3\n4,,6\n", ":4:3: column 'b' has no value");
    csv_refuse(state, &w, "a,b,kind\n1,2,3\n", "no column 'class', wanted for 'label'");
    csv_refuse(state, &w, "class\n3\n", "is another character its `separator`?");
    csv_refuse(state, &w, "a;b;class\n1;2;3\n", "is another character its `separator`?");
    csv_refuse(state, &w, "a,b,class\n", "holds no records");
    csv_refuse(state, &w, "", "holds no records");
    csv_refuse(state, &w, "a,b,class\n1,2,11\n", "'label' of sample 0 is 11");
}

/* --- custom --- */

/* Sample i: x = i * i, label = i; `limit` samples, of which the fifth cannot be read. */
static int squares_open(void **state, const char *dir, const nn_step *step, nn_custom_info *info,
                        nn_error *error) {
    (void)dir, (void)error;
    *state = malloc(1);
    info->count = (int64_t)nn_option_number(step, "limit", 0);
    info->part_count = 2;
    info->parts[0].name = "x";
    info->parts[1].name = "label";
    info->parts[1].dtype = NN_U8;
    return NN_OK;
}

static int squares_read(void *state, int part, int64_t sample, void *out, nn_error *error) {
    (void)state;
    if (sample == 4 && part == 1) return nn_fail(error, NN_ERR_READ, "the fifth is missing");
    if (part == 0) *(float *)out = (float)(sample * sample);
    if (part == 1) *(unsigned char *)out = (unsigned char)sample;
    return NN_OK;
}

static void squares_close(void *state) {
    free(state);
}

static void custom_loaders(void **state) {
    static const nn_custom custom = { "squares.c", squares_open, squares_read, squares_close };
    nn_option options[2];
    nn_step step = { "custom", options, 2 };
    nn_request request = { &step, NULL, NULL, &custom, 1, NULL, 1 };
    nn_data *data;
    nn_error error;
    Wanted w;
    (void)state;
    options[0] = text_option(NULL, "squares.c");
    options[1] = number_option("limit", 4);
    make_wanted(&w, 0, NULL);
    assert_int_equal(nn_find_loader("custom")->load(&request, &data, &error), NN_OK);
    assert_int_equal(nn_data_bind(data, &w.entry, &error), NN_OK);
    assert_true(nn_column_value(nn_data_column(data, "x"), 3, 0) == 9);
    assert_true(nn_column_value(nn_data_column(data, "label"), 3, 0) == 3);
    nn_data_free(data);
    options[1].number = 3;
    assert_int_equal(nn_find_loader("custom")->load(&request, &data, &error), NN_OK);
    ((float *)nn_data_column(data, "x")->values)[2] = NAN;
    assert_int_equal(nn_data_bind(data, &w.entry, &error), NN_ERR_RANGE);
    assert_string_equal(error.reason, "'x' of sample 2 is nan at element 0: only numbers train");
    nn_data_free(data);
    options[1].number = 5;
    assert_int_equal(nn_find_loader("custom")->load(&request, &data, &error), NN_ERR_READ);
    assert_string_equal(error.reason, "the fifth is missing");
    options[0].text = "other.c";
    assert_int_equal(nn_find_loader("custom")->load(&request, &data, &error), NN_ERR_MISSING);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(idx_of_each_type),
        cmocka_unit_test(idx_cut_anywhere_is_refused),
        cmocka_unit_test(idx_binds_and_scales),
        cmocka_unit_test(parts_that_do_not_fit),
#ifdef NN_HAVE_ZLIB
        cmocka_unit_test(gzip_is_unpacked_and_checked),
#endif
        cmocka_unit_test(npy_of_each_type),
        cmocka_unit_test(npy_that_is_wrong),
        cmocka_unit_test(numbers_are_read_exactly),
        cmocka_unit_test(csv_quotes_and_line_ends),
        cmocka_unit_test(csv_that_is_wrong),
        cmocka_unit_test(custom_loaders),
    };
    return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
