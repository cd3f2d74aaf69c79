/* SPDX-License-Identifier: MIT
 * nn_boxes_score.c - how good a detector is: found boxes beside wanted ones, average precision. */
#include <stdlib.h>

#include "nn_boxes.h"

static int among(const int *values, int count, int value)
{
    for (int i = 0; i < count; i++)
        if (values[i] == value) return 1;
    return 0;
}

void nn_boxes_match(const nn_box *found, int found_count, const nn_box *wanted, int wanted_count,
                    float overlap, int *match)
{
    for (int i = 0; i < found_count; i++) {
        float most = 0;
        match[i] = -1;
        for (int j = 0; j < wanted_count; j++) {
            const float common = nn_boxes_overlap(&found[i], &wanted[j]);
            if (wanted[j].category != found[i].category || common < overlap || common <= most
                || among(match, i, j))
                continue;
            most = common;
            match[i] = j;
        }
    }
}

static int surest_first(const void *a, const void *b)
{
    const float x = ((const nn_box_verdict *)a)->score, y = ((const nn_box_verdict *)b)->score;
    return (x < y) - (x > y);
}

/* From the least sure to the surest: `best` is the best precision at this recall or a higher one,
 * and each right box is a step of 1 / wanted in recall. */
double nn_boxes_average_precision(nn_box_verdict *found, int count, int wanted)
{
    double best = 0, sum = 0;
    int right = 0;
    qsort(found, (size_t)count, sizeof *found, surest_first);
    for (int i = 0; i < count; i++) right += found[i].right;
    for (int i = count - 1; i >= 0; i--) {
        const double precision = (double)right / (i + 1);
        const int last = i == count - 1 || found[i + 1].score < found[i].score;
        if (last && precision > best) best = precision;
        if (!found[i].right) continue;
        sum += best;
        right--;
    }
    return wanted > 0 ? sum / wanted : 0;
}
