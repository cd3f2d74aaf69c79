/* A text under construction, and writing it to a file so that a failure leaves the old file whole.
 */
#ifndef NNC_BASE_TEXT_H
#define NNC_BASE_TEXT_H
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include "base/arena.h"

typedef struct Text {
    Arena *arena;
    char *at;
    size_t length, room;
} Text; /* at is NUL-terminated */

Text text_new(Arena *arena);
void text_add(Text *text, const char *piece);
void text_addn(Text *text, const char *piece, size_t length);
void text_addf(Text *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
void text_addv(Text *text, const char *format, va_list args);

/* The shortest decimal that reads back to exactly `value`: "0.1", "1e-08", "3.0". Never inf/nan. */
void text_add_float(Text *text, float value);
void text_add_double(Text *text, double value);

/* 101770 as "101,770". */
void text_add_grouped(Text *text, int64_t value);

/* All return NULL, or a message (arena-owned) that names the file and the reason. A file is
 * replaced as a whole; file_save waits until it is on the disk, for what cannot be made again. */
const char *file_read(Arena *arena, const char *path, char **data, size_t *length);
const char *file_write(Arena *arena, const char *path, const char *data, size_t length);
const char *file_save(Arena *arena, const char *path, const char *data, size_t length);
/* Makes a directory and those that it lies in, as far as they are missing; NULL, or a message. */
const char *directory_make(Arena *arena, const char *path);
#endif
