/* SPDX-License-Identifier: MIT
 * nn_safetensors_write.c - writing safetensors files. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn_safetensors.h"

/* A growing text. */
typedef struct Text {
    char *at;
    size_t length, room;
    int failed;
} Text;

static void put(Text *text, const char *bytes, size_t length) {
    if (text->failed) return;
    if (text->length + length + 1 > text->room) {
        size_t room = 2 * (text->length + length) + 64;
        char *larger = realloc(text->at, room);
        if (!larger) {
            text->failed = 1;
            return;
        }
        text->at = larger;
        text->room = room;
    }
    memcpy(text->at + text->length, bytes, length);
    text->length += length;
}

static void put_text(Text *text, const char *words) {
    put(text, words, strlen(words));
}

static void put_number(Text *text, int64_t number) {
    char digits[32];
    snprintf(digits, sizeof digits, "%lld", (long long)number);
    put_text(text, digits);
}

static void put_quoted(Text *text, const char *name) {
    put_text(text, "\"");
    for (; *name; name++) {
        char escape[8];
        if (*name == '"' || *name == '\\')
            snprintf(escape, sizeof escape, "\\%c", *name);
        else if ((unsigned char)*name < 0x20)
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)*name);
        else
            snprintf(escape, sizeof escape, "%c", *name);
        put_text(text, escape);
    }
    put_text(text, "\"");
}

static int64_t elements(const nn_storing *tensor) {
    int64_t product = 1;
    for (int i = 0; i < tensor->rank; i++) product *= tensor->dims[i];
    return product;
}

/* Padded with spaces to a multiple of 8, so that the data is aligned. */
static void put_header(Text *text, const nn_storing *tensors, int count) {
    int64_t offset = 0;
    put_text(text, "{");
    for (int t = 0; t < count; t++) {
        if (t) put_text(text, ",");
        put_quoted(text, tensors[t].name);
        put_text(text, ":{\"dtype\":\"F32\",\"shape\":[");
        for (int i = 0; i < tensors[t].rank; i++) {
            if (i) put_text(text, ",");
            put_number(text, tensors[t].dims[i]);
        }
        put_text(text, "],\"data_offsets\":[");
        put_number(text, offset);
        put_text(text, ",");
        put_number(text, offset += 4 * elements(&tensors[t]));
        put_text(text, "]}");
    }
    put_text(text, "}");
    while (text->length % 8 && !text->failed) put_text(text, " ");
}

static void write_little(nn_save *save, const float *values, int64_t count) {
    const uint32_t probe = 1;
    unsigned char first;
    memcpy(&first, &probe, 1);
    if (first) {
        nn_save_write(save, values, sizeof *values * (size_t)count);
        return;
    }
    for (int64_t i = 0; i < count; i++) {
        unsigned char bytes[4];
        uint32_t bits;
        memcpy(&bits, &values[i], sizeof bits);
        for (int b = 0; b < 4; b++) bytes[b] = (unsigned char)(bits >> 8 * b);
        nn_save_write(save, bytes, sizeof bytes);
    }
}

int nn_safetensors_write(const char *path, const nn_storing *tensors, int count, nn_error *error) {
    Text header = { NULL, 0, 0, 0 };
    unsigned char length[8];
    nn_save *save;
    int status;
    put_header(&header, tensors, count);
    if (header.failed) {
        free(header.at);
        return nn_fail(error, NN_ERR_MEMORY, "out of memory");
    }
    for (int b = 0; b < 8; b++) length[b] = (unsigned char)(header.length >> 8 * b);
    if ((status = nn_save_open(&save, path, error))) {
        free(header.at);
        return status;
    }
    nn_save_write(save, length, sizeof length);
    nn_save_write(save, header.at, header.length);
    for (int t = 0; t < count; t++) write_little(save, tensors[t].values, elements(&tensors[t]));
    free(header.at);
    return nn_save_commit(save, error);
}
