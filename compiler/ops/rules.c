/* What the families of operations share: tensors of the interpreter, multi-indices, checks of
 * axes. */
#include "ops/rules.h"

#include <math.h>

Tensor tensor_new(Arena *arena, Type type)
{
    Tensor tensor = {.type = type};
    size_t bytes = tensor_bytes(&tensor);
    tensor.data = arena_alloc(arena, bytes ? bytes : 1);
    return tensor;
}

size_t tensor_bytes(const Tensor *tensor)
{
    return (size_t)type_elements(tensor->type) * dtype_size(tensor->type.dtype);
}

double tensor_get(const Tensor *tensor, int64_t element)
{
    switch (tensor->type.dtype) {
    case DT_F32: return (double)((const float *)tensor->data)[element];
    case DT_I32: return (double)((const int32_t *)tensor->data)[element];
    case DT_U8: return (double)((const uint8_t *)tensor->data)[element];
    case DT_BOOL: return ((const bool *)tensor->data)[element] ? 1.0 : 0.0;
    case DT_COUNT: break;
    }
    return 0.0;
}

static double saturate(double value, double low, double high)
{
    if (isnan(value)) return 0.0;
    return value < low ? low : value > high ? high : value;
}

void tensor_set(Tensor *tensor, int64_t element, double value)
{
    switch (tensor->type.dtype) {
    case DT_F32: ((float *)tensor->data)[element] = (float)value; break;
    case DT_I32:
        ((int32_t *)tensor->data)[element] = (int32_t)saturate(value, INT32_MIN, INT32_MAX);
        break;
    case DT_U8: ((uint8_t *)tensor->data)[element] = (uint8_t)saturate(value, 0, UINT8_MAX); break;
    case DT_BOOL: ((bool *)tensor->data)[element] = value != 0.0; break;
    case DT_COUNT: break;
    }
}

void tensor_read(const Tensor *tensor, int64_t first, int64_t count, double *out)
{
    if (tensor->type.dtype == DT_F32) {
        const float *in = (const float *)tensor->data + first;
        for (int64_t i = 0; i < count; i++) out[i] = (double)in[i];
        return;
    }
    for (int64_t i = 0; i < count; i++) out[i] = tensor_get(tensor, first + i);
}

void tensor_write(Tensor *tensor, int64_t first, int64_t count, const double *in)
{
    if (tensor->type.dtype == DT_F32) {
        float *out = (float *)tensor->data + first;
        for (int64_t i = 0; i < count; i++) out[i] = (float)in[i];
        return;
    }
    for (int64_t i = 0; i < count; i++) tensor_set(tensor, first + i, in[i]);
}

bool attr_has(const Attr *axes, int64_t axis)
{
    for (int i = 0; i < axes->count; i++)
        if (axes->ints[i] == axis) return true;
    return false;
}

const char *check_axes(Arena *arena, const char *name, const Attr *axes, Type type)
{
    for (int i = 0; i < axes->count; i++) {
        Attr before = *axes;
        before.count = i;
        if (axes->ints[i] < 0 || axes->ints[i] >= type.rank)
            return arena_printf(arena, "%s: there is no axis %lld in %s", name,
                                (long long)axes->ints[i], type_text(arena, type));
        if (attr_has(&before, axes->ints[i]))
            return arena_printf(arena, "%s: axis %lld is given twice", name,
                                (long long)axes->ints[i]);
    }
    return NULL;
}

bool attr_of_type(AttrKind kind, Type type, Attr *attr)
{
    switch (kind) {
    case ATTR_TYPE_SHAPE: *attr = attr_ints(type.dim, type.rank); return true;
    case ATTR_TYPE_AXIS: *attr = attr_int(type.batch_axis); return true;
    case ATTR_TYPE_INNER: *attr = attr_int(type.batch_axis < 0 ? 1 : type.batch_inner); return true;
    case ATTR_NONE: case ATTR_INT: case ATTR_INTS: case ATTR_NUMBER: case ATTR_TEXT: break;
    }
    return false;
}

bool index_next(int64_t *index, const int64_t *extent, int rank)
{
    for (int i = rank - 1; i >= 0; i--) {
        if (++index[i] < extent[i]) return true;
        index[i] = 0;
    }
    return false;
}

int64_t index_offset(const int64_t *index, const int64_t *stride, int rank)
{
    int64_t offset = 0;
    for (int i = 0; i < rank; i++) offset += index[i] * stride[i];
    return offset;
}
