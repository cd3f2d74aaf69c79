/* Owns the builtins that slide a window over the last axes of [rows, channels, ...]: conv,
 * conv_transpose, window_sum, window_max. */
#include <string.h>

#include "elaborate/builtin.h"
#include "ops/build.h"
#include "ops/window.h"

/* What a call says of each axis that the window moves along. */
typedef struct Slide {
    int axes;
    int64_t size[MAX_WINDOW_AXES], stride[MAX_WINDOW_AXES], dilation[MAX_WINDOW_AXES];
    int64_t before[MAX_WINDOW_AXES], after[MAX_WINDOW_AXES];
} Slide;

static const char *axes_text(int axes)
{
    return axes == 1 ? "1 axis" : axes == 2 ? "2 axes" : axes == 3 ? "3 axes" : "the axes";
}

/* One number for all axes, or a list with one for each; `otherwise` where it is missing. */
static bool want_each(BuiltinCall *call, int i, int axes, const int64_t *otherwise, int64_t *out)
{
    int count;
    if (!call->at[i] || call->at[i]->value->kind == VALUE_NONE) {
        memcpy(out, otherwise, sizeof *out * (size_t)axes);
        return true;
    }
    const Value *value = call->at[i]->value;
    if (!want_integers(call, i, out, MAX_WINDOW_AXES, &count)) return false;
    for (int a = 1; value->kind == VALUE_NUMBER && a < axes; a++) out[a] = out[0];
    if (value->kind == VALUE_NUMBER || count == axes) return true;
    fault(call->el, call->at[i]->span, "%s: the window moves along %s, but the list has %d",
          call->name, axes_text(axes), count);
    return false;
}

/* ---- padding ---- */

/* As little as lets every `stride`th entry be the centre of a window, the odd one behind. A stride
 * below 1 is left to the operation, which refuses it. */
static void pad_to_same(const Type *x, Slide *s)
{
    for (int a = 0; a < s->axes; a++) {
        if (s->stride[a] < 1) continue;
        int64_t in = x->dim[2 + a], positions = (in + s->stride[a] - 1) / s->stride[a];
        int64_t reach = s->dilation[a] * (s->size[a] - 1) + 1;
        int64_t total = (positions - 1) * s->stride[a] + reach - in;
        s->before[a] = total > 0 ? total / 2 : 0;
        s->after[a] = total > 0 ? total - total / 2 : 0;
    }
}

static bool want_pair(BuiltinCall *call, int i, const Value *pair, int64_t *before, int64_t *after)
{
    Span at = call->at[i]->span;
    if (pair->kind == VALUE_LIST && pair->list.count == 2)
        return want_int(call->el, at, "padding", pair->list.items[0], before)
            && want_int(call->el, at, "padding", pair->list.items[1], after);
    if (!want_int(call->el, at, "padding", pair, before)) return false;
    *after = *before;
    return true;
}

/* `same`, one number, or for each axis a number or a pair [before, after]. */
static bool want_padding(BuiltinCall *call, int i, Type x, Slide *s)
{
    const Value *value = call->at[i] ? call->at[i]->value : &value_none;
    if (value->kind == VALUE_POISON) return false;
    if (value->kind == VALUE_NONE) return true;
    if (value->kind == VALUE_TEXT && strcmp(value->text, "same") == 0) {
        pad_to_same(&x, s);
        return true;
    }
    if (value->kind != VALUE_NUMBER
        && (value->kind != VALUE_LIST || value->list.count != s->axes)) {
        fault(call->el, call->at[i]->span,
              "%s: padding is `same`, a number, or for each of %s a "
              "number or a pair [before, after]; got %s",
              call->name, axes_text(s->axes), value_describe(call->el->arena, value));
        return false;
    }
    for (int a = 0; a < s->axes; a++) {
        const Value *pair = value->kind == VALUE_LIST ? value->list.items[a] : value;
        if (!want_pair(call, i, pair, &s->before[a], &s->after[a])) return false;
    }
    return true;
}

/* ---- appending ---- */

static const Value *slide_op(BuiltinCall *call, Op op, Node *const *inputs, const Slide *s,
                             Attr last)
{
    int64_t padding[2 * MAX_WINDOW_AXES];
    memcpy(padding, s->before, sizeof *padding * (size_t)s->axes);
    memcpy(padding + s->axes, s->after, sizeof *padding * (size_t)s->axes);
    Attr attrs[MAX_ATTRS] = {attr_ints(s->stride, s->axes), attr_ints(padding, 2 * s->axes),
                             attr_ints(s->dilation, s->axes), last};
    return tensor_value(call->el, call->span,
                        append_op(call->el, call->span, op, inputs, op_row(op)->arity, attrs));
}

static const int64_t ones[MAX_WINDOW_AXES] = {1, 1, 1, 1, 1, 1};

/* x must have rows, channels and axes for the window. */
static bool want_planes(BuiltinCall *call, Node **x, Slide *s)
{
    *s = (Slide){0};
    if (!want_tensor(call, 0, x)) return false;
    s->axes = (*x)->type.rank - 2;
    if (s->axes >= 1) return true;
    fault(call->el, call->at[0]->span,
          "%s: axes for rows, channels and at least one for the window to move along are wanted, "
          "got %s",
          call->name, type_text(call->el->arena, (*x)->type));
    note_shape(call->el, call->span, call->at[0]->value);
    return false;
}

/* conv(x, weight, stride = 1, padding = 0, dilation = 1, groups = 1), and its transpose. */
static const Value *convolution(BuiltinCall *call, Op op)
{
    Slide s;
    int64_t groups;
    Node *inputs[2];
    if (!want_planes(call, &inputs[0], &s) || !want_tensor(call, 1, &inputs[1])
        || !want_each(call, 2, s.axes, ones, s.stride)
        || !want_each(call, 4, s.axes, ones, s.dilation) || !want_integer(call, 5, 1, &groups))
        return &value_poison;
    for (int a = 0; a < s.axes && inputs[1]->type.rank == 2 + s.axes; a++)
        s.size[a] = inputs[1]->type.dim[2 + a];
    if (!want_padding(call, 3, inputs[0]->type, &s)) return &value_poison;
    return slide_op(call, op, inputs, &s, attr_int(groups));
}

static const Value *run_conv(BuiltinCall *call) { return convolution(call, OP_conv); }

static const Value *run_conv_transpose(BuiltinCall *call)
{
    return convolution(call, OP_conv_input);
}

/* ---- pooling ---- */

/* Room behind for one more position where entries would be left over, unless that would start in
 * the padding. */
static void room_for_all(const Type *x, Slide *s)
{
    for (int a = 0; a < s->axes; a++) {
        int64_t in = x->dim[2 + a], reach = s->dilation[a] * (s->size[a] - 1) + 1;
        int64_t left = in + s->before[a] + s->after[a] - reach, stride = s->stride[a];
        if (left < 0 || left % stride == 0) continue;
        int64_t start = (left / stride + 1) * stride;
        if (start < in + s->before[a]) s->after[a] += stride - left % stride;
    }
}

/* (x, window, stride = window, padding = 0, dilation = 1, ceil = false) */
static bool want_pool(BuiltinCall *call, Node **x, Slide *s)
{
    bool ceil;
    if (!want_planes(call, x, s) || !want_each(call, 1, s->axes, ones, s->size)
        || !want_each(call, 2, s->axes, s->size, s->stride)
        || !want_each(call, 4, s->axes, ones, s->dilation) || !want_padding(call, 3, (*x)->type, s)
        || !want_bool(call, 5, false, &ceil))
        return false;
    for (int a = 0; a < s->axes; a++) {
        if (s->stride[a] >= 1) continue;
        fault(call->el, call->span, "%s: a stride is at least 1, got %lld", call->name,
              (long long)s->stride[a]);
        return false;
    }
    if (ceil) room_for_all(&(*x)->type, s);
    return true;
}

static const Value *run_window_sum(BuiltinCall *call)
{
    Slide s;
    Node *x;
    if (!want_pool(call, &x, &s)) return &value_poison;
    return slide_op(call, OP_window_sum, &x, &s, attr_ints(s.size, s.axes));
}

static const Value *run_window_max(BuiltinCall *call)
{
    Slide s;
    Node *x;
    if (!want_pool(call, &x, &s)) return &value_poison;
    return slide_op(call, OP_max_pick, (Node *[]){x, x}, &s, attr_ints(s.size, s.axes));
}

/* ---- lists ---- */

/* per_axis(value, axes): a number as a list of so many of it, a list of that length as it is. */
static const Value *run_per_axis(BuiltinCall *call)
{
    Elab *el = call->el;
    int64_t axes;
    const Value *value = call->at[0]->value;
    if (!want_integer(call, 1, 1, &axes)) return &value_poison;
    if (axes < 1 || axes > MAX_RANK)
        return fault(el, call->at[1]->span, "per_axis: 1 to %d axes, got %lld", MAX_RANK,
                     (long long)axes);
    if (value->kind == VALUE_LIST && value->list.count == axes) return value;
    if (value->kind != VALUE_NUMBER)
        return fault(el, call->at[0]->span,
                     "a number, or a list of %lld of them, is wanted, got %s", (long long)axes,
                     value_describe(el->arena, value));
    const Value **items = arena_array(el->arena, const Value *, axes);
    for (int64_t i = 0; i < axes; i++) items[i] = value;
    return value_list(el->arena, items, (int)axes);
}

const Builtin builtin_windows[] = {
    {"conv",
     {"x", "weight", "stride?", "padding?", "dilation?", "groups?"},
     run_conv,
     "sums of products of x [rows, channels, ...] under a window with weight [out channels, in "
     "channels of a group, taps ...]. stride and dilation: a number or one an axis; padding: "
     "`same`, "
     "a number, or for each axis a number or a pair [before, after]"},
    {"conv_transpose",
     {"x", "weight", "stride?", "padding?", "dilation?", "groups?"},
     run_conv_transpose,
     "every entry of x adds its multiple of weight [in channels, out channels of a group, taps "
     "...] "
     "to the result; a padding below 0 behind an axis makes room there"},
    {"window_sum",
     {"x", "window", "stride?", "padding?", "dilation?", "ceil?"},
     run_window_sum,
     "sum under a window, padding counting as 0; stride is the window's extent where not given; "
     "ceil: also a last window that reaches beyond"},
    {"window_max",
     {"x", "window", "stride?", "padding?", "dilation?", "ceil?"},
     run_window_max,
     "largest under a window, padding never; the gradient goes to the first of equals"},
    {"per_axis",
     {"value", "axes"},
     run_per_axis,
     "a number as a list with one for each axis, a list of that length as it is"},
    {0},
};
