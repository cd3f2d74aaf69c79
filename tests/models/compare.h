/* Programs compiled twice: the oracle is the interpreter on the graph as it was before any
 * optimisation; beside it stands generated code. */
#ifndef NNC_MODELS_COMPARE_H
#define NNC_MODELS_COMPARE_H
#include "../generated_check.h"
#include "driver/compile.h"

typedef struct TrialRun {
    const char *name; /* "f12, train, 3 of 4 rows" */
    const Module *oracle;
    const Graph *graph; /* of the oracle */
    Tensor *expected;   /* by graph->outputs */
    double *slack;      /* of each output: how far tiny changes of what goes in move it */
    GeneratedRun *run;
} TrialRun;

typedef struct Trial {
    Arena *arena;
    Generated *generated;
    VEC(TrialRun *) runs;
    int failed, models;
    const char *last_failed; /* name of the model */
} Trial;

/* Queues all entries of the program, with all rows, all but one, and one. */
void trial_add(Trial *t, const char *name, const char *path);
/* Builds, runs, compares; prints what is wrong, and returns in how many models. */
int trial_end(Trial *t);
#endif
