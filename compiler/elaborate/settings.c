/* Owns the train and infer blocks before anyone reads them: which belong to the model, what --set
 * changes, batch sizes. */
#include <string.h>

#include "elaborate/context.h"

#define BATCH_LIMIT (INT64_C(1) << 20)

const Stmt *settings_find(const Item *item, const char *key)
{
    for (int i = 0; item && i < item->body->stmts.count; i++) {
        const Stmt *stmt = item->body->stmts.at[i];
        for (int j = 0; j < stmt->assign.names.count; j++)
            if (strcmp(stmt->assign.names.at[j].text, key) == 0) return stmt;
    }
    return NULL;
}

/* ---- which blocks ---- */

static bool check_model_name(Elab *el, const Item *item)
{
    if (map_get(&el->main->models, item->name.text)) return true;
    WordList words = {0};
    words_of_map(el, &words, &el->main->models);
    fault(el, item->name.span, "`%s` is for a model `%s`, and there is none",
          ast_item_word(item->kind), item->name.text);
    if (!help_nearest(el, item->name.text, &words) && words.count == 1)
        diag_help(el->diags, "the model of this file is `%s`", words.at[0]);
    return false;
}

static void check_twice(Elab *el, const Item *item)
{
    for (int i = 0; i < item->body->stmts.count; i++) {
        const Stmt *stmt = item->body->stmts.at[i];
        for (int j = 0; j < stmt->assign.names.count; j++) {
            Name name = stmt->assign.names.at[j];
            const Stmt *first = settings_find(item, name.text);
            if (first == stmt) continue;
            fault(el, name.span, "`%s` is set twice", name.text);
            diag_note(el->diags, first->span, "it is set here");
        }
    }
}

static void check_infer_keys(Elab *el, const Item *item)
{
    static const char *const words[] = {"batch"};
    for (int i = 0; item->kind == ITEM_INFER && i < item->body->stmts.count; i++) {
        Name name = item->body->stmts.at[i]->assign.names.at[0];
        if (strcmp(name.text, "batch") == 0) continue;
        fault(el, name.span, "`infer` has no setting `%s`", name.text);
        if (nearest_word(name.text, words, 1)) diag_help(el->diags, "did you mean `batch`?");
        else diag_help(el->diags, "it has `batch`, a number or a list of numbers");
    }
}

static void take_block(Elab *el, const Item *item, const Item **out)
{
    if (*out) {
        fault(el, item->name.span, "`%s` of the model `%s` is there already",
              ast_item_word(item->kind), item->name.text);
        diag_note(el->diags, (*out)->name.span, "it is here");
        return;
    }
    *out = item;
    check_twice(el, item);
    check_infer_keys(el, item);
}

void settings_collect(Elab *el, const AstFile *file, const Item *model, Settings *out)
{
    *out = (Settings){0};
    for (int i = 0; i < file->items.count; i++) {
        const Item *item = file->items.at[i];
        if (item->kind != ITEM_TRAIN && item->kind != ITEM_INFER) continue;
        if (check_model_name(el, item) && strcmp(item->name.text, model->name.text) == 0)
            take_block(el, item, item->kind == ITEM_TRAIN ? &out->train : &out->infer);
    }
}

/* ---- --set ---- */

/* A copy of a block in which `stmt` stands in the place of what set the same before. */
static const Item *with_setting(Elab *el, const Item *item, const Stmt *stmt)
{
    Item *changed = arena_copy(el->arena, item, sizeof *item);
    Body *body = arena_make(el->arena, Body);
    const Stmt *old = settings_find(item, stmt->assign.names.at[0].text);
    body->span = item->body->span;
    for (int i = 0; i < item->body->stmts.count; i++) {
        Stmt *kept = item->body->stmts.at[i];
        vec_push(el->arena, body->stmts,
                 kept == old && kept->assign.names.count == 1 ? (Stmt *)stmt : kept);
    }
    if (!old) vec_push(el->arena, body->stmts, (Stmt *)stmt);
    changed->body = body;
    return changed;
}

static bool refuse_several(Elab *el, const Item *item, const char *key)
{
    const Stmt *old = settings_find(item, key);
    if (!old || old->assign.names.count == 1) return false;
    diag_error(el->diags, (Span){0},
               "--set: `%s` is set together with others and cannot be changed alone", key);
    diag_note(el->diags, old->span, "it is set here");
    return true;
}

/* set: "batch=4"; word: "train" or "infer". A block that is not there is made. */
static void override(Elab *el, const Item **item, const char *word, const char *model,
                     const char *set)
{
    const char *text = arena_printf(el->arena, "%s %s { %s; }", word, model, set);
    const AstFile *file = unit_parse_text(el, "--set", text);
    if (!file || file->items.count != 1 || file->items.at[0]->body->stmts.count != 1) return;
    const Item *given = file->items.at[0];
    const Stmt *stmt = given->body->stmts.at[0];
    if (*item && refuse_several(el, *item, stmt->assign.names.at[0].text)) return;
    *item = *item ? with_setting(el, *item, stmt) : given;
    check_infer_keys(el, *item);
}

void settings_override(Elab *el, Settings *settings, const char *model)
{
    for (int i = 0; i < el->options->set_count; i++) {
        const char *set = el->options->sets[i];
        const char *equals = strchr(set, '=');
        const char *name = equals ? arena_strndup(el->arena, set, (size_t)(equals - set)) : set;
        if (!equals || equals == set)
            diag_error(el->diags, (Span){0}, "--set %s: write KEY=VALUE", set);
        else if (strncmp(set, "train.", 6) == 0)
            override(el, &settings->train, "train", model, set + 6);
        else if (strncmp(set, "infer.", 6) == 0)
            override(el, &settings->infer, "infer", model, set + 6);
        else if (!strchr(name, '.')) unit_override(el, name, equals + 1);
        else {
            diag_error(el->diags, (Span){0}, "--set %s: there is no such setting", name);
            diag_help(el->diags,
                      "settings are called train.KEY and infer.KEY, constants by their name alone");
        }
    }
}

/* ---- batch sizes ---- */

static void add_batch(Elab *el, Span at, const Value *value, BatchList *out)
{
    int64_t batch;
    if (!want_int(el, at, "a batch size", value, &batch)) return;
    if (batch < 1 || batch > BATCH_LIMIT) {
        fault(el, at, "a batch size lies in 1..%lld, got %lld", (long long)BATCH_LIMIT,
              (long long)batch);
        return;
    }
    for (int i = 0; i < out->count; i++)
        if (out->at[i] == batch) return;
    vec_push(el->arena, *out, batch);
}

/* The sizes that a block asks for, those in order. */
static void read_batches(Elab *el, const Item *item, const Stmt *stmt, BatchList *out)
{
    Span at = stmt->assign.value->span;
    const Value *value = eval_apart(el, el->main, stmt->span, "a setting", stmt->assign.value);
    if (value->kind != VALUE_LIST || item->kind == ITEM_TRAIN) {
        add_batch(el, at, value, out);
        return;
    }
    for (int i = 0; i < value->list.count; i++) add_batch(el, at, value->list.items[i], out);
    if (value->list.count == 0) fault(el, at, "`batch` needs at least one size");
}

void settings_batches(Elab *el, const Item *item, int64_t otherwise, BatchList *out)
{
    const Stmt *stmt = settings_find(item, "batch");
    *out = (BatchList){0};
    if (stmt) read_batches(el, item, stmt, out);
    if (out->count == 0) vec_push(el->arena, *out, otherwise);
}
