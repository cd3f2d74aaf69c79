/* nnc model.nn: compiles to C, or prints an intermediate form. */
#include <string.h>

#include "ast/print.h"
#include "driver/commands.h"
#include "driver/model_options.h"

typedef struct CompileCommand { ModelOptions model; const char *directory, *emit, *dump_after, *optimizer, *depfile; bool stats; } CompileCommand;

static int fail(const Compilation *c) {
    diags_print(c->diags, stderr);
    return CLI_ERROR;
}

/* ---- intermediate forms ---- */

typedef struct Form {
    const char *name;
    bool (*compile)(Compilation *c, Arena *arena, const char *path, const CompileOptions *options);
    void (*print)(Text *out, const Compilation *c);
} Form;

static bool parse_only(Compilation *c, Arena *arena, const char *path, const CompileOptions *options) {
    (void)options;
    return compile_parse(c, arena, path);
}

static void print_ast(Text *out, const Compilation *c) { ast_print(out, c->ast); }
static void print_graph(Text *out, const Compilation *c) { module_print(out, c->module); }
static void print_kernels(Text *out, const Compilation *c) { plan_print_kernels(out, c->plan); }
static void print_memory(Text *out, const Compilation *c) { plan_print_memory(out, c->plan); }

static void print_loops(Text *out, const Compilation *c) {
    for (int i = 0; i < c->target_count; i++) loop_dump(out, c->lowered[i]->program);
}

static const Form forms[] = {
    {"ast", parse_only, print_ast},          {"graph", compile_passes, print_graph}, {"kernels", compile_plan, print_kernels},
    {"memory", compile_plan, print_memory},  {"loops", compile_lower, print_loops},
};

static int print_form(Arena *arena, const char *path, const char *name, const CompileOptions *options) {
    const char *names[8];
    const int count = (int)(sizeof forms / sizeof *forms);
    for (int i = 0; i < count; i++) names[i] = forms[i].name;
    for (int i = 0; i < count; i++) {
        if (strcmp(forms[i].name, name) != 0) continue;
        Compilation c;
        if (!forms[i].compile(&c, arena, path, options)) return fail(&c);
        Text out = text_new(arena);
        forms[i].print(&out, &c);
        fputs(out.at, stdout);
        diags_print(c.diags, stderr);
        return CLI_OK;
    }
    const char *near = nearest_word(name, names, count);
    fprintf(stderr, "nnc: error: unknown form '%s' for --emit: one of ast, graph, kernels, memory, loops\n", name);
    if (near) fprintf(stderr, "help: did you mean `%s`?\n", near);
    return CLI_USAGE;
}

/* ---- files ---- */

static bool write_file(Arena *arena, const char *directory, const char *name, const char *end, const Text *text) {
    const char *path = arena_printf(arena, "%s%s%s%s", directory ? directory : "", directory ? "/" : "", name, end);
    const char *problem = file_write(arena, path, text->at, text->length);
    if (problem) fprintf(stderr, "nnc: error: %s\n", problem);
    return !problem;
}

/* For make and ninja: the written files depend on every source that was read. */
static void add_depfile(Text *out, const Compilation *c, const char *directory, const char *name) {
    const char *slash = directory ? "/" : "", *where = directory ? directory : "";
    text_addf(out, "%s%s%s.c %s%s%s.h:", where, slash, name, where, slash, name);
    text_addf(out, " %s\n", c->source->path);
}

static void print_stats(const Compilation *c) {
    for (int i = 0; i < c->plan->entries.count; i++) {
        const EntryPlan *entry = c->plan->entries.at[i];
        double flops = 0, bytes = 0;
        for (int j = 0; j < entry->kernels.count; j++) {
            flops += entry->kernels.at[j]->flops;
            bytes += entry->kernels.at[j]->bytes;
        }
        printf("%-10s %4d nodes  %3d kernels  %10.3f MFLOP  %10.1f KB moved  workspace %lld bytes (lower bound %lld)\n", entry->name,
               entry->graph->nodes.count, entry->kernels.count, flops / 1e6, bytes / 1e3, (long long)entry->workspace_bytes,
               (long long)entry->workspace_lower_bound);
    }
    for (int i = 0; i < c->target_count; i++)
        printf("%-10s %3d kernel functions\n", c->lowered[i]->program->target->name, c->lowered[i]->program->functions.count);
}

static bool write_files(Arena *arena, const Compilation *c, const Emission *e, const CompileCommand *command) {
    Text header = text_new(arena), source = text_new(arena);
    const char *name = e->options.name;
    emit_header(&header, e);
    emit_source(&source, e);
    bool ok = write_file(arena, command->directory, name, ".h", &header) && write_file(arena, command->directory, name, ".c", &source);
    if (ok && command->depfile) {
        Text deps = text_new(arena);
        add_depfile(&deps, c, command->directory, name);
        ok = write_file(arena, NULL, command->depfile, "", &deps);
    }
    return ok;
}

static int compile(Arena *arena, const char *path, const CompileCommand *command, CompileOptions *options) {
    Compilation c;
    Text dump = text_new(arena);
    options->dump_after = command->dump_after;
    options->dump = &dump;
    if (command->emit) return print_form(arena, path, command->emit, options);
    const bool compiled = compile_lower(&c, arena, path, options);
    if (dump.length) fputs(dump.at, stdout);
    if (!compiled) return fail(&c);
    diags_print(c.diags, stderr);
    const Emission e = compile_emission(&c, options);
    if (command->stats) print_stats(&c);
    return write_files(arena, &c, &e, command) ? CLI_OK : CLI_ERROR;
}

/* -1 for none; -2 after telling on stderr. */
static int optimizer_kind(const char *name) {
    static const char *const names[] = {"sgd", "adam", "adamw"};
    for (int i = 0; name && i < 3; i++)
        if (!strcmp(names[i], name)) return i;
    if (!name) return -1;
    const char *near = nearest_word(name, names, 3);
    fprintf(stderr, "nnc: error: unknown optimizer '%s': one of sgd, adam, adamw\n", name);
    if (near) fprintf(stderr, "help: did you mean `%s`?\n", near);
    return -2;
}

static int run(Arena *arena, int argc, char **argv) {
    CompileCommand command = {0};
    CompileOptions options = {0};
    WordList words = {0};
    const CliOption table[] = {
        MODEL_OPTIONS(command.model),
        {"-o", "DIR", "write the files here; default: the current directory", NULL, &command.directory, NULL},
        {"--optimizer", "NAME", "also emit NAME_step: adam, adamw or sgd", NULL, &command.optimizer, NULL},
        {"--depfile", "FILE", "write the dependencies in make's form", NULL, &command.depfile, NULL},
        {"--emit", "FORM", "print ast, graph, kernels, memory or loops instead", NULL, &command.emit, NULL},
        {"--dump-after", "PASS", "print the graphs after a pass", NULL, &command.dump_after, NULL},
        {"--stats", NULL, "print nodes, kernels, flops and bytes of each entry", &command.stats, NULL, NULL},
        {0},
    };
    const int status = cli_parse(arena, &commands[0], table, argc, argv, &words);
    if (status != CLI_OK) return status == CLI_HELP ? CLI_OK : status;
    if (words.count != 1) {
        fprintf(stderr, words.count ? "nnc: error: one .nn file at a time\n" : "nnc: error: no .nn file given; see nnc --help\n");
        return CLI_USAGE;
    }
    if (!model_options(arena, &command.model, &options)) return CLI_USAGE;
    options.emit.optimizer = optimizer_kind(command.optimizer);
    if (options.emit.optimizer < -1) return CLI_USAGE;
    options.emit.command = model_command(arena, words.at[0], argc, argv);
    return compile(arena, words.at[0], &command, &options);
}

int cmd_compile(int argc, char **argv) {
    Arena *arena = arena_new();
    const int status = run(arena, argc, argv);
    arena_free(arena);
    return status;
}
