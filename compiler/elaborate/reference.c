/* Owns the reference of operations: what is written in their rows, laid out as a page. */
#include "elaborate/reference.h"

#include <string.h>

#include "ast/parse.h"
#include "base/embedded.h"
#include "elaborate/builtin.h"
#include "nn_step.h"
#include "ops/formula.h"
#include "ops/op.h"

/* A pipe would end a cell of a table. */
static void add_cell(Text *out, const char *text)
{
    for (; *text; text++) text_addf(out, *text == '|' ? "\\%c" : "%c", *text);
}

/* ---- elementwise ---- */

static const char *const operators[OP_COUNT] = {
    [OP_add] = "a + b",   [OP_sub] = "a - b",  [OP_mul] = "a * b", [OP_div] = "a / b",
    [OP_neg] = "-a",      [OP_pow] = "a ** b", [OP_lt] = "a < b",  [OP_le] = "a <= b",
    [OP_gt] = "a > b",    [OP_ge] = "a >= b",  [OP_eq] = "a == b", [OP_ne] = "a != b",
    [OP_and] = "a and b", [OP_or] = "a or b",  [OP_not] = "not a",
};

static void add_gradients(Text *out, Op op)
{
    int written = 0;
    for (int i = 0; i < op_row(op)->arity; i++) {
        const char *formula = map_gradient_formula(op, i, out->arena);
        if (!formula) continue;
        text_addf(out, "%sd%c = `", written++ ? ", " : "", "abc"[i]);
        add_cell(out, formula);
        text_add(out, "`");
    }
}

static void add_map(Text *out, Op op)
{
    const OpRow *row = op_row(op);
    const char *formula = map_value_formula(op);
    text_addf(out, "| `%s(", row->name);
    for (int i = 0; i < row->arity; i++) text_addf(out, "%s%c", i ? ", " : "", "abc"[i]);
    text_add(out, ")`");
    if (operators[op]) text_addf(out, ", `%s`", operators[op]);
    text_add(out, " | ");
    add_cell(out, row->doc);
    if (formula && !strstr(row->doc, formula)) {
        text_add(out, ": `");
        add_cell(out, formula);
        text_add(out, "`");
    }
    text_add(out, " | ");
    add_gradients(out, op);
    text_add(out, " |\n");
}

static void add_maps(Text *out)
{
    text_add(
        out,
        "## Elementwise operations\n\n"
        "On tensors whose shapes fit by numpy's rule, and on numbers when the program is "
        "compiled. `y` is the value,\n"
        "`dy` its gradient; an operation without gradient passes none on.\n\n"
        "| Call | Value | Gradient |\n|---|---|---|\n");
    for (int op = 0; op < OP_COUNT; op++)
        if (op_row((Op)op)->kind == KIND_MAP) add_map(out, (Op)op);
}

/* ---- builtins ---- */

static void add_builtin(Text *out, const Builtin *row)
{
    int optional = 0;
    text_addf(out, "| `%s(", row->name);
    for (int i = 0; row->formals[i]; i++) {
        size_t length = strlen(row->formals[i]);
        bool may_miss = row->formals[i][length - 1] == '?';
        optional += may_miss;
        text_addf(out, "%s%s%.*s", may_miss ? "[" : "", i ? ", " : "", (int)(length - may_miss),
                  row->formals[i]);
    }
    while (optional--) text_add(out, "]");
    text_add(out, ")` | ");
    add_cell(out, row->doc);
    text_add(out, " |\n");
}

static void add_builtins(Text *out, const char *title, const Builtin *row)
{
    text_addf(out, "\n## %s\n\n| Call | Value |\n|---|---|\n", title);
    for (; row->name; row++) add_builtin(out, row);
}

/* ---- the library ---- */

/* The comment that ends on the line above a block; "" where there is none. */
static const char *doc_of(Arena *arena, const AstFile *file, const Item *item)
{
    Text doc = text_new(arena);
    int first = file->comments.count, line = span_line(item->span);
    while (first > 0 && file->comments.at[first - 1].span.begin > item->span.begin) first--;
    int end = first;
    while (first > 0 && span_line(file->comments.at[first - 1].span) == line - 1) {
        line--;
        first--;
    }
    for (int i = first; i < end; i++) {
        Span span = file->comments.at[i].span;
        const char *text = span.source->text + span.begin + 2;
        int length = span.end - span.begin - 2;
        for (; length > 0 && *text == ' '; length--) text++;
        text_addf(&doc, "%s%.*s", i > first ? " " : "", length, text);
    }
    return doc.at;
}

static void add_source(Text *out, Span span)
{
    text_addn(out, span.source->text + span.begin, (size_t)(span.end - span.begin));
}

static void add_block(Text *out, const AstFile *file, const Item *item)
{
    text_addf(out, "| `%s(", item->name.text);
    for (int i = 0; i < item->formals.count; i++) {
        const Formal *formal = &item->formals.at[i];
        text_addf(out, "%s%s", i ? ", " : "", formal->name.text);
        if (!formal->default_value) continue;
        text_add(out, " = ");
        add_source(out, formal->default_value->span);
    }
    text_add(out, ")` | ");
    add_cell(out, doc_of(out->arena, file, item));
    text_add(out, " |\n");
}

static const AstFile *parse_library(Arena *arena, const EmbeddedFile *file)
{
    size_t length = strlen(file->name);
    if (length < 3 || strcmp(file->name + length - 3, ".nn") != 0) return NULL;
    Source *source = arena_make(arena, Source);
    *source = (Source){.path = file->name, .text = file->data, .length = file->length};
    return ast_parse(arena, source, diags_new(arena));
}

static void add_library_file(Text *out, const char *name, const AstFile *file)
{
    int blocks = 0;
    for (int i = 0; i < file->items.count; i++) {
        const Item *item = file->items.at[i];
        if (item->kind != ITEM_BLOCK) continue;
        if (blocks++ == 0) text_addf(out, "\n### `%s`\n\n| Call | Value |\n|---|---|\n", name);
        add_block(out, file, item);
    }
}

static void add_library(Text *out)
{
    text_add(
        out,
        "\n## The standard library\n\n"
        "Blocks written in the language, in `compiler/stdlib/`. A parameter with a default may be "
        "left out.\n");
    for (const EmbeddedFile *file = embedded_files; file->name; file++) {
        const AstFile *parsed = parse_library(out->arena, file);
        if (parsed) add_library_file(out, file->name, parsed);
    }
}

const char *reference_undocumented(Arena *arena)
{
    for (const EmbeddedFile *file = embedded_files; file->name; file++) {
        const AstFile *parsed = parse_library(arena, file);
        for (int i = 0; parsed && i < parsed->items.count; i++) {
            const Item *item = parsed->items.at[i];
            if (item->kind == ITEM_BLOCK && !*doc_of(arena, parsed, item)) return item->name.text;
        }
    }
    return NULL;
}

/* ---- loaders and transforms ---- */

/* The name of an option that stands for each input and target, and that of one without a name. */
static const char *option_title(const nn_option_spec *option)
{
    if (strcmp(option->name, "*") == 0) return "each input and target";
    return option->name[0] ? option->name : "the first, without a name";
}

static void add_step(Text *out, const char *name, const nn_option_spec *options)
{
    text_addf(out, "| `%s` | ", name);
    for (const nn_option_spec *option = options; option->name; option++) {
        text_addf(out, "%s%s%s: ", option == options ? "" : "<br>", option_title(option),
                  option->required ? "" : " (may be left out)");
        add_cell(out, option->help);
    }
    text_add(out, " |\n");
}

static void add_data(Text *out)
{
    text_add(
        out,
        "\n## Data\n\nThe first step of a pipeline, a loader:\n\n| Loader | Options "
        "|\n|---|---|\n");
    for (int i = 0; nn_loaders[i]; i++) add_step(out, nn_loaders[i]->name, nn_loaders[i]->options);
    text_add(out, "\nThe others, transforms:\n\n| Transform | Options |\n|---|---|\n");
    for (int i = 0; nn_transforms[i]; i++)
        add_step(out, nn_transforms[i]->name, nn_transforms[i]->options);
}

/* ---- primitives ---- */

static void add_primitives(Text *out)
{
    text_add(
        out,
        "\n## Primitives of the graph\n\n"
        "What programs become, besides the elementwise operations above; `nnc --emit=graph` "
        "prints them.\n\n"
        "| Name | Inputs | Attributes | Value |\n|---|---|---|---|\n");
    for (int op = 0; op < OP_COUNT; op++) {
        const OpRow *row = op_row((Op)op);
        if (row->kind == KIND_MAP) continue;
        text_addf(out, "| `%s` | ", row->name);
        if (row->arity < 0) text_add(out, "any");
        else text_addf(out, "%d", row->arity);
        text_add(out, " | ");
        for (int i = 0; row->attr[i].kind != ATTR_NONE; i++)
            text_addf(out, "%s%s", i ? ", " : "", row->attr[i].name);
        text_add(out, " | ");
        add_cell(out, row->doc);
        text_add(out, " |\n");
    }
}

void reference_print(Text *out)
{
    text_add(
        out,
        "# Operations\n\n"
        "Written by `make docs` from the tables that the compiler itself reads. Parameters in "
        "brackets may be left out.\n\n");
    add_maps(out);
    add_builtins(out, "Reductions", builtin_reductions);
    add_builtins(out, "Shapes", builtin_shapes);
    add_builtins(out, "Tensors from nothing", builtin_makers);
    add_builtins(out, "Windows", builtin_windows);
    add_builtins(out, "Initial values, types, rows, lists", builtin_helpers);
    add_library(out);
    add_data(out);
    add_primitives(out);
}
