/* Owns how a `train` block names optimisers, schedules and groups of parameters. */
#include <fnmatch.h>
#include <string.h>

#include "elaborate/train_read.h"

enum { MOST_LISTED = 8 }; /* names in a help line */

/* ---- groups of parameters ---- */

/* Calls mark for each parameter that a pattern matches. Returns the first pattern that matches
 * none, or NULL. */
static const char *mark_matching(TrainReader *r, const Value *patterns, void (*mark)(Param *param))
{
    ParamList *params = &r->el->module->params;
    const char *useless = NULL;
    for (int i = 0; i < patterns->list.count; i++) {
        const char *pattern = patterns->list.items[i]->text;
        int matched = 0;
        for (int j = 0; j < params->count; j++) {
            if (fnmatch(pattern, params->at[j].name, 0) != 0) continue;
            mark(&params->at[j]);
            matched++;
        }
        if (!matched && !useless) useless = pattern;
    }
    return useless;
}

static void mark_no_decay(Param *param) { param->decay = false; }

static void mark_trainable(Param *param) { param->trainable = true; }

static void read_no_decay(TrainReader *r, const Expr *expr)
{
    const Value *patterns = train_texts(r, expr, "`no_decay`");
    const char *useless = patterns && r->sound ? mark_matching(r, patterns, mark_no_decay) : NULL;
    if (useless) diag_warning(r->el->diags, expr->span, "no parameter is called `%s`", useless);
}

void train_trainable(TrainReader *r, const Expr *expr)
{
    ParamList *params = &r->el->module->params;
    const Value *patterns = train_texts(r, expr, "`trainable`");
    if (!patterns || !r->sound) return;
    for (int i = 0; i < params->count; i++) params->at[i].trainable = false;
    const char *useless = mark_matching(r, patterns, mark_trainable);
    if (!useless) return;
    WordList words = {0};
    for (int i = 0; i < params->count; i++) vec_push(r->el->arena, words, params->at[i].name);
    fault(r->el, expr->span, "no parameter is called `%s`", useless);
    if (help_nearest(r->el, useless, &words)) return;
    Text all = text_new(r->el->arena);
    for (int i = 0; i < words.count && i < MOST_LISTED; i++)
        text_addf(&all, "%s`%s`", i ? ", " : "", words.at[i]);
    diag_help(r->el->diags, "the parameters are %s%s", all.at,
              words.count > MOST_LISTED ? ", ..." : "");
}

/* ---- schedules ---- */

static bool peak_of(TrainReader *r, const Expr *expr, const char *what, double *peak)
{
    return train_number(r, expr, what, 0.0, peak);
}

static void read_constant(TrainReader *r, const Expr *const *at, nn_schedule *s)
{
    if (at[1]) train_integer(r, at[1], "`warmup`", 0, &s->warmup);
}

static void read_step(TrainReader *r, const Expr *const *at, nn_schedule *s)
{
    s->factor = 0.1;
    train_integer(r, at[1], "`every`", 1, &s->every);
    if (at[2]) train_number(r, at[2], "`factor`", 0.0, &s->factor);
    if (at[3]) train_integer(r, at[3], "`warmup`", 0, &s->warmup);
}

static void read_cosine(TrainReader *r, const Expr *const *at, nn_schedule *s)
{
    if (at[1]) train_integer(r, at[1], "`warmup`", 0, &s->warmup);
    if (at[2]) train_integer(r, at[2], "`total`", 1, &s->total);
    if (s->total && s->total <= s->warmup)
        fault(r->el, at[2]->span, "`total` counts the %lld steps of `warmup` too and must be more",
              (long long)s->warmup);
}

enum { MOST_PARTS = 4 };

static const struct Schedule {
    const char *name;
    int kind, required, count;
    const char *formals[MOST_PARTS];
    void (*read)(TrainReader *r, const Expr *const *at, nn_schedule *schedule);
} schedules[] = {
    {"constant", NN_CONSTANT, 1, 2, {"peak", "warmup"}, read_constant},
    {"step", NN_STEPWISE, 2, 4, {"peak", "every", "factor", "warmup"}, read_step},
    {"cosine", NN_COSINE, 1, 3, {"peak", "warmup", "total"}, read_cosine},
};

enum { SCHEDULE_COUNT = sizeof schedules / sizeof *schedules };

static const struct Schedule *find_schedule(const char *name)
{
    for (int i = 0; i < SCHEDULE_COUNT; i++)
        if (strcmp(schedules[i].name, name) == 0) return &schedules[i];
    return NULL;
}

static void read_schedule(TrainReader *r, const struct Schedule *kind, const Expr *expr)
{
    const Expr *at[MOST_PARTS] = {NULL};
    nn_schedule *s = &r->job->optimizer.lr;
    if (!train_bind(r, expr->call.callee, &expr->call.args, kind->formals, kind->count, at)) return;
    for (int i = 0; i < kind->required; i++)
        if (!at[i]) {
            fault(r->el, expr->span, "%s needs `%s`", kind->name, kind->formals[i]);
            return;
        }
    s->kind = kind->kind;
    if (peak_of(r, at[0], "`peak`", &s->peak)) kind->read(r, at, s);
}

static bool is_function(TrainReader *r, const char *name)
{
    WordList words = callable_words(r->el);
    for (int i = 0; i < words.count; i++)
        if (strcmp(words.at[i], name) == 0) return true;
    return false;
}

/* A schedule, or any other expression as a constant rate. */
static void read_rate(TrainReader *r, const Expr *expr)
{
    const char *name = expr->kind == EXPR_CALL ? expr->call.callee.text : NULL;
    if (name && refuse_method(r->el, expr)) return;
    const struct Schedule *kind = name ? find_schedule(name) : NULL;
    if (kind) {
        read_schedule(r, kind, expr);
    } else if (!name || is_function(r, name)) {
        peak_of(r, expr, "`lr`", &r->job->optimizer.lr.peak);
    } else {
        WordList words = {0};
        for (int i = 0; i < SCHEDULE_COUNT; i++) vec_push(r->el->arena, words, schedules[i].name);
        fault(r->el, expr->call.callee.span, "there is no schedule `%s`", name);
        if (!help_nearest(r->el, name, &words))
            diag_help(r->el->diags, "the schedules are constant, step and cosine");
    }
}

/* ---- optimisers ---- */

static void read_momentum(TrainReader *r, const Expr *expr)
{
    train_number(r, expr, "`momentum`", 0.0, &r->job->optimizer.momentum);
}

static void read_nesterov(TrainReader *r, const Expr *expr)
{
    train_flag(r, expr, "`nesterov`", &r->job->optimizer.nesterov);
}

static void read_betas(TrainReader *r, const Expr *expr)
{
    double *betas[] = {&r->job->optimizer.beta1, &r->job->optimizer.beta2};
    const Value *value = eval(r->el, expr);
    bool sound = value->kind == VALUE_LIST && value->list.count == 2;
    for (int i = 0; sound && i < 2; i++) {
        sound = value->list.items[i]->kind == VALUE_NUMBER;
        if (sound) *betas[i] = number_double(value->list.items[i]->number);
        sound = sound && *betas[i] >= 0.0 && *betas[i] < 1.0;
    }
    if (!sound && value->kind != VALUE_POISON)
        fault(r->el, expr->span,
              "`betas` is a list of two numbers in [0, 1), such as [0.9, 0.999]");
}

static void read_eps(TrainReader *r, const Expr *expr)
{
    train_number(r, expr, "`eps`", 0.0, &r->job->optimizer.eps);
}

static void read_weight_decay(TrainReader *r, const Expr *expr)
{
    train_number(r, expr, "`weight_decay`", 0.0, &r->job->optimizer.weight_decay);
}

typedef struct OptimizerOption {
    const char *name;
    void (*read)(TrainReader *r, const Expr *expr);
} OptimizerOption;

enum { MOST_OPTIONS = 6 };

/* In the order in which PyTorch takes them without a name. */
static const struct OptimizerRow {
    const char *name;
    int kind;
    double lr, weight_decay; /* unless given; lr 0: it must be */
    OptimizerOption options[MOST_OPTIONS];
} optimizers[] = {
    {"sgd",
     NN_SGD,
     0.0,
     0.0,
     {{"lr", read_rate},
      {"momentum", read_momentum},
      {"weight_decay", read_weight_decay},
      {"nesterov", read_nesterov},
      {"no_decay", read_no_decay}}},
    {"adam",
     NN_ADAM,
     1e-3,
     0.0,
     {{"lr", read_rate},
      {"betas", read_betas},
      {"eps", read_eps},
      {"weight_decay", read_weight_decay},
      {"no_decay", read_no_decay}}},
    {"adamw",
     NN_ADAMW,
     1e-3,
     1e-2,
     {{"lr", read_rate},
      {"betas", read_betas},
      {"eps", read_eps},
      {"weight_decay", read_weight_decay},
      {"no_decay", read_no_decay}}},
};

enum { OPTIMIZER_COUNT = sizeof optimizers / sizeof *optimizers };

static const struct OptimizerRow *find_optimizer(TrainReader *r, Name name)
{
    WordList words = {0};
    for (int i = 0; i < OPTIMIZER_COUNT; i++) {
        if (strcmp(optimizers[i].name, name.text) == 0) return &optimizers[i];
        vec_push(r->el->arena, words, optimizers[i].name);
    }
    fault(r->el, name.span, "there is no optimizer `%s`", name.text);
    if (!help_nearest(r->el, name.text, &words))
        diag_help(r->el->diags, "the optimizers are sgd, adam and adamw");
    return NULL;
}

void train_optimizer(TrainReader *r, const Expr *expr)
{
    static const char wanted[] = "`optimizer` names one, as in `adam(lr = 1e-3)`";
    Name callee;
    ArgList args;
    const char *formals[MOST_OPTIONS];
    const Expr *at[MOST_OPTIONS] = {NULL};
    int count = 0;
    if (!train_call(r, expr, wanted, &callee, &args)) return;
    const struct OptimizerRow *row = find_optimizer(r, callee);
    if (!row) return;
    r->job->optimizer = (nn_optimizer){.kind = row->kind,
                                       .beta1 = 0.9,
                                       .beta2 = 0.999,
                                       .eps = 1e-8,
                                       .weight_decay = row->weight_decay};
    r->job->optimizer.lr.peak = row->lr;
    for (; count < MOST_OPTIONS && row->options[count].name; count++)
        formals[count] = row->options[count].name;
    if (!train_bind(r, callee, &args, formals, count, at)) return;
    for (int i = 0; i < count; i++)
        if (at[i]) row->options[i].read(r, at[i]);
    if (!at[0] && row->lr == 0.0) fault(r->el, callee.span, "%s needs `lr`", row->name);
}
