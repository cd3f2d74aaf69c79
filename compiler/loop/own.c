/* Memory of each part's own, local arrays and scratch: whether a loop can be shared out although it
 * uses some, for it fills it before it reads it. */
#include "loop/parts.h"

/* Whether a number that `call` (or NULL) runs this with is zero. */
static bool is_zero(const LoopExpr *x, const LoopStmt *call)
{
    if (x->kind != E_VAR) return false;
    if (x->var->known) return x->var->value == 0;
    for (int i = 0; call && i < call->callee->scalars.count; i++)
        if (call->callee->scalars.at[i] == x->var)
            return call->arguments.at[i]->kind == E_INT && call->arguments.at[i]->number == 0;
    return false;
}

/* An `if` on a number that is zero here. */
static bool never_runs(const LoopStmt *s, const LoopStmt *call)
{
    return s->kind == S_IF && is_zero(s->value, call) && s->otherwise.count == 0;
}

/* The first statement in it that touches the buffer, in the order in which they run; or NULL. To
 * ask for its lines does not count. */
static const LoopStmt *first_use(const LoopStmt *s, const Buffer *buffer, const LoopStmt *call)
{
    const LoopExpr *const at[] = {s->lo, s->hi, s->value};
    if (s->kind == S_PREFETCH || !part_uses(s, NULL, buffer)) return NULL;
    if (!s->body.count && !s->otherwise.count) return s;
    for (int i = 0; i < s->body.count + s->otherwise.count; i++) {
        const LoopStmt *inner = i < s->body.count ? s->body.at[i]
                                                  : s->otherwise.at[i - s->body.count];
        const LoopStmt *first = never_runs(inner, call) ? NULL : first_use(inner, buffer, call);
        if (first) return first;
    }
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        if (part_expr_uses(at[i], NULL, buffer)) return s;
    return NULL;
}

static bool fills(const LoopStmt *s, const Buffer *buffer)
{
    return (s->kind == S_STORE || s->kind == S_TRANSPOSE) && s->buffer == buffer
        && s->source != buffer && !part_expr_uses(s->value, NULL, buffer);
}

/* Whether what is called fills the buffer, which it is handed once, before it reads of it. */
static bool call_fills(const LoopStmt *call, const Buffer *buffer)
{
    const Buffer *formal = NULL;
    for (int i = 0; i < call->passed.count; i++) {
        if (call->passed.at[i].buffer != buffer) continue;
        if (formal) return false;
        formal = call->callee->buffers.at[i];
    }
    for (int i = 0; formal && i < call->callee->body.count; i++) {
        const LoopStmt *s = call->callee->body.at[i];
        const LoopStmt *first = never_runs(s, call) ? NULL : first_use(s, formal, call);
        if (first) return fills(first, formal);
    }
    return false;
}

/* What each part has its own of is filled before it is read. */
static bool is_filled_first(const LoopStmt *s, const Buffer *buffer)
{
    const LoopStmt *first = first_use(s, buffer, NULL);
    return !first || (first->kind == S_CALL ? call_fills(first, buffer) : fills(first, buffer));
}

/* Whether nothing but statement `i` writes the buffer. */
static bool is_only_writer(const Divide *d, int i, const Buffer *buffer)
{
    for (int j = 0; j < d->body.count; j++)
        if (j != i && part_writes(d->body.at[j], buffer)) return false;
    return true;
}

bool own_fills(const Divide *d, int i)
{
    const LoopStmt *s = d->body.at[i];
    bool does = false;
    if (s->kind == S_LET || !part_sets_its_own(s, s)) return false;
    for (int j = 0; j < d->body.count; j++) {
        const LoopStmt *let = d->body.at[j];
        if (let->kind == S_LET && part_uses(s, let->var, NULL)) return false;
    }
    for (int j = 0; j < d->whole->buffers.count; j++) {
        const Buffer *b = d->whole->buffers.at[j];
        if (b->constant || !part_uses(s, NULL, b)) continue;
        if (!b->each || !is_filled_first(s, b) || !is_only_writer(d, i, b)) return false;
        does = true;
    }
    return does;
}

/* Of a buffer that a statement fills for all that follow. */
static bool is_filled_in_front(const Divide *d, const Buffer *buffer)
{
    for (int i = 0; i < d->body.count; i++)
        if (part_uses(d->body.at[i], NULL, buffer)) return d->part_of[i] == EACH;
    return false;
}

static bool reads(const LoopStmt *s, const Buffer *buffer)
{
    const LoopExpr *const at[] = {s->lo, s->hi, s->value, s->index, s->source_index};
    for (size_t i = 0; i < sizeof at / sizeof *at; i++)
        if (part_expr_uses(at[i], NULL, buffer)) return true;
    for (int i = 0; i < s->passed.count; i++)
        if (s->passed.at[i].buffer == buffer) return true;
    if (s->source == buffer) return true;
    for (int i = 0; i < s->body.count + s->otherwise.count; i++)
        if (reads(i < s->body.count ? s->body.at[i] : s->otherwise.at[i - s->body.count], buffer))
            return true;
    return false;
}

/* Whether statement `i` finds in the buffer nothing that `top` left there: it fills it, or what
 * does stands in front: statements that fill it and read nothing of it, behind the last that does
 * both. */
static bool finds_nothing_of(const Divide *d, const LoopStmt *top, int i, const Buffer *buffer)
{
    bool filled = false;
    if (is_filled_first(d->body.at[i], buffer)) return true;
    while (--i >= 0) {
        const LoopStmt *s = d->body.at[i];
        const bool writes = part_writes(s, buffer), and_reads = reads(s, buffer);
        if (writes && and_reads) break;
        if (writes && s == top) return false;
        filled |= writes;
    }
    return filled;
}

bool own_is_filled_first(const Divide *d, const LoopStmt *top, const LoopStmt *loop)
{
    const Function *f = d->whole;
    for (int i = 0; i < f->locals.count + f->buffers.count; i++) {
        const Buffer *b = i < f->locals.count ? f->locals.at[i]
                                              : f->buffers.at[i - f->locals.count];
        if ((!b->local_floats && !b->each) || !part_uses(loop, NULL, b)) continue;
        if (is_filled_in_front(d, b)) continue;
        if (!is_filled_first(loop, b)) return false;
        for (int j = 0; j < d->body.count; j++)
            if (b->local_floats ? !is_filled_first(d->body.at[j], b)
                                : !finds_nothing_of(d, top, j, b))
                return false;
    }
    return true;
}
