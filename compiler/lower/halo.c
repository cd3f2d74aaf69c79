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

/* The border of one row of the batch: `before` its first line, `between` each two of its lines,
 * which are `apart`, and `behind` the last, in elements. */
typedef struct Border {
    Buffer *buffer;
    int64_t row, before, lines, line, apart, between, behind;
} Border;

/* Lines are runs of the innermost window axis, with all channels if these are innermost. Planes
 * have a border at the ends of their lines alone, so that all lines are as far apart. */
static Border border_of(Lower *l, const Value *value)
{
    const Type type = value->node->type;
    const int last = type.rank - 1, outer = type.rank == 4 ? 2 : 1;
    const bool planes = value->stride[last] == 1 && type.dim[1] > 1;
    Border d = {.buffer = lower_buffer(l, value),
                .row = value->stride[0],
                .before = value->origin,
                .lines = type.rank == 4 ? type.dim[2] : 1,
                .line = type.dim[last] * value->stride[last]};
    if (planes) d.lines *= type.dim[1];
    d.apart = type.rank == 4 || planes ? value->stride[outer] : d.line;
    d.between = d.lines > 1 ? d.apart - d.line : 0;
    d.behind = d.row - (d.before + (d.lines - 1) * d.apart + d.line);
    if (d.behind < 0) d.behind = 0;
    return d;
}

/* `first`: of the row. */
static void clear_border(Lower *l, const Border *d, LoopExpr *first)
{
    LoopBuilder *b = &l->b;
    if (d->before) lower_clear_run(l, d->buffer, first, d->before);
    if (d->between) {
        Var *y = loop_begin(b, "y", x_int(b, 0), x_int(b, d->lines - 1), 1);
        LoopExpr *end = x_add(b, x_mul(b, x_var(b, y), d->apart), x_int(b, d->before + d->line));
        lower_clear_run(l, d->buffer, x_add(b, first, end), d->between);
        loop_end(b);
    }
    if (d->behind)
        lower_clear_run(l, d->buffer, x_add(b, first, x_int(b, d->row - d->behind)), d->behind);
}

static void clear_known(Lower *l, const Border *d, LoopExpr *at, const char *name, int64_t floats)
{
    LoopBuilder *b = &l->b;
    const int width = l->target->width;
    Var *i = loop_begin(b, "i", x_int(b, 0), x_known(b, name, floats, false), width);
    loop_vstore(b, d->buffer, x_add(b, at, x_var(b, i)), x_float(b, 0, true), width);
    loop_end(b);
}

/* The same, as a stage that all borders of whole vectors share. */
static void clear_stage(Lower *l, const Border *d, LoopExpr *first)
{
    LoopBuilder *b = &l->b;
    loop_stage(b, "clear_border",
               "Zeros around a picture: `before` its first line, `between` its lines, `behind` the "
               "last.",
               true);
    loop_role(b, d->buffer, "picture");
    clear_known(l, d, first, "before", d->before);
    LoopExpr *count = x_known(b, "lines", d->between ? d->lines - 1 : 0, false);
    LoopExpr *y = x_var(b, loop_begin(b, "y", x_int(b, 0), count, 1));
    LoopExpr *end = x_add(b, x_known(b, "end", d->before + d->line, false),
                          x_times(b, y, x_known(b, "apart", d->apart, false)));
    clear_known(l, d, x_add(b, first, end), "between", d->between);
    loop_end(b);
    clear_known(l, d, x_add(b, first, x_known(b, "last", d->row - d->behind, false)), "behind",
                d->behind);
    loop_end(b);
}

static void clear_halo(Lower *l, const Value *value)
{
    LoopBuilder *b = &l->b;
    const Type type = value->node->type;
    const Border d = border_of(l, value);
    const int width = l->target->width;
    const bool whole =
        width > 1 && d.before % width == 0 && d.between % width == 0 && d.behind % width == 0;
    LoopExpr *first = x_int(b, 0);
    loop_comment(b, "The border of zeros that windows read as padding.");
    const bool rows = type.dim[0] != 1;
    if (rows) {
        LoopExpr *hi = lower_extent(l, type, 0);
        first = x_mul(b, x_var(b, loop_begin(b, "row", x_int(b, 0), hi, 1)), d.row);
    }
    if (whole) clear_stage(l, &d, first);
    else clear_border(l, &d, first);
    if (rows) loop_end(b);
}

void lower_halos(Lower *l)
{
    for (int i = 0; i < l->k->results.count; i++)
        if (l->k->results.at[i]->halo) clear_halo(l, l->k->results.at[i]);
}
