/* A module as a struct nn_model whose calls run the interpreter: whatever drives generated code
 * drives the interpreter the same way. */
#ifndef NNC_DRIVER_INTERP_MODEL_H
#define NNC_DRIVER_INTERP_MODEL_H
#include "ir/graph.h"
#include "nn_model.h"

/* Tensors are stored row-major, one after the other. blas: contractions go through a CBLAS where
 * nnc was built with one. The model lives as long as the arena and the module. */
const nn_model *interp_model(Arena *arena, const Module *module, bool blas);
/* The same with rounding disturbed, in each round (1, 2, ...) otherwise: see interp_disturbed. */
const nn_model *interp_model_disturbed(Arena *arena, const Module *module, int round);
#endif
