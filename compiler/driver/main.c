/* nnc: `nnc model.nn` compiles; `nnc COMMAND ...` does the rest. */
#include <string.h>

#include "driver/commands.h"

static void print_commands(void) {
    printf("nnc 0.1.0 - compiles neural networks to standalone C\n\nusage:\n");
    for (const CliCommand *c = commands; c->name; c++)
        printf("  nnc %s%s%s\n      %s\n", c->name, *c->name ? " " : "", c->arguments, c->help);
    printf("\nnnc COMMAND --help lists the options of a command; nnc --help those of compilation.\n");
}

int main(int argc, char **argv) {
    if (argc < 2) {
        print_commands();
        return CLI_USAGE;
    }
    if (!strcmp(argv[1], "--version")) {
        printf("nnc 0.1.0\n");
        return CLI_OK;
    }
    if (!strcmp(argv[1], "help")) {
        print_commands();
        return CLI_OK;
    }
    const CliCommand *command = command_find(argv[1]);
    if (command) return command->run(argc - 2, argv + 2);
    return commands[0].run(argc - 1, argv + 1);
}
