/* Element types and shapes. A shape is fixed numbers; one axis may be the batch axis. */
#ifndef NNC_IR_TYPE_H
#define NNC_IR_TYPE_H
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"

enum { MAX_RANK = 8 };

typedef enum DType { DT_F32, DT_I32, DT_U8, DT_BOOL, DT_COUNT } DType;

/* If batch_axis >= 0, that axis holds `batch * batch_inner` entries, of which the first `count *
 * batch_inner` are valid when an entry is called with fewer rows than it was compiled for. */
typedef struct Type {
    DType dtype;
    int rank;
    int64_t dim[MAX_RANK];
    int batch_axis;              /* -1: none */
    int64_t batch_inner;         /* 1 where it is plain; t for [batch, t, d] as [batch * t, d] */
} Type;

Type type_make(DType dtype, int rank, const int64_t *dim);   /* no batch axis */
Type type_scalar(DType dtype);
int64_t type_elements(Type type);
bool type_same_shape(Type a, Type b);    /* ranks and extents; not dtype or batch */
bool type_equal(Type a, Type b);
int64_t type_batch(Type type);           /* rows that its batch axis stands for; 0 without one */
/* How many entries along axis are valid when count rows are. */
int64_t type_valid(Type type, int axis, int64_t count);
/* Takes axis away, or puts a plain one of the given extent before axis; the batch axis moves
 * along. */
Type type_drop_axis(Type type, int axis);
Type type_add_axis(Type type, int axis, int64_t extent);
void type_strides(Type type, int64_t *stride);               /* row-major, in elements */
const char *dtype_name(DType dtype);     /* "f32", ... */
size_t dtype_size(DType dtype);          /* bytes of one element in memory */
bool dtype_from_name(const char *name, DType *dtype);
/* "f32[batch=128, 784]": the batch axis is marked, "batch*4=512" where batch_inner is 4; a
 * scalar is "f32". */
char *type_text(Arena *arena, Type type);
#endif
