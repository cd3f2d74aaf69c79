/* Pooling: sums under a window, and entries picked where another tensor is largest under it; each
 * with its gradient, which is its adjoint. Averages are sums times a factor that the library
 * gives. */
#include <math.h>

#include "ops/rules.h"
#include "ops/window.h"

#define ROW(id)                                                       \
    const char *shape_##id(Arena *arena, const Node *node, Type *out) \
    {                                                                 \
        return window_type(arena, node, out);                         \
    }                                                                 \
    double flops_##id(const Node *node)                               \
    {                                                                 \
        return window_work(node)      ;                           \
    }
ROW(window_sum)
ROW(window_spread)
ROW(max_pick)
ROW(max_place)

/* ---- gradients ---- */

void grad_window_sum(Grad *g)
{
    g->dx[0] = window_relative(g, OP_window_spread, &g->dy);
}

void grad_window_spread(Grad *g)
{
    g->dx[0] = window_relative(g, OP_window_sum, &g->dy);
}

/* Where the first operand is largest does not change with it, almost everywhere. */
void grad_max_pick(Grad *g)
{
    Node *a = g->node->inputs[0];
    if (g->wanted[1]) g->dx[1] = window_relative(g, OP_max_place, (Node *[]){a, g->dy});
}

void grad_max_place(Grad *g)
{
    Node *a = g->node->inputs[0];
    if (g->wanted[1]) g->dx[1] = window_relative(g, OP_max_pick, (Node *[]){a, g->dy});
}

/* ---- evaluation ---- */

typedef struct Pool {
    Window w;
    const WindowRun *runs;
    int run_count;
    int64_t planes, in_plane, out_plane;
} Pool;

static Pool pool_begin(EvalContext *context, const Node *node)
{
    Pool p;
    window_of(context->arena, node, &p.w);
    p.runs = window_runs(context->arena, &p.w, &p.run_count);
    p.planes = p.w.rows * p.w.in_channels;
    p.in_plane = type_elements(p.w.in) / p.planes;
    p.out_plane = window_positions(&p.w);
    return p;
}

void eval_window_sum(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    Pool p = pool_begin(context, node);
    double *sum = arena_array(context->arena, double, p.out_plane);
    for (int64_t plane = 0; plane < p.planes; plane++) {
        const float *x = (const float *)in->data + plane * p.in_plane;
        for (int64_t i = 0; i < p.out_plane; i++) sum[i] = 0.0;
        for (int r = 0; r < p.run_count; r++)
            for (int64_t i = 0; i < p.runs[r].count; i++)
                sum[p.runs[r].out + i] += (double)x[p.runs[r].in + i * p.runs[r].step];
        for (int64_t i = 0; i < p.out_plane; i++) tensor_set(out, plane * p.out_plane + i, sum[i]);
    }
}

void eval_window_spread(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    Pool p = pool_begin(context, node);
    double *sum = arena_array(context->arena, double, p.in_plane);
    for (int64_t plane = 0; plane < p.planes; plane++) {
        const float *y = (const float *)in->data + plane * p.out_plane;
        for (int64_t i = 0; i < p.in_plane; i++) sum[i] = 0.0;
        for (int r = 0; r < p.run_count; r++)
            for (int64_t i = 0; i < p.runs[r].count; i++)
                sum[p.runs[r].in + i * p.runs[r].step] += (double)y[p.runs[r].out + i];
        tensor_write(out, plane * p.in_plane, p.in_plane, sum);
    }
}

/* at[o]: where a plane is largest under the window at o, the first of equals. Not a number is
 * larger than any number. */
static void find_largest(const Pool *p, const float *a, int64_t *at)
{
    for (int64_t i = 0; i < p->out_plane; i++) at[i] = -1;
    for (int r = 0; r < p->run_count; r++) {
        const WindowRun *run = &p->runs[r];
        for (int64_t i = 0; i < run->count; i++) {
            int64_t *best = &at[run->out + i], here = run->in + i * run->step;
            if (*best < 0 || a[here] > a[*best] || isnan(a[here])) *best = here;
        }
    }
}

void eval_max_pick(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    Pool p = pool_begin(context, node);
    int64_t *at = arena_array(context->arena, int64_t, p.out_plane);
    const float *a = in[0].data, *b = in[1].data;
    for (int64_t plane = 0; plane < p.planes; plane++) {
        find_largest(&p, a + plane * p.in_plane, at);
        for (int64_t i = 0; i < p.out_plane; i++)
            tensor_set(out, plane * p.out_plane + i, (double)b[plane * p.in_plane + at[i]]);
    }
}

void eval_max_place(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    Pool p = pool_begin(context, node);
    int64_t *at = arena_array(context->arena, int64_t, p.out_plane);
    double *sum = arena_array(context->arena, double, p.in_plane);
    const float *a = in[0].data, *b = in[1].data;
    for (int64_t plane = 0; plane < p.planes; plane++) {
        find_largest(&p, a + plane * p.in_plane, at);
        for (int64_t i = 0; i < p.in_plane; i++) sum[i] = 0.0;
        for (int64_t i = 0; i < p.out_plane; i++)
            sum[at[i]] += (double)b[plane * p.out_plane + i];
        tensor_write(out, plane * p.in_plane, p.in_plane, sum);
    }
}
