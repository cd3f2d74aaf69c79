/* Names of values and kernels, and the banners of kernels, from what the source called things. */
#include "kernel/describe.h"

#include <ctype.h>
#include <string.h>

/* ---- names ---- */

static bool in_layer(const Node *node) { return node->layer && *node->layer; }

enum { NAME_DEPTH = 3 };

/* What the first input that has one is called: a value of the source, or a layer; else what its own
 * inputs are. */
static const char *name_of_input(const Node *node, int depth)
{
    for (int i = 0; i < node->input_count; i++) {
        const Node *in = view_root(node->inputs[i]);
        if (op_row(in->op)->kind == KIND_LEAF && in->op != OP_input) continue;
        if (in->name) return in->name;
        if (in_layer(in)) return in->layer;
        const char *deeper = depth ? name_of_input(in, depth - 1) : NULL;
        if (deeper) return deeper;
    }
    return NULL;
}

/* The output whose last step reads the node: "accuracy" is (sum, weight). */
static const char *name_of_output(const EntryPlan *entry, const Node *node)
{
    for (int i = 0; i < entry->graph->outputs.count; i++) {
        const OutputKind kind = entry->graph->outputs.at[i].kind;
        const Node *last = view_root(entry->graph->outputs.at[i].node);
        if (kind == OUT_GRAD || kind == OUT_INPUT_GRAD || kind == OUT_STATE) continue;
        for (int j = 0; j < last->input_count; j++)
            if (view_root(last->inputs[j]) == node) return entry->graph->outputs.at[i].name;
    }
    return NULL;
}

/* The body of a scan is where the scan is. */
static bool is_backward(const EntryPlan *entry, const Node *node)
{
    for (const EntryPlan *e = entry; e->outer; e = e->outer)
        if (!e->scan->forward) return true;
    return entry->forward && !entry->forward[node->id];
}

/* A product or window of the backward part that has no name makes the gradient of its layer's
 * input. */
const char *describe_node_name(const EntryPlan *entry, const Node *node)
{
    const char *op = op_row(node->op)->name;
    const OpKind kind = op_row(node->op)->kind;
    const bool backward = is_backward(entry, node);
    if (node->name) return node->name;
    if (in_layer(node) && (kind == KIND_CONTRACT || kind == KIND_WINDOW))
        return backward ? arena_printf(entry->arena, "d_%s_input", node->layer) : node->layer;
    const char *base = in_layer(node) ? node->layer : name_of_output(entry, node);
    if (!base) base = name_of_input(node, NAME_DEPTH);
    if (!base) return op;
    const char *mark = backward && strncmp(base, "d_", 2) != 0 ? "d_" : "";
    return arena_printf(entry->arena, "%s%s_%s", mark, base, op);
}

const char *describe_identifier(Arena *arena, const char *text)
{
    char *name = arena_strdup(arena, text);
    for (char *c = name; *c; c++)
        if (!isalnum((unsigned char)*c)) *c = '_';
    return name;
}

/* "transpose_fc1_weight" makes fc1_weight_transposed. */
static const char *copy_name(Arena *arena, const Value *made)
{
    static const char ending[] = "_transposed";
    const size_t n = strlen(made->name), tail = strlen(ending);
    if (n > tail && !strcmp(made->name + n - tail, ending))
        return arena_printf(arena, "transpose_%.*s", (int)(n - tail), made->name);
    return made->place == AT_WORK ? arena_printf(arena, "make_%s", made->name) : made->name;
}

/* Of a product its layer and the last operation that is fused; else what is written first. */
const char *describe_kernel_name(const EntryPlan *entry, const Kernel *k)
{
    Arena *arena = entry->arena;
    if (k->kind == KERNEL_CHECK) {
        const char *what = k->operands.count ? k->operands.at[0]->name : "index";
        return describe_identifier(arena, arena_printf(arena, "check_%s", what));
    }
    const Value *v = k->results.count ? k->results.at[0] : NULL;
    for (int i = 1; i < k->results.count && k->anchor; i++) /* not after a sum beside it */
        if (op_row(v->node->op)->kind == KIND_REDUCE) v = k->results.at[i];
    if (!v) return op_row(k->nodes.at[0]->op)->name;
    if (k->kind == KERNEL_COPY) return describe_identifier(arena, copy_name(arena, v));
    if (k->onto) return describe_identifier(arena, arena_printf(arena, "%s_rows", v->name));
    const bool forward = v->place != AT_GRAD && strncmp(v->name, "d_", 2) != 0;
    const bool layered = k->kind == KERNEL_CONTRACT || k->kind == KERNEL_WINDOW;
    if (!layered || !forward || !in_layer(k->anchor)) return describe_identifier(arena, v->name);
    const Node *last = k->nodes.at[k->nodes.count - 1];
    if (last == k->anchor || last->op == OP_add)
        return describe_identifier(arena, k->anchor->layer);
    return describe_identifier(arena, arena_printf(arena, "%s_%s", k->anchor->layer,
                                                   op_row(last->op)->name));
}

/* ---- banners ---- */

enum { COMMENT_WIDTH = 94 }; /* of a line within the marks of a comment */

/* At the right edge of the first line, where there is room. */
static void add_place(Text *out, Span span)
{
    if (!span.source) return;
    const char *slash = strrchr(span.source->path, '/');
    const char *place =
        arena_printf(out->arena, "%s:%d", slash ? slash + 1 : span.source->path, span_line(span));
    const int gap = COMMENT_WIDTH - (int)(out->length + strlen(place));
    text_addf(out, "%*s%s", gap > 2 ? gap : 2, "", place);
}

/* Axes from the outermost in memory to the innermost, of those that are walked; returns how many.
 */
static int order_in_memory(Type type, const int64_t *stride, int order[MAX_RANK])
{
    int count = 0;
    for (int i = 0; i < type.rank; i++) {
        if (type.dim[i] == 1 || stride[i] == 0) continue; /* 0: stored once for the whole axis */
        int j = count++;
        for (; j > 0 && stride[order[j - 1]] < stride[i]; j--) order[j] = order[j - 1];
        order[j] = i;
    }
    return count;
}

/* Whether extents in their order in memory tell which axis is which: no two that changed places are
 * equal, and rows fill whole rows of the axis around them. */
static bool extents_tell(Type type, const int64_t *stride, const int *order, int count)
{
    bool longer = false;
    for (int i = 0; i < count; i++)
        for (int j = i + 1; j < count; j++)
            if (order[i] > order[j] && type.dim[order[i]] == type.dim[order[j]]) return false;
    for (int i = 1; i < count; i++) {
        if (stride[order[i - 1]] % stride[order[i]]) return false;
        longer |= stride[order[i - 1]] / stride[order[i]] != type.dim[order[i]];
        longer |= order[i - 1] > order[i];
    }
    return longer;
}

const char *describe_stored_order(Arena *arena, Type type, const int64_t *stride)
{
    Text out = text_new(arena);
    int64_t dense[MAX_RANK];
    int order[MAX_RANK];
    bool same = true;
    type_strides(type, dense);
    for (int i = 0; i < type.rank; i++) same &= type.dim[i] == 1 || stride[i] == dense[i];
    if (same) return NULL;
    const int count = order_in_memory(type, stride, order);
    if (extents_tell(type, stride, order, count)) {
        for (int i = 0; i < count; i++)
            text_addf(&out, "[%lld]", (long long)(i ? stride[order[i - 1]] / stride[order[i]]
                                                    : type.dim[order[0]]));
        return out.at;
    }
    if (type.rank == 2 && stride[0] == 1 && stride[1] == type.dim[0]) return "transposed";
    for (int i = 0; i < type.rank; i++)
        text_addf(&out, "%s%lld", i ? ", " : "with strides ", (long long)stride[i]);
    return out.at;
}

static void add_stored(Text *out, const EntryPlan *entry, const Kernel *k)
{
    for (int i = 0; i < k->operands.count; i++) {
        const Value *v = k->operands.at[i];
        if (v->place != AT_PARAM) continue;
        const Param *p = &entry->plan->module->params.at[v->index];
        const char *order = describe_stored_order(out->arena, p->type, v->stride);
        if (order)
            text_addf(out, "%c%s is stored %s.", strchr(out->at, '\n') ? ' ' : '\n', p->name,
                      order);
    }
}

char *describe_kernel(Arena *arena, const EntryPlan *entry, const Kernel *k)
{
    Text out = text_new(arena);
    for (int i = 0; i < k->results.count; i++) {
        text_addf(&out, "%s%s", i ? "\n" : "", describe_formula(arena, entry, k, i));
        if (!i) add_place(&out, k->results.at[i]->node->span);
    }
    describe_inner(&out, entry, k);
    if (k->kind == KERNEL_CHECK)
        text_addf(&out, "Every index in 0..%d?", (int)k->anchor->attr[0].ints[0] - 1);
    if (k->kind == KERNEL_CONTRACT) text_addf(&out, "\n%s.", describe_shapes(arena, k->anchor));
    if (k->strassen)
        text_addf(&out, " Strassen: seven products of quarters%s.",
                  k->strassen->kept ? ", with sums kept from before" : "");
    add_stored(&out, entry, k);
    return out.at;
}
