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
