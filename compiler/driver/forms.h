/* The intermediate forms that --emit prints. */
#ifndef NNC_DRIVER_FORMS_H
#define NNC_DRIVER_FORMS_H
#include "driver/compile.h"

/* Prints `path` in the named form on stdout; main's status. */
int form_print(Arena *arena, const char *path, const char *name, const CompileOptions *options);
#endif
