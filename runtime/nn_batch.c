/* SPDX-License-Identifier: MIT
 * nn_batch.c - the stream of batches and the thread that gathers them ahead. */
#include "nn_batch.h"

#include <pthread.h>
#include <stdlib.h>

#include "nn_augment.h"
#include "nn_float_mode.h"
#include "nn_random.h"

enum { SLOTS = 2 };

typedef struct Slot {
    void **inputs;           /* [entry->input_count], aligned */
    int64_t *samples;        /* [batch] */
    nn_batch batch;
} Slot;

struct nn_batches {
    const nn_data *data;
    const nn_entry *entry;
    const nn_column **columns;       /* [entry->input_count] */
    int flags;
    uint64_t seed;
    int64_t per_epoch;
    int64_t *order, order_epoch;     /* the samples of an epoch, shuffled */
    float *scratch;                  /* [widest column], where pictures are changed at random */
    Slot slots[SLOTS];
    int64_t gathered, given;         /* numbers of the next batch to gather and to give */
    pthread_t thread;
    pthread_mutex_t lock;            /* of gathered, given, stop and busy, with prefetch */
    pthread_cond_t changed;
    int running, stop, busy;         /* busy: one of the two threads gathers */
};

int64_t nn_batches_per_epoch(const nn_data *data, const nn_entry *entry) {
    return (data->count + entry->batch - 1) / entry->batch;
}

static void make_order(nn_batches *b, int64_t epoch) {
    if (b->order_epoch == epoch) return;
    if (b->flags & NN_BATCH_SHUFFLE)
        nn_shuffle(b->order, b->data->count, b->seed, NN_STREAM_SHUFFLE, (uint64_t)epoch);
    else
        for (int64_t i = 0; i < b->data->count; i++) b->order[i] = i;
    b->order_epoch = epoch;
}

/* Rows in random order come from memory one latency after the other, unless those to come are asked
 * for while this one is converted. */
static void gather_column(const nn_batches *b, const Slot *slot, int count, int input,
                          int64_t epoch) {
    enum { AHEAD = 8 };
    const nn_column *column = b->columns[input];
    char *out = slot->inputs[input];
    for (int r = 0; r < count; r++, out += 4 * column->width) {
        if (r + AHEAD < count)
            nn_touch_row(column, nn_data_row(b->data, slot->samples[r + AHEAD]));
        nn_gather_row(column, nn_data_row(b->data, slot->samples[r]), b->entry->inputs[input].dtype,
                      out);
        if (b->scratch)
            nn_augment_row(&b->data->augment, column, b->seed, epoch, slot->samples[r],
                           (float *)(void *)out, b->scratch);
    }
}

/* Fills slot number % SLOTS with that batch, always in the trainer's floating-point mode, so that
 * denormals in the data come out the same on either thread. */
static void gather(nn_batches *b, int64_t number) {
    uint64_t mode = nn_float_mode_fast();
    Slot *slot = &b->slots[number % SLOTS];
    int64_t index = number % b->per_epoch, first = index * b->entry->batch;
    int64_t left = b->data->count - first;
    int count = (int)(left < b->entry->batch ? left : b->entry->batch);
    make_order(b, number / b->per_epoch);
    for (int r = 0; r < count; r++) slot->samples[r] = b->order[first + r];
    for (int i = 0; i < b->entry->input_count; i++)
        gather_column(b, slot, count, i, number / b->per_epoch);
    slot->batch.inputs = (const void *const *)slot->inputs;
    slot->batch.count = count;
    slot->batch.epoch = number / b->per_epoch;
    slot->batch.index = index;
    nn_float_mode_restore(mode);
}

/* Gathers the next batch outside the lock, which is held on entry and return. */
static void gather_unlocked(nn_batches *b) {
    b->busy = 1;
    pthread_mutex_unlock(&b->lock);
    gather(b, b->gathered);
    pthread_mutex_lock(&b->lock);
    b->busy = 0;
    b->gathered++;
    pthread_cond_broadcast(&b->changed);
}

/* The thread: gathers as long as a slot is free. The batch given last keeps its slot. */
static void *prefetch(void *argument) {
    nn_batches *b = argument;
    pthread_mutex_lock(&b->lock);
    while (!b->stop) {
        if (b->busy || b->gathered >= b->given + SLOTS - 1)
            pthread_cond_wait(&b->changed, &b->lock);
        else
            gather_unlocked(b);
    }
    pthread_mutex_unlock(&b->lock);
    return NULL;
}

/* Where the thread has not come to run (a single core), the caller gathers instead of waiting for
 * it. */
const nn_batch *nn_batches_next(nn_batches *b) {
    int64_t number = b->given;
    if (!b->running) {
        gather(b, number);
        b->given++;
        return &b->slots[number % SLOTS].batch;
    }
    pthread_mutex_lock(&b->lock);
    b->given++;
    while (b->gathered <= number) {
        if (b->busy)
            pthread_cond_wait(&b->changed, &b->lock);
        else
            gather_unlocked(b);
    }
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    return &b->slots[number % SLOTS].batch;
}

int64_t nn_batches_sample(const nn_batches *b, int row) {
    return b->slots[(b->given - 1) % SLOTS].samples[row];
}

static int make_slot(nn_batches *b, Slot *slot, nn_error *error) {
    slot->inputs = nn_alloc(b->entry->input_count, sizeof *slot->inputs, error);
    slot->samples = nn_alloc(b->entry->batch, sizeof *slot->samples, error);
    if (!slot->inputs || !slot->samples) return NN_ERR_MEMORY;
    for (int i = 0; i < b->entry->input_count; i++) {
        size_t bytes = 4 * (size_t)(b->columns[i]->width * b->entry->batch);
        if (!(slot->inputs[i] = nn_alloc_aligned(bytes, error))) return NN_ERR_MEMORY;
    }
    return NN_OK;
}

static int make_scratch(nn_batches *b, nn_error *error) {
    int64_t width = 0;
    if (!b->data->augment.flip && !b->data->augment.border) return NN_OK;
    for (int i = 0; i < b->entry->input_count; i++)
        if (b->columns[i]->width > width) width = b->columns[i]->width;
    b->scratch = nn_alloc(width, sizeof *b->scratch, error);
    return b->scratch ? NN_OK : NN_ERR_MEMORY;
}

static int make_buffers(nn_batches *b, nn_error *error) {
    b->columns = nn_alloc(b->entry->input_count, sizeof *b->columns, error);
    b->order = nn_alloc(b->data->count, sizeof *b->order, error);
    if (!b->columns || !b->order) return NN_ERR_MEMORY;
    for (int i = 0; i < b->entry->input_count; i++) {
        b->columns[i] = nn_data_column(b->data, b->entry->inputs[i].name);
        if (!b->columns[i])
            return nn_fail(error, NN_ERR_MISSING, "the data has no part named '%s'",
                           b->entry->inputs[i].name);
    }
    for (int i = 0; i < SLOTS; i++) {
        int status = make_slot(b, &b->slots[i], error);
        if (status) return status;
    }
    return make_scratch(b, error);
}

static int start_thread(nn_batches *b, nn_error *error) {
    pthread_mutex_init(&b->lock, NULL);
    pthread_cond_init(&b->changed, NULL);
    if (pthread_create(&b->thread, NULL, prefetch, b)) {
        pthread_cond_destroy(&b->changed);
        pthread_mutex_destroy(&b->lock);
        return nn_fail(error, NN_ERR_MEMORY, "cannot start the thread that loads batches");
    }
    b->running = 1;
    return NN_OK;
}

int nn_batches_open(nn_batches **out, const nn_data *data, const nn_entry *entry, int flags,
                    uint64_t seed, int64_t first, nn_error *error) {
    nn_batches *b = nn_alloc(1, sizeof *b, error);
    int status;
    *out = NULL;
    if (!b) return NN_ERR_MEMORY;
    b->data = data;
    b->entry = entry;
    b->flags = flags;
    b->seed = seed;
    b->per_epoch = nn_batches_per_epoch(data, entry);
    b->order_epoch = -1;
    b->gathered = b->given = first;
    status = make_buffers(b, error);
    if (!status && (flags & NN_BATCH_PREFETCH)) status = start_thread(b, error);
    if (status) {
        nn_batches_close(b);
        return status;
    }
    *out = b;
    return NN_OK;
}

static void stop_thread(nn_batches *b) {
    pthread_mutex_lock(&b->lock);
    b->stop = 1;
    pthread_cond_broadcast(&b->changed);
    pthread_mutex_unlock(&b->lock);
    pthread_join(b->thread, NULL);
    pthread_cond_destroy(&b->changed);
    pthread_mutex_destroy(&b->lock);
}

void nn_batches_close(nn_batches *b) {
    if (!b) return;
    if (b->running) stop_thread(b);
    for (int s = 0; s < SLOTS; s++) {
        for (int i = 0; b->slots[s].inputs && i < b->entry->input_count; i++)
            nn_free_aligned(b->slots[s].inputs[i]);
        free(b->slots[s].inputs);
        free(b->slots[s].samples);
    }
    free(b->columns);
    free(b->order);
    free(b->scratch);
    free(b);
}
