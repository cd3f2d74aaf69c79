/* Runs every entry of two models, whole and in parts, on the same random numbers: all that they
 * write must be the same to the bit. The parts run on threads of ours, the last first, or on those
 * of OpenMP. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "parts.h"
#include "whole.h"

enum { THREADS = 16, BUFFERS = 16 };

/* ---- threads ---- */

typedef struct Job {
    const nn_task *task;
    int part;
} Job;

static int calls;

static void *run_job(void *data)
{
    const Job *job = data;
    job->task->run(job->task, job->part);
    return NULL;
}

static void parallel_for(void *user, const nn_task *task, int n)
{
    pthread_t threads[THREADS];
    Job jobs[THREADS];
    ++*(int *)user;
    for (int i = n - 1; i >= 0; i--) {
        jobs[i].task = task;
        jobs[i].part = i;
        if (pthread_create(&threads[i], NULL, run_job, &jobs[i])) abort();
    }
    for (int i = 0; i < n; i++) pthread_join(threads[i], NULL);
}

static const nn_parallel ours = {parallel_for, &calls};
const nn_parallel *const test_parallel = &ours;

/* ---- numbers ---- */

static unsigned random_state = 1;

static unsigned draw(void)
{
    random_state = random_state * 1664525u + 1013904223u;
    return random_state >> 8;
}

static size_t elements(const nn_io *io)
{
    size_t n = 1;
    for (int i = 0; i < io->rank; i++) n *= (size_t)io->dims[i];
    return n;
}

static void *room(size_t bytes)
{
    void *at = aligned_alloc(64, (bytes + 127) / 64 * 64);
    if (!at) abort();
    memset(at, 0x5a, (bytes + 127) / 64 * 64);
    return at;
}

static void *random_input(const nn_io *io)
{
    const size_t n = elements(io);
    void *data = room(4 * n);
    for (size_t i = 0; i < n; i++) {
        if (io->dtype == NN_F32) ((float *)data)[i] = (float)draw() / 8388608.0f - 1.0f;
        if (io->dtype == NN_U8) ((unsigned char *)data)[i] = (unsigned char)draw();
        if (io->dtype == NN_I32)
            ((int32_t *)data)[i] = (int32_t)(draw() % (unsigned)(io->limit > 0 ? io->limit : 5));
    }
    return data;
}

/* ---- calls ---- */

typedef struct Results {
    float *grads, *states, loss[2], metrics[32];
    void *outputs[BUFFERS];
} Results;

static int run(const nn_model *m, const nn_entry *e, const float *params, const void *const *inputs,
               int count, Results *r)
{
    nn_call call;
    memset(&call, 0, sizeof call);
    memset(r->loss, 0, sizeof r->loss);
    memset(r->metrics, 0, sizeof r->metrics);
    r->grads = room(4 * (size_t)m->param_floats);
    r->states = room(4 * (size_t)m->state_floats);
    if (m->init_states) m->init_states(r->states);
    for (int i = 0; i < e->output_count; i++) r->outputs[i] = room(4 * elements(&e->outputs[i]));
    call.params = params;
    call.states = r->states;
    call.inputs = inputs;
    call.outputs = r->outputs;
    call.count = count;
    call.seed = 7;
    call.grads = r->grads;
    call.loss = r->loss;
    call.metrics = r->metrics;
    call.workspace = room(e->workspace_bytes);
    call.sessions = room(m->session_bytes);
    memset(call.sessions, 0, m->session_bytes);
    return e->call(&call);
}

/* Of outputs the valid rows. */
static size_t valid_bytes(const nn_io *io, int count)
{
    const size_t bytes = elements(io) * (io->dtype == NN_U8 ? 1 : 4);
    return io->batched ? bytes / (size_t)io->dims[0] * (size_t)count : bytes;
}

static int differ(const char *entry, const char *what, const void *a, const void *b, size_t bytes)
{
    if (!memcmp(a, b, bytes)) return 0;
    printf("%s: %s differ\n", entry, what);
    return 1;
}

static int compare(const nn_entry *e, int index, int count)
{
    const nn_model *m = &whole_model;
    const void *inputs[BUFFERS];
    Results a, b;
    float *params = room(4 * (size_t)m->param_floats);
    memset(params, 0, 4 * (size_t)m->param_floats);
    m->init(params, 3);
    if (e->input_count > BUFFERS || e->output_count > BUFFERS || e->metric_count > 16) abort();
    for (int i = 0; i < e->input_count; i++) inputs[i] = random_input(&e->inputs[i]);
    if (run(m, e, params, inputs, count, &a) != NN_OK) return 1;
    if (run(&parts_model, &parts_model.entries[index], params, inputs, count, &b) != NN_OK)
        return 1;
    int wrong = differ(e->name, "gradients", a.grads, b.grads, 4 * (size_t)m->param_floats);
    wrong |= differ(e->name, "states", a.states, b.states, 4 * (size_t)m->state_floats);
    wrong |= differ(e->name, "losses", a.loss, b.loss, sizeof a.loss);
    wrong |= differ(e->name, "metrics", a.metrics, b.metrics, sizeof a.metrics);
    for (int i = 0; i < e->output_count; i++)
        wrong |= differ(e->name, e->outputs[i].name, a.outputs[i], b.outputs[i],
                        valid_bytes(&e->outputs[i], count));
    return wrong;
}

int main(void)
{
    int wrong = 0;
    for (int i = 0; i < whole_model.entry_count; i++) {
        const nn_entry *e = &whole_model.entries[i];
        wrong |= compare(e, i, (int)e->batch);
        if (e->batch > 1) wrong |= compare(e, i, (int)e->batch - 1);
    }
#ifndef _OPENMP
    if (!calls) printf("nothing ran in parts\n");
    wrong |= !calls;
#endif
    return wrong;
}
