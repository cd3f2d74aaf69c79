/* Every entry of a generated model that reads a prepared form against the entry that reads the
 * parameters: argv[1] is the largest difference allowed, relative to the largest element. Built
 * with -DMODEL=name and -DHEADER="name.h". Memory that nobody should read holds NaN, and what lies
 * behind buffers must not change. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include HEADER

#define JOIN2(a, b) a##b
#define JOIN(a, b) JOIN2(a, b)
#define THE_MODEL JOIN(MODEL, _model)

enum { CANARY = 64 };
static unsigned long long state = 1;

static float draw(float low, float high)
{
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    return low + (high - low) * (float)(state >> 40) / (float)(1 << 24);
}

static void fail(const char *what)
{
    printf("FAILED: %s\n", what);
    exit(1);
}

/* All bits set, which is NaN, and so is what lies behind. */
static void *room(size_t bytes)
{
    void *at = malloc(bytes + CANARY);
    if (!at) fail("out of memory");
    memset(at, 0xff, bytes + CANARY);
    return at;
}

static void check_room(const void *at, size_t bytes, const char *what)
{
    const unsigned char *end = (const unsigned char *)at + bytes;
    for (int i = 0; i < CANARY; i++)
        if (end[i] != 0xff) fail(what);
}

static size_t elements(const nn_io *io)
{
    size_t n = 1;
    for (int i = 0; i < io->rank; i++) n *= (size_t)io->dims[i];
    return n;
}

static void *random_input(const nn_io *io)
{
    float *real = (float *)room(4 * elements(io));
    int32_t *whole = (int32_t *)(void *)real;
    for (size_t i = 0; i < elements(io); i++) {
        const float limit = io->limit > 0 ? (float)io->limit : 3;
        if (io->dtype == NN_F32) real[i] = draw(-1, 1);
        else if (io->dtype == NN_I32) whole[i] = (int32_t)draw(0, limit);
        else ((unsigned char *)real)[i] = (unsigned char)draw(0, 255);
    }
    return real;
}

static void random_params(float *params)
{
    const nn_model *m = &THE_MODEL;
    for (int i = 0; i < m->param_count; i++) {
        size_t n = 1;
        for (int a = 0; a < m->params[i].rank; a++) n *= (size_t)m->params[i].dims[a];
        float *values = (float *)room(4 * n);
        m->get(params, i, values, n);
        for (size_t j = 0; j < n; j++) values[j] += draw(-0.1f, 0.1f);
        m->set(params, i, values, n);
        free(values);
    }
}

/* Means around 0, variances around 1. */
static void random_states(float *states)
{
    const nn_model *m = &THE_MODEL;
    for (int i = 0; i < m->state_count; i++) {
        const float middle = strstr(m->states[i].name, "mean") ? 0.0f : 1.0f;
        for (int64_t j = 0; j < m->states[i].floats; j++)
            states[m->states[i].offset + j] = draw(middle - 0.4f, middle + 0.4f);
    }
}

typedef struct Memory {
    float *params, *states;
} Memory;

static int run(const nn_entry *entry, const Memory *m, const void *const *inputs,
               void *const *outputs, int count)
{
    nn_call call;
    memset(&call, 0, sizeof call);
    call.params = m->params;
    call.states = m->states;
    call.inputs = inputs;
    call.outputs = outputs;
    call.count = count;
    call.workspace = room(entry->workspace_bytes);
    const int status = entry->call(&call);
    check_room(call.workspace, entry->workspace_bytes, "behind the workspace");
    free(call.workspace);
    return status;
}

static double compare(const float *got, const float *want, size_t n)
{
    double most = 0, largest = 0;
    for (size_t i = 0; i < n; i++) {
        const double d = fabs((double)got[i] - (double)want[i]);
        if (!(d <= most)) most = d;
        if (fabs((double)want[i]) > largest) largest = fabs((double)want[i]);
    }
    return largest > 0 ? most / largest : most;
}

enum { MOST = 8 };

/* plain(inputs) == prepared(prepare(), inputs), with all rows and with one less. */
static void check(const nn_entry *plain, const nn_entry *prepare, const nn_entry *prepared,
                  const Memory *m, double tolerance)
{
    const void *inputs[MOST];
    void *want[MOST], *got[MOST];
    const size_t floats = elements(&prepared->inputs[0]);
    void *form = room(4 * floats);
    if (elements(&prepare->outputs[0]) != floats) fail("two sizes of the prepared form");
    inputs[0] = form;
    for (int i = 0; i < plain->input_count; i++) inputs[i + 1] = random_input(&plain->inputs[i]);
    for (int i = 0; i < plain->output_count; i++) {
        want[i] = room(4 * elements(&plain->outputs[i]));
        got[i] = room(4 * elements(&plain->outputs[i]));
    }
    if (run(prepare, m, NULL, &form, 1)) fail("prepare");
    check_room(form, 4 * floats, "behind the prepared form");
    for (int count = (int)plain->batch; count > 0 && count >= (int)plain->batch - 1; count--) {
        if (run(plain, m, inputs + 1, want, count)) fail(plain->name);
        if (run(prepared, m, inputs, got, count)) fail(prepared->name);
        for (int i = 0; i < plain->output_count; i++) {
            const nn_io *io = &plain->outputs[i];
            const size_t n = elements(io) / (size_t)plain->batch * (size_t)count;
            const double e = io->dtype == NN_F32 ? compare((float *)got[i], (float *)want[i], n)
                                                 : memcmp(got[i], want[i], 4 * n) != 0;
            printf("%s, %d rows, %s: %.1e of %zu prepared floats\n", prepared->name, count,
                   io->name, e, floats);
            if (!(e <= tolerance)) fail("the prepared form gives another result");
        }
    }
    for (int i = 0; i <= plain->input_count; i++) free((void *)(uintptr_t)inputs[i]);
    for (int i = 0; i < plain->output_count; i++) free(want[i]), free(got[i]);
}

static const nn_entry *find(const char *name, size_t n)
{
    for (int i = 0; i < THE_MODEL.entry_count; i++)
        if (strlen(THE_MODEL.entries[i].name) == n && !memcmp(THE_MODEL.entries[i].name, name, n))
            return &THE_MODEL.entries[i];
    fail("an entry is not there");
    return NULL;
}

int main(int argc, char **argv)
{
    const nn_model *model = &THE_MODEL;
    Memory m;
    int forms = 0;
    m.params = (float *)calloc((size_t)model->param_floats + CANARY, sizeof(float));
    m.states = (float *)room(4 * (size_t)model->state_floats);
    if (argc != 2 || !m.params) return 2;
    model->init(m.params, 1);
    random_params(m.params);
    random_states(m.states);
    for (int i = 0; i < model->entry_count; i++) {
        const nn_entry *e = &model->entries[i];
        const size_t n = strlen(e->name), tail = strlen("_prepared");
        if (n <= tail || strcmp(e->name + n - tail, "_prepared") != 0) continue;
        check(find(e->name, n - tail), e - 1, e, &m, strtod(argv[1], NULL));
        forms++;
    }
    check_room(m.states, 4 * (size_t)model->state_floats, "behind the states");
    free(m.params);
    free(m.states);
    if (!forms) fail("there is no prepared form");
    return 0;
}
