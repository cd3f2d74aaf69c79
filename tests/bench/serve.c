/* Measures on request, so that a program in another language can take turns with generated code in
 * one run: a word a line on stdin, a number a line on stdout.
 *
 *   peak                FLOP/s of the machine
 *   read                bytes/s of reading as much as the parameters take
 *   flops, batch        of one call of `train`; its rows
 *   infer_flops         of one call of `infer`
 *   steps               of an epoch over the data; 0: none
 *   infer, train, step  seconds of a call, the median of a burst; step is train and Adam
 *   stream              seconds of a call of `infer`, the mean over a stream: its first STREAM
 *                       calls, or as many as its session has places for
 *   epoch               CPU seconds of an epoch of the runtime's trainer on one thread, shuffling
 *                       and loading included
 *
 * A number that there is none of is -1. */
#include "serve.h"

#include <string.h>

#include "driver/measure.h"
#include "elaborate/train_plan.h"
#include "nn_batch.h"
#include "nn_fitted.h"
#include "nn_train.h"

enum { ROUNDS = 9, STREAM = 64 };

typedef struct Server {
    Arena *arena;
    Dissection *subject;
    nn_data *data;
    double last;    /* when the epoch before ended */
    double seconds; /* of the last epoch */
} Server;

/* ---- bursts ---- */

static void run_infer(void *context)
{
    DissectedEntry *e = context;
    e->entry->call(&e->call);
}

static void run_step(void *context)
{
    Dissection *s = context;
    run_infer(dissect_entry(s, "train"));
    dissect_adam(s);
}

static double burst(const Server *server, Racer racer)
{
    measure_race(server->arena, &racer, 1, ROUNDS, 1e-3);
    return racer.median;
}

static double time_entry(const Server *server, const char *name)
{
    DissectedEntry *e = dissect_entry(server->subject, name);
    return e ? burst(server, (Racer){.run = run_infer, .context = e}) : -1;
}

static double time_step(const Server *server)
{
    if (!dissect_entry(server->subject, "train")) return -1;
    return burst(server, (Racer){.run = run_step, .context = server->subject});
}

typedef struct Stream {
    const Server *server;
    DissectedEntry *entry;
    int calls; /* of the last stream */
} Stream;

static void run_stream(void *context)
{
    Stream *s = context;
    memset(s->entry->call.sessions, 0, s->server->subject->model->session_bytes);
    for (s->calls = 0; s->calls < STREAM; s->calls++)
        if (s->entry->entry->call(&s->entry->call)) return;
}

static double time_stream(const Server *server)
{
    Stream s = {.server = server, .entry = dissect_entry(server->subject, "infer")};
    if (!s.entry || !server->subject->model->session_bytes) return -1;
    const double seconds = burst(server, (Racer){.run = run_stream, .context = &s});
    return seconds / s.calls;
}

static double peak(const Server *server)
{
    Peak p;
    Racer racer;
    measure_peak(server->subject->target, &p, &racer);
    return p.flops / burst(server, racer);
}

static double read_parameters(const Server *server)
{
    const Dissection *s = server->subject;
    Reading reading = {.data = s->params, .floats = s->model->param_floats / 128 * 128};
    Racer racer;
    if (!reading.floats) return -1;
    measure_reading(s->target, &reading, &racer);
    return 4.0 * (double)reading.floats / burst(server, racer);
}

/* ---- a whole epoch ---- */

static int epoch_ended(void *user, const nn_progress *progress)
{
    Server *server = user;
    const double now = measure_cpu();
    (void)progress;
    server->seconds = now - server->last;
    server->last = now;
    return 0;
}

/* Two epochs; the second one's time. One thread. */
static double epoch(Server *server)
{
    Dissection *s = server->subject;
    const TrainPlan *plan = s->plan->module->train;
    nn_train_result result;
    nn_error error;
    if (!server->data) return -1;
    const nn_train_options options = {.optimizer = plan->job.optimizer,
                                      .clip_norm = plan->job.clip_norm,
                                      .epochs = 2,
                                      .seed = 1,
                                      .no_prefetch = 1,
                                      .quiet = 1,
                                      .on_epoch = epoch_ended,
                                      .user = server};
    s->model->init(s->params, 1);
    server->last = measure_cpu();
    if (nn_train(s->model, s->params, s->states, server->data, NULL, &options, &result, &error) ==
        NN_OK)
        return server->seconds;
    fprintf(stderr, "bench: %s\n", error.reason);
    return -1;
}

static double steps(const Server *server)
{
    DissectedEntry *train = dissect_entry(server->subject, "train");
    return train && server->data ? (double)nn_batches_per_epoch(server->data, train->entry) : 0;
}

static void load_data(Server *server, const char *directory)
{
    const TrainPlan *plan = server->subject->plan->module->train;
    nn_data *validate = NULL;
    nn_fitted fitted = {0};
    nn_error error;
    if (!directory || !plan) return;
    if (nn_job_load(&plan->job, server->subject->model, directory, &server->data, &validate,
                    &fitted, &error) != NN_OK) {
        fprintf(stderr, "bench: %s\n", error.reason);
        server->data = NULL;
        return;
    }
    nn_data_free(validate);
    nn_fitted_free(&fitted);
}

/* ---- requests ---- */

static double answer(Server *server, const char *word)
{
    DissectedEntry *train = dissect_entry(server->subject, "train");
    DissectedEntry *infer = dissect_entry(server->subject, "infer");
    if (!strcmp(word, "peak")) return peak(server);
    if (!strcmp(word, "read")) return read_parameters(server);
    if (!strcmp(word, "flops")) return train ? train->entry->flops : -1;
    if (!strcmp(word, "infer_flops")) return infer ? infer->entry->flops : -1;
    if (!strcmp(word, "batch")) return train ? (double)train->entry->batch : -1;
    if (!strcmp(word, "steps")) return steps(server);
    if (!strcmp(word, "step")) return time_step(server);
    if (!strcmp(word, "stream")) return time_stream(server);
    if (!strcmp(word, "epoch")) return epoch(server);
    return time_entry(server, word);
}

int serve(Arena *arena, Dissection *subject, const char *data)
{
    Server server = {.arena = arena, .subject = subject};
    char word[64];
    load_data(&server, data);
    while (scanf("%63s", word) == 1) {
        printf("%.9g\n", answer(&server, word));
        fflush(stdout);
    }
    nn_data_free(server.data);
    return 0;
}
