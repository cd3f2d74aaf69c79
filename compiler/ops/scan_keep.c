/* What a scan keeps of its steps. The step back needs some values of the step; it finds them saved
 * or makes them again of what is saved, of the carries, and of the elements of the sequences. What
 * it reads must separate these, and products unless they are run again at their price, from the
 * values that are needed: the cheapest such set is a minimum cut. A saved value costs its elements
 * twice, to be written and to be read; so does an element of a sequence that is computed, for if
 * nobody reads it later it need not be kept of all steps at once (ops/chunk.c). Among cuts of equal
 * cost the one nearest to the needs is taken, which computes least again.
 *
 * Maps and reductions are made again for nothing. So a reduction is never saved whose elements the
 * step back reads, too, and those that are compared with it have the bits that it was made of. */
#include "ops/scan_keep.h"

#include "base/mincut.h"
#include "ops/scan.h"

enum { FLOPS_AN_ELEMENT = 32 }; /* of a product, that cost what moving an element does */

typedef struct Keep {
    const Node *owner;
    const Graph *step;
    Scan scan;
    bool products_only;
} Keep;

static bool is_view(const Node *node) { return op_row(node->op)->kind == KIND_VIEW; }

static const Node *root_of(const Node *node)
{
    while (is_view(node)) node = node->inputs[0];
    return node;
}

/* Which input of the step a node is; -1: none. */
static int input_of(const Keep *k, const Node *node)
{
    for (int i = 0; i < k->step->inputs.count; i++)
        if (k->step->inputs.at[i] == node) return i;
    return -1;
}

/* Captures and constants are there in every step. */
static bool is_free(const Keep *k, const Node *node)
{
    if (op_row(node->op)->kind != KIND_LEAF) return false;
    const int input = input_of(k, node);
    return input < 0 || input >= k->scan.sequences + k->scan.carries;
}

/* An element of a sequence or a carry, or a part of one. */
static bool is_given(const Node *node) { return root_of(node)->op == OP_input; }

/* The program's own sequences are there in any case. */
static int64_t cost_to_read(const Keep *k, const Node *node)
{
    const int input = input_of(k, root_of(node));
    const bool own = input < k->scan.sequences
                  && op_row(root_of(k->owner->inputs[input])->op)->kind == KIND_LEAF;
    return type_elements(node->type) * (own ? 1 : 2);
}

/* What is not made again for nothing. */
static bool is_product(const Node *node)
{
    const OpKind kind = op_row(node->op)->kind;
    return kind == KIND_CONTRACT || kind == KIND_WINDOW || kind == KIND_REGION;
}

static int64_t cost_to_repeat(const Node *node)
{
    return (int64_t)(op_row(node->op)->flops(node) / FLOPS_AN_ELEMENT);
}

/* A view is worth saving only as a part of what it looks at. */
static int64_t cost_to_keep(const Keep *k, const Node *node)
{
    if (is_given(node)) return cost_to_read(k, node);
    if (node->type.dtype != DT_F32 || node->type.rank == MAX_RANK || node->body) return CUT_NEVER;
    if (k->products_only && !is_product(node)) return CUT_NEVER;
    if (is_view(node) && type_elements(node->type) >= type_elements(node->inputs[0]->type))
        return CUT_NEVER;
    return type_elements(node->type) * 2;
}

/* Node i is 2 i on its way in and 2 i + 1 on its way out. */
static void add_node(const Keep *k, FlowNetwork *network, const Node *node, bool needed)
{
    const int in = 2 * node->id, out = in + 1, source = 2 * k->step->nodes.count;
    if (is_free(k, node)) return;
    for (int j = 0; j < node->input_count; j++)
        if (!is_free(k, node->inputs[j]))
            flow_edge(network, 2 * node->inputs[j]->id + 1, in, CUT_NEVER);
    flow_edge(network, in, out, cost_to_keep(k, node));
    if (node->op == OP_input) flow_edge(network, source, in, CUT_NEVER);
    if (is_product(node)) flow_edge(network, source, in, cost_to_repeat(node));
    if (needed) flow_edge(network, out, source + 1, CUT_NEVER);
}

int scan_choose_kept(const Node *owner, const bool *needed, bool products_only, bool *kept)
{
    const Keep k = {owner, owner->body, scan_parts(owner), products_only};
    const int count = k.step->nodes.count, source = 2 * count, sink = source + 1;
    Arena *scratch = arena_new();
    FlowNetwork network = flow_new(scratch, 2 * count + 2);
    for (int i = 0; i < count; i++) add_node(&k, &network, k.step->nodes.at[i], needed[i]);
    const bool *sink_side = flow_sink_side(&network, source, sink);
    int kept_count = 0;
    for (int i = 0; i < count; i++) {
        const Node *node = k.step->nodes.at[i];
        const bool cut = !sink_side[2 * i] && sink_side[2 * i + 1];
        kept[i] = cut && !is_free(&k, node) && !is_given(node);
        kept_count += kept[i];
    }
    arena_free(scratch);
    return kept_count;
}
