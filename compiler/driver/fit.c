/* --max-workspace: values are given up for computing them again (passes/spare.c) until the plan
 * fits. How much a plan takes is known only when it is made, so shares are tried from above. */
#include "driver/fit.h"

#include <string.h>

#include "driver/table.h"

enum { TRIALS = 24 };
static const double step = 0.88; /* from one share to the next: the last is a twentieth */
static const Span nowhere = {NULL, 0, 0};

static const EntryPlan *largest_entry(const Plan *plan)
{
    const EntryPlan *most = plan->entries.at[0];
    for (int i = 1; i < plan->entries.count; i++)
        if (plan->entries.at[i]->workspace_bytes > most->workspace_bytes)
            most = plan->entries.at[i];
    return most;
}

/* Whether it has a backward part, for which values are kept. */
static bool keeps_values(const EntryPlan *entry)
{
    return !strcmp(entry->name, "train") || !strcmp(entry->name, "backward");
}

/* The same program planned with this share; NULL after an error of the first plan, too. */
static Compilation *plan_with(Compilation *c, double share)
{
    CompileOptions *options = arena_make(c->arena, CompileOptions);
    Compilation *trial = arena_make(c->arena, Compilation);
    *options = *c->options;
    options->max_workspace = 0;
    options->share = share;
    options->dump = arena_make(c->arena, Text);
    *options->dump = text_new(c->arena);
    *trial = compile_start(c->arena, c->path, options);
    return compile_to(trial, STAGE_PLANNED) ? trial : NULL;
}

static void take(Compilation *c, const Compilation *trial)
{
    c->source = trial->source;
    c->ast = trial->ast;
    c->module = trial->module;
    c->plan = trial->plan;
    if (c->options->dump) *c->options->dump = *trial->options->dump;
}

/* ---- telling ---- */

static void tell_excess(Compilation *c, const EntryPlan *entry)
{
    const int64_t excess = entry->workspace_bytes - c->options->max_workspace;
    diag_error(c->diags, nowhere,
               "the %sworkspace %s %s takes %s bytes, %s more than --max-workspace allows",
               keeps_values(entry) ? "smallest " : "", keeps_values(entry) ? "found for" : "of",
               entry->name, with_commas(c->arena, entry->workspace_bytes),
               with_commas(c->arena, excess));
    diag_note(c->diags, nowhere, "what is live at once in it is %s bytes, the least for its steps",
              with_commas(c->arena, entry->workspace_lower_bound));
}

/* Memory grows with the batch, most of it in proportion. */
static void suggest_batch(Compilation *c, const EntryPlan *entry)
{
    const double part = (double)c->options->max_workspace / (double)entry->workspace_bytes;
    const int64_t batch = (int64_t)((double)entry->graph->batch * part);
    const bool infers = !strncmp(entry->name, "infer", 5);
    if (batch < 1) return;
    diag_help(c->diags, "memory grows with the batch: `%s=%lld` may fit",
              infers ? "--batch=infer" : "--set train.batch", (long long)batch);
}

static bool refuse(Compilation *c, const EntryPlan *entry, int64_t first)
{
    tell_excess(c, entry);
    if (keeps_values(entry))
        diag_note(c->diags, nowhere, "without a limit it takes %s bytes",
                  with_commas(c->arena, first));
    else
        diag_note(c->diags, nowhere, "%s keeps no values that could be computed again",
                  entry->name);
    suggest_batch(c, entry);
    return false;
}

/* ---- the search ---- */

bool fit_workspace(Compilation *c)
{
    const int64_t most = c->options->max_workspace;
    const EntryPlan *large = largest_entry(c->plan), *least = large;
    const int64_t first = large->workspace_bytes;
    double share = 1;
    for (int i = 0; i < TRIALS && large->workspace_bytes > most && keeps_values(large); i++) {
        share *= step;
        const Compilation *trial = plan_with(c, share);
        if (!trial) break;
        large = largest_entry(trial->plan);
        if (large->workspace_bytes <= least->workspace_bytes) least = large;
        if (large->workspace_bytes <= most) take(c, trial);
    }
    return large->workspace_bytes <= most || refuse(c, least, first);
}
