/* Finds cells in pictures and draws boxes around them: ./detect WEIGHTS DIR OUT [LEAST]
 * Reads DIR/images.npy and DIR/boxes.csv, writes OUT/000.png, ..., and prints how well the boxes
 * were found. Red boxes are red cells, yellow ones white cells, green ones platelets. LEAST: how
 * sure a box must be to be drawn, 0.4 if not given. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cells.h"
#include "nn_weights.h"
#include "png.h"
#include "tiny_yolo.h"

enum {
    MOST = ANCHORS * CELLS * CELLS, /* boxes of a picture: all that the network tells */
    SCALE = 3                       /* of drawn pictures */
};
static const float least_counted = 0.01f; /* how sure a box must be to count in average precision */

typedef struct Detector {
    float *params, *states;
    float image[3 * SIDE * SIDE], output[ANCHORS * (5 + CATEGORIES) * CELLS * CELLS];
    void *workspace;
} Detector;

static Detector *detector_new(const char *weights)
{
    const nn_model *m = &tiny_yolo_model;
    Detector *d = room_for(1, sizeof *d);
    nn_error error;
    d->params = room_for((int)m->param_floats, sizeof(float));
    d->states = room_for((int)m->state_floats, sizeof(float));
    d->workspace = room_for(1, nn_find_entry(m, "infer")->workspace_bytes);
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
    return nn_boxes_suppress(found, nn_boxes_decode(&grid, d->output, least_counted, found, MOST),
                             0.45f);
}

/* ---- drawing ---- */

typedef struct Drawing {
    unsigned char pixels[SIDE * SCALE][SIDE * SCALE][3];
} Drawing;

static void enlarge(Drawing *d, const unsigned char *picture)
{
    for (int y = 0; y < SIDE * SCALE; y++)
        for (int x = 0; x < SIDE * SCALE; x++)
            memcpy(d->pixels[y][x], picture + (y / SCALE * SIDE + x / SCALE) * 3, 3);
}

/* A pixel of the drawing, if it is in it; x and y in pixels of the drawing. */
static void dot(Drawing *d, int x, int y, const unsigned char *color)
{
    if (x >= 0 && y >= 0 && x < SIDE * SCALE && y < SIDE * SCALE) memcpy(d->pixels[y][x], color, 3);
}

static int at_edge(float place, int inset)
{
    const int at = (int)(place * SCALE) + inset;
    return at < 0 ? 0 : at >= SIDE * SCALE ? SIDE * SCALE - 1 : at;
}

/* Two pixels wide, inwards. */
static void draw(Drawing *d, const nn_box *b)
{
    static const unsigned char colors[CATEGORIES][3] = {{220, 0, 0}, {255, 220, 0}, {0, 160, 0}};
    const unsigned char *color = colors[b->category];
    for (int line = 0; line < 2; line++) {
        const int x1 = at_edge(b->x1, line), x2 = at_edge(b->x2, -line);
        const int y1 = at_edge(b->y1, line), y2 = at_edge(b->y2, -line);
        for (int x = x1; x <= x2; x++) dot(d, x, y1, color), dot(d, x, y2, color);
        for (int y = y1; y <= y2; y++) dot(d, x1, y, color), dot(d, x2, y, color);
    }
}

static void write_drawing(const char *directory, int number, const Drawing *d)
{
    char name[32];
    snprintf(name, sizeof name, "%03d.png", number);
    const char *path = path_in(directory, name);
    if (png_write(path, d->pixels[0][0], SIDE * SCALE, SIDE * SCALE))
        stop(path, strerror(errno));
    free((void *)(uintptr_t)path);
}

/* ---- how good it is ---- */

typedef struct Result {
    int wanted, drawn, right; /* of a category; drawn: sure enough, right: of those drawn */
    int count;
    nn_box_verdict *verdicts; /* [count] of all that were found */
} Result;

/* A found box is right if it and one that is wanted share half of the area that they cover. */
static void judge(Result *results, const nn_box *wanted, int wanted_count, const nn_box *found,
                  int found_count, float least)
{
    int match[MOST];
    nn_boxes_match(found, found_count, wanted, wanted_count, 0.5f, match);
    for (int i = 0; i < wanted_count; i++) results[wanted[i].category].wanted++;
    for (int i = 0; i < found_count; i++) {
        Result *r = &results[found[i].category];
        r->verdicts[r->count++] = (nn_box_verdict){found[i].score, match[i] >= 0};
        if (found[i].score < least) continue;
        r->drawn++;
        r->right += match[i] >= 0;
    }
}

static void print_results(Result *results)
{
    static const char *const names[CATEGORIES] = {"red cells", "white cells", "platelets"};
    double sum = 0;
    printf("%-14s%8s%8s%8s%12s%12s%20s\n", "", "wanted", "drawn", "right", "recall", "precision",
           "average precision");
    for (int c = 0; c < CATEGORIES; c++) {
        Result *r = &results[c];
        const double average = nn_boxes_average_precision(r->verdicts, r->count, r->wanted);
        sum += average;
        printf("%-14s%8d%8d%8d%11.1f%%%11.1f%%%19.1f%%\n", names[c], r->wanted, r->drawn, r->right,
               100.0 * r->right / (r->wanted + !r->wanted),
               100.0 * r->right / (r->drawn + !r->drawn), 100 * average);
    }
    printf("%-14s%79.1f%%\n", "mean", 100 * sum / CATEGORIES);
}

int main(int argc, char **argv)
{
    Result results[CATEGORIES] = {{0, 0, 0, 0, NULL}};
    if (argc != 4 && argc != 5) {
        fprintf(stderr, "usage: detect WEIGHTS DIR OUT [LEAST]\n");
        return 2;
    }
    char *end = NULL;
    const float least = argc > 4 ? strtof(argv[4], &end) : 0.4f;
    if (end && (*end || end == argv[4])) {
        fprintf(stderr, "LEAST is a number from 0 to 1, not '%s'\n", argv[4]);
        return 2;
    }
    Detector *d = detector_new(argv[1]);
    Drawing *drawing = room_for(1, sizeof *drawing);
    Pictures p = pictures_read(argv[2]);
    for (int c = 0; c < CATEGORIES; c++)
        results[c].verdicts = room_for(p.count * MOST, sizeof(nn_box_verdict));
    for (int i = 0; i < p.count; i++) {
        const unsigned char *picture = (unsigned char *)p.images.values + i * SIDE * SIDE * 3;
        nn_box found[MOST];
        const int n = detect(d, picture, found);
        judge(results, p.boxes + p.first[i], p.first[i + 1] - p.first[i], found, n, least);
        enlarge(drawing, picture);
        for (int j = 0; j < n && found[j].score >= least; j++) draw(drawing, &found[j]);
        write_drawing(argv[3], i, drawing);
    }
    print_results(results);
    for (int c = 0; c < CATEGORIES; c++) free(results[c].verdicts);
    pictures_free(&p);
    free(drawing);
    detector_free(d);
    return 0;
}
