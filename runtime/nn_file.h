/* SPDX-License-Identifier: MIT
 * nn_file.h - whole files: read into memory (unpacking .gz), and written so that a crash leaves
 * the old or the new one. */
#ifndef NN_FILE_H
#define NN_FILE_H
#include "nn_error.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_bytes {
    unsigned char *at;
    size_t size;
} nn_bytes;

/* Reads a file. Contents that start with gzip's magic bytes are unpacked (built with
 * NN_HAVE_ZLIB; else NN_ERR_FORMAT). bytes->at is followed by one zero byte, and is released with
 * free(). */
int nn_file_read(const char *path, nn_bytes *bytes, nn_error *error);

/* dir/path, or path alone where it is absolute or dir is NULL or "". Released with free(). */
char *nn_file_join(const char *dir, const char *path, nn_error *error);

/* A file being replaced; a device or a pipe is written to as it is. Write to a temporary beside it;
 * commit flushes it to disk, renames it over the old one and flushes the directory. At any instant
 * `path` is the whole old or the whole new file. */
typedef struct nn_save nn_save;
int nn_save_open(nn_save **save, const char *path, nn_error *error);

/* Whether a file could be put at `path`, asked before hours of work: nothing stays there. */
int nn_save_check(const char *path, nn_error *error);

/* A failure (disk full) is kept and reported by commit, so calls in between need no check. */
void nn_save_write(nn_save *save, const void *data, size_t size);

/* FNV-1a-like 64-bit checksum of everything written so far. */
uint64_t nn_save_checksum(const nn_save *save);

/* Ends the save in both cases; on failure (NN_ERR_WRITE) the temporary is removed and the old
 * file is untouched. */
int nn_save_commit(nn_save *save, nn_error *error);
void nn_save_abandon(nn_save *save);

/* The same checksum over a block of memory. */
uint64_t nn_checksum(const void *data, size_t size);

#ifdef __cplusplus
}
#endif
#endif
