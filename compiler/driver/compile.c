/* One compilation, from a .nn file to the point that a command needs. */
#include "driver/compile.h"

#include <string.h>

#include "ast/parse.h"
#include "lower/optimizer.h"

static const Span nowhere = {NULL, 0, 0};

static bool compile_source(Compilation *c, Arena *arena, const char *path) {
    char *text;
    size_t length;
    *c = (Compilation){.arena = arena, .diags = diags_new(arena)};
    const char *problem = file_read(arena, path, &text, &length);
    if (problem) {
        diag_error(c->diags, nowhere, "%s", problem);
        return false;
    }
    c->source = arena_make(arena, Source);
    *c->source = (Source){path, text, length};
    return true;
}

bool compile_parse(Compilation *c, Arena *arena, const char *path) {
    if (!compile_source(c, arena, path)) return false;
    c->ast = ast_parse(arena, c->source, c->diags);
    return c->ast && !diags_errors(c->diags);
}

/* Drops the entries that were not asked for; an unknown name is an error. */
static bool keep_entries(Compilation *c, const CompileOptions *options) {
    for (int i = 0; i < options->entry_count; i++)
        if (!module_entry(c->module, options->entries[i])) {
            diag_error(c->diags, nowhere, "model %s has no entry '%s'", c->module->name, options->entries[i]);
            return false;
        }
    int kept = 0;
    for (int i = 0; i < c->module->entries.count; i++) {
        bool wanted = options->entry_count == 0;
        for (int j = 0; j < options->entry_count; j++)
            wanted |= !strcmp(options->entries[j], c->module->entries.at[i]->name);
        if (wanted) c->module->entries.at[kept++] = c->module->entries.at[i];
    }
    c->module->entries.count = kept;
    return true;
}

static bool is_graph_text(const char *path) {
    const char *dot = strrchr(path, '.');
    return dot && !strcmp(dot, ".graph");
}

/* A module in text form, as --emit=graph prints it, stands in for a program: so that each later step can be looked at alone. */
static bool read_graph(Compilation *c, Arena *arena, const char *path) {
    if (!compile_source(c, arena, path)) return false;
    c->module = module_parse(arena, c->source, c->diags);
    return c->module && !diags_errors(c->diags);
}

bool compile_elaborate(Compilation *c, Arena *arena, const char *path, const CompileOptions *options) {
    if (is_graph_text(path)) return read_graph(c, arena, path) && keep_entries(c, options);
    if (!compile_parse(c, arena, path)) return false;
    c->module = elaborate(arena, c->ast, &options->elaborate, c->diags);
    return c->module && !diags_errors(c->diags) && keep_entries(c, options);
}

bool compile_passes(Compilation *c, Arena *arena, const char *path, const CompileOptions *options) {
    if (!compile_elaborate(c, arena, path, options)) return false;
    const PassOptions run = {.verify = true, .dump_after = options->dump_after, .dump = options->dump};
    const char *bug = passes_run(c->module, &run);
    if (bug) diag_error(c->diags, nowhere, "internal error: %s", bug);
    return !bug;
}

bool compile_plan(Compilation *c, Arena *arena, const char *path, const CompileOptions *options) {
    if (!compile_passes(c, arena, path, options)) return false;
    const Node *unsupported = lower_unsupported(c->module);
    if (unsupported) {
        diag_error(c->diags, unsupported->span, "'%s' has no generated code yet; the interpreter runs it",
                   op_row(unsupported->op)->name);
        return false;
    }
    c->plan = plan_module(arena, c->module);
    const char *bug = plan_verify(arena, c->plan);
    if (bug) diag_error(c->diags, nowhere, "internal error: %s", bug);
    return !bug;
}

bool compile_lower(Compilation *c, Arena *arena, const char *path, const CompileOptions *options) {
    if (!compile_plan(c, arena, path, options)) return false;
    for (int i = 0; i < options->target_count; i++) {
        c->lowered[i] = lower_plan(arena, c->plan, options->targets[i]);
        if (options->emit.optimizer >= 0) lower_optimizer(c->lowered[i]->program, (OptimizerKind)options->emit.optimizer);
    }
    c->target_count = options->target_count;
    return true;
}

Emission compile_emission(const Compilation *c, const CompileOptions *options)
{
    return emission_new(c->arena, c->plan, c->lowered, c->target_count, &options->emit);
}
