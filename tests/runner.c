/* Runs generated code as badly as its interface allows: buffers aligned for float alone, between
 * guards; every byte that the code must not read a NaN, and on a second run another garbage; the
 * answers must have the same bits. Linked with generated files; see runner.h.
 *     runner REQUEST ANSWER */
#include "runner.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn_optimizer.h"

enum { GUARD = 64, MAX_BUFFERS = 32 }; /* bytes on either side of a buffer */

typedef struct Buffer {
    unsigned char *base, *at;
    size_t size;
} Buffer;

static void stop(const char *text)
{
    fprintf(stderr, "runner: %s\n", text);
    exit(2);
}

/* ---- memory: released with the run ---- */

typedef struct Chunk {
    struct Chunk *before;
    void *at;
} Chunk;

static void *take(Chunk **chunks, size_t size)
{
    Chunk *c = malloc(sizeof *c);
    void *at = calloc(size + 1, 1);
    if (!c || !at) stop("out of memory");
    *c = (Chunk){*chunks, at};
    *chunks = c;
    return at;
}

static void release(Chunk *c)
{
    while (c) {
        Chunk *before = c->before;
        free(c->at);
        free(c);
        c = before;
    }
}

/* ---- buffers ---- */

static Buffer buffer_new(Chunk **chunks, size_t size, int garbage)
{
    Buffer b = {.size = size};
    const size_t shift = garbage == 0xff ? 4 : 12; /* never aligned for more than float */
    b.base = take(chunks, size + 2 * GUARD + 16);
    memset(b.base, garbage, size + 2 * GUARD + 16);
    b.at = b.base + GUARD + shift;
    return b;
}

static int buffer_intact(const Buffer *b, int garbage)
{
    for (unsigned char *c = b->base; c < b->at; c++)
        if (*c != garbage) return 0;
    for (unsigned char *c = b->at + b->size; c < b->base + b->size + 2 * GUARD + 16; c++)
        if (*c != garbage) return 0;
    return 1;
}

/* ---- files ---- */

static void get(FILE *in, void *to, size_t size)
{
    if (size && fread(to, 1, size, in) != size) stop("the request ends early");
}

static void put(FILE *out, const void *from, size_t size)
{
    if (size && fwrite(from, 1, size, out) != size) stop("cannot write the answer");
}

/* ---- sizes ---- */

static size_t elements(int rank, const int64_t *dims)
{
    size_t n = 1;
    for (int i = 0; i < rank; i++) n *= (size_t)dims[i];
    return n;
}

static size_t io_bytes(const nn_io *io)
{
    return elements(io->rank, io->dims) * (io->dtype == NN_U8 ? 1 : 4);
}

static size_t tensor_elements(const nn_tensor *t) { return elements(t->rank, t->dims); }

/* ---- one run ---- */

typedef struct Run {
    RunHead head;
    const nn_model *model;
    const nn_entry *entry;
    float **params, **states; /* logical, as the request gave them */
    unsigned char **inputs, *sessions;
    int garbage;
    Chunk *chunks;
    Buffer param, state, session, grad, loss, metric, work, in[MAX_BUFFERS], out[MAX_BUFFERS];
} Run;

static float *read_floats(FILE *in, Chunk **chunks, size_t count)
{
    float *at = take(chunks, count * sizeof *at);
    get(in, at, count * sizeof *at);
    return at;
}

static void read_run(FILE *in, Run *r)
{
    get(in, &r->head, sizeof r->head);
    r->model = run_models[r->head.model].model;
    r->entry = &r->model->entries[r->head.entry];
    r->params = take(&r->chunks, (size_t)r->model->param_count * sizeof *r->params);
    r->states = take(&r->chunks, (size_t)r->model->state_count * sizeof *r->states);
    r->inputs = take(&r->chunks, (size_t)r->entry->input_count * sizeof *r->inputs);
    for (int i = 0; i < r->model->param_count; i++)
        r->params[i] = read_floats(in, &r->chunks, tensor_elements(&r->model->params[i]));
    for (int i = 0; i < r->model->state_count; i++)
        r->states[i] = read_floats(in, &r->chunks, tensor_elements(&r->model->states[i]));
    r->sessions = take(&r->chunks, r->model->session_bytes);
    get(in, r->sessions, r->model->session_bytes);
    for (int i = 0; i < r->entry->input_count; i++) {
        r->inputs[i] = take(&r->chunks, io_bytes(&r->entry->inputs[i]));
        get(in, r->inputs[i], io_bytes(&r->entry->inputs[i]));
    }
}

static void each_place(const nn_tensor *t, float *stored, float *logical, int store)
{
    const size_t n = tensor_elements(t);
    for (size_t e = 0; e < n; e++) {
        int64_t at = t->offset, rest = (int64_t)e;
        for (int axis = t->rank - 1; axis >= 0; axis--) {
            at += rest % t->dims[axis] * t->stride[axis];
            rest /= t->dims[axis];
        }
        if (store) stored[at] = logical[e];
        else logical[e] = stored[at];
    }
}

static void fill_params(Run *r)
{
    const nn_model *m = r->model;
    float *params = (float *)(void *)r->param.at, *states = (float *)(void *)r->state.at;
    memset(params, 0, r->param.size);
    memset(states, 0, r->state.size);
    for (int i = 0; i < m->param_count; i++)
        if (m->set(params, i, r->params[i], tensor_elements(&m->params[i])) != NN_OK)
            stop("set refuses a parameter");
    for (int i = 0; i < m->state_count; i++) each_place(&m->states[i], states, r->states[i], 1);
}

static void open_buffers(Run *r, int garbage)
{
    const nn_model *m = r->model;
    const nn_entry *e = r->entry;
    if (e->input_count > MAX_BUFFERS || e->output_count > MAX_BUFFERS) stop("too many buffers");
    r->garbage = garbage;
    r->param = buffer_new(&r->chunks, (size_t)m->param_floats * 4, garbage);
    r->state = buffer_new(&r->chunks, (size_t)m->state_floats * 4, garbage);
    r->session = buffer_new(&r->chunks, m->session_bytes, garbage);
    memcpy(r->session.at, r->sessions, m->session_bytes);
    r->grad = buffer_new(&r->chunks, (size_t)m->param_floats * 4, garbage);
    r->loss = buffer_new(&r->chunks, 8, garbage);
    r->metric = buffer_new(&r->chunks, (size_t)e->metric_count * 8, garbage);
    r->work = buffer_new(&r->chunks, e->workspace_bytes, garbage);
    for (int i = 0; i < e->input_count; i++) {
        r->in[i] = buffer_new(&r->chunks, io_bytes(&e->inputs[i]), garbage);
        memcpy(r->in[i].at, r->inputs[i], r->in[i].size);
    }
    for (int i = 0; i < e->output_count; i++)
        r->out[i] = buffer_new(&r->chunks, io_bytes(&e->outputs[i]), garbage);
    fill_params(r);
}

static int call(Run *r, int with_outputs)
{
    const void *in[MAX_BUFFERS];
    void *out[MAX_BUFFERS];
    for (int i = 0; i < r->entry->input_count; i++) in[i] = r->in[i].at;
    for (int i = 0; i < r->entry->output_count; i++) out[i] = with_outputs ? r->out[i].at : NULL;
    nn_call c = {0};
    c.params = (float *)(void *)r->param.at;
    c.states = (float *)(void *)r->state.at;
    c.sessions = r->session.at;
    c.inputs = in;
    c.outputs = out;
    c.count = r->head.count;
    c.grads = (float *)(void *)r->grad.at;
    c.loss = (float *)(void *)r->loss.at;
    c.metrics = (float *)(void *)r->metric.at;
    c.workspace = r->work.at;
    c.context = r->entry->context;
    return r->entry->call(&c);
}

/* ---- faults ---- */

static int overrun(const Run *r)
{
    const Buffer *all[] = {&r->param, &r->state,  &r->session, &r->grad,
                           &r->loss,  &r->metric, &r->work};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (!buffer_intact(all[i], r->garbage)) return FAULT_OVERRUN;
    for (int i = 0; i < r->entry->input_count; i++)
        if (!buffer_intact(&r->in[i], r->garbage)) return FAULT_OVERRUN;
    for (int i = 0; i < r->entry->output_count; i++)
        if (!buffer_intact(&r->out[i], r->garbage)) return FAULT_OVERRUN;
    return 0;
}

static int inputs_changed(const Run *r)
{
    for (int i = 0; i < r->entry->input_count; i++)
        if (memcmp(r->in[i].at, r->inputs[i], r->in[i].size) != 0) return FAULT_CONSTANT;
    return 0;
}

/* What lies between the tensors of a parameter array. */
static int padding_is_zero(Run *r, const Buffer *array)
{
    const nn_model *m = r->model;
    const float *at = (const float *)(const void *)array->at;
    unsigned char *used = take(&r->chunks, (size_t)m->param_floats);
    int zero = 1;
    for (int i = 0; i < m->param_count; i++) {
        const nn_tensor *t = &m->params[i];
        const size_t n = tensor_elements(t);
        for (size_t e = 0; e < n; e++) {
            int64_t place = t->offset, rest = (int64_t)e;
            for (int axis = t->rank - 1; axis >= 0; axis--) {
                place += rest % t->dims[axis] * t->stride[axis];
                rest /= t->dims[axis];
            }
            used[place] = 1;
        }
    }
    for (int64_t i = 0; i < m->param_floats; i++) zero &= used[i] || at[i] == 0.0f;
    return zero;
}

static int writes_gradients(const Run *r)
{
    for (size_t i = 0; i < r->grad.size; i++)
        if (r->grad.at[i] != r->garbage) return 1;
    return 0;
}

/* Valid rows of an output. */
static size_t valid_bytes(const Run *r, int i)
{
    const nn_io *io = &r->entry->outputs[i];
    const size_t bytes = io_bytes(io);
    return io->batched ? bytes / (size_t)r->entry->batch * (size_t)r->head.count : bytes;
}

static int same_bits(const Run *a, const Run *b, int with_outputs)
{
    int same = 1;
    for (int i = 0; with_outputs && i < a->entry->output_count; i++)
        same &= !memcmp(a->out[i].at, b->out[i].at, valid_bytes(a, i));
    if (writes_gradients(a)) same &= !memcmp(a->grad.at, b->grad.at, a->grad.size);
    same &= !memcmp(a->state.at, b->state.at, a->state.size);
    for (size_t i = 0; i < 8 && same; i += 4) /* one float or two */
        if (a->loss.at[i + 3] != 0xff) same &= !memcmp(a->loss.at + i, b->loss.at + i, 4);
    return same && (a->metric.size == 0 || !memcmp(a->metric.at, b->metric.at, a->metric.size));
}

/* ---- optimisers ---- */

static int step_by_runtime(Run *r, const nn_span *spans, int count, int64_t step, float **moments)
{
    const nn_optimizer adam = {.kind = NN_ADAM, .beta1 = 0.9, .beta2 = 0.999, .eps = 1e-8};
    nn_optimizer_step(&adam, spans, count, step, 1e-3, (float *)(void *)r->param.at,
                      (const float *)(const void *)r->grad.at, moments);
    return NN_OK;
}

/* Training steps on one batch; stops at the first that fails. */
static int train(Run *r)
{
    const size_t bytes = (size_t)r->model->param_floats * sizeof(float);
    float *moments[] = {take(&r->chunks, bytes), take(&r->chunks, bytes)};
    const nn_optimizer adam = {.kind = NN_ADAM};
    nn_span *spans = NULL;
    nn_error error = {0};
    int count = 0, status = NN_OK;
    if (nn_optimizer_spans(&adam, r->model, &spans, &count, &error) != 0) stop("no spans");
    for (int i = 0; i < r->head.steps && status == NN_OK; i++) {
        status = call(r, 1);
        if (status == NN_OK && r->head.kind == RUN_STEP)
            status = run_models[r->head.model].step((float *)(void *)r->param.at,
                                                    (const float *)(const void *)r->grad.at,
                                                    moments[0], moments[1], i + 1, 1e-3f);
        else if (status == NN_OK) status = step_by_runtime(r, spans, count, i, moments);
    }
    free(spans);
    return status;
}

/* ---- the answer ---- */

static void put_tensors(FILE *out, Run *r, const nn_tensor *tensors, int count, const Buffer *array)
{
    for (int i = 0; i < count; i++) {
        const size_t n = tensor_elements(&tensors[i]);
        float *logical = take(&r->chunks, n * sizeof *logical);
        each_place(&tensors[i], (float *)(void *)array->at, logical, 0);
        put(out, logical, n * sizeof *logical);
    }
}

static void put_answer(FILE *out, Run *r, AnswerHead head)
{
    put(out, &head, sizeof head);
    if (head.status != NN_OK) return;
    for (int i = 0; i < r->entry->output_count; i++) put(out, r->out[i].at, r->out[i].size);
    put(out, r->loss.at, 8);
    put(out, r->metric.at, r->metric.size);
    put_tensors(out, r, r->model->params, r->model->param_count, &r->grad);
    put_tensors(out, r, r->model->states, r->model->state_count, &r->state);
    put(out, r->session.at, r->session.size); /* its tensors, as they are */
    put_tensors(out, r, r->model->params, r->model->param_count, &r->param);
}

static int second_run(Run *r, Run *again)
{
    int faults = 0;
    open_buffers(again, 0x5a);
    if (memcmp(r->param.at, again->param.at, r->param.size) != 0) faults |= FAULT_CONSTANT;
    if (call(again, 1) != NN_OK || !same_bits(r, again, 1)) faults |= FAULT_DIFFERS;
    if (writes_gradients(r) && !padding_is_zero(r, &r->grad)) faults |= FAULT_PADDING;
    return faults | overrun(again);
}

static int without_outputs(const Run *r, Run *bare)
{
    open_buffers(bare, 0xff);
    if (call(bare, 0) != NN_OK || !same_bits(r, bare, 0)) return FAULT_OMITTED;
    return overrun(bare);
}

static AnswerHead run_entry(Run *r)
{
    Run again = *r, bare = *r;
    AnswerHead head = {call(r, 1), 0};
    again.chunks = bare.chunks = NULL;
    if (head.status == NN_OK) head.faults |= second_run(r, &again);
    if (head.status == NN_OK && r->head.may_omit) head.faults |= without_outputs(r, &bare);
    release(again.chunks);
    release(bare.chunks);
    return head;
}

int main(int argc, char **argv)
{
    int32_t count = 0;
    FILE *in = argc > 1 ? fopen(argv[1], "rb") : NULL,
         *out = argc > 2 ? fopen(argv[2], "wb") : NULL;
    if (!in || !out) stop("usage: runner REQUEST ANSWER");
    get(in, &count, sizeof count);
    for (int32_t i = 0; i < count; i++) {
        Run r = {0};
        read_run(in, &r);
        open_buffers(&r, 0xff);
        AnswerHead head = {0, 0};
        if (r.head.kind == RUN_ENTRY) head = run_entry(&r);
        else head.status = r.head.kind == RUN_PLAIN ? call(&r, 1) : train(&r);
        head.faults |= overrun(&r) | inputs_changed(&r);
        put_answer(out, &r, head);
        release(r.chunks);
    }
    fclose(in);
    return fclose(out) == 0 ? 0 : 2;
}
