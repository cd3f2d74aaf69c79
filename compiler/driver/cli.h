/* The command line: options as tables, from which the help is printed too. */
#ifndef NNC_DRIVER_CLI_H
#define NNC_DRIVER_CLI_H
#include <stdio.h>
#include "base/arena.h"
#include "base/diag.h"

typedef VEC(const char *) WordList;

/* Exactly one of flag, text, list receives what was given. Both "--name=value" and "--name value" are taken. */
typedef struct CliOption {
    const char *name;                /* "--target", or "-o" */
    const char *value;               /* what the help calls its value: "NAME,..."; NULL: a flag */
    const char *help;
    bool *flag;
    const char **text;
    WordList *list;                  /* may be given several times */
} CliOption;

typedef struct CliCommand {
    const char *name;                /* "run"; "" for plain compilation */
    const char *arguments;           /* "model.nn [options]" */
    const char *help;
    int (*run)(int argc, char **argv);   /* without the command's own name; returns main's status */
} CliCommand;

enum { CLI_OK = 0, CLI_ERROR = 1, CLI_USAGE = 2, CLI_HELP = -1 };

/* CLI_OK; CLI_USAGE after telling on stderr, with a suggestion for an unknown option; CLI_HELP after printing the help. */
int cli_parse(Arena *arena, const CliCommand *command, const CliOption *options, int argc, char **argv, WordList *words);
/* "a,b,c" */
WordList cli_split(Arena *arena, const char *text);

extern const CliCommand commands[];                  /* commands.c; ends with a NULL name */
#endif
