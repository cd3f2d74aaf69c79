/* The interpreter's numbers moved at random, as rounding might have (noise.c). */
#ifndef NNC_INTERP_NOISE_H
#define NNC_INTERP_NOISE_H
#include "interp/interp.h"

/* Moves what `node` computed in *out from `in`. */
void noise_add(const Noise *noise, const Node *node, const Tensor *in, Tensor *out);
#endif
