/* The optimiser's step over a stretch of the parameter array, as loops. */
#ifndef NNC_LOWER_OPTIMIZER_H
#define NNC_LOWER_OPTIMIZER_H
#include "loop/loop.h"

typedef enum OptimizerKind { OPTIMIZER_SGD, OPTIMIZER_ADAM, OPTIMIZER_ADAMW } OptimizerKind;

/* Adds the function to the program: buffers params, grads and moments (one for SGD, two else), then
 * the scalars that emit/optimizer.c computes once a step; `n`, a multiple of any width, last. */
Function *lower_optimizer(Program *program, OptimizerKind kind);
#endif
