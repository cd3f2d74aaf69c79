/* Three steps of Adam on a reference's batch, from its weights, against its adam3/NAME, state3/NAME
 * and loss3 (before the third step). */
#ifndef NNC_DRIVER_STEPS_H
#define NNC_DRIVER_STEPS_H
#include "driver/buffers.h"
#include "driver/reference.h"

/* One tensor that the reference has too. */
typedef struct StepRow {
    const char *what;                /* "adam3/fc1.weight" */
    const char *param;               /* its name; NULL: no parameter */
    int rank;
    const int64_t *dims;
    int64_t noise;                   /* elements that were not compared */
    Difference off;
    double moved;                    /* by disturbed rounding, in the same measure */
    bool within, rounding;           /* within the tolerance, or what rounding explains */
} StepRow;
typedef VEC(StepRow) StepRows;

typedef struct Steps {
    Arena *arena;
    const char *path;                /* of the program */
    const CompileOptions *options;
    const nn_safetensors *file;
    const Module *module;
    Subject *subject;
    bool generated;                  /* the subject is no interpreter */
    double tolerance;
    Diags *diags;
    StepRows rows;                   /* the loss, parameters, states */
} Steps;

/* Learning rate 1e-3, betas 0.9 and 0.999, eps 1e-8. Adam makes a whole step of the smallest
 * gradient: elements whose gradient in the reference is below 1e-6 (of 1, or of its largest) are
 * not compared, and where a tensor is further off than the tolerance, the interpreter takes the
 * steps with its rounding disturbed. No rows where the reference has none, or the model no entry
 * `train`. Parameters and states end as the steps leave them. False after an error on diags. */
bool steps_compare(Steps *steps);
#endif
