/* Steps that reduce axes, and sums of products. */
#include "maker.h"

/* v without the axes, or with extent 1 there. */
static Made reduced(Made v, const bool *gone, bool keepdims)
{
    for (int i = v.rank - 1; i >= 0; i--) {
        if (!gone[i]) continue;
        if (!keepdims) {
            v = made_drop(v, i);
            continue;
        }
        v.dim[i] = 1;
        if (v.batch == i) v.batch = NO_BATCH;
    }
    return v;
}

static bool make_reduction(Maker *m)
{
    static const char kinds[] = "sum;sum;mean;mean;max;min;logsumexp;variance";
    const Made v = maker_var(m);
    int64_t axes[MAX_RANK];
    bool gone[MAX_RANK] = {false};
    int count = 0;
    for (int i = 0; i < v.rank; i++) {
        gone[i] = maker_chance(m, i == v.batch ? 8 : 45);
        if (gone[i]) axes[count++] = i;
    }
    if (count == 0) return false;
    const bool keepdims = maker_chance(m, 50);
    const char *kind = maker_word(m, kinds);
    const char *factor = kind[0] == 's' ? "0.3 * " : "";
    const char *list = count == 1 ? arena_printf(m->arena, "%lld", (long long)axes[0])
                                  : maker_list(m, count, axes);
    maker_add(m, reduced(v, gone, keepdims), "%s%s(%s, axis = %s%s%s)", factor, kind, v.name, list,
              keepdims ? ", keepdims = true" : "",
              kind[0] == 'v' && maker_chance(m, 30) ? ", unbiased = true" : "");
    return true;
}

/* x less or over one of its reductions, as norms are made. */
static bool make_normal(Maker *m)
{
    static const char patterns[] = "- mean;- max;/ (0.5 + variance;* logsumexp;- 0.2 * sum;+ min";
    const Made v = maker_var(m);
    const int axis = maker_axis(m, &v);
    if (axis < 0) return false;
    const char *pattern = maker_word(m, patterns);
    maker_add(m, v, "%s %s(%s, axis = %d, keepdims = true)%s", v.name, pattern, v.name, axis,
              pattern[0] == '/' ? ")" : "");
    return true;
}

/* The sum over rows as well: a value without a batch, which reaches all rows again. */
static bool make_centered(Maker *m)
{
    Made v;
    if (!maker_rows(m, 1, &v)) return false;
    maker_add(m, v, "%s - %s(%s, axis = 0)", v.name, maker_word(m, "mean;max;mean"), v.name);
    return true;
}

static bool make_product(Maker *m)
{
    Made v = maker_var(m);
    if (m->in_scan || v.rank < 2 || v.batch == v.rank - 1) return false;
    const int64_t inner = v.dim[v.rank - 1], width = maker_extent(m);
    const bool turned = maker_chance(m, 50);
    const int64_t dim[] = {turned ? width : inner, turned ? inner : width};
    const char *from = v.name, *w = maker_param(m, 2, dim, 0.7);
    v.dim[v.rank - 1] = width;
    if (made_row(&v) > MOST_IN_ROW) return true;
    maker_add(m, v, "%s @ %s%s", from, w, turned ? ".T" : "");
    return true;
}

/* Rows times rows: each row's own product. */
static bool make_gram(Maker *m)
{
    Made a, b;
    if (!maker_rows(m, 3, &a)) return false;
    const int last = a.rank - 1;
    b = maker_var(m);
    Made as_b = a;
    as_b.dim[last - 1] = b.rank == a.rank ? b.dim[last - 1] : 0;
    if (!made_same(&b, &as_b)) b = a;
    Made to = a;
    to.dim[last] = b.dim[last - 1];
    if (made_row(&to) > MOST_IN_ROW) return false;
    maker_add(m, to, "0.3 * (%s @ transpose(%s, -1, -2))", a.name, b.name);
    return true;
}

/* A sum of products over the rows themselves. */
static bool make_over_rows(Maker *m)
{
    Made a, b;
    if (!maker_rows(m, 2, &a) || !maker_rows(m, 2, &b) || a.rank != 2 || b.rank != 2) return false;
    const Made to = {.rank = 2, .batch = NO_BATCH, .dim = {a.dim[1], b.dim[1]}};
    maker_add(m, to, "0.3 * (%s.T @ %s)", a.name, b.name);
    return true;
}

static bool make_cosine(Maker *m)
{
    const Made v = maker_var(m), u = maker_var(m);
    const int axis = maker_axis(m, &v);
    if (axis < 0 || !made_same(&u, &v)) return false;
    maker_add(m, made_drop(v, axis), "cosine_similarity(%s, %s, axis = %d)", v.name, u.name, axis);
    return true;
}

const Step steps_reductions[] = {
    {"reduction", make_reduction, 10},
    {"normal", make_normal, 4},
    {"centered", make_centered, 2},
    {"product", make_product, 4},
    {"gram", make_gram, 4},
    {"over_rows", make_over_rows, 2},
    {"cosine", make_cosine, 2},
    {NULL, NULL, 0},
};
