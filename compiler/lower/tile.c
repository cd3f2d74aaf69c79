/* Register tiles: all that fit are costed by a model of one core. It issues as many FMAs as loads a
 * cycle (AVX-512 on Zen 4: one of each; elsewhere two) with latency four; only the ratios count.
 * Loads are not free even where FMAs hide them: they move operands from the second-level cache, and
 * more of them disturb more. */
#include "lower/tile.h"

int share_evenly(int64_t total, int64_t most, Share runs[2])
{
    const int64_t parts = (total + most - 1) / most;
    const int64_t size = total / parts, larger = total % parts;
    int n = 0;
    if (larger) runs[n++] = (Share){0, size + 1, larger};
    runs[n] = (Share){larger * (size + 1), size, parts - larger};
    return n + 1;
}

/* Half-cycles for one step of the sum on a tile. */
static double step_cost(int rows, int columns)
{
    const double fma = rows * columns, loads = rows + columns, latency = 8;
    double most = fma > loads ? fma : loads;
    if (latency > most) most = latency;
    return most + 0.08 * rows + 0.1 * columns + 0.2;
}

double tile_cost(int64_t rows, int64_t columns)
{
    return step_cost((int)rows, (int)columns) / (double)(rows * columns);
}

/* What tiles of one shape run of their sums, together. */
static double sum_of_shares(Share rows, Share columns, TileShare *share, const void *context)
{
    double sum = 0;
    if (!share) return (double)(rows.count * columns.count);
    for (int64_t i = 0; i < rows.count; i++)
        for (int64_t j = 0; j < columns.count; j++)
            sum += share(context, rows.begin + i * rows.size, (int)rows.size,
                         columns.begin + j * columns.size, (int)columns.size);
    return sum;
}

static double total_cost(int64_t m, int64_t n, Tile tile, TileShare *share, const void *context)
{
    Share r[2], c[2];
    const int nr = share_evenly(m, tile.rows, r), nc = share_evenly(n, tile.columns, c);
    double sum = 0;
    for (int i = 0; i < nr; i++)
        for (int j = 0; j < nc; j++)
            sum += sum_of_shares(r[i], c[j], share, context)
                 * step_cost((int)r[i].size, (int)c[j].size);
    return sum * (1 + 0.012 * (nr * nc - 1)); /* each shape of tile is code of its own */
}

/* Accumulators, one row of vectors, one repeated element; compilers spill at the last register. */
bool tile_fits(const Target *target, int64_t rows, int64_t columns)
{
    return rows * columns <= TILE_MAX && rows * columns + columns + 1 < target->registers;
}

/* least: columns; few: accumulators that are not enough, which counts as a tenth of the time; most:
 * accumulators. */
static Tile choose(const Target *target, int64_t m, int64_t n, int least, int few, int most,
                   TileShare *share, const void *context)
{
    Tile best = {1, 1};
    double best_cost = 1e300;
    for (int columns = least < n ? least : (int)n; columns <= 8 && columns <= n; columns++)
        for (int rows = 1; rows <= 26 && rows <= m; rows++) {
            if (!tile_fits(target, rows, columns) || rows * columns > most) continue;
            const double cost = total_cost(m, n, (Tile){rows, columns}, share, context)
                              * (rows * columns < few ? 1.1 : 1);
            if (cost < best_cost) {
                best_cost = cost;
                best = (Tile){rows, columns};
            }
        }
    return best;
}

Tile tile_choose(const Target *target, int64_t m, int64_t n)
{
    return choose(target, m, n, 1, 0, TILE_MAX, NULL, NULL);
}

Tile tile_choose_cut(const Target *target, int64_t m, int64_t n, TileShare *share,
                     const void *context)
{
    return choose(target, m, n, 1, 0, TILE_MAX, share, context);
}

Tile tile_choose_wide(const Target *target, int64_t m, int64_t n)
{
    return choose(target, m, n, target->registers / 8, 5 * target->registers / 8, TILE_MAX, NULL,
                  NULL);
}

Tile tile_choose_short(const Target *target, int64_t m, int64_t n)
{
    return choose(target, m, n, 1, 0, target->registers / 2, NULL, NULL);
}

/* By blocks of rows the other operand passes anew for each block, by stretches of the sum the
 * result does: with R rows and a sum of K these are K K R and 2 K R (R + panel) numbers a column
 * that fill the cache. */
int64_t tile_stretch(int64_t rows, int64_t panel, int64_t steps, int64_t each)
{
    const int64_t bytes = 4 * (rows + panel) * each,
                  least = (steps * bytes + TILE_CACHE_BYTES - 1) / TILE_CACHE_BYTES;
    if (steps * each <= 2 * (rows + panel) || least < 2 || steps < 2 * least) return 0;
    for (int64_t n = least; n <= 2 * least; n++)
        if (steps % n == 0) return steps / n;
    return (steps + least - 1) / least;
}
