/* Steps that are layers of the library: products, norms, tables. */
#include "maker.h"

static bool make_dense(Maker *m)
{
    Made v = maker_var(m);
    if (m->in_scan || v.rank < 2 || v.batch == v.rank - 1) return false;
    const char *from = v.name;
    v.dim[v.rank - 1] = maker_chance(m, 15) ? 33 : maker_extent(m);
    if (made_row(&v) > MOST_IN_ROW) return false;
    maker_add(m, v, "%s |> dense(%lld%s) as %s%s", from, (long long)v.dim[v.rank - 1],
              maker_word(m, ";;, bias = false"), maker_name(m, "n"),
              maker_word(m, ";;; |> relu; |> gelu; |> tanh"));
    return true;
}

/* One layer used twice: its gradient has two parts. */
static bool make_shared(Maker *m)
{
    Made v;
    if (m->in_scan || !maker_rows(m, 2, &v)) return false;
    const char *layer = maker_name(m, "l");
    maker_line(m, "layer %s = dense(%lld);", layer, (long long)v.dim[v.rank - 1]);
    maker_add(m, v, "%s + %s(tanh(%s(%s)))", v.name, layer, layer, v.name);
    return true;
}

static bool make_looped(Maker *m)
{
    Made v;
    if (m->in_scan || !maker_rows(m, 2, &v)) return false;
    const char *to = maker_name(m, "r");
    maker_line(m, "%s = %s;", to, v.name);
    maker_line(m, "for i in 0..2 { %s = %s + (%s |> dense(%lld) as %s[i] |> %s); }", to, to, to,
               (long long)v.dim[v.rank - 1], maker_name(m, "n"), maker_word(m, "relu;tanh;silu"));
    maker_add(m, v, "0.5 * %s", to);
    return true;
}

/* Norms along the last axis. */
static bool make_row_norm(Maker *m)
{
    const Made v = maker_var(m);
    if (m->in_scan || v.rank < 1 || v.batch == v.rank - 1) return false;
    maker_add(m, v, "%s |> %s as %s", v.name, maker_word(m, "layer_norm;layer_norm;rms_norm"),
              maker_name(m, "n"));
    return true;
}

static bool make_batch_norm(Maker *m)
{
    Made v;
    if (m->in_scan || !maker_rows(m, 2, &v) || v.rank > 5) return false;
    maker_add(m, v, "%s |> batch_norm as %s%s", v.name, maker_name(m, "n"),
              maker_word(m, ";; |> relu; |> leaky_relu"));
    return true;
}

static bool make_group_norm(Maker *m)
{
    Made v;
    if (m->in_scan || !maker_rows(m, 3, &v) || v.rank > 5) return false;
    const int64_t groups = v.dim[1] % 2 == 0 ? 2 : v.dim[1] % 3 == 0 ? 3 : 1;
    if (maker_chance(m, 60))
        maker_add(m, v, "%s |> group_norm(%lld) as %s", v.name, (long long)groups,
                  maker_name(m, "n"));
    else maker_add(m, v, "%s |> instance_norm(affine = true) as %s", v.name, maker_name(m, "n"));
    return true;
}

/* An i32 input with values below `count`, as the index of a table. */
static bool make_embedding(Maker *m)
{
    Made index = {.rank = 1 + (int)maker_below(m, 2)};
    index.dim[1] = maker_extent(m);
    const int64_t count = maker_extent(m) + 1, width = maker_extent(m);
    if (m->in_scan) return false;
    const char *x = maker_name(m, "i");
    maker_line(m, "input %s: i32%s;", x, maker_shape(m, &index));
    maker_add(m, made_insert(index, index.rank, width),
              "%s |> embedding(%lld, %lld, std = 0.5) as %s", x, (long long)count, (long long)width,
              maker_name(m, "n"));
    return true;
}

/* A row of a table, or of the identity, by the largest entry. */
static bool make_chosen(Maker *m)
{
    Made v = maker_var(m);
    const int axis = maker_axis(m, &v);
    if (m->in_scan || axis < 0 || v.rank < 2) return false;
    const int64_t count = v.dim[axis], width = maker_extent(m);
    const int64_t dim[] = {count, width};
    const char *from = v.name, *best = maker_word(m, "argmax;argmin");
    const bool one_hot = maker_chance(m, 40);
    v = made_drop(v, axis);
    v = made_insert(v, v.rank, one_hot ? count : width);
    if (made_row(&v) > MOST_IN_ROW) return false;
    if (one_hot) maker_add(m, v, "one_hot(%s(%s, %d), %lld)", best, from, axis, (long long)count);
    else maker_add(m, v, "take(%s, %s(%s, %d))", maker_param(m, 2, dim, 1.0), best, from, axis);
    return true;
}

/* Rows of a parameter by numbers that are known. */
static bool make_positions(Maker *m)
{
    const Made v = maker_var(m);
    if (m->in_scan || v.rank < 2 || v.batch >= v.rank - 2) return false;
    const int64_t steps = v.dim[v.rank - 2], width = v.dim[v.rank - 1];
    if (maker_chance(m, 50) && width % 2 == 0)
        maker_add(m, v, "%s + sinusoidal_positions(%lld, %lld)", v.name, (long long)steps,
                  (long long)width);
    else
        maker_add(m, v, "%s + (arange(%lld) |> embedding(%lld, %lld) as %s)", v.name,
                  (long long)steps, (long long)steps, (long long)width, maker_name(m, "n"));
    return true;
}

/* A constant as an operand of a product, on either side. */
static bool make_constant(Maker *m)
{
    Made v = maker_var(m);
    const int last = v.rank - 1;
    if (v.rank < 2 || v.batch == last) return false;
    const int64_t dim[] = {v.dim[last], maker_extent(m)};
    const char *from = v.name;
    v.dim[last] = dim[1];
    if (made_row(&v) > MOST_IN_ROW) return false;
    if (m->in_scan || maker_chance(m, 50))
        maker_add(m, v, "%s @ full(%s, 0.3)", from, maker_list(m, 2, dim));
    else
        maker_add(m, v, "(ones_like(%s) / 2) @ %s", from, maker_param(m, 2, dim, 1.0));
    return true;
}

const Step steps_layers[] = {
    {"dense", make_dense, 12},          {"shared", make_shared, 2},
    {"looped", make_looped, 2},         {"row_norm", make_row_norm, 5},
    {"batch_norm", make_batch_norm, 5}, {"group_norm", make_group_norm, 4},
    {"embedding", make_embedding, 3},   {"chosen", make_chosen, 2},
    {"positions", make_positions, 2},   {"constant", make_constant, 2},
    {NULL, NULL, 0},
};
