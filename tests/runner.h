/* Between the tests and tests/runner.c, which runs generated code in a process of its own, perhaps
 * of another architecture: what a request and its answer look like. Both are read on machines of
 * the same byte order. */
#ifndef NNC_TESTS_RUNNER_H
#define NNC_TESTS_RUNNER_H
#include "nn_model.h"

/* A request is an int32_t with the number of runs, then for each run a RunHead; parameters and
 * states in logical order; and the inputs of the entry. */
enum {
    RUN_ENTRY,                       /* as badly as the interface allows */
    RUN_PLAIN,                       /* once */
    RUN_STEP,                        /* steps of Adam by NAME_step */
    RUN_OPTIMIZER                    /* the same by the runtime */
};

typedef struct RunHead {
    int32_t kind, model, entry, count;
    int32_t steps;                   /* of Adam, rate 1e-3 */
    int32_t may_omit;                /* the entry's outputs may be NULL */
} RunHead;

/* An answer is an AnswerHead a run; then, of NN_OK, outputs, loss (2 floats), metrics, gradients,
 * states and parameters in logical order. */
enum {
    FAULT_OVERRUN = 1,               /* something beside a buffer was written */
    FAULT_DIFFERS = 2,               /* a second run on other garbage gave other bits */
    FAULT_PADDING = 4,               /* padding of gradients is not zero */
    FAULT_CONSTANT = 8,              /* an input or a parameter was written */
    FAULT_OMITTED = 16               /* other bits without outputs */
};

typedef struct AnswerHead { int32_t status, faults; } AnswerHead;

/* Written beside the generated files, in the order of RunHead.model. */
typedef struct RunModel {
    const nn_model *model;
    int (*step)(float *params, const float *grads, float *first, float *second, int64_t step,
                float rate);         /* or NULL */
} RunModel;

extern const RunModel run_models[];
#endif
