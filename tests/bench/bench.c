/* bench [-t TARGET]... [-r ROUNDS] [-b BATCH] [-o DIR] MODEL...: each kernel and each entry of generated code
 * against the peak of this machine, timed side by side; medians. A `train` entry is also timed with
 * Adam's step: a whole step of training. Without -t: for every vector target of this processor.
 * DIR keeps the C and the shared objects.
 *
 * bench -i -t TARGET [-b BATCH] [-d DATA] MODEL: measures on request (serve.h). */
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "driver/measure.h"
#include "nn_float_mode.h"
#include "serve.h"
#include "subject.h"

typedef struct Bench {
    Arena *arena;
    const char *directory;
    int rounds;
    int64_t train_batch; /* 0: what the program says */
    bool on_request;  /* serve.h */
    const char *data; /* its directory */
} Bench;

/* One kernel, entry or step as something to time. */
typedef struct Timed {
    const char *name;
    double flops, bytes;
    Subject *subject;
    SubjectEntry *entry;
    int call; /* a kernel's number; -1: the whole entry; -2: and Adam; -3: Adam alone */
} Timed;
typedef VEC(Timed) TimedList;

static void run_item(void *context)
{
    Timed *item = context;
    if (item->call >= 0) item->entry->callers[item->call](item->entry->values);
    else if (item->call != -3) item->entry->entry->call(&item->entry->call);
    if (item->call < -1) subject_adam(item->subject);
}

static void add_entry(Arena *arena, TimedList *items, Subject *s, SubjectEntry *e)
{
    const double params = (double)s->model->param_floats;
    for (int i = 0; i < e->lowered->calls.count; i++) {
        const Kernel *k = e->lowered->calls.at[i].kernel;
        if (!e->callers[i]) continue;
        vec_push(arena, *items, ((Timed){k->name, k->flops, k->bytes, s, e, i}));
    }
    vec_push(arena, *items,
             ((Timed){arena_printf(arena, "[%s]", e->entry->name), e->entry->flops, 0, s, e, -1}));
    if (strcmp(e->entry->name, "train")) return;
    vec_push(arena, *items, ((Timed){"adam", 0, 28 * params, s, e, -3}));
    vec_push(arena, *items, ((Timed){"[train and adam]", e->entry->flops, 0, s, e, -2}));
}

static void print_row(const Timed *item, const Racer *r, double peak)
{
    printf("  %-34s %10.2f us  (least %10.2f)", item->name, r->median * 1e6, r->least * 1e6);
    if (item->flops / r->median > 1e8)
        printf("  %7.1f GFLOP/s  %5.1f%% of peak", item->flops / r->median / 1e9,
               100 * item->flops / r->median / peak);
    if (item->bytes > 0) printf("  %6.1f GB/s", item->bytes / r->median / 1e9);
    printf("\n");
}

static void bench_entry(const Bench *b, Subject *s, SubjectEntry *e)
{
    TimedList items = {0};
    Peak peak;
    add_entry(b->arena, &items, s, e);
    Racer *racers = arena_array(b->arena, Racer, items.count + 1);
    for (int i = 0; i < items.count; i++)
        racers[i] = (Racer){.name = items.at[i].name, .run = run_item, .context = &items.at[i]};
    measure_peak(s->target, &peak, &racers[items.count]);
    e->entry->call(&e->call); /* every buffer holds what it will hold */
    measure_race(b->arena, racers, items.count + 1, b->rounds, 1e-3);
    const double flops = peak.flops / racers[items.count].median;
    printf("%s, %s, %s, batch %lld: peak %.1f GFLOP/s\n", s->name, s->target->name, e->entry->name,
           (long long)e->entry->batch, flops / 1e9);
    for (int i = 0; i < items.count; i++) print_row(&items.at[i], &racers[i], flops);
    printf("\n");
}

static int bench_model(const Bench *b, const char *path, const char *target)
{
    Subject s;
    const char *error = subject_open(b->arena, path, target, b->train_batch, b->directory, &s);
    if (error) {
        fprintf(stderr, "bench: %s\n", error);
        return 1;
    }
    const uint64_t mode = nn_float_mode_fast();
    if (b->on_request) serve(b->arena, &s, b->data);
    else
        for (int i = 0; i < s.entries.count; i++) bench_entry(b, &s, &s.entries.at[i]);
    nn_float_mode_restore(mode);
    return 0;
}

static int vector_targets(const char *names[MAX_TARGETS])
{
    int count = 0;
    for (int i = 0; targets[i]; i++)
        if (targets[i]->width > 1 && target_runs_here(targets[i]) && count < MAX_TARGETS)
            names[count++] = targets[i]->name;
    if (!count) names[count++] = "scalar";
    return count;
}

int main(int argc, char **argv)
{
    const char *chosen[MAX_TARGETS];
    int target_count = 0, failed = 0, option;
    Bench b = {.directory = "build/bench", .rounds = 31};
    while ((option = getopt(argc, argv, "t:r:b:o:d:i")) != -1) {
        if (option == 't' && target_count < MAX_TARGETS) chosen[target_count++] = optarg;
        else if (option == 'r') b.rounds = atoi(optarg);
        else if (option == 'b') b.train_batch = atoi(optarg);
        else if (option == 'o') b.directory = optarg;
        else if (option == 'd') b.data = optarg;
        else if (option == 'i') b.on_request = true;
        else return 2;
    }
    if (optind == argc || b.rounds < 1) {
        fprintf(stderr, "usage: bench [-t TARGET]... [-r ROUNDS] [-b BATCH] [-o DIR] MODEL...\n");
        return 2;
    }
    if (!target_count) target_count = vector_targets(chosen);
    for (int i = optind; i < argc; i++)
        for (int t = 0; t < target_count; t++) {
            b.arena = arena_new();
            failed |= bench_model(&b, argv[i], chosen[t]);
            arena_free(b.arena);
        }
    return failed;
}
