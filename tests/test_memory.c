/* The memory of entries: the picture of its plan shows what the plan says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "driver/compile.h"

static const char *const programs[] = {
    "examples/regression.nn", "examples/digits/digits.nn", "examples/lenet.nn",
    "examples/char_gpt.nn",   "examples/speech_ctc.nn",
};

enum { PROGRAMS = sizeof programs / sizeof *programs };

static Plan *plan_of(Arena *arena, const char *path)
{
    static const CompileOptions none = {0};
    Compilation c = compile_start(arena, path, &none);
    if (!compile_or_tell(&c, STAGE_PLANNED)) fail_msg("%s cannot be planned", path);
    return c.plan;
}

static const char *picture(Arena *arena, const Plan *plan)
{
    Text out = text_new(arena);
    plan_draw_memory(&out, plan);
    return out.at;
}

static int count(const char *text, const char *part)
{
    int n = 0;
    for (; (text = strstr(text, part)); text++) n++;
    return n;
}

/* ---- the file ---- */

/* Every element that opens is closed, in order; nothing else stands in angle brackets. */
static void check_well_formed(const char *svg)
{
    const char *open[32];
    int depth = 0;
    for (const char *at = svg; (at = strchr(at, '<')); at++) {
        const char *end = strchr(at, '>');
        assert_non_null(end);
        if (at[1] == '/') {
            const size_t n = (size_t)(end - at) - 2;
            assert_true(depth > 0);
            depth--;
            assert_memory_equal(open[depth], at + 2, n);
            assert_true(strcspn(open[depth], " >") == n);
        } else if (end[-1] != '/') {
            assert_true(depth < 32);
            open[depth++] = at + 1;
        }
        assert_null(memchr(at + 1, '<', (size_t)(end - at) - 1));
    }
    assert_int_equal(depth, 0);
    assert_null(strstr(svg, "nan"));
    assert_null(strstr(svg, "inf\""));
}

static int slots(const EntryPlan *entry)
{
    int n = 0;
    for (int i = 0; i < entry->values.count; i++)
        n += memory_has_slot(entry, entry->values.at[i]);
    return n;
}

/* A rectangle a buffer, three in the legend and one behind it all; a name a kernel, of entries that
 * need memory. */
static void it_shows_each_buffer_and_kernel(void **state)
{
    (void)state;
    for (int i = 0; i < PROGRAMS; i++) {
        Arena *arena = arena_new();
        const Plan *plan = plan_of(arena, programs[i]);
        const char *svg = picture(arena, plan);
        int buffers = 0, kernels = 0;
        for (int e = 0; e < plan->entries.count; e++) {
            const EntryPlan *entry = plan->entries.at[e];
            buffers += slots(entry);
            if (entry->workspace_bytes) kernels += entry->kernels.count;
        }
        check_well_formed(svg);
        assert_int_equal(count(svg, "<rect "), buffers + 4);
        assert_int_equal(count(svg, "<text class=\"kernel"), kernels);
        assert_int_equal(count(svg, "class=\"title\""), plan->entries.count);
        assert_string_equal(svg, picture(arena, plan));
        arena_free(arena);
    }
}

/* ---- rectangles ---- */

typedef struct Rect { double x, y, width, height; } Rect;

static double number(const char *rect, const char *name)
{
    return strtod(strstr(rect, name) + strlen(name), NULL);
}

static int find_rects(const char *at, Rect *rects, int most)
{
    int n = 0;
    for (; (at = strstr(at, "<rect ")) && n < most; at++)
        rects[n++] = (Rect){number(at, "x=\""), number(at, "y=\""), number(at, "width=\""),
                            number(at, "height=\"")};
    return n;
}

static void expect_near(double got, double want)
{
    if (got < want - 0.25 || got > want + 0.25) fail_msg("%.2f, not %.2f", got, want);
}

/* x and width follow the steps, y and height the bytes: all in the scale of the largest. */
static void rectangles_are_to_scale(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Plan *plan = plan_of(arena, "examples/digits/digits.nn");
    plan->entries.at[0] = plan->entries.at[1];           /* train alone */
    plan->entries.count = 1;
    const EntryPlan *train = plan->entries.at[0];
    const Value *values[16];
    Rect rects[16];
    int n = 0, largest = 0;
    for (int i = 0; i < train->values.count; i++)
        if (memory_has_slot(train, train->values.at[i])) values[n++] = train->values.at[i];
    assert_true(n >= 3 && n < 16);
    assert_int_equal(find_rects(strstr(picture(arena, plan), "class=\"title\""), rects, 16), n);
    for (int i = 1; i < n; i++)
        if (memory_bytes(values[i]) > memory_bytes(values[largest])) largest = i;
    const Value *big = values[largest];
    const Rect *scale = &rects[largest];
    const double column = scale->width / (big->last - big->first + 1);
    const double pixel = scale->height / (double)memory_bytes(big);
    assert_true(column > 10 && scale->height > 10);
    for (int i = 0; i < n; i++) {
        const Value *v = values[i];
        const int64_t above = big->offset + memory_bytes(big) - v->offset - memory_bytes(v);
        expect_near(rects[i].x, scale->x + column * (v->first - big->first));
        expect_near(rects[i].width, column * (v->last - v->first + 1));
        expect_near(rects[i].y, scale->y + pixel * (double)above);
        expect_near(rects[i].height, pixel * (double)memory_bytes(v));
    }
    arena_free(arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(it_shows_each_buffer_and_kernel),
        cmocka_unit_test(rectangles_are_to_scale),
    };
    return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
