/* Long lines of generated C, broken at 100 columns. */
#include "base/wrap.h"

#include <stdbool.h>
#include <string.h>

enum {
    DEPTHS = 64,
    FAR_RIGHT = 12 /* columns from the statement: alignment further out leaves no room */
};

/* ---- code ---- */

/* Where the open parentheses of a statement stand, over all its lines. */
typedef struct Parentheses {
    int column[DEPTHS], depth;
} Parentheses;

static void open_or_close(Parentheses *p, char c, int column)
{
    if (c == '(' || c == '{') {
        if (p->depth < DEPTHS) p->column[p->depth] = column + 1;
        p->depth++;
    }
    if ((c == ')' || c == '}') && p->depth) p->depth--;
}

static bool operator_follows(const char *at)
{
    static const char *const signs[] = {"&& ", "|| ", "+ ", "- ", "* ", "/ ", "? ", ": "};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (!strncmp(at, signs[i], strlen(signs[i]))) return true;
    return false;
}

/* How badly a break here reads: deep in parentheses, and before an operator of arithmetic. */
static int cost_at(const char *line, size_t i, int depth)
{
    const bool joins = line[i + 1] == '&' || line[i + 1] == '|';
    return 2 * depth + (line[i - 1] != ',' && !joins);
}

static size_t after_last_parenthesis(const char *line, size_t room)
{
    size_t best = 0;
    for (size_t i = 0; line[i] && i < room; i++)
        if (line[i] == '(' && line[i + 1] != ')') best = i + 1;
    return best;
}

/* Where the line is best broken: the outermost blank in its last two thirds, the last of these;
 * else behind a parenthesis. 0: nowhere. */
static size_t break_at(const char *line, size_t room, int depth)
{
    size_t best = 0;
    int least = 0;
    bool quoted = false;
    for (size_t i = 0; line[i] && i <= room; i++) {
        quoted ^= line[i] == '"';
        depth += (line[i] == '(' || line[i] == '{') - (line[i] == ')' || line[i] == '}');
        if (line[i] != ' ' || !i || quoted) continue;
        if (line[i - 1] != ',' && !operator_follows(line + i + 1)) continue;
        const int cost = cost_at(line, i, depth);
        if (!best || cost <= least || best < room / 3) {
            best = i;
            least = cost;
        }
    }
    return best;
}

/* One way to lay the line out; false if it asks for a column where nothing fits. */
static bool lay_out(Text *out, int indent, const char *line, bool aligned)
{
    Parentheses open = {.depth = 0};
    for (int column = indent;;) {
        const size_t room = (size_t)(WRAP_COLUMNS - column), length = strlen(line);
        size_t at = length <= room ? 0 : break_at(line, room, open.depth);
        if (length > room && !at) {
            if (aligned) return false;
            at = after_last_parenthesis(line, room);
        }
        const size_t n = at ? at : length;
        text_addf(out, "%*s%.*s\n", column, "", (int)n, line);
        if (!at) return true;
        for (size_t i = 0; i < n; i++) open_or_close(&open, line[i], column + (int)i);
        line += n;
        while (*line == ' ') line++;
        column = indent + 4;
        if (!aligned || !open.depth || open.depth > DEPTHS) continue;
        column = open.column[open.depth - 1];
        if (column > indent + FAR_RIGHT) return false;
    }
}

/* Under the open parenthesis where that goes well, else four columns in. */
void wrap_code(Text *out, int indent, const char *line)
{
    Text trial = text_new(out->arena);
    if (lay_out(&trial, indent, line, true)) text_add(out, trial.at);
    else lay_out(out, indent, line, false);
}

/* ---- comments ---- */

/* How much of the first line of `text` fits, broken at a blank; all of it if there is none. */
static size_t words_that_fit(const char *text, size_t room)
{
    const size_t whole = strcspn(text, "\n");
    size_t best = 0;
    if (whole <= room) return whole;
    for (size_t i = 1; i <= room; i++)
        if (text[i] == ' ' && text[i - 1] != ' ') best = i;
    return best ? best : whole;
}

static void put_trimmed(Text *out, const char *line)
{
    size_t n = strlen(line);
    while (n && line[n - 1] == ' ') n--;
    text_addn(out, line, n);
}

/* Lines after `head`; the last keeps `reserved` columns free. */
static void comment_words(Text *out, const char *head, const char *text, size_t reserved)
{
    while (*text) {
        const size_t blanks = strspn(text, " "), whole = strcspn(text, "\n");
        const char *rest = text + blanks, *end = text + whole;
        const size_t room = WRAP_COLUMNS - strlen(head) - blanks - (*end ? 0 : reserved);
        do {
            const size_t n = words_that_fit(rest, room);
            put_trimmed(out,
                        arena_printf(out->arena, "%s%*s%.*s", head, (int)blanks, "", (int)n, rest));
            for (rest += n; *rest == ' ';) rest++;
            if (*rest && (*rest != '\n' || rest[1])) text_add(out, "\n");
        } while (rest < end);
        text = *end ? end + 1 : end;
    }
}

void wrap_comment_lines(Text *out, const char *text)
{
    comment_words(out, " * ", text, 0);
    text_add(out, "\n");
}

void wrap_comment(Text *out, int indent, const char *text)
{
    Text body = text_new(out->arena);
    comment_words(&body, arena_printf(out->arena, "%*s * ", indent, ""), text, 3);
    body.at[indent] = '/';
    text_addf(out, "%s */\n", body.at);
}
