/* Owns columns: the `=` of settings and constants, the parts of declarations, the `as` of stages.
 * Settings, constants and declarations always stand in columns; other assignments and stages where
 * the author put them in one. */
#include <string.h>

#include "ast/format.h"
#include "ast/words.h"
#include "grammar/parse.h"

typedef enum RunKind { RUN_NONE, RUN_SETTINGS, RUN_CONSTS, RUN_ASSIGNS, RUN_INPUTS, RUN_VARIABLES,
                       RUN_RESULTS } RunKind;

/* What of a statement can stand in a column; -1: it has no such piece on its first line. */
typedef struct Row { RunKind kind; int start, subject, type, equals; } Row;
typedef VEC(Row) RowList;

static Piece *piece_at(const Format *format, int index)
{
    return &format->pieces.at[index];
}

static RunKind run_kind(const Piece *start, int item_kind)
{
    if (!start->keyword) {
        if (!ast_is_name(start->kind)) return RUN_NONE;
        return item_kind == TOK_TRAIN || item_kind == TOK_INFER ? RUN_SETTINGS : RUN_ASSIGNS;
    }
    switch (start->kind) {
    case TOK_CONST: return RUN_CONSTS;
    case TOK_LAYER: case TOK_CARRY: return RUN_ASSIGNS;
    case TOK_INPUT: case TOK_TARGET: return RUN_INPUTS;
    case TOK_PARAM: case TOK_STATE: case TOK_SESSION: return RUN_VARIABLES;
    case TOK_OUTPUT: case TOK_LOSS: case TOK_METRIC: return RUN_RESULTS;
    default: return RUN_NONE;
    }
}

static Row row_of(const Format *format, int start, int item_kind)
{
    const Piece *first = piece_at(format, start);
    Row row = {run_kind(first, item_kind), start, -1, -1, -1};
    if (first->keyword) row.subject = start + 1;
    for (int i = start + 1; i < format->pieces.count; i++) {
        const Piece *piece = piece_at(format, i);
        if (piece->breaks || piece->kind == TOK_SEMICOLON || piece->kind == TOK_LBRACE) break;
        if (piece->opener != first->opener || piece->kind == PIECE_COMMENT) continue;
        if (piece->kind == TOK_COLON && row.type < 0) row.type = i + 1;
        if (piece->kind == TOK_ASSIGN && row.equals < 0) row.equals = i;
    }
    return row;
}

/* Moves the marked pieces to the rightmost of their columns. */
static void align(Format *format, const int *marks, const int *starts, int count)
{
    int widest = 0;
    for (int pass = 0; pass < 2; pass++)
        for (int r = 0; r < count; r++) {
            int width = 0;
            for (int i = starts[r]; i < marks[r]; i++)
                width += format_width(piece_at(format, i)) + piece_at(format, i + 1)->spaces;
            if (pass == 0 && width > widest) widest = width;
            if (pass == 1) piece_at(format, marks[r])->spaces += widest - width;
        }
}

typedef enum Part { PART_SUBJECT, PART_TYPE, PART_EQUALS } Part;

static int part_of(const Row *row, Part part)
{
    return part == PART_SUBJECT ? row->subject : part == PART_TYPE ? row->type : row->equals;
}

/* Rows without the part, and rows that the author kept apart, divide a run. */
static void align_part(Format *format, const Row *rows, int count, Part part, bool as_written)
{
    int *marks = arena_array(format->arena, int, count);
    int *starts = arena_array(format->arena, int, count);
    int columns = 0, column = -1;
    for (int r = 0; r < count; r++) {
        int mark = part_of(&rows[r], part);
        int source = mark < 0 ? -1 : format_source_column(piece_at(format, mark));
        if (as_written && source != column) {
            align(format, marks, starts, columns);
            columns = 0;
        }
        column = source;
        if (mark < 0) continue;
        marks[columns] = mark;
        starts[columns++] = rows[r].start;
    }
    align(format, marks, starts, columns);
}

static void align_run(Format *format, const Row *rows, int count)
{
    switch (rows[0].kind) {
    case RUN_NONE: break;
    case RUN_SETTINGS: case RUN_CONSTS:
        align_part(format, rows, count, PART_EQUALS, false);
        break;
    case RUN_ASSIGNS: align_part(format, rows, count, PART_EQUALS, true); break;
    case RUN_RESULTS: align_part(format, rows, count, PART_SUBJECT, false); break;
    case RUN_INPUTS: case RUN_VARIABLES:
        align_part(format, rows, count, PART_SUBJECT, false);
        align_part(format, rows, count, PART_TYPE, false);
        align_part(format, rows, count, PART_EQUALS, false);
        break;
    }
}

static void flush(Format *format, RowList *rows)
{
    if (rows->count > 1) align_run(format, rows->at, rows->count);
    rows->count = 0;
}

/* A run is a row of neighbours of one kind in one body. */
static void align_statements(Format *format)
{
    RowList rows = {0};
    int level = 0, item_kind = 0;
    for (int i = 0; i < format->pieces.count; i++) {
        const Piece *piece = piece_at(format, i);
        bool divides = piece->blank || piece->level != level
                       || (piece->kind == PIECE_COMMENT && piece->breaks);
        if (divides) flush(format, &rows);
        level = piece->level;
        if (!piece->starts) continue;
        if (level == 0) item_kind = piece->kind;
        Row row = row_of(format, i, item_kind);
        if (!piece->breaks) row.kind = RUN_NONE;
        if (rows.count && rows.at[0].kind != row.kind) flush(format, &rows);
        vec_push(format->arena, rows, row);
    }
    flush(format, &rows);
}

/* The first `as` of the line of stages that begins at `start`, or -1. */
static int first_as(const Format *format, int start)
{
    for (int i = start + 1; i < format->pieces.count && !piece_at(format, i)->breaks; i++)
        if (piece_at(format, i)->kind == TOK_AS
            && piece_at(format, i)->opener == piece_at(format, start)->opener) return i;
    return -1;
}

static void align_stages(Format *format)
{
    RowList rows = {0};
    for (int i = 0; i < format->pieces.count; i++) {
        const Piece *piece = piece_at(format, i);
        if (!piece->breaks) continue;
        Row row = {.start = i, .equals = piece->kind == TOK_PIPE ? first_as(format, i) : -1};
        bool same_pipe = rows.count && piece->kind == TOK_PIPE
                         && piece->first_pipe == piece_at(format, rows.at[0].start)->first_pipe;
        if (!same_pipe) {
            if (rows.count > 1) align_part(format, rows.at, rows.count, PART_EQUALS, true);
            rows.count = 0;
        }
        if (row.equals >= 0) vec_push(format->arena, rows, row);
    }
    if (rows.count > 1) align_part(format, rows.at, rows.count, PART_EQUALS, true);
}

void format_align(Format *format)
{
    align_statements(format);
    align_stages(format);
}
