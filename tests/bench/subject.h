/* A model made ready to time: compiled for one target, built, loaded, and given memory and data. */
#ifndef NNC_BENCH_SUBJECT_H
#define NNC_BENCH_SUBJECT_H
#include "driver/compile.h"
#include "driver/native.h"

typedef void KernelCaller(void *const *values);

/* One entry's calls, for timing kernel by kernel. */
typedef struct SubjectEntry {
    const nn_entry *entry;
    const LoweredEntry *lowered;
    KernelCaller *const *callers; /* by call; NULL: a scan, which is no function of its own */
    void **values;                /* by value of the plan */
    nn_call call;
} SubjectEntry;

typedef struct Subject {
    Arena *arena;
    const char *name;
    const Target *target;
    Compilation compilation;
    const Plan *plan;
    Lowered *lowered;
    const nn_model *model;
    int (*step)(const void *args); /* NAME_step: Adam */
    float *params, *grads, *states, *first, *second;
    int64_t steps; /* taken so far */
    int allocations;
    VEC(SubjectEntry) entries;
} Subject;

/* Compiles `path` (a .nn file, or a .graph in text form) for the target, and leaves C and shared
 * object in `directory`. train_batch: 0: what the program says. NULL, or what went wrong. */
const char *subject_open(Arena *arena, const char *path, const char *target, int64_t train_batch,
                         const char *directory, Subject *out);
SubjectEntry *subject_entry(const Subject *s, const char *name); /* NULL if there is none */
int subject_adam(Subject *s);                                    /* one step on the gradients */
#endif
