/* Owns where lines begin: at statements, where the author broke one, and where one is too long. */
#include "ast/format.h"
#include "ast/words.h"
#include "grammar/parse.h"

static Piece *piece_at(const Format *format, int index)
{
    return &format->pieces.at[index];
}

bool format_is_trailing(const Format *format, int comment)
{
    const Piece *piece = piece_at(format, comment);
    if (piece->kind != PIECE_COMMENT || piece->breaks) return false;
    return comment + 1 == format->pieces.count || piece_at(format, comment + 1)->breaks;
}

static bool is_line_comment(const Piece *piece)
{
    return piece->kind == PIECE_COMMENT && piece->span.source->text[piece->span.begin + 1] == '/';
}

/* ---- bodies on one line ---- */

/* The author wrote the body on one line, and it holds one statement, no comment and no body. */
static bool can_stay_in_line(const Format *format, int open)
{
    int close = piece_at(format, open)->body, statements = 0;
    for (int i = open + 1; i <= close; i++) {
        const Piece *piece = piece_at(format, i);
        if (piece->line_before || piece->kind == PIECE_COMMENT || piece->kind == TOK_LBRACE)
            return false;
        statements += piece->starts;
    }
    return statements == 1;
}

static bool is_empty_body(const Format *format, int brace)
{
    const Piece *piece = piece_at(format, brace);
    return piece->body == brace - 1 || piece->body == brace + 1;
}

/* ---- breaks ---- */

static bool is_operator(int kind)
{
    switch (kind) {
    case TOK_OR: case TOK_AND: case TOK_EQ: case TOK_NE: case TOK_LT: case TOK_LE: case TOK_GT:
    case TOK_GE: case TOK_PLUS: case TOK_MINUS: case TOK_STAR: case TOK_SLASH: case TOK_PERCENT:
    case TOK_AT: case TOK_POW: return true;
    default: return false;
    }
}

/* Between which pieces of a statement an author's line break is kept. Behind a minus it is not,
 * because that may be a sign. */
static bool may_break(const Piece *before, const Piece *piece)
{
    if (before->kind == TOK_RBRACE && piece->kind == TOK_ELSE) return false;
    switch (piece->kind) {
    case TOK_PIPE: case TOK_AS: case TOK_THEN: case TOK_ELSE: case TOK_RPAREN: case TOK_RBRACKET:
        return true;
    }
    switch (before->kind) {
    case TOK_COMMA: case TOK_LPAREN: case TOK_LBRACKET: case TOK_ASSIGN: case TOK_RETURN:
    case TOK_THEN: case TOK_ELSE: return true;
    case TOK_MINUS: return false;
    }
    return is_operator(before->kind) || is_operator(piece->kind);
}

static bool ends_body_of_statement(const Format *format, int index)
{
    const Piece *piece = piece_at(format, index);
    return piece->kind == TOK_RBRACE && piece->body >= 0 && !is_empty_body(format, index)
           && !piece_at(format, piece->body)->in_line;
}

static bool begins_line(const Format *format, int index)
{
    const Piece *piece = piece_at(format, index);
    if (index == 0) return true;
    const Piece *before = piece_at(format, index - 1);
    if (piece->kind == PIECE_COMMENT) return piece->line_before || is_line_comment(before);
    if (piece->starts) return before->kind != TOK_LBRACE || !before->in_line;
    if (is_line_comment(before) || (piece->forced && piece->kind == TOK_PIPE)) return true;
    if (ends_body_of_statement(format, index)) return true;
    if (before->kind == PIECE_COMMENT && before->breaks) return piece->line_before;
    return piece->line_before && may_break(before, piece);
}

/* ---- empty lines ---- */

/* Items with a body stand apart, even where the author left no line. */
static bool stands_apart(const Format *format, int index)
{
    const Piece *piece = piece_at(format, index);
    if (piece->level > 0 || index == 0) return false;
    int code = index - 1;
    while (code >= 0 && piece_at(format, code)->kind == PIECE_COMMENT) {
        if (piece_at(format, code)->breaks) return false;
        code--;
    }
    if (code < 0) return false;
    bool has_body = piece->keyword && piece->kind != TOK_USE && piece->kind != TOK_CONST;
    return piece_at(format, code)->kind == TOK_RBRACE || has_body;
}

static bool wants_blank(const Format *format, int index)
{
    const Piece *piece = piece_at(format, index);
    if (index == 0 || !(piece->starts || piece->outside) || !piece->breaks) return false;
    if (stands_apart(format, index)) return true;
    int before = index - 1;
    while (before > 0 && piece_at(format, before)->kind == PIECE_COMMENT
           && !piece_at(format, before)->breaks) before--;
    return piece->blank_before && piece_at(format, before)->kind != TOK_LBRACE;
}

void format_break(Format *format)
{
    for (int i = 0; i < format->pieces.count; i++) {
        Piece *piece = piece_at(format, i);
        if (piece->kind == TOK_LBRACE)
            piece->in_line = !piece->forced && can_stay_in_line(format, i);
    }
    for (int i = 0; i < format->pieces.count; i++) {
        piece_at(format, i)->breaks = begins_line(format, i);
        piece_at(format, i)->blank = wants_blank(format, i);
    }
}

/* ---- columns ---- */

static int line_start(const Format *format, int index)
{
    while (!piece_at(format, index)->breaks) index--;
    return index;
}

static int statement_column(const Piece *piece)
{
    return piece->level * FORMAT_INDENT;
}

/* Stages stand under the first `|>` of a plain name, else under the beginning of what flows into
 * the pipe; `name` alone on its line has them indented. */
static int pipe_column(const Format *format, const Piece *piece, int index)
{
    bool plain_input = piece->first_pipe == piece->expr + 1;
    const Piece *first = piece_at(format, piece->first_pipe);
    if (plain_input && piece->first_pipe != index && !first->breaks) return first->column;
    if (plain_input && piece->opener < 0 && first->breaks)
        return statement_column(piece) + FORMAT_INDENT;
    return piece_at(format, piece->expr)->column;
}

static int next_code(const Format *format, int index)
{
    do index++;
    while (index < format->pieces.count && piece_at(format, index)->kind == PIECE_COMMENT);
    return index;
}

static bool is_closing(const Piece *piece)
{
    return piece->kind == TOK_RPAREN || piece->kind == TOK_RBRACKET;
}

static int bracket_column(const Format *format, const Piece *piece)
{
    bool hangs = piece_at(format, next_code(format, piece->opener))->breaks;
    int outer = piece_at(format, line_start(format, piece->opener))->column;
    if (is_closing(piece)) return hangs ? outer : piece_at(format, piece->opener)->column;
    return hangs ? outer + FORMAT_INDENT : piece_at(format, piece->opener)->column + 1;
}

/* `else` that a comment keeps off the line of the `}` before it. */
static bool is_else_of_statement(const Format *format, int index)
{
    if (piece_at(format, index)->kind != TOK_ELSE) return false;
    while (piece_at(format, --index)->kind == PIECE_COMMENT) continue;
    return piece_at(format, index)->kind == TOK_RBRACE && !piece_at(format, index)->ends_operand;
}

static int line_column(const Format *format, int index)
{
    const Piece *piece = piece_at(format, index);
    if (piece->kind == PIECE_COMMENT && !piece->outside) {
        int next = next_code(format, index);
        if (!is_closing(piece_at(format, next))) return line_column(format, next);
    }
    if (piece->starts || piece->outside || piece->kind == TOK_RBRACE
        || is_else_of_statement(format, index)) return statement_column(piece);
    if (piece->kind == TOK_PIPE && piece->first_pipe >= 0) return pipe_column(format, piece, index);
    if (piece->kind == TOK_AS && piece->stage >= 0 && piece->stage < index)
        return piece_at(format, piece->stage)->column;
    if (piece->opener >= 0) return bracket_column(format, piece);
    return statement_column(piece) + FORMAT_INDENT;
}

static bool force_stages(Format *format, int first_pipe)
{
    bool forced = false;
    for (int i = first_pipe; i < format->pieces.count; i++) {
        Piece *piece = piece_at(format, i);
        if (piece->starts) break;
        if (piece->kind != TOK_PIPE || piece->first_pipe != first_pipe || piece->breaks) continue;
        piece->forced = forced = true;
    }
    return forced;
}

/* Breaks what can be broken of the line that `last` ends: a body on one line, else every stage of a
 * pipe that is not inside brackets. */
static bool break_long_line(Format *format, int last)
{
    int start = line_start(format, last);
    for (int i = start; i <= last; i++) {
        Piece *piece = piece_at(format, i);
        if (piece->kind != TOK_LBRACE || !piece->in_line) continue;
        piece->forced = true;
        return true;
    }
    for (int i = start; i <= last; i++) {
        const Piece *piece = piece_at(format, i);
        if (piece->kind == TOK_PIPE && piece->opener < 0 && force_stages(format, piece->first_pipe))
            return true;
    }
    return false;
}

bool format_place(Format *format)
{
    bool broke = false;
    int column = 0;
    for (int i = 0; i < format->pieces.count; i++) {
        Piece *piece = piece_at(format, i);
        piece->column = piece->breaks ? line_column(format, i) : column + piece->spaces;
        column = piece->column + format_width(piece);
        bool ends_line = i + 1 == format->pieces.count || piece_at(format, i + 1)->breaks
                         || format_is_trailing(format, i + 1);
        if (ends_line && column > FORMAT_WIDTH && piece->kind != PIECE_COMMENT)
            broke |= break_long_line(format, i);
    }
    return broke;
}
