/* One or more graphs for every row of the table of operations. A test that walks the table with
 * build_case covers a new row on arrival, and fails where there is no case for it. */
#ifndef NNC_TESTS_OP_CASES_H
#define NNC_TESTS_OP_CASES_H
#include <math.h>

#include "graphs.h"
#include "ops/random.h"
#include "window_cases.h"

enum { BATCH = SLIDE_ROWS }; /* of the small variants; a larger batch makes rows longer, too */

/* An extent that is odd for every width of vectors, and longer than any, in a larger batch. */
static int64_t wide(const Graph *g, int64_t n) { return g->batch > BATCH ? n + 16 : n; }

/* Builds the operation on fresh inputs and returns the value to be looked at; variant counts
 * from 0, NULL: no more. */
typedef Node *Build(Graph *g, int variant);
typedef struct Case {
    Op op;
    Build *build;
} Case;

static Node *batch_input(Graph *g, const char *name, int rank, const int64_t *dim)
{
    return input_node(g, name, batched(f32_type(rank, dim)));
}

static Node *plain_input(Graph *g, const char *name, int rank, const int64_t *dim)
{
    return input_node(g, name, f32_type(rank, dim));
}

/* ---- leaves ---- */

static Node *case_input(Graph *g, int variant)
{
    if (variant == 0) return batch_input(g, "x", DIMS(g->batch, wide(g, 3)));
    return variant == 1 ? plain_input(g, "x", DIMS(2, wide(g, 3))) : NULL;
}

/* A leaf times an input, so that there is something to differentiate. */
static Node *with_leaf(Graph *g, Op op, Type type, const Attr *attrs, int param)
{
    Node *leaf = graph_leaf(g, op, type, attrs, param, (Origin){0});
    if (type.dtype != DT_F32) leaf = map1(g, OP_to_f32, leaf);
    return map2(g, OP_mul, input_node(g, "x", leaf->type), leaf);
}

static Node *case_module(Graph *g, Op op, int variant)
{
    return variant == 0 ? with_leaf(g, op, f32_type(DIMS(2, 3)), NULL, 0) : NULL;
}

static Node *case_param(Graph *g, int variant) { return case_module(g, OP_param, variant); }
static Node *case_state(Graph *g, int variant) { return case_module(g, OP_state, variant); }
static Node *case_session(Graph *g, int variant) { return case_module(g, OP_session, variant); }

static Node *case_fill(Graph *g, int variant)
{
    Attr attr = attr_number(1.5);
    const Type type = batched(f32_type(DIMS(g->batch, wide(g, 3))));
    return variant == 0 ? with_leaf(g, OP_fill, type, &attr, -1) : NULL;
}

static Node *case_constant(Graph *g, int variant)
{
    static const float values[] = {0.5f, -1.0f, 2.0f};
    if (variant > 0) return NULL;
    Node *leaf = graph_leaf(g, OP_constant, f32_type(DIMS(3)), NULL, -1, (Origin){0});
    leaf->values = values;
    return map2(g, OP_mul, batch_input(g, "x", DIMS(g->batch, 3)), leaf);
}

static Node *case_iota(Graph *g, int variant)
{
    Attr attr = attr_int(variant);
    Type type = type_make(DT_I32, DIMS(g->batch, wide(g, 3)));
    return variant < 2 ? with_leaf(g, OP_iota, batched(type), &attr, -1) : NULL;
}

static Node *case_count(Graph *g, int variant)
{
    return variant == 0 ? with_leaf(g, OP_count, type_scalar(DT_F32), NULL, -1) : NULL;
}

static Node *case_uniform(Graph *g, int variant)
{
    Attr attr = attr_int(7);
    const Type type = batched(f32_type(DIMS(g->batch, wide(g, 5))));
    return variant == 0 ? with_leaf(g, OP_uniform, type, &attr, -1) : NULL;
}

/* ---- views and joins ---- */

static Node *case_reshape(Graph *g, int variant)
{
    const char *error;
    Node *x = batch_input(g, "x", DIMS(g->batch, 3, wide(g, 5)));
    const int64_t n = wide(g, 5);
    const struct {
        int rank;
        int64_t dim[4];
    } to[] = {{2, {g->batch, 3 * n}},
              {2, {g->batch * 3, n}},
              {4, {1, g->batch, n, 3}},
              {1, {g->batch * 3 * n}}};
    if (variant >= 4) return NULL;
    Type type;
    error = reshape_type(g->arena, x->type, to[variant].rank, to[variant].dim, &type);
    assert_null(error);
    return build_reshape(g, x, type);
}

static Node *case_permute(Graph *g, int variant)
{
    static const int64_t orders[][3] = {{2, 0, 1}, {1, 2, 0}, {0, 2, 1}};
    if (variant >= 3) return NULL;
    return build_permute(g, batch_input(g, "x", DIMS(g->batch, 3, wide(g, 5))), orders[variant]);
}

static Node *case_slice(Graph *g, int variant)
{
    static const int64_t start[] = {1, 6, 0, 5, 6, 0}, size[] = {3, 7, 3, 2, 3, 1},
                         step[] = {1, -1, 2, -3, -3, 4};
    if (variant >= 6) return NULL;
    const int64_t n = wide(g, 2);
    Node *x = batch_input(g, "x", DIMS(g->batch, 7, n));
    return build_slice(g, x, (int64_t[]){0, start[variant], 1},
                       (int64_t[]){g->batch, size[variant], n - 1},
                       (int64_t[]){1, step[variant], 1});
}

static Node *case_broadcast(Graph *g, int variant)
{
    Type to = batched(f32_type(DIMS(g->batch, 3, wide(g, 5))));
    if (variant == 0)
        return build_broadcast(g, batch_input(g, "x", DIMS(g->batch, 1, wide(g, 5))), to);
    if (variant == 1) return build_broadcast(g, plain_input(g, "x", DIMS(wide(g, 5))), to);
    return variant == 2 ? build_broadcast(g, plain_input(g, "x", 0, NULL), to) : NULL;
}

static Node *case_concat(Graph *g, int variant)
{
    if (variant > 0) return NULL;
    const int64_t n = wide(g, 2);
    Node *parts[] = {batch_input(g, "x", DIMS(g->batch, 3, n)),
                     batch_input(g, "y", DIMS(g->batch, 1, n)),
                     batch_input(g, "z", DIMS(g->batch, 2, n))};
    return make(g, OP_concat, 3, parts, &(Attr){.count = 1, .ints = {1}});
}

static Node *case_pad(Graph *g, int variant)
{
    if (variant > 0) return NULL;
    Node *x = batch_input(g, "x", DIMS(g->batch, 3, wide(g, 2)));
    return build_pad(g, x, (int64_t[]){0, 1, 0}, (int64_t[]){0, 2, 3}, 0.5);
}

/* Of two axes and of one, the nearest entry and mirrored. */
static Node *bordered(Graph *g, Op op, int variant)
{
    if (variant > 3) return NULL;
    const int64_t n = wide(g, 3), before[] = {0, variant / 2 ? 0 : 2, 1},
                  after[] = {0, variant / 2 ? 0 : 1, 2};
    const bool sums = op == OP_border_sum;
    const int64_t more = variant / 2 ? 0 : 3;
    Node *x = batch_input(g, "x", DIMS(g->batch, 3 + (sums ? more : 0), n + (sums ? 3 : 0)));
    Attr attrs[MAX_ATTRS] = {attr_ints(before, 3), attr_ints(after, 3), attr_int(variant & 1)};
    return make(g, op, 1, &x, attrs);
}

static Node *case_border(Graph *g, int variant) { return bordered(g, OP_border, variant); }
static Node *case_border_sum(Graph *g, int variant) { return bordered(g, OP_border_sum, variant); }

/* ---- reductions ---- */

static Node *reduction(Graph *g, Op op, int variant)
{
    static const struct {
        int count;
        int64_t axes[3];
    } over[] = {{1, {1}}, {1, {0}}, {2, {1, 2}}, {3, {0, 1, 2}}};
    if (variant >= 4) return NULL;
    Node *x = batch_input(g, "x", DIMS(g->batch, 3, wide(g, 5)));
    return build_reduce(g, op, x, over[variant].axes, over[variant].count);
}

static Node *case_sum(Graph *g, int variant) { return reduction(g, OP_sum, variant); }
static Node *case_reduce_max(Graph *g, int variant) { return reduction(g, OP_reduce_max, variant); }
static Node *case_logsumexp(Graph *g, int variant) { return reduction(g, OP_logsumexp, variant); }

static Node *case_variance(Graph *g, int variant)
{
    if (variant < 4) return reduction(g, OP_variance, variant);
    if (variant >= 6) return NULL;
    Attr attrs[MAX_ATTRS] = {attr_int(variant - 4), attr_int(1)};
    Node *x = batch_input(g, "x", DIMS(g->batch, wide(g, 3)));
    return make(g, OP_variance, 1, &x, attrs);
}

static Node *case_argmax(Graph *g, int variant)
{
    if (variant >= 2) return NULL;
    Node *x = batch_input(g, "x", DIMS(g->batch, wide(g, 5)));
    return build_reduce(g, OP_argmax, x, (int64_t[]){variant}, 1);
}

/* ---- contraction ---- */

static Node *case_contract(Graph *g, int variant)
{
    Node *x = batch_input(g, "x", DIMS(g->batch, 3, wide(g, 5)));
    const int64_t n = wide(g, 5), out = wide(g, 2);
    enum { B, T, D, O };
    if (variant == 0) /* a layer */
        return build_contract(g, x, (int64_t[]){B, T, D}, plain_input(g, "w", DIMS(out, n)),
                              (int64_t[]){O, D}, (int64_t[]){B, T, O}, 3);
    if (variant == 1) /* its weight gradient: summed over the valid rows */
        return build_contract(g, x, (int64_t[]){B, T, D},
                              batch_input(g, "y", DIMS(g->batch, 3, out)), (int64_t[]){B, T, O},
                              (int64_t[]){O, D}, 2);
    if (variant == 2) /* one product a row */
        return build_contract(g, x, (int64_t[]){B, T, D},
                              batch_input(g, "y", DIMS(g->batch, out, n)), (int64_t[]){B, O, D},
                              (int64_t[]){B, O, T}, 3);
    if (variant == 3) /* elementwise and outer */
        return build_contract(g, x, (int64_t[]){B, T, D}, plain_input(g, "w", DIMS(n, out)),
                              (int64_t[]){D, O}, (int64_t[]){D, B, O, T}, 4);
    return NULL;
}

/* ---- rows by index ---- */

/* Indices that depend on nothing: 0 2 1 0 2 1 ... along axis 0. */
static Node *some_indices(Graph *g, Type type)
{
    type.dtype = DT_I32;
    Attr axis = attr_int(0), limit = attr_int(3);
    Node *i = map1(g, OP_to_f32, graph_leaf(g, OP_iota, type, &axis, -1, (Origin){0}));
    Node *third = map1(g, OP_floor,
                       map2(g, OP_div, map2(g, OP_mul, i, build_fill(g, type_scalar(DT_F32), 2.0)),
                            build_fill(g, type_scalar(DT_F32), 3.0)));
    Node *rest = map2(g, OP_sub, map2(g, OP_mul, i, build_fill(g, type_scalar(DT_F32), 2.0)),
                      map2(g, OP_mul, third, build_fill(g, type_scalar(DT_F32), 3.0)));
    return make(g, OP_checked, 1, (Node *[]){map1(g, OP_to_i32, rest)}, &limit);
}

static Node *case_checked(Graph *g, int variant)
{
    if (variant > 0) return NULL;
    Node *index = some_indices(g, batched(f32_type(DIMS(g->batch))));
    return map2(g, OP_mul, map1(g, OP_to_f32, index), batch_input(g, "x", DIMS(g->batch)));
}

static Node *case_gather(Graph *g, int variant)
{
    if (variant == 0)
        return make(g, OP_gather, 2,
                    (Node *[]){plain_input(g, "x", DIMS(3, wide(g, 5))),
                               some_indices(g, batched(f32_type(DIMS(g->batch, 2))))},
                    NULL);
    if (variant > 1) return NULL;
    Node *x = build_permute(g, batch_input(g, "x", DIMS(g->batch, 3)), (int64_t[]){1, 0});
    return make(g, OP_gather, 2, (Node *[]){x, some_indices(g, f32_type(DIMS(4)))}, NULL);
}

static Node *case_scatter(Graph *g, int variant)
{
    if (variant > 0) return NULL;
    Attr rows = attr_int(3);
    return make(g, OP_scatter, 2,
                (Node *[]){some_indices(g, batched(f32_type(DIMS(g->batch, 2)))),
                           batch_input(g, "x", DIMS(g->batch, 2, wide(g, 5)))},
                &rows);
}

static Node *case_put(Graph *g, int variant)
{
    if (variant > 1) return NULL;
    const int64_t axis = variant ? 1 : 2, width = wide(g, 5);
    Attr along = attr_int(axis);
    Node *whole = batch_input(g, "x", DIMS(g->batch, 3, width));
    Node *part = batch_input(g, "y", DIMS(g->batch, variant ? 1 : 3, variant ? width : 2));
    const int64_t one = 1; /* the second index is 2 */
    Node *second = build_slice(g, some_indices(g, f32_type(DIMS(2))), &one, &one, &one);
    Node *at = build_reshape(g, second, type_make(DT_I32, 0, NULL));
    return make(g, OP_put, 3, (Node *[]){whole, at, part}, &along);
}

/* ---- scans ---- */

/* h' = tanh(x + h w^T + b) * c, c' = c + h'; yields h' and h' * h; w and b are captured, so is a
 * batched mask m. */
static Graph *cell(const Graph *g)
{
    Graph *body = graph_new(g->arena, "cell", g->batch);
    Node *x = input_node(body, "x", batched(f32_type(DIMS(g->batch, 2))));
    Node *h = input_node(body, "h", batched(f32_type(DIMS(g->batch, 2))));
    Node *c = input_node(body, "c", batched(f32_type(DIMS(g->batch, 2))));
    Node *w = input_node(body, "w", f32_type(DIMS(2, 2)));
    Node *b = input_node(body, "b", f32_type(DIMS(2)));
    Node *m = input_node(body, "m", batched(f32_type(DIMS(g->batch, 2))));
    Node *u =
        build_contract(body, h, (int64_t[]){0, 1}, w, (int64_t[]){2, 1}, (int64_t[]){0, 2}, 2);
    Node *new_h =
        map2(body, OP_mul, map1(body, OP_tanh, map2(body, OP_add, map2(body, OP_add, x, u), b)), c);
    Node *new_c = map2(body, OP_add, map2(body, OP_mul, c, m), new_h);
    graph_output(body, OUT_YIELD, "h", new_h, -1);
    graph_output(body, OUT_YIELD, "c", new_c, -1);
    graph_output(body, OUT_YIELD, "y", map2(body, OP_mul, new_h, h), -1);
    return body;
}

static Node *scan_node(Graph *g, bool reverse)
{
    Node *inputs[] = {batch_input(g, "x", DIMS(g->batch, 3, 2)),
                      batch_input(g, "h0", DIMS(g->batch, 2)),
                      batch_input(g, "c0", DIMS(g->batch, 2)),
                      plain_input(g, "w", DIMS(2, 2)),
                      plain_input(g, "b", DIMS(2)),
                      batch_input(g, "m", DIMS(g->batch, 2))};
    Attr attrs[MAX_ATTRS] = {attr_int(1), attr_int(2), INTS(1), attr_int(reverse)};
    const char *error;
    Node *scan = graph_append_region(g, OP_scan, inputs, 6, attrs, cell(g), (Origin){0}, &error);
    assert_null(error);
    return scan;
}

/* Everything that the scan gives, in one value: the stacked yields plus the final carries. */
static Node *case_scan(Graph *g, int variant)
{
    if (variant > 1) return NULL;
    Node *scan = scan_node(g, variant == 1);
    Node *sum = map2(g, OP_add, build_result(g, scan, 2), build_result(g, scan, 0));
    return map2(g, OP_add, sum, build_result(g, scan, 1));
}

static Node *case_result(Graph *g, int variant)
{
    return variant < 3 ? build_result(g, scan_node(g, false), variant) : NULL;
}

static const Case cases[] = {
#define CASE(id)           \
    {                      \
        OP_##id, case_##id \
    }
    CASE(input),      CASE(param),         CASE(state),    CASE(session),    CASE(fill),
    CASE(constant),   CASE(iota),          CASE(count),    CASE(reshape),    CASE(permute),
    CASE(slice),      CASE(broadcast),     CASE(concat),   CASE(pad),        CASE(border),
    CASE(border_sum), CASE(sum),
    CASE(reduce_max), CASE(logsumexp),     CASE(variance), CASE(argmax),     CASE(contract),
    CASE(checked),    CASE(gather),        CASE(scatter),  CASE(put),        CASE(uniform),
    CASE(scan),       CASE(result),        CASE(conv),     CASE(conv_input), CASE(conv_weight),
    CASE(window_sum), CASE(window_spread), CASE(max_pick), CASE(max_place),
#undef CASE
};

/* ---- elementwise operations: all alike ---- */

/* An input of the kind an operation takes: bool where numbers are refused. */
static Node *map_operand(Graph *g, Op op, int i, Type type)
{
    static const char *const names[] = {"a", "b", "c"};
    Node *x = input_node(g, names[i], type);
    Node *zero = build_fill(g, type, 0.3);
    bool wants_bool = op == OP_and || op == OP_or || op == OP_not || (op == OP_select && i == 0);
    return wants_bool ? map2(g, OP_gt, x, zero) : x;
}

/* Variant 1 broadcasts the last operand along the batch, variant 2 a scalar. */
static Node *build_elementwise(Graph *g, Op op, int variant)
{
    Node *inputs[3];
    Type types[] = {batched(f32_type(DIMS(g->batch, wide(g, 5)))), f32_type(DIMS(wide(g, 5))),
                    type_scalar(DT_F32)};
    int arity = op_row(op)->arity;
    if (variant > 2 || (variant > 0 && arity == 1)) return NULL;
    for (int i = 0; i < arity; i++)
        inputs[i] = map_operand(g, op, i, types[i == arity - 1 ? variant : 0]);
    return build_map(g, op, arity, inputs);
}

static Node *build_case(Graph *g, Op op, int variant)
{
    Node *y = NULL;
    if (op_row(op)->kind == KIND_MAP) y = build_elementwise(g, op, variant);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        if (cases[i].op == op) y = cases[i].build(g, variant);
    return y && y->type.dtype != DT_F32 ? map1(g, OP_to_f32, y) : y;
}

/* ---- the module around a case, and values for its inputs ---- */

static Param module_param(const char *name)
{
    return (Param){.name = name, .type = f32_type(DIMS(2, 3)), .init = {.kind = INIT_ONES}};
}

/* One parameter, state and session, for the cases that read them. */
static Module *case_module_new(Arena *arena, const char *name)
{
    Module *module = module_new(arena, name);
    vec_push(arena, module->params, module_param("p"));
    vec_push(arena, module->states, module_param("s"));
    vec_push(arena, module->sessions, module_param("t"));
    return module;
}

/* Between 0.35 and 1.95, of either sign where the operation is defined there. Multiples of the
 * golden ratio leave gaps, so that no step of the differences crosses a kink of maximum or
 * reduce_max. */
static double draw(Op op, int input, int64_t e)
{
    bool positive = op == OP_sqrt || op == OP_rsqrt || op == OP_log || op == OP_pow || op == OP_div;
    uint64_t bits = random_bits(random_stream(5, (uint64_t)input), (uint64_t)e);
    double x = 0.35 + 1.6 * fmod(0.37 * (input + 1) + 0.61803398875 * (double)e, 1.0);
    return !positive && (bits & 1) ? -x : x;
}
#endif
