/* Long lines of generated C, broken at 100 columns. */
#include "base/wrap.h"

#include <stdbool.h>
#include <string.h>

enum {
    DEPTHS = 64,
    FAR_RIGHT = 12 /* columns from the statement: alignment further out leaves no room */
};

/* ---- code ---- */

/* Where the open parentheses of a statement stand, over all its lines: the column behind each, and
 * that of its line. */
typedef struct Parentheses {
    int column[DEPTHS], line[DEPTHS], depth;
} Parentheses;

static int nesting(char c)
{
    return (c == '(' || c == '{' || c == '[') - (c == ')' || c == '}' || c == ']');
}

static void open_or_close(Parentheses *p, char c, int column, int line)
{
    if (nesting(c) > 0) {
        if (p->depth < DEPTHS) {
            p->column[p->depth] = column + 1;
            p->line[p->depth] = line;
        }
        p->depth++;
    }
    if (nesting(c) < 0 && p->depth) p->depth--;
}

static bool operator_follows(const char *at)
{
    static const char *const signs[] = {"&& ", "|| ", "+ ", "- ", "* ", "/ ", "? ", ": "};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (!strncmp(at, signs[i], strlen(signs[i]))) return true;
    return false;
}

static bool assigns(const char *line, size_t i)
{
    return line[i - 2] == '=' && strchr(" +", line[i - 3]);
}

/* How badly a break in front of `i` reads: deep in parentheses, before an operator that binds,
 * behind a parenthesis, behind an assignment; -1: it cannot be broken there. */
static int cost_at(const char *line, size_t i, int depth, bool aligned, bool rest_fits)
{
    if (line[i - 1] == '(') return aligned || line[i] == ')' ? -1 : 2 * depth + 2;
    if (line[i - 1] != ' ' || i < 3) return -1;
    if (line[i - 2] == ',' || !strncmp(line + i, "&& ", 3) || !strncmp(line + i, "|| ", 3))
        return 2 * depth;
    if (!depth && assigns(line, i)) return rest_fits ? 1 : -1;
    if (!operator_follows(line + i)) return -1;
    return 2 * depth + (line[i] == '*' || line[i] == '/' ? 2 : 1);
}

/* Where the line is best broken: the outermost place, the last of these; in the first third only
 * if the rest fits in the next line. 0: nowhere. */
static size_t break_at(const char *line, size_t room, int depth, bool aligned)
{
    const size_t length = strlen(line);
    size_t best = 0;
    int least = 0;
    bool quoted = false;
    for (size_t i = 1; line[i] && i <= room + 1; i++) {
        quoted ^= line[i - 1] == '"';
        depth += nesting(line[i - 1]);
        const int cost = quoted ? -1 : cost_at(line, i, depth, aligned, length - i + 4 <= room);
        if (cost < 0 || (i > room && line[i - 1] != ' ')) continue;
        const bool early = best < room / 3 && length - best + 4 > room;
        if (!best || cost <= least || early) {
            best = i;
            least = cost;
        }
    }
    return best;
}

static size_t without_blanks(const char *line, size_t n)
{
    while (n && line[n - 1] == ' ') n--;
    return n;
}

/* One way to lay the line out; false if it asks for a column where nothing fits. */
static bool lay_out(Text *out, int indent, const char *line, bool aligned)
{
    Parentheses open = {.depth = 0};
    for (int column = indent;;) {
        const size_t room = (size_t)(WRAP_COLUMNS - column), length = strlen(line);
        const size_t at = length <= room ? 0 : break_at(line, room, open.depth, aligned);
        if (length > room && !at && aligned) return false;
        const size_t n = at ? at : length;
        text_addf(out, "%*s%.*s\n", column, "", (int)without_blanks(line, n), line);
        if (!at) return true;
        for (size_t i = 0; i < n; i++) open_or_close(&open, line[i], column + (int)i, column);
        line += n;
        column = indent + 4;
        if (!open.depth || open.depth > DEPTHS) continue;
        column = aligned ? open.column[open.depth - 1] : open.line[open.depth - 1] + 4;
        if (aligned && column > indent + FAR_RIGHT) return false;
    }
}

/* Under the open parenthesis where that goes well, else four columns in from the line where it
 * stands. */
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
