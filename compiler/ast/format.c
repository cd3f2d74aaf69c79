/* Owns the canonical form of a program: the order of the formatter's passes, and writing the
 * result. */
#include "ast/format.h"
#include "ast/print.h"

/* A comment behind code stays where the author put it, if the code leaves room. */
static int trailing_column(const Piece *piece, int code_end)
{
    int column = format_source_column(piece);
    return column >= code_end + 2 && column < FORMAT_WIDTH ? column : code_end + 2;
}

/* The text of a piece; a comment of several lines loses the carriage returns of other systems. */
static void add_text(Text *text, const Piece *piece)
{
    for (int i = piece->span.begin; i < piece->span.end; i++)
        if (piece->span.source->text[i] != '\r') text_addn(text, piece->span.source->text + i, 1);
}

static void write_pieces(Text *text, const Format *format)
{
    int end = 0;
    for (int i = 0; i < format->pieces.count; i++) {
        const Piece *piece = &format->pieces.at[i];
        int column = piece->column;
        if (format_is_trailing(format, i) && !piece->breaks) column = trailing_column(piece, end);
        if (i > 0 && piece->breaks) text_add(text, piece->blank ? "\n\n" : "\n");
        text_addf(text, "%*s", piece->breaks ? column : column - end, "");
        add_text(text, piece);
        end = column + format_width(piece);
    }
    if (format->pieces.count) text_add(text, "\n");
}

void ast_format(Text *text, const AstFile *file)
{
    Format format = {.arena = text->arena, .source = file->source};
    format_collect(&format, file);
    bool again = true;
    while (again) {                          /* each round breaks more lines, so it ends */
        format_break(&format);
        format_space(&format);
        format_align(&format);
        again = format_place(&format);
    }
    write_pieces(text, &format);
}
