/* The function of a tile in Strassen's form: seven products of quarters for as many rows and
 * columns of each quarter of the result, one after another, with the sums in registers. Three sums
 * that several quarters share wait in an array. Where the tile is the only one of its rows it makes
 * their S1..S4, a row in a few steps of the first product, which needs none of them: multiply-adds
 * and stores go on side by side. Tiles with many rows have time to load two quarters, and make T1,
 * T3 and T4 so. One function serves all products whose tiles lie alike. */
#include <string.h>

#include "lower/strassen.h"

enum { UNROLLED_FMAS = 64 };

typedef struct Seven {
    LoopBuilder b;
    const StrassenTile *at;
    int rows, columns;
    int64_t width;
    Buffer *a, *s, *wide, *t, *lit, *result, *kept;
    Var *acc[TILE_MAX];
} Seven;

/* A matrix or a quarter of it: its first element, and from step to step of the sum. */
typedef struct Quarter {
    Buffer *buffer;
    int64_t first, row, step;
} Quarter;

/* What is loaded as vectors: one, or both, added or subtracted. */
typedef struct Wide {
    Quarter one, two;
    Op op; /* if two has a buffer */
} Wide;

/* Where quarters stand in the other order, the first in memory is the last. */
static int64_t other(const Seven *t, int second, int64_t far)
{
    return t->at->reversed ? (1 - second) * far : second * far;
}

static Quarter quarter_of_a(const Seven *t, int down, int on)
{
    const StrassenTile *at = t->at;
    return (Quarter){t->a, other(t, down, at->a_down) + other(t, on, at->a_on), at->a_row,
                     at->a_step};
}

static Wide quarter_of_b(const Seven *t, int on, int across)
{
    const StrassenTile *at = t->at;
    return (Wide){.one = {t->wide, other(t, on, at->b_on) + across * at->b_across, 0, at->b_step}};
}

/* S_i. Of A transposed S1 and S3 change places. */
static Quarter sum_of_a(const Seven *t, int i)
{
    const StrassenTile *at = t->at;
    const int plane = at->reversed && i != STRASSEN_SUMS ? 3 - i : i - 1;
    return (Quarter){t->s, plane * at->s_plane, at->s_row, at->s_step};
}

/* T_i as it lies in the panel. */
static Wide stored_sum_of_b(const Seven *t, int64_t plane)
{
    const int64_t step = t->columns * t->width;
    return (Wide){.one = {t->t, plane * t->at->length * step, 0, step}};
}

static Wide sum_of_b(const Seven *t, int i)
{
    if (!t->at->only_t2) return stored_sum_of_b(t, i - 1);
    if (i == 2) return stored_sum_of_b(t, 0);
    /* B12 - B11, B22 + B12, B21 - T2 */
    Wide x = i == 4 ? quarter_of_b(t, 1, 0) : quarter_of_b(t, i == 3, 1);
    x.two = (i == 4 ? stored_sum_of_b(t, 0) : quarter_of_b(t, 0, i == 3)).one;
    x.op = i == 3 ? OP_add : OP_sub;
    return x;
}

/* ---- products ---- */

static LoopExpr *load(Seven *t, Quarter q, LoopExpr *k, int v)
{
    LoopBuilder *b = &t->b;
    LoopExpr *at = x_add(b, x_mul(b, k, q.step), x_int(b, q.first + v * t->width));
    return x_vload(b, q.buffer, at, (int)t->width);
}

/* Adds the products of step k. */
static void multiply_step(Seven *t, Quarter a, Wide wide, LoopExpr *k)
{
    LoopBuilder *b = &t->b;
    Var *vector[TILE_MAX];
    for (int v = 0; v < t->columns; v++) {
        LoopExpr *x = load(t, wide.one, k, v);
        if (wide.two.buffer)
            x = x_map(b, wide.op, 2, (LoopExpr *[]){x, load(t, wide.two, k, v)});
        vector[v] = loop_let(b, arena_printf(b->arena, "b%d", v), x);
    }
    for (int r = 0; r < t->rows; r++) {
        LoopExpr *at = x_add(b, x_mul(b, k, a.step), x_int(b, a.first + r * a.row));
        LoopExpr *x = x_splat(b, x_load(b, a.buffer, at));
        Var *factor = loop_let(b, arena_printf(b->arena, "a%d", r), x);
        for (int v = 0; v < t->columns; v++) {
            Var *sum = t->acc[r * t->columns + v];
            loop_set(b, sum, x_fma(b, x_var(b, factor), x_var(b, vector[v]), x_var(b, sum)));
        }
    }
}

static void multiply_steps(Seven *t, Quarter a, Wide wide, LoopExpr *lo, LoopExpr *hi)
{
    LoopBuilder *b = &t->b;
    LoopExpr *k = x_var(b, loop_begin(b, "k", lo, hi, 1));
    loop_unroll(b, t->rows * t->columns * 4 <= UNROLLED_FMAS ? 4 : 2);
    multiply_step(t, a, wide, k);
    loop_end(b);
}

/* Adds the product to the accumulators; `what` says in the C what they hold then. */
static void multiply(Seven *t, const char *what, Quarter a, Wide wide)
{
    loop_comment(&t->b, what);
    multiply_steps(t, a, wide, x_int(&t->b, 0), x_int(&t->b, t->at->length));
}

/* ---- S1..S4 of the tile's rows ---- */

/* Those of one row from step v on; sizes: what lit has of these steps. */
static void make_row_sums(Seven *t, LoopExpr *r, LoopExpr *v, int lanes, Var *const sizes[2])
{
    LoopBuilder *b = &t->b;
    Var *a[2][2];
    for (int down = 0; down < 2; down++)
        for (int on = 0; on < 2; on++) {
            const Quarter q = quarter_of_a(t, down, on);
            LoopExpr *at = x_add(b, x_add(b, x_mul(b, r, q.row), v), x_int(b, q.first));
            a[down][on] = loop_let(b, arena_printf(b->arena, "a%d%d", down + 1, on + 1),
                                   x_vload(b, q.buffer, at, lanes));
        }
    for (int on = 0; on < 2 && t->lit; on++)
        loop_set(b, sizes[on],
                 x_map(b, OP_add, 2,
                       (LoopExpr *[]){x_var(b, sizes[on]),
                                      strassen_size(b, a[0][on], a[1][on])}));
    strassen_tall_four(b, a, t->s, x_add(b, x_mul(b, r, t->at->s_row), v), t->at->s_plane, lanes);
}

static void begin_sizes(Seven *t, LoopExpr *v, int lanes, Var *sizes[2])
{
    for (int on = 0; on < 2 && t->lit; on++)
        sizes[on] = loop_var(&t->b, on ? "lit2" : "lit1",
                             x_vload(&t->b, t->lit,
                                     x_add(&t->b, v, x_int(&t->b, on * t->at->length)), lanes));
}

static void end_sizes(Seven *t, LoopExpr *v, int lanes, Var *const sizes[2])
{
    for (int on = 0; on < 2 && t->lit; on++)
        loop_vstore(&t->b, t->lit, x_add(&t->b, v, x_int(&t->b, on * t->at->length)),
                    x_var(&t->b, sizes[on]), lanes);
}

/* A vector of each row's sums and as many steps of the product, in turns. */
static void make_sums_and_multiply(Seven *t, Quarter a, Wide wide, int64_t whole)
{
    LoopBuilder *b = &t->b;
    const int64_t each = t->width / t->rows, all = each * t->rows;
    Var *sizes[2];
    LoopExpr *v = x_var(b, loop_begin(b, "v", x_int(b, 0), x_int(b, whole), t->width));
    begin_sizes(t, v, (int)t->width, sizes);
    LoopExpr *r = x_var(b, loop_begin(b, "r", x_int(b, 0), x_int(b, t->rows), 1));
    make_row_sums(t, r, v, (int)t->width, sizes);
    LoopExpr *first = x_add(b, v, x_mul(b, r, each));
    multiply_steps(t, a, wide, first, x_add(b, first, x_int(b, each)));
    loop_end(b);
    if (all < t->width)
        multiply_steps(t, a, wide, x_add(b, v, x_int(b, all)), x_add(b, v, x_int(b, t->width)));
    end_sizes(t, v, (int)t->width, sizes);
    loop_end(b);
}

static void multiply_and_make_sums(Seven *t, const char *what, Quarter a, Wide wide)
{
    LoopBuilder *b = &t->b;
    const int64_t length = t->at->length, whole = length / t->width * t->width;
    const int lanes = (int)(length - whole);
    Var *sizes[2];
    loop_comment(b, what);
    if (whole) make_sums_and_multiply(t, a, wide, whole);
    if (!lanes) return;
    LoopExpr *v = x_int(b, whole);
    loop_block(b);
    begin_sizes(t, v, lanes, sizes);
    LoopExpr *r = x_var(b, loop_begin(b, "r", x_int(b, 0), x_int(b, t->rows), 1));
    make_row_sums(t, r, v, lanes, sizes);
    loop_end(b);
    end_sizes(t, v, lanes, sizes);
    loop_end(b);
    multiply_steps(t, a, wide, v, x_int(b, length));
}

/* ---- what waits, and the result ---- */

/* The place of accumulator i in the n-th tile that is kept. */
static LoopExpr *kept_place(Seven *t, int n, int i)
{
    return x_int(&t->b, (n * t->rows * t->columns + i) * t->width);
}

static LoopExpr *kept(Seven *t, int n, int i)
{
    return x_vload(&t->b, t->kept, kept_place(t, n, i), (int)t->width);
}

static void keep(Seven *t, int n)
{
    for (int i = 0; i < t->rows * t->columns; i++)
        loop_vstore(&t->b, t->kept, kept_place(t, n, i), x_var(&t->b, t->acc[i]), (int)t->width);
}

/* Columns of B that are zero all along, as masks. */
static void find_dark(Seven *t, int across, Var *dark[TILE_MAX])
{
    LoopBuilder *b = &t->b;
    for (int v = 0; v < t->columns && t->at->exact; v++) {
        LoopExpr *size = x_vload(
            b, t->lit, x_int(b, across * t->at->b_across + v * t->width), (int)t->width);
        dark[v] = loop_let(b, arena_printf(b->arena, "dark%d%d", across + 1, v),
                           x_map(b, OP_eq, 2, (LoopExpr *[]){size, x_float(b, 0, true)}));
    }
}

/* A quarter of the result: the accumulators, and the n-th tile kept; n < 0: nothing else. */
static void store(Seven *t, int down, int across, int n)
{
    LoopBuilder *b = &t->b;
    const StrassenTile *at = t->at;
    Var *dark[TILE_MAX];
    find_dark(t, across, dark);
    for (int i = 0; i < t->rows * t->columns; i++) {
        const int64_t place = other(t, down, at->c_down) + across * at->c_across
                            + i / t->columns * at->c_row + i % t->columns * t->width;
        LoopExpr *sum = x_var(b, t->acc[i]);
        if (n >= 0) sum = x_map(b, OP_add, 2, (LoopExpr *[]){sum, kept(t, n, i)});
        if (at->exact)
            sum = x_map(b, OP_select, 3,
                        (LoopExpr *[]){x_var(b, dark[i % t->columns]), x_float(b, 0, true), sum});
        loop_vstore(b, t->result, x_int(b, place), sum, (int)t->width);
    }
}

static void seven_products(Seven *t)
{
    LoopBuilder *b = &t->b;
    const int n = t->rows * t->columns;
    t->kept = loop_local(b, "u", 3 * n * t->width);
    for (int i = 0; i < n; i++)
        t->acc[i] = loop_var(b, arena_printf(b->arena, "c%d_%d", i / t->columns, i % t->columns),
                             x_float(b, 0, true));
    if (t->at->makes_sums)
        multiply_and_make_sums(t, "U1 = A11 B11, and S1..S4 of these rows", quarter_of_a(t, 0, 0),
                               quarter_of_b(t, 0, 0));
    else multiply(t, "U1 = A11 B11", quarter_of_a(t, 0, 0), quarter_of_b(t, 0, 0));
    keep(t, 0);
    multiply(t, "C11 = U1 + A12 B21", quarter_of_a(t, 0, 1), quarter_of_b(t, 1, 0));
    store(t, 0, 0, -1);
    for (int i = 0; i < n; i++) loop_set(b, t->acc[i], kept(t, 0, i));
    multiply(t, "U2 = U1 + S2 T2", sum_of_a(t, 2), sum_of_b(t, 2));
    keep(t, 1);
    multiply(t, "U3 = U2 + S3 T3", sum_of_a(t, 3), sum_of_b(t, 3));
    keep(t, 2);
    multiply(t, "C21 = U3 + A22 T4", quarter_of_a(t, 1, 1), sum_of_b(t, 4));
    store(t, 1, 0, -1);
    for (int i = 0; i < n; i++) loop_set(b, t->acc[i], x_float(b, 0, true));
    multiply(t, "U4 = S1 T1, C22 = U3 + U4", sum_of_a(t, 1), sum_of_b(t, 1));
    store(t, 1, 1, 2);
    for (int i = 0; i < n; i++)
        loop_set(b, t->acc[i],
                 x_map(b, OP_add, 2, (LoopExpr *[]){x_var(b, t->acc[i]), kept(t, 1, i)}));
    multiply(t, "C12 = U2 + U4 + S4 B22", sum_of_a(t, 4), quarter_of_b(t, 1, 1));
    store(t, 0, 1, -1);
}

/* ---- the function ---- */

static const char *banner(const Seven *t, Arena *arena)
{
    const StrassenTile *at = t->at;
    return arena_printf(
        arena,
        "A tile of %d rows and %lld columns in each quarter of C = A B, by seven products of "
        "quarters\nover %lld steps, half of the sum (Strassen 1969, Winograd's form):\n"
        "s = {A21 - A22, A11 - S1, A21 - A11, A12 - S2},\n"
        "t = {B12 - B11, B22 + T1, B22 + B12, B21 - T2}%s.%s%s",
        t->rows, (long long)(t->columns * t->width), (long long)at->length,
        at->only_t2 ? ", of which T2 is stored" : "",
        at->reversed ? "\nThe second half of the rows and of the sum stands first: s was made of A "
                       "transposed."
                     : "",
        at->exact ? "\nColumns that `lit` has nothing of are zero." : "");
}

static Function *make_function(Program *program, const StrassenTile *at)
{
    Seven t = {.at = at, .rows = at->rows, .columns = at->columns, .width = program->target->width};
    const char *name = arena_printf(program->arena, "strassen_%dx%lld%s", at->rows,
                                    (long long)(at->columns * t.width),
                                    at->a_row == 1 ? "_across" : ""),
               *free_name = name;
    for (int i = 2; program_has_function(program, free_name); i++)
        free_name = name_numbered(program->arena, name, i);
    t.b = loop_inner_function(program, free_name, banner(&t, program->arena));
    t.a = loop_buffer(&t.b, "a", LT_F32, true);
    t.s = loop_buffer(&t.b, "s", LT_F32, !at->makes_sums);
    t.wide = loop_buffer(&t.b, "b", LT_F32, true);
    t.t = loop_buffer(&t.b, "t", LT_F32, true);
    if (at->lit) t.lit = loop_buffer(&t.b, "lit", LT_F32, !at->makes_sums);
    t.result = loop_buffer(&t.b, "c", LT_F32, false);
    seven_products(&t);
    return t.b.function;
}

static const char *recipe_of(Arena *arena, const StrassenTile *at)
{
    const int64_t all[] = {at->rows,   at->columns, at->length,   at->a_row,  at->a_step,
                           at->a_down, at->a_on,    at->s_row,    at->s_step, at->s_plane,
                           at->b_step, at->b_on,    at->b_across, at->c_row,  at->c_down,
                           at->c_across, at->only_t2, at->reversed, at->makes_sums, at->lit,
                           at->exact};
    Text text = text_new(arena);
    text_add(&text, "strassen");
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        text_addf(&text, " %lld", (long long)all[i]);
    return text.at;
}

Function *strassen_tile(Program *program, const StrassenTile *at)
{
    const char *recipe = recipe_of(program->arena, at);
    for (int i = 0; i < program->inner.count; i++) {
        Function *f = program->inner.at[i];
        if (f->recipe && !strcmp(f->recipe, recipe)) return f;
    }
    Function *f = make_function(program, at);
    f->recipe = recipe;
    return f;
}
