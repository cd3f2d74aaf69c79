/* The plan of an entry: fused kernels, a value for every tensor that crosses between them, copies
 * where strides do not do, and the order of execution. */
#include "kernel/describe.h"
#include "kernel/kernel.h"
#include "passes/pass.h"

/* ---- checks ---- */

static void add_checks(EntryPlan *entry)
{
    for (int i = 0; i < entry->graph->nodes.count; i++) {
        Node *node = entry->graph->nodes.at[i];
        if (node->op != OP_checked) continue;
        Kernel *k = arena_make(entry->arena, Kernel);
        k->kind = KERNEL_CHECK;
        k->anchor = node;
        k->domain = node->type;
        plan_insert(entry, entry->kernels.count ? entry->kernels.at[0] : NULL, k);
    }
}

/* ---- finishing ---- */

/* What one of several kernels uses that run for each sample, all of them leave alone. */
static void touch(const Value *value, const Kernel *k)
{
    Value *v = (Value *)(uintptr_t)value;
    if (v->first < 0) v->first = k->samples ? k->samples->first->step : k->step;
    v->last = k->samples ? k->samples->last->step : k->step;
    if (v->whole) touch(v->whole, k);
}

static double bytes_of(const EntryPlan *entry, const Value *v)
{
    return 4.0 * (double)(v->elements * (v->one_sample ? entry->graph->batch : 1));
}

static void finish(EntryPlan *entry)
{
    for (int i = 0; i < entry->kernels.count; i++) plan_find_operands(entry, entry->kernels.at[i]);
    if (entry->outer) carries_in_place(entry);
    samples_find(entry);
    for (int i = 0; i < entry->kernels.count; i++) entry->kernels.at[i]->step = i;
    for (int i = 0; i < entry->kernels.count; i++) {
        Kernel *k = entry->kernels.at[i];
        for (int j = 0; j < k->operands.count; j++) touch(k->operands.at[j], k);
        for (int j = 0; j < k->results.count; j++) touch(k->results.at[j], k);
        for (int j = 0; j < k->scratch.count; j++) touch(k->scratch.at[j], k);
        for (int j = 0; j < k->nodes.count; j++)
            k->flops += op_row(k->nodes.at[j]->op)->flops(k->nodes.at[j]);
        for (int j = 0; j < k->operands.count; j++)
            k->bytes += bytes_of(entry, k->operands.at[j]);
        for (int j = 0; j < k->results.count; j++)
            k->bytes += bytes_of(entry, k->results.at[j]);
        k->name = describe_kernel_name(entry, k);
    }
}

/* ---- the plan ---- */

static void ensure_views(EntryPlan *entry)
{
    for (int i = 0; i < entry->kernels.count; i++) {
        Kernel *k = entry->kernels.at[i];
        for (int j = 0; j < k->nodes.count; j++)
            for (int n = 0; n < k->nodes.at[j]->input_count; n++) {
                plan_ensure_stored(entry, k, k->nodes.at[j], n);
                plan_ensure_view(entry, k, k->nodes.at[j]->inputs[n]);
            }
        while (entry->kernels.at[i] != k) i++; /* copies went in front */
    }
}

EntryPlan *plan_graph(Plan *plan, const Graph *graph, EntryPlan *outer, Kernel *scan)
{
    EntryPlan *entry = arena_make(plan->arena, EntryPlan);
    entry->arena = plan->arena;
    entry->plan = plan;
    entry->outer = outer;
    entry->scan = scan;
    entry->graph = graph;
    entry->name = graph->name;
    entry->bands = bands_of(plan->arena, graph);
    entry->value_of = arena_array(plan->arena, Value *, graph->nodes.count + 1);
    entry->dense_of = arena_array(plan->arena, Value *, graph->nodes.count + 1);
    Values copied = {0};
    fuse_entry(entry);
    mark_channels_last(entry);
    place_values(entry, &copied);
    join_in_place(entry);
    ensure_views(entry);
    for (int i = 0; i < copied.count; i++) {
        plan_ensure_view(entry, NULL, copied.at[i]->node);
        plan_copy(entry, NULL, copied.at[i]->node, copied.at[i]);
    }
    for (int i = 0; i < entry->kernels.count; i++) {
        Kernel *k = entry->kernels.at[i];
        if (k->kind == KERNEL_CONTRACT) layout_contraction(entry, k);
        if (k->kind == KERNEL_WINDOW) layout_window(entry, k);
        if (k->kind == KERNEL_SCAN) scan_plan(entry, k);
        if (k->kind == KERNEL_PUT) put_ensure_whole(entry, k);
        while (entry->kernels.at[i] != k) i++;
    }
    add_checks(entry);
    finish(entry);
    if (outer || !graph_is_prepared(graph)) memory_plan(entry);
    return entry;
}

/* A prepared form that holds nothing is none: the parameters serve directly. */
static void plan_entry(Plan *plan, const Graph *graph)
{
    EntryPlan *entry = plan_graph(plan, graph, NULL, NULL);
    if (graph_is_prepared(graph)) {
        EntryPlan *prepare = prepare_split(entry);
        if (!prepare) return;
        vec_push(plan->arena, plan->entries, prepare);
    }
    vec_push(plan->arena, plan->entries, entry);
}

Plan *plan_module(Arena *arena, const Module *module, int threads)
{
    Plan *plan = arena_make(arena, Plan);
    plan->arena = arena;
    plan->module = module;
    plan->threads = threads;
    layout_params(plan);
    for (int i = 0; i < module->entries.count; i++)
        plan_entry(plan, module->entries.at[i]);
    return plan;
}
