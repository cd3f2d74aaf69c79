/* SPDX-License-Identifier: MIT
 * nn_custom.c - the loader custom("loader.c"): three functions written by the user (see
 * nn_step.h). */
#include <string.h>

#include "nn_loaders.h"

static const nn_custom *find(const nn_request *request, const char *name) {
    for (int i = 0; i < request->custom_count; i++)
        if (!strcmp(request->customs[i].name, name)) return &request->customs[i];
    return NULL;
}

static int check(const nn_custom_info *info, const char *name, nn_error *error) {
    if (info->count < 0 || info->part_count < 1 || info->part_count > NN_MAX_PARTS)
        return nn_fail(error, NN_ERR_FORMAT, "custom loader '%s' tells of %lld samples in %d parts",
                       name, (long long)info->count, info->part_count);
    for (int i = 0; i < info->part_count; i++)
        if (!info->parts[i].name || info->parts[i].dtype < NN_F32 || info->parts[i].dtype > NN_U8)
            return nn_fail(error, NN_ERR_FORMAT,
                           "part %d of custom loader '%s' has no name or an unknown type", i, name);
    return NN_OK;
}

static int read_part(const nn_custom *custom, void *state, int part, nn_column *column,
                     int64_t count, nn_error *error) {
    size_t bytes = nn_dtype_size(column->dtype) * (size_t)column->width;
    for (int64_t i = 0; i < count; i++) {
        int status = custom->read(state, part, i, (char *)column->values + bytes * (size_t)i,
                                  error);
        if (status) return status;
    }
    return NN_OK;
}

static int read_all(const nn_custom *custom, void *state, const nn_custom_info *info,
                    nn_data **out, nn_error *error) {
    int status = check(info, custom->name, error);
    if (status) return status;
    *out = nn_data_new(info->count, info->part_count, error);
    for (int i = 0; i < info->part_count && *out && !status; i++) {
        nn_column *column = nn_data_add(*out, info->parts[i].name, info->parts[i].dtype,
                                        info->parts[i].rank, info->parts[i].dims, NULL, error);
        status = column ? read_part(custom, state, i, column, info->count, error)
                        : NN_ERR_SHAPE;
    }
    if (!*out) return NN_ERR_MEMORY;
    if (status) nn_data_free(*out);
    return status;
}

static int load(const nn_request *request, nn_data **out, nn_error *error) {
    const nn_option *name = nn_find_option(request->step, NULL);
    const nn_custom *custom = find(request, name->text);
    nn_custom_info info;
    void *state = NULL;
    int status;
    *out = NULL;
    nn_error_at(error, name->text, -1, -1, -1);
    if (!custom)
        return nn_fail(error, NN_ERR_MISSING, "this program was built without that loader");
    memset(&info, 0, sizeof info);
    if ((status = custom->open(&state, request->dir, request->step, &info, error))) return status;
    status = read_all(custom, state, &info, out, error);
    custom->close(state);
    if (status) *out = NULL;
    return status;
}

static const nn_option_spec options[] = {
    { "", NN_TEXT, 1, "C file that defines the loader" },
    { "*", NN_NUMBER | NN_TEXT | NN_WORD | NN_RANGE | NN_NUMBERS | NN_TEXTS, 0,
      "handed to the loader" },
    { NULL, 0, 0, NULL },
};

const nn_loader nn_custom_loader = { "custom", options, load };
