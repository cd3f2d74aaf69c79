/* How long generated C is: what layers have in common stands there once. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "emit_lab.h"

/* The length of NAME.c with these entries for avx512. */
static size_t length_of(const char *program, const char *const *entries, int count)
{
    Arena *arena = arena_new();
    CompileOptions options = {.entries = entries, .entry_count = count,
                              .emit = {.command = "test", .optimizer = -1}};
    choose_targets(&options, "avx512");
    Compilation c = lab_compile(arena, program, &options);
    Text source = text_new(arena);
    emit_source(&source, compile_emission(&c));
    const size_t length = source.length;
    arena_free(arena);
    return length;
}

static void layers_of_a_residual_network_share_their_text(void **state)
{
    (void)state;
    static const char *const entries[] = {"train", "infer"};
    assert_in_range(length_of("examples/resnet20.nn", entries, 2), 100000, 400000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_of_a_residual_network_share_their_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
