/* Mean and variance of each channel over all rows and positions, of what a window stores: batch
 * norm's statistics without a pass over memory.
 *
 *   for each row of the batch, once its tiles are stored and while they are near:
 *       first = mean of the row's first line
 *       d = x - first;  mean = sum(x) / n;  squares = sum(d * d) - sum(d)^2 / n
 *   then, behind the rows:
 *       variance = (sum of squares + n * sum over rows of (mean of row - mean)^2) / (n * rows)
 *
 * The last line is the merging of T. Chan, G. Golub, R. LeVeque (Updating Formulae and a Pairwise
 * Algorithm for Computing Sample Variances, 1979) for parts of one size. The mean of a line is off
 * the mean of its row by no more than sqrt(lines) deviations, so that the difference in `squares`
 * cancels at most 1 + lines of its ulps, two or three as a rule; each line adds up by itself. Rows
 * are apart, so that any number of threads finds the same. */
#include "lower/window_stage.h"

enum { PARTS = 2 }; /* sums side by side: an addition takes some cycles, and so does reading */

typedef struct Moments {
    Lower *l;
    const Value *of; /* what is stored */
    Buffer *entries, *rows;
    LoopExpr *row, *out; /* where the row begins, and its moments */
    LoopExpr *wide, *column, *width, *count;
    LoopExpr *first; /* channel of the panel */
    int active;
} Moments;

static int64_t channels_of(const Lower *l)
{
    return (l->k->domain.dim[1] + LANE_PAD - 1) / LANE_PAD * LANE_PAD;
}

/* The result that reduces so, or NULL. */
static const Value *result_of(const Lower *l, Op op)
{
    for (int i = 0; i < l->k->results.count; i++)
        if (!window_stores(l, i) && l->k->results.at[i]->node->op == op) return l->k->results.at[i];
    return NULL;
}

/* What is stored and reduced. */
static const Value *stored(const Lower *l)
{
    const Value *sum = result_of(l, OP_sum), *variance = result_of(l, OP_variance);
    const Node *of = (variance ? variance : sum)->node->inputs[0];
    for (int i = 0; i < l->k->results.count; i++)
        if (l->k->results.at[i]->node == of) return l->k->results.at[i];
    return NULL;
}

static int64_t positions_of(const Lower *l)
{
    int64_t positions = 1;
    for (int axis = 2; axis < l->k->domain.rank; axis++) positions *= l->k->domain.dim[axis];
    return positions;
}

static LoopExpr *map2(Lower *l, Op op, LoopExpr *a, LoopExpr *b)
{
    return x_map(&l->b, op, 2, (LoopExpr *[]){a, b});
}

static LoopExpr *as_float(Lower *l, LoopExpr *x)
{
    LoopExpr *number = x_map(&l->b, OP_to_f32, 1, (LoopExpr *[]){x_to_i32(&l->b, x)});
    return l->lane_axis >= 0 ? x_splat(&l->b, number) : number;
}

static LoopExpr *named(Lower *l, const char *name, LoopExpr *x)
{
    return x_var(&l->b, loop_let(&l->b, name, x));
}

static Var *zero(Lower *l, const char *name)
{
    return loop_var(&l->b, name, x_float(&l->b, 0, l->lane_axis >= 0));
}

static void add(Lower *l, Var *sum, LoopExpr *x)
{
    loop_set(&l->b, sum, map2(l, OP_add, x_var(&l->b, sum), x));
}

/* ---- a row ---- */

/* The entry at place x of the line at `line`. */
static LoopExpr *entry(const Moments *m, LoopExpr *line, LoopExpr *x)
{
    LoopBuilder *b = &m->l->b;
    LoopExpr *at = x_add(b, x_add(b, m->row, line), x_times(b, x, m->column));
    return window_load(m->l, m->entries, x_add(b, at, m->first), m->active);
}

static LoopExpr *line_mean(const Moments *m)
{
    Lower *l = m->l;
    LoopBuilder *b = &l->b;
    Var *sum = zero(l, "line");
    LoopExpr *x = x_var(b, loop_begin(b, "x", x_int(b, 0), m->wide, 1));
    add(l, sum, entry(m, x_int(b, 0), x));
    loop_end(b);
    return named(l, "first", map2(l, OP_div, x_var(b, sum), as_float(l, m->wide)));
}

/* Sums of entries, of their distances from `first`, and of the squares of these. */
typedef struct Sums {
    Var *entries, *distances, *squares;
} Sums;

static Sums no_sums(Lower *l, const char *number)
{
    Arena *arena = l->b.arena;
    return (Sums){zero(l, arena_printf(arena, "sum%s", number)),
                  zero(l, arena_printf(arena, "off%s", number)),
                  zero(l, arena_printf(arena, "square%s", number))};
}

static void take(const Moments *m, LoopExpr *line, LoopExpr *x, LoopExpr *first, const Sums *to)
{
    Lower *l = m->l;
    LoopBuilder *b = &l->b;
    LoopExpr *a = named(l, "a", entry(m, line, x));
    LoopExpr *d = named(l, "d", map2(l, OP_sub, a, first));
    add(l, to->entries, a);
    add(l, to->distances, d);
    loop_set(b, to->squares, x_fma(b, d, d, x_var(b, to->squares)));
}

static void line_sums(const Moments *m, LoopExpr *line, LoopExpr *first, const Sums *to)
{
    static const char *const numbers[PARTS] = {"0", "1"};
    Lower *l = m->l;
    LoopBuilder *b = &l->b;
    Sums part[PARTS];
    const int64_t wide = l->k->domain.dim[l->k->domain.rank - 1], whole = wide / PARTS * PARTS;
    LoopExpr *end = whole < wide ? x_known(b, "whole", whole, false) : m->wide;
    for (int i = 0; i < PARTS; i++) part[i] = no_sums(l, numbers[i]);
    LoopExpr *x = x_var(b, loop_begin(b, "x", x_int(b, 0), end, PARTS));
    for (int i = 0; i < PARTS; i++) take(m, line, x_add(b, x, x_int(b, i)), first, &part[i]);
    loop_end(b);
    if (whole < wide) {
        x = x_var(b, loop_begin(b, "x", end, m->wide, 1));
        take(m, line, x, first, &part[0]);
        loop_end(b);
    }
    for (int i = 1; i < PARTS; i++) {
        add(l, part[0].entries, x_var(b, part[i].entries));
        add(l, part[0].distances, x_var(b, part[i].distances));
        add(l, part[0].squares, x_var(b, part[i].squares));
    }
    add(l, to->entries, x_var(b, part[0].entries));
    add(l, to->distances, x_var(b, part[0].distances));
    add(l, to->squares, x_var(b, part[0].squares));
}

static void row_vector(void *context, const Panel *panel)
{
    static const char *const names[] = {"y", "z", "u", "v"};
    static const char *const extents[] = {"high", "deep", "more", "most"};
    Moments *m = context;
    Lower *l = m->l;
    LoopBuilder *b = &l->b;
    const Type d = l->k->domain;
    m->first = panel->first;
    m->active = panel->active;
    LoopExpr *first = line_mean(m), *line = x_int(b, 0);
    const Sums sums = no_sums(l, "s");
    for (int axis = 2; axis + 1 < d.rank; axis++) {
        LoopExpr *end = x_known(b, extents[axis - 2], d.dim[axis], false),
                 *step = x_known(b, "line", m->of->stride[axis], false);
        LoopExpr *at = x_var(b, loop_begin(b, names[axis - 2], x_int(b, 0), end, 1));
        line = x_add(b, line, x_times(b, at, step));
    }
    line_sums(m, line, first, &sums);
    for (int axis = 2; axis + 1 < d.rank; axis++) loop_end(b);
    LoopExpr *n = as_float(l, x_known(b, "positions", positions_of(l), false));
    LoopExpr *off = x_var(b, sums.distances);
    LoopExpr *less = map2(l, OP_div, map2(l, OP_mul, off, off), n);
    LoopExpr *squares = map2(l, OP_sub, x_var(b, sums.squares), less);
    LoopExpr *at = x_add(b, m->out, panel->first);
    const int lanes = window_width(l);
    window_store(l, m->rows, at, map2(l, OP_div, x_var(b, sums.entries), n), lanes);
    window_store(l, m->rows, x_add(b, at, m->width),
                 map2(l, OP_max, squares, x_float(b, 0, l->lane_axis >= 0)), lanes);
}

void window_moments_row(Lower *l, LoopExpr *row)
{
    LoopBuilder *b = &l->b;
    const Type d = l->k->domain;
    if (!l->k->moments) return;
    Moments m = {.l = l, .of = stored(l)};
    window_stage_begin(b, "channel_moments",
                       "Mean of each channel in a row of the batch, and the squares of what is off "
                       "it.");
    m.entries = lower_buffer(l, m.of);
    m.rows = lower_buffer(l, l->k->moments);
    m.row = x_add(b, x_mul(b, row, m.of->stride[0]), x_int(b, m.of->origin));
    m.out = x_mul(b, row, 2 * channels_of(l));
    m.wide = x_known(b, "wide", d.dim[d.rank - 1], false);
    m.column = x_known(b, "column", m.of->stride[d.rank - 1], false);
    m.width = x_known(b, "width", channels_of(l), false);
    window_vectors(l, d.dim[1], row_vector, &m);
    window_stage_end(b);
}

/* ---- all rows ---- */

/* The moment of a row: its mean, or behind that its squares. */
static LoopExpr *moment(const Moments *m, LoopExpr *row, const Panel *panel, bool squares)
{
    LoopBuilder *b = &m->l->b;
    LoopExpr *at = x_add(b, x_mul(b, x_times(b, row, m->width), 2), panel->first);
    return window_load(m->l, m->rows, squares ? x_add(b, at, m->width) : at, window_width(m->l));
}

static void put(const Moments *m, Op op, const Panel *panel, LoopExpr *x)
{
    Lower *l = m->l;
    const Value *value = result_of(l, op);
    if (!value) return;
    Buffer *to = lower_buffer(l, value);
    LoopExpr *at = x_add(&l->b, x_int(&l->b, value->origin), panel->first);
    window_store(l, to, at, x, panel->active);
}

static void all_rows(void *context, const Panel *panel)
{
    const Moments *m = context;
    Lower *l = m->l;
    LoopBuilder *b = &l->b;
    const Value *variance = result_of(l, OP_variance);
    const bool vector = l->lane_axis >= 0;
    LoopExpr *n = as_float(l, x_known(b, "positions", positions_of(l), false)),
             *count = as_float(l, m->count);
    n = named(l, "n", n);
    LoopExpr *size = named(l, "all", map2(l, OP_mul, n, count));
    Var *sum = zero(l, "sum"), *squares = zero(l, "squares");
    LoopExpr *row = x_var(b, loop_begin(b, "row", x_int(b, 0), m->count, 1));
    add(l, sum, moment(m, row, panel, false));
    loop_end(b);
    LoopExpr *mean = named(l, "mean", map2(l, OP_div, x_var(b, sum), count));
    row = x_var(b, loop_begin(b, "row", x_int(b, 0), m->count, 1));
    LoopExpr *d = named(l, "d", map2(l, OP_sub, moment(m, row, panel, false), mean));
    add(l, squares, x_fma(b, map2(l, OP_mul, d, n), d, moment(m, row, panel, true)));
    loop_end(b);
    put(m, OP_sum, panel, map2(l, OP_mul, mean, size));
    if (!variance) return;
    if (variance->node->attr[1].ints[0])
        size = map2(l, OP_max, map2(l, OP_sub, size, x_float(b, 1, vector)), x_float(b, 1, vector));
    put(m, OP_variance, panel, map2(l, OP_div, x_var(b, squares), size));
}

void window_moments_finish(Lower *l)
{
    LoopBuilder *b = &l->b;
    if (!l->k->moments) return;
    Moments m = {.l = l};
    LoopExpr *count = lower_extent(l, l->k->domain, 0);
    loop_stage(b, "channel_variances", "Moments of all rows made one.", false);
    m.rows = lower_buffer(l, l->k->moments);
    m.count = count->kind == E_INT ? x_known(b, "count", l->k->domain.dim[0], false) : count;
    m.width = x_known(b, "width", channels_of(l), false);
    window_vectors(l, l->k->domain.dim[1], all_rows, &m);
    loop_end(b);
}
