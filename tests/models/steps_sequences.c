/* Steps along time: recurrent layers, scans with bodies of random steps, attention, sessions. */
#include "maker.h"

static bool make_recurrent(Maker *m)
{
    Made v;
    if (m->in_scan || !maker_rows(m, 2, &v)) return false;
    v = maker_reshaped(m, v, 3);
    const int64_t hidden = 1 + maker_below(m, 9);
    const bool both = maker_chance(m, 30);
    const char *from = v.name,
               *how = both ? ", bidirectional = true" : maker_word(m, ";, stream = true");
    if (v.dim[1] > 20) return true;
    v.dim[2] = both ? 2 * hidden : hidden;
    maker_add(m, v, "%s |> %s(%lld%s) as %s", from, maker_word(m, "rnn;lstm;gru"),
              (long long)hidden, how, maker_name(m, "n"));
    return true;
}

/* ---- scans ---- */

/* The start of a carry in a shape that is there. */
static const char *carry_start(Maker *m, const Made *shape)
{
    const int kind = (int)maker_below(m, 3);
    if (kind == 0) return arena_printf(m->arena, "zeros(%s)", maker_shape(m, shape));
    for (int i = 0; kind == 1 && i < m->vars.count; i++)
        if (made_same(&m->vars.at[i], shape))
            return arena_printf(m->arena, "sin(%s)", m->vars.at[i].name);
    return arena_printf(m->arena, "0.5 + zeros(%s)", maker_shape(m, shape));
}

/* The carry's next value from itself, the last value of the body, and perhaps a product. */
static void close_carry(Maker *m, const Made *carry, const char *weight)
{
    const Made *u = NULL;
    for (int i = m->vars.count - 1; i >= 0 && !u; i--)
        if (m->vars.at[i].batch == 0 && carry->batch == 0) u = &m->vars.at[i];
    const char *from = u ? maker_fitted(m, u, carry) : "0.1";
    if (weight) maker_line(m, "%s = tanh(%s @ %s + %s);", carry->name, carry->name, weight, from);
    else
        maker_line(m, "%s = %s;", carry->name,
                   arena_printf(m->arena, maker_chance(m, 50) ? "0.5 * %s + %s" : "sin(%s) - %s",
                                carry->name, from));
}

static void make_body(Maker *m, const Made *sequences, int count, int axis, Made *carry,
                      int carries)
{
    const char *weight[2] = {NULL, NULL};
    for (int i = 0; i < carries; i++) {
        const int last = carry[i].rank - 1;
        const int64_t dim[] = {carry[i].dim[last], carry[i].dim[last]};
        if (last > 0 && carry[i].batch != last && maker_chance(m, 60))
            weight[i] = maker_name(m, "w");
        if (weight[i])
            text_addf(&m->out, "    param %s: f32%s = uniform(-0.5, 0.5);\n", weight[i],
                      maker_list(m, 2, dim));
    }
    const char *name = maker_name(m, "s");
    text_addf(&m->out, "    %s = scan ", name);
    const int before = m->vars.count;
    VEC(Made) elements = {0};
    for (int i = 0; i < count; i++) {
        Made e = made_drop(sequences[i], axis);
        e.name = maker_name(m, "e");
        text_addf(&m->out, "%s%s in %s", i ? ", " : "", e.name, sequences[i].name);
        vec_push(m->arena, elements, e);
    }
    text_addf(&m->out, " along %d%s {\n", axis, maker_chance(m, 40) ? ", reverse = true" : "");
    m->indent = "        ";
    m->in_scan = true;
    for (int i = 0; i < carries; i++) {
        carry[i].name = maker_name(m, "h");
        maker_line(m, "carry %s = %s;", carry[i].name, carry_start(m, &carry[i]));
    }
    for (int i = 0; i < count; i++) vec_push(m->arena, m->vars, elements.at[i]);
    for (int i = 0; i < carries; i++) vec_push(m->arena, m->vars, carry[i]);
    for (int i = (int)maker_below(m, 5); i > 0; i--) maker_step(m);
    for (int i = 0; i < carries; i++) close_carry(m, &carry[i], weight[i]);
    Made yielded = maker_var(m);
    const int place = axis < yielded.rank ? axis : yielded.rank;
    maker_line(m, "yield %s;", yielded.name);
    m->vars.count = before;
    m->in_scan = false;
    m->indent = "    ";
    text_add(&m->out, "    };\n");
    for (int i = 0; i < carries; i++) {
        carry[i].name = arena_printf(m->arena, "%s.%s", name, carry[i].name);
        vec_push(m->arena, m->vars, carry[i]);
    }
    yielded = made_insert(yielded, place, sequences[0].dim[axis]);
    yielded.name = name;
    vec_push(m->arena, m->vars, yielded);
}

static bool make_scan(Maker *m)
{
    Made sequences[2], carry[2];
    const int carries = (int)maker_below(m, 3);
    sequences[0] = maker_var(m);
    const int axis = maker_axis(m, &sequences[0]);
    if (m->in_scan || axis < 0 || sequences[0].dim[axis] > 20) return false;
    sequences[1] = maker_var(m);
    const bool two = axis < sequences[1].rank && axis != sequences[1].batch
                  && sequences[1].dim[axis] == sequences[0].dim[axis];
    for (int i = 0; i < carries; i++) {
        carry[i] = made_drop(sequences[0], axis);
        if (carry[i].batch != 0 || maker_chance(m, 50)) continue;
        carry[i].rank = 2;
        carry[i].dim[1] = maker_extent(m);
    }
    make_body(m, sequences, two ? 2 : 1, axis, carry, carries);
    return true;
}

/* ---- attention ---- */

static bool make_attention(Maker *m)
{
    Made v;
    if (!maker_rows(m, 2, &v)) return false;
    v = maker_reshaped(m, v, 4);
    if (v.dim[2] > 24) return true;
    const char *q = v.name, *k = q;
    if (maker_chance(m, 60)) k = maker_add(m, v, "flip(%s, 2) * 0.7", q).name;
    const char *rotary = v.dim[3] % 2 == 0 && maker_chance(m, 30) ? " |> rotary" : "";
    maker_add(m, v, "scaled_dot_product_attention(%s%s, %s%s, %s%s%s)", q, rotary, k, rotary,
              maker_chance(m, 50) ? q : k, maker_word(m, ";, causal = true"),
              maker_word(m, ";;, scale = 0.5"));
    return true;
}

static bool make_heads(Maker *m)
{
    Made v, w;
    if (m->in_scan || !maker_rows(m, 2, &v) || !maker_rows(m, 2, &w)) return false;
    v = maker_reshaped(m, v, 3);
    w = maker_reshaped(m, w, 3);
    if (v.dim[1] > 24 || w.dim[1] > 24 || v.dim[2] > 40) return true;
    const char *memory = w.dim[2] == v.dim[2] && maker_chance(m, 50)
                           ? arena_printf(m->arena, ", memory = %s", w.name)
                           : "";
    const int64_t heads = v.dim[2] % 2 == 0 ? 2 : v.dim[2] % 3 == 0 ? 3 : 1;
    const char *causal = *memory ? "" : maker_word(m, ";, causal = true");
    if (maker_chance(m, 65)) {
        maker_add(m, v, "%s |> multi_head_attention(%lld%s%s) as %s", v.name, (long long)heads,
                  memory, causal, maker_name(m, "n"));
        return true;
    }
    maker_add(m, v, "%s |> transformer_encoder(%lld, width = %lld%s%s) as %s", v.name,
              (long long)heads, (long long)maker_extent(m),
              maker_word(m, ", activation = \"gelu\";, norm_first = true;, p = 0.2;"), causal,
              maker_name(m, "n"));
    return true;
}

/* A decoder's layer over what another value remembers. */
static bool make_decoder(Maker *m)
{
    Made v, w;
    if (m->in_scan || !maker_rows(m, 2, &v) || !maker_rows(m, 2, &w)) return false;
    v = maker_reshaped(m, v, 3);
    w = maker_reshaped(m, w, 3);
    if (v.dim[1] > 16 || w.dim[1] > 16 || v.dim[2] > 24 || w.dim[2] > 40) return true;
    const char *memory = w.name;
    if (w.dim[2] != v.dim[2]) {
        w.dim[2] = v.dim[2];
        memory = maker_add(m, w, "%s |> dense(%lld) as %s", memory, (long long)v.dim[2],
                           maker_name(m, "n"))
                     .name;
    }
    maker_add(m, v, "%s |> transformer_decoder(%s, %d, width = %lld%s) as %s", v.name, memory,
              v.dim[2] % 2 ? 1 : 2, (long long)maker_extent(m),
              maker_word(m, ";, activation = \"gelu\";, p = 0.2"), maker_name(m, "n"));
    return true;
}

/* ---- sessions ---- */

/* A buffer of the caller that follows a value from call to call. */
static bool make_session(Maker *m)
{
    Made v;
    if (m->in_scan || !maker_rows(m, 1, &v)) return false;
    const char *kept = maker_name(m, "q");
    maker_line(m, "session %s: f32%s;", kept, maker_shape(m, &v));
    const Made y = maker_add(m, v, "%s %s %s", v.name, maker_word(m, "+ 0.5 *;-;* 0.5 +"), kept);
    maker_line(m, "%s = %s(%s);", kept, maker_word(m, "sin;tanh;0.5 *"),
               maker_chance(m, 50) ? y.name : v.name);
    return true;
}

/* Attention to the steps of earlier calls: how many there are is a session too, one or two. */
static bool make_cached(Maker *m)
{
    Made v;
    if (m->in_scan || !maker_rows(m, 2, &v)) return false;
    v = maker_reshaped(m, v, 4);
    if (v.dim[2] > 12) return true;
    const char *taken = maker_name(m, "q");
    maker_line(m, "session %s: f32;", taken);
    maker_add(m, v,
              "cached_attention(%s, tanh(%s), %s, cast(1.5 + 0.5 * sin(%s), i32), %lld) as %s",
              v.name, v.name, v.name, taken, (long long)v.dim[2] + 2, maker_name(m, "n"));
    maker_line(m, "%s = %s + 1;", taken, taken);
    return true;
}

/* ---- what has come so far ---- */

static bool make_cumulative(Maker *m)
{
    Made v = maker_var(m);
    const int axis = maker_axis(m, &v);
    if (m->in_scan || axis < 0 || v.dim[axis] > 20) return false;
    maker_add(m, v, maker_word(m, "0;1")[0] == '0' ? "0.3 * %s(%s, axis = %d%s)"
                                                   : "%s(tanh(%s), axis = %d%s)",
              maker_word(m, "cumsum;cumprod;cummax;cummin"), v.name, axis,
              maker_word(m, ";, reverse = true"));
    return true;
}

static bool make_top_k(Maker *m)
{
    Made v = maker_var(m);
    const int axis = maker_axis(m, &v);
    if (axis < 0) return false;
    const char *from = v.name;
    v.dim[axis] = 1 + maker_below(m, v.dim[axis] < 4 ? v.dim[axis] : 4);
    if (maker_chance(m, 80))
        maker_add(m, v, "top_k(%s, %lld, axis = %d)[0]", from, (long long)v.dim[axis], axis);
    else
        maker_add(m, v, "cast(top_k(%s, %lld, axis = %d)[1], f32) / 8", from,
                  (long long)v.dim[axis], axis);
    return true;
}

/* A part put into a value at a place that is known when it runs. */
static bool make_put(Maker *m)
{
    const Made v = maker_var(m);
    const int axis = maker_axis(m, &v);
    if (m->in_scan || axis < 0 || v.rank < 1) return false;
    Text part = text_new(m->arena);
    for (int i = 0; i <= axis; i++) text_add(&part, i < axis ? ":, " : "0:1");
    maker_add(m, v, "put(%s, sin(%s[%s]), arange(%lld)[%lld], axis = %d)", v.name, v.name, part.at,
              (long long)v.dim[axis], (long long)maker_below(m, v.dim[axis]), axis);
    return true;
}

/* ---- masks ---- */

/* A mask that says which keys count. */
static bool make_masked(Maker *m)
{
    Made v;
    if (!maker_rows(m, 2, &v) || m->in_scan) return false;
    v = maker_reshaped(m, v, 4);
    if (v.dim[2] > 24) return true;
    const Made keys = {.rank = 2, .dim = {0, v.dim[2]}};
    const char *mask = maker_name(m, "x");
    maker_line(m, "input %s: f32%s;", mask, maker_shape(m, &keys));
    const char *seen = arena_printf(m->arena, "%s > -0.3 or iota(%s, 1) == 0", mask, mask);
    maker_add(m, v, "scaled_dot_product_attention(%s, tanh(%s), %s, mask = %s)", v.name, v.name,
              v.name, seen);
    return true;
}

const Step steps_sequences[] = {
    {"recurrent", make_recurrent, 5},
    {"scan", make_scan, 8},
    {"attention", make_attention, 3},
    {"heads", make_heads, 3},
    {"decoder", make_decoder, 2},
    {"masked", make_masked, 2},
    {"session", make_session, 3},
    {"cached", make_cached, 2},
    {"cumulative", make_cumulative, 2},
    {"top_k", make_top_k, 2},
    {"put", make_put, 2},
    {NULL, NULL, 0},
};
