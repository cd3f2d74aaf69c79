/* Arenas: memory named by its lifetime, freed all at once. Every allocation is zeroed.
 * Running out of memory prints one line and ends the process with status 1; it is the only
 * place outside main.c that may do so, because no caller could do better. */
#ifndef NNC_BASE_ARENA_H
#define NNC_BASE_ARENA_H
#include <stddef.h>

typedef struct Arena Arena;

Arena *arena_new(void);
void arena_free(Arena *arena);
void *arena_alloc(Arena *arena, size_t bytes);                 /* zeroed, aligned for any type */
void *arena_copy(Arena *arena, const void *data, size_t bytes);
void *arena_grow(Arena *arena, void *old, size_t old_bytes, size_t new_bytes);
char *arena_strdup(Arena *arena, const char *text);
char *arena_strndup(Arena *arena, const char *text, size_t length);
char *arena_printf(Arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));

#define arena_make(arena, T) ((T *)arena_alloc((arena), sizeof(T)))
#define arena_array(arena, T, n) ((T *)arena_alloc((arena), sizeof(T) * (size_t)(n)))

/* A growing array on an arena: `VEC(Node *) nodes;  vec_push(arena, nodes, n);` */
#define VEC(T) struct { T *at; int count, room; }
#define vec_push(arena, v, item)                                                              \
    do {                                                                                      \
        if ((v).count == (v).room) {                                                          \
            int room_ = (v).room ? 2 * (v).room : 8;                                          \
            (v).at = arena_grow((arena), (v).at, sizeof *(v).at * (size_t)(v).room,           \
                                sizeof *(v).at * (size_t)room_);                              \
            (v).room = room_;                                                                 \
        }                                                                                     \
        (v).at[(v).count++] = (item);                                                         \
    } while (0)
#endif
