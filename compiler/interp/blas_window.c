/* Convolution and its gradients as matrix products, a row and a group at a time. The columns of a
 * row hold what every position of the window meets, [channel and tap][position]:
 *
 *   out = weight columns,   columns of the gradient = weight^T d_out,   d_weight = d_out columns^T
 *
 * (the lowering of Chellapilla, Puri and Simard 2006, "im2col" in Caffe). */
#include <string.h>

#include "interp/blas.h"
#include "ops/window.h"

typedef struct Columns {
    Window w;
    int64_t ins, outs;              /* channels of a group */
    int64_t taps, positions, plane; /* plane: entries of a channel of what the window slides over */
    const WindowRun *runs;
    int run_count;
    float *at; /* [ins * taps][positions] */
} Columns;

static bool columns_begin(EvalContext *context, const Node *node, Columns *c)
{
    if (window_of(context->arena, node, &c->w)) return false;
    if (!c->w.weight.rank) return false; /* pooling */
    c->ins = c->w.in_channels / c->w.groups;
    c->outs = c->w.out_channels / c->w.groups;
    c->taps = window_taps(&c->w);
    c->positions = window_positions(&c->w);
    c->plane = 1;
    for (int i = 0; i < c->w.axes; i++) c->plane *= c->w.axis[i].in;
    c->runs = window_runs(context->arena, &c->w, &c->run_count);
    c->at = arena_array(context->arena, float, c->ins * c->taps * c->positions);
    return true;
}

/* Entries outside stay zero: they are the same for every row. */
static void gather_columns(const Columns *c, const float *x)
{
    for (int64_t i = 0; i < c->ins; i++)
        for (int r = 0; r < c->run_count; r++) {
            const WindowRun *run = &c->runs[r];
            const float *from = x + i * c->plane + run->in;
            float *to = c->at + (i * c->taps + run->tap) * c->positions + run->out;
            for (int64_t j = 0; j < run->count; j++) to[j] = from[j * run->step];
        }
}

static void scatter_columns(const Columns *c, float *x)
{
    memset(x, 0, sizeof *x * (size_t)(c->ins * c->plane));
    for (int64_t i = 0; i < c->ins; i++)
        for (int r = 0; r < c->run_count; r++) {
            const WindowRun *run = &c->runs[r];
            const float *from = c->at + (i * c->taps + run->tap) * c->positions + run->out;
            float *to = x + i * c->plane + run->in;
            for (int64_t j = 0; j < run->count; j++) to[j * run->step] += from[j];
        }
}

/* One row and group: x, y are its planes, weight its share of the weights. */
static void multiply(const Columns *c, float *x, float *weight, float *y, float keep)
{
    const int64_t depth = c->ins * c->taps;
    const BlasMatrix w = {weight, depth, false}, d = {y, c->positions, false};
    if (c->w.result == ROLE_IN) {
        blas_multiply(depth, c->positions, c->outs, (BlasMatrix){weight, depth, true}, d, 0.0f,
                      c->at, c->positions);
        scatter_columns(c, x);
        return;
    }
    gather_columns(c, x);
    if (c->w.result == ROLE_OUT)
        blas_multiply(c->outs, c->positions, depth, w, (BlasMatrix){c->at, c->positions, false},
                      0.0f, y, c->positions);
    else
        blas_multiply(c->outs, depth, c->positions, d, (BlasMatrix){c->at, c->positions, true},
                      keep, weight, depth);
}

static float *operand(const Columns *c, WindowRole role, const Tensor *in, const Tensor *out)
{
    if (c->w.result == role) return out->data;
    return in[c->w.input[0] == role ? 0 : 1].data;
}

bool blas_window(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    Columns c;
    if (!columns_begin(context, node, &c)) return false;
    float *x = operand(&c, ROLE_IN, in, out), *weight = operand(&c, ROLE_WEIGHT, in, out);
    float *y = operand(&c, ROLE_OUT, in, out);
    /* Gradients of the weights stop at the valid rows; other results have all rows. */
    const bool sums = c.w.result == ROLE_WEIGHT;
    const int64_t rows = sums ? type_valid(c.w.in, 0, context->count) : c.w.rows;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t g = 0; g < c.w.groups; g++)
            multiply(&c, x + (row * c.w.in_channels + g * c.ins) * c.plane,
                     weight + g * c.outs * c.ins * c.taps,
                     y + (row * c.w.out_channels + g * c.outs) * c.positions, row ? 1.0f : 0.0f);
    return true;
}
