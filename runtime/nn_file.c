/* SPDX-License-Identifier: MIT
 * nn_file.c - reading whole files, unpacking gzip. */
#include "nn_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef NN_HAVE_ZLIB
#include <zlib.h>
#endif

/* Makes room for at least `needed` bytes and a closing zero. */
static int grow(nn_bytes *bytes, size_t *room, size_t needed, nn_error *error) {
    unsigned char *larger;
    size_t wanted = *room;
    if (needed < *room) return NN_OK;
    while (wanted <= needed) {
        if (wanted > SIZE_MAX / 2) return nn_fail(error, NN_ERR_MEMORY, "out of memory");
        wanted *= 2;
    }
    larger = realloc(bytes->at, wanted);
    if (!larger) return nn_fail(error, NN_ERR_MEMORY, "out of memory: %zu bytes", wanted);
    bytes->at = larger;
    *room = wanted;
    return NN_OK;
}

static int read_stream(FILE *stream, nn_bytes *bytes, nn_error *error) {
    size_t room = 1 << 16, got;
    bytes->size = 0;
    if (!(bytes->at = malloc(room))) return nn_fail(error, NN_ERR_MEMORY, "out of memory");
    for (;;) {
        got = fread(bytes->at + bytes->size, 1, room - bytes->size - 1, stream);
        bytes->size += got;
        if (!got) break;
        if (grow(bytes, &room, bytes->size + 1, error)) return NN_ERR_MEMORY;
    }
    bytes->at[bytes->size] = 0;
    if (ferror(stream)) return nn_fail(error, NN_ERR_READ, "cannot read: %s", strerror(errno));
    return NN_OK;
}

#ifdef NN_HAVE_ZLIB
static int inflate_failed(int status, const z_stream *z, nn_error *error) {
    if (status == Z_MEM_ERROR) return nn_fail(error, NN_ERR_MEMORY, "out of memory");
    if (status == Z_BUF_ERROR)
        return nn_fail(error, NN_ERR_TRUNCATED, "the compressed data ends too early");
    return nn_fail(error, NN_ERR_READ, "the compressed data is damaged: %s",
                   z->msg ? z->msg : "bad block");
}

/* Unpacks all members of `packed` behind each other. */
static int inflate_all(z_stream *z, const nn_bytes *packed, nn_bytes *out, nn_error *error) {
    size_t room = packed->size * 4 + 64, taken = 0;
    int status = Z_OK;
    out->size = 0;
    if (!(out->at = malloc(room))) return nn_fail(error, NN_ERR_MEMORY, "out of memory");
    for (;;) {
        size_t left = packed->size - taken, free_room;
        if (grow(out, &room, out->size + 1, error)) return NN_ERR_MEMORY;
        free_room = room - out->size - 1;
        z->next_in = packed->at + taken;
        z->avail_in = left > UINT32_MAX ? UINT32_MAX : (uInt)left;
        z->next_out = out->at + out->size;
        z->avail_out = free_room > UINT32_MAX ? UINT32_MAX : (uInt)free_room;
        status = inflate(z, Z_NO_FLUSH);
        taken = (size_t)(z->next_in - packed->at);
        out->size = (size_t)(z->next_out - out->at);
        if (status == Z_STREAM_END) {
            if (taken == packed->size) break;
            if (inflateReset(z) != Z_OK) return inflate_failed(Z_DATA_ERROR, z, error);
        } else if (status != Z_OK) {
            return inflate_failed(status, z, error);
        }
    }
    out->at[out->size] = 0;
    return NN_OK;
}
#endif

/* Replaces gzip's bytes by what they unpack to. */
static int unpack(nn_bytes *bytes, nn_error *error) {
#ifdef NN_HAVE_ZLIB
    nn_bytes out = { NULL, 0 };
    z_stream z;
    int status;
    memset(&z, 0, sizeof z);
    if (inflateInit2(&z, 16 + MAX_WBITS) != Z_OK)
        return nn_fail(error, NN_ERR_MEMORY, "cannot start zlib");
    status = inflate_all(&z, bytes, &out, error);
    inflateEnd(&z);
    if (status) {
        free(out.at);
        return status;
    }
    free(bytes->at);
    *bytes = out;
    return NN_OK;
#else
    (void)bytes;
    return nn_fail(error, NN_ERR_FORMAT, "compressed with gzip, and this build has no zlib: "
                   "unpack the file, or build with NN_HAVE_ZLIB");
#endif
}

int nn_file_read(const char *path, nn_bytes *bytes, nn_error *error) {
    FILE *stream = fopen(path, "rb");
    int status;
    bytes->at = NULL;
    bytes->size = 0;
    nn_error_at(error, path, -1, -1, -1);
    if (!stream) return nn_fail(error, NN_ERR_OPEN, "cannot open: %s", strerror(errno));
    status = read_stream(stream, bytes, error);
    fclose(stream);
    if (!status && bytes->size >= 2 && bytes->at[0] == 0x1f && bytes->at[1] == 0x8b)
        status = unpack(bytes, error);
    if (status) {
        free(bytes->at);
        bytes->at = NULL;
    }
    return status;
}

char *nn_file_join(const char *dir, const char *path, nn_error *error) {
    size_t before = !dir || path[0] == '/' ? 0 : strlen(dir), size = before + strlen(path) + 2;
    char *joined = nn_alloc((int64_t)size, 1, error);
    if (!joined) return NULL;
    if (!before)
        snprintf(joined, size, "%s", path);
    else
        snprintf(joined, size, "%s%s%s", dir, dir[before - 1] == '/' ? "" : "/", path);
    return joined;
}
