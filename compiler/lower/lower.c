/* Each kernel of each entry becomes a function, once for equal loops, and a call. */
#include "lower/lower.h"

#include <string.h>

#include "kernel/describe.h"
#include "lower/context.h"

static void (*const templates[])(Lower *) = {
    [KERNEL_ROWS] = lower_rows,       [KERNEL_CONTRACT] = lower_contract,
    [KERNEL_WINDOW] = lower_window,   [KERNEL_COPY] = lower_copy,
    [KERNEL_RANDOM] = lower_random,   [KERNEL_GATHER] = lower_gather,
    [KERNEL_SCATTER] = lower_scatter, [KERNEL_JOIN] = lower_join,
    [KERNEL_CHECK] = lower_check,     [KERNEL_PUT] = lower_put,
    [KERNEL_TRANSFORM] = lower_transform,
};

static Function *equal_function(const Program *program, const Function *f)
{
    for (int i = 0; i < program->functions.count; i++)
        if (program->functions.at[i] != f && function_same(program->functions.at[i], f))
            return program->functions.at[i];
    return NULL;
}

static bool name_taken(const Program *program, const Function *f, const char *name)
{
    for (int i = 0; i < program->functions.count; i++)
        if (program->functions.at[i] != f && !strcmp(program->functions.at[i]->name, name))
            return true;
    return false;
}

/* True if no entry before this one has its batch, so that the batch tells their kernels apart. */
static bool batch_is_new(const EntryPlan *entry)
{
    while (entry->outer) entry = entry->outer;
    for (int i = 0; entry->plan->entries.at[i] != entry; i++)
        if (entry->plan->entries.at[i]->graph->batch == entry->graph->batch) return false;
    return true;
}

/* A name that another kernel has is told apart by the batch or the entry, else by a number. */
static void take_name(Program *program, Function *f, const EntryPlan *entry)
{
    Arena *arena = program->arena;
    const char *base = f->name;
    if (name_taken(program, f, base))
        f->name = batch_is_new(entry)
                    ? arena_printf(arena, "%s_batch%lld", base, (long long)entry->graph->batch)
                    : arena_printf(arena, "%s_%s", describe_identifier(arena, entry->name), base);
    for (int i = 2; name_taken(program, f, f->name); i++)
        f->name = arena_printf(arena, "%s_%d", base, i);
}

/* "conv_relu", for loops that serve kernels of several names. */
static const char *name_by_operation(Arena *arena, const Kernel *k)
{
    const Node *last = k->nodes.count ? k->nodes.at[k->nodes.count - 1] : k->results.at[0]->node;
    const bool moves = k->kind == KERNEL_COPY || k->kind == KERNEL_TRANSFORM;
    const char *name = op_row((k->anchor ? k->anchor : last)->op)->name;
    if (moves) return k->kind == KERNEL_COPY ? "copy" : "transform";
    if (!k->anchor || last == k->anchor) return name;
    return arena_printf(arena, "%s_%s", name, op_row(last->op)->name);
}

/* "conv_relu_16x32x32": with the shape. */
static const char *name_by_shape(Arena *arena, const Kernel *k)
{
    const Type type = k->kind == KERNEL_ROWS ? k->domain : k->results.at[0]->node->type;
    Text name = text_new(arena);
    text_add(&name, name_by_operation(arena, k));
    for (int i = 0, n = 0; i < type.rank; i++)
        if (i != type.batch_axis && type.dim[i] != 1)
            text_addf(&name, "%s%lld", n++ ? "x" : "_", (long long)type.dim[i]);
    return name.at;
}

static void rename_shared(Program *program)
{
    for (int i = 0; i < program->functions.count; i++) {
        Function *f = program->functions.at[i];
        if (!f->shared_name) continue;
        const char *base = f->name = f->shared_name;
        for (int n = 2; name_taken(program, f, f->name); n++)
            f->name = arena_printf(program->arena, "%s_%d", base, n);
    }
}

enum { MOST_CALLERS = 4 };

/* The banner of a function that several kernels run names the first of them. */
static void add_caller(Arena *arena, Function *f, const EntryPlan *entry, const Kernel *k)
{
    if (!f->callers++) {
        f->kernel_name = k->name;
        if (k->results.count) f->operation = name_by_operation(arena, k);
        return;
    }
    if (strcmp(f->kernel_name, k->name) != 0 && k->results.count)
        f->shared_name = name_by_shape(arena, k);
    if (f->callers == 2) f->comment = arena_printf(arena, "%s\nAlso", f->comment);
    if (f->callers <= MOST_CALLERS)
        f->comment = arena_printf(arena, "%s%s %s in %s", f->comment, f->callers > 2 ? "," : "",
                                  k->name, entry->name);
    else if (f->callers == MOST_CALLERS + 1)
        f->comment = arena_printf(arena, "%s, ...", f->comment);
}

static KernelCall lower_kernel(Arena *arena, Program *program, const EntryPlan *entry,
                               const Kernel *k)
{
    Lower l;
    lower_begin(&l, arena, program, entry, k);
    lower_halos(&l);
    templates[k->kind](&l);
    loop_share(l.b.function);
    loop_compute_once(l.b.function);
    loop_tidy(l.b.function);
    KernelCall call = {.kernel = k, .function = l.b.function, .owns = true};
    for (int i = 0; i < l.values.count; i++) vec_push(arena, call.arguments, l.values.at[i]);
    Function *same = equal_function(program, call.function);
    if (same) {
        program->functions.count--;
        call.function = same;
        call.owns = false;
    } else {
        take_name(program, call.function, entry);
        call.function->comment = arena_printf(arena, "%s%s%s", describe_kernel(arena, entry, k),
                                              call.function->comment ? " " : "",
                                              call.function->comment ? call.function->comment : "");
    }
    add_caller(arena, call.function, entry, k);
    return call;
}

static void lower_entry(Arena *arena, Program *program, const EntryPlan *plan, LoweredEntry *entry)
{
    entry->plan = plan;
    for (int i = 0; i < plan->kernels.count; i++) {
        const Kernel *k = plan->kernels.at[i];
        if (!k->body) {
            vec_push(arena, entry->calls, lower_kernel(arena, program, plan, k));
            continue;
        }
        LoweredEntry *body = arena_make(arena, LoweredEntry);
        lower_entry(arena, program, k->body, body);
        KernelCall call = {.kernel = k, .body = body};
        vec_push(arena, entry->calls, call);
    }
}

enum { MANY_ROWS = 24 };

static int count_rows(const EntryPlan *entry)
{
    int n = 0;
    for (int i = 0; i < entry->kernels.count; i++) n += entry->kernels.at[i]->kind == KERNEL_ROWS;
    return n;
}

static Lowered *lower_all(Arena *arena, const Plan *plan, const Target *target, bool shares_tiles)
{
    Lowered *lowered = arena_make(arena, Lowered);
    lowered->plan = plan;
    lowered->program = program_new(arena, target);
    lowered->program->shares_tiles = shares_tiles;
    for (int i = 0; i < plan->entries.count; i++)
        lowered->program->many_rows |= count_rows(plan->entries.at[i]) >= MANY_ROWS;
    for (int i = 0; i < plan->entries.count; i++) {
        LoweredEntry entry = {0};
        lower_entry(arena, lowered->program, plan->entries.at[i], &entry);
        vec_push(arena, lowered->entries, entry);
    }
    if (shares_tiles) lower_single(lowered);
    rename_shared(lowered->program);
    for (int i = 0; i < lowered->program->functions.count; i++) {
        Function *f = lowered->program->functions.at[i];
        if (f->callers > 1) f->comment = arena_printf(arena, "%s.", f->comment);
    }
    return lowered;
}

enum { MANY_PRODUCTS = 12 };

/* How many products are loops of their own. */
static int count_products(const Lowered *lowered)
{
    int n = 0;
    for (int i = 0; i < lowered->entries.count; i++)
        for (int j = 0; j < lowered->entries.at[i].calls.count; j++)
            n += lowered->entries.at[i].calls.at[j].owns
                 && lowered->entries.at[i].calls.at[j].kernel->kind == KERNEL_CONTRACT;
    return n;
}

/* A reader of a few products wants each as a whole; of many, what they have in common once. */
Lowered *lower_plan(Arena *arena, const Plan *plan, const Target *target)
{
    Lowered *lowered = lower_all(arena, plan, target, false);
    if (count_products(lowered) < MANY_PRODUCTS) return lowered;
    return lower_all(arena, plan, target, true);
}

/* An index that is only known inside a scan cannot be checked before the entry writes. */
static const Node *unsupported_in(const Graph *graph, bool inside)
{
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i], *inner = NULL;
        if (inside && node->op == OP_checked) return node;
        if (node->body && (inner = unsupported_in(node->body, true))) return inner;
    }
    return NULL;
}

const Node *lower_unsupported(const Module *module)
{
    for (int i = 0; i < module->entries.count; i++) {
        const Node *node = unsupported_in(module->entries.at[i], false);
        if (node) return node;
    }
    return NULL;
}
