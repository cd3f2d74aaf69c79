/* Elementwise operations: one shape rule, gradient, evaluation and cost for all of them, driven
 * by maps.def. */
#include <math.h>
#include <string.h>

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

/* So many elements of up to three operands at a time. */
typedef struct Chunk {
    int count;
    const double *in[3];             /* by the letter of a formula: a, b, c */
} Chunk;

/* Functions that have no formula. Each is what the math library says. */
#define NATIVE(id, expression)                                \
    static void native_##id(const Chunk *chunk, double *out)  \
    {                                                         \
        for (int i = 0; i < chunk->count; i++) {              \
            const double a = chunk->in[0][i];                 \
            const double b = chunk->in[1][i];                 \
            const double c = chunk->in[2][i];                 \
            (void)a, (void)b, (void)c;                        \
            out[i] = expression;                              \
        }                                                     \
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

static void (*const natives[OP_COUNT])(const Chunk *, double *) = {
#define NATIVE(id) [OP_##id] = native_##id,
    NATIVE(add) NATIVE(sub) NATIVE(mul) NATIVE(div) NATIVE(min) NATIVE(max) NATIVE(neg)
    NATIVE(abs) NATIVE(floor) NATIVE(sqrt) NATIVE(exp) NATIVE(log) NATIVE(sin) NATIVE(cos)
    NATIVE(tanh) NATIVE(normal_cdf) NATIVE(lt) NATIVE(le) NATIVE(gt) NATIVE(ge) NATIVE(eq)
    NATIVE(ne) NATIVE(and) NATIVE(or) NATIVE(not) NATIVE(select) NATIVE(to_f32) NATIVE(to_i32)
#undef NATIVE
};

static void formula_chunk(const Formula *f, const Chunk *bound, double *out)
{
    double args[3][TENSOR_CHUNK];
    Chunk chunk = {.count = bound->count, .in = {args[0], args[0], args[0]}};
    if (f->kind == FORMULA_NUMBER)
        for (int i = 0; i < bound->count; i++) out[i] = f->number;
    else if (f->kind == FORMULA_NAME)
        memcpy(out, bound->in[f->name - 'a'], (size_t)bound->count * sizeof *out);
    else {
        for (int i = 0; i < f->arg_count; i++) {
            formula_chunk(f->args[i], bound, args[i]);
            chunk.in[i] = args[i];
        }
        natives[f->op](&chunk, out);
    }
}

void map_eval(EvalContext *context, const Node *node, const Tensor *in, Tensor *out)
{
    const char *text = map_value_formula(node->op);
    const Formula *formula = text ? formula_parse(context->arena, text) : NULL;
    const int64_t elements = type_elements(out->type);
    double x[3][TENSOR_CHUNK], y[TENSOR_CHUNK];
    for (int64_t first = 0; first < elements; first += TENSOR_CHUNK) {
        const int64_t left = elements - first;
        Chunk chunk = {.count = left < TENSOR_CHUNK ? (int)left : TENSOR_CHUNK,
                       .in = {x[0], x[0], x[0]}};
        for (int i = 0; i < node->input_count; i++) {
            tensor_read(&in[i], first, chunk.count, x[i]);
            chunk.in[i] = x[i];
        }
        if (formula) formula_chunk(formula, &chunk, y);
        else natives[node->op](&chunk, y);
        tensor_write(out, first, chunk.count, y);
    }
}

double map_flops(const Node *node)
{
    return (double)type_elements(node->type);
}
