/* Owns the memory of arenas: a list of zeroed chunks, filled from the front, freed together. */
#include "base/arena.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CHUNK = 16 * 1024, LARGEST_CHUNK = 1024 * 1024 };

typedef struct Chunk Chunk;
struct Chunk {
    Chunk *previous;
    size_t used, size;
    max_align_t memory[];
};

struct Arena {
    Chunk *chunk;                /* the one being filled */
    size_t next_size;            /* doubles, so that small arenas stay small */
};

static void *zeroed(size_t bytes)
{
    void *memory = calloc(1, bytes);
    if (!memory) {
        fprintf(stderr, "nnc: out of memory (%zu bytes wanted)\n", bytes);
        exit(1);
    }
    return memory;
}

static size_t round_up(size_t bytes)
{
    const size_t unit = _Alignof(max_align_t);
    if (bytes > SIZE_MAX / 2) {
        fprintf(stderr, "nnc: out of memory (%zu bytes wanted)\n", bytes);
        exit(1);
    }
    return (bytes + unit - 1) / unit * unit;
}

static void add_chunk(Arena *arena, size_t bytes)
{
    size_t size = bytes > arena->next_size ? bytes : arena->next_size;
    Chunk *chunk = zeroed(sizeof *chunk + size);
    chunk->size = size;
    chunk->previous = arena->chunk;
    arena->chunk = chunk;
    if (arena->next_size < LARGEST_CHUNK) arena->next_size *= 2;
}

Arena *arena_new(void)
{
    Arena *arena = zeroed(sizeof *arena);
    arena->next_size = FIRST_CHUNK;
    return arena;
}

void arena_free(Arena *arena)
{
    if (!arena) return;
    for (Chunk *chunk = arena->chunk; chunk;) {
        Chunk *previous = chunk->previous;
        free(chunk);
        chunk = previous;
    }
    free(arena);
}

void *arena_alloc(Arena *arena, size_t bytes)
{
    size_t size = round_up(bytes ? bytes : 1);
    if (!arena->chunk || arena->chunk->size - arena->chunk->used < size) add_chunk(arena, size);
    Chunk *chunk = arena->chunk;
    char *memory = (char *)chunk->memory + chunk->used;
    chunk->used += size;
    return memory;
}

void *arena_copy(Arena *arena, const void *data, size_t bytes)
{
    void *copy = arena_alloc(arena, bytes);
    if (bytes) memcpy(copy, data, bytes);
    return copy;
}

/* The last allocation of a chunk grows in place; anything else moves. */
static int grow_in_place(Arena *arena, void *old, size_t old_bytes, size_t new_bytes)
{
    Chunk *chunk = arena->chunk;
    size_t old_size = round_up(old_bytes ? old_bytes : 1);
    size_t extra = round_up(new_bytes ? new_bytes : 1) - old_size;
    if ((char *)old + old_size != (char *)chunk->memory + chunk->used) return 0;
    if (chunk->size - chunk->used < extra) return 0;
    chunk->used += extra;
    return 1;
}

void *arena_grow(Arena *arena, void *old, size_t old_bytes, size_t new_bytes)
{
    if (new_bytes <= old_bytes && old) return old;
    if (old && grow_in_place(arena, old, old_bytes, new_bytes)) return old;
    void *grown = arena_alloc(arena, new_bytes);
    if (old && old_bytes) memcpy(grown, old, old_bytes);
    return grown;
}

char *arena_strndup(Arena *arena, const char *text, size_t length)
{
    char *copy = arena_alloc(arena, length + 1);
    if (length) memcpy(copy, text, length);
    return copy;
}

char *arena_strdup(Arena *arena, const char *text)
{
    return arena_strndup(arena, text, strlen(text));
}

char *arena_printf(Arena *arena, const char *format, ...)
{
    va_list args, again;
    va_start(args, format);
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    va_end(args);
    char *text = arena_alloc(arena, (size_t)(length < 0 ? 0 : length) + 1);
    if (length > 0) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    return text;
}
