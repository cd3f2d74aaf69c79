/* Contractions by way of CBLAS, where nnc was built with one. */
#ifndef NNC_INTERP_BLAS_H
#define NNC_INTERP_BLAS_H
#include "ops/op.h"

/* EvalContext.contract: 1 if the contraction is a matrix product, or a batch of them, and was
 * done; else 0. */
int blas_contract(EvalContext *context, const Node *node, const Tensor *in, Tensor *out);
#endif
