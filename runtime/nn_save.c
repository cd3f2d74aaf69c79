/* SPDX-License-Identifier: MIT
 * nn_save.c - replacing a file so that a crash at any instant leaves the old one or the new one. */
#include "nn_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

struct nn_save {
    FILE *stream;
    char *path, *temporary;
    uint64_t checksum;
    int in_place;            /* 1: a device or a pipe, which nothing may take the place of */
    int failed;              /* errno of the first failure, 0: none */
};

/* FNV-1a with 64 bits. */
static uint64_t checksum_more(uint64_t sum, const void *data, size_t size) {
    const unsigned char *byte = data;
    for (size_t i = 0; i < size; i++) sum = (sum ^ byte[i]) * 0x100000001b3u;
    return sum;
}

static const uint64_t checksum_empty = 0xcbf29ce484222325u;

uint64_t nn_checksum(const void *data, size_t size) {
    return checksum_more(checksum_empty, data, size);
}

static void release(nn_save *save) {
    free(save->path);
    free(save->temporary);
    free(save);
}

static int is_in_place(const char *path) {
    struct stat info;
    return !stat(path, &info) && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode);
}

int nn_save_open(nn_save **out, const char *path, nn_error *error) {
    nn_save *save = nn_alloc(1, sizeof *save, error);
    size_t size = strlen(path) + 5;
    *out = NULL;
    if (!save) return NN_ERR_MEMORY;
    save->path = nn_alloc((int64_t)size, 1, error);
    save->temporary = nn_alloc((int64_t)size, 1, error);
    if (!save->path || !save->temporary) {
        release(save);
        return NN_ERR_MEMORY;
    }
    snprintf(save->path, size, "%s", path);
    save->in_place = is_in_place(path);
    snprintf(save->temporary, size, "%s%s", path, save->in_place ? "" : ".tmp");
    save->checksum = checksum_empty;
    save->stream = fopen(save->temporary, "wb");
    if (!save->stream) {
        nn_error_at(error, save->temporary, -1, -1, -1);
        nn_fail(error, NN_ERR_WRITE, "cannot create: %s", strerror(errno));
        release(save);
        return NN_ERR_WRITE;
    }
    *out = save;
    return NN_OK;
}

void nn_save_write(nn_save *save, const void *data, size_t size) {
    if (save->failed || !size) return;
    save->checksum = checksum_more(save->checksum, data, size);
    errno = 0;
    if (fwrite(data, 1, size, save->stream) != size) save->failed = errno ? errno : EIO;
}

uint64_t nn_save_checksum(const nn_save *save) {
    return save->checksum;
}

/* A rename is on disk only when its directory is. Where directories cannot be flushed the rename
 * still holds. */
static int flush_directory(const char *path) {
    char *copy = malloc(strlen(path) + 2), *slash;
    int directory, failed = 0;
    if (!copy) return ENOMEM;
    memcpy(copy, path, strlen(path) + 1);
    slash = strrchr(copy, '/');
    if (!slash)
        memcpy(copy, ".", 2);
    else
        slash[slash == copy] = '\0';
    directory = open(copy, O_RDONLY);
    if (directory < 0)
        failed = errno;
    else if (fsync(directory) && errno != EINVAL)
        failed = errno;
    if (directory >= 0) close(directory);
    free(copy);
    return failed;
}

/* Everything up to and with the rename; 0 or errno. */
static int finish(nn_save *save) {
    int failed = save->failed;
    errno = 0;
    if (!failed && fflush(save->stream)) failed = errno;
    if (!failed && !save->in_place && fsync(fileno(save->stream))) failed = errno;
    if (fclose(save->stream) && !failed) failed = errno;
    if (save->in_place) return failed;
    if (!failed && rename(save->temporary, save->path)) failed = errno;
    if (failed) remove(save->temporary);
    return failed ? failed : flush_directory(save->path);
}

int nn_save_commit(nn_save *save, nn_error *error) {
    int failed = finish(save);
    if (failed) {
        nn_error_at(error, save->path, -1, -1, -1);
        nn_fail(error, NN_ERR_WRITE, "cannot write: %s", strerror(failed));
    }
    release(save);
    return failed ? NN_ERR_WRITE : NN_OK;
}

void nn_save_abandon(nn_save *save) {
    fclose(save->stream);
    if (!save->in_place) remove(save->temporary);
    release(save);
}

int nn_save_check(const char *path, nn_error *error) {
    struct stat info;
    nn_save *save;
    int status;
    if (!stat(path, &info) && S_ISDIR(info.st_mode)) {
        nn_error_at(error, path, -1, -1, -1);
        return nn_fail(error, NN_ERR_WRITE, "cannot write: %s", strerror(EISDIR));
    }
    if (is_in_place(path)) return NN_OK;
    status = nn_save_open(&save, path, error);
    if (!status) nn_save_abandon(save);
    return status;
}
