/* Files of tests: a directory of one's own, files from bytes, and what is in a file. */
#ifndef TESTS_RUNTIME_FILES_H
#define TESTS_RUNTIME_FILES_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "nn_file.h"

/* cmocka's group set-up and tear-down: *state is the directory. */
static inline int files_setup(void **state) {
    char name[] = "/tmp/nn_test_XXXXXX";
    if (!mkdtemp(name)) return -1;
    *state = malloc(sizeof name);
    memcpy(*state, name, sizeof name);
    return 0;
}

static inline int files_teardown(void **state) {
    char command[64];
    int status;
    snprintf(command, sizeof command, "rm -r %s", (char *)*state);
    status = system(command);
    free(*state);
    return status;
}

/* A path in the directory, in buffer. */
static inline const char *file_path(void **state, char *buffer, size_t size, const char *name) {
    snprintf(buffer, size, "%s/%s", (char *)*state, name);
    return buffer;
}

static inline void file_write(const char *path, const void *bytes, size_t size) {
    FILE *f = fopen(path, "wb");
    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, size, f), size);
    assert_int_equal(fclose(f), 0);
}

static inline int file_exists(const char *path) {
    return access(path, F_OK) == 0;
}

/* Asserts that two files hold the same bytes. */
static inline void assert_files_equal(const char *a, const char *b) {
    nn_bytes x, y;
    assert_int_equal(nn_file_read(a, &x, NULL), NN_OK);
    assert_int_equal(nn_file_read(b, &y, NULL), NN_OK);
    assert_int_equal(x.size, y.size);
    assert_memory_equal(x.at, y.at, x.size);
    free(x.at);
    free(y.at);
}

#define PATH(buffer, name) file_path(state, (buffer), sizeof(buffer), (name))
#endif
