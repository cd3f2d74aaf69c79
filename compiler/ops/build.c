/* Appending nodes: the general way, with the shape rule's answer, and the verbs that read like
 * formulas. */
#include "ops/build.h"

#include <assert.h>
#include <string.h>

#include "ops/rules.h"

Attr attr_int(int64_t value)
{
    return (Attr){.count = 1, .ints = {value}};
}

Attr attr_ints(const int64_t *values, int count)
{
    Attr attr = {.count = count};
    for (int i = 0; i < count; i++) attr.ints[i] = values[i];
    return attr;
}

Attr attr_number(double value)
{
    return (Attr){.number = value};
}

Attr attr_text(const char *text)
{
    return (Attr){.text = text};
}

/* An integer that was not given is 0. */
static void complete_attrs(const OpRow *row, Attr *attr)
{
    for (int i = 0; row->attr[i].kind != ATTR_NONE; i++)
        if (row->attr[i].kind == ATTR_INT) attr[i].count = 1;
}

static Node *append(Graph *graph, const Node *draft, Origin origin, const char **error)
{
    const OpRow *row = op_row(draft->op);
    Type type;
    if (row->arity >= 0 && row->arity != draft->input_count)
        *error = arena_printf(graph->arena, "%s takes %d argument%s, got %d", row->name,
                              row->arity, row->arity == 1 ? "" : "s", draft->input_count);
    else
        *error = row->shape(graph->arena, draft, &type);
    if (*error) return NULL;

    Node *node = graph_push(graph, draft->op, type, origin);
    node->input_count = draft->input_count;
    node->inputs = arena_array(graph->arena, Node *, draft->input_count + 1);
    for (int i = 0; i < draft->input_count; i++) node->inputs[i] = draft->inputs[i];
    memcpy(node->attr, draft->attr, sizeof node->attr);
    node->body = draft->body;
    node->param = draft->param;
    return node;
}

static Node make_draft(Op op, Node *const *inputs, int input_count, const Attr *attrs)
{
    Node draft = {.op = op, .input_count = input_count, .inputs = (Node **)inputs, .param = -1};
    const OpRow *row = op_row(op);
    for (int i = 0; attrs && row->attr[i].kind != ATTR_NONE; i++) draft.attr[i] = attrs[i];
    complete_attrs(row, draft.attr);
    return draft;
}

Node *graph_append(Graph *graph, Op op, Node *const *inputs, int input_count, const Attr *attrs,
                   Origin origin, const char **error)
{
    Node draft = make_draft(op, inputs, input_count, attrs);
    return append(graph, &draft, origin, error);
}

Node *graph_append_region(Graph *graph, Op op, Node *const *inputs, int input_count,
                          const Attr *attrs, Graph *body, Origin origin, const char **error)
{
    Node draft = make_draft(op, inputs, input_count, attrs);
    draft.body = body;
    return append(graph, &draft, origin, error);
}

Node *graph_leaf(Graph *graph, Op op, Type type, const Attr *attrs, int param, Origin origin)
{
    const char *error;
    Node draft = make_draft(op, NULL, 0, attrs);
    draft.type = type;
    draft.param = param;
    Node *node = append(graph, &draft, origin, &error);
    assert(node && "a leaf's type and attributes are legal");
    return node;
}

/* A node whose legality the caller knows. */
static Node *must(Graph *g, Op op, Node *const *inputs, int count, const Attr *attrs)
{
    const char *error;
    Origin origin = {.layer = g->origin.layer, .span = g->origin.span};
    Node *node = graph_append(g, op, inputs, count, attrs, origin, &error);
    assert(node && "the verbs are used legally");
    return node;
}

Node *build_fill(Graph *g, Type type, double value)
{
    Attr attr = attr_number(value);
    Origin origin = {.layer = g->origin.layer, .span = g->origin.span};
    return graph_leaf(g, OP_fill, type, &attr, -1, origin);
}

/* A node whose attributes are the type it shall have. */
static Node *build_as(Graph *g, Op op, Node *a, Type type)
{
    Attr attrs[MAX_ATTRS] = {{0}};
    for (int i = 0; op_row(op)->attr[i].kind != ATTR_NONE; i++)
        attr_of_type(op_row(op)->attr[i].kind, type, &attrs[i]);
    return must(g, op, &a, 1, attrs);
}

Node *build_reshape(Graph *g, Node *a, Type type)
{
    type.dtype = a->type.dtype;
    if (type_equal(a->type, type)) return a;
    return build_as(g, OP_reshape, a, type);
}

Node *build_broadcast(Graph *g, Node *a, Type type)
{
    type.dtype = a->type.dtype;
    if (a->op == OP_fill)
        return type_equal(a->type, type) ? a : build_fill(g, type, a->attr[0].number);
    Type lifted = a->type;
    while (lifted.rank < type.rank) lifted = type_add_axis(lifted, 0, 1);
    a = build_reshape(g, a, lifted);
    if (type_equal(a->type, type)) return a;
    return build_as(g, OP_broadcast, a, type);
}

Node *build_permute(Graph *g, Node *a, const int64_t *axes)
{
    bool moved = false;
    for (int i = 0; i < a->type.rank; i++) moved |= axes[i] != i;
    if (!moved) return a;
    Attr attrs[MAX_ATTRS] = {attr_ints(axes, a->type.rank)};
    return must(g, OP_permute, &a, 1, attrs);
}

Node *build_slice(Graph *g, Node *a, const int64_t *start, const int64_t *size, const int64_t *step)
{
    int rank = a->type.rank;
    bool whole = true;
    for (int i = 0; i < rank; i++)
        whole &= start[i] == 0 && size[i] == a->type.dim[i] && step[i] == 1;
    if (whole) return a;
    Attr attrs[MAX_ATTRS] = {attr_ints(start, rank), attr_ints(size, rank), attr_ints(step, rank)};
    return must(g, OP_slice, &a, 1, attrs);
}

Node *build_pad(Graph *g, Node *a, const int64_t *before, const int64_t *after, double value)
{
    int rank = a->type.rank;
    bool border = false;
    for (int i = 0; i < rank; i++) border |= before[i] != 0 || after[i] != 0;
    if (!border) return a;
    Attr attrs[MAX_ATTRS] = {attr_ints(before, rank), attr_ints(after, rank), attr_number(value)};
    return must(g, OP_pad, &a, 1, attrs);
}

Node *build_reduce(Graph *g, Op op, Node *a, const int64_t *axes, int count)
{
    Attr attrs[MAX_ATTRS] = {attr_ints(axes, count)};
    return must(g, op, &a, 1, attrs);
}

Node *build_sum_to(Graph *g, Node *a, Type type)
{
    int64_t axes[MAX_RANK];
    int count = 0, lead = a->type.rank - type.rank;
    for (int i = 0; i < a->type.rank; i++) {
        bool repeated = i < lead || (type.dim[i - lead] == 1 && a->type.dim[i] != 1);
        bool leaves_batch = i == a->type.batch_axis && i - lead != type.batch_axis;
        if (repeated || leaves_batch) axes[count++] = i;
    }
    if (count) a = build_reduce(g, OP_sum, a, axes, count);
    return build_reshape(g, a, type);
}

Node *build_contract(Graph *g, Node *a, const int64_t *la, Node *b, const int64_t *lb,
                     const int64_t *lout, int out_rank)
{
    Attr attrs[MAX_ATTRS] = {attr_ints(la, a->type.rank), attr_ints(lb, b->type.rank),
                             attr_ints(lout, out_rank)};
    return must(g, OP_contract, (Node *[]){a, b}, 2, attrs);
}

Node *build_result(Graph *g, Node *scan, int index)
{
    Attr attrs[MAX_ATTRS] = {attr_int(index)};
    return must(g, OP_result, &scan, 1, attrs);
}

Node *build_map(Graph *g, Op op, int count, Node *const *inputs)
{
    const char *error;
    Node *fitted[3];
    Type type = inputs[0]->type;
    for (int i = 1; i < count; i++) {
        bool fits = broadcast_types(g->arena, type, inputs[i]->type, &type, &error);
        assert(fits && "the verbs are used legally");
        (void)fits;
    }
    for (int i = 0; i < count; i++) fitted[i] = build_broadcast(g, inputs[i], type);
    return must(g, op, fitted, count, NULL);
}
