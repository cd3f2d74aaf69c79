/* x86-64 with AVX2 and FMA. Truth values are vectors of f32 bits; partial loads and stores take a
 * mask from a table. */
#include "target/target.h"

static const struct TargetHelper helpers[] = {
    {"@_lanes%",
     "/* A mask of the first n of 8 lanes. */\n"
     "~static inline __m256i @_lanes%(int n)\n{\n"
     "    static const int32_t table[16] = {-1, -1, -1, -1, -1, -1, -1, -1, 0, 0, 0, 0, 0, 0, 0, "
     "0};\n"
     "    return _mm256_loadu_si256((const __m256i *)(const void *)(table + 8 - n));\n"
     "}\n"},
    {"@_load_u8%",
     "/* n bytes, widened; the other lanes are 0. */\n"
     "~static inline __m256i @_load_u8%(const uint8_t *p, int n)\n{\n"
     "    uint8_t bytes[16] = {0};\n"
     "    for (int i = 0; i < n; i++) bytes[i] = p[i];\n"
     "    return _mm256_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)bytes));\n"
     "}\n"},
    {"@_iota%", "/* The number of each lane. */\n"
                "~static inline __m256i @_iota%(void)\n{\n"
                "    return _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);\n"
                "}\n"},
    {"@_add_lanes%",
     "~static inline float @_add_lanes%(__m256 v)\n{\n"
     "    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));\n"
     "    s = _mm_add_ps(s, _mm_movehl_ps(s, s));\n"
     "    s = _mm_add_ss(s, _mm_movehdup_ps(s));\n"
     "    return _mm_cvtss_f32(s);\n"
     "}\n"},
    {"@_max_lanes%",
     "~static inline float @_max_lanes%(__m256 v)\n{\n"
     "    __m128 s = _mm_max_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));\n"
     "    s = _mm_max_ps(s, _mm_movehl_ps(s, s));\n"
     "    s = _mm_max_ss(s, _mm_movehdup_ps(s));\n"
     "    return _mm_cvtss_f32(s);\n"
     "}\n"},
    {"@_add_lanes_i32%",
     "~static inline int32_t @_add_lanes_i32%(__m256i v)\n{\n"
     "    __m128i s = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));\n"
     "    s = _mm_add_epi32(s, _mm_unpackhi_epi64(s, s));\n"
     "    return _mm_extract_epi32(s, 0) + _mm_extract_epi32(s, 1);\n"
     "}\n"},
    {"@_max_lanes_i32%",
     "~static inline int32_t @_max_lanes_i32%(__m256i v)\n{\n"
     "    __m128i s = _mm_max_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));\n"
     "    s = _mm_max_epi32(s, _mm_unpackhi_epi64(s, s));\n"
     "    s = _mm_max_epi32(s, _mm_shuffle_epi32(s, 1));\n"
     "    return _mm_cvtsi128_si32(s);\n"
     "}\n"},
    {"@_div_i32%", "~static inline __m256i @_div_i32%(__m256i a, __m256i b)\n{\n"
                   "    int32_t x[8], y[8];\n"
                   "    _mm256_storeu_si256((__m256i *)(void *)x, a);\n"
                   "    _mm256_storeu_si256((__m256i *)(void *)y, b);\n"
                   "    for (int i = 0; i < 8; i++) x[i] = y[i] ? x[i] / y[i] : 0;\n"
                   "    return _mm256_loadu_si256((const __m256i *)(const void *)x);\n"
                   "}\n"},
    {"@_scale%",
     "/* x 2^n for integral n in [-126, 127]. */\n"
     "~static inline __m256 @_scale%(__m256 x, __m256 n)\n{\n"
     "    const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));\n"
     "    return _mm256_mul_ps(x, _mm256_castsi256_ps(_mm256_slli_epi32(biased, 23)));\n"
     "}\n"},
    {"@_transpose%",
     "/* to[c * ld + r] = from[r * from_ld + c], a whole 8 x 8 block in registers. */\n"
     "~static inline void @_transpose%(const float *from, ptrdiff_t from_ld, float *to, ptrdiff_t "
     "ld, int rows, "
     "int columns)\n{\n"
     "    __m256 a[8], b[8];\n"
     "    if (rows < 8 || columns < 8) {\n"
     "        for (int r = 0; r < rows; r++)\n"
     "            for (int c = 0; c < columns; c++) to[c * ld + r] = from[r * from_ld + c];\n"
     "        return;\n"
     "    }\n"
     "    for (int i = 0; i < 8; i++) a[i] = _mm256_loadu_ps(from + i * from_ld);\n"
     "    for (int i = 0; i < 4; i++) {                           /* pairs of rows, interleaved "
     "*/\n"
     "        b[2 * i] = _mm256_unpacklo_ps(a[2 * i], a[2 * i + 1]);\n"
     "        b[2 * i + 1] = _mm256_unpackhi_ps(a[2 * i], a[2 * i + 1]);\n"
     "    }\n"
     "    for (int i = 0; i < 2; i++) {                           /* fours of rows */\n"
     "        a[4 * i] = _mm256_shuffle_ps(b[4 * i], b[4 * i + 2], 0x44);\n"
     "        a[4 * i + 1] = _mm256_shuffle_ps(b[4 * i], b[4 * i + 2], 0xee);\n"
     "        a[4 * i + 2] = _mm256_shuffle_ps(b[4 * i + 1], b[4 * i + 3], 0x44);\n"
     "        a[4 * i + 3] = _mm256_shuffle_ps(b[4 * i + 1], b[4 * i + 3], 0xee);\n"
     "    }\n"
     "    for (int i = 0; i < 4; i++) {                           /* halves */\n"
     "        _mm256_storeu_ps(to + i * ld, _mm256_permute2f128_ps(a[i], a[i + 4], 0x20));\n"
     "        _mm256_storeu_ps(to + (i + 4) * ld, _mm256_permute2f128_ps(a[i], a[i + 4], 0x31));\n"
     "    }\n"
     "}\n"},
    {"@_reciprocal%",
     "/* 1 / x within two ulp and without the divider: 12 bits, and a step of Newton's. */\n"
     "~static inline __m256 @_reciprocal%(__m256 x)\n"
     "{\n"
     "    const __m256 guess = _mm256_rcp_ps(x);\n"
     "    return _mm256_mul_ps(guess, _mm256_fnmadd_ps(x, guess, _mm256_set1_ps(2.0f)));\n"
     "}\n"},
    {"@_fraction%",
     "/* 2^(n / 8 - floor(n / 8)) of integral n. */\n"
     "~static inline __m256 @_fraction%(__m256 n)\n"
     "{\n"
     "    static const float table[8] = {\n"
     "        1.0f, 1.0905077f, 1.1892071f, 1.2968396f, 1.4142135f, 1.5422108f, 1.6817929f, "
     "1.8340081f};\n"
     "    return _mm256_permutevar8x32_ps(_mm256_loadu_ps(table), _mm256_cvtps_epi32(n));\n"
     "}\n"},
    {0, 0},
};

#define AS_PS(x)  "_mm256_castsi256_ps(" x ")"
#define AS_INT(x) "_mm256_castps_si256(" x ")"
#define ALL_ONES  "_mm256_set1_epi32(-1)"

const Target target_avx2 = {
    .name = "avx2",
    .title = "x86-64 with AVX2 and FMA",
    .width = 8,
    .registers = 16,
    .header = "immintrin.h",
    .attribute = "avx2,fma",
    .guard = "defined(__x86_64__) || defined(_M_X64)",
    .detect = "__builtin_cpu_supports(\"avx2\") && __builtin_cpu_supports(\"fma\")",
    .vector_f32 = "__m256",
    .vector_i32 = "__m256i",
    .vector_bool = "__m256",
    .map_f32 =
        {
            [OP_add] = "_mm256_add_ps($0, $1)",
            [OP_sub] = "_mm256_sub_ps($0, $1)",
            [OP_mul] = "_mm256_mul_ps($0, $1)",
            [OP_div] = "_mm256_div_ps($0, $1)",
            [OP_max] = "_mm256_max_ps($0, $1)",
            [OP_min] = "_mm256_min_ps($0, $1)",
            [OP_neg] = "_mm256_sub_ps(_mm256_setzero_ps(), $0)",
            [OP_abs] = "_mm256_and_ps($0, " AS_PS("_mm256_set1_epi32(0x7fffffff)") ")",
            [OP_floor] = "_mm256_floor_ps($0)",
            [OP_sqrt] = "_mm256_sqrt_ps($0)",
            [OP_lt] = "_mm256_cmp_ps($0, $1, _CMP_LT_OQ)",
            [OP_le] = "_mm256_cmp_ps($0, $1, _CMP_LE_OQ)",
            [OP_gt] = "_mm256_cmp_ps($0, $1, _CMP_GT_OQ)",
            [OP_ge] = "_mm256_cmp_ps($0, $1, _CMP_GE_OQ)",
            [OP_eq] = "_mm256_cmp_ps($0, $1, _CMP_EQ_OQ)",
            [OP_ne] = "_mm256_cmp_ps($0, $1, _CMP_NEQ_UQ)",
            [OP_select] = "_mm256_blendv_ps($2, $1, $0)",
            [OP_to_f32] = "$0",
            [OP_to_i32] = "_mm256_cvttps_epi32($0)",
        },
    .map_i32 =
        {
            [OP_add] = "_mm256_add_epi32($0, $1)",
            [OP_sub] = "_mm256_sub_epi32($0, $1)",
            [OP_mul] = "_mm256_mullo_epi32($0, $1)",
            [OP_div] = "@_div_i32%($0, $1)",
            [OP_max] = "_mm256_max_epi32($0, $1)",
            [OP_min] = "_mm256_min_epi32($0, $1)",
            [OP_neg] = "_mm256_sub_epi32(_mm256_setzero_si256(), $0)",
            [OP_lt] = AS_PS("_mm256_cmpgt_epi32($1, $0)"),
            [OP_gt] = AS_PS("_mm256_cmpgt_epi32($0, $1)"),
            [OP_le] = AS_PS("_mm256_xor_si256(_mm256_cmpgt_epi32($0, $1), " ALL_ONES ")"),
            [OP_ge] = AS_PS("_mm256_xor_si256(_mm256_cmpgt_epi32($1, $0), " ALL_ONES ")"),
            [OP_eq] = AS_PS("_mm256_cmpeq_epi32($0, $1)"),
            [OP_ne] = AS_PS("_mm256_xor_si256(_mm256_cmpeq_epi32($0, $1), " ALL_ONES ")"),
            [OP_select] = AS_INT("_mm256_blendv_ps(" AS_PS("$2") ", " AS_PS("$1") ", $0)"),
            [OP_to_f32] = "_mm256_cvtepi32_ps($0)",
            [OP_to_i32] = "$0",
        },
    .map_bool =
        {
            [OP_and] = "_mm256_and_ps($0, $1)",
            [OP_or] = "_mm256_or_ps($0, $1)",
            [OP_not] = "_mm256_xor_ps($0, " AS_PS(ALL_ONES) ")",
            [OP_select] = "_mm256_blendv_ps($2, $1, $0)",
            [OP_eq] = "_mm256_xor_ps(_mm256_xor_ps($0, $1), " AS_PS(ALL_ONES) ")",
            [OP_ne] = "_mm256_xor_ps($0, $1)",
            [OP_to_f32] = "_mm256_and_ps($0, _mm256_set1_ps(1.0f))",
            [OP_to_i32] = "_mm256_srli_epi32(" AS_INT("$0") ", 31)",
        },
    .scalar_f32 = {[OP_sqrt] = "_mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss($0)))"},
    .load_f32 = "_mm256_loadu_ps($0)",
    .load_part_f32 = "_mm256_maskload_ps($0, @_lanes%($n))",
    .load_i32 = "_mm256_loadu_si256((const __m256i *)(const void *)($0))",
    .load_part_i32 = "_mm256_maskload_epi32($0, @_lanes%($n))",
    .load_u8 = "_mm256_cvtepu8_epi32(_mm_loadl_epi64((const __m128i *)(const void *)($0)))",
    .load_part_u8 = "@_load_u8%($0, $n)",
    .store_f32 = "_mm256_storeu_ps($0, $1)",
    .store_part_f32 = "_mm256_maskstore_ps($0, @_lanes%($n), $1)",
    .store_i32 = "_mm256_storeu_si256((__m256i *)(void *)($0), $1)",
    .store_part_i32 = "_mm256_maskstore_epi32($0, @_lanes%($n), $1)",
    .set_f32 = "_mm256_set1_ps($0)",
    .set_i32 = "_mm256_set1_epi32($0)",
    .zero_f32 = "_mm256_setzero_ps()",
    .fma = "_mm256_fmadd_ps($0, $1, $2)",
    .first_lanes = AS_PS("@_lanes%($n)"),
    .lanes = "@_iota%()",
    .add_lanes = "@_add_lanes%($0)",
    .max_lanes = "@_max_lanes%($0)",
    .add_lanes_i32 = "@_add_lanes_i32%($0)",
    .max_lanes_i32 = "@_max_lanes_i32%($0)",
    .ldexp = "@_scale%($0, $1)",
    .exponent = "_mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(" AS_INT(
        "$0") ", 23), _mm256_set1_epi32(127)))",
    .mantissa = "_mm256_or_ps(_mm256_and_ps($0, " AS_PS(
        "_mm256_set1_epi32(0x007fffff)") "), _mm256_set1_ps(1.0f))",
    .round = "_mm256_round_ps($0, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)",
    .fractions = 8,
    .fraction = "@_fraction%($0)",
    .reciprocal = "@_reciprocal%($0)",
    .helpers = helpers,
};
