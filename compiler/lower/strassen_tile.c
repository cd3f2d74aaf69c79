/* The function of a tile in Strassen's form: seven products of quarters for as many rows and
 * columns of each quarter of the result, one after another, with the sums in registers. Three sums
 * that several quarters share wait in an array. One function serves all products whose tiles have
 * that size. */
#include "lower/strassen.h"

#include <string.h>

enum { SUMS = 4, UNROLLED_FMAS = 64 };

typedef struct Seven {
    LoopBuilder b;
    int rows, columns;
    bool adjacent; /* rows of A are one element apart, else steps of the sum are */
    Buffer *a, *s, *wide, *t, *result, *kept;
    Var *a_step, *a_down, *a_on, *s_step, *s_plane, *s_last, *b_step, *b_on, *b_across, *t_plane,
        *row, *down, *across, *length;
    Var *acc[TILE_MAX];
} Seven;

/* A matrix or a quarter of it, from its first element. */
typedef struct Quarter {
    Buffer *buffer;
    LoopExpr *at, *step;
} Quarter;

static LoopExpr *of(Seven *t, const Var *var) { return x_var(&t->b, (Var *)(uintptr_t)var); }

/* Adds the product to the accumulators; `what` says in the C what they hold then. */
static void multiply(Seven *t, const char *what, Quarter a, Quarter wide)
{
    LoopBuilder *b = &t->b;
    const int width = b->program->target->width;
    Var *vector[TILE_MAX];
    loop_comment(b, what);
    LoopExpr *k = x_var(b, loop_begin(b, "k", x_int(b, 0), of(t, t->length), 1));
    loop_unroll(b, t->rows * t->columns * 4 <= UNROLLED_FMAS ? 4 : 2);
    for (int v = 0; v < t->columns; v++) {
        LoopExpr *at = x_add(b, x_add(b, wide.at, x_times(b, k, wide.step)), x_int(b, v * width));
        vector[v] =
            loop_let(b, arena_printf(b->arena, "b%d", v), x_vload(b, wide.buffer, at, width));
    }
    for (int r = 0; r < t->rows; r++) {
        LoopExpr *at = t->adjacent ? x_add(b, x_times(b, k, a.step), x_int(b, r))
                                   : x_add(b, x_mul(b, a.step, r), k);
        LoopExpr *x = x_splat(b, x_load(b, a.buffer, x_add(b, a.at, at)));
        Var *factor = loop_let(b, arena_printf(b->arena, "a%d", r), x);
        for (int v = 0; v < t->columns; v++) {
            Var *sum = t->acc[r * t->columns + v];
            loop_set(b, sum, x_fma(b, x_var(b, factor), x_var(b, vector[v]), x_var(b, sum)));
        }
    }
    loop_end(b);
}

static Quarter quarter_of_a(Seven *t, const Var *down, const Var *on)
{
    LoopExpr *at = x_int(&t->b, 0);
    if (down) at = x_add(&t->b, at, of(t, down));
    if (on) at = x_add(&t->b, at, of(t, on));
    return (Quarter){t->a, at, of(t, t->a_step)};
}

static Quarter quarter_of_b(Seven *t, const Var *on, const Var *across)
{
    LoopExpr *at = x_int(&t->b, 0);
    if (on) at = x_add(&t->b, at, of(t, on));
    if (across) at = x_add(&t->b, at, of(t, across));
    return (Quarter){t->wide, at, of(t, t->b_step)};
}

static Quarter sum_of_a(Seven *t, int i)
{
    LoopExpr *at = i == SUMS ? of(t, t->s_last) : x_mul(&t->b, of(t, t->s_plane), i - 1);
    return (Quarter){t->s, at, of(t, t->s_step)};
}

static Quarter sum_of_b(Seven *t, int i)
{
    return (Quarter){t->t, x_mul(&t->b, of(t, t->t_plane), i - 1),
                     x_int(&t->b, t->columns * (int64_t)t->b.program->target->width)};
}

/* The place of accumulator i in the n-th tile that is kept. */
static LoopExpr *kept_place(Seven *t, int n, int i)
{
    return x_int(&t->b, (n * t->rows * t->columns + i) * (int64_t)t->b.program->target->width);
}

static LoopExpr *kept(Seven *t, int n, int i)
{
    return x_vload(&t->b, t->kept, kept_place(t, n, i), t->b.program->target->width);
}

static void keep(Seven *t, int n)
{
    for (int i = 0; i < t->rows * t->columns; i++)
        loop_vstore(&t->b, t->kept, kept_place(t, n, i), of(t, t->acc[i]),
                    t->b.program->target->width);
}

/* A quarter of the result: the accumulators, and the n-th tile kept; n < 0: nothing else. */
static void store(Seven *t, const Var *down, const Var *across, int n)
{
    LoopBuilder *b = &t->b;
    const int width = b->program->target->width;
    for (int i = 0; i < t->rows * t->columns; i++) {
        LoopExpr *at = x_add(b, x_mul(b, of(t, t->row), i / t->columns),
                             x_int(b, i % t->columns * width));
        LoopExpr *sum = of(t, t->acc[i]);
        if (down) at = x_add(b, at, of(t, down));
        if (across) at = x_add(b, at, of(t, across));
        if (n >= 0) sum = x_map(b, OP_add, 2, (LoopExpr *[]){sum, kept(t, n, i)});
        loop_vstore(b, t->result, at, sum, width);
    }
}

static void seven_products(Seven *t)
{
    LoopBuilder *b = &t->b;
    const int n = t->rows * t->columns;
    t->kept = loop_local(b, "u", 3 * n * (int64_t)b->program->target->width);
    for (int i = 0; i < n; i++)
        t->acc[i] = loop_var(b, arena_printf(b->arena, "c%d_%d", i / t->columns, i % t->columns),
                             x_float(b, 0, true));
    multiply(t, "U1 = A11 B11", quarter_of_a(t, NULL, NULL), quarter_of_b(t, NULL, NULL));
    keep(t, 0);
    multiply(t, "C11 = U1 + A12 B21", quarter_of_a(t, NULL, t->a_on),
             quarter_of_b(t, t->b_on, NULL));
    store(t, NULL, NULL, -1);
    for (int i = 0; i < n; i++) loop_set(b, t->acc[i], kept(t, 0, i));
    multiply(t, "U2 = U1 + S2 T2", sum_of_a(t, 2), sum_of_b(t, 2));
    keep(t, 1);
    multiply(t, "U3 = U2 + S3 T3", sum_of_a(t, 3), sum_of_b(t, 3));
    keep(t, 2);
    multiply(t, "C21 = U3 + A22 T4", quarter_of_a(t, t->a_down, t->a_on), sum_of_b(t, 4));
    store(t, t->down, NULL, -1);
    for (int i = 0; i < n; i++) loop_set(b, t->acc[i], x_float(b, 0, true));
    multiply(t, "U4 = S1 T1, C22 = U3 + U4", sum_of_a(t, 1), sum_of_b(t, 1));
    store(t, t->down, t->across, 2);
    for (int i = 0; i < n; i++)
        loop_set(b, t->acc[i],
                 x_map(b, OP_add, 2, (LoopExpr *[]){of(t, t->acc[i]), kept(t, 1, i)}));
    multiply(t, "C12 = U2 + U4 + S4 B22", sum_of_a(t, 4), quarter_of_b(t, t->b_on, t->b_across));
    store(t, NULL, t->across, -1);
}

static Function *make_function(Program *program, const char *name, int rows, int columns,
                               bool adjacent)
{
    Seven t = {.rows = rows, .columns = columns, .adjacent = adjacent};
    t.b = loop_inner_function(
        program, name,
        arena_printf(program->arena,
                     "A tile of %d rows and %d columns in each quarter of C = A B, by seven "
                     "products of quarters over half\nof the sum (Strassen 1969, Winograd's form): "
                     "s = {A21 - A22, A11 - S1, A21 - A11, A12 - S2},\nt = {B12 - B11, B22 + T1, "
                     "B22 + B12, B21 - T2}. The other half of the rows is `down`, of the\ncolumns "
                     "`across`, of the sum `on` from the first; rows of A are %s.",
                     rows, columns * program->target->width,
                     adjacent ? "one element apart" : "its rows in memory"));
    t.a = loop_buffer(&t.b, "a", LT_F32, true);
    t.s = loop_buffer(&t.b, "s", LT_F32, true);
    t.wide = loop_buffer(&t.b, "b", LT_F32, true);
    t.t = loop_buffer(&t.b, "t", LT_F32, true);
    t.result = loop_buffer(&t.b, "c", LT_F32, false);
    Var **const scalars[] = {&t.a_step, &t.a_down, &t.a_on, &t.s_step, &t.s_plane,
                             &t.s_last, &t.b_step, &t.b_on, &t.b_across, &t.t_plane,
                             &t.row, &t.down, &t.across, &t.length};
    static const char *const names[] = {"a_step", "a_down", "a_on", "s_step", "s_plane",
                                        "s_last", "b_step", "b_on", "b_across", "t_plane",
                                        "row", "down", "across", "length"};
    for (int i = 0; i < (int)(sizeof names / sizeof names[0]); i++)
        *scalars[i] = loop_scalar(&t.b, names[i], LT_INDEX);
    seven_products(&t);
    return t.b.function;
}

Function *strassen_tile(Program *program, int rows, int columns, bool adjacent)
{
    const char *name = arena_printf(program->arena, "strassen_%dx%d%s", rows,
                                    columns * program->target->width, adjacent ? "_across" : "");
    for (int i = 0; i < program->inner.count; i++)
        if (!strcmp(program->inner.at[i]->name, name)) return program->inner.at[i];
    return make_function(program, name, rows, columns, adjacent);
}
