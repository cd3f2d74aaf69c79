/* Steps at sizes where kernels change their form: products by Strassen's algorithm or over panels,
 * sums in chunks, windows in Winograd's form, attention over blocks of keys, wide rows. Few of them
 * make a program, which has its batch from them. */
#include "maker.h"

static int64_t one_of(Maker *m, int count, const int64_t *numbers)
{
    return numbers[maker_below(m, count)];
}

#define ONE_OF(m, ...)                                                  \
    one_of(m, (int)(sizeof((int64_t[]){__VA_ARGS__}) / sizeof(int64_t)), \
           (int64_t[]){__VA_ARGS__})

static Made input_of(Maker *m, Made v)
{
    v.name = maker_name(m, "x");
    maker_line(m, "input %s: f32%s;", v.name, maker_shape(m, &v));
    vec_push(m->arena, m->vars, v);
    return v;
}

/* Two layers, so that one's gradient goes through the other's weights. */
static void wide_products(Maker *m, Made v)
{
    const char *between = maker_word(m, "tanh;relu;gelu;sigmoid");
    const int axis = v.rank - 1;
    const Made x = input_of(m, v);
    v.dim[axis] = ONE_OF(m, 32, 64, 96, 128, 160, 256, 75, 130, 300, 512);
    const Made h = maker_add(m, v, "%s(%s |> dense(%lld%s) as %s)", between, x.name,
                             (long long)v.dim[axis], maker_word(m, ";;, bias = false"),
                             maker_name(m, "n"));
    v.dim[axis] = ONE_OF(m, 5, 32, 64, 96, 128, 70, 160);
    maker_add(m, v, "%s / 4 |> dense(%lld%s) as %s%s", h.name, (long long)v.dim[axis],
              maker_word(m, ";;, bias = false"), maker_name(m, "n"),
              maker_word(m, ";; |> relu; |> rms_norm as last"));
}

/* What a row has stored transposed: the sum of the first product lies across. */
static void across_products(Maker *m, Made v)
{
    const Made x = input_of(m, v);
    const int axis = v.rank - 1;
    const int64_t wide[] = {v.dim[axis], ONE_OF(m, 64, 128, 136, 150, 256)};
    const char *w = maker_param(m, 2, wide, 0.1);
    v.dim[axis] = wide[1];
    const Made h = maker_add(m, v, "%s(%s @ %s)", maker_word(m, "tanh;softplus"), x.name, w);
    v.dim[axis] = wide[0];
    maker_add(m, v, "%s @ %s.T", h.name, w);
}

static int64_t make_rows(Maker *m)
{
    Made v = {.rank = 2, .dim = {0, ONE_OF(m, 256, 270, 384, 512, 784, 786, 1040)}};
    if (maker_chance(m, 65)) wide_products(m, v);
    else across_products(m, v);
    return ONE_OF(m, 64, 66, 96, 128, 130, 192, 256);
}

static int64_t make_sequences(Maker *m)
{
    Made v = {.rank = 3, .dim = {0, ONE_OF(m, 16, 26, 32, 65, 129)}};
    v.dim[2] = ONE_OF(m, 256, 270, 512);
    if (maker_chance(m, 65)) wide_products(m, v);
    else across_products(m, v);
    return ONE_OF(m, 2, 4, 7, 10);
}

/* A window of 3 x 3, mostly one of many channels in steps of 1. */
static Made make_window(Maker *m, Made v, const char *after)
{
    const char *from = v.name;
    const int64_t stride = maker_chance(m, 80) ? 1 : 2;
    v.dim[1] = ONE_OF(m, 16, 17, 20, 32, 33, 48);
    for (int i = 2; i < 4; i++) v.dim[i] = (v.dim[i] - 1) / stride + 1;
    return maker_add(m, v, "%s |> conv2d(%lld, 3, stride = %lld, padding = 1%s) as %s%s", from,
                     (long long)v.dim[1], (long long)stride, maker_word(m, ";, bias = false"),
                     maker_name(m, "n"), after);
}

static int64_t make_pictures(Maker *m)
{
    Made v = {.rank = 4, .dim = {0, ONE_OF(m, 16, 16, 24, 32, 35)}};
    for (int i = 2; i < 4; i++) v.dim[i] = 4 + maker_below(m, 15);
    const Made first = make_window(m, input_of(m, v), maker_word(m, " |> relu;; |> silu"));
    const char *norm = arena_printf(m->arena, " |> batch_norm as %s%s", maker_name(m, "n"),
                                    maker_word(m, ";; |> relu"));
    const Made second = make_window(m, first, maker_chance(m, 60) ? norm : "");
    if (made_same(&first, &second))
        maker_add(m, second, "relu(%s + %s)", first.name, second.name);
    else if (second.dim[2] > 1 && second.dim[3] > 1 && maker_chance(m, 40)) {
        Made pooled = second;
        for (int i = 2; i < 4; i++) pooled.dim[i] /= 2;
        maker_add(m, pooled, "%s_pool2d(%s, 2)", maker_word(m, "max;avg"), second.name);
    }
    return ONE_OF(m, 1, 2, 3, 8, 17);
}

/* Keys in more than one block, heads that are no vector wide. */
static int64_t make_heads(Maker *m)
{
    const int64_t heads = 1 + maker_below(m, 3);
    Made v = {.rank = 3, .dim = {0, ONE_OF(m, 40, 64, 65, 100, 128, 150)}};
    v.dim[2] = heads * ONE_OF(m, 8, 16, 24, 32, 40, 64);
    const Made x = input_of(m, v);
    maker_add(m, v, "%s + (%s |> layer_norm as %s |> multi_head_attention(%lld%s) as %s)", x.name,
              x.name, maker_name(m, "n"), (long long)heads, maker_word(m, ";, causal = true"),
              maker_name(m, "n"));
    return ONE_OF(m, 1, 2, 3);
}

static int64_t make_recurrence(Maker *m)
{
    Made v = {.rank = 3, .dim = {0, 3 + maker_below(m, 14), ONE_OF(m, 24, 40, 65)}};
    const bool both = maker_chance(m, 40);
    const int64_t hidden = ONE_OF(m, 32, 48, 64, 70, 128);
    const Made x = input_of(m, v);
    v.dim[2] = both ? 2 * hidden : hidden;
    const Made y = maker_add(m, v, "%s |> %s(%lld%s) as %s", x.name,
                             maker_word(m, "lstm;gru;rnn"), (long long)hidden,
                             both ? ", bidirectional = true" : "", maker_name(m, "n"));
    if (maker_chance(m, 40)) maker_add(m, made_drop(v, 1), "%s[:, %lld]", y.name,
                                       (long long)v.dim[1] - 1);
    return ONE_OF(m, 3, 16, 32, 33);
}

/* Rows of a vocabulary, with the table for both ends. */
static int64_t make_vocabulary(Maker *m)
{
    Made index = {.rank = 2, .dim = {0, ONE_OF(m, 8, 17, 32)}};
    const int64_t table[] = {ONE_OF(m, 500, 1000, 1030, 1500), ONE_OF(m, 32, 48, 64)};
    const char *x = maker_name(m, "i"), *w = maker_param(m, 2, table, 0.3);
    maker_line(m, "input %s: i32%s;", x, maker_shape(m, &index));
    const Made rows = maker_add(m, made_insert(index, 2, table[1]), "take(%s, %s)", w, x);
    maker_add(m, made_insert(index, 2, table[0]), "(%s |> layer_norm as %s) @ %s.T",
              rows.name, maker_name(m, "n"), w);
    return ONE_OF(m, 2, 5, 8);
}

int64_t maker_large(Maker *m)
{
    static int64_t (*const kinds[])(Maker *) = {make_rows,  make_rows,       make_sequences,
                                                make_pictures, make_pictures, make_heads,
                                                make_recurrence, make_vocabulary};
    return kinds[maker_below(m, sizeof kinds / sizeof *kinds)](m);
}
