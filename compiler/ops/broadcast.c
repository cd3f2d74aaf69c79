/* Which shapes fit each other: numpy's broadcasting and reshaping, with the batch axis tracked
 * through both. */
#include "ops/build.h"

/* One axis of a result of broadcasting, seen from its right end: false if it does not fit. */
static bool join_axis(Type a, Type b, int from_end, Type *out)
{
    int axis = out->rank - from_end, axis_a = a.rank - from_end, axis_b = b.rank - from_end;
    int64_t dim_a = axis_a < 0 ? 1 : a.dim[axis_a], dim_b = axis_b < 0 ? 1 : b.dim[axis_b];
    bool batch_a = axis_a >= 0 && axis_a == a.batch_axis;
    bool batch_b = axis_b >= 0 && axis_b == b.batch_axis;
    if (batch_a && batch_b && a.batch_inner != b.batch_inner) return false;
    if (batch_a != batch_b && (batch_a ? dim_b : dim_a) != 1) return false;
    if (dim_a != dim_b && dim_a != 1 && dim_b != 1) return false;
    out->dim[axis] = dim_a == 1 ? dim_b : dim_a;
    if (!batch_a && !batch_b) return true;
    if (out->batch_axis >= 0) return false;
    out->batch_axis = axis;
    out->batch_inner = batch_a ? a.batch_inner : b.batch_inner;
    return true;
}

bool broadcast_types(Arena *arena, Type a, Type b, Type *out, const char **error)
{
    Type joined = type_scalar(a.dtype);
    joined.rank = a.rank > b.rank ? a.rank : b.rank;
    bool fits = true;
    for (int from_end = 1; from_end <= joined.rank; from_end++)
        fits = fits && join_axis(a, b, from_end, &joined);
    if (fits) {
        *out = joined;
        return true;
    }
    *error = arena_printf(
        arena, "%s and %s do not fit: from the right, extents must be equal or 1%s",
        type_text(arena, a), type_text(arena, b),
        a.batch_axis < 0 && b.batch_axis < 0 ? "" : ", and the batch axis meets only itself or 1");
    return false;
}

/* Where the batch axis of a is under the shape of out. The valid elements stay the same ones in
 * row-major order if the same number of blocks stands before the axis, and the axis is a
 * multiple of the batch. */
static bool may_be_batch(Type a, const Type *out, int axis)
{
    int64_t outer = 1, before = 1;
    for (int i = 0; i < a.batch_axis; i++) outer *= a.dim[i];
    for (int i = 0; i < axis; i++) before *= out->dim[i];
    return before == outer && out->dim[axis] % type_batch(a) == 0;
}

/* At batch 1 several axes may do: best is one that holds as many entries a row as before, at the
 * same place; then the first. */
static bool find_batch(Type a, Type *out)
{
    int best = -1;
    for (int i = 0; i < out->rank; i++) {
        if (!may_be_batch(a, out, i)) continue;
        int64_t inner = out->dim[i] / type_batch(a);
        int likeness = 2 * (inner == a.batch_inner) + (i == a.batch_axis);
        if (likeness <= best) continue;
        best = likeness;
        out->batch_axis = i;
        out->batch_inner = inner;
    }
    return best >= 0;
}

const char *reshape_type(Arena *arena, Type a, int rank, const int64_t *dim, Type *out)
{
    Type shaped = type_make(a.dtype, rank, dim);
    if (type_elements(shaped) != type_elements(a))
        return arena_printf(arena, "reshape: %s has %lld elements, %s has %lld",
                            type_text(arena, a), (long long)type_elements(a),
                            type_text(arena, shaped), (long long)type_elements(shaped));
    if (a.batch_axis >= 0 && !find_batch(a, &shaped))
        return arena_printf(arena,
                            "reshape: %s to %s would tear the batch axis apart: it must stay "
                            "whole, or be merged with axes after it",
                            type_text(arena, a), type_text(arena, shaped));
    *out = shaped;
    return NULL;
}
