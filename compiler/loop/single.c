/* A function as it is for a count of one: loops over rows that run once are gone, as in a function
 * that knows no count. */
#include <string.h>

#include "loop/loop.h"

typedef struct Known {
    const Var *var;
    LoopExpr *value;
} Known;

typedef struct Single {
    LoopBuilder b;
    VEC(Known) known;
} Single;

static LoopExpr *with_known(void *context, LoopExpr *x)
{
    Single *s = context;
    for (int i = 0; i < s->known.count; i++)
        x = loop_substitute(&s->b, x, s->known.at[i].var, s->known.at[i].value);
    return x;
}

static void clone_list(Single *s, const LoopStmts *from, LoopStmts *to);

/* A loop that ran over rows and now runs once: its body stands for it. */
static bool runs_once(const LoopStmt *before, const LoopExpr *lo, const LoopExpr *hi)
{
    if (before->hi->kind == E_INT || lo->kind != E_INT || hi->kind != E_INT) return false;
    return hi->number > lo->number && hi->number - lo->number <= (double)before->step;
}

/* What a call hands on, as lists of its own. */
static void copy_lists(Single *s, LoopStmt *copy, const LoopStmt *x)
{
    memset(&copy->passed, 0, sizeof copy->passed);
    memset(&copy->arguments, 0, sizeof copy->arguments);
    for (int i = 0; i < x->passed.count; i++)
        vec_push(s->b.arena, copy->passed, x->passed.at[i]);
    for (int i = 0; i < x->arguments.count; i++)
        vec_push(s->b.arena, copy->arguments, x->arguments.at[i]);
}

static void clone_stmt(Single *s, const LoopStmt *x, LoopStmts *to)
{
    LoopStmt *copy = arena_make(s->b.arena, LoopStmt);
    *copy = *x;
    copy_lists(s, copy, x);
    loop_map(copy, with_known, s);
    if (x->kind == S_FOR && runs_once(x, copy->lo, copy->hi)) {
        vec_push(s->b.arena, s->known, ((Known){x->var, copy->lo}));
        clone_list(s, &x->body, to);
        return;
    }
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
