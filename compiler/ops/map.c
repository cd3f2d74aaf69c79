/* Elementwise operations: one shape rule, gradient, evaluation and cost for all of them, driven
 * by maps.def. */
#include <math.h>

#include "ops/formula.h"
#include "ops/rules.h"

/* ---- shapes ---- */

typedef enum MapTypes { NUMBER, REAL, LOGIC, ANY, COMPARE, CHOOSE, TO_F32, TO_I32 } MapTypes;

static const MapTypes types_of[OP_COUNT] = {
#define OP(...)
#define MAP(id, name, arity, types, value, gradients, doc) [OP_##id] = types,
#include "ops/ops.def"
#undef OP
#undef MAP
};

static bool accepts(MapTypes types, int input, DType dtype)
{
    switch (types) {
    case NUMBER: case COMPARE: return dtype == DT_F32 || dtype == DT_I32;
    case REAL: return dtype == DT_F32;
    case LOGIC: return dtype == DT_BOOL;
    case CHOOSE: return input > 0 || dtype == DT_BOOL;
    case ANY: case TO_F32: case TO_I32: break;
    }
    return true;
}

static const char *accepted(MapTypes types)
{
    switch (types) {
    case NUMBER: case COMPARE: return "f32 or i32 alike";
    case REAL: return "f32";
    case LOGIC: return "bool";
    case CHOOSE: return "a bool and two of one type";
    case ANY: case TO_F32: case TO_I32: break;
    }
    return "one type";
}

static DType result_dtype(MapTypes types, DType last)
{
    switch (types) {
    case TO_F32: return DT_F32;
    case TO_I32: return DT_I32;
    case COMPARE: return DT_BOOL;
    case NUMBER: case REAL: case LOGIC: case ANY: case CHOOSE: break;
    }
    return last;
}

DType map_result(Op op, DType last)
{
    return result_dtype(types_of[op], last);
}

static const char *refuse_inputs(Arena *arena, const Node *node, const char *expected)
{
    Text text = text_new(arena);
    text_addf(&text, "%s expects %s, got ", op_row(node->op)->name, expected);
    for (int i = 0; i < node->input_count; i++)
        text_addf(&text, "%s%s", i == 0 ? "" : i + 1 < node->input_count ? ", " : " and ",
                  type_text(arena, node->inputs[i]->type));
    return text.at;
}

static bool same_places(Type a, Type b)
{
    b.dtype = a.dtype;
    return type_equal(a, b);
}

const char *map_shape(Arena *arena, const Node *node, Type *out)
{
    MapTypes types = types_of[node->op];
    Type last = node->inputs[node->input_count - 1]->type;
    for (int i = 0; i < node->input_count; i++) {
        Type type = node->inputs[i]->type;
        bool alike = type.dtype == last.dtype || (types == CHOOSE && i == 0);
        if (!accepts(types, i, type.dtype) || !alike)
            return refuse_inputs(arena, node, accepted(types));
        if (!same_places(type, last)) return refuse_inputs(arena, node, "equal shapes");
    }
    *out = last;
    out->dtype = result_dtype(types, last.dtype);
    return NULL;
}

/* ---- gradients ---- */

static void *grad_number(void *context, double value)
{
    const Grad *g = context;
    return build_fill(g->graph, g->y->type, value);
}

static void *grad_call(void *context, Op op, int arg_count, void **args)
{
    const Grad *g = context;
    Node *inputs[3] = {args[0], args[1], args[2]};
    return build_map(g->graph, op, arg_count, inputs);
}

void map_grad(Grad *g)
{
    FormulaReader reader = {.context = g, .number = grad_number, .call = grad_call,
                            .bound = {[3] = g->y, [4] = g->dy}};
    for (int i = 0; i < g->node->input_count; i++) reader.bound[i] = g->node->inputs[i];
    for (int i = 0; i < g->node->input_count; i++) {
        const char *text = map_gradient_formula(g->node->op, i, g->graph->arena);
        if (!text || !g->wanted[i]) continue;
        g->dx[i] = formula_read(formula_parse(g->graph->arena, text), &reader);
    }
}

/* ---- evaluation, in double ---- */

/* Functions that have no formula. Each is what the math library says. */
#define NATIVE(id, expression)                                \
    static double native_##id(double a, double b, double c)   \
    {                                                         \
        (void)a, (void)b, (void)c;                            \
        return expression;                                    \
    }
NATIVE(add, a + b)
NATIVE(sub, a - b)
NATIVE(mul, a * b)
NATIVE(div, a / b)
NATIVE(min, a < b ? a : b)
NATIVE(max, a > b ? a : b)
NATIVE(neg, -a)
NATIVE(abs, fabs(a))
NATIVE(floor, floor(a))
NATIVE(sqrt, sqrt(a))
NATIVE(exp, exp(a))
NATIVE(log, log(a))
NATIVE(sin, sin(a))
NATIVE(cos, cos(a))
NATIVE(tanh, tanh(a))
NATIVE(normal_cdf, 0.5 * erfc(-a * 0.70710678118654752440))
NATIVE(lt, a < b)
NATIVE(le, a <= b)
NATIVE(gt, a > b)
NATIVE(ge, a >= b)
NATIVE(eq, a == b)
NATIVE(ne, a != b)
NATIVE(and, a != 0 && b != 0)
NATIVE(or, a != 0 || b != 0)
NATIVE(not, a == 0)
NATIVE(select, a != 0 ? b : c)
NATIVE(to_f32, a)
NATIVE(to_i32, a)
#undef NATIVE

static double (*const natives[OP_COUNT])(double, double, double) = {
#define NATIVE(id) [OP_##id] = native_##id,
    NATIVE(add) NATIVE(sub) NATIVE(mul) NATIVE(div) NATIVE(min) NATIVE(max) NATIVE(neg)
    NATIVE(abs) NATIVE(floor) NATIVE(sqrt) NATIVE(exp) NATIVE(log) NATIVE(sin) NATIVE(cos)
    NATIVE(tanh) NATIVE(normal_cdf) NATIVE(lt) NATIVE(le) NATIVE(gt) NATIVE(ge) NATIVE(eq)
    NATIVE(ne) NATIVE(and) NATIVE(or) NATIVE(not) NATIVE(select) NATIVE(to_f32) NATIVE(to_i32)
#undef NATIVE
};

static double formula_value(const Formula *f, const double *bound)
{
    if (f->kind == FORMULA_NUMBER) return f->number;
    if (f->kind == FORMULA_NAME) return bound[f->name - 'a'];
    double args[3] = {0, 0, 0};
    for (int i = 0; i < f->arg_count; i++) args[i] = formula_value(f->args[i], bound);
    return natives[f->op](args[0], args[1], args[2]);
}

void map_eval(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    const char *text = map_value_formula(node->op);
    const Formula *formula = text ? formula_parse(context->arena, text) : NULL;
    int64_t elements = type_elements(out->type);
    for (int64_t e = 0; e < elements; e++) {
        double x[3] = {0, 0, 0};
        for (int i = 0; i < node->input_count; i++) x[i] = tensor_get(&in[i], e);
        tensor_set(out, e,
                   formula ? formula_value(formula, x) : natives[node->op](x[0], x[1], x[2]));
    }
}

double map_flops(const Node *node)
{
    return (double)type_elements(node->type);
}
