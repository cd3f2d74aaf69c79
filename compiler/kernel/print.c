/* --emit=kernels. */
#include "kernel/describe.h"
#include "kernel/kernel.h"

static const char *const kind_names[] = {
    [KERNEL_ROWS] = "rows",       [KERNEL_CONTRACT] = "contract", [KERNEL_WINDOW] = "window",
    [KERNEL_COPY] = "copy",       [KERNEL_RANDOM] = "random",     [KERNEL_GATHER] = "gather",
    [KERNEL_SCATTER] = "scatter", [KERNEL_JOIN] = "join",         [KERNEL_PUT] = "put",
    [KERNEL_CHECK] = "check",     [KERNEL_SCAN] = "scan",         [KERNEL_TRANSFORM] = "transform",
};
static const char *const place_names[] = {
    [AT_INPUT] = "input",       [AT_PARAM] = "params",    [AT_STATE] = "states",
    [AT_PREPARED] = "prepared", [AT_SESSION] = "session", [AT_OUTPUT] = "output",
    [AT_GRAD] = "grads",        [AT_LOSS] = "loss",       [AT_METRIC] = "metrics",
    [AT_CONST] = "table",       [AT_INDEX] = "index",     [AT_WORK] = "work",
    [AT_AROUND] = "around",
};

static void print_value(Text *out, const Value *v)
{
    text_addf(out, "%s %s[", v->name, dtype_name(v->dtype));
    for (int i = 0; i < v->node->type.rank; i++)
        text_addf(out, "%s%lld:%lld", i ? ", " : "", (long long)v->node->type.dim[i],
                  (long long)v->stride[i]);
    text_addf(out, "] in %s%s", place_names[v->place], v->one_sample ? ", a sample at a time" : "");
}

static void print_kernel(Text *out, Arena *arena, const EntryPlan *entry, const Kernel *k)
{
    text_addf(out, "  %2d %-8s %s", k->step, kind_names[k->kind], k->name);
    if (k->flops > 0) text_addf(out, "  %.0f flops, %.0f bytes", k->flops, k->bytes);
    if (k->samples) text_addf(out, "  by samples, steps %d to %d", k->samples->first->step,
                              k->samples->last->step);
    text_add(out, "\n");
    const char *line = describe_kernel(arena, entry, k);
    text_add(out, "       ");
    for (const char *c = line; *c; c++) {
        text_addn(out, c, 1);
        if (*c == '\n') text_add(out, "       ");
    }
    text_add(out, "\n");
    for (int i = 0; i < k->operands.count; i++) {
        text_add(out, "       <- ");
        print_value(out, k->operands.at[i]);
        text_add(out, "\n");
    }
    for (int i = 0; i < k->results.count; i++) {
        text_add(out, "       -> ");
        print_value(out, k->results.at[i]);
        text_add(out, "\n");
    }
}

void plan_print_kernels(Text *out, const Plan *plan)
{
    for (int e = 0; e < plan->entries.count; e++) {
        const EntryPlan *entry = plan->entries.at[e];
        text_addf(out, "%s%s: %d kernels, workspace %lld bytes\n", e ? "\n" : "", entry->name,
                  entry->kernels.count, (long long)entry->workspace_bytes);
        for (int i = 0; i < entry->kernels.count; i++)
            print_kernel(out, plan->arena, entry, entry->kernels.at[i]);
    }
}
