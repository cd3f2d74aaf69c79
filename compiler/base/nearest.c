/* Owns "did you mean": the candidate nearest to a misspelt word. */
#include "base/diag.h"

#include <ctype.h>
#include <limits.h>
#include <string.h>

enum { LONGEST_WORD = 64 };      /* longer ones are not compared: they are no typing errors */

static int smaller(int a, int b)
{
    return a < b ? a : b;
}

static char lower(const char *word, int at)
{
    return (char)tolower((unsigned char)word[at]);
}

/* Damerau-Levenshtein (optimal string alignment): insertions, deletions, substitutions and
 * swaps of neighbours count one each; case does not count. */
static int edit_distance(const char *a, int a_length, const char *b, int b_length)
{
    int rows[3][LONGEST_WORD + 1];
    int *before = rows[0], *last = rows[1], *row = rows[2];
    for (int j = 0; j <= b_length; j++) row[j] = j;
    for (int i = 1; i <= a_length; i++) {
        int *spare = before;
        before = last;
        last = row;
        row = spare;
        row[0] = i;
        for (int j = 1; j <= b_length; j++) {
            int differ = lower(a, i - 1) != lower(b, j - 1);
            row[j] = smaller(last[j - 1] + differ, 1 + smaller(last[j], row[j - 1]));
            if (i > 1 && j > 1 && lower(a, i - 1) == lower(b, j - 2)
                && lower(a, i - 2) == lower(b, j - 1))
                row[j] = smaller(row[j], before[j - 2] + 1);
        }
    }
    return row[b_length];
}

/* `part` starts `whole`, or is one of the words that underscores join in it. */
static bool is_part(const char *part, int part_length, const char *whole, int whole_length)
{
    if (part_length < 3 || part_length >= whole_length) return false;
    if (strncmp(whole, part, (size_t)part_length) == 0) return true;
    for (int i = 1; i + part_length <= whole_length; i++) {
        int end = i + part_length;
        if (whole[i - 1] != '_' || (whole[end] != '\0' && whole[end] != '_')) continue;
        if (strncmp(whole + i, part, (size_t)part_length) == 0) return true;
    }
    return false;
}

/* The distance if it is small enough to suggest, else INT_MAX. Abbreviations and added words
 * (`pad`, `use_bias`) come after every misspelling. */
static int suggestion_cost(const char *word, int length, const char *candidate)
{
    size_t size = strlen(candidate);
    if (size == 0 || size > LONGEST_WORD) return INT_MAX;
    int candidate_length = (int)size;
    int distance = edit_distance(word, length, candidate, candidate_length);
    int allowed = (length > candidate_length ? length : candidate_length) / 3;
    if (distance <= (allowed ? allowed : distance == 0)) return distance;
    if (is_part(word, length, candidate, candidate_length)
        || is_part(candidate, candidate_length, word, length))
        return LONGEST_WORD + distance;
    return INT_MAX;
}

const char *nearest_word(const char *word, const char *const *candidates, int count)
{
    size_t size = strlen(word);
    if (size == 0 || size > LONGEST_WORD) return NULL;
    const char *best = NULL;
    int best_cost = INT_MAX;
    for (int i = 0; i < count; i++) {
        int cost = suggestion_cost(word, (int)size, candidates[i]);
        if (cost >= best_cost) continue;
        best_cost = cost;
        best = candidates[i];
    }
    return best;
}
