/* How kernels read values: the nearest one that strides can read, or a copy in front. */
#include "kernel/describe.h"
#include "kernel/kernel.h"

bool kernel_writes(const Kernel *k, const Value *value)
{
    for (int i = 0; k && i < k->results.count; i++)
        if (k->results.at[i] == value) return true;
    return false;
}

/* Checks run before anything is written: what leaves hold is all that they find in memory. */
static bool may_read_value(const Kernel *k, const Value *value)
{
    return !k || k->kind != KERNEL_CHECK || op_row(value->node->op)->kind == KIND_LEAF;
}

static bool read_from(const Kernel *k, const Node *input, const Value *value, View *view,
                      const Node **stuck)
{
    if (!value || kernel_writes(k, value) || !may_read_value(k, value)) return false;
    const Node *reshape = view_strides(input, value, view);
    if (reshape && !*stuck) *stuck = reshape;
    return !reshape;
}

/* A copy was made for one reader: what runs in front of that reads what the copy is made of. */
static bool precedes(const EntryPlan *entry, const Value *copy, const Kernel *k)
{
    for (int i = 0; copy && i < entry->kernels.count && entry->kernels.at[i] != k; i++)
        if (entry->kernels.at[i]->kind == KERNEL_COPY && kernel_writes(entry->kernels.at[i], copy))
            return true;
    return false;
}

/* The nearest value on the chain of views that `input` can be read from by strides; else false, and
 * *stuck is the reshape of the nearest one that needs a copy, or NULL. */
static bool find_operand(const EntryPlan *entry, const Kernel *k, const Node *input, View *view,
                         const Node **stuck)
{
    *stuck = NULL;
    for (const Node *node = input;; node = node->inputs[0]) {
        for (int i = 0; k && i < k->copies.count; i++)
            if (k->copies.at[i]->node == node && read_from(k, input, k->copies.at[i], view, stuck))
                return true;
        const Node *of_value = NULL, *of_dense = NULL;
        if (read_from(k, input, entry->value_of[node->id], view, &of_value)) return true;
        const Value *dense = entry->dense_of[node->id];
        if (precedes(entry, dense, k) && read_from(k, input, dense, view, &of_dense)) return true;
        if (!*stuck) *stuck = of_dense ? of_dense : of_value; /* a dense copy gets further */
        if (!view_is_free(node)) return false;
    }
}

bool plan_operand(const EntryPlan *entry, const Kernel *k, const Node *input, View *view)
{
    const Node *stuck;
    if (k && entry->member[view_root(input)->id].kernel == k && k->kind != KERNEL_COPY)
        return false;
    return find_operand(entry, k, input, view, &stuck);
}

void plan_insert(EntryPlan *entry, const Kernel *before, Kernel *k)
{
    vec_push(entry->arena, entry->kernels, k);
    for (int i = entry->kernels.count - 1; before && i > 0; i--) {
        entry->kernels.at[i] = entry->kernels.at[i - 1];
        entry->kernels.at[i - 1] = k;
        if (entry->kernels.at[i] == before) return;
    }
}

Kernel *plan_copy(EntryPlan *entry, Kernel *before, const Node *node, Value *to)
{
    Kernel *k = arena_make(entry->arena, Kernel);
    k->kind = KERNEL_COPY;
    k->anchor = (Node *)(uintptr_t)node;
    k->domain = node->type;
    vec_push(entry->arena, k->results, to);
    plan_insert(entry, before, k);
    return k;
}

void plan_ensure_view(EntryPlan *entry, Kernel *k, const Node *input)
{
    View view;
    const Node *stuck, *root = view_root(input);
    if (k && entry->member[root->id].kernel == k) return;
    for (int i = 0; entry->member[root->id].inlined && i < root->input_count; i++)
        plan_ensure_view(entry, k, root->inputs[i]);
    while (!find_operand(entry, k, input, &view, &stuck) && stuck) {
        const Node *whole = stuck->inputs[0];
        const char *name = arena_printf(entry->arena, "%s_dense", describe_node_name(entry, whole));
        Value *copy = plan_value(entry, whole, AT_WORK, -1, name);
        plan_copy(entry, k, whole, copy);
        entry->dense_of[whole->id] = copy;
    }
}

/* Constants are written where they are used, but an operand that is walked by strides stands in
 * memory: a product's, a table, rows that are added to one. */
static bool walks(const Kernel *k, const Node *node, int input)
{
    if (node != k->anchor) return false;
    return k->kind == KERNEL_CONTRACT || (k->kind == KERNEL_GATHER && input == 0)
        || (k->kind == KERNEL_SCATTER && input == 1);
}

void plan_ensure_stored(EntryPlan *entry, Kernel *k, const Node *node, int input)
{
    const Node *root = view_root(node->inputs[input]);
    if (!walks(k, node, input) || op_row(root->op)->kind != KIND_LEAF) return;
    const Value *dense = entry->dense_of[root->id];
    if (entry->value_of[root->id] || precedes(entry, dense, k)) return;
    Value *copy = plan_value(entry, root, AT_WORK, -1, describe_node_name(entry, root));
    plan_copy(entry, k, root, copy);
    entry->dense_of[root->id] = copy;
}

/* ---- what a kernel reads ---- */

static void use(EntryPlan *entry, Kernel *k, const Value *value)
{
    for (int i = 0; i < k->operands.count; i++)
        if (k->operands.at[i] == value) return;
    if (value->place != AT_INDEX) vec_push(entry->arena, k->operands, value);
}

static void use_input(EntryPlan *entry, Kernel *k, const Node *input)
{
    View view;
    const Node *root = view_root(input);
    const bool in_place = entry->member[root->id].inlined
                       || (k->kind == KERNEL_CHECK && op_row(root->op)->kind == KIND_MAP);
    if (plan_operand(entry, k, input, &view)) use(entry, k, view.value);
    else if (in_place)
        for (int i = 0; i < root->input_count; i++) use_input(entry, k, root->inputs[i]);
}

void plan_find_operands(EntryPlan *entry, Kernel *k)
{
    const bool reads_laid_out = k->kind == KERNEL_CONTRACT || k->kind == KERNEL_WINDOW;
    for (int i = 0; reads_laid_out && i < k->anchor->input_count; i++)
        if (i == 0 || !k->transformed) use(entry, k, k->contracted[i].value);
    if (k->transformed) use(entry, k, k->transformed);
    if (k->kind == KERNEL_TRANSFORM) use(entry, k, k->contracted[1].value);
    if (k->kind == KERNEL_COPY) use_input(entry, k, k->anchor);
    if (k->kind == KERNEL_CHECK) use_input(entry, k, k->anchor->inputs[0]);
    for (int i = 0; i < k->nodes.count; i++)
        for (int j = k->kind == KERNEL_PUT; j < k->nodes.at[i]->input_count; j++)
            if (k->nodes.at[i] != k->anchor || !reads_laid_out)
                use_input(entry, k, k->nodes.at[i]->inputs[j]);
}
