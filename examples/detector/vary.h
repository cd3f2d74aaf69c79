/* A picture seen otherwise: mirrored, larger or smaller, moved, in another light. A detector needs
 * more pictures than a few dozen; those that differ in what it should not learn (which side is up,
 * how a lamp was set) can be made. */
#ifndef DETECTOR_VARY_H
#define DETECTOR_VARY_H
#include <stdint.h>

#include "nn_boxes.h"

/* Place x of the varied picture shows place scale x + shift of the original, in pixels. */
typedef struct Axis {
    float scale, shift;
} Axis;

typedef struct Variation {
    Axis x, y;
    float light[3]; /* factor of each channel */
} Variation;

/* Number 0 is the picture as it is; any other is drawn by (picture, number) alone. */
Variation variation_of(uint64_t picture, uint64_t number);

/* planes[3][SIDE][SIDE] of bytes from pixels[SIDE][SIDE][3]: linear between pixels; beyond the edge
 * goes on what lies at the edge. */
void vary_picture(const Variation *v, const unsigned char *pixels, unsigned char *planes);

/* Where the box lies then, cut at the edges; 0 if less than half of it is left. */
int vary_box(const Variation *v, const nn_box *box, nn_box *out);
#endif
