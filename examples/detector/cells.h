/* What both programs of the example know: the grid of tiny_yolo.nn, and the files of a directory of
 * pictures. */
#ifndef DETECTOR_CELLS_H
#define DETECTOR_CELLS_H
#include "nn_array.h"
#include "nn_boxes.h"

enum { SIDE = 160, CELLS = 10, ANCHORS = 3, CATEGORIES = 3 };

/* The middle width and height, in pixels, of platelets, red cells and white cells. */
static const float anchors[ANCHORS][2] = {{10, 13}, {26, 34}, {52, 59}};
static const nn_box_grid grid = {
    CELLS, CELLS, CATEGORIES, (float)SIDE / CELLS, (float)SIDE / CELLS, ANCHORS, anchors};

/* Pictures [count][SIDE][SIDE][3] of bytes; and their boxes, those of picture i from first[i] up to
 * first[i + 1]. */
typedef struct Pictures {
    nn_array images;
    int count, box_count;
    nn_box *boxes;
    int *first;
} Pictures;

/* DIR/images.npy and DIR/boxes.csv: image_index,class,x1,y1,x2,y2 under a header, in the order of
 * the pictures. Ends the program after a message. */
Pictures pictures_read(const char *directory);
void pictures_free(Pictures *p);
const char *path_in(const char *directory, const char *name); /* released with free() */

void stop(const char *what, const char *reason); /* tells it and ends the program */
void *room_for(int count, size_t size);          /* zeros; stops if there is none */
#endif
