/* The shape of the loops over rows: the axis that runs along the lanes, the axes of a row, the
 * phases, and what goes side by side. */
#include "lower/rows.h"

void rows_choose_lanes(Rows *r)
{
    const Type d = r->l->k->domain;
    if (r->l->target->width > 1)
        for (int axis = d.rank - 1; axis >= 0; axis--)
            if (d.dim[axis] > 1 && axis != d.batch_axis &&
                kernel_lanes_fit(r->l->entry, r->l->k, axis)) {
                r->l->lane_axis = axis;
                return;
            }
    r->l->lane_axis = -1;
}

/* Without a consumed reduction the row is what the first sum along the lanes reduces. */
void rows_choose_row(Rows *r)
{
    const Kernel *k = r->l->k;
    r->row = k->row_axes;
    for (int i = 0; !r->row && i < k->nodes.count; i++)
        if (reduces(r, k->nodes.at[i])) {
            const unsigned axes = axes_of(r, k->nodes.at[i]);
            const int last = k->domain.rank - 1;
            if (r->l->lane_axis >= 0 ? axes >> r->l->lane_axis & 1 : axes >> last & 1)
                r->row = axes;
        }
}

void rows_find_levels(Rows *r)
{
    const Kernel *k = r->l->k;
    r->phases = 1;
    for (int i = 0; i < k->nodes.count; i++) {
        const Node *node = k->nodes.at[i];
        int level = 0;
        NodeList sources = {.count = 0};
        for (int j = 0; j < node->input_count; j++)
            inline_sources(r->l->entry, node->inputs[j], &sources);
        for (int j = 0; j < sources.count; j++) {
            const Node *root = sources.at[j];
            if (member_of(r, root)->kernel == k && level_of(r, root) > level)
                level = level_of(r, root);
        }
        if (in_row(r, node)) level += reduction_passes(node->op);
        r->level[place_of(r, node)] = level;
        const bool full =
            (varies(node->type, member_of(r, node)->label) & r->row) || accumulates(r, node);
        if (level + full > r->phases && !member_of(r, node)->after_loops) r->phases = level + full;
        if (in_row(r, node) && level > r->phases) r->phases = level;
    }
}

/* How far apart in memory neighbours along an axis are, over all that is read. */
static int64_t reach_along(const Rows *r, int axis)
{
    const Kernel *k = r->l->k;
    int64_t sum = 0;
    for (int i = 0; i < k->nodes.count; i++)
        for (int j = 0; j < k->nodes.at[i]->input_count; j++) {
            View view;
            const Node *in = k->nodes.at[i]->inputs[j];
            const int *label = member_of(r, k->nodes.at[i])->label;
            if (!plan_operand(r->l->entry, k, in, &view)) continue;
            for (int a = 0; a < in->type.rank; a++)
                if (label[a] == axis && in->type.dim[a] != 1) sum += view.stride[a];
        }
    return sum;
}

static bool all_sum_along(const Rows *r, int axis)
{
    const Kernel *k = r->l->k;
    bool any = false;
    for (int i = 0; i < k->nodes.count; i++) {
        if (!sums_up(r, k->nodes.at[i])) continue;
        any = true;
        if (!(axes_of(r, k->nodes.at[i]) >> axis & 1)) return false;
    }
    return any;
}

/* The last loop, where every sum that leaves the kernel adds up along it: then each keeps a
 * register there. Another such loop takes its place if what it reads lies closer, as in the
 * gradient of a bias whose steps are stored outermost. Else -1. */
int rows_inner_axis(const Rows *r)
{
    const Kernel *k = r->l->k;
    int inner = -1;
    for (int axis = 0; axis < k->domain.rank; axis++)
        if (!(r->row >> axis & 1) && axis != r->l->lane_axis && k->domain.dim[axis] > 1)
            inner = axis;
    if (inner < 0 || r->row || !all_sum_along(r, inner)) return -1;
    for (int axis = inner - 1; axis >= 0; axis--)
        if (axis != r->l->lane_axis && k->domain.dim[axis] > 1 && all_sum_along(r, axis)
            && reach_along(r, axis) < reach_along(r, inner))
            inner = axis;
    return inner;
}

/* The most reductions that a phase runs. */
static int most_running(const Rows *r)
{
    int most = 0;
    for (int p = 0; p < r->phases; p++) {
        int running = 0;
        for (int i = 0; i < r->l->k->nodes.count; i++) {
            const Node *node = r->l->k->nodes.at[i];
            const int level = level_of(r, node);
            running += in_row(r, node) && p < level && p >= level - reduction_passes(node->op);
        }
        if (running > most) most = running;
    }
    return most;
}

/* As many vectors as make SIDES_FLOATS, if they divide the lanes; a few accumulators may spill,
 * memory is slower. */
static int most_sides(const Rows *r)
{
    const Lower *l = r->l;
    const int width = l->target->width, running = most_running(r);
    if (!r->row || !loops_over(r, r->row)) return 0;
    for (int sides = MAX_SIDES; sides > 0; sides /= 2)
        if (sides * width <= SIDES_FLOATS &&
            l->k->domain.dim[l->lane_axis] % (sides * width) == 0 &&
            sides * running <= 2 * l->target->registers)
            return sides;
    return 0;
}

int rows_sides(const Rows *r)
{
    const int sides = most_sides(r);
    return sides && r->l->entry->plan->threads ? sides : 1;
}

int64_t rows_columns(const Rows *r)
{
    const int sides = r->l->entry->plan->threads ? 0 : most_sides(r);
    const int least = r->l->b.program->many_rows ? 1 : 2;
    return sides >= least ? sides * (int64_t)r->l->target->width : 0;
}
