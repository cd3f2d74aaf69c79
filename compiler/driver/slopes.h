/* Gradients checked by finite differences, a tensor at a time, along one direction each. */
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
 * Parameters are as before afterwards; states may have moved. NULL, or what went wrong. */
const char *slopes_measure(Arena *arena, const Subject *subject, uint64_t seed, Slopes *out);
#endif
