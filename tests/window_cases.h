/* Odd windows for every operation that slides one: strides, dilation, groups, padding on one side,
 * entries that are not read. */
#ifndef NNC_TESTS_WINDOW_CASES_H
#define NNC_TESTS_WINDOW_CASES_H
#include "graphs.h"

/* Over one or two axes; padding of either side, one after the other, then taps (0: none). */
typedef struct Slide {
    int axes;
    int64_t in[2], stride[2], padding[4], dilation[2], groups, taps[2];
} Slide;

static const Slide slides[] = {
    {1, {7}, {1}, {1, 1}, {1}, 1, {3}},
    {1, {8}, {3}, {0, 2}, {2}, 2, {3}},
    {2, {5, 4}, {1, 1}, {1, 1, 1, 1}, {1, 1}, 1, {3, 3}},
    {2, {6, 5}, {2, 3}, {2, 0, 0, 1}, {1, 1}, 2, {3, 2}},
    {2, {5, 7}, {1, 2}, {0, 2, 0, 2}, {2, 2}, 4, {1, 3}},
    {2, {7, 5}, {3, 1}, {-1, 0, -2, -1}, {1, 1}, 2, {2, 1}},
    {2, {4, 5}, {65536, 3}, {0, 1, 1, 0}, {1, 1}, 1, {3, 2}},
};

enum { SLIDES = sizeof slides / sizeof *slides, IN = 4, OUT = 4, SLIDE_ROWS = 4 };

static void slide_attrs(const Slide *s, bool pool, Attr *attrs)
{
    attrs[0] = attr_ints(s->stride, s->axes);
    attrs[1] = attr_ints(s->padding, 2 * s->axes);
    attrs[2] = attr_ints(s->dilation, s->axes);
    attrs[3] = pool ? attr_ints(s->taps, s->axes) : attr_int(s->groups);
}

/* [batch, channels, ...], the extents of what is slid over or of the positions. */
static Node *planes(Graph *g, const char *name, const Slide *s, int64_t channels, bool positions)
{
    int64_t dim[4] = {g->batch, channels};
    for (int i = 0; i < s->axes; i++) {
        int64_t reach = s->dilation[i] * (s->taps[i] - 1) + 1;
        int64_t room = s->in[i] + s->padding[i] + s->padding[s->axes + i] - reach;
        dim[2 + i] = positions ? room / s->stride[i] + 1 : s->in[i];
    }
    return input_node(g, name, batched(f32_type(2 + s->axes, dim)));
}

static Node *weights(Graph *g, const Slide *s)
{
    int64_t dim[4] = {OUT, IN / s->groups, s->taps[0], s->taps[1]};
    return input_node(g, "w", f32_type(2 + s->axes, dim));
}

static Node *slide(Graph *g, Op op, int variant, bool pool, int count, Node *const *inputs)
{
    Attr attrs[MAX_ATTRS];
    slide_attrs(&slides[variant], pool, attrs);
    return make(g, op, count, inputs, attrs);
}

static Node *case_conv(Graph *g, int variant)
{
    if (variant >= SLIDES) return NULL;
    const Slide *s = &slides[variant];
    return slide(g, OP_conv, variant, false, 2,
                 (Node *[]){planes(g, "x", s, IN, false), weights(g, s)});
}

static Node *case_conv_input(Graph *g, int variant)
{
    if (variant >= SLIDES) return NULL;
    const Slide *s = &slides[variant];
    return slide(g, OP_conv_input, variant, false, 2,
                 (Node *[]){planes(g, "y", s, OUT, true), weights(g, s)});
}

static Node *case_conv_weight(Graph *g, int variant)
{
    static const int exact[] = {0, 2, 4, 5};         /* whose last position ends with the padding */
    if (variant >= 4) return NULL;
    const Slide *s = &slides[exact[variant]];
    return slide(g, OP_conv_weight, exact[variant], false, 2,
                 (Node *[]){planes(g, "x", s, IN, false), planes(g, "y", s, OUT, true)});
}

static Node *case_window_sum(Graph *g, int variant)
{
    if (variant >= SLIDES) return NULL;
    return slide(g, OP_window_sum, variant, true, 1,
                 (Node *[]){planes(g, "x", &slides[variant], 3, false)});
}

static Node *case_window_spread(Graph *g, int variant)
{
    if (variant >= SLIDES) return NULL;
    return slide(g, OP_window_spread, variant, true, 1,
                 (Node *[]){planes(g, "y", &slides[variant], 3, true)});
}

static Node *case_max_pick(Graph *g, int variant)
{
    if (variant >= SLIDES) return NULL;
    Node *x = planes(g, "x", &slides[variant], 3, false);
    return slide(g, OP_max_pick, variant, true, 2, (Node *[]){x, x});
}

static Node *case_max_place(Graph *g, int variant)
{
    if (variant >= SLIDES) return NULL;
    const Slide *s = &slides[variant];
    return slide(g, OP_max_place, variant, true, 2,
                 (Node *[]){planes(g, "x", s, 3, false), planes(g, "y", s, 3, true)});
}
#endif
