/* Options that every command on a model shares. */
#ifndef NNC_DRIVER_MODEL_OPTIONS_H
#define NNC_DRIVER_MODEL_OPTIONS_H
#include "driver/cli.h"
#include "driver/compile.h"

typedef struct ModelOptions {
    WordList sets, batches, search;
    const char *model, *targets, *entries, *name, *max_workspace;
    bool strict, prepare;
} ModelOptions;

#define MODEL_OPTIONS(o)                                                                         \
    {"--set", "KEY=VALUE", "override a setting or constant: train.batch=4, width=256", NULL,     \
     NULL, &(o).sets},                                                                           \
    {"--model", "NAME", "which model of the file, if it has several", NULL, &(o).model, NULL},   \
    {"--target", "NAME,...",                                                                     \
     "scalar, avx2, avx512, neon, or native (what this machine has; the default)", NULL,         \
     &(o).targets, NULL},                                                                        \
    {"--strict", NULL, "sums as the formulas say: no convolution is transformed (Winograd), no " \
                       "product done in quarters (Strassen)",                                   \
     &(o).strict, NULL, NULL},                                                                   \
    {"--max-workspace", "BYTES",                                                                 \
     "the most that an entry's workspace may take (also 512K, 64M); training computes values "   \
     "again instead of keeping them",                                                            \
     NULL, &(o).max_workspace, NULL},                                                            \
    {"-I", "DIR", "look here too for files of `use`", NULL, NULL, &(o).search}

#define PREPARE_OPTION(o)                                                                        \
    {"--prepare", NULL, "also inference from a form made beforehand: scales folded into weights", \
     &(o).prepare, NULL, NULL}

#define ENTRY_OPTIONS(o)                                                                         \
    {"--entries", "NAME,...", "only these entries: infer, train, evaluate", NULL, &(o).entries,  \
     NULL},                                                                                      \
    PREPARE_OPTION(o),                                                                           \
    {"--batch", "infer=N,...", "batch sizes of inference; each gives an entry", NULL, NULL,      \
     &(o).batches},                                                                              \
    {"--name", "PREFIX", "prefix of all identifiers and files; default: the model's name", NULL, \
     &(o).name, NULL}

/* Checks and gathers them into *options, which must be empty; main's status. Tells on stderr. */
int model_options(Arena *arena, ModelOptions *given, CompileOptions *options);
/* The command line as banners show it: base names only, and only what decides the code. */
const char *model_command(Arena *arena, const char *file, int argc, char **argv);
/* "dir" of "dir/model.nn", "." without. */
const char *path_directory(Arena *arena, const char *path);
#endif
