/* Inside the formatter: the program as a row of pieces, which its passes annotate one after
 * another.
 *
 *   pieces     tokens and comments in one row; what each of them is (format_pieces.c)
 *   spacing    spaces between neighbours on a line (format_space.c)
 *   breaks     which pieces begin a line, and at which column (format_lines.c)
 *   alignment  runs of settings, declarations and named stages (format_align.c)
 *
 * Only white space changes, so the formatted program has the same tokens and the same tree. */
#ifndef NNC_AST_FORMAT_H
#define NNC_AST_FORMAT_H
#include "ast/ast.h"

enum { FORMAT_INDENT = 4, FORMAT_WIDTH = 100, PIECE_COMMENT = -1 };

typedef struct Piece {
    int kind;                    /* a token (a whole string is one piece), or PIECE_COMMENT */
    Span span;

    /* what it is */
    int level;                   /* bodies around it */
    int opener;                  /* the round or square bracket around it in its statement, or -1 */
    int expr;                    /* where the expression around it begins, or -1 */
    int stage;                   /* where the stage of a pipe around it begins, else expr */
    int first_pipe;              /* the first `|>` of the pipe around it, or -1 */
    int body;                    /* of `{` and `}` of a body: the other one, else -1 */
    bool starts;                 /* a statement or an item */
    bool keyword;                /* a soft word in the role of its statement */
    bool ends_operand;
    bool outside;                /* a comment between statements */
    bool line_before;            /* in the source, it was the first of its line */
    bool blank_before;           /* ... after an empty line */

    /* how it is laid out */
    bool forced;                 /* to begin a line, because the line would be too long */
    bool in_line;                /* `{`: the body stays on its line */
    bool breaks;                 /* begins a line */
    bool blank;                  /* ... after an empty one */
    int spaces;                  /* before it on its line */
    int column;
} Piece;

typedef struct Format {
    Arena *arena;
    const Source *source;
    VEC(Piece) pieces;
} Format;

/* Fills pieces with what the file holds and what each piece is. */
void format_collect(Format *format, const AstFile *file);

/* Sets spaces as they are without alignment. */
void format_space(Format *format);

/* Sets in_line, breaks and blank. */
void format_break(Format *format);

/* Adds spaces so that runs of statements, and of stages, stand in columns. */
void format_align(Format *format);

/* Sets columns. Where a line comes out too long and can be broken, marks where and returns true. */
bool format_place(Format *format);

int format_width(const Piece *piece);        /* of its text, in characters */
int format_source_column(const Piece *piece);
bool format_is_trailing(const Format *format, int comment);  /* the last on its line */
#endif
