/* What nnc bench measures: inference and the training step, by generated code and by the
 * interpreter. */
#ifndef NNC_DRIVER_BENCH_H
#define NNC_DRIVER_BENCH_H
#include "driver/measure.h"
#include "driver/subject.h"
#include "nn_optimizer.h"

/* One row: seconds of one call. */
typedef struct Timing {
    const char *title;               /* "infer, batch 1" */
    const char *entry, *label;       /* "infer", "generated (avx2)" */
    int64_t batch;
    double flops;                    /* of one call, values that are computed twice counted once */
    double peak;                     /* FLOP/s of the machine, in the same rounds */
    double least, median, p99, most;
    double ratio;                    /* to generated code, from rounds of both */
} Timing;

typedef struct Bench {
    Arena *arena;
    const char *path;
    const CompileOptions *options;   /* the first target is measured */
    bool alone;                      /* without the interpreter */
    double seconds;                  /* for each entry */

    Subject generated, interp, blas; /* blas.model NULL: nnc was built without one */
    nn_optimizer optimizer;          /* the program's, else Adam */
    bool step;                       /* there is a training step */
    double nnc_seconds;              /* from reading the program to the C text */
    int64_t source_bytes;
    VEC(Timing) timings;
    VEC(const char *) skipped;       /* what was not measured, and why */
} Bench;

bool bench_prepare(Bench *b);        /* false after telling on stderr */
int bench_run(Bench *b);             /* main's status; fills timings */
#endif
