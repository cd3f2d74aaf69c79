/* Rows that end at a diagonal (ops/band.h): beyond it a sum takes in zeros, a logsumexp what stands
 * for minus infinity, and results are zero. */
#include "lower/rows.h"

/* A band of a value whose axes have these labels. */
static Band in_domain(Band band, const int *label)
{
    if (band.row < 0) return band;
    return (Band){label[band.row], label[band.column], band.ahead};
}

/* Takes the first band, and tells whether another is the same. */
static bool agrees(Rows *r, Band band)
{
    const Kernel *k = r->l->k;
    if (r->band.row < 0) r->band = band;
    return band.row >= 0 && band.column >= 0 && band.row == r->band.row
        && band.column == r->band.column && band.ahead == r->band.ahead
        && r->row == 1u << band.column && band.row != band.column && k->domain.dim[band.row] > 1;
}

static bool ends_at_band(Rows *r, const Node *node)
{
    const Member *m = member_of(r, node);
    const Bands *bands = &r->l->entry->bands;
    if (accumulates(r, node)) return false;
    if (in_row(r, node)) return agrees(r, in_domain(bands_counted(bands, node), m->label));
    if (!result_of(r, node) || !(varies(node->type, m->label) & r->row)) return true;
    return agrees(r, in_domain(bands->zero[node->id], m->label));
}

void rows_find_band(Rows *r)
{
    const Lower *l = r->l;
    const Band none = {-1, -1, 0};
    r->band = none;
    if (!r->row || (l->lane_axis >= 0 && !(r->row >> l->lane_axis & 1))) return;
    for (int i = 0; i < l->k->nodes.count; i++)
        if (!ends_at_band(r, l->k->nodes.at[i])) {
            r->band = none;
            return;
        }
}

/* The most entries that a time round takes in. */
static int64_t longest_step(const Rows *r)
{
    int most = 1;
    if (r->l->lane_axis < 0) return 1;
    for (int p = 0; p < r->phases; p++) {
        Reduction **running = r->side[0].running;
        const int n = rows_find_running(r->side[0].reductions, r->count, p, running);
        const int parts = rows_parts(r, running, n);
        if (parts > most) most = parts;
    }
    return most * (int64_t)r->l->target->width;
}

void rows_begin_band(Rows *r)
{
    Lower *l = r->l;
    r->end = NULL;
    if (r->band.row < 0) return;
    const int64_t step = longest_step(r);
    const int64_t extent = l->k->domain.dim[r->band.column], rows = l->k->domain.dim[r->band.row];
    r->whole = extent / step * step;
    if (r->whole < 2 * step || r->band.ahead + step < 0) return;
    LoopExpr *end = x_add(&l->b, l->axis[r->band.row], x_int(&l->b, r->band.ahead + step));
    end = x_mul(&l->b, x_div(&l->b, end, step), step);
    if ((rows + r->band.ahead + step - 1) / step * step > r->whole)
        end = x_min(&l->b, end, x_int(&l->b, r->whole));
    r->end = x_var(&l->b, loop_let(&l->b, "end", end));
}

/* Whether the row of a result is stored in phase p. */
static bool stored_in(const Rows *r, const Node *result, int p)
{
    return level_of(r, result) == p
        && (varies(result->type, member_of(r, result)->label) & r->row);
}

bool rows_end_in(const Rows *r, int p)
{
    for (int i = 0; r->end && i < r->l->k->results.count; i++)
        if (stored_in(r, r->l->k->results.at[i]->node, p)) return true;
    return false;
}

void rows_beyond(Rows *r, int p)
{
    Lower *l = r->l;
    for (int i = 0; i < l->k->results.count; i++) {
        const Value *v = l->k->results.at[i];
        const Member *m = member_of(r, v->node);
        if (stored_in(r, v->node, p))
            lower_store(l, v, m->label, lower_number(l, v->node->type.dtype, 0, l->lane_axis >= 0));
    }
}

void rows_finish_band(Rows *r, int p)
{
    Lower *l = r->l;
    const int axis = r->band.column;
    if (l->lane_axis >= 0 || !rows_end_in(r, p)) return;
    Var *i = loop_begin(&l->b, lower_axis_name(l, axis), r->end, x_int(&l->b, r->whole), 1);
    l->axis[axis] = x_var(&l->b, i);
    rows_beyond(r, p);
    loop_end(&l->b);
    l->axis[axis] = NULL;
}
