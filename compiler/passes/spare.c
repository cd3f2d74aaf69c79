/* Less memory for more time: values that the forward part would keep are computed again by the
 * backward part, products and reductions too.
 *
 * One value after another is given up, while the values that are live at the fullest moment take
 * too much: of those kept over that moment the one that saves most bytes for the operations it
 * costs. What a value costs counts its neighbours that were given up already, on both sides, for
 * they are computed again as one stretch that lies in memory as a whole; so the values that stay
 * are spread over the network, and stretches grow where they are cheap. Fullness is estimated as
 * the plan will have it: maps and reductions that are read in passing take nothing. */
#include "ops/op.h"
#include "passes/pass.h"
#include "passes/recompute.h"

/* A node as it is computed in one place: i in the forward part, or where it stands; count + i:
 * again in the backward part. */
typedef struct Spare {
    Recompute *r;
    int count;                          /* of nodes */
    VEC(int) order;                     /* of instances, as they are computed */
    bool *listed, *stored;              /* per instance */
    int *time, *last;                   /* per instance: when it is computed, and used last */
    int *forward_last, *backward_first; /* per node: its uses on either side */
    int64_t *live;                      /* per moment */
    int fullest;                        /* moment */
    int64_t *bytes, *bytes_again;       /* per node: that it takes where it is stored */
    int *seen, walk;                    /* per node: the last walk that came by, of so many */
    VEC(int) again;                     /* nodes that are computed again, in order */
    bool *settled;                      /* per node: given up, and taken back */
} Spare;

static const Node *node_of(const Spare *s, int instance)
{
    return s->r->graph->nodes.at[instance % s->count];
}

/* The instance of an input that an instance reads. */
static int read_by(const Spare *s, int instance, const Node *input)
{
    const bool backward = instance >= s->count || !s->r->forward[instance];
    return backward && s->r->again[input->id] ? s->count + input->id : input->id;
}

/* ---- how full it is ---- */

static void list_instance(Spare *s, int instance)
{
    const Node *node = node_of(s, instance);
    if (s->listed[instance]) return;
    s->listed[instance] = true;
    for (int i = 0; i < node->input_count; i++)
        list_instance(s, read_by(s, instance, node->inputs[i]));
    s->time[instance] = s->last[instance] = s->order.count;
    vec_push(s->r->graph->arena, s->order, instance);
}

/* What no kernel reads in passing is stored, and so is what the forward part keeps. */
static void mark_stored(Spare *s)
{
    const Recompute *r = s->r;
    for (int i = 0; i < 2 * s->count; i++)
        s->stored[i] = i < s->count && r->forward[i] && r->stored[i];
    for (int i = 0; i < r->graph->outputs.count; i++)
        s->stored[r->graph->outputs.at[i].node->id] = true;
    for (int i = 0; i < s->order.count; i++) {
        const int user = s->order.at[i];
        const Node *node = node_of(s, user);
        const bool backward = user >= s->count || !r->forward[user];
        for (int j = 0; backward && j < node->input_count; j++) {
            const int input = read_by(s, user, node->inputs[j]);
            const bool kept = input < s->count && r->forward[input];
            if (kept || !recompute_reads_in_passing(node)) s->stored[input] = true;
        }
    }
}

/* A use of a view, or of what is not stored, is one of what that reads. */
static void find_uses(Spare *s)
{
    for (int i = 0; i < s->count; i++) {
        s->forward_last[i] = s->time[i];
        s->backward_first[i] = s->order.count;
    }
    for (int i = s->order.count - 1; i >= 0; i--) {
        const int user = s->order.at[i];
        const Node *node = node_of(s, user);
        const bool stored = s->stored[user] && op_row(node->op)->kind != KIND_VIEW;
        const int end = stored ? s->time[user] : s->last[user];
        const bool backward = user >= s->count || !s->r->forward[user];
        for (int j = 0; j < node->input_count; j++) {
            const int input = read_by(s, user, node->inputs[j]), id = node->inputs[j]->id;
            if (s->last[input] < end) s->last[input] = end;
            if (!backward && s->forward_last[id] < end) s->forward_last[id] = end;
            if (backward && s->backward_first[id] > s->time[user])
                s->backward_first[id] = s->time[user];
        }
    }
}

static int64_t bytes_of(const Spare *s, int instance)
{
    if (!s->stored[instance]) return 0;
    return instance < s->count ? s->bytes[instance] : s->bytes_again[instance - s->count];
}

/* Leaves, and gradients of parameters, lie in the caller's memory. */
static void find_bytes(Spare *s)
{
    const Graph *graph = s->r->graph;
    for (int i = 0; i < s->count; i++) {
        const Node *node = graph->nodes.at[i];
        const OpKind kind = op_row(node->op)->kind;
        const bool none = kind == KIND_LEAF || kind == KIND_VIEW;
        s->bytes[i] = s->bytes_again[i] = none ? 0 : 4 * type_elements(node->type);
    }
    for (int i = 0; i < graph->outputs.count; i++)
        if (graph->outputs.at[i].kind == OUT_GRAD) s->bytes[graph->outputs.at[i].node->id] = 0;
}

/* Bytes at the fullest moment. */
static int64_t fullness(Spare *s)
{
    s->order.count = 0;
    for (int i = 0; i < 2 * s->count; i++) s->listed[i] = false;
    for (int i = 0; i < s->count; i++) list_instance(s, i);
    mark_stored(s);
    find_uses(s);
    for (int t = 0; t <= s->order.count; t++) s->live[t] = 0;
    for (int t = 0; t < s->order.count; t++) {
        const int instance = s->order.at[t];
        s->live[t] += bytes_of(s, instance);
        s->live[s->last[instance] + 1] -= bytes_of(s, instance);
    }
    s->fullest = 0;
    for (int t = 1; t < s->order.count; t++) {
        s->live[t] += s->live[t - 1];
        if (s->live[t] > s->live[s->fullest]) s->fullest = t;
    }
    return s->live[s->fullest];
}

/* ---- what to give up ---- */

enum { SMALL = 4096 }; /* of the fullness: not worth a step */

/* Integers stay: generated code checks indices where it begins. */
static bool may_give_up(const Spare *s, const Node *node)
{
    const OpKind kind = op_row(node->op)->kind;
    return s->r->forward[node->id] && !s->r->again[node->id] && !s->r->exact[node->id]
        && !s->settled[node->id] && node->type.dtype == DT_F32 && kind != KIND_LEAF
        && kind != KIND_REGION && kind != KIND_PUT && kind != KIND_SCATTER
        && (node->input_count == 0 || op_row(node->inputs[0]->op)->kind != KIND_REGION);
}

/* Kept over the fullest moment and used on neither side of it alone. */
static bool would_help(const Spare *s, const Node *node)
{
    const int i = node->id, t = s->fullest;
    return bytes_of(s, i) > s->live[t] / SMALL && s->forward_last[i] < t && t <= s->last[i]
        && s->backward_first[i] > t;
}

static double cost_before(Spare *s, const Node *node)
{
    double flops = op_row(node->op)->flops(node);
    s->seen[node->id] = s->walk;
    for (int i = 0; i < node->input_count; i++) {
        const int input = node->inputs[i]->id;
        if (s->r->again[input] && s->seen[input] != s->walk)
            flops += cost_before(s, node->inputs[i]);
    }
    return flops;
}

/* Of the nodes that were given up and depend on it, through such nodes alone. */
static double cost_behind(Spare *s, const Node *first)
{
    double flops = 0;
    int begin = s->again.count;
    s->seen[first->id] = s->walk;
    for (int i = s->again.count - 1; i >= 0 && s->again.at[i] > first->id; i--) begin = i;
    for (int i = begin; i < s->again.count; i++) {
        const Node *node = s->r->graph->nodes.at[s->again.at[i]];
        bool depends = false;
        for (int j = 0; j < node->input_count; j++)
            depends |= s->seen[node->inputs[j]->id] == s->walk;
        if (!depends) continue;
        flops += op_row(node->op)->flops(node);
        s->seen[node->id] = s->walk;
    }
    return flops;
}

static double saved_for_cost(Spare *s, const Node *node)
{
    s->walk++;
    const double before = cost_before(s, node);
    s->walk++;
    return (double)bytes_of(s, node->id) / (1 + before + cost_behind(s, node));
}

/* Without its neighbours. */
static double most_saved(const Spare *s, const Node *node)
{
    return (double)bytes_of(s, node->id) / (1 + op_row(node->op)->flops(node));
}

static void list_again(Spare *s)
{
    s->again.count = 0;
    for (int i = 0; i < s->count; i++)
        if (s->r->again[i]) vec_push(s->r->graph->arena, s->again, i);
}

/* What it is computed from is not kept for its sake, if maps can have that again. */
static void give_up_with_inputs(Spare *s, const Node *node)
{
    s->r->again[node->id] = true;
    for (int i = 0; i < node->input_count; i++) {
        const Node *input = node->inputs[i];
        const bool kept = bytes_of(s, input->id) && s->last[input->id] >= s->fullest;
        if (!kept && op_is_repeatable(input) && s->r->forward[input->id] && !s->r->again[input->id]
            && !s->r->exact[input->id])
            give_up_with_inputs(s, input);
    }
}

/* Gives up one more; false if nothing helps. */
static bool give_up(Spare *s)
{
    const Node *best = NULL;
    double most = 0;
    list_again(s);
    for (int i = 0; i < s->count; i++) {
        const Node *node = s->r->graph->nodes.at[i];
        if (!may_give_up(s, node) || !would_help(s, node) || most_saved(s, node) <= most) continue;
        const double saved = saved_for_cost(s, node);
        if (saved > most) {
            most = saved;
            best = node;
        }
    }
    if (best) give_up_with_inputs(s, best);
    return best;
}

/* What is computed again before the fullest moment and takes a part of it. */
static void list_stretches(Spare *s, int64_t bytes)
{
    s->again.count = 0;
    for (int i = 0; i < s->count; i++) {
        const int instance = s->count + i;
        if (s->r->again[i] && s->listed[instance] && s->time[instance] <= s->fullest
            && bytes_of(s, instance) > bytes / SMALL)
            vec_push(s->r->graph->arena, s->again, i);
    }
}

/* Keeps a value after all that is computed again before the fullest moment: the one without whose
 * stretch least is live then. False if none makes it less. */
static bool take_back(Spare *s, int64_t bytes)
{
    const int at = s->order.at[s->fullest];
    int best = -1;
    int64_t least = bytes;
    list_stretches(s, bytes);
    for (int i = 0; i < s->again.count; i++) {
        const int node = s->again.at[i];
        s->r->again[node] = false;
        fullness(s);
        s->r->again[node] = true;
        const int64_t then = s->live[s->time[at]];
        if (then >= least) continue;
        least = then;
        best = node;
    }
    fullness(s);
    if (best < 0) return false;
    s->r->again[best] = false;
    return s->settled[best] = true;
}

static Spare spare_new(Recompute *r)
{
    Arena *arena = r->graph->arena;
    const int n = r->graph->nodes.count;
    Spare s = {.r = r, .count = n};
    s.listed = arena_array(arena, bool, 2 * n + 1);
    s.stored = arena_array(arena, bool, 2 * n + 1);
    s.time = arena_array(arena, int, 2 * n + 1);
    s.last = arena_array(arena, int, 2 * n + 1);
    s.forward_last = arena_array(arena, int, n + 1);
    s.backward_first = arena_array(arena, int, n + 1);
    s.live = arena_array(arena, int64_t, 2 * n + 2);
    s.bytes = arena_array(arena, int64_t, n + 1);
    s.bytes_again = arena_array(arena, int64_t, n + 1);
    s.seen = arena_array(arena, int, n + 1);
    s.settled = arena_array(arena, bool, n + 1);
    return s;
}

void recompute_spare(Recompute *r, double share)
{
    Spare s = spare_new(r);
    find_bytes(&s);
    const int64_t whole = fullness(&s);
    int64_t bytes = whole, least = whole;
    bool *best = arena_array(r->graph->arena, bool, s.count + 1);
    for (int i = 0; i < s.count; i++) best[i] = r->again[i];
    while ((double)bytes > share * (double)whole && (give_up(&s) || take_back(&s, bytes))) {
        bytes = fullness(&s);
        if (bytes >= least) continue;
        least = bytes;
        for (int i = 0; i < s.count; i++) best[i] = r->again[i];
    }
    for (int i = 0; i < s.count; i++) r->again[i] = best[i];
}
