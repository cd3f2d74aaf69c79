/* Products that stop at a diagonal (ops/band.h): where an operand is zero on one side of it, the
 * sum of a tile begins or ends there; where nobody looks at the result, the sum is left out. */
#ifndef NNC_LOWER_DIAGONAL_H
#define NNC_LOWER_DIAGONAL_H
#include "lower/context.h"

/* A tile, as numbers or while loops run: first and last index along its rows [0] and columns
 * [1]. */
typedef struct TileSpan {
    LoopExpr *first[2], *last[2];
} TileSpan;

/* An operand is zero beyond a line between one side of the tile and one sum. */
typedef struct Diagonal {
    int side, k; /* rows or columns of the tile; which sum */
    bool ends;   /* zero where k > index + ahead; else where index > k + ahead */
    int64_t ahead;
} Diagonal;

enum { MAX_DIAGONALS = 4 };
typedef struct Diagonals {
    Diagonal at[MAX_DIAGONALS];
    int count;
    bool skips; /* nobody looks at elements with  index[!row] > index[row] + ahead */
    int row;    /* side of the tile */
    int64_t ahead;
} Diagonals;

/* side_axis: axes of the result along the tile's rows and columns, or -1; k_label: the sums. */
Diagonals diagonals_find(const Lower *l, const int side_axis[2], const int64_t *k_label,
                         int k_count);
bool diagonals_any(const Diagonals *d);
/* Narrows the range of sum k, [*lo, *hi), for a tile. */
void diagonals_narrow(const Diagonals *d, LoopBuilder *b, int k, const TileSpan *tile,
                      LoopExpr **lo, LoopExpr **hi);
/* Which part of a sum of `size` steps is left of a tile. */
double diagonals_share(const Diagonals *d, int k, int64_t size, const int64_t first[2],
                       const int64_t last[2]);
#endif
