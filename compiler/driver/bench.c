/* Measuring inference and the training step. */
#include "driver/bench.h"

#include <stdlib.h>
#include <string.h>

#include "driver/buffers.h"
#include "driver/cli.h"
#include "elaborate/train_plan.h"
#include "interp/interp.h"
#include "nn_data.h"
#include "nn_weights.h"

enum { MOST_ROUNDS = 20000, LEAST_ROUNDS = 7, MOST_RUNNERS = 4 };

/* A racer that takes longer for one call than this is not measured. */
static const double longest_call = 20;
/* The update is as much work at any rate; a small one keeps the weights where they are. */
static const double learning_rate = 1e-6;

/* ---- what is timed ---- */

typedef struct Runner {
    const Subject *subject;
    const nn_entry *entry;
    nn_call *call;
    const nn_optimizer *optimizer;   /* NULL: the call alone */
    nn_span *spans;
    int span_count, status;
    int64_t step;
    float *moments[2];
} Runner;

/* A stream whose session is full (a cache of keys) begins anew. */
static int call_on(Runner *r)
{
    const size_t session = r->subject->model->session_bytes;
    const int status = r->entry->call(r->call);
    if (status != NN_BAD_INDEX || !session) return status;
    memset(r->call->sessions, 0, session);
    return r->entry->call(r->call);
}

static void run_call(void *context)
{
    Runner *r = context;
    const int status = call_on(r);
    if (status) r->status = status;
    if (!r->optimizer) return;
    nn_optimizer_step(r->optimizer, r->spans, r->span_count, r->step++, learning_rate,
                      r->subject->params, r->call->grads, r->moments);
}

static bool make_runner(Bench *b, Runner *r, const Subject *subject, const char *entry, bool steps)
{
    const nn_model *model = subject->model;
    nn_error error;
    *r = (Runner){.subject = subject, .entry = nn_find_entry(model, entry)};
    r->call = call_new(b->arena, model, r->entry, subject->params, subject->states);
    nn_weights_start(model, subject->params, subject->states, 1);
    call_random_inputs(r->call, model, r->entry, 1);
    if (!steps) return true;
    r->optimizer = &b->optimizer;
    for (int i = 0; i < nn_optimizer_moments(&b->optimizer); i++)
        r->moments[i] = floats_new(b->arena, model->param_floats);
    if (nn_optimizer_spans(&b->optimizer, model, &r->spans, &r->span_count, &error) == NN_OK)
        return true;
    cli_error("%s", error.reason);
    return false;
}

/* ---- one entry ---- */

static const char *title_of(const Bench *b, const nn_entry *entry, bool steps)
{
    static const char *const names[] = {"SGD", "Adam", "AdamW"};
    if (!steps)
        return arena_printf(b->arena, "%s, batch %lld", entry->name, (long long)entry->batch);
    return arena_printf(b->arena, "training step, batch %lld: forward, loss, backward, %s",
                        (long long)entry->batch, names[b->optimizer.kind]);
}

static double time_once(const Racer *r)
{
    const double start = measure_now();
    r->run(r->context);
    return measure_now() - start;
}

static int rounds_for(double seconds, double round)
{
    const double rounds = seconds / (round > 1e-9 ? round : 1e-9);
    return rounds > MOST_ROUNDS ? MOST_ROUNDS : rounds < LEAST_ROUNDS ? LEAST_ROUNDS : (int)rounds;
}

static void add_timing(Bench *b, const Timing *like, const Racer *r, double ratio)
{
    Timing t = *like;
    t.label = r->name;
    t.least = r->least;
    t.median = r->median;
    t.p99 = r->p99;
    t.most = r->most;
    t.ratio = ratio;
    vec_push(b->arena, b->timings, t);
}

/* The generated code's own figures come from a race with the peak alone, which has many rounds;
 * ratios from a race of all, where the slowest allows few. */
static void race(Bench *b, Racer *racers, int count, const Target *target, Timing *timing)
{
    Peak peak;
    Racer fast[2] = {racers[0]};
    measure_peak(target, &peak, &fast[1]);
    time_once(&fast[0]);
    const double once = time_once(&fast[0]) + time_once(&fast[1]);
    measure_race(b->arena, fast, 2, rounds_for(b->seconds / 2, once), 0);
    timing->peak = peak.flops / fast[1].median;
    add_timing(b, timing, &fast[0], 1);
    double round = 0;
    int kept = 1;
    for (int i = 1; i < count; i++) {
        const double seconds = time_once(&racers[i]);
        if (seconds > longest_call) {
            vec_push(b->arena, b->skipped,
                     arena_printf(b->arena, "%s: %s takes %.0f s a call and was not measured",
                                  timing->title, racers[i].name, seconds));
            continue;
        }
        round += seconds;
        racers[kept++] = racers[i];
    }
    if (kept < 2) return;
    measure_race(b->arena, racers, kept, rounds_for(b->seconds / 2, round), 0);
    for (int i = 1; i < kept; i++)
        add_timing(b, timing, &racers[i], racers[i].median / racers[0].median);
}

static int bench_entry(Bench *b, const char *name, bool steps)
{
    const Subject *subjects[] = {&b->generated, &b->blas, &b->interp};
    Runner runners[MOST_RUNNERS];
    Racer racers[MOST_RUNNERS];
    int count = 0, status = NN_OK;
    for (int i = 0; i < 3; i++) {
        if (!subjects[i]->model) continue;
        if (!make_runner(b, &runners[count], subjects[i], name, steps)) return CLI_ERROR;
        racers[count] = (Racer){.name = subjects[i]->label, .run = run_call,
                                .context = &runners[count], .repeats = 1};
        count++;
    }
    const nn_entry *entry = runners[0].entry;
    const Subject *plain = b->interp.model ? &b->interp : &b->generated;
    Timing timing = {.title = title_of(b, entry, steps), .entry = name, .batch = entry->batch,
                     .flops = nn_find_entry(plain->model, name)->flops};
    race(b, racers, count, b->options->targets[0], &timing);
    for (int i = 0; i < count; i++) {
        free(runners[i].spans);
        if (runners[i].status) status = runners[i].status;
    }
    return status ? cli_error("%s: %s", name, nn_status_text(status)) : CLI_OK;
}

/* ---- everything ---- */

static bool prepare_interp(Bench *b)
{
    CompileOptions options = *b->options;
    options.last_pass = "drop_dead"; /* to compute a value twice saves memory, not time */
    Compilation *c = arena_make(b->arena, Compilation);
    *c = compile_start(b->arena, b->path, &options);
    if (!subject_interp(c, false, &b->interp)) return false;
    if (interp_has_blas()) return subject_interp(c, true, &b->blas);
    vec_push(b->arena, b->skipped, "nnc was built without a BLAS: the interpreter's products are "
                                   "reference loops only");
    return true;
}

bool bench_prepare(Bench *b)
{
    CompileOptions options = *b->options;
    options.target_count = 1;
    const double start = measure_now();
    Compilation c = compile_start(b->arena, b->path, &options);
    if (!compile_or_tell(&c, STAGE_LOWERED)) return false;
    const Emission *e = compile_emission(&c);
    Text header = text_new(b->arena), source = text_new(b->arena);
    emit_header(&header, e);
    emit_source(&source, e);
    b->nnc_seconds = measure_now() - start;
    b->source_bytes = (int64_t)(header.length + source.length);
    if (!subject_native(&c, &b->generated)) return false;
    if (b->generated.native.build_seconds <= 0) {    /* it was in the cache */
        native_forget(&b->generated.native);
        if (!subject_native(&c, &b->generated)) return false;
    }
    b->optimizer = c.module->train ? c.module->train->job.optimizer
                                   : (nn_optimizer){.kind = NN_ADAM, .beta1 = 0.9, .beta2 = 0.999,
                                                    .eps = 1e-8};
    b->step = nn_find_entry(b->generated.model, "train") != NULL;
    return b->alone || prepare_interp(b);
}

int bench_run(Bench *b)
{
    int status = CLI_OK;
    for (int i = 0; !status && i < b->generated.model->entry_count; i++) {
        const nn_entry *entry = &b->generated.model->entries[i];
        const bool trains = !strcmp(entry->name, "train");
        const bool prepares = i + 1 < b->generated.model->entry_count
                           && entry_prepare(b->generated.model, entry + 1) == entry;
        if (!strcmp(entry->name, "evaluate") || prepares) continue;
        status = bench_entry(b, entry->name, trains);
    }
    return status;
}
