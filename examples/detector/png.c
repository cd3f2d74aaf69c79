/* PNG files. */
#include "png.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

/* A file in which a chunk is being written, and the check sum of what it holds so far. */
typedef struct Chunk {
    FILE *file;
    uint32_t sum;
} Chunk;

static void put(Chunk *c, const void *bytes, size_t count)
{
    const unsigned char *at = bytes;
    for (size_t i = 0; i < count; i++) {
        c->sum ^= at[i];
        for (int bit = 0; bit < 8; bit++) c->sum = c->sum >> 1 ^ (c->sum & 1 ? 0xedb88320u : 0);
    }
    fwrite(bytes, 1, count, c->file);
}

static void put_number(Chunk *c, uint32_t value)
{
    const unsigned char bytes[4] = {(unsigned char)(value >> 24), (unsigned char)(value >> 16),
                                    (unsigned char)(value >> 8), (unsigned char)value};
    put(c, bytes, 4);
}

static void begin(Chunk *c, const char *kind, uint32_t length)
{
    put_number(c, length);
    c->sum = 0xffffffffu;
    put(c, kind, 4);
}

static void end(Chunk *c) { put_number(c, ~c->sum); }

static void put_header(Chunk *c, int width, int height)
{
    static const unsigned char kind[5] = {8, 2, 0, 0, 0}; /* 8 bits, RGB, deflate, no interlace */
    begin(c, "IHDR", 13);
    put_number(c, (uint32_t)width);
    put_number(c, (uint32_t)height);
    put(c, kind, sizeof kind);
    end(c);
}

static uint32_t adler(uint32_t sum, const unsigned char *bytes, size_t count)
{
    uint32_t a = sum & 0xffff, b = sum >> 16;
    for (size_t i = 0; i < count; i++) {
        a = (a + bytes[i]) % 65521;
        b = (b + a) % 65521;
    }
    return b << 16 | a;
}

/* A stored block a row; each row begins with its filter, 0: none. */
static void put_pixels(Chunk *c, const unsigned char *pixels, int width, int height)
{
    const uint32_t row = (uint32_t)width * 3 + 1;
    uint32_t sum = 1;
    begin(c, "IDAT", 2 + (uint32_t)height * (5 + row) + 4);
    put(c, "\x78\x01", 2);
    for (int y = 0; y < height; y++) {
        const unsigned char head[6] = {
            y == height - 1,     (unsigned char)row,         (unsigned char)(row >> 8),
            (unsigned char)~row, (unsigned char)(~row >> 8), 0};
        const unsigned char *line = pixels + (size_t)y * (row - 1);
        put(c, head, sizeof head);
        put(c, line, row - 1);
        sum = adler(adler(sum, head + 5, 1), line, row - 1);
    }
    put_number(c, sum);
    end(c);
}

int png_write(const char *path, const unsigned char *pixels, int width, int height)
{
    Chunk c = {fopen(path, "wb"), 0};
    if (!c.file) return -1;
    fwrite("\x89PNG\r\n\x1a\n", 1, 8, c.file);
    put_header(&c, width, height);
    put_pixels(&c, pixels, width, height);
    begin(&c, "IEND", 0);
    end(&c);
    int failed = ferror(c.file);
    failed |= fclose(c.file);
    const int why = errno;
    if (failed) remove(path);
    errno = why;
    return failed ? -1 : 0;
}
