/* Optimisers against PyTorch's formulas in double and against its own results, schedules, clipping,
 * the random generator, and batches. */
#include "runtime_files.h"

#include <math.h>

#include "nn_batch.h"
#include "nn_optimizer.h"
#include "nn_random.h"
#include "nn_safetensors.h"
#include "runtime_model.h"

enum { COUNT = 37, STEPS = 12 };         /* not a multiple of any vector */

static double random_unit(uint64_t i) {
    return (double)(nn_random(11, NN_STREAM_USER, i) >> 11) * 0x1p-52 - 1;
}

/* torch.optim's documentation, written plainly, in double. */
static void reference(const nn_optimizer *o, int step, double *w, double g, double *m, double *v) {
    double rate = o->lr.peak;
    if (o->kind == NN_ADAMW) *w -= rate * o->weight_decay * *w;
    else g += o->weight_decay * *w;
    if (o->kind == NN_SGD) {
        if (o->momentum != 0) {
            *m = step ? o->momentum * *m + g : g;
            g = o->nesterov ? g + o->momentum * *m : *m;
        }
        *w -= rate * g;
        return;
    }
    *m = o->beta1 * *m + (1 - o->beta1) * g;
    *v = o->beta2 * *v + (1 - o->beta2) * g * g;
    *w -= rate * (*m / (1 - pow(o->beta1, step + 1))) /
          (sqrt(*v / (1 - pow(o->beta2, step + 1))) + o->eps);
}

static void follow(const nn_optimizer *o) {
    float w[COUNT], g[COUNT], m[COUNT] = { 0 }, v[COUNT] = { 0 };
    float *const moments[] = { m, v };
    double rw[COUNT], rm[COUNT] = { 0 }, rv[COUNT] = { 0 };
    const nn_span span = { 0, COUNT, 1 };
    for (int i = 0; i < COUNT; i++) rw[i] = w[i] = (float)random_unit((uint64_t)i);
    w[COUNT - 1] = 0;
    rw[COUNT - 1] = 0;
    for (int s = 0; s < STEPS; s++) {
        for (int i = 0; i < COUNT; i++) {
            g[i] = i == COUNT - 1 ? 0 : (float)random_unit((uint64_t)(1000 + s * COUNT + i));
            reference(o, s, &rw[i], (double)g[i], &rm[i], &rv[i]);
        }
        nn_optimizer_step(o, &span, 1, s, nn_schedule_rate(&o->lr, s, STEPS), w, g, moments);
    }
    for (int i = 0; i < COUNT; i++) assert_true(fabs(rw[i] - (double)w[i]) < 2e-6);
    assert_true(w[COUNT - 1] == 0);              /* padding stays */
}

static void formulas(void **state) {
    static const nn_optimizer all[] = {
        { NN_SGD, { NN_CONSTANT, 0.1, 0, 0, 0, 0 }, 0, 0, 0, 0, 0, 0 },
        { NN_SGD, { NN_CONSTANT, 0.1, 0, 0, 0, 0 }, 0, 0, 0, 0, 0, 0.1 },
        { NN_SGD, { NN_CONSTANT, 0.1, 0, 0, 0, 0 }, 0.9, 0, 0, 0, 0, 0.1 },
        { NN_SGD, { NN_CONSTANT, 0.1, 0, 0, 0, 0 }, 0.9, 1, 0, 0, 0, 0.1 },
        { NN_ADAM, { NN_CONSTANT, 0.01, 0, 0, 0, 0 }, 0, 0, 0.9, 0.999, 1e-8, 0 },
        { NN_ADAM, { NN_CONSTANT, 0.01, 0, 0, 0, 0 }, 0, 0, 0.8, 0.99, 1e-4, 0.2 },
        { NN_ADAMW, { NN_CONSTANT, 0.01, 0, 0, 0, 0 }, 0, 0, 0.9, 0.999, 1e-8, 0.2 },
    };
    (void)state;
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) follow(&all[i]);
}

/* --- PyTorch's own three steps on the digit classifier (goldens) --- */

enum { ROWS = 128, IN = 784, HIDDEN = 128, OUT = 10 };
enum { W1 = 0, B1 = W1 + HIDDEN * IN, W2 = B1 + HIDDEN, B2 = W2 + OUT * HIDDEN, ALL = B2 + OUT };

static const struct {
    const char *name;
    int offset;
} mlp[] = { { "fc1.weight", W1 }, { "fc1.bias", B1 }, { "fc2.weight", W2 }, { "fc2.bias", B2 } };

/* Gradient of the mean cross entropy of one row, added to g: plain loops in double. */
static void mlp_row(const float *p, const float *x, int label, double *g) {
    double hidden[HIDDEN], logits[OUT], sum = 0, back;
    for (int h = 0; h < HIDDEN; h++) {
        hidden[h] = p[B1 + h];
        for (int i = 0; i < IN; i++) hidden[h] += (double)p[W1 + h * IN + i] * (double)x[i];
        if (hidden[h] < 0) hidden[h] = 0;
    }
    for (int o = 0; o < OUT; o++) {
        logits[o] = p[B2 + o];
        for (int h = 0; h < HIDDEN; h++) logits[o] += (double)p[W2 + o * HIDDEN + h] * hidden[h];
        sum += exp(logits[o]);
    }
    for (int o = 0; o < OUT; o++) {
        logits[o] = (exp(logits[o]) / sum - (o == label)) / ROWS;
        g[B2 + o] += logits[o];
        for (int h = 0; h < HIDDEN; h++) g[W2 + o * HIDDEN + h] += logits[o] * hidden[h];
    }
    for (int h = 0; h < HIDDEN; h++) {
        if (hidden[h] <= 0) continue;
        back = 0;
        for (int o = 0; o < OUT; o++) back += logits[o] * (double)p[W2 + o * HIDDEN + h];
        g[B1 + h] += back;
        for (int i = 0; i < IN; i++) g[W1 + h * IN + i] += back * (double)x[i];
    }
}

/* Copies the golden tensors "kind/fc1.weight", ... behind each other. */
static void take_golden(const nn_safetensors *file, const char *kind, float *out) {
    for (int i = 0; i < 4; i++) {
        char name[64];
        const nn_stored *tensor;
        snprintf(name, sizeof name, "%s/%s", kind, mlp[i].name);
        assert_non_null(tensor = nn_safetensors_find(file, name));
        nn_stored_floats(tensor, out + mlp[i].offset);
    }
}

typedef struct Golden {
    float params[ALL], grads[ALL], after[ALL], first[ALL], second[ALL];
    float images[ROWS * IN], labels[ROWS];
    double exact[ALL];
} Golden;

static void golden_step(Golden *g, int step) {
    const nn_optimizer adam = { NN_ADAM, { NN_CONSTANT, 1e-3, 0, 0, 0, 0 }, 0, 0,
                                0.9, 0.999, 1e-8, 0 };
    const nn_span span = { 0, ALL, 0 };
    float *const moments[] = { g->first, g->second };
    float now[ALL];
    memset(g->exact, 0, sizeof g->exact);
    for (int r = 0; r < ROWS; r++)
        mlp_row(g->params, g->images + r * IN, (int)g->labels[r], g->exact);
    for (int i = 0; i < ALL; i++) now[i] = (float)g->exact[i];
    if (step == 0)
        for (int i = 0; i < ALL; i++) assert_true(fabsf(now[i] - g->grads[i]) < 1e-6f);
    nn_optimizer_step(&adam, &span, 1, step, 1e-3, g->params, now, moments);
}

/* Elements whose gradient is below 1e-6 are noise that Adam turns into whole steps. */
static void three_steps_of_pytorch(void **state) {
    const char *path = "../shared/goldens/mnist_mlp.safetensors";
    Golden *g = calloc(1, sizeof *g);
    nn_safetensors file;
    int compared = 0;
    (void)state;
    assert_non_null(g);
    if (!file_exists(path)) {
        free(g);
        print_message("skipped: %s is not there\n", path);
        skip();
    }
    assert_int_equal(nn_safetensors_read(path, &file, NULL), NN_OK);
    take_golden(&file, "param", g->params);
    take_golden(&file, "grad", g->grads);
    take_golden(&file, "adam3", g->after);
    nn_stored_floats(nn_safetensors_find(&file, "input/image"), g->images);
    nn_stored_floats(nn_safetensors_find(&file, "target/label"), g->labels);
    nn_safetensors_free(&file);
    for (int s = 0; s < 3; s++) golden_step(g, s);
    for (int i = 0; i < ALL; i++) {
        if (fabsf(g->grads[i]) < 1e-6f) continue;
        compared++;
        assert_true(fabsf(g->params[i] - g->after[i]) < 1e-5f);
    }
    assert_true(compared > ALL / 2);
    free(g);
}

static void schedules(void **state) {
    const nn_schedule stepwise = { NN_STEPWISE, 0.8, 0, 10, 0.5, 0 };
    const nn_schedule cosine = { NN_COSINE, 0.8, 4, 0, 0, 0 };
    (void)state;
    assert_true(nn_schedule_rate(&stepwise, 9, 100) == 0.8);
    assert_true(nn_schedule_rate(&stepwise, 20, 100) == 0.2);
    assert_true(nn_schedule_rate(&cosine, 0, 104) == 0.2);
    assert_true(nn_schedule_rate(&cosine, 3, 104) == 0.8);
    assert_true(nn_schedule_rate(&cosine, 4, 104) == 0.8);
    assert_true(fabs(nn_schedule_rate(&cosine, 54, 104) - 0.4) < 1e-12);
    assert_true(nn_schedule_rate(&cosine, 104, 104) == 0);
}

static void spans_merge_around_what_is_frozen(void **state) {
    const nn_optimizer decay = { NN_ADAMW, { NN_CONSTANT, 1, 0, 0, 0, 0 }, 0, 0, 0.9, 0.9, 1, 0.1 };
    const nn_optimizer plain = { NN_ADAM, { NN_CONSTANT, 1, 0, 0, 0, 0 }, 0, 0, 0.9, 0.9, 1, 0 };
    nn_tensor tensors[4];
    nn_model model = toy_model;
    nn_span *spans;
    int count;
    (void)state;
    memcpy(tensors, toy_params, sizeof toy_params);
    tensors[3] = toy_params[1];
    tensors[3].offset = 48;
    model.params = tensors;
    model.param_count = 4;
    assert_int_equal(nn_optimizer_spans(&plain, &model, &spans, &count, NULL), NN_OK);
    assert_int_equal(count, 2);
    assert_true(spans[0].offset == 0 && spans[0].floats == 32);
    assert_true(spans[1].offset == 48 && spans[1].floats == 16);
    free(spans);
    assert_int_equal(nn_optimizer_spans(&decay, &model, &spans, &count, NULL), NN_OK);
    assert_int_equal(count, 3);
    assert_true(spans[0].decay && !spans[1].decay && !spans[2].decay);
    free(spans);
}

static void clipping(void **state) {
    const nn_span spans[] = { { 0, 9, 0 }, { 12, 1, 0 } };
    float g[13];
    (void)state;
    for (int i = 0; i < 13; i++) g[i] = 2;
    assert_true(fabs(nn_gradient_norm(g, spans, 2) - sqrt(40.0)) < 1e-12);
    assert_true(fabs(nn_clip_norm(g, spans, 2, 100) - sqrt(40.0)) < 1e-12);
    assert_true(g[0] == 2);
    nn_clip_norm(g, spans, 2, 1);
    assert_true(fabs(nn_gradient_norm(g, spans, 2) - 1) < 1e-6);
    assert_true(g[10] == 2);                     /* outside the spans */
}

/* The published test vectors of Random123 for philox2x64-10. */
static void philox_is_philox(void **state) {
    (void)state;
    assert_true(nn_random(0, 0, 0) == 0xca00a0459843d731u);
    assert_true(nn_random(~(uint64_t)0, ~(uint64_t)0, ~(uint64_t)0) == 0x65b021d60cd8310fu);
    assert_true(nn_random(0xa4093822299f31d0u, 0x13198a2e03707344u, 0x243f6a8885a308d3u) ==
                0x0a5e742c2997341cu);
}

static void shuffling_is_a_fair_permutation(void **state) {
    enum { N = 5, TRIES = 20000 };
    int at[N][N] = { { 0 } };
    int64_t order[N], again[N];
    (void)state;
    for (uint64_t e = 0; e < TRIES; e++) {
        int sum = 0;
        nn_shuffle(order, N, 3, NN_STREAM_SHUFFLE, e);
        for (int i = 0; i < N; i++) {
            at[i][order[i]]++;
            sum |= 1 << order[i];
        }
        assert_int_equal(sum, 31);
    }
    for (int i = 0; i < N; i++)
        for (int j = 0; j < N; j++) assert_in_range(at[i][j], TRIES / N - 300, TRIES / N + 300);
    nn_shuffle(again, N, 3, NN_STREAM_SHUFFLE, TRIES - 1);
    assert_memory_equal(order, again, sizeof order);
}

/* --- batches --- */

enum { SAMPLES = 21 };

static nn_data *numbered(void) {
    static const int64_t three[] = { 3 };
    nn_data *data = nn_data_new(SAMPLES, 2, NULL);
    nn_column *x = nn_data_add(data, "x", NN_U8, 1, three, NULL, NULL);
    nn_column *y = nn_data_add(data, "y", NN_I32, 0, NULL, NULL, NULL);
    const float center[] = { 1, 2, 3 }, scale[] = { 0.5f, 0.25f, 2 };
    for (int i = 0; i < SAMPLES; i++) {
        for (int j = 0; j < 3; j++)
            ((unsigned char *)x->values)[3 * i + j] = (unsigned char)(i + 70 * j);
        ((int32_t *)y->values)[i] = i;
    }
    assert_int_equal(nn_column_map(x, 3, center, scale, NULL), NN_OK);
    return data;
}

/* Each epoch holds each sample once; the last batch is short; rows agree with nn_column_value. */
static void batches_cover_the_data(void **state) {
    nn_data *data = numbered();
    nn_batches *batches;
    int seen[SAMPLES] = { 0 };
    (void)state;
    assert_int_equal(nn_batches_open(&batches, data, &toy_entries[0],
                                     NN_BATCH_SHUFFLE | NN_BATCH_PREFETCH, 5, 0, NULL), NN_OK);
    for (int k = 0; k < 6; k++) {
        const nn_batch *b = nn_batches_next(batches);
        const float *x = b->inputs[0], *y = b->inputs[1];
        assert_int_equal(b->epoch, k / 3);
        assert_int_equal(b->count, k % 3 == 2 ? 5 : 8);
        for (int r = 0; r < b->count; r++) {
            int64_t sample = nn_batches_sample(batches, r);
            assert_true(y[r] == (float)sample);
            seen[sample]++;
            for (int j = 0; j < 3; j++)
                assert_true((double)x[3 * r + j] ==
                            nn_column_value(&data->table->columns[0], sample, j));
        }
    }
    for (int i = 0; i < SAMPLES; i++) assert_int_equal(seen[i], 2);
    nn_batches_close(batches);
    nn_data_free(data);
}

/* A stream opened at number k gives what the stream from the start gives there, prefetched or
 * not. */
static void a_stream_may_start_anywhere(void **state) {
    nn_data *data = numbered();
    nn_batches *whole, *part;
    (void)state;
    assert_int_equal(nn_batches_open(&whole, data, &toy_entries[0], NN_BATCH_SHUFFLE, 5, 0, NULL),
                     NN_OK);
    for (int k = 0; k < 10; k++) {
        const nn_batch *a = nn_batches_next(whole), *b;
        assert_int_equal(nn_batches_open(&part, data, &toy_entries[0],
                                         NN_BATCH_SHUFFLE | (k % 2 ? NN_BATCH_PREFETCH : 0), 5, k,
                                         NULL), NN_OK);
        b = nn_batches_next(part);
        assert_true(a->count == b->count && a->epoch == b->epoch && a->index == b->index);
        assert_memory_equal(a->inputs[0], b->inputs[0], 12 * (size_t)a->count);
        assert_memory_equal(a->inputs[1], b->inputs[1], 4 * (size_t)a->count);
        nn_batches_close(part);
    }
    nn_batches_close(whole);
    nn_data_free(data);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(formulas),
        cmocka_unit_test(three_steps_of_pytorch),
        cmocka_unit_test(schedules),
        cmocka_unit_test(spans_merge_around_what_is_frozen),
        cmocka_unit_test(clipping),
        cmocka_unit_test(philox_is_philox),
        cmocka_unit_test(shuffling_is_a_fair_permutation),
        cmocka_unit_test(batches_cover_the_data),
        cmocka_unit_test(a_stream_may_start_anywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
