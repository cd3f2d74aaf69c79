/* Every tests/bad/NAME.nn is refused, with the messages of tests/bad/NAME.err. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>

#include "frontend.h"
#include "golden.h"

static bool check(const char *path)
{
    Arena *arena = arena_new();
    char *said = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&said, &length);
    int errors = frontend_check(arena, path, "tests/bad", out);
    fclose(out);
    int stem = (int)(strlen(path) - strlen(".nn"));
    const char *expected = arena_printf(arena, "%.*s.err", stem, path);
    bool matches = golden_matches(arena, expected, said, length);
    if (errors == 0) fprintf(stderr, "%s: accepted\n", path);
    free(said);
    arena_free(arena);
    return matches && errors > 0;
}

static void every_bad_program_is_refused(void **state)
{
    (void)state;
    glob_t found;
    assert_int_equal(glob("tests/bad/*.nn", 0, NULL, &found), 0);
    int failures = 0;
    for (size_t i = 0; i < found.gl_pathc; i++) failures += !check(found.gl_pathv[i]);
    assert_true(found.gl_pathc >= 150);
    globfree(&found);
    assert_int_equal(failures, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(every_bad_program_is_refused)};
    return cmocka_run_group_tests_name("bad programs", tests, NULL, NULL);
}
