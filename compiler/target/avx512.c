/* x86-64 with AVX-512 (F, BW, DQ, VL: every processor since Skylake-X and Zen 4). Truth values are
 * mask registers, and partial loads and stores are as fast as whole ones. */
#include "target/target.h"

static const struct TargetHelper helpers[] = {
    {"@_lanes%", "/* The first n of 16 lanes. */\n"
                 "~static inline __mmask16 @_lanes%(int n)\n{\n"
                 "    return (__mmask16)((1u << n) - 1u);\n"
                 "}\n"},
    {"@_iota%",
     "/* The number of each lane. */\n"
     "~static inline __m512i @_iota%(void)\n{\n"
     "    return _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);\n"
     "}\n"},
    {"@_add_lanes%",
     "~static inline float @_add_lanes%(__m512 v)\n{\n"
     "    const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, "
     "1));\n"
     "    __m128 s = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));\n"
     "    s = _mm_add_ps(s, _mm_movehl_ps(s, s));\n"
     "    s = _mm_add_ss(s, _mm_movehdup_ps(s));\n"
     "    return _mm_cvtss_f32(s);\n"
     "}\n"},
    {"@_max_lanes%",
     "~static inline float @_max_lanes%(__m512 v)\n{\n"
     "    const __m256 h = _mm256_max_ps(_mm512_castps512_ps256(v), _mm512_extractf32x8_ps(v, "
     "1));\n"
     "    __m128 s = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));\n"
     "    s = _mm_max_ps(s, _mm_movehl_ps(s, s));\n"
     "    s = _mm_max_ss(s, _mm_movehdup_ps(s));\n"
     "    return _mm_cvtss_f32(s);\n"
     "}\n"},
    {"@_div_i32%", "~static inline __m512i @_div_i32%(__m512i a, __m512i b)\n{\n"
                   "    int32_t x[16], y[16];\n"
                   "    _mm512_storeu_si512(x, a);\n"
                   "    _mm512_storeu_si512(y, b);\n"
                   "    for (int i = 0; i < 16; i++) x[i] = y[i] ? x[i] / y[i] : 0;\n"
                   "    return _mm512_loadu_si512(x);\n"
                   "}\n"},
    {"@_unpack_pairs%",
     "/* The low (or high) pairs of floats of a and b in turn. */\n"
     "~static inline __m512 @_unpack_pairs%(__m512 a, __m512 b, int high)\n{\n"
     "    const __m512d x = _mm512_castps_pd(a), y = _mm512_castps_pd(b);\n"
     "    return _mm512_castpd_ps(high ? _mm512_unpackhi_pd(x, y) : _mm512_unpacklo_pd(x, y));\n"
     "}\n"},
    {"@_transpose%",
     "/* to[c * ld + r] = from[r * from_ld + c], a block of up to 16 x 16 in registers. */\n"
     "~static inline void @_transpose%(const float *from, ptrdiff_t from_ld, float *to, ptrdiff_t "
     "ld, int rows, "
     "int columns)\n{\n"
     "    __m512 a[16], b[16];\n"
     "    NN_UNROLL(16)\n"
     "    for (int i = 0; i < 16; i++)\n"
     "        a[i] = i < rows ? _mm512_maskz_loadu_ps(@_lanes%(columns), from + i * from_ld) : "
     "_mm512_setzero_ps();\n"
     "    NN_UNROLL(8)\n"
     "    for (int i = 0; i < 8; i++) {                           /* pairs of rows, interleaved "
     "*/\n"
     "        b[2 * i] = _mm512_unpacklo_ps(a[2 * i], a[2 * i + 1]);\n"
     "        b[2 * i + 1] = _mm512_unpackhi_ps(a[2 * i], a[2 * i + 1]);\n"
     "    }\n"
     "    NN_UNROLL(4)\n"
     "    for (int i = 0; i < 4; i++) {                           /* fours of rows */\n"
     "        a[4 * i] = @_unpack_pairs%(b[4 * i], b[4 * i + 2], 0);\n"
     "        a[4 * i + 1] = @_unpack_pairs%(b[4 * i], b[4 * i + 2], 1);\n"
     "        a[4 * i + 2] = @_unpack_pairs%(b[4 * i + 1], b[4 * i + 3], 0);\n"
     "        a[4 * i + 3] = @_unpack_pairs%(b[4 * i + 1], b[4 * i + 3], 1);\n"
     "    }\n"
     "    NN_UNROLL(4)\n"
     "    for (int i = 0; i < 4; i++) {                           /* quarters of the vectors */\n"
     "        b[i] = _mm512_shuffle_f32x4(a[i], a[i + 4], 0x88);\n"
     "        b[i + 4] = _mm512_shuffle_f32x4(a[i], a[i + 4], 0xdd);\n"
     "        b[i + 8] = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0x88);\n"
     "        b[i + 12] = _mm512_shuffle_f32x4(a[i + 8], a[i + 12], 0xdd);\n"
     "    }\n"
     "    NN_UNROLL(8)\n"
     "    for (int i = 0; i < 8; i++) {\n"
     "        a[i] = _mm512_shuffle_f32x4(b[i], b[i + 8], 0x88);\n"
     "        a[i + 8] = _mm512_shuffle_f32x4(b[i], b[i + 8], 0xdd);\n"
     "    }\n"
     "    NN_UNROLL(16)\n"
     "    for (int i = 0; i < 16; i++)\n"
     "        if (i < columns) _mm512_mask_storeu_ps(to + i * ld, @_lanes%(rows), a[i]);\n"
     "}\n"},
    {"@_reciprocal%",
     "/* 1 / x within two ulp and without the divider: 14 bits, and a step of Newton's. */\n"
     "~static inline __m512 @_reciprocal%(__m512 x)\n"
     "{\n"
     "    const __m512 guess = _mm512_rcp14_ps(x);\n"
     "    return _mm512_mul_ps(guess, _mm512_fnmadd_ps(x, guess, _mm512_set1_ps(2.0f)));\n"
     "}\n"},
    {"@_fraction%",
     "/* 2^(n / 32 - floor(n / 32)) of integral n. */\n"
     "~static inline __m512 @_fraction%(__m512 n)\n"
     "{\n"
     "    static const float table[32] = {\n"
     "        1.0f, 1.0218972f, 1.0442737f, 1.0671405f, 1.0905077f, 1.1143868f,\n"
     "        1.1387886f, 1.1637249f, 1.1892071f, 1.2152474f, 1.2418578f, 1.269051f,\n"
     "        1.2968396f, 1.3252367f, 1.3542556f, 1.38391f, 1.4142135f, 1.4451808f,\n"
     "        1.4768262f, 1.5091645f, 1.5422108f, 1.5759809f, 1.6104903f, 1.6457555f,\n"
     "        1.6817929f, 1.7186193f, 1.7562522f, 1.7947091f, 1.8340081f, 1.8741677f,\n"
     "        1.9152066f, 1.9571441f};\n"
     "    const __m512i i = _mm512_cvtps_epi32(n);\n"
     "    return _mm512_permutex2var_ps(_mm512_loadu_ps(table), i, _mm512_loadu_ps(table + 16));\n"
     "}\n"},
    {"@_normal_term%",
     "/* The normal distribution between 0 and |x| is a polynomial of degree 6 in the distance\n"
     " * from the nearest multiple of 1/2, the integral of a minimax fit of the density: its\n"
     " * coefficient of that power for each of 16 multiples. */\n"
     "~static inline __m512 @_normal_term%(int power, __m512i multiple)\n"
     "{\n"
     "    static const float table[7][16] = {\n"
     "        {0.0f, 0.19146246f, 0.34134474f, 0.4331928f, 0.47724986f, 0.49379033f, 0.4986501f,\n"
     "         0.49976736f, 0.49996832f, 0.4999966f, 0.4999997f, 0.49999997f, 0.5f, 0.5f, 0.5f,\n"
     "         0.5f},\n"
     "        {0.3989423f, 0.3520653f, 0.24197076f, 0.12951763f, 0.05399096f, 0.017528286f,\n"
     "         0.0044318438f, 0.00087268377f, 0.00013383158f, 1.5984262e-05f, 1.4868376e-06f,\n"
     "         1.07715586e-07f, 6.0778165e-09f, 0.0f, 0.0f, 0.0f},\n"
     "        {-1.3507788e-07f, -0.08801627f, -0.120985344f, -0.097138226f, -0.053990986f,\n"
     "         -0.021910371f, -0.0066477647f, -0.0015271929f, -0.00026766115f, -3.5963978e-05f,\n"
     "         -3.7169705e-06f, -2.962002e-07f, -1.8231617e-08f, 0.0f, 0.0f, 0.0f},\n"
     "        {-0.06648616f, -0.04400652f, -3.8776125e-06f, 0.026979992f, 0.026996057f,\n"
     "         0.015338598f, 0.0059095672f, 0.0016361746f, 0.00033444527f, 5.1231236e-05f,\n"
     "         5.9355566e-06f, 5.2330387e-07f, 3.5257756e-08f, 0.0f, 0.0f, 0.0f},\n"
     "        {-5.4381973e-05f, 0.020167233f, 0.020163117f, 0.0060727336f, -0.0044981935f,\n"
     "         -0.0059343018f, -0.0033242872f, -0.0011773063f, -0.00028993003f, -5.166906e-05f,\n"
     "         -6.8054474e-06f, -6.709424e-07f, -4.9925802e-08f, 0.0f, 0.0f, 0.0f},\n"
     "        {0.010311859f, 0.004541663f, -0.003933145f, -0.005795907f, -0.0022645725f,\n"
     "         0.0006321865f, 0.0010968129f, 0.00058133726f, 0.00018512546f, 4.0111685e-05f,\n"
     "         6.2107506e-06f, 7.048459e-07f, 5.9525615e-08f, 0.0f, 0.0f, 0.0f},\n"
     "        {-0.0010148361f, -0.0030139012f, -0.0019964662f, 0.0006288975f, 0.0013307122f,\n"
     "         0.0005179114f, -0.00010358016f, -0.0001788767f, -8.316948e-05f, -2.2743016e-05f,\n"
     "         -4.182086e-06f, -5.449949e-07f, -5.171948e-08f, 0.0f, 0.0f, 0.0f}};\n"
     "    return _mm512_permutexvar_ps(multiple, _mm512_loadu_ps(table[power]));\n"
     "}\n"},
    {"@_normal_distance%",
     "/* |x|, or 7.5 if that is less, from the nearest multiple of 1/2: *multiple, modulo 16. */\n"
     "~static inline __m512 @_normal_distance%(__m512 x, __m512i *multiple)\n"
     "{\n"
     "    /* The one nearer to 0, without its sign. */\n"
     "    const __m512 t = _mm512_range_ps(x, _mm512_set1_ps(7.5f), 0x0a);\n"
     "    const __m512 whole = _mm512_roundscale_ps(t, 0x10);\n"
     "    /* 3 * 2^21 has its last bit at 1/2. */\n"
     "    *multiple = _mm512_castps_si512(_mm512_add_ps(whole, _mm512_set1_ps(6291456.0f)));\n"
     "    return _mm512_sub_ps(t, whole);\n"
     "}\n"},
    {"@_normal_cdf%",
     "/* Distribution function of the standard normal: 1/2 + an odd function. 6e-8 absolute; 0\n"
     " * below -6.3, 1 above 6.3. */\n"
     "~static inline __m512 @_normal_cdf%(__m512 x)\n"
     "{\n"
     "    __m512i near;\n"
     "    const __m512 t = @_normal_distance%(x, &near);\n"
     "    __m512 p = @_normal_term%(6, near);\n"
     "    NN_UNROLL(6)\n"
     "    for (int k = 5; k >= 0; k--) p = _mm512_fmadd_ps(p, t, @_normal_term%(k, near));\n"
     "    const __m512 odd = _mm512_or_ps(p, _mm512_and_ps(x, _mm512_set1_ps(-0.0f)));\n"
     "    return _mm512_add_ps(odd, _mm512_set1_ps(0.5f));\n"
     "}\n"},
    {"@_normal_pdf%",
     "/* Density of the standard normal: the derivative of the polynomial by Horner's rule beside\n"
     " * it, so that compilers share steps with the distribution function. 1.1e-7 absolute; 0\n"
     " * beyond 6.3. */\n"
     "~static inline __m512 @_normal_pdf%(__m512 x)\n"
     "{\n"
     "    __m512i near;\n"
     "    const __m512 t = @_normal_distance%(x, &near);\n"
     "    __m512 p = @_normal_term%(6, near), slope = p;\n"
     "    NN_UNROLL(5)\n"
     "    for (int k = 5; k >= 1; k--) {\n"
     "        p = _mm512_fmadd_ps(p, t, @_normal_term%(k, near));\n"
     "        slope = _mm512_fmadd_ps(slope, t, p);\n"
     "    }\n"
     "    return slope;\n"
     "}\n"},
    {0, 0},
};

const Target target_avx512 = {
    .name = "avx512",
    .title = "x86-64 with AVX-512",
    .width = 16,
    .registers = 32,
    .masks = true,
    .header = "immintrin.h",
    .before_header =
        "#if defined(__cplusplus) && defined(__GNUC__) && !defined(__clang__)\n"
        "/* g++ warns of operands that its own intrinsics leave undefined on purpose. */\n"
        "#pragma GCC diagnostic ignored \"-Wuninitialized\"\n"
        "#pragma GCC diagnostic ignored \"-Wmaybe-uninitialized\"\n"
        "#endif\n"
        "#if defined(__GNUC__) && !defined(__clang__) && !defined(__OPTIMIZE__)\n"
        "/* Without optimisation some intrinsics are macros: gcc warns of the masks in them. */\n"
        "#pragma GCC diagnostic ignored \"-Wsign-conversion\"\n"
        "#endif\n",
    .attribute = "avx512f,avx512bw,avx512dq,avx512vl,fma",
    .guard = "defined(__x86_64__) || defined(_M_X64)",
    .detect = "__builtin_cpu_supports(\"avx512bw\") && __builtin_cpu_supports(\"avx512dq\") && "
              "__builtin_cpu_supports(\"avx512vl\") && __builtin_cpu_supports(\"fma\")",
    .vector_f32 = "__m512",
    .vector_i32 = "__m512i",
    .vector_bool = "__mmask16",
    .map_f32 =
        {
            [OP_add] = "_mm512_add_ps($0, $1)",
            [OP_sub] = "_mm512_sub_ps($0, $1)",
            [OP_mul] = "_mm512_mul_ps($0, $1)",
            [OP_div] = "_mm512_div_ps($0, $1)",
            [OP_max] = "_mm512_max_ps($0, $1)",
            [OP_min] = "_mm512_min_ps($0, $1)",
            [OP_neg] = "_mm512_sub_ps(_mm512_setzero_ps(), $0)",
            [OP_abs] = "_mm512_abs_ps($0)",
            [OP_floor] = "_mm512_floor_ps($0)",
            [OP_sqrt] = "_mm512_sqrt_ps($0)",
            [OP_normal_cdf] = "@_normal_cdf%($0)",
            [OP_normal_pdf] = "@_normal_pdf%($0)",
            [OP_lt] = "_mm512_cmp_ps_mask($0, $1, _CMP_LT_OQ)",
            [OP_le] = "_mm512_cmp_ps_mask($0, $1, _CMP_LE_OQ)",
            [OP_gt] = "_mm512_cmp_ps_mask($0, $1, _CMP_GT_OQ)",
            [OP_ge] = "_mm512_cmp_ps_mask($0, $1, _CMP_GE_OQ)",
            [OP_eq] = "_mm512_cmp_ps_mask($0, $1, _CMP_EQ_OQ)",
            [OP_ne] = "_mm512_cmp_ps_mask($0, $1, _CMP_NEQ_UQ)",
            [OP_select] = "_mm512_mask_blend_ps($0, $2, $1)",
            [OP_to_f32] = "$0",
            [OP_to_i32] = "_mm512_cvttps_epi32($0)",
        },
    .map_i32 =
        {
            [OP_add] = "_mm512_add_epi32($0, $1)",
            [OP_sub] = "_mm512_sub_epi32($0, $1)",
            [OP_mul] = "_mm512_mullo_epi32($0, $1)",
            [OP_div] = "@_div_i32%($0, $1)",
            [OP_max] = "_mm512_max_epi32($0, $1)",
            [OP_min] = "_mm512_min_epi32($0, $1)",
            [OP_neg] = "_mm512_sub_epi32(_mm512_setzero_si512(), $0)",
            [OP_lt] = "_mm512_cmplt_epi32_mask($0, $1)",
            [OP_le] = "_mm512_cmple_epi32_mask($0, $1)",
            [OP_gt] = "_mm512_cmpgt_epi32_mask($0, $1)",
            [OP_ge] = "_mm512_cmpge_epi32_mask($0, $1)",
            [OP_eq] = "_mm512_cmpeq_epi32_mask($0, $1)",
            [OP_ne] = "_mm512_cmpneq_epi32_mask($0, $1)",
            [OP_select] = "_mm512_mask_blend_epi32($0, $2, $1)",
            [OP_to_f32] = "_mm512_cvtepi32_ps($0)",
            [OP_to_i32] = "$0",
        },
    .map_bool =
        {
            [OP_and] = "_kand_mask16($0, $1)",
            [OP_or] = "_kor_mask16($0, $1)",
            [OP_not] = "_knot_mask16($0)",
            [OP_select] = "_kor_mask16(_kand_mask16($0, $1), _kandn_mask16($0, $2))",
            [OP_eq] = "_kxnor_mask16($0, $1)",
            [OP_ne] = "_kxor_mask16($0, $1)",
            [OP_to_f32] = "_mm512_maskz_mov_ps($0, _mm512_set1_ps(1.0f))",
            [OP_to_i32] = "_mm512_maskz_set1_epi32($0, 1)",
        },
    .scalar_f32 = {[OP_sqrt] = "_mm_cvtss_f32(_mm_sqrt_ss(_mm_set_ss($0)))"},
    .load_f32 = "_mm512_loadu_ps($0)",
    .load_part_f32 = "_mm512_maskz_loadu_ps(@_lanes%($n), $0)",
    .load_i32 = "_mm512_loadu_si512($0)",
    .load_part_i32 = "_mm512_maskz_loadu_epi32(@_lanes%($n), $0)",
    .load_u8 = "_mm512_cvtepu8_epi32(_mm_loadu_si128((const __m128i *)(const void *)($0)))",
    .load_part_u8 = "_mm512_cvtepu8_epi32(_mm_maskz_loadu_epi8(@_lanes%($n), $0))",
    .store_f32 = "_mm512_storeu_ps($0, $1)",
    .store_part_f32 = "_mm512_mask_storeu_ps($0, @_lanes%($n), $1)",
    .store_i32 = "_mm512_storeu_si512($0, $1)",
    .store_part_i32 = "_mm512_mask_storeu_epi32($0, @_lanes%($n), $1)",
    .set_f32 = "_mm512_set1_ps($0)",
    .set_i32 = "_mm512_set1_epi32($0)",
    .zero_f32 = "_mm512_setzero_ps()",
    .fma = "_mm512_fmadd_ps($0, $1, $2)",
    .first_lanes = "@_lanes%($n)",
    .lanes = "@_iota%()",
    .add_lanes = "@_add_lanes%($0)",
    .max_lanes = "@_max_lanes%($0)",
    .add_lanes_i32 = "_mm512_reduce_add_epi32($0)",
    .max_lanes_i32 = "_mm512_reduce_max_epi32($0)",
    .ldexp = "_mm512_scalef_ps($0, $1)",
    .ldexp_floors = true,
    .exponent = "_mm512_getexp_ps($0)",
    .mantissa = "_mm512_getmant_ps($0, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_src)",
    .round = "_mm512_cvtepi32_ps(_mm512_cvtps_epi32($0))",
    .fractions = 32,
    .fraction = "@_fraction%($0)",
    .reciprocal = "@_reciprocal%($0)",
    .helpers = helpers,
};
