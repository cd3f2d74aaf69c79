/* Rewriting one node: the algebra of rewrites.def, constants, compositions of views,
 * neighbouring parts joined. */
#include "ops/rewrite.h"

#include "ops/formula.h"
#include "ops/rules.h"

struct RewriteRule { const Formula *pattern, *replacement; bool real; };

static const struct { const char *pattern, *replacement; bool real; } rule_texts[] = {
#define RULE(pattern, replacement) {pattern, replacement, false},
#define REAL(pattern, replacement) {pattern, replacement, true},
#include "ops/rewrites.def"
#undef RULE
#undef REAL
};

Rewriter rewriter_new(Graph *graph, Node *(*settle)(void *context, Node *node), void *context)
{
    enum { RULES = sizeof rule_texts / sizeof *rule_texts };
    RewriteRule *rules = arena_array(graph->arena, RewriteRule, RULES);
    for (int i = 0; i < RULES; i++)
        rules[i] = (RewriteRule){formula_parse(graph->arena, rule_texts[i].pattern),
                                 formula_parse(graph->arena, rule_texts[i].replacement),
                                 rule_texts[i].real};
    return (Rewriter){.graph = graph, .rules = rules, .rule_count = RULES, .settle = settle,
                      .context = context};
}

/* ---- algebra ---- */

typedef struct Binding { const Node *of[26]; } Binding;      /* by letter */

static bool is_fill(const Node *node)
{
    return node->op == OP_fill;
}

static bool matches(const Formula *pattern, const Node *node, Binding *binding)
{
    if (pattern->kind == FORMULA_NUMBER)
        return is_fill(node) && node->attr[0].number == pattern->number;
    if (pattern->kind == FORMULA_NAME) {
        const Node **bound = &binding->of[pattern->name - 'a'];
        if (*bound) return *bound == node;
        bool wants_constant = pattern->name == 'k' || pattern->name == 'm';
        if (wants_constant && !is_fill(node)) return false;
        *bound = node;
        return true;
    }
    if (pattern->op != node->op) return false;
    for (int i = 0; i < pattern->arg_count; i++)
        if (!matches(pattern->args[i], node->inputs[i], binding)) return false;
    return true;
}

/* All maps have equal shapes in and out, so every constant of a replacement has the type of what
 * is replaced. */
static Node *instantiate(const Rewriter *r, const Formula *f, const Binding *binding, Type type)
{
    if (f->kind == FORMULA_NAME) return r->graph->nodes.at[binding->of[f->name - 'a']->id];
    if (f->kind == FORMULA_NUMBER)
        return r->settle(r->context, build_fill(r->graph, type, f->number));
    Node *args[3];
    for (int i = 0; i < f->arg_count; i++) args[i] = instantiate(r, f->args[i], binding, type);
    return r->settle(r->context, build_map(r->graph, f->op, f->arg_count, args));
}

static bool result_fits(const Formula *f, const Binding *binding, Type type)
{
    return f->kind != FORMULA_NAME || type_equal(binding->of[f->name - 'a']->type, type);
}

static Node *apply_algebra(const Rewriter *r, const Node *node)
{
    for (int i = 0; i < r->rule_count; i++) {
        const RewriteRule *rule = &r->rules[i];
        Binding binding = {{0}};
        if (rule->real && node->type.dtype != DT_F32) continue;
        if (matches(rule->pattern, node, &binding)
            && result_fits(rule->replacement, &binding, node->type))
            return instantiate(r, rule->replacement, &binding, node->type);
    }
    return NULL;
}

/* ---- constants ---- */

static bool all_fills(const Node *node)
{
    for (int i = 0; i < node->input_count; i++)
        if (!is_fill(node->inputs[i])) return false;
    return node->input_count > 0;
}

/* A map of these numbers, rounded as the map would round it. */
static double map_of(const Node *node, const double *numbers)
{
    Arena *arena = arena_new();
    Tensor in[3], out = tensor_new(arena, type_scalar(node->type.dtype));
    for (int i = 0; i < node->input_count; i++) {
        in[i] = tensor_new(arena, type_scalar(node->inputs[i]->type.dtype));
        tensor_set(&in[i], 0, numbers[i]);
    }
    EvalContext context = {.arena = arena, .count = 1};
    map_eval(&context, node, in, &out);
    double value = tensor_get(&out, 0);
    arena_free(arena);
    return value;
}

static Node *fold_constants(const Rewriter *r, const Node *node)
{
    OpKind kind = op_row(node->op)->kind;
    double numbers[3];
    if (!all_fills(node) || (kind != KIND_MAP && kind != KIND_VIEW)) return NULL;
    if (kind == KIND_VIEW)
        return r->settle(r->context,
                         build_fill(r->graph, node->type, node->inputs[0]->attr[0].number));
    for (int i = 0; i < node->input_count; i++) numbers[i] = node->inputs[i]->attr[0].number;
    return r->settle(r->context, build_fill(r->graph, node->type, map_of(node, numbers)));
}

/* What a comparison of an index in 0..last with a constant says of the smallest index, of one that
 * is equal, and of the largest: of all there is, if these agree. */
static bool has_one_answer(const Node *node, int side, int64_t last, double *answer)
{
    const double constant = node->inputs[1 - side]->attr[0].number;
    const double indices[] = {0, constant, (double)last};
    for (int i = 0; i < 3; i++) {
        double numbers[] = {constant, constant};
        if (indices[i] < 0 || indices[i] > (double)last) continue;
        numbers[side] = indices[i];
        const double said = map_of(node, numbers);
        if (i > 0 && said != *answer) return false;
        *answer = said;
    }
    return true;
}

static Node *compare_index(const Rewriter *r, const Node *node)
{
    if (node->input_count != 2 || node->type.dtype != DT_BOOL) return NULL;
    for (int i = 0; i < 2; i++) {
        const Node *index = node->inputs[i];
        double answer = 0;
        if (index->op != OP_iota || !is_fill(node->inputs[1 - i])) continue;
        if (has_one_answer(node, i, index->type.dim[index->attr[0].ints[0]] - 1, &answer))
            return r->settle(r->context, build_fill(r->graph, node->type, answer));
    }
    return NULL;
}

/* ---- views ---- */

static Node *compose_permutes(const Rewriter *r, const Node *outer, const Node *inner)
{
    int64_t axes[MAX_RANK];
    for (int i = 0; i < outer->type.rank; i++)
        axes[i] = inner->attr[0].ints[outer->attr[0].ints[i]];
    return build_permute(r->graph, inner->inputs[0], axes);
}

static Node *compose_slices(const Rewriter *r, const Node *outer, const Node *inner)
{
    int64_t start[MAX_RANK], step[MAX_RANK];
    for (int i = 0; i < outer->type.rank; i++) {
        start[i] = inner->attr[0].ints[i] + outer->attr[0].ints[i] * inner->attr[2].ints[i];
        step[i] = outer->attr[2].ints[i] * inner->attr[2].ints[i];
    }
    return build_slice(r->graph, inner->inputs[0], start, outer->attr[1].ints, step);
}

static bool changes_nothing(const Node *node)
{
    if (!type_equal(node->type, node->inputs[0]->type)) return false;
    bool same = true;
    for (int i = 0; i < node->type.rank; i++) {
        if (node->op == OP_permute) same &= node->attr[0].ints[i] == i;
        if (node->op == OP_slice) same &= node->attr[2].ints[i] == 1;
    }
    return same;
}

static Node *compose_views(const Rewriter *r, const Node *node)
{
    Node *inner = node->inputs[0];
    if (changes_nothing(node)) return inner;
    if (inner->op != node->op) return NULL;
    Node *composed = node->op == OP_permute ? compose_permutes(r, node, inner)
                   : node->op == OP_slice ? compose_slices(r, node, inner)
                   : node->op == OP_reshape ? build_reshape(r->graph, inner->inputs[0], node->type)
                   : build_broadcast(r->graph, inner->inputs[0], node->type);
    return composed == inner->inputs[0] ? composed : r->settle(r->context, composed);
}

/* ---- contractions ---- */

/* A permuted operand is the operand with its labels in another order. */
static Node *absorb_permutes(const Rewriter *r, const Node *node)
{
    Node *inputs[2] = {node->inputs[0], node->inputs[1]};
    Attr labels[3] = {node->attr[0], node->attr[1], node->attr[2]};
    bool absorbed = false;
    for (int side = 0; side < 2; side++) {
        const Node *view = inputs[side];
        if (view->op != OP_permute) continue;
        for (int i = 0; i < view->type.rank; i++)
            labels[side].ints[view->attr[0].ints[i]] = node->attr[side].ints[i];
        inputs[side] = view->inputs[0];
        absorbed = true;
    }
    if (!absorbed) return NULL;
    Node *less = build_contract(r->graph, inputs[0], labels[0].ints, inputs[1], labels[1].ints,
                                labels[2].ints, labels[2].count);
    return r->settle(r->context, less);
}

/* ---- sums ---- */

/* The sum over axes along which a value is only repeated is the value times how often. */
static Node *sum_of_repeats(const Rewriter *r, const Node *node)
{
    const Node *wide = node->inputs[0];
    bool repeats = wide->op == OP_broadcast || is_fill(wide);
    Node *narrow = is_fill(wide) ? node->inputs[0] : repeats ? wide->inputs[0] : NULL;
    double times = 1.0;
    for (int i = 0; repeats && i < node->attr[0].count; i++) {
        int64_t axis = node->attr[0].ints[i];
        repeats = axis != wide->type.batch_axis && (is_fill(wide) || narrow->type.dim[axis] == 1);
        times *= (double)wide->type.dim[axis];
    }
    if (!repeats) return NULL;
    if (is_fill(wide))
        return r->settle(r->context,
                         build_fill(r->graph, node->type, wide->attr[0].number * times));
    Node *value = build_broadcast(r->graph, narrow, node->type);
    if (value != narrow) value = r->settle(r->context, value);
    Node *factor = r->settle(r->context, build_fill(r->graph, node->type, times));
    return r->settle(r->context, build_map(r->graph, OP_mul, 2, (Node *[]){value, factor}));
}

static Node *sum_of_one(const Node *node)
{
    return type_equal(node->type, node->inputs[0]->type) ? node->inputs[0] : NULL;
}

/* ---- joins ---- */

/* A border of zeros along one axis alone: that axis, else -1. */
static int padded_axis(const Node *node)
{
    int axis = -1;
    if (node->op != OP_pad || node->attr[2].number != 0.0) return -1;
    for (int i = 0; i < node->type.rank; i++) {
        if (node->attr[0].ints[i] == 0 && node->attr[1].ints[i] == 0) continue;
        if (axis >= 0) return -1;
        axis = i;
    }
    return axis;
}

/* Gradients of neighbouring slices: zeros ++ a ++ zeros plus zeros ++ b ++ zeros is zeros ++ a
 * ++ b ++ zeros. NULL if they are none. */
static Node *join_neighbours(const Rewriter *r, const Node *low, const Node *high)
{
    const int axis = padded_axis(low);
    if (axis < 0 || padded_axis(high) != axis) return NULL;
    if (low->attr[0].ints[axis] > high->attr[0].ints[axis]) {
        const Node *lower = high;
        high = low;
        low = lower;
    }
    if (low->attr[0].ints[axis] + low->inputs[0]->type.dim[axis] != high->attr[0].ints[axis])
        return NULL;
    Attr attrs[MAX_ATTRS] = {attr_int(axis)};
    const char *error;
    Node *joined = graph_append(r->graph, OP_concat, (Node *[]){low->inputs[0], high->inputs[0]}, 2,
                                attrs, r->graph->origin, &error);
    joined = r->settle(r->context, joined);
    Node *padded = build_pad(r->graph, joined, low->attr[0].ints, high->attr[1].ints, 0.0);
    return padded == joined ? joined : r->settle(r->context, padded);
}

/* Two that are added, or one and a part of a sum of two: gradients add up in any order. */
static Node *join_borders(const Rewriter *r, const Node *node)
{
    Node *joined = join_neighbours(r, node->inputs[0], node->inputs[1]);
    for (int i = 0; !joined && i < 2; i++) {
        const Node *sum = node->inputs[i], *one = node->inputs[1 - i];
        for (int j = 0; !joined && sum->op == OP_add && j < 2; j++) {
            Node *both = join_neighbours(r, sum->inputs[j], one);
            Node *rest[] = {both, sum->inputs[1 - j]};
            if (both) joined = r->settle(r->context, build_map(r->graph, OP_add, 2, rest));
        }
    }
    return joined;
}

/* The parts of a part along the same axis stand in its place. */
static Node *flatten_concat(const Rewriter *r, const Node *node)
{
    VEC(Node *) parts = {0};
    for (int i = 0; i < node->input_count; i++) {
        Node *part = node->inputs[i];
        bool nested = part->op == OP_concat && part->attr[0].ints[0] == node->attr[0].ints[0];
        for (int j = 0; nested && j < part->input_count; j++)
            vec_push(r->graph->arena, parts, part->inputs[j]);
        if (!nested) vec_push(r->graph->arena, parts, part);
    }
    if (parts.count == node->input_count) return NULL;
    const char *error;
    return r->settle(r->context, graph_append(r->graph, OP_concat, parts.at, parts.count,
                                              node->attr, r->graph->origin, &error));
}

static Node *rewrite_map(const Rewriter *r, const Node *node)
{
    Node *less = apply_algebra(r, node);
    if (!less) less = compare_index(r, node);
    if (!less && node->op == OP_add) less = join_borders(r, node);
    return less ? less : rewrite_common_factor(r, node);
}

Node *rewrite_node(const Rewriter *r, const Node *node)
{
    Node *folded = fold_constants(r, node);
    if (folded) return folded;
    OpKind kind = op_row(node->op)->kind;
    if (kind == KIND_MAP) return rewrite_map(r, node);
    if (kind == KIND_VIEW) return compose_views(r, node);
    if (kind == KIND_CONTRACT) return absorb_permutes(r, node);
    if (node->op == OP_concat) return flatten_concat(r, node);
    if (node->op != OP_sum) return NULL;
    Node *same = sum_of_one(node);
    return same ? same : sum_of_repeats(r, node);
}
