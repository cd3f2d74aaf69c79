/* Owns the spaces between two pieces on one line. */
#include "ast/format.h"
#include "grammar/parse.h"

static bool in_brackets(const Format *format, const Piece *piece)
{
    return piece->opener >= 0 && format->pieces.at[piece->opener].kind == TOK_LBRACKET;
}

/* How many pieces the subscript has on the side of the colon towards `step`. */
static int side_pieces(const Format *format, int colon, int step)
{
    int count = 0;
    int opener = format->pieces.at[colon].opener;
    for (int i = colon + step; i > opener && i < format->pieces.count; i += step) {
        const Piece *piece = &format->pieces.at[i];
        bool ends = piece->opener == opener
                    && (piece->kind == TOK_COMMA || piece->kind == TOK_COLON);
        if (ends || (piece->kind == TOK_RBRACKET && piece->opener == opener)) break;
        count++;
    }
    return count;
}

/* `0:2` is tight; with a longer operand the colon gets room, `hidden : 2 * hidden`. */
static bool colon_has_room(const Format *format, int colon)
{
    return side_pieces(format, colon, -1) > 1 || side_pieces(format, colon, 1) > 1;
}

/* A sign belongs to its operand; a bracket behind an operand, to that. */
static bool sticks(const Format *format, int left_index, int right_index)
{
    const Piece *left = &format->pieces.at[left_index], *right = &format->pieces.at[right_index];
    if (left->kind == TOK_MINUS)
        return left_index == 0 || !format->pieces.at[left_index - 1].ends_operand;
    if (right->kind == TOK_LBRACKET) return left->ends_operand;
    if (right->kind == TOK_LPAREN) return left->ends_operand && left->kind != TOK_STRING_BEGIN;
    return false;
}

static int spaces_between(const Format *format, int left_index, int right_index)
{
    const Piece *left = &format->pieces.at[left_index], *right = &format->pieces.at[right_index];
    switch (left->kind) {
    case TOK_LPAREN: case TOK_LBRACKET: case TOK_DOT: case TOK_RANGE: return 0;
    case TOK_COLON:
        if (in_brackets(format, left))
            return right->kind != TOK_COMMA && colon_has_room(format, left_index);
        break;
    case TOK_LBRACE: return right->kind != TOK_RBRACE;
    }
    switch (right->kind) {
    case TOK_RPAREN: case TOK_RBRACKET: case TOK_COMMA: case TOK_SEMICOLON: case TOK_DOT:
    case TOK_RANGE: return 0;
    case TOK_COLON:
        if (left->kind == TOK_COMMA) return 1;
        return in_brackets(format, right) && colon_has_room(format, right_index);
    }
    return sticks(format, left_index, right_index) ? 0 : 1;
}

void format_space(Format *format)
{
    for (int i = 1; i < format->pieces.count; i++)
        format->pieces.at[i].spaces = spaces_between(format, i - 1, i);
}
