/* Scans by chunks. What a product over all steps makes for a scan, and what a scan makes for a
 * product over all steps, goes through memory where it is larger than a cache. Such a scan becomes
 * two, one inside the other: the outer one takes a chunk of the steps at a time, makes what the
 * inner one reads of it, runs it, and adds its share to the sums of what it yields.
 *
 *   before                                 after
 *     steps = x @ w                          scan over chunks of x:
 *     y = scan over steps                        steps = chunk @ w
 *     total = sum over time of a.T @ y           y = scan over steps
 *                                                total = total + a.T @ y
 *
 * So a recurrent layer's gates and their gradients, of which there are four times as many as
 * states, stay near, and their memory is that of one chunk. */
#include "ops/chunk.h"

enum {
    FAR_BYTES = 3 << 20,     /* that come from far away when they are read again */
    NEAR_BYTES = 384 << 10,  /* that a second-level cache keeps, beside the weights */
    SMALL_BYTES = 256 << 10, /* of weights or their gradients, which pass once a chunk */
    FEWEST = 4               /* steps worth a chunk */
};

/* ---- where the steps are ---- */

static int64_t product_before(Type type, int axis)
{
    int64_t n = 1;
    for (int i = 0; i < axis; i++) n *= type.dim[i];
    return n;
}

/* The axis of a view's input that is this axis of the view; -1: none is. */
int chunk_axis_behind(const Node *view, int axis)
{
    const Type in = view->inputs[0]->type;
    const int64_t extent = view->type.dim[axis];
    switch (view->op) {
    case OP_permute: return (int)view->attr[0].ints[axis];
    case OP_broadcast: return in.dim[axis] == extent ? axis : -1;
    case OP_reshape:
        for (int i = 0; i < in.rank; i++)
            if (in.dim[i] == extent && product_before(in, i) == product_before(view->type, axis))
                return i;
        return -1;
    default: return -1;
    }
}

bool chunk_is_view(const Node *node)
{
    return node->op == OP_permute || node->op == OP_broadcast || node->op == OP_reshape;
}

/* The yield of the scan whose steps run along an axis of the node, or NULL. */
static const Node *stacked(const Chunk *c, const Node *node, int axis)
{
    for (; chunk_is_view(node); node = node->inputs[0])
        if ((axis = chunk_axis_behind(node, axis)) < 0) return NULL;
    const bool yields = is_result_of(node, c->scan) && node->attr[0].ints[0] >= c->parts.carries;
    return yields && axis == 0 ? node : NULL;
}

/* Whether the chunks of an operand can be had in the body: from the scan or from outside. */
static bool is_at_hand(const Chunk *c, const Node *node, int axis)
{
    return !c->depends[node->id] || (axis >= 0 && stacked(c, node, axis));
}

/* The label of the steps in a product that sums over them; -1: it does not. */
int64_t chunk_summed_label(const Chunk *c, const Node *product)
{
    for (int o = 0; o < 2; o++)
        for (int i = 0; i < product->attr[o].count; i++) {
            const int64_t label = product->attr[o].ints[i];
            if (attr_find(&product->attr[2], label) < 0 && stacked(c, product->inputs[o], i)
                && is_at_hand(c, product->inputs[1 - o],
                              attr_find(&product->attr[1 - o], label)))
                return label;
        }
    return -1;
}

int chunk_summed_axis(const Chunk *c, const Node *sum)
{
    for (int i = 0; i < sum->attr[0].count; i++)
        if (stacked(c, sum->inputs[0], (int)sum->attr[0].ints[i]))
            return (int)sum->attr[0].ints[i];
    return -1;
}

static int64_t bytes_of(const Node *node) { return 4 * type_elements(node->type); }

bool chunk_sums_steps(const Chunk *c, const Node *node)
{
    if (!c->depends[node->id] || node->type.dtype != DT_F32 || bytes_of(node) > SMALL_BYTES)
        return false;
    if (op_row(node->op)->kind == KIND_CONTRACT) return chunk_summed_label(c, node) >= 0;
    return node->op == OP_sum && chunk_summed_axis(c, node) >= 0;
}

/* Whether a product's weights, all but what has the steps, are small. */
static bool has_small_weights(const Node *product)
{
    const int64_t least = bytes_of(product->inputs[0]) < bytes_of(product->inputs[1])
                            ? bytes_of(product->inputs[0])
                            : bytes_of(product->inputs[1]);
    return least <= SMALL_BYTES;
}

/* Whether a product, or a map of one, is made for the scan alone, so that the body makes it. */
static bool is_moved(const Chunk *c, const Node *node)
{
    const OpKind kind = op_row(node->op)->kind;
    if (c->readers[node->id] != 1 || c->depends[node->id]) return false;
    if (kind == KIND_CONTRACT) return has_small_weights(node);
    for (int i = 0; kind == KIND_MAP && i < node->input_count; i++) {
        const Node *input = node->inputs[i];
        while (chunk_is_view(input)) input = input->inputs[0];
        if (is_moved(c, input)) return true;
    }
    return false;
}

/* Whether a node's chunks are made in the body. */
bool chunk_is_made(const Chunk *c, const Node *node, int axis)
{
    if (stacked(c, node, axis) || node->op == OP_fill || is_moved(c, node)) return true;
    if (!chunk_is_view(node) || c->depends[node->id]) return false;
    const int behind = chunk_axis_behind(node, axis);
    if (behind < 0) return node->op == OP_broadcast;
    return chunk_is_made(c, node->inputs[0], behind);
}

/* ---- whether ---- */

/* Whether nothing but sums over the steps reads a yield or a view of it. */
static bool is_summed_up(const Chunk *c, const Node *node)
{
    for (int i = 0; i < c->graph->outputs.count; i++)
        if (c->graph->outputs.at[i].node == node) return false;
    for (int i = node->id + 1; i < c->graph->nodes.count; i++) {
        const Node *reader = c->graph->nodes.at[i];
        for (int j = 0; j < reader->input_count; j++)
            if (reader->inputs[j] == node && !chunk_sums_steps(c, reader)
                && !(chunk_is_view(reader) && is_summed_up(c, reader)))
                return false;
    }
    return true;
}

/* What would stay near. */
static int64_t bytes_saved(const Chunk *c)
{
    int64_t sum = 0;
    for (int i = 0; i < c->parts.sequences; i++) {
        const Node *node = c->scan->inputs[i];
        while (chunk_is_view(node)) node = node->inputs[0];
        if (chunk_is_made(c, c->scan->inputs[i], (int)c->parts.axes[i]) && is_moved(c, node))
            sum += bytes_of(node);
    }
    for (int i = c->scan->id + 1; i < c->graph->nodes.count; i++) {
        const Node *node = c->graph->nodes.at[i];
        if (is_result_of(node, c->scan) && node->attr[0].ints[0] >= c->parts.carries
            && is_summed_up(c, node))
            sum += bytes_of(node);
    }
    return sum;
}

/* The longest chunks that stay near; 0: there are none. */
static int64_t choose_length(const Chunk *c, int64_t far_bytes)
{
    const int64_t bytes = bytes_saved(c), steps = c->parts.length;
    if (bytes < far_bytes) return 0;
    for (int64_t n = steps / 2; n >= FEWEST; n--)
        if (steps % n == 0 && bytes / steps * n <= NEAR_BYTES) return n;
    return 0;
}

/* What is cut into chunks has one more axis. */
static bool has_room(const Chunk *c)
{
    for (int i = 0; i < c->graph->nodes.count; i++)
        if (c->graph->nodes.at[i]->type.rank == MAX_RANK) return false;
    return true;
}

static void look_around(Chunk *c)
{
    Graph *graph = c->graph;
    c->depends = arena_array(graph->arena, bool, graph->nodes.count + 1);
    c->readers = arena_array(graph->arena, int, graph->nodes.count + 1);
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *node = graph->nodes.at[i];
        c->depends[i] = node == c->scan;
        for (int j = 0; j < node->input_count; j++) {
            c->depends[i] |= c->depends[node->inputs[j]->id];
            c->readers[node->inputs[j]->id]++;
        }
    }
    for (int i = 0; i < graph->outputs.count; i++) c->readers[graph->outputs.at[i].node->id]++;
}

bool scan_chunk(const Module *module, Graph *graph, Node *scan)
{
    Chunk c = {.graph = graph, .scan = scan, .parts = scan_parts(scan)};
    look_around(&c);
    c.length = choose_length(&c, module->far_bytes ? module->far_bytes : FAR_BYTES);
    return c.length && has_room(&c) && chunk_build(&c);
}
