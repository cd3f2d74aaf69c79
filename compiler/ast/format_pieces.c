/* Owns the row of pieces, and finding out what each is: statement starts, brackets, expressions. */
#include <string.h>

#include "ast/format.h"
#include "ast/words.h"
#include "grammar/parse.h"

/* An open bracket or body while the row is walked; the outermost frame is the file. */
typedef struct Frame {
    int open;                    /* its piece; -1: the file */
    bool is_body, is_scan;
    bool expects_statement;
    int level, expr, stage, first_pipe;
    int scans;                   /* scan expressions whose body is still to come */
} Frame;

typedef struct Walk {
    Format *format;
    VEC(Frame) frames;
} Walk;

static Piece *piece_at(Format *format, int index)
{
    return &format->pieces.at[index];
}

int format_width(const Piece *piece)
{
    int width = 0;
    for (int i = piece->span.begin; i < piece->span.end; i++)
        width += ((unsigned char)piece->span.source->text[i] & 0xc0) != 0x80;
    return width;
}

int format_source_column(const Piece *piece)
{
    return span_column(piece->span) - 1;
}

/* ---- the row ---- */

static void push_piece(Format *format, int kind, Span span)
{
    Piece piece = {.kind = kind, .span = span, .opener = -1, .expr = -1, .stage = -1,
                   .first_pipe = -1, .body = -1};
    int from = 0;
    if (format->pieces.count) from = piece_at(format, format->pieces.count - 1)->span.end;
    int newlines = 0;
    for (int i = from; i < span.begin; i++) newlines += format->source->text[i] == '\n';
    piece.line_before = newlines > 0;
    piece.blank_before = newlines > 1;
    vec_push(format->arena, format->pieces, piece);
}

/* A string with all that is inside it: its text is not ours to change. Returns the token of its
 * end. */
static int end_of_string(const AstFile *file, int token)
{
    int open = 0;
    for (;; token++) {
        if (file->tokens.at[token].kind == TOK_STRING_BEGIN) open++;
        if (file->tokens.at[token].kind == TOK_STRING_END && --open == 0) return token;
    }
}

static void push_comments(Format *format, const AstFile *file, int *comment, int before)
{
    for (; *comment < file->comments.count; ++*comment) {
        Span span = file->comments.at[*comment].span;
        if (span.begin >= before) return;
        while (span.end > span.begin && strchr(" \t\r", format->source->text[span.end - 1]))
            span.end--;
        push_piece(format, PIECE_COMMENT, span);
    }
}

static void push_all(Format *format, const AstFile *file)
{
    int comment = 0;
    for (int i = 0; i < file->tokens.count; i++) {
        Token token = file->tokens.at[i];
        push_comments(format, file, &comment, token.span.begin);
        if (token.kind == TOK_END) break;
        if (token.kind == TOK_STRING_BEGIN) {
            i = end_of_string(file, i);
            token.span = span_join(token.span, file->tokens.at[i].span);
            while (comment < file->comments.count
                   && file->comments.at[comment].span.begin < token.span.end) comment++;
        }
        push_piece(format, token.kind, token.span);
    }
    push_comments(format, file, &comment, (int)format->source->length + 1);
}

/* ---- what they are ---- */

/* The nearest piece after `index` that is no comment; NULL at the end. */
static const Piece *next_token(Format *format, int index, int ahead)
{
    for (int i = index + 1; i < format->pieces.count; i++) {
        if (piece_at(format, i)->kind == PIECE_COMMENT) continue;
        if (--ahead == 0) return piece_at(format, i);
    }
    return NULL;
}

static const Piece *previous_token(Format *format, int index)
{
    for (int i = index - 1; i >= 0; i--)
        if (piece_at(format, i)->kind != PIECE_COMMENT) return piece_at(format, i);
    return NULL;
}

static bool next_is(Format *format, int index, int kind)
{
    const Piece *next = next_token(format, index, 1);
    return next && next->kind == kind;
}

static bool is_scan(Format *format, int index)
{
    const Piece *name = next_token(format, index, 1), *in = next_token(format, index, 2);
    return name && in && ast_is_name(name->kind) && in->kind == TOK_IN;
}

/* A soft word is a keyword at the start of a statement unless the statement assigns to it. */
static bool is_keyword(Format *format, int index)
{
    const Piece *piece = piece_at(format, index), *previous = previous_token(format, index);
    if (piece->kind == TOK_SCAN && is_scan(format, index)) return true;
    if (piece->kind == TOK_ALONG) return previous && previous->ends_operand;
    if (!piece->starts || piece->kind == TOK_NAME || !ast_is_name(piece->kind)) return false;
    return !next_is(format, index, TOK_ASSIGN) && !next_is(format, index, TOK_COMMA);
}

static bool is_operand_end(const Piece *piece)
{
    switch (piece->kind) {
    case TOK_INT: case TOK_FLOAT: case TOK_TRUE: case TOK_FALSE: case TOK_NONE:
    case TOK_STRING_BEGIN: case TOK_RPAREN: case TOK_RBRACKET: return true;
    default: return ast_is_name(piece->kind) && !piece->keyword;
    }
}

/* Behind such a piece a new expression begins. */
static bool is_separator(const Piece *piece)
{
    switch (piece->kind) {
    case TOK_COMMA: case TOK_ASSIGN: case TOK_COLON: case TOK_RETURN: case TOK_IN: case TOK_IF:
    case TOK_THEN: case TOK_ELSE: case TOK_SEMICOLON: return true;
    default: return piece->keyword;
    }
}

static void push_frame(Walk *walk, int open, bool is_body)
{
    Frame *outer = &walk->frames.at[walk->frames.count - 1];
    Frame frame = {.open = open, .is_body = is_body, .expects_statement = is_body, .expr = -1,
                   .stage = -1, .first_pipe = -1, .level = outer->level + is_body};
    if (is_body && outer->scans > 0) {
        outer->scans--;
        frame.is_scan = true;
    }
    vec_push(walk->format->arena, walk->frames, frame);
}

static void close_frame(Walk *walk, int index)
{
    Frame closed = walk->frames.at[--walk->frames.count];
    Frame *outer = &walk->frames.at[walk->frames.count - 1];
    Piece *piece = piece_at(walk->format, index);
    piece->level = outer->level;
    if (!closed.is_body) return;
    piece->opener = outer->is_body ? -1 : outer->open;
    piece->body = closed.open;
    piece_at(walk->format, closed.open)->body = index;
    piece->ends_operand = closed.is_scan;
    outer->expects_statement = !closed.is_scan;
}

static void start_statement(Frame *frame, Piece *piece)
{
    bool goes_on = piece->kind == TOK_ELSE || piece->kind == TOK_RBRACE;
    piece->starts = frame->expects_statement && !goes_on;
    if (piece->starts || piece->kind == TOK_ELSE) frame->expects_statement = false;
    if (piece->starts) frame->expr = frame->stage = frame->first_pipe = -1;
}

/* Follows where the expression, its pipe and its stage begin. */
static void follow_expression(Frame *frame, Piece *piece, int index)
{
    if (frame->expr < 0 && !is_separator(piece)) frame->expr = frame->stage = index;
    if (piece->kind == TOK_PIPE && frame->first_pipe < 0) frame->first_pipe = index;
    piece->expr = frame->expr;
    piece->stage = frame->stage;
    piece->first_pipe = frame->first_pipe;
    if (piece->kind == TOK_PIPE) frame->stage = index + 1;
    if (is_separator(piece)) frame->expr = frame->stage = frame->first_pipe = -1;
}

static void classify(Walk *walk, int index)
{
    Piece *piece = piece_at(walk->format, index);
    Frame *frame = &walk->frames.at[walk->frames.count - 1];
    piece->level = frame->level;
    piece->opener = frame->is_body ? -1 : frame->open;
    if (piece->kind == PIECE_COMMENT) {
        piece->outside = frame->expects_statement;
        return;
    }
    start_statement(frame, piece);
    piece->keyword = is_keyword(walk->format, index);
    piece->ends_operand = is_operand_end(piece);
    follow_expression(frame, piece, index);
    if (piece->kind == TOK_SCAN && piece->keyword) frame->scans++;
    if (piece->kind == TOK_SEMICOLON) frame->expects_statement = true;
    if (piece->kind == TOK_LPAREN || piece->kind == TOK_LBRACKET) push_frame(walk, index, false);
    if (piece->kind == TOK_LBRACE) push_frame(walk, index, true);
    if (piece->kind == TOK_RPAREN || piece->kind == TOK_RBRACKET || piece->kind == TOK_RBRACE)
        close_frame(walk, index);
}

void format_collect(Format *format, const AstFile *file)
{
    push_all(format, file);
    Walk walk = {.format = format};
    Frame outermost = {.open = -1, .is_body = true, .expects_statement = true, .expr = -1,
                       .stage = -1, .first_pipe = -1};
    vec_push(format->arena, walk.frames, outermost);
    for (int i = 0; i < format->pieces.count; i++) classify(&walk, i);
}
