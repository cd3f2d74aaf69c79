/* The syntax tree: what was written, nothing resolved. Every node is owned by the arena it was
 * parsed on and keeps the span of its text; parentheses belong to the span of what they enclose.
 *
 * No path from the root is longer than AST_DEPTH_LIMIT, so walkers may recurse. */
#ifndef NNC_AST_AST_H
#define NNC_AST_AST_H
#include <stdbool.h>
#include <stdint.h>
#include "base/arena.h"
#include "base/diag.h"

enum { AST_DEPTH_LIMIT = 256 };

typedef struct Expr Expr;
typedef struct Stmt Stmt;

/* A word as written; text == NULL: there is none. */
typedef struct Name { const char *text; Span span; } Name;

typedef VEC(Name) NameList;
typedef VEC(Expr *) ExprList;

/* `{ ... }`; the span covers the braces. */
typedef struct Body { VEC(Stmt *) stmts; int depth; Span span; } Body;

/* ---- expressions ---- */

typedef enum UnaryOp { UNARY_NEGATE, UNARY_NOT } UnaryOp;

typedef enum BinaryOp {
    BINARY_OR, BINARY_AND,
    BINARY_EQ, BINARY_NE, BINARY_LT, BINARY_LE, BINARY_GT, BINARY_GE,
    BINARY_ADD, BINARY_SUB,
    BINARY_MUL, BINARY_DIV, BINARY_REM, BINARY_MATMUL,
    BINARY_POW,
    BINARY_COUNT
} BinaryOp;

/* One piece of a string: literal bytes (escapes undone; may hold NUL), or the expression between
 * braces. */
typedef struct StringPiece { const char *text; size_t length; Expr *expr; } StringPiece;
typedef VEC(StringPiece) PieceList;

/* An argument of a call, an option of a scan; name.text == NULL: positional. */
typedef struct Arg { Name name; Expr *value; } Arg;
typedef VEC(Arg) ArgList;

/* One subscript: `index`, or `begin : end` where either may be NULL. */
typedef struct Subscript { bool is_range; Expr *index, *begin, *end; Span span; } Subscript;
typedef VEC(Subscript) SubscriptList;

/* `as h[i]`, `as mlp.c_fc`, `as "layer{s}"[i]`: parts that are joined by dots. */
typedef enum PathPartKind { PATH_NAME, PATH_STRING, PATH_INDEX } PathPartKind;
typedef struct PathPart {
    PathPartKind kind;
    const char *name;                /* PATH_NAME */
    Expr *expr;                      /* PATH_STRING: an EXPR_STRING; PATH_INDEX: the index */
    Span span;
} PathPart;
typedef struct Path { VEC(PathPart) parts; Span span; } Path;

typedef struct Call {
    Name callee;
    const Expr *of;                  /* in `x.f()`, which is an error, x; else NULL */
    ArgList args;
    Path *as;                        /* NULL: unnamed */
    bool bare;                       /* a stage written without parentheses: `|> relu` */
} Call;

typedef struct ScanVar { Name name; Expr *sequence; } ScanVar;
typedef VEC(ScanVar) ScanVarList;

typedef struct Scan {
    ScanVarList vars;
    Expr *axis;
    ArgList options;                 /* all named: `reverse = ...` */
    Body *body;                      /* with STMT_CARRY and STMT_YIELD */
} Scan;

typedef enum ExprKind {
    EXPR_INT,                        /* integer (never negative: `-1` is a unary) */
    EXPR_FLOAT,                      /* number */
    EXPR_BOOL,                       /* boolean */
    EXPR_NONE,                       /* `none` */
    EXPR_STRING,                     /* pieces; no piece: "" */
    EXPR_NAME,                       /* name */
    EXPR_LIST,                       /* list: `[a, b]` */
    EXPR_CALL,                       /* call */
    EXPR_PIPE,                       /* pipe: the stage is an EXPR_CALL, less its first argument */
    EXPR_UNARY,                      /* unary */
    EXPR_BINARY,                     /* binary */
    EXPR_IF,                         /* choice: `if condition then yes else no` */
    EXPR_INDEX,                      /* index: `base[subscripts]` */
    EXPR_MEMBER,                     /* member: `base.name` */
    EXPR_RANGE,                      /* range: `begin..end`, end excluded */
    EXPR_SCAN                        /* scan */
} ExprKind;

struct Expr {
    ExprKind kind;
    Span span;
    int depth;                       /* of the tree below, this node included */
    int parens;                      /* pairs of parentheses around it in the text */
    union {
        int64_t integer;
        double number;
        bool boolean;
        PieceList pieces;
        const char *name;
        ExprList list;
        Call call;
        struct { Expr *input, *stage; } pipe;
        struct { UnaryOp op; Expr *operand; } unary;
        struct { BinaryOp op; Expr *left, *right; Span op_span; } binary;
        struct { Expr *condition, *yes, *no; } choice;
        struct { Expr *base; SubscriptList subscripts; } index;
        struct { Expr *base; Name name; } member;
        struct { Expr *begin, *end; } range;
        Scan scan;
    };
};

/* ---- statements ---- */

/* `f32[batch, 784]`; no dimension: a scalar. */
typedef struct TypeExpr { Name dtype; ExprList dims; Span span; } TypeExpr;

typedef enum StmtKind {
    STMT_ASSIGN,                     /* assign: `a, b = value;` (also settings) */
    STMT_PARAM,                      /* variable: `param name: type = value;` or no value */
    STMT_STATE,                      /* variable */
    STMT_SESSION,                    /* variable */
    STMT_INPUT,                      /* variable: `input name: type;` the value is NULL */
    STMT_TARGET,                     /* variable: as input */
    STMT_LAYER,                      /* binding: `layer name = value;` */
    STMT_CARRY,                      /* binding: `carry name = value;` */
    STMT_OUTPUT,                     /* binding: `output name = value;` or no value */
    STMT_METRIC,                     /* binding: `metric name = value;` or no name */
    STMT_LOSS,                       /* value: `loss value;` */
    STMT_YIELD,                      /* value: `yield value;` */
    STMT_RETURN,                     /* value: `return value;` */
    STMT_IF,                         /* branch */
    STMT_FOR                         /* loop: `for name in range { ... }` */
} StmtKind;

struct Stmt {
    StmtKind kind;
    Span span;
    int depth;
    union {
        struct { NameList names; Expr *value; } assign;
        struct { Name name; TypeExpr type; Expr *value; } variable;
        struct { Name name; Expr *value; } binding;
        Expr *value;
        struct {
            Expr *condition;
            Body *then_body;
            Body *else_body;         /* or NULL */
            bool else_if;            /* written `else if`: else_body holds just that STMT_IF */
        } branch;
        struct { Name name; Expr *range; Body *body; } loop;
    };
};

/* ---- a file ---- */

/* A formal of a block; default_value may be NULL. */
typedef struct Formal { Name name; Expr *default_value; } Formal;
typedef VEC(Formal) FormalList;

typedef enum ItemKind {
    ITEM_USE,                        /* use: `use "path.nn" (names);` */
    ITEM_CONST,                      /* constant */
    ITEM_BLOCK,                      /* formals, body */
    ITEM_MODEL,                      /* body */
    ITEM_TRAIN,                      /* body: STMT_ASSIGN only; name is the model's */
    ITEM_INFER                       /* body: as train */
} ItemKind;

typedef struct Item {
    ItemKind kind;
    Span span;
    Name name;                       /* none for ITEM_USE */
    FormalList formals;
    Body *body;
    Expr *constant;
    struct { const char *path; Span path_span; NameList names; } use;
} Item;

/* A comment with its marks; a line comment without its newline. In the order of the text. */
typedef struct Comment { Span span; } Comment;

/* A token as it was read; the kinds are the grammar's. The formatter lays out tokens, not nodes. */
typedef struct Token { int kind; Span span; } Token;

typedef struct AstFile {
    const Source *source;
    VEC(Item *) items;
    VEC(Token) tokens;
    VEC(Comment) comments;
} AstFile;

const char *ast_unary_text(UnaryOp op);      /* "-", "not" */
const char *ast_binary_text(BinaryOp op);    /* "+" */
const char *ast_stmt_word(StmtKind kind);    /* "param"; NULL for an assignment */
const char *ast_item_word(ItemKind kind);    /* "use" */
#endif
