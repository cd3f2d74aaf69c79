/* What fusion must achieve: each of these blocks is a single pass over memory, forward and
 * backward, alone and between layers, and keeps no more for its backward pass than it must.
 * Counts, bytes and kept buffers are asserted, so that a fuser that gets worse fails here. */
#include "blocks.h"
#include "kernel/kernel.h"
#include "passes/pass.h"

enum { ROWS = 24, COLUMNS = 40, FULL = 4 * ROWS * COLUMNS, VECTOR = 4 * COLUMNS };

typedef Node *Block(Module *m, Graph *g, Node *x);

static const Plan *plan_of(Module *m)
{
    const PassOptions options = {.verify = true};
    const char *wrong = passes_run(m, &options);
    if (wrong) fail_msg("%s", wrong);
    const Plan *plan = plan_module(m->arena, m, 0);
    wrong = plan_verify(m->arena, plan);
    if (wrong) fail_msg("%s", wrong);
    return plan;
}

static void show(const Plan *plan)
{
    Text text = text_new(plan->arena);
    plan_print_kernels(&text, plan);
    print_error("%s\n", text.at);
}

/* Bytes of the elements that a kernel reads and writes, each value once, without padding. */
static int64_t moved(const Kernel *k)
{
    int64_t bytes = 0;
    for (int i = 0; i < k->operands.count; i++)
        bytes += 4 * type_elements(k->operands.at[i]->node->type);
    for (int i = 0; i < k->results.count; i++)
        bytes += 4 * type_elements(k->results.at[i]->node->type);
    return bytes;
}

/* ---- alone ---- */

static const EntryPlan *plan_alone(Arena *arena, Block *block, const char *entry)
{
    Module *m = module_new(arena, "alone");
    Graph *g = graph_new(arena, entry, ROWS);
    vec_push(arena, m->entries, g);
    graph_output(g, OUT_OUTPUT, "y", block(m, g, matrix_input(m, g, "x", ROWS, COLUMNS)), -1);
    return plan_of(m)->entries.at[0];
}

static void expect_one_kernel(Block *block, const char *entry, int64_t bytes)
{
    Arena *arena = arena_new();
    const EntryPlan *plan = plan_alone(arena, block, entry);
    if (plan->kernels.count != 1 || moved(plan->kernels.at[0]) != bytes) {
        show(plan->plan);
        fail_msg("%s: expected one kernel that moves %d bytes", entry, (int)bytes);
    }
    arena_free(arena);
}

static void alone_each_is_one_pass(void **state)
{
    (void)state;
    expect_one_kernel(layer_norm, "forward", 2 * FULL + 2 * VECTOR);  /* x, w, b -> y */
    expect_one_kernel(layer_norm, "backward", 3 * FULL + 3 * VECTOR); /* x, dy, w -> dx, dw, db */
    expect_one_kernel(softmax, "forward", 2 * FULL);
    expect_one_kernel(softmax, "backward", 3 * FULL);
    expect_one_kernel(gelu, "forward", 2 * FULL);
    expect_one_kernel(gelu, "backward", 3 * FULL);
}

/* ---- between layers ---- */

/* A block between two dense layers, with a loss after them: forward and backward are apart. */
static const EntryPlan *plan_between(Arena *arena, Block *block)
{
    Module *m = module_new(arena, "between");
    Graph *g = graph_new(arena, "train", ROWS);
    vec_push(arena, m->entries, g);
    Node *x = matrix_input(m, g, "in", ROWS, 3);
    g->origin = (Origin){.name = "x"};
    x = dense(m, g, x, "a", COLUMNS);
    g->origin = (Origin){0};
    x = block(m, g, x);
    square_loss(g, dense(m, g, x, "b", 5));
    return plan_of(m)->entries.at[0];
}

static int step_of_loss(const EntryPlan *entry)
{
    for (int i = 0; i < entry->kernels.count; i++)
        for (int j = 0; j < entry->kernels.at[i]->results.count; j++)
            if (entry->kernels.at[i]->results.at[j]->place == AT_LOSS) return i;
    fail_msg("no kernel makes the loss");
    return -1;
}

/* Elements of all values written before the loss and read after it, of inputs and parameters
 * none. */
static int64_t kept_elements(const EntryPlan *entry)
{
    const int loss = step_of_loss(entry);
    int64_t elements = 0;
    for (int i = 0; i < entry->values.count; i++) {
        const Value *v = entry->values.at[i];
        if (v->place != AT_WORK && v->place != AT_OUTPUT) continue;
        if (v->first < loss && v->last > loss) elements += type_elements(v->node->type);
    }
    return elements;
}

static int count_rows_kernels(const EntryPlan *entry)
{
    int count = 0;
    for (int i = 0; i < entry->kernels.count; i++)
        count += entry->kernels.at[i]->kind == KERNEL_ROWS;
    return count;
}

/* rows: kernels of rows in the whole entry, the loss's own and bias gradients' included. */
static void expect_between(Block *block, int rows, int64_t kept)
{
    Arena *arena = arena_new();
    const EntryPlan *plan = plan_between(arena, block);
    if (count_rows_kernels(plan) != rows || kept_elements(plan) != kept) {
        show(plan->plan);
        fail_msg("expected %d kernels of rows and %d elements kept, got %d and %d", rows, (int)kept,
                 count_rows_kernels(plan), (int)kept_elements(plan));
    }
    arena_free(arena);
}

static void between_layers_each_is_one_pass(void **state)
{
    (void)state;
    const int64_t full = ROWS * COLUMNS;
    expect_between(layer_norm, 3, 2 * full + 2 * ROWS);
    expect_between(softmax, 3, full);
    expect_between(gelu, 2, 2 * full); /* both in the epilogues of products */
}

/* Whether a kernel only ends what others began: it writes gradients, or copies for one that does.
 */
static bool ends(const Kernel *k)
{
    bool gradients = true;
    for (int i = 0; i < k->results.count; i++) gradients &= k->results.at[i]->place == AT_GRAD;
    return gradients || k->kind == KERNEL_COPY;
}

/* The gradient of a weight is taken while its operands are in cache: nothing that could wait stands
 * between them. */
static void gradients_of_weights_come_at_once(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const EntryPlan *plan = plan_between(arena, gelu);
    int products = 0;
    for (int i = 0; i < plan->kernels.count; i++) {
        const Kernel *k = plan->kernels.at[i];
        int made = -1;
        if (k->kind != KERNEL_CONTRACT || !ends(k)) continue;
        for (int j = 0; j < k->operands.count; j++)
            if (k->operands.at[j]->first > made) made = k->operands.at[j]->first;
        for (int between = made + 1; between < i; between++)
            if (!ends(plan->kernels.at[between])) {
                show(plan->plan);
                fail_msg("kernel %d stands between kernels %d and %d", between, made, i);
            }
        products++;
    }
    assert_int_equal(products, 2);
    arena_free(arena);
}

/* One row, as in inference, is served as well as many: the bias is the product's, and the row's
 * sums do not end the pass. */
static void one_row_is_one_pass(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *m = module_new(arena, "between");
    Graph *g = graph_new(arena, "forward", 1);
    vec_push(arena, m->entries, g);
    Node *x = dense(m, g, matrix_input(m, g, "in", 1, 3), "a", COLUMNS);
    x = gelu(m, g, layer_norm(m, g, x));
    graph_output(g, OUT_OUTPUT, "y", dense(m, g, x, "b", 5), -1);
    const EntryPlan *plan = plan_of(m)->entries.at[0];
    if (plan->kernels.count != 3 || count_rows_kernels(plan) != 1) {
        show(plan->plan);
        fail_msg("expected a product, a kernel of rows and a product");
    }
    arena_free(arena);
}

/* ---- pooling ---- */

enum { PLANES = 20, SIDE = 12, PIXELS = 4 * ROWS * PLANES * SIDE * SIDE };

static Node *image_conv(Module *m, Graph *g)
{
    const Type image = batched(f32_type(4, (int64_t[]){ROWS, 1, SIDE, SIDE}));
    Node *x = declared_input(m, g, (TensorDecl){.name = "image", .type = image});
    Node *w = param_node(m, g, "weight", f32_type(4, (int64_t[]){PLANES, 1, 3, 3}));
    const Attr conv[] = {INTS(1, 1), INTS(1, 1, 1, 1), INTS(1, 1), attr_int(1)};
    return make(g, OP_conv, 2, (Node *[]){x, w}, conv);
}

/* What has one value a channel is stored so that lanes may run across channels, in the passes that
 * make it and in those that read it backward. */
static void statistics_of_channels_run_in_lanes(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *m = module_new(arena, "normed");
    Graph *g = graph_new(arena, "train", ROWS);
    vec_push(arena, m->entries, g);
    Node *x = image_conv(m, g);
    const Attr over[] = {INTS(0, 2, 3), attr_int(0)};
    Node *variance = make(g, OP_variance, 1, &x, over);
    Node *scale = map1(g, OP_rsqrt, map2(g, OP_add, variance, constant(g, 0.1)));
    Node *w = param_node(m, g, "mix", f32_type(4, (int64_t[]){PLANES, PLANES, 1, 1}));
    const Attr mix[] = {INTS(1, 1), INTS(0, 0, 0, 0), INTS(1, 1), attr_int(1)};
    Node *normed = map1(g, OP_relu, map2(g, OP_mul, x, scale));
    square_loss(g, make(g, OP_conv, 2, (Node *[]){normed, w}, mix));
    const EntryPlan *plan = plan_of(m)->entries.at[0];
    int kernels = 0;
    for (int i = 0; i < plan->kernels.count; i++) {
        const Kernel *k = plan->kernels.at[i];
        if (k->kind != KERNEL_ROWS || k->domain.rank != 4) continue;
        kernels++;
        if (!kernel_lanes_fit(plan, k, 1)) {
            show(plan->plan);
            fail_msg("%s cannot run its lanes across channels", k->name);
        }
    }
    if (kernels < 2) {
        show(plan->plan);
        fail_msg("expected a pass forward and one backward");
    }
    arena_free(arena);
}

/* The variance of what a convolution makes, and the sum for its mean, come with it: the pass that
 * follows reduces nothing. */
static void statistics_come_with_their_convolution(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *m = module_new(arena, "normed");
    Graph *g = graph_new(arena, "forward", ROWS);
    vec_push(arena, m->entries, g);
    Node *x = image_conv(m, g);
    const Attr over[] = {INTS(0, 2, 3), attr_int(0)};
    Node *mean = map2(g, OP_div, make(g, OP_sum, 1, &x, over), constant(g, ROWS * SIDE * SIDE));
    Node *variance = make(g, OP_variance, 1, &x, over);
    Node *scale = map1(g, OP_rsqrt, map2(g, OP_add, variance, constant(g, 0.1)));
    Node *y = map2(g, OP_mul, map2(g, OP_sub, x, mean), scale);
    graph_output(g, OUT_OUTPUT, "y", y, -1);
    const EntryPlan *plan = plan_of(m)->entries.at[0];
    int reductions = 0;
    for (int i = 0; i < plan->kernels.count; i++) {
        const Kernel *k = plan->kernels.at[i];
        for (int j = 0; j < k->nodes.count; j++) {
            if (op_row(k->nodes.at[j]->op)->kind != KIND_REDUCE) continue;
            reductions++;
            if (k->kind != KERNEL_WINDOW) fail_msg("%s reads its operands again", k->name);
        }
    }
    if (reductions != 2 || count_rows_kernels(plan) != 1) {
        show(plan->plan);
        fail_msg("expected two reductions in the convolution and one kernel of rows");
    }
    arena_free(arena);
}

/* Backward through bias, relu and a pooling that does not overlap: one pass reads the activations
 * and the pooled gradient, writes the convolution's gradient and adds up the bias's. */
static void pooling_back_is_one_pass(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *m = module_new(arena, "pooled");
    Graph *g = graph_new(arena, "train", ROWS);
    vec_push(arena, m->entries, g);
    Node *b = vector_param(m, g, "bias", PLANES);
    b = build_reshape(g, b, f32_type(3, (int64_t[]){PLANES, 1, 1}));
    const Attr pool[] = {INTS(2, 2), INTS(0, 0, 0, 0), INTS(1, 1), INTS(2, 2)};
    Node *y = map1(g, OP_relu, map2(g, OP_add, image_conv(m, g), b));
    square_loss(g, make(g, OP_max_pick, 2, (Node *[]){y, y}, pool));
    const EntryPlan *plan = plan_of(m)->entries.at[0];
    const Kernel *k = NULL;
    for (int i = 0; i < plan->kernels.count; i++)
        if (plan->kernels.at[i]->anchor && plan->kernels.at[i]->anchor->op == OP_max_place)
            k = plan->kernels.at[i];
    const int64_t bytes = 2 * PIXELS + PIXELS / 4 + 4 * PLANES;
    if (!k || count_rows_kernels(plan) != 1 || moved(k) != bytes) {
        show(plan->plan);
        fail_msg("expected the loss as the only kernel of rows, and one that moves %d bytes back",
                 (int)bytes);
    }
    arena_free(arena);
}

/* ---- attention ---- */

static int count_kind(const EntryPlan *entry, KernelKind kind)
{
    int count = 0;
    for (int i = 0; i < entry->kernels.count; i++) count += entry->kernels.at[i]->kind == kind;
    return count;
}

/* Products of which only one side of the diagonal is computed or summed. */
static int count_halved(const EntryPlan *entry)
{
    int count = 0;
    for (int i = 0; i < entry->kernels.count; i++) {
        const Node *anchor = entry->kernels.at[i]->anchor;
        if (entry->kernels.at[i]->kind != KERNEL_CONTRACT) continue;
        count += entry->bands.seen[anchor->id].row >= 0
              || entry->bands.zero[anchor->inputs[0]->id].row >= 0
              || entry->bands.zero[anchor->inputs[1]->id].row >= 0;
    }
    return count;
}

static Module *attention_module(Arena *arena, const char *entry, int64_t time)
{
    Module *m = module_new(arena, "attention");
    Graph *g = graph_new(arena, entry, 3);
    const Type type = batched(f32_type(3, (int64_t[]){3, time, 8}));
    Node *in[3];
    vec_push(arena, m->entries, g);
    for (int i = 0; i < 3; i++)
        in[i] = declared_input(
            m, g, (TensorDecl){.name = arena_printf(arena, "%c", "qkv"[i]), .type = type});
    graph_output(g, OUT_OUTPUT, "y", attention(g, in[0], in[1], in[2]), -1);
    return m;
}

static void expect_attention(const char *entry, int products, int rows)
{
    Arena *arena = arena_new();
    const EntryPlan *plan = plan_of(attention_module(arena, entry, 20))->entries.at[0];
    if (count_kind(plan, KERNEL_CONTRACT) != products || count_rows_kernels(plan) != rows
        || count_halved(plan) != products) {
        show(plan->plan);
        fail_msg("%s: expected %d products, all of them halved, and %d kernels of rows, not %d, "
                 "%d and %d", entry, products, rows, count_kind(plan, KERNEL_CONTRACT),
                 count_halved(plan), count_rows_kernels(plan));
    }
    arena_free(arena);
}

/* Scale and mask are the product's, softmax and its gradient are one pass, and no product
 * does more than its half. */
static void attention_is_halved_by_its_mask(void **state)
{
    (void)state;
    expect_attention("forward", 2, 1);
    expect_attention("backward", 5, 1);
}

static void expect_by_samples(const char *entry, int products)
{
    enum { TIME = 160, SCORES = 4 * TIME * TIME };
    Arena *arena = arena_new();
    Module *m = attention_module(arena, entry, TIME);
    const EntryPlan *plan = plan_of(m)->entries.at[0],
                    *divided = plan_module(arena, m, 2)->entries.at[0];
    int by_samples = 0, large = 0;
    for (int i = 0; i < plan->kernels.count; i++) {
        const Kernel *k = plan->kernels.at[i];
        by_samples += k->samples && k->kind == KERNEL_CONTRACT;
        assert_true(!plan->kernels.at[0]->samples || k->samples == plan->kernels.at[0]->samples);
    }
    for (int i = 0; i < plan->values.count; i++)
        large += plan->values.at[i]->place == AT_WORK
              && plan->values.at[i]->elements > 2 * TIME * TIME;
    for (int i = 0; i < divided->kernels.count; i++) assert_null(divided->kernels.at[i]->samples);
    if (by_samples != products || large || plan->workspace_bytes > 5 * SCORES)
        fail_msg("%s: expected %d products in a loop over samples, and scores of one alone, not %d "
                 "products, %d larger values and %lld bytes", entry, products, by_samples, large,
                 (long long)plan->workspace_bytes);
    arena_free(arena);
}

/* What passes between the kernels of a long attention stays in cache: scores of one sample, not
 * of all. */
static void long_attention_goes_sample_by_sample(void **state)
{
    (void)state;
    expect_by_samples("forward", 2);
    expect_by_samples("backward", 5);
}

/* ---- losses ---- */

/* The loss and its gradient, from logits in memory: they are read once. */
static void cross_entropy_is_one_pass(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *m = module_new(arena, "classifier");
    Graph *g = graph_new(arena, "train", ROWS);
    vec_push(arena, m->entries, g);
    Node *logits = dense(m, g, matrix_input(m, g, "x", ROWS, 3), "a", COLUMNS);
    graph_output(g, OUT_OUTPUT, "logits", logits, -1);
    row_loss(g, cross_entropy(g, logits, label_input(m, g, ROWS, COLUMNS)));
    const EntryPlan *plan = plan_of(m)->entries.at[0];
    const Kernel *k = plan->kernels.at[step_of_loss(plan)];
    /* logits, label -> loss, d_logits, gradient of the bias */
    const int64_t bytes = 2 * FULL + 4 * ROWS + 4 + VECTOR;
    if (count_rows_kernels(plan) != 1 || moved(k) != bytes) {
        show(plan->plan);
        fail_msg("expected one kernel of rows that moves %d bytes, not %d", (int)bytes,
                 (int)moved(k));
    }
    arena_free(arena);
}

/* ---- a table of words that is the head's matrix too ---- */

enum { WORDS = 272, WIDTH = 256, TOKENS = 128 };

/* Rows of the table lie as they are looked up; the head turns panels of it, and the gradient of the
 * looked-up rows is added to the head's: nothing is copied, no table of zeros is made. */
static void tied_table_is_neither_copied_nor_cleared(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Module *m = module_new(arena, "tied");
    Graph *g = graph_new(arena, "train", TOKENS);
    vec_push(arena, m->entries, g);
    const Attr limit = attr_int(WORDS);
    Node *label = label_input(m, g, TOKENS, WORDS);
    Node *table = param_node(m, g, "table", f32_type(2, (int64_t[]){WORDS, WIDTH}));
    Node *word = make(g, OP_checked, 1, &label, &limit);
    Node *x = make(g, OP_gather, 2, (Node *[]){table, word}, NULL);
    Node *logits = build_contract(g, gelu(m, g, x), (int64_t[]){0, 2}, table, (int64_t[]){1, 2},
                                  (int64_t[]){0, 1}, 2);
    graph_output(g, OUT_OUTPUT, "logits", logits, -1);
    row_loss(g, cross_entropy(g, logits, label));
    const EntryPlan *plan = plan_of(m)->entries.at[0];
    int panels = 0, onto = 0;
    for (int i = 0; i < plan->kernels.count; i++) {
        const Kernel *k = plan->kernels.at[i];
        panels += k->panel != NULL;
        onto += k->kind == KERNEL_SCATTER && k->onto;
    }
    if (count_kind(plan, KERNEL_COPY) || panels != 1 || onto != 1
        || plan->plan->params[0].stride[1] != 1) {
        show(plan->plan);
        fail_msg("expected no copy, one product of panels and one scatter onto its gradient, not "
                 "%d, %d and %d", count_kind(plan, KERNEL_COPY), panels, onto);
    }
    arena_free(arena);
}

/* ---- the gradient of a wide matrix ---- */

static int panels_of(int rows, int columns)
{
    Arena *arena = arena_new();
    Module *m = module_new(arena, "wide");
    Graph *g = graph_new(arena, "train", 256);
    vec_push(arena, m->entries, g);
    Node *logits = dense(m, g, matrix_input(m, g, "x", 256, rows), "a", columns);
    row_loss(g, cross_entropy(g, logits, label_input(m, g, 256, columns)));
    const EntryPlan *plan = plan_of(m)->entries.at[0];
    int panels = 0;
    for (int i = 0; i < plan->kernels.count; i++) panels += plan->kernels.at[i]->panel != NULL;
    arena_free(arena);
    return panels;
}

/* What many rows pass is moved together, panel by panel: not what few rows pass, nor what is hardly
 * more than a panel. */
static void what_many_rows_pass_is_moved_together(void **state)
{
    (void)state;
    assert_int_equal(panels_of(512, 192), 1);
    assert_int_equal(panels_of(256, 192), 0);
    assert_int_equal(panels_of(512, 128), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_many_rows_pass_is_moved_together),
        cmocka_unit_test(alone_each_is_one_pass),
        cmocka_unit_test(between_layers_each_is_one_pass),
        cmocka_unit_test(gradients_of_weights_come_at_once),
        cmocka_unit_test(one_row_is_one_pass),
        cmocka_unit_test(statistics_of_channels_run_in_lanes),
        cmocka_unit_test(statistics_come_with_their_convolution),
        cmocka_unit_test(pooling_back_is_one_pass),
        cmocka_unit_test(attention_is_halved_by_its_mask),
        cmocka_unit_test(long_attention_goes_sample_by_sample),
        cmocka_unit_test(cross_entropy_is_one_pass),
        cmocka_unit_test(tied_table_is_neither_copied_nor_cleared),
    };
    return cmocka_run_group_tests_name("fusion", tests, NULL, NULL);
}
