/* Steps that move elements: views, joins, repetition. */
#include "maker.h"

static bool make_reshape(Maker *m)
{
    Made v;
    if (!maker_rows(m, 1, &v)) return false;
    const int count = m->vars.count;
    maker_reshaped(m, v, 2 + (int)maker_below(m, 3));
    return m->vars.count > count;
}

static bool make_flatten(Maker *m)
{
    Made v;
    if (!maker_rows(m, 2, &v)) return false;
    const int64_t start = 1 + maker_below(m, v.rank - 1);
    Made to = {.rank = (int)start + 1};
    to.dim[start] = 1;
    for (int i = 1; i < v.rank; i++)
        if (i < start) to.dim[i] = v.dim[i];
        else to.dim[start] *= v.dim[i];
    maker_add(m, to, "flatten(%s, %lld)", v.name, (long long)start);
    return true;
}

static bool make_permute(Maker *m)
{
    const Made v = maker_var(m);
    int64_t order[MAX_RANK];
    Made to = {.rank = v.rank, .batch = NO_BATCH};
    if (v.rank < 2) return false;
    for (int i = 0; i < v.rank; i++) {
        const int64_t j = maker_below(m, i + 1);
        order[i] = order[j];
        order[j] = i;
    }
    for (int i = 0; i < v.rank; i++) {
        to.dim[i] = v.dim[order[i]];
        if (order[i] == v.batch) to.batch = i;
    }
    maker_add(m, to, "permute(%s, %s)", v.name, maker_list(m, v.rank, order));
    return true;
}

static bool make_transpose(Maker *m)
{
    Made v = maker_var(m);
    if (v.rank < 2) return false;
    const int64_t a = maker_below(m, v.rank), b = maker_below(m, v.rank), kept = v.dim[a];
    const char *from = v.name;
    v.dim[a] = v.dim[b];
    v.dim[b] = kept;
    v.batch = v.batch == a ? (int)b : v.batch == b ? (int)a : v.batch;
    maker_add(m, v, "transpose(%s, %lld, %lld)", from, (long long)a, (long long)b);
    return true;
}

static bool make_flip(Maker *m)
{
    const Made v = maker_var(m);
    const int axis = maker_axis(m, &v);
    if (axis < 0) return false;
    maker_add(m, v, "flip(%s, %d)", v.name, axis);
    return true;
}

static bool make_slice(Maker *m)
{
    Made v = maker_var(m);
    Text at = text_new(m->arena);
    const char *from = v.name;
    bool cut = false;
    for (int i = 0, axis = 0; axis < v.rank; i++, axis++) {
        text_add(&at, i ? ", " : "");
        const int64_t extent = v.dim[axis];
        const bool whole = axis == v.batch || maker_chance(m, 50);
        const int64_t a = whole ? 0 : maker_below(m, extent);
        const int64_t b = whole ? 0 : a + 1 + maker_below(m, extent - a);
        if (whole) text_add(&at, ":");
        else if (maker_chance(m, 30)) {
            text_addf(&at, "%lld", (long long)(maker_chance(m, 50) ? a : a - extent));
            v = made_drop(v, axis--);
        } else {
            text_addf(&at, "%lld:%lld", (long long)a, (long long)b);
            v.dim[axis] = b - a;
        }
        cut |= !whole;
    }
    if (!cut) return false;
    maker_add(m, v, "%s[%s]", from, at.at);
    return true;
}

static bool make_unsqueeze(Maker *m)
{
    const Made v = maker_var(m);
    if (v.rank > 4) return false;
    const int axis = (int)maker_below(m, v.rank + 1);
    maker_add(m, made_insert(v, axis, 1), "unsqueeze(%s, %d)", v.name, axis);
    return true;
}

static bool make_squeeze(Maker *m)
{
    const Made v = maker_var(m);
    const int axis = maker_axis(m, &v);
    if (axis < 0 || v.dim[axis] != 1) return false;
    maker_add(m, made_drop(v, axis), "squeeze(%s, %d)", v.name, axis);
    return true;
}

/* A new axis that repeats, at any place. */
static bool make_expand(Maker *m)
{
    const Made v = maker_var(m);
    const int64_t extent = maker_extent(m);
    int64_t shape[MAX_RANK];
    if (v.rank > 4 || made_row(&v) * extent > MOST_IN_ROW) return false;
    const int axis = (int)maker_below(m, v.rank + 1);
    for (int i = 0; i <= v.rank; i++) shape[i] = i == axis ? extent : -1;
    maker_add(m, made_insert(v, axis, extent), "expand(unsqueeze(%s, %d), %s)", v.name, axis,
              maker_list(m, v.rank + 1, shape));
    return true;
}

static bool make_concat(Maker *m)
{
    Made v = maker_var(m);
    const Made first = v;
    const int axis = maker_axis(m, &v);
    if (axis < 0) return false;
    Text list = text_new(m->arena);
    text_addf(&list, "[%s", v.name);
    const int count = 1 + (int)maker_below(m, 3);
    for (int i = 0; i < count; i++) {
        Made u = maker_var(m), as_u = first;
        as_u.dim[axis] = axis < u.rank ? u.dim[axis] : 0;
        if (axis == u.batch || !made_same(&u, &as_u)) u = first;
        text_addf(&list, u.name == first.name ? ", %s * %d" : ", %s", u.name, i + 2);
        v.dim[axis] += u.dim[axis];
    }
    if (made_row(&v) > MOST_IN_ROW) return false;
    maker_add(m, v, "concat(%s], axis = %d)", list.at, axis);
    return true;
}

static bool make_stack(Maker *m)
{
    const Made v = maker_var(m), u = maker_var(m);
    if (v.rank > 4 || made_row(&v) > MOST_IN_ROW / 2) return false;
    const int axis = (int)maker_below(m, v.rank + 1);
    maker_add(m, made_insert(v, axis, 2), "stack([%s, %s], axis = %d)", v.name,
              made_same(&u, &v) ? u.name : arena_printf(m->arena, "-%s", v.name), axis);
    return true;
}

static bool make_chunk(Maker *m)
{
    Made v = maker_var(m);
    const int axis = maker_axis(m, &v);
    if (axis < 0 || v.dim[axis] % 2) return false;
    v.dim[axis] /= 2;
    const char *from = v.name;
    maker_add(m, v, "chunk(%s, 2, axis = %d)[%d]", from, axis, (int)maker_below(m, 2));
    return true;
}

static bool make_pad(Maker *m)
{
    Made v = maker_var(m);
    Text borders = text_new(m->arena);
    const char *from = v.name;
    if (v.rank == 0) return false;
    for (int i = 0; i < v.rank; i++) {
        const int64_t a = i == v.batch ? 0 : maker_below(m, 3),
                      b = i == v.batch ? 0 : maker_below(m, 3);
        text_addf(&borders, "%s[%lld, %lld]", i ? ", " : "", (long long)a, (long long)b);
        v.dim[i] += a + b;
    }
    if (made_row(&v) > MOST_IN_ROW) return false;
    maker_add(m, v, "pad(%s, [%s]%s)", from, borders.at,
              maker_word(m, ";, value = 0.5;, value = -1"));
    return true;
}

/* A border of the value's own entries. */
static bool make_border(Maker *m)
{
    Made v = maker_var(m);
    Text borders = text_new(m->arena);
    const char *from = v.name;
    const bool mirrored = maker_chance(m, 50);
    if (v.rank == 0) return false;
    for (int i = 0; i < v.rank; i++) {
        const int64_t most = mirrored && v.dim[i] < 3 ? v.dim[i] : 3;
        const bool none = i == v.batch || maker_chance(m, 40);
        const int64_t a = none ? 0 : maker_below(m, most), b = none ? 0 : maker_below(m, most);
        text_addf(&borders, "%s[%lld, %lld]", i ? ", " : "", (long long)a, (long long)b);
        v.dim[i] += a + b;
    }
    if (made_row(&v) > MOST_IN_ROW) return false;
    maker_add(m, v, "pad(%s, [%s], mode = %s)", from, borders.at, mirrored ? "reflect" : "edge");
    return true;
}

static bool make_upsample(Maker *m)
{
    Made v;
    if (!maker_rows(m, 2, &v)) return false;
    v = maker_reshaped(m, v, 4);
    const char *from = v.name;
    const int64_t s[] = {1 + maker_below(m, 3), 1 + maker_below(m, 3)};
    v.dim[2] *= s[0];
    v.dim[3] *= s[1];
    if (made_row(&v) > MOST_IN_ROW) return true;
    maker_add(m, v, "upsample_nearest2d(%s, %s)", from, maker_list(m, 2, s));
    return true;
}

const Step steps_views[] = {
    {"reshape", make_reshape, 6},
    {"flatten", make_flatten, 2},
    {"permute", make_permute, 6},
    {"transpose", make_transpose, 3},
    {"flip", make_flip, 2},
    {"slice", make_slice, 7},
    {"unsqueeze", make_unsqueeze, 2},
    {"squeeze", make_squeeze, 3},
    {"expand", make_expand, 2},
    {"concat", make_concat, 5},
    {"stack", make_stack, 2},
    {"chunk", make_chunk, 3},
    {"pad", make_pad, 4},
    {"border", make_border, 3},
    {"upsample", make_upsample, 2},
    {NULL, NULL, 0},
};
