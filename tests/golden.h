/* Comparing a text with the file that holds what is expected. `UPDATE=1` in the environment
 * rewrites the file instead; look at the difference before you commit it. Tests run in the
 * project's root. */
#ifndef NNC_TESTS_GOLDEN_H
#define NNC_TESTS_GOLDEN_H
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include "base/text.h"

/* True if `text` is what `path` holds. Else prints where they first differ. */
static inline bool golden_matches(Arena *arena, const char *path, const char *text, size_t length)
{
    if (getenv("UPDATE")) {
        const char *failure = file_write(arena, path, text, length);
        if (failure) fprintf(stderr, "%s\n", failure);
        return !failure;
    }
    char *expected;
    size_t expected_length;
    const char *failure = file_read(arena, path, &expected, &expected_length);
    if (failure) {
        fprintf(stderr, "%s\n", failure);
        return false;
    }
    if (length == expected_length && memcmp(text, expected, length) == 0) return true;
    size_t at = 0;
    int line = 1;
    for (; at < length && at < expected_length && text[at] == expected[at]; at++)
        line += text[at] == '\n';
    while (at > 0 && text[at - 1] != '\n') at--;
    fprintf(stderr, "%s:%d: expected `%.*s`\n", path, line, (int)strcspn(expected + at, "\n"),
            expected + at);
    fprintf(stderr, "%*s got `%.*s`\n", (int)strlen(path), "", (int)strcspn(text + at, "\n"),
            text + at);
    return false;
}
#endif
