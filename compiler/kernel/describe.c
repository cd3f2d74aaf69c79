/* Names and formulas of kernels, from what the source called things. */
#include "kernel/describe.h"

#include <string.h>

static const char *file_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/* ---- names ---- */

const char *describe_node_name(const EntryPlan *entry, const Node *node) {
    if (node->name) return node->name;
    const char *op = op_row(node->op)->name;
    if (!node->layer || !*node->layer) return op;
    const OpKind kind = op_row(node->op)->kind;
    if (kind == KIND_CONTRACT || kind == KIND_WINDOW) return node->layer;
    return arena_printf(entry->arena, "%s_%s", node->layer, op);
}

static const char *identifier(Arena *arena, const char *text) {
    char *name = arena_strdup(arena, text);
    for (char *c = name; *c; c++)
        if (!((*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9'))) *c = '_';
    return name;
}

/* Layer and last operation: "fc1_relu"; of a gradient what it makes: "fc1_weight_grad"; else what it writes. */
const char *describe_kernel_name(const EntryPlan *entry, const Kernel *k) {
    if (k->kind == KERNEL_CHECK)
        return identifier(entry->arena, arena_printf(entry->arena, "check_%s",
                                                     k->operands.count ? k->operands.at[0]->name : "index"));
    const Value *v = k->results.count ? k->results.at[0] : NULL;
    if (!v) return op_row(k->nodes.at[0]->op)->name;
    if (k->kind == KERNEL_COPY && v->place == AT_WORK)
        return identifier(entry->arena, arena_printf(entry->arena, "make_%s", v->name));
    if (v->place == AT_GRAD) return identifier(entry->arena, arena_printf(entry->arena, "grad_%s",
                                               entry->plan->module->params.at[v->index].name));
    const Node *last = k->nodes.count ? k->nodes.at[k->nodes.count - 1] : v->node;
    if ((k->kind == KERNEL_CONTRACT || k->kind == KERNEL_WINDOW) && k->anchor->layer && *k->anchor->layer && !strstr(v->name, "d_")) {
        const bool plain = last == k->anchor || last->op == OP_add;
        return identifier(entry->arena, plain ? k->anchor->layer
                                              : arena_printf(entry->arena, "%s_%s", k->anchor->layer,
                                                             op_row(last->op)->name));
    }
    return identifier(entry->arena, v->name);
}

/* ---- formulas ---- */

typedef struct Describer { Text *out; const EntryPlan *entry; const Kernel *k; } Describer;

static void formula(Describer *d, const Node *node, int depth);

static const char *infix(Op op) {
    switch ((int)op) {
    case OP_add: return " + ";
    case OP_sub: return " - ";
    case OP_mul: return " * ";
    case OP_div: return " / ";
    case OP_eq: return " == ";
    case OP_ne: return " != ";
    case OP_lt: return " < ";
    case OP_le: return " <= ";
    case OP_gt: return " > ";
    case OP_ge: return " >= ";
    default: return NULL;
    }
}

static void call(Describer *d, const Node *node, int depth) {
    text_addf(d->out, "%s(", op_row(node->op)->name);
    for (int i = 0; i < node->input_count; i++) {
        if (i) text_add(d->out, ", ");
        formula(d, node->inputs[i], depth + 1);
    }
    if (op_row(node->op)->kind == KIND_REDUCE)
        for (int i = 0; i < node->attr[0].count; i++)
            text_addf(d->out, "%s%d", i ? ", " : ", axis ", (int)node->attr[0].ints[i]);
    text_add(d->out, ")");
}

static void operation(Describer *d, const Node *node, int depth) {
    const char *sign = node->op == OP_contract ? " @ " : infix(node->op);
    if (node->op == OP_fill) {
        text_addf(d->out, "%g", node->attr[0].number);
    } else if (sign) {
        if (depth) text_add(d->out, "(");
        formula(d, node->inputs[0], depth + 1);
        text_add(d->out, sign);
        formula(d, node->inputs[1], depth + 1);
        if (depth) text_add(d->out, ")");
    } else {
        call(d, node, depth);
    }
}

static const char *stored_name(const Describer *d, const Node *node) {
    const Value *v = d->entry->value_of[node->id];
    const Module *module = d->entry->plan->module;
    if (!v) return NULL;
    if (v->place == AT_PARAM) return module->params.at[v->index].name;
    if (v->place == AT_STATE) return module->states.at[v->index].name;
    return v->name;
}

static void formula(Describer *d, const Node *node, int depth) {
    const Node *root = view_root(node);
    const bool fellow = d->entry->member[root->id].kernel == d->k;
    const char *name = stored_name(d, root);
    if (name && (!fellow || depth > 0)) text_add(d->out, name);
    else if (fellow || root->op == OP_fill || root->op == OP_count) operation(d, root, depth > 8 ? 1 : depth);
    else text_add(d->out, op_row(root->op)->name);
}

static void where(Text *out, Span span) {
    if (span.source) text_addf(out, "  %s:%d", file_name(span.source->path), span_line(span));
}

char *describe_kernel(Arena *arena, const EntryPlan *entry, const Kernel *k) {
    Text out = text_new(arena);
    Describer d = {&out, entry, k};
    for (int i = 0; i < k->results.count; i++) {
        const Value *v = k->results.at[i];
        if (i) text_add(&out, "\n");
        const char *shown = v->place == AT_GRAD ? arena_printf(arena, "grad of %s", entry->plan->module->params.at[v->index].name)
                                                : v->name;
        text_addf(&out, "%s = ", shown);
        if (k->kind == KERNEL_COPY) text_addf(&out, "%s, stored in another order",
                                              k->operands.count ? k->operands.at[0]->name : "a constant");
        else formula(&d, v->node, 0);
        if (!i) where(&out, v->node->span);
    }
    if (k->kind == KERNEL_CHECK)
        text_addf(&out, "Every index in 0..%d?", (int)k->anchor->attr[0].ints[0] - 1);
    return out.at;
}
