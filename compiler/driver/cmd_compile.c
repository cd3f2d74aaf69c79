/* nnc model.nn: compiles to C, or prints an intermediate form. */
#include <string.h>

#include "driver/commands.h"
#include "driver/forms.h"
#include "driver/model_options.h"
#include "elaborate/train_plan.h"
#include "emit/weights.h"

typedef struct CompileCommand {
    ModelOptions model;
    const char *directory, *emit, *dump_after, *optimizer, *depfile, *weights, *names, *threads;
    bool main, binary, stats;
} CompileCommand;

/* ---- files ---- */

static const char *file_path(Arena *arena, const char *directory, const char *name, const char *end)
{
    return arena_printf(arena, "%s%s%s%s", directory ? directory : "", directory ? "/" : "", name,
                        end);
}

static bool write_file(Arena *arena, const char *path, const Text *text)
{
    const char *problem = file_write(arena, path, text->at, text->length);
    if (problem) cli_error("%s", problem);
    return !problem;
}

/* -o DIR is made if it is missing, and those that it lies in. */
static bool make_directory(Arena *arena, const char *directory)
{
    const char *problem = directory ? directory_make(arena, directory) : NULL;
    if (problem) cli_error("%s", problem);
    return !problem;
}

/* make takes a space in a name for the end of it. */
static void add_escaped(Text *out, const char *path)
{
    for (const char *c = path; *c; c++) {
        if (*c == ' ' || *c == '#') text_add(out, "\\");
        if (*c == '$') text_add(out, "$");
        text_addn(out, c, 1);
    }
}

/* For make and ninja: the written files depend on every source that was read. */
static bool write_depfile(const Compilation *c, const CompileCommand *command, const char *name)
{
    Text out = text_new(c->arena);
    add_escaped(&out, file_path(c->arena, command->directory, name, ".c"));
    text_add(&out, " ");
    add_escaped(&out, file_path(c->arena, command->directory, name, ".h"));
    text_add(&out, ":");
    for (int i = 0; i < c->module->sources.count; i++) {
        text_add(&out, " ");
        add_escaped(&out, c->module->sources.at[i]);
    }
    text_add(&out, "\n");
    return write_file(c->arena, command->depfile, &out);
}

typedef struct Part {
    const char *end;                 /* of its name: ".h" */
    void (*print)(Text *out, const Emission *e);
    bool wanted;
} Part;

/* The header declares the weights only where they are C. */
static bool write_files(Compilation *c, const CompileCommand *command, const Weights *weights)
{
    const Emission *e = compile_emission(c);
    Emission with_weights = *e;
    const char *name = e->options.name, *directory = command->directory;
    const Part parts[] = {
        {".h", emit_header, true},
        {".c", emit_source, true},
        {"_main.c", emit_main, command->main},
        {"_weights.c", emit_weights, command->weights && !command->binary},
        {"_weights.bin", emit_weights_binary, command->weights && command->binary},
    };
    if (command->binary) with_weights.options.weights = weights;
    if (!make_directory(c->arena, directory)) return false;
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        Text text = text_new(c->arena);
        if (!parts[i].wanted) continue;
        parts[i].print(&text, parts[i].print == emit_weights_binary ? &with_weights : e);
        if (!write_file(c->arena, file_path(c->arena, directory, name, parts[i].end), &text))
            return false;
    }
    return !command->depfile || write_depfile(c, command, name);
}

static bool trains(const Plan *plan)
{
    for (int i = 0; i < plan->entries.count; i++)
        if (!strcmp(plan->entries.at[i]->name, "train")) return true;
    return false;
}

/* What needs the plan and must be there before anything is emitted. */
static bool prepare_files(Compilation *c, const CompileCommand *command, CompileOptions *options,
                          Weights *weights)
{
    if (command->main && !c->module->train) {
        cli_error("--main needs a `train` block, and %s has none", c->path);
        return false;
    }
    if (command->main && !c->module->train->job.data_count) {
        cli_error("--main needs to know what to train on: the `train` block of %s has no `data`",
                  c->path);
        return false;
    }
    if (command->main && !trains(c->plan)) {
        cli_error("--main needs the entry `train`");
        return false;
    }
    if (!command->weights) return true;
    const char *problem =
        weights_read(c->arena, c->plan, command->weights, command->names, weights);
    if (problem) cli_error("%s", problem);
    if (!command->binary) options->emit.weights = weights;
    return !problem;
}

/* ---- statistics ---- */

static void print_stats(const Compilation *c)
{
    printf("%-12s %7s %8s %12s %12s %16s %16s\n", "entry", "nodes", "kernels", "MFLOP",
           "KB moved", "workspace bytes", "at the least");
    for (int i = 0; i < c->plan->entries.count; i++) {
        const EntryPlan *entry = c->plan->entries.at[i];
        double flops = 0, bytes = 0;
        for (int j = 0; j < entry->kernels.count; j++) {
            flops += entry->kernels.at[j]->flops;
            bytes += entry->kernels.at[j]->bytes;
        }
        printf("%-12s %7d %8d %12.3f %12.1f %16lld %16lld\n", entry->name,
               entry->graph->nodes.count, entry->kernels.count, flops / 1e6, bytes / 1e3,
               (long long)entry->workspace_bytes, (long long)entry->workspace_lower_bound);
    }
    for (int i = 0; i < c->target_count; i++)
        printf("%-12s %7s %8d functions\n", c->lowered[i]->program->target->name, "",
               c->lowered[i]->program->functions.count);
}

/* ---- the command ---- */

static int compile(Arena *arena, const char *path, const CompileCommand *command,
                   CompileOptions *options)
{
    Text dump = text_new(arena);
    options->dump_after = command->dump_after;
    options->dump = &dump;
    if (command->emit) return form_print(arena, path, command->emit, options);
    Compilation c = compile_start(arena, path, options);
    const bool compiled = compile_or_tell(&c, STAGE_LOWERED);
    fwrite(dump.at, 1, dump.length, stdout);
    if (!compiled) return CLI_ERROR;
    if (command->stats) print_stats(&c);
    Weights weights = {0};
    return prepare_files(&c, command, options, &weights) && write_files(&c, command, &weights)
               ? CLI_OK : CLI_ERROR;
}

static int pick_optimizer(const char *name, int *kind)
{
    static const char *const names[] = {"sgd", "adam", "adamw"};
    *kind = -1;
    for (int i = 0; name && i < 3; i++)
        if (!strcmp(names[i], name)) *kind = i;
    return name && *kind < 0 ? cli_unknown("optimizer", name, names, 3) : CLI_OK;
}

enum { MOST_THREADS = 256 };

static int pick_threads(const char *text, int *threads)
{
    long long n = 0;
    if (text && !cli_number("--threads", text, 1, MOST_THREADS, &n)) return CLI_USAGE;
    *threads = (int)n;
    return CLI_OK;
}

static int check_pass(const char *name)
{
    const char *names[32];
    int count = 0;
    for (; name && passes[count].name && count < 32; count++) {
        if (!strcmp(passes[count].name, name)) return CLI_OK;
        names[count] = passes[count].name;
    }
    return name ? cli_unknown("pass", name, names, count) : CLI_OK;
}

int cmd_compile(Arena *arena, const CliCommand *self, int argc, char **argv)
{
    CompileCommand command = {0};
    CompileOptions options = {0};
    WordList words = {0};
    int status;
    const CliOption table[] = {
        {"-o", "DIR", "write the files here; default: the current directory", NULL,
         &command.directory, NULL},
        MODEL_OPTIONS(command.model),
        ENTRY_OPTIONS(command.model),
        {"--main", NULL, "also write NAME_main.c, a program that trains with the runtime",
         &command.main, NULL, NULL},
        {"--weights", "FILE", "also write NAME_weights.c from these trained weights (safetensors)",
         NULL, &command.weights, NULL},
        {"--names", "FILE", "what the file of weights calls our tensors", NULL, &command.names,
         NULL},
        {"--weights-binary", NULL, "write NAME_weights.bin instead", &command.binary, NULL, NULL},
        {"--optimizer", "NAME", "also emit NAME_step: adam, adamw or sgd", NULL,
         &command.optimizer, NULL},
        {"--threads", "N", "kernels in parts for that many threads: OpenMP's or the caller's", NULL,
         &command.threads, NULL},
        {"--depfile", "FILE", "write what the files depend on, in make's form", NULL,
         &command.depfile, NULL},
        {"--emit", "FORM", "print ast, graph, kernels, loops or memory (a picture: SVG) instead",
         NULL, &command.emit, NULL},
        {"--dump-after", "PASS", "print the graphs after a pass: differentiate, simplify, ...",
         NULL, &command.dump_after, NULL},
        {"--stats", NULL, "print nodes, kernels, FLOPs and bytes of each entry", &command.stats,
         NULL, NULL},
        {0},
    };
    if (!cli_parse(arena, self, table, argc, argv, &words, &status)) return status;
    if ((status = model_options(arena, &command.model, &options))) return status;
    if ((status = pick_optimizer(command.optimizer, &options.emit.optimizer))) return status;
    if ((status = check_pass(command.dump_after))) return status;
    if ((status = pick_threads(command.threads, &options.emit.threads))) return status;
    if ((command.names || command.binary) && !command.weights) {
        cli_error("%s says how to take weights: name their file with --weights=FILE",
                  command.names ? "--names" : "--weights-binary");
        return CLI_USAGE;
    }
    options.emit.command = model_command(arena, words.at[0], argc, argv);
    return compile(arena, words.at[0], &command, &options);
}
