/* Whether two functions are the same loops: their dumps are equal once buffers and variables go by
 * their position. */
#include <stdint.h>
#include <string.h>

#include "loop/loop.h"
#include "ops/op.h"

bool loop_equal(const LoopExpr *a, const LoopExpr *b)
{
    if (a == b) return true;
    if (a->kind != b->kind || a->type != b->type || a->vector != b->vector || a->op != b->op
        || a->number != b->number || a->var != b->var || a->buffer != b->buffer
        || a->active != b->active || a->arg_count != b->arg_count)
        return false;
    for (int i = 0; i < a->arg_count; i++)
        if (!loop_equal(a->args[i], b->args[i])) return false;
    return true;
}

/* ---- a readable, target-independent text of loops; `plain`: names replaced by the order of first
 * use ---- */

typedef struct Dump {
    Text *out;
    bool plain, numberless;
    VEC(const void *) seen;
} Dump;

static void name(Dump *d, const void *thing, const char *text)
{
    if (!d->plain) {
        text_add(d->out, text);
        return;
    }
    int i = 0;
    while (i < d->seen.count && d->seen.at[i] != thing) i++;
    if (i == d->seen.count) vec_push(d->out->arena, d->seen, thing);
    text_addf(d->out, "_%d", i);
}

static const char *kind_text(const LoopExpr *x)
{
    static const char *const names[] = {
        [E_CALL] = "call",           [E_FMA] = "fma",
        [E_SPLAT] = "splat",         [E_LANES] = "lanes",
        [E_ADD_LANES] = "add_lanes", [E_MAX_LANES] = "max_lanes",
        [E_LDEXP] = "ldexp",         [E_EXPONENT] = "exponent",
        [E_MANTISSA] = "mantissa",   [E_ROUND] = "round",
        [E_FRACTION] = "fraction",   [E_RECIPROCAL] = "reciprocal",
        [E_INDEX_ADD] = "+",         [E_INDEX_MUL] = "*",
        [E_INDEX_DIV] = "/",         [E_INDEX_MOD] = "mod",
        [E_INDEX_MIN] = "min",       [E_INDEX_MAX] = "max",
        [E_RANDOM] = "random",       [E_TO_I32] = "i32",
        [E_TO_INDEX] = "index",
    };
    return x->kind == E_MAP || x->kind == E_CALL ? op_row(x->op)->name : names[x->kind];
}

static void dump_expr(Dump *d, const LoopExpr *x)
{
    switch (x->kind) {
    case E_INT:
        if (d->numberless && x->type == LT_INDEX) text_add(d->out, "#");
        else text_addf(d->out, "%lld", (long long)x->number);
        return;
    case E_FLOAT:
        if (d->numberless) text_add(d->out, x->vector ? "#'" : "#.");
        else text_add_float(d->out, (float)x->number);
        return;
    case E_VAR:
        name(d, x->var, x->var->name);
        if (x->var->known) text_addf(d->out, "=%lld", (long long)x->var->value);
        return;
    case E_LOAD:
        name(d, x->buffer, x->buffer->name);
        text_addf(d->out, x->vector ? "<%d>[" : "[", x->active);
        dump_expr(d, x->args[0]);
        text_add(d->out, "]");
        return;
    default: break;
    }
    text_addf(d->out, "%s%s(", kind_text(x), x->vector ? "'" : "");
    for (int i = 0; i < x->arg_count; i++) {
        if (i) text_add(d->out, ", ");
        dump_expr(d, x->args[i]);
    }
    text_add(d->out, ")");
}

static void dump_list(Dump *d, const LoopStmts *list, int depth);

static void dump_place(Dump *d, const Buffer *buffer, const LoopExpr *index)
{
    name(d, buffer, buffer->name);
    text_add(d->out, "[");
    dump_expr(d, index);
    text_add(d->out, "]");
}

static void dump_for(Dump *d, const LoopStmt *s)
{
    text_add(d->out, "for ");
    name(d, s->var, s->var->name);
    text_add(d->out, " in ");
    dump_expr(d, s->lo);
    text_add(d->out, " .. ");
    dump_expr(d, s->hi);
    text_addf(d->out, " step %lld unroll %d\n", (long long)s->step,
              d->numberless ? 0 : s->unroll);
}

static void dump_transpose(Dump *d, const LoopStmt *s)
{
    text_addf(d->out, "transpose %dx%d ", s->rows, s->cols);
    dump_place(d, s->source, s->source_index);
    text_addf(d->out, " ld %lld to ", (long long)s->source_ld);
    dump_place(d, s->buffer, s->index);
    text_addf(d->out, " ld %lld\n", (long long)s->ld);
}

static void dump_call(Dump *d, const LoopStmt *s)
{
    if (d->plain) text_addf(d->out, "call %p", (void *)s->callee);
    else text_addf(d->out, "call %s", s->callee->name);
    for (int i = 0; i < s->passed.count; i++) {
        text_add(d->out, i ? ", " : " ");
        dump_place(d, s->passed.at[i].buffer, s->passed.at[i].index);
    }
    for (int i = 0; i < s->arguments.count; i++) {
        text_add(d->out, ", ");
        dump_expr(d, s->arguments.at[i]);
    }
    text_add(d->out, "\n");
}

static void dump_assignment(Dump *d, const LoopStmt *s)
{
    if (s->kind == S_STORE) {
        if (s->value->vector) text_addf(d->out, "store<%d> ", s->active);
        dump_place(d, s->buffer, s->index);
    } else {
        if (s->kind == S_LET) text_add(d->out, s->var->assigned ? "var " : "let ");
        name(d, s->var, s->var->name);
    }
    text_add(d->out, " = ");
    dump_expr(d, s->value);
    text_add(d->out, "\n");
}

static void dump_stmt(Dump *d, const LoopStmt *s, int depth)
{
    if (s->kind == S_COMMENT) return;
    for (int i = 0; i < depth; i++) text_add(d->out, "  ");
    switch (s->kind) {
    case S_FOR: dump_for(d, s); break;
    case S_TRANSPOSE: dump_transpose(d, s); break;
    case S_CALL: dump_call(d, s); break;
    case S_BLOCK: text_add(d->out, "block\n"); break;
    case S_PREFETCH:
        text_add(d->out, "prefetch ");
        dump_place(d, s->buffer, s->index);
        text_add(d->out, "\n");
        break;
    case S_IF:
    case S_RETURN:
        text_add(d->out, s->kind == S_IF ? "if " : "return ");
        if (s->value) dump_expr(d, s->value);
        text_add(d->out, "\n");
        break;
    default: dump_assignment(d, s); break;
    }
    dump_list(d, &s->body, depth + 1);
    if (s->otherwise.count) text_add(d->out, "else\n");
    dump_list(d, &s->otherwise, depth + 1);
}

static void dump_list(Dump *d, const LoopStmts *list, int depth)
{
    for (int i = 0; i < list->count; i++) dump_stmt(d, list->at[i], depth);
}

static void dump_function(Text *out, const Function *f, bool plain, bool numberless)
{
    Dump d = {.out = out, .plain = plain, .numberless = numberless};
    for (int i = 0; i < f->buffers.count; i++) {
        text_add(out, i ? ", " : "");
        text_addf(out, "%s%d ", f->buffers.at[i]->constant ? "const " : "",
                  (int)f->buffers.at[i]->type);
        name(&d, f->buffers.at[i], f->buffers.at[i]->name);
        if (f->buffers.at[i]->each) text_addf(out, " each %lld", (long long)f->buffers.at[i]->each);
    }
    for (int i = 0; i < f->scalars.count; i++) {
        text_add(out, ", ");
        name(&d, f->scalars.at[i], f->scalars.at[i]->name);
    }
    text_add(out, "\n");
    dump_list(&d, &f->body, 1);
}

static const char *plain_text(Function *f)
{
    if (!f->plain) {
        Text out = text_new(f->arena);
        dump_function(&out, f, true, false);
        f->plain = out.at;
        f->plain_length = out.length;
    }
    return f->plain;
}

const char *function_shape(const Function *f)
{
    Function *x = (Function *)(uintptr_t)f;
    if (!x->shape) {
        Text out = text_new(f->arena);
        dump_function(&out, f, true, true);
        for (int i = 0; i < f->locals.count; i++) text_add(&out, "local\n");
        x->shape = out.at;
    }
    return x->shape;
}

bool function_same(const Function *a, const Function *b)
{
    Function *x = (Function *)(uintptr_t)a, *y = (Function *)(uintptr_t)b;
    const char *text_a = plain_text(x), *text_b = plain_text(y);
    return x->plain_length == y->plain_length && !memcmp(text_a, text_b, x->plain_length);
}

void loop_dump(Text *out, const Program *program)
{
    for (int i = 0; i < program->math.count; i++) {
        text_addf(out, "%s(", program->math.at[i]->name);
        dump_function(out, program->math.at[i], false, false);
    }
    for (int i = 0; i < program->inner.count; i++) {
        text_addf(out, "%s(", program->inner.at[i]->name);
        dump_function(out, program->inner.at[i], false, false);
    }
    for (int i = 0; i < program->functions.count; i++) {
        text_addf(out, "%s(", program->functions.at[i]->name);
        dump_function(out, program->functions.at[i], false, false);
    }
}
