/* Owns the builtins that move elements without computing: reshape, permute, concat, pad, ... */
#include <string.h>

#include "elaborate/builtin.h"
#include "ops/build.h"

static Graph *graph_of(const BuiltinCall *call)
{
    return call->el->region->graph;
}

static const Value *done(BuiltinCall *call, Node *node)
{
    return tensor_value(call->el, call->span, node);
}

/* ---- shapes with an open extent ---- */

static bool is_open(const Value *value)
{
    int64_t extent;
    return value->kind == VALUE_NUMBER && number_is_int(value->number, &extent) && extent == -1;
}

static bool want_list(BuiltinCall *call, int i, const char *of)
{
    const Value *value = call->at[i]->value;
    if (value->kind == VALUE_LIST) return true;
    fault(call->el, call->at[i]->span, "%s expects a list of %s, got %s", call->name, of,
          value_describe(call->el->arena, value));
    if (value->kind == VALUE_NUMBER)
        diag_help(call->el->diags, "write the list in brackets, as in `[%s, ...]`",
                  number_text(call->el->arena, value->number));
    return false;
}

/* Argument i as a shape, each open extent (-1) replaced by fill(call, x, list, axis). False after
 * an error. */
typedef const Value *Fill(BuiltinCall *call, Type x, const Value *list, int axis);

static bool want_open_shape(BuiltinCall *call, int i, Type x, Fill *fill, Type *out)
{
    if (!want_list(call, i, "extents")) return false;
    const Value *list = call->at[i]->value;
    const Value **items = arena_array(call->el->arena, const Value *, list->list.count + 1);
    for (int axis = 0; axis < list->list.count; axis++) {
        items[axis] = list->list.items[axis];
        if (items[axis]->kind == VALUE_POISON) return false;
        if (is_open(items[axis])) items[axis] = fill(call, x, list, axis);
        if (!items[axis]) return false;
    }
    const Value *closed = value_list(call->el->arena, items, list->list.count);
    return want_shape(call->el, call->at[i]->span, closed, x.dtype, out);
}

/* ---- reshape ---- */

/* What is left for the open extent once the others are taken. */
static const Value *rest_of(BuiltinCall *call, Type x, const Value *list, int axis)
{
    int64_t known = 1, extent, elements = type_elements(x);
    Span at = call->at[1]->span;
    for (int i = 0; i < list->list.count; i++) {
        if (i == axis) continue;
        if (is_open(list->list.items[i])) {
            fault(call->el, at, "reshape: only one extent can be -1");
            return NULL;
        }
        if (!want_int(call->el, at, "an extent", list->list.items[i], &extent)) return NULL;
        if (extent < 1 || known > elements / extent) known = 0;
        known = known && extent > 0 ? known * extent : 0;
    }
    if (known > 0 && elements % known == 0) return value_int(call->el->arena, elements / known);
    fault(call->el, at, "reshape: no extent in place of -1 gives the %lld elements of %s",
          (long long)elements, type_text(call->el->arena, x));
    return NULL;
}

/* The shape as written says where the batch is; where it does not, the elements decide. */
static Node *reshape_to(BuiltinCall *call, Node *x, Type type)
{
    Elab *el = call->el;
    const char *error = NULL;
    bool names_batch = type.batch_axis >= 0;
    if (names_batch && x->type.batch_axis < 0)
        error = arena_printf(el->arena, "reshape: %s does not depend on `batch`, %s would",
                             type_text(el->arena, x->type), type_text(el->arena, type));
    else if (!names_batch || type_elements(type) != type_elements(x->type))
        error = reshape_type(el->arena, x->type, type.rank, type.dim, &type);
    if (!error && type_equal(type, x->type)) return x;
    if (!error) {
        Attr attrs[MAX_ATTRS] = {attr_ints(type.dim, type.rank), attr_int(type.batch_axis),
                                 attr_int(type.batch_inner)};
        return append_op(el, call->span, OP_reshape, &x, 1, attrs);
    }
    fault(el, call->span, "%s", error);
    note_shape(el, call->span, call->at[0]->value);
    if (!names_batch && x->type.batch_axis == 0)
        diag_help(el->diags, "write `batch` for the rows: `[batch, ...]`");
    return NULL;
}

static const Value *run_reshape(BuiltinCall *call)
{
    Node *x;
    Type type;
    if (!want_tensor(call, 0, &x) || !want_open_shape(call, 1, x->type, rest_of, &type))
        return &value_poison;
    return done(call, reshape_to(call, x, type));
}

/* flatten(x, start = 1): the axes from start on become one. */
static const Value *run_flatten(BuiltinCall *call)
{
    Node *x;
    int64_t start;
    if (!want_tensor(call, 0, &x) || !want_axis(call, 1, x->type.rank, 1, &start))
        return &value_poison;
    if (start >= x->type.rank)
        return fault(call->el, call->span, "flatten: %s has no axis %lld to start at",
                     type_text(call->el->arena, x->type), (long long)start);
    int64_t dim[MAX_RANK], merged = 1;
    for (int i = 0; i < start; i++) dim[i] = x->type.dim[i];
    for (int i = (int)start; i < x->type.rank; i++) merged *= x->type.dim[i];
    dim[start] = merged;
    return done(call, reshape_to(call, x, type_make(x->type.dtype, (int)start + 1, dim)));
}

static const Value *run_unsqueeze(BuiltinCall *call)
{
    Node *x;
    int64_t axis;
    if (!want_tensor(call, 0, &x) || !want_axis(call, 1, x->type.rank + 1, 0, &axis))
        return &value_poison;
    if (x->type.rank == MAX_RANK)
        return fault(call->el, call->span, "unsqueeze: a tensor has at most %d axes", MAX_RANK);
    return done(call, build_reshape(graph_of(call), x, type_add_axis(x->type, (int)axis, 1)));
}

static const Value *run_squeeze(BuiltinCall *call)
{
    Node *x;
    int64_t axis;
    if (!want_tensor(call, 0, &x) || !want_axis(call, 1, x->type.rank, 0, &axis))
        return &value_poison;
    if (x->type.dim[axis] != 1 || axis == x->type.batch_axis) {
        fault(call->el, call->span, "squeeze: axis %lld of %s is not of extent 1", (long long)axis,
              type_text(call->el->arena, x->type));
        note_shape(call->el, call->span, call->at[0]->value);
        return &value_poison;
    }
    return done(call, build_reshape(graph_of(call), x, type_drop_axis(x->type, (int)axis)));
}

/* ---- order ---- */

static const Value *run_permute(BuiltinCall *call)
{
    Node *x;
    int64_t axes[MAX_RANK];
    int count;
    if (!want_tensor(call, 0, &x) || !want_integers(call, 1, axes, MAX_RANK, &count))
        return &value_poison;
    for (int i = 0; i < count; i++)
        if (axes[i] < 0) axes[i] += x->type.rank;
    Attr attrs[MAX_ATTRS] = {attr_ints(axes, count)};
    return done(call, append_op(call->el, call->span, OP_permute, &x, 1, attrs));
}

static const Value *run_transpose(BuiltinCall *call)
{
    Node *x;
    int64_t a, b, axes[MAX_RANK];
    if (!want_tensor(call, 0, &x) || !want_axis(call, 1, x->type.rank, 0, &a)
        || !want_axis(call, 2, x->type.rank, 0, &b))
        return &value_poison;
    for (int i = 0; i < x->type.rank; i++) axes[i] = i == a ? b : i == b ? a : i;
    return done(call, build_permute(graph_of(call), x, axes));
}

static const Value *run_flip(BuiltinCall *call)
{
    Node *x;
    int64_t axis;
    if (!want_tensor(call, 0, &x) || !want_axis(call, 1, x->type.rank, 0, &axis))
        return &value_poison;
    int64_t start[MAX_RANK] = {0}, step[MAX_RANK];
    for (int i = 0; i < MAX_RANK; i++) step[i] = 1;
    start[axis] = x->type.dim[axis] - 1;
    step[axis] = -1;
    Attr attrs[MAX_ATTRS] = {attr_ints(start, x->type.rank), attr_ints(x->type.dim, x->type.rank),
                             attr_ints(step, x->type.rank)};
    return done(call, append_op(call->el, call->span, OP_slice, &x, 1, attrs));
}

/* ---- repetition ---- */

/* -1 keeps the extent: axes are counted from the right. */
static const Value *kept_extent(BuiltinCall *call, Type x, const Value *list, int axis)
{
    int from = axis - (list->list.count - x.rank);
    if (from >= 0) return extent_value(call->el, x, from);
    fault(call->el, call->at[1]->span, "expand: %s has no axis whose extent -1 could keep",
          type_text(call->el->arena, x));
    return NULL;
}

static const Value *run_expand(BuiltinCall *call)
{
    Node *x;
    Type type, joined;
    const char *error;
    Elab *el = call->el;
    if (!want_tensor(call, 0, &x) || !want_open_shape(call, 1, x->type, kept_extent, &type))
        return &value_poison;
    if (broadcast_types(el->arena, x->type, type, &joined, &error) && type_equal(joined, type))
        return done(call, build_broadcast(graph_of(call), x, type));
    fault(el, call->span, "expand: %s cannot be repeated to %s: only axes of extent 1 are",
          type_text(el->arena, x->type), type_text(el->arena, type));
    note_shape(el, call->span, call->at[0]->value);
    return &value_poison;
}

/* ---- joining and cutting ---- */

/* Argument 0 as a list of tensors; NULL after an error. */
static Node **want_tensors(BuiltinCall *call, int *count)
{
    if (!want_list(call, 0, "tensors")) return NULL;
    const Value *list = call->at[0]->value;
    Node **nodes = arena_array(call->el->arena, Node *, list->list.count + 1);
    for (int i = 0; i < list->list.count; i++) {
        const Value *item = list->list.items[i];
        if (item->kind == VALUE_TENSOR) nodes[i] = tensor_node(call->el, item);
        else if (item->kind != VALUE_POISON)
            fault(call->el, call->at[0]->span, "%s expects a list of tensors, got %s in it",
                  call->name, value_describe(call->el->arena, item));
        if (!nodes[i]) return NULL;
    }
    *count = list->list.count;
    if (*count == 0) fault(call->el, call->at[0]->span, "%s: the list is empty", call->name);
    return *count ? nodes : NULL;
}

static const Value *concat(BuiltinCall *call, Node *const *nodes, int count, int64_t axis)
{
    Attr attrs[MAX_ATTRS] = {attr_int(axis)};
    return done(call, append_op(call->el, call->span, OP_concat, nodes, count, attrs));
}

static const Value *run_concat(BuiltinCall *call)
{
    int count;
    int64_t axis;
    Node **nodes = want_tensors(call, &count);
    if (!nodes || !want_axis(call, 1, nodes[0]->type.rank, 0, &axis)) return &value_poison;
    return concat(call, nodes, count, axis);
}

static const Value *run_stack(BuiltinCall *call)
{
    int count;
    int64_t axis;
    Node **nodes = want_tensors(call, &count);
    if (!nodes || !want_axis(call, 1, nodes[0]->type.rank + 1, 0, &axis)) return &value_poison;
    set_origin(call->el, call->span);
    for (int i = 0; i < count; i++) {
        Type type = nodes[i]->type;
        if (type.rank == MAX_RANK || axis > type.rank)
            return fault(call->el, call->span, "stack: %s cannot get an axis %lld",
                         type_text(call->el->arena, type), (long long)axis);
        nodes[i] = build_reshape(graph_of(call), nodes[i], type_add_axis(type, (int)axis, 1));
    }
    return concat(call, nodes, count, axis);
}

/* chunk(x, chunks, axis = 0): a list of equal parts. */
static const Value *run_chunk(BuiltinCall *call)
{
    Node *x;
    int64_t chunks, axis, start[MAX_RANK] = {0}, size[MAX_RANK], step[MAX_RANK];
    if (!want_tensor(call, 0, &x) || !want_integer(call, 1, 1, &chunks)
        || !want_axis(call, 2, x->type.rank, 0, &axis))
        return &value_poison;
    if (x->type.rank == 0 || chunks < 1 || x->type.dim[axis] % chunks) {
        fault(call->el, call->span, "chunk: axis %lld of %s does not fall into %lld equal parts",
              (long long)axis, type_text(call->el->arena, x->type), (long long)chunks);
        note_shape(call->el, call->span, call->at[0]->value);
        return &value_poison;
    }
    const Value **items = arena_array(call->el->arena, const Value *, chunks);
    for (int i = 0; i < MAX_RANK; i++) step[i] = 1;
    memcpy(size, x->type.dim, sizeof size);
    size[axis] /= chunks;
    for (int64_t i = 0; i < chunks; i++) {
        start[axis] = i * size[axis];
        Attr attrs[MAX_ATTRS] = {attr_ints(start, x->type.rank), attr_ints(size, x->type.rank),
                                 attr_ints(step, x->type.rank)};
        items[i] = done(call, append_op(call->el, call->span, OP_slice, &x, 1, attrs));
        if (items[i]->kind == VALUE_POISON) return items[i];
    }
    return value_list(call->el->arena, items, (int)chunks);
}

/* ---- borders ---- */

/* One pair [before, after] an axis. */
static bool want_borders(BuiltinCall *call, int i, Type x, int64_t *before, int64_t *after)
{
    Span at = call->at[i]->span;
    if (!want_list(call, i, "pairs [before, after], one an axis")) return false;
    const Value *pairs = call->at[i]->value;
    if (pairs->list.count != x.rank) {
        fault(call->el, at, "pad: %s has %d ax%s, got %d pair%s", type_text(call->el->arena, x),
              x.rank, x.rank == 1 ? "is" : "es", pairs->list.count, plural(pairs->list.count));
        return false;
    }
    for (int axis = 0; axis < x.rank; axis++) {
        const Value *pair = pairs->list.items[axis];
        if (pair->kind != VALUE_LIST || pair->list.count != 2) {
            fault(call->el, at, "pad: axis %d needs a pair [before, after], got %s", axis,
                  value_describe(call->el->arena, pair));
            return false;
        }
        if (!want_int(call->el, at, "a border", pair->list.items[0], &before[axis])
            || !want_int(call->el, at, "a border", pair->list.items[1], &after[axis]))
            return false;
    }
    return true;
}

/* What the border repeats: none (a value), `edge` or `reflect`. */
static bool want_mode(BuiltinCall *call, int i, bool *repeats, bool *mirrored)
{
    const Value *mode = call->at[i] ? call->at[i]->value : &value_none;
    *repeats = mode->kind != VALUE_NONE;
    *mirrored = mode->kind == VALUE_TEXT && strcmp(mode->text, "reflect") == 0;
    if (!*repeats || *mirrored || (mode->kind == VALUE_TEXT && !strcmp(mode->text, "edge")))
        return true;
    fault(call->el, call->at[i]->span, "pad: mode is edge, reflect or none, got %s",
          value_describe(call->el->arena, mode));
    return false;
}

/* pad(x, [[before, after], ...], value = 0, mode = none) */
static const Value *run_pad(BuiltinCall *call)
{
    Node *x;
    Number value;
    int64_t before[MAX_RANK], after[MAX_RANK];
    bool repeats, mirrored;
    if (!want_tensor(call, 0, &x) || !want_borders(call, 1, x->type, before, after)
        || !want_number(call, 2, number_int(0), &value) || !want_mode(call, 3, &repeats, &mirrored))
        return &value_poison;
    if (repeats && call->at[2])
        return fault(call->el, call->at[2]->span,
                     "pad: a border that repeats entries has no value");
    Attr attrs[MAX_ATTRS] = {attr_ints(before, x->type.rank), attr_ints(after, x->type.rank),
                             attr_number(number_double(value))};
    if (repeats) attrs[2] = attr_int(mirrored);
    return done(call, append_op(call->el, call->span, repeats ? OP_border : OP_pad, &x, 1, attrs));
}

const Builtin builtin_shapes[] = {
    {"reshape", {"x", "shape"}, run_reshape,
     "the same elements in row-major order under another shape; one extent may be -1"},
    {"flatten", {"x", "start?"}, run_flatten,
     "the axes from start on (by default 1) merged into one"},
    {"unsqueeze", {"x", "axis"}, run_unsqueeze,
     "a new axis of extent 1 before axis"},
    {"squeeze", {"x", "axis"}, run_squeeze,
     "without the axis, whose extent is 1"},
    {"permute", {"x", "order"}, run_permute,
     "axis i of the result is axis order[i] of x"},
    {"transpose", {"x", "a", "b"}, run_transpose,
     "axes a and b exchanged; `x.T` for a matrix"},
    {"flip", {"x", "axis"}, run_flip,
     "axis in reverse order"},
    {"expand", {"x", "shape"}, run_expand,
     "axes of extent 1 repeated to shape; -1 keeps an extent"},
    {"concat", {"tensors", "axis?"}, run_concat,
     "one after another along axis (by default 0)"},
    {"stack", {"tensors", "axis?"}, run_stack,
     "along a new axis (by default 0)"},
    {"chunk", {"x", "chunks", "axis?"}, run_chunk,
     "a list of equal parts along axis (by default 0)"},
    {"pad", {"x", "borders", "value?", "mode?"}, run_pad,
     "with a border of value (by default 0): a list of pairs [before, after], one an axis. mode: "
     "`edge` repeats the outermost entry, `reflect` mirrors the others at it"},
    {0},
};
