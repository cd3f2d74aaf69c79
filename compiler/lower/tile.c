/* Register tiles: all that fit are costed by a model of one core, two FMAs and two loads a cycle, latency four. */
#include "lower/tile.h"

int share_evenly(int64_t total, int64_t most, Share runs[2]) {
    const int64_t parts = (total + most - 1) / most;
    const int64_t size = total / parts, larger = total % parts;
    int n = 0;
    if (larger) runs[n++] = (Share){0, size + 1, larger};
    runs[n] = (Share){larger * (size + 1), size, parts - larger};
    return n + 1;
}

/* Cycles for one step of the sum on a tile. */
static double step_cycles(int rows, int columns) {
    const double fma = 0.5 * rows * columns, loads = 0.5 * (rows + columns), latency = 4;
    double most = fma > loads ? fma : loads;
    return most > latency ? most : latency;
}

static double total_cycles(int64_t m, int64_t n, int rows, int columns) {
    Share r[2], c[2];
    const int nr = share_evenly(m, rows, r), nc = share_evenly(n, columns, c);
    double sum = 0;
    for (int i = 0; i < nr; i++)
        for (int j = 0; j < nc; j++)
            sum += (double)(r[i].count * c[j].count) * (step_cycles((int)r[i].size, (int)c[j].size) + 0.1);
    return sum;
}

Tile tile_choose(const Target *target, int64_t m, int64_t n) {
    Tile best = {1, 1};
    double best_cycles = 1e300;
    for (int columns = 1; columns <= 8 && columns <= n; columns++)
        for (int rows = 1; rows <= 26 && rows <= m; rows++) {
            /* accumulators, one row of vectors, one repeated element */
            if (rows * columns + columns + 1 > target->registers || rows * columns > TILE_MAX) continue;
            const double cycles = total_cycles(m, n, rows, columns);
            if (cycles < best_cycles) {
                best_cycles = cycles;
                best = (Tile){rows, columns};
            }
        }
    return best;
}
