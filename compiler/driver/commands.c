/* The table of commands. */
#include "driver/commands.h"

#include <string.h>

const CliCommand commands[] = {
    {"", "model.nn [-o DIR] [options]", "Compiles a model to C: NAME.h and NAME.c.", cmd_compile},
    {"fmt", "[-i | --check] files", "Writes .nn files in canonical form.", cmd_fmt},
    {"summary", "model.nn [options]", "Prints the layers of a model and the sizes of its entries.", cmd_summary},
    {NULL, NULL, NULL, NULL},
};

const CliCommand *command_find(const char *name) {
    for (const CliCommand *c = commands + 1; c->name; c++)
        if (!strcmp(c->name, name)) return c;
    return NULL;
}
