/* Running the front end over one file and collecting what it says. */
#ifndef NNC_TESTS_FRONTEND_H
#define NNC_TESTS_FRONTEND_H
#include <stdio.h>
#include <string.h>
#include "ast/parse.h"
#include "base/text.h"
#include "elaborate/elaborate.h"

/* Reads the file under its base name, so that messages do not depend on where tests run. */
static inline Source *frontend_source(Arena *arena, const char *path)
{
    Source *source = arena_make(arena, Source);
    char *text = NULL;
    const char *failure = file_read(arena, path, &text, &source->length);
    if (failure) fprintf(stderr, "%s\n", failure);
    const char *slash = strrchr(path, '/');
    source->path = slash ? slash + 1 : path;
    source->text = text ? text : "";
    return source;
}

/* Prints the diagnostics of the file at `path`, which imports from `imports`; returns the number of
 * errors. */
static inline int frontend_check(Arena *arena, const char *path, const char *imports, FILE *out)
{
    Diags *diags = diags_new(arena);
    const ElaborateOptions options = {.search = &imports, .search_count = 1};
    AstFile *file = ast_parse(arena, frontend_source(arena, path), diags);
    if (diags_errors(diags) == 0) elaborate(arena, file, &options, diags);
    diags_print(diags, out);
    return diags_errors(diags);
}
#endif
