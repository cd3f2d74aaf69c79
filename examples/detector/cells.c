/* Reads pictures and boxes. */
#include "cells.h"

#include <stdio.h>
#include <stdlib.h>

#include "nn_csv.h"
#include "nn_file.h"

void stop(const char *what, const char *reason)
{
    fprintf(stderr, "%s: %s\n", what, reason);
    exit(1);
}

void *room_for(int count, size_t size)
{
    void *at = calloc((size_t)count, size);
    if (!at) stop("detector", "out of memory");
    return at;
}

const char *path_in(const char *directory, const char *name)
{
    nn_error error;
    const char *path = nn_file_join(directory, name, &error);
    if (!path) stop(directory, error.reason);
    return path;
}

static void read_images(Pictures *p, const char *path)
{
    nn_error error;
    nn_array *a = &p->images;
    if (nn_npy_read(path, a, &error)) stop(path, error.reason);
    if (a->dtype != NN_U8 || a->rank != 4 || a->dims[1] != SIDE || a->dims[2] != SIDE
        || a->dims[3] != 3)
        stop(path, "bytes [count][160][160][3] are wanted");
    p->count = (int)a->dims[0];
}

/* The next record: picture, category and four edges. 0 at the end. */
static int read_record(nn_csv *csv, const char *path, double *values)
{
    nn_error error;
    for (int i = 0, what; i < 6; i++) {
        if (nn_csv_next(csv, &what, &error)) stop(path, error.reason);
        if (what == NN_CSV_END && i == 0) return 0;
        if (what != (i < 5 ? NN_CSV_FIELD : NN_CSV_LAST)
            || !nn_parse_number(csv->field, &values[i]))
            stop(path, "records of six numbers are wanted");
    }
    return 1;
}

static void skip_header(nn_csv *csv, const char *path)
{
    nn_error error;
    for (int what = NN_CSV_FIELD; what == NN_CSV_FIELD;)
        if (nn_csv_next(csv, &what, &error)) stop(path, error.reason);
}

static void read_boxes(Pictures *p, const char *path)
{
    nn_error error;
    nn_bytes file;
    nn_csv csv = {0};
    double v[6];
    int picture = 0;
    if (nn_file_read(path, &file, &error)) stop(path, error.reason);
    /* A record takes 12 bytes at least. */
    p->boxes = room_for((int)(file.size / 12) + 1, sizeof *p->boxes);
    p->first = room_for(p->count + 1, sizeof *p->first);
    nn_csv_open(&csv, (const char *)file.at, file.size, ',');
    skip_header(&csv, path);
    while (read_record(&csv, path, v)) {
        if (v[0] < picture || v[0] >= p->count)
            stop(path, "a picture that is not there, or out of order");
        while (picture < (int)v[0]) p->first[++picture] = p->box_count;
        p->boxes[p->box_count++] =
            (nn_box){(float)v[2], (float)v[3], (float)v[4], (float)v[5], (int)v[1], 1};
    }
    while (picture < p->count) p->first[++picture] = p->box_count;
    nn_csv_close(&csv);
    free(file.at);
}

Pictures pictures_read(const char *directory)
{
    Pictures p = {0};
    const char *images = path_in(directory, "images.npy"), *boxes = path_in(directory, "boxes.csv");
    read_images(&p, images);
    read_boxes(&p, boxes);
    free((void *)(uintptr_t)images);
    free((void *)(uintptr_t)boxes);
    return p;
}

void pictures_free(Pictures *p)
{
    free(p->images.values);
    free(p->boxes);
    free(p->first);
}
