/* Owns the evaluation of expressions by kind, and what statements want of a value: a condition, an
 * integer, a text. */
#include <math.h>
#include <string.h>

#include "elaborate/context.h"

/* ---- limits ---- */

bool enter(Elab *el, Span at)
{
    if (diags_full(el->diags)) el->gave_up = true;
    if (el->gave_up) return false;
    if (++el->steps > STEP_LIMIT)
        fault_limit(el, at, "the program takes more than %d steps to elaborate", STEP_LIMIT);
    else if (el->eval_depth >= EVAL_DEPTH_LIMIT)
        fault_limit(el, at, "blocks and expressions are nested more than %d deep",
                    EVAL_DEPTH_LIMIT);
    if (el->gave_up) return false;
    el->eval_depth++;
    return true;
}

void leave(Elab *el)
{
    el->eval_depth--;
}

/* ---- wants ---- */

bool eval_condition(Elab *el, const Expr *expr, bool *condition)
{
    const Value *value = eval(el, expr);
    if (value->kind == VALUE_POISON) return false;
    if (value->kind == VALUE_BOOL) {
        *condition = value->boolean;
        return true;
    }
    const Binding *given = expr->kind == EXPR_NAME ? scope_find(el, expr->name) : NULL;
    if (given && given->given.source && value->kind != VALUE_TENSOR && el->frame->name) {
        fault(el, expr->span, "`%s` of `%s` is true or false, got %s", expr->name, el->frame->name,
              value_describe(el->arena, value));
        return false;
    }
    fault(el, expr->span, "a condition is true or false when the program is compiled, got %s",
          value_describe(el->arena, value));
    note_shape(el, expr->span, value);
    if (value->kind == VALUE_TENSOR)
        diag_help(el->diags, "`select(condition, a, b)` chooses element by element");
    else if (value->kind == VALUE_NUMBER) diag_help(el->diags, "compare it, as in `x != 0`");
    else if (value->kind == VALUE_NONE) diag_help(el->diags, "compare it, as in `x != none`");
    return false;
}

static void refuse_fraction(Elab *el, Span at, const char *what, Number number)
{
    double real = number_double(number);
    fault(el, at, "%s must be an integer, got %s", what, number_text(el->arena, number));
    if (fabs(real) > 1e15) return;
    long long below = (long long)floor(real);
    if (number.exact)
        diag_help(el->diags, "that is %.6g: `floor(...)` makes it %lld, `floor(... + 1)` %lld",
                  real, below, below + 1);
    else
        diag_help(el->diags, "`floor(...)` makes it %lld, `floor(... + 1)` %lld", below, below + 1);
}

bool want_int(Elab *el, Span at, const char *what, const Value *value, int64_t *out)
{
    if (value->kind == VALUE_POISON) return false;
    if (value->kind != VALUE_NUMBER) {
        fault(el, at, "%s must be an integer, got %s", what, value_describe(el->arena, value));
        note_shape(el, at, value);
        return false;
    }
    if (number_is_int(value->number, out)) return true;
    refuse_fraction(el, at, what, value->number);
    return false;
}

bool eval_int(Elab *el, const Expr *expr, const char *what, int64_t *out)
{
    return want_int(el, expr->span, what, eval(el, expr), out);
}

/* ---- strings ---- */

static const char *piece_text(Elab *el, Span at, const StringPiece *piece)
{
    if (!piece->expr) {
        if (strlen(piece->text) == piece->length) return piece->text;
        fault(el, at, "a string cannot hold the character 0");
        return NULL;
    }
    const Value *value = eval(el, piece->expr);
    if (value->kind == VALUE_POISON) return NULL;
    const char *spelt = value_spell(el->arena, value);
    if (!spelt)
        fault(el, piece->expr->span, "%s cannot be written into a string",
              value_describe(el->arena, value));
    return spelt;
}

const char *eval_string(Elab *el, const Expr *expr)
{
    if (expr->kind != EXPR_STRING) {
        const Value *value = eval(el, expr);
        if (value->kind == VALUE_TEXT) return value->text;
        if (value->kind != VALUE_POISON)
            fault(el, expr->span, "a string is expected, got %s", value_describe(el->arena, value));
        return NULL;
    }
    Text text = text_new(el->arena);
    for (int i = 0; i < expr->pieces.count; i++) {
        const char *piece = piece_text(el, expr->span, &expr->pieces.at[i]);
        if (!piece) return NULL;
        text_add(&text, piece);
        if (text.length <= NAME_LIMIT) continue;
        fault(el, expr->span, "the string is longer than %d bytes", NAME_LIMIT);
        return NULL;
    }
    return text.at;
}

/* ---- expressions ---- */

static const Value *eval_list(Elab *el, const Expr *expr)
{
    int count = expr->list.count;
    if (count > LIST_LIMIT)
        return fault(el, expr->span, "a list has at most %d items, this one %d", LIST_LIMIT, count);
    const Value **items = arena_array(el->arena, const Value *, count + 1);
    bool sound = true;
    for (int i = 0; i < count; i++) {
        items[i] = eval(el, expr->list.at[i]);
        sound &= items[i]->kind != VALUE_POISON;
    }
    return sound ? value_list(el->arena, items, count) : &value_poison;
}

static const Value *eval_range(Elab *el, const Expr *expr)
{
    int64_t begin, end;
    bool sound = eval_int(el, expr->range.begin, "the begin of a range", &begin);
    sound &= eval_int(el, expr->range.end, "the end of a range", &end);
    if (!sound) return &value_poison;
    Value *value = arena_make(el->arena, Value);
    value->kind = VALUE_RANGE;
    value->range.begin = begin;
    value->range.end = end;
    return value;
}

static const Value *eval_choice(Elab *el, const Expr *expr)
{
    bool condition;
    if (!eval_condition(el, expr->choice.condition, &condition)) return &value_poison;
    return eval(el, condition ? expr->choice.yes : expr->choice.no);
}

static const Value *eval_text(Elab *el, const Expr *expr)
{
    const char *text = eval_string(el, expr);
    return text ? value_text(el->arena, text) : &value_poison;
}

static const Value *eval_kind(Elab *el, const Expr *expr)
{
    switch (expr->kind) {
    case EXPR_INT: return value_int(el->arena, expr->integer);
    case EXPR_FLOAT: return value_number(el->arena, number_real(expr->number));
    case EXPR_BOOL: return value_bool(el->arena, expr->boolean);
    case EXPR_NONE: return &value_none;
    case EXPR_STRING: return eval_text(el, expr);
    case EXPR_NAME: return scope_lookup(el, (Name){expr->name, expr->span});
    case EXPR_LIST: return eval_list(el, expr);
    case EXPR_CALL: return eval_call(el, expr, NULL, expr->span);
    case EXPR_PIPE: return eval_pipe(el, expr);
    case EXPR_UNARY: return eval_unary(el, expr);
    case EXPR_BINARY: return eval_binary(el, expr);
    case EXPR_IF: return eval_choice(el, expr);
    case EXPR_INDEX: return eval_index(el, expr);
    case EXPR_MEMBER: return eval_member(el, expr);
    case EXPR_RANGE: return eval_range(el, expr);
    case EXPR_SCAN: return run_scan(el, expr);
    }
    return &value_poison;
}

const Value *eval(Elab *el, const Expr *expr)
{
    if (!enter(el, expr->span)) return &value_poison;
    const Value *value = eval_kind(el, expr);
    leave(el);
    return value;
}
