/* Gradients of library blocks, of states and of scans: along one random direction of all parameters
 * together, the derivative that the backward pass gives equals the difference of two losses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>
#include <string.h>

#include "ast/parse.h"
#include "elaborate/elaborate.h"
#include "interp/interp.h"
#include "ops/random.h"
#include "passes/pass.h"

/* A scalar or a tensor of x [4, 3] (a parameter, some elements beyond the knees of clip and huber),
 * y and label. */
static const char *const expressions[] = {
    "leaky_relu(x)",
    "elu(x)",
    "selu(x)",
    "silu(x)",
    "mish(x)",
    "gelu(x)",
    "gelu(x, approximate = \"tanh\")",
    "hardswish(x)",
    "softsign(x)",
    "log_sigmoid(x)",
    "softmax(x)",
    "log_softmax(x, axis = 0)",
    "cosine_similarity(x, y)",
    "layer_norm(x)",
    "rms_norm(x)",
    "prelu(x)",
    "prelu(x, channels = true)",
    "cumsum(x, axis = 0)",
    "cumprod(x)",
    "cummax(x, reverse = true)",
    "top_k(x, 2)[0]",
    "clip(x, -1, 1)",
    "squared(x) ** 2",
    "cross_entropy(x, label)",
    "cross_entropy(x, label, weight = [1, 2, 4], label_smoothing = 0.1)",
    "cross_entropy(x, label, ignore_index = 1)",
    "soft_cross_entropy(x, softmax(y))",
    "binary_cross_entropy(x, y)",
    "binary_cross_entropy(x, y, pos_weight = 3)",
    "huber(x, y)",
    "mean_squared_error(x, y)",
    "hinge(x, y)",
    "dense(x, 5)",
    "embedding(label, 4, 3) * x",
    "variance(x, axis = 1, unbiased = true) ** 1.5",
    "logsumexp(x) + max(x, axis = 0) - min(x)",
    "flip(stack([x, y * x], axis = 1), 1)[:, 0, 1:]",
    "concat(chunk(x, 3, axis = 1), axis = 0)",
    "pad(x, [[1, 0], [0, 2]], value = 0.5) ** 2",
    "pad(x, [[1, 2], [0, 2]], mode = edge) ** 2",
    "pad(x, [[1, 3], [2, 0]], mode = reflect) ** 2",
    "transpose(x, 0, 1) @ x",
    "unsqueeze(x, 2) * unsqueeze(x, 1)",
    "upsample_bilinear2d(picture(x), 3)",
    "upsample_bilinear2d(picture(x), [2, 1])",
    "upsample_bilinear2d(picture(x), 0.75)",
    "upsample_bilinear2d(picture(x), size = 5, align_corners = true)",
    "upsample_linear1d(unsqueeze(x, 0), size = 4)",
    "upsample_nearest1d(unsqueeze(x, 0))",
    "adaptive_avg_pool2d(picture(x), [3, 2])",
    "adaptive_max_pool2d(picture(x), [3, 2])",
    "adaptive_avg_pool1d(unsqueeze(x, 0), 2)",
    "adaptive_max_pool1d(unsqueeze(x, 0), 2)",
    "separable_conv2d(picture(x), 2, [2, 3])",
    "conv_transpose1d(unsqueeze(x, 0), 2, 3, stride = 2, output_padding = 1)",
    "max_pool2d(picture(x), 2, stride = 2, padding = 1, ceil = true)",
    "avg_pool2d(picture(x), 2, ceil = true, count_include_pad = false)",
    "take(x, tensor_index) * 2",
    "x / (1 + abs(x)) + sqrt(squared(x) + 1)",
    "running(x)",
    "recurrent(unsqueeze(x, 0))",
};

static const char helpers[] =
    "block picture(x) { return reshape(x, [1, 1, 4, 3]); }\n"
    "block running(x) { state s: f32[3]; m = mean(x, axis = 0); s = 0.9 * s + 0.1 * "
    "stop_gradient(m); return x - m; }\n"
    "block recurrent(x) { param w: f32[3, 3] = uniform(-1, 1);\n"
    "    r = scan s in x along 1, reverse = true { carry h = zeros([1, 3]); h = tanh(s + h @ w); "
    "yield h; };\n"
    "    return concat([r, unsqueeze(r.h, 1)], axis = 1); }\n";

typedef struct Trial {
    Arena *arena;
    Module *module;
    const Graph *graph;
    Interp interp;
} Trial;

static double draw(int place)
{
    return (double)(random_bits(random_stream(9, 0), (uint64_t)place) >> 11) * 0x1p-53 * 2.0 - 1.0;
}

static Module *compile(Arena *arena, const char *expr)
{
    Diags *diags = diags_new(arena);
    Source *source = arena_make(arena, Source);
    source->path = "test.nn";
    source->text = arena_printf(
        arena,
        "%smodel m {\n    input u: f32[batch]; target y: f32[4, 3]; target label: i32[4];\n"
        "    param x: f32[4, 3] = zeros;\n    tensor_index = arange(3, 0, -1);\n"
        "    output o = u;\n    loss sum(squared(%s) * 0.1) + mean(u);\n}\n"
        "train m { batch = 1; }\n",
        helpers, expr);
    source->length = strlen(source->text);
    AstFile *file = ast_parse(arena, source, diags);
    Module *module = diags_errors(diags) ? NULL : elaborate(arena, file, NULL, diags);
    diags_print(diags, stderr);
    if (!module) fail_msg("%s does not compile", expr);
    const char *bug = passes_run(module, &(PassOptions){.verify = true});
    if (bug) fail_msg("%s: %s", expr, bug);
    return module;
}

static float **parameters(Arena *arena, const ParamList *list)
{
    float **values = arena_array(arena, float *, list->count + 1);
    for (int i = 0; i < list->count; i++) {
        const int64_t count = type_elements(list->at[i].type);
        values[i] = arena_array(arena, float, count);
        for (int64_t e = 0; e < count; e++) values[i][e] = (float)(1.7 * draw(100 * i + (int)e));
    }
    return values;
}

static void start(Trial *t, const char *expr)
{
    t->arena = arena_new();
    t->module = compile(t->arena, expr);
    t->graph = module_entry(t->module, "train");
    t->interp = (Interp){.module = t->module,
                         .params = parameters(t->arena, &t->module->params),
                         .states = parameters(t->arena, &t->module->states)};
}

static Tensor *inputs_of(Trial *t)
{
    static const int32_t labels[] = {2, 0, 1, 2};
    Tensor *inputs = arena_array(t->arena, Tensor, t->graph->inputs.count + 1);
    for (int i = 0; i < t->graph->inputs.count; i++) {
        inputs[i] = tensor_new(t->arena, t->graph->inputs.at[i]->type);
        for (int64_t e = 0; e < type_elements(inputs[i].type); e++)
            tensor_set(&inputs[i], e,
                       inputs[i].type.dtype == DT_I32 ? labels[e] : 0.5 + 0.5 * draw(900 + (int)e));
    }
    return inputs;
}

/* Moves the parameters by `distance` along the direction, in place. */
static void move(Trial *t, double distance)
{
    for (int i = 0; i < t->module->params.count; i++)
        for (int64_t e = 0; e < type_elements(t->module->params.at[i].type); e++)
            t->interp.params[i][e] += (float)(distance * draw(5000 + 100 * i + (int)e));
}

static double loss_of(Trial *t, Tensor *outputs)
{
    const char *failure = interp_run(&t->interp, t->arena, t->graph, inputs_of(t), 1, outputs);
    if (failure) fail_msg("%s", failure);
    for (int i = 0; i < t->graph->outputs.count; i++)
        if (t->graph->outputs.at[i].kind == OUT_LOSS) return tensor_get(&outputs[i], 0);
    return NAN;
}

static double slope_of(Trial *t, const Tensor *outputs)
{
    double slope = 0.0;
    for (int i = 0; i < t->graph->outputs.count; i++) {
        const Output *output = &t->graph->outputs.at[i];
        if (output->kind != OUT_GRAD) continue;
        for (int64_t e = 0; e < type_elements(outputs[i].type); e++)
            slope += tensor_get(&outputs[i], e) * draw(5000 + 100 * output->param + (int)e);
    }
    return slope;
}

static int check(const char *expr)
{
    const double step = 2e-3;
    Trial t;
    start(&t, expr);
    Tensor *outputs = arena_array(t.arena, Tensor, t.graph->outputs.count + 1);
    loss_of(&t, outputs);
    const double slope = slope_of(&t, outputs);
    move(&t, step);
    const double above = loss_of(&t, outputs);
    move(&t, -2.0 * step);
    const double difference = (above - loss_of(&t, outputs)) / (2.0 * step);
    const int wrong = !(fabs(slope - difference) <= 4e-3 * (0.1 + fabs(slope))) || slope == 0.0;
    if (wrong)
        fprintf(stderr, "%s: the gradient says %.6g, the losses %.6g\n", expr, slope, difference);
    arena_free(t.arena);
    return wrong;
}

static void gradients_are_slopes(void **state)
{
    (void)state;
    int wrong = 0;
    for (size_t i = 0; i < sizeof expressions / sizeof *expressions; i++)
        wrong += check(expressions[i]);
    assert_int_equal(wrong, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(gradients_are_slopes)};
    return cmocka_run_group_tests_name("gradients of the library", tests, NULL, NULL);
}
