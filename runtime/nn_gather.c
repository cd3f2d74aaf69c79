/* SPDX-License-Identifier: MIT
 * nn_gather.c - one row of a column in the type a model wants; the hot loop of loading. */
#include <string.h>

#include "nn_batch.h"
#include "nn_simd.h"

/* out = (value - center) * scale with one map, or one for each element, from each type. */
#define GATHER(type, suffix)                                                                     \
    NN_LOOP_BODY void one_##suffix##_body(int64_t count, const type *NN_RESTRICT in, float center,\
                                          float scale, float *NN_RESTRICT out) {                  \
        for (int64_t i = 0; i < count; i++) out[i] = ((float)in[i] - center) * scale;             \
    }                                                                                             \
    NN_LOOP(one_##suffix, (int64_t count, const type *in, float center, float scale, float *out), \
            (count, in, center, scale, out))                                                      \
    NN_LOOP_BODY void each_##suffix##_body(int64_t count, const type *NN_RESTRICT in,             \
                                           const float *NN_RESTRICT center,                       \
                                           const float *NN_RESTRICT scale,                        \
                                           float *NN_RESTRICT out) {                              \
        for (int64_t i = 0; i < count; i++) out[i] = ((float)in[i] - center[i]) * scale[i];       \
    }                                                                                             \
    NN_LOOP(each_##suffix, (int64_t count, const type *in, const float *center,                   \
                            const float *scale, float *out), (count, in, center, scale, out))     \
    static void gather_##suffix(const nn_column *c, int64_t row, float *out) {                    \
        const type *in = (const type *)c->values + row * c->step;                                 \
        if (c->map_count > 1) each_##suffix(c->width, in, c->center, c->scale, out);              \
        else if (c->map_count) one_##suffix(c->width, in, c->center[0], c->scale[0], out);        \
        else one_##suffix(c->width, in, 0, 1, out);                                               \
    }

GATHER(unsigned char, u8)
GATHER(int32_t, i32)
GATHER(float, f32)

static void gather_integers(const nn_column *c, int64_t row, int32_t *out) {
    const unsigned char *bytes = (const unsigned char *)c->values + row * c->step;
    if (c->dtype == NN_I32) {
        memcpy(out, (const int32_t *)c->values + row * c->step, sizeof *out * (size_t)c->width);
        return;
    }
    for (int64_t i = 0; i < c->width; i++) out[i] = bytes[i];
}

void nn_touch_row(const nn_column *column, int64_t row) {
#if defined(__GNUC__)
    enum { LINE = 64, MOST = 64 * LINE };        /* longer rows: the hardware follows by itself */
    int64_t size = (int64_t)nn_dtype_size(column->dtype), bytes = column->width * size;
    const char *at = (const char *)column->values + row * column->step * size;
    for (int64_t i = 0; i < bytes && i < MOST; i += LINE) __builtin_prefetch(at + i);
#else
    (void)column;
    (void)row;
#endif
}

void nn_gather_row(const nn_column *column, int64_t row, int dtype, void *out) {
    if (dtype == NN_I32)
        gather_integers(column, row, out);
    else if (column->dtype == NN_U8)
        gather_u8(column, row, out);
    else if (column->dtype == NN_I32)
        gather_i32(column, row, out);
    else
        gather_f32(column, row, out);
}
