/* What must hold of any bytes given to the parser: it comes back, every complaint can be printed,
 * and a program without errors survives the formatter with the same tree. */
#ifndef NNC_TESTS_PARSE_CHECK_H
#define NNC_TESTS_PARSE_CHECK_H
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include "ast/parse.h"
#include "ast/print.h"

static inline bool same_text(const Text *a, const Text *b)
{
    return a->length == b->length && memcmp(a->at, b->at, a->length) == 0;
}

/* NULL, or what is wrong with `formatted` as the canonical form of `file`. */
static inline const char *format_fault(Arena *arena, const AstFile *file, const Text *formatted)
{
    Source source = {"formatted.nn", formatted->at, formatted->length};
    Diags *diags = diags_new(arena);
    AstFile *again = ast_parse(arena, &source, diags);
    if (diags_errors(diags)) return "the formatted program does not parse";
    Text tree = text_new(arena), tree_again = text_new(arena), formatted_again = text_new(arena);
    ast_print(&tree, file);
    ast_print(&tree_again, again);
    if (!same_text(&tree, &tree_again)) return "formatting changed the tree";
    if (again->comments.count != file->comments.count) return "formatting lost a comment";
    ast_format(&formatted_again, again);
    if (!same_text(formatted, &formatted_again)) return "formatting again changed the text";
    return NULL;
}

/* NULL, or what went wrong. */
static inline const char *parse_fault(const char *data, size_t length, FILE *out)
{
    Arena *arena = arena_new();
    Source source = {"any.nn", arena_strndup(arena, data, length), length};
    Diags *diags = diags_new(arena);
    AstFile *file = ast_parse(arena, &source, diags);
    diags_print(diags, out);
    const char *fault = NULL;
    if (diags_errors(diags) == 0) {
        Text formatted = text_new(arena);
        ast_format(&formatted, file);
        fault = format_fault(arena, file, &formatted);
    }
    arena_free(arena);
    return fault;
}
#endif
