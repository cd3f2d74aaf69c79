/* Names in use in some scope, and new ones that are not. */
#ifndef NNC_BASE_NAMES_H
#define NNC_BASE_NAMES_H
#include "base/map.h"

/* `{0}`: none is in use. */
typedef struct Names { Map taken; } Names;

/* Names are not copied. */
void names_reserve(Arena *arena, Names *names, const char *name);
void names_reserve_all(Arena *arena, Names *names, const Names *others);
/* `wanted`, or where that is taken `wanted_2`, or the first number that is free; taken from now
 * on. */
const char *names_take(Arena *arena, Names *names, const char *wanted);
#endif
