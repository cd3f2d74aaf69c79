/* The loader wav: formats, tars, words told by names, and files that are wrong. */
#include "runtime_files.h"

#include "nn_step.h"

enum { SAMPLES = 6, LETTERS = 5, MOST_BYTES = 4096 };

static const nn_io inputs[] = {
    {"waveform", NN_F32, 2, {1, SAMPLES}, 1, 0},
    {"text", NN_I32, 2, {1, LETTERS}, 1, 0},
    {"digit", NN_I32, 1, {1}, 1, 0},
};
static const nn_entry entry = {"train", 1, 0, 3, 0, 0, inputs, NULL, NULL, 0, NULL, NULL};
static const char *const words[] = {"zero", "one"};

static void put(unsigned char *at, uint32_t value, int bytes)
{
    for (int i = 0; i < bytes; i++) at[i] = (unsigned char)(value >> 8 * i);
}

/* A WAV of `bytes` of data in front of which a chunk stands that no reader knows; its size. */
static size_t make_wav(unsigned char *to, int code, int channels, int bits, uint32_t rate,
                       const void *data, size_t bytes)
{
    memcpy(to, "RIFF....WAVEjunk", 16);
    put(to + 4, (uint32_t)(bytes + 48), 4);
    put(to + 16, 3, 4); /* odd: one byte of padding */
    memcpy(to + 24, "fmt ", 4);
    put(to + 28, 16, 4);
    put(to + 32, (uint32_t)code, 2);
    put(to + 34, (uint32_t)channels, 2);
    put(to + 36, rate, 4);
    put(to + 40, rate * (uint32_t)(channels * bits / 8), 4);
    put(to + 44, (uint32_t)(channels * bits / 8), 2);
    put(to + 46, (uint32_t)bits, 2);
    memcpy(to + 48, "data", 4);
    put(to + 52, (uint32_t)bytes, 4);
    memcpy(to + 56, data, bytes);
    return 56 + bytes;
}

static size_t add_member(unsigned char *tar, size_t at, const char *name, const void *data,
                         size_t bytes)
{
    memset(tar + at, 0, 512 + (bytes + 511) / 512 * 512);
    strcpy((char *)tar + at, name);
    snprintf((char *)tar + at + 124, 12, "%011o", (unsigned)bytes);
    tar[at + 156] = '0';
    memcpy(tar + at + 257, "ustar", 6);
    memcpy(tar + at + 512, data, bytes);
    return at + 512 + (bytes + 511) / 512 * 512;
}

static int load(const char *path, int texts, nn_data **data, nn_error *error)
{
    nn_option options[3] = {{"waveform", NN_TEXT, 0, 0, path, NULL, NULL, 0},
                            {"text", NN_TEXTS, 0, 0, NULL, NULL, words, 2},
                            {"digit", NN_TEXTS, 0, 0, NULL, NULL, words, 2}};
    nn_step step = {"wav", options, texts ? 3 : 1};
    nn_request request = {&step, &entry, NULL, NULL, 0, NULL, 1};
    nn_error_clear(error);
    return nn_find_loader("wav")->load(&request, data, error);
}

static double value(const nn_data *data, const char *column, int64_t row, int64_t i)
{
    return nn_column_value(nn_data_column(data, column), row, i);
}

static void formats_of_samples(void **state)
{
    static const unsigned char eight[] = {0, 64, 128, 192};
    static const unsigned char stereo[] = {0, 0x40, 0, 0, 0, 0xc0, 0, 0x40}; /* 1/2 0, -1/2 1/2 */
    static const unsigned char wide[] = {0, 0, 0x20, 0, 0, 0xe0};
    static const float real[] = {0.25f, -0.75f};
    static const struct {
        int code, channels, bits;
        const void *data;
        size_t bytes;
        int count;
        double want[4];
    } cases[] = {
        {1, 1, 8, eight, 4, 4, {-1, -0.5, 0, 0.5}},
        {1, 2, 16, stereo, 8, 2, {0.25, 0}},
        {1, 1, 24, wide, 6, 2, {0.25, -0.25}},
        {3, 1, 32, real, 8, 2, {0.25, -0.75}},
    };
    unsigned char bytes[MOST_BYTES];
    char path[128];
    nn_data *data;
    nn_error error;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        size_t size = make_wav(bytes, cases[i].code, cases[i].channels, cases[i].bits, 8000,
                               cases[i].data, cases[i].bytes);
        file_write(PATH(path, "one.wav"), bytes, size);
        assert_int_equal(load(path, 0, &data, &error), NN_OK);
        for (int j = 0; j < SAMPLES; j++)
            assert_true(value(data, "waveform", 0, j)
                        == (j < cases[i].count ? cases[i].want[j] : 0));
        nn_data_free(data);
    }
}

static size_t make_tar(unsigned char *tar, const char *first, const char *second)
{
    static const unsigned char loud[] = {0, 0x40}, quiet[] = {0, 0x10};
    unsigned char wav[128];
    size_t size = make_wav(wav, 1, 1, 16, 8000, loud, 2);
    size_t at = add_member(tar, 0, first, wav, size);
    at = add_member(tar, at, "README.md", "not a sound", 11);
    size = make_wav(wav, 1, 1, 16, 8000, quiet, 2);
    at = add_member(tar, at, second, wav, size);
    memset(tar + at, 0, 1024);
    return at + 1024;
}

static void tars_and_words(void **state)
{
    static const int one[] = {15, 14, 5, -1, -1};
    unsigned char tar[MOST_BYTES * 2];
    char path[128];
    nn_data *data;
    nn_error error;
    file_write(PATH(path, "some.tar"), tar, make_tar(tar, "set/1_ann_0.wav", "0_bob_3.wav"));
    assert_int_equal(load(path, 1, &data, &error), NN_OK);
    assert_int_equal(data->count, 2);
    assert_true(value(data, "waveform", 0, 0) == 0.5 && value(data, "waveform", 1, 0) == 0.125);
    assert_true(value(data, "digit", 0, 0) == 1 && value(data, "digit", 1, 0) == 0);
    for (int i = 0; i < LETTERS; i++) assert_true(value(data, "text", 0, i) == one[i]);
    nn_data_free(data);
}

/* A tar of one sound whose name, too long for its header, stands in a member of its own. */
static size_t make_long(unsigned char *tar, char type, const char *name)
{
    static const unsigned char loud[] = {0, 0x40};
    unsigned char wav[128];
    const size_t size = make_wav(wav, 1, 1, 16, 8000, loud, 2);
    size_t at = add_member(tar, 0, "././@LongLink", name, strlen(name));
    tar[156] = (unsigned char)type;
    at = add_member(tar, at, "cut off her", wav, size);
    memset(tar + at, 0, 1024);
    return at + 1024;
}

static void names_too_long_for_a_header(void **state)
{
    static const char gnu[] = "a/folder/1_ann_0.wav",
                      posix[] = "19 mtime=123456789\n29 path=a/folder/1_ann_0.wav\n";
    unsigned char tar[MOST_BYTES * 2];
    char path[128];
    nn_data *data;
    nn_error error;
    for (int i = 0; i < 2; i++) {
        file_write(PATH(path, "long.tar"), tar, make_long(tar, i ? 'x' : 'L', i ? posix : gnu));
        assert_int_equal(load(path, 1, &data, &error), NN_OK);
        assert_int_equal(data->count, 1);
        assert_true(value(data, "digit", 0, 0) == 1);
        nn_data_free(data);
    }
}

static void refuse(const char *path, int texts, int code, const char *part)
{
    nn_data *data = NULL;
    nn_error error;
    assert_int_equal(load(path, texts, &data, &error), code);
    assert_null(data);
    if (!strstr(error.reason, part)) fail_msg("'%s' does not tell of '%s'", error.reason, part);
}

static void what_is_wrong_is_named(void **state)
{
    static const unsigned char loud[] = {0, 0x40};
    unsigned char bytes[MOST_BYTES * 2];
    char path[128];
    size_t size = make_wav(bytes, 1, 1, 16, 8000, loud, 2);
    refuse(PATH(path, "none.wav"), 0, NN_ERR_OPEN, "");
    file_write(PATH(path, "text.wav"), "nothing of the kind", 19);
    refuse(path, 0, NN_ERR_FORMAT, "neither a WAV file nor a tar");
    bytes[32] = 6; /* A-law */
    file_write(PATH(path, "law.wav"), bytes, size);
    refuse(path, 0, NN_ERR_FORMAT, "only PCM");
    size = make_tar(bytes, "1_a_0.wav", "7_b_0.wav");
    file_write(PATH(path, "seven.tar"), bytes, size);
    refuse(path, 1, NN_ERR_RANGE, "7_b_0.wav");
    file_write(PATH(path, "cut.tar"), bytes, 540);
    refuse(path, 0, NN_ERR_TRUNCATED, "1_a_0.wav");
    file_write(PATH(path, "header.tar"), bytes, 1200);
    refuse(path, 0, NN_ERR_TRUNCATED, "ends within a header");
    make_wav(bytes, 1, 1, 16, 8000, loud, 2);
    file_write(PATH(path, "head.wav"), bytes, 48);
    refuse(path, 0, NN_ERR_FORMAT, "has no chunk `data`");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formats_of_samples),
        cmocka_unit_test(tars_and_words),
        cmocka_unit_test(names_too_long_for_a_header),
        cmocka_unit_test(what_is_wrong_is_named),
    };
    return cmocka_run_group_tests(tests, files_setup, files_teardown);
}
