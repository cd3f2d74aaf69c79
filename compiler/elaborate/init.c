/* Owns declared types and initial values. */
#include "elaborate/init.h"

#include <string.h>

static void refuse_dtype(Elab *el, Name dtype)
{
    WordList words = {0};
    for (int i = 0; i < DT_COUNT; i++) vec_push(el->arena, words, dtype_name((DType)i));
    fault(el, dtype.span, "there is no element type `%s`", dtype.text);
    if (!help_nearest(el, dtype.text, &words)) diag_help(el->diags, "it is f32, i32, u8 or bool");
}

bool eval_type(Elab *el, const TypeExpr *written, Type *out)
{
    DType dtype;
    const Value *dims[MAX_RANK] = {NULL};
    if (!dtype_from_name(written->dtype.text, &dtype)) {
        refuse_dtype(el, written->dtype);
        return false;
    }
    if (written->dims.count > MAX_RANK) {
        fault(el, written->span, "a tensor has at most %d axes, this one %d", MAX_RANK,
              written->dims.count);
        return false;
    }
    bool sound = true;
    for (int i = 0; i < written->dims.count; i++) {
        int64_t extent;
        Span at = written->dims.at[i]->span;
        dims[i] = eval(el, written->dims.at[i]);
        if (!want_int(el, at, "the extent of an axis", dims[i], &extent)) sound = false;
        else if (extent < 1) {
            fault(el, at, "an axis needs at least one entry, got %lld", (long long)extent);
            sound = false;
        }
    }
    if (!sound) return false;
    return want_shape(el, written->span, value_list(el->arena, dims, written->dims.count), dtype,
                      out);
}

static Init init_constant(double value)
{
    InitKind kind = value == 0.0 ? INIT_ZEROS : value == 1.0 ? INIT_ONES : INIT_CONST;
    return (Init){.kind = kind, .a = value};
}

/* Copies nested lists of numbers in row-major order; false where they do not have the shape. */
static bool flatten(const Value *value, const Type *type, int axis, float **to)
{
    if (axis == type->rank) {
        if (value->kind != VALUE_NUMBER) return false;
        *(*to)++ = (float)number_double(value->number);
        return true;
    }
    if (value->kind != VALUE_LIST || value->list.count != type->dim[axis]) return false;
    for (int i = 0; i < value->list.count; i++)
        if (!flatten(value->list.items[i], type, axis + 1, to)) return false;
    return true;
}

static bool init_values(Elab *el, Span at, const Value *value, Type type, Init *out)
{
    int64_t listed = value->list.count;
    if (type.rank == 0 || listed != type.dim[0] || type_elements(type) > LIST_LIMIT * LIST_LIMIT) {
        fault(el, at, "a list of %lld cannot fill %s", (long long)listed,
              type_text(el->arena, type));
        return false;
    }
    float *values = arena_array(el->arena, float, type_elements(type)), *end = values;
    *out = (Init){.kind = INIT_VALUES, .values = values};
    if (flatten(value, &type, 0, &end)) return true;
    fault(el, at, "the lists of numbers do not have the shape of %s", type_text(el->arena, type));
    return false;
}

bool init_from(Elab *el, Span at, const Value *value, Type type, Init *out)
{
    if (value->kind == VALUE_POISON) return false;
    if (value->kind == VALUE_LIST) return init_values(el, at, value, type, out);
    if (value->kind == VALUE_NUMBER) *out = init_constant(number_double(value->number));
    else if (value->kind == VALUE_INIT) *out = value->init;
    else {
        fault(el, at, "an initial value is a number, a list of numbers or an initialiser, got %s",
              value_describe(el->arena, value));
        diag_help(el->diags, "for example `zeros`, `ones`, `uniform(-k, k)` or `normal(0, 0.02)`");
        return false;
    }
    return true;
}
