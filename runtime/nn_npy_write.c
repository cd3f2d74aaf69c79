/* SPDX-License-Identifier: MIT
 * nn_npy_write.c - NPY files, after NumPy's description (NEP 1). */
#include <stdio.h>
#include <string.h>

#include "nn_array.h"
#include "nn_file.h"

/* The dictionary, with spaces behind so that the data starts at a multiple of 64, and a line's end.
 * Returns its length. */
static size_t describe(const nn_array *array, const char *type, char *out, size_t room)
{
    size_t n =
        (size_t)snprintf(out, room, "{'descr': '%s', 'fortran_order': False, 'shape': (", type);
    for (int i = 0; i < array->rank; i++)
        n += (size_t)snprintf(out + n, room - n, "%lld,", (long long)array->dims[i]);
    n += (size_t)snprintf(out + n, room - n, "), }");
    while ((10 + n + 1) % 64) out[n++] = ' ';
    out[n++] = '\n';
    return n;
}

static int is_little_endian(void)
{
    const int one = 1;
    return *(const char *)&one;
}

int nn_npy_write(const char *path, const nn_array *array, nn_error *error)
{
    const int bytes = array->dtype == NN_U8 ? 1 : 4;
    const char order = bytes == 1 ? '|' : is_little_endian() ? '<' : '>';
    const char *kind = array->dtype == NN_F32 ? "f4" : array->dtype == NN_I32 ? "i4" : "u1";
    char type[8], text[512];
    unsigned char start[10] = {0x93, 'N', 'U', 'M', 'P', 'Y', 1, 0, 0, 0};
    nn_save *save = NULL;
    nn_error_at(error, path, -1, -1, 0);
    if (array->dtype != NN_F32 && array->dtype != NN_I32 && array->dtype != NN_U8)
        return nn_fail(error, NN_ERR_OPTION, "no NPY file holds that type");
    snprintf(type, sizeof type, "%c%s", order, kind);
    const size_t length = describe(array, type, text, sizeof text - 64);
    start[8] = (unsigned char)(length & 255);
    start[9] = (unsigned char)(length >> 8);
    const int status = nn_save_open(&save, path, error);
    if (status) return status;
    nn_save_write(save, start, sizeof start);
    nn_save_write(save, text, length);
    nn_save_write(save, array->values, (size_t)(nn_array_elements(array) * bytes));
    return nn_save_commit(save, error);
}
