/* The grammar of .nn files, LALR(1) without conflicts. It builds the syntax tree through
 * ast/build.h; what to say about a text that does not fit is decided in ast/syntax_error.c. */
%require "3.8"
%define api.pure full
%define api.prefix {nn_}
%define api.token.prefix {TOK_}
%define api.location.type {Span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {void *scanner}
%parse-param {ParseContext *context}
%lex-param {ParseContext *context}

%code requires {
#include "ast/context.h"
}

%union {
    Name name;
    int64_t integer;
    double number;
    StringPiece piece;
    PieceList pieces;
    Expr *expr;
    ExprList exprs;
    Arg arg;
    ArgList args;
    Subscript subscript;
    SubscriptList subscripts;
    PathPart part;
    Path path;
    Scan scan;
    ScanVarList vars;
    TypeExpr type;
    Formal formal;
    FormalList formals;
    NameList names;
    Stmt *stmt;
    StmtKind stmt_kind;
    Body *body;
    Item *item;
    ItemKind item_kind;
}

%code {
#include "ast/build.h"
#include "ast/syntax_error.h"

int nn_scan(YYSTYPE *value, Span *span, void *scanner);          /* grammar/nn.l */
static int nn_lex(YYSTYPE *value, Span *span, void *scanner, ParseContext *context);
static void nn_error(Span *span, void *scanner, ParseContext *context, const char *message);

/* An empty rule stands just behind the token before it. */
#define YYLLOC_DEFAULT(joined, rhs, n)                                                     \
    ((joined) = (n) ? span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n))                        \
                    : (Span){YYRHSLOC(rhs, 0).source, YYRHSLOC(rhs, 0).end, YYRHSLOC(rhs, 0).end})

/* Far more than AST_DEPTH_LIMIT levels need; what exceeds it is reported as nested too deeply. */
#define YYMAXDEPTH 10000
}

%initial-action {
    context->token = @$ = (Span){context->source, 0, 0};
    context->start_token = context->is_expression ? TOK_WHOLE_EXPRESSION : TOK_WHOLE_FILE;
}

/* Handed out before the text, to say what the text is. */
%token WHOLE_FILE "whole file" WHOLE_EXPRESSION "whole expression"

%token END 0 "the end of the file"
%token <name> NAME "a name"
%token <integer> INT "a number"
%token <number> FLOAT "a float"
%token STRING_BEGIN "a string" STRING_END "the end of the string"
%token <piece> STRING_TEXT "text"
%token INTERPOLATE "{expression}" INTERPOLATED "} in a string"

%token IF "if" THEN "then" ELSE "else" FOR "for" IN "in" AS "as" AND "and" OR "or" NOT "not"
%token RETURN "return" TRUE "true" FALSE "false" NONE "none"

%token <name> USE "use" CONST "const" BLOCK "block" MODEL "model" TRAIN "train" INFER "infer"
%token <name> INPUT "input" TARGET "target" OUTPUT "output" LOSS "loss" METRIC "metric"
%token <name> PARAM "param" STATE "state" SESSION "session" LAYER "layer" CARRY "carry"
%token <name> YIELD "yield"
%token <name> SCAN "scan" ALONG "along"

%token PIPE "|>" RANGE ".." EQ "==" NE "!=" LE "<=" GE ">=" POW "**"
%token LT "<" GT ">" PLUS "+" MINUS "-" STAR "*" SLASH "/" PERCENT "%" AT "@"
%token ASSIGN "=" SEMICOLON ";" COLON ":" COMMA "," DOT "."
%token LPAREN "(" RPAREN ")" LBRACKET "[" RBRACKET "]" LBRACE "{" RBRACE "}"

%type <name> name scan_name
%type <names> names
%type <expr> expr pipe range disjunction conjunction inversion comparison sum product negation power
%type <expr> operand stage postfix primary string initial optional_default
%type <exprs> exprs expr_list
%type <pieces> pieces
%type <arg> arg
%type <args> args arg_list scan_options
%type <subscript> subscript
%type <subscripts> subscripts
%type <part> path_part
%type <path> path
%type <vars> scan_vars
%type <type> type
%type <formal> formal
%type <formals> formals formal_list
%type <stmt> stmt if_stmt
%type <stmt_kind> variable_word declared_word
%type <body> body stmts
%type <item> item
%type <item_kind> settings_word

%%

text:
    WHOLE_FILE items
  | WHOLE_EXPRESSION expr   { context->expression = $expr; }
  ;

items:
    %empty
  | items item              { if ($item) vec_push(context->arena, context->file->items, $item); }
  ;

item:
    USE string LPAREN names RPAREN SEMICOLON
                            { $$ = build_use(context, @$, $string, &$names); }
  | CONST name ASSIGN expr SEMICOLON
                            { $$ = build_item(context, @$, ITEM_CONST, $name);
                              $$->constant = $expr; }
  | BLOCK name LPAREN formals RPAREN body
                            { $$ = build_item(context, @$, ITEM_BLOCK, $name);
                              $$->formals = $formals; $$->body = $body; }
  | MODEL name body         { $$ = build_item(context, @$, ITEM_MODEL, $name); $$->body = $body; }
  | settings_word name body { $$ = build_settings(context, @$, $settings_word, $name, $body); }
  | error SEMICOLON         { $$ = NULL; yyerrok; }
  | error body              { $$ = NULL; yyerrok; }
  | error RBRACE            { $$ = NULL; yyerrok; }
  ;

settings_word:
    TRAIN                   { $$ = ITEM_TRAIN; }
  | INFER                   { $$ = ITEM_INFER; }
  ;

formals:
    %empty                  { $$ = (FormalList){0}; }
  | formal_list
  | formal_list COMMA
  ;

formal_list:
    formal                  { $$ = (FormalList){0}; build_push_formal(context, &$$, $formal); }
  | formal_list[list] COMMA formal
                            { $$ = $list; build_push_formal(context, &$$, $formal); }
  ;

formal: name optional_default { $$ = (Formal){$name, $optional_default}; } ;

optional_default:
    %empty                  { $$ = NULL; }
  | ASSIGN expr             { $$ = $expr; }
  ;

/* ---- statements ---- */

body:
    brace stmts RBRACE      { $$ = $stmts; $$->span = @$; }
  | brace stmts error RBRACE
                            { $$ = $stmts; $$->span = @$; yyerrok; }
  ;

/* Whatever was wrong before the brace, what is inside gets its own errors. */
brace: LBRACE               { yyerrok; } ;

stmts:
    %empty                  { $$ = build_body(context); }
  | stmts[body] stmt        { $$ = $body; build_push_stmt(context, $$, $stmt); }
  ;

stmt:
    names ASSIGN expr SEMICOLON
                            { $$ = build_assign(context, @$, &$names, $expr); }
  | variable_word name COLON type initial SEMICOLON
                            { $$ = build_variable(context, @$, $variable_word, $name, &$type,
                                                  $initial); }
  | declared_word name COLON type SEMICOLON
                            { $$ = build_variable(context, @$, $declared_word, $name, &$type,
                                                  NULL); }
  | LAYER name ASSIGN expr SEMICOLON
                            { $$ = build_binding(context, @$, STMT_LAYER, $name, $expr); }
  | CARRY name ASSIGN expr SEMICOLON
                            { $$ = build_binding(context, @$, STMT_CARRY, $name, $expr); }
  | OUTPUT name initial SEMICOLON
                            { $$ = build_binding(context, @$, STMT_OUTPUT, $name, $initial); }
  | METRIC name ASSIGN expr SEMICOLON
                            { $$ = build_binding(context, @$, STMT_METRIC, $name, $expr); }
  | METRIC expr SEMICOLON   { $$ = build_binding(context, @$, STMT_METRIC, (Name){0}, $expr); }
  | LOSS expr SEMICOLON     { $$ = build_value(context, @$, STMT_LOSS, $expr); }
  | YIELD expr SEMICOLON    { $$ = build_value(context, @$, STMT_YIELD, $expr); }
  | RETURN expr SEMICOLON   { $$ = build_value(context, @$, STMT_RETURN, $expr); }
  | FOR name IN expr body   { $$ = build_for(context, @$, $name, $expr, $body); }
  | if_stmt
  | error SEMICOLON         { $$ = NULL; yyerrok; }
  | error body              { $$ = NULL; yyerrok; }
  | error body SEMICOLON    { $$ = NULL; yyerrok; }
  ;

if_stmt:
    IF expr body            { $$ = build_if(context, @$, $expr, $body, NULL); }
  | IF expr body[yes] ELSE body[no]
                            { $$ = build_if(context, @$, $expr, $yes, $no); }
  | IF expr body[yes] ELSE if_stmt[no]
                            { $$ = build_if(context, @$, $expr, $yes, build_else_if(context, $no));
                              $$->branch.else_if = true; }
  ;

variable_word:
    PARAM                   { $$ = STMT_PARAM; }
  | STATE                   { $$ = STMT_STATE; }
  | SESSION                 { $$ = STMT_SESSION; }
  ;

declared_word:
    INPUT                   { $$ = STMT_INPUT; }
  | TARGET                  { $$ = STMT_TARGET; }
  ;

initial:
    %empty                  { $$ = NULL; }
  | ASSIGN expr             { $$ = $expr; }
  ;

type:
    name                    { $$ = (TypeExpr){.dtype = $name, .span = @$}; }
  | name LBRACKET exprs RBRACKET
                            { $$ = (TypeExpr){.dtype = $name, .dims = $exprs, .span = @$}; }
  ;

/* ---- expressions, loosest first ---- */

expr:
    pipe
  | IF expr[condition] THEN expr[yes] ELSE expr[no]
                            { $$ = build_choice(context, @$, $condition, $yes, $no); }
  | SCAN scan_vars ALONG expr[axis] scan_options body
                            { Scan scan = {$scan_vars, $axis, $scan_options, $body};
                              $$ = build_scan(context, @$, &scan); }
  ;

scan_vars:
    scan_name IN expr       { $$ = (ScanVarList){0};
                              vec_push(context->arena, $$, ((ScanVar){$scan_name, $expr})); }
  | scan_vars[list] COMMA scan_name IN expr
                            { $$ = $list;
                              vec_push(context->arena, $$, ((ScanVar){$scan_name, $expr})); }
  ;

scan_options:
    %empty                  { $$ = (ArgList){0}; }
  | scan_options[list] COMMA name ASSIGN expr
                            { $$ = $list; build_push_arg(context, &$$, (Arg){$name, $expr}); }
  ;

pipe:
    range
  | pipe[input] PIPE stage  { $$ = build_pipe(context, @$, $input, $stage); }
  ;

stage:
    postfix                 { $$ = build_stage(context, $postfix); }
  | postfix AS path         { $$ = build_as(context, @$, build_stage(context, $postfix), &$path); }
  ;

range:
    disjunction
  | disjunction[begin] RANGE disjunction[end]
                            { $$ = build_range(context, @$, $begin, $end); }
  ;

disjunction:
    conjunction
  | disjunction[l] OR conjunction[r]    { $$ = build_binary(context, BINARY_OR, @OR, $l, $r); }
  ;

conjunction:
    inversion
  | conjunction[l] AND inversion[r]     { $$ = build_binary(context, BINARY_AND, @AND, $l, $r); }
  ;

inversion:
    comparison
  | NOT inversion[x]                    { $$ = build_unary(context, @$, UNARY_NOT, $x); }
  ;

comparison:
    sum
  | sum[l] EQ sum[r]                    { $$ = build_binary(context, BINARY_EQ, @EQ, $l, $r); }
  | sum[l] NE sum[r]                    { $$ = build_binary(context, BINARY_NE, @NE, $l, $r); }
  | sum[l] LT sum[r]                    { $$ = build_binary(context, BINARY_LT, @LT, $l, $r); }
  | sum[l] LE sum[r]                    { $$ = build_binary(context, BINARY_LE, @LE, $l, $r); }
  | sum[l] GT sum[r]                    { $$ = build_binary(context, BINARY_GT, @GT, $l, $r); }
  | sum[l] GE sum[r]                    { $$ = build_binary(context, BINARY_GE, @GE, $l, $r); }
  ;

sum:
    product
  | sum[l] PLUS product[r]              { $$ = build_binary(context, BINARY_ADD, @PLUS, $l, $r); }
  | sum[l] MINUS product[r]             { $$ = build_binary(context, BINARY_SUB, @MINUS, $l, $r); }
  ;

product:
    negation
  | product[l] STAR negation[r]         { $$ = build_binary(context, BINARY_MUL, @STAR, $l, $r); }
  | product[l] SLASH negation[r]        { $$ = build_binary(context, BINARY_DIV, @SLASH, $l, $r); }
  | product[l] PERCENT[op] negation[r]  { $$ = build_binary(context, BINARY_REM, @op, $l, $r); }
  | product[l] AT negation[r]           { $$ = build_binary(context, BINARY_MATMUL, @AT, $l, $r); }
  ;

negation:
    power
  | MINUS negation[x]                   { $$ = build_unary(context, @$, UNARY_NEGATE, $x); }
  ;

power:
    operand
  | operand[l] POW negation[r]          { $$ = build_binary(context, BINARY_POW, @POW, $l, $r); }
  ;

operand:
    postfix
  | postfix AS path                     { $$ = build_as(context, @$, $postfix, &$path); }
  ;

postfix:
    primary
  | postfix[base] LPAREN args RPAREN    { $$ = build_call(context, @$, $base, &$args); }
  | postfix[base] LBRACKET subscripts RBRACKET
                                        { $$ = build_index(context, @$, $base, &$subscripts); }
  | postfix[base] DOT name              { $$ = build_member(context, @$, $base, $name); }
  ;

primary:
    INT                                 { $$ = build_int(context, @$, $INT); }
  | FLOAT                               { $$ = build_float(context, @$, $FLOAT); }
  | TRUE                                { $$ = build_bool(context, @$, true); }
  | FALSE                               { $$ = build_bool(context, @$, false); }
  | NONE                                { $$ = build_none(context, @$); }
  | name                                { $$ = build_name(context, $name); }
  | string
  | LBRACKET exprs RBRACKET             { $$ = build_list(context, @$, &$exprs); }
  | LPAREN expr[inner] RPAREN           { $$ = build_parens($inner, @$); }
  ;

string: STRING_BEGIN pieces STRING_END  { $$ = build_string(context, @$, &$pieces); } ;

pieces:
    %empty                              { $$ = (PieceList){0}; }
  | pieces[list] STRING_TEXT            { $$ = $list; vec_push(context->arena, $$, $STRING_TEXT); }
  | pieces[list] INTERPOLATE expr INTERPOLATED
                                        { $$ = $list;
                                          StringPiece piece = {.expr = $expr};
                                          vec_push(context->arena, $$, piece); }
  ;

exprs:
    %empty                              { $$ = (ExprList){0}; }
  | expr_list
  | expr_list COMMA
  ;

expr_list:
    expr                                { $$ = (ExprList){0}; vec_push(context->arena, $$, $expr); }
  | expr_list[list] COMMA expr          { $$ = $list; vec_push(context->arena, $$, $expr); }
  ;

args:
    %empty                              { $$ = (ArgList){0}; }
  | arg_list
  | arg_list COMMA
  ;

arg_list:
    arg                                 { $$ = (ArgList){0}; build_push_arg(context, &$$, $arg); }
  | arg_list[list] COMMA arg            { $$ = $list; build_push_arg(context, &$$, $arg); }
  ;

arg:
    expr                                { $$ = (Arg){{0}, $expr}; }
  | name ASSIGN expr                    { $$ = (Arg){$name, $expr}; }
  ;

subscripts:
    subscript                           { $$ = (SubscriptList){0};
                                          vec_push(context->arena, $$, $subscript); }
  | subscripts[list] COMMA subscript    { $$ = $list; vec_push(context->arena, $$, $subscript); }
  ;

subscript:
    expr                    { $$ = (Subscript){.index = $expr, .span = @$}; }
  | COLON                   { $$ = (Subscript){.is_range = true, .span = @$}; }
  | expr[from] COLON        { $$ = (Subscript){.is_range = true, .begin = $from, .span = @$}; }
  | COLON expr[to]          { $$ = (Subscript){.is_range = true, .end = $to, .span = @$}; }
  | expr[from] COLON expr[to]
                            { $$ = (Subscript){.is_range = true, .begin = $from, .end = $to,
                                               .span = @$}; }
  ;

path:
    path_part               { $$ = (Path){.span = @$};
                              vec_push(context->arena, $$.parts, $path_part); }
  | path[head] DOT path_part
                            { $$ = $head; $$.span = @$;
                              vec_push(context->arena, $$.parts, $path_part); }
  | path[head] LBRACKET expr RBRACKET
                            { PathPart part = build_path_expr(PATH_INDEX, @expr, $expr);
                              $$ = $head; $$.span = @$; vec_push(context->arena, $$.parts, part); }
  ;

path_part:
    name                    { $$ = build_path_name($name); }
  | string                  { $$ = build_path_expr(PATH_STRING, @$, $string); }
  ;

/* ---- names ---- */

names:
    name                    { $$ = (NameList){0}; vec_push(context->arena, $$, $name); }
  | names[list] COMMA name  { $$ = $list; vec_push(context->arena, $$, $name); }
  ;

name: scan_name | ALONG ;

/* A soft word is a name wherever its statement cannot be meant. */
scan_name:
    NAME | USE | CONST | BLOCK | MODEL | TRAIN | INFER | INPUT | TARGET | OUTPUT | LOSS | METRIC
  | PARAM | STATE | SESSION | LAYER | CARRY | YIELD | SCAN
  ;

%%

/* Hands out the next token, and remembers it and the one before for messages. */
static int nn_lex(YYSTYPE *value, Span *span, void *scanner, ParseContext *context)
{
    *span = context->token;
    int token = context->start_token;
    context->start_token = 0;
    if (token) return token;
    token = TOK_END;
    context->innermost = context_innermost(context);
    if (context->missed == MISSED_TOKEN) {
        context->missed = MISSED_NOTHING;
        value->name = (Name){context_text(context, *span), *span};
        return context->token_kind;
    }
    if (context->missed == MISSED_SEMICOLON) {
        context->missed = MISSED_TOKEN;
        context_end_statement(context);
        *span = (Span){span->source, context->previous.end, context->previous.end};
        return TOK_SEMICOLON;
    }
    if (!context->gave_up && !diags_full(context->diags)) token = nn_scan(value, span, scanner);
    if (context->gave_up) token = TOK_END;
    if (token == TOK_SEMICOLON) context_end_statement(context);
    context->previous = context->token;
    context->previous_kind = context->token_kind;
    context->token = *span;
    context->token_kind = token;
    vec_push(context->arena, context->file->tokens, ((Token){token, *span}));
    return token;
}

static int yyreport_syntax_error(const yypcontext_t *where, void *scanner, ParseContext *context)
{
    (void)scanner;
    yysymbol_kind_t kinds[YYNTOKENS];
    _Static_assert(YYNTOKENS <= SYNTAX_EXPECTED_LIMIT, "room for every token");
    SyntaxError error = {.at = *yypcontext_location(where)};
    int count = yypcontext_expected_tokens(where, kinds, YYNTOKENS);
    for (int i = 0; i < count; i++) error.expected[i] = yysymbol_name(kinds[i]);
    error.count = count;
    error.got = yysymbol_name(yypcontext_token(where));
    syntax_error_report(context, &error);
    return 0;
}

/* Bison itself calls this only when its stack is full. */
static void nn_error(Span *span, void *scanner, ParseContext *context, const char *message)
{
    (void)scanner;
    (void)message;
    context_too_deep(context, *span);
}
