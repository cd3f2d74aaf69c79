/* SPDX-License-Identifier: MIT
 * nn_boxes.h - boxes around things in pictures, to and from the grid of a detector in the manner of
 * YOLO (J. Redmon, A. Farhadi, 2016 and 2018).
 *
 * The picture is divided into rows x columns cells, and each cell has boxes of some prior widths
 * and heights (anchors). For anchor a and cell (r, c) the network gives tx, ty, tw, th, a score and
 * a logit for each category:
 *
 *     centre  x = (c + sigmoid(tx)) cell_width     width  = anchor width  exp(tw)
 *             y = (r + sigmoid(ty)) cell_height    height = anchor height exp(th)
 *
 * Targets hold sigmoid(tx), sigmoid(ty), tw and th. All sizes are in pixels. */
#ifndef NN_BOXES_H
#define NN_BOXES_H

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_box {
    float x1, y1, x2, y2; /* left, upper, right, lower edge */
    int category;
    float score; /* of a found box: how sure, in [0, 1] */
} nn_box;

typedef struct nn_box_grid {
    int rows, columns, categories;
    float cell_width, cell_height;
    int anchors;
    const float (*anchor)[2]; /* [anchors] width, height */
} nn_box_grid;

/* The targets of one picture: objectness [anchors][rows][columns], which is 1 where a box is to be
 * found; box [anchors][4][rows][columns] and category [anchors][rows][columns] of those, 0
 * elsewhere. A box goes to the cell of its centre and to the anchor whose shape overlaps it most
 * that is still free there. Returns how many of the boxes had a place: one without area, with its
 * centre outside or of a category outside 0..categories-1 has none. */
int nn_boxes_encode(const nn_box_grid *grid, const nn_box *boxes, int count, float *objectness,
                    float *box, int *category);

/* The boxes that the network's output for one picture, [anchors][5 + categories][rows][columns], is
 * at least so sure of: sigmoid(score) times the softmax of the best category. Fills at most `room`
 * of boxes, the surest, in falling order; returns how many. */
int nn_boxes_decode(const nn_box_grid *grid, const float *output, float least, nn_box *boxes,
                    int room);

/* Non-maximum suppression: of boxes of one category that overlap by more than `overlap` only the
 * surest stays. Sorts by falling score; returns how many are left in front. */
int nn_boxes_suppress(nn_box *boxes, int count, float overlap);

/* The common area over the area of both together, in [0, 1]. */
float nn_boxes_overlap(const nn_box *a, const nn_box *b);

/* Which of the boxes wanted in a picture each found one is: of those of its category that overlap
 * it by at least `overlap` and that no found box before it is, the one that does most; -1 for none.
 * The surest come first, as decode and suppress leave them. Fills match[found_count]. */
void nn_boxes_match(const nn_box *found, int found_count, const nn_box *wanted, int wanted_count,
                    float overlap, int *match);

typedef struct nn_box_verdict {
    float score;
    int right; /* 1: it is a wanted box; 0: it is none, or one that was found already */
} nn_box_verdict;

/* Average precision of the found boxes of one category in all pictures, when `wanted` were to be
 * found: the area under precision over recall, as the score that a box must have falls, where the
 * precision at a recall is the best at that recall or a higher one (M. Everingham and others: The
 * PASCAL Visual Object Classes Challenge, 2015). Sorts by falling score; boxes of equal score count
 * together. 0 where nothing was wanted. */
double nn_boxes_average_precision(nn_box_verdict *found, int count, int wanted);

#ifdef __cplusplus
}
#endif
#endif
