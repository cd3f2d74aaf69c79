/* SPDX-License-Identifier: MIT
 * nn_train.c - the training loop. */
#include "nn_train.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "nn_batch.h"
#include "nn_checkpoint.h"
#include "nn_float_mode.h"
#include "nn_interrupt.h"
#include "nn_log.h"
#include "nn_pages.h"
#include "nn_random.h"
#include "nn_report.h"

/* Everything a run holds. What is in `place` and the arrays goes to checkpoints. */
typedef struct Run {
    const nn_model *model;
    const nn_entry *entry;
    const nn_data *data, *validate;
    const nn_train_options *options;
    nn_arrays arrays;
    nn_checkpoint place;
    int64_t per_epoch, steps;
    nn_span *spans;
    int span_count;
    nn_scores train, scores;         /* of the epoch so far; of the last validation */
    nn_batches *batches;
    nn_log *log;
    nn_report report;
    nn_interrupt interrupt;
    nn_progress progress;
    nn_call call;
    void **outputs;
    float loss, pairs[2 * NN_MAX_METRICS];
    int stop;
} Run;

static void *array(size_t bytes, nn_error *error) {
    void *memory = nn_alloc_aligned(bytes, error);
    nn_pages_large(memory, bytes);
    return memory;
}

static int allocate(Run *run, nn_error *error) {
    size_t bytes = sizeof(float) * (size_t)run->model->param_floats;
    run->arrays.moment_count = nn_optimizer_moments(&run->options->optimizer);
    for (int i = 0; i < run->arrays.moment_count; i++)
        if (!(run->arrays.moments[i] = array(bytes, error))) return NN_ERR_MEMORY;
    run->outputs = nn_alloc(run->entry->output_count, sizeof *run->outputs, error);
    run->call.context = run->entry->context;
    run->call.params = run->arrays.params;
    run->call.states = run->arrays.states;
    run->call.outputs = run->outputs;
    run->call.grads = array(bytes, error);
    run->call.workspace = array(run->entry->workspace_bytes, error);
    run->call.sessions = nn_alloc_aligned(run->model->session_bytes, error);
    run->call.loss = &run->loss;
    run->call.metrics = run->pairs;
    if (!run->outputs || !run->call.grads || !run->call.workspace || !run->call.sessions)
        return NN_ERR_MEMORY;
    return nn_optimizer_spans(&run->options->optimizer, run->model, &run->spans, &run->span_count,
                              error);
}

static void release(Run *run) {
    nn_batches_close(run->batches);
    nn_log_close(run->log);
    for (int i = 0; i < run->arrays.moment_count; i++) nn_free_aligned(run->arrays.moments[i]);
    nn_free_aligned(run->call.grads);
    nn_free_aligned(run->call.workspace);
    nn_free_aligned(run->call.sessions);
    free(run->outputs);
    free(run->spans);
}

static int save_checkpoint(Run *run, nn_error *error) {
    nn_checkpoint *place = &run->place;
    if (run->log && (place->log_bytes = nn_log_flush(run->log, error)) < 0) return NN_ERR_WRITE;
    if (!run->options->checkpoint) return NN_OK;
    place->loss_sum = run->train.loss_sum;
    place->loss_weight = run->train.loss_weight;
    memcpy(place->sums, run->train.sums, sizeof place->sums);
    memcpy(place->weights, run->train.weights, sizeof place->weights);
    return nn_checkpoint_save(run->options->checkpoint, run->model, place, &run->arrays, error);
}

static int load_checkpoint(Run *run, nn_error *error) {
    const nn_checkpoint wanted = run->place, *place = &run->place;
    int status;
    if (!run->options->checkpoint)
        return nn_fail(error, NN_ERR_OPTION, "nothing to resume: no checkpoint is named");
    status = nn_checkpoint_load(run->options->checkpoint, run->model, &run->place, &run->arrays,
                                error);
    if (status) return status;
    if (place->data_count != wanted.data_count || place->batch != wanted.batch)
        return nn_fail(error, NN_ERR_MODEL, "the checkpoint belongs to %lld samples in batches of "
                       "%lld, this run has %lld in %lld", (long long)place->data_count,
                       (long long)place->batch, (long long)wanted.data_count,
                       (long long)wanted.batch);
    if (place->optimizer != wanted.optimizer)
        return nn_fail(error, NN_ERR_MODEL, "the checkpoint belongs to another optimizer");
    run->train.loss_sum = place->loss_sum;
    run->train.loss_weight = place->loss_weight;
    memcpy(run->train.sums, place->sums, sizeof place->sums);
    memcpy(run->train.weights, place->weights, sizeof place->weights);
    return NN_OK;
}

/* A resumed run keeps the seed it was started with. */
static int start(Run *run, nn_error *error) {
    const nn_train_options *o = run->options;
    int status, flags = (o->no_shuffle ? 0 : NN_BATCH_SHUFFLE) |
                        (o->no_prefetch ? 0 : NN_BATCH_PREFETCH);
    run->place.seed = o->seed;
    run->place.data_count = run->data->count;
    run->place.batch = run->entry->batch;
    run->place.optimizer = o->optimizer.kind;
    run->place.best = (double)INFINITY;
    run->place.best_epoch = -1;
    if ((status = nn_scores_start(&run->train, run->entry, error))) return status;
    if (o->resume && (status = load_checkpoint(run, error))) return status;
    if (o->log) {
        int64_t at = o->resume && run->place.log_bytes > 0 ? run->place.log_bytes : -1;
        status = nn_log_open(&run->log, o->log, at, &run->train, run->validate != NULL, error);
        if (status) return status;
    }
    if (!o->resume && (status = save_checkpoint(run, error))) return status;
    nn_report_start(&run->report, o->quiet, run->per_epoch);
    if (o->handle_interrupt) nn_interrupt_begin(&run->interrupt);
    return nn_batches_open(&run->batches, run->data, run->entry, flags, run->place.seed,
                           run->place.step, error);
}

static void describe(Run *run, double rate) {
    nn_progress *p = &run->progress;
    p->step = run->place.step;
    p->steps = run->steps;
    p->epoch = run->place.step ? (run->place.step - 1) / run->per_epoch : 0;
    p->epochs = (run->steps + run->per_epoch - 1) / run->per_epoch;
    p->rate = rate;
    p->loss = (double)run->loss;
    p->train = &run->train;
    p->validate = NULL;
    p->best = run->place.best;
    p->best_epoch = run->place.best_epoch;
}

static int diverged(const Run *run, double value, const char *what, nn_error *error) {
    double rate = nn_schedule_rate(&run->options->optimizer.lr, run->place.step, run->steps);
    nn_error_at(error, NULL, -1, -1, -1);    /* no file that was read before */
    return nn_fail(error, NN_ERR_DIVERGED,
                   "the %s is %f at step %lld (epoch %lld): training has diverged. A lower "
                   "learning rate (now %g), clip_norm, or a look for unscaled or missing values "
                   "in the data may help", what, fabs(value), (long long)run->place.step,
                   (long long)(run->place.step / run->per_epoch) + 1, rate);
}

/* Forward, backward, update. */
static int step(Run *run, nn_error *error) {
    const nn_train_options *o = run->options;
    const nn_batch *batch = nn_batches_next(run->batches);
    double rate = nn_schedule_rate(&o->optimizer.lr, run->place.step, run->steps);
    int status;
    run->call.inputs = batch->inputs;
    run->call.count = batch->count;
    run->call.seed = nn_random(run->place.seed, NN_STREAM_DROPOUT, (uint64_t)run->place.step);
    if ((status = run->entry->call(&run->call)))
        return nn_fail(error, status, "train, step %lld, batch of %d from sample %lld on: %s",
                       (long long)run->place.step, batch->count,
                       (long long)nn_batches_sample(run->batches, 0), nn_status_text(status));
    if (!isfinite(run->loss)) return diverged(run, (double)run->loss, "loss", error);
    if (o->clip_norm > 0) {
        double norm = nn_clip_norm(run->call.grads, run->spans, run->span_count, o->clip_norm);
        if (!isfinite(norm)) return diverged(run, norm, "norm of the gradient", error);
    }
    nn_optimizer_step(&o->optimizer, run->spans, run->span_count, run->place.step, rate,
                      run->arrays.params, run->call.grads, run->arrays.moments);
    nn_scores_add(&run->train, run->loss, batch->count, run->pairs);
    run->place.step++;
    describe(run, rate);
    nn_report_step(&run->report, &run->progress);
    if (o->on_step && o->on_step(o->user, &run->progress)) run->stop = 1;
    if (nn_interrupt_seen(&run->interrupt)) run->stop = 1;
    return NN_OK;
}

/* Validation, log, report. An epoch that the run's number of steps cuts short ends as well. */
static int end_epoch(Run *run, nn_error *error) {
    const nn_train_options *o = run->options;
    nn_progress *p = &run->progress;
    int status = NN_OK;
    if (run->validate) {
        double loss;
        status = nn_evaluate(run->model, run->arrays.params, run->arrays.states, run->validate,
                             &run->scores, error);
        if (status) return status;
        loss = nn_scores_loss(&run->scores);
        if (loss < run->place.best) {
            run->place.best = p->best = loss;
            run->place.best_epoch = p->best_epoch = p->epoch;
        }
        p->validate = &run->scores;
    }
    if (run->log)
        status = nn_log_row(run->log, p->epoch + 1, p->step, p->rate, &run->train, p->validate,
                            error);
    nn_report_epoch(&run->report, p);
    if (o->on_epoch && o->on_epoch(o->user, p)) run->stop = 1;
    run->train.loss_sum = run->train.loss_weight = 0;
    memset(run->train.sums, 0, sizeof run->train.sums);
    memset(run->train.weights, 0, sizeof run->train.weights);
    return status;
}

static int train(Run *run, nn_error *error) {
    int64_t every = run->options->checkpoint_every;
    int status;
    while (run->place.step < run->steps && !run->stop) {
        int ends, due;
        if ((status = step(run, error))) return status;
        ends = run->place.step % run->per_epoch == 0 || run->place.step == run->steps;
        if (ends && (status = end_epoch(run, error))) return status;
        due = every > 0 ? run->place.step % every == 0 : ends;
        if (due || run->stop || run->place.step == run->steps)
            if ((status = save_checkpoint(run, error))) return status;
    }
    return NN_OK;
}

static int prepare(Run *run, nn_error *error) {
    int status;
    run->entry = nn_find_entry(run->model, "train");
    if (!run->entry)
        return nn_fail(error, NN_ERR_MISSING, "model '%s' has no entry 'train'", run->model->name);
    run->per_epoch = nn_batches_per_epoch(run->data, run->entry);
    run->steps = run->options->steps ? run->options->steps
                                     : run->options->epochs * run->per_epoch;
    if (run->steps < 0) return nn_fail(error, NN_ERR_OPTION, "a negative number of steps");
    if ((status = allocate(run, error))) return status;
    return start(run, error);
}

static void tell(const Run *run, nn_train_result *result) {
    result->step = run->place.step;
    result->epoch = run->per_epoch ? run->place.step / run->per_epoch : 0;
    result->interrupted = run->stop && run->place.step < run->steps;
    result->validate = run->scores;
    result->best = run->place.best;
    result->best_epoch = run->place.best_epoch;
}

int nn_train(const nn_model *model, float *params, float *states, const nn_data *data,
             const nn_data *validate, const nn_train_options *options, nn_train_result *result,
             nn_error *error) {
    uint64_t mode = nn_float_mode_fast();
    Run run;
    int status;
    memset(&run, 0, sizeof run);
    nn_error_at(error, NULL, -1, -1, -1);
    run.model = model;
    run.data = data;
    run.validate = validate;
    run.options = options;
    run.arrays.params = params;
    run.arrays.states = states;
    status = prepare(&run, error);
    if (!status) status = train(&run, error);
    if (result) tell(&run, result);
    release(&run);
    nn_interrupt_end(&run.interrupt);
    nn_float_mode_restore(mode);
    return status;
}
