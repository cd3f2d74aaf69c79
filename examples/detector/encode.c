/* Makes what tiny_yolo.nn trains on of pictures and boxes: ./encode DIR OUT
 * Writes OUT/images.npy (planes of channels), objectness.npy, box.npy and category.npy. */
#include <stdio.h>
#include <stdlib.h>

#include "cells.h"

static void *room_for(int64_t count, size_t size)
{
    void *at = calloc((size_t)count, size);
    if (at) return at;
    fprintf(stderr, "encode: out of memory\n");
    exit(1);
}

static void write(const char *directory, const char *name, const nn_array *array)
{
    nn_error error;
    const char *path = path_in(directory, name);
    if (nn_npy_write(path, array, &error)) {
        fprintf(stderr, "%s: %s\n", path, error.reason);
        exit(1);
    }
    free((void *)(uintptr_t)path);
}

/* Channels of a pixel become planes of a picture. */
static void write_images(const char *directory, const Pictures *p)
{
    const unsigned char *from = p->images.values;
    unsigned char *planes = room_for((int64_t)p->count * 3 * SIDE * SIDE, 1);
    for (int i = 0; i < p->count; i++)
        for (int pixel = 0; pixel < SIDE * SIDE; pixel++)
            for (int c = 0; c < 3; c++)
                planes[(i * 3 + c) * SIDE * SIDE + pixel] = from[(i * SIDE * SIDE + pixel) * 3 + c];
    write(directory, "images.npy", &(nn_array){NN_U8, 4, {p->count, 3, SIDE, SIDE}, planes});
    free(planes);
}

static int write_targets(const char *directory, const Pictures *p)
{
    const int each = ANCHORS * CELLS * CELLS;
    float *objectness = room_for((int64_t)p->count * each, sizeof *objectness);
    float *box = room_for((int64_t)p->count * each * 4, sizeof *box);
    int *category = room_for((int64_t)p->count * each, sizeof *category), placed = 0;
    for (int i = 0; i < p->count; i++)
        placed += nn_boxes_encode(&grid, p->boxes + p->first[i], p->first[i + 1] - p->first[i],
                                  objectness + i * each, box + i * each * 4, category + i * each);
    write(directory, "objectness.npy",
          &(nn_array){NN_F32, 4, {p->count, ANCHORS, CELLS, CELLS}, objectness});
    write(directory, "box.npy", &(nn_array){NN_F32, 5, {p->count, ANCHORS, 4, CELLS, CELLS}, box});
    write(directory, "category.npy",
          &(nn_array){NN_I32, 4, {p->count, ANCHORS, CELLS, CELLS}, category});
    free(objectness);
    free(box);
    free(category);
    return placed;
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: encode DIR OUT\n");
        return 2;
    }
    Pictures p = pictures_read(argv[1]);
    write_images(argv[2], &p);
    const int placed = write_targets(argv[2], &p);
    printf("%d pictures, %d of %d boxes have a place in the grid\n", p.count, placed, p.box_count);
    pictures_free(&p);
    return 0;
}
