/* The last touch before printing: loops with one trip are their bodies, and a block has braces only
 * where a name in it is used again behind it. */
#include <string.h>

#include "loop/loop.h"

/* ---- loops that run once ---- */

typedef struct Fixed {
    LoopBuilder b;
    const Var *var;
    LoopExpr *value;
} Fixed;

static LoopExpr *with_fixed(void *context, LoopExpr *x)
{
    Fixed *fixed = context;
    return loop_substitute(&fixed->b, x, fixed->var, fixed->value);
}

static void fix_counter(Fixed *fixed, const LoopStmts *list)
{
    for (int i = 0; i < list->count; i++) {
        loop_map(list->at[i], with_fixed, fixed);
        fix_counter(fixed, &list->at[i]->body);
        fix_counter(fixed, &list->at[i]->otherwise);
    }
}

/* The number that a sum adds to x; 0: it is no such sum. */
static double beyond(const LoopExpr *sum, const LoopExpr *x)
{
    if (sum->kind == E_INT && x->kind == E_INT) return sum->number - x->number;
    if (sum->kind != E_INDEX_ADD || !loop_equal(sum->args[0], x)) return 0;
    return sum->args[1]->kind == E_INT ? sum->args[1]->number : 0;
}

static bool runs_once(const LoopStmt *s)
{
    const double trips = s->kind == S_FOR ? beyond(s->hi, s->lo) : 0;
    return trips > 0 && trips <= (double)s->step;
}

/* They become blocks. */
static void open_loops(Program *program, Function *f, const LoopStmts *list)
{
    for (int i = 0; i < list->count; i++) {
        LoopStmt *s = list->at[i];
        if (runs_once(s)) {
            Fixed fixed = {{.arena = f->arena, .program = program, .function = f}, s->var, s->lo};
            fix_counter(&fixed, &s->body);
            s->kind = S_BLOCK;
            s->var = NULL;
            s->lo = s->hi = NULL;
        }
        open_loops(program, f, &s->body);
        open_loops(program, f, &s->otherwise);
    }
}

/* ---- blocks ---- */

typedef VEC(const char *) Names;

static void add_names(Arena *arena, Names *names, const LoopStmt *s)
{
    if (s->kind == S_LET || s->kind == S_FOR) vec_push(arena, *names, s->var->name);
    for (int i = 0; i < s->body.count; i++) add_names(arena, names, s->body.at[i]);
    for (int i = 0; i < s->otherwise.count; i++) add_names(arena, names, s->otherwise.at[i]);
}

static bool is_among(const Names *names, const char *name)
{
    for (int i = 0; i < names->count; i++)
        if (!strcmp(names->at[i], name)) return true;
    return false;
}

/* Whether a name of the block's own is declared again in what follows. */
static bool meets(const LoopStmt *block, const Names *later)
{
    for (int i = 0; i < block->body.count; i++) {
        const LoopStmt *s = block->body.at[i];
        if (s->kind == S_LET && is_among(later, s->var->name)) return true;
    }
    return false;
}

static void open_blocks(Arena *arena, LoopStmts *list);

/* Puts the statements of a list in front of `later`, whose names they must not meet: last first. */
static void take_backwards(Arena *arena, const LoopStmts *list, LoopStmts *backwards, Names *later)
{
    for (int i = list->count - 1; i >= 0; i--) {
        LoopStmt *s = list->at[i];
        if (s->kind == S_BLOCK && !meets(s, later)) {
            take_backwards(arena, &s->body, backwards, later);
            continue;
        }
        open_blocks(arena, &s->body);
        open_blocks(arena, &s->otherwise);
        add_names(arena, later, s);
        vec_push(arena, *backwards, s);
    }
}

static void open_blocks(Arena *arena, LoopStmts *list)
{
    LoopStmts backwards = {0}, forwards = {0};
    Names later = {0};
    take_backwards(arena, list, &backwards, &later);
    for (int i = backwards.count - 1; i >= 0; i--) vec_push(arena, forwards, backwards.at[i]);
    *list = forwards;
}

static void open_function(Program *program, Function *f)
{
    open_loops(program, f, &f->body);
    open_blocks(f->arena, &f->body);
}

void loop_open(Program *program)
{
    for (int i = 0; i < program->inner.count; i++) open_function(program, program->inner.at[i]);
    for (int i = 0; i < program->functions.count; i++) {
        Function *f = program->functions.at[i];
        open_function(program, f);
        for (int j = 0; j < f->parts.count; j++) open_function(program, f->parts.at[j].function);
    }
}
