/* The verbs that build expressions. Index arithmetic is folded as it is built: sums keep their
 * constant last, so that C shows `i * 128 + j + 16`. At width 1 vectors are scalars. */
#include <math.h>

#include "loop/loop.h"
#include "loop/math.h"
#include "ops/formula.h"
#include "ops/op.h"
#include "target/target.h"

/* ---- leaves ---- */

static LoopExpr *make(LoopBuilder *b, LoopExprKind kind, LType type, bool vector, int count,
                      LoopExpr *const *args)
{
    LoopExpr *x = arena_make(b->arena, LoopExpr);
    x->kind = kind;
    x->type = type;
    x->vector = vector && b->program->target->width > 1;
    x->arg_count = count;
    for (int i = 0; i < count; i++) x->args[i] = args[i];
    return x;
}

LoopExpr *x_int(LoopBuilder *b, int64_t value)
{
    LoopExpr *x = make(b, E_INT, LT_INDEX, false, 0, NULL);
    x->number = (double)value;
    return x;
}

LoopExpr *x_i32(LoopBuilder *b, int64_t value, bool vector)
{
    LoopExpr *x = make(b, E_INT, LT_I32, vector, 0, NULL);
    x->number = (double)value;
    return x;
}

LoopExpr *x_float(LoopBuilder *b, double value, bool vector)
{
    LoopExpr *x = make(b, E_FLOAT, LT_F32, vector, 0, NULL);
    x->number = value;
    return x;
}

LoopExpr *x_var(LoopBuilder *b, Var *var)
{
    LoopExpr *x = make(b, E_VAR, var->type, var->vector, 0, NULL);
    x->var = var;
    return x;
}

/* ---- index arithmetic ---- */

static bool is_constant(const LoopExpr *x) { return x->kind == E_INT; }

static LoopExpr *index_op(LoopBuilder *b, LoopExprKind kind, LoopExpr *a, LoopExpr *c)
{
    return make(b, kind, LT_INDEX, false, 2, (LoopExpr *[]){a, c});
}

/* A sum is ((terms) + constant): the constant is taken off, added up and put back last. */
static LoopExpr *without_constant(LoopExpr *x, double *constant)
{
    if (is_constant(x)) {
        *constant += x->number;
        return NULL;
    }
    if (x->kind == E_INDEX_ADD && is_constant(x->args[1])) {
        *constant += x->args[1]->number;
        return x->args[0];
    }
    return x;
}

/* x and x * -1 */
static bool cancel(const LoopExpr *x, const LoopExpr *negated)
{
    return negated->kind == E_INDEX_MUL && is_constant(negated->args[1])
        && negated->args[1]->number == -1 && loop_equal(negated->args[0], x);
}

LoopExpr *x_add(LoopBuilder *b, LoopExpr *a, LoopExpr *c)
{
    double constant = 0;
    a = without_constant(a, &constant);
    c = without_constant(c, &constant);
    if (a && c && (cancel(a, c) || cancel(c, a))) a = c = NULL;
    LoopExpr *sum = a && c ? index_op(b, E_INDEX_ADD, a, c) : a ? a : c;
    if (!sum) return x_int(b, (int64_t)constant);
    return constant == 0 ? sum : index_op(b, E_INDEX_ADD, sum, x_int(b, (int64_t)constant));
}

LoopExpr *x_mul(LoopBuilder *b, LoopExpr *a, int64_t factor)
{
    if (is_constant(a)) return x_int(b, (int64_t)a->number * factor);
    if (factor == 1) return a;
    if (factor == 0) return x_int(b, 0);
    if (a->kind == E_INDEX_ADD)
        return x_add(b, x_mul(b, a->args[0], factor), x_mul(b, a->args[1], factor));
    if (a->kind == E_INDEX_MUL && is_constant(a->args[1]))
        return x_mul(b, a->args[0], (int64_t)a->args[1]->number * factor);
    return index_op(b, E_INDEX_MUL, a, x_int(b, factor));
}

LoopExpr *x_times(LoopBuilder *b, LoopExpr *a, LoopExpr *c)
{
    if (is_constant(c)) return x_mul(b, a, (int64_t)c->number);
    if (is_constant(a)) return x_mul(b, c, (int64_t)a->number);
    return index_op(b, E_INDEX_MUL, a, c);
}

LoopExpr *x_known(LoopBuilder *b, const char *name, int64_t value, bool outer)
{
    Var *var = arena_make(b->arena, Var);
    *var =
        (Var){.name = name, .type = LT_INDEX, .known = true, .outer = outer, .value = value};
    return x_var(b, var);
}

LoopExpr *x_given(LoopBuilder *b, const char *name, const Var *number)
{
    LoopExpr *x = x_known(b, name, number->value, false);
    x->var->given = number;
    return x;
}

LoopExpr *x_div(LoopBuilder *b, LoopExpr *a, int64_t divisor)
{
    if (is_constant(a)) return x_int(b, (int64_t)a->number / divisor);
    return divisor == 1 ? a : index_op(b, E_INDEX_DIV, a, x_int(b, divisor));
}

LoopExpr *x_mod(LoopBuilder *b, LoopExpr *a, int64_t divisor)
{
    if (is_constant(a)) return x_int(b, (int64_t)a->number % divisor);
    return divisor == 1 ? x_int(b, 0) : index_op(b, E_INDEX_MOD, a, x_int(b, divisor));
}

LoopExpr *x_min(LoopBuilder *b, LoopExpr *a, LoopExpr *c)
{
    if (is_constant(a) && is_constant(c)) return a->number < c->number ? a : c;
    return index_op(b, E_INDEX_MIN, a, c);
}

LoopExpr *x_max(LoopBuilder *b, LoopExpr *a, LoopExpr *c)
{
    if (is_constant(a) && is_constant(c)) return a->number > c->number ? a : c;
    return index_op(b, E_INDEX_MAX, a, c);
}

LoopExpr *x_to_i32(LoopBuilder *b, LoopExpr *index)
{
    if (is_constant(index)) return x_i32(b, (int64_t)index->number, false);
    return make(b, E_TO_I32, LT_I32, false, 1, &index);
}

LoopExpr *x_to_index(LoopBuilder *b, LoopExpr *i32)
{
    if (i32->kind == E_TO_I32) return i32->args[0];
    if (is_constant(i32)) return x_int(b, (int64_t)i32->number);
    return make(b, E_TO_INDEX, LT_INDEX, false, 1, &i32);
}

/* ---- memory ---- */

LoopExpr *x_load(LoopBuilder *b, Buffer *buffer, LoopExpr *index)
{
    LoopExpr *x = make(b, E_LOAD, buffer->type == LT_U8 ? LT_I32 : buffer->type, false, 1, &index);
    x->buffer = buffer;
    x->active = 1;
    return x;
}

LoopExpr *x_vload(LoopBuilder *b, Buffer *buffer, LoopExpr *index, int active)
{
    LoopExpr *x = x_load(b, buffer, index);
    x->vector = b->program->target->width > 1;
    x->active = active;
    return x;
}

LoopExpr *x_splat(LoopBuilder *b, LoopExpr *scalar)
{
    if (scalar->vector || b->program->target->width == 1) return scalar;
    if (scalar->kind == E_FLOAT) return x_float(b, scalar->number, true);
    if (scalar->kind == E_INT && scalar->type == LT_I32)
        return x_i32(b, (int64_t)scalar->number, true);
    if (scalar->type
        == LT_BOOL) { /* there is no vector of one truth value: compare again in lanes */
        LoopExpr *select =
            x_map(b, OP_select, 3, (LoopExpr *[]){scalar, x_i32(b, 1, false), x_i32(b, 0, false)});
        return x_map(b, OP_ne, 2, (LoopExpr *[]){x_splat(b, select), x_i32(b, 0, true)});
    }
    return make(b, E_SPLAT, scalar->type, true, 1, &scalar);
}

LoopExpr *x_lanes(LoopBuilder *b)
{
    return b->program->target->width > 1 ? make(b, E_LANES, LT_I32, true, 0, NULL)
                                         : x_i32(b, 0, false);
}

/* ---- how they read ---- */

bool x_is_name(const LoopExpr *x)
{
    return x->kind == E_VAR || x->kind == E_INT || x->kind == E_FLOAT;
}

bool x_is_leaf(const LoopExpr *x)
{
    if (x->kind == E_SPLAT || x->kind == E_ADD_LANES) return x_is_leaf(x->args[0]);
    return x->kind == E_LOAD || x_is_name(x);
}

bool x_is_short(const LoopExpr *x)
{
    for (int i = 0; i < x->arg_count; i++)
        if (!x_is_leaf(x->args[i])) return false;
    return x->kind == E_MAP;
}

bool x_is_brief(const LoopExpr *x)
{
    const bool operates = x->kind == E_MAP || x->kind == E_FMA;
    for (int i = 0; operates && i < x->arg_count; i++)
        if (!x_is_name(x->args[i])) return false;
    return operates || x_is_leaf(x);
}

/* ---- arithmetic ---- */

static bool is_number(const LoopExpr *x, double value)
{
    return (x->kind == E_FLOAT || (x->kind == E_INT && x->type == LT_I32)) && x->number == value;
}

/* x + 0, x * 1, x - 0, x / 1, -(-x): the argument that is left, or NULL. */
static LoopExpr *trivial(Op op, int count, LoopExpr *const *a)
{
    if (op == OP_neg && a[0]->kind == E_MAP && a[0]->op == OP_neg) return a[0]->args[0];
    if (count != 2) return NULL;
    switch ((int)op) {
    case OP_add: return is_number(a[1], 0) ? a[0] : is_number(a[0], 0) ? a[1] : NULL;
    case OP_sub: return is_number(a[1], 0) ? a[0] : NULL;
    case OP_mul: return is_number(a[1], 1) ? a[0] : is_number(a[0], 1) ? a[1] : NULL;
    case OP_div: return is_number(a[1], 1) ? a[0] : NULL;
    default: return NULL;
    }
}

static LType result_type(Op op, LType last)
{
    const DType in = last == LT_BOOL ? DT_BOOL : last == LT_F32 ? DT_F32 : DT_I32;
    switch (map_result(op, in)) {
    case DT_F32: return LT_F32;
    case DT_BOOL: return LT_BOOL;
    default: return LT_I32;
    }
}

/* Whether the vocabulary has this operation for these arguments. */
static bool in_vocabulary(const LoopBuilder *b, Op op, LType type, bool vector)
{
    const Target *t = vector ? b->program->target : &target_scalar;
    return (type == LT_I32 ? t->map_i32 : type == LT_BOOL ? t->map_bool : t->map_f32)[op] != NULL;
}

typedef struct FormulaScope {
    LoopBuilder *b;
    bool vector;
    LType type;
} FormulaScope;

static void *formula_number(void *context, double value)
{
    const FormulaScope *scope = context;
    return scope->type == LT_I32 ? x_i32(scope->b, (int64_t)value, scope->vector)
                                 : x_float(scope->b, value, scope->vector);
}

static void *formula_call(void *context, Op op, int count, void **args)
{
    const FormulaScope *scope = context;
    LoopExpr *x[3];
    for (int i = 0; i < count; i++) x[i] = args[i];
    return x_map(scope->b, op, count, x);
}

static int uses_of(const Formula *formula, char name)
{
    int n = formula->kind == FORMULA_NAME && formula->name == name;
    for (int i = 0; i < formula->arg_count; i++) n += uses_of(formula->args[i], name);
    return n;
}

/* An argument that the formula has in one place stands there if it is brief; else it gets a name,
 * until loop_tidy finds it brief after all. */
static LoopExpr *expand(LoopBuilder *b, const char *text, int count, LoopExpr *const *args,
                        bool vector)
{
    FormulaScope scope = {b, vector, args[0]->type};
    FormulaReader reader = {.context = &scope, .number = formula_number, .call = formula_call};
    const Formula *formula = formula_parse(b->arena, text);
    for (int i = 0; i < count; i++) {
        const bool stands = x_is_name(args[i])
                         || (x_is_brief(args[i]) && uses_of(formula, (char)('a' + i)) == 1);
        reader.bound[i] = args[i];
        if (stands) continue;
        Var *t = loop_let(b, "t", args[i]);
        t->passing = true;
        reader.bound[i] = x_var(b, t);
    }
    return formula_read(formula, &reader);
}

static bool is_product(const LoopExpr *x)
{
    return x->kind == E_MAP && x->op == OP_mul && x->type == LT_F32;
}

/* a * b + c, c + a * b and c - a * number in one rounding and one instruction, a + -b as a - b;
 * NULL for anything else. */
static LoopExpr *fused(LoopBuilder *b, Op op, LoopExpr *const *a)
{
    if (op == OP_add && is_product(a[0])) return x_fma(b, a[0]->args[0], a[0]->args[1], a[1]);
    if (op == OP_add && is_product(a[1])) return x_fma(b, a[1]->args[0], a[1]->args[1], a[0]);
    if (op == OP_add && a[1]->kind == E_MAP && a[1]->op == OP_neg)
        return x_map(b, OP_sub, 2, (LoopExpr *[]){a[0], a[1]->args[0]});
    for (int i = 0; op == OP_sub && is_product(a[1]) && i < 2; i++) {
        const LoopExpr *number = a[1]->args[i];
        if (number->kind == E_FLOAT)
            return x_fma(b, a[1]->args[1 - i], x_float(b, -number->number, number->vector), a[0]);
    }
    return NULL;
}

LoopExpr *x_map(LoopBuilder *b, Op op, int count, LoopExpr *const *given)
{
    LoopExpr *args[3] = {0};
    bool vector = false;
    for (int i = 0; i < count; i++) vector |= given[i]->vector;
    for (int i = 0; i < count; i++) args[i] = vector ? x_splat(b, given[i]) : given[i];
    LoopExpr *left = trivial(op, count, args);
    if (!left) left = fused(b, op, args);
    if (left) return left;
    const LType operand = args[count - 1]->type;
    if (in_vocabulary(b, op, operand, vector)) {
        LoopExpr *x = make(b, E_MAP, result_type(op, operand), vector, count, args);
        x->op = op;
        return x;
    }
    const char *formula = map_value_formula(op);
    if (formula) return expand(b, formula, count, args, vector);
    math_need(b->program, op, vector);
    LoopExpr *x = make(b, E_CALL, LT_F32, vector, count, args);
    x->op = op;
    return x;
}

LoopExpr *x_fma(LoopBuilder *b, LoopExpr *a, LoopExpr *c, LoopExpr *addend)
{
    const bool vector = a->vector || c->vector || addend->vector;
    LoopExpr *args[3] = {a, c, addend};
    for (int i = 0; vector && i < 3; i++) args[i] = x_splat(b, args[i]);
    return make(b, E_FMA, LT_F32, vector, 3, args);
}

LoopExpr *x_unary(LoopBuilder *b, LoopExprKind kind, LoopExpr *a)
{
    const bool across = kind == E_ADD_LANES || kind == E_MAX_LANES;
    if (across && !a->vector) return a;
    return make(b, kind, across ? a->type : LT_F32, a->vector && !across, 1, &a);
}

LoopExpr *x_quotient(LoopBuilder *b, LoopExpr *a, LoopExpr *c)
{
    const bool divides = !c->vector || !b->program->target->reciprocal;
    LoopExpr *to = divides ? c : x_unary(b, E_RECIPROCAL, c);
    return x_map(b, divides ? OP_div : OP_mul, 2, (LoopExpr *[]){a, to});
}

LoopExpr *x_ldexp(LoopBuilder *b, LoopExpr *a, LoopExpr *exponent)
{
    return make(b, E_LDEXP, LT_F32, a->vector, 2, (LoopExpr *[]){a, exponent});
}

LoopExpr *x_random(LoopBuilder *b, Var *seed, LoopExpr *place, LoopExpr *element)
{
    return make(b, E_RANDOM, LT_F32, false, 3, (LoopExpr *[]){x_var(b, seed), place, element});
}
