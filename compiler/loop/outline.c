/* Stages of kernels, the blocks of loop_stage, as functions of their own. Addresses are sums: what
 * does not change inside is added to the pointer by the caller, so that stages at other places are
 * the same function. */
#include <string.h>

#include "loop/loop.h"

enum { MOST_TERMS = 16 };

/* constant + sum of factor * atom */
typedef struct Sum {
    const LoopExpr *atom[MOST_TERMS];
    int64_t factor[MOST_TERMS], constant;
    int count;
} Sum;

/* A formal pointer: to the least address of the accesses that share what lies outside. */
typedef struct Pointer {
    Buffer *buffer, *formal;
    const LoopExpr *sample; /* the address of one of them */
    int64_t least;
    bool plain; /* the buffer as it is, addresses unchanged */
    bool ahead; /* to what is only asked for here ... */
    bool asked; /* ... or in functions called */
} Pointer;

typedef struct Renamed {
    const Var *old;
    Var *made;
} Renamed;

/* What a stage reads of the rest is passed: buffers from where they are read on, and scalars. */
typedef struct Outlined {
    Function *function;
    VEC(Handed) passed;
    VEC(LoopExpr *) arguments;
} Outlined;

typedef struct Outline {
    Arena *arena;
    LoopBuilder b; /* of the function that is made */
    Outlined *out;
    VEC(const Var *) own; /* declared inside */
    VEC(const Var *) set;
    VEC(const Buffer *) stored;
    VEC(const Buffer *) own_locals; /* of the function, used here alone */
    VEC(Pointer) pointers;
    VEC(Renamed) renamed;
    bool possible;
} Outline;

static bool among(const void *const *list, int count, const void *x)
{
    for (int i = 0; i < count; i++)
        if (list[i] == x) return true;
    return false;
}

#define HAS(list, x) among((const void *const *)(list).at, (list).count, x)

/* ---- what stands in the statements ---- */

static void survey(Outline *o, const LoopStmt *s)
{
    if (s->kind == S_RETURN) o->possible = false;
    if (s->kind == S_LET || s->kind == S_FOR) vec_push(o->arena, o->own, s->var);
    if (s->kind == S_SET && !HAS(o->set, s->var)) vec_push(o->arena, o->set, s->var);
    if (s->kind == S_STORE || s->kind == S_TRANSPOSE) vec_push(o->arena, o->stored, s->buffer);
    for (int i = 0; i < s->passed.count; i++)
        if (!s->callee->buffers.at[i]->constant)
            vec_push(o->arena, o->stored, s->passed.at[i].buffer);
    for (int i = 0; i < s->body.count; i++) survey(o, s->body.at[i]);
    for (int i = 0; i < s->otherwise.count; i++) survey(o, s->otherwise.at[i]);
}

/* Arguments are values. */
static bool sets_others(const Outline *o)
{
    for (int i = 0; i < o->set.count; i++)
        if (!HAS(o->own, o->set.at[i])) return true;
    return false;
}

/* ---- sums ---- */

static void add_to_sum(Outline *o, Sum *sum, const LoopExpr *x, int64_t factor)
{
    if (x->kind == E_INT) {
        sum->constant += factor * (int64_t)x->number;
        return;
    }
    if (x->kind == E_INDEX_ADD) {
        add_to_sum(o, sum, x->args[0], factor);
        add_to_sum(o, sum, x->args[1], factor);
        return;
    }
    if (x->kind == E_INDEX_MUL && x->args[1]->kind == E_INT) {
        add_to_sum(o, sum, x->args[0], factor * (int64_t)x->args[1]->number);
        return;
    }
    for (int i = 0; i < sum->count; i++)
        if (loop_equal(sum->atom[i], x)) {
            sum->factor[i] += factor;
            return;
        }
    if (sum->count == MOST_TERMS) {
        o->possible = false;
        return;
    }
    sum->atom[sum->count] = x;
    sum->factor[sum->count++] = factor;
}

static Sum sum_of(Outline *o, const LoopExpr *x)
{
    Sum sum = {.count = 0};
    add_to_sum(o, &sum, x, 1);
    return sum;
}

static bool is_inside(const Outline *o, const LoopExpr *x)
{
    if (x->kind == E_LOAD) return true;
    if (x->kind == E_VAR && (x->var->known || HAS(o->own, x->var) || HAS(o->set, x->var)))
        return true;
    for (int i = 0; i < x->arg_count; i++)
        if (is_inside(o, x->args[i])) return true;
    return false;
}

/* The terms that do not change inside are the same. */
static bool same_outside(Outline *o, const Sum *a, const Sum *b)
{
    int count_a = 0, count_b = 0;
    for (int i = 0; i < b->count; i++) count_b += b->factor[i] && !is_inside(o, b->atom[i]);
    for (int i = 0; i < a->count; i++) {
        if (!a->factor[i] || is_inside(o, a->atom[i])) continue;
        int j = 0;
        while (j < b->count && !loop_equal(a->atom[i], b->atom[j])) j++;
        if (j == b->count || a->factor[i] != b->factor[j]) return false;
        count_a++;
    }
    return count_a == count_b;
}

/* The terms inside, or those outside, as an address. */
static LoopExpr *terms(Outline *o, const Sum *sum, bool inside, int64_t constant)
{
    LoopBuilder *b = &o->b;
    LoopExpr *x = x_int(b, 0);
    for (int i = 0; i < sum->count; i++)
        if (sum->factor[i] && is_inside(o, sum->atom[i]) == inside)
            x = x_add(b, x, x_mul(b, (LoopExpr *)(uintptr_t)sum->atom[i], sum->factor[i]));
    return x_add(b, x, x_int(b, constant));
}

/* ---- pointers ---- */

/* asked: by a function called, which does not read it. */
static void note_access(Outline *o, Buffer *buffer, const LoopExpr *address, bool ahead, bool asked)
{
    if (HAS(o->own_locals, buffer)) return;
    const Sum sum = sum_of(o, address);
    const bool stored = HAS(o->stored, buffer) && !ahead;
    for (int i = 0; i < o->pointers.count; i++) {
        Pointer *p = &o->pointers.at[i];
        if (p->buffer != buffer || p->ahead != ahead) continue;
        const Sum known = sum_of(o, p->sample);
        if (!p->plain && same_outside(o, &known, &sum)) {
            if (sum.constant < p->least) p->least = sum.constant;
            p->asked &= asked;
            return;
        }
        if (!stored) continue;
        p->plain = true;
        p->asked &= asked;
        return;
    }
    vec_push(o->arena, o->pointers,
             ((Pointer){.buffer = buffer,
                        .sample = address,
                        .least = sum.constant,
                        .ahead = ahead,
                        .asked = asked}));
}

static void note_expr(Outline *o, const LoopExpr *x)
{
    if (!x) return;
    if (x->kind == E_LOAD) note_access(o, x->buffer, x->args[0], false, false);
    for (int i = 0; i < x->arg_count; i++) note_expr(o, x->args[i]);
}

static void note_stmt(Outline *o, const LoopStmt *s)
{
    note_expr(o, s->lo);
    note_expr(o, s->hi);
    note_expr(o, s->value);
    const bool ahead = s->kind == S_PREFETCH;
    if (s->buffer) note_access(o, s->buffer, s->index, ahead, ahead);
    if (s->source) note_access(o, s->source, s->source_index, false, false);
    note_expr(o, s->index);
    note_expr(o, s->source_index);
    for (int i = 0; i < s->passed.count; i++) {
        note_access(o, s->passed.at[i].buffer, s->passed.at[i].index, false,
                    s->callee->buffers.at[i]->asked);
        note_expr(o, s->passed.at[i].index);
    }
    for (int i = 0; i < s->arguments.count; i++) note_expr(o, s->arguments.at[i]);
    for (int i = 0; i < s->body.count; i++) note_stmt(o, s->body.at[i]);
    for (int i = 0; i < s->otherwise.count; i++) note_stmt(o, s->otherwise.at[i]);
}

/* ---- names ---- */

static const char *free_name(Outline *o, const char *wanted)
{
    LoopBuilder *b = &o->b;
    const char *name = wanted;
    for (int n = 2, i = 0; i < b->names.count; i++)
        if (!strcmp(b->names.at[i], name)) {
            name = name_numbered(o->arena, wanted, n++);
            i = -1;
        }
    vec_push(o->arena, b->names, name);
    return name;
}

static Var *renamed(Outline *o, const Var *old)
{
    for (int i = 0; i < o->renamed.count; i++)
        if (o->renamed.at[i].old == old) return o->renamed.at[i].made;
    Var *made = arena_make(o->arena, Var);
    *made = (Var){.name = free_name(o, old->wanted ? old->wanted : old->name),
                  .wanted = old->wanted,
                  .type = old->type,
                  .vector = old->vector,
                  .assigned = old->assigned};
    vec_push(o->arena, o->renamed, ((Renamed){old, made}));
    if (HAS(o->own, old)) return made;
    const bool known = old->known && !(old->outer && o->b.function->is_step);
    const Var *passed = known ? old->given : old;
    LoopExpr *arg = passed ? x_var(&o->b, (Var *)(uintptr_t)passed) : x_int(&o->b, old->value);
    made->assigned = false;
    vec_push(o->arena, o->b.function->scalars, made);
    vec_push(o->arena, o->out->arguments, arg);
    return made;
}

/* ---- rewriting ---- */

static LoopExpr *rewritten(Outline *o, const LoopExpr *x);

/* The formal of a buffer at an address, and the address from there on. */
static Buffer *formal_at(Outline *o, Buffer *buffer, const LoopExpr *address, bool ahead,
                         LoopExpr **at)
{
    *at = (LoopExpr *)(uintptr_t)address;
    const Sum sum = sum_of(o, address);
    for (int i = 0; i < o->pointers.count; i++) {
        const Pointer *p = &o->pointers.at[i];
        if (p->buffer != buffer || p->ahead != ahead) continue;
        const Sum known = sum_of(o, p->sample);
        if (!p->plain && !same_outside(o, &known, &sum)) continue;
        if (!p->plain) *at = terms(o, &sum, true, sum.constant - p->least);
        *at = rewritten(o, *at);
        return p->formal;
    }
    *at = rewritten(o, *at);
    return buffer;
}

static LoopExpr *rewritten(Outline *o, const LoopExpr *x)
{
    if (!x) return NULL;
    LoopExpr *copy = arena_make(o->arena, LoopExpr);
    *copy = *x;
    if (x->kind == E_LOAD) {
        copy->buffer = formal_at(o, x->buffer, x->args[0], false, &copy->args[0]);
        return copy;
    }
    if (x->var) copy->var = renamed(o, x->var);
    for (int i = 0; i < x->arg_count; i++) copy->args[i] = rewritten(o, x->args[i]);
    return copy;
}

static LoopStmt *rewritten_stmt(Outline *o, const LoopStmt *s);

static void rewrite_list(Outline *o, LoopStmts *to, const LoopStmts *from)
{
    *to = (LoopStmts){0};
    for (int i = 0; i < from->count; i++) vec_push(o->arena, *to, rewritten_stmt(o, from->at[i]));
}

static void rewrite_arguments(Outline *o, LoopStmt *copy, const LoopStmt *s)
{
    memset(&copy->passed, 0, sizeof copy->passed);
    memset(&copy->arguments, 0, sizeof copy->arguments);
    for (int i = 0; i < s->passed.count; i++) {
        Handed passed = s->passed.at[i];
        passed.buffer = formal_at(o, passed.buffer, passed.index, false, &passed.index);
        vec_push(o->arena, copy->passed, passed);
    }
    for (int i = 0; i < s->arguments.count; i++)
        vec_push(o->arena, copy->arguments, rewritten(o, s->arguments.at[i]));
}

static LoopStmt *rewritten_stmt(Outline *o, const LoopStmt *s)
{
    LoopStmt *copy = arena_make(o->arena, LoopStmt);
    *copy = *s;
    copy->lo = rewritten(o, s->lo);
    copy->hi = rewritten(o, s->hi);
    copy->value = rewritten(o, s->value);
    if (s->var) copy->var = renamed(o, s->var);
    const bool ahead = s->kind == S_PREFETCH;
    if (s->buffer) copy->buffer = formal_at(o, s->buffer, s->index, ahead, &copy->index);
    if (s->source)
        copy->source = formal_at(o, s->source, s->source_index, false, &copy->source_index);
    rewrite_arguments(o, copy, s);
    rewrite_list(o, &copy->body, &s->body);
    rewrite_list(o, &copy->otherwise, &s->otherwise);
    return copy;
}

/* ---- a function ---- */

/* The formal of a pointer. */
static void make_formal(Outline *o, Pointer *p, const char *name)
{
    const bool stored = HAS(o->stored, p->buffer) && !p->ahead;
    const Sum sum = sum_of(o, p->sample);
    LoopExpr *address = p->plain ? x_int(&o->b, 0) : terms(o, &sum, false, p->least);
    const char *usual = p->asked ? "ahead" : stored ? "out" : "in";
    p->formal = arena_make(o->arena, Buffer);
    *p->formal = (Buffer){.name = free_name(o, name ? name : usual),
                          .type = p->buffer->type,
                          .constant = !stored,
                          .asked = p->asked};
    vec_push(o->arena, o->b.function->buffers, p->formal);
    vec_push(o->arena, o->out->passed, ((Handed){p->buffer, address, 1, 1, 1}));
}

/* Those with a role first, in that order. */
static void make_pointers(Outline *o, const LoopStmt *stage)
{
    for (int r = 0; r < stage->roles.count; r++)
        for (int i = 0; i < o->pointers.count; i++) {
            Pointer *p = &o->pointers.at[i];
            if (!p->formal && !p->ahead && p->buffer == stage->roles.at[r].buffer)
                make_formal(o, p, stage->roles.at[r].name);
        }
    for (int i = 0; i < o->pointers.count; i++)
        if (!o->pointers.at[i].formal) make_formal(o, &o->pointers.at[i], NULL);
}

static bool uses_buffer(const LoopExpr *x, const Buffer *buffer)
{
    if (!x) return false;
    if (x->buffer == buffer) return true;
    for (int i = 0; i < x->arg_count; i++)
        if (uses_buffer(x->args[i], buffer)) return true;
    return false;
}

static int users_of(const LoopStmt *s, const Buffer *buffer)
{
    int n = s->buffer == buffer || s->source == buffer || uses_buffer(s->value, buffer);
    for (int i = 0; i < s->passed.count; i++) n += s->passed.at[i].buffer == buffer;
    for (int i = 0; i < s->body.count; i++) n += users_of(s->body.at[i], buffer);
    for (int i = 0; i < s->otherwise.count; i++) n += users_of(s->otherwise.at[i], buffer);
    return n;
}

/* A local array that nothing else uses moves. */
static void take_locals(Outline *o, Function *from, const LoopStmt *stage)
{
    int kept = 0;
    for (int i = 0; i < from->locals.count; i++) {
        Buffer *local = from->locals.at[i];
        const int here = users_of(stage, local);
        int all = 0;
        for (int j = 0; j < from->body.count; j++) all += users_of(from->body.at[j], local);
        if (!here || here < all) {
            from->locals.at[kept++] = local;
            continue;
        }
        vec_push(o->arena, o->own_locals, local);
        vec_push(o->arena, o->b.function->locals, local);
        vec_push(o->arena, o->b.names, local->name);
    }
    from->locals.count = kept;
}

static bool make_function(Program *program, Function *from, const LoopStmt *stage,
                          Outlined *outlined)
{
    Function *f = arena_make(program->arena, Function);
    Outline o = {
        .arena = program->arena,
        .out = outlined,
        .possible = true,
        .b = {.arena = program->arena, .program = program, .function = f, .list = &f->body}};
    f->arena = program->arena;
    f->is_step = stage->inlined;
    *outlined = (Outlined){.function = f};
    survey(&o, stage);
    if (!o.possible || sets_others(&o)) return false;
    take_locals(&o, from, stage);
    note_stmt(&o, stage);
    if (!o.possible) return false;
    make_pointers(&o, stage);
    LoopStmt *body = rewritten_stmt(&o, stage);
    vec_push(o.arena, f->body, body);
    return o.possible;
}

static LoopStmt *call_of(Program *program, const Outlined *outlined)
{
    LoopStmt *call = arena_make(program->arena, LoopStmt);
    call->kind = S_CALL;
    call->callee = outlined->function;
    for (int i = 0; i < outlined->passed.count; i++)
        vec_push(program->arena, call->passed, outlined->passed.at[i]);
    for (int i = 0; i < outlined->arguments.count; i++)
        vec_push(program->arena, call->arguments, outlined->arguments.at[i]);
    return call;
}

/* ---- stages ---- */

static Function *equal_stage(Program *program, Function *f)
{
    const char *name = f->name;
    for (int i = 0; i < program->inner.count; i++) {
        Function *other = program->inner.at[i];
        if (other->is_step == f->is_step && function_same(other, f)) return other;
    }
    for (int i = 2; program_has_function(program, f->name); i++)
        f->name = arena_printf(program->arena, "%s_%d", name, i);
    vec_push(program->arena, program->inner, f);
    return f;
}

/* The block's statements are the function's; a comment in front is its banner. */
static void finish_stage(Function *f, const char *name)
{
    LoopStmts body = f->body.at[0]->body;
    f->name = name;
    if (body.count && body.at[0]->kind == S_COMMENT) {
        f->comment = body.at[0]->text;
        body.at++;
        body.count--;
    }
    body.room = body.count;
    f->body = body;
}

static void outline_stages(Program *program, Function *f, LoopStmts *list)
{
    for (int i = 0; i < list->count; i++) {
        LoopStmt *s = list->at[i];
        Outlined made;
        outline_stages(program, f, &s->body);
        outline_stages(program, f, &s->otherwise);
        if (s->kind != S_BLOCK || !s->text) continue;
        if (!make_function(program, f, s, &made)) continue;
        finish_stage(made.function, s->text);
        made.function = equal_stage(program, made.function);
        list->at[i] = call_of(program, &made);
    }
}

static void outline_function(Program *program, Function *f)
{
    outline_stages(program, f, &f->body);
}

void loop_outline(Program *program)
{
    for (int i = 0; i < program->functions.count; i++) {
        Function *f = program->functions.at[i];
        for (int j = 0; j < f->parts.count; j++) outline_function(program, f->parts.at[j].function);
        if (!f->parts.count) outline_function(program, f);
    }
}
