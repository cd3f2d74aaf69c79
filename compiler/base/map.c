/* Owns the map from names to pointers: open addressing over a list in order of insertion. */
#include "base/map.h"

#include <stdint.h>
#include <string.h>

/* FNV-1a, 32 bits (Fowler, Noll, Vo). */
static uint32_t hash_name(const char *name)
{
    uint32_t hash = UINT32_C(2166136261);
    for (; *name; name++) hash = (hash ^ (unsigned char)*name) * UINT32_C(16777619);
    return hash;
}

/* Where a name's number (slot + 1) stands or would stand in the index. Requires a free place. */
static int *find_place(const Map *map, const char *name)
{
    uint32_t mask = (uint32_t)map->room - 1;
    for (uint32_t at = hash_name(name) & mask;; at = (at + 1) & mask) {
        int *place = &map->index[at];
        if (*place == 0 || strcmp(map->slots.at[*place - 1].name, name) == 0) return place;
    }
}

void *map_get(const Map *map, const char *name)
{
    if (map->room == 0) return NULL;
    int slot = *find_place(map, name);
    return slot ? map->slots.at[slot - 1].value : NULL;
}

static void grow_index(Arena *arena, Map *map)
{
    map->room = map->room ? 2 * map->room : 16;
    map->index = arena_array(arena, int, map->room);
    for (int i = 0; i < map->slots.count; i++) *find_place(map, map->slots.at[i].name) = i + 1;
}

void map_put(Arena *arena, Map *map, const char *name, void *value)
{
    if (2 * (map->slots.count + 1) > map->room) grow_index(arena, map);
    int *place = find_place(map, name);
    if (*place) {
        map->slots.at[*place - 1].value = value;
        return;
    }
    vec_push(arena, map->slots, ((MapSlot){name, value}));
    *place = map->slots.count;
}
