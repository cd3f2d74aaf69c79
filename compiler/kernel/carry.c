/* Carries in place. A step ends by copying new values over the old ones, which is right whatever
 * reads them. Where everything has read a carry before its new value is made, or makes the new
 * value from the same element of the old one, the kernel writes it where it belongs and the copy is
 * gone. What saves an old value goes first, so that it stands in nobody's way. */
#include <string.h>

#include "kernel/kernel.h"
#include "ops/scan.h"

typedef struct Carry {
    EntryPlan *body;
    const Node *before;    /* input of the body */
    const Node *after;     /* output of it */
    const Node *root;      /* whose kernel makes the new value */
    Kernel *copy, *maker;
    Value *made;           /* what the copy reads */
} Carry;

static bool has(const Kernel *k, const Value *operand)
{
    for (int i = 0; i < k->operands.count; i++)
        if (k->operands.at[i] == operand) return true;
    return false;
}

static int place_of(const EntryPlan *body, const Kernel *k)
{
    int i = 0;
    while (body->kernels.at[i] != k) i++;
    return i;
}

/* A copy of its own that a reshape needs has to come before. */
static bool reads_what_is_made(const EntryPlan *body, const Kernel *copy)
{
    for (int i = 0; i < body->kernels.count; i++)
        for (int j = 0; j < copy->operands.count; j++)
            if (kernel_writes(body->kernels.at[i], copy->operands.at[j])) return true;
    return false;
}

/* Copies of inputs of the body come first. */
static void saves_first(EntryPlan *body)
{
    int first = 0;
    for (int i = 0; i < body->kernels.count; i++) {
        Kernel *k = body->kernels.at[i];
        if (k->kind != KERNEL_COPY || view_root(k->anchor)->op != OP_input
            || k->results.at[0]->place != AT_AROUND || !k->results.at[0]->around.step
            || reads_what_is_made(body, k))
            continue;
        for (int j = i; j > first; j--) body->kernels.at[j] = body->kernels.at[j - 1];
        body->kernels.at[first++] = k;
    }
}

/* ---- whether ---- */

static bool leads_to(const Carry *c, const Node *input)
{
    NodeList sources = {.count = 0};
    inline_sources(c->body, input, &sources);
    for (int i = 0; i < sources.count; i++)
        if (sources.at[i] == c->before) return true;
    return false;
}

/* Whether the axes of the old value, walked so, are those of the new one. */
static bool walks_alike(const Carry *c, const int *label)
{
    int axis_of[MAX_RANK];
    if (!view_labels(c->after, axis_of)) return false;
    for (int i = 0; i < c->before->type.rank; i++)
        if (c->before->type.dim[i] != 1
            && (axis_of[i] < 0 || label[i] != c->body->member[c->root->id].label[axis_of[i]]))
            return false;
    return true;
}

/* Whether what a map sees of the old value, itself or through inlined maps, is what the new one
 * replaces at that moment. `label` gives the axes of the domain that those of `input` run along. */
static bool reads_same_element(const Carry *c, const Node *input, const int *label)
{
    int axis_of[MAX_RANK], of_root[MAX_RANK] = {-1, -1, -1, -1, -1, -1, -1, -1};
    const Node *root = view_root(input);
    if (!leads_to(c, input)) return true;
    if (!view_labels(input, axis_of)) return false;
    for (int i = 0; i < input->type.rank; i++)
        if (axis_of[i] >= 0) of_root[axis_of[i]] = label[i];
    if (root == c->before) return walks_alike(c, of_root);
    for (int i = 0; i < root->input_count; i++)
        if (!reads_same_element(c, root->inputs[i], of_root)) return false;
    return op_row(root->op)->kind == KIND_MAP;
}

/* Whether the maker, which reads the old value, may write over it. Its sums would read on. */
static bool may_write_over(const Carry *c)
{
    const Kernel *k = c->maker;
    if (k->row_axes || k->results.at[k->results.count - 1]->over) return false;
    for (int i = 0; i < k->nodes.count; i++) {
        const Node *node = k->nodes.at[i];
        const Member *m = &c->body->member[node->id];
        const OpKind kind = op_row(node->op)->kind;
        if (kind == KIND_REDUCE || m->after_loops) return false;
        for (int j = 0; j < node->input_count; j++)
            if (kind == KIND_MAP ? !reads_same_element(c, node->inputs[j], m->label)
                                 : leads_to(c, node->inputs[j]))
                return false;
    }
    return true;
}

static bool read_later(const Carry *c)
{
    const EntryPlan *body = c->body;
    for (int i = place_of(body, c->maker) + 1; i < body->kernels.count; i++)
        if (has(body->kernels.at[i], body->value_of[c->before->id])) return true;
    return false;
}

static bool made_is_read(const Carry *c)
{
    for (int i = 0; i < c->body->kernels.count; i++)
        if (c->body->kernels.at[i] != c->copy && has(c->body->kernels.at[i], c->made)) return true;
    return false;
}

/* The strides of the new value where the old one is, if the maker's lanes can write them. */
static bool fits(const Carry *c, Value *value)
{
    int64_t stride[MAX_RANK];
    const Type type = c->root->type;
    if (!plan_root_strides(c->after, value, stride)) return false;
    memcpy(value->stride, stride, sizeof stride);
    value->node = c->root;
    if (c->maker->kind == KERNEL_ROWS) return type.rank && stride[type.rank - 1] == 1;
    const int lanes = c->maker->lane_axis;
    for (int i = 0; i < type.rank; i++)
        if (c->body->member[c->root->id].label[i] == lanes && type.dim[i] != 1)
            return stride[i] == 1;
    return lanes < 0;
}

/* ---- the change ---- */

/* A value that is written over an operand comes last: what is stored behind it would be computed
 * from the new one. */
static void add_result(const Carry *c, Value *value)
{
    Kernel *k = c->maker;
    vec_push(c->body->arena, k->results, value);
    const int last = k->results.count - 1;
    if (!last || !k->results.at[last - 1]->over) return;
    k->results.at[last] = k->results.at[last - 1];
    k->results.at[last - 1] = value;
}

static void drop_result(Kernel *k, const Value *value)
{
    int kept = 0;
    for (int i = 0; i < k->results.count; i++)
        if (k->results.at[i] != value) k->results.at[kept++] = k->results.at[i];
    k->results.count = kept;
}

static void drop_kernel(EntryPlan *body, const Kernel *k)
{
    for (int i = place_of(body, k); i + 1 < body->kernels.count; i++)
        body->kernels.at[i] = body->kernels.at[i + 1];
    body->kernels.count--;
}

static void write_in_place(Carry *c)
{
    Value *to = c->copy->results.at[0], as = *to;
    const Value *old = c->body->value_of[c->before->id];
    const bool apart = old->around.step != 0, read = made_is_read(c);
    const bool over = !apart && has(c->maker, old);
    const bool replaces = c->made->place == AT_WORK && !c->made->whole && !read;
    const bool is_row = op_row(c->root->op)->kind == KIND_MAP || c->maker->kind == KERNEL_CONTRACT;
    if ((!apart && read_later(c)) || (over && !may_write_over(c))) return;
    if (!(replaces || is_row) || !fits(c, &as)) return;
    *to = as;
    to->over = over ? old : NULL;
    if (replaces) {
        drop_result(c->maker, c->made);
        c->body->value_of[c->root->id] = to;
    }
    add_result(c, to);
    drop_kernel(c->body, c->copy);
}

static Kernel *copy_to(const EntryPlan *body, const Value *old, const Output *output)
{
    for (int i = body->kernels.count - 1; i >= 0; i--) {
        Kernel *k = body->kernels.at[i];
        if (k->kind != KERNEL_COPY || k->anchor != output->node) continue;
        const Value *to = k->results.at[0];
        if (to->place == AT_AROUND && to->around.value == old->around.value
            && to->around.step == old->around.step
            && to->around.offset == old->around.offset + old->around.step)
            return k;
    }
    return NULL;
}

void carries_in_place(EntryPlan *body)
{
    const Scan scan = scan_parts(body->scan->anchor);
    saves_first(body);
    for (int i = 0; i < scan.carries; i++) {
        const Output *output = &body->graph->outputs.at[i];
        Carry c = {.body = body, .before = body->graph->inputs.at[scan.sequences + i],
                   .after = output->node, .root = view_root(output->node)};
        c.maker = body->member[c.root->id].kernel;
        c.made = body->value_of[c.root->id];
        c.copy = copy_to(body, body->value_of[c.before->id], output);
        if (!c.maker || !c.made || !c.copy || c.made->halo || body->channels_last[c.root->id])
            continue;
        if (c.maker->kind == KERNEL_ROWS || c.maker->kind == KERNEL_CONTRACT) write_in_place(&c);
    }
}
