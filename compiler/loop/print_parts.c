/* Functions in parts as C: each part a function, each shared one also as a task, and in the name of
 * the whole a function that has them run. */
#include <string.h>

#include "base/wrap.h"
#include "loop/printer.h"

static void put(const Printer *p, int depth, const char *line)
{
    wrap_code(p->out, 4 * depth, line);
}

/* "fc1_part", of several "fc1_part2". */
static const char *part_name(const Printer *p, const Function *whole, int part)
{
    Arena *arena = p->out->arena;
    const char *name = arena_printf(arena, "%s_part", whole->name);
    if (whole->parts.count > 1) name = arena_printf(arena, "%s%d", name, part + 1);
    while (program_has_function(p->program, name)) name = arena_printf(arena, "%s_", name);
    return name;
}

static int index_among(const Function *f, const Buffer *buffer)
{
    int i = 0;
    while (i < f->buffers.count && f->buffers.at[i] != buffer) i++;
    return i;
}

/* The name of its count (LT_INDEX) or seed (LT_SEED), or NULL. */
static const char *scalar_name(const Function *f, LType type)
{
    for (int i = 0; i < f->scalars.count; i++)
        if (f->scalars.at[i]->type == type) return f->scalars.at[i]->name;
    return NULL;
}

/* A part as a task: finds its arguments, and its share of the trips. */
static void put_task(const Printer *p, const Function *whole, const FunctionPart *part)
{
    Arena *arena = p->out->arena;
    const Function *f = part->function;
    const char *name = function_c_name(arena, f, p->names);
    const char *trips = spell_expr(p, part->trips);
    const char *count = scalar_name(whole, LT_INDEX);
    const int threads = p->program->threads;
    Text line = text_new(arena);
    text_addf(&line, "%s(", name);
    for (int i = 0; i < f->buffers.count; i++) {
        const Buffer *b = f->buffers.at[i];
        text_addf(&line, "(%s%s *)task->at[%d]", b->constant ? "const " : "",
                  spell_type(p->program, b->type, false), index_among(whole, b));
        if (b->each) text_addf(&line, " + (ptrdiff_t)part * %lld", (long long)b->each);
        text_add(&line, ", ");
    }
    for (int i = 0; i + 2 < f->scalars.count; i++)
        text_addf(&line, "task->%s, ", f->scalars.at[i]->type == LT_SEED ? "seed" : "count");
    text_addf(&line, "trips * part / %d, trips * (part + 1) / %d);", threads, threads);
    put(p, 0, arena_printf(arena, "static void %s_task(const nn_task *task, int part)", name));
    text_add(p->out, "{\n");
    if (count && print_mentions(trips, count))
        put(p, 1, arena_printf(arena, "const ptrdiff_t %s = task->count;", count));
    put(p, 1, arena_printf(arena, "const ptrdiff_t trips = %s;", trips));
    put(p, 1, line.at);
    text_add(p->out, "}\n\n");
}

static void call_part(const Printer *p, const Function *whole, int i)
{
    Arena *arena = p->out->arena;
    const FunctionPart *part = &whole->parts.at[i];
    const char *name = function_c_name(arena, part->function, p->names);
    const char *count = scalar_name(whole, LT_INDEX), *seed = scalar_name(whole, LT_SEED);
    const char *number = whole->parts.count > 1 ? arena_printf(arena, "%d", i + 1) : "";
    Text line = text_new(arena);
    if (part->trips) {
        put(p, 1,
            arena_printf(arena, "const nn_task task%s = {%s_task, at, %s, %s};", number, name,
                         count ? count : "0", seed ? seed : "0"));
        put(p, 1, arena_printf(arena, "%s_divide(parallel, &task%s);", p->names->prefix, number));
        return;
    }
    text_addf(&line, "%s(", name);
    const char *comma = "";
    for (int j = 0; j < part->function->buffers.count; j++, comma = ", ")
        text_addf(&line, "%s%s", comma, part->function->buffers.at[j]->name);
    for (int j = 0; j < part->function->scalars.count; j++, comma = ", ")
        text_addf(&line, "%s%s", comma, part->function->scalars.at[j]->name);
    text_add(&line, ");");
    put(p, 1, line.at);
}

/* Its parts, and in its name a function that has them run. */
void print_parts(const Printer *p, const Function *whole)
{
    Arena *arena = p->out->arena;
    Text at = text_new(arena);
    text_add(&at, "const void *const at[] = {");
    for (int i = 0; i < whole->buffers.count; i++)
        text_addf(&at, "%s%s", i ? ", " : "", whole->buffers.at[i]->name);
    if (whole->kept) text_addf(&at, ", %s", whole->kept->name);
    text_add(&at, "};");
    for (int i = 0; i < whole->parts.count; i++) {
        Function *f = whole->parts.at[i].function;
        f->name = part_name(p, whole, i);
        f->comment = i ? NULL : whole->comment;
        print_loops(p, f);
        if (whole->parts.at[i].trips) put_task(p, whole, &whole->parts.at[i]);
    }
    print_signature(p, whole, PARALLEL_TYPE "parallel");
    text_add(p->out, "{\n");
    if (whole->kept) print_local(p, whole->kept);
    put(p, 1, at.at);
    for (int i = 0; i < whole->parts.count; i++) call_part(p, whole, i);
    text_add(p->out, "}\n\n");
}
