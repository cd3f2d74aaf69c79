/* The command line: parsing by tables, help, and how errors of use are told. */
#include "driver/cli.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OPTIONS = 64 };

int cli_error(const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fputs("nnc: error: ", stderr);
    vfprintf(stderr, format, args);
    fputc('\n', stderr);
    va_end(args);
    return CLI_ERROR;
}

int cli_unknown(const char *what, const char *word, const char *const *names, int count)
{
    const char *near = nearest_word(word, names, count);
    cli_error("unknown %s '%s'", what, word);
    if (near) fprintf(stderr, "help: did you mean `%s`?\n", near);
    fprintf(stderr, "note: one of");
    for (int i = 0; i < count; i++) fprintf(stderr, "%s %s", i ? "," : "", names[i]);
    fputc('\n', stderr);
    return CLI_USAGE;
}

/* ---- help ---- */

/* Help texts may be long: further lines stand under the first. */
static void print_wrapped(const char *text, int column, int width)
{
    int at = column;
    while (*text) {
        const int n = (int)strcspn(text, " ");
        if (at > column && at + 1 + n > width) at = printf("\n%*s", column, "") - 1;
        else if (at > column) at += printf(" ");
        at += printf("%.*s", n, text);
        text += n + (text[n] == ' ');
    }
    printf("\n");
}

static void print_option(const char *name, const char *value, const char *help)
{
    char left[64];
    const bool lengthy = name[1] == '-';
    snprintf(left, sizeof left, "%s%s%s", name, !value ? "" : lengthy ? "=" : " ",
             value ? value : "");
    printf("  %-24s ", left);
    print_wrapped(help, 27, 96);
}

static void print_help(const CliCommand *command, const CliOption *options)
{
    printf("usage: nnc%s%s %s\n\n", *command->name ? " " : "", command->name, command->arguments);
    print_wrapped(command->help, 0, 96);
    printf("\noptions:\n");
    for (const CliOption *o = options; o->name; o++) print_option(o->name, o->value, o->help);
    print_option("--help", NULL, "print this");
}

/* ---- parsing ---- */

typedef struct Parser {
    Arena *arena;
    const CliCommand *command;
    const CliOption *options;
    bool given[MAX_OPTIONS];         /* an option's text was set from the command line */
    int argc, at;
    char **argv;
} Parser;

static const CliOption *find(const Parser *p, const char *word, size_t length)
{
    for (const CliOption *o = p->options; o->name; o++)
        if (strlen(o->name) == length && !strncmp(o->name, word, length)) return o;
    return NULL;
}

static int unknown(const Parser *p, const char *word)
{
    const char *names[MAX_OPTIONS], *eq = strchr(word, '=');
    int count = 0;
    for (const CliOption *o = p->options; o->name && count < MAX_OPTIONS; o++)
        names[count++] = o->name;
    if (eq) word = arena_strndup(p->arena, word, (size_t)(eq - word));
    const char *near = nearest_word(word, names, count);
    cli_error("unknown option '%s'", word);
    if (near) fprintf(stderr, "help: did you mean `%s`?\n", near);
    else fprintf(stderr, "help: nnc %s%s--help lists the options\n", p->command->name,
                 *p->command->name ? " " : "");
    return CLI_USAGE;
}

static int refuse_second(const CliOption *o, const char *value)
{
    cli_error("option '%s' is given twice: '%s' and '%s'", o->name, *o->text, value);
    if (strstr(o->value, ",..."))
        fprintf(stderr, "help: several go into one: %s=%s,%s\n", o->name, *o->text, value);
    return CLI_USAGE;
}

static int take(Parser *p, const CliOption *o, const char *value)
{
    bool *given = &p->given[o - p->options];
    if (o->value && (!value || !*value)) {
        cli_error("option '%s' needs a value: %s", o->name, o->value);
        return CLI_USAGE;
    }
    if (*given) return refuse_second(o, value);
    *given = o->text != NULL;
    if (o->flag) *o->flag = true;
    if (o->text) *o->text = value;
    if (o->list) vec_push(p->arena, *o->list, value);
    return CLI_OK;
}

/* "-Idir" and "-I=dir", as C compilers and others take them. */
static const CliOption *find_joined(const Parser *p, const char *word)
{
    const CliOption *o = word[1] != '-' && word[1] && word[2] ? find(p, word, 2) : NULL;
    return o && o->value ? o : NULL;
}

/* The option at p->at and its value. */
static int take_option(Parser *p)
{
    const char *word = p->argv[p->at], *eq = word[1] == '-' ? strchr(word, '=') : NULL;
    const CliOption *o = find(p, word, eq ? (size_t)(eq - word) : strlen(word));
    const CliOption *joined = o ? NULL : find_joined(p, word);
    if (joined) return take(p, joined, word + (word[2] == '=' ? 3 : 2));
    if (!o) return unknown(p, word);
    if (eq && !o->value) {
        cli_error("option '%s' takes no value", o->name);
        return CLI_USAGE;
    }
    if (!o->value || eq) return take(p, o, eq ? eq + 1 : NULL);
    return take(p, o, p->at + 1 < p->argc ? p->argv[++p->at] : NULL);
}

static int check_words(const CliCommand *command, const WordList *words)
{
    const int wanted = command->words == ANY_WORDS ? 1 : command->words;
    if (words->count < wanted)
        cli_error("%s; see nnc %s%s--help",
                  words->count ? "a file is missing" : "no file given", command->name,
                  *command->name ? " " : "");
    else if (command->words != ANY_WORDS && words->count > wanted)
        cli_error("'%s' is one file too many: nnc %s%s%s", words->at[wanted], command->name,
                  *command->name ? " " : "", command->arguments);
    else
        return CLI_OK;
    return CLI_USAGE;
}

bool cli_parse(Arena *arena, const CliCommand *command, const CliOption *options, int argc,
               char **argv, WordList *words, int *status)
{
    Parser p = {arena, command, options, {false}, argc, 0, argv};
    *status = CLI_OK;
    for (; p.at < argc && *status == CLI_OK; p.at++) {
        char *word = argv[p.at];
        if (!strcmp(word, "--help") || !strcmp(word, "-h")) {
            print_help(command, options);
            return false;
        }
        if (word[0] != '-' || !word[1]) vec_push(arena, *words, word);
        else *status = take_option(&p);
    }
    if (*status == CLI_OK) *status = check_words(command, words);
    return *status == CLI_OK;
}

static bool add_word(Arena *arena, const char *option, const char *text, const char *word,
                     WordList *words)
{
    if (!*word) {
        cli_error("%s takes words with a comma between them, not '%s'", option, text);
        return false;
    }
    for (int i = 0; i < words->count; i++)
        if (!strcmp(words->at[i], word)) {
            cli_error("%s: '%s' is named twice", option, word);
            return false;
        }
    vec_push(arena, *words, word);
    return true;
}

bool cli_split(Arena *arena, const char *option, const char *text, WordList *words)
{
    for (const char *at = text; at;) {
        const size_t n = strcspn(at, ",");
        if (!add_word(arena, option, text, arena_strndup(arena, at, n), words)) return false;
        at = at[n] ? at + n + 1 : NULL;
    }
    return true;
}

bool cli_number(const char *option, const char *text, long long least, long long most,
                long long *out)
{
    char *end;
    errno = 0;
    *out = strtoll(text, &end, 10);
    if (!errno && end != text && !*end && *out >= least && *out <= most) return true;
    cli_error("%s takes a number from %lld to %lld, not '%s'", option, least, most, text);
    return false;
}
