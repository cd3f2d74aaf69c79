/* The transforms of F(4 x 4, 3 x 3), each with what its rows have in common computed once. */
#include "lower/winograd.h"

typedef LoopExpr *X;

static X named(LoopBuilder *b, const char *name, X x)
{
    return x->kind == E_VAR ? x : x_var(b, loop_let(b, name, x));
}

static X add(LoopBuilder *b, X p, X q) { return x_map(b, OP_add, 2, (X[]){p, q}); }

static X sub(LoopBuilder *b, X p, X q) { return x_map(b, OP_sub, 2, (X[]){p, q}); }

static X times(LoopBuilder *b, double factor, X p)
{
    return x_map(b, OP_mul, 2, (X[]){p, x_float(b, factor, p->vector)});
}

/* factor * p + q */
static X multiple(LoopBuilder *b, double factor, X p, X q)
{
    return x_fma(b, p, x_float(b, factor, p->vector), q);
}

/* The points, their squares and cubes: exact as floats, as are the sums and products below. */
static const double A = 11.0 / 16, B = 3.0 / 2;
static const double A2 = 121.0 / 256, B2 = 9.0 / 4;
static const double A3 = 1331.0 / 4096, B3 = 27.0 / 8;
static const double APART = 2 * (121.0 / 256 - 9.0 / 4); /* 2 (A^2 - B^2) */

/* Rows of B^T: the product of (x - point) over the other points, by powers of x. */
static void apply_in(LoopBuilder *b, X const *d, X *e)
{
    X p = named(b, "p", multiple(b, -B2, d[2], d[4])),
      q = named(b, "q", multiple(b, -B2, d[1], d[3]));
    X r = named(b, "r", multiple(b, -A2, d[2], d[4])),
      s = named(b, "s", multiple(b, -A2, d[1], d[3]));
    e[0] = multiple(b, A2 * B2, d[0], multiple(b, -A2 - B2, d[2], d[4]));
    e[1] = multiple(b, A, q, p);
    e[2] = multiple(b, -A, q, p);
    e[3] = multiple(b, B, s, r);
    e[4] = multiple(b, -B, s, r);
    e[5] = multiple(b, A2 * B2, d[1], multiple(b, -A2 - B2, d[3], d[5]));
}

/* Rows of A^T: powers of the points. */
static void apply_out(LoopBuilder *b, X const *m, X *y)
{
    X p = named(b, "p", add(b, m[1], m[2])), q = named(b, "q", sub(b, m[1], m[2]));
    X r = named(b, "r", add(b, m[3], m[4])), s = named(b, "s", sub(b, m[3], m[4]));
    y[0] = add(b, m[0], add(b, p, r));
    y[1] = multiple(b, B, s, times(b, A, q));
    y[2] = multiple(b, B2, r, times(b, A2, p));
    y[3] = multiple(b, B3, s, multiple(b, A3, q, m[5]));
}

/* Rows of G: powers of a point, divided by the product of its distances from the others. */
static void apply_weight(LoopBuilder *b, X const *g, X *u)
{
    X p = named(b, "p", multiple(b, 1 / (A2 * APART), g[0], times(b, 1 / APART, g[2]))),
      q = named(b, "q", times(b, 1 / (A * APART), g[1]));
    X r = named(b, "r", multiple(b, -1 / (B2 * APART), g[0], times(b, -1 / APART, g[2]))),
      s = named(b, "s", times(b, -1 / (B * APART), g[1]));
    u[0] = times(b, 1 / (A2 * B2), g[0]);
    u[1] = add(b, p, q);
    u[2] = sub(b, p, q);
    u[3] = add(b, r, s);
    u[4] = sub(b, r, s);
    u[5] = g[2];
}

static void apply_out_gradient(LoopBuilder *b, X const *y, X *m)
{
    X p = named(b, "p", multiple(b, A2, y[2], y[0])),
      q = named(b, "q", multiple(b, A3, y[3], times(b, A, y[1])));
    X r = named(b, "r", multiple(b, B2, y[2], y[0])),
      s = named(b, "s", multiple(b, B3, y[3], times(b, B, y[1])));
    m[0] = y[0];
    m[1] = add(b, p, q);
    m[2] = sub(b, p, q);
    m[3] = add(b, r, s);
    m[4] = sub(b, r, s);
    m[5] = y[3];
}

static void apply_weight_gradient(LoopBuilder *b, X const *u, X *g)
{
    X p = named(b, "p", add(b, u[1], u[2])), q = named(b, "q", sub(b, u[1], u[2]));
    X r = named(b, "r", add(b, u[3], u[4])), s = named(b, "s", sub(b, u[3], u[4]));
    g[0] = multiple(b, -1 / (B2 * APART), r,
                    multiple(b, 1 / (A2 * APART), p, times(b, 1 / (A2 * B2), u[0])));
    g[1] = multiple(b, -1 / (B * APART), s, times(b, 1 / (A * APART), q));
    g[2] = multiple(b, 1 / APART, sub(b, p, r), u[5]);
}

const Transform winograd_in = {WINOGRAD_IN, WINOGRAD_IN, apply_in};
const Transform winograd_out = {WINOGRAD_IN, WINOGRAD_OUT, apply_out};
const Transform winograd_weight = {WINOGRAD_TAPS, WINOGRAD_IN, apply_weight};
const Transform winograd_out_gradient = {WINOGRAD_OUT, WINOGRAD_IN, apply_out_gradient};
const Transform winograd_weight_gradient = {WINOGRAD_IN, WINOGRAD_TAPS, apply_weight_gradient};

/* Element (y, x) of the half-transformed tile. */
static X half_at(LoopBuilder *b, X y, X x, int width)
{
    return x_add(b, x_mul(b, y, WINOGRAD_IN * width), x_mul(b, x, width));
}

void winograd_transform(LoopBuilder *b, const Transform *t, const Plane *plane, int width)
{
    X in[WINOGRAD_IN], out[WINOGRAD_IN];
    X x = x_var(b, loop_begin(b, "i", x_int(b, 0), x_int(b, t->in), 1));
    loop_unroll(b, t->in);
    for (int i = 0; i < t->in; i++)
        in[i] =
            named(b, arena_printf(b->arena, "d%d", i), plane->load(plane->context, x_int(b, i), x));
    t->apply(b, in, out);
    for (int i = 0; i < t->out; i++)
        loop_vstore(b, plane->half, half_at(b, x_int(b, i), x, width), out[i], width);
    loop_end(b);
    X y = x_var(b, loop_begin(b, "i", x_int(b, 0), x_int(b, t->out), 1));
    loop_unroll(b, t->out);
    for (int i = 0; i < t->in; i++) {
        X at = half_at(b, y, x_int(b, i), width);
        in[i] = named(b, arena_printf(b->arena, "t%d", i),
                      width > 1 ? x_vload(b, plane->half, at, width) : x_load(b, plane->half, at));
    }
    t->apply(b, in, out);
    for (int i = 0; i < t->out; i++) plane->store(plane->context, y, x_int(b, i), out[i]);
    loop_end(b);
}
