/* Options that every command on a model shares. */
#include "driver/model_options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TARGET_NAMES = 16, LARGEST_BATCH = 1 << 20 };

static int unknown_target(const char *name)
{
    const char *names[MAX_TARGET_NAMES] = {"native"};
    int count = 1;
    for (int i = 0; targets[i] && count < MAX_TARGET_NAMES; i++) names[count++] = targets[i]->name;
    return cli_unknown("target", name, names, count);
}

/* Widest first, so that the last is the one that runs everywhere. */
static void by_width(const Target **at, int count)
{
    for (int i = 1; i < count; i++)
        for (int j = i; j > 0 && at[j - 1]->width < at[j]->width; j--) {
            const Target *t = at[j];
            at[j] = at[j - 1];
            at[j - 1] = t;
        }
}

static int pick_targets(Arena *arena, const char *text, CompileOptions *options)
{
    WordList words = {0};
    if (!cli_split(arena, "--target", text ? text : "native", &words)) return CLI_USAGE;
    for (int i = 0; i < words.count; i++) {
        const Target *t = target_find(words.at[i]);
        if (!t) return unknown_target(words.at[i]);
        bool twice = false;
        for (int j = 0; j < options->target_count; j++) twice |= options->targets[j] == t;
        if (!twice && options->target_count < MAX_TARGETS)
            options->targets[options->target_count++] = t;
    }
    by_width(options->targets, options->target_count);
    return CLI_OK;
}

typedef VEC(int64_t) Sizes;

static int add_size(Arena *arena, const char *word, Sizes *sizes)
{
    long long n;
    if (!cli_number("--batch", word, 1, LARGEST_BATCH, &n)) return CLI_USAGE;
    for (int i = 0; i < sizes->count; i++)
        if (sizes->at[i] == n) {
            cli_error("--batch: %lld is named twice", n);
            return CLI_USAGE;
        }
    vec_push(arena, *sizes, n);
    return CLI_OK;
}

/* "infer=1,32" or "1,32" */
static int add_sizes(Arena *arena, const char *text, Sizes *sizes)
{
    WordList words = {0};
    const char *eq = strchr(text, '=');
    int status = CLI_OK;
    if (eq && strncmp(text, "infer=", 6) != 0) {
        cli_error("--batch sets infer=N; for training there is --set train.batch=N");
        return CLI_USAGE;
    }
    if (eq && !eq[1]) {
        cli_error("--batch takes infer=N or infer=N,N,..., not '%s'", text);
        return CLI_USAGE;
    }
    if (!cli_split(arena, "--batch", eq ? eq + 1 : text, &words)) return CLI_USAGE;
    for (int i = 0; i < words.count && !status; i++)
        status = add_size(arena, words.at[i], sizes);
    return status;
}

static int pick_batches(Arena *arena, const WordList *given, ElaborateOptions *options)
{
    Sizes sizes = {0};
    int status = CLI_OK;
    for (int i = 0; i < given->count && !status; i++)
        status = add_sizes(arena, given->at[i], &sizes);
    options->infer_batches = sizes.at;
    options->infer_batch_count = sizes.count;
    return status;
}

/* A number, or one with K, M or G behind it. */
static int pick_bytes(const char *text, int64_t *bytes)
{
    static const char units[] = "KMG";
    char *end;
    if (!text) return CLI_OK;
    errno = 0;
    const long long value = strtoll(text, &end, 10);
    const char *unit = *end ? strchr(units, *end) : NULL;
    const int shift = unit ? 10 * (int)(unit - units + 1) : 0;
    if (errno || end == text || value < 1 || value > INT64_MAX >> shift || (unit ? end[1] : *end)) {
        cli_error("--max-workspace takes bytes, such as 1000000, 512K, 64M or 2G, not '%s'", text);
        return CLI_USAGE;
    }
    *bytes = (int64_t)value << shift;
    return CLI_OK;
}

/* Each KEY=VALUE, and no key twice. */
static bool check_sets(const WordList *sets)
{
    for (int i = 0; i < sets->count; i++) {
        const size_t key = strcspn(sets->at[i], "=");
        if (!sets->at[i][key] || !sets->at[i][key + 1]) {
            cli_error("--set takes KEY=VALUE, not '%s'", sets->at[i]);
            return false;
        }
        for (int j = 0; j < i; j++)
            if (!strncmp(sets->at[j], sets->at[i], key + 1)) {
                cli_error("--set sets %.*s twice: '%s' and '%s'", (int)key, sets->at[i],
                          sets->at[j] + key + 1, sets->at[i] + key + 1);
                return false;
            }
    }
    return true;
}

int model_options(Arena *arena, ModelOptions *given, CompileOptions *options)
{
    WordList entries = {0};
    if (!cli_split(arena, "--entries", given->entries, &entries)) return CLI_USAGE;
    if (!check_sets(&given->sets)) return CLI_USAGE;
    options->elaborate.sets = given->sets.at;
    options->elaborate.set_count = given->sets.count;
    options->elaborate.model = given->model;
    options->elaborate.search = given->search.at;
    options->elaborate.search_count = given->search.count;
    options->strict = given->strict;
    options->prepare = given->prepare;
    options->entries = entries.at;
    options->entry_count = entries.count;
    options->emit.optimizer = -1;
    options->emit.name = given->name ? emit_identifier(arena, given->name) : NULL;
    int status = pick_targets(arena, given->targets, options);
    if (!status) status = pick_bytes(given->max_workspace, &options->max_workspace);
    return status ? status : pick_batches(arena, &given->batches, &options->elaborate);
}

static const char *path_base(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *path_directory(Arena *arena, const char *path)
{
    const char *slash = strrchr(path, '/');
    if (!slash) return ".";
    return slash == path ? "/" : arena_strndup(arena, path, (size_t)(slash - path));
}

static bool decides_code(const char *word)
{
    static const char *const options[] = {
        "--target", "--set",       "--batch",   "--entries",       "--name",
        "--model",  "--optimizer", "--threads", "--max-workspace", NULL};
    for (int i = 0; options[i]; i++) {
        const size_t n = strlen(options[i]);
        if (!strncmp(word, options[i], n) && (!word[n] || word[n] == '=')) return true;
    }
    return false;
}

const char *model_command(Arena *arena, const char *file, int argc, char **argv)
{
    Text out = text_new(arena);
    text_addf(&out, "nnc %s", path_base(file));
    for (int i = 0; i < argc; i++) {
        if (!strcmp(argv[i], "--strict") || !strcmp(argv[i], "--prepare"))
            text_addf(&out, " %s", argv[i]);
        if (!decides_code(argv[i])) continue;
        text_addf(&out, " %s", argv[i]);
        if (!strchr(argv[i], '=') && i + 1 < argc) text_addf(&out, "=%s", argv[++i]);
    }
    return out.at;
}
