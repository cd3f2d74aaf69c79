/* Halos: whoever writes a value that windows read padding of writes the zeros around it, row by row
 * of the batch: what lies in front of its first element, between its lines, and behind its last. */
#include "lower/context.h"

void lower_clear_run(Lower *l, Buffer *buffer, LoopExpr *at, int64_t floats)
{
    LoopBuilder *b = &l->b;
    const int64_t width = l->target->width, whole = floats / width * width;
    LoopExpr *zero = x_float(b, 0, true);
    if (whole > width || (whole && b->program->many_rows)) { /* alike for all shapes */
        Var *i = loop_begin(b, "i", x_int(b, 0), x_int(b, whole), width);
        loop_vstore(b, buffer, x_add(b, at, x_var(b, i)), zero, (int)width);
        loop_end(b);
    } else if (whole) {
        loop_vstore(b, buffer, at, zero, (int)width);
    }
    if (floats > whole)
        loop_vstore(b, buffer, x_add(b, at, x_int(b, whole)), zero, (int)(floats - whole));
}

/* Lines are runs of the innermost window axis, with all channels if these are innermost. Planes
 * have a border at the ends of their lines alone, so that all lines are as far apart. */
static void clear_halo(Lower *l, const Value *value)
{
    LoopBuilder *b = &l->b;
    const Type type = value->node->type;
    Buffer *buffer = lower_buffer(l, value);
    const int last = type.rank - 1;
    const bool planes = value->stride[last] == 1 && type.dim[1] > 1;
    const int outer = type.rank == 4 ? 2 : 1;
    int64_t lines = type.rank == 4 ? type.dim[2] : 1;
    if (planes) lines *= type.dim[1];
    const int64_t line = type.dim[last] * value->stride[last], row = value->stride[0];
    const int64_t apart = type.rank == 4 || planes ? value->stride[outer] : line;
    const int64_t behind = value->origin + (lines - 1) * apart + line;
    LoopExpr *first = x_int(b, 0);
    loop_comment(b, "The border of zeros that windows read as padding.");
    const bool rows = type.dim[0] != 1;
    if (rows) {
        LoopExpr *hi = lower_extent(l, type, 0);
        first = x_mul(b, x_var(b, loop_begin(b, "row", x_int(b, 0), hi, 1)), row);
    }
    if (value->origin) lower_clear_run(l, buffer, first, value->origin);
    if (lines > 1 && apart > line) {
        Var *y = loop_begin(b, "y", x_int(b, 0), x_int(b, lines - 1), 1);
        LoopExpr *end = x_add(b, x_mul(b, x_var(b, y), apart), x_int(b, value->origin + line));
        lower_clear_run(l, buffer, x_add(b, first, end), apart - line);
        loop_end(b);
    }
    if (row > behind) lower_clear_run(l, buffer, x_add(b, first, x_int(b, behind)), row - behind);
    if (rows) loop_end(b);
}

void lower_halos(Lower *l)
{
    for (int i = 0; i < l->k->results.count; i++)
        if (l->k->results.at[i]->halo) clear_halo(l, l->k->results.at[i]);
}
