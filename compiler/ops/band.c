/* Triangles of masks, followed through the operations that keep them. */
#include "ops/band.h"

#include "ops/op.h"

static const Band everything = {-1, -1, 0};

/* What a mask puts in place of a score that must not count: `lowest` of the library and below. */
static const double LOWEST = -1e29;

static bool is_all(Band band) { return band.row < 0; }

static bool is_same(Band a, Band b)
{
    return a.row == b.row && a.column == b.column && a.ahead == b.ahead;
}

static Band either(Band a, Band b) { return is_all(a) ? b : a; }

static Band common(Band a, Band b) { return is_same(a, b) ? a : everything; }

static const Node *unbroadcast(const Node *node)
{
    while (node->op == OP_broadcast) node = node->inputs[0];
    return node;
}

static bool is_fill(const Node *node, double most)
{
    node = unbroadcast(node);
    return node->op == OP_fill && node->attr[0].number <= most;
}

static bool is_zero(const Node *node) { return is_fill(node, 0) && !is_fill(node, -1e-300); }

/* The axis of a reshape that an axis of its input becomes; -1: more comes and goes than axes of
 * extent 1. */
static int reshaped_axis(const Node *reshape, int axis)
{
    const Type in = reshape->inputs[0]->type, out = reshape->type;
    int i = 0, o = 0;
    for (;; i++, o++) {
        while (i < in.rank && in.dim[i] == 1) i++;
        while (o < out.rank && out.dim[o] == 1) o++;
        if (i == in.rank || o == out.rank || in.dim[i] != out.dim[o]) return -1;
        if (i == axis) return o;
    }
}

/* The axis whose index a value is; -1: it is something else. */
static int index_axis(const Node *node)
{
    if (node->op == OP_iota) return (int)node->attr[0].ints[0];
    if (node->op == OP_broadcast) return index_axis(node->inputs[0]);
    if (node->op != OP_reshape) return -1;
    const int axis = index_axis(node->inputs[0]);
    return axis < 0 ? -1 : reshaped_axis(node, axis);
}

static Band reshaped(const Node *reshape, Band band)
{
    if (band.row < 0) return everything;
    band.row = reshaped_axis(reshape, band.row);
    band.column = reshaped_axis(reshape, band.column);
    return band.row < 0 || band.column < 0 ? everything : band;
}

/* Where a comparison of two indices holds. */
static Band holds(const Node *node)
{
    if (node->op == OP_broadcast) return holds(node->inputs[0]);
    if (node->op == OP_reshape) return reshaped(node, holds(node->inputs[0]));

    const bool below = node->op == OP_le || node->op == OP_lt,
               above = node->op == OP_ge || node->op == OP_gt;
    if (!below && !above) return everything;
    const int row = index_axis(node->inputs[below]), column = index_axis(node->inputs[above]);
    if (row < 0 || column < 0 || row == column) return everything;
    return (Band){row, column, node->op == OP_lt || node->op == OP_gt ? -1 : 0};
}

typedef struct Search {
    Bands bands;
    bool *read;   /* by node id: somebody was found who looks at it */
} Search;

/* ---- zeros, from the inputs on ---- */

static Band lowest_of(const Search *s, const Node *node)
{
    if (node->op == OP_select && is_fill(node->inputs[2], LOWEST)) {
        const Band band = holds(node->inputs[0]);
        return band.ahead >= 0 ? band : everything;
    }
    if (node->op != OP_sub) return everything;
    /* less what is as large as the largest of its row */
    const Node *row = unbroadcast(node->inputs[1]);
    const Band band = s->bands.lowest[node->inputs[0]->id];
    const bool is_large = (row->op == OP_logsumexp || row->op == OP_reduce_max)
                       && row->attr[0].count == 1 && row->attr[0].ints[0] == band.column
                       && is_same(s->bands.lowest[row->inputs[0]->id], band);
    return is_large ? band : everything;
}

static Band permuted(const Node *node, Band band)
{
    Band to = everything;
    for (int i = 0; !is_all(band) && i < node->type.rank; i++) {
        if (node->attr[0].ints[i] == band.row) to.row = i;
        if (node->attr[0].ints[i] == band.column) to.column = i;
    }
    to.ahead = band.ahead;
    return is_all(band) ? everything : to;
}

static Band zero_of(const Search *s, const Node *node)
{
    Band in[3] = {everything, everything, everything};
    for (int i = 0; i < node->input_count && i < 3; i++)
        in[i] = s->bands.zero[node->inputs[i]->id];
    switch (node->op) {
    case OP_mul: return either(in[0], in[1]);
    case OP_div:
    case OP_neg: return in[0];
    case OP_add:
    case OP_sub: return common(in[0], in[1]);
    case OP_select:
        return is_zero(node->inputs[2]) ? either(holds(node->inputs[0]), in[1])
                                        : common(in[1], in[2]);
    case OP_exp: return s->bands.lowest[node->inputs[0]->id];
    case OP_permute: return permuted(node, in[0]);
    case OP_reshape: return reshaped(node, in[0]);
    default: return everything;
    }
}

/* ---- who looks, from the outputs back ---- */

static Band unpermuted(const Node *node, Band band)
{
    if (is_all(band)) return everything;
    return (Band){(int)node->attr[0].ints[band.row], (int)node->attr[0].ints[band.column],
                  band.ahead};
}

/* What the reader looks at of its input i. */
static Band seen_by(const Search *s, const Node *reader, int i)
{
    const Band seen = s->bands.seen[reader->id];
    if (reader->op == OP_permute) return unpermuted(reader, seen);
    if (op_row(reader->op)->kind != KIND_MAP || (reader->op == OP_select && i == 0))
        return everything;
    if (reader->op == OP_select && i == 1) return either(holds(reader->inputs[0]), seen);
    if (reader->op == OP_mul) return either(s->bands.zero[reader->inputs[1 - i]->id], seen);
    return seen;
}

static void look(Search *s, const Node *node, Band seen)
{
    Band *before = &s->bands.seen[node->id];
    *before = s->read[node->id] ? common(*before, seen) : seen;
    s->read[node->id] = true;
}

Bands bands_of(Arena *arena, const Graph *graph)
{
    const int count = graph->nodes.count + 1;
    Search s = {.bands = {arena_array(arena, Band, count), arena_array(arena, Band, count),
                          arena_array(arena, Band, count)}};
    s.read = arena_array(arena, bool, count);
    for (int i = 0; i < count; i++) s.bands.seen[i] = everything;
    for (int i = 0; i < graph->nodes.count; i++) {
        s.bands.lowest[i] = lowest_of(&s, graph->nodes.at[i]);
        s.bands.zero[i] = zero_of(&s, graph->nodes.at[i]);
    }
    for (int i = 0; i < graph->outputs.count; i++)
        look(&s, graph->outputs.at[i].node, everything);
    for (int i = graph->nodes.count - 1; i >= 0; i--) {
        const Node *reader = graph->nodes.at[i];
        for (int j = 0; j < reader->input_count; j++)
            look(&s, reader->inputs[j], seen_by(&s, reader, j));
    }
    return s.bands;
}

Band bands_counted(const Bands *bands, const Node *reduction)
{
    const int input = reduction->inputs[0]->id;
    switch (reduction->op) {
    case OP_sum: return bands->zero[input];
    case OP_reduce_max:
    case OP_logsumexp: return bands->lowest[input];
    default: return everything;
    }
}
