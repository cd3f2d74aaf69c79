/* A model that can be called, with parameters and states: generated code, or the interpreter. What
 * compares, checks or measures works on subjects and does not care which. */
#ifndef NNC_DRIVER_SUBJECT_H
#define NNC_DRIVER_SUBJECT_H
#include "driver/compile.h"
#include "driver/native.h"

typedef struct Subject {
    const char *label;               /* "generated (avx2)", "interpreter" */
    const nn_model *model;
    float *params, *states;
    Native native;                   /* empty for the interpreter */
} Subject;

#define NATIVE_FLAGS "-O2"           /* of the system's C compiler */

/* Both take the compilation as far as they need, with zeroed parameters and states. False after
 * telling on stderr. A native subject is closed with native_close(&subject->native). */
bool subject_native(Compilation *c, Subject *out);
bool subject_interp(Compilation *c, bool blas, Subject *out);

/* Parameters and states (their lists are equal) from one subject to another. */
void subject_copy(const Subject *from, Subject *to);
#endif
