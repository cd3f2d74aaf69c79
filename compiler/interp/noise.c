/* Rounding made visible: every number that an operation computed is moved by a little, at random,
 * and what it is computed from by somewhat more: the terms of a sum that cancels are rounded by
 * their size and not by its. What a result moves by then is what another order of the same sums may
 * make of it. Numbers that were only chosen or handed on (of a maximum, a selection), and integers,
 * were not rounded and stay. */
#include "interp/noise.h"

#include <math.h>
#include <string.h>

#include "ops/random.h"

/* ---- which numbers went in ---- */

/* Magnitudes as bits, in a table of twice as many slots at least; 0: free. */
typedef struct Magnitudes {
    uint32_t *at;
    uint64_t mask;
} Magnitudes;

static uint32_t magnitude(float x)
{
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits & UINT32_C(0x7fffffff);
}

/* Where it stands, or would. */
static uint32_t *find(const Magnitudes *m, uint32_t bits)
{
    uint64_t i = random_mix(bits) & m->mask;
    while (m->at[i] && m->at[i] != bits) i = (i + 1) & m->mask;
    return &m->at[i];
}

static Magnitudes magnitudes(Arena *arena, const Node *node, const Tensor *in)
{
    int64_t n = 0, slots = 16;
    for (int i = 0; i < node->input_count; i++)
        if (in[i].type.dtype == DT_F32) n += type_elements(in[i].type);
    while (slots < 2 * n) slots *= 2;
    const Magnitudes m = {arena_array(arena, uint32_t, slots), (uint64_t)slots - 1};
    for (int i = 0; i < node->input_count; i++) {
        const int64_t elements = in[i].type.dtype == DT_F32 ? type_elements(in[i].type) : 0;
        const float *values = in[i].data;
        for (int64_t e = 0; e < elements; e++) {
            const uint32_t bits = magnitude(values[e]);
            if (bits) *find(&m, bits) = bits;
        }
    }
    return m;
}

/* ---- one node ---- */

void noise_add(const Noise *noise, const Node *node, const Tensor *in, Tensor *out)
{
    if (node->type.dtype != DT_F32 || !node->input_count || node->body) return;
    Arena *scratch = arena_new();
    const Magnitudes given = magnitudes(scratch, node, in);
    const uint64_t stream = random_stream(noise->seed, (uint64_t)node->id);
    const int64_t elements = type_elements(out->type);
    float *at = out->data;
    for (int64_t e = 0; e < elements; e++) {
        const float x = fabsf(at[e]);
        if (!isfinite(x) || x == floorf(x) || *find(&given, magnitude(x))) continue;
        const uint64_t bits = random_bits(stream, (uint64_t)e);
        at[e] *= (float)(1.0 + noise->size * ((double)(bits >> 11) * 0x1p-52 - 1.0));
    }
    arena_free(scratch);
}

/* ---- whole entries ---- */

static const double rounding = 0x1p-24;    /* of a float, half a unit in its last place */
static const double perturbation = 2e-6;   /* of what goes in: Winograd's error on few channels */

static double nudge(uint64_t stream, int64_t e)
{
    const uint64_t bits = random_bits(stream, (uint64_t)e);
    return perturbation * ((double)(bits >> 11) * 0x1p-52 - 1.0);
}

/* Which values, so that no two lists move alike. */
typedef enum Given { GIVEN_PARAMS, GIVEN_STATES, GIVEN_SESSIONS, GIVEN_INPUTS, GIVENS } Given;

static uint64_t stream_of(int round, Given given, int i)
{
    return random_stream((uint64_t)round, (uint64_t)i * GIVENS + given);
}

static float **nudged(Arena *arena, const ParamList *list, float **values, int round, Given given)
{
    float **at = arena_array(arena, float *, list->count + 1);
    for (int i = 0; i < list->count; i++) {
        const int64_t n = type_elements(list->at[i].type);
        const uint64_t stream = stream_of(round, given, i);
        at[i] = arena_array(arena, float, n + 1);
        for (int64_t e = 0; e < n; e++)
            at[i][e] = values[i][e] * (float)(1.0 + nudge(stream, e));
    }
    return at;
}

static Tensor *nudged_inputs(Arena *arena, const Graph *graph, const Tensor *inputs, int round)
{
    Tensor *at = arena_array(arena, Tensor, graph->inputs.count + 1);
    for (int i = 0; i < graph->inputs.count; i++) {
        const uint64_t stream = stream_of(round, GIVEN_INPUTS, i);
        at[i] = inputs[i];
        if (inputs[i].type.dtype != DT_F32) continue;
        at[i] = tensor_new(arena, inputs[i].type);
        for (int64_t e = 0; e < type_elements(inputs[i].type); e++)
            tensor_set(&at[i], e, tensor_get(&inputs[i], e) + nudge(stream, e));
    }
    return at;
}

const char *interp_disturbed(const Interp *interp, Arena *arena, const Graph *graph,
                             const Tensor *inputs, int64_t count, int round, Tensor *outputs)
{
    const Module *m = interp->module;
    Interp moved = *interp;
    moved.params = nudged(arena, &m->params, interp->params, round, GIVEN_PARAMS);
    moved.states = nudged(arena, &m->states, interp->states, round, GIVEN_STATES);
    moved.sessions = nudged(arena, &m->sessions, interp->sessions, round, GIVEN_SESSIONS);
    moved.noise = (Noise){rounding, (uint64_t)round};
    return interp_run(&moved, arena, graph, nudged_inputs(arena, graph, inputs, round), count,
                      outputs);
}
