/* What a `train` block says, checked against the runtime's own tables and ready for it. */
#ifndef NNC_ELABORATE_TRAIN_PLAN_H
#define NNC_ELABORATE_TRAIN_PLAN_H
#include "ast/ast.h"
#include "nn_job.h"

/* Everything but `batch`, which decides shapes and so belongs to the entries. The job is on the
 * module's arena: `nnc run` hands it to nn_main as it is, and NAME_main.c is a print of it. Loaders
 * of the program's own are only named in it (job.customs is NULL): the C files that
 * custom("file.c") names are linked into the program. */
typedef struct TrainPlan {
    nn_job job;
    Span span;                       /* of the `train` block */
} TrainPlan;

struct Elab;
/* Reads the settings of `train` and decides which parameters are trained and which decay. `sound`:
 * the entries are elaborated; where they could not be, what refers to parameters and declarations
 * is left alone. NULL after an error; errors are reported several a run. */
const TrainPlan *train_plan_make(struct Elab *el, const Item *train, bool sound);
#endif
