/* Owns the files of a program: the main one, what it imports, and the standard library. */
#include <string.h>

#include "ast/parse.h"
#include "base/embedded.h"
#include "elaborate/context.h"

enum { IMPORT_LIMIT = 200 };

static Unit *new_unit(Elab *el, const char *path)
{
    Unit *unit = arena_make(el->arena, Unit);
    unit->path = path;
    return unit;
}

/* ---- what a file defines ---- */

static void define_block(Elab *el, Unit *unit, const Item *item)
{
    const Block *other = map_get(&unit->blocks, item->name.text);
    if (other) {
        fault(el, item->name.span, "there already is a block `%s`", item->name.text);
        diag_note(el->diags, other->item->name.span, "it was defined here");
        return;
    }
    Block *block = arena_make(el->arena, Block);
    block->unit = unit;
    block->item = item;
    map_put(el->arena, &unit->blocks, item->name.text, block);
}

static void define_constant(Elab *el, Unit *unit, Name name, const Expr *expr)
{
    const Constant *other = map_get(&unit->constants, name.text);
    if (is_given(name.text)) {
        fault(el, name.span, "`%s` is given by the entry and cannot be a constant", name.text);
        if (!strcmp(name.text, "batch"))
            diag_help(el->diags, "`batch = ...;` stands in the `train` or `infer` block");
        return;
    }
    if (other) {
        fault(el, name.span, "there already is a constant `%s`", name.text);
        diag_note(el->diags, other->name.span, "it was defined here");
        return;
    }
    Constant *constant = arena_make(el->arena, Constant);
    *constant = (Constant){.unit = unit, .name = name, .expr = expr};
    map_put(el->arena, &unit->constants, name.text, constant);
}

static void define_model(Elab *el, Unit *unit, const Item *item)
{
    const Item *other = map_get(&unit->models, item->name.text);
    if (other) {
        fault(el, item->name.span, "there already is a model `%s`", item->name.text);
        diag_note(el->diags, other->name.span, "it was defined here");
        return;
    }
    map_put(el->arena, &unit->models, item->name.text, (Item *)item);
}

/* ---- imports ---- */

static const char *directory_of(Elab *el, const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? arena_strndup(el->arena, path, (size_t)(slash - path) + 1) : "";
}

static Unit *define(Elab *el, Unit *unit, const AstFile *file);

static void refuse_cycle(Elab *el, const Item *use, const Unit *unit)
{
    fault(el, use->use.path_span, "\"%s\" is being read already: the files import each other",
          use->use.path);
    if (unit->imported.source) diag_note(el->diags, unit->imported, "it was asked for here");
}

/* The unit of a file that was read, now or before; NULL if it cannot be used. */
static Unit *load(Elab *el, const Item *use, const char *path, char *text, size_t length)
{
    Unit *unit = map_get(&el->units, path);
    if (unit && unit->loading) refuse_cycle(el, use, unit);
    if (unit) return unit->loading ? NULL : unit;
    if (el->units.slots.count > IMPORT_LIMIT) {
        fault_limit(el, use->use.path_span, "more than %d files are imported", IMPORT_LIMIT);
        return NULL;
    }
    Source *source = arena_make(el->arena, Source);
    *source = (Source){.path = path, .text = text, .length = length};
    unit = new_unit(el, path);
    unit->imported = use->use.path_span;
    int errors = diags_errors(el->diags);
    const AstFile *file = ast_parse(el->arena, source, el->diags);
    if (diags_errors(el->diags) > errors) return NULL;
    map_put(el->arena, &el->units, path, unit);
    return define(el, unit, file);
}

/* "a/./b" and "b/../a" would name one file twice. */
static const char *tidy_path(Elab *el, const char *path)
{
    while (strncmp(path, "./", 2) == 0) path += 2;
    const char *dot = strstr(path, "/./");
    if (!dot) return path;
    return tidy_path(el, arena_printf(el->arena, "%.*s%s", (int)(dot - path), path, dot + 2));
}

static Unit *find_import(Elab *el, const Unit *from, const Item *use)
{
    char *text;
    size_t length;
    const char *first = NULL;
    for (int i = -1; i < el->options->search_count; i++) {
        const char *path = use->use.path;
        if (path[0] != '/' && i < 0)
            path = arena_printf(el->arena, "%s%s", directory_of(el, from->path), path);
        else if (path[0] != '/')
            path = arena_printf(el->arena, "%s/%s", el->options->search[i], path);
        path = tidy_path(el, path);
        const char *error = file_read(el->arena, path, &text, &length);
        if (!error) return load(el, use, path, text, length);
        if (!first) first = error;
    }
    fault(el, use->use.path_span, "cannot import \"%s\": %s", use->use.path, first);
    return NULL;
}

static void import_name(Elab *el, Unit *unit, const Unit *from, Name name)
{
    Block *block = map_get(&from->blocks, name.text);
    Constant *constant = map_get(&from->constants, name.text);
    if (!block && !constant) {
        fault(el, name.span, "%s has no block or constant `%s`", from->path, name.text);
        WordList words = {0};
        words_of_map(el, &words, &from->blocks);
        words_of_map(el, &words, &from->constants);
        help_nearest(el, name.text, &words);
        return;
    }
    if ((block && map_get(&unit->blocks, name.text))
        || (constant && map_get(&unit->constants, name.text))) {
        fault(el, name.span, "there already is a `%s` in this file", name.text);
        return;
    }
    if (block) map_put(el->arena, &unit->blocks, name.text, block);
    if (constant) map_put(el->arena, &unit->constants, name.text, constant);
}

static void import_all(Elab *el, Unit *unit, const Item *use)
{
    const Unit *from = find_import(el, unit, use);
    if (!from) { /* what it would have brought is unknown, but no further error */
        Constant *unknown = arena_make(el->arena, Constant);
        *unknown = (Constant){.unit = unit, .value = &value_poison};
        for (int i = 0; i < use->use.names.count; i++)
            map_put(el->arena, &unit->constants, use->use.names.at[i].text, unknown);
        return;
    }
    for (int i = 0; i < use->use.names.count; i++)
        import_name(el, unit, from, use->use.names.at[i]);
}

static Unit *define(Elab *el, Unit *unit, const AstFile *file)
{
    unit->loading = true;
    for (int i = 0; i < file->items.count; i++) {
        const Item *item = file->items.at[i];
        if (item->kind == ITEM_USE) import_all(el, unit, item);
        if (item->kind == ITEM_BLOCK) define_block(el, unit, item);
        if (item->kind == ITEM_CONST) define_constant(el, unit, item->name, item->constant);
        if (item->kind == ITEM_MODEL) define_model(el, unit, item);
    }
    unit->loading = false;
    return unit;
}

Unit *unit_main(Elab *el, AstFile *file)
{
    const char *path = tidy_path(el, file->source->path);
    Unit *unit = new_unit(el, path);
    map_put(el->arena, &el->units, path, unit);
    return define(el, unit, file);
}

static bool is_library_file(const char *name)
{
    size_t length = strlen(name);
    return length > 3 && strcmp(name + length - 3, ".nn") == 0;
}

Unit *unit_library(Elab *el)
{
    Unit *unit = new_unit(el, "standard library");
    unit->library = true;
    for (const EmbeddedFile *file = embedded_files; file->name; file++) {
        if (!is_library_file(file->name)) continue;
        Source *source = arena_make(el->arena, Source);
        *source = (Source){.path = file->name, .text = file->data, .length = file->length};
        define(el, unit, ast_parse(el->arena, source, el->diags));
    }
    return unit;
}

/* ---- constants ---- */

const Value *unit_constant(Elab *el, Constant *constant)
{
    if (constant->value) return constant->value;
    if (constant->evaluating)
        return fault(el, constant->name.span, "the constant `%s` depends on itself",
                     constant->name.text);
    constant->evaluating = true;
    constant->value =
        eval_apart(el, constant->unit, constant->name.span, "a constant", constant->expr);
    constant->evaluating = false;
    return constant->value;
}

const Value *eval_apart(Elab *el, const Unit *unit, Span at, const char *what, const Expr *expr)
{
    Frame frame = {.caller = el->frame, .unit = unit, .call = at, .path = ""};
    Frame *outer = el->frame;
    Region *region = el->region;
    el->frame = &frame;
    el->region = el->apart;
    el->apart_depth++;
    const Value *value = eval(el, expr);
    if (value->kind == VALUE_TENSOR)
        value =
            fault(el, expr->span, "%s is known when the program is compiled, and no tensor", what);
    el->apart_depth--;
    el->region = region;
    el->frame = outer;
    return value;
}

AstFile *unit_parse_text(Elab *el, const char *path, const char *text)
{
    Source *source = arena_make(el->arena, Source);
    *source = (Source){.path = path, .text = text, .length = strlen(text)};
    int errors = diags_errors(el->diags);
    AstFile *file = ast_parse(el->arena, source, el->diags);
    return diags_errors(el->diags) > errors ? NULL : file;
}

void unit_override(Elab *el, const char *name, const char *text)
{
    Constant *constant = map_get(&el->main->constants, name);
    if (!constant) {
        diag_error(el->diags, (Span){0}, "--set %s: the program has no constant `%s`", name, name);
        WordList words = {0};
        words_of_map(el, &words, &el->main->constants);
        if (!strcmp(name, "batch")) diag_help(el->diags, "there are train.batch and infer.batch");
        else help_nearest(el, name, &words);
        return;
    }
    const char *line = arena_printf(el->arena, "const %s = %s;", name, text);
    const AstFile *file = unit_parse_text(el, "--set", line);
    if (!file || file->items.count != 1 || file->items.at[0]->kind != ITEM_CONST) return;
    constant->expr = file->items.at[0]->constant;
}
