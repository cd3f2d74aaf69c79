/* SPDX-License-Identifier: MIT
 * nn_evaluate.c - loss and metrics over a whole data set. */
#include <stdlib.h>
#include <string.h>

#include "nn_batch.h"
#include "nn_float_mode.h"
#include "nn_pages.h"
#include "nn_train.h"

typedef struct Evaluation {
    const nn_entry *entry;
    nn_batches *batches;
    void **outputs;          /* all NULL: none is wanted */
    float loss, pairs[2 * NN_MAX_METRICS];
    nn_call call;
} Evaluation;

static int start(Evaluation *e, const nn_model *model, const nn_data *data, nn_error *error) {
    e->outputs = nn_alloc(e->entry->output_count, sizeof *e->outputs, error);
    e->call.outputs = e->outputs;
    e->call.workspace = nn_alloc_aligned(e->entry->workspace_bytes, error);
    nn_pages_large(e->call.workspace, e->entry->workspace_bytes);
    e->call.sessions = nn_alloc_aligned(model->session_bytes, error);
    e->call.loss = &e->loss;
    e->call.metrics = e->pairs;
    if (!e->outputs || !e->call.workspace || !e->call.sessions) return NN_ERR_MEMORY;
    return nn_batches_open(&e->batches, data, e->entry, NN_BATCH_PREFETCH, 0, 0, error);
}

static int add_batches(Evaluation *e, int64_t count, nn_scores *scores, nn_error *error) {
    for (int64_t i = 0; i < count; i++) {
        const nn_batch *batch = nn_batches_next(e->batches);
        int status;
        e->call.inputs = batch->inputs;
        e->call.count = batch->count;
        if ((status = e->entry->call(&e->call)))
            return nn_fail(error, status, "evaluate, batch of %d from sample %lld on: %s",
                           batch->count, (long long)nn_batches_sample(e->batches, 0),
                           nn_status_text(status));
        nn_scores_add(scores, e->loss, batch->count, e->pairs);
    }
    return NN_OK;
}

static void release(Evaluation *e) {
    nn_batches_close(e->batches);
    nn_free_aligned(e->call.workspace);
    nn_free_aligned(e->call.sessions);
    free(e->outputs);
}

int nn_evaluate(const nn_model *model, const float *params, float *states, const nn_data *data,
                nn_scores *scores, nn_error *error) {
    uint64_t mode;
    Evaluation e;
    int status;
    memset(&e, 0, sizeof e);
    nn_error_at(error, NULL, -1, -1, -1);
    e.entry = nn_find_entry(model, "evaluate");
    if (e.entry) e.call.context = e.entry->context;
    e.call.params = params;
    e.call.states = states;
    if (!e.entry)
        return nn_fail(error, NN_ERR_MISSING, "model '%s' has no entry 'evaluate'", model->name);
    if ((status = nn_scores_start(scores, e.entry, error))) return status;
    mode = nn_float_mode_fast();
    status = start(&e, model, data, error);
    if (!status) status = add_batches(&e, nn_batches_per_epoch(data, e.entry), scores, error);
    release(&e);
    nn_float_mode_restore(mode);
    return status;
}
