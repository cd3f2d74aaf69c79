/* Contractions and convolutions by way of CBLAS, where nnc was built with one. */
#ifndef NNC_INTERP_BLAS_H
#define NNC_INTERP_BLAS_H
#include "ops/op.h"

/* True if the node is a matrix product, or a number of them, and was computed. */
bool blas_eval(EvalContext *context, const Node *node, const Tensor *in, Tensor *out);

/* ---- between blas.c, blas_contract.c and blas_window.c ---- */
bool blas_contract(EvalContext *context, const Node *node, const Tensor *in, Tensor *out);
bool blas_window(EvalContext *context, const Node *node, const Tensor *in, Tensor *out);

/* A matrix in rows `lead` floats apart, or the transpose of one. */
typedef struct BlasMatrix { const float *at; int64_t lead; bool turned; } BlasMatrix;
/* out[m][n] (rows lead apart) = a[m][k] b[k][n] + keep * out. Requires blas_is_there. */
void blas_multiply(int64_t m, int64_t n, int64_t k, BlasMatrix a, BlasMatrix b, float keep,
                   float *out, int64_t lead);
bool blas_is_there(void);
#endif
