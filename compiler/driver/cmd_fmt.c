/* nnc fmt: writes .nn files in canonical form. */
#include <string.h>

#include "ast/print.h"
#include "driver/commands.h"
#include "driver/compile.h"

static int format_one(Arena *arena, const char *path, bool in_place, bool check) {
    Compilation c;
    if (!compile_parse(&c, arena, path)) {
        diags_print(c.diags, stderr);
        return CLI_ERROR;
    }
    Text out = text_new(arena);
    ast_format(&out, c.ast);
    const bool same = out.length == c.source->length && !memcmp(out.at, c.source->text, out.length);
    if (check) {
        if (!same) fprintf(stderr, "%s: not in canonical form: run nnc fmt -i\n", path);
        return same ? CLI_OK : CLI_ERROR;
    }
    if (!in_place) {
        fputs(out.at, stdout);
        return CLI_OK;
    }
    const char *problem = same ? NULL : file_write(arena, path, out.at, out.length);
    if (problem) fprintf(stderr, "nnc: error: %s\n", problem);
    return problem ? CLI_ERROR : CLI_OK;
}

static int run(Arena *arena, int argc, char **argv) {
    bool in_place = false, check = false;
    WordList words = {0};
    const CliOption table[] = {
        {"-i", NULL, "rewrite the files instead of printing", &in_place, NULL, NULL},
        {"--check", NULL, "only tell which files are not in canonical form; status 1 if any", &check, NULL, NULL},
        {0},
    };
    int status = cli_parse(arena, command_find("fmt"), table, argc, argv, &words);
    if (status != CLI_OK) return status == CLI_HELP ? CLI_OK : status;
    if (!words.count) {
        fprintf(stderr, "nnc: error: no .nn file given; see nnc fmt --help\n");
        return CLI_USAGE;
    }
    for (int i = 0; i < words.count; i++)
        if (format_one(arena, words.at[i], in_place, check) != CLI_OK) status = CLI_ERROR;
    return status;
}

int cmd_fmt(int argc, char **argv) {
    Arena *arena = arena_new();
    const int status = run(arena, argc, argv);
    arena_free(arena);
    return status;
}
