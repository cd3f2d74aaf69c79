/* Math functions, built once for all targets from the vocabulary: for vectors, and for the scalars
 * of a row. Each says its source and its error. They hold under -Ofast: no trick rests on the
 * rounding of a sum of constants, on infinities or on NaN. */
#include "loop/math.h"

#include <string.h>

#include "ops/op.h"
#include "target/target.h"

/* ---- short verbs ---- */

typedef struct MathBuilder {
    LoopBuilder b;
    bool vector;
} MathBuilder;

static LoopExpr *num(MathBuilder *m, double value) { return x_float(&m->b, value, m->vector); }

static LoopExpr *map1(MathBuilder *m, Op op, LoopExpr *a) { return x_map(&m->b, op, 1, &a); }

static LoopExpr *map2(MathBuilder *m, Op op, LoopExpr *a, LoopExpr *c)
{
    return x_map(&m->b, op, 2, (LoopExpr *[]){a, c});
}

static LoopExpr *choose(MathBuilder *m, LoopExpr *condition, LoopExpr *a, LoopExpr *c)
{
    return x_map(&m->b, OP_select, 3, (LoopExpr *[]){condition, a, c});
}

static LoopExpr *fma3(MathBuilder *m, LoopExpr *a, LoopExpr *c, LoopExpr *addend)
{
    return x_fma(&m->b, a, c, addend);
}

static LoopExpr *keep(MathBuilder *m, const char *name, LoopExpr *value)
{
    return x_var(&m->b, loop_let(&m->b, name, value));
}

/* Horner's rule; the first coefficient belongs to the highest power. */
static LoopExpr *horner(MathBuilder *m, LoopExpr *x, const double *c, int count, int step)
{
    LoopExpr *p = num(m, c[0]);
    for (int i = step; i < count; i += step) p = keep(m, "p", fma3(m, p, x, num(m, c[i])));
    return p;
}

/* Long polynomials as two half as long in x^2, even and odd powers: the processor overlaps them. */
static LoopExpr *polynomial(MathBuilder *m, LoopExpr *x, const double *c, int count)
{
    if (count < 6) return horner(m, x, c, count, 1);
    LoopExpr *x2 = keep(m, "square", map2(m, OP_mul, x, x));
    LoopExpr *with_last = horner(m, x2, c + (count - 1) % 2, count - (count - 1) % 2, 2);
    LoopExpr *others = horner(m, x2, c + count % 2, count - count % 2 - 1, 2);
    return keep(m, "p", fma3(m, others, x, with_last));
}

/* ---- the functions ---- */

static const char exp_comment[] =
    "e to the x: x = n ln 2 + r, a polynomial in r times 2^n. 1 ulp.\n"
    "Below -87.3 it is 0, so that no product with it is denormal; above 88 it stays finite.";

/* n and r with x = n / parts ln 2 + r, |r| <= ln 2 / parts / 2. */
static LoopExpr *reduce_exp(MathBuilder *m, LoopExpr *x, double parts, LoopExpr **r)
{
    LoopExpr *n = keep(
        m, "n", x_unary(&m->b, E_ROUND, map2(m, OP_mul, x, num(m, 1.44269504088896341 * parts))));
    *r = keep(m, "r", fma3(m, n, num(m, -0.693359375 / parts), x));
    *r = keep(m, "r", fma3(m, n, num(m, 2.12194440e-4 / parts), *r));
    return n;
}

/* By a table of 2^(i / parts): few terms of the series of e^r - 1 are left, for 32 parts up to r^3,
 * for 8 up to r^4. */
static LoopExpr *exp_by_table(MathBuilder *m, LoopExpr *x, int parts)
{
    LoopExpr *r, *n = reduce_exp(m, x, parts, &r);
    LoopExpr *t = keep(m, "t", x_unary(&m->b, E_FRACTION, n));
    const double c[] = {1.0 / 24, 1.0 / 6, 1.0 / 2};
    LoopExpr *p = parts >= 32 ? polynomial(m, r, c + 1, 2) : polynomial(m, r, c, 3);
    p = keep(m, "p", fma3(m, p, map2(m, OP_mul, r, r), r));
    LoopExpr *whole = map2(m, OP_mul, n, num(m, 1.0 / parts));
    if (!m->b.program->target->ldexp_floors) whole = map1(m, OP_floor, whole);
    return x_ldexp(&m->b, fma3(m, p, t, t), whole);
}

/* By the polynomial of Cephes' expf. */
static LoopExpr *exp_by_polynomial(MathBuilder *m, LoopExpr *x)
{
    static const double c[] = {1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3,
                               4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1};
    LoopExpr *r, *n = reduce_exp(m, x, 1, &r);
    LoopExpr *p = polynomial(m, r, c, 6);
    p = keep(m, "p", fma3(m, p, map2(m, OP_mul, r, r), r));
    return x_ldexp(&m->b, map2(m, OP_add, p, num(m, 1)), n);
}

/* Bounds come first in max and min: on x86 these yield their second argument if one is no number,
 * so that what is no number stays none. */
static LoopExpr *build_exp(MathBuilder *m, LoopExpr *x)
{
    const int parts = m->vector ? m->b.program->target->fractions : 0;
    LoopExpr *lost = keep(m, "lost", map2(m, OP_lt, x, num(m, -87.3)));
    x = keep(m, "x", map2(m, OP_min, num(m, 88.0), map2(m, OP_max, num(m, -87.3), x)));
    LoopExpr *y = keep(m, "y", parts ? exp_by_table(m, x, parts) : exp_by_polynomial(m, x));
    return choose(m, lost, num(m, 0), y);
}

static const char log_comment[] = "Natural logarithm: x = 2^e m with m in [sqrt 1/2, sqrt 2], "
                                  "polynomial of Cephes' logf in m - 1.\n"
                                  "2 ulp. x below the smallest normal number counts as that.";

static LoopExpr *build_log(MathBuilder *m, LoopExpr *x)
{
    static const double c[] = {7.0376836292e-2,  -1.1514610310e-1, 1.1676998740e-1,
                               -1.2420140846e-1, 1.4249322787e-1,  -1.6668057665e-1,
                               2.0000714765e-1,  -2.4999993993e-1, 3.3333331174e-1};
    x = keep(m, "t", map2(m, OP_max, x, num(m, 1.17549435e-38)));
    LoopExpr *e = keep(m, "e", x_unary(&m->b, E_EXPONENT, x)),
             *f = keep(m, "f", x_unary(&m->b, E_MANTISSA, x));
    LoopExpr *large = keep(m, "large", map2(m, OP_gt, f, num(m, 1.41421356)));
    e = keep(m, "e", choose(m, large, map2(m, OP_add, e, num(m, 1)), e));
    LoopExpr *r = keep(
        m, "r", map2(m, OP_sub, choose(m, large, map2(m, OP_mul, f, num(m, 0.5)), f), num(m, 1)));
    LoopExpr *p = polynomial(m, r, c, 9);
    LoopExpr *r2 = keep(m, "r2", map2(m, OP_mul, r, r));
    LoopExpr *y = keep(m, "y", map2(m, OP_mul, map2(m, OP_mul, p, r2), r));
    y = keep(m, "y", fma3(m, e, num(m, -2.12194440e-4), y));
    y = keep(m, "y", fma3(m, r2, num(m, -0.5), y));
    return fma3(m, e, num(m, 0.693359375), map2(m, OP_add, r, y));
}

static const char tanh_comment[] = "Hyperbolic tangent: odd rational function of degree 13/6, "
                                   "after Eigen's ptanh. 6 ulp; +-1 beyond 7.9.";

static LoopExpr *build_tanh(MathBuilder *m, LoopExpr *x)
{
    static const double p[] = {-2.76076847742355e-16, 2.00018790482477e-13, -8.60467152213735e-11,
                               5.12229709037114e-08,  1.48572235717979e-05, 6.37261928875436e-04,
                               4.89352455891786e-03};
    static const double q[] = {1.19825839466702e-06, 1.18534705686654e-04, 2.26843463243900e-03,
                               4.89352518554385e-03};
    LoopExpr *t = keep(m, "t",
                       map2(m, OP_max, map2(m, OP_min, x, num(m, 7.90531110763549805)),
                            num(m, -7.90531110763549805)));
    LoopExpr *t2 = keep(m, "t2", map2(m, OP_mul, t, t));
    LoopExpr *above = keep(m, "above", map2(m, OP_mul, horner(m, t2, p, 7, 1), t));
    return map2(m, OP_div, above, polynomial(m, t2, q, 4));
}

static const char normal_cdf_comment[] =
    "Distribution function of the standard normal: 1/2 + an odd rational function of degree 9/10,\n"
    "a minimax fit. 2.1e-7 absolute; 0 below -5.2, 1 above 5.2.";

static LoopExpr *build_normal_cdf(MathBuilder *m, LoopExpr *x)
{
    static const double p[] = {5.8401587990107655e-6, 3.142351346130793e-4, 5.518549239405567e-3,
                               4.9590989454689725e-2, 0.39894191746333524};
    static const double q[] = {5.018667719626782e-7,  1.1273044803915276e-4, 2.703584621985955e-3,
                               3.7338336030435924e-2, 0.29096694393952827,   1};
    LoopExpr *t = keep(m, "t", map2(m, OP_min, num(m, 5.2), map2(m, OP_max, num(m, -5.2), x)));
    LoopExpr *t2 = keep(m, "t2", map2(m, OP_mul, t, t));
    LoopExpr *above = keep(m, "above", map2(m, OP_mul, horner(m, t2, p, 5, 1), t));
    LoopExpr *half = keep(m, "half", map2(m, OP_div, above, horner(m, t2, q, 6, 1)));
    return map2(m, OP_add, half, num(m, 0.5));
}

/* sin(x) = +-sin(r) or +-cos(r) by the quadrant of x; cos(x) = sin(x + pi/2), one quadrant on. */
static LoopExpr *build_sine(MathBuilder *m, LoopExpr *x, double quadrants)
{
    static const double s[] = {-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1};
    static const double c[] = {2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2,
                               -0.5};
    LoopExpr *n =
        keep(m, "n", x_unary(&m->b, E_ROUND, map2(m, OP_mul, x, num(m, 0.63661977236758134))));
    LoopExpr *r = keep(m, "r", fma3(m, n, num(m, -1.5703125), x));
    r = keep(m, "r", fma3(m, n, num(m, -4.837512969970703125e-4), r));
    r = keep(m, "r", fma3(m, n, num(m, -7.54978995489188216e-8), r));
    LoopExpr *r2 = keep(m, "r2", map2(m, OP_mul, r, r));
    LoopExpr *sine = keep(m, "sine", fma3(m, map2(m, OP_mul, polynomial(m, r2, s, 3), r2), r, r));
    LoopExpr *cosine = keep(m, "cosine", fma3(m, polynomial(m, r2, c, 4), r2, num(m, 1)));
    LoopExpr *q = keep(m, "q", map2(m, OP_add, n, num(m, quadrants)));
    LoopExpr *fourths = map1(m, OP_floor, map2(m, OP_mul, q, num(m, 0.25)));
    q = keep(m, "q", fma3(m, fourths, num(m, -4), q));
    LoopExpr *odd = map2(m, OP_or, map2(m, OP_eq, q, num(m, 1)), map2(m, OP_eq, q, num(m, 3)));
    LoopExpr *y = keep(m, "y", choose(m, odd, cosine, sine));
    return choose(m, map2(m, OP_ge, q, num(m, 2)), map1(m, OP_neg, y), y);
}

static const char sin_comment[] = "Sine: x = n pi/2 + r in three steps, polynomials of Cephes' "
                                  "sinf and cosf. 2e-6 absolute for |x| < 10^4.";
static const char cos_comment[] =
    "Cosine: the sine a quarter turn on, as sin. 2e-6 absolute for |x| < 10^4.";

static LoopExpr *build_sin(MathBuilder *m, LoopExpr *x) { return build_sine(m, x, 0); }
static LoopExpr *build_cos(MathBuilder *m, LoopExpr *x) { return build_sine(m, x, 1); }

typedef struct MathRow {
    Op op;
    const char *name, *comment;
    LoopExpr *(*build)(MathBuilder *m, LoopExpr *x);
} MathRow;

static const MathRow rows[] = {
    {OP_exp, "exp", exp_comment, build_exp},
    {OP_log, "log", log_comment, build_log},
    {OP_tanh, "tanh", tanh_comment, build_tanh},
    {OP_normal_cdf, "normal_cdf", normal_cdf_comment, build_normal_cdf},
    {OP_sin, "sin", sin_comment, build_sin},
    {OP_cos, "cos", cos_comment, build_cos},
};

static const MathRow *row_of(Op op)
{
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].op == op) return &rows[i];
    return NULL;
}

const char *math_name(Arena *arena, const Program *program, Op op, bool vector)
{
    const bool both = program->target->width > 1;
    return arena_printf(arena, "%s%s", row_of(op)->name, both && !vector ? "f" : "");
}

void math_need(Program *program, Op op, bool vector)
{
    const char *name = math_name(program->arena, program, op, vector);
    for (int i = 0; i < program->math.count; i++)
        if (!strcmp(program->math.at[i]->name, name)) return;
    const MathRow *row = row_of(op);
    Function *f = arena_make(program->arena, Function);
    f->arena = program->arena;
    f->name = name;
    f->comment = row->comment;
    f->is_inline = true;
    f->result = LT_F32;
    f->result_vector = vector;
    MathBuilder m = {.vector = vector};
    m.b =
        (LoopBuilder){.arena = program->arena, .program = program, .function = f, .list = &f->body};
    Var *x = loop_scalar(&m.b, "x", LT_F32);
    x->vector = vector;
    loop_return(&m.b, row->build(&m, x_var(&m.b, x)));
    loop_compute_once(f);
    vec_push(program->arena, program->math, f); /* after what it calls */
}
