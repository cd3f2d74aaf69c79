/* Functions that are the same but for their numbers, as those of layers of several sizes: their
 * loops become one function that takes the numbers, inlined in each, so that a C compiler makes of
 * them what it made before. */
#include <string.h>

#include "loop/loop.h"

enum {
    LEAST_LENGTH = 800,  /* of the loops as text: shorter ones are no longer than a call */
    LEAST_SAVED = 10000,  /* in all: a reader of less wants each function as a whole */
    MOST_ARGUMENTS = 20
};

/* A number in the loops, and what it stands for there. */
typedef struct Number {
    LoopExpr **at;
    const char *name;
} Number;

typedef struct Numbers {
    Arena *arena;
    VEC(Number) all;
    VEC(int *) unrolls;
} Numbers;

/* ---- the numbers of a function, in order ---- */

static void find(Numbers *n, LoopExpr **at, const char *name)
{
    LoopExpr *x = *at;
    if (!x) return;
    if ((x->kind == E_INT && x->type == LT_INDEX) || x->kind == E_FLOAT) {
        if (x->kind == E_FLOAT) name = "size";
        vec_push(n->arena, n->all, ((Number){at, name}));
        return;
    }
    const bool stride = x->kind == E_INDEX_MUL && x->args[0]->kind == E_VAR;
    for (int i = 0; i < x->arg_count; i++)
        find(n, &x->args[i],
             stride && i ? arena_printf(n->arena, "%s_step", x->args[0]->var->name) : "at");
}

static void find_in(Numbers *n, LoopStmts *list)
{
    for (int i = 0; i < list->count; i++) {
        LoopStmt *s = list->at[i];
        const char *end = s->kind == S_FOR ? arena_printf(n->arena, "%s_end", s->var->name) : "n";
        if (s->kind == S_FOR) vec_push(n->arena, n->unrolls, &s->unroll);
        find(n, &s->lo, "begin");
        find(n, &s->hi, end);
        find(n, &s->value, "n");
        find(n, &s->index, "at");
        find(n, &s->source_index, "at");
        for (int j = 0; j < s->passed.count; j++) find(n, &s->passed.at[j].index, "at");
        for (int j = 0; j < s->arguments.count; j++)
            find(n, &s->arguments.at[j], s->callee->scalars.at[j]->name);
        find_in(n, &s->body);
        find_in(n, &s->otherwise);
    }
}

static Numbers numbers_of(Arena *arena, Function *f)
{
    Numbers n = {.arena = arena};
    find_in(&n, &f->body);
    return n;
}

/* ---- expressions of their own, as others may be shared ---- */

static LoopExpr *copied(void *arena, LoopExpr *x)
{
    LoopExpr *copy = arena_make(arena, LoopExpr);
    *copy = *x;
    for (int i = 0; i < x->arg_count; i++) copy->args[i] = copied(arena, x->args[i]);
    return copy;
}

static void copy_expressions(Arena *arena, LoopStmts *list)
{
    for (int i = 0; i < list->count; i++) {
        LoopStmt *s = list->at[i];
        loop_map(s, copied, arena);
        copy_expressions(arena, &s->body);
        copy_expressions(arena, &s->otherwise);
    }
}

/* ---- a family ---- */

/* Functions of one text but for the numbers, and which of those are arguments. */
typedef struct Family {
    Program *program;
    VEC(Function *) members;
    Numbers *numbers; /* by member */
    VEC(int) arguments; /* each the first number that is this argument */
    int *argument_of;   /* by number: which argument, or -1: all members have the same */
} Family;

static LoopExpr *number(const Family *f, int member, int i)
{
    return *f->numbers[member].all.at[i].at;
}

static bool is_equal(const Family *f, int a, int b)
{
    if (number(f, 0, a)->kind != number(f, 0, b)->kind) return false;
    for (int m = 0; m < f->members.count; m++)
        if (number(f, m, a)->number != number(f, m, b)->number) return false;
    return true;
}

static bool differs(const Family *f, int i)
{
    for (int m = 1; m < f->members.count; m++)
        if (number(f, m, i)->number != number(f, 0, i)->number) return true;
    return false;
}

static void find_arguments(Family *f)
{
    Arena *arena = f->program->arena;
    const int count = f->numbers[0].all.count;
    f->argument_of = arena_array(arena, int, count + 1);
    for (int i = 0; i < count; i++) {
        f->argument_of[i] = -1;
        if (!differs(f, i)) continue;
        int a = 0;
        while (a < f->arguments.count && !is_equal(f, f->arguments.at[a], i)) a++;
        if (a == f->arguments.count) vec_push(arena, f->arguments, i);
        f->argument_of[i] = a;
    }
}

/* ---- names ---- */

static const char *common_name(const Program *program, const Function *f)
{
    const char *base = f->operation ? f->operation : f->name,
               *name = arena_printf(program->arena, "%s_of", base);
    for (int i = 2; program_has_function(program, name); i++)
        name = arena_printf(program->arena, "%s_of_%d", base, i);
    return name;
}

/* ---- the function of all, and calls of it ---- */

static void take_arguments(Family *f, Function *common)
{
    Arena *arena = f->program->arena;
    LoopBuilder b = {.arena = arena, .program = f->program, .function = common};
    Var **vars = arena_array(arena, Var *, f->arguments.count + 1);
    for (int a = 0; a < f->arguments.count; a++) {
        const Number *n = &f->numbers[0].all.at[f->arguments.at[a]];
        vars[a] = arena_make(arena, Var);
        *vars[a] = (Var){.name = function_free_name(common, n->name), .type = (*n->at)->type};
        vec_push(arena, common->scalars, vars[a]);
    }
    for (int i = 0; i < f->numbers[0].all.count; i++) {
        LoopExpr **at = f->numbers[0].all.at[i].at;
        if (f->argument_of[i] < 0) continue;
        LoopExpr *x = x_var(&b, vars[f->argument_of[i]]);
        *at = (*at)->vector ? x_splat(&b, x) : x;
    }
}

/* Loops that any member unrolls, as far as the one that unrolls most, and arrays of the largest. */
static void take_most(const Family *f)
{
    for (int i = 0; i < f->members.at[0]->locals.count; i++)
        for (int m = 1; m < f->members.count; m++) {
            Buffer *own = f->members.at[0]->locals.at[i];
            const Buffer *other = f->members.at[m]->locals.at[i];
            if (other->local_floats > own->local_floats) own->local_floats = other->local_floats;
        }

    for (int i = 0; i < f->numbers[0].unrolls.count; i++)
        for (int m = 1; m < f->members.count; m++) {
            int *times = f->numbers[0].unrolls.at[i];
            if (*f->numbers[m].unrolls.at[i] > *times) *times = *f->numbers[m].unrolls.at[i];
        }
}

static Function *make_common(Family *f)
{
    Arena *arena = f->program->arena;
    Function *first = f->members.at[0], *common = arena_make(arena, Function);
    *common = *first;
    common->is_step = true;
    common->name = common_name(f->program, first);
    common->plain = NULL;
    common->scalars.room = common->scalars.count; /* to grow into a list of its own */
    const char *also = strstr(first->comment, "\nAlso ");
    const int length = (int)(also ? also - first->comment : (long)strlen(first->comment));
    common->comment = arena_printf(arena, "%.*s\nFor several sizes.", length, first->comment);
    return common;
}

/* The member's loops are now a call. */
static void call_common(Family *f, int member, Function *common, LoopExpr *const *values)
{
    Arena *arena = f->program->arena;
    Function *own = f->members.at[member];
    LoopBuilder b = {.arena = arena, .program = f->program, .function = own, .list = &own->body};
    const char *also = strstr(own->comment, "\nAlso ");
    own->comment = arena_printf(arena, "%s for %s.%s", common->name, own->kernel_name,
                                also ? also : "");
    memset(&own->body, 0, sizeof own->body);
    memset(&own->locals, 0, sizeof own->locals);
    own->plain = NULL;
    loop_call(&b, common);
    for (int i = 0; i < own->buffers.count; i++)
        loop_pass(&b, (Handed){own->buffers.at[i], x_int(&b, 0), 1, 1, 1});
    for (int i = 0; i < own->scalars.count; i++) loop_argument(&b, x_var(&b, own->scalars.at[i]));
    for (int a = 0; a < f->arguments.count; a++) loop_argument(&b, values[a]);
}

static void share(Family *f)
{
    Arena *arena = f->program->arena;
    const int count = f->arguments.count;
    LoopExpr **values = arena_array(arena, LoopExpr *, f->members.count * count + 1);
    for (int m = 0; m < f->members.count; m++)
        for (int a = 0; a < count; a++) {
            LoopExpr *value = copied(arena, number(f, m, f->arguments.at[a]));
            value->vector = false;
            values[m * count + a] = value;
        }
    take_most(f);
    Function *common = make_common(f);
    take_arguments(f, common);
    vec_push(arena, f->program->inner, common);
    for (int m = 0; m < f->members.count; m++) call_common(f, m, common, values + m * count);
}

/* ---- all families ---- */

static bool may_share(const Function *f)
{
    return !f->parts.count && !f->returns_status && f->kernel_name && f->comment
        && strlen(function_shape(f)) >= LEAST_LENGTH;
}

/* The functions from i on that are alike with it, which is the first of them. */
static bool find_family(Program *program, int i, Family *f)
{
    Arena *arena = program->arena;
    const Function *first = program->functions.at[i];
    *f = (Family){.program = program};
    if (!may_share(first)) return false;
    for (int j = 0; j < program->functions.count; j++) {
        Function *other = program->functions.at[j];
        if (!may_share(other) || strcmp(function_shape(first), function_shape(other)) != 0)
            continue;
        if (j < i) return false;
        vec_push(arena, f->members, other);
    }
    if (f->members.count < 2) return false;
    f->numbers = arena_array(arena, Numbers, f->members.count);
    for (int m = 0; m < f->members.count; m++) {
        copy_expressions(arena, &f->members.at[m]->body);
        f->numbers[m] = numbers_of(arena, f->members.at[m]);
    }
    find_arguments(f);
    return f->arguments.count <= MOST_ARGUMENTS;
}

void loop_merge_alike(Program *program)
{
    VEC(Family) families = {0};
    size_t saved = 0;
    for (int i = 0; i < program->functions.count; i++) {
        Family f;
        if (!find_family(program, i, &f)) continue;
        vec_push(program->arena, families, f);
        saved += strlen(function_shape(f.members.at[0])) * (size_t)(f.members.count - 1);
    }
    for (int i = 0; saved >= LEAST_SAVED && i < families.count; i++) share(&families.at[i]);
}
