/* Parts of functions that may run on several threads.
 *
 * A function is a list of statements. Where one of them is a long loop whose iterations are apart
 * (affine.h), or holds one that is, it becomes a part of its own with a begin and an end of that
 * loop; what stands between becomes parts that run whole. Scalars that are arithmetic on formals
 * are computed in each part again; what else a later part reads an array of the caller keeps. */
#include <string.h>

#include "loop/affine.h"
#include "loop/parts.h"

enum { FEW = 16 }; /* iterations: fewer are hard to share evenly */

/* ---- looking ---- */

static bool uses_expr(const LoopExpr *x, const Var *var, const Buffer *buffer)
{
    if (!x) return false;
    if ((var && x->var == var) || (buffer && x->buffer == buffer)) return true;
    for (int i = 0; i < x->arg_count; i++)
        if (uses_expr(x->args[i], var, buffer)) return true;
    return false;
}

/* Reads or sets the variable; reads or writes the buffer. */
static bool part_uses(const LoopStmt *s, const Var *var, const Buffer *buffer)
{
    const LoopExpr *const read[] = {s->lo, s->hi, s->value, s->index, s->source_index};
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        if (uses_expr(read[i], var, buffer)) return true;
    for (int i = 0; i < s->passed.count; i++)
        if ((buffer && s->passed.at[i].buffer == buffer)
            || uses_expr(s->passed.at[i].index, var, buffer))
            return true;
    for (int i = 0; i < s->arguments.count; i++)
        if (uses_expr(s->arguments.at[i], var, buffer)) return true;
    if (s->kind == S_SET && s->var == var) return true;
    if (buffer && (s->buffer == buffer || s->source == buffer)) return true;
    return part_uses_list(&s->body, var, buffer) || part_uses_list(&s->otherwise, var, buffer);
}

bool part_uses_list(const LoopStmts *list, const Var *var, const Buffer *buffer)
{
    for (int i = 0; i < list->count; i++)
        if (part_uses(list->at[i], var, buffer)) return true;
    return false;
}

bool part_sets(const LoopStmt *s, const Var *var)
{
    if (s->kind == S_SET && s->var == var) return true;
    for (int i = 0; i < s->body.count; i++)
        if (part_sets(s->body.at[i], var)) return true;
    for (int i = 0; i < s->otherwise.count; i++)
        if (part_sets(s->otherwise.at[i], var)) return true;
    return false;
}

bool part_declares(const LoopStmt *s, const Var *var)
{
    if ((s->kind == S_LET || s->kind == S_FOR) && s->var == var) return true;
    for (int i = 0; i < s->body.count; i++)
        if (part_declares(s->body.at[i], var)) return true;
    for (int i = 0; i < s->otherwise.count; i++)
        if (part_declares(s->otherwise.at[i], var)) return true;
    return false;
}

/* Every variable that `s` sets, `within` declares. */
static bool sets_its_own(const LoopStmt *s, const LoopStmt *within)
{
    if (s->kind == S_SET && !part_declares(within, s->var)) return false;
    for (int i = 0; i < s->body.count; i++)
        if (!sets_its_own(s->body.at[i], within)) return false;
    for (int i = 0; i < s->otherwise.count; i++)
        if (!sets_its_own(s->otherwise.at[i], within)) return false;
    return true;
}

/* An `if` on a number that is zero here. */
static bool never_runs(const LoopStmt *s)
{
    return s->kind == S_IF && s->value->kind == E_VAR && s->value->var->known
        && s->value->var->value == 0 && s->otherwise.count == 0;
}

/* The first statement in it that touches the buffer, in the order in which they run; or NULL. */
static const LoopStmt *first_use(const LoopStmt *s, const Buffer *buffer)
{
    if (!part_uses(s, NULL, buffer)) return NULL;
    for (int i = 0; i < s->body.count + s->otherwise.count; i++) {
        const LoopStmt *inner = i < s->body.count ? s->body.at[i]
                                                  : s->otherwise.at[i - s->body.count];
        if (!never_runs(inner) && part_uses(inner, NULL, buffer)) return first_use(inner, buffer);
    }
    return s;
}

/* What each part has its own of is filled before it is read. */
static bool is_filled_first(const LoopStmt *s, const Buffer *buffer)
{
    const LoopStmt *first = first_use(s, buffer);
    return !first
        || ((first->kind == S_STORE || first->kind == S_TRANSPOSE) && first->buffer == buffer
            && first->source != buffer && !uses_expr(first->value, NULL, buffer));
}

bool part_writes(const LoopStmt *s, const Buffer *buffer)
{
    if ((s->kind == S_STORE || s->kind == S_TRANSPOSE) && s->buffer == buffer) return true;
    for (int i = 0; i < s->passed.count; i++)
        if (s->passed.at[i].buffer == buffer && !s->callee->buffers.at[i]->constant) return true;
    for (int i = 0; i < s->body.count; i++)
        if (part_writes(s->body.at[i], buffer)) return true;
    for (int i = 0; i < s->otherwise.count; i++)
        if (part_writes(s->otherwise.at[i], buffer)) return true;
    return false;
}

/* Whether nothing but statement `i` writes the buffer. */
static bool is_only_writer(const Divide *d, int i, const Buffer *buffer)
{
    for (int j = 0; j < d->body.count; j++)
        if (j != i && part_writes(d->body.at[j], buffer)) return false;
    return true;
}

/* A statement that fills scratch of each thread's own and does nothing else, from what no statement
 * changes. */
static bool fills_own(const Divide *d, int i)
{
    const LoopStmt *s = d->body.at[i];
    bool fills = false;
    if (s->kind == S_LET || !sets_its_own(s, s)) return false;
    for (int j = 0; j < d->body.count; j++) {
        const LoopStmt *let = d->body.at[j];
        if (let->kind == S_LET && part_uses(s, let->var, NULL)) return false;
    }
    for (int j = 0; j < d->whole->buffers.count; j++) {
        const Buffer *b = d->whole->buffers.at[j];
        if (b->constant || !part_uses(s, NULL, b)) continue;
        if (!b->each || !is_filled_first(s, b) || !is_only_writer(d, i, b)) return false;
        fills = true;
    }
    return fills;
}

/* Of a buffer that a statement fills for all that follow. */
static bool is_filled_in_front(const Divide *d, const Buffer *buffer)
{
    for (int i = 0; i < d->body.count; i++)
        if (part_uses(d->body.at[i], NULL, buffer)) return d->part_of[i] == EACH;
    return false;
}

/* Local arrays and scratch carry nothing into the loop or from one iteration to another, and
 * nothing from one statement at the top to another. */
static bool own_is_filled_first(const Divide *d, const LoopStmt *loop)
{
    const Function *f = d->whole;
    for (int i = 0; i < f->locals.count + f->buffers.count; i++) {
        const Buffer *b = i < f->locals.count ? f->locals.at[i]
                                              : f->buffers.at[i - f->locals.count];
        if ((!b->local_floats && !b->each) || !part_uses(loop, NULL, b)) continue;
        if (is_filled_in_front(d, b)) continue;
        if (!is_filled_first(loop, b)) return false;
        for (int j = 0; j < d->body.count; j++)
            if (!is_filled_first(d->body.at[j], b)) return false;
    }
    return true;
}

/* ---- how much work ---- */

static bool is_int(const LoopExpr *x) { return x->kind == E_INT; }

/* As far as the numbers at hand tell. */
int64_t part_trips(const Divide *d, const LoopStmt *loop)
{
    if (is_int(loop->lo) && is_int(loop->hi))
        return ((int64_t)(loop->hi->number - loop->lo->number) + loop->step - 1) / loop->step;
    if (is_int(loop->lo) && loop->hi->kind == E_VAR && loop->hi->var->known)
        return (loop->hi->var->value - (int64_t)loop->lo->number + loop->step - 1) / loop->step;
    const int64_t lo = is_int(loop->lo) ? (int64_t)loop->lo->number : 0;
    const int64_t n = is_int(loop->lo) ? (d->batch - lo + loop->step - 1) / loop->step : 4;
    return n < 1 ? 1 : n;
}

static int64_t work_of(const Divide *d, const LoopStmts *list)
{
    int64_t sum = 0;
    for (int i = 0; i < list->count; i++) {
        const LoopStmt *s = list->at[i];
        const int64_t inside = work_of(d, &s->body) + work_of(d, &s->otherwise);
        sum += s->kind == S_FOR ? part_trips(d, s) * inside : 1 + inside;
    }
    return sum;
}

static int64_t work(const Divide *d, LoopStmt *s)
{
    return work_of(d, &(LoopStmts){.at = &s, .count = 1});
}

/* ---- what is shared out ---- */

static bool is_formal(const Divide *d, const Var *var)
{
    for (int i = 0; i < d->whole->scalars.count; i++)
        if (d->whole->scalars.at[i] == var) return true;
    return false;
}

static bool from_formals(const Divide *d, const LoopExpr *x)
{
    if (x->kind == E_LOAD || (x->kind == E_VAR && !is_formal(d, x->var))) return false;
    for (int i = 0; i < x->arg_count; i++)
        if (!from_formals(d, x->args[i])) return false;
    return true;
}

/* Where the loop ends: a number, or arithmetic on formals, which may have a name. */
LoopExpr *part_end(const Divide *d, const LoopStmt *loop)
{
    for (int i = 0; loop->hi->kind == E_VAR && i < d->body.count; i++) {
        const LoopStmt *let = d->body.at[i];
        if (let->kind == S_LET && let->var == loop->hi->var && !let->var->assigned)
            return let->value;
    }
    return loop->hi;
}

static bool is_apart(const Divide *d, const LoopStmt *top, const LoopStmt *loop)
{
    return loop->kind == S_FOR && is_int(loop->lo) && from_formals(d, part_end(d, loop))
        && part_trips(d, loop) > 1 && sets_its_own(loop, loop)
        && loop_iterations_apart(d->arena, top, loop);
}

/* The one loop of a list beside names for index arithmetic; NULL if there is more. */
static LoopStmt *only_loop(const LoopStmts *list)
{
    LoopStmt *loop = NULL;
    for (int i = 0; i < list->count; i++) {
        LoopStmt *s = list->at[i];
        if (s->kind == S_LET && !s->var->assigned && s->var->type == LT_INDEX) continue;
        if (s->kind != S_FOR || loop) return NULL;
        loop = s;
    }
    return loop;
}

static bool find_shared(const Divide *d, LoopStmt *top, Shared *shared)
{
    LoopStmt *loop = top;
    if (sums_alone(d, top) && from_formals(d, top->hi) && own_is_filled_first(d, top)
        && loop_iterations_apart(d->arena, top, top)) {
        *shared = (Shared){.top = top, .loop = {top}, .count = 1, .sums = true};
        return true;
    }
    while (loop && loop->kind == S_FOR && !is_apart(d, top, loop)) loop = only_loop(&loop->body);
    if (!loop || loop->kind != S_FOR || !own_is_filled_first(d, loop)) return false;
    *shared = (Shared){.top = top, .loop = {loop}, .count = 1};
    for (int64_t trips = part_trips(d, loop); trips < FEW && shared->count < MOST_LOOPS;) {
        const LoopStmt *last = shared->loop[shared->count - 1];
        LoopStmt *inner = last->body.count == 1 ? last->body.at[0] : NULL;
        if (!is_int(loop->hi) || !inner || inner->kind != S_FOR || !is_int(inner->hi)
            || !is_apart(d, top, inner))
            break;
        shared->loop[shared->count++] = inner;
        trips *= part_trips(d, inner);
    }
    return true;
}

/* ---- variables of several parts ---- */

static const LoopStmt *declaration(const Divide *d, const Var *var)
{
    for (int i = 0; i < d->body.count; i++) {
        const LoopStmt *s = d->body.at[i];
        if (s->kind == S_LET && s->var == var) return s;
    }
    return NULL;
}

static bool repeats(const Divide *d, const LoopStmt *let);

static bool expr_repeats(const Divide *d, const LoopExpr *x)
{
    if (x->kind == E_LOAD || x->kind == E_RANDOM) return false;
    if (x->kind == E_VAR && !is_formal(d, x->var)) {
        const LoopStmt *let = declaration(d, x->var);
        if (!let || !repeats(d, let)) return false;
    }
    for (int i = 0; i < x->arg_count; i++)
        if (!expr_repeats(d, x->args[i])) return false;
    return true;
}

/* A name for arithmetic on formals: each part that needs it computes it. */
static bool repeats(const Divide *d, const LoopStmt *let)
{
    return let->kind == S_LET && !let->var->assigned && expr_repeats(d, let->value);
}

bool part_used_after(const Divide *d, const Var *var, int part)
{
    for (int i = 0; i < d->body.count; i++)
        if (d->part_of[i] > part && part_uses(d->body.at[i], var, NULL)) return true;
    return false;
}

/* False if a variable cannot be kept. */
static bool find_kept(Divide *d)
{
    for (int i = 0; i < d->body.count; i++) {
        const LoopStmt *s = d->body.at[i];
        if (s->kind != S_LET || repeats(d, s)) continue;
        if (!part_used_after(d, s->var, d->part_of[i])) continue;
        if (s->var->type != LT_F32) return false;
        const bool by_groups = d->part_of[i] == SUMMED;
        vec_push(d->arena, d->kept, ((Kept){s->var, d->slots, by_groups}));
        d->slots += by_groups ? GROUPS : 1;
    }
    return true;
}

/* ---- the whole ---- */

static bool returns(const LoopStmts *list)
{
    for (int i = 0; i < list->count; i++) {
        const LoopStmt *s = list->at[i];
        if (s->kind == S_RETURN || returns(&s->body) || returns(&s->otherwise)) return true;
    }
    return false;
}

/* How many names at the top, and in blocks there, are this one. */
static int count_name(const LoopStmts *list, const char *name)
{
    int n = 0;
    for (int i = 0; i < list->count; i++) {
        const LoopStmt *s = list->at[i];
        n += s->kind == S_LET && !strcmp(s->var->name, name);
        if (s->kind == S_BLOCK) n += count_name(&s->body, name);
    }
    return n;
}

/* Blocks only scope names: those with names of their own are opened; stages stay whole. */
static void open_blocks(Divide *d, const LoopStmts *list)
{
    for (int i = 0; i < list->count; i++) {
        LoopStmt *s = list->at[i];
        bool opens = s->kind == S_BLOCK && !s->text;
        for (int j = 0; opens && j < s->body.count; j++)
            opens = s->body.at[j]->kind != S_LET
                 || count_name(&d->whole->body, s->body.at[j]->var->name) == 1;
        if (opens) open_blocks(d, &s->body);
        else vec_push(d->arena, d->body, s);
    }
}

static bool is_summed(const Divide *d, const LoopStmt *let, const Shared *shared)
{
    for (int i = 0; i < d->body.count; i++)
        if (shared[i].sums && sums_into(d->body.at[i], let->var)) return let->kind == S_LET;
    return false;
}

/* Finds what is shared out; returns how many statements are. */
static int find_all_shared(const Divide *d, Shared *shared)
{
    int found = 0;
    for (int i = 0; i < d->body.count; i++) d->part_of[i] = fills_own(d, i) ? EACH : 0;
    for (int i = 0; i < d->body.count; i++)
        found += d->part_of[i] != EACH && work(d, d->body.at[i]) >= d->least
              && find_shared(d, d->body.at[i], &shared[i]);
    return found;
}

/* A comment goes with what stands behind it. */
static void assign_comments(Divide *d)
{
    for (int i = d->body.count - 2; i >= 0; i--)
        if (d->body.at[i]->kind == S_COMMENT) d->part_of[i] = d->part_of[i + 1];
}

/* Statements to parts, in order: a shared loop is a part alone, but for its comment. */
static void assign_parts(Divide *d, const Shared *shared)
{
    int part = 0;
    bool filled = false, alone = false;
    for (int i = 0; i < d->body.count; i++) {
        const LoopStmt *s = d->body.at[i];
        const bool fills = d->part_of[i] == EACH;
        d->part_of[i] = is_summed(d, s, shared) ? SUMMED : EACH;
        if (d->part_of[i] == SUMMED || fills || repeats(d, s) || s->kind == S_COMMENT) continue;
        part += filled && (shared[i].count || alone);
        d->part_of[i] = part;
        filled = true;
        alone = shared[i].count > 0;
    }
    assign_comments(d);
}

void loop_divide(Program *program, Function *function, int64_t batch, int64_t least)
{
    Divide d = {.arena = program->arena,
                .program = program,
                .whole = function,
                .batch = batch,
                .least = least};
    open_blocks(&d, &function->body);
    const int n = d.body.count;
    Shared *shared = arena_array(d.arena, Shared, n + 1);
    d.part_of = arena_array(d.arena, int, n + 1);
    if (function->returns_status || returns(&function->body)) return;
    if (!find_all_shared(&d, shared)) return;
    assign_parts(&d, shared);
    if (!find_kept(&d)) return;
    parts_make(&d, shared);
}
