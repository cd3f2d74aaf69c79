/* Trained weights beside the generated code. */
#ifndef NNC_EMIT_WEIGHTS_H
#define NNC_EMIT_WEIGHTS_H
#include "emit/emit.h"

typedef struct Fitted {
    const char *name;
    int64_t count;
    const float *values;
} Fitted;

/* Of one plan, in its stored order; padding is zero. */
typedef struct Weights {
    float *params, *states;
    VEC(Fitted) fitted; /* "x/mean": what preparing the data learned */
} Weights;

/* A safetensors file with the names and shapes of the module, or names that the rules of another
 * file tell (names; NULL: none). NULL, or what is wrong with it. */
const char *weights_read(Arena *arena, const Plan *plan, const char *path, const char *names,
                         Weights *out);

/* All need options.weights. */
void emit_weights(Text *out, const Emission *e);        /* NAME_weights.c */
void emit_weights_binary(Text *out, const Emission *e); /* NAME_weights.bin: f32, little-endian,
                                                         * parameters, then states */
void emit_weights_header(Text *out, const Emission *e); /* their declarations in NAME.h */
#endif
