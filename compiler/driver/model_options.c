/* Options that every command on a model shares. */
#include "driver/model_options.h"

#include <stdlib.h>
#include <string.h>

static bool unknown_target(const char *name) {
    const char *names[16] = {"native"};
    int count = 1;
    for (int i = 0; targets[i] && count < 16; i++) names[count++] = targets[i]->name;
    fprintf(stderr, "nnc: error: unknown target '%s'\n", name);
    const char *near = nearest_word(name, names, count);
    if (near) fprintf(stderr, "help: did you mean `%s`?\n", near);
    fprintf(stderr, "note: targets are");
    for (int i = 0; i < count; i++) fprintf(stderr, " %s", names[i]);
    fprintf(stderr, "\n");
    return false;
}

/* Widest first, so that the last is the one that runs everywhere. */
static void by_width(const Target **at, int count) {
    for (int i = 1; i < count; i++)
        for (int j = i; j > 0 && at[j - 1]->width < at[j]->width; j--) {
            const Target *t = at[j];
            at[j] = at[j - 1];
            at[j - 1] = t;
        }
}

static bool pick_targets(Arena *arena, const char *text, CompileOptions *options) {
    const WordList words = cli_split(arena, text ? text : "native");
    for (int i = 0; i < words.count; i++) {
        const Target *t = target_find(words.at[i]);
        if (!t) return unknown_target(words.at[i]);
        bool twice = false;
        for (int j = 0; j < options->target_count; j++) twice |= options->targets[j] == t;
        if (!twice && options->target_count < MAX_TARGETS) options->targets[options->target_count++] = t;
    }
    by_width(options->targets, options->target_count);
    return true;
}

/* "infer=1,32" */
static bool pick_batches(Arena *arena, const WordList *given, ElaborateOptions *elaborate_options) {
    VEC(int64_t) sizes = {0};
    for (int i = 0; i < given->count; i++) {
        const char *eq = strchr(given->at[i], '=');
        if (eq && strncmp(given->at[i], "infer=", 6) != 0) {
            fprintf(stderr, "nnc: error: --batch sets infer=N; use --set train.batch=N for training\n");
            return false;
        }
        const WordList words = cli_split(arena, eq ? eq + 1 : given->at[i]);
        for (int j = 0; j < words.count; j++) {
            char *end;
            const long long n = strtoll(words.at[j], &end, 10);
            if (*end || n < 1 || n > 1 << 20) {
                fprintf(stderr, "nnc: error: '%s' is no batch size\n", words.at[j]);
                return false;
            }
            vec_push(arena, sizes, n);
        }
    }
    elaborate_options->infer_batches = sizes.at;
    elaborate_options->infer_batch_count = sizes.count;
    return true;
}

bool model_options(Arena *arena, const ModelOptions *given, CompileOptions *options) {
    const WordList entries = cli_split(arena, given->entries);
    options->elaborate.model = given->model;
    options->elaborate.sets = given->sets.at;
    options->elaborate.set_count = given->sets.count;
    options->elaborate.search = given->search.at;
    options->elaborate.search_count = given->search.count;
    options->entries = entries.at;
    options->entry_count = entries.count;
    options->emit.optimizer = -1;
    options->emit.name = given->name ? emit_identifier(arena, given->name) : NULL;
    return pick_targets(arena, given->targets, options) && pick_batches(arena, &given->batches, &options->elaborate);
}

static const char *base_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *model_command(Arena *arena, const char *file, int argc, char **argv) {
    Text out = text_new(arena);
    text_addf(&out, "nnc %s", base_name(file));
    for (int i = 0; i < argc; i++) {
        const bool shapes_code = !strncmp(argv[i], "--target", 8) || !strncmp(argv[i], "--set", 5) || !strncmp(argv[i], "--batch", 7) ||
                                 !strncmp(argv[i], "--entries", 9) || !strncmp(argv[i], "--name", 6) ||
                                 !strncmp(argv[i], "--optimizer", 11);
        if (!shapes_code) continue;
        text_addf(&out, " %s", argv[i]);
        if (!strchr(argv[i], '=') && i + 1 < argc) text_addf(&out, " %s", argv[++i]);
    }
    return out.at;
}
