/* What random models and others found, reduced: generated code against the interpreter on every
 * target. */
#include <glob.h>

#include "driver/compile.h"
#include "generated_check.h"

static void programs(void **state)
{
    glob_t found;
    Suite s = suite_begin(*state, "found", "-O0 -Wno-sign-conversion");
    assert_int_equal(glob("tests/found/*.nn", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) {
        const CompileOptions options = {0};
        Compilation c = compile_start(s.arena, found.gl_pathv[i], &options);
        if (!compile_or_tell(&c, STAGE_TRANSFORMED)) fail();
        suite_add(&s, c.module, arena_printf(s.arena, "%s", found.gl_pathv[i]));
    }
    globfree(&found);
    suite_end(&s, 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {ON_EVERY_TARGET(programs)};
    return cmocka_run_group_tests_name("found by random models", tests, NULL, NULL);
}
