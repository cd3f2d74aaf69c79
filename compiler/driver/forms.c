/* Intermediate forms: which stage makes each, and who prints it. */
#include "driver/forms.h"

#include <string.h>

#include "ast/print.h"
#include "driver/cli.h"

typedef struct Form {
    const char *name;
    Stage stage;
    void (*print)(Text *out, const Compilation *c);
} Form;

static void print_ast(Text *out, const Compilation *c)
{
    if (c->ast) ast_print(out, c->ast);
    else text_addn(out, c->source->text, c->source->length);
}

static void print_graph(Text *out, const Compilation *c)
{
    module_print(out, c->module);
}

static void print_kernels(Text *out, const Compilation *c)
{
    plan_print_kernels(out, c->plan);
}

static void print_memory(Text *out, const Compilation *c)
{
    plan_draw_memory(out, c->plan);
}

static void print_loops(Text *out, const Compilation *c)
{
    for (int i = 0; i < c->target_count; i++) loop_dump(out, c->lowered[i]->program);
}

static const Form forms[] = {
    {"ast", STAGE_PARSED, print_ast},           {"graph", STAGE_TRANSFORMED, print_graph},
    {"kernels", STAGE_PLANNED, print_kernels},  {"loops", STAGE_LOWERED, print_loops},
    {"memory", STAGE_PLANNED, print_memory},
};

enum { FORM_COUNT = sizeof forms / sizeof *forms };

int form_print(Arena *arena, const char *path, const char *name, const CompileOptions *options)
{
    const char *names[FORM_COUNT];
    for (int i = 0; i < FORM_COUNT; i++) {
        names[i] = forms[i].name;
        if (strcmp(forms[i].name, name) != 0) continue;
        Compilation c = compile_start(arena, path, options);
        if (!compile_or_tell(&c, forms[i].stage)) return CLI_ERROR;
        Text out = text_new(arena);
        forms[i].print(&out, &c);
        fwrite(out.at, 1, out.length, stdout);
        return CLI_OK;
    }
    return cli_unknown("form for --emit", name, names, FORM_COUNT);
}
