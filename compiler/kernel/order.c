/* The order in which the kernels of an entry run: each behind what it reads, near what it reads
 * where nobody waits for it. */
#include "kernel/kernel.h"

typedef struct Order {
    EntryPlan *entry;
    bool *seen, *read; /* by step: placed; some other kernel reads it */
    Kernel **at;
    int count;
} Order;

/* The kernels that k reads from, each once or more. */
typedef struct Sources {
    Kernel **at;
    int count;
} Sources;

static Sources sources_of(const EntryPlan *entry, const Kernel *k)
{
    VEC(Kernel *) found = {0};
    for (int i = 0; i < k->nodes.count; i++)
        for (int j = 0; j < k->nodes.at[i]->input_count; j++) {
            NodeList sources = {.count = 0};
            inline_sources(entry, k->nodes.at[i]->inputs[j], &sources);
            for (int s = 0; s < sources.count; s++) {
                Kernel *before = kernel_of(entry, sources.at[s]);
                if (before && before != k) vec_push(entry->arena, found, before);
            }
        }
    return (Sources){found.at, found.count};
}

static void schedule(Order *order, Kernel *k)
{
    if (order->seen[k->step]) return;
    order->seen[k->step] = true;
    const Sources sources = sources_of(order->entry, k);
    for (int i = 0; i < sources.count; i++) {
        order->read[sources.at[i]->step] = true;
        schedule(order, sources.at[i]);
    }
    order->at[order->count++] = k;
}

static bool is_among(const Sources *sources, const Kernel *k)
{
    for (int i = 0; i < sources->count; i++)
        if (sources->at[i] == k) return true;
    return false;
}

/* What nobody reads, such as the gradient of a weight, is computed as soon as it can be: its
 * operands are still in cache then, and their memory is free sooner. */
static void hurry(Order *order)
{
    Kernel **at = order->at;
    for (int i = 0; i < order->count; i++) {
        Kernel *k = at[i];
        if (order->read[k->step]) continue;
        const Sources sources = sources_of(order->entry, k);
        int first = i;
        while (first > 0 && !is_among(&sources, at[first - 1])) first--;
        while (first < i && !order->read[at[first]->step]) first++;
        for (int j = i; j > first; j--) at[j] = at[j - 1];
        at[first] = k;
    }
}

void order_kernels(EntryPlan *entry)
{
    Order order = {.entry = entry};
    order.seen = arena_array(entry->arena, bool, entry->kernels.count + 1);
    order.read = arena_array(entry->arena, bool, entry->kernels.count + 1);
    order.at = arena_array(entry->arena, Kernel *, entry->kernels.count + 1);
    for (int i = 0; i < entry->kernels.count; i++)
        if (entry->kernels.at[i]->nodes.count) schedule(&order, entry->kernels.at[i]);
    hurry(&order);
    for (int i = 0; i < order.count; i++) order.at[i]->step = i;
    for (int i = 0; i < order.count; i++) entry->kernels.at[i] = order.at[i];
    entry->kernels.count = order.count;
}
