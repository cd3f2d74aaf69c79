/* nnc bench: generated code and the interpreter side by side, one thread, in the same rounds. */
#include <stdlib.h>
#include <string.h>

#include "driver/bench.h"
#include "driver/buffers.h"
#include "driver/commands.h"
#include "driver/model_options.h"
#include "driver/table.h"
#include "interp/interp.h"
#include "nn_float_mode.h"

static const char *processor_name(Arena *arena)
{
    char *text, *line;
    size_t length;
    if (file_read(arena, "/proc/cpuinfo", &text, &length)) return "this machine";
    line = strstr(text, "model name");
    if (!line || !(line = strchr(line, ':'))) return "this machine";
    line += 1 + strspn(line + 1, " ");
    line[strcspn(line, "\n")] = 0;
    return line;
}

/* ---- tables ---- */

static void add_timing(Arena *arena, Table *table, const Timing *t)
{
    const double rate = t->flops / t->median;
    table_add(table, t->label, with_unit(arena, t->least), with_unit(arena, t->median),
              with_unit(arena, t->p99),
              with_unit(arena, t->most), arena_printf(arena, "%.3gx", t->ratio),
              arena_printf(arena, rate < 1e11 ? "%.2f" : "%.0f", rate / 1e9),
              arena_printf(arena, "%.1f%%", 100 * rate / t->peak));
}

static void print_table(Arena *arena, const Bench *b)
{
    Table table = table_new(arena, "<>>>>>>>", "|least|p50|p99|most|time|GFLOP/s|of peak");
    for (int i = 0; i < b->timings.count; i++) {
        const Timing *t = &b->timings.at[i];
        const bool first = i == 0 || strcmp(t[-1].title, t->title) != 0;
        if (first) {
            table_rule(&table);
            table_add(&table, t->title, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
        }
        add_timing(arena, &table, t);
    }
    table_print(&table, stdout);
}

static void print_csv(Arena *arena, const Bench *b)
{
    Table table = table_new(arena, "<<>>><>>>>>>>",
                            "model|entry|batch|flop|peak_gflops|runner|min_us|p50_us|p99_us|max_us|"
                            "ratio|gflops|percent_of_peak");
    for (int i = 0; i < b->timings.count; i++) {
        const Timing *t = &b->timings.at[i];
        const double rate = t->flops / t->median;
        table_add(&table, b->generated.model->name, t->entry,
                  arena_printf(arena, "%lld", (long long)t->batch),
                  arena_printf(arena, "%.0f", t->flops), arena_printf(arena, "%.2f", t->peak / 1e9),
                  t->label, arena_printf(arena, "%.3f", 1e6 * t->least),
                  arena_printf(arena, "%.3f", 1e6 * t->median),
                  arena_printf(arena, "%.3f", 1e6 * t->p99),
                  arena_printf(arena, "%.3f", 1e6 * t->most), arena_printf(arena, "%.4g", t->ratio),
                  arena_printf(arena, "%.3f", rate / 1e9),
                  arena_printf(arena, "%.2f", 100 * rate / t->peak));
    }
    table_print_csv(&table, stdout);
}

/* ---- sizes ---- */

static void print_sizes(Arena *arena, const Bench *b)
{
    const nn_model *m = b->generated.model;
    const double params = 4.0 * (double)m->param_floats;
    printf("\n  memory   parameters %s", bytes_text(arena, params));
    if (b->step)
        printf(", gradients as much, moments %d times as much",
               nn_optimizer_moments(&b->optimizer));
    if (m->state_floats) printf(", states %s", bytes_text(arena, 4.0 * (double)m->state_floats));
    printf("\n           workspace of");
    for (int i = 0; i < m->entry_count; i++)
        printf("%s %s %s", i ? "," : "", m->entries[i].name,
               bytes_text(arena, (double)m->entries[i].workspace_bytes));
    printf("\n  code     %s of machine code, %s of C\n",
           bytes_text(arena, (double)native_code_bytes(arena, &b->generated.native)),
           bytes_text(arena, (double)b->source_bytes));
    printf("  compile  nnc %s, the C compiler %s\n", with_unit(arena, b->nnc_seconds),
           with_unit(arena, b->generated.native.build_seconds));
}

static void print_skipped(const Bench *b)
{
    for (int i = 0; i < b->skipped.count; i++) printf("  %s\n", b->skipped.at[i]);
}

/* ---- the command ---- */

static int bench(Arena *arena, Bench *b, bool csv)
{
    if (!bench_prepare(b)) return CLI_ERROR;
    const uint64_t mode = nn_float_mode_fast();
    interp_blas_threads(1);
    const int status = bench_run(b);
    nn_float_mode_restore(mode);
    if (status != CLI_OK) return status;
    if (csv) {
        print_csv(arena, b);
    } else {
        printf("%s on %s\none thread, %s; the machine's FMA peak, measured in the same rounds, is "
               "%.1f GFLOP/s\n\n", b->generated.model->name, processor_name(arena),
               b->generated.model->target, b->timings.at[b->timings.count - 1].peak / 1e9);
        print_table(arena, b);
        print_skipped(b);
        print_sizes(arena, b);
    }
    native_close(&b->generated.native);
    return CLI_OK;
}

int cmd_bench(Arena *arena, const CliCommand *self, int argc, char **argv)
{
    ModelOptions model = {0};
    CompileOptions options = {0};
    WordList words = {0};
    bool csv = false, alone = false;
    const char *seconds = "3";
    char *end;
    int status;
    const CliOption table[] = {
        {"--seconds", "X", "how long to measure each entry; default 3", NULL, &seconds, NULL},
        {"--generated-only", NULL, "leave the interpreter out", &alone, NULL, NULL},
        {"--csv", NULL, "print comma-separated values", &csv, NULL, NULL},
        MODEL_OPTIONS(model),
        ENTRY_OPTIONS(model),
        {0},
    };
    if (!cli_parse(arena, self, table, argc, argv, &words, &status)) return status;
    if ((status = model_options(arena, &model, &options))) return status;
    Bench b = {.arena = arena, .path = words.at[0], .options = &options, .alone = alone,
               .seconds = strtod(seconds, &end)};
    if (*end || end == seconds || !(b.seconds > 0 && b.seconds < 1e5)) {
        cli_error("--seconds takes a positive number, not '%s'", seconds);
        return CLI_USAGE;
    }
    options.emit.command = model_command(arena, words.at[0], argc, argv);
    return bench(arena, &b, csv);
}
