/* A function as it is for a count of one: loops over rows that run once are gone, as in a function
 * that knows no count. */
#include "loop/loop.h"

typedef struct Known {
    const Var *var;
    LoopExpr *value;
} Known;

typedef struct Single {
    LoopBuilder b;
    VEC(Known) known;
} Single;

static LoopExpr *clone(Single *s, LoopExpr *x);

static LoopExpr *rebuilt(Single *s, const LoopExpr *x)
{
    LoopExpr *copy = arena_make(s->b.arena, LoopExpr);
    *copy = *x;
    for (int i = 0; i < x->arg_count; i++) copy->args[i] = clone(s, x->args[i]);
    return copy;
}

static LoopExpr *clone(Single *s, LoopExpr *x)
{
    if (!x) return NULL;
    for (int i = 0; x->kind == E_VAR && i < s->known.count; i++)
        if (s->known.at[i].var == x->var) return s->known.at[i].value;
    switch (x->kind) {
    case E_INDEX_ADD: return x_add(&s->b, clone(s, x->args[0]), clone(s, x->args[1]));
    case E_INDEX_MUL: return x_times(&s->b, clone(s, x->args[0]), clone(s, x->args[1]));
    case E_INDEX_MIN: return x_min(&s->b, clone(s, x->args[0]), clone(s, x->args[1]));
    case E_INDEX_MAX: return x_max(&s->b, clone(s, x->args[0]), clone(s, x->args[1]));
    case E_INDEX_DIV: return x_div(&s->b, clone(s, x->args[0]), (int64_t)x->args[1]->number);
    case E_INDEX_MOD: return x_mod(&s->b, clone(s, x->args[0]), (int64_t)x->args[1]->number);
    default: return x->arg_count ? rebuilt(s, x) : x;
    }
}

static void clone_list(Single *s, const LoopStmts *from, LoopStmts *to);

/* A loop that ran over rows and now runs once: its body stands for it. */
static bool runs_once(const LoopStmt *before, const LoopExpr *lo, const LoopExpr *hi)
{
    if (before->hi->kind == E_INT || lo->kind != E_INT || hi->kind != E_INT) return false;
    return hi->number > lo->number && hi->number - lo->number <= (double)before->step;
}

static void clone_stmt(Single *s, const LoopStmt *x, LoopStmts *to)
{
    LoopStmt *copy = arena_make(s->b.arena, LoopStmt);
    *copy = *x;
    copy->lo = clone(s, x->lo);
    copy->hi = clone(s, x->hi);
    if (x->kind == S_FOR && runs_once(x, copy->lo, copy->hi)) {
        vec_push(s->b.arena, s->known, ((Known){x->var, copy->lo}));
        clone_list(s, &x->body, to);
        return;
    }
    copy->value = clone(s, x->value);
    copy->index = clone(s, x->index);
    copy->source_index = clone(s, x->source_index);
    copy->passed.at = NULL;
    copy->passed.count = copy->passed.room = 0;
    for (int i = 0; i < x->passed.count; i++) {
        Handed h = x->passed.at[i];
        h.index = clone(s, h.index);
        vec_push(s->b.arena, copy->passed, h);
    }
    copy->arguments.at = NULL;
    copy->arguments.count = copy->arguments.room = 0;
    for (int i = 0; i < x->arguments.count; i++)
        vec_push(s->b.arena, copy->arguments, clone(s, x->arguments.at[i]));
    copy->body = copy->otherwise = (LoopStmts){0};
    clone_list(s, &x->body, &copy->body);
    clone_list(s, &x->otherwise, &copy->otherwise);
    vec_push(s->b.arena, *to, copy);
}

static void clone_list(Single *s, const LoopStmts *from, LoopStmts *to)
{
    for (int i = 0; i < from->count; i++) clone_stmt(s, from->at[i], to);
}

Function *loop_single(Program *program, const Function *function)
{
    Function *made = arena_make(program->arena, Function);
    Single s = {.b = {.arena = program->arena, .program = program, .function = made}};
    *made = *function;
    made->plain = NULL;
    made->body = (LoopStmts){0};
    made->scalars.at = NULL;
    made->scalars.count = made->scalars.room = 0;
    for (int i = 0; i < function->scalars.count; i++) {
        Var *var = function->scalars.at[i];
        if (var->type == LT_INDEX)
            vec_push(s.b.arena, s.known, ((Known){var, x_int(&s.b, 1)}));
        else vec_push(s.b.arena, made->scalars, var);
    }
    clone_list(&s, &function->body, &made->body);
    return made;
}
