/* Loaders of the program's own, built and loaded for `nnc run`. */
#ifndef NNC_DRIVER_LOADERS_H
#define NNC_DRIVER_LOADERS_H
#include "base/arena.h"
#include "nn_job.h"

typedef struct Loaders {
    nn_custom customs[2];            /* of data, of validate */
    void *handles[2];
    int count;
} Loaders;

/* The C files that custom("file.c") names in the job, in `directory`. They are built against the
 * runtime's headers, which nnc has in itself, and call the runtime in nnc. NULL, or a message. */
const char *loaders_open(Arena *arena, const nn_job *job, const char *directory, Loaders *out);
void loaders_close(Loaders *loaders);
#endif
