/* What variables and local arrays of finished functions are called. Builders give each a name that
 * is free where they stand; since then statements went, came and moved to other functions. Here
 * each is called what its maker wanted, with a number only where that name is in use around it. */
#include <string.h>

#include "loop/loop.h"

typedef struct Naming {
    Function *function;
    VEC(const char *) taken; /* in the scopes that are open */
} Naming;

static bool is_taken(const Naming *n, const char *name)
{
    for (int i = 0; i < n->taken.count; i++)
        if (!strcmp(n->taken.at[i], name)) return true;
    return false;
}

static bool is_buffer(const Function *f, const char *name)
{
    for (int i = 0; i < f->buffers.count; i++)
        if (!strcmp(f->buffers.at[i]->name, name)) return true;
    for (int i = 0; i < f->locals.count; i++)
        if (!strcmp(f->locals.at[i]->name, name)) return true;
    return false;
}

static const char *take(Naming *n, const char *wanted)
{
    Arena *arena = n->function->arena;
    const char *name = wanted;
    for (int i = 2; is_taken(n, name); i++) name = name_numbered(arena, wanted, i);
    vec_push(arena, n->taken, name);
    return name;
}

/* A value of a buffer: `bias_v` of `bias`. */
static const char *wanted_name(const Naming *n, const Var *var)
{
    const char *name = var->wanted ? var->wanted : var->name;
    const bool is_value = var->type != LT_INDEX && is_buffer(n->function, name);
    return is_value ? arena_printf(n->function->arena, "%s_v", name) : name;
}

static void name_list(Naming *n, const LoopStmts *list)
{
    const int outside = n->taken.count;
    for (int i = 0; i < list->count; i++) {
        LoopStmt *s = list->at[i];
        const int around = n->taken.count;
        if (s->kind == S_LET || s->kind == S_FOR) s->var->name = take(n, wanted_name(n, s->var));
        name_list(n, &s->body);
        name_list(n, &s->otherwise);
        if (s->kind == S_FOR) n->taken.count = around;
    }
    n->taken.count = outside;
}

static void name_function(Function *f)
{
    Naming n = {.function = f};
    for (int i = 0; i < f->buffers.count; i++) vec_push(f->arena, n.taken, f->buffers.at[i]->name);
    for (int i = 0; i < f->scalars.count; i++) vec_push(f->arena, n.taken, f->scalars.at[i]->name);
    for (int i = 0; i < f->locals.count; i++) {
        Buffer *local = f->locals.at[i];
        local->name = take(&n, local->wanted ? local->wanted : local->name);
    }
    name_list(&n, &f->body);
}

void loop_rename(Program *program)
{
    for (int i = 0; i < program->inner.count; i++) name_function(program->inner.at[i]);
    for (int i = 0; i < program->functions.count; i++) /* parts have variables in common */
        if (!program->functions.at[i]->parts.count) name_function(program->functions.at[i]);
}
