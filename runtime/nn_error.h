/* SPDX-License-Identifier: MIT
 * nn_error.h - how the runtime reports: a status code for programs, and a place and a reason for
 * people.
 *
 * Every function that can fail returns NN_OK or a code, and fills the nn_error it was given
 * (which may be NULL). Nothing in the runtime exits, aborts or prints an error by itself. */
#ifndef NN_ERROR_H
#define NN_ERROR_H
#include "nn_model.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Codes of the runtime; they continue those of generated functions in nn_model.h. */
enum {
    NN_ERR_MEMORY = 16,      /* an allocation failed */
    NN_ERR_OPEN,             /* a file cannot be opened */
    NN_ERR_READ,             /* reading failed, or compressed data is damaged */
    NN_ERR_WRITE,            /* writing failed (disk full, ...); the old file is whole */
    NN_ERR_FORMAT,           /* not the format expected */
    NN_ERR_TRUNCATED,        /* ends before it should */
    NN_ERR_SHAPE,            /* shapes or counts that do not fit each other */
    NN_ERR_RANGE,            /* a value outside its range */
    NN_ERR_MISSING,          /* a name that is not there: column, tensor, input, entry */
    NN_ERR_OPTION,           /* an option that is unknown, missing or of the wrong kind */
    NN_ERR_MODEL,            /* made for another model, or by another version */
    NN_ERR_DIVERGED,         /* the loss is no longer a number */
    NN_ERR_STOPPED           /* a callback asked to stop */
};

/* Fields that do not apply are empty: file "", line, column and byte -1. Lines and columns count
 * from 1. */
typedef struct nn_error {
    int code;
    char file[256];
    int64_t line, column, byte;
    char reason[2048];
} nn_error;

/* Empties *error; NULL is allowed. */
void nn_error_clear(nn_error *error);

/* Fills code and reason, keeps any place set before by nn_error_at, and returns code: `return
 * nn_fail(error, ...);`. */
int nn_fail(nn_error *error, int code, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;

/* Sets the place of the failure that is reported next. Pass -1 for what does not apply. */
void nn_error_at(nn_error *error, const char *file, int64_t line, int64_t column, int64_t byte);

/* "file:line:column: reason" or "file: byte N: reason" as one text of at most size - 1 bytes;
 * returns buffer. */
const char *nn_error_text(const nn_error *error, char *buffer, size_t size);

/* malloc and calloc of count elements of size bytes that check the product; NULL and a filled
 * error when they fail. Zero elements give a valid pointer. Freed with free(). */
void *nn_alloc(int64_t count, size_t size, nn_error *error);

/* Zeroed, aligned to 64 bytes; release with nn_free_aligned. For parameters, gradients and
 * workspaces. */
void *nn_alloc_aligned(size_t bytes, nn_error *error);
void nn_free_aligned(void *memory);

#ifdef __cplusplus
}
#endif
#endif
