/* Loops that add up scalars: sums over groups of their iterations, added up in their order, are the
 * same sum but for rounding, and the groups can run at the same time. */
#include "loop/parts.h"

static bool is_var(const LoopExpr *x, const Var *var) { return x->kind == E_VAR && x->var == var; }

/* v + x, x + v, v - x, x * y + v */
static bool is_gain(const LoopExpr *x, const Var *v)
{
    int old = -1;
    if (x->kind == E_MAP && (x->op == OP_add || x->op == OP_sub) && is_var(x->args[0], v)) old = 0;
    else if (x->kind == E_MAP && x->op == OP_add && is_var(x->args[1], v)) old = 1;
    else if (x->kind == E_FMA && is_var(x->args[2], v)) old = 2;
    for (int i = 0; old >= 0 && i < x->arg_count; i++)
        if (i != old && loop_reads(x->args[i], v)) return false;
    return old >= 0;
}

static bool reads(const LoopStmt *s, const Var *var)
{
    const LoopExpr *const read[] = {s->lo, s->hi, s->value, s->index, s->source_index};
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        if (read[i] && loop_reads(read[i], var)) return true;
    return false;
}

/* Everything in the loop that has to do with v adds to it. */
static bool only_gains(const LoopStmt *s, const Var *v)
{
    const bool gain = s->kind == S_SET && s->var == v;
    if (gain ? !is_gain(s->value, v) : reads(s, v)) return false;
    for (int i = 0; i < s->body.count; i++)
        if (!only_gains(s->body.at[i], v)) return false;
    for (int i = 0; i < s->otherwise.count; i++)
        if (!only_gains(s->otherwise.at[i], v)) return false;
    return true;
}

bool sums_into(const LoopStmt *top, const Var *var)
{
    return part_sets(top, var) && !part_declares(top, var);
}

/* The name of a sum that starts from 0 and that no other statement changes. */
static bool is_sum(const Divide *d, const LoopStmt *let, const LoopStmt *top)
{
    int changes = 0;
    for (int i = 0; i < d->body.count; i++) changes += part_sets(d->body.at[i], let->var);
    return let->var->type == LT_F32 && let->value->kind == E_FLOAT && let->value->number == 0
        && changes == 1 && only_gains(top, let->var);
}

/* How many of its statements set a variable from outside the loop. */
static int count_outside(const LoopStmt *s, const LoopStmt *top)
{
    int n = 0;
    if (s->kind == S_SET && !part_declares(top, s->var)) n = 1;
    for (int i = 0; i < s->body.count; i++) n += count_outside(s->body.at[i], top);
    for (int i = 0; i < s->otherwise.count; i++) n += count_outside(s->otherwise.at[i], top);
    return n;
}

/* How many statements of the loop set the variable. */
static int count_sets(const LoopStmt *s, const Var *var)
{
    int n = s->kind == S_SET && s->var == var;
    for (int i = 0; i < s->body.count; i++) n += count_sets(s->body.at[i], var);
    for (int i = 0; i < s->otherwise.count; i++) n += count_sets(s->otherwise.at[i], var);
    return n;
}

bool sums_alone(const Divide *d, const LoopStmt *top)
{
    int outside = count_outside(top, top);
    if (top->kind != S_FOR || top->step != 1 || !outside) return false;
    if (top->lo->kind != E_INT || top->lo->number != 0) return false;
    if (part_trips(d, top) < 2 * GROUPS) return false;
    for (int i = 0; i < d->body.count; i++) {
        const LoopStmt *let = d->body.at[i];
        if (let->kind != S_LET || !sums_into(top, let->var)) continue;
        if (!is_sum(d, let, top)) return false;
        outside -= count_sets(top, let->var);
    }
    return outside == 0;
}
