/* What does not depend on the target: the table of tensors, initial weights, and access to one
 * tensor. */
#include <string.h>

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
    text_addf(out,
              "/* name, rank, extents, strides, offset, floats, trained, decayed */\n"
              "static const nn_tensor %s_%s[%d] = {\n",
              e->options.name, which, count);
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

static bool any_init(const Param *params, int count, InitKind kind)
{
    for (int i = 0; i < count; i++)
        if (params[i].init.kind == kind) return true;
    return false;
}

static bool is_constant(const Init *init)
{
    return init->kind == INIT_ONES || (init->kind == INIT_CONST && init->a != 0);
}

static bool any_constant(const Param *params, int count)
{
    for (int i = 0; i < count; i++)
        if (is_constant(&params[i].init)) return true;
    return false;
}

/* Functions that some tensor starts by. */
static void init_functions(Text *out, const Emission *e)
{
    const ParamList *params = &e->module->params, *states = &e->module->states;
    const bool uniform = any_init(params->at, params->count, INIT_UNIFORM);
    const bool normal = any_init(params->at, params->count, INIT_NORMAL);
    if (uniform || normal) emit_template(out, e, "mix.c");
    if (uniform) emit_template(out, e, "uniform.c");
    if (normal) emit_template(out, e, "normal.c");
    if (any_constant(params->at, params->count) || any_constant(states->at, states->count))
        emit_template(out, e, "constant.c");
    if (any_init(params->at, params->count, INIT_VALUES)
        || any_init(states->at, states->count, INIT_VALUES))
        emit_template(out, e, "values.c");
}

static void drawn(Text *line, const Emission *e, int index, const Init *init)
{
    const bool uniform = init->kind == INIT_UNIFORM;
    text_addf(line, "%s_init_%s(params, %s_%s, seed, ", e->options.name,
              uniform ? "uniform" : "normal", e->upper, e->tensors[index]);
    emit_float(line, (float)init->a);
    text_add(line, ", ");
    emit_float(line, (float)(uniform ? init->b - init->a : init->b));
    text_add(line, ");");
}

/* How tensor `index` starts; zeros are there already. */
static void init_line(Text *out, const Emission *e, const char *which, int index, const Init *init)
{
    Text line = text_new(e->arena);
    const char *name = e->options.name;
    if (init->kind == INIT_UNIFORM || init->kind == INIT_NORMAL) {
        drawn(&line, e, index, init);
    } else if (is_constant(init)) {
        text_addf(&line, "%s_init_constant(%s, &%s_%s[%d], ", name, which, name, which, index);
        emit_float(&line, init->kind == INIT_ONES ? 1.0f : (float)init->a);
        text_add(&line, ");");
    } else if (init->kind == INIT_VALUES) {
        text_addf(&line, "%s_init_values(%s, &%s_%s[%d], %s_%s_init_%d);", name, which, name, which,
                  index, name, which, index);
    }
    if (line.length) wrap_code(out, 4, line.at);
}

static void init_body(Text *out, const Emission *e, const char *which, const char *floats,
                      const ParamList *list)
{
    text_addf(out, "{\n    for (int64_t i = 0; i < %s_%s; i++) %s[i] = 0.0f;\n", e->upper, floats,
              which);
    for (int i = 0; i < list->count; i++) init_line(out, e, which, i, &list->at[i].init);
    text_add(out, "}\n\n");
}

static void init(Text *out, const Emission *e)
{
    const ParamList *params = &e->module->params, *states = &e->module->states;
    const bool random = any_init(params->at, params->count, INIT_UNIFORM)
                     || any_init(params->at, params->count, INIT_NORMAL);
    for (int i = 0; i < params->count; i++)
        if (params->at[i].init.kind == INIT_VALUES)
            value_table(out, e, "params", i, &params->at[i]);
    for (int i = 0; i < states->count; i++)
        if (states->at[i].init.kind == INIT_VALUES)
            value_table(out, e, "states", i, &states->at[i]);
    init_functions(out, e);
    text_addf(out, "void %s_init(float *params, uint64_t seed)\n", e->options.name);
    if (params->count) {
        init_body(out, e, "params", "PARAM_FLOATS", params);
        if (!random) {
            out->at[out->length -= strlen("}\n\n")] = 0;
            text_add(out, "    (void)seed;\n}\n\n");
        }
    } else {
        text_add(out, "{\n    (void)params;\n    (void)seed;\n}\n\n");
    }
    if (!states->count) return;
    text_addf(out, "void %s_init_states(float *states)\n", e->options.name);
    init_body(out, e, "states", "STATE_FLOATS", states);
}

/* ---- together ---- */

void emit_tables(Text *out, const Emission *e)
{
    const Module *module = e->module;
    const int params = module->params.count, states = module->states.count;
    if (params) tensor_table(out, e, "params", module->params.at, e->plan->params, params);
    if (states) tensor_table(out, e, "states", module->states.at, e->plan->states, states);
    if (params || states) emit_template(out, e, "tensors.c");
    init(out, e);
    if (module->sessions.count) emit_template(out, e, "session.c");
    if (params) emit_template(out, e, "access.c");
}
