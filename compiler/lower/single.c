/* Entries of one sample run the kernels of those of many with a count of one, where the loops are
 * the same. */
#include "lower/lower.h"

static bool takes_count(const Function *f)
{
    for (int i = 0; i < f->scalars.count; i++)
        if (f->scalars.at[i]->type == LT_INDEX) return true;
    return false;
}

static int64_t batch_of(const EntryPlan *entry)
{
    while (entry->outer) entry = entry->outer;
    return entry->graph->batch;
}

/* Whether nobody calls a function with more than one sample. */
static bool called_with_one(const LoweredEntry *entry, const Function *f)
{
    for (int i = 0; i < entry->calls.count; i++) {
        const KernelCall *call = &entry->calls.at[i];
        if (call->body ? !called_with_one(call->body, f)
                       : call->function == f && batch_of(entry->plan) != 1)
            return false;
    }
    return true;
}

static bool serves_one(const Lowered *lowered, const Function *f)
{
    if (takes_count(f)) return false;
    for (int i = 0; i < lowered->entries.count; i++)
        if (!called_with_one(&lowered->entries.at[i], f)) return false;
    return true;
}

static void redirect(LoweredEntry *entry, const Function *from, Function *to)
{
    for (int i = 0; i < entry->calls.count; i++) {
        KernelCall *call = &entry->calls.at[i];
        if (call->body) redirect(call->body, from, to);
        else if (call->function == from) call->function = to;
    }
}

static void take_over(Lowered *lowered, Function *from, Function *to)
{
    Arena *arena = lowered->program->arena;
    for (int i = 0; i < lowered->entries.count; i++) redirect(&lowered->entries.at[i], from, to);
    to->comment = arena_printf(arena, to->callers == 1 ? "%s\nAlso for one sample"
                                                       : "%s, and for one sample", to->comment);
    to->callers += from->callers;
    to->name = from->name;
    if (!to->shared_name) to->shared_name = from->shared_name;
}

void lower_single(Lowered *lowered)
{
    Program *program = lowered->program;
    for (int i = 0; i < program->functions.count; i++) {
        Function *many = program->functions.at[i];
        if (!takes_count(many)) continue;
        const Function *one = loop_single(program, many);
        for (int j = 0; j < program->functions.count; j++) {
            Function *f = program->functions.at[j];
            if (!function_same(f, one) || !serves_one(lowered, f)) continue;
            take_over(lowered, f, many);
            for (int k = j; k + 1 < program->functions.count; k++)
                program->functions.at[k] = program->functions.at[k + 1];
            program->functions.count--;
            i -= j < i;
            break;
        }
    }
}
