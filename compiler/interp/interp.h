/* The interpreter: walks a graph node by node with the operations' reference rules. It is the
 * oracle, so it knows nothing of loops, layouts or code generation. Products may go through a
 * CBLAS where nnc was built with one. */
#ifndef NNC_INTERP_INTERP_H
#define NNC_INTERP_INTERP_H
#include "ops/op.h"

/* Each number that is computed is moved by up to `size` of itself, at random: how far rounding may
 * carry a result. */
typedef struct Noise {
    double size;                     /* 0: none */
    uint64_t seed;
} Noise;

typedef struct Interp {
    const Module *module;
    float **params;                  /* per parameter, logical row-major; owned by the caller */
    float **states;
    float **sessions;
    uint64_t seed;
    Noise noise;
    bool blas;                       /* use CBLAS for contractions where it was built in */
} Interp;

/* Runs one entry. inputs: row-major tensors by graph->inputs order, at the compiled batch size.
 * outputs[i] receives graph->outputs[i] (arena-owned). States are not written: OUT_STATE values
 * come out like any other. Returns NULL, or what went wrong (index out of range, count out of
 * range). */
const char *interp_run(const Interp *interp, Arena *arena, const Graph *graph, const Tensor *inputs,
                       int64_t count, Tensor *outputs);
/* The same entry with its numbers moved as far as rounding may move them: what goes in by up to
 * 2e-6 (weights of themselves, inputs beside 1), each number that is computed by half a unit in its
 * last place. Every round (1, 2, ...) moves them otherwise. */
const char *interp_disturbed(const Interp *interp, Arena *arena, const Graph *graph,
                             const Tensor *inputs, int64_t count, int round, Tensor *outputs);
bool interp_has_blas(void);
void interp_blas_threads(int count); /* nothing without a BLAS */

/* Fills params[i] (allocated by the caller) exactly as the generated NAME_init does. See
 * interp/init.c for the generator. */
void init_param(const Param *param, int index, uint64_t seed, float *out);
#endif
