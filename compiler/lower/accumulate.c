/* A tile of sums of products in registers. All that differs between kernels with tiles of one size
 * are numbers, which become constants where the stage is inlined:
 *
 *   for i < i_count
 *       for j < j_count
 *           ask for what is needed next
 *           for k < k_count
 *               acc[r][v] += a[r * a_row + i * a_i + j * a_j + k * a_k] * b[i * b_i + ... + v]
 */
#include "lower/accumulate.h"

enum { USUAL_LOOPS = 3, UNROLLED = 64 /* multiplications in the body of the innermost loop */ };

typedef struct Stage {
    LoopBuilder *b;
    Accumulate *t;
    bool shared; /* numbers are arguments */
    LoopExpr *a_at, *b_at, *a_row;
    LoopExpr *step; /* of the loops that are open, counted through */
} Stage;

static int width_of(const Stage *s) { return s->t->vector ? s->b->program->target->width : 1; }

/* A number, or a variable. */
static LoopExpr *number(const Stage *s, const char *name, LoopExpr *x)
{
    if (!s->shared) return x;
    if (x->kind == E_INT) return x_known(s->b, name, (int64_t)x->number, false);
    return x->var->known ? x_given(s->b, name, x->var) : x;
}

/* ---- loops ---- */

static bool is_once(const SumLoop *loop)
{
    return loop->lo->kind == E_INT && loop->hi->kind == E_INT && loop->lo->number == 0
        && loop->hi->number == 1;
}

static char loop_name(const Accumulate *t, int i) { return (char)('k' - (t->loops - 1 - i)); }

static const char *count_name(LoopBuilder *b, const Accumulate *t, int i)
{
    return arena_printf(b->arena, "%c_count", loop_name(t, i));
}

/* Loops begin at 0: where they do not, the operands do not either. */
static void move_to_first(LoopBuilder *b, Accumulate *t)
{
    for (int i = 0; i < t->loops; i++) {
        SumLoop *loop = &t->loop[i];
        t->a_at = x_add(b, t->a_at, x_times(b, loop->lo, loop->a));
        t->b_at = x_add(b, t->b_at, x_times(b, loop->lo, loop->b));
        loop->hi = x_add(b, loop->hi, x_mul(b, loop->lo, -1));
        if (loop->hi->kind != E_INT && loop->hi->kind != E_VAR)
            loop->hi = x_var(b, loop_let(b, count_name(b, t, i), loop->hi));
        loop->lo = x_int(b, 0);
    }
}

/* Loops in front that run once, so that all kernels have as many. */
static void add_loops(LoopBuilder *b, Accumulate *t)
{
    while (t->loops < USUAL_LOOPS) {
        for (int i = t->loops++; i > 0; i--) t->loop[i] = t->loop[i - 1];
        t->loop[0] = (SumLoop){x_int(b, 0), x_int(b, 1), x_int(b, 0), x_int(b, 0)};
    }
}

static void drop_loops(Accumulate *t)
{
    int kept = 0;
    for (int i = 0; i < t->loops; i++)
        if (!is_once(&t->loop[i]) || i + 1 == t->loops) t->loop[kept++] = t->loop[i];
    t->loops = kept;
}

/* Opens a loop; the addresses are those of its current step. */
static void walk(Stage *s, int at)
{
    LoopBuilder *b = s->b;
    const SumLoop *loop = &s->t->loop[at];
    const char name = loop_name(s->t, at);
    LoopExpr *count = number(s, count_name(b, s->t, at), loop->hi);
    Var *var = loop_begin(b, arena_printf(b->arena, "%c", name), x_int(b, 0), count, 1);
    LoopExpr *i = x_var(b, var),
             *step_a = number(s, arena_printf(b->arena, "a_%c", name), loop->a),
             *step_b = number(s, arena_printf(b->arena, "b_%c", name), loop->b);
    s->a_at = x_add(b, s->a_at, x_times(b, i, step_a));
    s->b_at = x_add(b, s->b_at, x_times(b, i, step_b));
    s->step = at ? x_add(b, x_times(b, s->step, count), i) : i;
}

/* A few lines at a time, so that no more are under way than a core can wait for. */
static void ask(const Stage *s)
{
    enum { LINE = 16 };
    LoopBuilder *b = s->b;
    for (int i = 0; s->shared && i < 2; i++) {
        SumAhead ahead = s->t->ahead[i];
        if (!ahead.buffer)
            ahead = (SumAhead){i ? s->t->b : s->t->a, x_int(b, 0), x_int(b, 0)};
        LoopExpr *each = number(s, "each", ahead.each);
        LoopExpr *p = x_var(b, loop_begin(b, "p", x_int(b, 0), each, LINE));
        LoopExpr *at = x_add(b, x_times(b, s->step, each), p);
        loop_prefetch(b, ahead.buffer, x_add(b, ahead.at, at));
        loop_end(b);
    }
}

static LoopExpr *load(const Stage *s, Buffer *from, LoopExpr *at, int active)
{
    return s->t->vector ? x_vload(s->b, from, at, active) : x_load(s->b, from, at);
}

static void multiply(const Stage *s)
{
    LoopBuilder *b = s->b;
    Accumulate *t = s->t;
    LoopExpr *wide[TILE_MAX];
    for (int v = 0; v < t->columns; v++) {
        const int active = v + 1 == t->columns ? t->lanes : width_of(s);
        LoopExpr *x = load(s, t->b, x_add(b, s->b_at, x_int(b, v * width_of(s))), active);
        wide[v] = x_var(b, loop_let(b, arena_printf(b->arena, "b%d", v), x));
    }
    for (int r = 0; r < t->rows; r++) {
        LoopExpr *x = x_load(b, t->a, x_add(b, s->a_at, x_mul(b, s->a_row, r)));
        if (t->vector) x = x_splat(b, x);
        x = x_var(b, loop_let(b, arena_printf(b->arena, "a%d", r), x));
        for (int v = 0; v < t->columns; v++) {
            Var *sum = t->acc[r * t->columns + v];
            loop_set(b, sum, x_fma(b, x, wide[v], x_var(b, sum)));
        }
    }
}

static void add_up(Stage *s)
{
    LoopBuilder *b = s->b;
    const Accumulate *t = s->t;
    s->a_row = number(s, "a_row", t->a_row);
    for (int i = 0; i < t->loops; i++) {
        if (i && i + 1 == t->loops) ask(s);
        walk(s, i);
    }
    loop_unroll(b, t->rows * t->columns * 4 <= UNROLLED ? 4 : 2);
    multiply(s);
    for (int i = 0; i < t->loops; i++) loop_end(b);
}

/* ---- the sums ---- */

static void declare(const Stage *s)
{
    Accumulate *t = s->t;
    for (int i = 0; i < t->rows * t->columns; i++)
        t->acc[i] =
            loop_var(s->b, arena_printf(s->b->arena, "c%d_%d", i / t->columns, i % t->columns),
                     x_float(s->b, 0, t->vector));
}

static LoopExpr *place(const Stage *s, LoopExpr *row, int i)
{
    const int columns = s->t->columns;
    LoopExpr *at = x_add(s->b, s->t->out_at, x_mul(s->b, row, i / columns));
    return x_add(s->b, at, x_int(s->b, i % columns * width_of(s)));
}

static void take_up(const Stage *s, LoopExpr *row)
{
    const Accumulate *t = s->t;
    loop_if(s->b, number(s, "adds", x_int(s->b, t->adds)));
    for (int i = 0; i < t->rows * t->columns; i++)
        loop_set(s->b, t->acc[i], load(s, t->out, place(s, row, i), width_of(s)));
    loop_end(s->b);
}

static void put_down(const Stage *s, LoopExpr *row)
{
    const Accumulate *t = s->t;
    for (int i = 0; i < t->rows * t->columns; i++) {
        LoopExpr *x = x_var(s->b, t->acc[i]);
        if (t->vector) loop_vstore(s->b, t->out, place(s, row, i), x, width_of(s));
        else loop_store(s->b, t->out, place(s, row, i), x);
    }
}

void accumulate(LoopBuilder *b, Accumulate *t)
{
    Stage s = {.b = b, .t = t, .shared = true};
    const int lanes = t->columns * width_of(&s);
    move_to_first(b, t);
    add_loops(b, t);
    s.a_at = t->a_at;
    s.b_at = t->b_at;
    loop_stage(b, arena_printf(b->arena, "sums_%dx%d", t->rows, lanes),
               arena_printf(b->arena,
                            "out[r * out_row + v] = sum over all counts of a[r * a_row] * b[v], "
                            "for %d rows r and %d columns v, added to what is there if `adds`.",
                            t->rows, lanes),
               true);
    loop_role(b, t->a, "a");
    loop_role(b, t->b, "b");
    loop_role(b, t->out, "out");
    LoopExpr *row = number(&s, "out_row", t->out_row);
    declare(&s);
    take_up(&s, row);
    add_up(&s);
    put_down(&s, row);
    loop_end(b);
}

void accumulate_here(LoopBuilder *b, Accumulate *t)
{
    Stage s = {.b = b, .t = t};
    move_to_first(b, t);
    drop_loops(t);
    s.a_at = t->a_at;
    s.b_at = t->b_at;
    declare(&s);
    add_up(&s);
}
