/* The table of commands, and which of them a command line names. */
#include "driver/commands.h"

#include <string.h>
#include <unistd.h>

#include "base/version.h"

const CliCommand commands[] = {
    {"", "model.nn [-o DIR] [options]", "Compiles a model to C: NAME.h and NAME.c.", 1,
     cmd_compile},
    {"run", "model.nn [--data DIR] [options]",
     "Compiles a model, builds it with the system's C compiler into a cache, trains and validates "
     "it.", 1, cmd_run},
    {"summary", "model.nn [options]", "Prints the layers of a model and what its entries need.", 1,
     cmd_summary},
    {"check", "model.nn [options]",
     "Compares generated code with the interpreter, and gradients with finite differences.", 1,
     cmd_check},
    {"profile", "model.nn [options]",
     "Measures each kernel of generated code against this machine's peak.", 1, cmd_profile},
    {"bench", "model.nn [options]",
     "Measures generated code and the interpreter, side by side.", 1, cmd_bench},
    {"compare", "model.nn reference.safetensors [options]",
     "Runs a reference's batch and names the first layer that differs.", 2, cmd_compare},
    {"fmt", "[-i | --check] files", "Writes .nn files in canonical form.", ANY_WORDS, cmd_fmt},
    {NULL, NULL, NULL, 0, NULL},
};

static void print_commands(void)
{
    printf("nnc " NNC_VERSION " - compiles neural networks to standalone C\n\nusage:\n");
    for (const CliCommand *c = commands; c->name; c++)
        printf("  nnc %s%s%s\n      %s\n", c->name, *c->name ? " " : "", c->arguments, c->help);
    printf("\nnnc COMMAND --help lists the options of a command, nnc model.nn --help those of "
           "compilation.\n"
           "Status: 0 if all is well, 1 after an error, 2 for wrong use.\n");
}

static const CliCommand *find(const char *name)
{
    for (const CliCommand *c = commands + 1; c->name; c++)
        if (!strcmp(c->name, name)) return c;
    return NULL;
}

/* A lone word that names no file is a mistyped command. */
static bool is_mistyped(const char *word)
{
    return word[0] != '-' && !strpbrk(word, "./") && access(word, F_OK) != 0;
}

int commands_run(Arena *arena, int argc, char **argv)
{
    const char *names[16];
    int count = 0;
    if (argc < 1) {
        print_commands();
        return CLI_USAGE;
    }
    if (!strcmp(argv[0], "--version")) {
        printf("nnc " NNC_VERSION "\n");
        return CLI_OK;
    }
    if (!strcmp(argv[0], "help") || !strcmp(argv[0], "--help") || !strcmp(argv[0], "-h")) {
        print_commands();
        return CLI_OK;
    }
    const CliCommand *command = find(argv[0]);
    if (command) return command->run(arena, command, argc - 1, argv + 1);
    for (const CliCommand *c = commands + 1; c->name; c++) names[count++] = c->name;
    if (is_mistyped(argv[0])) return cli_unknown("command", argv[0], names, count);
    return commands[0].run(arena, &commands[0], argc, argv);
}
