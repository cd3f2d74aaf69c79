/* Owns what is known of an index when the program is compiled: between which numbers it lies. An
 * index that needs no check may stand anywhere, also in a scan, whose steps cannot be stopped. */
#include "elaborate/context.h"
#include "ops/op.h"

typedef struct Bounds { int64_t low, high; } Bounds;

enum { DEEPEST = 32 };

static const Bounds any = {INT32_MIN, INT32_MAX};

static Bounds between(int64_t low, int64_t high)
{
    return low < INT32_MIN || high > INT32_MAX ? any : (Bounds){low, high};      /* it might wrap */
}

static int64_t lower(int64_t a, int64_t b) { return a < b ? a : b; }
static int64_t higher(int64_t a, int64_t b) { return a > b ? a : b; }

static Bounds bounds_of(const Node *node, int depth);

static Bounds of_constant(const Node *node)
{
    const int64_t n = type_elements(node->type);
    Bounds all = {INT32_MAX, INT32_MIN};
    for (int64_t i = 0; i < n; i++) {
        all.low = lower(all.low, (int64_t)node->values[i]);
        all.high = higher(all.high, (int64_t)node->values[i]);
    }
    return n ? all : any;
}

static Bounds of_two(const Node *node, int depth)
{
    const int last = node->input_count - 1;
    const Bounds a = bounds_of(node->inputs[last - 1], depth + 1);
    const Bounds b = bounds_of(node->inputs[last], depth + 1);
    switch (node->op) {
    case OP_add: return between(a.low + b.low, a.high + b.high);
    case OP_sub: return between(a.low - b.high, a.high - b.low);
    case OP_min: return between(lower(a.low, b.low), lower(a.high, b.high));
    case OP_max: return between(higher(a.low, b.low), higher(a.high, b.high));
    default: return between(lower(a.low, b.low), higher(a.high, b.high));        /* select */
    }
}

static Bounds bounds_of(const Node *node, int depth)
{
    if (op_row(node->op)->kind == KIND_VIEW) return bounds_of(node->inputs[0], depth);
    if (node->type.dtype != DT_I32 || depth > DEEPEST) return any;
    switch (node->op) {
    case OP_fill: return between((int64_t)node->attr[0].number, (int64_t)node->attr[0].number);
    case OP_constant: return of_constant(node);
    case OP_iota: return between(0, node->type.dim[node->attr[0].ints[0]] - 1);
    case OP_checked: return between(0, node->attr[0].ints[0] - 1);
    case OP_argmax: return between(0, node->inputs[0]->type.dim[node->attr[0].ints[0]] - 1);
    case OP_add: case OP_sub: case OP_min: case OP_max: case OP_select: return of_two(node, depth);
    default: return any;
    }
}

bool index_is_below(const Node *index, int64_t limit)
{
    const Bounds bounds = bounds_of(index, 0);
    return bounds.low >= 0 && bounds.high < limit;
}
