/* The parser and the formatter: the example programs, the rules of precedence and of names, spans,
 * and thousands of damaged programs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <glob.h>

#include "frontend.h"
#include "golden.h"
#include "grammar/parse.h"
#include "parse_check.h"

static int setup(void **state)
{
    *state = arena_new();
    return 0;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static AstFile *parse_source(Arena *arena, const Source *source)
{
    Diags *diags = diags_new(arena);
    AstFile *file = ast_parse(arena, source, diags);
    diags_print(diags, stderr);
    assert_int_equal(diags_errors(diags), 0);
    return file;
}

static AstFile *parse_text(Arena *arena, const char *text)
{
    Source *source = arena_make(arena, Source);
    *source = (Source){"text.nn", text, strlen(text)};
    return parse_source(arena, source);
}

/* The value of `const it = ...;` */
static Expr *parse_expr(Arena *arena, const char *text)
{
    AstFile *file = parse_text(arena, arena_printf(arena, "const it = %s;", text));
    assert_int_equal(file->items.count, 1);
    return file->items.at[0]->constant;
}

static const char *tree_of(Arena *arena, const char *expression)
{
    AstFile *file = parse_text(arena, arena_printf(arena, "const it = %s;", expression));
    Text text = text_new(arena);
    ast_print(&text, file);
    return text.at;
}

/* ---- programs ---- */

static void examples_parse(void **state)
{
    glob_t found;
    assert_int_equal(glob("examples/*.nn", 0, NULL, &found), 0);
    assert_true(found.gl_pathc >= 8);
    for (size_t i = 0; i < found.gl_pathc; i++)
        parse_source(*state, frontend_source(*state, found.gl_pathv[i]));
    globfree(&found);
}

static void trees_are_as_expected(void **state)
{
    static const char *const programs[][2] = {
        {"examples/char_gpt.nn", "tests/parse/char_gpt.ast"},
        {"examples/speech_ctc.nn", "tests/parse/speech_ctc.ast"},
        {"examples/resnet20.nn", "tests/parse/resnet20.ast"},
        {"tests/parse/layout.nn", "tests/parse/layout.ast"},
    };
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        Text tree = text_new(*state);
        ast_print(&tree, parse_source(*state, frontend_source(*state, programs[i][0])));
        assert_true(golden_matches(*state, programs[i][1], tree.at, tree.length));
    }
}

static void an_empty_file_is_a_file(void **state)
{
    assert_int_equal(parse_text(*state, "")->items.count, 0);
    assert_int_equal(parse_text(*state, "\xef\xbb\xbf// only a comment")->comments.count, 1);
}

/* ---- the formatter ---- */

static void check_format(Arena *arena, const char *path)
{
    AstFile *file = parse_source(arena, frontend_source(arena, path));
    Text formatted = text_new(arena);
    ast_format(&formatted, file);
    const char *fault = format_fault(arena, file, &formatted);
    if (fault) fail_msg("%s: %s", path, fault);
}

static void formatting_keeps_the_tree_and_settles(void **state)
{
    glob_t found;
    assert_int_equal(glob("examples/*.nn", 0, NULL, &found), 0);
    assert_int_equal(glob("tests/parse/*.nn", GLOB_APPEND, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) check_format(*state, found.gl_pathv[i]);
    globfree(&found);
}

static void layout_is_canonical(void **state)
{
    static const char *const programs[][2] = {
        {"tests/parse/layout.nn", "tests/parse/layout.fmt"},
        {"tests/parse/comments.nn", "tests/parse/comments.fmt"},
    };
    for (size_t i = 0; i < sizeof programs / sizeof *programs; i++) {
        Text formatted = text_new(*state);
        ast_format(&formatted, parse_source(*state, frontend_source(*state, programs[i][0])));
        assert_true(golden_matches(*state, programs[i][1], formatted.at, formatted.length));
    }
}

/* ---- expressions ---- */

static void precedence(void **state)
{
    static const char *const pairs[][2] = {
        {"a + b * c", "a + (b * c)"},
        {"a - b - c", "(a - b) - c"},
        {"a / b * c @ d % e", "(((a / b) * c) @ d) % e"},
        {"-a ** b", "-(a ** b)"},
        {"a ** -b ** c", "a ** (-(b ** c))"},
        {"-a * b", "(-a) * b"},
        {"not a == b and c or d", "((not (a == b)) and c) or d"},
        {"a + b < c - d", "(a + b) < (c - d)"},
        {"a or b..c or d", "(a or b)..(c or d)"},
        {"a..b |> f |> g(c)", "((a..b) |> f) |> g(c)"},
        {"if a then b |> f else c |> g", "if a then (b |> f) else (c |> g)"},
        {"if a then b else if c then d else e", "if a then b else (if c then d else e)"},
        {"a + f(x) as n", "a + (f(x) as n)"},
        {"-f(x) as n ** 2", "-((f(x) as n) ** 2)"},
        {"f(e)[g].h", "((f(e))[g]).h"},
        {"a @ b.c.T", "a @ (b.c.T)"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++)
        assert_string_equal(tree_of(*state, pairs[i][0]), tree_of(*state, pairs[i][1]));
}

static void an_expression_alone(void **state)
{
    Source source = {"--set", "[1, 2 ** width]", 15}, bad = {"--set", "1 +", 3};
    Diags *diags = diags_new(*state);
    assert_int_equal(ast_parse_expr(*state, &source, diags)->kind, EXPR_LIST);
    assert_int_equal(diags_errors(diags), 0);
    assert_null(ast_parse_expr(*state, &bad, diags));
    assert_int_equal(diags_errors(diags), 1);
}

static void numbers(void **state)
{
    assert_true(parse_expr(*state, "9223372036854775807")->integer == INT64_MAX);
    assert_int_equal(parse_expr(*state, "0..2")->kind, EXPR_RANGE);
    assert_true(parse_expr(*state, "2e3")->number == 2000.0);
    assert_true(parse_expr(*state, "0.1")->number == 0.1);
    assert_true(parse_expr(*state, "5e-324")->number > 0);
    assert_int_equal(parse_expr(*state, "f[0].weight")->kind, EXPR_MEMBER);
}

static void strings(void **state)
{
    Expr *plain = parse_expr(*state, "\"a\\n\\{b\\}\\\"\"");
    assert_int_equal(plain->pieces.count, 1);
    assert_string_equal(plain->pieces.at[0].text, "a\n{b}\"");
    assert_int_equal(parse_expr(*state, "\"\"")->pieces.count, 0);
    Expr *built = parse_expr(*state, "\"a{1 + 2}b{f(\"{x}\")}\"");
    assert_int_equal(built->pieces.count, 4);
    assert_int_equal(built->pieces.at[1].expr->kind, EXPR_BINARY);
    assert_int_equal(built->pieces.at[3].expr->kind, EXPR_CALL);
}

static void soft_words_are_names(void **state)
{
    AstFile *file = parse_text(*state,
        "block model(input, target = 1, scan = 2, along = 3) {\n"
        "    loss = input + scan; metric, yield = target;\n"
        "    x = loss.state |> dense(layer = param) as output;\n"
        "    y = scan carry in scan along along { carry carry = 1; yield carry; };\n"
        "    return block(use, const)[train, infer] |> session;\n"
        "}\n");
    assert_int_equal(file->items.at[0]->formals.count, 4);
    assert_int_equal(file->items.at[0]->body->stmts.count, 5);
}

static void assert_spans(Span span, const char *text)
{
    assert_int_equal(span.end - span.begin, (int)strlen(text));
    assert_memory_equal(span.source->text + span.begin, text, strlen(text));
}

static void spans_are_the_text_of_a_node(void **state)
{
    Expr *pipe = parse_expr(*state, "(a + b) |> f(\"x{c * d}\") as n[2]");
    assert_spans(pipe->span, "(a + b) |> f(\"x{c * d}\") as n[2]");
    assert_spans(pipe->pipe.input->span, "(a + b)");
    const Call *call = &pipe->pipe.stage->call;
    assert_spans(call->callee.span, "f");
    assert_spans(call->as->span, "n[2]");
    assert_spans(call->args.at[0].value->span, "\"x{c * d}\"");
    assert_spans(call->args.at[0].value->pieces.at[1].expr->span, "c * d");
    AstFile *file = parse_text(*state, "block f(x) {\n  y = x;\n  return y;\n}\n");
    assert_spans(file->items.at[0]->body->stmts.at[1]->span, "return y;");
    assert_int_equal(span_line(file->items.at[0]->body->stmts.at[1]->span), 3);
}

/* ---- programs that nobody wrote ---- */

typedef struct Corpus { VEC(Source *) programs; } Corpus;

static uint32_t next_random(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*seed >> 33);
}

/* Replaces a random stretch by nothing, by a fragment, or by a stretch of another program. */
static char *damage(Arena *arena, const Corpus *corpus, uint64_t *seed, char *text, size_t *length)
{
    static const char *const fragments[] = {
        "{", "}", "(", ")", "[", "]", "\"", ";", ",", "|>", "as", "=", "if", "else", "scan",
        "..", ":", "/*", "*/", "//", "\n", "-", "1e9", "0.5", "\xff", "\xe2\x82\xac",
        "for i in 0..2 {", "\"{", "x",
    };
    size_t at = next_random(seed) % (*length + 1);
    size_t cut = next_random(seed) % 12;
    if (cut > *length - at) cut = *length - at;
    const char *piece = fragments[next_random(seed) % (sizeof fragments / sizeof *fragments)];
    size_t piece_length = strlen(piece);
    uint32_t choice = next_random(seed) % 4;
    if (choice == 0) piece_length = 0;
    if (choice == 1) {
        uint32_t programs = (uint32_t)corpus->programs.count;
        const Source *other = corpus->programs.at[next_random(seed) % programs];
        size_t from = next_random(seed) % (other->length + 1);
        piece = other->text + from;
        piece_length = next_random(seed) % 60;
        if (piece_length > other->length - from) piece_length = other->length - from;
    }
    Text damaged = text_new(arena);
    text_addn(&damaged, text, at);
    text_addn(&damaged, piece, piece_length);
    text_addn(&damaged, text + at + cut, *length - at - cut);
    *length = damaged.length;
    return damaged.at;
}

static Corpus load_corpus(Arena *arena)
{
    Corpus corpus = {0};
    glob_t found;
    assert_int_equal(glob("examples/*.nn", 0, NULL, &found), 0);
    assert_int_equal(glob("tests/parse/*.nn", GLOB_APPEND, NULL, &found), 0);
    assert_int_equal(glob("tests/bad/syntax_*.nn", GLOB_APPEND, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        vec_push(arena, corpus.programs, frontend_source(arena, found.gl_pathv[i]));
    globfree(&found);
    return corpus;
}

/* The same tokens with other white space and comments between them; strings stay whole. */
static Text relaid(Arena *arena, const AstFile *file, uint64_t *seed)
{
    static const char *const gaps[] = {" ", " ", " ", " ", "  ", "\t", "\n", "\n", "\n\n", "\r\n",
                                       " // c\n", "\n// c\n", " /* c */ ", "\n/* c\n   d */\n"};
    Text text = text_new(arena);
    int strings = 0, at = 0;
    for (int i = 0; i < file->tokens.count; i++) {
        Span span = file->tokens.at[i].span;
        if (strings > 0) text_addn(&text, file->source->text + at, (size_t)(span.begin - at));
        else text_add(&text, gaps[next_random(seed) % (sizeof gaps / sizeof *gaps)]);
        text_addn(&text, file->source->text + span.begin, (size_t)(span.end - span.begin));
        at = span.end;
        strings += file->tokens.at[i].kind == TOK_STRING_BEGIN;
        strings -= file->tokens.at[i].kind == TOK_STRING_END;
    }
    return text;
}

static void any_layout_settles(void **state)
{
    Corpus corpus = load_corpus(*state);
    uint64_t seed = 2;
    int settled = 0;
    for (int round = 0; settled < 300 && round < 9000; round++) {
        Arena *arena = arena_new();
        Diags *diags = diags_new(arena);
        const Source *source = corpus.programs.at[round % corpus.programs.count];
        AstFile *file = ast_parse(arena, source, diags);
        if (diags_errors(diags) == 0) {
            Text text = relaid(arena, file, &seed), formatted = text_new(arena);
            Source other = {"relaid.nn", text.at, text.length};
            file = parse_source(arena, &other);
            ast_format(&formatted, file);
            const char *fault = format_fault(arena, file, &formatted);
            if (fault) fail_msg("round %d: %s:\n%s", round, fault, text.at);
            settled++;
        }
        arena_free(arena);
    }
    assert_int_equal(settled, 300); /* of programs without errors */
}

static void damaged_programs_do_no_harm(void **state)
{
    Corpus corpus = load_corpus(*state);
    FILE *nowhere = fopen("/dev/null", "w");
    assert_non_null(nowhere);
    uint64_t seed = 1;
    for (int round = 0; round < 4000; round++) {
        Arena *arena = arena_new();
        const Source *source = corpus.programs.at[round % corpus.programs.count];
        size_t length = source->length;
        char *text = arena_strndup(arena, source->text, length);
        for (uint32_t hits = 1 + next_random(&seed) % 4; hits > 0; hits--)
            text = damage(arena, &corpus, &seed, text, &length);
        const char *fault = parse_fault(text, length, nowhere);
        if (fault) fail_msg("round %d: %s:\n%s", round, fault, text);
        arena_free(arena);
    }
    fclose(nowhere);
}

int main(void)
{
#define WITH_ARENA(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        WITH_ARENA(examples_parse),
        WITH_ARENA(trees_are_as_expected),
        WITH_ARENA(an_empty_file_is_a_file),
        WITH_ARENA(formatting_keeps_the_tree_and_settles),
        WITH_ARENA(layout_is_canonical),
        WITH_ARENA(precedence),
        WITH_ARENA(an_expression_alone),
        WITH_ARENA(numbers),
        WITH_ARENA(strings),
        WITH_ARENA(soft_words_are_names),
        WITH_ARENA(spans_are_the_text_of_a_node),
        WITH_ARENA(any_layout_settles),
        WITH_ARENA(damaged_programs_do_no_harm),
    };
    return cmocka_run_group_tests_name("parser and formatter", tests, NULL, NULL);
}
