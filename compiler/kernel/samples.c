/* Sample by sample: neighbouring kernels that never look from one sample of the batch at another.
 *
 * One after another over the whole batch, each writes what the next reads when the cache has lost
 * it. Where what passes between them is much, the entry runs all of them for the first sample,
 * then for the second: they compute the same, called with a count of one and pointers to the
 * sample. What only they know needs room for one sample. Attention is the case in point: its scores
 * grow with the square of the time. */
#include "kernel/kernel.h"
#include "passes/pass.h"

enum { LEAST = 256 * 1024 }; /* bytes that pass between them: a part of a second-level cache */

int64_t sample_step(const Value *v)
{
    const Type type = v->node->type;
    if (v->scratch || v->one_sample || type.batch_axis < 0) return 0;
    return type.batch_inner * v->stride[type.batch_axis];
}

Type sample_shape(const Value *v)
{
    Type type = v->node->type;
    if (v->one_sample) type.dim[type.batch_axis] = type.batch_inner;
    return type;
}

/* ---- kernels of which each sample is computed by itself ---- */

/* Whether a view goes on with the samples as the pointer to its value does. */
static bool goes_along(const Kernel *k, const View *view, Type type, const int *label)
{
    int64_t step = 0;
    int axes = 0;
    for (int a = 0; a < type.rank; a++)
        if (label[a] == k->domain.batch_axis && type.dim[a] != 1) {
            step = view->stride[a] * k->domain.batch_inner;
            axes++;
        }
    if (axes > 1) return false;
    return step == (view->value->place == AT_INDEX ? 0 : sample_step(view->value));
}

static bool reads_along(const EntryPlan *entry, const Kernel *k, const Node *input,
                        const int *label)
{
    View view;
    const Node *root = view_root(input);
    const Member *m = &entry->member[root->id];
    if (plan_operand(entry, k, input, &view)) return goes_along(k, &view, input->type, label);
    if (root->op == OP_count) return false;
    if (!m->inlined) return true; /* computed here, or a number */
    int axis_of[MAX_RANK], root_label[MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
    view_labels(input, axis_of);
    for (int i = 0; i < input->type.rank; i++)
        if (axis_of[i] >= 0) root_label[axis_of[i]] = label[i];
    for (int i = 0; i < root->input_count; i++)
        if (!reads_along(entry, k, root->inputs[i], root_label)) return false;
    return true;
}

static bool reduces_samples(const EntryPlan *entry, const Kernel *k, const Node *node)
{
    const int *label = entry->member[node->id].label;
    if (op_row(node->op)->kind != KIND_REDUCE) return false;
    for (int i = 0; i < node->attr[0].count; i++)
        if (label[node->attr[0].ints[i]] == k->domain.batch_axis) return true;
    return false;
}

/* Both operands of a product have the samples, not one of them weights for all. */
static bool product_goes_along(const Kernel *k)
{
    const Node *product = k->anchor;
    const int batch = product->type.batch_axis;
    if (batch < 0 || k->strassen) return false;
    for (int i = 0; i < 2; i++) {
        int label[MAX_RANK];
        const Type type = product->inputs[i]->type;
        for (int a = 0; a < type.rank; a++)
            label[a] = product->attr[i].ints[a] == product->attr[2].ints[batch]
                         ? k->domain.batch_axis
                         : -1;
        if (!sample_step(k->contracted[i].value)
            || !goes_along(k, &k->contracted[i], type, label))
            return false;
    }
    return true;
}

/* How far a sample of the value reaches from where the value begins. */
static int64_t reach_of(const Value *v)
{
    const Type type = v->node->type;
    int64_t reach = v->origin + 1;
    for (int a = 0; a < type.rank; a++)
        reach += ((a == type.batch_axis ? type.batch_inner : type.dim[a]) - 1) * v->stride[a];
    return reach;
}

/* A kernel may leave anything in rows beyond its count, which must not be another sample's. */
static bool writes_along(const Kernel *k)
{
    for (int i = 0; i < k->results.count; i++) {
        const Value *v = k->results.at[i];
        if ((v->place != AT_WORK && v->place != AT_OUTPUT) || v->halo || !sample_step(v)
            || reach_of(v) > sample_step(v)
            || type_batch(v->node->type) != type_batch(k->domain))
            return false;
    }
    return k->results.count > 0;
}

static bool is_apart(const EntryPlan *entry, const Kernel *k)
{
    static const int same[MAX_RANK] = {0, 1, 2, 3, 4, 5, 6, 7};
    if (type_batch(k->domain) != entry->graph->batch || !writes_along(k)) return false;
    if (k->kind == KERNEL_COPY) return reads_along(entry, k, k->anchor, same);
    if (k->kind != KERNEL_ROWS && k->kind != KERNEL_CONTRACT) return false;
    if (k->kind == KERNEL_CONTRACT && !product_goes_along(k)) return false;
    for (int i = 0; i < k->nodes.count; i++) {
        const Node *node = k->nodes.at[i];
        const Member *m = &entry->member[node->id];
        if (m->after_loops || reduces_samples(entry, k, node)) return false;
        for (int j = 0; j < node->input_count && node != k->anchor; j++)
            if (!reads_along(entry, k, node->inputs[j], m->label)) return false;
    }
    return true;
}

/* ---- what only some kernels know ---- */

static bool touches(const Kernel *k, const Value *v)
{
    for (int i = 0; i < k->operands.count; i++)
        if (k->operands.at[i] == v) return true;
    return kernel_writes(k, v);
}

/* Samples lie one behind the other, and nothing else shares the memory. */
static bool lies_apart(const EntryPlan *entry, const Value *v)
{
    if (v->whole || reach_of(v) > sample_step(v)) return false;
    for (int i = 0; i < entry->values.count; i++)
        if (entry->values.at[i]->whole == v) return false;
    return true;
}

static bool written_within(const EntryPlan *entry, const Value *v, int first, int last)
{
    for (int i = first; i <= last; i++)
        if (kernel_writes(entry->kernels.at[i], v)) return true;
    return false;
}

/* Whether kernels [first, last] alone touch it, one of them to write it. */
static bool passes_within(const EntryPlan *entry, const Value *v, int first, int last)
{
    if (v->place != AT_WORK || !sample_step(v) || !lies_apart(entry, v)) return false;
    for (int i = 0; i < entry->kernels.count; i++)
        if ((i < first || i > last) && touches(entry->kernels.at[i], v)) return false;
    return written_within(entry, v, first, last);
}

/* Whether what kernel i writes is read by another of [first, last], or the other way round. */
static bool has_part(const EntryPlan *entry, int i, int first, int last)
{
    const Kernel *k = entry->kernels.at[i];
    for (int j = first; j <= last; j++) {
        const Kernel *other = entry->kernels.at[j];
        for (int n = 0; j != i && n < entry->values.count; n++) {
            const Value *v = entry->values.at[n];
            if (touches(k, v) && touches(other, v)
                && (kernel_writes(k, v) || kernel_writes(other, v)))
                return true;
        }
    }
    return false;
}

static void run_by_sample(EntryPlan *entry, int first, int last)
{
    int64_t bytes = 0;
    while (first < last && !has_part(entry, first, first, last)) first++;
    while (first < last && !has_part(entry, last, first, last)) last--;
    for (int i = 0; i < entry->values.count; i++)
        if (passes_within(entry, entry->values.at[i], first, last))
            bytes += memory_bytes(entry->values.at[i]);
    if (first == last || bytes < LEAST) return;

    Samples *samples = arena_make(entry->arena, Samples);
    *samples = (Samples){entry->kernels.at[first], entry->kernels.at[last]};
    for (int i = first; i <= last; i++) entry->kernels.at[i]->samples = samples;
    for (int i = 0; i < entry->values.count; i++) {
        Value *v = entry->values.at[i];
        if (!passes_within(entry, v, first, last)) continue;
        v->elements = (sample_step(v) + LANE_PAD - 1) / LANE_PAD * LANE_PAD;
        v->one_sample = true;
    }
}

void samples_find(EntryPlan *entry)
{
    if (entry->outer || entry->plan->threads || entry->graph->batch < 2
        || graph_is_prepared(entry->graph))
        return;
    for (int first = 0; first < entry->kernels.count; first++) {
        int last = first;
        while (last < entry->kernels.count && is_apart(entry, entry->kernels.at[last])) last++;
        if (last > first + 1) run_by_sample(entry, first, last - 1);
        first = last;
    }
}
