/* Convolution over any number of axes, its gradient by the input (the transposed convolution) and
 * by the weights. Each is linear in both operands, and the gradients of each are the other two. */
#include "ops/rules.h"
#include "ops/window.h"

#define ROW(id)                                                       \
    const char *shape_##id(Arena *arena, const Node *node, Type *out) \
    {                                                                 \
        return window_type(arena, node, out);                         \
    }                                                                 \
    double flops_##id(const Node *node)                               \
    {                                                                 \
        return 2.0 * window_work(node);                           \
    }
ROW(conv)
ROW(conv_input)
ROW(conv_weight)

/* ---- gradients ---- */

void grad_conv(Grad *g)
{
    Node *x = g->node->inputs[0], *w = g->node->inputs[1];
    if (g->wanted[0]) g->dx[0] = window_relative(g, OP_conv_input, (Node *[]){g->dy, w});
    if (g->wanted[1]) g->dx[1] = window_relative(g, OP_conv_weight, (Node *[]){x, g->dy});
}

void grad_conv_input(Grad *g)
{
    Node *y = g->node->inputs[0], *w = g->node->inputs[1];
    if (g->wanted[0]) g->dx[0] = window_relative(g, OP_conv, (Node *[]){g->dy, w});
    if (g->wanted[1]) g->dx[1] = window_relative(g, OP_conv_weight, (Node *[]){g->dy, y});
}

void grad_conv_weight(Grad *g)
{
    Node *x = g->node->inputs[0], *y = g->node->inputs[1];
    if (g->wanted[0]) g->dx[0] = window_relative(g, OP_conv_input, (Node *[]){y, g->dy});
    if (g->wanted[1]) g->dx[1] = window_relative(g, OP_conv, (Node *[]){x, g->dy});
}

/* ---- evaluation, sums in double ---- */

/* What the three loops walk: the planes of one group in all rows. */
typedef struct Conv {
    Window w;
    const WindowRun *runs;
    int run_count;
    int64_t taps, in_plane, out_plane;
    int64_t ins, outs;               /* channels of a group, on either side */
} Conv;

static Conv conv_begin(EvalContext *context, const Node *node)
{
    Conv c;
    window_of(context->arena, node, &c.w);
    c.runs = window_runs(context->arena, &c.w, &c.run_count);
    c.taps = window_taps(&c.w);
    c.in_plane = type_elements(c.w.in) / (c.w.rows * c.w.in_channels);
    c.out_plane = window_positions(&c.w);
    c.ins = c.w.in_channels / c.w.groups;
    c.outs = c.w.out_channels / c.w.groups;
    return c;
}

static void store_plane(Tensor *out, int64_t first, const double *sum, int64_t count)
{
    for (int64_t i = 0; i < count; i++) tensor_set(out, first + i, sum[i]);
}

/* The sums of plane (row, o) of the result. */
static void conv_plane(const Conv *c, int64_t row, int64_t o, const float *x, const float *weight,
                       double *sum)
{
    int64_t first = o / c->outs * c->ins;
    for (int64_t i = 0; i < c->out_plane; i++) sum[i] = 0.0;
    for (int64_t j = 0; j < c->ins; j++) {
        const float *from = x + (row * c->w.in_channels + first + j) * c->in_plane;
        const float *by = weight + (o * c->ins + j) * c->taps;
        for (int r = 0; r < c->run_count; r++) {
            const WindowRun *run = &c->runs[r];
            for (int64_t i = 0; i < run->count; i++)
                sum[run->out + i] += (double)by[run->tap] * (double)from[run->in + i * run->step];
        }
    }
}

void eval_conv(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    Conv c = conv_begin(context, node);
    double *sum = arena_array(context->arena, double, c.out_plane);
    for (int64_t row = 0; row < c.w.rows; row++)
        for (int64_t o = 0; o < c.w.out_channels; o++) {
            conv_plane(&c, row, o, in[0].data, in[1].data, sum);
            store_plane(out, (row * c.w.out_channels + o) * c.out_plane, sum, c.out_plane);
        }
}

/* The sums of plane (row, i) of what the window slides over. */
static void conv_input_plane(const Conv *c, int64_t row, int64_t channel, const float *y,
                             const float *weight, double *sum)
{
    int64_t first = channel / c->ins * c->outs, j = channel % c->ins;
    for (int64_t i = 0; i < c->in_plane; i++) sum[i] = 0.0;
    for (int64_t o = first; o < first + c->outs; o++) {
        const float *from = y + (row * c->w.out_channels + o) * c->out_plane;
        const float *by = weight + (o * c->ins + j) * c->taps;
        for (int r = 0; r < c->run_count; r++) {
            const WindowRun *run = &c->runs[r];
            for (int64_t i = 0; i < run->count; i++)
                sum[run->in + i * run->step] += (double)by[run->tap] * (double)from[run->out + i];
        }
    }
}

void eval_conv_input(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    Conv c = conv_begin(context, node);
    double *sum = arena_array(context->arena, double, c.in_plane);
    for (int64_t row = 0; row < c.w.rows; row++)
        for (int64_t i = 0; i < c.w.in_channels; i++) {
            conv_input_plane(&c, row, i, in[0].data, in[1].data, sum);
            store_plane(out, (row * c.w.in_channels + i) * c.in_plane, sum, c.in_plane);
        }
}

/* Adds one row's products of a pair of planes to the taps. */
static void conv_weight_taps(const Conv *c, const float *x, const float *y, double *sum)
{
    for (int r = 0; r < c->run_count; r++) {
        const WindowRun *run = &c->runs[r];
        double total = 0.0;
        for (int64_t i = 0; i < run->count; i++)
            total += (double)x[run->in + i * run->step] * (double)y[run->out + i];
        sum[run->tap] += total;
    }
}

void eval_conv_weight(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    Conv c = conv_begin(context, node);
    const float *x = in[0].data, *y = in[1].data;
    double *sum = arena_array(context->arena, double, c.taps);
    int64_t rows = type_valid(c.w.in, 0, context->count);
    for (int64_t e = 0; e < c.w.out_channels * c.ins; e++) {
        int64_t o = e / c.ins, i = o / c.outs * c.ins + e % c.ins;
        for (int64_t k = 0; k < c.taps; k++) sum[k] = 0.0;
        for (int64_t row = 0; row < rows; row++)
            conv_weight_taps(&c, x + (row * c.w.in_channels + i) * c.in_plane,
                             y + (row * c.w.out_channels + o) * c.out_plane, sum);
        store_plane(out, e * c.taps, sum, c.taps);
    }
}
