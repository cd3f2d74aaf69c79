/* Sharing: what is loaded twice in statements that follow each other gets a name before the first
 * of them. Templates build their expressions chunk by chunk and do not remember; a reader of the C
 * would wonder whether two loads are the same, and this says so. Between a load and its repetition
 * nothing may branch, loop, or write to its buffer. */
#include <string.h>

#include "base/cname.h"
#include "loop/loop.h"

/* A place that was read: from statement `first` until `last`, after which the buffer may hold
 * something else. */
typedef struct Place {
    LoopExpr *load;
    int first, last, reads;
    Var *var;
    bool named; /* by the template: var is declared already */
} Place;

typedef VEC(const char *) Names;

typedef struct Share {
    Function *function;
    VEC(Place) places; /* of the list in work */
    Names names;       /* of the function's formals and of the lists around */
} Share;

static bool is_straight(const LoopStmt *s)
{
    return s->kind == S_LET || s->kind == S_SET || s->kind == S_STORE || s->kind == S_COMMENT;
}

/* ---- what is read where ---- */

static Place *place_of(Share *sh, const LoopExpr *load, int at)
{
    for (int i = sh->places.count - 1; i >= 0; i--) {
        Place *p = &sh->places.at[i];
        if (p->first <= at && at <= p->last && loop_equal(p->load, load)) return p;
    }
    return NULL;
}

static void note_load(Share *sh, LoopExpr *load, int at, int end)
{
    Place *p = place_of(sh, load, at);
    if (!p) {
        vec_push(sh->function->arena, sh->places,
                 ((Place){.load = load, .first = at, .last = end}));
        p = &sh->places.at[sh->places.count - 1];
    }
    p->reads++;
}

static void note_loads(Share *sh, LoopExpr *x, int at, int end)
{
    if (x->kind == E_LOAD) note_load(sh, x, at, end);
    else
        for (int i = 0; i < x->arg_count; i++) note_loads(sh, x->args[i], at, end);
}

/* What statement `at` writes is another value from the next statement on. */
static void end_places(Share *sh, const LoopStmt *s, int at)
{
    for (int i = 0; i < sh->places.count; i++) {
        Place *p = &sh->places.at[i];
        const bool written = (s->kind == S_STORE && p->load->buffer == s->buffer)
                          || (s->kind == S_SET && loop_reads(p->load, s->var));
        if (written && p->last > at) p->last = at;
    }
}

/* A name that was given to a load already serves the statements behind it. */
static void take_let(Share *sh, const LoopStmt *s, int at, int end)
{
    const bool names_load = s->kind == S_LET && !s->var->assigned && s->value->kind == E_LOAD;
    if (!names_load || place_of(sh, s->value, at)) return;
    vec_push(
        sh->function->arena, sh->places,
        ((Place){.load = s->value, .first = at + 1, .last = end, .var = s->var, .named = true}));
}

static void note_run(Share *sh, const LoopStmts *list, int begin, int end)
{
    for (int at = begin; at < end; at++) {
        const LoopStmt *s = list->at[at];
        const int named = sh->places.count;
        if (s->value) {
            take_let(sh, s, at, end - 1);
            if (sh->places.count == named) note_loads(sh, s->value, at, end - 1);
        }
        end_places(sh, s, at);
    }
}

/* ---- names ---- */

static void names_in(Share *sh, Names *names, const LoopStmts *list, bool deep)
{
    for (int i = 0; i < list->count; i++) {
        const LoopStmt *s = list->at[i];
        if (s->kind == S_LET || s->kind == S_FOR)
            vec_push(sh->function->arena, *names, s->var->name);
        if (!deep) continue;
        names_in(sh, names, &s->body, true);
        names_in(sh, names, &s->otherwise, true);
    }
}

static bool is_taken(const Names *names, const char *name)
{
    for (int i = 0; i < names->count; i++)
        if (!strcmp(names->at[i], name)) return true;
    return false;
}

static const char *take_name(Share *sh, Names *names, const char *wanted)
{
    const char *name = wanted;
    for (int i = 2; is_taken(&sh->names, name) || is_taken(names, name); i++)
        name = name_numbered(sh->function->arena, wanted, i);
    vec_push(sh->function->arena, *names, name);
    return name;
}

static void name_places(Share *sh, const LoopStmts *list)
{
    Names names = {0};
    for (int i = 0; i < sh->places.count; i++) {
        Place *p = &sh->places.at[i];
        if (p->named || p->reads < 2) continue;
        if (!names.count) names_in(sh, &names, list, true);
        const Buffer *from = p->load->buffer;
        const char *name = from->value_name ? from->value_name : from->name;
        p->var = arena_make(sh->function->arena, Var);
        *p->var = (Var){.name = take_name(sh, &names, name),
                        .wanted = name,
                        .type = p->load->type,
                        .vector = p->load->vector};
    }
}

/* ---- rewriting: expressions may be shared with other lists, so changed ones are copies ---- */

static LoopExpr *rewritten(Share *sh, LoopExpr *x, int at)
{
    if (x->kind == E_LOAD) {
        const Place *p = place_of(sh, x, at);
        if (!p || !p->var) return x;
        LoopExpr *var = arena_make(sh->function->arena, LoopExpr);
        *var = (LoopExpr){.kind = E_VAR, .type = x->type, .vector = x->vector, .var = p->var};
        return var;
    }
    LoopExpr *copy = x;
    for (int i = 0; i < x->arg_count; i++) {
        LoopExpr *arg = rewritten(sh, x->args[i], at);
        if (arg == x->args[i]) continue;
        if (copy == x) {
            copy = arena_make(sh->function->arena, LoopExpr);
            *copy = *x;
        }
        copy->args[i] = arg;
    }
    return copy;
}

static void declare(Share *sh, LoopStmts *list, const Place *p)
{
    LoopStmt *s = arena_make(sh->function->arena, LoopStmt);
    *s = (LoopStmt){.kind = S_LET, .var = p->var, .value = p->load};
    vec_push(sh->function->arena, *list, s);
}

static void rewrite_list(Share *sh, LoopStmts *list)
{
    LoopStmts with_names = {0};
    for (int at = 0, next = 0; at < list->count; at++) {
        LoopStmt *s = list->at[at];
        for (; next < sh->places.count && sh->places.at[next].first <= at; next++) {
            const Place *p = &sh->places.at[next];
            if (p->var && !p->named) declare(sh, &with_names, p);
        }
        if (is_straight(s) && s->value) s->value = rewritten(sh, s->value, at);
        vec_push(sh->function->arena, with_names, s);
    }
    *list = with_names;
}

static void share_list(Share *sh, LoopStmts *list)
{
    sh->places.count = 0;
    for (int begin = 0, end; begin < list->count; begin = end + 1) {
        for (end = begin; end < list->count && is_straight(list->at[end]);) end++;
        note_run(sh, list, begin, end);
    }
    name_places(sh, list);
    rewrite_list(sh, list);

    const int outside = sh->names.count;
    names_in(sh, &sh->names, list, false);
    for (int i = 0; i < list->count; i++) {
        share_list(sh, &list->at[i]->body);
        share_list(sh, &list->at[i]->otherwise);
    }
    sh->names.count = outside;
}

void loop_share(Function *f)
{
    Share sh = {.function = f};
    for (int i = 0; i < f->buffers.count; i++) vec_push(f->arena, sh.names, f->buffers.at[i]->name);
    for (int i = 0; i < f->locals.count; i++) vec_push(f->arena, sh.names, f->locals.at[i]->name);
    for (int i = 0; i < f->scalars.count; i++) vec_push(f->arena, sh.names, f->scalars.at[i]->name);
    share_list(&sh, &f->body);
}
