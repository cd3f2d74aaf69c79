/* nnc check: generated code against the interpreter, entry by entry and tensor by tensor; gradients
 * against finite differences.
 *
 * Where a tensor is further off than the tolerance, the interpreter runs again with its rounding
 * disturbed: a relu whose input lies within rounding of 0 is open in one order of the sums and shut
 * in another, and both are right. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/buffers.h"
#include "driver/commands.h"
#include "driver/interp_model.h"
#include "driver/model_options.h"
#include "driver/rounding.h"
#include "driver/slopes.h"
#include "driver/table.h"
#include "nn_data.h"
#include "nn_weights.h"

typedef struct Check {
    Arena *arena;
    const char *path;
    ModelOptions *model;
    CompileOptions *options;
    double tolerance;
    uint64_t seed;
    Subject oracle;                  /* the interpreter, on the graph before it was optimised */
    const Module *module;            /* the oracle's */
    int compared, rounded, differ, slopes, wrong, flat;
} Check;

/* Of finite differences in single precision; a wrong rule is off by far more. */
static const double slope_tolerance = 2e-2;
/* What the interpreter may compute in a training step, so that a check takes seconds. */
static const double oracle_flops = 1e9;

/* ---- values ---- */

/* Gradients far below the largest of the model are rounding errors of it (a bias before a batch
 * norm): they are measured against that largest. */
static double gradient_floor(const Results *results, const Result *result)
{
    double largest = 0, own = 0;
    if (result->kind != RESULT_GRAD) return 0;
    for (int i = 0; i < results->count; i++) {
        const Result *r = &results->at[i];
        for (int64_t e = 0; r->kind == RESULT_GRAD && e < r->elements; e++) {
            const double size = fabs((double)r->values[e]);
            if (size > largest) largest = size;
            if (r == result && size > own) own = size;
        }
    }
    return own < 1e-5 * largest ? largest : 0;
}

/* One tensor of a call. */
typedef struct Finding {
    double floor;                    /* errors are relative to this at least */
    Difference off;
    double moved;                    /* by disturbed rounding, in the same measure */
} Finding;

static bool is_within(const Check *k, const Finding *f)
{
    return f->off.finite && f->off.relative <= k->tolerance;
}

static bool is_rounding(const Finding *f)
{
    return f->off.finite && rounding_explains(f->off.relative, f->moved);
}

/* The entry in the interpreter, from the weights and inputs that the seed gives. round: of
 * disturbed rounding, or 0. */
static int interpret(Check *k, const char *name, int count, int round, Results *out)
{
    Arena *arena = k->arena;
    const Subject *s = &k->oracle;
    const nn_model *model = round ? interp_model_disturbed(arena, k->module, round) : s->model;
    const nn_entry *entry = nn_find_entry(model, name);
    nn_weights_start(model, s->params, s->states, k->seed);
    nn_call *call = call_new(arena, model, entry, s->params, s->states);
    call_random_inputs(call, model, entry, k->seed);
    call_spoil_rows(call, entry, count);
    call->seed = k->seed;
    const int status = entry->call(call);
    if (!status) *out = call_results(arena, model, entry, call);
    return status;
}

/* As often as it takes to explain all that is off, if rounding can. */
static void disturb(Check *k, const char *name, int count, const Results *want, Finding *found)
{
    bool open = true;
    for (int round = 1; round <= ROUNDING_RUNS && open; round++) {
        Results moved;
        open = false;
        for (int i = 0; i < want->count; i++)
            open |= !is_within(k, &found[i]) && !is_rounding(&found[i]);
        if (!open || interpret(k, name, count, round, &moved)) return;
        for (int i = 0; i < want->count; i++) {
            const Difference d = floats_differ(moved.at[i].values, want->at[i].values,
                                               want->at[i].elements, found[i].floor);
            found[i].moved = fmax(found[i].moved, d.relative);
        }
    }
}

static const char *verdict_on(Check *k, const Finding *f, const float *got, const float *want)
{
    if (is_within(k, f)) return "ok";
    if (is_rounding(f)) {
        k->rounded++;
        return arena_printf(k->arena, "within rounding: the interpreter itself moves by %.1e",
                            f->moved);
    }
    k->differ++;
    return arena_printf(k->arena, "DIFFERS at element %lld: %.7g, interpreter %.7g; rounding moves "
                        "it by %.1e", (long long)f->off.at, (double)got[f->off.at],
                        (double)want[f->off.at], f->moved);
}

static void compare_results(Check *k, const nn_entry *entry, int count, const Results *got,
                            const Results *want, Table *table)
{
    Finding *found = arena_array(k->arena, Finding, want->count + 1);
    for (int i = 0; i < want->count; i++) {
        const Result *w = &want->at[i], *g = result_find(got, w->kind, w->name);
        found[i].floor = gradient_floor(want, w);
        found[i].off = floats_differ(g->values, w->values, w->elements, found[i].floor);
    }
    disturb(k, entry->name, count, want, found);
    for (int i = 0; i < want->count; i++) {
        const Result *w = &want->at[i], *g = result_find(got, w->kind, w->name);
        k->compared++;
        table_add(table, entry->name,
                  arena_printf(k->arena, "%d of %lld", count, (long long)entry->batch),
                  result_label(k->arena, w), dims_text(k->arena, w->rank, w->dims),
                  arena_printf(k->arena, "%.1e", found[i].off.relative),
                  verdict_on(k, &found[i], g->values, w->values));
    }
}

/* One entry with `count` valid rows on both sides, from the same values. */
static bool compare_entry(Check *k, const Subject *s, const nn_entry *entry, int count,
                          Table *table)
{
    Arena *arena = k->arena;
    Subject native = *s;
    Results want;
    nn_weights_start(k->oracle.model, k->oracle.params, k->oracle.states, k->seed);
    subject_copy(&k->oracle, &native);
    nn_call *call = call_new(arena, s->model, entry, s->params, s->states);
    call_random_inputs(call, s->model, entry, k->seed);
    call_spoil_rows(call, entry, count);
    memset(call->workspace, 0xff, entry->workspace_bytes);
    call->seed = k->seed;
    const int generated = entry->call(call);
    const int interpreted = interpret(k, entry->name, count, 0, &want);
    if (generated != interpreted) {
        cli_error("%s: the generated code says '%s', the interpreter '%s'", entry->name,
                  nn_status_text(generated), nn_status_text(interpreted));
        k->differ++;
        return false;
    }
    if (generated) {
        cli_error("%s: %s", entry->name, nn_status_text(generated));
        return false;
    }
    const Results got = call_results(arena, s->model, entry, call);
    compare_results(k, entry, count, &got, &want, table);
    return true;
}

static bool compare_target(Check *k, const Subject *s)
{
    Table table = table_new(k->arena, "<<<<><", "entry|rows|tensor|shape|error|verdict");
    bool ran = true;
    table_rule(&table);
    for (int i = 0; i < s->model->entry_count; i++) {
        const nn_entry *entry = &s->model->entries[i];
        if (!nn_find_entry(k->oracle.model, entry->name)) continue; /* prepares the next */
        if (i) table_rule(&table);
        ran &= compare_entry(k, s, entry, (int)entry->batch, &table);
        if (entry->batch > 1) ran &= compare_entry(k, s, entry, (int)entry->batch - 1, &table);
    }
    printf("%s against the interpreter; errors are relative to a tensor's largest element\n\n",
           s->label);
    table_print(&table, stdout);
    printf("\n");
    return ran;
}

/* ---- gradients ---- */

static bool check_slopes(Check *k, const Subject *s)
{
    Slopes slopes = {0};
    Table table = table_new(k->arena, "<<>>><",
                            "parameter|shape|slope by backward|by differences|error|verdict");
    table_rule(&table);
    nn_weights_start(s->model, s->params, s->states, k->seed);
    const char *problem = slopes_measure(k->arena, s, k->seed, slope_tolerance, &slopes);
    if (problem) {
        cli_error("%s", problem);
        return false;
    }
    for (int i = 0; i < slopes.count; i++) {
        const Slope *slope = &slopes.at[i];
        const bool right = slope->flat || slope->error <= slope_tolerance;
        k->slopes++;
        if (slope->flat) k->flat++;
        if (!right) k->wrong++;
        table_add(&table, slope->tensor->name,
                  dims_text(k->arena, slope->tensor->rank, slope->tensor->dims),
                  arena_printf(k->arena, "%.6g", slope->backward),
                  arena_printf(k->arena, "%.6g", slope->differences),
                  arena_printf(k->arena, "%.1e", slope->error),
                  slope->flat ? "too flat to tell" : right ? "ok" : "WRONG");
    }
    if (!slopes.count) return true;
    printf("gradients of %s against finite differences, along one direction a parameter\n\n",
           s->label);
    table_print(&table, stdout);
    printf("\n");
    return true;
}

/* ---- the command ---- */

/* A smaller batch where the interpreter would take too long for the program's own. */
static bool make_oracle(Check *k)
{
    k->options->last_pass = "differentiate";
    Compilation c = compile_start(k->arena, k->path, k->options);
    const bool made = subject_interp(&c, false, &k->oracle);
    k->options->last_pass = NULL;
    if (!made) return false;
    k->module = c.module;
    const nn_entry *train = nn_find_entry(k->oracle.model, "train");
    if (!train || train->flops <= oracle_flops || train->batch <= 2 || !c.ast) return true;
    int64_t batch = (int64_t)((double)train->batch * oracle_flops / train->flops);
    if (batch < 2) batch = 2;
    for (int i = 0; i < k->model->sets.count; i++)
        if (!strncmp(k->model->sets.at[i], "train.batch=", 12)) return true;
    printf("train.batch is %lld here, for the interpreter's sake; --set train.batch=%lld checks "
           "the program's own\n\n", (long long)batch, (long long)train->batch);
    k->options->elaborate.train_batch = batch;
    return make_oracle(k);
}

static int verdict(const Check *k, bool ran)
{
    if (!ran) return CLI_ERROR;
    if (k->differ) printf("FAILED: %d of %d tensors differ by more than %.1e\n", k->differ,
                          k->compared, k->tolerance);
    if (k->wrong) printf("FAILED: %d of %d gradients are wrong by more than %.0f%%\n", k->wrong,
                         k->slopes, 100 * slope_tolerance);
    if (k->differ || k->wrong) return CLI_ERROR;
    printf("ok: %d tensors agree within %.1e", k->compared - k->rounded, k->tolerance);
    if (k->rounded) printf(", %d within what rounding moves in the interpreter", k->rounded);
    if (k->slopes) printf(", %d gradients are confirmed", k->slopes - k->flat);
    printf("\n");
    return CLI_OK;
}

static int check(Check *k)
{
    bool ran = make_oracle(k);
    const CompileOptions all = *k->options;
    for (int i = 0; ran && i < all.target_count; i++) {
        CompileOptions one = *k->options;
        Subject s;
        one.targets[0] = all.targets[i];
        one.target_count = 1;
        Compilation c = compile_start(k->arena, k->path, &one);
        if (!subject_native(&c, &s)) return CLI_ERROR;
        ran = compare_target(k, &s);
        if (ran && i == 0) ran = check_slopes(k, &s);
        native_close(&s.native);
    }
    return verdict(k, ran);
}

int cmd_check(Arena *arena, const CliCommand *self, int argc, char **argv)
{
    ModelOptions model = {0};
    CompileOptions options = {0};
    WordList words = {0};
    const char *tolerance = "1e-4", *seed = "1";
    long long seed_number;
    char *end;
    int status;
    const CliOption table[] = {
        MODEL_OPTIONS(model),
        ENTRY_OPTIONS(model),
        {"--tolerance", "X", "relative error accepted without asking what rounding does; default "
         "1e-4", NULL, &tolerance, NULL},
        {"--seed", "N", "of weights, inputs and directions; default 1", NULL, &seed, NULL},
        {0},
    };
    if (!cli_parse(arena, self, table, argc, argv, &words, &status)) return status;
    if ((status = model_options(arena, &model, &options))) return status;
    if (!cli_number("--seed", seed, 0, 1LL << 53, &seed_number)) return CLI_USAGE;
    Check k = {.arena = arena, .path = words.at[0], .model = &model, .options = &options,
               .seed = (uint64_t)seed_number, .tolerance = strtod(tolerance, &end)};
    if (*end || end == tolerance || !(k.tolerance > 0)) {
        cli_error("--tolerance takes a positive number, not '%s'", tolerance);
        return CLI_USAGE;
    }
    options.emit.command = model_command(arena, words.at[0], argc, argv);
    return check(&k);
}
