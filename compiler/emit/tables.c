/* What does not depend on the target: the table of tensors, initial weights, and access to one
 * tensor. */
#include "emit/emit.h"

/* ---- tensors ---- */

static void int_list(Text *out, const int64_t *at, int rank)
{
    text_add(out, "{");
    for (int i = 0; i < rank; i++) text_addf(out, "%s%lld", i ? ", " : "", (long long)at[i]);
    text_add(out, rank ? "}" : "0}");
}

static void tensor_table(Text *out, const Emission *e, const char *which, const Param *params,
                         const ParamLayout *layouts, int count)
{
    text_addf(out, "/* name, rank, extents, strides, offset, floats, trained, decayed */\n"
                   "static const nn_tensor %s_%s[%d] = {\n", e->options.name, which, count);
    for (int i = 0; i < count; i++) {
        const Type t = params[i].type;
        text_add(out, "    {");
        emit_string(out, params[i].name);
        text_addf(out, ", %d, ", t.rank);
        int_list(out, t.dim, t.rank);
        text_add(out, ", ");
        int_list(out, layouts[i].stride, t.rank);
        text_addf(out, ", %lld, %lld, %d, %d},\n", (long long)layouts[i].offset,
                  (long long)layouts[i].floats, params[i].trainable, params[i].decay);
    }
    text_add(out, "};\n\n");
}

/* ---- initial values ---- */

static void value_table(Text *out, const Emission *e, const char *which, int index,
                        const Param *param)
{
    const int64_t n = type_elements(param->type);
    text_addf(out, "static const float %s_%s_init_%d[%lld] = {", e->options.name, which, index,
              (long long)n);
    for (int64_t i = 0; i < n; i++) {
        text_add(out, i % 8 ? " " : "\n    ");
        emit_float(out, param->init.values[i]);
        text_add(out, ",");
    }
    text_add(out, "\n};\n\n");
}

/* 0: a everywhere (or values); 1: uniform, a and range b; 2: normal, mean a and deviation b. */
static void init_row(Text *out, const Emission *e, const char *which, int index, const Init *init)
{
    static const struct { int kind; bool a, b; } forms[] = {
        [INIT_ZEROS] = {0, false, false},  [INIT_ONES] = {0, false, false},
        [INIT_CONST] = {0, true, false},   [INIT_UNIFORM] = {1, true, true},
        [INIT_NORMAL] = {2, true, true},   [INIT_VALUES] = {0, false, false},
    };
    const double b = init->kind == INIT_UNIFORM ? init->b - init->a : init->b;
    text_addf(out, "    {%d, ", forms[init->kind].kind);
    emit_float(out, init->kind == INIT_ONES ? 1.0f : forms[init->kind].a ? (float)init->a : 0.0f);
    text_add(out, ", ");
    emit_float(out, forms[init->kind].b ? (float)b : 0.0f);
    if (init->kind == INIT_VALUES)
        text_addf(out, ", %s_%s_init_%d},\n", e->options.name, which, index);
    else
        text_add(out, ", NULL},\n");
}

static void init_table(Text *out, const Emission *e, const char *which, const Param *params,
                       int count)
{
    for (int i = 0; i < count; i++)
        if (params[i].init.kind == INIT_VALUES) value_table(out, e, which, i, &params[i]);
    text_addf(out, "/* 0: a everywhere, or values; 1: uniform from a, range b; 2: normal, mean a,"
                   " deviation b */\nstatic const struct {\n    int kind;\n    float a, b;\n"
                   "    const float *values;\n} %s_%s_init[%d] = {\n",
              e->options.name, which, count);
    for (int i = 0; i < count; i++) init_row(out, e, which, i, &params[i].init);
    text_add(out, "};\n\n");
}

/* ---- together ---- */

void emit_tables(Text *out, const Emission *e)
{
    const Module *module = e->module;
    const int params = module->params.count, states = module->states.count;
    if (params) tensor_table(out, e, "params", module->params.at, e->plan->params, params);
    if (states) tensor_table(out, e, "states", module->states.at, e->plan->states, states);
    if (params || states) emit_template(out, e, "tensors.c");
    if (params) {
        init_table(out, e, "params", module->params.at, params);
        emit_template(out, e, "init.c");
        emit_template(out, e, "access.c");
    } else {
        emit_template(out, e, "init_none.c");
    }
    if (!states) return;
    init_table(out, e, "states", module->states.at, states);
    emit_template(out, e, "states.c");
}
