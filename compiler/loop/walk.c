/* The expressions of statements. */
#include "loop/loop.h"

bool loop_reads(const LoopExpr *x, const Var *var)
{
    if (x->var == var) return true;
    for (int i = 0; i < x->arg_count; i++)
        if (loop_reads(x->args[i], var)) return true;
    return false;
}

LoopExpr *loop_replaced(Arena *arena, LoopExpr *x, const Var *var, LoopExpr *value)
{
    if (x->var == var) return value;
    if (!loop_reads(x, var)) return x;
    LoopExpr *copy = arena_make(arena, LoopExpr);
    *copy = *x;
    for (int i = 0; i < x->arg_count; i++)
        copy->args[i] = loop_replaced(arena, x->args[i], var, value);
    return copy;
}

static LoopExpr *rebuilt(LoopBuilder *b, const LoopExpr *x, const Var *var, LoopExpr *value)
{
    LoopExpr *copy = arena_make(b->arena, LoopExpr);
    *copy = *x;
    for (int i = 0; i < x->arg_count; i++)
        copy->args[i] = loop_substitute(b, x->args[i], var, value);
    return copy;
}

LoopExpr *loop_substitute(LoopBuilder *b, LoopExpr *x, const Var *var, LoopExpr *value)
{
    LoopExpr *to[2] = {NULL, NULL};
    if (x->var == var) return value;
    if (!loop_reads(x, var)) return x;
    if (x->type != LT_INDEX || x->arg_count != 2) return rebuilt(b, x, var, value);
    for (int i = 0; i < 2; i++) to[i] = loop_substitute(b, x->args[i], var, value);
    switch (x->kind) {
    case E_INDEX_ADD: return x_add(b, to[0], to[1]);
    case E_INDEX_MUL: return x_times(b, to[0], to[1]);
    case E_INDEX_MIN: return x_min(b, to[0], to[1]);
    case E_INDEX_MAX: return x_max(b, to[0], to[1]);
    case E_INDEX_DIV: return x_div(b, to[0], (int64_t)to[1]->number);
    case E_INDEX_MOD: return x_mod(b, to[0], (int64_t)to[1]->number);
    default: return rebuilt(b, x, var, value);
    }
}

void loop_map(LoopStmt *s, LoopMap map, void *context)
{
    LoopExpr **const own[] = {&s->lo, &s->hi, &s->value, &s->index, &s->source_index};
    for (size_t i = 0; i < sizeof own / sizeof *own; i++)
        if (*own[i]) *own[i] = map(context, *own[i]);
    for (int i = 0; i < s->passed.count; i++)
        s->passed.at[i].index = map(context, s->passed.at[i].index);
    for (int i = 0; i < s->arguments.count; i++)
        s->arguments.at[i] = map(context, s->arguments.at[i]);
}
