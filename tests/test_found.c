/* What make fuzz-models found, reduced: generated code against the interpreter on every target. */
#include "driver/compile.h"
#include "generated_check.h"

static void programs(void **state)
{
    static const char *const names[] = {"equal_extents",     "strided_epilogue", "row_and_part",
                                        "once_for_all_rows", "whole_numbers",    "late_copy",
                                        "smallest_of_one"};
    Suite s = suite_begin(*state, "found", "-O0 -Wno-sign-conversion");
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const CompileOptions options = {0};
        const char *path = arena_printf(s.arena, "tests/found/%s.nn", names[i]);
        Compilation c = compile_start(s.arena, path, &options);
        if (!compile_or_tell(&c, STAGE_TRANSFORMED)) fail();
        suite_add(&s, c.module, names[i]);
    }
    suite_end(&s, 1e-4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {ON_EVERY_TARGET(programs)};
    return cmocka_run_group_tests_name("found by random models", tests, NULL, NULL);
}
