/* Loaders of the program's own: custom("loaders/pairs.c") is a C file that defines pairs_open,
 * pairs_read and pairs_close (runtime/nn_step.h). */
#ifndef NNC_EMIT_LOADER_H
#define NNC_EMIT_LOADER_H
#include "emit/emit.h"
#include "nn_step.h"

/* The file that a pipeline's custom("file.c") names, or NULL for another loader. */
const char *emit_loader_file(const nn_step *steps, int count);
const char *emit_loader_stem(Arena *arena, const char *file); /* "pairs" */
#endif
