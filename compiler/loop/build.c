/* The verbs that build functions and their statements; expr.c has those of expressions. */
#include <string.h>

#include "base/cname.h"
#include "loop/loop.h"
#include "target/target.h"

/* ---- functions and names ---- */

Program *program_new(Arena *arena, const Target *target)
{
    Program *program = arena_make(arena, Program);
    program->arena = arena;
    program->target = target;
    return program;
}

static LoopBuilder new_function(Program *program, const char *name, const char *comment)
{
    Function *f = arena_make(program->arena, Function);
    f->name = name;
    f->comment = comment;
    f->arena = program->arena;
    return (
        LoopBuilder){.arena = program->arena, .program = program, .function = f, .list = &f->body};
}

LoopBuilder loop_function(Program *program, const char *name, const char *comment)
{
    LoopBuilder b = new_function(program, name, comment);
    vec_push(program->arena, program->functions, b.function);
    return b;
}

LoopBuilder loop_inner_function(Program *program, const char *name, const char *comment)
{
    LoopBuilder b = new_function(program, name, comment);
    vec_push(program->arena, program->inner, b.function);
    return b;
}

static bool name_taken(const LoopBuilder *b, const char *name)
{
    for (int i = 0; i < b->names.count; i++)
        if (!strcmp(b->names.at[i], name)) return true;
    for (int i = 0; i < b->function->locals.count; i++) /* declared at the top, from wherever */
        if (!strcmp(b->function->locals.at[i]->name, name)) return true;
    return false;
}

const char *name_numbered(Arena *arena, const char *name, int number)
{
    const char last = name[strlen(name) - 1];
    return arena_printf(arena, "%s%s%d", name, last >= '0' && last <= '9' ? "_" : "", number);
}

static bool has_variable(const LoopStmts *list, const char *name)
{
    for (int i = 0; i < list->count; i++) {
        const LoopStmt *s = list->at[i];
        if (s->var && !strcmp(s->var->name, name)) return true;
        if (has_variable(&s->body, name) || has_variable(&s->otherwise, name)) return true;
    }
    return false;
}

static bool has_name(const Function *f, const char *name)
{
    for (int i = 0; i < f->buffers.count; i++)
        if (!strcmp(f->buffers.at[i]->name, name)) return true;
    for (int i = 0; i < f->locals.count; i++)
        if (!strcmp(f->locals.at[i]->name, name)) return true;
    for (int i = 0; i < f->scalars.count; i++)
        if (!strcmp(f->scalars.at[i]->name, name)) return true;
    return has_variable(&f->body, name);
}

const char *function_free_name(const Function *f, const char *wanted)
{
    const char *name = wanted;
    for (int i = 2; has_name(f, name); i++) name = name_numbered(f->arena, wanted, i);
    return name;
}

bool program_has_function(const Program *program, const char *name)
{
    for (int i = 0; i < program->inner.count; i++)
        if (!strcmp(program->inner.at[i]->name, name)) return true;
    for (int i = 0; i < program->functions.count; i++)
        if (!strcmp(program->functions.at[i]->name, name)) return true;
    return false;
}

/* `wanted`; with a number behind it if it is taken in this function. */
static const char *take_name(LoopBuilder *b, const char *wanted)
{
    const char *name = wanted;
    for (int i = 2; name_taken(b, name); i++) name = name_numbered(b->arena, wanted, i);
    vec_push(b->arena, b->names, name);
    return name;
}

Buffer *loop_buffer(LoopBuilder *b, const char *name, LType type, bool constant)
{
    Buffer *buffer = arena_make(b->arena, Buffer);
    *buffer = (Buffer){.name = take_name(b, c_identifier(b->arena, name)),
                       .type = type,
                       .constant = constant};
    vec_push(b->arena, b->function->buffers, buffer);
    return buffer;
}

Buffer *loop_local(LoopBuilder *b, const char *name, int64_t floats)
{
    Buffer *buffer = arena_make(b->arena, Buffer);
    const char *wanted = c_identifier(b->arena, name);
    *buffer = (Buffer){
        .name = take_name(b, wanted), .wanted = wanted, .type = LT_F32, .local_floats = floats};
    vec_push(b->arena, b->function->locals, buffer);
    return buffer;
}

static Var *make_var(LoopBuilder *b, const char *name, LType type, bool vector, bool assigned)
{
    Var *var = arena_make(b->arena, Var);
    const char *wanted = c_identifier(b->arena, name);
    *var = (Var){.name = take_name(b, wanted),
                 .wanted = wanted,
                 .type = type,
                 .vector = vector,
                 .assigned = assigned};
    return var;
}

Var *loop_scalar(LoopBuilder *b, const char *name, LType type)
{
    Var *var = make_var(b, name, type, false, false);
    vec_push(b->arena, b->function->scalars, var);
    return var;
}

/* ---- statements ---- */

static LoopStmt *append(LoopBuilder *b, LoopStmtKind kind)
{
    LoopStmt *s = arena_make(b->arena, LoopStmt);
    s->kind = kind;
    vec_push(b->arena, *b->list, s);
    return s;
}

static void open(LoopBuilder *b, LoopStmts *list)
{
    vec_push(b->arena, b->stack, b->list);
    vec_push(b->arena, b->marks, b->names.count);
    b->list = list;
}

Var *loop_begin(LoopBuilder *b, const char *name, LoopExpr *lo, LoopExpr *hi, int64_t step)
{
    LoopStmt *s = append(b, S_FOR);
    s->lo = lo;
    s->hi = hi;
    s->step = step;
    open(b, &s->body);
    s->var = make_var(b, name, LT_INDEX, false, true);
    return s->var;
}

void loop_unroll(LoopBuilder *b, int times)
{
    const LoopStmts *outer = b->stack.at[b->stack.count - 1];
    outer->at[outer->count - 1]->unroll = times;
}

/* Names declared inside a scope are free again after it. */
void loop_end(LoopBuilder *b)
{
    b->list = b->stack.at[--b->stack.count];
    b->names.count = b->marks.at[--b->marks.count];
}

static Var *declare(LoopBuilder *b, const char *name, LoopExpr *value, bool assigned)
{
    LoopStmt *s = append(b, S_LET);
    s->value = value;
    s->var = make_var(b, name, value->type, value->vector, assigned);
    return s->var;
}

Var *loop_let(LoopBuilder *b, const char *name, LoopExpr *value)
{
    return declare(b, name, value, false);
}

Var *loop_var(LoopBuilder *b, const char *name, LoopExpr *value)
{
    return declare(b, name, value, true);
}

void loop_set(LoopBuilder *b, Var *var, LoopExpr *value)
{
    LoopStmt *s = append(b, S_SET);
    s->var = var;
    s->value = value;
}

void loop_store(LoopBuilder *b, Buffer *buffer, LoopExpr *index, LoopExpr *value)
{
    loop_vstore(b, buffer, index, value, 1);
}

void loop_vstore(LoopBuilder *b, Buffer *buffer, LoopExpr *index, LoopExpr *value, int active)
{
    LoopStmt *s = append(b, S_STORE);
    s->buffer = buffer;
    s->index = index;
    s->value = active > 1 ? x_splat(b, value) : value;
    s->active = active;
}

void loop_transpose(LoopBuilder *b, Buffer *to, LoopExpr *to_index, int64_t to_ld, Buffer *from,
                    LoopExpr *from_index, int64_t from_ld, int rows, int cols)
{
    LoopStmt *s = append(b, S_TRANSPOSE);
    s->buffer = to;
    s->index = to_index;
    s->ld = to_ld;
    s->source = from;
    s->source_index = from_index;
    s->source_ld = from_ld;
    s->rows = rows;
    s->cols = cols;
    b->program->uses_transpose = true;
}

void loop_call(LoopBuilder *b, Function *callee) { append(b, S_CALL)->callee = callee; }

static LoopStmt *last_stmt(const LoopBuilder *b) { return b->list->at[b->list->count - 1]; }

void loop_pass(LoopBuilder *b, Handed passed)
{
    vec_push(b->arena, last_stmt(b)->passed, passed);
}

void loop_argument(LoopBuilder *b, LoopExpr *value)
{
    vec_push(b->arena, last_stmt(b)->arguments, value);
}

void loop_if(LoopBuilder *b, LoopExpr *condition)
{
    LoopStmt *s = append(b, S_IF);
    s->value = condition;
    open(b, &s->body);
}

void loop_else(LoopBuilder *b)
{
    loop_end(b);
    open(b, &b->list->at[b->list->count - 1]->otherwise);
}

void loop_prefetch(LoopBuilder *b, Buffer *buffer, LoopExpr *index)
{
    LoopStmt *s = append(b, S_PREFETCH);
    s->buffer = buffer;
    s->index = index;
}

void loop_comment(LoopBuilder *b, const char *text) { append(b, S_COMMENT)->text = text; }

void loop_return(LoopBuilder *b, LoopExpr *value) { append(b, S_RETURN)->value = value; }

void loop_block(LoopBuilder *b) { open(b, &append(b, S_BLOCK)->body); }

void loop_stage(LoopBuilder *b, const char *name, const char *comment, bool inlined)
{
    LoopStmt *s = append(b, S_BLOCK);
    s->text = name;
    s->inlined = inlined;
    open(b, &s->body);
    loop_comment(b, comment);
}

void loop_role(LoopBuilder *b, const Buffer *buffer, const char *name)
{
    const LoopStmts *around = b->stack.at[b->stack.count - 1];
    vec_push(b->arena, around->at[around->count - 1]->roles, ((Role){buffer, name}));
}
