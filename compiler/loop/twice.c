/* What is computed twice from the same names is computed once: a reader need not compare the two,
 * nor a C compiler. Templates give each reader of a value an expression of its own. */
#include "loop/loop.h"

typedef struct Computed {
    Var *var;
    const LoopExpr *value;
} Computed;

typedef struct Twice {
    Arena *arena;
    VEC(Computed) known;    /* in the scopes that are open; value NULL: no longer */
    VEC(Computed) replaced; /* names that are gone, and the reads of those that serve */
} Twice;

static LoopExpr *with_names(void *context, LoopExpr *x)
{
    const Twice *t = context;
    for (int i = 0; i < t->replaced.count; i++)
        x = loop_replaced(t->arena, x, t->replaced.at[i].var,
                          (LoopExpr *)(uintptr_t)t->replaced.at[i].value);
    return x;
}

static bool is_lasting(const LoopExpr *x)
{
    if (x->kind == E_LOAD || x->kind == E_RANDOM) return false;
    for (int i = 0; i < x->arg_count; i++)
        if (!is_lasting(x->args[i])) return false;
    return true;
}

/* What reads a variable that the statement sets, or one inside it, is another value from now on.
 */
static void forget(Twice *t, const LoopStmt *s)
{
    for (int i = 0; s->kind == S_SET && i < t->known.count; i++)
        if (t->known.at[i].value && loop_reads(t->known.at[i].value, s->var))
            t->known.at[i].value = NULL;
    for (int i = 0; i < s->body.count; i++) forget(t, s->body.at[i]);
    for (int i = 0; i < s->otherwise.count; i++) forget(t, s->otherwise.at[i]);
}

/* Whether the name is one too many. */
static bool is_again(Twice *t, const LoopStmt *s)
{
    if (s->kind != S_LET || s->var->assigned || !is_lasting(s->value)) return false;
    for (int i = 0; i < t->known.count; i++) {
        const Computed *c = &t->known.at[i];
        if (!c->value || !loop_equal(c->value, s->value)) continue;
        LoopExpr *read = arena_make(t->arena, LoopExpr);
        *read = (LoopExpr){
            .kind = E_VAR, .type = c->var->type, .vector = c->var->vector, .var = c->var};
        vec_push(t->arena, t->replaced, ((Computed){s->var, read}));
        return true;
    }
    if (!x_is_name(s->value)) vec_push(t->arena, t->known, ((Computed){s->var, s->value}));
    return false;
}

static void visit(Twice *t, LoopStmts *list)
{
    const int outside = t->known.count;
    int kept = 0;
    for (int i = 0; i < list->count; i++) {
        LoopStmt *s = list->at[i];
        loop_map(s, with_names, t);
        if (is_again(t, s)) continue;
        list->at[kept++] = s;
        forget(t, s);
        visit(t, &s->body);
        visit(t, &s->otherwise);
    }
    list->count = kept;
    t->known.count = outside;
}

void loop_compute_once(Function *f)
{
    Twice t = {.arena = f->arena};
    visit(&t, &f->body);
}
