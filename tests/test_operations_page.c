/* docs/operations.md is what the tables say; `make docs` rewrites it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "elaborate/reference.h"
#include "golden.h"

static void the_page_is_what_the_tables_say(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Text page = text_new(arena);
    reference_print(&page);
    assert_true(golden_matches(arena, "docs/operations.md", page.at, page.length));
    arena_free(arena);
}

static void every_library_block_is_described(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const char *bare = reference_undocumented(arena);
    if (bare) fail_msg("the block %s of the library has no comment above it", bare);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_is_what_the_tables_say),
        cmocka_unit_test(every_library_block_is_described),
    };
    return cmocka_run_group_tests_name("operations page", tests, NULL, NULL);
}
