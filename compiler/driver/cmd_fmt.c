/* nnc fmt: writes .nn files in canonical form. */
#include <string.h>

#include "ast/print.h"
#include "driver/commands.h"
#include "driver/compile.h"

static int format_one(Arena *arena, const char *path, bool in_place, bool check)
{
    Compilation c = compile_start(arena, path, NULL);
    if (!compile_or_tell(&c, STAGE_PARSED)) return CLI_ERROR;
    if (!c.ast) return cli_error("%s is a graph, not a program", path);
    Text out = text_new(arena);
    ast_format(&out, c.ast);
    const bool same = out.length == c.source->length && !memcmp(out.at, c.source->text, out.length);
    if (check) {
        if (!same) fprintf(stderr, "%s: not in canonical form; `nnc fmt -i` writes it\n", path);
        return same ? CLI_OK : CLI_ERROR;
    }
    if (!in_place) {
        fwrite(out.at, 1, out.length, stdout);
        return CLI_OK;
    }
    const char *problem = same ? NULL : file_save(arena, path, out.at, out.length);
    return problem ? cli_error("%s", problem) : CLI_OK;
}

int cmd_fmt(Arena *arena, const CliCommand *self, int argc, char **argv)
{
    bool in_place = false, check = false;
    WordList words = {0};
    int status;
    const CliOption table[] = {
        {"-i", NULL, "rewrite the files instead of printing", &in_place, NULL, NULL},
        {"--check", NULL, "only tell which files are not in canonical form; status 1 if any",
         &check, NULL, NULL},
        {0},
    };
    if (!cli_parse(arena, self, table, argc, argv, &words, &status)) return status;
    for (int i = 0; i < words.count; i++)
        if (format_one(arena, words.at[i], in_place, check) != CLI_OK) status = CLI_ERROR;
    return status;
}
