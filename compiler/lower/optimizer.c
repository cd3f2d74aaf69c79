/* The optimiser's step: SGD with momentum, Adam (Kingma and Ba, 2015), AdamW (Loshchilov and
 * Hutter, 2019), in PyTorch's form. Every update maps (0, 0) to 0, so padding stays zero. */
#include "lower/optimizer.h"

#include "target/target.h"

typedef struct Step {
    LoopBuilder b;
    Buffer *params, *grads, *first, *second;
    LoopExpr *at;
    Var *rate, *decay, *beta1, *beta2, *scale, *eps;
} Step;

static LoopExpr *map2(Step *s, Op op, LoopExpr *a, LoopExpr *c)
{
    return x_map(&s->b, op, 2, (LoopExpr *[]){a, c});
}

static LoopExpr *keep(Step *s, const char *name, LoopExpr *x)
{
    return x_var(&s->b, loop_let(&s->b, name, x));
}

static LoopExpr *all(Step *s, Var *scalar) { return x_splat(&s->b, x_var(&s->b, scalar)); }

static LoopExpr *load(Step *s, Buffer *buffer)
{
    return x_vload(&s->b, buffer, s->at, s->b.program->target->width);
}

static void store(Step *s, Buffer *buffer, LoopExpr *x)
{
    loop_vstore(&s->b, buffer, s->at, x, s->b.program->target->width);
}

/* moment + share * (to - moment) */
static LoopExpr *towards(Step *s, const char *name, LoopExpr *moment, Var *share, LoopExpr *to)
{
    return keep(s, name, x_fma(&s->b, all(s, share), map2(s, OP_sub, to, moment), moment));
}

static void sgd_element(Step *s)
{
    LoopExpr *w = keep(s, "w", load(s, s->params));
    LoopExpr *g = keep(s, "g", x_fma(&s->b, all(s, s->decay), w, load(s, s->grads)));
    LoopExpr *v = keep(s, "v", x_fma(&s->b, all(s, s->beta1), load(s, s->first), g));
    store(s, s->first, v);
    store(s, s->params, map2(s, OP_sub, w, map2(s, OP_mul, all(s, s->rate), v)));
}

static void adam_element(Step *s, bool decoupled)
{
    LoopExpr *w = keep(s, "w", load(s, s->params));
    LoopExpr *g =
        decoupled ? load(s, s->grads) : x_fma(&s->b, all(s, s->decay), w, load(s, s->grads));
    g = keep(s, "g", g);
    LoopExpr *m = towards(s, "m", keep(s, "m0", load(s, s->first)), s->beta1, g);
    LoopExpr *v =
        towards(s, "v", keep(s, "v0", load(s, s->second)), s->beta2, map2(s, OP_mul, g, g));
    store(s, s->first, m);
    store(s, s->second, v);
    LoopExpr *root = x_map(&s->b, OP_sqrt, 1, (LoopExpr *[]){map2(s, OP_mul, v, all(s, s->scale))});
    LoopExpr *step = x_quotient(&s->b, map2(s, OP_mul, all(s, s->rate), m),
                                map2(s, OP_add, root, all(s, s->eps)));
    if (decoupled)
        w = map2(s, OP_mul, w, map2(s, OP_sub, x_float(&s->b, 1, true), all(s, s->decay)));
    store(s, s->params, map2(s, OP_sub, w, step));
}

Function *lower_optimizer(Program *program, OptimizerKind kind)
{
    static const char *const names[] = {"sgd", "adam", "adamw"};
    Step s = {
        .b = loop_function(program, names[kind],
                           "One step over n parameters, a multiple of 16; moments and parameters "
                           "are updated in place.")};
    s.params = loop_buffer(&s.b, "params", LT_F32, false);
    s.grads = loop_buffer(&s.b, "grads", LT_F32, true);
    s.first = loop_buffer(&s.b, "first", LT_F32, false);
    if (kind != OPTIMIZER_SGD) s.second = loop_buffer(&s.b, "second", LT_F32, false);
    s.rate = loop_scalar(&s.b, "rate", LT_F32);
    s.decay = loop_scalar(&s.b, "decay", LT_F32);
    s.beta1 = loop_scalar(&s.b, kind == OPTIMIZER_SGD ? "momentum" : "gain1", LT_F32);
    if (kind != OPTIMIZER_SGD) {
        s.beta2 = loop_scalar(&s.b, "gain2", LT_F32);
        s.scale = loop_scalar(&s.b, "scale", LT_F32);
        s.eps = loop_scalar(&s.b, "eps", LT_F32);
    }
    Var *n = loop_scalar(&s.b, "n", LT_INDEX);
    s.at =
        x_var(&s.b, loop_begin(&s.b, "i", x_int(&s.b, 0), x_var(&s.b, n), program->target->width));
    if (kind == OPTIMIZER_SGD) sgd_element(&s);
    else adam_element(&s, kind == OPTIMIZER_ADAMW);
    loop_end(&s.b);
    return s.b.function;
}
