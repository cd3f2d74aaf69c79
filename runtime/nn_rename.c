/* SPDX-License-Identifier: MIT
 * nn_rename.c - names of tensors by rules. */
#include "nn_rename.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn_file.h"

/* --- applying --- */

/* Whether a name fits a pattern; *part is what its `*` stands for. */
static int fits(const char *pattern, const char *name, const char **part, size_t *length) {
    const char *star = strchr(pattern, '*');
    size_t before = star ? (size_t)(star - pattern) : 0, after = star ? strlen(star + 1) : 0;
    size_t all = strlen(name);
    *part = "";
    *length = 0;
    if (!star) return !strcmp(pattern, name);
    if (all < before + after || strncmp(name, pattern, before) != 0) return 0;
    if (strcmp(name + all - after, star + 1) != 0) return 0;
    *part = name + before;
    *length = all - before - after;
    return 1;
}

static void rewrite(const char *to, const char *part, size_t length, char name[NN_NAME_ROOM]) {
    char made[NN_NAME_ROOM];
    const char *star = strchr(to, '*');
    if (star)
        snprintf(made, sizeof made, "%.*s%.*s%s", (int)(star - to), to, (int)length, part,
                 star + 1);
    else snprintf(made, sizeof made, "%s", to);
    memcpy(name, made, sizeof made);
}

int nn_rename_apply(const nn_rename *renames, const char *stored, char name[NN_NAME_ROOM]) {
    memset(name, 0, NN_NAME_ROOM);
    snprintf(name, NN_NAME_ROOM, "%s", stored);
    for (const nn_rename *r = renames; r && r->from; r++) {
        const char *part;
        size_t length;
        if (!fits(r->from, name, &part, &length)) continue;
        if (!r->to) return 0;
        rewrite(r->to, part, length, name);
    }
    return 1;
}

/* --- reading --- */

static char *skip_space(char *at) {
    while (*at == ' ' || *at == '\t' || *at == '\r') at++;
    return at;
}

/* The word at *at, ended by a NUL; NULL: there is none. */
static char *next_word(char **at) {
    char *word = skip_space(*at), *end = word;
    if (!*word || *word == '#') return NULL;
    while (*end && !isspace((unsigned char)*end)) end++;
    *at = *end ? end + 1 : end;
    *end = 0;
    return word;
}

static int stars(const char *text) {
    int n = 0;
    for (; *text; text++) n += *text == '*';
    return n;
}

/* One line; *rule is left without a name where the line has none. */
static int read_rule(char *line, nn_rename *rule, nn_error *error) {
    char *from = next_word(&line), *to = from ? next_word(&line) : NULL;
    rule->from = rule->to = NULL;
    if (!from) return NN_OK;
    if (!to || next_word(&line))
        return nn_fail(error, NN_ERR_FORMAT,
                       "two names belong here, the file's and the model's, or `-` to skip it");
    if (stars(from) > 1 || stars(to) > stars(from))
        return nn_fail(error, NN_ERR_FORMAT, "`*` stands for any text, once in each name");
    rule->from = from;
    rule->to = strcmp(to, "-") ? to : NULL;
    return NN_OK;
}

static int count_lines(const char *text) {
    int n = 1;
    for (; *text; text++) n += *text == '\n';
    return n;
}

/* The rules and behind them the text, whose words they are, in one block. */
static int read_rules(const char *path, const nn_bytes *file, nn_rename **renames,
                      nn_error *error) {
    size_t rules = (size_t)count_lines((const char *)file->at) + 1;
    nn_rename *list = nn_alloc((int64_t)(rules * sizeof *list + file->size + 1), 1, error);
    int count = 0, number = 0;
    if (!list) return NN_ERR_MEMORY;
    char *line = (char *)(list + rules), *end;
    memcpy(line, file->at, file->size + 1);
    if (!strncmp(line, "\xef\xbb\xbf", 3)) line += 3;   /* a mark that some editors put first */
    for (int more = 1; more; line = end + 1) {
        int status;
        end = line + strcspn(line, "\n");
        more = *end != 0;
        *end = 0;
        nn_error_at(error, path, ++number, -1, -1);
        status = read_rule(line, &list[count], error);
        if (status) {
            free(list);
            return status;
        }
        count += list[count].from != NULL;
    }
    nn_error_at(error, "", -1, -1, -1);
    list[count].from = list[count].to = NULL;
    *renames = list;
    return NN_OK;
}

int nn_renames_read(const char *path, nn_rename **renames, nn_error *error) {
    nn_bytes file;
    int status = nn_file_read(path, &file, error);
    *renames = NULL;
    if (status) return status;
    if (strlen((const char *)file.at) != file.size)
        status = nn_fail(error, NN_ERR_FORMAT, "this is no text");
    else status = read_rules(path, &file, renames, error);
    free(file.at);
    return status;
}
