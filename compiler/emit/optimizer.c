/* NAME_step: the optimiser in the generated file, so that two files train by themselves. */
#include <string.h>

#include "emit/emit.h"
#include "loop/print.h"
#include "lower/optimizer.h"

static const char *kind_name(const Emission *e) {
    static const char *const names[] = {"sgd", "adam", "adamw"};
    return names[e->options.optimizer];
}

static bool is_sgd(const Emission *e) { return e->options.optimizer == OPTIMIZER_SGD; }

/* @ is the model's name, ^ the same in capitals, # the optimiser's. */
static void add_template(Text *out, const Emission *e, const char *text) {
    for (const char *c = text; *c; c++) {
        if (*c == '@') text_add(out, e->options.name);
        else if (*c == '^') text_add(out, emit_upper(e->arena, e->options.name));
        else if (*c == '#') text_add(out, kind_name(e));
        else text_addn(out, c, 1);
    }
}

static const char adam_header[] =
    "typedef struct @_step_args {\n"
    "    float       *params;        /* [^_PARAM_FLOATS], updated */\n"
    "    const float *grads;         /* [^_PARAM_FLOATS], as @_train made them */\n"
    "    float       *first;         /* [^_PARAM_FLOATS], first moments: zero before step 1, then kept */\n"
    "    float       *second;        /* [^_PARAM_FLOATS], second moments: the same */\n"
    "    int64_t      step;          /* 1, 2, 3, ... */\n"
    "    float        rate;          /* learning rate, 1e-3 */\n"
    "    float        beta1, beta2;  /* 0.9, 0.999 */\n"
    "    float        eps;           /* 1e-8 */\n"
    "    float        decay;         /* weight decay, on the tensors that the program marks */\n"
    "} @_step_args;\n\n";

static const char sgd_header[] =
    "typedef struct @_step_args {\n"
    "    float       *params;        /* [^_PARAM_FLOATS], updated */\n"
    "    const float *grads;         /* [^_PARAM_FLOATS], as @_train made them */\n"
    "    float       *first;         /* [^_PARAM_FLOATS], velocity: zero before the first step, then kept */\n"
    "    float        rate;          /* learning rate */\n"
    "    float        beta1;         /* momentum, 0 for none */\n"
    "    float        decay;         /* weight decay, on the tensors that the program marks */\n"
    "} @_step_args;\n\n";

static void step_prototype(Text *out, const Emission *e, const char *suffix, const char *end) {
    text_addf(out, "void %s_step%s(const %s_step_args *args)%s", e->options.name, suffix, e->options.name, end);
}

void emit_optimizer_header(Text *out, const Emission *e) {
    add_template(out, e, is_sgd(e) ? sgd_header : adam_header);
    add_template(out, e, "/* One # step in PyTorch's form; reads and writes its arguments alone. For speed set flush-to-zero while\n"
                         " * training: moments of dead units decay into denormals. */\n");
    step_prototype(out, e, "", ";\n");
    for (int i = 0; i + 1 < e->target_count; i++) step_prototype(out, e, emit_suffix(e, i), ";\n");
    text_add(out, "\n");
}

/* ---- stretches of the array that are treated alike ---- */

typedef struct Stretch { int64_t offset, floats; bool decay; } Stretch;

static int find_stretches(const Emission *e, Stretch *at) {
    int count = 0;
    for (int i = 0; i < e->module->params.count; i++) {
        const Param *p = &e->module->params.at[i];
        const ParamLayout *l = &e->plan->params[i];
        if (!p->trainable) continue;
        Stretch *last = count ? &at[count - 1] : NULL;
        if (last && last->decay == p->decay && last->offset + last->floats == l->offset) last->floats += l->floats;
        else at[count++] = (Stretch){l->offset, l->floats, p->decay};
    }
    return count;
}

static void step_calls(Text *out, const Emission *e, const char *suffix) {
    Stretch *at = arena_array(e->arena, Stretch, e->module->params.count + 1);
    const int count = find_stretches(e, at);
    for (int i = 0; i < count; i++) {
        const char *offset = at[i].offset ? arena_printf(e->arena, " + %lld", (long long)at[i].offset) : "";
        const char *decay = at[i].decay ? "decay" : "0.0f";
        text_addf(out, "    %s_%s%s(args->params%s, args->grads%s, args->first%s, ", e->options.name, kind_name(e), suffix, offset,
                  offset, offset);
        if (is_sgd(e)) text_addf(out, "args->rate, %s, args->beta1,", decay);
        else text_addf(out, "args->second%s,\n        rate, %s, 1.0f - args->beta1, 1.0f - args->beta2, scale, args->eps,", offset, decay);
        text_addf(out, " %lld);\n", (long long)at[i].floats);
    }
}

static const char power_text[] =
    "/* b to the n, n >= 0. */\n"
    "static double @_power(double b, int64_t n) {\n"
    "    double p = 1;\n"
    "    for (; n > 0; n /= 2, b *= b)\n"
    "        if (n % 2) p *= b;\n"
    "    return p;\n"
    "}\n\n";

void emit_optimizer(Text *out, const Emission *e) {
    if (!is_sgd(e)) add_template(out, e, power_text);
    for (int i = 0; i < e->target_count; i++) {
        const Target *target = e->lowered[i]->program->target;
        const char *guard = e->target_count > 1 ? target->guard : NULL, *suffix = emit_suffix(e, i);
        const bool portable = i + 1 == e->target_count;
        if (guard) text_addf(out, "#if %s\n", guard);
        step_prototype(out, e, portable ? "" : suffix, " {\n");
        if (is_sgd(e)) {
            text_add(out, "    const float decay = args->decay;\n");
        } else {
            text_add(out, "    /* bias corrections 1 - beta^step, folded into the rate and the scale of the second moment */\n"
                          "    const float rate = (float)((double)args->rate / (1.0 - ");
            add_template(out, e, "@_power((double)args->beta1, args->step)));\n"
                                 "    const float scale = (float)(1.0 / (1.0 - @_power((double)args->beta2, args->step)));\n");
            text_add(out, e->options.optimizer == OPTIMIZER_ADAMW ? "    const float decay = args->rate * args->decay;\n"
                                                                  : "    const float decay = args->decay;\n");
        }
        step_calls(out, e, suffix);
        text_add(out, "}\n\n");
        if (guard) text_add(out, "#endif\n\n");
    }
}
