/* Parts: the statements of each, in front of them what it reads of earlier ones, behind them what
 * later ones read, and its formals. */
#include <string.h>

#include "loop/parts.h"
#include "target/target.h"

enum { SLOT = 16 };                  /* floats kept of a variable: the widest vector */

static int slot_of(const Divide *d, const Var *var)
{
    for (int i = 0; i < d->kept.count; i++)
        if (d->kept.at[i] == var) return i;
    return -1;
}

/* ---- making parts ---- */

static LoopStmt *copy_of(const Divide *d, const LoopStmt *s)
{
    LoopStmt *copy = arena_make(d->arena, LoopStmt);
    *copy = *s;
    return copy;
}

static LoopStmt *let_stmt(const Divide *d, Var *var, LoopExpr *value)
{
    LoopStmt *s = arena_make(d->arena, LoopStmt);
    *s = (LoopStmt){.kind = S_LET, .var = var, .value = value};
    return s;
}

static bool name_used(const LoopStmts *list, const char *name)
{
    for (int i = 0; i < list->count; i++) {
        const LoopStmt *s = list->at[i];
        if (s->var && !strcmp(s->var->name, name)) return true;
        if (name_used(&s->body, name) || name_used(&s->otherwise, name)) return true;
    }
    return false;
}

static bool name_taken(const Function *f, const char *name)
{
    for (int i = 0; i < f->buffers.count; i++)
        if (!strcmp(f->buffers.at[i]->name, name)) return true;
    return name_used(&f->body, name);
}

static const char *free_name(const Divide *d, const char *wanted)
{
    const char *name = wanted;
    for (int i = 2; name_taken(d->whole, name); i++)
        name = arena_printf(d->arena, "%s%d", wanted, i);
    return name;
}

/* What calls the parts has names of its own beside the formals. */
static void free_formals(const Divide *d)
{
    for (int i = 0; i < d->whole->buffers.count; i++) {
        Buffer *b = d->whole->buffers.at[i];
        const bool clashes = !strcmp(b->name, "parallel") || !strcmp(b->name, "at")
                             || !strncmp(b->name, "task", 4);
        if (clashes) b->name = free_name(d, arena_printf(d->arena, "%s_", b->name));
    }
}

static Var *new_index(const Divide *d, const char *name)
{
    Var *var = arena_make(d->arena, Var);
    *var = (Var){.name = free_name(d, name), .type = LT_INDEX};
    return var;
}

typedef struct Share { const Shared *loops; Var *begin, *end; } Share;

static int64_t trips_inside(const Divide *d, const Shared *loops)
{
    int64_t inside = 1;
    for (int i = 1; i < loops->count; i++) inside *= part_trips(d, loops->loop[i]);
    return inside;
}

/* One loop, from and to a share of its trips. */
static LoopStmt *one_loop(const Divide *d, LoopBuilder *b, const Share *share, LoopStmts *list)
{
    const LoopStmt *whole = share->loops->loop[0];
    LoopStmt *loop = copy_of(d, whole);
    LoopExpr *stop = x_add(b, x_mul(b, x_var(b, share->end), whole->step), whole->lo);
    loop->lo = x_add(b, x_mul(b, x_var(b, share->begin), whole->step), whole->lo);
    if (whole->step > 1) {
        Var *last = new_index(d, "stop");
        vec_push(d->arena, *list, let_stmt(d, last, x_min(b, stop, whole->hi)));
        stop = x_var(b, last);
    }
    loop->hi = stop;
    return loop;
}

/* A nest as one loop, whose counter tells those of the nest. */
static LoopStmt *nest(const Divide *d, LoopBuilder *b, const Share *share)
{
    const Shared *loops = share->loops;
    LoopStmt *loop = copy_of(d, loops->loop[0]);
    loop->var = new_index(d, "at");
    loop->lo = x_var(b, share->begin);
    loop->hi = x_var(b, share->end);
    loop->step = 1;
    loop->body = (LoopStmts){0};
    int64_t inside = trips_inside(d, loops);
    for (int i = 0; i < loops->count; i++) {
        LoopStmt *l = loops->loop[i];
        LoopExpr *at = x_div(b, x_var(b, loop->var), inside);
        if (i) at = x_mod(b, at, part_trips(d, l));
        at = x_add(b, x_mul(b, at, l->step), l->lo);
        vec_push(d->arena, loop->body, let_stmt(d, l->var, at));
        if (i + 1 < loops->count) inside /= part_trips(d, loops->loop[i + 1]);
    }
    const LoopStmt *last = loops->loop[loops->count - 1];
    for (int i = 0; i < last->body.count; i++) vec_push(d->arena, loop->body, last->body.at[i]);
    return loop;
}

/* The statement with its loop shared out, the way down to it copied. */
static void add_shared(const Divide *d, LoopBuilder *b, LoopStmt *s, const Share *share,
                       LoopStmts *list)
{
    const Shared *loops = share->loops;
    LoopStmt *made;
    if (s == loops->loop[0]) {
        made = loops->count == 1 ? one_loop(d, b, share, list) : nest(d, b, share);
    } else {
        made = copy_of(d, s);
        made->body = (LoopStmts){0};
        for (int i = 0; i < s->body.count; i++) {
            LoopStmt *inner = s->body.at[i];
            if (inner->kind == S_FOR) add_shared(d, b, inner, share, &made->body);
            else vec_push(d->arena, made->body, inner);
        }
    }
    vec_push(d->arena, *list, made);
}

static LoopExpr *trips_expr(const Divide *d, LoopBuilder *b, const Shared *shared)
{
    const LoopStmt *first = shared->loop[0];
    const int64_t more = first->step - 1 - (int64_t)first->lo->number;
    LoopExpr *n = x_div(b, x_add(b, first->hi, x_int(b, more)), first->step);
    return x_mul(b, n, trips_inside(d, shared));
}

static bool reads_in(const Function *f, const Var *var)
{
    return part_uses_list(&f->body, var, NULL);
}

/* In front: what it reads and does not make. Lets of the whole stand in their order. */
static void add_inputs(Divide *d, LoopBuilder *b, int part)
{
    Function *f = b->function;
    LoopStmts rest = f->body, front = {0};
    for (int i = d->body.count - 1; i >= 0; i--) {
        LoopStmt *s = d->body.at[i];
        if (s->kind != S_LET || d->part_of[i] == part) continue;
        if (!part_uses_list(&rest, s->var, NULL) && !part_uses_list(&front, s->var, NULL)) continue;
        const int slot = slot_of(d, s->var);
        if (slot >= 0) {
            LoopExpr *at = x_int(b, slot * SLOT);
            s = let_stmt(d, s->var, s->var->vector ? x_vload(b, d->kept_in, at,
                                                            d->program->target->width)
                                                   : x_load(b, d->kept_in, at));
        }
        vec_push(d->arena, front, s);
    }
    f->body = (LoopStmts){0};
    for (int i = front.count - 1; i >= 0; i--) vec_push(d->arena, f->body, front.at[i]);
    for (int i = 0; i < rest.count; i++) vec_push(d->arena, f->body, rest.at[i]);
}

/* Behind: what later parts read. */
static void add_outputs(Divide *d, LoopBuilder *b, int part)
{
    for (int slot = 0; slot < d->kept.count; slot++) {
        const Var *var = d->kept.at[slot];
        bool made = false;
        for (int i = 0; i < d->body.count; i++)
            made |= d->part_of[i] == part
                    && (part_declares(d->body.at[i], var) || part_sets(d->body.at[i], var));
        if (!made || !part_used_after(d, var, part)) continue;
        LoopExpr *at = x_int(b, slot * SLOT), *x = x_var(b, (Var *)(uintptr_t)var);
        if (var->vector) loop_vstore(b, d->kept_in, at, x, d->program->target->width);
        else loop_store(b, d->kept_in, at, x);
    }
}

static void find_formals(const Divide *d, Function *f)
{
    for (int i = 0; i < d->whole->buffers.count; i++)
        if (part_uses_list(&f->body, NULL, d->whole->buffers.at[i]))
            vec_push(d->arena, f->buffers, d->whole->buffers.at[i]);
    if (part_uses_list(&f->body, NULL, d->kept_in)) vec_push(d->arena, f->buffers, d->kept_in);
    for (int i = 0; i < d->whole->locals.count; i++)
        if (part_uses_list(&f->body, NULL, d->whole->locals.at[i]))
            vec_push(d->arena, f->locals, d->whole->locals.at[i]);
    for (int i = 0; i < d->whole->scalars.count; i++)
        if (reads_in(f, d->whole->scalars.at[i]))
            vec_push(d->arena, f->scalars, d->whole->scalars.at[i]);
}

static void make_part(Divide *d, int part, const Shared *shared)
{
    Function *f = arena_make(d->arena, Function);
    *f = (Function){.name = d->whole->name, .arena = d->arena};
    LoopBuilder b = {.arena = d->arena, .program = d->program, .function = f, .list = &f->body};
    const Share share = {shared, new_index(d, "begin"), new_index(d, "end")};
    for (int i = 0; i < d->body.count; i++) {
        LoopStmt *s = d->body.at[i];
        if (d->part_of[i] != part) continue;
        if (shared) add_shared(d, &b, s, &share, &f->body);
        else vec_push(d->arena, f->body, s);
    }
    add_inputs(d, &b, part);
    add_outputs(d, &b, part);
    LoopExpr *trips = shared ? trips_expr(d, &b, shared) : NULL;
    find_formals(d, f);
    if (shared) {
        vec_push(d->arena, f->scalars, share.begin);
        vec_push(d->arena, f->scalars, share.end);
    }
    vec_push(d->arena, d->whole->parts, ((FunctionPart){f, trips}));
}

void parts_make(Divide *d, const Shared *shared)
{
    free_formals(d);
    d->kept_in = arena_make(d->arena, Buffer);
    *d->kept_in = (Buffer){.name = free_name(d, "kept"), .type = LT_F32};
    for (int i = 0, next = 0; i < d->body.count; i++) {
        if (d->part_of[i] < next) continue;
        make_part(d, next++, shared[i].count ? &shared[i] : NULL);
    }
    d->kept_in->local_floats = (int64_t)d->kept.count * SLOT;
    d->whole->kept = d->kept.count ? d->kept_in : NULL;
}
