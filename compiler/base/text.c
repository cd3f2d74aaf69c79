/* Owns growing texts, the shortest decimal spelling of numbers, and whole-file reads and writes. */
#define _XOPEN_SOURCE 700        /* realpath */
#include "base/text.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void reserve(Text *text, size_t extra)
{
    size_t need = text->length + extra + 1;
    if (need <= text->room) return;
    size_t room = text->room ? text->room : 128;
    while (room < need) room *= 2;
    text->at = arena_grow(text->arena, text->at, text->room, room);
    text->room = room;
}

Text text_new(Arena *arena)
{
    Text text = {.arena = arena};
    reserve(&text, 0);
    return text;
}

void text_addn(Text *text, const char *piece, size_t length)
{
    reserve(text, length);
    if (length) memcpy(text->at + text->length, piece, length);
    text->length += length;
    text->at[text->length] = '\0';
}

void text_add(Text *text, const char *piece)
{
    text_addn(text, piece, strlen(piece));
}

void text_addv(Text *text, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int length = vsnprintf(NULL, 0, format, args);
    if (length > 0) {
        reserve(text, (size_t)length);
        vsnprintf(text->at + text->length, (size_t)length + 1, format, again);
        text->length += (size_t)length;
    }
    va_end(again);
}

void text_addf(Text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    text_addv(text, format, args);
    va_end(args);
}

/* "3" would be an integer in C and in the language, so a whole number gets its ".0". */
static void add_decimal(Text *text, const char *digits)
{
    text_add(text, digits);
    if (!strpbrk(digits, ".e")) text_add(text, ".0");
}

/* 160 reads better than 1.6e+02: whole numbers of up to seven digits are written out. */
static bool add_whole(Text *text, double value)
{
    if (value != (double)(long)value || value <= -1e7 || value >= 1e7 || value == 0) return false;
    text_addf(text, "%.1f", value);
    return true;
}

void text_add_float(Text *text, float value)
{
    char digits[32];
    if (fabsf(value) < 1e7f && add_whole(text, (double)value)) return;
    for (int precision = 1; precision <= 9; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, (double)value);
        if (strtof(digits, NULL) == value) break;
    }
    add_decimal(text, digits);
}

void text_add_double(Text *text, double value)
{
    char digits[40];
    if (fabs(value) < 1e7 && add_whole(text, value)) return;
    for (int precision = 1; precision <= 17; precision++) {
        snprintf(digits, sizeof digits, "%.*g", precision, value);
        if (strtod(digits, NULL) == value) break;
    }
    add_decimal(text, digits);
}

void text_add_grouped(Text *text, int64_t value)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    const size_t length = strlen(digits);
    for (size_t i = 0; i < length; i++) {
        if (i && (length - i) % 3 == 0 && digits[i - 1] != '-') text_add(text, ",");
        text_addn(text, digits + i, 1);
    }
}

static const char *failure(Arena *arena, const char *what, const char *path, int error)
{
    return arena_printf(arena, "cannot %s %s: %s", what, path, strerror(error));
}

enum { FILE_LIMIT = 256 << 20 };         /* bytes; a device may have no end */

const char *file_read(Arena *arena, const char *path, char **data, size_t *length)
{
    FILE *file = fopen(path, "rb");
    if (!file) return failure(arena, "open", path, errno);
    Text text = text_new(arena);
    for (;;) {
        reserve(&text, 16 * 1024);
        size_t got = fread(text.at + text.length, 1, text.room - text.length - 1, file);
        if (got == 0) break;
        text.length += got;
        if (text.length > FILE_LIMIT) break;
    }
    int error = text.length > FILE_LIMIT ? EFBIG : ferror(file) ? errno : 0;
    fclose(file);
    if (error) return failure(arena, "read", path, error);
    text.at[text.length] = '\0';
    *data = text.at;
    *length = text.length;
    return NULL;
}

static int write_all(int fd, const char *data, size_t length)
{
    while (length > 0) {
        ssize_t wrote = write(fd, data, length);
        if (wrote < 0 && errno == EINTR) continue;
        if (wrote <= 0) return wrote < 0 ? errno : ENOSPC;
        data += wrote;
        length -= (size_t)wrote;
    }
    return 0;
}

/* Writes, flushes to the disk where the file is on one, and closes; returns the first error. */
static int write_and_close(int fd, const char *data, size_t length, bool flush)
{
    int error = write_all(fd, data, length);
    if (!error && flush && fsync(fd) != 0) error = errno;
    if (close(fd) != 0 && !error) error = errno;
    return error;
}

/* A new file beside `path`; its name is left in `name`. O_EXCL keeps the umask's permissions. */
static int open_beside(Arena *arena, const char *path, char **name)
{
    int fd = -1;
    for (int attempt = 0; attempt < 100 && fd < 0; attempt++) {
        *name = arena_printf(arena, "%s.%ld-%d.tmp", path, (long)getpid(), attempt);
        fd = open(*name, O_WRONLY | O_CREAT | O_EXCL, 0666);
        if (fd < 0 && errno != EEXIST) break;
    }
    return fd;
}

/* The rename itself is on the disk only when the directory is. A file system that cannot
 * flush a directory has nothing better to offer, so its answer is not asked for. */
static void flush_directory(Arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *directory = slash == path ? "/" : ".";
    if (slash && slash != path) directory = arena_strndup(arena, path, (size_t)(slash - path));
    int fd = open(directory, O_RDONLY);
    if (fd < 0) return;
    fsync(fd);
    close(fd);
}

/* A link keeps being one: what is replaced is the file it leads to. */
static const char *follow_link(Arena *arena, const char *path)
{
    struct stat info;
    if (lstat(path, &info) != 0 || !S_ISLNK(info.st_mode)) return path;
    char *real = realpath(path, NULL);
    if (!real) return path;
    path = arena_strdup(arena, real);
    free(real);
    return path;
}

static const char *replace(Arena *arena, const char *path, const char *data, size_t length,
                           bool flush)
{
    struct stat info;
    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode)) {      /* /dev/stdout, a pipe */
        int fd = open(path, O_WRONLY);
        if (fd < 0) return failure(arena, "open", path, errno);
        int error = write_and_close(fd, data, length, false);
        return error ? failure(arena, "write", path, error) : NULL;
    }
    const char *target = follow_link(arena, path);
    char *temporary;
    int fd = open_beside(arena, target, &temporary);
    if (fd < 0) return failure(arena, "create", path, errno);
    int error = write_and_close(fd, data, length, flush);
    if (!error && rename(temporary, target) != 0) error = errno;
    if (error) {
        unlink(temporary);
        return failure(arena, "write", path, error);
    }
    if (flush) flush_directory(arena, target);
    return NULL;
}

const char *file_write(Arena *arena, const char *path, const char *data, size_t length)
{
    return replace(arena, path, data, length, false);
}

const char *file_save(Arena *arena, const char *path, const char *data, size_t length)
{
    return replace(arena, path, data, length, true);
}

const char *directory_make(Arena *arena, const char *path)
{
    char *copy = arena_strdup(arena, path);
    for (char *c = *copy ? copy + 1 : copy; *c; c++) {
        if (*c != '/') continue;
        *c = 0;
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) break;
        *c = '/';
    }
    if (mkdir(path, 0777) == 0 || errno == EEXIST) return NULL;
    return arena_printf(arena, "cannot make the directory %s: %s", path, strerror(errno));
}
