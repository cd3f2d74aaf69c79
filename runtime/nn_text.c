/* SPDX-License-Identifier: MIT
 * nn_text.c - the loader text("input.txt", context = 64, alphabet = chars): every stretch of
 * `context` characters for the input, and the stretch one further on for the target. */
#include <stdlib.h>
#include <string.h>

#include "nn_alphabet.h"
#include "nn_file.h"
#include "nn_loaders.h"

/* The one input and the one target: i32, [batch, context]. */
static int find_parts(const nn_request *request, int64_t context, const nn_io **parts,
                      nn_error *error)
{
    const nn_entry *entry = request->entry;
    int count = 0;
    for (int i = 0; i < entry->input_count; i++) {
        const nn_io *io = &entry->inputs[i];
        if (count == 2 || io->dtype != NN_I32 || io->rank != 2 || io->dims[1] != context)
            return nn_fail(error, NN_ERR_SHAPE,
                           "text gives one input and one target i32[batch, %lld]: '%s' is another",
                           (long long)context, io->name);
        parts[count++] = io;
    }
    if (count == 2) return NN_OK;
    return nn_fail(error, NN_ERR_SHAPE,
                   "text gives an input and a target; the model has %d of them", count);
}

/* Fits the alphabet, or recalls the one that the training part fitted. */
static int choose_alphabet(const nn_request *request, const nn_bytes *file, const char *part,
                           nn_alphabet *alphabet, nn_error *error)
{
    const nn_option *option = nn_find_option(request->step, "alphabet");
    const char *kind = option ? option->text : "chars";
    if (!strcmp(kind, "bytes")) {
        nn_alphabet_bytes(alphabet);
        return NN_OK;
    }
    if (strcmp(kind, "chars"))
        return nn_fail(error, NN_ERR_OPTION, "alphabet is chars or bytes, not '%s'", kind);
    if (!request->fitting) return nn_alphabet_recall(alphabet, request->fitted, part, error);
    nn_alphabet_of(alphabet, file->at, file->size);
    return nn_alphabet_record(alphabet, request->fitted, part, error);
}

static int64_t line_of(const nn_bytes *file, size_t at)
{
    int64_t line = 1;
    for (size_t i = 0; i < at; i++) line += file->at[i] == '\n';
    return line;
}

/* In place. */
static int encode(const char *path, nn_bytes *file, const nn_alphabet *alphabet, nn_error *error)
{
    for (size_t i = 0; i < file->size; i++) {
        int number = alphabet->numbers[file->at[i]];
        if (number < 0) {
            nn_error_at(error, path, line_of(file, i), -1, (int64_t)i);
            return nn_fail(error, NN_ERR_RANGE,
                           "the byte %d is not in the alphabet of the data "
                           "that was trained on",
                           file->at[i]);
        }
        file->at[i] = (unsigned char)number;
    }
    return NN_OK;
}

static int check_limit(const nn_io *io, const nn_alphabet *alphabet, nn_error *error)
{
    if (io->limit <= 0 || alphabet->count <= io->limit) return NN_OK;
    return nn_fail(error, NN_ERR_RANGE, "the text has %d characters, '%s' takes %lld",
                   alphabet->count, io->name, (long long)io->limit);
}

static int add_windows(nn_data *data, const nn_io *io, const unsigned char *from, int64_t bytes,
                       nn_error *error)
{
    unsigned char *copy = nn_alloc(bytes, 1, error);
    nn_column *column;
    if (!copy) return NN_ERR_MEMORY;
    memcpy(copy, from, (size_t)bytes);
    column = nn_data_add(data, io->name, NN_U8, 1, &io->dims[1], copy, error);
    if (!column) {
        free(copy);
        return NN_ERR_SHAPE;
    }
    column->step = 1; /* neighbours overlap in all but one character */
    return NN_OK;
}

static int make(const nn_request *request, const char *path, nn_bytes *file, int64_t context,
                nn_data **out, nn_error *error)
{
    const nn_io *parts[2];
    nn_alphabet alphabet;
    int64_t rows = (int64_t)file->size - context;
    int status = find_parts(request, context, parts, error);
    if (status) return status;
    nn_error_at(error, path, -1, -1, -1);
    if (rows < 1)
        return nn_fail(error, NN_ERR_TRUNCATED, "%lld characters are too few for a context of %lld",
                       (long long)file->size, (long long)context);
    if ((status = choose_alphabet(request, file, parts[0]->name, &alphabet, error))) return status;
    if ((status = check_limit(parts[0], &alphabet, error))) return status;
    if ((status = encode(path, file, &alphabet, error))) return status;
    *out = nn_data_new(rows, 2, error);
    if (!*out) return NN_ERR_MEMORY;
    for (int i = 0; i < 2 && !status; i++)
        status = add_windows(*out, parts[i], file->at + i, (int64_t)file->size - 1, error);
    if (status) {
        nn_data_free(*out);
        *out = NULL;
    }
    return status;
}

static int load(const nn_request *request, nn_data **out, nn_error *error)
{
    const nn_option *name = nn_find_option(request->step, NULL);
    double context = nn_option_number(request->step, "context", 0);
    char *path = nn_file_join(request->dir, name->text, error);
    nn_bytes file;
    int status;
    *out = NULL;
    if (!path) return NN_ERR_MEMORY;
    if (!(context >= 1 && context < 1e9)) {
        free(path);
        return nn_fail(error, NN_ERR_OPTION, "context is the length of a sample, at least 1");
    }
    status = nn_file_read(path, &file, error);
    if (!status) {
        status = make(request, path, &file, (int64_t)context, out, error);
        free(file.at);
    }
    free(path);
    return status;
}

static const nn_option_spec options[] = {
    {"", NN_TEXT, 1, "the file"},
    {"context", NN_NUMBER, 1, "characters of a sample"},
    {"alphabet", NN_WORD | NN_TEXT, 0,
     "chars (default): numbers in the order of the bytes that occur; bytes: each its own"},
    {NULL, 0, 0, NULL},
};

const nn_loader nn_text_loader = {"text", options, load};
