/* A model taken apart to be timed: compiled for one target, built with one caller for each kernel,
 * loaded, and given memory and data. */
#ifndef NNC_DRIVER_DISSECT_H
#define NNC_DRIVER_DISSECT_H
#include "driver/compile.h"
#include "driver/native.h"

typedef void KernelCaller(void *const *values);

/* One call of a kernel. That in the body of a scan works on the first step's part of the
 * sequences. */
typedef struct Part {
    const LoweredEntry *lowered; /* where it is called: an entry, or the body of a scan */
    const KernelCall *call;
    KernelCaller *run;
    void **values; /* what `run` takes: by value of lowered->plan */
    int depth;     /* scans around it */
    int64_t times; /* how often one call of the entry calls it */
} Part;

typedef struct DissectedEntry {
    const nn_entry *entry;
    const LoweredEntry *lowered;
    VEC(Part) parts; /* in order of the calls */
    nn_call call;
} DissectedEntry;

typedef struct Dissection {
    Arena *arena;
    const char *name;
    const Target *target;
    Compilation compilation;
    const Plan *plan;
    Lowered *lowered;
    void *handle;
    const nn_model *model;
    int (*step)(const void *args); /* NAME_step: Adam */
    float *params, *grads, *states, *first, *second;
    int64_t steps; /* taken so far */
    int allocations;
    VEC(DissectedEntry) entries;
} Dissection;

/* options: one target, and emit.optimizer is OPTIMIZER_ADAM. C and shared object are left in
 * `directory`/TARGET. NULL, or what went wrong; errors of the program are told on stderr. */
const char *dissect_open(Arena *arena, const char *path, const CompileOptions *options,
                         const char *directory, Dissection *out);
void dissect_close(Dissection *d);
DissectedEntry *dissect_entry(const Dissection *d, const char *name); /* NULL: there is none */
int dissect_adam(Dissection *d); /* one step on the gradients */
#endif
