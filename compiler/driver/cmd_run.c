/* nnc run: compiles, builds, trains and validates, by the runtime's own program (nn_main) over
 * generated code or over the interpreter. */
#include <string.h>

#include "driver/commands.h"
#include "driver/loaders.h"
#include "driver/model_options.h"
#include "driver/subject.h"
#include "elaborate/train_plan.h"

enum { MAX_PASSED = 32 };

/* The options of nn_main: what was given of each is passed on as it is. */
typedef struct Passed {
    bool flags[MAX_PASSED];
    const char *texts[MAX_PASSED];
} Passed;

static bool is_help(const nn_main_option *o)
{
    return !strcmp(o->name, "--help");
}

/* Appends a row for each option of nn_main, which `passed` receives. */
static void add_passed(CliOption *table, int count, Passed *passed)
{
    for (int i = 0; nn_main_options[i].name && i < MAX_PASSED; i++) {
        const nn_main_option *o = &nn_main_options[i];
        if (is_help(o)) continue;
        table[count] = (CliOption){.name = o->name, .value = o->argument, .help = o->help};
        if (o->argument) table[count].text = &passed->texts[i];
        else table[count].flag = &passed->flags[i];
        count++;
    }
}

/* The command line of nn_main. Without --data, paths are relative to the program's own
 * directory. */
static int run_main(Arena *arena, const char *directory, const nn_model *model, const nn_job *job,
                    const Passed *passed)
{
    VEC(char *) argv = {0};
    vec_push(arena, argv, arena_strdup(arena, "nnc: error"));
    for (int i = 0; nn_main_options[i].name && i < MAX_PASSED; i++) {
        const char *value = passed->texts[i];
        if (!strcmp(nn_main_options[i].name, "--data") && !value) value = directory;
        if (!value && !passed->flags[i]) continue;
        vec_push(arena, argv, arena_strdup(arena, nn_main_options[i].name));
        if (value) vec_push(arena, argv, arena_strdup(arena, value));
    }
    vec_push(arena, argv, NULL);
    return nn_main(model, job, argv.count - 1, argv.at);
}

static int run_program(Arena *arena, const char *path, const nn_model *model, const nn_job *job,
                       const Passed *passed)
{
    const char *directory = path_directory(arena, path);
    nn_job with_loaders = *job;
    Loaders loaders;
    int status = CLI_ERROR;
    const char *problem = loaders_open(arena, job, directory, &loaders);
    with_loaders.customs = loaders.customs;
    with_loaders.custom_count = loaders.count;
    if (problem) cli_error("%s", problem);
    else status = run_main(arena, directory, model, &with_loaders, passed);
    loaders_close(&loaders);
    return status;
}

static const nn_job *job_of(const Compilation *c)
{
    const TrainPlan *train = c->module->train;
    if (!train)
        cli_error("%s has no `train` block: nothing says which data to train on, and how", c->path);
    else if (!train->job.data_count)
        cli_error("the `train` block of %s has no `data`: nothing says what to train on", c->path);
    else
        return &train->job;
    return NULL;
}

static int interpret(Arena *arena, const char *path, CompileOptions *options, const Passed *passed)
{
    Subject s;
    options->last_pass = "drop_dead";    /* to compute a value twice saves memory, not time */
    Compilation c = compile_start(arena, path, options);
    if (!subject_interp(&c, true, &s)) return CLI_ERROR;
    const nn_job *job = job_of(&c);
    return job ? run_program(arena, path, s.model, job, passed) : CLI_ERROR;
}

static int build_and_run(Arena *arena, const char *path, const CompileOptions *options,
                         const Passed *passed)
{
    Subject s;
    Compilation c = compile_start(arena, path, options);
    if (!compile_or_tell(&c, STAGE_ELABORATED)) return CLI_ERROR;
    const nn_job *job = job_of(&c);
    if (!job || !subject_native(&c, &s)) return CLI_ERROR;
    const int status = run_program(arena, path, s.model, job, passed);
    native_close(&s.native);
    return status;
}

int cmd_run(Arena *arena, const CliCommand *self, int argc, char **argv)
{
    ModelOptions model = {0};
    CompileOptions options = {0};
    Passed passed = {0};
    WordList words = {0};
    bool interpreted = false;
    int status;
    const CliOption own[] = {
        {"--interpret", NULL, "run the interpreter in place of generated code", &interpreted, NULL,
         NULL},
        MODEL_OPTIONS(model),
    };
    CliOption table[sizeof own / sizeof *own + MAX_PASSED + 1] = {0};
    memcpy(table, own, sizeof own);
    add_passed(table, (int)(sizeof own / sizeof *own), &passed);
    if (!cli_parse(arena, self, table, argc, argv, &words, &status)) return status;
    if ((status = model_options(arena, &model, &options))) return status;
    options.emit.command = model_command(arena, words.at[0], argc, argv);
    return interpreted ? interpret(arena, words.at[0], &options, &passed)
                       : build_and_run(arena, words.at[0], &options, &passed);
}
