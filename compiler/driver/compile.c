/* One compilation: its stages in order. */
#include "driver/compile.h"

#include <string.h>

#include "ast/parse.h"
#include "driver/fit.h"
#include "lower/optimizer.h"

static const Span nowhere = {NULL, 0, 0};
static const CompileOptions no_options;

Compilation compile_start(Arena *arena, const char *path, const CompileOptions *options)
{
    return (Compilation){.arena = arena,
                         .path = path,
                         .diags = diags_new(arena),
                         .options = options ? options : &no_options};
}

/* ---- stages ---- */

static bool read_source(Compilation *c)
{
    char *text;
    size_t length;
    const char *problem = file_read(c->arena, c->path, &text, &length);
    if (problem) {
        diag_error(c->diags, nowhere, "%s", problem);
        return false;
    }
    c->source = arena_make(c->arena, Source);
    *c->source = (Source){c->path, text, length};
    return true;
}

static bool is_graph_text(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot && !strcmp(dot, ".graph");
}

static bool parse(Compilation *c)
{
    if (!read_source(c)) return false;
    if (is_graph_text(c->path)) return true;
    c->ast = ast_parse(c->arena, c->source, c->diags);
    return c->ast && !diags_errors(c->diags);
}

/* "infer" also stands for infer_32, the same at another batch, and infer_prepared. */
static bool entry_is(const Graph *entry, const char *name)
{
    const size_t n = strlen(name);
    if (strncmp(entry->name, name, n) != 0) return false;
    return !entry->name[n] || (!strcmp(name, "infer") && entry->name[n] == '_');
}

/* Drops the entries that were not asked for; an unknown name is an error. */
static bool keep_entries(Compilation *c)
{
    const CompileOptions *options = c->options;
    Module *module = c->module;
    int kept = 0;
    for (int i = 0; i < options->entry_count; i++)
        if (!module_entry(module, options->entries[i])) {
            const char *names[64];
            int count = 0;
            for (; count < module->entries.count && count < 64; count++)
                names[count] = module->entries.at[count]->name;
            const char *near = nearest_word(options->entries[i], names, count);
            diag_error(c->diags, nowhere, "model %s has no entry '%s'", module->name,
                       options->entries[i]);
            if (near) diag_help(c->diags, "did you mean `%s`?", near);
            return false;
        }
    for (int i = 0; i < module->entries.count; i++) {
        bool wanted = options->entry_count == 0;
        for (int j = 0; j < options->entry_count; j++)
            wanted |= entry_is(module->entries.at[i], options->entries[j]);
        if (wanted) module->entries.at[kept++] = module->entries.at[i];
    }
    module->entries.count = kept;
    return true;
}

/* Where memory is short no product takes scratch for less time. */
static int widest(const CompileOptions *options)
{
    int lanes = 0;
    if (options->max_workspace || options->share > 0) return 0;
    for (int i = 0; i < options->target_count; i++)
        if (options->targets[i]->width > lanes) lanes = options->targets[i]->width;
    return lanes;
}

static bool make_module(Compilation *c)
{
    c->module = is_graph_text(c->path)
                  ? module_parse(c->arena, c->source, c->diags)
                  : elaborate(c->arena, c->ast, &c->options->elaborate, c->diags);
    if (c->module) {
        c->module->strict = c->options->strict;
        c->module->share = c->options->share;
        c->module->lanes = widest(c->options);
    }
    if (c->module && c->options->prepare) module_add_prepared(c->module);
    return c->module && !diags_errors(c->diags) && keep_entries(c);
}

static bool run_passes(Compilation *c)
{
    const PassOptions run = {.verify = true,
                             .last = c->options->last_pass,
                             .dump_after = c->options->dump_after,
                             .dump = c->options->dump};
    const char *bug = passes_run(c->module, &run);
    if (bug) diag_error(c->diags, nowhere, "internal error: %s", bug);
    return !bug;
}

static bool make_plan(Compilation *c)
{
    const Node *unsupported = lower_unsupported(c->module);
    if (unsupported) {
        diag_error(c->diags, unsupported->span,
                   "this index is known only in the steps of a scan, where generated code can no "
                   "longer refuse it");
        diag_help(c->diags, "`minimum(maximum(i, 0), %lld)` keeps it in range, and so does argmax",
                  (long long)unsupported->attr[0].ints[0] - 1);
        return false;
    }
    c->plan = plan_module(c->arena, c->module, c->options->emit.threads);
    const char *bug = plan_verify(c->arena, c->plan);
    if (bug) diag_error(c->diags, nowhere, "internal error: %s", bug);
    return !bug && (!c->options->max_workspace || fit_workspace(c));
}

static bool lower(Compilation *c)
{
    const CompileOptions *options = c->options;
    for (int i = 0; i < options->target_count; i++) {
        c->lowered[i] = lower_plan(c->arena, c->plan, options->targets[i]);
        if (options->emit.threads)
            lower_divide(c->lowered[i], options->emit.threads, LEAST_STATEMENTS);
        if (options->emit.optimizer >= 0)
            lower_optimizer(c->lowered[i]->program, (OptimizerKind)options->emit.optimizer);
    }
    c->target_count = options->target_count;
    return true;
}

bool compile_to(Compilation *c, Stage stage)
{
    static bool (*const step[])(Compilation *) = {
        [STAGE_PARSED] = parse,           [STAGE_ELABORATED] = make_module,
        [STAGE_TRANSFORMED] = run_passes, [STAGE_PLANNED] = make_plan,
        [STAGE_LOWERED] = lower,
    };
    while (c->stage < stage) {
        if (!step[c->stage + 1](c)) return false;
        c->stage++;
    }
    return true;
}

bool compile_or_tell(Compilation *c, Stage stage)
{
    const bool compiled = compile_to(c, stage);
    diags_print(c->diags, stderr);
    return compiled;
}

const Emission *compile_emission(Compilation *c)
{
    if (c->emission) return c->emission;
    EmitOptions options = c->options->emit;
    if (!options.name) options.name = emit_identifier(c->arena, c->module->name);
    c->emission = arena_make(c->arena, Emission);
    *c->emission = emission_new(c->arena, c->plan, c->lowered, c->target_count, &options);
    return c->emission;
}
