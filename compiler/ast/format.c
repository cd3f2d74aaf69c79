/* Owns the canonical form of a program: the order of the formatter's passes, and writing the
 * result. */
#include "ast/format.h"
#include "ast/print.h"

/* A comment behind code stays where the author put it, if the code leaves room. */
static int trailing_column(const Format *format, int comment)
{
    const Piece *code = &format->pieces.at[comment - 1];
    int least = code->column + format_width(code) + 2;
    int column = format_source_column(&format->pieces.at[comment]);
    return column >= least && column < FORMAT_WIDTH ? column : least;
}

/* The comment behind the line after that of `comment`, or -1. */
static int next_trailing(const Format *format, int comment)
{
    int lines = 0;
    for (int i = comment + 1; i < format->pieces.count; i++) {
        const Piece *piece = &format->pieces.at[i];
        lines += piece->breaks;
        if (lines > 1 || piece->blank || piece->level != format->pieces.at[comment].level) break;
        if (format_is_trailing(format, i)) return i;
    }
    return -1;
}

/* Comments behind neighbouring lines stand in one column. */
static void place_trailing(Format *format)
{
    for (int i = 1; i < format->pieces.count; i++) {
        if (!format_is_trailing(format, i)) continue;
        int column = 0, last = i;
        for (int at = i; at >= 0; at = next_trailing(format, at)) {
            int own = trailing_column(format, at);
            if (own > column) column = own;
            last = at;
        }
        for (int at = i; at >= 0; at = next_trailing(format, at))
            format->pieces.at[at].column = column;
        i = last;
    }
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
        if (i > 0 && piece->breaks) text_add(text, piece->blank ? "\n\n" : "\n");
        text_addf(text, "%*s", piece->breaks ? piece->column : piece->column - end, "");
        add_text(text, piece);
        end = piece->column + format_width(piece);
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
    place_trailing(&format);
    write_pieces(text, &format);
}
