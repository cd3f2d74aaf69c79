/* SPDX-License-Identifier: MIT
 * nn_cifar.c - the loader cifar10("data_batch_1.bin.gz"): records of one label byte and 3 x 32 x 32
 * bytes of picture, red, green, blue (A. Krizhevsky's binary version of CIFAR-10). */
#include <stdlib.h>
#include <string.h>

#include "nn_file.h"
#include "nn_loaders.h"

enum {
    CIFAR_SIDE = 32,
    CIFAR_PICTURE = 3 * CIFAR_SIDE * CIFAR_SIDE,
    CIFAR_RECORD = 1 + CIFAR_PICTURE
};

static int64_t io_width(const nn_io *io)
{
    int64_t width = 1;
    for (int i = io->batched ? 1 : 0; i < io->rank; i++) width *= io->dims[i];
    return width;
}

/* The model's part that takes pictures (labels 0) or labels (labels 1); NULL where it has none. */
static const nn_io *find_part(const nn_entry *entry, int labels)
{
    for (int i = 0; i < entry->input_count; i++) {
        const nn_io *io = &entry->inputs[i];
        if (labels ? io->dtype == NN_I32 && io_width(io) == 1
                   : io->dtype != NN_I32 && io_width(io) == CIFAR_PICTURE)
            return io;
    }
    return NULL;
}

static int count_records(const char *path, const nn_bytes *file, int64_t *count, nn_error *error)
{
    int64_t rest = (int64_t)(file->size % CIFAR_RECORD);
    nn_error_at(error, path, -1, -1, (int64_t)file->size);
    *count += (int64_t)(file->size / CIFAR_RECORD);
    if (!rest && file->size) return NN_OK;
    return nn_fail(error, NN_ERR_TRUNCATED, "%lld bytes are no whole number of records of %d",
                   (long long)file->size, CIFAR_RECORD);
}

typedef struct Files {
    int count;
    nn_bytes *bytes;
    int64_t records;
} Files;

static int read_files(const nn_request *request, const nn_option *option, Files *files,
                      nn_error *error)
{
    const char *const *names = option->kind == NN_TEXTS ? option->texts : &option->text;
    int count = option->kind == NN_TEXTS ? option->count : 1, status = NN_OK;
    if (!(files->bytes = nn_alloc(count, sizeof *files->bytes, error))) return NN_ERR_MEMORY;
    for (files->count = 0; files->count < count && !status;) {
        char *path = nn_file_join(request->dir, names[files->count], error);
        status = path ? nn_file_read(path, &files->bytes[files->count], error) : NN_ERR_MEMORY;
        if (!status)
            status = count_records(path, &files->bytes[files->count++], &files->records, error);
        free(path);
    }
    return status;
}

static int fill(const Files *files, const nn_io *picture, const nn_io *label, nn_data *data,
                nn_error *error)
{
    const int64_t shape[3] = {3, CIFAR_SIDE, CIFAR_SIDE};
    nn_column *pictures = nn_data_add(data, picture->name, NN_U8, 3, shape, NULL, error);
    nn_column *labels = NULL;
    unsigned char *to;
    int64_t row = 0;
    if (!pictures) return error ? error->code : NN_ERR_MEMORY;
    if (label && !(labels = nn_data_add(data, label->name, NN_U8, 0, NULL, NULL, error)))
        return error ? error->code : NN_ERR_MEMORY;
    to = pictures->values;
    for (int f = 0; f < files->count; f++)
        for (size_t at = 0; at < files->bytes[f].size; at += CIFAR_RECORD, row++) {
            if (labels) ((unsigned char *)labels->values)[row] = files->bytes[f].at[at];
            memcpy(to + row * CIFAR_PICTURE, files->bytes[f].at + at + 1, CIFAR_PICTURE);
        }
    return NN_OK;
}

static int load(const nn_request *request, nn_data **out, nn_error *error)
{
    const nn_io *picture = find_part(request->entry, 0), *label = find_part(request->entry, 1);
    Files files = {0, NULL, 0};
    int status;
    *out = NULL;
    if (!picture)
        return nn_fail(error, NN_ERR_SHAPE,
                       "cifar10 has pictures of [3,32,32]: the model has no "
                       "input of that size");
    status = read_files(request, nn_find_option(request->step, NULL), &files, error);
    if (!status && !(*out = nn_data_new(files.records, 2, error))) status = NN_ERR_MEMORY;
    if (!status) status = fill(&files, picture, label, *out, error);
    for (int i = 0; i < files.count; i++) free(files.bytes[i].at);
    free(files.bytes);
    if (status) {
        nn_data_free(*out);
        *out = NULL;
    }
    return status;
}

static const nn_option_spec options[] = {
    {"", NN_TEXT | NN_TEXTS, 1, "binary file of CIFAR-10, plain or .gz, or a list of them"},
    {NULL, 0, 0, NULL},
};

const nn_loader nn_cifar10_loader = {"cifar10", options, load};
