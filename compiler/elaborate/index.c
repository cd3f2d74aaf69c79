/* Owns subscripts and members: `x[:, 0]`, `list[-1]`, `x.shape`, `x.T`, `s.h`, `wte.weight`. */
#include <string.h>

#include "elaborate/context.h"
#include "ops/build.h"

/* ---- subscripts ---- */

/* A subscript along an axis of `extent` entries: which entries it takes. */
typedef struct Pick { int64_t begin, size; bool single; } Pick;

static bool pick_one(Elab *el, const Subscript *at, int64_t extent, const char *of, Pick *out)
{
    int64_t index;
    const Value *value = eval(el, at->index);
    if (value->kind == VALUE_TENSOR) {
        fault(el, at->span, "an index is an integer when the program is compiled, got %s",
              value_describe(el->arena, value));
        note_shape(el, at->span, value);
        diag_help(el->diags, "`take(rows, index)` picks rows by a tensor");
        return false;
    }
    if (value->kind == VALUE_RANGE) {
        fault(el, at->span, "an index must be an integer, got %s",
              value_describe(el->arena, value));
        diag_help(el->diags, "a part of an axis is `%lld:%lld`", (long long)value->range.begin,
                  (long long)value->range.end);
        return false;
    }
    if (!want_int(el, at->span, "an index", value, &index)) return false;
    if (index < -extent || index >= extent) {
        fault(el, at->span, "the index %lld is outside of %s: it has %lld entr%s", (long long)index,
              of, (long long)extent, extent == 1 ? "y" : "ies");
        return false;
    }
    *out = (Pick){.begin = index < 0 ? index + extent : index, .size = 1, .single = true};
    return true;
}

/* A bound from the end if it is negative. */
static bool pick_bound(Elab *el, const Expr *expr, int64_t extent, int64_t otherwise,
                       const char *of, int64_t *out)
{
    *out = otherwise;
    if (!expr) return true;
    if (!eval_int(el, expr, "the bound of a slice", out)) return false;
    int64_t given = *out;
    if (given < 0) *out += extent;
    if (*out >= 0 && *out <= extent) return true;
    fault(el, expr->span, "the bound %lld is outside of %s: it has %lld entr%s", (long long)given,
          of, (long long)extent, extent == 1 ? "y" : "ies");
    return false;
}

static bool pick_range(Elab *el, const Subscript *at, int64_t extent, const char *of, Pick *out)
{
    int64_t begin, end;
    bool sound = pick_bound(el, at->begin, extent, 0, of, &begin);
    sound &= pick_bound(el, at->end, extent, extent, of, &end);
    if (!sound) return false;
    if (begin >= end) {
        fault(el, at->span, "the slice %lld:%lld of %s is empty", (long long)begin, (long long)end,
              of);
        return false;
    }
    *out = (Pick){.begin = begin, .size = end - begin};
    return true;
}

static bool pick(Elab *el, const Subscript *at, int64_t extent, const char *of, Pick *out)
{
    return at->is_range ? pick_range(el, at, extent, of, out) : pick_one(el, at, extent, of, out);
}

static const Value *index_list(Elab *el, const Expr *expr, const Value *list)
{
    Pick at;
    if (expr->index.subscripts.count != 1)
        return fault(el, expr->span, "a list has one subscript, got %d",
                     expr->index.subscripts.count);
    if (!pick(el, &expr->index.subscripts.at[0], list->list.count, "the list", &at))
        return &value_poison;
    return at.single ? list->list.items[at.begin]
                     : value_list(el->arena, list->list.items + at.begin, (int)at.size);
}

static Node *take_slice(Elab *el, Span at, Node *node, const Pick *picks)
{
    int64_t start[MAX_RANK], size[MAX_RANK], step[MAX_RANK];
    int rank = node->type.rank;
    bool whole = true;
    for (int i = 0; i < rank; i++) {
        start[i] = picks[i].begin;
        size[i] = picks[i].size;
        step[i] = 1;
        whole &= size[i] == node->type.dim[i];
    }
    Attr attrs[MAX_ATTRS] = {attr_ints(start, rank), attr_ints(size, rank), attr_ints(step, rank)};
    return whole ? node : append_op(el, at, OP_slice, &node, 1, attrs);
}

/* The rows that are valid are known only when the code runs, so none is picked by its place. */
static bool batch_is_whole(Elab *el, const Expr *expr, const Value *value, const Pick *picks)
{
    Type type = value->tensor.node->type;
    int axis = type.batch_axis;
    if (axis < 0 || (!picks[axis].single && picks[axis].size == type.dim[axis])) return true;
    fault(el, expr->index.subscripts.at[axis].span,
          "the batch axis of %s cannot be sliced: how many of its rows are "
          "valid is known only when the code runs",
          type_text(el->arena, type));
    note_shape(el, expr->span, value);
    return false;
}

static const Value *index_tensor(Elab *el, const Expr *expr, const Value *value)
{
    Type type = value->tensor.node->type, kept;
    const SubscriptList *subscripts = &expr->index.subscripts;
    Pick picks[MAX_RANK];
    if (subscripts->count > type.rank) {
        fault(el, expr->span, "%s has %d ax%s, got %d subscripts", type_text(el->arena, type),
              type.rank, type.rank == 1 ? "is" : "es", subscripts->count);
        note_shape(el, expr->span, value);
        return &value_poison;
    }
    bool sound = true;
    for (int i = 0; i < type.rank; i++) {
        picks[i] = (Pick){.size = type.dim[i]};
        const char *of = arena_printf(el->arena, "axis %d of %s", i, type_text(el->arena, type));
        if (i < subscripts->count)
            sound &= pick(el, &subscripts->at[i], type.dim[i], of, &picks[i]);
    }
    if (!sound) note_shape(el, expr->span, value);
    if (!sound || !batch_is_whole(el, expr, value, picks)) return &value_poison;
    Node *node = take_slice(el, expr->span, tensor_node(el, value), picks);
    if (!node) return &value_poison;
    kept = node->type;
    for (int i = type.rank - 1; i >= 0; i--)
        if (picks[i].single) kept = type_drop_axis(kept, i);
    set_origin(el, expr->span);
    return tensor_value(el, expr->span, build_reshape(el->region->graph, node, kept));
}

const Value *eval_index(Elab *el, const Expr *expr)
{
    const Value *base = eval(el, expr->index.base);
    if (base->kind == VALUE_POISON) return base;
    if (base->kind == VALUE_LIST) return index_list(el, expr, base);
    if (base->kind == VALUE_TENSOR) return index_tensor(el, expr, base);
    return fault(el, expr->span, "only tensors and lists have subscripts, got %s",
                 value_describe(el->arena, base));
}

/* ---- members ---- */

static const Value *shape_of(Elab *el, Type type)
{
    const Value *extents[MAX_RANK];
    for (int i = 0; i < type.rank; i++) extents[i] = extent_value(el, type, i);
    return value_list(el->arena, extents, type.rank);
}

static const Value *transpose(Elab *el, const Expr *expr, const Value *value)
{
    Type type = value->tensor.node->type;
    if (type.rank != 2) {
        fault(el, expr->span, "`.T` turns a matrix round, and %s has %d axes",
              type_text(el->arena, type), type.rank);
        note_shape(el, expr->span, value);
        diag_help(el->diags, "`permute` puts any number of axes in any order");
        return &value_poison;
    }
    set_origin(el, expr->span);
    Node *node = build_permute(el->region->graph, tensor_node(el, value), (int64_t[]){1, 0});
    return tensor_value(el, expr->span, node);
}

static const Value *find_member(const Value *value, const char *name)
{
    for (int i = 0; i < value->member_count; i++)
        if (strcmp(value->members[i].name, name) == 0) return value->members[i].value;
    return NULL;
}

static const Value *refuse_member(Elab *el, const Expr *expr, const Value *value)
{
    WordList words = {0};
    Name name = expr->member.name;
    for (int i = 0; i < value->member_count; i++)
        vec_push(el->arena, words, value->members[i].name);
    if (value->kind == VALUE_TENSOR) vec_push(el->arena, words, "shape");
    if (value->kind == VALUE_TENSOR) vec_push(el->arena, words, "T");
    if (value->kind != VALUE_TENSOR
        && (strcmp(name.text, "shape") == 0 || strcmp(name.text, "T") == 0)) {
        fault(el, expr->member.base->span, "%s%sa tensor is expected, got %s",
              el->frame->unit->library ? el->frame->name : "", el->frame->unit->library ? ": " : "",
              value_describe(el->arena, value));
        return &value_poison;
    }
    fault(el, name.span, "%s has no member `%s`", value_describe(el->arena, value), name.text);
    if (!help_nearest(el, name.text, &words) && value->kind == VALUE_TENSOR)
        diag_help(el->diags, "a tensor has `shape` and, if it is a matrix, `T`");
    return &value_poison;
}

static const Value *member_of(Elab *el, const Expr *expr, const Value *value)
{
    const char *name = expr->member.name.text;
    const Value *member = find_member(value, name);
    if (value->kind == VALUE_POISON || member) return member ? member : value;
    if (value->kind == VALUE_TENSOR && strcmp(name, "shape") == 0)
        return shape_of(el, value->tensor.node->type);
    if (value->kind == VALUE_TENSOR && strcmp(name, "T") == 0) return transpose(el, expr, value);
    return refuse_member(el, expr, value);
}

static const Expr *head_of(const Expr *expr)
{
    while (expr->kind == EXPR_MEMBER || expr->kind == EXPR_INDEX)
        expr = expr->kind == EXPR_MEMBER ? expr->member.base : expr->index.base;
    return expr;
}

/* Whether a chain of members starts at an instance. One that has the name of a value too comes
 * first: apart from those of a scan, values have no members of their own. */
static bool starts_at_instance(Elab *el, const Expr *head)
{
    if (head->kind == EXPR_STRING) return true;
    if (head->kind != EXPR_NAME) return false;
    const Binding *binding = scope_find(el, head->name);
    bool is_value =
        binding ? !binding->layer : find_constant(el, el->frame->unit, head->name) != NULL;
    return !is_value || map_get(&el->instances, path_join(el, el->frame->path, head->name));
}

static const Value *member_of_name(Elab *el, const Expr *expr)
{
    if (expr->member.base->kind != EXPR_NAME) return NULL;
    const Binding *binding = scope_find(el, expr->member.base->name);
    return binding && binding->value ? find_member(binding->value, expr->member.name.text) : NULL;
}

const Value *eval_member(Elab *el, const Expr *expr)
{
    const char *name = expr->member.name.text;
    const Value *member = member_of_name(el, expr);
    if (member) return member;
    bool of_tensor = strcmp(name, "shape") == 0 || strcmp(name, "T") == 0;
    const Value *leaf =
        !of_tensor && starts_at_instance(el, head_of(expr)) ? leaf_reach(el, expr) : NULL;
    return leaf ? leaf : member_of(el, expr, eval(el, expr->member.base));
}
