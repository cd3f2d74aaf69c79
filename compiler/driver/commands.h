/* The commands of nnc, one file each, and their table. */
#ifndef NNC_DRIVER_COMMANDS_H
#define NNC_DRIVER_COMMANDS_H
#include "driver/cli.h"

int cmd_compile(Arena *arena, const CliCommand *self, int argc, char **argv);
int cmd_run(Arena *arena, const CliCommand *self, int argc, char **argv);
int cmd_summary(Arena *arena, const CliCommand *self, int argc, char **argv);
int cmd_check(Arena *arena, const CliCommand *self, int argc, char **argv);
int cmd_profile(Arena *arena, const CliCommand *self, int argc, char **argv);
int cmd_bench(Arena *arena, const CliCommand *self, int argc, char **argv);
int cmd_compare(Arena *arena, const CliCommand *self, int argc, char **argv);
int cmd_fmt(Arena *arena, const CliCommand *self, int argc, char **argv);

/* The first is compilation, which has no name of its own; ends with a NULL name. */
extern const CliCommand commands[];

/* Runs the command that the words name; returns main's status. */
int commands_run(Arena *arena, int argc, char **argv);
#endif
