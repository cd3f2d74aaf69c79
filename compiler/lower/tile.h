/* Register tiles, and sharing a remainder. */
#ifndef NNC_LOWER_TILE_H
#define NNC_LOWER_TILE_H
#include "target/target.h"

enum { TILE_MAX = 32, TILE_CACHE_BYTES = 256 * 1024 }; /* about half of the second-level cache */

typedef struct Tile {
    int rows, columns;
} Tile; /* columns in vectors */

/* The tile of accumulators that runs a product of m rows and n vectors in the fewest cycles on this
 * target's registers. */
Tile tile_choose(const Target *target, int64_t m, int64_t n);
/* The same where tiles run only a part of their sums, 0 to 1; NULL: all of it. */
typedef double TileShare(const void *context, int64_t row, int rows, int64_t column, int columns);
Tile tile_choose_cut(const Target *target, int64_t m, int64_t n, TileShare *share,
                     const void *context);
/* The same for a result that lies far away, whose operands come from beyond the nearest cache: wide
 * tiles meet more of a line, and of a page; with 16 accumulators of 32 registers multiply-adds wait
 * for loads (87 to 94% of the peak, with 20 or more 98%). */
Tile tile_choose_wide(const Target *target, int64_t m, int64_t n);
/* The same for products one behind another that are short: before the many accumulators of one are
 * stored those of the next have to wait (64 steps on Zen 4: 97% of the peak with 28 accumulators,
 * all of it with 16). */
Tile tile_choose_short(const Target *target, int64_t m, int64_t n);
bool tile_fits(const Target *target, int64_t rows, int64_t columns);
/* Half-cycles a multiply-add takes on a tile of that size. */
double tile_cost(int64_t rows, int64_t columns);

/* How many of the `steps` of an outermost sum, each of `each` numbers, are taken at a time so that
 * the operands of that stretch, `rows` and a `panel` of numbers for each of the sum, stay in cache
 * while all panels pass; equal stretches if possible. 0: all of them, where blocks of rows move
 * less. */
int64_t tile_stretch(int64_t rows, int64_t panel, int64_t steps, int64_t each);

/* `total` cut into the fewest parts of at most `most`, whose sizes differ by at most one: up to two
 * runs of equal parts, the larger first. Returns the number of runs. */
typedef struct Share {
    int64_t begin, size, count;
} Share;
int share_evenly(int64_t total, int64_t most, Share runs[2]);
#endif
