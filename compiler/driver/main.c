/* nnc: `nnc model.nn` compiles; `nnc COMMAND ...` does the rest. */
#include <errno.h>
#include <string.h>

#include "driver/commands.h"

/* What was printed must have arrived: a full disk is an error. */
static int flush_output(int status)
{
    if (fflush(stdout) == 0 && !ferror(stdout)) return status;
    return cli_error("cannot write standard output: %s", strerror(errno));
}

int main(int argc, char **argv)
{
    Arena *arena = arena_new();
    const int status = commands_run(arena, argc - 1, argv + 1);
    arena_free(arena);
    return flush_output(status);
}
