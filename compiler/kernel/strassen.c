/* Whether a product is done by one level of Strassen's algorithm, seven products of quarters in
 * place of eight (lower/strassen.c), and the scratch for sums of quarters.
 *
 * An eighth of the multiply-adds is saved. What it costs was measured on Zen 4 with AVX-512, where
 * it pays; with vectors of eight or fewer it does not. Sums of the repeated operand serve the other
 * product that it takes part in, transposed: a weight gradient finds those of its layer. */
#include "kernel/kernel.h"

enum {
    LONGEST = 1024,      /* sum: a panel and its sums take half of a second-level cache */
    NEAREST = 1 << 18,   /* elements of a matrix that stays in the caches */
    WORTH_KEEPING = 256, /* columns up to which the sums cost enough to be kept */
    LONG_SUM = 512       /* beside which it does not matter that large tiles start slowly */
};

/* Axes of an operand that lie one behind another in memory, walked as one. */
typedef struct Run {
    int64_t extent, stride;
    bool whole, batched;
} Run;

/* Those of the operand's axes that the result has, or those that are summed. */
static Run run_of(const Kernel *k, int operand, bool summed)
{
    const Node *product = k->anchor, *in = product->inputs[operand];
    Run run = {.extent = 1, .whole = true};
    for (int i = in->type.rank - 1; i >= 0; i--) {
        const int64_t label = product->attr[operand].ints[i],
                      stride = k->contracted[operand].stride[i];
        if ((attr_find(&product->attr[2], label) < 0) != summed || in->type.dim[i] == 1) continue;
        if (run.extent == 1) run.stride = stride;
        else run.whole &= stride == run.stride * run.extent;
        run.extent *= in->type.dim[i];
        run.batched |= in->type.batch_axis == i;
    }
    return run;
}

/* Whether labels are those of one product of matrices: none in both operands and the result. */
static bool is_plain(const Node *product)
{
    for (int i = 0; i < product->attr[2].count; i++) {
        const int64_t label = product->attr[2].ints[i];
        if (attr_find(&product->attr[0], label) >= 0 && attr_find(&product->attr[1], label) >= 0)
            return false;
    }
    return product->inputs[0]->type.dtype == DT_F32 && product->inputs[1]->type.dtype == DT_F32;
}

static Value *scratch_of(EntryPlan *entry, Kernel *k, int64_t elements, const char *name)
{
    Value *v = plan_value(entry, k->anchor, AT_WORK, -1, name);
    v->scratch = true;
    v->elements = elements;
    return v;
}

static void use(EntryPlan *entry, Kernel *k, const Value *scratch)
{
    vec_push(entry->arena, k->scratch, (Value *)(uintptr_t)scratch);
}

/* An earlier product whose repeated operand is this one's, its rows the sum here. */
static const Strassen *kept_of(const EntryPlan *entry, const Kernel *k, const Strassen *own)
{
    const View *tall = &k->contracted[1 - own->wide];
    if (own->columns > WORTH_KEEPING) return NULL;
    for (int i = 0; i < entry->kernels.count && entry->kernels.at[i] != k; i++) {
        const Strassen *s = entry->kernels.at[i]->strassen;
        if (!s || s->tall_stride != own->sum_stride || s->sum_stride != own->tall_stride) continue;
        const View *view = &entry->kernels.at[i]->contracted[1 - s->wide];
        if (s->rows == own->sum && s->sum == own->rows && view->value == tall->value
            && view->offset == tall->offset && !s->kept)
            return s;
    }
    return NULL;
}

static void plan_sums(EntryPlan *entry, Kernel *k, Strassen *s, const Strassen *before)
{
    const bool along = s->sum_stride == 1;
    const int64_t inner = (along ? s->sum : s->rows) / 2, outer = (along ? s->rows : s->sum) / 2;
    const int64_t columns = s->columns / 2 < PANEL_COLUMNS ? s->columns / 2 : PANEL_COLUMNS;
    s->ld = (inner + LANE_PAD - 1) / LANE_PAD * LANE_PAD;
    if (s->ld * 4 % WORK_APART == 0) s->ld += LANE_PAD;
    s->plane = s->ld * outer;
    s->sums = before ? before->sums : scratch_of(entry, k, 4 * s->plane, "sums");
    s->only_t2 = along && s->sum >= LONG_SUM;
    s->panel = scratch_of(entry, k, (s->only_t2 ? 1 : 4) * (s->sum / 2) * columns, "panel");
    use(entry, k, s->sums);
    use(entry, k, s->panel);
}

/* The part of the multiply-adds that is left to save, in them: a sum of quarters costs 4 for each
 * element of an operand, ending and combining seven sums 4 for each of the result, and 16 more if
 * an epilogue follows, in loops of its own. */
static double saved(const Kernel *k, const Strassen *s)
{
    const double m = (double)s->rows, n = (double)s->columns, sum = (double)s->sum;
    const bool alone = k->nodes.count == 1 && k->results.count == 1;
    return 1.0 / 8 - (s->kept ? 0 : 4.25 / n) - 4.25 / m - (alone ? 4 : 20) / sum;
}

/* Worth the text: 3% of the product, 1% of the entry. */
static bool pays(const EntryPlan *entry, const Kernel *k, const Strassen *s)
{
    const double part = saved(k, s);
    double all = 0;
    if (part < 0.03) return false;
    for (int i = 0; i < entry->graph->nodes.count; i++)
        all += op_row(entry->graph->nodes.at[i]->op)->flops(entry->graph->nodes.at[i]);
    return part * op_row(k->anchor->op)->flops(k->anchor) >= 0.01 * all;
}

/* Whether the product is one of two matrices that can be cut in quarters: one sum, rows and columns
 * each a run of memory, whole vectors in half of the columns. */
static bool find_extents(const EntryPlan *entry, const Kernel *k, Strassen *s)
{
    const Node *product = k->anchor;
    if (k->panel || k->lane_axis < 0 || !is_plain(product)) return false;
    s->wide = attr_find(&product->attr[1], product->attr[2].ints[k->lane_axis]) >= 0;
    const Run columns = run_of(k, s->wide, false), rows = run_of(k, 1 - s->wide, false),
              sum = run_of(k, 1 - s->wide, true), other = run_of(k, s->wide, true);
    s->rows = rows.extent;
    s->columns = columns.extent;
    s->sum = sum.extent;
    s->tall_stride = rows.stride;
    s->sum_stride = sum.stride;
    return columns.whole && rows.whole && sum.whole && other.whole && columns.stride == 1
        && !columns.batched && (rows.stride == 1) != (sum.stride == 1)
        && sum.extent == other.extent && rows.extent % 2 == 0 && sum.extent % 2 == 0
        && columns.extent % (2 * LANE_PAD) == 0 && kernel_rows_are_one(entry, k);
}

/* Adam makes a whole step of the smallest gradient: what nothing was added to must stay zero, but
 * quarters share their rounding. So weight gradients, which nothing follows, are cleared where an
 * operand is zero all along, which is seen in vectors along the rows; other gradients are left to
 * the plain product. */
static bool clears_zeros(const Kernel *k, const Strassen *s)
{
    return k->nodes.count == 1 && k->results.count == 1 && k->results.at[0]->place == AT_GRAD
        && s->tall_stride == 1;
}

/* A forward product makes what a gradient of its operand would ask for, whether or not the entry
 * has one: so tiles of all entries are one text. */
static void plan_lit(EntryPlan *entry, Kernel *k, Strassen *s, const Strassen *before)
{
    if (!s->exact && s->sum_stride != 1) return;
    s->lit = before ? before->lit : scratch_of(entry, k, s->exact ? s->rows : s->sum, "lit");
    use(entry, k, s->lit);
    if (!s->exact) return;
    s->lit_columns = scratch_of(entry, k, s->columns, "lit_columns");
    use(entry, k, s->lit_columns);
}

void strassen_plan(EntryPlan *entry, Kernel *k)
{
    const Module *module = entry->plan->module;
    Strassen found = {0}, *s;
    if (module->strict || module->lanes < STRASSEN_LANES || entry->plan->threads > 1 || entry->outer
        || entry->early[k->anchor->id] || !find_extents(entry, k, &found)
        || (!k->forward && !clears_zeros(k, &found)) || found.sum > LONGEST
        || found.columns * found.sum > NEAREST || found.rows * found.sum > NEAREST
        || found.rows * found.columns > NEAREST)
        return;
    const Strassen *before = kept_of(entry, k, &found);
    found.kept = before != NULL;
    found.exact = !k->forward;
    if (!pays(entry, k, &found)) return;
    s = arena_make(entry->arena, Strassen);
    *s = found;
    plan_sums(entry, k, s, before);
    plan_lit(entry, k, s, before);
    k->strassen = s;
}
