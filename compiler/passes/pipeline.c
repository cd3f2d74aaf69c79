/* The list of passes, and running it with the verifier between. */
#include <string.h>

#include "passes/pass.h"

static bool has_gradients(const Graph *graph)
{
    return strcmp(graph->name, "train") == 0 || strcmp(graph->name, "backward") == 0;
}

const Pass passes[] = {
    {"last_step", pass_last_step, NULL},
    {"differentiate", pass_differentiate, has_gradients},
    {"simplify", pass_simplify, NULL},
    {"fold", pass_fold, graph_is_prepared},
    {"drop_dead", pass_drop_dead, NULL},
    {"recompute", pass_recompute, has_gradients},
    {"chunk", pass_chunk, NULL},
    {"separate", pass_separate, NULL},
    {NULL, NULL, NULL},
};

static void run_pass(const Pass *pass, Module *module)
{
    for (int i = 0; i < module->entries.count; i++) {
        Graph *graph = module->entries.at[i];
        if (!pass->applies || pass->applies(graph)) pass->run(module, graph);
    }
}

static const char *verify_after(Arena *arena, const Module *module, const char *step)
{
    const char *error = module_verify(arena, module);
    return error ? arena_printf(arena, "after %s: %s", step, error) : NULL;
}

const char *passes_run(Module *module, const PassOptions *options)
{
    const char *error = options->verify ? verify_after(module->arena, module, "elaboration") : NULL;
    for (const Pass *pass = passes; !error && pass->name; pass++) {
        run_pass(pass, module);
        if (options->verify) error = verify_after(module->arena, module, pass->name);
        if (options->dump_after && strcmp(options->dump_after, pass->name) == 0)
            module_print(options->dump, module);
        if (options->last && strcmp(options->last, pass->name) == 0) break;
    }
    return error;
}
