/* The command line: options as tables, from which the help is printed too. */
#ifndef NNC_DRIVER_CLI_H
#define NNC_DRIVER_CLI_H
#include <stdio.h>
#include "base/arena.h"
#include "base/diag.h"

typedef VEC(const char *) WordList;

/* Exactly one of flag, text, list receives what was given. Both "--name=value" and "--name value"
 * are taken; a value is never empty. */
typedef struct CliOption {
    const char *name;                /* "--target", or "-o" */
    const char *value;               /* what the help calls its value: "NAME,..."; NULL: a flag */
    const char *help;
    bool *flag;
    const char **text;               /* may be given once */
    WordList *list;                  /* may be given several times */
} CliOption;

enum { ANY_WORDS = -1 };             /* one or more */

typedef struct CliCommand {
    const char *name;                /* "run"; "" for plain compilation */
    const char *arguments;           /* "model.nn [options]" */
    const char *help;
    int words;                       /* how many words that are no options it takes */
    /* Without the command's own name; returns main's status. */
    int (*run)(Arena *arena, const struct CliCommand *self, int argc, char **argv);
} CliCommand;

/* main's status: all is well; something is wrong with the input, or with the system; wrong use. */
enum { CLI_OK = 0, CLI_ERROR = 1, CLI_USAGE = 2 };

/* True: go on. False: end with *status, after the help was printed or an error was told. */
bool cli_parse(Arena *arena, const CliCommand *command, const CliOption *options, int argc,
               char **argv, WordList *words, int *status);
/* "nnc: error: ..." on stderr; returns CLI_ERROR. */
int cli_error(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* "nnc: error: unknown WHAT 'word'" with the nearest of the names, and all of them; CLI_USAGE. */
int cli_unknown(const char *what, const char *word, const char *const *names, int count);
/* Adds "a", "b", "c" of "a,b,c"; nothing of NULL. False after an error that names the option: a
 * word that is empty, or there already. */
bool cli_split(Arena *arena, const char *option, const char *text, WordList *words);
/* A whole number in least..most; false after an error that names the option. */
bool cli_number(const char *option, const char *text, long long least, long long most,
                long long *out);
#endif
