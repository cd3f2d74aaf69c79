/* Owns the spelling of operators and of the words that open statements and items. */
#include "ast/ast.h"

const char *ast_unary_text(UnaryOp op)
{
    return op == UNARY_NOT ? "not" : "-";
}

const char *ast_binary_text(BinaryOp op)
{
    static const char *const text[BINARY_COUNT] = {
        [BINARY_OR] = "or", [BINARY_AND] = "and",
        [BINARY_EQ] = "==", [BINARY_NE] = "!=", [BINARY_LT] = "<", [BINARY_LE] = "<=",
        [BINARY_GT] = ">", [BINARY_GE] = ">=",
        [BINARY_ADD] = "+", [BINARY_SUB] = "-",
        [BINARY_MUL] = "*", [BINARY_DIV] = "/", [BINARY_REM] = "%", [BINARY_MATMUL] = "@",
        [BINARY_POW] = "**",
    };
    return text[op];
}

const char *ast_stmt_word(StmtKind kind)
{
    static const char *const word[] = {
        [STMT_ASSIGN] = NULL, [STMT_PARAM] = "param", [STMT_STATE] = "state",
        [STMT_SESSION] = "session", [STMT_INPUT] = "input", [STMT_TARGET] = "target",
        [STMT_LAYER] = "layer", [STMT_CARRY] = "carry", [STMT_OUTPUT] = "output",
        [STMT_METRIC] = "metric", [STMT_LOSS] = "loss", [STMT_YIELD] = "yield",
        [STMT_RETURN] = "return", [STMT_IF] = "if", [STMT_FOR] = "for",
    };
    return word[kind];
}

const char *ast_item_word(ItemKind kind)
{
    static const char *const word[] = {
        [ITEM_USE] = "use", [ITEM_CONST] = "const", [ITEM_BLOCK] = "block",
        [ITEM_MODEL] = "model", [ITEM_TRAIN] = "train", [ITEM_INFER] = "infer",
    };
    return word[kind];
}
