/* Names in loops: for what is loaded twice, where they begin and what ends them; one for what is
 * computed twice; and numbers behind them only where two of a name meet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "base/arena.h"
#include "base/text.h"
#include "loop/loop.h"
#include "ops/op.h"
#include "target/target.h"

typedef struct Lab {
    Arena *arena;
    LoopBuilder b;
    Buffer *x, *y;
    Var *i;
} Lab;

static Lab begin(void)
{
    Lab l = {.arena = arena_new()};
    Program *program = program_new(l.arena, target_find("scalar"));
    l.b = loop_function(program, "lab", NULL);
    l.x = loop_buffer(&l.b, "x", LT_F32, true);
    l.y = loop_buffer(&l.b, "y", LT_F32, false);
    l.i = loop_begin(&l.b, "i", x_int(&l.b, 0), x_int(&l.b, 4), 1);
    return l;
}

static LoopExpr *load(Lab *l, Buffer *buffer)
{
    return x_load(&l->b, buffer, x_var(&l->b, l->i));
}

static LoopExpr *square(Lab *l, Buffer *buffer)
{
    return x_map(&l->b, OP_mul, 2, (LoopExpr *[]){load(l, buffer), load(l, buffer)});
}

static void expect(Lab *l, const char *text)
{
    loop_end(&l->b);
    loop_share(l->b.function);
    Text out = text_new(l->arena);
    loop_dump(&out, l->b.program);
    assert_string_equal(out.at, text);
    arena_free(l->arena);
}

static void a_load_read_twice_is_named(void **state)
{
    (void)state;
    Lab l = begin();
    loop_store(&l.b, l.y, x_var(&l.b, l.i), square(&l, l.x));
    loop_store(&l.b, l.y, x_int(&l.b, 9), load(&l, l.x));
    expect(&l, "lab(const 1 x, 1 y\n"
               "  for i in 0 .. 4 step 1 unroll 0\n"
               "    let x2 = x[i]\n"
               "    y[i] = mul(x2, x2)\n"
               "    y[9] = x2\n");
}

static void a_store_ends_the_name(void **state)
{
    (void)state;
    Lab l = begin();
    loop_store(&l.b, l.y, x_var(&l.b, l.i), square(&l, l.y));
    loop_store(&l.b, l.y, x_int(&l.b, 9), load(&l, l.y));
    expect(&l, "lab(const 1 x, 1 y\n"
               "  for i in 0 .. 4 step 1 unroll 0\n"
               "    let y2 = y[i]\n"
               "    y[i] = mul(y2, y2)\n"
               "    y[9] = y[i]\n");
}

static void a_branch_ends_the_name(void **state)
{
    (void)state;
    Lab l = begin();
    loop_store(&l.b, l.y, x_int(&l.b, 8), load(&l, l.x));
    loop_block(&l.b);
    loop_store(&l.b, l.y, x_int(&l.b, 9), load(&l, l.x));
    loop_end(&l.b);
    expect(&l, "lab(const 1 x, 1 y\n"
               "  for i in 0 .. 4 step 1 unroll 0\n"
               "    y[8] = x[i]\n"
               "    block\n"
               "      y[9] = x[i]\n");
}

static void a_given_name_serves(void **state)
{
    (void)state;
    Lab l = begin();
    Var *a = loop_let(&l.b, "a", load(&l, l.x));
    loop_store(&l.b, l.y, x_var(&l.b, l.i), x_var(&l.b, a));
    loop_store(&l.b, l.y, x_int(&l.b, 9), square(&l, l.x));
    expect(&l, "lab(const 1 x, 1 y\n"
               "  for i in 0 .. 4 step 1 unroll 0\n"
               "    let a = x[i]\n"
               "    y[i] = a\n"
               "    y[9] = mul(a, a)\n");
}

static LoopExpr *doubled(Lab *l, Var *var)
{
    return x_map(&l->b, OP_add, 2, (LoopExpr *[]){x_var(&l->b, var), x_var(&l->b, var)});
}

static void what_has_a_name_is_not_computed_again(void **state)
{
    (void)state;
    Lab l = begin();
    Var *sum = loop_var(&l.b, "sum", x_float(&l.b, 0, false));
    Var *a = loop_let(&l.b, "a", doubled(&l, sum)), *b = loop_let(&l.b, "b", doubled(&l, sum));
    loop_set(&l.b, sum, x_map(&l.b, OP_mul, 2, (LoopExpr *[]){x_var(&l.b, a), x_var(&l.b, b)}));
    Var *c = loop_let(&l.b, "c", doubled(&l, sum)); /* of another sum */
    loop_store(&l.b, l.y, x_int(&l.b, 9), x_var(&l.b, c));
    loop_compute_once(l.b.function);
    expect(&l, "lab(const 1 x, 1 y\n"
               "  for i in 0 .. 4 step 1 unroll 0\n"
               "    var sum = 0.0\n"
               "    let a = add(sum, sum)\n"
               "    sum = mul(a, a)\n"
               "    let c = add(sum, sum)\n"
               "    y[9] = c\n");
}

static void what_a_loop_changes_is_computed_again_in_it(void **state)
{
    (void)state;
    Lab l = begin();
    Var *sum = loop_var(&l.b, "sum", x_float(&l.b, 0, false));
    loop_store(&l.b, l.y, x_int(&l.b, 9), x_var(&l.b, loop_let(&l.b, "a", doubled(&l, sum))));
    loop_begin(&l.b, "j", x_int(&l.b, 0), x_int(&l.b, 2), 1);
    Var *b = loop_let(&l.b, "b", doubled(&l, sum));
    loop_set(&l.b, sum, x_var(&l.b, b));
    loop_end(&l.b);
    loop_compute_once(l.b.function);
    expect(&l, "lab(const 1 x, 1 y\n"
               "  for i in 0 .. 4 step 1 unroll 0\n"
               "    var sum = 0.0\n"
               "    let a = add(sum, sum)\n"
               "    y[9] = a\n"
               "    for j in 0 .. 2 step 1 unroll 0\n"
               "      let b = add(sum, sum)\n"
               "      sum = b\n");
}

static void a_number_is_there_where_it_is_needed(void **state)
{
    (void)state;
    Lab l = begin();
    loop_let(&l.b, "sum", load(&l, l.y)); /* which goes */
    Var *sum = loop_let(&l.b, "sum", load(&l, l.x)), *x = loop_let(&l.b, "x", load(&l, l.x));
    loop_begin(&l.b, "i", x_int(&l.b, 0), x_int(&l.b, 2), 1);
    Var *inner = loop_let(&l.b, "sum", x_var(&l.b, sum));
    loop_store(&l.b, l.y, x_int(&l.b, 9), x_var(&l.b, inner));
    loop_end(&l.b);
    Var *behind = loop_let(&l.b, "x", x_var(&l.b, x));
    loop_store(&l.b, l.y, x_int(&l.b, 8), x_var(&l.b, behind));
    loop_tidy(l.b.function);
    loop_rename(l.b.program);
    loop_end(&l.b);
    Text out = text_new(l.arena);
    loop_dump(&out, l.b.program);
    assert_string_equal(out.at, "lab(const 1 x, 1 y\n"
                                "  for i in 0 .. 4 step 1 unroll 0\n"
                                "    let sum = x[i]\n"
                                "    let x_v = x[i]\n"
                                "    for i2 in 0 .. 2 step 1 unroll 0\n"
                                "      let sum2 = sum\n"
                                "      y[9] = sum2\n"
                                "    let x_v2 = x_v\n"
                                "    y[8] = x_v2\n");
    arena_free(l.arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_load_read_twice_is_named),
        cmocka_unit_test(a_store_ends_the_name),
        cmocka_unit_test(a_branch_ends_the_name),
        cmocka_unit_test(a_given_name_serves),
        cmocka_unit_test(what_has_a_name_is_not_computed_again),
        cmocka_unit_test(what_a_loop_changes_is_computed_again_in_it),
        cmocka_unit_test(a_number_is_there_where_it_is_needed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
