/* Owns the operators: on numbers when the program is compiled, on tensors as operations of the
 * graph. */
#include <stdlib.h>
#include <string.h>

#include "elaborate/context.h"
#include "ops/build.h"

enum { UNROLLED_POWER = 64 };

/* The operands of one operator. */
typedef struct Operands { Elab *el; const Expr *expr; BinaryOp op; const Value *a, *b; } Operands;

static const Value *map2(Operands *o, Op op, const Value *a, const Value *b)
{
    return apply_map(o->el, o->expr->span, op, ast_binary_text(o->op), (const Value *[]){a, b}, 2);
}

static bool either(const Operands *o, ValueKind kind)
{
    return o->a->kind == kind || o->b->kind == kind;
}

static bool both(const Operands *o, ValueKind kind)
{
    return o->a->kind == kind && o->b->kind == kind;
}

static const Value *refuse(Operands *o)
{
    const Value *poison =
        fault(o->el, o->expr->span, "`%s` cannot be applied to %s and %s", ast_binary_text(o->op),
              value_describe(o->el->arena, o->a), value_describe(o->el->arena, o->b));
    note_shape(o->el, o->expr->span, o->a);
    note_shape(o->el, o->expr->span, o->b);
    return poison;
}

/* ---- unary ---- */

static const Value *negate(Elab *el, const Expr *expr, const Value *value)
{
    Number number;
    if (value->kind == VALUE_NUMBER) {
        const char *error =
            number_binary(el->arena, BINARY_MUL, value->number, number_int(-1), &number);
        return error ? fault(el, expr->span, "%s", error) : value_number(el->arena, number);
    }
    if (value->kind != VALUE_TENSOR)
        return fault(el, expr->span, "`-` expects a number or a tensor, got %s",
                     value_describe(el->arena, value));
    const Value *result = apply_map(el, expr->span, OP_neg, "-", &value, 1);
    if (result->kind != VALUE_TENSOR || !value->tensor.sum) return result;
    return tensor_mean(el, expr->span,
                       append_op(el, expr->span, OP_neg, &value->tensor.sum, 1, NULL),
                       value->tensor.weight);
}

const Value *eval_unary(Elab *el, const Expr *expr)
{
    const Value *value = eval(el, expr->unary.operand);
    if (value->kind == VALUE_POISON) return value;
    if (expr->unary.op == UNARY_NEGATE) return negate(el, expr, value);
    if (value->kind == VALUE_BOOL) return value_bool(el->arena, !value->boolean);
    if (value->kind == VALUE_TENSOR) return apply_map(el, expr->span, OP_not, "not", &value, 1);
    return fault(el, expr->span, "`not` expects true, false or a bool tensor, got %s",
                 value_describe(el->arena, value));
}

/* ---- and, or ---- */

static const Value *logic(Operands *o)
{
    Elab *el = o->el;
    const Expr *expr = o->expr;
    bool stop = o->op == BINARY_OR;
    o->a = eval(el, expr->binary.left);
    if (o->a->kind == VALUE_BOOL && o->a->boolean == stop) return o->a;
    o->b = eval(el, expr->binary.right);
    if (either(o, VALUE_POISON)) return &value_poison;
    if (o->a->kind == VALUE_BOOL && (o->b->kind == VALUE_BOOL || o->b->kind == VALUE_TENSOR))
        return o->b;
    if (o->a->kind != VALUE_TENSOR || (o->b->kind != VALUE_TENSOR && o->b->kind != VALUE_BOOL))
        return refuse(o);
    return map2(o, stop ? OP_or : OP_and, o->a, o->b);
}

/* ---- comparisons ---- */

static bool same_value(const Value *a, const Value *b)
{
    if (a->kind != b->kind) return false;
    switch (a->kind) {
    case VALUE_NONE: return true;
    case VALUE_BOOL: return a->boolean == b->boolean;
    case VALUE_NUMBER: return number_compare(a->number, b->number) == 0;
    case VALUE_TEXT: return strcmp(a->text, b->text) == 0;
    case VALUE_RANGE: return a->range.begin == b->range.begin && a->range.end == b->range.end;
    case VALUE_LIST:
        if (a->list.count != b->list.count) return false;
        for (int i = 0; i < a->list.count; i++)
            if (!same_value(a->list.items[i], b->list.items[i])) return false;
        return true;
    case VALUE_POISON: case VALUE_TENSOR: case VALUE_INIT: break;
    }
    return false;
}

static bool ordered(BinaryOp op, int order)
{
    if (op == BINARY_LT) return order < 0;
    if (op == BINARY_LE) return order <= 0;
    if (op == BINARY_GT) return order > 0;
    return order >= 0;
}

static const Value *compare(Operands *o)
{
    static const Op maps[] = {[BINARY_EQ] = OP_eq, [BINARY_NE] = OP_ne, [BINARY_LT] = OP_lt,
                              [BINARY_LE] = OP_le, [BINARY_GT] = OP_gt, [BINARY_GE] = OP_ge};
    bool equality = o->op == BINARY_EQ || o->op == BINARY_NE;
    bool elementwise = either(o, VALUE_TENSOR) && (both(o, VALUE_TENSOR) || either(o, VALUE_NUMBER)
                       || either(o, VALUE_BOOL));
    if (elementwise) return map2(o, maps[o->op], o->a, o->b);
    if (equality) return value_bool(o->el->arena, same_value(o->a, o->b) == (o->op == BINARY_EQ));
    if (!both(o, VALUE_NUMBER)) return refuse(o);
    return value_bool(o->el->arena, ordered(o->op, number_compare(o->a->number, o->b->number)));
}

/* ---- means over rows stay means ---- */

static bool is_mean(const Value *value)
{
    return value->kind == VALUE_TENSOR && value->tensor.sum;
}

static bool is_fixed(const Value *value)
{
    return value->kind == VALUE_NUMBER && !value->number.rows;
}

static const Value *sum_of(Operands *o, const Value *mean)
{
    Value *sum = arena_make(o->el->arena, Value);
    *sum = (Value){.kind = VALUE_TENSOR,
                   .tensor = {.node = mean->tensor.sum, .region = mean->tensor.region}};
    return sum;
}

static bool same_weight(const Value *a, const Value *b)
{
    Number x = a->tensor.weight, y = b->tensor.weight;
    return x.rows && y.rows && x.rows->power == 1 && y.rows->power == 1
           && number_compare(x, y) == 0;
}

/* The sum of a result that is a mean like its operands; NULL if it is none. */
static const Value *mean_sum(Operands *o, const Value **like)
{
    bool add = o->op == BINARY_ADD || o->op == BINARY_SUB;
    *like = is_mean(o->a) ? o->a : o->b;
    if (add && is_mean(o->a) && is_mean(o->b) && same_weight(o->a, o->b))
        return map2(o, o->op == BINARY_ADD ? OP_add : OP_sub, sum_of(o, o->a), sum_of(o, o->b));
    if (o->op == BINARY_MUL && is_mean(o->a) && is_fixed(o->b))
        return map2(o, OP_mul, sum_of(o, o->a), o->b);
    if (o->op == BINARY_MUL && is_mean(o->b) && is_fixed(o->a))
        return map2(o, OP_mul, o->a, sum_of(o, o->b));
    if (o->op == BINARY_DIV && is_mean(o->a) && is_fixed(o->b))
        return map2(o, OP_div, sum_of(o, o->a), o->b);
    return NULL;
}

/* The value stays as it is; only its sum is remembered beside it. */
static const Value *keep_mean(Operands *o, const Value *result)
{
    if (result->kind != VALUE_TENSOR || (!is_mean(o->a) && !is_mean(o->b))) return result;
    const Value *like, *sum = mean_sum(o, &like);
    if (!sum || sum->kind != VALUE_TENSOR) return result;
    Value *mean = arena_copy(o->el->arena, result, sizeof *result);
    mean->tensor.sum = sum->tensor.node;
    mean->tensor.weight = like->tensor.weight;
    return mean;
}

/* ---- arithmetic ---- */

static const Value *numbers(Operands *o)
{
    Number number;
    const char *error = number_binary(o->el->arena, o->op, o->a->number, o->b->number, &number);
    if (!error) return value_number(o->el->arena, number);
    return fault(o->el, o->expr->binary.op_span, "%s `%s` %s: %s",
                 number_text(o->el->arena, o->a->number), ast_binary_text(o->op),
                 number_text(o->el->arena, o->b->number), error);
}

static const Value *lists(Operands *o)
{
    int left = o->a->list.count, right = o->b->list.count;
    if (left + right > LIST_LIMIT)
        return fault(o->el, o->expr->span, "a list has at most %d items", LIST_LIMIT);
    const Value **items = arena_array(o->el->arena, const Value *, left + right + 1);
    for (int i = 0; i < left; i++) items[i] = o->a->list.items[i];
    for (int i = 0; i < right; i++) items[left + i] = o->b->list.items[i];
    return value_list(o->el->arena, items, left + right);
}

/* a - b * floor(a / b): the remainder has the sign of b, as that of numbers. */
static const Value *remainder_of(Operands *o)
{
    const Value *quotient = map2(o, OP_div, o->a, o->b);
    const Value *whole = apply_map(o->el, o->expr->span, OP_floor, "%", &quotient, 1);
    const Value *product = map2(o, OP_mul, o->b, whole);
    const Value *rest = map2(o, OP_sub, o->a, product);
    bool integers = o->a->kind == VALUE_TENSOR && o->a->tensor.node->type.dtype != DT_F32;
    integers &= o->b->kind != VALUE_TENSOR || o->b->tensor.node->type.dtype != DT_F32;
    int64_t whole_number;
    integers &= o->b->kind != VALUE_NUMBER || number_is_int(o->b->number, &whole_number);
    return integers && rest->kind == VALUE_TENSOR
               ? apply_map(o->el, o->expr->span, OP_to_i32, "%", &rest, 1)
               : rest;
}

/* a ** n by repeated squaring, n > 0. */
static const Value *whole_power(Operands *o, int64_t n)
{
    const Value *result = NULL, *square = o->a;
    for (;; n /= 2) {
        if (n % 2) result = result ? map2(o, OP_mul, result, square) : square;
        if (n <= 1) return result;
        square = map2(o, OP_mul, square, square);
    }
}

static const Value *power_of(Operands *o)
{
    int64_t n;
    Span at = o->expr->span;
    if (!is_fixed(o->b)) return map2(o, OP_pow, o->a, o->b);
    if (number_is_int(o->b->number, &n) && llabs(n) <= UNROLLED_POWER) {
        const Value *one = value_int(o->el->arena, 1);
        if (n == 0) return map2(o, OP_add, map2(o, OP_mul, o->a, value_int(o->el->arena, 0)), one);
        if (n > 0) return whole_power(o, n);
        const Value *inverse = whole_power(o, -n);
        return map2(o, OP_div, one, inverse);
    }
    double exponent = number_double(o->b->number);
    if (exponent == 0.5) return apply_map(o->el, at, OP_sqrt, "**", &o->a, 1);
    if (exponent == -0.5) return apply_map(o->el, at, OP_rsqrt, "**", &o->a, 1);
    return map2(o, OP_pow, o->a, o->b);
}

static const Value *quotient(Operands *o)
{
    if (o->b->kind == VALUE_NUMBER && number_double(o->b->number) == 0.0)
        return fault(o->el, o->expr->binary.op_span, "division by zero");
    if (o->b->kind == VALUE_NUMBER && o->b->number.rows && o->a->kind == VALUE_TENSOR
        && !is_mean(o->a) && o->a->tensor.node->type.rank == 0)
        return tensor_mean(o->el, o->expr->span, tensor_node(o->el, o->a), o->b->number);
    return keep_mean(o, map2(o, OP_div, o->a, o->b));
}

static const Value *arithmetic(Operands *o)
{
    if (both(o, VALUE_NUMBER)) return numbers(o);
    if (o->op == BINARY_ADD && both(o, VALUE_LIST)) return lists(o);
    if (!either(o, VALUE_TENSOR)) return refuse(o);
    switch (o->op) {
    case BINARY_ADD: return keep_mean(o, map2(o, OP_add, o->a, o->b));
    case BINARY_SUB: return keep_mean(o, map2(o, OP_sub, o->a, o->b));
    case BINARY_MUL: return keep_mean(o, map2(o, OP_mul, o->a, o->b));
    case BINARY_DIV: return quotient(o);
    case BINARY_REM: return remainder_of(o);
    default: return power_of(o);
    }
}

const Value *eval_binary(Elab *el, const Expr *expr)
{
    Operands o = {.el = el, .expr = expr, .op = expr->binary.op};
    if (o.op == BINARY_AND || o.op == BINARY_OR) return logic(&o);
    o.a = eval(el, expr->binary.left);
    o.b = eval(el, expr->binary.right);
    if (either(&o, VALUE_POISON)) return &value_poison;
    if (o.op == BINARY_MATMUL) return apply_matmul(el, expr->span, o.a, o.b);
    return o.op >= BINARY_EQ && o.op <= BINARY_GE ? compare(&o) : arithmetic(&o);
}
