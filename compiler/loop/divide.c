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

static bool is_int(const LoopExpr *x) { return x->kind == E_INT; }

bool part_expr_uses(const LoopExpr *x, const Var *var, const Buffer *buffer)
{
    if (!x) return false;
    if ((var && x->var == var) || (buffer && x->buffer == buffer)) return true;
    for (int i = 0; i < x->arg_count; i++)
        if (part_expr_uses(x->args[i], var, buffer)) return true;
    return false;
}

/* Reads or sets the variable; reads or writes the buffer. */
bool part_uses(const LoopStmt *s, const Var *var, const Buffer *buffer)
{
    const LoopExpr *const read[] = {s->lo, s->hi, s->value, s->index, s->source_index};
    for (size_t i = 0; i < sizeof read / sizeof *read; i++)
        if (part_expr_uses(read[i], var, buffer)) return true;
    for (int i = 0; i < s->passed.count; i++)
        if ((buffer && s->passed.at[i].buffer == buffer)
            || part_expr_uses(s->passed.at[i].index, var, buffer))
            return true;
    for (int i = 0; i < s->arguments.count; i++)
        if (part_expr_uses(s->arguments.at[i], var, buffer)) return true;
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

bool part_sets_its_own(const LoopStmt *s, const LoopStmt *within)
{
    if (s->kind == S_SET && !part_declares(within, s->var)) return false;
    for (int i = 0; i < s->body.count; i++)
        if (!part_sets_its_own(s->body.at[i], within)) return false;
    for (int i = 0; i < s->otherwise.count; i++)
        if (!part_sets_its_own(s->otherwise.at[i], within)) return false;
    return true;
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

/* ---- how much work ---- */

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

/* The same of a loop in what `call` (or NULL) runs. */
static int64_t trips_of(const Divide *d, const LoopStmt *loop, const LoopStmt *call)
{
    for (int i = 0; call && loop->hi->kind == E_VAR && i < call->callee->scalars.count; i++)
        if (call->callee->scalars.at[i] == loop->hi->var && is_int(call->arguments.at[i]))
            return (int64_t)call->arguments.at[i]->number;
    return part_trips(d, loop);
}

static int64_t work_of(const Divide *d, const LoopStmts *list, const LoopStmt *call)
{
    int64_t sum = 0;
    for (int i = 0; i < list->count; i++) {
        const LoopStmt *s = list->at[i];
        const int64_t inside = s->kind == S_CALL
                                 ? work_of(d, &s->callee->body, s)
                                 : work_of(d, &s->body, call) + work_of(d, &s->otherwise, call);
        sum += s->kind == S_FOR ? trips_of(d, s, call) * inside : 1 + inside;
    }
    return sum;
}

static int64_t work(const Divide *d, LoopStmt *s)
{
    return work_of(d, &(LoopStmts){.at = &s, .count = 1}, NULL);
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
        && part_trips(d, loop) > 1 && part_sets_its_own(loop, loop)
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
    if (sums_alone(d, top) && from_formals(d, top->hi) && own_is_filled_first(d, top, top)
        && loop_iterations_apart(d->arena, top, top)) {
        *shared = (Shared){.top = top, .loop = {top}, .count = 1, .sums = true};
        return true;
    }
    while (loop && loop->kind == S_FOR && !is_apart(d, top, loop)) loop = only_loop(&loop->body);
    if (!loop || loop->kind != S_FOR || !own_is_filled_first(d, top, loop)) return false;
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
    for (int i = 0; i < d->body.count; i++) d->part_of[i] = own_fills(d, i) ? EACH : 0;
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
