/* Owns the settings of a `train` block: which there are, each at most once, and what they need of
 * each other. */
#include "elaborate/train_plan.h"

#include <string.h>

#include "elaborate/train_read.h"

/* ---- values of settings ---- */

static const Value *refuse(TrainReader *r, const Expr *expr, const char *what, const char *wanted,
                           const Value *value)
{
    if (value->kind != VALUE_POISON)
        fault(r->el, expr->span, "%s is %s, got %s", what, wanted,
              value_describe(r->el->arena, value));
    return NULL;
}

bool train_number(TrainReader *r, const Expr *expr, const char *what, double least, double *out)
{
    const Value *value = eval(r->el, expr);
    if (value->kind != VALUE_NUMBER) return refuse(r, expr, what, "a number", value);
    *out = number_double(value->number);
    if (*out >= least) return true;
    fault(r->el, expr->span, "%s is at least %g, got %s", what, least,
          number_text(r->el->arena, value->number));
    return false;
}

bool train_integer(TrainReader *r, const Expr *expr, const char *what, int64_t least, int64_t *out)
{
    const Value *value = eval(r->el, expr);
    if (value->kind == VALUE_POISON || !want_int(r->el, expr->span, what, value, out)) return false;
    if (*out >= least) return true;
    fault(r->el, expr->span, "%s is at least %lld, got %lld", what, (long long)least,
          (long long)*out);
    return false;
}

bool train_flag(TrainReader *r, const Expr *expr, const char *what, int *out)
{
    const Value *value = eval(r->el, expr);
    if (value->kind != VALUE_BOOL) return refuse(r, expr, what, "true or false", value);
    *out = value->boolean;
    return true;
}

const Value *train_texts(TrainReader *r, const Expr *expr, const char *what)
{
    static const char wanted[] = "a list of patterns such as [\"*.bias\"]";
    const Value *value = eval(r->el, expr);
    if (value->kind != VALUE_LIST) return refuse(r, expr, what, wanted, value);
    for (int i = 0; i < value->list.count; i++)
        if (value->list.items[i]->kind != VALUE_TEXT)
            return refuse(r, expr, what, wanted, value->list.items[i]);
    return value;
}

bool train_call(TrainReader *r, const Expr *expr, const char *what, Name *callee, ArgList *args)
{
    *args = (ArgList){0};
    if (expr->kind == EXPR_NAME) {
        *callee = (Name){.text = expr->name, .span = expr->span};
        return true;
    }
    if (expr->kind != EXPR_CALL || expr->call.as) {
        fault(r->el, expr->span, "%s", what);
        return false;
    }
    if (refuse_method(r->el, expr)) return false;
    *callee = expr->call.callee;
    *args = expr->call.args;
    return true;
}

bool train_bind(TrainReader *r, Name callee, const ArgList *args, const char *const *formals,
                int count, const Expr **bound)
{
    Name *names = arena_array(r->el->arena, Name, count + 1);
    Given *given = arena_array(r->el->arena, Given, args->count + 1);
    const Given **places = arena_array(r->el->arena, const Given *, count + 1);
    for (int i = 0; i < count; i++) names[i].text = formals[i];
    for (int i = 0; i < args->count; i++)
        given[i] = (Given){
            .name = args->at[i].name, .value = &value_none, .span = args->at[i].value->span};
    bool sound =
        bind_arguments(r->el, callee.span, callee.text, names, count, given, args->count, places);
    for (int i = 0; sound && i < count; i++)
        bound[i] = places[i] ? args->at[places[i] - given].value : NULL;
    return sound;
}

/* ---- settings ---- */

static void read_batch(TrainReader *r, const Stmt *stmt)
{
    (void)r, (void)stmt; /* the entries have read it */
}

static void read_epochs(TrainReader *r, const Stmt *stmt)
{
    train_integer(r, stmt->assign.value, "`epochs`", 1, &r->job->epochs);
}

static void read_steps(TrainReader *r, const Stmt *stmt)
{
    train_integer(r, stmt->assign.value, "`steps`", 1, &r->job->steps);
}

static void read_seed(TrainReader *r, const Stmt *stmt)
{
    int64_t seed;
    if (train_integer(r, stmt->assign.value, "`seed`", 0, &seed)) r->job->seed = (uint64_t)seed;
}

static void read_clip_norm(TrainReader *r, const Stmt *stmt)
{
    train_number(r, stmt->assign.value, "`clip_norm`", 0.0, &r->job->clip_norm);
}

static void read_optimizer(TrainReader *r, const Stmt *stmt)
{
    train_optimizer(r, stmt->assign.value);
}

static void read_trainable(TrainReader *r, const Stmt *stmt)
{
    train_trainable(r, stmt->assign.value);
}

static void read_data(TrainReader *r, const Stmt *stmt)
{
    nn_job *job = r->job;
    job->parts = stmt->assign.names.count;
    if (!r->sound) return;
    job->data = train_pipeline(r, stmt->assign.value, job->parts == 2, &job->data_count);
}

static void read_validate(TrainReader *r, const Stmt *stmt)
{
    nn_job *job = r->job;
    if (!r->sound) return;
    job->validate = train_pipeline(r, stmt->assign.value, false, &job->validate_count);
}

static const struct Setting {
    const char *name;
    void (*read)(TrainReader *r, const Stmt *stmt);
} settings[] = {
    {"batch", read_batch},         {"epochs", read_epochs},       {"steps", read_steps},
    {"seed", read_seed},           {"optimizer", read_optimizer}, {"clip_norm", read_clip_norm},
    {"trainable", read_trainable}, {"data", read_data},           {"validate", read_validate},
};

enum { SETTING_COUNT = sizeof settings / sizeof *settings };

static int find_setting(const char *name)
{
    for (int i = 0; i < SETTING_COUNT; i++)
        if (strcmp(settings[i].name, name) == 0) return i;
    return -1;
}

static void refuse_setting(TrainReader *r, Name name)
{
    WordList words = {0};
    fault(r->el, name.span, "a train block has no setting `%s`", name.text);
    for (int i = 0; i < SETTING_COUNT; i++) vec_push(r->el->arena, words, settings[i].name);
    if (!help_nearest(r->el, name.text, &words))
        diag_help(r->el->diags,
                  "the settings are batch, epochs, steps, seed, optimizer, clip_norm, "
                  "trainable, data and validate");
}

/* Whether the names of an assignment are settings. */
static bool check_names(TrainReader *r, const Stmt *stmt)
{
    const NameList *names = &stmt->assign.names;
    for (int i = 0; i < names->count; i++)
        if (find_setting(names->at[i].text) < 0) {
            refuse_setting(r, names->at[i]);
            return false;
        }
    if (names->count == 1
        || (names->count == 2 && strcmp(names->at[0].text, "data") == 0
            && strcmp(names->at[1].text, "validate") == 0))
        return true;
    fault(r->el, stmt->span, "only `data, validate = ...` gives two settings at once");
    return false;
}

/* Data can be trained on only if it is said how and how long. */
static void check_complete(TrainReader *r, const Item *train)
{
    const Stmt *epochs = settings_find(train, "epochs"), *steps = settings_find(train, "steps");
    const Stmt *data = settings_find(train, "data"), *validate = settings_find(train, "validate");
    if (epochs && steps) {
        fault(r->el, steps->span, "`steps` and `epochs` both say how long to train: give one");
        diag_note(r->el->diags, epochs->span, "`epochs` is given here");
    }
    if (data && !epochs && !steps)
        fault(r->el, train->name.span,
              "the train block does not say how long: `epochs` or `steps`");
    if (data && !settings_find(train, "optimizer")) {
        fault(r->el, train->name.span, "the train block needs an `optimizer`");
        diag_help(r->el->diags, "for example `optimizer = adam(lr = 1e-3);`");
    }
    if (validate && !data)
        fault(r->el, validate->span, "`validate` is given, but no `data` to train on");
}

/* ---- the block ---- */

static const char *const *names_of(Elab *el, bool targets_only)
{
    const Module *module = el->module;
    const char **names = arena_array(el->arena, const char *, module->decls.count + 1);
    int count = 0;
    for (int i = 0; i < module->decls.count; i++)
        if (module->decls.at[i].is_target || !targets_only)
            names[count++] = module->decls.at[i].name;
    return names;
}

/* What an unknown setting was meant to be may be what is missing. */
static void read_settings(TrainReader *r, const Item *train)
{
    bool all_known = true;
    for (int i = 0; i < train->body->stmts.count; i++) {
        const Stmt *stmt = train->body->stmts.at[i];
        bool known = check_names(r, stmt);
        if (known) settings[find_setting(stmt->assign.names.at[0].text)].read(r, stmt);
        all_known &= known;
    }
    if (all_known) check_complete(r, train);
}

const TrainPlan *train_plan_make(Elab *el, const Item *train, bool sound)
{
    TrainPlan *plan = arena_make(el->arena, TrainPlan);
    TrainReader reader = {
        .el = el, .job = &plan->job, .names = names_of(el, false), .sound = sound};
    Frame *outer = el->frame, frame = {.unit = el->main, .path = ""};
    Region *region = el->region;
    int errors = diags_errors(el->diags);
    plan->span = train->span;
    plan->job.parts = 1;
    plan->job.targets = names_of(el, true);
    el->region = el->apart;
    el->apart_depth++;
    el->frame = &frame;
    read_settings(&reader, train);
    el->frame = outer;
    el->apart_depth--;
    el->region = region;
    return diags_errors(el->diags) > errors ? NULL : plan;
}
