/* A target: an instruction set as a row of facts and a vocabulary. One file each; a new instruction
 * set is a new file and a line in target/list.c. */
#ifndef NNC_TARGET_TARGET_H
#define NNC_TARGET_TARGET_H
#include "loop/loop.h"

struct Target {
    const char *name;          /* "avx2" */
    const char *title;         /* "x86-64 with AVX2 and FMA" */
    int width;                 /* f32 lanes; 1: scalars only */
    int registers;             /* vector registers an inner loop may use */
    bool masks;                /* masked loads and stores are as fast as whole ones */
    const char *header;        /* "immintrin.h", or NULL */
    const char *before_header; /* C text in front of it, or NULL */
    const char *attribute;     /* text of the per-function attribute macro: "avx2,fma", or NULL */
    const char *guard;         /* preprocessor condition under which the code compiles, or NULL */
    const char *detect; /* C expression that is true if the processor has it (NAME_select), or NULL:
                           always */
    const char *vector_f32, *vector_i32, *vector_bool; /* C types */

    /* Spelling of vector expressions: a format with $0 $1 $2 for printed arguments and $n for a
     * number, or NULL: not in the vocabulary (loop/expr.c then expands it by formula or math
     * function). Indexed by Op for maps on f32 and on i32. */
    const char *map_f32[OP_COUNT];
    const char *map_i32[OP_COUNT];
    const char *map_bool[OP_COUNT];   /* and, or, not on masks */
    const char *scalar_f32[OP_COUNT]; /* scalar operations that this target has instructions for;
                                         else target_scalar's spelling */
    const char *load_f32, *load_i32, *load_u8, *load_part_f32, *load_part_i32,
        *load_part_u8; /* $0 pointer, $n active lanes */
    const char *store_f32, *store_i32, *store_part_f32,
        *store_part_i32; /* $0 pointer, $1 value, $n lanes */
    const char *set_f32, *set_i32, *zero_f32;
    const char *first_lanes; /* true in the first $n lanes, or NULL: lanes are compared */
    const char *fma, *lanes, *ldexp, *exponent, *mantissa, *round;
    const char *add_lanes, *max_lanes, *add_lanes_i32, *max_lanes_i32;
    bool ldexp_floors; /* ldexp takes the floor of its exponent */
    int fractions; /* 2^(i / fractions) comes from a table in registers; 0: there is none */
    const char *fraction;
    const char *reciprocal; /* 1 / $0 within two ulp, faster than a division, or NULL */

    /* C text of helper functions that the spellings above call, each emitted only if used: a name
     * as it occurs in spellings (NN_...) and its definition; ends with a NULL name. In spellings
     * and texts `@` stands for the prefix, `%` for the suffix. */
    const struct TargetHelper {
        const char *name, *text;
    } * helpers;
};

extern const Target target_scalar;           /* also spells the scalars of every other target */
extern const Target *const targets[];        /* ends with NULL; best last for each architecture */
bool target_runs_here(const Target *target); /* on the processor nnc runs on */
const Target *target_find(
    const char *name); /* NULL if unknown; "native" asks the processor nnc runs on */
#endif
