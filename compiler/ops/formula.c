/* Reads the formulas of maps.def into trees, and walks them.
 *
 *   comparison: sum [("<" | ">" | "==") sum]
 *   sum:        product {("+" | "-") product}
 *   product:    unary {("*" | "/") unary}
 *   unary:      "-" unary | number | name | map "(" comparison {"," comparison} ")"
 *             | "(" comparison ")" */
#include "ops/formula.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "ops/op.h"

typedef struct Reader { Arena *arena; const char *at; } Reader;

static Formula *read_comparison(Reader *r);

static bool accept(Reader *r, const char *token)
{
    while (*r->at == ' ') r->at++;
    size_t length = strlen(token);
    if (strncmp(r->at, token, length) != 0) return false;
    r->at += length;
    return true;
}

static Formula *make_call(Reader *r, Op op, Formula *first, Formula *second)
{
    Formula *f = arena_make(r->arena, Formula);
    f->kind = FORMULA_CALL;
    f->op = op;
    f->arg_count = second ? 2 : 1;
    f->args[0] = first;
    f->args[1] = second;
    return f;
}

static Formula *read_arguments(Reader *r, const char *name)
{
    Formula *f = arena_make(r->arena, Formula);
    f->kind = FORMULA_CALL;
    bool known = op_from_name(name, &f->op);
    assert(known && "a formula calls a map");
    (void)known;
    do {
        assert(f->arg_count < 3);
        f->args[f->arg_count++] = read_comparison(r);
    } while (accept(r, ","));
    bool closed = accept(r, ")");
    assert(closed && f->arg_count == op_row(f->op)->arity);
    (void)closed;
    return f;
}

/* A name stands for a value, "dy" for the gradient of the result; before a parenthesis it names
 * a map. */
static Formula *read_name(Reader *r)
{
    const char *begin = r->at;
    while (isalnum((unsigned char)*r->at) || *r->at == '_') r->at++;
    char *name = arena_strndup(r->arena, begin, (size_t)(r->at - begin));
    if (accept(r, "(")) return read_arguments(r, name);
    assert(strcmp(name, "dy") == 0 || strlen(name) == 1);
    Formula *f = arena_make(r->arena, Formula);
    f->kind = FORMULA_NAME;
    f->name = name[0];
    return f;
}

static Formula *read_number(Reader *r)
{
    char *end;
    Formula *f = arena_make(r->arena, Formula);
    f->kind = FORMULA_NUMBER;
    f->number = strtod(r->at, &end);
    assert(end != r->at && "a formula's operand is a number, a name, or in parentheses");
    r->at = end;
    return f;
}

static Formula *negated(Reader *r, Formula *f)
{
    if (f->kind != FORMULA_NUMBER) return make_call(r, OP_neg, f, NULL);
    f->number = -f->number;
    return f;
}

static Formula *read_unary(Reader *r)
{
    if (accept(r, "-")) return negated(r, read_unary(r));
    if (accept(r, "(")) {
        Formula *inner = read_comparison(r);
        bool closed = accept(r, ")");
        assert(closed);
        (void)closed;
        return inner;
    }
    return isalpha((unsigned char)*r->at) ? read_name(r) : read_number(r);
}

static Formula *read_product(Reader *r)
{
    Formula *f = read_unary(r);
    for (;;) {
        if (accept(r, "*")) f = make_call(r, OP_mul, f, read_unary(r));
        else if (accept(r, "/")) f = make_call(r, OP_div, f, read_unary(r));
        else return f;
    }
}

static Formula *read_sum(Reader *r)
{
    Formula *f = read_product(r);
    for (;;) {
        if (accept(r, "+")) f = make_call(r, OP_add, f, read_product(r));
        else if (accept(r, "-")) f = make_call(r, OP_sub, f, read_product(r));
        else return f;
    }
}

static Formula *read_comparison(Reader *r)
{
    Formula *f = read_sum(r);
    if (accept(r, "==")) return make_call(r, OP_eq, f, read_sum(r));
    if (accept(r, "<")) return make_call(r, OP_lt, f, read_sum(r));
    if (accept(r, ">")) return make_call(r, OP_gt, f, read_sum(r));
    return f;
}

Formula *formula_parse(Arena *arena, const char *text)
{
    Reader reader = {.arena = arena, .at = text};
    Formula *formula = read_comparison(&reader);
    assert(*reader.at == '\0' && "nothing follows a formula");
    return formula;
}

const char *map_value_formula(Op op)
{
    static const char *const values[OP_COUNT] = {
#define OP(...)
#define MAP(id, name, arity, types, value, gradients, doc) [OP_##id] = value,
#include "ops/ops.def"
#undef OP
#undef MAP
    };
    return values[op];
}

const char *map_gradient_formula(Op op, int input, Arena *arena)
{
    static const char *const gradients_of[OP_COUNT] = {
#define OP(...)
#define MAP(id, name, arity, types, value, gradients, doc) [OP_##id] = gradients,
#include "ops/ops.def"
#undef OP
#undef MAP
    };
    const char *at = gradients_of[op];
    for (; input > 0 && at; input--) {
        at = strchr(at, ';');
        if (at) at++;
    }
    if (!at) return NULL;
    at += strspn(at, " ");
    size_t length = strcspn(at, ";");
    return length ? arena_strndup(arena, at, length) : NULL;
}

static int bound_index(char name)
{
    static const char names[] = "abcyd";
    const char *found = strchr(names, name);
    assert(name && found && "a formula names a, b, c, y or dy");
    return (int)(found - names);
}

void *formula_read(const Formula *formula, const FormulaReader *reader)
{
    if (formula->kind == FORMULA_NUMBER) return reader->number(reader->context, formula->number);
    if (formula->kind == FORMULA_NAME) return reader->bound[bound_index(formula->name)];
    void *args[3] = {NULL, NULL, NULL};
    for (int i = 0; i < formula->arg_count; i++) args[i] = formula_read(formula->args[i], reader);
    return reader->call(reader->context, formula->op, formula->arg_count, args);
}
