/* Products that stop at a diagonal. */
#include "lower/diagonal.h"

static int find(const Attr *labels, int64_t label)
{
    for (int i = 0; i < labels->count; i++)
        if (labels->ints[i] == label) return i;
    return -1;
}

static int side_of(const int side_axis[2], int axis)
{
    if (axis < 0) return -1;
    return axis == side_axis[0] ? 0 : axis == side_axis[1] ? 1 : -1;
}

/* The line of an operand's band, if it runs between a side of the tile and a sum. */
static bool find_line(const Node *product, int operand, Band zero, const int side_axis[2],
                      const int64_t *k_label, int k_count, Diagonal *d)
{
    const int64_t row = product->attr[operand].ints[zero.row],
                  column = product->attr[operand].ints[zero.column];
    const int row_side = side_of(side_axis, find(&product->attr[2], row)),
              column_side = side_of(side_axis, find(&product->attr[2], column));
    for (int k = 0; k < k_count; k++) {
        if (k_label[k] == column && row_side >= 0) *d = (Diagonal){row_side, k, true, zero.ahead};
        else if (k_label[k] == row && column_side >= 0)
            *d = (Diagonal){column_side, k, false, zero.ahead};
        else continue;
        return true;
    }
    return false;
}

Diagonals diagonals_find(const Lower *l, const int side_axis[2], const int64_t *k_label,
                         int k_count)
{
    const Node *product = l->k->anchor;
    const Bands *bands = &l->entry->bands;
    const Band seen = bands->seen[product->id];
    Diagonals d = {.count = 0};
    for (int operand = 0; operand < 2; operand++) {
        const Band zero = bands->zero[product->inputs[operand]->id];
        if (zero.row >= 0
            && find_line(product, operand, zero, side_axis, k_label, k_count, &d.at[d.count]))
            d.count++;
    }
    if (seen.row < 0) return d;
    d.row = side_of(side_axis, seen.row);
    d.ahead = seen.ahead;
    d.skips = d.row >= 0 && side_of(side_axis, seen.column) == !d.row;
    return d;
}

bool diagonals_any(const Diagonals *d) { return d->count || d->skips; }

/* The end of a sum of which the tile runs all, or, where it is not seen, nothing. */
static LoopExpr *times_seen(const Diagonals *d, LoopBuilder *b, const TileSpan *tile,
                            LoopExpr *size)
{
    LoopExpr *inside = x_add(b, x_add(b, tile->last[d->row], x_int(b, d->ahead + 1)),
                             x_mul(b, tile->first[!d->row], -1));
    inside = x_var(b, loop_let(b, "inside", x_max(b, inside, x_int(b, 0))));
    return x_min(b, x_mul(b, inside, (int64_t)size->number), size);
}

static LoopExpr *named(LoopBuilder *b, const char *name, LoopExpr *x)
{
    return x->kind == E_INDEX_MIN || x->kind == E_INDEX_MAX ? x_var(b, loop_let(b, name, x)) : x;
}

void diagonals_narrow(const Diagonals *d, LoopBuilder *b, int k, const TileSpan *tile,
                      LoopExpr **lo, LoopExpr **hi)
{
    if (d->skips && (*hi)->kind == E_INT) *hi = times_seen(d, b, tile, *hi);
    for (int i = 0; i < d->count; i++) {
        const Diagonal *at = &d->at[i];
        if (at->k != k) continue;
        if (at->ends)
            *hi = x_min(b, *hi, x_add(b, tile->last[at->side], x_int(b, at->ahead + 1)));
        else *lo = x_max(b, *lo, x_add(b, tile->first[at->side], x_int(b, -at->ahead)));
    }
    *lo = named(b, "begin", *lo);
    *hi = named(b, "end", *hi);
}

double diagonals_share(const Diagonals *d, int k, int64_t size, const int64_t first[2],
                       const int64_t last[2])
{
    int64_t lo = 0, hi = size;
    if (d->skips && first[!d->row] > last[d->row] + d->ahead) return 0;
    for (int i = 0; i < d->count; i++) {
        const Diagonal *at = &d->at[i];
        const int64_t end = last[at->side] + at->ahead + 1, begin = first[at->side] - at->ahead;
        if (at->k != k) continue;
        if (at->ends && end < hi) hi = end;
        if (!at->ends && begin > lo) lo = begin;
    }
    return hi > lo ? (double)(hi - lo) / (double)size : 0;
}
