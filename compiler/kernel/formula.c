/* What a kernel computes, written as one would write it: relu(image @ fc1.weight.T + fc1.bias). */
#include <string.h>

#include "kernel/describe.h"

enum { TERNARY, OR, AND, EQUALITY, RELATION, SUM, PRODUCT, UNARY, POSTFIX };
enum { LONGEST = 400 };              /* then "..." stands for the rest */

typedef struct Writer { Text *out; const EntryPlan *entry; const Kernel *k; } Writer;

static void expression(Writer *w, const Node *node, int needed, bool itself);

/* ---- operators ---- */

typedef struct Sign { Op op; const char *text; int binds; } Sign;

static const Sign *sign_of(Op op)
{
    static const Sign signs[] = {
        {OP_add, " + ", SUM},       {OP_sub, " - ", SUM},       {OP_mul, " * ", PRODUCT},
        {OP_div, " / ", PRODUCT},   {OP_eq, " == ", EQUALITY},  {OP_ne, " != ", EQUALITY},
        {OP_lt, " < ", RELATION},   {OP_le, " <= ", RELATION},  {OP_gt, " > ", RELATION},
        {OP_ge, " >= ", RELATION},  {OP_and, " && ", AND},      {OP_or, " || ", OR},
    };
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (signs[i].op == op) return &signs[i];
    return NULL;
}

static void open_if(Writer *w, bool wrap) { text_add(w->out, wrap ? "(" : ""); }
static void close_if(Writer *w, bool wrap) { text_add(w->out, wrap ? ")" : ""); }

static void binary(Writer *w, const Node *node, const Sign *sign, int needed)
{
    const bool wrap = sign->binds < needed;
    const bool regroups = (node->op == OP_add || node->op == OP_mul)
                          && view_root(node->inputs[1])->op == node->op;
    open_if(w, wrap);
    expression(w, node->inputs[0], sign->binds, false);
    text_add(w->out, sign->text);
    expression(w, node->inputs[1], sign->binds + !regroups, false);
    close_if(w, wrap);
}

static void ternary(Writer *w, const Node *node, int needed)
{
    open_if(w, needed > TERNARY);
    expression(w, node->inputs[0], OR, false);
    text_add(w->out, " ? ");
    expression(w, node->inputs[1], OR, false);
    text_add(w->out, " : ");
    expression(w, node->inputs[2], TERNARY, false);
    close_if(w, needed > TERNARY);
}

static void call(Writer *w, const Node *node)
{
    const Type in = node->input_count ? node->inputs[0]->type : node->type;
    text_addf(w->out, "%s(", op_row(node->op)->name);
    for (int i = 0; i < node->input_count; i++) {
        if (i && node->inputs[i] == node->inputs[0]) continue; /* pooled where it is largest */
        if (i) text_add(w->out, ", ");
        expression(w, node->inputs[i], TERNARY, false);
    }
    if (op_row(node->op)->kind == KIND_REDUCE && type_elements(node->type) != 1) {
        const char *comma = node->attr[0].count > 1 ? ", axes " : ", axis ";
        for (int i = 0; i < node->attr[0].count; i++, comma = " and ")
            if (in.dim[node->attr[0].ints[i]] != 1)
                text_addf(w->out, "%s%d", comma, (int)node->attr[0].ints[i]);
    }
    text_add(w->out, ")");
}

/* ---- products ---- */

static int axis_of(const Attr *labels, int64_t label)
{
    for (int i = 0; i < labels->count; i++)
        if (labels->ints[i] == label) return i;
    return -1;
}

/* The axis of an operand that the product sums over; -1 where that is no matrix. */
static int summed_axis(const Node *product, int operand)
{
    const Attr *labels = &product->attr[operand];
    int found = -1;
    if (labels->count != 2) return -1;
    for (int i = 0; i < 2; i++)
        if (axis_of(&product->attr[2], labels->ints[i]) < 0) found = found < 0 ? i : -2;
    return found < 0 ? -1 : found;
}

static bool is_transposed(const Node *node)
{
    return node->op == OP_permute && node->type.rank == 2 && node->attr[0].ints[0] == 1;
}

/* A matrix as it stands in a product; turned over where its own axes are the other way round. */
static void matrix(Writer *w, const Node *node, bool turned)
{
    while (is_transposed(node)) {
        turned = !turned;
        node = node->inputs[0];
    }
    expression(w, node, turned ? POSTFIX : PRODUCT + 1, false);
    if (turned) text_add(w->out, ".T");
}

/* a @ b as (b.T @ a.T).T: the result's last axis is that of the first operand, a matrix. */
static bool is_swapped(const Node *product)
{
    const int a = summed_axis(product, 0);
    const Attr *result = &product->attr[2];
    return a >= 0 && axis_of(result, product->attr[0].ints[1 - a]) == result->count - 1;
}

static void product(Writer *w, const Node *node, int needed)
{
    const int a = summed_axis(node, 0), b = summed_axis(node, 1);
    const bool wrap = PRODUCT < needed, swapped = is_swapped(node);
    open_if(w, wrap);
    if (swapped) {
        matrix(w, node->inputs[1], b == 0);
        text_add(w->out, " @ ");
        matrix(w, node->inputs[0], a == 1);
    } else {
        matrix(w, node->inputs[0], a == 0);
        text_add(w->out, " @ ");
        matrix(w, node->inputs[1], b == 1);
    }
    close_if(w, wrap);
}

static void extents(Text *out, Type type)
{
    text_add(out, "[");
    for (int i = 0; i < type.rank; i++)
        text_addf(out, "%s%lld", i ? "," : "", (long long)type.dim[i]);
    text_add(out, "]");
}

char *describe_shapes(Arena *arena, const Node *node)
{
    Text out = text_new(arena);
    const int a = summed_axis(node, 0);
    if (a >= 0 && summed_axis(node, 1) >= 0 && node->type.rank == 2) {
        const long long rows = node->type.dim[0], columns = node->type.dim[1];
        const long long sum = node->inputs[0]->type.dim[a];
        text_addf(&out, "[%lld,%lld] x [%lld,%lld]", rows, sum, sum, columns);
    } else {
        extents(&out, node->inputs[0]->type);
        text_add(&out, " x ");
        extents(&out, node->inputs[1]->type);
    }
    text_add(&out, " -> ");
    extents(&out, node->type);
    return out.at;
}

/* ---- values ---- */

/* What the program names and several formulas of a kernel read, though it is not stored. */
static bool has_inner_name(const EntryPlan *entry, const Kernel *k, const Node *node)
{
    int reads = 0;
    if (!node->name || entry->value_of[node->id] || entry->member[node->id].kernel != k)
        return false;
    for (int i = 0; i < k->nodes.count; i++)
        for (int j = 0; j < k->nodes.at[i]->input_count; j++)
            reads += view_root(k->nodes.at[i]->inputs[j]) == node;
    return reads > 1;
}

static const char *stored_name(const Writer *w, const Node *node)
{
    const Value *v = w->entry->value_of[node->id];
    const Module *module = w->entry->plan->module;
    if (!v && has_inner_name(w->entry, w->k, node))
        return describe_identifier(w->out->arena, node->name);
    if (!v) return NULL;
    if (v->place == AT_AROUND && v->around.value->place == AT_PARAM) v = v->around.value;
    if (v->place == AT_PARAM) return module->params.at[v->index].name;
    if (v->place == AT_STATE) return module->states.at[v->index].name;
    if (v->place == AT_SESSION) return module->sessions.at[v->index].name;
    return v->name;
}

/* "[:, 0:64]", for the slice nearest to the reader. */
static void slice(Writer *w, const Node *node)
{
    const Type in = node->inputs[0]->type;
    text_add(w->out, "[");
    for (int i = 0; i < node->type.rank; i++) {
        const int64_t first = node->attr[0].ints[i], size = node->attr[1].ints[i];
        const int64_t step = node->attr[2].ints[i];
        text_add(w->out, i ? ", " : "");
        if (step == 1 && size == in.dim[i]) text_add(w->out, ":");
        else if (size == 1) text_addf(w->out, "%lld", (long long)first);
        else text_addf(w->out, "%lld:%lld", (long long)first, (long long)(first + size * step));
        if (step != 1 && size != 1) text_addf(w->out, ":%lld", (long long)step);
    }
    text_add(w->out, "]");
}

static const Node *slice_above(const Node *node)
{
    for (; view_is_free(node); node = node->inputs[0])
        if (node->op == OP_slice) return node;
    return NULL;
}

static void computed(Writer *w, const Node *node, int needed)
{
    const Sign *sign = sign_of(node->op);
    if (node->op == OP_fill) text_addf(w->out, "%g", node->attr[0].number);
    else if (node->op == OP_iota) text_add(w->out, "index");
    else if (op_row(node->op)->kind == KIND_LEAF) text_add(w->out, op_row(node->op)->name);
    else if (op_row(node->op)->kind == KIND_CONTRACT) product(w, node, needed);
    else if (node->op == OP_select) ternary(w, node, needed);
    else if (node->op == OP_neg) {
        open_if(w, needed > UNARY);
        text_add(w->out, "-");
        expression(w, node->inputs[0], UNARY, false);
        close_if(w, needed > UNARY);
    } else if (sign) binary(w, node, sign, needed);
    else call(w, node);
}

/* `itself`: the value whose formula this is, which does not stand for itself. */
static void expression(Writer *w, const Node *node, int needed, bool itself)
{
    const Node *root = view_root(node), *cut = itself ? NULL : slice_above(node);
    const char *name = itself ? NULL : stored_name(w, root);
    if (w->out->length > LONGEST) {
        text_add(w->out, "...");
    } else if (!name && is_transposed(node) && root == node->inputs[0]) {
        matrix(w, node, false);
    } else {
        if (name) text_add(w->out, root->op == OP_iota ? "index" : name);
        else computed(w, root, cut ? POSTFIX : needed);
        if (cut) slice(w, cut);
    }
}

char *describe_formula(Arena *arena, const EntryPlan *entry, const Kernel *k, int i)
{
    Text out = text_new(arena);
    Writer w = {&out, entry, k};
    const Value *v = k->results.at[i];
    text_addf(&out, "%s %s ", v->name, k->onto ? "+=" : "=");
    if (k->onto) expression(&w, k->anchor, TERNARY, true);
    else if (k->kind == KERNEL_TRANSFORM)
        expression(&w, k->anchor->inputs[1], TERNARY, false);
    else if (k->kind == KERNEL_COPY)
        expression(&w, k->anchor, TERNARY, entry->value_of[view_root(k->anchor)->id] == v);
    else
        expression(&w, v->node, TERNARY, true);
    return out.at;
}

void describe_inner(Text *out, const EntryPlan *entry, const Kernel *k)
{
    for (int i = 0; i < k->nodes.count; i++) {
        const Node *node = k->nodes.at[i];
        if (!has_inner_name(entry, k, node)) continue;
        Text line = text_new(out->arena);
        Writer w = {&line, entry, k};
        expression(&w, node, TERNARY, true);
        text_addf(out, "\n%s = %s", describe_identifier(out->arena, node->name), line.at);
    }
}
