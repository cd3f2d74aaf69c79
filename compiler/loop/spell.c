/* Expressions as C text. A spelling is a template: $0 $1 $2 are arguments, $n a number of lanes.
 * Its precedence follows from its form: "$0 * $1" is a product, "f($0)" a primary. */
#include "loop/spell.h"

#include <ctype.h>
#include <string.h>

#include "loop/math.h"

enum { LOOSE, CONDITIONAL, OR, AND, EQUALITY, RELATION, SUM, PRODUCT, UNARY, PRIMARY };

/* ---- precedence ---- */

/* The loosest operator of a template outside parentheses. */
static int precedence_of(const char *spelling)
{
    int loosest = PRIMARY, depth = 0;
    for (const char *c = spelling; *c; c++) {
        depth += (*c == '(') - (*c == ')');
        if (depth || *c != ' ') continue;
        const int here = c[1] == '?' || c[1] == ':'                ? CONDITIONAL
                       : c[1] == '|'                               ? OR
                       : c[1] == '&'                               ? AND
                       : c[1] == '=' || c[1] == '!'                ? EQUALITY
                       : c[1] == '<' || c[1] == '>'                ? RELATION
                       : c[1] == '+' || c[1] == '-'                ? SUM
                       : c[1] == '*' || c[1] == '/' || c[1] == '%' ? PRODUCT
                                                                   : PRIMARY;
        if (here < loosest) loosest = here;
    }
    if (loosest == PRIMARY
        && (strchr("-!", *spelling) || !strncmp(spelling, "(float)", 7) || *spelling == '('))
        return UNARY;
    return loosest;
}

/* How tightly the argument at `c` must bind, by the operator beside it; inside parentheses, not at
 * all. */
static int needed_at(const char *spelling, const char *c)
{
    int depth = 0;
    for (const char *at = spelling; at < c; at++) depth += (*at == '(') - (*at == ')');
    if (depth) return CONDITIONAL;
    const char left = c - spelling > 1 && c[-1] == ' ' ? c[-2] : 0, right = c[2] == ' ' ? c[3] : 0;
    if (c > spelling && c[-1] == '-') return PRIMARY;        /* "--x" is another operator */
    if (c > spelling && c[-1] != ' ') return UNARY;
    if (left == '|' || left == '&' || right == '|' || right == '&') return EQUALITY;
    if (left && strchr("*/%", left)) return UNARY;
    if (right && strchr("*/%", right)) return PRODUCT;
    if (left && strchr("+-", left)) return PRODUCT;
    if (left && strchr("?:", left)) return OR;
    return right == '?' ? OR : SUM;
}

/* ---- templates ---- */

static void spell(const Printer *p, Text *out, const LoopExpr *x, int needed);
static void spell_number(const Printer *p, Text *out, const LoopExpr *x, int sign);

static bool is_below_zero(const LoopExpr *x)
{
    return (x->kind == E_INT || x->kind == E_FLOAT) && !x->vector && x->number < 0;
}

static void fill(const Printer *p, Text *out, const char *spelling, LoopExpr *const *args,
                 int number)
{
    for (const char *c = spelling; *c; c++) {
        const bool adds = !strncmp(c, "+ $", 3), subtracts = !strncmp(c, "- $", 3);
        if ((adds || subtracts) && is_below_zero(args[c[3] - '0'])) { /* a - 2 for a + -2 */
            text_add(out, adds ? "- " : "+ ");
            spell_number(p, out, args[c[3] - '0'], -1);
            c += 3;
            continue;
        }
        if (*c != '$') {
            text_addn(out, c, 1);
            continue;
        }
        if (c[1] == 'n') text_addf(out, "%d", number);
        else spell(p, out, args[c[1] - '0'], needed_at(spelling, c));
        c++;
    }
}

static void fill_within(const Printer *p, Text *out, const char *spelling, LoopExpr *const *args,
                        int needed)
{
    const bool wrap = precedence_of(spelling) < needed;
    if (wrap) text_add(out, "(");
    fill(p, out, spelling, args, 0);
    if (wrap) text_add(out, ")");
}

/* ---- vocabularies ---- */

static const Target *vocabulary(const Printer *p, const LoopExpr *x)
{
    return x->vector ? p->program->target : &target_scalar;
}

static const char *spelling_of_map(const Printer *p, const LoopExpr *x)
{
    const Target *t = vocabulary(p, x->args[x->arg_count - 1]);
    const LType type = x->args[x->arg_count - 1]->type;
    if (t == &target_scalar && type == LT_F32 && p->program->target->scalar_f32[x->op])
        return p->program->target->scalar_f32[x->op];
    return (type == LT_F32 ? t->map_f32 : type == LT_BOOL ? t->map_bool : t->map_i32)[x->op];
}

/* A count or a loop's index as a float needs no i32 in between. */
static bool is_float_of_index(const LoopExpr *x)
{
    return x->kind == E_MAP && x->op == OP_to_f32 && !x->vector && x->args[0]->kind == E_TO_I32;
}

static const char *spelling_of(const Printer *p, const LoopExpr *x)
{
    const Target *t = vocabulary(p, x->arg_count ? x->args[0] : x);
    switch (x->kind) {
    case E_FMA: return t->fma;
    case E_ADD_LANES: return x->type == LT_F32 ? t->add_lanes : t->add_lanes_i32;
    case E_MAX_LANES: return x->type == LT_F32 ? t->max_lanes : t->max_lanes_i32;
    case E_LDEXP: return t->ldexp;
    case E_EXPONENT: return t->exponent;
    case E_MANTISSA: return t->mantissa;
    case E_ROUND: return t->round;
    case E_FRACTION: return t->fraction;
    case E_RECIPROCAL: return t->reciprocal;
    case E_SPLAT:
        return x->type == LT_F32 ? p->program->target->set_f32 : p->program->target->set_i32;
    case E_LANES: return p->program->target->lanes;
    case E_INDEX_MUL: return "$0 * $1";
    case E_INDEX_DIV: return "$0 / $1";
    case E_INDEX_MOD: return "$0 % $1";
    case E_INDEX_MIN: return "$0 < $1 ? $0 : $1";
    case E_INDEX_MAX: return "$0 > $1 ? $0 : $1";
    case E_RANDOM: return "@_random%($0, $1, $2)";
    case E_TO_I32: return "(int32_t)$0";
    case E_TO_INDEX: return "(ptrdiff_t)$0";
    default: return NULL;
    }
}

/* ---- leaves ---- */

static void spell_number(const Printer *p, Text *out, const LoopExpr *x, int sign)
{
    Text number = text_new(out->arena);
    if (x->kind == E_INT) {
        text_addf(&number, "%lld", sign * (long long)x->number);
    } else {
        text_add_float(&number, (float)(sign * x->number));
        text_add(&number, "f");
    }
    if (!x->vector) text_add(out, number.at);
    else if (x->kind == E_FLOAT && x->number == 0) text_add(out, p->program->target->zero_f32);
    else {
        const char *set = x->kind == E_INT ? p->program->target->set_i32
                                           : p->program->target->set_f32;
        for (const char *c = set; *c; c++) {
            if (c[0] == '$' && c[1] == '0') {
                text_add(out, number.at);
                c++;
            } else text_addn(out, c, 1);
        }
    }
}

static const char *load_spelling(const Printer *p, const LoopExpr *x)
{
    const Target *t = p->program->target;
    const bool part = x->active < t->width;
    switch (x->buffer->type) {
    case LT_U8: return part ? t->load_part_u8 : t->load_u8;
    case LT_I32: return part ? t->load_part_i32 : t->load_i32;
    default: return part ? t->load_part_f32 : t->load_f32;
    }
}

static void fill_pointer(const Printer *p, Text *out, const char *spelling, const char *pointer,
                         const char *value, int lanes)
{
    (void)p;
    for (const char *c = spelling; *c; c++) {
        if (*c != '$') {
            text_addn(out, c, 1);
            continue;
        }
        c++;
        if (*c == 'n') text_addf(out, "%d", lanes);
        else text_add(out, *c == '0' ? pointer : value);
    }
}

char *spell_pointer(const Printer *p, const Buffer *buffer, const LoopExpr *index)
{
    Text out = text_new(p->out->arena);
    text_add(&out, buffer->name);
    if (index->kind == E_INT && index->number == 0) return out.at;
    text_add(&out, " + ");
    spell(p, &out, index, SUM);
    return out.at;
}

static void spell_load(const Printer *p, Text *out, const LoopExpr *x)
{
    if (x->vector) {
        fill_pointer(p, out, load_spelling(p, x), spell_pointer(p, x->buffer, x->args[0]), NULL,
                     x->active);
        return;
    }
    text_addf(out, "%s[", x->buffer->name);
    spell(p, out, x->args[0], LOOSE);
    text_add(out, "]");
}

static void spell_call(const Printer *p, Text *out, const LoopExpr *x)
{
    text_addf(out, "%s_%s%s(", p->names->prefix,
              math_name(out->arena, p->program, x->op, x->vector), p->names->suffix);
    for (int i = 0; i < x->arg_count; i++) {
        if (i) text_add(out, ", ");
        spell(p, out, x->args[i], CONDITIONAL);
    }
    text_add(out, ")");
}

/* A number below 0, or a product with one. */
static bool is_negative(const LoopExpr *x)
{
    const LoopExpr *factor = x->kind == E_INDEX_MUL ? x->args[1] : x;
    return factor->kind == E_INT && factor->number < 0;
}

static void spell_negated(const Printer *p, Text *out, const LoopExpr *x)
{
    LoopExpr *factor = arena_make(out->arena, LoopExpr),
             *product = arena_make(out->arena, LoopExpr);
    *factor = x->kind == E_INDEX_MUL ? *x->args[1] : *x;
    factor->number = -factor->number;
    *product = *x;
    product->args[1] = factor;
    if (x->kind != E_INDEX_MUL) spell(p, out, factor, PRODUCT);
    else spell(p, out, factor->number == 1 ? x->args[0] : product, PRODUCT);
}

enum { MOST_TERMS = 16 };

typedef struct Terms {
    const LoopExpr *at[MOST_TERMS];
    int count;
} Terms;

static bool find_terms(Terms *terms, const LoopExpr *x)
{
    if (x->kind == E_INDEX_ADD)
        return find_terms(terms, x->args[0]) && find_terms(terms, x->args[1]);
    if (terms->count == MOST_TERMS) return false;
    terms->at[terms->count++] = x;
    return true;
}

/* How far one more of its counter moves; 0: a constant. */
static double stride_of(const LoopExpr *term)
{
    const double factor = term->kind == E_INDEX_MUL ? term->args[1]->number : 1;
    return term->kind == E_INT ? 0 : factor < 0 ? -factor : factor;
}

/* Rows before columns: terms by falling strides, if all of them are numbers; one that is taken off
 * not first. */
static void order_terms(Terms *terms)
{
    for (int i = 0; i < terms->count; i++)
        if (terms->at[i]->kind == E_INDEX_MUL && terms->at[i]->args[1]->kind != E_INT) return;
    for (int i = 1; i < terms->count; i++)
        for (int j = i; j && stride_of(terms->at[j - 1]) < stride_of(terms->at[j]); j--) {
            const LoopExpr *x = terms->at[j];
            terms->at[j] = terms->at[j - 1];
            terms->at[j - 1] = x;
        }
}

static void first_positive(Terms *terms)
{
    int first = 0;
    while (first < terms->count && is_negative(terms->at[first])) first++;
    if (first == terms->count) return;
    const LoopExpr *x = terms->at[first];
    for (; first; first--) terms->at[first] = terms->at[first - 1];
    terms->at[0] = x;
}

/* "row * 16 - 2 * b" in place of "b * -2 + row * 16". */
static void spell_sum(const Printer *p, Text *out, const LoopExpr *x, int needed)
{
    Terms terms = {.count = 0};
    if (!find_terms(&terms, x)) terms = (Terms){{x->args[0], x->args[1]}, 2};
    else order_terms(&terms);
    first_positive(&terms);
    if (needed > SUM) text_add(out, "(");
    for (int i = 0; i < terms.count; i++) {
        const LoopExpr *term = terms.at[i];
        const bool minus = i && is_negative(term);
        if (i) text_add(out, minus ? " - " : " + ");
        if (minus) spell_negated(p, out, term);
        else spell(p, out, term, term->kind == E_INDEX_ADD || !i ? SUM : PRODUCT);
    }
    if (needed > SUM) text_add(out, ")");
}

/* How many of the first lanes a vector of truth values says, where the target has a word for that;
 * else 0. */
static int first_lanes(const Printer *p, const LoopExpr *x)
{
    const Target *t = p->program->target;
    if (!t->first_lanes || x->op != OP_lt || x->args[0]->kind != E_LANES) return 0;
    const LoopExpr *end = x->args[1];
    return end->kind == E_INT && end->number > 0 && end->number < t->width ? (int)end->number : 0;
}

static void spell_map(const Printer *p, Text *out, const LoopExpr *x, int needed)
{
    const int lanes = first_lanes(p, x);
    if (lanes) fill(p, out, p->program->target->first_lanes, x->args, lanes);
    else
        fill_within(p, out, spelling_of_map(p, x),
                    is_float_of_index(x) ? x->args[0]->args : x->args, needed);
}

static void spell(const Printer *p, Text *out, const LoopExpr *x, int needed)
{
    switch (x->kind) {
    case E_INDEX_ADD: spell_sum(p, out, x, needed); break;
    case E_INT:
    case E_FLOAT: {
        const bool wrap = is_below_zero(x) && needed > UNARY;
        if (wrap) text_add(out, "(");
        spell_number(p, out, x, 1);
        if (wrap) text_add(out, ")");
        break;
    }
    case E_VAR: text_add(out, x->var->name); break;
    case E_LOAD: spell_load(p, out, x); break;
    case E_CALL: spell_call(p, out, x); break;
    case E_MAP: spell_map(p, out, x, needed); break;
    default: fill_within(p, out, spelling_of(p, x), x->args, needed); break;
    }
}

/* ---- the rest ---- */

char *spell_names(const Printer *p, const char *text)
{
    Text out = text_new(p->out->arena);
    for (const char *c = text; *c; c++) {
        if (*c == '@') text_add(&out, p->names->prefix);
        else if (*c == '%' && c[1] != ' ') text_add(&out, p->names->suffix);
        else if (*c == '~') text_add(&out, spell_attribute(p->program));
        else text_addn(&out, c, 1);
    }
    return out.at;
}

char *spell_expr(const Printer *p, const LoopExpr *x)
{
    Text out = text_new(p->out->arena);
    spell(p, &out, x, LOOSE);
    return spell_names(p, out.at);
}

char *spell_store(const Printer *p, const LoopStmt *s)
{
    Text out = text_new(p->out->arena);
    const Target *t = p->program->target;
    Text value = text_new(p->out->arena);
    spell(p, &value, s->value, LOOSE);
    if (!s->value->vector) {
        Text place = text_new(p->out->arena);
        text_addf(&place, "%s[", s->buffer->name);
        spell(p, &place, s->index, LOOSE);
        text_add(&place, "]");
        const char *sum = arena_printf(p->out->arena, "%s + ", place.at);
        const bool gains = s->value->kind == E_MAP && s->value->op == OP_add
                        && !strncmp(value.at, sum, strlen(sum));
        text_addf(&out, gains ? "%s += %s" : "%s = %s", place.at,
                  value.at + (gains ? strlen(sum) : 0));
        return spell_names(p, out.at);
    }
    const bool part = s->active < t->width, ints = s->buffer->type == LT_I32;
    const char *spelling = part ? (ints ? t->store_part_i32 : t->store_part_f32)
                                : (ints ? t->store_i32 : t->store_f32);
    fill_pointer(p, &out, spelling, spell_pointer(p, s->buffer, s->index), value.at, s->active);
    return spell_names(p, out.at);
}

const char *spell_type(const Program *program, LType type, bool vector)
{
    const Target *t = program->target;
    switch (type) {
    case LT_INDEX: return "ptrdiff_t";
    case LT_F32: return vector ? t->vector_f32 : "float";
    case LT_I32: return vector ? t->vector_i32 : "int32_t";
    case LT_U8: return "uint8_t";
    case LT_SEED: return "uint64_t";
    default: return vector ? t->vector_bool : "int";
    }
}

const char *spell_attribute(const Program *program)
{
    if (!program->target->attribute) return "";
    char *macro = arena_printf(program->arena, "NN_TARGET_%s\n", program->target->name);
    for (char *c = macro; *c; c++) *c = (char)toupper((unsigned char)*c);
    return macro;
}
