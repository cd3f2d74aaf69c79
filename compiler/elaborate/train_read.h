/* What the readers of a `train` block share. Private to elaborate/. */
#ifndef NNC_ELABORATE_TRAIN_READ_H
#define NNC_ELABORATE_TRAIN_READ_H
#include "elaborate/context.h"
#include "elaborate/train_plan.h"

typedef struct TrainReader {
    Elab *el;
    nn_job *job;
    const char *const *names; /* of the model's inputs and targets; NULL-terminated */
    bool sound;               /* the model is elaborated: names and parameters are all there */
} TrainReader;

/* All report what does not fit. `what` reads like "`lr` of adam". */
bool train_number(TrainReader *r, const Expr *expr, const char *what, double least, double *out);
bool train_integer(TrainReader *r, const Expr *expr, const char *what, int64_t least, int64_t *out);
bool train_flag(TrainReader *r, const Expr *expr, const char *what, int *out);
/* a list, or NULL */
const Value *train_texts(TrainReader *r, const Expr *expr, const char *what);

/* An expression that must be a call, or the bare name of one: its name and arguments. */
bool train_call(TrainReader *r, const Expr *expr, const char *what, Name *callee, ArgList *args);

/* The expressions of a call's arguments in the places of formals; NULL where there is none. */
bool train_bind(TrainReader *r, Name callee, const ArgList *args, const char *const *formals,
                int count, const Expr **bound);

/* train_optimizer.c */
void train_optimizer(TrainReader *r, const Expr *expr);
void train_trainable(TrainReader *r, const Expr *expr);

/* train_data.c: a pipeline as steps; NULL after an error. */
const nn_step *train_pipeline(TrainReader *r, const Expr *expr, bool splits, int *count);
#endif
