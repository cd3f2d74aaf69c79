/* Owns one question: does an instance of a block own parameters or states, itself or in what it
 * calls? Then its calls need names. Decided from the text alone, so that the names do not depend on
 * conditions. */
#include "elaborate/context.h"

typedef struct Walk { Elab *el; const Unit *unit; int depth; } Walk;

static bool block_owns(Walk *walk, const Block *block);
static bool expr_owns(Walk *walk, const Expr *expr);
static bool body_owns(Walk *walk, const Body *body);

static bool args_own(Walk *walk, const ArgList *args)
{
    for (int i = 0; i < args->count; i++)
        if (expr_owns(walk, args->at[i].value)) return true;
    return false;
}

static bool call_owns(Walk *walk, const Call *call)
{
    const Block *block = find_block(walk->el, walk->unit, call->callee.text);
    return (block && block_owns(walk, block)) || args_own(walk, &call->args);
}

static bool list_owns(Walk *walk, const ExprList *list)
{
    for (int i = 0; i < list->count; i++)
        if (expr_owns(walk, list->at[i])) return true;
    return false;
}

static bool index_owns(Walk *walk, const Expr *expr)
{
    for (int i = 0; i < expr->index.subscripts.count; i++) {
        const Subscript *at = &expr->index.subscripts.at[i];
        if (expr_owns(walk, at->index) || expr_owns(walk, at->begin) || expr_owns(walk, at->end))
            return true;
    }
    return expr_owns(walk, expr->index.base);
}

static bool scan_owns(Walk *walk, const struct Scan *scan)
{
    for (int i = 0; i < scan->vars.count; i++)
        if (expr_owns(walk, scan->vars.at[i].sequence)) return true;
    return args_own(walk, &scan->options) || body_owns(walk, scan->body);
}

static bool expr_owns(Walk *walk, const Expr *expr)
{
    if (!expr) return false;
    switch (expr->kind) {
    case EXPR_LIST: return list_owns(walk, &expr->list);
    case EXPR_CALL: return call_owns(walk, &expr->call);
    case EXPR_PIPE: return expr_owns(walk, expr->pipe.input) || expr_owns(walk, expr->pipe.stage);
    case EXPR_UNARY: return expr_owns(walk, expr->unary.operand);
    case EXPR_BINARY:
        return expr_owns(walk, expr->binary.left) || expr_owns(walk, expr->binary.right);
    case EXPR_IF:
        return expr_owns(walk, expr->choice.condition) || expr_owns(walk, expr->choice.yes)
            || expr_owns(walk, expr->choice.no);
    case EXPR_INDEX: return index_owns(walk, expr);
    case EXPR_MEMBER: return expr_owns(walk, expr->member.base);
    case EXPR_SCAN: return scan_owns(walk, &expr->scan);
    case EXPR_INT: case EXPR_FLOAT: case EXPR_BOOL: case EXPR_NONE: case EXPR_STRING:
    case EXPR_NAME:
    case EXPR_RANGE: break;
    }
    return false;
}

static bool stmt_owns(Walk *walk, const Stmt *stmt)
{
    switch (stmt->kind) {
    case STMT_PARAM: case STMT_STATE: case STMT_SESSION: return true;
    case STMT_ASSIGN: return expr_owns(walk, stmt->assign.value);
    case STMT_LAYER: case STMT_CARRY: case STMT_OUTPUT: case STMT_METRIC:
        return expr_owns(walk, stmt->binding.value);
    case STMT_LOSS: case STMT_YIELD: case STMT_RETURN: return expr_owns(walk, stmt->value);
    case STMT_IF:
        return expr_owns(walk, stmt->branch.condition) || body_owns(walk, stmt->branch.then_body)
            || body_owns(walk, stmt->branch.else_body);
    case STMT_FOR: return body_owns(walk, stmt->loop.body);
    case STMT_INPUT: case STMT_TARGET: break;
    }
    return false;
}

static bool body_owns(Walk *walk, const Body *body)
{
    for (int i = 0; body && i < body->stmts.count; i++)
        if (stmt_owns(walk, body->stmts.at[i])) return true;
    return false;
}

/* While a block is being looked at it counts as owning nothing: a recursive call adds nothing new.
 * Chains of calls beyond what may run are not followed: elaboration refuses them. */
static bool block_owns(Walk *walk, const Block *block)
{
    Block *known = (Block *)block;
    if (known->params != PARAMS_UNKNOWN || walk->depth > BLOCK_DEPTH_LIMIT)
        return known->params == PARAMS_SOME;
    Walk inner = {.el = walk->el, .unit = block->unit, .depth = walk->depth + 1};
    known->params = PARAMS_NONE;
    if (body_owns(&inner, block->item->body)) known->params = PARAMS_SOME;
    return known->params == PARAMS_SOME;
}

bool block_has_params(Elab *el, const Block *block)
{
    Walk walk = {.el = el, .unit = block->unit};
    return block_owns(&walk, block);
}
