/* The C printer: one small function per construct. */
#include "loop/print.h"

#include <ctype.h>
#include <string.h>

#include "loop/spell.h"

enum { LINE = 100 };

/* ---- lines ---- */

static void indent(Text *out, int depth) {
    for (int i = 0; i < depth; i++) text_add(out, "    ");
}

/* Where to break a line that is too long: after the last comma or operator that fits. */
static size_t break_at(const char *line, size_t room) {
    size_t best = 0;
    for (size_t i = 1; line[i] && i < room; i++) {
        if (line[i] != ' ') continue;
        if (line[i - 1] == ',' || (line[i - 1] == '=' && !best)) best = i;
        else if (strchr("+-*?:", line[i + 1]) && line[i + 2] == ' ' && i > room / 2) best = i;
    }
    return best;
}

static void put_line(Text *out, int depth, const char *line) {
    indent(out, depth);
    size_t room = LINE - 4 * (size_t)depth;
    int extra = 1;
    while (strlen(line) > room) {
        const size_t at = break_at(line, room);
        if (!at) break;
        text_addn(out, line, at);
        text_add(out, "\n");
        indent(out, depth + extra);
        line += at + 1;
        room = LINE - 4 * (size_t)(depth + extra);
    }
    text_add(out, line);
    text_add(out, "\n");
}

static void put_comment(Text *out, int depth, const char *comment) {
    indent(out, depth);
    text_add(out, "/* ");
    for (const char *c = comment; *c; c++) {
        text_addn(out, c, 1);
        if (*c != '\n') continue;
        indent(out, depth);
        text_add(out, " * ");
    }
    text_add(out, " */\n");
}

/* ---- statements ---- */

static void put_list(const Printer *p, const LoopStmts *list, int depth);

static void put_for(const Printer *p, const LoopStmt *s, int depth) {
    Arena *arena = p->out->arena;
    const char *i = s->var->name;
    const char *step = s->step == 1 ? arena_printf(arena, "%s++", i) : arena_printf(arena, "%s += %lld", i, (long long)s->step);
    if (s->unroll > 1) put_line(p->out, depth, arena_printf(arena, "NN_UNROLL(%d)", s->unroll));
    put_line(p->out, depth, arena_printf(arena, "for (ptrdiff_t %s = %s; %s < %s; %s) {", i, spell_expr(p, s->lo), i,
                                         spell_expr(p, s->hi), step));
    put_list(p, &s->body, depth + 1);
    put_line(p->out, depth, "}");
}

static void put_let(const Printer *p, const LoopStmt *s, int depth) {
    put_line(p->out, depth, arena_printf(p->out->arena, "%s%s %s = %s;", s->var->assigned ? "" : "const ",
                                         spell_type(p->program, s->var->type, s->var->vector), s->var->name,
                                         spell_expr(p, s->value)));
}

/* `c += a * b` reads better than `c = a * b + c` where C has the operators. */
static void put_set(const Printer *p, const LoopStmt *s, int depth) {
    const LoopExpr *x = s->value;
    const bool scalar_fma = x->kind == E_FMA && !x->vector && x->args[2]->kind == E_VAR && x->args[2]->var == s->var;
    if (scalar_fma) {
        LoopExpr product = {.kind = E_MAP, .type = LT_F32, .op = OP_mul, .arg_count = 2, .args = {x->args[0], x->args[1], NULL}};
        put_line(p->out, depth, arena_printf(p->out->arena, "%s += %s;", s->var->name, spell_expr(p, &product)));
        return;
    }
    put_line(p->out, depth, arena_printf(p->out->arena, "%s = %s;", s->var->name, spell_expr(p, x)));
}

static void put_if(const Printer *p, const LoopStmt *s, int depth) {
    put_line(p->out, depth, arena_printf(p->out->arena, "if (%s) {", spell_expr(p, s->value)));
    put_list(p, &s->body, depth + 1);
    if (s->otherwise.count) {
        put_line(p->out, depth, "} else {");
        put_list(p, &s->otherwise, depth + 1);
    }
    put_line(p->out, depth, "}");
}

static void put_transpose(const Printer *p, const LoopStmt *s, int depth) {
    put_line(p->out, depth, arena_printf(p->out->arena, "%s_transpose%s(%s, %lld, %s, %lld, %d, %d);", p->names->prefix,
                                         p->names->suffix, spell_pointer(p, s->source, s->source_index), (long long)s->source_ld,
                                         spell_pointer(p, s->buffer, s->index), (long long)s->ld, s->rows, s->cols));
}

static void put_block(const Printer *p, const LoopStmt *s, int depth) {
    put_line(p->out, depth, "{");
    put_list(p, &s->body, depth + 1);
    put_line(p->out, depth, "}");
}

static void put_return(const Printer *p, const LoopStmt *s, int depth) {
    put_line(p->out, depth, s->value ? arena_printf(p->out->arena, "return %s;", spell_expr(p, s->value)) : "return;");
}

static void put_stmt(const Printer *p, const LoopStmt *s, int depth) {
    switch (s->kind) {
    case S_FOR: put_for(p, s, depth); break;
    case S_LET: put_let(p, s, depth); break;
    case S_SET: put_set(p, s, depth); break;
    case S_STORE: put_line(p->out, depth, arena_printf(p->out->arena, "%s;", spell_store(p, s))); break;
    case S_IF: put_if(p, s, depth); break;
    case S_TRANSPOSE: put_transpose(p, s, depth); break;
    case S_COMMENT: put_comment(p->out, depth, s->text); break;
    case S_RETURN: put_return(p, s, depth); break;
    case S_BLOCK: put_block(p, s, depth); break;
    }
}

static void put_list(const Printer *p, const LoopStmts *list, int depth) {
    for (int i = 0; i < list->count; i++) put_stmt(p, list->at[i], depth);
}

/* ---- functions ---- */

char *function_c_name(Arena *arena, const Function *function, const PrintNames *names) {
    return arena_printf(arena, "%s_%s%s", names->prefix, function->name, names->suffix);
}

static char *signature(const Printer *p, const Function *f) {
    Text out = text_new(p->out->arena);
    const char *result = f->is_inline ? spell_type(p->program, f->result, f->result_vector) : f->returns_status ? "int" : "void";
    text_addf(&out, "static %s%s%s %s(", f->is_inline ? "inline " : "", spell_attribute(p->program), result,
              function_c_name(out.arena, f, p->names));
    const char *comma = "";
    for (int i = 0; i < f->buffers.count; i++) {
        const Buffer *b = f->buffers.at[i];
        text_addf(&out, "%s%s%s *NN_RESTRICT %s", comma, b->constant ? "const " : "", spell_type(p->program, b->type, false),
                  b->name);
        comma = ", ";
    }
    for (int i = 0; i < f->scalars.count; i++) {
        text_addf(&out, "%s%s %s", comma, spell_type(p->program, f->scalars.at[i]->type, f->scalars.at[i]->vector),
                  f->scalars.at[i]->name);
        comma = ", ";
    }
    text_add(&out, *comma ? ") {" : "void) {");
    return out.at;
}

static bool mentions(const char *text, const char *name) {
    const size_t n = strlen(name);
    for (const char *at = text; (at = strstr(at, name)); at += n) {
        const bool starts = at == text || (!isalnum((unsigned char)at[-1]) && at[-1] != '_');
        if (starts && !isalnum((unsigned char)at[n]) && at[n] != '_') return true;
    }
    return false;
}

static void put_function(const Printer *p, const Function *f) {
    Text body = text_new(p->out->arena);
    const Printer inside = {&body, p->program, p->names};
    if (f->comment) put_comment(p->out, 0, f->comment);
    put_line(p->out, 0, signature(p, f));
    for (int i = 0; i < f->locals.count; i++)
        put_line(p->out, 1, arena_printf(body.arena, "NN_ALIGNED float %s[%lld];", f->locals.at[i]->name,
                                         (long long)f->locals.at[i]->local_floats));
    put_list(&inside, &f->body, 1);
    for (int i = 0; i < f->buffers.count; i++)
        if (!mentions(body.at, f->buffers.at[i]->name))
            put_line(p->out, 1, arena_printf(body.arena, "(void)%s;", f->buffers.at[i]->name));
    text_add(p->out, body.at);
    text_add(p->out, "}\n\n");
}

/* ---- the file ---- */

/* Helpers that the printed text, or a helper already wanted, calls; callees stand before callers in the target's list. */
static bool has_helper(const Target *target, const char *name) {
    for (int i = 0; target->helpers && target->helpers[i].name; i++)
        if (!strcmp(target->helpers[i].name, name)) return true;
    return false;
}

static void put_helpers(const Printer *p, const struct TargetHelper *helpers, const char *body) {
    int count = 0;
    while (helpers && helpers[count].name) count++;
    Text needed = text_new(p->out->arena);
    bool *wanted = arena_array(p->out->arena, bool, count + 1);
    text_add(&needed, body);
    const Target *own = p->program->target;
    for (int i = count - 1; i >= 0; i--) {
        if (helpers != own->helpers && has_helper(own, helpers[i].name)) continue;
        wanted[i] = strstr(needed.at, arena_printf(needed.arena, "%s(", spell_names(p, helpers[i].name))) != NULL;
        if (wanted[i]) text_add(&needed, spell_names(p, helpers[i].text));
    }
    for (int i = 0; i < count; i++)
        if (wanted[i]) text_addf(p->out, "%s\n", spell_names(p, helpers[i].text));
}

static const char unroll_macro[] =
    "#ifndef NN_UNROLL\n"
    "#define NN_PRAGMA(text) _Pragma(#text)\n"
    "#if defined(__clang__)\n"
    "#define NN_UNROLL(times) NN_PRAGMA(unroll times)\n"
    "#elif defined(__GNUC__)\n"
    "#define NN_UNROLL(times) NN_PRAGMA(GCC unroll times)\n"
    "#else\n"
    "#define NN_UNROLL(times)\n"
    "#endif\n"
    "#endif\n\n";

static void put_attribute_macro(const Printer *p) {
    char *macro = arena_strdup(p->out->arena, spell_attribute(p->program));
    if (p->program->target->header) text_addf(p->out, "#include <%s>\n\n", p->program->target->header);
    if (!*macro) return;
    macro[strlen(macro) - 1] = 0;
    text_addf(p->out, "#ifndef %s\n#if defined(__GNUC__)\n#define %s __attribute__((target(\"%s\")))\n"
                      "#else\n#define %s\n#endif\n#endif\n\n",
              macro, macro, p->program->target->attribute, macro);
}

void program_print(Text *out, const Program *program, const PrintNames *names) {
    Text body = text_new(out->arena), helpers = text_new(out->arena);
    const Printer inside = {&body, program, names}, above = {&helpers, program, names}, p = {out, program, names};
    for (int i = 0; i < program->math.count; i++) put_function(&inside, program->math.at[i]);
    for (int i = 0; i < program->functions.count; i++) put_function(&inside, program->functions.at[i]);
    if (program->target != &target_scalar) put_helpers(&above, program->target->helpers, body.at);
    put_helpers(&above, target_scalar.helpers, body.at);
    if (strstr(body.at, "NN_UNROLL(") || strstr(helpers.at, "NN_UNROLL(")) text_add(out, unroll_macro);
    put_attribute_macro(&p);
    text_add(out, helpers.at);
    text_add(out, body.at);
}
