/* NAME_weights.c or NAME_weights.bin: trained weights beside the generated code, in stored order.
 */
#include "emit/weights.h"

#include <stdlib.h>
#include <string.h>

#include "nn_weights.h"

/* ---- reading ---- */

static nn_tensor *tensor_table(Arena *arena, const ParamList *list, const ParamLayout *layouts)
{
    nn_tensor *table = arena_array(arena, nn_tensor, list->count + 1);
    for (int i = 0; i < list->count; i++) {
        const Type type = list->at[i].type;
        table[i] = (nn_tensor){.name = list->at[i].name,
                               .rank = type.rank,
                               .offset = layouts[i].offset,
                               .floats = layouts[i].floats};
        for (int axis = 0; axis < type.rank; axis++) {
            table[i].dims[axis] = type.dim[axis];
            table[i].stride[axis] = layouts[i].stride[axis];
        }
    }
    return table;
}

static void copy_fitted(Arena *arena, Weights *w, const nn_fitted *fitted)
{
    for (int i = 0; i < fitted->count; i++) {
        const nn_fit *fit = &fitted->fits[i];
        const size_t bytes = sizeof(float) * (size_t)fit->count;
        vec_push(arena, w->fitted,
                 ((Fitted){arena_strdup(arena, fit->name), fit->count,
                           arena_copy(arena, fit->values, bytes)}));
    }
}

/* "file:line: reason", or without a place of its own the path. */
static const char *told(Arena *arena, const char *path, const nn_error *error)
{
    char text[2560];
    if (!*error->file) return arena_printf(arena, "%s: %s", path, error->reason);
    return arena_strdup(arena, nn_error_text(error, text, sizeof text));
}

const char *weights_read(Arena *arena, const Plan *plan, const char *path, const char *names,
                         Weights *out)
{
    nn_error error;
    nn_fitted fitted = {0, 0, NULL};
    const Module *m = plan->module;
    const nn_model model = {.abi = NN_MODEL_ABI,
                            .name = m->name,
                            .param_floats = plan->param_floats,
                            .state_floats = plan->state_floats,
                            .param_count = m->params.count,
                            .state_count = m->states.count,
                            .params = tensor_table(arena, &m->params, plan->params),
                            .states = tensor_table(arena, &m->states, plan->states)};
    *out = (Weights){.params = arena_array(arena, float, plan->param_floats + 1),
                     .states = arena_array(arena, float, plan->state_floats + 1)};
    nn_weights_options options = {NULL, NULL, NULL};
    nn_rename *renames = NULL;
    nn_error_clear(&error);
    if (names && nn_renames_read(names, &renames, &error) != NN_OK)
        return told(arena, names, &error);
    options.renames = renames;
    const int status =
        nn_weights_load(&model, out->params, out->states, &fitted, path, &options, &error);
    free(renames);
    if (status != NN_OK) return told(arena, path, &error);
    copy_fitted(arena, out, &fitted);
    nn_fitted_free(&fitted);
    return NULL;
}

/* ---- writing ---- */

static void floats(Text *out, const float *at, int64_t count)
{
    Text line = text_new(out->arena);
    for (int64_t i = 0; i < count; i++) {
        Text number = text_new(out->arena);
        emit_float(&number, at[i]);
        if (4 + line.length + number.length + 2 > WRAP_COLUMNS) {
            text_addf(out, "    %s\n", line.at);
            line = text_new(out->arena);
        }
        text_addf(&line, "%s%s,", line.length ? " " : "", number.at);
    }
    text_addf(out, "    %s\n", line.at);
}

static void table(Text *out, const Emission *e, const char *name, const char *size, const float *at,
                  int64_t count)
{
    text_addf(out, "%s_WEIGHTS const float %s_%s[%s] = {\n", e->upper, e->options.name, name, size);
    floats(out, at, count);
    text_add(out, "};\n");
}

/* "x/mean" is called data_x_mean. */
static const char *fitted_name(Arena *arena, const Fitted *f)
{
    return arena_printf(arena, "data_%s", emit_identifier(arena, f->name));
}

void emit_weights_header(Text *out, const Emission *e)
{
    const Weights *w = e->options.weights;
    const char *name = e->options.name;
    text_addf(out, "/* Trained weights in stored order, in %s_weights.c. */\n", name);
    text_addf(out, "extern const float %s_weights[%s_PARAM_FLOATS];\n", name, e->upper);
    if (e->plan->state_floats)
        text_addf(out, "extern const float %s_weights_states[%s_STATE_FLOATS];\n", name, e->upper);
    if (w->fitted.count)
        text_add(out, "\n/* What preparing the data learned: a file's value v becomes the input\n"
                      " * (v - center) * scale. */\n");
    for (int i = 0; i < w->fitted.count; i++)
        text_addf(out, "extern const float %s_%s[%lld];\n", name,
                  fitted_name(e->arena, &w->fitted.at[i]), (long long)w->fitted.at[i].count);
    text_add(out, "\n");
}

void emit_weights(Text *out, const Emission *e)
{
    const Weights *w = e->options.weights;
    emit_banner(out, e, "_weights.c");
    out->at[out->length - 1] = ' ';
    text_addf(out, "*/\n#include \"%s.h\"\n\n", e->options.name);
    emit_template(out, e, "weights_macro.c");
    char *params = arena_printf(e->arena, "%s_PARAM_FLOATS", e->upper);
    table(out, e, "weights", params, w->params, e->plan->param_floats);
    if (e->plan->state_floats) {
        text_add(out, "\n");
        table(out, e, "weights_states", arena_printf(e->arena, "%s_STATE_FLOATS", e->upper),
              w->states, e->plan->state_floats);
    }
    for (int i = 0; i < w->fitted.count; i++) {
        const Fitted *f = &w->fitted.at[i];
        text_add(out, "\n");
        table(out, e, fitted_name(e->arena, f), arena_printf(e->arena, "%lld", (long long)f->count),
              f->values, f->count);
    }
}

/* A float as four bytes, the lowest first, whatever machine nnc runs on. */
static void little_endian(Text *out, const float *at, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        uint32_t bits;
        memcpy(&bits, &at[i], sizeof bits);
        const char bytes[] = {(char)(bits & 255), (char)(bits >> 8 & 255), (char)(bits >> 16 & 255),
                              (char)(bits >> 24)};
        text_addn(out, bytes, sizeof bytes);
    }
}

void emit_weights_binary(Text *out, const Emission *e)
{
    little_endian(out, e->options.weights->params, e->plan->param_floats);
    little_endian(out, e->options.weights->states, e->plan->state_floats);
}
