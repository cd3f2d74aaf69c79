/* A map from names to pointers, on an arena. Names are not copied. */
#ifndef NNC_BASE_MAP_H
#define NNC_BASE_MAP_H
#include "base/arena.h"

typedef struct MapSlot { const char *name; void *value; } MapSlot;

/* `{0}` is an empty map. Slots keep the order in which names were first put; index finds them by
 * hash. */
typedef struct Map { VEC(MapSlot) slots; int *index; int room; } Map;

void *map_get(const Map *map, const char *name);                  /* NULL: there is none */
void map_put(Arena *arena, Map *map, const char *name, void *value);
#endif
