/* Windows of 3 x 3 in Winograd's form, in the plan: which take it, in what blocks of tiles, and the
 * memory of their transforms (lower/window_winograd.c). */
#include "kernel/window.h"

#include "kernel/describe.h"

/* ---- which windows ---- */

enum { WINOGRAD_CHANNELS = 16 }; /* fewer do not pay for the transforms */

int64_t winograd_extent(const Window *w, int axis)
{
    return w->result == ROLE_IN ? w->axis[axis].in : w->axis[axis].out;
}

int64_t winograd_tiles(const Window *w, int axis)
{
    return (winograd_extent(w, axis) + WINOGRAD_TILE - 1) / WINOGRAD_TILE;
}

enum { PLANES = (WINOGRAD_TILE + 2) * (WINOGRAD_TILE + 2) };

/* Weights that are early are transformed by a kernel of their own, beforehand. */
static bool takes_transformed(const EntryPlan *entry, const Node *node, const Window *w)
{
    return w->input[1] == ROLE_WEIGHT && entry->early[view_root(node->inputs[1])->id];
}

/* How far away the planes of the weights lie, or those of their gradient, by their bytes: what a
 * window of their taps costs to transform and to fetch, in multiplications, and for how many tiles
 * at a time fetching is worth it, or, of a gradient, fetching and storing. Measured. */
typedef struct Distance {
    int64_t bytes, transform, fetch, least_tiles, least_of_gradient;
} Distance;

static Distance planes_distance(const Window *w)
{
    static const Distance levels[] = {
        {768 * 1024, 100, 0, 1, 1},
        {16 * 1024 * 1024, 350, 100, 8, 128},
        {INT64_MAX, 700, 800, 32, 128},
    };
    const int64_t product = window_padded(w->in_channels) * window_padded(w->out_channels),
                  bytes = 4 * PLANES * product;
    const Distance *level = levels;
    while (bytes > level->bytes) level++;
    return *level;
}

/* Transforms cost about as much as 400 multiplications a tile and channel: what tiles save beside
 * the 9 of each position must be worth them, and those of the weights, and more where tiles reach
 * beyond the picture. */
static bool winograd_pays(const EntryPlan *entry, const Node *node, const Window *w)
{
    enum { TRANSFORM = 400 };
    const double product = (double)w->in_channels * (double)w->out_channels,
                 channels = (double)(w->in_channels + w->out_channels), rows = (double)w->rows;
    const int64_t tiles = winograd_tiles(w, 0) * winograd_tiles(w, 1),
                  positions = winograd_extent(w, 0) * winograd_extent(w, 1);
    const Distance far = planes_distance(w);
    const int64_t weight = far.fetch + (takes_transformed(entry, node, w) ? 0 : far.transform);
    return rows * (double)tiles * (PLANES * product + TRANSFORM * channels)
                 + (double)weight * product
         < 0.9 * 9 * rows * (double)positions * product;
}

/* A window of 3 x 3 in steps of 1. */
bool window_is_winograd(const EntryPlan *entry, const Node *node)
{
    const Window w = window_in(entry, node);
    if (!w.weight.rank || w.axes != 2 || w.groups != 1 || entry->outer
        || entry->plan->module->strict)
        return false;
    if (w.in_channels < WINOGRAD_CHANNELS || w.out_channels < WINOGRAD_CHANNELS) return false;
    for (int i = 0; i < 2; i++) {
        const WindowAxis *a = &w.axis[i];
        if (a->taps != 3 || a->stride != 1 || a->dilation != 1 || a->before < 0 || a->before > 2)
            return false;
        if (winograd_extent(&w, i) < WINOGRAD_TILE || a->in - a->out + 2 - a->before > 2)
            return false;
    }
    return winograd_pays(entry, node, &w);
}

int64_t winograd_beyond(const Window *w, int axis)
{
    return w->result == ROLE_WEIGHT
             ? winograd_tiles(w, axis) * WINOGRAD_TILE - winograd_extent(w, axis)
             : 0;
}

/* ---- blocks of tiles ---- */

enum { BLOCK_BYTES = 288 * 1024 };

/* For how many tiles the planes of the weights are worth their way, unless memory is short. */
static int64_t least_tiles(const EntryPlan *entry, const Window *w)
{
    const Distance far = planes_distance(w);
    if (entry->plan->module->share > 0) return 1;
    return w->result == ROLE_WEIGHT ? far.least_of_gradient : far.least_tiles;
}

/* Rows of tiles of a picture that divide it: as many as `most` allows, or, if these are fewer tiles
 * than `least`, no fewer. */
static int64_t rows_of_tiles(int64_t high, int64_t wide, int64_t most, int64_t least)
{
    int64_t rows = high;
    while (rows > 1 && (rows * wide > most || high % rows)) rows--;
    while (rows < high && (rows * wide < least || high % rows)) rows++;
    return rows;
}

/* As many tiles as stay in the cache with both transforms, but no fewer than are worth it: some
 * whole pictures, alike, or rows of tiles of one. */
WinogradBlock winograd_block(const EntryPlan *entry, const Window *w)
{
    const int64_t channels = window_padded(w->in_channels) + window_padded(w->out_channels),
                  near = BLOCK_BYTES / (4 * PLANES * channels), least = least_tiles(entry, w),
                  most = near > least ? near : least;
    const int64_t high = winograd_tiles(w, 0), wide = winograd_tiles(w, 1);
    WinogradBlock block = {1, high, wide, 0};
    if (most >= 2 * high * wide) {
        const int64_t pictures = most / (high * wide), blocks = (w->rows + pictures - 1) / pictures;
        block.pictures = (w->rows + blocks - 1) / blocks;
    } else {
        block.high = rows_of_tiles(high, wide, most, least);
    }
    block.tiles = block.pictures * block.high * wide;
    return block;
}

/* ---- scratch ---- */

enum { OWN_BYTES = 1024 * 1024 }; /* of weights that each thread transforms for itself */

static Value *planes_value(EntryPlan *entry, const Kernel *k, const char *name, int64_t floats)
{
    Value *v = plan_value(entry, k->anchor, AT_WORK, -1, name);
    v->elements = PLANES
                * (floats + LANE_PAD); /* planes a power of two apart would share cache sets */
    return v;
}

static Value *add_scratch(EntryPlan *entry, Kernel *k, const char *name, int64_t floats)
{
    Value *v = planes_value(entry, k, name, floats);
    v->scratch = true;
    vec_push(entry->arena, k->scratch, v);
    return v;
}

static void for_each_thread(const EntryPlan *entry, Value *scratch)
{
    if (entry->plan->threads < 2 || entry->outer) return;
    scratch->own = true;
    scratch->pieces = entry->plan->threads;
}

void winograd_plan_early(EntryPlan *entry, Kernel *k, const Window *w)
{
    if (!takes_transformed(entry, k->anchor, w)) return;
    const int64_t floats = window_padded(w->in_channels) * window_padded(w->out_channels);
    Kernel *t = arena_make(entry->arena, Kernel);
    const char *name = arena_printf(entry->arena, "%s_transformed",
                                    describe_node_name(entry, view_root(k->anchor->inputs[1])));
    Value *v = planes_value(entry, k, name, floats);
    t->kind = KERNEL_TRANSFORM;
    t->anchor = k->anchor;
    t->domain = k->domain;
    t->early = true;
    t->contracted[1] = k->contracted[1];
    t->lane_axis = k->lane_axis;
    vec_push(entry->arena, t->results, v);
    plan_insert(entry, k, t);
    k->transformed = v;
}

/* Transformed weights, if they are not there, and the transforms of a block of tiles on either
 * side. Each thread transforms weights for itself: to wait for one that does, and to fetch them
 * from its cache, takes longer. */
void winograd_plan(EntryPlan *entry, Kernel *k, const Window *w)
{
    const int64_t ins = window_padded(w->in_channels), outs = window_padded(w->out_channels);
    const int64_t tiles = winograd_block(entry, w).tiles;
    int groups = 0;
    k->winograd = true;
    if (!takes_transformed(entry, k->anchor, w)) {
        Value *weight = add_scratch(entry, k, "transformed_weight", ins * outs);
        const int64_t bytes = 4 * weight->elements;
        if (w->result != ROLE_WEIGHT && bytes <= OWN_BYTES) for_each_thread(entry, weight);
        if (w->result == ROLE_WEIGHT && entry->plan->threads && !k->results.at[0]->whole)
            weight->pieces = groups = window_count_groups(w, bytes);
    }
    for_each_thread(entry, add_scratch(entry, k, "transformed_in", tiles * ins));
    for_each_thread(entry, add_scratch(entry, k, "transformed_out", tiles * outs));
    if (groups) window_add_groups(entry, k, groups);
}
