/* Steps that slide a window: convolution, pooling and interpolation in one or two axes, with every
 * oddity of stride, padding, dilation and groups. */
#include "maker.h"

/* Along one axis. */
typedef struct Slide {
    int64_t in, size, stride, dilation, before, after;
    bool same;
} Slide;

static int64_t reach(const Slide *s) { return s->dilation * (s->size - 1) + 1; }

static Slide make_slide(Maker *m, int64_t in, int same)
{
    Slide s = {.in = in,
               .size = 1 + maker_below(m, 5),
               .stride = 1 + maker_below(m, 3) / 2 + maker_below(m, 2),
               .dilation = maker_chance(m, 25) ? 2 + maker_below(m, 2) : 1,
               .same = same};
    if (same) return s;
    s.before = maker_below(m, 3);
    s.after = maker_chance(m, 60) ? s.before : maker_below(m, 3);
    while (reach(&s) > in + s.before + s.after) {
        if (s.dilation > 1) s.dilation--;
        else s.size--;
    }
    return s;
}

static int64_t positions(const Slide *s)
{
    if (s->same) return (s->in + s->stride - 1) / s->stride;
    return (s->in + s->before + s->after - reach(s)) / s->stride + 1;
}

/* "[3, 2], stride = [1, 2], padding = [[0, 1], 2], dilation = ..." */
static const char *slide_text(Maker *m, const Slide *s, int axes)
{
    Text out = text_new(m->arena);
    int64_t size[2], stride[2], dilation[2];
    for (int i = 0; i < axes; i++) {
        size[i] = s[i].size;
        stride[i] = s[i].stride;
        dilation[i] = s[i].dilation;
    }
    if (axes == 1) text_addf(&out, "%lld, stride = %lld", (long long)size[0], (long long)stride[0]);
    else text_addf(&out, "%s, stride = %s", maker_list(m, axes, size), maker_list(m, axes, stride));
    text_add(&out, s[0].same ? ", padding = same" : ", padding = [");
    for (int i = 0; i < axes && !s[0].same; i++)
        text_addf(&out, "%s[%lld, %lld]", i ? ", " : "", (long long)s[i].before,
                  (long long)s[i].after);
    if (!s[0].same) text_add(&out, "]");
    if (axes == 1) text_addf(&out, ", dilation = %lld", (long long)dilation[0]);
    else text_addf(&out, ", dilation = %s", maker_list(m, axes, dilation));
    return out.at;
}

static bool make_conv(Maker *m)
{
    Made v;
    const int axes = maker_chance(m, 70) ? 2 : 1;
    if (m->in_scan || !maker_rows(m, 2, &v)) return false;
    v = maker_reshaped(m, v, axes + 2);
    Slide s[2];
    const int same = maker_chance(m, 30);
    const char *from = v.name;
    const int64_t channels = v.dim[1];
    for (int i = 0; i < axes; i++) {
        s[i] = make_slide(m, v.dim[2 + i], same);
        v.dim[2 + i] = positions(&s[i]);
    }
    const int kind = (int)maker_below(m, 4);
    const int64_t groups = kind == 0 ? channels : kind == 1 && channels % 2 == 0 ? 2 : 1;
    v.dim[1] = groups * (1 + maker_below(m, groups == 1 ? 20 : 3));
    if (made_row(&v) > MOST_IN_ROW) return true;
    if (axes == 2 && groups == channels && v.dim[1] == channels && maker_chance(m, 50)) {
        maker_add(m, v, "%s |> depthwise_conv2d(%s) as %s", from, slide_text(m, s, axes),
                  maker_name(m, "n"));
        return true;
    }
    const char *size = slide_text(m, s, axes);
    maker_add(m, v, "%s |> conv%dd(%lld, %s%s%s) as %s%s", from, axes, (long long)v.dim[1], size,
              groups > 1 ? arena_printf(m->arena, ", groups = %lld", (long long)groups) : "",
              maker_word(m, ";, bias = false"), maker_name(m, "n"),
              maker_word(m, ";; |> relu; |> leaky_relu(0.1)"));
    return true;
}

static bool make_transposed(Maker *m)
{
    Made v;
    if (m->in_scan || !maker_rows(m, 2, &v)) return false;
    v = maker_reshaped(m, v, 4);
    const char *from = v.name;
    int64_t size[2], stride[2], padding[2], more[2];
    for (int i = 0; i < 2; i++) {
        const int64_t in = v.dim[2 + i];
        size[i] = 1 + maker_below(m, 4);
        stride[i] = 1 + maker_below(m, 3);
        padding[i] = (in - 1) * stride[i] + size[i] > 4 ? maker_below(m, 2) : 0;
        more[i] = maker_below(m, stride[i]);
        v.dim[2 + i] = (in - 1) * stride[i] + size[i] - 2 * padding[i] + more[i];
    }
    const int64_t groups = v.dim[1] % 2 == 0 && maker_chance(m, 30) ? 2 : 1;
    v.dim[1] = groups * (1 + maker_below(m, 9));
    if (made_row(&v) > MOST_IN_ROW) return true;
    maker_add(m, v,
              "%s |> conv_transpose2d(%lld, %s, stride = %s, padding = %s, output_padding = %s, "
              "groups = %lld) as %s",
              from, (long long)v.dim[1], maker_list(m, 2, size), maker_list(m, 2, stride),
              maker_list(m, 2, padding), maker_list(m, 2, more), (long long)groups,
              maker_name(m, "n"));
    return true;
}

/* Pools along one axis as PyTorch has them: padding at most half of the window. */
static int64_t pooled(int64_t in, int64_t size, int64_t stride, int64_t padding, bool ceil)
{
    const int64_t left = in + 2 * padding - size;
    int64_t count = left / stride + 1;
    if (ceil && left % stride && count * stride < in + padding) count++;
    return count;
}

static bool make_pool(Maker *m)
{
    Made v;
    const int axes = maker_chance(m, 75) ? 2 : 1;
    if (!maker_rows(m, 2, &v)) return false;
    v = maker_reshaped(m, v, axes + 2);
    const char *from = v.name;
    const bool ceil = maker_chance(m, 30), largest = maker_chance(m, 55);
    int64_t size[2], stride[2], padding[2];
    for (int i = 0; i < axes; i++) {
        const int64_t in = v.dim[2 + i];
        size[i] = 1 + maker_below(m, in < 4 ? in : 4);
        stride[i] = 1 + maker_below(m, 3);
        padding[i] = maker_chance(m, 40) ? size[i] / 2 : 0;
        v.dim[2 + i] = pooled(in, size[i], stride[i], padding[i], ceil);
    }
    const char *counts = largest || maker_chance(m, 50) ? "" : ", count_include_pad = false";
    const char *name = largest ? "max" : "avg";
    if (axes == 1)
        maker_add(m, v, "%s_pool1d(%s, %lld, stride = %lld, padding = %lld%s%s)", name, from,
                  (long long)size[0], (long long)stride[0], (long long)padding[0],
                  ceil ? ", ceil = true" : "", counts);
    else
        maker_add(m, v, "%s_pool2d(%s, %s, stride = %s, padding = %s%s%s)", name, from,
                  maker_list(m, 2, size), maker_list(m, 2, stride), maker_list(m, 2, padding),
                  ceil ? ", ceil = true" : "", counts);
    return true;
}

/* Bins of a given size; along one axis or two. */
static bool make_adaptive_pool(Maker *m)
{
    Made v;
    const int axes = maker_chance(m, 70) ? 2 : 1;
    if (!maker_rows(m, 2, &v)) return false;
    v = maker_reshaped(m, v, axes + 2);
    const char *from = v.name;
    for (int i = 0; i < axes; i++)
        v.dim[2 + i] = 1 + maker_below(m, v.dim[2 + i] < 8 ? v.dim[2 + i] + 1 : 8);
    const char *name = maker_word(m, "avg;max");
    if (axes == 1)
        maker_add(m, v, "adaptive_%s_pool1d(%s, %lld)", name, from, (long long)v.dim[2]);
    else maker_add(m, v, "adaptive_%s_pool2d(%s, %s)", name, from, maker_list(m, 2, v.dim + 2));
    return true;
}

static bool make_separable(Maker *m)
{
    Made v;
    if (m->in_scan || !maker_rows(m, 2, &v)) return false;
    v = maker_reshaped(m, v, 4);
    const char *from = v.name;
    Slide s[2];
    for (int i = 0; i < 2; i++) {
        s[i] = make_slide(m, v.dim[2 + i], 0);
        v.dim[2 + i] = positions(&s[i]);
    }
    v.dim[1] = 1 + maker_below(m, 9);
    if (made_row(&v) > MOST_IN_ROW) return true;
    maker_add(m, v, "%s |> separable_conv2d(%lld, %s%s) as %s", from, (long long)v.dim[1],
              slide_text(m, s, 2), maker_word(m, ";, bias = false"), maker_name(m, "n"));
    return true;
}

static bool make_transposed_line(Maker *m)
{
    Made v;
    if (m->in_scan || !maker_rows(m, 2, &v)) return false;
    v = maker_reshaped(m, v, 3);
    const char *from = v.name;
    const int64_t size = 1 + maker_below(m, 5), stride = 1 + maker_below(m, 3);
    const int64_t more = maker_below(m, stride);
    v.dim[2] = (v.dim[2] - 1) * stride + size + more;
    v.dim[1] = 1 + maker_below(m, 9);
    if (made_row(&v) > MOST_IN_ROW) return true;
    maker_add(m, v,
              "%s |> conv_transpose1d(%lld, %lld, stride = %lld, output_padding = %lld) as %s",
              from, (long long)v.dim[1], (long long)size, (long long)stride, (long long)more,
              maker_name(m, "n"));
    return true;
}

static bool make_bilinear(Maker *m)
{
    Made v;
    if (!maker_rows(m, 2, &v)) return false;
    v = maker_reshaped(m, v, 4);
    const char *from = v.name;
    if (maker_chance(m, 60)) {
        const int64_t s[] = {1 + maker_below(m, 4), 1 + maker_below(m, 3)};
        v.dim[2] *= s[0];
        v.dim[3] *= s[1];
        if (made_row(&v) > MOST_IN_ROW) return true;
        maker_add(m, v, "upsample_bilinear2d(%s, %s)", from, maker_list(m, 2, s));
        return true;
    }
    v.dim[2] = maker_extent(m);
    v.dim[3] = maker_extent(m);
    if (made_row(&v) > MOST_IN_ROW) return true;
    maker_add(m, v, "upsample_bilinear2d(%s, size = %s%s)", from, maker_list(m, 2, v.dim + 2),
              maker_word(m, ";, align_corners = true"));
    return true;
}

static bool make_global_pool(Maker *m)
{
    Made v;
    if (!maker_rows(m, 2, &v)) return false;
    v = maker_reshaped(m, v, 4);
    const char *from = v.name;
    v.rank = 2;
    maker_add(m, v, "global_%s_pool2d(%s)", maker_word(m, "avg;max"), from);
    return true;
}

const Step steps_windows[] = {
    {"conv", make_conv, 14},
    {"separable", make_separable, 2},
    {"transposed", make_transposed, 3},
    {"transposed_line", make_transposed_line, 1},
    {"pool", make_pool, 7},
    {"adaptive_pool", make_adaptive_pool, 3},
    {"global_pool", make_global_pool, 2},
    {"bilinear", make_bilinear, 3},
    {NULL, NULL, 0},
};
