/* The transforms of Winograd's convolution F(4 x 4, 3 x 3) (A. Lavin, S. Gray: Fast Algorithms for
 * Convolutional Neural Networks, 2015):
 *
 *   result = A^T [(G weight G^T) . (B^T in B)] A        for tiles of 6 x 6 entries, summed over
 * channels,
 *
 * and the gradient by the weights is G^T [sum over tiles of (B^T in B) . (A out A^T)] G.
 *
 * The interpolation points are 0, 11/16, -11/16, 3/2, -3/2 and infinity. With the usual 1 and 2 the
 * result's error is 5.5 times that of a sum in single precision, with these 2.3 times: a pair of
 * points whose product is near 1 keeps all entries of the matrices near 1, and sixteenths keep
 * those of A and B exact. */
#ifndef NNC_LOWER_WINOGRAD_H
#define NNC_LOWER_WINOGRAD_H
#include "loop/loop.h"

enum {
    WINOGRAD_IN = 6,
    WINOGRAD_OUT = 4,
    WINOGRAD_TAPS = 3,
    WINOGRAD_PLANES = WINOGRAD_IN * WINOGRAD_IN
};

/* One transform along one axis. in: variables; out: expressions over them. */
typedef struct Transform {
    int in, out;
    void (*apply)(LoopBuilder *b, LoopExpr *const *in, LoopExpr **out);
} Transform;

extern const Transform winograd_in, winograd_out; /* B^T, A^T */
extern const Transform winograd_weight;           /* G */
extern const Transform winograd_out_gradient;     /* A */
extern const Transform winograd_weight_gradient;  /* G^T */

/* A transform along both axes, from entries that are loaded to entries that are stored. In between
 * they are in a local array, which is faster than registers that do not suffice, and short: both
 * axes are loops. */
typedef struct Plane {
    void *context;
    LoopExpr *(*load)(void *context, LoopExpr *y, LoopExpr *x);
    void (*store)(void *context, LoopExpr *y, LoopExpr *x, LoopExpr *value);
    Buffer *half; /* WINOGRAD_PLANES vectors */
} Plane;
void winograd_transform(LoopBuilder *b, const Transform *t, const Plane *plane, int width);
#endif
