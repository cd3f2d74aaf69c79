/* Owns the way from a file to a Module: its model, the entries that the model has, and what they
 * must agree on. */
#include "elaborate/elaborate.h"

#include <string.h>

#include "elaborate/context.h"
#include "elaborate/train_plan.h"

enum { DEFAULT_INFER_BATCH = 1, DEFAULT_TRAIN_BATCH = 32, MOST_BATCHES = 16 };

/* ---- which model ---- */

static const Item *refuse_model(Elab *el, const char *name)
{
    Text all = text_new(el->arena);
    const Map *models = &el->main->models;
    WordList words = {0};
    words_of_map(el, &words, models);
    for (int i = 0; i < words.count && i < 10; i++)
        text_addf(&all, "%s%s", i ? ", " : "", words.at[i]);
    if (!name)
        diag_error(el->diags, (Span){0}, "%s has several models: --model picks one of %s",
                   el->main->path, all.at);
    else diag_error(el->diags, (Span){0}, "%s has no model `%s`", el->main->path, name);
    if (name && !help_nearest(el, name, &words)) diag_help(el->diags, "it has %s", all.at);
    return NULL;
}

static const Item *pick_model(Elab *el)
{
    const Map *models = &el->main->models;
    const char *name = el->options->model;
    if (models->slots.count == 0) {
        diag_error(el->diags, (Span){0}, "%s has no model", el->main->path);
        diag_help(el->diags,
                  "a model looks like `model name { input x: f32[batch, 4]; ... output y; }`");
        return NULL;
    }
    if (!name && models->slots.count > 1) return refuse_model(el, NULL);
    if (!name) return models->slots.at[0].value;
    const Item *model = map_get(models, name);
    return model ? model : refuse_model(el, name);
}

/* ---- what the text of a model has ---- */

static const Stmt *find_stmt(const Body *body, StmtKind kind)
{
    for (int i = 0; body && i < body->stmts.count; i++) {
        const Stmt *stmt = body->stmts.at[i], *found = NULL;
        if (stmt->kind == kind) return stmt;
        if (stmt->kind == STMT_FOR) found = find_stmt(stmt->loop.body, kind);
        if (stmt->kind == STMT_IF) found = find_stmt(stmt->branch.then_body, kind);
        if (stmt->kind == STMT_IF && !found) found = find_stmt(stmt->branch.else_body, kind);
        if (found) return found;
    }
    return NULL;
}

/* ---- entries ---- */

/* Every parameter and state must be met by every entry: files of weights hold them all. */
static bool same_leaves(Elab *el, const char *first)
{
    bool sound = true;
    for (int i = 0; i < el->leaf_index.slots.count; i++) {
        const Leaf *leaf = el->leaf_index.slots.at[i].value;
        if (leaf->kind == STMT_SESSION || map_get(&el->leaves, leaf->path)) continue;
        diag_error(el->diags, leaf->span, "the %s `%s` is declared for %s and not for %s",
                   ast_stmt_word(leaf->kind), leaf->path, first, el->root->graph->name);
        diag_help(el->diags,
                  "every entry must declare the same: move the declaration out of the `if`");
        sound = false;
    }
    return sound;
}

/* Leaves that only a later entry declares. */
static bool no_new_leaves(Elab *el, int known, const char *first)
{
    bool sound = true;
    for (int i = known; i < el->leaf_index.slots.count; i++) {
        const Leaf *leaf = el->leaf_index.slots.at[i].value;
        if (leaf->kind == STMT_SESSION) continue;
        diag_error(el->diags, leaf->span, "the %s `%s` is declared for %s and not for %s",
                   ast_stmt_word(leaf->kind), leaf->path, el->root->graph->name, first);
        diag_help(el->diags,
                  "every entry must declare the same: move the declaration out of the `if`");
        sound = false;
    }
    return sound;
}

/* Statements under a condition may not be met by every entry, but these must. */
static bool reaches_results(Elab *el, const Item *model, const EntryMode *mode, const Graph *graph)
{
    const char *missed = NULL;
    if (mode->loss && !el->has_loss) missed = "loss";
    bool none = graph->outputs.count == 0 || graph->outputs.at[0].kind != OUT_OUTPUT;
    if (mode->outputs && none && find_stmt(model->body, STMT_OUTPUT)) missed = "output";
    if (!missed) return true;
    diag_error(el->diags, model->name.span, "%s comes past no `%s` of `%s`", mode->name, missed,
               model->name.text);
    diag_help(el->diags, "every entry must: move it out of the `if`");
    return false;
}

static bool add_entry(Elab *el, const Item *model, const EntryMode *mode)
{
    Module *module = el->module;
    int known = el->leaf_index.slots.count;
    bool is_first = module->entries.count == 0;
    Graph *graph = elaborate_entry(el, model, mode);
    if (!graph) return false;
    if (!is_first) {
        const char *first = module->entries.at[0]->name;
        if (!same_leaves(el, first) || !no_new_leaves(el, known, first)) return false;
    }
    if (!reaches_results(el, model, mode, graph)) return false;
    vec_push(el->arena, module->entries, graph);
    return true;
}

static bool add_infer(Elab *el, const Item *model, const BatchList *batches)
{
    for (int i = 0; i < batches->count; i++) {
        int64_t batch = batches->at[i];
        EntryMode mode = {.name =
                              i ? arena_printf(el->arena, "infer_%lld", (long long)batch) : "infer",
                          .batch = batch,
                          .outputs = true,
                          .sessions = true};
        if (!add_entry(el, model, &mode)) return false;
    }
    return true;
}

/* Whether anything has a gradient: a parameter, or an input of f32. */
static bool has_gradients(const Module *module)
{
    bool any = module->params.count > 0;
    const Graph *infer = module->entries.at[0];
    for (int i = 0; i < infer->inputs.count; i++)
        any |= infer->inputs.at[i]->type.dtype == DT_F32;
    return any;
}

static bool add_training(Elab *el, const Item *model, bool has_loss, int64_t batch)
{
    EntryMode train = {
        .name = "train", .batch = batch, .training = true, .outputs = true, .loss = true};
    EntryMode evaluate = {.name = "evaluate", .batch = batch, .loss = true};
    EntryMode forward = {.name = "forward", .batch = batch, .training = true, .outputs = true};
    EntryMode backward = forward;
    backward.name = "backward";
    if (has_loss) return add_entry(el, model, &train) && add_entry(el, model, &evaluate);
    if (!add_entry(el, model, &forward)) return false;
    return !has_gradients(el->module) || add_entry(el, model, &backward);
}

static bool pick_batches(Elab *el, const Settings *settings, BatchList *infer, BatchList *train)
{
    const ElaborateOptions *options = el->options;
    settings_batches(el, settings->infer, DEFAULT_INFER_BATCH, infer);
    settings_batches(el, settings->train, DEFAULT_TRAIN_BATCH, train);
    if (options->train_batch) train->at[0] = options->train_batch;
    if (options->infer_batch_count) *infer = (BatchList){0};
    for (int i = 0; i < options->infer_batch_count; i++)
        vec_push(el->arena, *infer, options->infer_batches[i]);
    if (infer->count > MOST_BATCHES)
        diag_error(el->diags, (Span){0}, "at most %d batch sizes of inference are possible",
                   MOST_BATCHES);
    return infer->count <= MOST_BATCHES;
}

static void refuse_train(Elab *el, const Item *train, const Item *model)
{
    fault(el, train->name.span, "the model `%s` has no loss to train by", model->name.text);
    diag_note(el->diags, model->name.span, "it is defined here");
    diag_help(el->diags, "as in `loss cross_entropy(logits, label);`");
}

static void elaborate_model(Elab *el, const AstFile *file, const Item *model)
{
    Settings settings;
    BatchList infer, train;
    settings_collect(el, file, model, &settings);
    bool trains = settings.train != NULL;
    bool has_loss = find_stmt(model->body, STMT_LOSS) != NULL;
    settings_override(el, &settings, model->name.text);
    if (!pick_batches(el, &settings, &infer, &train)) return;
    if (!find_stmt(model->body, STMT_OUTPUT)) {
        fault(el, model->name.span, "the model `%s` has no output", model->name.text);
        diag_help(el->diags, "`output name;` makes a value one");
    }
    if (trains && !has_loss) refuse_train(el, settings.train, model);
    const bool sound =
        add_infer(el, model, &infer) && add_training(el, model, has_loss, train.at[0]);
    if (trains && has_loss) el->module->train = train_plan_make(el, settings.train, sound);
}

/* ---- the whole ---- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static void prepare(Elab *el, const AstFile *file)
{
    el->apart = arena_make(el->arena, Region);
    el->apart->graph = graph_new(el->arena, "constants", 1);
    el->region = el->root = el->apart;
    el->library = unit_library(el);
    el->main = unit_main(el, (AstFile *)file);
}

Module *elaborate(Arena *arena, AstFile *file, const ElaborateOptions *options, Diags *diags)
{
    static const ElaborateOptions none = {0};
    Elab el = {.arena = arena, .diags = diags, .options = options ? options : &none};
    Frame frame = {.path = ""};
    int errors = diags_errors(diags);
    el.frame = &frame;
    static const Unit nowhere = {.path = ""};
    frame.unit = &nowhere;
    prepare(&el, file);
    frame.unit = el.main;
    const Item *model = diags_errors(diags) == errors ? pick_model(&el) : NULL;
    if (!model) return NULL;
    el.module = module_new(arena, model->name.text);
    el.module->source_name = base_name(file->source->path);
    for (int i = 0; i < el.units.slots.count; i++)
        vec_push(arena, el.module->sources, el.units.slots.at[i].name);
    elaborate_model(&el, file, model);
    return diags_errors(diags) == errors ? el.module : NULL;
}
