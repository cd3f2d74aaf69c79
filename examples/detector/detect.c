/* Finds cells in pictures and draws boxes around them: ./detect WEIGHTS DIR OUT [LEAST]
 * Reads DIR/images.npy and DIR/boxes.csv, writes OUT/000.ppm, ... and prints how many of the boxes
 * were found. Red boxes are red cells, white ones white cells, green ones platelets. LEAST: how
 * sure a box must be to be drawn, 0.4 if not given. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "nn_weights.h"
#include "tiny_yolo.h"

enum { MOST = 100 }; /* boxes of a picture */

typedef struct Detector {
    float *params, *states;
    float image[3 * SIDE * SIDE], output[ANCHORS * (5 + CATEGORIES) * CELLS * CELLS];
    void *workspace;
    float least;
} Detector;

static void stop(const char *what, const char *reason)
{
    fprintf(stderr, "%s: %s\n", what, reason);
    exit(1);
}

static Detector *detector_new(const char *weights, float least)
{
    const nn_model *m = &tiny_yolo_model;
    Detector *d = calloc(1, sizeof *d);
    nn_error error;
    if (!d) stop(weights, "out of memory");
    d->params = calloc((size_t)m->param_floats, sizeof(float));
    d->states = calloc((size_t)m->state_floats, sizeof(float));
    d->workspace = malloc(nn_find_entry(m, "infer")->workspace_bytes);
    d->least = least;
    if (!d->params || !d->states || !d->workspace) stop(weights, "out of memory");
    if (nn_weights_load(m, d->params, d->states, NULL, weights, NULL, &error))
        stop(weights, error.reason);
    return d;
}

static void detector_free(Detector *d)
{
    free(d->params);
    free(d->states);
    free(d->workspace);
    free(d);
}

/* The boxes of a picture, the surest first; returns how many. */
static int detect(Detector *d, const unsigned char *picture, nn_box *found)
{
    const void *inputs[] = {d->image};
    void *outputs[] = {d->output};
    for (int pixel = 0; pixel < SIDE * SIDE; pixel++)
        for (int c = 0; c < 3; c++)
            d->image[c * SIDE * SIDE + pixel] = (float)picture[pixel * 3 + c] / 255;
    nn_call call = {0};
    call.params = d->params;
    call.states = d->states;
    call.inputs = inputs;
    call.outputs = outputs;
    call.count = 1;
    call.workspace = d->workspace;
    const int status = nn_find_entry(&tiny_yolo_model, "infer")->call(&call);
    if (status) stop("tiny_yolo", nn_status_text(status));
    return nn_boxes_suppress(found, nn_boxes_decode(&grid, d->output, d->least, found, MOST),
                             0.45f);
}

/* ---- drawing ---- */

static void dot(unsigned char *picture, int x, int y, const unsigned char *color)
{
    if (x >= 0 && y >= 0 && x < SIDE && y < SIDE) memcpy(picture + (y * SIDE + x) * 3, color, 3);
}

static void draw(unsigned char *picture, const nn_box *b)
{
    static const unsigned char colors[CATEGORIES][3] = {{255, 0, 0}, {255, 255, 255}, {0, 255, 0}};
    const unsigned char *color = colors[b->category];
    const int x1 = (int)b->x1, y1 = (int)b->y1, x2 = (int)b->x2, y2 = (int)b->y2;
    for (int x = x1; x <= x2; x++) dot(picture, x, y1, color), dot(picture, x, y2, color);
    for (int y = y1; y <= y2; y++) dot(picture, x1, y, color), dot(picture, x2, y, color);
}

static void write_picture(const char *directory, int number, const unsigned char *picture)
{
    char name[32];
    snprintf(name, sizeof name, "%03d.ppm", number);
    const char *path = path_in(directory, name);
    FILE *file = fopen(path, "wb");
    if (!file) stop(path, "cannot be written");
    fprintf(file, "P6\n%d %d\n255\n", SIDE, SIDE);
    fwrite(picture, 3, SIDE * SIDE, file);
    if (fclose(file)) stop(path, "cannot be written");
    free((void *)(uintptr_t)path);
}

/* ---- counting ---- */

typedef struct Count {
    int wanted, found, right;
} Count; /* of a category */

/* A found box is right if it overlaps one of its category that none before it did by half. */
static void count_boxes(Count *count, const nn_box *wanted, int wanted_count, const nn_box *found,
                        int found_count)
{
    char *taken = calloc((size_t)wanted_count + 1, 1);
    for (int i = 0; i < wanted_count; i++) count[wanted[i].category].wanted++;
    for (int i = 0; i < found_count; i++) {
        int best = -1;
        float most = 0.5f;
        for (int j = 0; j < wanted_count; j++) {
            const float overlap = nn_boxes_overlap(&found[i], &wanted[j]);
            if (wanted[j].category != found[i].category || taken[j] || overlap < most) continue;
            most = overlap;
            best = j;
        }
        count[found[i].category].found++;
        if (best < 0) continue;
        taken[best] = 1;
        count[found[i].category].right++;
    }
    free(taken);
}

int main(int argc, char **argv)
{
    static const char *const names[CATEGORIES] = {"red cells", "white cells", "platelets"};
    Count count[CATEGORIES] = {{0, 0, 0}};
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: detect WEIGHTS DIR OUT [LEAST]\n");
        return 2;
    }
    Detector *d = detector_new(argv[1], argc > 4 ? (float)atof(argv[4]) : 0.4f);
    Pictures p = pictures_read(argv[2]);
    for (int i = 0; i < p.count; i++) {
        unsigned char *picture = (unsigned char *)p.images.values + i * SIDE * SIDE * 3;
        nn_box found[MOST];
        const int n = detect(d, picture, found);
        count_boxes(count, p.boxes + p.first[i], p.first[i + 1] - p.first[i], found, n);
        for (int j = 0; j < n; j++) draw(picture, &found[j]);
        write_picture(argv[3], i, picture);
    }
    for (int c = 0; c < CATEGORIES; c++)
        printf("%-12s %3d of %3d found, %3d boxes drawn\n", names[c], count[c].right,
               count[c].wanted, count[c].found);
    pictures_free(&p);
    detector_free(d);
    return 0;
}
