/* Finite differences.
 *
 * For each tensor w a unit direction d is drawn, half of it along the gradient g, so that the loss
 * moves. Then  g . d  is compared with  (L(w + e d) - L(w - e d)) / 2 e  for a few steps e: a large
 * one suffers from curvature and from kinks (relu), a small one from rounding, and a gradient that
 * agrees at one of them is right; one that is wrong agrees at none. A kink may lie so close that no
 * step is short enough: then other directions are tried, where a wrong gradient is as wrong.
 * Without a loss, L is the sum of the outputs times the gradients of theirs that `backward` was
 * given. */
#include "driver/slopes.h"

#include <math.h>
#include <string.h>

#include "driver/buffers.h"
#include "nn_data.h"
#include "nn_weights.h"
#include "ops/random.h"

typedef struct Probe {
    Arena *arena;
    const Subject *subject;
    const nn_entry *entry, *forward;     /* forward: NULL where the entry gives a loss itself */
    nn_call *call, *forward_call;
    float *grads;                        /* of the unmoved parameters */
    double loss;
} Probe;

enum { DIRECTIONS = 4 };

/* ---- the loss ---- */

/* Outputs of `forward` times the d_NAME inputs of `backward`. */
static double weighted_outputs(const Probe *p)
{
    double sum = 0;
    for (int i = 0; i < p->forward->output_count; i++) {
        const nn_io *out = &p->forward->outputs[i];
        for (int j = 0; j < p->entry->input_count; j++) {
            if (strncmp(p->entry->inputs[j].name, "d_", 2)
                || strcmp(p->entry->inputs[j].name + 2, out->name))
                continue;
            const float *y = p->forward_call->outputs[i], *dy = p->call->inputs[j];
            for (int64_t e = 0; e < io_elements(out); e++) sum += (double)y[e] * (double)dy[e];
        }
    }
    return sum;
}

static int evaluate(const Probe *p, double *loss)
{
    const nn_entry *entry = p->forward ? p->forward : p->entry;
    const int status = entry->call(p->forward ? p->forward_call : p->call);
    *loss = p->forward ? weighted_outputs(p) : (double)*p->call->loss;
    return status;
}

/* ---- one tensor ---- */

static void normalize(float *v, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)v[i] * (double)v[i];
    const double scale = sum > 0 ? 1 / sqrt(sum) : 0;
    for (int64_t i = 0; i < n; i++) v[i] = (float)(scale * (double)v[i]);
}

static double dot(const float *a, const float *b, int64_t n)
{
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += (double)a[i] * (double)b[i];
    return sum;
}

static float *direction(Arena *arena, const float *gradient, int64_t n, uint64_t stream)
{
    float *along = floats_new(arena, n), *d = floats_new(arena, n);
    for (int64_t i = 0; i < n; i++) {
        along[i] = gradient[i];
        d[i] = (float)(random_bits(stream, (uint64_t)i) >> 40) * 0x1p-23f - 1.0f;
    }
    normalize(along, n);
    normalize(d, n);
    const float sign = dot(along, d, n) < 0 ? -1.0f : 1.0f;      /* the halves do not cancel */
    for (int64_t i = 0; i < n; i++) d[i] = along[i] + sign * d[i];
    normalize(d, n);
    return d;
}

/* The loss with w + step * d in place of w. */
static int moved_loss(const Probe *p, const nn_tensor *t, const float *w, const float *d,
                      double step, double *loss)
{
    const int64_t n = nn_tensor_elements(t);
    float *moved = floats_new(p->arena, n);
    for (int64_t i = 0; i < n; i++) moved[i] = (float)((double)w[i] + step * (double)d[i]);
    nn_tensor_set(t, p->subject->params, moved);
    return evaluate(p, loss);
}

static int measure_along(const Probe *p, const nn_tensor *t, uint64_t stream, Slope *s)
{
    static const double steps[] = {3e-2, 1e-2, 3e-3, 1e-3, 3e-4};
    const int64_t n = nn_tensor_elements(t);
    float *w = floats_new(p->arena, n), *g = floats_new(p->arena, n);
    nn_tensor_get(t, p->subject->params, w);
    nn_tensor_get(t, p->grads, g);
    const float *d = direction(p->arena, g, n, stream);
    const double size = fmax(sqrt(dot(w, w, n)), 0.02 * sqrt((double)n));
    *s = (Slope){.tensor = t, .backward = dot(g, d, n), .error = (double)INFINITY, .flat = true};
    for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
        double up, down;
        const double step = steps[i] * size;
        int status = moved_loss(p, t, w, d, step, &up);
        if (!status) status = moved_loss(p, t, w, d, -step, &down);
        if (status) return status;
        const double slope = (up - down) / (2 * step);
        const double larger = fmax(fabs(slope), fabs(s->backward));
        const double error = larger > 0 ? fabs(slope - s->backward) / larger : 0;
        if (larger * step > 1e-5 * fabs(p->loss)) s->flat = false;
        if (error < s->error || !isfinite(s->error)) {
            s->error = error;
            s->differences = slope;
        }
    }
    nn_tensor_set(t, p->subject->params, w);
    return NN_OK;
}

/* Along the first direction that agrees, else the one that comes closest. */
static int measure_tensor(const Probe *p, const nn_tensor *t, uint64_t stream, double tolerance,
                          Slope *out)
{
    int status = measure_along(p, t, stream, out);
    for (int i = 1; i < DIRECTIONS && !status && !out->flat && out->error > tolerance; i++) {
        Slope s;
        status = measure_along(p, t, random_stream(stream, (uint64_t)i), &s);
        if (!s.flat && s.error < out->error) *out = s;
    }
    return status;
}

/* ---- all of them ---- */

static void share_inputs(const Probe *p)
{
    for (int i = 0; i < p->forward->input_count; i++)
        for (int j = 0; j < p->entry->input_count; j++)
            if (!strcmp(p->forward->inputs[i].name, p->entry->inputs[j].name))
                memcpy(call_input(p->forward_call, i), p->call->inputs[j],
                       nn_dtype_size(p->forward->inputs[i].dtype)
                           * (size_t)io_elements(&p->forward->inputs[i]));
}

static int prepare(Probe *p, uint64_t seed)
{
    const Subject *s = p->subject;
    p->call = call_new(p->arena, s->model, p->entry, s->params, s->states);
    p->call->seed = seed;
    call_random_inputs(p->call, p->subject->model, p->entry, seed);
    if (p->forward) {
        p->forward_call = call_new(p->arena, s->model, p->forward, s->params, s->states);
        p->forward_call->seed = seed;
        share_inputs(p);
    }
    int status = p->entry->call(p->call);
    p->grads = arena_copy(p->arena, p->call->grads,
                          sizeof(float) * (size_t)s->model->param_floats);
    return status ? status : evaluate(p, &p->loss);
}

const char *slopes_measure(Arena *arena, const Subject *subject, uint64_t seed, double tolerance,
                           Slopes *out)
{
    const nn_model *model = subject->model;
    Probe p = {.arena = arena_new(), .subject = subject, .entry = nn_find_entry(model, "train")};
    if (!p.entry) {
        p.entry = nn_find_entry(model, "backward");
        p.forward = nn_find_entry(model, "forward");
    }
    int status = p.entry ? prepare(&p, seed) : NN_OK;
    for (int i = 0; p.entry && !status && i < model->param_count; i++) {
        Slope s;
        if (!model->params[i].trainable) continue;
        status = measure_tensor(&p, &model->params[i], random_stream(seed, (uint64_t)i + 99),
                                tolerance, &s);
        vec_push(arena, *out, s);
    }
    arena_free(p.arena);
    return status ? arena_printf(arena, "%s: %s", p.entry->name, nn_status_text(status)) : NULL;
}
