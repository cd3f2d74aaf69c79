/* SPDX-License-Identifier: MIT
 * nn_error.c - filling and showing errors, and the allocations that report through them. */
#include "nn_error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNMENT = 64 };

void nn_error_clear(nn_error *error) {
    if (!error) return;
    error->code = NN_OK;
    error->file[0] = error->reason[0] = '\0';
    error->line = error->column = error->byte = -1;
}

int nn_fail(nn_error *error, int code, const char *format, ...) {
    va_list arguments;
    if (!error) return code;
    error->code = code;
    va_start(arguments, format);
    vsnprintf(error->reason, sizeof error->reason, format, arguments);
    va_end(arguments);
    return code;
}

void nn_error_at(nn_error *error, const char *file, int64_t line, int64_t column, int64_t byte) {
    if (!error) return;
    snprintf(error->file, sizeof error->file, "%s", file ? file : "");
    error->line = line;
    error->column = column;
    error->byte = byte;
}

const char *nn_error_text(const nn_error *error, char *buffer, size_t size) {
    char place[64] = "";
    if (error->line > 0 && error->column > 0)
        snprintf(place, sizeof place, "%lld:%lld: ", (long long)error->line,
                 (long long)error->column);
    else if (error->line > 0)
        snprintf(place, sizeof place, "%lld: ", (long long)error->line);
    else if (error->byte >= 0)
        snprintf(place, sizeof place, " byte %lld: ", (long long)error->byte);
    else if (error->file[0])
        snprintf(place, sizeof place, " ");
    snprintf(buffer, size, "%s%s%s%s", error->file, error->file[0] ? ":" : "", place,
             error->reason);
    return buffer;
}

void *nn_alloc(int64_t count, size_t size, nn_error *error) {
    void *memory = NULL;
    if (count >= 0 && (uint64_t)count <= SIZE_MAX / 2 / size)
        memory = calloc(count ? (size_t)count : 1, size);
    if (!memory)
        nn_fail(error, NN_ERR_MEMORY, "out of memory: %lld elements of %zu bytes",
                (long long)count, size);
    return memory;
}

void *nn_alloc_aligned(size_t bytes, nn_error *error) {
    char *block, *aligned;
    if (bytes > SIZE_MAX - 2 * ALIGNMENT || !(block = calloc(1, bytes + 2 * ALIGNMENT))) {
        nn_fail(error, NN_ERR_MEMORY, "out of memory: %zu bytes", bytes);
        return NULL;
    }
    aligned = block + ALIGNMENT + (ALIGNMENT - (uintptr_t)block % ALIGNMENT) % ALIGNMENT;
    memcpy(aligned - sizeof block, &block, sizeof block);
    return aligned;
}

void nn_free_aligned(void *memory) {
    char *block;
    if (!memory) return;
    memcpy(&block, (char *)memory - sizeof block, sizeof block);
    free(block);
}
