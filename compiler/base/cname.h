/* Names as C and C++ take them. */
#ifndef NNC_BASE_CNAME_H
#define NNC_BASE_CNAME_H
#include "base/arena.h"

/* An identifier that is no keyword of C or C++ and no macro of a system: "fc1.weight" as
 * fc1_weight, "double" as double_. */
char *c_identifier(Arena *arena, const char *name);
#endif
