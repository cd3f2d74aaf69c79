/* Elaborating a program in a test, and running its entries in the interpreter. */
#ifndef NNC_TESTS_ELABORATE_CHECK_H
#define NNC_TESTS_ELABORATE_CHECK_H
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "elaborate/elaborate.h"
#include "frontend.h"
#include "interp/interp.h"
#include "ops/op.h"

/* NULL after errors, which *said then holds. */
static inline Module *elaborate_source(Arena *arena, Source *source,
                                       const ElaborateOptions *options, const char **said)
{
    Diags *diags = diags_new(arena);
    AstFile *file = ast_parse(arena, source, diags);
    Module *module = diags_errors(diags) ? NULL : elaborate(arena, file, options, diags);
    char *text = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&text, &length);
    diags_print(diags, out);
    fclose(out);
    *said = arena_strdup(arena, text);
    free(text);
    assert_int_equal(module == NULL, diags_errors(diags) > 0);
    return module;
}

static inline Module *elaborate_text(Arena *arena, const char *text,
                                     const ElaborateOptions *options, const char **said)
{
    Source *source = arena_make(arena, Source);
    *source = (Source){.path = "t.nn", .text = text, .length = strlen(text)};
    return elaborate_source(arena, source, options, said);
}

/* The test fails if the program has errors. */
static inline Module *must_elaborate(Arena *arena, const char *text,
                                     const ElaborateOptions *options)
{
    const char *said;
    Module *module = elaborate_text(arena, text, options, &said);
    if (!module) fail_msg("%s", said);
    const char *fault = module_verify(arena, module);
    if (fault) fail_msg("%s", fault);
    return module;
}

/* ---- running ---- */

static inline float **initial_values(Arena *arena, const ParamList *list, uint64_t seed)
{
    float **values = arena_array(arena, float *, list->count + 1);
    for (int i = 0; i < list->count; i++) {
        values[i] = arena_array(arena, float, type_elements(list->at[i].type));
        init_param(&list->at[i], i, seed, values[i]);
    }
    return values;
}

static inline Interp interp_of(Arena *arena, const Module *module)
{
    return (Interp){.module = module,
                    .seed = 1,
                    .params = initial_values(arena, &module->params, 1),
                    .states = initial_values(arena, &module->states, 1),
                    .sessions = initial_values(arena, &module->sessions, 1)};
}

/* Inputs count up from 1; integers stay below the limit of their declaration. */
static inline Tensor *counting_inputs(Arena *arena, const Module *module, const Graph *graph)
{
    Tensor *inputs = arena_array(arena, Tensor, graph->inputs.count + 1);
    for (int i = 0; i < graph->inputs.count; i++) {
        const Node *node = graph->inputs.at[i];
        int64_t limit = module->decls.at[node->param].limit;
        inputs[i] = tensor_new(arena, node->type);
        for (int64_t e = 0; e < type_elements(node->type); e++)
            tensor_set(&inputs[i], e, (double)(limit ? e % limit : e + 1));
    }
    return inputs;
}

static inline Tensor *run_entry(Arena *arena, const Interp *interp, const Graph *graph,
                                const Tensor *inputs, int64_t count)
{
    Tensor *outputs = arena_array(arena, Tensor, graph->outputs.count + 1);
    const char *error = interp_run(interp, arena, graph, inputs, count, outputs);
    if (error) fail_msg("%s", error);
    return outputs;
}

static inline int find_output(const Graph *graph, OutputKind kind, const char *name)
{
    for (int i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.at[i].kind == kind && strcmp(graph->outputs.at[i].name, name) == 0)
            return i;
    return -1;
}
#endif
