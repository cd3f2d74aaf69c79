/* The command line: options as tables. */
#include "driver/cli.h"

#include <string.h>

static void print_help(const CliCommand *command, const CliOption *options) {
    printf("usage: nnc%s%s %s\n\n%s\n\noptions:\n", *command->name ? " " : "", command->name, command->arguments, command->help);
    for (const CliOption *o = options; o->name; o++) {
        char left[64];
        snprintf(left, sizeof left, "%s%s%s", o->name, o->value ? (o->name[1] == '-' ? "=" : " ") : "", o->value ? o->value : "");
        printf("  %-28s %s\n", left, o->help);
    }
    printf("  %-28s %s\n", "--help", "print this");
}

static const CliOption *find(const CliOption *options, const char *word, size_t length) {
    for (const CliOption *o = options; o->name; o++)
        if (strlen(o->name) == length && !strncmp(o->name, word, length)) return o;
    return NULL;
}

static int unknown(Arena *arena, const CliCommand *command, const CliOption *options, const char *word) {
    const char *names[64];
    int count = 0;
    for (const CliOption *o = options; o->name && count < 63; o++) names[count++] = o->name;
    const char *eq = strchr(word, '=');
    const char *near = nearest_word(eq ? arena_strndup(arena, word, (size_t)(eq - word)) : word, names, count);
    fprintf(stderr, "nnc: error: unknown option '%s'\n", word);
    if (near) fprintf(stderr, "help: did you mean `%s`?\n", near);
    else fprintf(stderr, "help: nnc %s --help lists the options\n", command->name);
    return CLI_USAGE;
}

static void take(Arena *arena, const CliOption *o, const char *value) {
    if (o->flag) *o->flag = true;
    if (o->text) *o->text = value;
    if (o->list) vec_push(arena, *o->list, value);
}

int cli_parse(Arena *arena, const CliCommand *command, const CliOption *options, int argc, char **argv, WordList *words) {
    for (int i = 0; i < argc; i++) {
        const char *word = argv[i];
        if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
            print_help(command, options);
            return CLI_HELP;
        }
        if (word[0] != '-' || !word[1]) {
            vec_push(arena, *words, word);
            continue;
        }
        const char *eq = word[1] == '-' ? strchr(word, '=') : NULL;
        const CliOption *o = find(options, word, eq ? (size_t)(eq - word) : strlen(word));
        if (!o) return unknown(arena, command, options, word);
        if (eq && !o->value) {
            fprintf(stderr, "nnc: error: option '%s' takes no value\n", o->name);
            return CLI_USAGE;
        }
        if (o->value && !eq && i + 1 == argc) {
            fprintf(stderr, "nnc: error: option '%s' needs a value: %s\n", o->name, o->value);
            return CLI_USAGE;
        }
        take(arena, o, !o->value ? NULL : eq ? eq + 1 : argv[++i]);
    }
    return CLI_OK;
}

WordList cli_split(Arena *arena, const char *text) {
    WordList words = {0};
    while (text && *text) {
        const size_t n = strcspn(text, ",");
        if (n) vec_push(arena, words, arena_strndup(arena, text, n));
        text += n + (text[n] == ',');
    }
    return words;
}
