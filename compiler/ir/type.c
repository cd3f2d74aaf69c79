/* Element types and shapes: their parts, their arithmetic, and how a type is written. */
#include "ir/type.h"

#include <string.h>

#include "base/text.h"

Type type_make(DType dtype, int rank, const int64_t *dim)
{
    Type type = {.dtype = dtype, .rank = rank, .batch_axis = -1, .batch_inner = 1};
    for (int i = 0; i < rank; i++) type.dim[i] = dim[i];
    return type;
}

Type type_scalar(DType dtype)
{
    return type_make(dtype, 0, NULL);
}

int64_t type_elements(Type type)
{
    int64_t elements = 1;
    for (int i = 0; i < type.rank; i++) elements *= type.dim[i];
    return elements;
}

bool type_same_shape(Type a, Type b)
{
    if (a.rank != b.rank) return false;
    for (int i = 0; i < a.rank; i++)
        if (a.dim[i] != b.dim[i]) return false;
    return true;
}

bool type_equal(Type a, Type b)
{
    return a.dtype == b.dtype && type_same_shape(a, b) && a.batch_axis == b.batch_axis
        && (a.batch_axis < 0 || a.batch_inner == b.batch_inner);
}

int64_t type_batch(Type type)
{
    return type.batch_axis < 0 ? 0 : type.dim[type.batch_axis] / type.batch_inner;
}

int64_t type_valid(Type type, int axis, int64_t count)
{
    return axis == type.batch_axis ? count * type.batch_inner : type.dim[axis];
}

Type type_drop_axis(Type type, int axis)
{
    Type out = type_make(type.dtype, 0, NULL);
    for (int i = 0; i < type.rank; i++) {
        if (i == axis) continue;
        if (i == type.batch_axis) {
            out.batch_axis = out.rank;
            out.batch_inner = type.batch_inner;
        }
        out.dim[out.rank++] = type.dim[i];
    }
    return out;
}

Type type_add_axis(Type type, int axis, int64_t extent)
{
    Type out = type;
    for (int i = type.rank; i > axis; i--) out.dim[i] = type.dim[i - 1];
    out.dim[axis] = extent;
    out.rank++;
    if (type.batch_axis >= axis) out.batch_axis++;
    return out;
}

void type_strides(Type type, int64_t *stride)
{
    int64_t step = 1;
    for (int i = type.rank - 1; i >= 0; i--) {
        stride[i] = step;
        step *= type.dim[i];
    }
}

static const struct { const char *name; size_t size; } dtypes[DT_COUNT] = {
    [DT_F32] = {"f32", 4}, [DT_I32] = {"i32", 4}, [DT_U8] = {"u8", 1}, [DT_BOOL] = {"bool", 1},
};

const char *dtype_name(DType dtype)
{
    return dtypes[dtype].name;
}

size_t dtype_size(DType dtype)
{
    return dtypes[dtype].size;
}

bool dtype_from_name(const char *name, DType *dtype)
{
    for (int i = 0; i < DT_COUNT; i++) {
        if (strcmp(dtypes[i].name, name) != 0) continue;
        *dtype = (DType)i;
        return true;
    }
    return false;
}

static void add_axis(Text *text, Type type, int axis)
{
    if (axis == type.batch_axis) {
        text_add(text, "batch");
        if (type.batch_inner != 1) text_addf(text, "*%lld", (long long)type.batch_inner);
        text_add(text, "=");
    }
    text_addf(text, "%lld", (long long)type.dim[axis]);
}

char *type_text(Arena *arena, Type type)
{
    Text text = text_new(arena);
    text_add(&text, dtype_name(type.dtype));
    for (int i = 0; i < type.rank; i++) {
        text_add(&text, i ? ", " : "[");
        add_axis(&text, type, i);
    }
    if (type.rank) text_add(&text, "]");
    return text.at;
}
