/* Kernels in parts that several threads may run. */
#include "lower/lower.h"

static void divide_calls(Program *program, const LoweredEntry *entry, int64_t least)
{
    for (int i = 0; i < entry->calls.count; i++) {
        const KernelCall *call = &entry->calls.at[i];
        if (call->body) divide_calls(program, call->body, least);
        else if (!call->function->parts.count)
            loop_divide(program, call->function, entry->plan->graph->batch, least);
    }
}

void lower_divide(Lowered *lowered, int threads, int64_t least)
{
    lowered->program->threads = threads;
    for (int i = 0; i < lowered->entries.count; i++)
        divide_calls(lowered->program, &lowered->entries.at[i], least);
}
