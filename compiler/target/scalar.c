/* Plain C, one element at a time: freestanding, no libm. Its spellings also serve the scalars of
 * every other target. */
#include "target/target.h"

static const struct TargetHelper helpers[] = {
    {"@_max%", "static inline float @_max%(float a, float b)\n{\n    return a > b ? a : b;\n}\n"},
    {"@_min%", "static inline float @_min%(float a, float b)\n{\n    return a < b ? a : b;\n}\n"},
    {"@_max_i32%",
     "static inline int32_t @_max_i32%(int32_t a, int32_t b)\n{\n    return a > b ? a : b;\n}\n"},
    {"@_min_i32%",
     "static inline int32_t @_min_i32%(int32_t a, int32_t b)\n{\n    return a < b ? a : b;\n}\n"},
    {"@_abs%", "static inline float @_abs%(float x)\n{\n    return x < 0.0f ? -x : x;\n}\n"},
    {"@_floor%",
     "static inline float @_floor%(float x)\n{\n"
     "    if (!(x > -8388608.0f && x < 8388608.0f)) return x;     /* integral from 2^23 on */\n"
     "    const float t = (float)(int32_t)x;\n"
     "    return t > x ? t - 1.0f : t;\n"
     "}\n"},
    {"@_round%", "/* Nearest integer of |x| < 2^31. */\n"
                 "static inline float @_round%(float x)\n{\n"
                 "    return (float)(int32_t)(x < 0.0f ? x - 0.5f : x + 0.5f);\n"
                 "}\n"},
    {"@_bits%", "static inline int32_t @_bits%(float x)\n{\n"
                "    int32_t bits;\n    memcpy(&bits, &x, sizeof bits);\n    return bits;\n"
                "}\n"},
    {"@_float%", "static inline float @_float%(int32_t bits)\n{\n"
                 "    float x;\n    memcpy(&x, &bits, sizeof x);\n    return x;\n"
                 "}\n"},
    {"@_ldexp%", "/* x 2^n for an integral n in [-126, 127], or NaN if x is. */\n"
                 "static inline float @_ldexp%(float x, float n)\n{\n"
                 "    return x * @_float%((n > -126.0f ? (int32_t)n + 127 : 1) * 8388608);\n"
                 "}\n"},
    {"@_exponent%", "/* floor(log2(x)) of a normal x > 0. */\n"
                    "static inline float @_exponent%(float x)\n{\n"
                    "    return (float)((@_bits%(x) >> 23) - 127);\n"
                    "}\n"},
    {"@_mantissa%", "/* x / 2^exponent(x), in [1, 2). */\n"
                    "static inline float @_mantissa%(float x)\n{\n"
                    "    return @_float%((@_bits%(x) & 0x007fffff) | 0x3f800000);\n"
                    "}\n"},
    {"@_sqrt%",
     "/* Square root by Newton's iteration on 1 / sqrt(x) from a guess by the exponent's bits; 1 "
     "ulp. */\n"
     "static inline float @_sqrt%(float x)\n{\n"
     "    if (!(x > 0.0f)) return 0.0f;\n"
     "    const int tiny = x < 1e-30f;\n"
     "    if (tiny) x *= 18446744073709551616.0f;                 /* 2^64 */\n"
     "    float r = @_float%(0x5f3759df - (@_bits%(x) >> 1));\n"
     "    r *= 1.5f - 0.5f * x * r * r;\n"
     "    r *= 1.5f - 0.5f * x * r * r;\n"
     "    r *= 1.5f - 0.5f * x * r * r;\n"
     "    float s = x * r;\n"
     "    s += 0.5f * r * (x - s * s);\n"
     "    return tiny ? s * 2.3283064365386963e-10f : s;          /* 2^-32 */\n"
     "}\n"},
    {"@_mix64%", "/* Finaliser of Steele, Lea and Flood's SplitMix64. */\n"
                 "static inline uint64_t @_mix64%(uint64_t z)\n{\n"
                 "    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);\n"
                 "    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);\n"
                 "    return z ^ (z >> 31);\n"
                 "}\n"},
    {"@_random%",
     "/* Uniform in [0, 1): 24 bits of the seed, the draw's place in the program and the element. "
     "*/\n"
     "static inline float @_random%(uint64_t seed, int32_t place, ptrdiff_t element)\n{\n"
     "    const uint64_t golden = UINT64_C(0x9e3779b97f4a7c15);\n"
     "    const uint64_t stream = @_mix64%(seed + golden * ((uint64_t)place + 1));\n"
     "    const uint64_t bits = @_mix64%(stream + golden * ((uint64_t)element + 1));\n"
     "    return (float)(int32_t)(bits >> 40) * 5.9604644775390625e-8f;       /* 2^-24 */\n"
     "}\n"},
    {"@_transpose%",
     "/* to[c * ld + r] = from[r * from_ld + c] */\n"
     "static inline void @_transpose%(const float *from, ptrdiff_t from_ld, float *to, ptrdiff_t "
     "ld, int rows, "
     "int columns)\n{\n"
     "    for (int r = 0; r < rows; r++)\n"
     "        for (int c = 0; c < columns; c++) to[c * ld + r] = from[r * from_ld + c];\n"
     "}\n"},
    {0, 0},
};

const Target target_scalar = {
    .name = "scalar",
    .title = "portable C",
    .width = 1,
    .registers = 16,
    .vector_f32 = "float",
    .vector_i32 = "int32_t",
    .vector_bool = "int",
    .map_f32 =
        {
            [OP_add] = "$0 + $1",
            [OP_sub] = "$0 - $1",
            [OP_mul] = "$0 * $1",
            [OP_div] = "$0 / $1",
            [OP_max] = "@_max%($0, $1)",
            [OP_min] = "@_min%($0, $1)",
            [OP_neg] = "-$0",
            [OP_abs] = "@_abs%($0)",
            [OP_floor] = "@_floor%($0)",
            [OP_sqrt] = "@_sqrt%($0)",
            [OP_lt] = "$0 < $1",
            [OP_le] = "$0 <= $1",
            [OP_gt] = "$0 > $1",
            [OP_ge] = "$0 >= $1",
            [OP_eq] = "$0 == $1",
            [OP_ne] = "$0 != $1",
            [OP_select] = "$0 ? $1 : $2",
            [OP_to_f32] = "$0",
            [OP_to_i32] = "(int32_t)$0",
        },
    .map_i32 =
        {
            [OP_add] = "$0 + $1",
            [OP_sub] = "$0 - $1",
            [OP_mul] = "$0 * $1",
            [OP_div] = "$0 / $1",
            [OP_max] = "@_max_i32%($0, $1)",
            [OP_min] = "@_min_i32%($0, $1)",
            [OP_neg] = "-$0",
            [OP_lt] = "$0 < $1",
            [OP_le] = "$0 <= $1",
            [OP_gt] = "$0 > $1",
            [OP_ge] = "$0 >= $1",
            [OP_eq] = "$0 == $1",
            [OP_ne] = "$0 != $1",
            [OP_select] = "$0 ? $1 : $2",
            [OP_to_f32] = "(float)$0",
            [OP_to_i32] = "$0",
        },
    .map_bool =
        {
            [OP_and] = "$0 && $1",
            [OP_or] = "$0 || $1",
            [OP_not] = "!$0",
            [OP_eq] = "$0 == $1",
            [OP_ne] = "$0 != $1",
            [OP_select] = "$0 ? $1 : $2",
            [OP_to_f32] = "$0 ? 1.0f : 0.0f",
            [OP_to_i32] = "$0",
        },
    .set_f32 = "$0",
    .set_i32 = "$0",
    .zero_f32 = "0.0f",
    .fma = "$0 * $1 + $2",
    .ldexp = "@_ldexp%($0, $1)",
    .exponent = "@_exponent%($0)",
    .mantissa = "@_mantissa%($0)",
    .round = "@_round%($0)",
    .helpers = helpers,
};
