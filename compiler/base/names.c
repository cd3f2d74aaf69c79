/* Owns sets of names: each stands with the number that its next namesake may try first, so that a
 * thousand namesakes cost a thousand steps. */
#include "base/names.h"

void names_reserve(Arena *arena, Names *names, const char *name)
{
    if (map_get(&names->taken, name)) return;
    int *next = arena_make(arena, int);
    *next = 2;
    map_put(arena, &names->taken, name, next);
}

void names_reserve_all(Arena *arena, Names *names, const Names *others)
{
    for (int i = 0; i < others->taken.slots.count; i++)
        names_reserve(arena, names, others->taken.slots.at[i].name);
}

const char *names_take(Arena *arena, Names *names, const char *wanted)
{
    int *next = map_get(&names->taken, wanted);
    const char *name = wanted;
    while (map_get(&names->taken, name)) name = arena_printf(arena, "%s_%d", wanted, (*next)++);
    names_reserve(arena, names, name);
    return name;
}
