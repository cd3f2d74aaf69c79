/* Owns showing the syntax tree: one node a line, children indented and labelled. */
#include "ast/print.h"

#include <string.h>

typedef struct Printer { Text *text; int depth; } Printer;

static void print_expr(Printer *printer, const char *label, const Expr *expr);
static void print_body(Printer *printer, const char *label, const Body *body);

/* Opens a node: a new line at the present depth, after which the depth is one more. */
static void open_node(Printer *printer, const char *label, const char *kind)
{
    text_addf(printer->text, "%*s", 2 * printer->depth++, "");
    if (label) text_addf(printer->text, "%s: ", label);
    text_add(printer->text, kind);
}

static void add_name(Printer *printer, Name name)
{
    if (name.text) text_addf(printer->text, " %s", name.text);
}

static void add_names(Printer *printer, const NameList *names)
{
    for (int i = 0; i < names->count; i++)
        text_addf(printer->text, "%s%s", i ? ", " : " ", names->at[i].text);
}

static void end_line(Printer *printer)
{
    text_add(printer->text, "\n");
}

static void add_bytes(Text *text, const char *bytes, size_t length)
{
    text_add(text, "\"");
    for (size_t i = 0; i < length; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte < ' ' || byte == '"' || byte == '\\') text_addf(text, "\\x%02x", byte);
        else text_addn(text, bytes + i, 1);
    }
    text_add(text, "\"");
}

static void print_args(Printer *printer, const ArgList *args)
{
    for (int i = 0; i < args->count; i++)
        print_expr(printer, args->at[i].name.text, args->at[i].value);
}

static void print_list(Printer *printer, const ExprList *list)
{
    for (int i = 0; i < list->count; i++) print_expr(printer, NULL, list->at[i]);
}

static void print_path(Printer *printer, const Path *path)
{
    open_node(printer, NULL, "as");
    for (int i = 0; i < path->parts.count && path->parts.at[i].kind == PATH_NAME; i++)
        text_addf(printer->text, "%s%s", i ? "." : " ", path->parts.at[i].name);
    end_line(printer);
    bool plain = true;
    for (int i = 0; i < path->parts.count; i++) {
        const PathPart *part = &path->parts.at[i];
        if (plain && part->kind == PATH_NAME) continue;
        plain = false;
        if (part->kind != PATH_NAME) {
            print_expr(printer, part->kind == PATH_INDEX ? "index" : NULL, part->expr);
            continue;
        }
        open_node(printer, NULL, "part ");
        text_add(printer->text, part->name);
        end_line(printer);
        printer->depth--;
    }
    printer->depth--;
}

static void print_pieces(Printer *printer, const PieceList *pieces)
{
    bool plain = pieces->count == 1 && !pieces->at[0].expr;
    if (plain) text_add(printer->text, " ");
    if (plain) add_bytes(printer->text, pieces->at[0].text, pieces->at[0].length);
    end_line(printer);
    for (int i = 0; i < pieces->count && !plain; i++) {
        if (pieces->at[i].expr) {
            print_expr(printer, NULL, pieces->at[i].expr);
            continue;
        }
        open_node(printer, NULL, "text ");
        add_bytes(printer->text, pieces->at[i].text, pieces->at[i].length);
        end_line(printer);
        printer->depth--;
    }
}

/* A pipe is left-deep in the tree; the reader sees its stages side by side. */
static void print_stages(Printer *printer, const Expr *pipe)
{
    if (pipe->pipe.input->kind == EXPR_PIPE)
        print_stages(printer, pipe->pipe.input);
    else
        print_expr(printer, NULL, pipe->pipe.input);
    print_expr(printer, NULL, pipe->pipe.stage);
}

static void print_subscripts(Printer *printer, const SubscriptList *subscripts)
{
    for (int i = 0; i < subscripts->count; i++) {
        const Subscript *subscript = &subscripts->at[i];
        if (!subscript->is_range) {
            print_expr(printer, "at", subscript->index);
            continue;
        }
        open_node(printer, "at", "slice");
        end_line(printer);
        if (subscript->begin) print_expr(printer, "from", subscript->begin);
        if (subscript->end) print_expr(printer, "to", subscript->end);
        printer->depth--;
    }
}

static void print_scan(Printer *printer, const Scan *scan)
{
    for (int i = 0; i < scan->vars.count; i++)
        print_expr(printer, scan->vars.at[i].name.text, scan->vars.at[i].sequence);
    print_expr(printer, "along", scan->axis);
    print_args(printer, &scan->options);
    print_body(printer, NULL, scan->body);
}

/* What stands on the node's own line after its kind. */
static void add_atom(Printer *printer, const Expr *expr)
{
    Text *text = printer->text;
    switch (expr->kind) {
    case EXPR_INT: text_addf(text, " %lld", (long long)expr->integer); break;
    case EXPR_FLOAT: text_add(text, " "), text_add_double(text, expr->number); break;
    case EXPR_BOOL: text_add(text, expr->boolean ? " true" : " false"); break;
    case EXPR_NAME: text_addf(text, " %s", expr->name); break;
    case EXPR_CALL: add_name(printer, expr->call.callee); break;
    case EXPR_UNARY: text_addf(text, " %s", ast_unary_text(expr->unary.op)); break;
    case EXPR_BINARY: text_addf(text, " %s", ast_binary_text(expr->binary.op)); break;
    case EXPR_MEMBER: add_name(printer, expr->member.name); break;
    case EXPR_NONE: case EXPR_STRING: case EXPR_LIST: case EXPR_PIPE: case EXPR_IF:
    case EXPR_INDEX: case EXPR_RANGE: case EXPR_SCAN: break;
    }
}

static void print_children(Printer *printer, const Expr *expr)
{
    switch (expr->kind) {
    case EXPR_INT: case EXPR_FLOAT: case EXPR_BOOL: case EXPR_NONE: case EXPR_STRING:
    case EXPR_NAME: break;
    case EXPR_LIST: print_list(printer, &expr->list); break;
    case EXPR_CALL:
        if (expr->call.of) print_expr(printer, "of", expr->call.of);
        print_args(printer, &expr->call.args);
        if (expr->call.as) print_path(printer, expr->call.as);
        break;
    case EXPR_PIPE: print_stages(printer, expr); break;
    case EXPR_UNARY: print_expr(printer, NULL, expr->unary.operand); break;
    case EXPR_BINARY:
        print_expr(printer, NULL, expr->binary.left);
        print_expr(printer, NULL, expr->binary.right);
        break;
    case EXPR_IF:
        print_expr(printer, NULL, expr->choice.condition);
        print_expr(printer, "then", expr->choice.yes);
        print_expr(printer, "else", expr->choice.no);
        break;
    case EXPR_INDEX:
        print_expr(printer, NULL, expr->index.base);
        print_subscripts(printer, &expr->index.subscripts);
        break;
    case EXPR_MEMBER: print_expr(printer, NULL, expr->member.base); break;
    case EXPR_RANGE:
        print_expr(printer, "from", expr->range.begin);
        print_expr(printer, "to", expr->range.end);
        break;
    case EXPR_SCAN: print_scan(printer, &expr->scan); break;
    }
}

static void print_expr(Printer *printer, const char *label, const Expr *expr)
{
    static const char *const kind[] = {
        [EXPR_INT] = "int", [EXPR_FLOAT] = "float", [EXPR_BOOL] = "bool", [EXPR_NONE] = "none",
        [EXPR_STRING] = "string", [EXPR_NAME] = "name", [EXPR_LIST] = "list",
        [EXPR_CALL] = "call", [EXPR_PIPE] = "pipe", [EXPR_UNARY] = "unary",
        [EXPR_BINARY] = "binary", [EXPR_IF] = "if", [EXPR_INDEX] = "index",
        [EXPR_MEMBER] = "member", [EXPR_RANGE] = "range", [EXPR_SCAN] = "scan",
    };
    open_node(printer, label, kind[expr->kind]);
    if (expr->kind == EXPR_STRING) {
        print_pieces(printer, &expr->pieces);
    } else {
        add_atom(printer, expr);
        end_line(printer);
        print_children(printer, expr);
    }
    printer->depth--;
}

/* ---- statements and items ---- */

static void print_variable(Printer *printer, const Stmt *stmt)
{
    text_addf(printer->text, " %s: %s", stmt->variable.name.text, stmt->variable.type.dtype.text);
    end_line(printer);
    for (int i = 0; i < stmt->variable.type.dims.count; i++)
        print_expr(printer, "dim", stmt->variable.type.dims.at[i]);
    if (stmt->variable.value) print_expr(printer, NULL, stmt->variable.value);
}

static void print_branch(Printer *printer, const Stmt *stmt)
{
    end_line(printer);
    print_expr(printer, NULL, stmt->branch.condition);
    print_body(printer, "then", stmt->branch.then_body);
    if (stmt->branch.else_body) print_body(printer, "else", stmt->branch.else_body);
}

static void print_stmt(Printer *printer, const Stmt *stmt)
{
    const char *word = ast_stmt_word(stmt->kind);
    open_node(printer, NULL, word ? word : "assign");
    switch (stmt->kind) {
    case STMT_ASSIGN:
        add_names(printer, &stmt->assign.names);
        end_line(printer);
        print_expr(printer, NULL, stmt->assign.value);
        break;
    case STMT_PARAM: case STMT_STATE: case STMT_SESSION: case STMT_INPUT: case STMT_TARGET:
        print_variable(printer, stmt);
        break;
    case STMT_LAYER: case STMT_CARRY: case STMT_OUTPUT: case STMT_METRIC:
        add_name(printer, stmt->binding.name);
        end_line(printer);
        if (stmt->binding.value) print_expr(printer, NULL, stmt->binding.value);
        break;
    case STMT_LOSS: case STMT_YIELD: case STMT_RETURN:
        end_line(printer);
        print_expr(printer, NULL, stmt->value);
        break;
    case STMT_IF: print_branch(printer, stmt); break;
    case STMT_FOR:
        add_name(printer, stmt->loop.name);
        end_line(printer);
        print_expr(printer, "in", stmt->loop.range);
        print_body(printer, NULL, stmt->loop.body);
        break;
    }
    printer->depth--;
}

/* A labelled body is a node of its own; else its statements are children of the open node. */
static void print_body(Printer *printer, const char *label, const Body *body)
{
    if (label) open_node(printer, NULL, label);
    if (label) end_line(printer);
    for (int i = 0; i < body->stmts.count; i++) print_stmt(printer, body->stmts.at[i]);
    if (label) printer->depth--;
}

static void print_formals(Printer *printer, const FormalList *formals)
{
    for (int i = 0; i < formals->count; i++) {
        open_node(printer, NULL, "formal");
        add_name(printer, formals->at[i].name);
        end_line(printer);
        if (formals->at[i].default_value) print_expr(printer, NULL, formals->at[i].default_value);
        printer->depth--;
    }
}

void ast_print(Text *text, const AstFile *file)
{
    Printer printer = {text, 0};
    for (int i = 0; i < file->items.count; i++) {
        const Item *item = file->items.at[i];
        open_node(&printer, NULL, ast_item_word(item->kind));
        if (item->kind == ITEM_USE) {
            text_add(text, " ");
            add_bytes(text, item->use.path, strlen(item->use.path));
            add_names(&printer, &item->use.names);
        }
        add_name(&printer, item->name);
        end_line(&printer);
        print_formals(&printer, &item->formals);
        if (item->constant) print_expr(&printer, NULL, item->constant);
        if (item->body) print_body(&printer, NULL, item->body);
        printer.depth--;
    }
}
