/* Triangles: of which values of a graph one side of a diagonal is zero, or is looked at by nobody.
 * Products need not be computed there, and sums over such an operand stop at the diagonal: causal
 * attention is half as much work, forward and backward. */
#ifndef NNC_OPS_BAND_H
#define NNC_OPS_BAND_H
#include "ir/graph.h"

/* Two axes of a value. Inside the band  index[column] <= index[row] + ahead. */
typedef struct Band {
    int row, column; /* row < 0: the band is everything */
    int64_t ahead;
} Band;

typedef struct Bands {
    Band *zero; /* by node id: outside of it the value is zero, whatever the inputs of the graph
                 * are, as long as they are finite and masked scores above -1e29 */
    Band *seen; /* by node id: outside of it any finite value would do */
    Band *lowest; /* by node id: outside of it the value stands for minus infinity, and in each row
                   * some value is inside */
} Bands;

Bands bands_of(Arena *arena, const Graph *graph);
/* Of the input of a reduction: outside of it nothing changes the result. */
Band bands_counted(const Bands *bands, const Node *reduction);
#endif
