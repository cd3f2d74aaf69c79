/* What does not depend on the target: the table of tensors, initial weights, and access to one tensor. */
#include "emit/emit.h"

static void int_list(Text *out, const int64_t *at, int rank) {
    text_add(out, "{");
    for (int i = 0; i < rank; i++) text_addf(out, "%s%lld", i ? ", " : "", (long long)at[i]);
    text_add(out, rank ? "}" : "0}");
}

static void tensor_table(Text *out, const Emission *e, const char *which, const Param *params, const ParamLayout *layouts, int count) {
    if (!count) return;
    text_addf(out, "/* name, rank, extents, strides, offset, floats, trained, decayed */\n"
                   "static const nn_tensor %s_%s[%d] = {\n", e->options.name, which, count);
    for (int i = 0; i < count; i++) {
        const Type t = params[i].type;
        text_addf(out, "    {\"%s\", %d, ", params[i].name, t.rank);
        int_list(out, t.dim, t.rank);
        text_add(out, ", ");
        int_list(out, layouts[i].stride, t.rank);
        text_addf(out, ", %lld, %lld, %d, %d},\n", (long long)layouts[i].offset, (long long)layouts[i].floats, params[i].trainable,
                  params[i].decay);
    }
    text_add(out, "};\n\n");
}

/* ---- initial values ---- */

static void init_row(Text *out, Init init) {
    double a = init.a, b = init.b;
    int kind = 0;
    switch (init.kind) {
    case INIT_ZEROS: a = b = 0; break;
    case INIT_ONES: a = 1, b = 0; break;
    case INIT_CONST: b = 0; break;
    case INIT_UNIFORM: kind = 1; b = (double)(float)(init.b - init.a); break;
    case INIT_NORMAL: kind = 2; break;
    case INIT_VALUES: kind = 3; a = b = 0; break;
    }
    text_addf(out, "    {%d, ", kind);
    text_add_float(out, (float)a);
    text_add(out, "f, ");
    text_add_float(out, (float)b);
    text_add(out, "f},\n");
}

static void init_table(Text *out, const Emission *e, const char *which, const Param *params, int count) {
    text_addf(out, "/* 0: a everywhere; 1: uniform from a, range b; 2: normal, mean a, deviation b */\n"
                   "static const struct { int kind; float a, b; } %s_%s_init[%d] = {\n", e->options.name, which, count);
    for (int i = 0; i < count; i++) init_row(out, params[i].init);
    text_add(out, "};\n\n");
}

/* @ is replaced by the model's name. */
static void add_template(Text *out, const Emission *e, const char *text) {
    for (const char *c = text; *c; c++) {
        if (*c == '@') text_add(out, e->options.name);
        else text_addn(out, c, 1);
    }
}

static const char fill_text[] =
    "/* The place of logical element e, counted in row-major order. */\n"
    "static int64_t @_place(const nn_tensor *t, int64_t e) {\n"
    "    int64_t at = t->offset;\n"
    "    for (int axis = t->rank - 1; axis >= 0; axis--) {\n"
    "        at += e % t->dims[axis] * t->stride[axis];\n"
    "        e /= t->dims[axis];\n"
    "    }\n"
    "    return at;\n"
    "}\n\n"
    "static int64_t @_elements(const nn_tensor *t) {\n"
    "    int64_t n = 1;\n"
    "    for (int axis = 0; axis < t->rank; axis++) n *= t->dims[axis];\n"
    "    return n;\n"
    "}\n\n";

static const char random_text[] =
    "/* Finaliser of Steele, Lea and Flood's SplitMix64. */\n"
    "static uint64_t @_mix(uint64_t z) {\n"
    "    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);\n"
    "    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);\n"
    "    return z ^ (z >> 31);\n"
    "}\n\n"
    "/* Uniform in [a, a + range): 24 random bits. The product of two 24-bit numbers is exact in double, so no contraction\n"
    " * of the sum can change a bit. */\n"
    "static float @_uniform(uint64_t stream, uint64_t e, float a, float range) {\n"
    "    const uint64_t bits = @_mix(stream + UINT64_C(0x9e3779b97f4a7c15) * (e * 4 + 1));\n"
    "    return (float)((double)a + (double)range * ((double)(bits >> 40) / 16777216.0));\n"
    "}\n\n"
    "/* Normal by the sum of twelve uniform 16-bit numbers (Irwin-Hall). */\n"
    "static float @_normal(uint64_t stream, uint64_t e, float mean, float deviation) {\n"
    "    int64_t sum = 0;\n"
    "    for (uint64_t j = 1; j <= 3; j++) {\n"
    "        const uint64_t bits = @_mix(stream + UINT64_C(0x9e3779b97f4a7c15) * (e * 4 + j));\n"
    "        for (int k = 0; k < 64; k += 16) sum += (int64_t)(bits >> k & 0xffff);\n"
    "    }\n"
    "    return (float)((double)mean + (double)deviation * ((double)(2 * sum - 12 * 65535) / 131072.0));\n"
    "}\n\n";

static const char init_text[] =
    "void @_init(float *params, uint64_t seed) {\n"
    "    memset(params, 0, sizeof(float) * $FLOATS);\n"
    "    for (int i = 0; i < $COUNT; i++) {\n"
    "        const nn_tensor *t = &@_params[i];\n"
    "        const uint64_t stream = @_mix(seed + UINT64_C(0x9e3779b97f4a7c15) * (uint64_t)(i + 1));\n"
    "        const float a = @_params_init[i].a, b = @_params_init[i].b;\n"
    "        const int64_t n = @_elements(t);\n"
    "        for (int64_t e = 0; e < n; e++)\n"
    "            params[@_place(t, e)] = @_params_init[i].kind == 1 ? @_uniform(stream, (uint64_t)e, a, b)\n"
    "                : @_params_init[i].kind == 2 ? @_normal(stream, (uint64_t)e, a, b) : a;\n"
    "    }\n"
    "}\n\n";

static const char access_text[] =
    "int @_get(const float *params, int tensor, float *out, size_t capacity) {\n"
    "    if (!params || !out) return NN_BAD_ARGUMENT;\n"
    "    if (tensor < 0 || tensor >= $COUNT) return NN_BAD_TENSOR;\n"
    "    const int64_t n = @_elements(&@_params[tensor]);\n"
    "    if (capacity != (size_t)n) return NN_BAD_TENSOR;\n"
    "    for (int64_t e = 0; e < n; e++) out[e] = params[@_place(&@_params[tensor], e)];\n"
    "    return NN_OK;\n"
    "}\n\n"
    "int @_set(float *params, int tensor, const float *in, size_t count) {\n"
    "    if (!params || !in) return NN_BAD_ARGUMENT;\n"
    "    if (tensor < 0 || tensor >= $COUNT) return NN_BAD_TENSOR;\n"
    "    const int64_t n = @_elements(&@_params[tensor]);\n"
    "    if (count != (size_t)n) return NN_BAD_TENSOR;\n"
    "    for (int64_t e = 0; e < n; e++) params[@_place(&@_params[tensor], e)] = in[e];\n"
    "    return NN_OK;\n"
    "}\n\n";

static const char states_text[] =
    "void @_init_states(float *states) {\n"
    "    memset(states, 0, sizeof(float) * $FLOATS);\n"
    "    for (int i = 0; i < $COUNT; i++) {\n"
    "        const int64_t n = @_elements(&@_states[i]);\n"
    "        for (int64_t e = 0; e < n; e++) states[@_place(&@_states[i], e)] = @_states_init[i].a;\n"
    "    }\n"
    "}\n\n";

/* Fills in $FLOATS and $COUNT. */
static const char *with_numbers(Arena *arena, const char *text, int64_t floats, int count) {
    Text out = text_new(arena);
    for (const char *c = text; *c; c++) {
        if (c[0] == '$' && c[1] == 'F') {
            text_addf(&out, "%lld", (long long)floats);
            c += 6;
        } else if (c[0] == '$' && c[1] == 'C') {
            text_addf(&out, "%d", count);
            c += 5;
        } else {
            text_addn(&out, c, 1);
        }
    }
    return out.at;
}

void emit_tables(Text *out, const Emission *e) {
    const Module *module = e->module;
    const Plan *plan = e->plan;
    const int params = module->params.count, states = module->states.count;
    tensor_table(out, e, "params", module->params.at, plan->params, params);
    tensor_table(out, e, "states", module->states.at, plan->states, states);
    if (params + states) add_template(out, e, fill_text);
    if (params) {
        init_table(out, e, "params", module->params.at, params);
        add_template(out, e, random_text);
        add_template(out, e, with_numbers(e->arena, init_text, plan->param_floats, params));
        add_template(out, e, with_numbers(e->arena, access_text, plan->param_floats, params));
    }
    if (!states) return;
    init_table(out, e, "states", module->states.at, states);
    add_template(out, e, with_numbers(e->arena, states_text, plan->state_floats, states));
}
