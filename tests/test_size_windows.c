/* How long the C of convolutions is: what they have in common stands there once, and no kernel has
 * a text for each border. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "emit_lab.h"

/* The characters of the definition of a function. */
static size_t length_of(Arena *arena, const Text *source, const char *name)
{
    const char *at = strstr(source->at, arena_printf(arena, "void resnet20_%s(", name));
    if (!at) fail_msg("there is no function %s", name);
    const char *end = strstr(at, "\n}\n");
    assert_non_null(end);
    return (size_t)(end - at) + 3;
}

typedef struct Sizes {
    size_t kernels, longest, stages;
} Sizes;

static Sizes measure(Arena *arena, const Lowered *lowered, const Text *source)
{
    Sizes sizes = {0};
    for (int i = 0; i < lowered->entries.count; i++)
        for (int j = 0; j < lowered->entries.at[i].calls.count; j++) {
            const KernelCall *call = &lowered->entries.at[i].calls.at[j];
            if (!call->owns || call->kernel->kind != KERNEL_WINDOW) continue;
            const size_t length = length_of(arena, source, call->function->name);
            sizes.kernels += length;
            if (length > sizes.longest) sizes.longest = length;
        }
    for (int i = 0; i < lowered->program->inner.count; i++) {
        const char *name = lowered->program->inner.at[i]->name;
        if (!strncmp(name, "sums_", 5) || !strncmp(name, "winograd_", 9))
            sizes.stages += length_of(arena, source, name);
    }
    return sizes;
}

static void convolutions_share_their_text(void **state)
{
    (void)state;
    static const char *const entries[] = {"train", "infer"};
    Arena *arena = arena_new();
    CompileOptions options = {.entries = entries, .entry_count = 2,
                              .emit = {.command = "test", .optimizer = -1}};
    choose_targets(&options, "avx512");
    Compilation c = lab_compile(arena, "examples/resnet20.nn", &options);
    Text source = text_new(arena);
    emit_source(&source, compile_emission(&c));
    const Sizes sizes = measure(arena, c.lowered[0], &source);
    assert_in_range(sizes.longest, 1000, 7200);
    assert_in_range(sizes.kernels, 30000, 80000);
    assert_in_range(sizes.stages, 10000, 56000);
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(convolutions_share_their_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
