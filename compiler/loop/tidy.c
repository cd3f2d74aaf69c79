/* Tidying: names that nothing reads, local rows that nothing loads, and loops without a body go
 * (those with one trip: open.c). Templates name what may be needed; only the finished loops show
 * what is. */
#include "loop/loop.h"

/* ---- who reads what ---- */

static void forget_list(const LoopStmts *list)
{
    for (int i = 0; i < list->count; i++) {
        const LoopStmt *s = list->at[i];
        if (s->var) s->var->reads = 0;
        forget_list(&s->body);
        forget_list(&s->otherwise);
    }
}

static void read_expr(const LoopExpr *x)
{
    if (!x) return;
    if (x->var) x->var->reads++;
    if (x->buffer) x->buffer->reads++;
    for (int i = 0; i < x->arg_count; i++) read_expr(x->args[i]);
}

static void read_list(const LoopStmts *list)
{
    for (int i = 0; i < list->count; i++) {
        const LoopStmt *s = list->at[i];
        const LoopExpr *const read[] = {s->lo, s->hi, s->value, s->index, s->source_index};
        for (size_t j = 0; j < sizeof read / sizeof *read; j++) read_expr(read[j]);
        if (s->source) s->source->reads++;
        for (int j = 0; j < s->passed.count; j++) {
            s->passed.at[j].buffer->reads++;
            read_expr(s->passed.at[j].index);
        }
        for (int j = 0; j < s->arguments.count; j++) read_expr(s->arguments.at[j]);
        read_list(&s->body);
        read_list(&s->otherwise);
    }
}

/* ---- what goes ---- */

static bool is_unread(const LoopStmt *s)
{
    if (s->kind == S_LET || s->kind == S_SET) return s->var->reads == 0;
    if (s->kind == S_FOR) return s->body.count == 0;
    return s->kind == S_STORE && s->buffer->local_floats > 0 && s->buffer->reads == 0;
}

static bool drop_from(LoopStmts *list)
{
    int kept = 0;
    bool dropped = false;
    for (int i = 0; i < list->count; i++) {
        LoopStmt *s = list->at[i];
        dropped |= drop_from(&s->body);
        dropped |= drop_from(&s->otherwise);
        if (is_unread(s)) dropped = true;
        else list->at[kept++] = s;
    }
    list->count = kept;
    return dropped;
}

static void drop_locals(Function *f)
{
    int kept = 0;
    for (int i = 0; i < f->locals.count; i++)
        if (f->locals.at[i]->reads) f->locals.at[kept++] = f->locals.at[i];
    f->locals.count = kept;
}

/* ---- passing names ---- */

/* What the next statement alone reads stands in it. */
static bool passes(const LoopStmt *s, const LoopStmt *next)
{
    if (s->kind != S_LET || !s->var->passing || s->var->reads != 1) return false;
    if (next->kind != S_LET && next->kind != S_SET && next->kind != S_STORE) return false;
    return x_is_brief(s->value) && loop_reads(next->value, s->var);
}

static void pass_on(Arena *arena, LoopStmts *list)
{
    int kept = 0;
    for (int i = 0; i < list->count; i++) {
        LoopStmt *s = list->at[i], *next = i + 1 < list->count ? list->at[i + 1] : s;
        pass_on(arena, &s->body);
        pass_on(arena, &s->otherwise);
        if (passes(s, next)) next->value = loop_replaced(arena, next->value, s->var, s->value);
        else list->at[kept++] = s;
    }
    list->count = kept;
}

void loop_tidy(Function *f)
{
    do {
        forget_list(&f->body);
        for (int i = 0; i < f->locals.count; i++) f->locals.at[i]->reads = 0;
        read_list(&f->body);
    } while (drop_from(&f->body));
    pass_on(f->arena, &f->body);
    drop_locals(f);
}
