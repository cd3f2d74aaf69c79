/* NAME_step: the optimiser in the generated file, so that two files train by themselves. */
#include "lower/optimizer.h"

#include "emit/emit.h"

static bool is_sgd(const Emission *e) { return e->options.optimizer == OPTIMIZER_SGD; }

static const char *kernel_name(const Emission *e)
{
    static const char *const names[] = {
        [OPTIMIZER_SGD] = "sgd", [OPTIMIZER_ADAM] = "adam", [OPTIMIZER_ADAMW] = "adamw"};
    return names[e->options.optimizer];
}

static void prototype(Text *out, const Emission *e, const char *suffix, const char *end)
{
    text_addf(out, "int %s_step%s(const %s_step_args *args)%s", e->options.name, suffix,
              e->options.name, end);
}

void emit_optimizer_header(Text *out, const Emission *e)
{
    static const char *const titles[] = {[OPTIMIZER_SGD] = "SGD with momentum",
                                         [OPTIMIZER_ADAM] = "Adam",
                                         [OPTIMIZER_ADAMW] = "AdamW"};
    emit_template(out, e, is_sgd(e) ? "sgd_args.h" : "adam_args.h");
    wrap_comment(out, 0,
                 arena_printf(e->arena,
                              "One step of %s, as PyTorch's. Reads and writes its "
                              "arguments alone. For speed set flush-to-zero while training: "
                              "%s of dead units decay into denormals.",
                              titles[e->options.optimizer], is_sgd(e) ? "velocities" : "moments"));
    prototype(out, e, "", ";\n");
    for (int i = 0; i + 1 < e->target_count; i++) {
        emit_guard_begin(out, e, i);
        prototype(out, e, emit_suffix(e, i), ";\n");
        emit_guard_end(out, e, i);
    }
    text_add(out, "\n");
}

/* ---- stretches of the array that are treated alike ---- */

typedef struct Stretch {
    int64_t offset, floats;
    bool decay;
} Stretch;

static int find_stretches(const Emission *e, Stretch *at)
{
    int count = 0;
    for (int i = 0; i < e->module->params.count; i++) {
        const Param *p = &e->module->params.at[i];
        const ParamLayout *l = &e->plan->params[i];
        if (!p->trainable) continue;
        Stretch *last = count ? &at[count - 1] : NULL;
        if (last && last->decay == p->decay && last->offset + last->floats == l->offset)
            last->floats += l->floats;
        else at[count++] = (Stretch){l->offset, l->floats, p->decay};
    }
    return count;
}

static void calls(Text *out, const Emission *e, const char *suffix)
{
    Stretch *at = arena_array(e->arena, Stretch, e->module->params.count + 1);
    const int count = find_stretches(e, at);
    for (int i = 0; i < count; i++) {
        const char *offset =
            at[i].offset ? arena_printf(e->arena, " + %lld", (long long)at[i].offset) : "";
        const char *decay = at[i].decay ? "decay" : "0.0f";
        Text line = text_new(e->arena);
        text_addf(&line, "%s_%s%s(args->params%s, args->grads%s, args->first%s, ", e->options.name,
                  kernel_name(e), suffix, offset, offset, offset);
        if (!is_sgd(e)) text_addf(&line, "args->second%s, ", offset);
        text_addf(&line,
                  is_sgd(e)
                      ? "args->rate, %s, args->momentum, "
                      : "rate, %s, 1.0f - args->beta1, 1.0f - args->beta2, scale, args->eps, ",
                  decay);
        text_addf(&line, "%lld);", (long long)at[i].floats);
        wrap_code(out, 4, line.at);
    }
}

static bool any_decays(const Emission *e)
{
    for (int i = 0; i < e->module->params.count; i++)
        if (e->module->params.at[i].trainable && e->module->params.at[i].decay) return true;
    return false;
}

static void body(Text *out, const Emission *e, const char *suffix)
{
    text_addf(out,
              "    if (!args || !args->params || !args->grads || !args->first%s)\n"
              "        return NN_BAD_ARGUMENT;\n",
              is_sgd(e) ? "" : " || !args->second");
    if (!is_sgd(e)) emit_template(out, e, "adam_step.c");
    if (any_decays(e))
        text_add(out, e->options.optimizer == OPTIMIZER_ADAMW
                          ? "    const float decay = args->rate * args->decay;\n"
                          : "    const float decay = args->decay;\n");
    calls(out, e, suffix);
    text_add(out, "    return NN_OK;\n");
}

void emit_optimizer(Text *out, const Emission *e)
{
    text_add(out, "/* ---- optimizer ---- */\n\n");
    if (!is_sgd(e)) emit_template(out, e, "power.c");
    for (int i = 0; i < e->target_count; i++) {
        const bool portable = i + 1 == e->target_count;
        emit_guard_begin(out, e, i);
        prototype(out, e, portable ? "" : emit_suffix(e, i), "\n{\n");
        body(out, e, emit_suffix(e, i));
        text_add(out, "}\n\n");
        emit_guard_end(out, e, i);
    }
}
