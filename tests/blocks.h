/* Layers, losses and small models built from primitives, for tests of fusion and of generated code.
 */
#ifndef NNC_TESTS_BLOCKS_H
#define NNC_TESTS_BLOCKS_H
#include "graphs.h"

/* ---- leaves ---- */

static inline Node *declared_input(Module *m, Graph *g, TensorDecl decl)
{
    vec_push(m->arena, m->decls, decl);
    const Attr attr = attr_text(decl.name);
    return graph_leaf(g, OP_input, decl.type, &attr, m->decls.count - 1,
                      (Origin){.name = decl.name});
}

static inline Node *matrix_input(Module *m, Graph *g, const char *name, int64_t rows,
                                 int64_t columns)
{
    const Type type = batched(f32_type(2, (int64_t[]){rows, columns}));
    return declared_input(m, g, (TensorDecl){.name = name, .type = type});
}

/* Indices in [0, limit), one a row. */
static inline Node *label_input(Module *m, Graph *g, int64_t rows, int64_t limit)
{
    const Type type = batched(type_make(DT_I32, 1, &rows));
    return declared_input(
        m, g, (TensorDecl){.name = "label", .type = type, .is_target = true, .limit = limit});
}

static inline Node *vector_param(Module *m, Graph *g, const char *name, int64_t n)
{
    return param_node(m, g, name, f32_type(1, &n));
}

static inline Node *constant(Graph *g, double value)
{
    return build_fill(g, type_scalar(DT_F32), value);
}

static inline Node *count_node(Graph *g)
{
    return graph_leaf(g, OP_count, type_scalar(DT_F32), NULL, -1, (Origin){0});
}

/* ---- layers: [rows][columns] to [rows][columns] unless they say more ---- */

static inline Node *dense(Module *m, Graph *g, Node *x, const char *name, int64_t out)
{
    Node *w = param_node(m, g, arena_printf(m->arena, "%s.weight", name),
                         f32_type(2, (int64_t[]){out, x->type.dim[1]}));
    Node *b = vector_param(m, g, arena_printf(m->arena, "%s.bias", name), out);
    Node *y = build_contract(g, x, (int64_t[]){0, 2}, w, (int64_t[]){1, 2}, (int64_t[]){0, 1}, 2);
    return map2(g, OP_add, y, b);
}

static inline Node *row_mean(Graph *g, Node *x)
{
    Node *sum = build_reduce(g, OP_sum, x, (int64_t[]){1}, 1);
    return map2(g, OP_mul, sum, constant(g, 1.0 / (double)x->type.dim[1]));
}

static inline Node *layer_norm(Module *m, Graph *g, Node *x)
{
    const int64_t columns = x->type.dim[1];
    const Attr attrs[] = {attr_ints((int64_t[]){1}, 1), attr_int(0)};
    Node *centred = map2(g, OP_sub, x, row_mean(g, x));
    Node *variance = make(g, OP_variance, 1, &x, attrs);
    Node *scale = map1(g, OP_rsqrt, map2(g, OP_add, variance, constant(g, 1e-5)));
    Node *scaled = map2(g, OP_mul, centred, scale);
    Node *weighted = map2(g, OP_mul, scaled, vector_param(m, g, "weight", columns));
    return map2(g, OP_add, weighted, vector_param(m, g, "bias", columns));
}

static inline Node *softmax(Module *m, Graph *g, Node *x)
{
    (void)m;
    Node *lse = build_reduce(g, OP_logsumexp, x, (int64_t[]){1}, 1);
    return map1(g, OP_exp, map2(g, OP_sub, x, lse));
}

static inline Node *gelu(Module *m, Graph *g, Node *x)
{
    (void)m;
    return map2(g, OP_mul, x, map1(g, OP_normal_cdf, x));
}

/* Causal attention over [batch][time][width]. */
static inline Node *attention(Graph *g, Node *q, Node *k, Node *v)
{
    const int64_t time = q->type.dim[1], la[] = {0, 1, 3}, lb[] = {0, 2, 3}, out[] = {0, 1, 2};
    const Type row = type_make(DT_I32, 1, &time);
    const Type column = type_make(DT_I32, 2, (int64_t[]){time, 1});
    const Attr axis = attr_int(0);
    Node *index = graph_leaf(g, OP_iota, row, &axis, -1, (Origin){0});
    Node *seen = map2(g, OP_le, index, build_reshape(g, index, column));
    Node *scores = map2(g, OP_mul, build_contract(g, q, la, k, lb, out, 3), constant(g, 0.5));
    scores = build_map(g, OP_select, 3, (Node *[]){seen, scores, constant(g, -1e30)});
    Node *lse = build_reduce(g, OP_logsumexp, scores, (int64_t[]){2}, 1);
    Node *weights = map1(g, OP_exp, map2(g, OP_sub, scores, lse));
    return build_contract(g, weights, out, v, (int64_t[]){0, 2, 3}, (int64_t[]){0, 1, 3}, 3);
}

/* Statistics over the batch. */
static inline Node *column_norm(Module *m, Graph *g, Node *x)
{
    (void)m;
    const Attr attrs[] = {attr_ints((int64_t[]){0}, 1), attr_int(0)};
    Node *variance = make(g, OP_variance, 1, &x, attrs);
    Node *scale = map1(g, OP_rsqrt, map2(g, OP_add, variance, constant(g, 0.1)));
    return map2(g, OP_mul, x, scale);
}

/* ---- losses ---- */

/* The sum over all valid rows of a value of each, by their number. */
static inline void row_loss(Graph *g, Node *each)
{
    int64_t axes[MAX_RANK];
    for (int i = 0; i < each->type.rank; i++) axes[i] = i;
    Node *sum = build_reduce(g, OP_sum, each, axes, each->type.rank);
    Node *total = build_reshape(g, sum, type_scalar(DT_F32));
    graph_output(g, OUT_LOSS, "loss", map2(g, OP_div, total, count_node(g)), -1);
}

/* x is an output; the loss is half the sum of its squares, by the number of rows. */
static inline void square_loss(Graph *g, Node *x)
{
    graph_output(g, OUT_OUTPUT, "out", x, -1);
    row_loss(g, map2(g, OP_mul, map2(g, OP_mul, x, x), constant(g, 0.5)));
}

/* [rows][1]: of logits[rows][classes] against label[rows] */
static inline Node *cross_entropy(Graph *g, Node *logits, Node *label)
{
    const int64_t rows = logits->type.dim[0], classes = logits->type.dim[1];
    const Attr limit = attr_int(classes), axis = attr_int(0);
    const Type column = batched(type_make(DT_I32, 2, (int64_t[]){rows, 1}));
    Node *checked = make(g, OP_checked, 1, &label, &limit);
    Node *index = graph_leaf(g, OP_iota, type_make(DT_I32, 1, &classes), &axis, -1, (Origin){0});
    Node *hit = map2(g, OP_eq, build_reshape(g, checked, column), index);
    Node *picked = build_map(g, OP_select, 3, (Node *[]){hit, logits, constant(g, 0)});
    return map2(g, OP_sub, build_reduce(g, OP_logsumexp, logits, (int64_t[]){1}, 1),
                build_reduce(g, OP_sum, picked, (int64_t[]){1}, 1));
}
#endif
