/* Owns the way from a source to its syntax tree: what must hold of the bytes, then scanner and grammar. */
#include "ast/parse.h"

#include <string.h>

#include "ast/context.h"
#include "ast/lexical.h"

enum { LARGEST_SOURCE = 16 * 1024 * 1024 };

AstFile *ast_parse(Arena *arena, const Source *source, Diags *diags)
{
    AstFile *file = arena_make(arena, AstFile);
    file->source = source;
    if (source->length > LARGEST_SOURCE) {
        diag_error(diags, (Span){source, 0, 0}, "the file is too large (%zu bytes; the limit is %d)",
                   source->length, LARGEST_SOURCE);
        return file;
    }
    if (!lexical_is_text(source, diags)) return file;
    ParseContext *context = arena_make(arena, ParseContext);
    context->arena = arena;
    context->source = source;
    context->diags = diags;
    context->file = file;
    context->blamed = -1;
    grammar_parse(context);
    return file;
}
