/* Printing loops as C: one printer, one vocabulary a target. */
#ifndef NNC_LOOP_PRINT_H
#define NNC_LOOP_PRINT_H
#include "loop/loop.h"

typedef struct PrintNames {
    const char *prefix; /* the model's: every identifier at file scope begins with it */
    const char *suffix; /* "" or "_avx2" when a file holds several targets */
} PrintNames;

/* The macros that `body`, printed from this program, needs, unless `out` has them already. */
void program_print_macros(Text *out, const Program *program, const char *body);
/* Everything of one target, in order: used helpers, math functions, kernels; static functions. */
void program_print(Text *out, const Program *program, const PrintNames *names);
/* The C name of a kernel: prefix_name suffix. */
char *function_c_name(Arena *arena, const Function *function, const PrintNames *names);
/* What runs the parts of functions: declared by the header of a file that has some. */
#define PARALLEL_TYPE "const nn_parallel *"
#endif
