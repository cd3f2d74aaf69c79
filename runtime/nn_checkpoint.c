/* SPDX-License-Identifier: MIT
 * nn_checkpoint.c - writing and reading the state of a run. */
#include "nn_checkpoint.h"

#include <stdlib.h>
#include <string.h>

#include "nn_file.h"

static const char magic[8] = { 'N', 'N', 'C', 'H', 'E', 'C', 'K', '1' };
static const uint64_t byte_order = 0x0102030405060708u;

/* Fields of 8 bytes only, so there is no padding. */
typedef struct Header {
    char magic[8];
    uint64_t byte_order, header_bytes;
    uint64_t hash;           /* of the model */
    int64_t param_floats, state_floats, moment_count;
    nn_checkpoint checkpoint;
} Header;

static void fill_header(Header *header, const nn_model *model, const nn_checkpoint *checkpoint,
                        const nn_arrays *arrays) {
    memset(header, 0, sizeof *header);
    memcpy(header->magic, magic, sizeof magic);
    header->byte_order = byte_order;
    header->header_bytes = sizeof *header;
    header->hash = model->hash;
    header->param_floats = model->param_floats;
    header->state_floats = model->state_floats;
    header->moment_count = arrays->moment_count;
    header->checkpoint = *checkpoint;
}

int nn_checkpoint_save(const char *path, const nn_model *model, const nn_checkpoint *checkpoint,
                       const nn_arrays *arrays, nn_error *error) {
    size_t params = sizeof(float) * (size_t)model->param_floats;
    Header header;
    nn_save *save;
    uint64_t checksum;
    int status = nn_save_open(&save, path, error);
    if (status) return status;
    fill_header(&header, model, checkpoint, arrays);
    nn_save_write(save, &header, sizeof header);
    nn_save_write(save, arrays->params, params);
    for (int i = 0; i < arrays->moment_count; i++) nn_save_write(save, arrays->moments[i], params);
    nn_save_write(save, arrays->states, sizeof(float) * (size_t)model->state_floats);
    checksum = nn_save_checksum(save);
    nn_save_write(save, &checksum, sizeof checksum);
    return nn_save_commit(save, error);
}

static int check(const nn_bytes *file, const Header *header, const Header *want, nn_error *error) {
    uint64_t checksum, floats, size;
    if (file->size < sizeof header->magic || memcmp(header->magic, magic, sizeof magic))
        return nn_fail(error, NN_ERR_FORMAT, "not a checkpoint");
    if (file->size < sizeof *header) return nn_fail(error, NN_ERR_TRUNCATED, "ends in its header");
    if (header->byte_order != byte_order || header->header_bytes != sizeof *header)
        return nn_fail(error, NN_ERR_MODEL, "written on another kind of machine or version");
    if (header->hash != want->hash || header->param_floats != want->param_floats ||
        header->state_floats != want->state_floats)
        return nn_fail(error, NN_ERR_MODEL, "a checkpoint of another model, or of another order "
                       "of its weights");
    if (header->moment_count != want->moment_count)
        return nn_fail(error, NN_ERR_MODEL, "a checkpoint of another optimizer");
    floats = (uint64_t)(want->param_floats * (1 + want->moment_count) + want->state_floats);
    size = sizeof *header + 4 * floats + sizeof checksum;
    if (file->size != size)
        return nn_fail(error, NN_ERR_TRUNCATED, "%zu bytes instead of %llu", file->size,
                       (unsigned long long)size);
    memcpy(&checksum, file->at + size - sizeof checksum, sizeof checksum);
    if (checksum != nn_checksum(file->at, file->size - sizeof checksum))
        return nn_fail(error, NN_ERR_READ, "damaged: the checksum differs");
    return NN_OK;
}

static const unsigned char *take(const unsigned char *at, float *out, int64_t floats) {
    size_t bytes = sizeof *out * (size_t)floats;
    if (bytes) memcpy(out, at, bytes);
    return at + bytes;
}

int nn_checkpoint_load(const char *path, const nn_model *model, nn_checkpoint *checkpoint,
                       const nn_arrays *arrays, nn_error *error) {
    Header want, have;
    nn_bytes file;
    int status = nn_file_read(path, &file, error);
    if (status) return status;
    memset(&have, 0, sizeof have);
    memcpy(&have, file.at, file.size < sizeof have ? file.size : sizeof have);
    fill_header(&want, model, checkpoint, arrays);
    status = check(&file, &have, &want, error);
    if (!status) {
        const unsigned char *at = take(file.at + sizeof have, arrays->params, model->param_floats);
        for (int i = 0; i < arrays->moment_count; i++)
            at = take(at, arrays->moments[i], model->param_floats);
        take(at, arrays->states, model->state_floats);
        *checkpoint = have.checkpoint;
    }
    free(file.at);
    return status;
}
