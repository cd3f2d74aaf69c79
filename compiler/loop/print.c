/* The C printer: one small function per construct. */
#include "loop/print.h"

#include <ctype.h>
#include <string.h>

#include "base/wrap.h"
#include "loop/printer.h"
#include "nn_model.h"

/* ---- lines ---- */

static void put_line(Text *out, int depth, const char *line) { wrap_code(out, 4 * depth, line); }

/* ---- statements ---- */

static void put_list(const Printer *p, const LoopStmts *list, int depth);
static void put_stmt(const Printer *p, const LoopStmt *s, int depth);

/* One short statement needs no braces. */
static const char *alone(const Printer *p, const LoopStmts *list)
{
    Text line = text_new(p->out->arena);
    const Printer here = {&line, p->program, p->names, p->function};
    const LoopStmt *s = list->count == 1 ? list->at[0] : NULL;
    if (!s || (s->kind != S_SET && s->kind != S_STORE && s->kind != S_PREFETCH
               && s->kind != S_RETURN)) return NULL;
    put_stmt(&here, s, 0);
    return strchr(line.at, '\n') == line.at + line.length - 1 ? line.at : NULL;
}

static void put_for(const Printer *p, const LoopStmt *s, int depth)
{
    Arena *arena = p->out->arena;
    const char *i = s->var->name;
    const char *step = s->step == 1 ? arena_printf(arena, "%s++", i)
                                    : arena_printf(arena, "%s += %lld", i, (long long)s->step);
    if (s->unroll > 1) put_line(p->out, depth, arena_printf(arena, "NN_UNROLL(%d)", s->unroll));
    const char *head = arena_printf(arena, "for (ptrdiff_t %s = %s; %s < %s; %s)", i,
                                    spell_expr(p, s->lo), i, spell_expr(p, s->hi), step);
    const char *only = alone(p, &s->body);
    if (only && 4 * (size_t)depth + strlen(head) + strlen(only) <= WRAP_COLUMNS) {
        text_addf(p->out, "%*s%s %s", 4 * depth, "", head, only);
        return;
    }
    put_line(p->out, depth, arena_printf(arena, "%s {", head));
    put_list(p, &s->body, depth + 1);
    put_line(p->out, depth, "}");
}

static void put_let(const Printer *p, const LoopStmt *s, int depth)
{
    put_line(p->out, depth,
             arena_printf(p->out->arena, "%s%s %s = %s;", s->var->assigned ? "" : "const ",
                          spell_type(p->program, s->var->type, s->var->vector), s->var->name,
                          spell_expr(p, s->value)));
}

/* What a scalar variable gains in `v = v + x` and `v = x * y + v`; NULL for other values. */
static const LoopExpr *gain_of(const LoopExpr *value, const Var *var, LoopExpr *product)
{
    const bool sum = value->kind == E_MAP && value->op == OP_add;
    if (value->vector || value->type != LT_F32 || (!sum && value->kind != E_FMA)) return NULL;
    const LoopExpr *old = value->args[sum ? 0 : 2];
    if (old->kind != E_VAR || old->var != var) return NULL;
    if (sum) return value->args[1];
    *product = (LoopExpr){.kind = E_MAP,
                          .type = LT_F32,
                          .op = OP_mul,
                          .arg_count = 2,
                          .args = {value->args[0], value->args[1], NULL}};
    return product;
}

static void put_set(const Printer *p, const LoopStmt *s, int depth)
{
    LoopExpr product;
    const LoopExpr *gain = gain_of(s->value, s->var, &product);
    put_line(p->out, depth,
             arena_printf(p->out->arena, "%s %s %s;", s->var->name, gain ? "+=" : "=",
                          spell_expr(p, gain ? gain : s->value)));
}

static void put_if(const Printer *p, const LoopStmt *s, int depth)
{
    const char *condition = spell_expr(p, s->value);
    const char *only = s->otherwise.count ? NULL : alone(p, &s->body);
    if (only && 4 * (size_t)depth + strlen(condition) + strlen(only) + 5 <= WRAP_COLUMNS) {
        text_addf(p->out, "%*sif (%s) %s", 4 * depth, "", condition, only);
        return;
    }
    put_line(p->out, depth, arena_printf(p->out->arena, "if (%s) {", condition));
    put_list(p, &s->body, depth + 1);
    if (s->otherwise.count) {
        put_line(p->out, depth, "} else {");
        put_list(p, &s->otherwise, depth + 1);
    }
    put_line(p->out, depth, "}");
}

static void put_transpose(const Printer *p, const LoopStmt *s, int depth)
{
    put_line(p->out, depth,
             arena_printf(p->out->arena, "%s_transpose%s(%s, %lld, %s, %lld, %d, %d);",
                          p->names->prefix, p->names->suffix,
                          spell_pointer(p, s->source, s->source_index), (long long)s->source_ld,
                          spell_pointer(p, s->buffer, s->index), (long long)s->ld, s->rows,
                          s->cols));
}

static void put_call(const Printer *p, const LoopStmt *s, int depth)
{
    Text line = text_new(p->out->arena);
    text_addf(&line, "%s(", function_c_name(line.arena, s->callee, p->names));
    const char *comma = "";
    for (int i = 0; i < s->passed.count; i++, comma = ", ")
        text_addf(&line, "%s%s", comma,
                  spell_pointer(p, s->passed.at[i].buffer, s->passed.at[i].index));
    for (int i = 0; i < s->arguments.count; i++, comma = ", ")
        text_addf(&line, "%s%s", comma, spell_expr(p, s->arguments.at[i]));
    text_add(&line, ");");
    put_line(p->out, depth, line.at);
}

static void put_block(const Printer *p, const LoopStmt *s, int depth)
{
    put_line(p->out, depth, "{");
    put_list(p, &s->body, depth + 1);
    put_line(p->out, depth, "}");
}

/* A function that returns a status returns one of the constants of nn_model.h. */
static const char *status_name(const Printer *p, const LoopExpr *x)
{
    if (!p->function->returns_status || x->kind != E_INT) return NULL;
    return x->number == NN_OK ? "NN_OK" : x->number == NN_BAD_INDEX ? "NN_BAD_INDEX" : NULL;
}

static void put_return(const Printer *p, const LoopStmt *s, int depth)
{
    const char *value = !s->value ? NULL : status_name(p, s->value);
    if (s->value && !value) value = spell_expr(p, s->value);
    put_line(p->out, depth, value ? arena_printf(p->out->arena, "return %s;", value) : "return;");
}

static void put_stmt(const Printer *p, const LoopStmt *s, int depth)
{
    switch (s->kind) {
    case S_FOR: put_for(p, s, depth); break;
    case S_LET: put_let(p, s, depth); break;
    case S_SET: put_set(p, s, depth); break;
    case S_STORE:
        put_line(p->out, depth, arena_printf(p->out->arena, "%s;", spell_store(p, s)));
        break;
    case S_IF: put_if(p, s, depth); break;
    case S_TRANSPOSE: put_transpose(p, s, depth); break;
    case S_CALL: put_call(p, s, depth); break;
    case S_PREFETCH:
        put_line(p->out, depth, arena_printf(p->out->arena, "NN_PREFETCH(%s);",
                                             spell_pointer(p, s->buffer, s->index)));
        break;
    case S_COMMENT: wrap_comment(p->out, 4 * depth, s->text); break;
    case S_RETURN: put_return(p, s, depth); break;
    case S_BLOCK: put_block(p, s, depth); break;
    }
}

static void put_list(const Printer *p, const LoopStmts *list, int depth)
{
    for (int i = 0; i < list->count; i++) put_stmt(p, list->at[i], depth);
}

/* ---- functions ---- */

char *function_c_name(Arena *arena, const Function *function, const PrintNames *names)
{
    return arena_printf(arena, "%s_%s%s", names->prefix, function->name, names->suffix);
}

/* "const float *NN_RESTRICT a, float *NN_RESTRICT b, ptrdiff_t count" behind `comma`, which is what
 * stands in front of the first. */
static void add_formals(const Printer *p, Text *out, const Function *f, const char *comma)
{
    for (int i = 0; i < f->buffers.count; i++) {
        const Buffer *b = f->buffers.at[i];
        text_addf(out, "%s%s%s *NN_RESTRICT %s", comma, b->constant ? "const " : "",
                  spell_type(p->program, b->type, false), b->name);
        comma = ", ";
    }
    for (int i = 0; i < f->scalars.count; i++) {
        const Var *v = f->scalars.at[i];
        text_addf(out, "%s%s %s", comma, spell_type(p->program, v->type, v->vector), v->name);
        comma = ", ";
    }
}

void print_signature(const Printer *p, const Function *f, const char *first)
{
    Text out = text_new(p->out->arena);
    const char *result = f->is_inline      ? spell_type(p->program, f->result, f->result_vector)
                       : f->returns_status ? "int"
                                           : "void";
    const char *how = f->is_step ? "NN_INLINE" : f->is_inline ? "static inline" : "static";
    text_addf(&out, "%s %s %s(%s", how, result,
              function_c_name(out.arena, f, p->names), first);
    add_formals(p, &out, f, *first ? ", " : "");
    if (!*first && !f->buffers.count && !f->scalars.count) text_add(&out, "void");
    text_add(&out, ")");
    put_line(p->out, 0, out.at);
}

bool print_mentions(const char *text, const char *name)
{
    const size_t n = strlen(name);
    for (const char *at = text; (at = strstr(at, name)); at += n) {
        const bool starts = at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '_');
        if (starts && !isalnum((unsigned char)at[n]) && at[n] != '_') return true;
    }
    return false;
}

void print_local(const Printer *p, const Buffer *local)
{
    put_line(p->out, 1,
             arena_printf(p->out->arena, "NN_ALIGNED float %s[%lld];", local->name,
                          (long long)local->local_floats));
}

/* What the body needs nothing of: a window that lies in padding alone reads no row. */
static void put_unused(const Printer *p, const Function *f, const char *body)
{
    Arena *arena = p->out->arena;
    for (int i = 0; i < f->buffers.count; i++)
        if (!print_mentions(body, f->buffers.at[i]->name))
            put_line(p->out, 1, arena_printf(arena, "(void)%s;", f->buffers.at[i]->name));
    for (int i = 0; i < f->scalars.count; i++)
        if (!print_mentions(body, f->scalars.at[i]->name))
            put_line(p->out, 1, arena_printf(arena, "(void)%s;", f->scalars.at[i]->name));
}

void print_loops(const Printer *p, const Function *f)
{
    Text body = text_new(p->out->arena);
    const Printer inside = {&body, p->program, p->names, f};
    if (f->comment) wrap_comment(p->out, 0, f->comment);
    text_add(p->out, spell_attribute(p->program));
    print_signature(p, f, "");
    text_add(p->out, "{\n");
    for (int i = 0; i < f->locals.count; i++) print_local(p, f->locals.at[i]);
    put_list(&inside, &f->body, 1);
    put_unused(p, f, body.at);
    text_add(p->out, body.at);
    text_add(p->out, "}\n\n");
}

static void put_function(const Printer *p, const Function *f)
{
    if (f->parts.count) print_parts(p, f);
    else print_loops(p, f);
}

/* ---- the file ---- */

/* Helpers that the printed text, or a helper already wanted, calls; callees stand before callers in
 * the target's list. */
static bool has_helper(const Target *target, const char *name)
{
    for (int i = 0; target->helpers && target->helpers[i].name; i++)
        if (!strcmp(target->helpers[i].name, name)) return true;
    return false;
}

/* A helper's text as it stands; only lines with the model's name may be too long. */
static void put_helper(const Printer *p, const char *text)
{
    for (const char *end; *text; text = end + 1) {
        end = strchr(text, '\n');
        const char *line = arena_strndup(p->out->arena, text, (size_t)(end - text));
        const size_t blanks = strspn(line, " ");
        if (strlen(line) > WRAP_COLUMNS) wrap_code(p->out, (int)blanks, line + blanks);
        else text_addf(p->out, "%s\n", line);
    }
    text_add(p->out, "\n");
}

static void put_helpers(const Printer *p, const struct TargetHelper *helpers, const char *body)
{
    int count = 0;
    while (helpers && helpers[count].name) count++;
    Text needed = text_new(p->out->arena);
    bool *wanted = arena_array(p->out->arena, bool, count + 1);
    text_add(&needed, body);
    const Target *own = p->program->target;
    for (int i = count - 1; i >= 0; i--) {
        if (helpers != own->helpers && has_helper(own, helpers[i].name)) continue;
        wanted[i] =
            strstr(needed.at, arena_printf(needed.arena, "%s(", spell_names(p, helpers[i].name)))
            != NULL;
        if (wanted[i]) text_add(&needed, spell_names(p, helpers[i].text));
    }
    for (int i = 0; i < count; i++)
        if (wanted[i]) put_helper(p, spell_names(p, helpers[i].text));
}

static const char unroll_macro[] = "#ifndef NN_UNROLL\n"
                                   "#define NN_PRAGMA(text) _Pragma(#text)\n"
                                   "#if defined(__clang__)\n"
                                   "#define NN_UNROLL(times) NN_PRAGMA(unroll times)\n"
                                   "#elif defined(__GNUC__)\n"
                                   "#define NN_UNROLL(times) NN_PRAGMA(GCC unroll times)\n"
                                   "#else\n"
                                   "#define NN_UNROLL(times)\n"
                                   "#endif\n"
                                   "#endif\n\n";

static const char prefetch_macro[] = "#ifndef NN_PREFETCH\n"
                                     "#if defined(__GNUC__)\n"
                                     "#define NN_PREFETCH(address) __builtin_prefetch(address)\n"
                                     "#else\n"
                                     "#define NN_PREFETCH(address) ((void)0)\n"
                                     "#endif\n"
                                     "#endif\n\n";

static const char inline_macro[] = "#ifndef NN_INLINE\n"
                                   "#if defined(__GNUC__)\n"
                                   "#define NN_INLINE "
                                   "static inline __attribute__((always_inline))\n"
                                   "#else\n"
                                   "#define NN_INLINE static inline\n"
                                   "#endif\n"
                                   "#endif\n\n";

static const char aligned_macro[] = "#ifndef NN_ALIGNED\n"
                                    "#ifdef __cplusplus\n"
                                    "#define NN_ALIGNED alignas(64)\n"
                                    "#else\n"
                                    "#define NN_ALIGNED _Alignas(64)\n"
                                    "#endif\n"
                                    "#endif\n\n";

static void put_macro(Text *out, const char *body, const char *word, const char *macro)
{
    if (strstr(body, word) && !strstr(out->at, macro)) text_add(out, macro);
}

void program_print_macros(Text *out, const Program *program, const char *body)
{
    const Target *target = program->target;
    const char *attribute = spell_attribute(program);
    put_macro(out, body, "NN_UNROLL(", unroll_macro);
    put_macro(out, body, "NN_PREFETCH(", prefetch_macro);
    put_macro(out, body, "NN_INLINE ", inline_macro);
    put_macro(out, body, "NN_ALIGNED ", aligned_macro);
    if (!*attribute) return;
    const char *macro = arena_strndup(out->arena, attribute, strlen(attribute) - 1);
    text_addf(out,
              "#ifndef %s\n#if defined(__GNUC__)\n#define %s __attribute__((target(\"%s\")))\n"
              "#else\n#define %s\n#endif\n#endif\n\n",
              macro, macro, target->attribute, macro);
}

/* Math functions that the kernels, or one that follows, call: loop_tidy may have dropped the calls.
 */
static void put_math_in_front(const Printer *p)
{
    for (int i = p->program->math.count - 1; i >= 0; i--) {
        const Function *f = p->program->math.at[i];
        const char *call =
            arena_printf(p->out->arena, "%s(", function_c_name(p->out->arena, f, p->names));
        if (!strstr(p->out->at, call)) continue;
        Text front = text_new(p->out->arena);
        const Printer before = {&front, p->program, p->names, NULL};
        put_function(&before, f);
        text_add(&front, p->out->at);
        *p->out = front;
    }
}

void program_print(Text *out, const Program *program, const PrintNames *names)
{
    Text body = text_new(out->arena);
    const Printer inside = {&body, program, names, NULL}, p = {out, program, names, NULL};
    for (int i = 0; i < program->inner.count; i++) put_function(&inside, program->inner.at[i]);
    for (int i = 0; i < program->functions.count; i++)
        put_function(&inside, program->functions.at[i]);
    put_math_in_front(&inside);
    if (program->target != &target_scalar) put_helpers(&p, program->target->helpers, body.at);
    put_helpers(&p, target_scalar.helpers, body.at);
    text_add(out, body.at);
}
