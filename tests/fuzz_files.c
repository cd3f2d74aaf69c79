/* A libFuzzer target for every file that the runtime reads: `make fuzz`. The first byte picks the
 * reader. */
#define _GNU_SOURCE /* memfd_create */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "nn_array.h"
#include "nn_checkpoint.h"
#include "nn_csv.h"
#include "nn_safetensors.h"
#include "runtime_model.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_array(const char *path, int (*read)(const char *, nn_array *, nn_error *))
{
    nn_array array;
    nn_error error;
    memset(&array, 0, sizeof array);
    nn_error_clear(&error);
    if (!read(path, &array, &error)) {
        /* What was read is there to its last byte. */
        const int64_t bytes = nn_array_elements(&array) * (int64_t)nn_dtype_size(array.dtype);
        volatile unsigned char last = bytes > 0 ? ((const unsigned char *)array.values)[bytes - 1]
                                                : 0;
        (void)last;
    } else if (!error.code || !error.reason[0]) {
        abort();
    }
    free(array.values);
}

static void read_tensors(const char *path)
{
    nn_safetensors file;
    nn_error error;
    memset(&file, 0, sizeof file);
    nn_error_clear(&error);
    if (!nn_safetensors_read(path, &file, &error))
        for (int i = 0; i < file.count; i++) {
            float *values = nn_alloc(file.tensors[i].elements, sizeof *values, NULL);
            if (values) nn_stored_floats(&file.tensors[i], values);
            free(values);
        }
    nn_safetensors_free(&file);
}

static void read_fields(const uint8_t *data, size_t size)
{
    nn_csv csv;
    int what = NN_CSV_FIELD;
    double value;
    char *text = malloc(size + 1);
    if (!text) return;
    memcpy(text, data, size);
    text[size] = '\0';
    nn_csv_open(&csv, text, size, ',');
    while (!nn_csv_next(&csv, &what, NULL) && what != NN_CSV_END)
        nn_parse_number(csv.field, &value);
    nn_csv_close(&csv);
    free(text);
}

static void read_checkpoint(const char *path)
{
    float params[TOY_FLOATS], states[TOY_STATES];
    nn_arrays arrays;
    nn_checkpoint place;
    memset(&arrays, 0, sizeof arrays);
    arrays.params = params;
    arrays.states = states;
    nn_checkpoint_load(path, &toy_model, &place, &arrays, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    int file;
    if (size < 1) return 0;
    if (data[0] % 5 == 0) {
        read_fields(data + 1, size - 1);
        return 0;
    }
    if ((file = memfd_create("fuzz", 0)) < 0) return 0;
    snprintf(path, sizeof path, "/proc/self/fd/%d", file);
    if (write(file, data + 1, size - 1) == (ssize_t)(size - 1)) {
        if (data[0] % 5 == 1) read_array(path, nn_idx_read);
        if (data[0] % 5 == 2) read_array(path, nn_npy_read);
        if (data[0] % 5 == 3) read_tensors(path);
        if (data[0] % 5 == 4) read_checkpoint(path);
    }
    close(file);
    return 0;
}
