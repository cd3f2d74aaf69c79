/* Parts: the statements of each, in front of them what it reads of earlier ones, behind them what
 * later ones read, and its formals. */
#include <string.h>

#include "loop/parts.h"
#include "target/target.h"

enum { SLOT = 16 }; /* floats kept of a variable: the widest vector */

static const Kept *find_kept(const Divide *d, const Var *var)
{
    for (int i = 0; i < d->kept.count; i++)
        if (d->kept.at[i].var == var) return &d->kept.at[i];
    return NULL;
}

static LoopExpr *load_slot(const Divide *d, LoopBuilder *b, const Var *var, int slot)
{
    LoopExpr *at = x_int(b, slot * SLOT);
    return var->vector ? x_vload(b, d->kept_in, at, d->program->target->width)
                       : x_load(b, d->kept_in, at);
}

/* What is kept of a variable; of a sum, that of all groups in their order. */
static LoopExpr *load_kept(const Divide *d, LoopBuilder *b, const Kept *kept)
{
    LoopExpr *x = load_slot(d, b, kept->var, kept->slot);
    for (int i = 1; kept->by_groups && i < GROUPS; i++)
        x = x_map(b, OP_add, 2, (LoopExpr *[]){x, load_slot(d, b, kept->var, kept->slot + i)});
    return x;
}

static void store_kept(const Divide *d, LoopBuilder *b, const Kept *kept, LoopExpr *group)
{
    LoopExpr *at = x_int(b, kept->slot * SLOT), *x = x_var(b, (Var *)(uintptr_t)kept->var);
    if (group) at = x_add(b, x_mul(b, group, SLOT), at);
    if (kept->var->vector) loop_vstore(b, d->kept_in, at, x, d->program->target->width);
    else loop_store(b, d->kept_in, at, x);
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

static const char *free_name(const Divide *d, const char *wanted)
{
    return function_free_name(d->whole, wanted);
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

typedef struct Share {
    const Shared *loops;
    Var *begin, *end;
} Share;

static int64_t trips_inside(const Divide *d, const Shared *loops)
{
    int64_t inside = 1;
    for (int i = 1; i < loops->count; i++) inside *= part_trips(d, loops->loop[i]);
    return inside;
}

/* One loop, from and to a share of its trips. What its body calls the end is that of the share. */
static LoopStmt *one_loop(const Divide *d, LoopBuilder *b, const Share *share, LoopStmts *list)
{
    const LoopStmt *whole = share->loops->loop[0];
    LoopStmt *loop = copy_of(d, whole);
    LoopExpr *end = part_end(d, whole);
    LoopExpr *stop = x_add(b, x_mul(b, x_var(b, share->end), whole->step), whole->lo);
    loop->lo = x_add(b, x_mul(b, x_var(b, share->begin), whole->step), whole->lo);
    if (whole->step > 1) stop = x_min(b, stop, end);
    if (whole->step > 1 || end != whole->hi) {
        Var *last = end != whole->hi ? whole->hi->var : new_index(d, "stop");
        vec_push(d->arena, *list, let_stmt(d, last, stop));
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

/* a * c of two counters. */
static LoopExpr *product(const Divide *d, LoopExpr *a, LoopExpr *c)
{
    LoopExpr *x = arena_make(d->arena, LoopExpr);
    *x = (LoopExpr){.kind = E_INDEX_MUL, .type = LT_INDEX, .arg_count = 2, .args = {a, c, NULL}};
    return x;
}

/* A share of the groups of a loop that adds up: each from 0, and kept. */
static void add_sums(const Divide *d, LoopBuilder *b, const Share *share)
{
    const LoopStmt *whole = share->loops->loop[0];
    LoopStmt *loop = copy_of(d, whole);
    Var *size = loop_let(b, free_name(d, "size"),
                         x_div(b, x_add(b, whole->hi, x_int(b, GROUPS - 1)), GROUPS));
    Var *group =
        loop_begin(b, free_name(d, "group"), x_var(b, share->begin), x_var(b, share->end), 1);
    for (int i = 0; i < d->body.count; i++) {
        LoopStmt *let = d->body.at[i];
        if (let->kind == S_LET && sums_into(whole, let->var)) vec_push(d->arena, *b->list, let);
    }
    Var *first = loop_let(b, free_name(d, "first"), product(d, x_var(b, group), x_var(b, size)));
    Var *stop = loop_let(b, free_name(d, "stop"),
                         x_min(b, x_add(b, x_var(b, first), x_var(b, size)), whole->hi));
    loop->lo = x_var(b, first);
    loop->hi = x_var(b, stop);
    vec_push(d->arena, *b->list, loop);
    for (int k = 0; k < d->kept.count; k++)
        if (sums_into(whole, d->kept.at[k].var)) store_kept(d, b, &d->kept.at[k], x_var(b, group));
    loop_end(b);
}

static LoopExpr *trips_expr(const Divide *d, LoopBuilder *b, const Shared *shared)
{
    const LoopStmt *first = shared->loop[0];
    if (shared->sums) return x_int(b, GROUPS);
    const int64_t more = first->step - 1 - (int64_t)first->lo->number;
    LoopExpr *n = x_div(b, x_add(b, part_end(d, first), x_int(b, more)), first->step);
    return x_mul(b, n, trips_inside(d, shared));
}

static bool reads_in(const Function *f, const Var *var)
{
    return part_uses_list(&f->body, var, NULL);
}

static bool declares_in(const LoopStmts *list, const Var *var)
{
    for (int i = 0; i < list->count; i++)
        if (part_declares(list->at[i], var)) return true;
    return false;
}

/* Whether a part reads what the statement makes. */
static bool needs(const Divide *d, const LoopStmts *part, const LoopStmt *s)
{
    if (s->kind == S_LET) return part_uses_list(part, s->var, NULL);
    for (int i = 0; i < d->whole->buffers.count; i++) {
        const Buffer *b = d->whole->buffers.at[i];
        if (part_writes(s, b) && part_uses_list(part, NULL, b)) return true;
    }
    return false;
}

/* In front: what it reads and does not make, in the order of the whole. */
static void add_inputs(Divide *d, LoopBuilder *b, int part)
{
    Function *f = b->function;
    LoopStmts rest = f->body, front = {0};
    for (int i = d->body.count - 1; i >= 0; i--) {
        LoopStmt *s = d->body.at[i];
        if (d->part_of[i] == part || (s->kind != S_LET && d->part_of[i] != EACH)) continue;
        if (!needs(d, &rest, s) && !needs(d, &front, s)) continue;
        if (s->kind == S_LET && declares_in(&rest, s->var)) continue;
        const Kept *kept = s->kind == S_LET ? find_kept(d, s->var) : NULL;
        if (kept) s = let_stmt(d, s->var, load_kept(d, b, kept));
        vec_push(d->arena, front, s);
    }
    f->body = (LoopStmts){0};
    for (int i = front.count - 1; i >= 0; i--) vec_push(d->arena, f->body, front.at[i]);
    for (int i = 0; i < rest.count; i++) vec_push(d->arena, f->body, rest.at[i]);
}

/* Behind: what later parts read. */
static void add_outputs(Divide *d, LoopBuilder *b, int part)
{
    for (int k = 0; k < d->kept.count; k++) {
        const Kept *kept = &d->kept.at[k];
        bool made = false;
        for (int i = 0; i < d->body.count; i++)
            made |=
                d->part_of[i] == part
                && (part_declares(d->body.at[i], kept->var) || part_sets(d->body.at[i], kept->var));
        if (!kept->by_groups && made && part_used_after(d, kept->var, part))
            store_kept(d, b, kept, NULL);
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
        if (shared && s == shared->top && shared->sums) add_sums(d, &b, &share);
        else if (shared && s == shared->top) add_shared(d, &b, s, &share, &f->body);
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

/* What is shared out in a part, or NULL. */
static const Shared *shared_in(const Divide *d, int part, const Shared *shared)
{
    for (int i = 0; i < d->body.count; i++)
        if (d->part_of[i] == part && shared[i].count) return &shared[i];
    return NULL;
}

void parts_make(Divide *d, const Shared *shared)
{
    free_formals(d);
    d->kept_in = arena_make(d->arena, Buffer);
    *d->kept_in = (Buffer){.name = free_name(d, "kept"), .type = LT_F32};
    int parts = 0;
    for (int i = 0; i < d->body.count; i++)
        if (d->part_of[i] >= parts) parts = d->part_of[i] + 1;
    for (int part = 0; part < parts; part++) make_part(d, part, shared_in(d, part, shared));
    d->kept_in->local_floats = (int64_t)d->slots * SLOT;
    d->whole->kept = d->kept.count ? d->kept_in : NULL;
}
