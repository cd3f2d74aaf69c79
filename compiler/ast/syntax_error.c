/* Owns the wording of syntax errors. Each explanation below knows one kind of mistake; the first
 * that recognises it speaks. */
#include "ast/syntax_error.h"

#include <ctype.h>
#include <string.h>

#include "ast/words.h"
#include "base/text.h"

enum { LONGEST_QUOTE = 40, LONGEST_ENUMERATION = 6 };

typedef bool Explanation(ParseContext *context, const SyntaxError *error);

static bool is_one_of(const char *token, const char *const *set)
{
    for (; *set; set++)
        if (strcmp(token, *set) == 0) return true;
    return false;
}

static bool expects(const SyntaxError *error, const char *token)
{
    for (int i = 0; i < error->count; i++)
        if (strcmp(error->expected[i], token) == 0) return true;
    return false;
}

static bool got(const SyntaxError *error, const char *token)
{
    return strcmp(error->got, token) == 0;
}

static bool expects_expression(const SyntaxError *error)
{
    return expects(error, "a number");
}

static bool is_comparison(const char *token)
{
    static const char *const set[] = {"==", "!=", "<", "<=", ">", ">=", NULL};
    return is_one_of(token, set);
}

/* What can follow a complete operand and go on with the expression. */
static bool continues_operand(const char *token)
{
    static const char *const set[] = {"|>", "..", "or", "and", "+", "-", "*", "/", "%", "@", "**",
                                      "(", "[", ".", "as", NULL};
    return is_one_of(token, set) || is_comparison(token);
}

/* The unexpected token as it reads in a sentence. */
static const char *got_text(ParseContext *context, const SyntaxError *error)
{
    if (got(error, "the end of the file") || got(error, "a string")) return error->got;
    int length = error->at.end - error->at.begin;
    const char *text = error->at.source->text + error->at.begin;
    if (length > LONGEST_QUOTE)
        return arena_printf(context->arena, "`%.*s...`", LONGEST_QUOTE, text);
    return arena_printf(context->arena, "`%.*s`", length, text);
}

static const char *previous_text(ParseContext *context)
{
    return context_text(context, context->previous);
}

static bool starts_new_line(const ParseContext *context, const SyntaxError *error)
{
    return context->previous.source && span_line(context->previous) < span_line(error->at);
}

static char closing(char open)
{
    return open == '(' ? ')' : open == '[' ? ']' : '}';
}

/* Just behind the token before: where what is missing should have stood. */
static Span missing_at(const ParseContext *context, const SyntaxError *error)
{
    return (Span){error->at.source, context->previous.end, context->previous.end};
}

/* Points at the bracket that is open, where the reader may have lost sight of it. */
static void note_open_bracket(ParseContext *context, const SyntaxError *error)
{
    static const char *const endings[] = {";", ")", "]", "}", "the end of the file", NULL};
    const Bracket *open = &context->innermost;
    if (open->open != '(' && open->open != '[') return;
    if (error->got[0] == closing(open->open)) return;
    if (is_one_of(error->got, endings) || span_line(open->span) < span_line(context->previous))
        diag_note(context->diags, open->span, "this `%c` is not closed", open->open);
}

static void suggest_word(ParseContext *context, const char *word, WordRole role)
{
    const char *candidates[64];
    int count = 0;
    for (const Word *known = ast_words; known->text && count < 64; known++)
        if (known->role == role) candidates[count++] = known->text;
    const char *nearest = nearest_word(word, candidates, count);
    if (nearest) diag_help(context->diags, "did you mean `%s`?", nearest);
}

/* What people write who come from elsewhere, and what to write here. */
static const struct { const char *words[8], *help; } habits[] = {
    {{"let", "var", "val", "auto", "int", "float", "double", NULL},
     "a name needs no word before it: `name = ...;`"},
    {{"def", "fn", "func", "function", "void", NULL}, "a function is `block name(x) { ... }`"},
    {{"class", "struct", "network", "module", NULL}, "a network is `model name { ... }`"},
    {{"import", "from", "include", "using", NULL}, "`use \"file.nn\" (name);` imports"},
    {{"while", NULL}, "a loop is `for i in 0..n { ... }`"},
};

static bool suggest_habit(ParseContext *context, const char *word)
{
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++) {
        if (!is_one_of(word, habits[i].words)) continue;
        diag_help(context->diags, "%s", habits[i].help);
        return true;
    }
    return false;
}

/* ---- structure ---- */

/* `model ...` inside braces: the brace before was not closed. */
static bool explain_item_inside(ParseContext *context, const SyntaxError *error)
{
    bool at_start = expects(error, "=") && expects(error, ",") && !expects_expression(error);
    if (!at_start || !ast_has_role(context->previous_kind, WORD_ITEM)) return false;
    if (!got(error, "a string") && !ast_is_name(context->token_kind)) return false;
    diag_error(context->diags, context->previous, "`%s` cannot stand inside braces",
               previous_text(context));
    diag_note(context->diags, context->innermost.span, "is the `}` of this `{` missing?");
    context->brace_missing = true;
    return true;
}

static bool explain_end_of_file(ParseContext *context, const SyntaxError *error)
{
    if (!got(error, "the end of the file")) return false;
    if (context->brace_missing) return true;
    char open = context->innermost.open;
    if (!open) {
        diag_error(context->diags, missing_at(context, error), "%s ends too early",
                   context->is_expression ? "the expression" : "the file");
        return true;
    }
    diag_error(context->diags, missing_at(context, error),
               "expected `%c` before the end of the file", closing(open));
    diag_note(context->diags, context->innermost.span, "this `%c` is not closed", open);
    return true;
}

static bool explain_stray_bracket(ParseContext *context, const SyntaxError *error)
{
    if (!got(error, ")") && !got(error, "]") && !got(error, "}")) return false;
    bool closes = context->innermost.open && error->got[0] == closing(context->innermost.open);
    if (closes || expects_expression(error) || expects(error, ")") || expects(error, "]"))
        return false;
    if (got(error, "}") && context->innermost.open) return false;
    diag_error(context->diags, error->at, "this `%s` closes nothing", error->got);
    return true;
}

static bool explain_top_level(ParseContext *context, const SyntaxError *error)
{
    if (!expects(error, "model") || expects(error, "a name")) return false;
    if (got(error, ";")) {
        diag_error(context->diags, error->at, "unexpected `;`");
        diag_help(context->diags, "no `;` follows a `}`");
        return true;
    }
    const char *text = context_text(context, error->at);
    const Word *word = ast_find_word(text);
    if (word && (word->role == WORD_STATEMENT || word->role == WORD_RESERVED)) {
        diag_error(context->diags, error->at, "`%s` stands only inside a block or a model",
                   word->text);
        return true;
    }
    diag_error(context->diags, error->at, "expected `use`, `const`, `block`, `model`, `train` "
               "or `infer`, got %s", got_text(context, error));
    if (got(error, "a name") && !suggest_habit(context, text))
        suggest_word(context, text, WORD_ITEM);
    return true;
}

/* The quote that was meant to end the string opened one inside it. */
static bool explain_in_string(ParseContext *context, const SyntaxError *error)
{
    if (!expects(error, "} in a string")) return false;
    diag_error(context->diags, context->innermost.span, "this `{` is not closed in its string");
    diag_help(context->diags, "write \\{ for the character itself");
    return true;
}

/* ---- statements ---- */

static bool explain_statement_start(ParseContext *context, const SyntaxError *error)
{
    if (!expects(error, "return")) return false;
    diag_error(context->diags, error->at, "expected a statement, got %s", got_text(context, error));
    if (got(error, ";")) diag_help(context->diags, "there is no empty statement");
    return true;
}

/* After the first name of a statement only `=` and `,` can follow. */
static bool explain_after_name(ParseContext *context, const SyntaxError *error)
{
    if (error->count != 2 || !expects(error, "=") || !expects(error, ",")) return false;
    const char *word = previous_text(context);
    if (ast_is_name(context->token_kind)) {
        diag_error(context->diags, context->previous, "`%s` begins no statement", word);
        if (!suggest_habit(context, word)) suggest_word(context, word, WORD_STATEMENT);
    } else if (strcmp(word, "while") == 0) {
        diag_error(context->diags, context->previous, "`while` begins no statement");
        suggest_habit(context, word);
    } else if (got(error, ":")) {
        diag_error(context->diags, error->at, "`%s` is declared without saying as what", word);
        diag_help(context->diags, "write `%s = ...`, or declare it with `input`, `target`, "
                  "`param`, `state` or `session`", word);
    } else if (continues_operand(error->got) || got(error, ";")) {
        diag_error(context->diags, context->previous, "an expression alone is no statement");
        diag_help(context->diags, "keep its value, `name = ...;`, or `return` it");
    } else {
        return false;
    }
    return true;
}

/* ---- expressions ---- */

static bool explain_reserved_name(ParseContext *context, const SyntaxError *error)
{
    static const char reserved[] = "`%s` is a reserved word and cannot be a name";
    if (ast_has_role(context->previous_kind, WORD_RESERVED) && got(error, "=")) {
        diag_error(context->diags, context->previous, reserved, previous_text(context));
        return true;
    }
    const Word *word = ast_find_word(error->got);
    if (!word || word->role != WORD_RESERVED) return false;
    if (!expects(error, "a name") || expects_expression(error)) return false;
    diag_error(context->diags, error->at, reserved, word->text);
    return true;
}

static bool explain_loose_operand(ParseContext *context, const SyntaxError *error)
{
    const char *construct = NULL;
    if (got(error, "if") || got(error, "not")) construct = error->got;
    if (!construct || !expects_expression(error) || expects(error, construct)) {
        bool scan = strcmp(previous_text(context), "scan") == 0 && expects(error, "|>");
        if (!scan || !ast_is_name(context->token_kind)) return false;
        construct = "scan";
    }
    diag_error(context->diags, strcmp(construct, "scan") == 0 ? context->previous : error->at,
               "%s `%s` inside an operator needs parentheses",
               strcmp(construct, "if") == 0 ? "an" : "a", construct);
    return true;
}

static bool explain_chain(ParseContext *context, const SyntaxError *error)
{
    if (is_comparison(error->got) && expects(error, "and")) {
        diag_error(context->diags, error->at, "comparisons do not chain");
        diag_help(context->diags, "write `a < b and b < c`");
        return true;
    }
    if (got(error, "..") && expects(error, "and")) {
        diag_error(context->diags, error->at, "ranges do not chain");
        return true;
    }
    if (!continues_operand(error->got) || !expects(error, "|>")) return false;
    diag_error(context->diags, error->at, "a pipe inside an operator needs parentheses");
    diag_help(context->diags, "write `(x |> f) %s ...`", error->got);
    return true;
}

static bool explain_expression(ParseContext *context, const SyntaxError *error)
{
    if (!expects_expression(error)) return false;
    diag_error(context->diags, error->at, "expected an expression, got %s",
               got_text(context, error));
    note_open_bracket(context, error);
    return true;
}

/* What people may have meant by a token that stands in the wrong place. */
static void help_token(ParseContext *context, const SyntaxError *error)
{
    if (got(error, "=") && expects(error, "=="))
        diag_help(context->diags, "write `==` to compare");
    else if (got(error, "=") && error->count == 1 && expects(error, ";"))
        diag_help(context->diags, "an input or target comes from outside and is given no value");
    else if (got(error, "(") && expects(error, "["))
        diag_help(context->diags, "the extents stand in square brackets: `f32[batch, 4]`");
    else if (got(error, ":") && expects(error, ")"))
        diag_help(context->diags, "a range is `0..n`, an argument by name `name = value`");
    else if (got(error, ":") && expects(error, "]"))
        diag_help(context->diags, "a slice is `begin : end`; it has no step");
    else if (got(error, ",") && expects(error, ")"))
        diag_help(context->diags, "a list stands in square brackets: `[a, b]`");
}

static void help_pipe(ParseContext *context, const SyntaxError *error)
{
    if (ast_is_name(context->token_kind) && expects(error, "|>"))
        diag_help(context->diags, "to apply a block, write `|> %s`",
                  context_text(context, error->at));
}

/* Whether a statement begins with the token: by its word, or as a name that is given a value. */
static bool starts_statement(const SyntaxError *error)
{
    const char *next = error->at.source->text + error->at.end;
    const Word *word = ast_find_word(error->got);
    if (got(error, "if") || got(error, "for") || got(error, "return")) return true;
    if (!got(error, "a name") && (!word || word->role == WORD_RESERVED)) return false;
    while (*next == ' ' || *next == '\t') next++;
    const bool name_follows = isalpha((unsigned char)*next) || *next == '_';
    return (*next == '=' && next[1] != '=')
           || (word && word->role == WORD_STATEMENT && name_follows);
}

static bool explain_semicolon(ParseContext *context, const SyntaxError *error)
{
    if (!expects(error, ";")) return false;
    bool missing = starts_new_line(context, error) || got(error, "}");
    if (got(error, ",") && expects(error, "=") && expects(error, ";") && error->count == 2) {
        diag_error(context->diags, error->at, "expected `;` after this statement, got `,`");
        diag_help(context->diags, "each output has a statement of its own");
        return true;
    }
    diag_error(context->diags, missing ? missing_at(context, error) : error->at,
               "expected `;` after this statement, got %s", got_text(context, error));
    if (missing) {
        if (starts_statement(error)) context->missed = MISSED_SEMICOLON;
        return true;
    }
    help_token(context, error);
    help_pipe(context, error);
    return true;
}

/* Whatever is left: the tokens that fit, operators and soft words aside. */
static void explain_tokens(ParseContext *context, const SyntaxError *error)
{
    const char *fitting[LONGEST_ENUMERATION];
    int count = 0;
    bool names = expects(error, "a name"), operand = expects(error, "|>");
    for (int i = 0; i < error->count && count < LONGEST_ENUMERATION; i++) {
        const Word *word = ast_find_word(error->expected[i]);
        bool implied = (names && word && word->role != WORD_RESERVED)
                       || (strcmp(error->expected[i], "=") == 0 && expects(error, ")"));
        implied = implied || (operand && continues_operand(error->expected[i]));
        if (!implied) fitting[count++] = error->expected[i];
    }
    Text text = text_new(context->arena);
    for (int i = 0; i < count; i++) {
        const char *quote = strncmp(fitting[i], "a ", 2) == 0 ? "" : "`";
        text_addf(&text, "%s%s%s%s", i == 0 ? "" : i == count - 1 ? " or " : ", ", quote,
                  fitting[i], quote);
    }
    if (count == 0)
        diag_error(context->diags, error->at, "unexpected %s", got_text(context, error));
    else
        diag_error(context->diags, error->at, "expected %s, got %s", text.at,
                   got_text(context, error));
    help_token(context, error);
    note_open_bracket(context, error);
}

void syntax_error_report(ParseContext *context, const SyntaxError *error)
{
    static Explanation *const explanations[] = {
        explain_item_inside, explain_end_of_file, explain_in_string, explain_stray_bracket,
        explain_top_level, explain_statement_start, explain_after_name, explain_reserved_name,
        explain_loose_operand, explain_chain, explain_expression, explain_semicolon,
    };
    if (context->gave_up) return;
    context->blamed = error->at.begin;
    for (size_t i = 0; i < sizeof explanations / sizeof *explanations; i++)
        if (explanations[i](context, error)) return;
    explain_tokens(context, error);
}
