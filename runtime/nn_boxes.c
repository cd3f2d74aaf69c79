/* SPDX-License-Identifier: MIT
 * nn_boxes.c - boxes to and from the grid of a detector. */
#include "nn_boxes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* ---- overlap ---- */

static float area(float width, float height)
{
    return width > 0 && height > 0 ? width * height : 0;
}

/* Of what two boxes have in common and what each has. */
static float ratio(float common, float a, float b)
{
    return common > 0 ? common / (a + b - common) : 0;
}

float nn_boxes_overlap(const nn_box *a, const nn_box *b)
{
    const float width = fminf(a->x2, b->x2) - fmaxf(a->x1, b->x1);
    const float height = fminf(a->y2, b->y2) - fmaxf(a->y1, b->y1);
    return ratio(area(width, height), area(a->x2 - a->x1, a->y2 - a->y1),
                 area(b->x2 - b->x1, b->y2 - b->y1));
}

/* Of two boxes with one centre. */
static float shape_overlap(float width, float height, const float *anchor)
{
    return ratio(area(fminf(width, anchor[0]), fminf(height, anchor[1])), area(width, height),
                 area(anchor[0], anchor[1]));
}

/* ---- targets ---- */

static int cells(const nn_box_grid *grid) { return grid->rows * grid->columns; }

/* -1: all are taken. */
static int free_anchor(const nn_box_grid *grid, float width, float height, int cell,
                       const float *objectness)
{
    int best = -1;
    float most = -1;
    for (int i = 0; i < grid->anchors; i++) {
        const float overlap = shape_overlap(width, height, grid->anchor[i]);
        if (objectness[i * cells(grid) + cell] > 0 || overlap <= most) continue;
        most = overlap;
        best = i;
    }
    return best;
}

static int place(const nn_box_grid *grid, const nn_box *b, float *objectness, float *box,
                 int *category)
{
    const float width = b->x2 - b->x1, height = b->y2 - b->y1;
    const float x = (b->x1 + b->x2) / 2 / grid->cell_width;
    const float y = (b->y1 + b->y2) / 2 / grid->cell_height;
    if (!(width > 0 && height > 0 && x >= 0 && y >= 0)) return 0;
    if (!(x < (float)grid->columns && y < (float)grid->rows)) return 0;
    if (b->category < 0 || b->category >= grid->categories) return 0;
    const int cell = (int)y * grid->columns + (int)x;
    const int anchor = free_anchor(grid, width, height, cell, objectness);
    if (anchor < 0) return 0;
    float *t = box + 4 * anchor * cells(grid) + cell;
    objectness[anchor * cells(grid) + cell] = 1;
    category[anchor * cells(grid) + cell] = b->category;
    t[0 * cells(grid)] = x - floorf(x);
    t[1 * cells(grid)] = y - floorf(y);
    t[2 * cells(grid)] = logf(width / grid->anchor[anchor][0]);
    t[3 * cells(grid)] = logf(height / grid->anchor[anchor][1]);
    return 1;
}

int nn_boxes_encode(const nn_box_grid *grid, const nn_box *boxes, int count, float *objectness,
                    float *box, int *category)
{
    const size_t all = (size_t)(grid->anchors * cells(grid));
    int placed = 0;
    memset(objectness, 0, all * sizeof *objectness);
    memset(box, 0, 4 * all * sizeof *box);
    memset(category, 0, all * sizeof *category);
    for (int i = 0; i < count; i++) placed += place(grid, &boxes[i], objectness, box, category);
    return placed;
}

/* ---- what was found ---- */

static float sigmoid(float x) { return 1 / (1 + expf(-x)); }

/* The category of the largest logit, and its softmax; `step` floats lie between logits. */
static int best_category(const float *logits, int count, int step, float *share)
{
    int best = 0;
    float sum = 0;
    for (int i = 1; i < count; i++)
        if (logits[i * step] > logits[best * step]) best = i;
    for (int i = 0; i < count; i++) sum += expf(logits[i * step] - logits[best * step]);
    *share = 1 / sum;
    return best;
}

static nn_box box_at(const nn_box_grid *grid, const float *output, int anchor, int cell)
{
    const int step = cells(grid);
    const float *t = output + anchor * (5 + grid->categories) * step + cell;
    const float x = ((float)(cell % grid->columns) + sigmoid(t[0])) * grid->cell_width;
    const float y = ((float)(cell / grid->columns) + sigmoid(t[step])) * grid->cell_height;
    const float width = grid->anchor[anchor][0] * expf(t[2 * step]);
    const float height = grid->anchor[anchor][1] * expf(t[3 * step]);
    float share;
    nn_box b = {x - width / 2, y - height / 2, x + width / 2, y + height / 2, 0, 0};
    b.category = best_category(t + 5 * step, grid->categories, step, &share);
    b.score = sigmoid(t[4 * step]) * share;
    return b;
}

/* Into its place in falling order; the last falls out where there is no room. */
static int insert(nn_box *boxes, int count, int room, nn_box b)
{
    int at = count;
    while (at > 0 && boxes[at - 1].score < b.score) at--;
    if (at == room) return count;
    const int moved = (count < room ? count : room - 1) - at;
    memmove(boxes + at + 1, boxes + at, (size_t)moved * sizeof *boxes);
    boxes[at] = b;
    return count < room ? count + 1 : room;
}

int nn_boxes_decode(const nn_box_grid *grid, const float *output, float least, nn_box *boxes,
                    int room)
{
    int count = 0;
    for (int anchor = 0; anchor < grid->anchors; anchor++)
        for (int cell = 0; cell < cells(grid); cell++) {
            const nn_box b = box_at(grid, output, anchor, cell);
            if (b.score >= least) count = insert(boxes, count, room, b);
        }
    return count;
}

static int surest_first(const void *a, const void *b)
{
    const float x = ((const nn_box *)a)->score, y = ((const nn_box *)b)->score;
    return (x < y) - (x > y);
}

int nn_boxes_suppress(nn_box *boxes, int count, float overlap)
{
    int kept = 0;
    qsort(boxes, (size_t)count, sizeof *boxes, surest_first);
    for (int i = 0; i < count; i++) {
        int stays = 1;
        for (int j = 0; j < kept; j++)
            if (boxes[j].category == boxes[i].category
                && nn_boxes_overlap(&boxes[j], &boxes[i]) > overlap)
                stays = 0;
        if (stays) boxes[kept++] = boxes[i];
    }
    return kept;
}
