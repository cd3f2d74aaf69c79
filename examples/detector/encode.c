/* Makes what tiny_yolo.nn trains on of pictures and boxes: ./encode DIR OUT [COPIES]
 * Writes OUT/images.npy (planes of channels), objectness.npy, box.npy and category.npy. COPIES of
 * each picture, 1 if not given: the picture itself, and others that differ as vary.h says. */
#include <stdio.h>
#include <stdlib.h>

#include "cells.h"
#include "vary.h"

enum { PIXELS = 3 * SIDE * SIDE, PLACES = ANCHORS * CELLS * CELLS };

typedef struct Targets {
    int count, wanted, placed; /* pictures; boxes in them, those with a place in the grid */
    unsigned char *images;     /* [count][3][SIDE][SIDE] */
    float *objectness;         /* [count][ANCHORS][CELLS][CELLS] */
    float *box;                /* [count][ANCHORS][4][CELLS][CELLS] */
    int *category;             /* [count][ANCHORS][CELLS][CELLS] */
} Targets;

static Targets targets_new(int count)
{
    Targets t = {count, 0, 0, NULL, NULL, NULL, NULL};
    t.images = room_for(count, PIXELS);
    t.objectness = room_for(count, PLACES * sizeof *t.objectness);
    t.box = room_for(count, 4 * PLACES * sizeof *t.box);
    t.category = room_for(count, PLACES * sizeof *t.category);
    return t;
}

static void targets_free(Targets *t)
{
    free(t->images);
    free(t->objectness);
    free(t->box);
    free(t->category);
}

/* Copy `number` of a picture is sample `at`. */
static void encode(Targets *t, size_t at, const Pictures *p, int picture, int number)
{
    const Variation v = variation_of((uint64_t)picture, (uint64_t)number);
    nn_box *boxes = room_for(p->first[picture + 1] - p->first[picture] + 1, sizeof *boxes);
    int count = 0;
    vary_picture(&v, (const unsigned char *)p->images.values + (size_t)picture * PIXELS,
                 t->images + at * PIXELS);
    for (int i = p->first[picture]; i < p->first[picture + 1]; i++)
        count += vary_box(&v, &p->boxes[i], &boxes[count]);
    t->wanted += count;
    t->placed += nn_boxes_encode(&grid, boxes, count, t->objectness + at * PLACES,
                                 t->box + at * 4 * PLACES, t->category + at * PLACES);
    free(boxes);
}

static void write(const char *directory, const char *name, const nn_array *array)
{
    nn_error error;
    const char *path = path_in(directory, name);
    if (nn_npy_write(path, array, &error)) stop(path, error.reason);
    free((void *)(uintptr_t)path);
}

static void targets_write(const Targets *t, const char *to)
{
    const int n = t->count;
    write(to, "images.npy", &(nn_array){NN_U8, 4, {n, 3, SIDE, SIDE}, t->images});
    write(to, "objectness.npy", &(nn_array){NN_F32, 4, {n, ANCHORS, CELLS, CELLS}, t->objectness});
    write(to, "box.npy", &(nn_array){NN_F32, 5, {n, ANCHORS, 4, CELLS, CELLS}, t->box});
    write(to, "category.npy", &(nn_array){NN_I32, 4, {n, ANCHORS, CELLS, CELLS}, t->category});
}

int main(int argc, char **argv)
{
    const int copies = argc > 3 ? atoi(argv[3]) : 1;
    if (argc < 3 || argc > 4 || copies < 1) {
        fprintf(stderr, "usage: encode DIR OUT [COPIES]\n");
        return 2;
    }
    Pictures p = pictures_read(argv[1]);
    Targets t = targets_new(p.count * copies);
    for (int i = 0; i < t.count; i++) encode(&t, (size_t)i, &p, i / copies, i % copies);
    targets_write(&t, argv[2]);
    printf("%d pictures of %d, %d of %d boxes have a place in the grid\n", t.count, p.count,
           t.placed, t.wanted);
    targets_free(&t);
    pictures_free(&p);
    return 0;
}
