/* The commands of nnc, one file each, and their table. */
#ifndef NNC_DRIVER_COMMANDS_H
#define NNC_DRIVER_COMMANDS_H
#include "driver/cli.h"

int cmd_compile(int argc, char **argv);
int cmd_fmt(int argc, char **argv);
int cmd_summary(int argc, char **argv);

const CliCommand *command_find(const char *name);    /* NULL: plain compilation, or unknown */
#endif
