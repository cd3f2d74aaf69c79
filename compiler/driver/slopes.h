/* Gradients checked by finite differences, a tensor at a time, along a direction each. */
#ifndef NNC_DRIVER_SLOPES_H
#define NNC_DRIVER_SLOPES_H
#include "driver/subject.h"

typedef struct Slope {
    const nn_tensor *tensor;
    double backward, differences;    /* the loss' slope along the direction, found both ways */
    double error;                    /* of the two, relative to the larger */
    bool flat;                       /* the loss hardly moves: nothing can be told */
} Slope;
typedef VEC(Slope) Slopes;

/* For every trainable parameter of a subject with the entry `train`, or `forward` and `backward`.
 * tolerance: an error beyond it is looked at along a few other directions. Parameters are as before
 * afterwards; states may have moved. NULL, or what went wrong. */
const char *slopes_measure(Arena *arena, const Subject *subject, uint64_t seed, double tolerance,
                           Slopes *out);
#endif
