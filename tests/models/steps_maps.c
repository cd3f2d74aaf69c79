/* Steps that work element by element. */
#include "maker.h"

#include <string.h>

/* The pattern with every $ replaced by the name. */
static const char *filled(Maker *m, const char *pattern, const char *name)
{
    Text out = text_new(m->arena);
    for (; *pattern; pattern++)
        if (*pattern == '$') text_add(&out, name);
        else text_addn(&out, pattern, 1);
    return out.at;
}

static bool make_activation(Maker *m)
{
    static const char patterns[] =
        "relu($);relu($);relu($);tanh($);sigmoid($);gelu($);gelu($, approximate = \"tanh\");"
        "silu($);"
        "softplus($);elu($);selu($);mish($);hardswish($);hardsigmoid($);hardtanh($);softsign($);"
        "log_sigmoid($);leaky_relu($);leaky_relu($, 0.1);relu6($);clip($, low = -0.7);"
        "clip($, -0.6, 0.8);sin($);cos($);abs($);normal_cdf($);squared(tanh($));exp(-abs($));"
        "exp(tanh($));log(1 + squared($));sqrt(squared($) + 0.1);rsqrt(squared($) + 1);"
        "(abs($) + 0.5) ** 1.5;$ / (1 + squared($));maximum($, 0.3 * $);minimum($, 0.4);"
        "select($ > 0.1, $, -0.5);select($ < 0 or $ > 0.5, 0.2 * $, sin($));$ + sign($);"
        "$ + 0.5 * floor($);$ - ceil($);$ * stop_gradient(sigmoid($));-$;0.5 * $ + 1;1 - $;"
        "$ / 3;2 / (1.5 + squared($));$ * batch / (batch + 1);cast($ >= 0, f32) * $;"
        "cast(cast(3 * $, i32), f32) + $;select(not ($ == 0), $, 1.0);squared(sigmoid($));"
        "zeros_like($) + $;ones_like($) - $;$ * cast(iota($, -1), f32) / 8";
    const Made v = maker_var(m);
    const char *pattern = maker_word(m, patterns);
    if (strstr(pattern, "iota") && v.rank == 0) return false;
    maker_add(m, v, "%s", filled(m, pattern, v.name));
    return true;
}

static bool make_softmax(Maker *m)
{
    const Made v = maker_var(m);
    if (v.rank == 0) return false;
    const int axis = maker_chance(m, 10) ? (int)maker_below(m, v.rank) : maker_axis(m, &v);
    if (axis < 0) return false;
    const char *kind = maker_word(m, "softmax;log_softmax");
    if (maker_chance(m, 50)) maker_add(m, v, "%s(%s, axis = %d)", kind, v.name, axis);
    else maker_add(m, v, "%s(%s, axis = %d)", kind, v.name, axis - v.rank);
    return true;
}

/* Whether b's axes, aligned from the right, are a's or 1. */
static bool fits(const Made *a, const Made *b)
{
    const int more = a->rank - b->rank;
    if (more < 0) return false;
    for (int i = 0; i < b->rank; i++) {
        const bool rows_a = a->batch == i + more, rows_b = b->batch == i;
        if (rows_b ? !rows_a : b->dim[i] != 1 && (rows_a || b->dim[i] != a->dim[i + more]))
            return false;
    }
    return true;
}

static bool make_pair(Maker *m)
{
    static const char patterns[] = "%s + %s;%s + %s;%s - %s;%s * tanh(%s);%s / (1 + squared(%s));"
                                   "maximum(%s, %s);minimum(%s, %s);select(%s > 0, %s, -0.1);"
                                   "tanh(%s) * %s;%s * sigmoid(%s)";
    for (int tries = 0; tries < 12; tries++) {
        const Made a = maker_var(m), b = maker_var(m);
        if (!fits(&a, &b)) continue;
        const char *pattern = maker_word(m, patterns), *middle = strstr(pattern, "%s") + 2;
        const char *second = strstr(middle, "%s");
        const bool swap = maker_chance(m, 30);
        maker_add(m, a, "%.*s%s%.*s%s%s", (int)(middle - 2 - pattern), pattern,
                  swap ? b.name : a.name, (int)(second - middle), middle, swap ? a.name : b.name,
                  second + 2);
        return true;
    }
    return false;
}

/* Any two values, one brought to the shape of the other. */
static bool make_joined(Maker *m)
{
    Made a, b;
    if (!maker_rows(m, 1, &a) || !maker_rows(m, 1, &b)) return false;
    maker_add(m, a, "%s %s %s", a.name, maker_word(m, "+;-"), maker_fitted(m, &b, &a));
    return true;
}

static bool make_scaled(Maker *m)
{
    const Made v = maker_var(m);
    int64_t dim[MAX_RANK];
    if (m->in_scan) return false;
    const int rank = (int)maker_below(m, v.rank + 1), more = v.rank - rank;
    for (int i = 0; i < rank; i++)
        dim[i] = i + more == v.batch || maker_chance(m, 25) ? 1 : v.dim[i + more];
    const char *w = maker_param(m, rank, dim, 1.0);
    maker_add(m, v, "%s %s %s", v.name, maker_word(m, "+;-;*"), w);
    return true;
}

static bool make_dropout(Maker *m)
{
    const Made v = maker_var(m);
    if (m->in_scan || v.rank == 0) return false;
    maker_add(m, v, "%s |> dropout(%s)", v.name, maker_word(m, "0.1;0.5;0.25"));
    return true;
}

static bool make_prelu(Maker *m)
{
    const Made v = maker_var(m);
    if (m->in_scan) return false;
    const bool channels = v.batch == 0 && v.rank > 1 && maker_chance(m, 50);
    maker_add(m, v, "%s |> prelu%s as %s", v.name, channels ? "(channels = true)" : "",
              maker_name(m, "n"));
    return true;
}

const Step steps_maps[] = {
    {"activation", make_activation, 24},
    {"softmax", make_softmax, 4},
    {"pair", make_pair, 12},
    {"joined", make_joined, 6},
    {"scaled", make_scaled, 5},
    {"dropout", make_dropout, 3},
    {"prelu", make_prelu, 2},
    {NULL, NULL, 0},
};
