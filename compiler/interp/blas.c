/* The BLAS: found when a product asks for it. */
#include "interp/blas.h"

#include "interp/interp.h"

#ifdef NNC_HAVE_CBLAS
#include <cblas.h>
#include <dlfcn.h>
#include <string.h>

typedef void Sgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE form_a, CBLAS_TRANSPOSE form_b, blasint m,
                   blasint n, blasint k, float alpha, const float *a, blasint lead_a,
                   const float *b, blasint lead_b, float beta, float *out, blasint lead_out);

/* The library starts its threads when it is loaded, which takes longer than most compilations: it
 * is loaded when a product is asked of it, and found again by name after that. */
static void find_function(const char *name, void *function)
{
    static const char *const libraries[] = {"libopenblas.so.0", "libopenblas.so",
                                            "libopenblas.dylib", NULL};
    void *library = NULL, *symbol;
    for (int i = 0; !library && libraries[i]; i++) library = dlopen(libraries[i], RTLD_NOW);
    symbol = library ? dlsym(library, name) : NULL;
    memcpy(function, &symbol, sizeof symbol);
}

bool blas_is_there(void)
{
    Sgemm *sgemm;
    find_function("cblas_sgemm", &sgemm);
    return sgemm != NULL;
}

void blas_multiply(int64_t m, int64_t n, int64_t k, BlasMatrix a, BlasMatrix b, float keep,
                   float *out, int64_t lead)
{
    Sgemm *sgemm;
    find_function("cblas_sgemm", &sgemm);
    sgemm(CblasRowMajor, a.turned ? CblasTrans : CblasNoTrans, b.turned ? CblasTrans : CblasNoTrans,
          (blasint)m, (blasint)n, (blasint)k, 1.0f, a.at, (blasint)a.lead, b.at, (blasint)b.lead,
          keep, out, (blasint)lead);
}

void interp_blas_threads(int count)
{
    void (*set)(int);
    find_function("openblas_set_num_threads", &set);
    if (set) set(count);
}

#else

bool blas_is_there(void) { return false; }

void blas_multiply(int64_t m, int64_t n, int64_t k, BlasMatrix a, BlasMatrix b, float keep,
                   float *out, int64_t lead)
{
    (void)m, (void)n, (void)k, (void)a, (void)b, (void)keep, (void)out, (void)lead;
}

void interp_blas_threads(int count) { (void)count; }

#endif

bool interp_has_blas(void) { return blas_is_there(); }

bool blas_eval(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    const OpKind kind = op_row(node->op)->kind;
    if (kind == KIND_CONTRACT) return blas_is_there() && blas_contract(context, node, in, out);
    if (kind == KIND_WINDOW) return blas_is_there() && blas_window(context, node, in, out);
    return false;
}
