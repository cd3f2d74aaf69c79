/* Texts: the loaders `text` and `tsv`, on good files and bad ones. */
#include "runtime_files.h"

#include "nn_alphabet.h"
#include "nn_step.h"

static const nn_io windows[] = {
    {"tokens", NN_I32, 2, {2, 4}, 1, 5},
    {"next", NN_I32, 2, {2, 4}, 1, 5},
};
static const nn_entry window_entry = {"train", 2, 64, 2, 0, 0, windows, NULL, NULL, 0, NULL, NULL};

static const nn_io messages[] = {
    {"tokens", NN_I32, 2, {2, 6}, 1, 0},
    {"label", NN_I32, 1, {2}, 1, 2},
    {"age", NN_F32, 1, {2}, 1, 0},
};
static const nn_entry message_entry = {"train",  2,    64,   3, 0,    0,
                                       messages, NULL, NULL, 0, NULL, NULL};

/* One step of a data pipeline; `file` becomes its first, nameless option. */
static nn_data *load(void **state, const char *loader, const nn_entry *entry, const char *content,
                     nn_option *options, int count, nn_fitted *fitted, int fitting, nn_error *error)
{
    char path[64];
    nn_step step = {loader, options, count};
    nn_request request = {&step, entry, "", NULL, 0, fitted, fitting};
    nn_data *data = NULL;
    memset(error, 0, sizeof *error);
    file_path(state, path, sizeof path, "file.txt");
    file_write(path, content, strlen(content));
    options[0] = (nn_option){.kind = NN_TEXT, .text = path};
    nn_find_loader(loader)->load(&request, &data, error);
    return data;
}

static nn_option number(const char *name, double value)
{
    return (nn_option){.name = name, .kind = NN_NUMBER, .number = value};
}

static nn_option word(const char *name, const char *text)
{
    return (nn_option){.name = name, .kind = NN_WORD, .text = text};
}

static void assert_row(nn_data *data, const char *column, int64_t row, const char *expected)
{
    char got[128] = "";
    const nn_column *c = nn_data_column(data, column);
    for (int64_t i = 0; i < c->width; i++)
        snprintf(got + strlen(got), sizeof got - strlen(got), "%s%g", i ? " " : "",
                 (double)nn_column_value(c, row, i));
    assert_string_equal(got, expected);
}

/* ---- text ---- */

static nn_data *load_text(void **state, const char *content, double context, const char *alphabet,
                          nn_fitted *fitted, int fitting, nn_error *error)
{
    nn_option options[] = {{0}, number("context", context), word("alphabet", alphabet)};
    return load(state, "text", &window_entry, content, options, alphabet ? 3 : 2, fitted, fitting,
                error);
}

static void every_stretch_is_a_sample(void **state)
{
    nn_fitted fitted = {0};
    nn_error error;
    nn_data *data = load_text(state, "abcab\nca", 4, NULL, &fitted, 1, &error);
    assert_non_null(data);
    assert_int_equal(nn_data_bind(data, &window_entry, NULL), NN_OK);
    assert_int_equal(data->count, 4);
    assert_row(data, "tokens", 0, "1 2 3 1");
    assert_row(data, "next", 0, "2 3 1 2");
    assert_row(data, "tokens", 3, "1 2 0 3");
    assert_row(data, "next", 3, "2 0 3 1");
    nn_data_free(data);
    nn_fitted_free(&fitted);
}

static void the_alphabet_is_that_of_the_training_part(void **state)
{
    nn_fitted fitted = {0};
    nn_alphabet alphabet;
    nn_error error;
    nn_data_free(load_text(state, "zebra z", 4, NULL, &fitted, 1, &error));
    assert_int_equal(error.code, NN_ERR_RANGE); /* six characters, five allowed */
    assert_string_equal(error.reason, "the text has 6 characters, 'tokens' takes 5");
    nn_fitted_free(&fitted);
    fitted = (nn_fitted){0};
    nn_data_free(load_text(state, "deadbed", 4, NULL, &fitted, 1, &error));
    assert_int_equal(nn_alphabet_recall(&alphabet, &fitted, "tokens", NULL), NN_OK);
    assert_int_equal(alphabet.count, 4);
    assert_memory_equal(alphabet.bytes, "abde", 4);
    nn_data *other = load_text(state, "bbbbbade", 4, NULL, &fitted, 0, &error);
    assert_row(other, "tokens", 3, "1 1 0 2");
    nn_data_free(other);
    assert_null(load_text(state, "bed\nbed\nbxd", 4, NULL, &fitted, 0, &error));
    assert_int_equal(error.code, NN_ERR_RANGE);
    assert_int_equal(error.line, 1); /* the first new byte: a line's end */
    assert_int_equal(error.byte, 3);
    nn_fitted_free(&fitted);
}

static void bad_texts_are_refused(void **state)
{
    nn_fitted fitted = {0};
    nn_error error;
    assert_null(load_text(state, "abcd", 4, NULL, &fitted, 1, &error));
    assert_int_equal(error.code, NN_ERR_TRUNCATED);
    assert_string_equal(error.reason, "4 characters are too few for a context of 4");
    assert_null(load_text(state, "", 4, NULL, &fitted, 1, &error));
    assert_int_equal(error.code, NN_ERR_TRUNCATED);
    assert_null(load_text(state, "abcabcabc", 0, NULL, &fitted, 1, &error));
    assert_int_equal(error.code, NN_ERR_OPTION);
    assert_null(load_text(state, "abcabcabc", 5, NULL, &fitted, 1, &error));
    assert_int_equal(error.code, NN_ERR_SHAPE); /* the model takes four */
    assert_null(load_text(state, "abcabcabc", 4, "words", &fitted, 1, &error));
    assert_string_equal(error.reason, "alphabet is chars or bytes, not 'words'");
    assert_null(load_text(state, "abcabcabc", 4, "bytes", &fitted, 1, &error));
    assert_string_equal(error.reason, "the text has 256 characters, 'tokens' takes 5");
    nn_fitted_free(&fitted);
}

/* ---- tsv ---- */

static const char *const classes[] = {"ham", "spam"};

static nn_data *load_tsv(void **state, const char *content, const char *encoding, nn_fitted *fitted,
                         int fitting, nn_error *error)
{
    nn_option options[] = {{0},
                           number("label", 0),
                           number("tokens", 2),
                           number("age", 1),
                           {.name = "classes", .kind = NN_TEXTS, .texts = classes, .count = 2},
                           word("encoding", encoding)};
    return load(state, "tsv", &message_entry, content, options, encoding ? 6 : 5, fitted, fitting,
                error);
}

static void fields_become_classes_numbers_and_texts(void **state)
{
    nn_fitted fitted = {0};
    nn_error error;
    nn_data *data = load_tsv(state, "spam\t1.5\tHi!\r\n\nham\t-2\tlonger than six\textra\nham\t0\t",
                             NULL, &fitted, 1, &error);
    assert_non_null(data);
    assert_int_equal(data->count, 3);
    assert_row(data, "label", 0, "1");
    assert_row(data, "label", 1, "0");
    assert_row(data, "age", 1, "-2");
    assert_row(data, "tokens", 0, "72 105 33 0 0 0");
    assert_row(data, "tokens", 1, "108 111 110 103 101 114");
    assert_row(data, "tokens", 2, "0 0 0 0 0 0");
    assert_int_equal(nn_data_bind(data, &message_entry, NULL), NN_OK);
    nn_data_free(data);
    nn_fitted_free(&fitted);
}

static void letters_of_an_alphabet_count_from_one(void **state)
{
    nn_fitted fitted = {0};
    nn_error error;
    nn_data *data = load_tsv(state, "ham\t0\tcab\nspam\t1\tbb\n", "chars", &fitted, 1, &error);
    assert_row(data, "tokens", 0, "3 1 2 0 0 0");
    nn_data_free(data);
    data = load_tsv(state, "ham\t0\tbc\n", "chars", &fitted, 0, &error);
    assert_row(data, "tokens", 0, "2 3 0 0 0 0");
    nn_data_free(data);
    assert_null(load_tsv(state, "ham\t0\tabc\n\nham\t0\tabd\n", "chars", &fitted, 0, &error));
    assert_int_equal(error.code, NN_ERR_RANGE);
    assert_int_equal(error.line, 3);
    assert_string_equal(error.reason, "the byte 100 is not in the alphabet of 'tokens'");
    nn_fitted_free(&fitted);
}

static void bad_lines_are_told_with_their_number(void **state)
{
    static const struct {
        const char *content, *reason;
        int code, line;
    } bad[] = {
        {"ham\t1\ta\nHam\t1\ta\n", "'Ham' is none of the classes of 'label'", NN_ERR_RANGE, 2},
        {"ham\t1\ta\n\nham\tone\ta\n", "'one' is no number, wanted for 'age'", NN_ERR_FORMAT, 3},
        {"ham\t1\n", "the line has no field 2, wanted for 'tokens'", NN_ERR_SHAPE, 1},
        {"ham\t\ta\n", "'' is no number, wanted for 'age'", NN_ERR_FORMAT, 1},
        {"\n\n", "holds no lines", NN_ERR_TRUNCATED, -1},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        nn_fitted fitted = {0};
        nn_error error;
        assert_null(load_tsv(state, bad[i].content, NULL, &fitted, 1, &error));
        assert_string_equal(error.reason, bad[i].reason);
        assert_int_equal(error.code, bad[i].code);
        assert_int_equal(error.line, bad[i].line);
        nn_fitted_free(&fitted);
    }
}

static void a_missing_file_is_told(void **state)
{
    nn_error error = {0};
    nn_option options[] = {{.kind = NN_TEXT, .text = "nowhere.tsv"}, number("label", 0)};
    nn_step step = {"tsv", options, 2};
    nn_request request = {&step, &message_entry, *state, NULL, 0, NULL, 1};
    nn_data *data = NULL;
    assert_int_equal(nn_find_loader("tsv")->load(&request, &data, &error), NN_ERR_OPEN);
    assert_null(data);
    assert_non_null(strstr(error.file, "nowhere.tsv"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_stretch_is_a_sample),
        cmocka_unit_test(the_alphabet_is_that_of_the_training_part),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(fields_become_classes_numbers_and_texts),
        cmocka_unit_test(letters_of_an_alphabet_count_from_one),
        cmocka_unit_test(bad_lines_are_told_with_their_number),
        cmocka_unit_test(a_missing_file_is_told),
    };
    return cmocka_run_group_tests_name("texts", tests, files_setup, files_teardown);
}
