/* nnc profile: the time, speed and traffic of each kernel of an entry, side by side in one run. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "driver/commands.h"
#include "driver/dissect.h"
#include "driver/measure.h"
#include "driver/model_options.h"
#include "driver/table.h"
#include "lower/optimizer.h"
#include "nn_float_mode.h"

/* One kernel, entry or step as something to time. */
typedef struct Timed {
    const char *name;
    double flops, bytes; /* of one call */
    Dissection *model;
    DissectedEntry *entry;
    const Part *part; /* a kernel; else NULL */
    bool call, adam;  /* what else is run */
    int64_t times;    /* in one call of the entry */
} Timed;

typedef struct Profile {
    Arena *arena;
    const char *path;
    const CompileOptions *options;
    long long rounds;
    bool csv;
    Dissection model;
    VEC(Timed) items; /* of one entry: kernels, then what is more than one */
    int kernels;
    Racer *racers;
    double peak; /* FLOP/s, in the same rounds */
    Table table;
} Profile;

static void run_item(void *context)
{
    Timed *item = context;
    if (item->part) item->part->run(item->part->values);
    if (item->call) item->entry->entry->call(&item->entry->call);
    if (item->adam) dissect_adam(item->model);
}

/* ---- what is timed ---- */

/* The whole entry; of training the optimiser's step too, alone and with it. */
static void add_wholes(Profile *p, DissectedEntry *e)
{
    const double params = (double)p->model.model->param_floats;
    vec_push(p->arena, p->items,
             ((Timed){.name = arena_printf(p->arena, "[%s]", e->entry->name),
                      .times = 1,
                      .flops = e->entry->flops,
                      .entry = e,
                      .call = true}));
    if (strcmp(e->entry->name, "train") || !p->model.step) return;
    vec_push(p->arena, p->items,
             ((Timed){.name = "[adam]",
                      .bytes = 28 * params,
                      .times = 1,
                      .entry = e,
                      .model = &p->model,
                      .adam = true}));
    vec_push(p->arena, p->items,
             ((Timed){.name = "[train and adam]",
                      .flops = e->entry->flops,
                      .times = 1,
                      .entry = e,
                      .model = &p->model,
                      .call = true,
                      .adam = true}));
}

static void collect(Profile *p, DissectedEntry *e)
{
    p->items.count = 0;
    for (int i = 0; i < e->parts.count; i++) {
        const Part *part = &e->parts.at[i];
        const Kernel *k = part->call->kernel;
        vec_push(p->arena, p->items,
                 ((Timed){.name = arena_printf(p->arena, "%*s%s", 2 * part->depth, "", k->name),
                          .flops = k->flops,
                          .bytes = k->bytes,
                          .part = part,
                          .entry = e,
                          .times = part->times}));
    }
    p->kernels = p->items.count;
    add_wholes(p, e);
}

static void measure(Profile *p, DissectedEntry *e)
{
    Peak peak;
    const int n = p->items.count;
    p->racers = arena_array(p->arena, Racer, n + 1);
    for (int i = 0; i < n; i++)
        p->racers[i] =
            (Racer){.name = p->items.at[i].name, .run = run_item, .context = &p->items.at[i]};
    measure_peak(p->model.target, &peak, &p->racers[n]);
    e->entry->call(&e->call); /* every buffer holds what it will hold */
    measure_race(p->arena, p->racers, n + 1, (int)p->rounds, 1e-3);
    p->peak = peak.flops / p->racers[n].least;
}

/* ---- what is shown ---- */

static const char *kind_of(const Timed *item)
{
    static const char *const names[] = {
        [KERNEL_ROWS] = "rows",       [KERNEL_CONTRACT] = "product", [KERNEL_WINDOW] = "window",
        [KERNEL_TRANSFORM] = "transform",
        [KERNEL_RANDOM] = "random",   [KERNEL_COPY] = "copy",        [KERNEL_GATHER] = "gather",
        [KERNEL_SCATTER] = "scatter", [KERNEL_JOIN] = "join",        [KERNEL_PUT] = "put",
        [KERNEL_SCAN] = "scan",       [KERNEL_CHECK] = "check"};
    return item->part ? names[item->part->call->kernel->kind] : "";
}

/* Of all kernels, the time of one call of the entry. */
static double sum_of(const Profile *p)
{
    double sum = 0;
    for (int i = 0; i < p->kernels; i++) sum += p->racers[i].least * (double)p->items.at[i].times;
    return sum;
}

static const char *number(Arena *arena, const char *format, double x)
{
    return x > 0 ? arena_printf(arena, format, x) : "";
}

static void add_row(Profile *p, int i, double sum)
{
    const Timed *item = &p->items.at[i];
    const Racer *r = &p->racers[i];
    const double each = r->least, all = each * (double)item->times, rate = item->flops / each;
    const bool counts = rate > 1e8;
    Arena *a = p->arena;
    table_add(&p->table, item->name, kind_of(item),
              item->times > 1 ? arena_printf(a, "%lld", (long long)item->times) : "",
              with_unit(a, all), with_unit(a, r->median * (double)item->times),
              i < p->kernels ? arena_printf(a, "%.1f%%", 100 * all / sum) : "",
              number(a, "%.1f", counts ? rate / 1e9 : 0),
              number(a, "%.1f%%", counts ? 100 * rate / p->peak : 0),
              item->bytes > 0 ? bytes_text(a, item->bytes * (double)item->times) : "",
              number(a, "%.1f", item->bytes / each / 1e9));
}

static void show(Profile *p, const DissectedEntry *e)
{
    const double sum = sum_of(p);
    p->table = table_new(p->arena, "<<>>>>>>>>",
                         "|kind|calls|least|median|share|GFLOP/s|of peak|bytes|GB/s");
    table_rule(&p->table);
    for (int i = 0; i < p->items.count; i++) {
        if (i == p->kernels) table_rule(&p->table);
        add_row(p, i, sum);
    }
    printf("%s, %s, %s, batch %lld: peak %.1f GFLOP/s, the kernels together %s\n\n", p->model.name,
           p->model.target->name, e->entry->name, (long long)e->entry->batch, p->peak / 1e9,
           with_unit(p->arena, sum));
    table_print(&p->table, stdout);
    printf("\n");
}

/* All entries are one table. */
static void add_csv(Profile *p, const DissectedEntry *e)
{
    Arena *a = p->arena;
    for (int i = 0; i < p->items.count; i++) {
        const Timed *item = &p->items.at[i];
        const Racer *r = &p->racers[i];
        const char *name = item->name + strspn(item->name, " ");
        table_add(&p->table, p->model.name, p->model.target->name, e->lowered->plan->name,
                  arena_printf(a, "%lld", (long long)e->entry->batch), name, kind_of(item),
                  arena_printf(a, "%lld", (long long)item->times),
                  arena_printf(a, "%.4f", 1e6 * r->least), arena_printf(a, "%.4f", 1e6 * r->median),
                  arena_printf(a, "%.0f", item->flops), arena_printf(a, "%.0f", item->bytes),
                  arena_printf(a, "%.3f", item->flops / r->least / 1e9),
                  arena_printf(a, "%.2f", 100 * item->flops / r->least / p->peak),
                  arena_printf(a, "%.3f", item->bytes / r->least / 1e9));
    }
}

/* ---- the command ---- */

static int profile_target(Profile *p, const char *directory)
{
    const char *problem = dissect_open(p->arena, p->path, p->options, directory, &p->model);
    if (problem) return cli_error("%s", problem);
    const uint64_t mode = nn_float_mode_fast();
    for (int i = 0; i < p->model.entries.count; i++) {
        DissectedEntry *e = &p->model.entries.at[i];
        collect(p, e);
        measure(p, e);
        if (p->csv) add_csv(p, e);
        else show(p, e);
    }
    nn_float_mode_restore(mode);
    dissect_close(&p->model);
    return CLI_OK;
}

/* Every target in turn, from C and a shared object in `directory`. */
static int profile(Profile *p, const CompileOptions *all, const char *directory)
{
    int status = CLI_OK;
    p->table = table_new(p->arena, "<<<><<>>>>>>>>",
                         "model|target|entry|batch|kernel|kind|calls|least_us|median_us|flop|bytes|"
                         "gflops|percent_of_peak|gb_per_s");
    for (int i = 0; status == CLI_OK && i < all->target_count; i++) {
        CompileOptions *one = arena_copy(p->arena, all, sizeof *all);
        one->targets[0] = all->targets[i];
        one->target_count = 1;
        p->options = one;
        if (!target_runs_here(one->targets[0]))
            return cli_error("this processor lacks %s", one->targets[0]->name);
        status = profile_target(p, directory);
    }
    if (p->csv && status == CLI_OK) table_print_csv(&p->table, stdout);
    return status;
}

static int in_temporary_place(Profile *p, const CompileOptions *all)
{
    const char *cache, *problem = cache_directory(p->arena, &cache);
    if (problem) return cli_error("%s", problem);
    const char *place = arena_printf(p->arena, "%s/profile.%ld", cache, (long)getpid());
    const char *const away[] = {"rm", "-rf", place, NULL};
    const int status = profile(p, all, place);
    problem = run_command(p->arena, away);
    return problem ? cli_error("%s", problem) : status;
}

int cmd_profile(Arena *arena, const CliCommand *self, int argc, char **argv)
{
    ModelOptions model = {0};
    CompileOptions options = {0};
    WordList words = {0};
    const char *rounds = "31", *directory = NULL;
    Profile p = {.arena = arena};
    int status;
    const CliOption table[] = {
        {"--rounds", "N", "how often each kernel is measured; default 31", NULL, &rounds, NULL},
        {"--csv", NULL, "print comma-separated values", &p.csv, NULL, NULL},
        {"-o", "DIR", "keep the C and the shared object in DIR/TARGET", NULL, &directory, NULL},
        MODEL_OPTIONS(model),
        ENTRY_OPTIONS(model),
        {0},
    };
    if (!cli_parse(arena, self, table, argc, argv, &words, &status)) return status;
    if ((status = model_options(arena, &model, &options))) return status;
    if (!cli_number("--rounds", rounds, 1, 1000000, &p.rounds)) return CLI_USAGE;
    p.path = words.at[0];
    options.emit.command = model_command(arena, words.at[0], argc, argv);
    options.emit.optimizer = OPTIMIZER_ADAM;
    return directory ? profile(&p, &options, directory) : in_temporary_place(&p, &options);
}
