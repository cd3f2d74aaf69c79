/* 64-bit ARM with NEON, which every such processor has. Truth values are vectors of u32 bits;
 * partial loads and stores go lane by lane. */
#include "target/target.h"

static const struct TargetHelper helpers[] = {
    {"@_lanes%", "static inline int32x4_t @_lanes%(void)\n{\n"
                 "    static const int32_t table[4] = {0, 1, 2, 3};\n"
                 "    return vld1q_s32(table);\n"
                 "}\n"},
    {"@_load_part%", "/* The first n of 4 lanes, 1 <= n <= 3; the others are 0. */\n"
                     "static inline float32x4_t @_load_part%(const float *p, int n)\n{\n"
                     "    float32x4_t v = vld1q_lane_f32(p, vdupq_n_f32(0.0f), 0);\n"
                     "    if (n > 1) v = vld1q_lane_f32(p + 1, v, 1);\n"
                     "    if (n > 2) v = vld1q_lane_f32(p + 2, v, 2);\n"
                     "    return v;\n"
                     "}\n"},
    {"@_load_part_i32%", "static inline int32x4_t @_load_part_i32%(const int32_t *p, int n)\n{\n"
                         "    int32x4_t v = vld1q_lane_s32(p, vdupq_n_s32(0), 0);\n"
                         "    if (n > 1) v = vld1q_lane_s32(p + 1, v, 1);\n"
                         "    if (n > 2) v = vld1q_lane_s32(p + 2, v, 2);\n"
                         "    return v;\n"
                         "}\n"},
    {"@_load_u8%", "/* n bytes, widened; the other lanes are 0. */\n"
                   "static inline int32x4_t @_load_u8%(const uint8_t *p, int n)\n{\n"
                   "    uint8_t bytes[8] = {0};\n"
                   "    for (int i = 0; i < n; i++) bytes[i] = p[i];\n"
                   "    const uint16x4_t halves = vget_low_u16(vmovl_u8(vld1_u8(bytes)));\n"
                   "    return vreinterpretq_s32_u32(vmovl_u16(halves));\n"
                   "}\n"},
    {"@_store_part%", "/* The first n of 4 lanes, 1 <= n <= 3. */\n"
                      "static inline void @_store_part%(float *p, float32x4_t v, int n)\n{\n"
                      "    vst1q_lane_f32(p, v, 0);\n"
                      "    if (n > 1) vst1q_lane_f32(p + 1, v, 1);\n"
                      "    if (n > 2) vst1q_lane_f32(p + 2, v, 2);\n"
                      "}\n"},
    {"@_store_part_i32%",
     "static inline void @_store_part_i32%(int32_t *p, int32x4_t v, int n)\n{\n"
     "    vst1q_lane_s32(p, v, 0);\n"
     "    if (n > 1) vst1q_lane_s32(p + 1, v, 1);\n"
     "    if (n > 2) vst1q_lane_s32(p + 2, v, 2);\n"
     "}\n"},
    {"@_div_i32%", "static inline int32x4_t @_div_i32%(int32x4_t a, int32x4_t b)\n{\n"
                   "    int32_t x[4], y[4];\n"
                   "    vst1q_s32(x, a);\n"
                   "    vst1q_s32(y, b);\n"
                   "    for (int i = 0; i < 4; i++) x[i] = y[i] ? x[i] / y[i] : 0;\n"
                   "    return vld1q_s32(x);\n"
                   "}\n"},
    {"@_transpose%",
     "/* to[c * ld + r] = from[r * from_ld + c], a whole 4 x 4 block in registers. */\n"
     "static inline void @_transpose%(const float *from, ptrdiff_t from_ld, float *to, "
     "ptrdiff_t ld, int rows, int columns)\n{\n"
     "    if (rows < 4 || columns < 4) {\n"
     "        for (int r = 0; r < rows; r++)\n"
     "            for (int c = 0; c < columns; c++) to[c * ld + r] = from[r * from_ld + c];\n"
     "        return;\n"
     "    }\n"
     "    const float32x4_t a0 = vld1q_f32(from), a1 = vld1q_f32(from + from_ld);\n"
     "    const float32x4_t a2 = vld1q_f32(from + 2 * from_ld), a3 = vld1q_f32(from + 3 * "
     "from_ld);\n"
     "    const float32x4_t b0 = vzip1q_f32(a0, a2), b1 = vzip2q_f32(a0, a2);\n"
     "    const float32x4_t b2 = vzip1q_f32(a1, a3), b3 = vzip2q_f32(a1, a3);\n"
     "    vst1q_f32(to, vzip1q_f32(b0, b2));\n"
     "    vst1q_f32(to + ld, vzip2q_f32(b0, b2));\n"
     "    vst1q_f32(to + 2 * ld, vzip1q_f32(b1, b3));\n"
     "    vst1q_f32(to + 3 * ld, vzip2q_f32(b1, b3));\n"
     "}\n"},
    {0, 0},
};

#define AS_F32(x) "vreinterpretq_f32_s32(" x ")"
#define AS_INT(x) "vreinterpretq_s32_f32(" x ")"

const Target target_neon = {
    .name = "neon",
    .title = "64-bit ARM with NEON",
    .width = 4,
    .registers = 32,
    .header = "arm_neon.h",
    .guard = "defined(__aarch64__) || defined(_M_ARM64)",
    .vector_f32 = "float32x4_t",
    .vector_i32 = "int32x4_t",
    .vector_bool = "uint32x4_t",
    .map_f32 =
        {
            [OP_add] = "vaddq_f32($0, $1)",
            [OP_sub] = "vsubq_f32($0, $1)",
            [OP_mul] = "vmulq_f32($0, $1)",
            [OP_div] = "vdivq_f32($0, $1)",
            [OP_max] = "vmaxq_f32($0, $1)",
            [OP_min] = "vminq_f32($0, $1)",
            [OP_neg] = "vnegq_f32($0)",
            [OP_abs] = "vabsq_f32($0)",
            [OP_floor] = "vrndmq_f32($0)",
            [OP_sqrt] = "vsqrtq_f32($0)",
            [OP_lt] = "vcltq_f32($0, $1)",
            [OP_le] = "vcleq_f32($0, $1)",
            [OP_gt] = "vcgtq_f32($0, $1)",
            [OP_ge] = "vcgeq_f32($0, $1)",
            [OP_eq] = "vceqq_f32($0, $1)",
            [OP_ne] = "vmvnq_u32(vceqq_f32($0, $1))",
            [OP_select] = "vbslq_f32($0, $1, $2)",
            [OP_to_f32] = "$0",
            [OP_to_i32] = "vcvtq_s32_f32($0)",
        },
    .map_i32 =
        {
            [OP_add] = "vaddq_s32($0, $1)",
            [OP_sub] = "vsubq_s32($0, $1)",
            [OP_mul] = "vmulq_s32($0, $1)",
            [OP_div] = "@_div_i32%($0, $1)",
            [OP_max] = "vmaxq_s32($0, $1)",
            [OP_min] = "vminq_s32($0, $1)",
            [OP_neg] = "vnegq_s32($0)",
            [OP_abs] = "vabsq_s32($0)",
            [OP_lt] = "vcltq_s32($0, $1)",
            [OP_le] = "vcleq_s32($0, $1)",
            [OP_gt] = "vcgtq_s32($0, $1)",
            [OP_ge] = "vcgeq_s32($0, $1)",
            [OP_eq] = "vceqq_s32($0, $1)",
            [OP_ne] = "vmvnq_u32(vceqq_s32($0, $1))",
            [OP_select] = "vbslq_s32($0, $1, $2)",
            [OP_to_f32] = "vcvtq_f32_s32($0)",
            [OP_to_i32] = "$0",
        },
    .map_bool =
        {
            [OP_and] = "vandq_u32($0, $1)",
            [OP_or] = "vorrq_u32($0, $1)",
            [OP_not] = "vmvnq_u32($0)",
            [OP_select] = "vbslq_u32($0, $1, $2)",
            [OP_eq] = "vmvnq_u32(veorq_u32($0, $1))",
            [OP_ne] = "veorq_u32($0, $1)",
            [OP_to_f32] = "vreinterpretq_f32_u32(vandq_u32($0, vdupq_n_u32(0x3f800000)))",
            [OP_to_i32] = "vreinterpretq_s32_u32(vshrq_n_u32($0, 31))",
        },
    .scalar_f32 = {[OP_sqrt] = "vget_lane_f32(vsqrt_f32(vdup_n_f32($0)), 0)"},
    .load_f32 = "vld1q_f32($0)",
    .load_part_f32 = "@_load_part%($0, $n)",
    .load_i32 = "vld1q_s32($0)",
    .load_part_i32 = "@_load_part_i32%($0, $n)",
    .load_u8 = "@_load_u8%($0, 4)",
    .load_part_u8 = "@_load_u8%($0, $n)",
    .store_f32 = "vst1q_f32($0, $1)",
    .store_part_f32 = "@_store_part%($0, $1, $n)",
    .store_i32 = "vst1q_s32($0, $1)",
    .store_part_i32 = "@_store_part_i32%($0, $1, $n)",
    .set_f32 = "vdupq_n_f32($0)",
    .set_i32 = "vdupq_n_s32($0)",
    .zero_f32 = "vdupq_n_f32(0.0f)",
    .fma = "vfmaq_f32($2, $0, $1)",
    .lanes = "@_lanes%()",
    .add_lanes = "vaddvq_f32($0)",
    .max_lanes = "vmaxvq_f32($0)",
    .add_lanes_i32 = "vaddvq_s32($0)",
    .max_lanes_i32 = "vmaxvq_s32($0)",
    .ldexp = "vmulq_f32($0, " AS_F32("vshlq_n_s32(vaddq_s32(vcvtnq_s32_f32($1), "
                                     "vdupq_n_s32(127)), 23)") ")",
    .exponent = "vcvtq_f32_s32(vsubq_s32(vshrq_n_s32(" AS_INT("$0") ", 23), vdupq_n_s32(127)))",
    .mantissa = AS_F32("vorrq_s32(vandq_s32(" AS_INT("$0") ", vdupq_n_s32(0x007fffff)), "
                                                           "vdupq_n_s32(0x3f800000))"),
    .round = "vrndnq_f32($0)",
    .helpers = helpers,
};
