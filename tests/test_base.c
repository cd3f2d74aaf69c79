/* Arenas, texts, files, nearest words, and how diagnostics are printed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <math.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/diag.h"
#include "base/embedded.h"
#include "base/utf8.h"
#include "base/wrap.h"
#include "golden.h"

static int setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

/* ---- arenas ---- */

static void memory_is_zeroed_aligned_and_separate(void **state)
{
    static const size_t sizes[] = {0, 1, 7, 16, 1000, 16384, 100000, 3000000, 5};
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
        unsigned char *memory = arena_alloc(*state, sizes[i]);
        assert_int_equal((uintptr_t)memory % _Alignof(max_align_t), 0);
        for (size_t b = 0; b < sizes[i]; b++) assert_int_equal(memory[b], 0);
        memset(memory, 0xff, sizes[i]);
    }
}

static void growing_keeps_what_was_there(void **state)
{
    VEC(int) numbers = {0};
    VEC(int) others = {0};
    for (int i = 0; i < 10000; i++) {
        vec_push(*state, numbers, i);
        if (i % 3 == 0) vec_push(*state, others, -i);
    }
    for (int i = 0; i < 10000; i++) assert_int_equal(numbers.at[i], i);
    for (int i = 0; i < others.count; i++) assert_int_equal(others.at[i], -3 * i);
    char *grown = arena_grow(*state, arena_strdup(*state, "abc"), 4, 4000);
    assert_string_equal(grown, "abc");
    for (int i = 4; i < 4000; i++) assert_int_equal(grown[i], 0);
}

static void strings_are_copied_and_formatted(void **state)
{
    assert_string_equal(arena_strndup(*state, "abcdef", 3), "abc");
    assert_string_equal(arena_printf(*state, "%s-%d", "x", 7), "x-7");
    assert_string_equal(arena_printf(*state, "%s", ""), "");
}

/* ---- texts ---- */

static void floats_are_short(void **state)
{
    static const struct { float value; const char *text; } cases[] = {
        {0.1f, "0.1"}, {3.0f, "3.0"}, {-0.0f, "-0.0"}, {1e-8f, "1e-08"}, {1e10f, "1e+10"},
        {16777216.0f, "16777216.0"}, {1.0f / 3, "0.33333334"}, {123456.0f, "123456.0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Text text = text_new(*state);
        text_add_float(&text, cases[i].value);
        assert_string_equal(text.at, cases[i].text);
    }
}

static void floats_read_back_exactly(void **state)
{
    uint64_t seed = 7;
    for (int i = 0; i < 20000; i++) {
        seed = seed * 6364136223846793005u + 1442695040888963407u;
        uint32_t bits = (uint32_t)(seed >> 32);
        float single;
        double full;
        memcpy(&single, &bits, sizeof single);
        memcpy(&full, &seed, sizeof full);
        Text text = text_new(*state);
        if (isfinite(single)) text_add_float(&text, single);
        assert_true(!isfinite(single) || strtof(text.at, NULL) == single);
        Text long_text = text_new(*state);
        if (isfinite(full)) text_add_double(&long_text, full);
        assert_true(!isfinite(full) || strtod(long_text.at, NULL) == full);
    }
}

static void texts_grow(void **state)
{
    Text text = text_new(*state);
    for (int i = 0; i < 1000; i++) text_addf(&text, "%d,", i % 10);
    assert_int_equal(text.length, 2000);
    assert_int_equal(strlen(text.at), 2000);
    text_addn(&text, "a\0b", 3);
    assert_int_equal(text.length, 2003);
    assert_int_equal(text.at[2003], '\0');
}

/* ---- files ---- */

static const char *new_directory(Arena *arena)
{
    const char *base = getenv("TMPDIR");
    char *path = arena_printf(arena, "%s/nnc-test-XXXXXX", base ? base : "/tmp");
    assert_non_null(mkdtemp(path));
    return path;
}

static int entries(const char *directory)
{
    int count = 0;
    DIR *open_directory = opendir(directory);
    assert_non_null(open_directory);
    while (readdir(open_directory)) count++;
    closedir(open_directory);
    return count - 2;
}

static void assert_holds(Arena *arena, const char *path, const char *expected)
{
    char *data;
    size_t length;
    assert_null(file_read(arena, path, &data, &length));
    assert_int_equal(length, strlen(expected));
    assert_string_equal(data, expected);
}

static void files_are_replaced_whole(void **state)
{
    const char *directory = new_directory(*state);
    const char *path = arena_printf(*state, "%s/file", directory);
    const char *link = arena_printf(*state, "%s/link", directory);
    assert_null(file_write(*state, path, "one", 3));
    assert_null(file_save(*state, path, "three", 5));
    assert_holds(*state, path, "three");
    assert_int_equal(symlink("file", link), 0);
    assert_null(file_write(*state, link, "through", 7));
    assert_holds(*state, path, "through");
    assert_int_equal(entries(directory), 2);
    unlink(link);
    unlink(path);
    rmdir(directory);
}

/* A limit on the size of files stands in for a disk that fills up half way. */
static void a_failed_write_leaves_the_old_file(void **state)
{
    const char *directory = new_directory(*state);
    const char *path = arena_printf(*state, "%s/file", directory);
    assert_null(file_write(*state, path, "old", 3));
    struct rlimit before, small;
    getrlimit(RLIMIT_FSIZE, &before);
    small = before;
    small.rlim_cur = 4096;
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &small);
    const char *failure = file_write(*state, path, arena_alloc(*state, 100000), 100000);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_non_null(failure);
    assert_non_null(strstr(failure, path));
    assert_holds(*state, path, "old");
    assert_int_equal(entries(directory), 1);
    unlink(path);
    rmdir(directory);
}

static void file_failures_name_the_file(void **state)
{
    char *data;
    size_t length;
    const char *failure = file_read(*state, "/no/such/file", &data, &length);
    assert_string_equal(failure, "cannot open /no/such/file: No such file or directory");
    failure = file_read(*state, "/", &data, &length);
    assert_string_equal(failure, "cannot read /: Is a directory");
    failure = file_write(*state, "/no/such/file", "", 0);
    assert_string_equal(failure, "cannot create /no/such/file: No such file or directory");
    if (access("/dev/full", W_OK) != 0) skip();
    failure = file_write(*state, "/dev/full", "x", 1);
    assert_string_equal(failure, "cannot write /dev/full: No space left on device");
}

static void embedded_files_are_found(void **state)
{
    (void)state;
    assert_non_null(embedded_find("nn_model.h"));
    assert_null(embedded_find("no such file"));
}

/* ---- words ---- */

static void nearest_words(void **state)
{
    (void)state;
    static const char *const words[] = {"dense", "conv2d", "padding", "bias", "relu", "max_pool2d"};
    static const struct { const char *word, *nearest; } cases[] = {
        {"Dense", "dense"}, {"desne", "dense"}, {"conv2", "conv2d"}, {"conv", "conv2d"},
        {"pad", "padding"}, {"use_bias", "bias"}, {"RELU", "relu"}, {"maxpool2d", "max_pool2d"},
        {"xyzzy", NULL}, {"a", NULL}, {"", NULL},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *nearest = nearest_word(cases[i].word, words, 6);
        if (cases[i].nearest) assert_string_equal(nearest, cases[i].nearest);
        else assert_null(nearest);
    }
}

static void utf8_characters(void **state)
{
    (void)state;
    assert_int_equal(utf8_length("a", 1), 1);
    assert_int_equal(utf8_length("\xc3\xa9", 2), 2);
    assert_int_equal(utf8_length("\xe2\x82\xac", 3), 3);
    assert_int_equal(utf8_length("\xf0\x9f\x99\x82", 4), 4);
    assert_int_equal(utf8_length("\xe2\x82\xac", 2), 0);
    assert_int_equal(utf8_length("\x80", 1), 0);
    assert_int_equal(utf8_length("\xc0\x80", 2), 0);
    assert_int_equal(utf8_length("\xed\xa0\x80", 3), 0);
    assert_int_equal(utf8_length("\xf5\x80\x80\x80", 4), 0);
}

/* ---- diagnostics ---- */

static void assert_prints(const Diags *diags, const char *expected)
{
    char *said = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&said, &length);
    diags_print(diags, out);
    fclose(out);
    assert_string_equal(said, expected);
    free(said);
}

static void diagnostics_show_their_source(void **state)
{
    const char *text = "first\n\tx = \xc3\xa9t\xc3\xa9 + 1;\r\nlast \x1b[0m line";
    Source source = {"m.nn", text, strlen(text)};
    Diags *diags = diags_new(*state);
    int last = (int)(strstr(text, "line") - text);
    diag_warning(diags, (Span){&source, last, last + 4}, "at the end");
    diag_error(diags, (Span){&source, 11, 16}, "%s thing", "odd");
    diag_note(diags, (Span){&source, 0, 5}, "see here");
    diag_help(diags, "try again");
    diag_error(diags, (Span){0}, "nowhere");
    assert_int_equal(diags_errors(diags), 2);
    assert_prints(diags,
        "m.nn:2:6: error: odd thing\n"
        "    2 | \tx = \xc3\xa9t\xc3\xa9 + 1;\n"
        "      | \t    ^~~\n"
        "m.nn:1:1: note: see here\n"
        "    1 | first\n"
        "      | ^~~~~\n"
        "help: try again\n"
        "m.nn:3:11: warning: at the end\n"
        "    3 | last ?[0m line\n"
        "      |           ^~~~\n"
        "nnc: error: nowhere\n");
}

static void a_message_is_said_once(void **state)
{
    Source source = {"m.nn", "abc", 3};
    Diags *diags = diags_new(*state);
    diag_error(diags, (Span){&source, 1, 2}, "same");
    diag_error(diags, (Span){&source, 1, 2}, "same");
    diag_note(diags, (Span){&source, 0, 1}, "of the one that was dropped");
    assert_int_equal(diags_errors(diags), 1);
    assert_prints(diags, "m.nn:1:2: error: same\n    1 | abc\n      |  ^\n");
}

static void errors_have_a_limit(void **state)
{
    char text[100];
    memset(text, 'x', sizeof text);
    Source source = {"m.nn", text, sizeof text};
    Diags *diags = diags_new(*state);
    int reported = 0;
    while (!diags_full(diags) && reported < 100) {
        diag_error(diags, (Span){&source, reported, reported + 1}, "error");
        reported++;
    }
    assert_true(reported < 100);
    diag_error(diags, (Span){&source, 99, 100}, "one more");
    assert_int_equal(diags_errors(diags), reported);
}

static void spans_join(void **state)
{
    (void)state;
    Source source = {"m.nn", "a\nb\xc3\xa9" "c", 6}, other = {"n.nn", "", 0};
    Span joined = span_join((Span){&source, 3, 5}, (Span){&source, 0, 1});
    assert_int_equal(joined.begin, 0);
    assert_int_equal(joined.end, 5);
    assert_int_equal(span_join((Span){0}, joined).end, 5);
    assert_ptr_equal(span_join((Span){&other, 0, 0}, joined).source, &other);
    assert_int_equal(span_line((Span){&source, 5, 6}), 2);
    assert_int_equal(span_column((Span){&source, 5, 6}), 3);
    assert_int_equal(span_line((Span){0}), 0);
}

/* ---- long lines ---- */

static void long_lines_break_where_a_reader_would(void **state)
{
    static const struct {
        const char *line, *wrapped;
    } cases[] = {
        {"short(a, b);", "    short(a, b);\n"},
        /* between the outermost arguments, under a parenthesis that is near */
        {"if (the_first_condition_of_some_length && the_second_condition_of_some_length"
         " && the_third_condition)",
         "    if (the_first_condition_of_some_length && the_second_condition_of_some_length\n"
         "        && the_third_condition)\n"},
        /* behind an assignment if all the rest fits in a line */
        {"const __m512 wanted = take(first_of_all(a0, b0, c0, d0), second_of_all(a1, b1, c1, d1),"
         " last_of_all(a2));",
         "    const __m512 wanted =\n"
         "        take(first_of_all(a0, b0, c0, d0), second_of_all(a1, b1, c1, d1),"
         " last_of_all(a2));\n"},
        /* further in where a parenthesis of a broken line is still open, never in a product */
        {"store_values(out + row * 25600 + column * 32, "
         "add(load(gradient + row * 9216 + column * 144 + k + 16), "
         "multiply(load(weight + column * 144 + k + 16), load(input + row * 9216 + k))));",
         "    store_values(out + row * 25600 + column * 32,\n"
         "        add(load(gradient + row * 9216 + column * 144 + k + 16),\n"
         "            multiply(load(weight + column * 144 + k + 16), load(input + row * 9216"
         " + k))));\n"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        Text out = text_new(*state);
        wrap_code(&out, 4, cases[i].line);
        assert_string_equal(out.at, cases[i].wrapped);
    }
}

int main(void)
{
#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_ARENA(memory_is_zeroed_aligned_and_separate),
        WITH_ARENA(growing_keeps_what_was_there),
        WITH_ARENA(strings_are_copied_and_formatted),
        WITH_ARENA(floats_are_short),
        WITH_ARENA(floats_read_back_exactly),
        WITH_ARENA(texts_grow),
        WITH_ARENA(files_are_replaced_whole),
        WITH_ARENA(a_failed_write_leaves_the_old_file),
        WITH_ARENA(file_failures_name_the_file),
        WITH_ARENA(embedded_files_are_found),
        WITH_ARENA(nearest_words),
        WITH_ARENA(utf8_characters),
        WITH_ARENA(diagnostics_show_their_source),
        WITH_ARENA(a_message_is_said_once),
        WITH_ARENA(errors_have_a_limit),
        WITH_ARENA(spans_join),
        WITH_ARENA(long_lines_break_where_a_reader_would),
    };
    return cmocka_run_group_tests_name("base", tests, NULL, NULL);
}
