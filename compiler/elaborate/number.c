/* Owns the arithmetic of compile-time numbers. Exact operations that overflow become doubles. */
#include "elaborate/number.h"

#include <math.h>
#include <string.h>

enum { LARGEST_POWER = 64, DEEPEST_ROWS = 10 };

Number number_int(int64_t value)
{
    return (Number){.exact = true, .num = value, .den = 1};
}

Number number_real(double value)
{
    return (Number){.real = value};
}

Number number_batch(Arena *arena, int64_t batch)
{
    Rows *rows = arena_make(arena, Rows);
    *rows = (Rows){.op = OP_count, .depth = 1, .power = 1};
    Number number = number_int(batch);
    number.rows = rows;
    return number;
}

double number_double(Number a)
{
    return a.exact ? (double)a.num / (double)a.den : a.real;
}

bool number_is_int(Number a, int64_t *value)
{
    if (a.exact) {
        *value = a.num;
        return a.den == 1;
    }
    if (!(fabs(a.real) <= 9007199254740992.0) || a.real != floor(a.real)) return false;
    *value = (int64_t)a.real;
    return true;
}

static int64_t gcd(int64_t a, int64_t b)
{
    while (b) {
        int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a < 0 ? -a : a;
}

/* Lowest terms; den must not be 0. False on overflow. */
static bool make_exact(int64_t num, int64_t den, Number *out)
{
    if (num == INT64_MIN || den == INT64_MIN) return false;
    int64_t divisor = gcd(num, den);
    if (den < 0) divisor = -divisor;
    *out = (Number){.exact = true, .num = num / divisor, .den = den / divisor};
    return true;
}

static bool exact_sum(Number a, Number b, int sign, Number *out)
{
    int64_t left, right, num, den;
    if (__builtin_mul_overflow(a.num, b.den, &left) || __builtin_mul_overflow(b.num, a.den, &right)
        || __builtin_mul_overflow(right, sign, &right) || __builtin_add_overflow(left, right, &num)
        || __builtin_mul_overflow(a.den, b.den, &den))
        return false;
    return make_exact(num, den, out);
}

static bool exact_product(Number a, int64_t num, int64_t den, Number *out)
{
    int64_t top, bottom;
    if (__builtin_mul_overflow(a.num, num, &top) || __builtin_mul_overflow(a.den, den, &bottom))
        return false;
    return make_exact(top, bottom, out);
}

/* The remainder has the sign of b, as in Python. */
static bool exact_remainder(Number a, Number b, Number *out)
{
    int64_t left, right, den;
    if (__builtin_mul_overflow(a.num, b.den, &left) || __builtin_mul_overflow(b.num, a.den, &right)
        || __builtin_mul_overflow(a.den, b.den, &den) || right == -1)
        return false;
    int64_t rest = left % right;
    if (rest && (rest < 0) != (right < 0)) rest += right;
    return make_exact(rest, den, out);
}

static bool exact_power(Number a, int64_t power, Number *out)
{
    Number base = a;
    if (power < 0) {
        if (a.num == 0) return false;
        power = -power;
        if (!make_exact(a.den, a.num, &base)) return false;
    }
    if (power > LARGEST_POWER) return false;
    *out = number_int(1);
    for (; power > 0; power--)
        if (!exact_product(*out, base.num, base.den, out)) return false;
    return true;
}

static bool exact_binary(BinaryOp op, Number a, Number b, Number *out)
{
    int64_t power;
    if (op == BINARY_ADD) return exact_sum(a, b, 1, out);
    if (op == BINARY_SUB) return exact_sum(a, b, -1, out);
    if (op == BINARY_MUL) return exact_product(a, b.num, b.den, out);
    if (op == BINARY_DIV) return exact_product(a, b.den, b.num, out);
    if (op == BINARY_REM) return exact_remainder(a, b, out);
    return number_is_int(b, &power) && exact_power(a, power, out);
}

static double real_binary(BinaryOp op, double a, double b)
{
    if (op == BINARY_ADD) return a + b;
    if (op == BINARY_SUB) return a - b;
    if (op == BINARY_MUL) return a * b;
    if (op == BINARY_DIV) return a / b;
    if (op == BINARY_REM) return a - b * floor(a / b);
    return pow(a, b);
}

/* The operation that computes the same of the number of rows at run time. % of a count has none. */
static Op map_of(BinaryOp op)
{
    if (op == BINARY_ADD) return OP_add;
    if (op == BINARY_SUB) return OP_sub;
    if (op == BINARY_MUL) return OP_mul;
    return op == BINARY_DIV ? OP_div : OP_pow;
}

static int power_of(Op op, const Number *args, int count)
{
    int left = args[0].rows ? args[0].rows->power : 0;
    int right = count > 1 && args[1].rows ? args[1].rows->power : 0;
    if (left == NO_POWER || right == NO_POWER) return NO_POWER;
    if (op == OP_mul) return left + right;
    if (op == OP_div) return left - right;
    if (op == OP_add || op == OP_sub) return left == right ? left : NO_POWER;
    return NO_POWER;
}

/* Sets out->rows if an argument depends on batch; false if the formula grows beyond all reason. */
static bool derive_rows(Arena *arena, Op op, const Number *args, int count, Number *out)
{
    int depth = 0;
    out->rows = NULL;
    for (int i = 0; i < count; i++)
        if (args[i].rows && args[i].rows->depth >= depth) depth = args[i].rows->depth + 1;
    if (depth == 0) return true;
    if (depth > DEEPEST_ROWS) return false;
    Rows *rows = arena_make(arena, Rows);
    *rows = (Rows){.op = op, .count = count, .depth = depth, .power = power_of(op, args, count)};
    rows->operands = arena_copy(arena, args, sizeof *args * (size_t)count);
    out->rows = rows;
    return true;
}

static const char too_many_rows[] = "too long a formula of `batch`";

const char *number_binary(Arena *arena, BinaryOp op, Number a, Number b, Number *out)
{
    if ((op == BINARY_DIV || op == BINARY_REM) && number_double(b) == 0.0)
        return "division by zero";
    if (op == BINARY_REM && (a.rows || b.rows)) return "`%` of a number that depends on `batch`";
    Number args[2] = {a, b};
    bool exact = a.exact && b.exact && exact_binary(op, a, b, out);
    if (!exact) *out = number_real(real_binary(op, number_double(a), number_double(b)));
    if (!exact && !isfinite(out->real)) return "the result is no finite number";
    return derive_rows(arena, map_of(op), args, 2, out) ? NULL : too_many_rows;
}

int number_compare(Number a, Number b)
{
    int64_t left, right;
    if (a.exact && b.exact && !__builtin_mul_overflow(a.num, b.den, &left)
        && !__builtin_mul_overflow(b.num, a.den, &right))
        return (left > right) - (left < right);
    double x = number_double(a), y = number_double(b);
    return (x > y) - (x < y);
}

/* ---- functions ---- */

static double function_rsqrt(double a)
{
    return 1.0 / sqrt(a);
}

static double function_sigmoid(double a)
{
    return 1.0 / (1.0 + exp(-a));
}

static double function_softplus(double a)
{
    return fmax(a, 0.0) + log1p(exp(-fabs(a)));
}

static double function_normal_cdf(double a)
{
    return 0.5 * erfc(-a * 0.70710678118654752440);
}

static double function_normal_pdf(double a)
{
    return 0.39894228040143267794 * exp(-0.5 * a * a);
}

static const struct {
    const char *name;
    double (*of)(double);
} real_functions[] = {
    {"sqrt", sqrt}, {"rsqrt", function_rsqrt}, {"exp", exp}, {"log", log}, {"sin", sin},
    {"cos", cos}, {"tanh", tanh}, {"sigmoid", function_sigmoid}, {"softplus", function_softplus},
    {"normal_cdf", function_normal_cdf}, {"normal_pdf", function_normal_pdf},
};

static Number exact_floor(Number a)
{
    int64_t whole = a.num / a.den;
    return number_int(whole - (a.num % a.den < 0));
}

static Number exact_abs(Number a)
{
    if (a.num == INT64_MIN) return number_real(-number_double(a));
    return (Number){.exact = true, .num = a.num < 0 ? -a.num : a.num, .den = a.den};
}

/* The functions that keep exact numbers exact. */
static bool exact_function(const char *name, const Number *args, int count, Number *out)
{
    Number a = args[0], b = count > 1 ? args[1] : a;
    if (strcmp(name, "minimum") == 0) *out = number_compare(a, b) <= 0 ? a : b;
    else if (strcmp(name, "maximum") == 0) *out = number_compare(a, b) >= 0 ? a : b;
    else if (strcmp(name, "relu") == 0)
        *out = number_compare(a, number_int(0)) > 0 ? a : number_int(0);
    else if (strcmp(name, "abs") == 0)
        *out = a.exact ? exact_abs(a) : number_real(fabs(a.real));
    else if (strcmp(name, "floor") == 0)
        *out = a.exact ? exact_floor(a) : number_real(floor(a.real));
    else return false;
    return true;
}

bool number_function(Arena *arena, const char *name, Op op, const Number *args, int count,
                     Number *out, const char **error)
{
    *error = NULL;
    bool found = exact_function(name, args, count, out);
    for (size_t i = 0; !found && i < sizeof real_functions / sizeof *real_functions; i++) {
        if (strcmp(real_functions[i].name, name) != 0) continue;
        *out = number_real(real_functions[i].of(number_double(args[0])));
        found = true;
    }
    if (!found) return false;
    if (!isfinite(number_double(*out)))
        *error =
            arena_printf(arena, "%s(%s) is no finite number", name, number_text(arena, args[0]));
    if (!derive_rows(arena, op, args, count, out)) *error = too_many_rows;
    return true;
}

/* ---- dependence on batch ---- */

int64_t number_per_row(Number a, int64_t batch)
{
    int64_t value;
    if (!a.rows || a.rows->power != 1 || !number_is_int(a, &value) || value % batch) return 0;
    return value / batch;
}

const char *number_text(Arena *arena, Number a)
{
    Text text = text_new(arena);
    if (!a.exact) text_add_double(&text, a.real);
    else if (a.den == 1) text_addf(&text, "%lld", (long long)a.num);
    else text_addf(&text, "%lld/%lld", (long long)a.num, (long long)a.den);
    return text.at;
}
