/* Owns how a pipeline `loader(...) |> transform(...)` becomes the runtime's steps, checked against
 * the runtime's tables of loaders and transforms. */
#include <string.h>

#include "elaborate/train_read.h"
#include "nn_loaders.h"

/* ---- words ---- */

static WordList loader_words(Elab *el)
{
    WordList words = {0};
    for (int i = 0; nn_loaders[i]; i++) vec_push(el->arena, words, nn_loaders[i]->name);
    return words;
}

static WordList transform_words(Elab *el)
{
    WordList words = {0};
    for (int i = 0; nn_transforms[i]; i++) vec_push(el->arena, words, nn_transforms[i]->name);
    return words;
}

static WordList option_words(TrainReader *r, const nn_option_spec *specs)
{
    WordList words = {0};
    for (; specs->name; specs++) {
        bool star = strcmp(specs->name, "*") == 0;
        if (!star && specs->name[0]) vec_push(r->el->arena, words, specs->name);
        for (int i = 0; star && r->names[i]; i++) vec_push(r->el->arena, words, r->names[i]);
    }
    return words;
}

/* "a, b and c" */
static const char *listed(Elab *el, const WordList *words)
{
    Text text = text_new(el->arena);
    for (int i = 0; i < words->count; i++)
        text_addf(&text, "%s%s", i == 0 ? "" : i + 1 < words->count ? ", " : " and ", words->at[i]);
    return text.at;
}

static void help_words(Elab *el, const char *word, const WordList *words, const char *kind)
{
    if (!help_nearest(el, word, words) && words->count)
        diag_help(el->diags, "the %s are %s", kind, listed(el, words));
}

/* ---- options ---- */

/* name NULL: the positional option. */
static const nn_option_spec *find_spec(TrainReader *r, const nn_option_spec *specs,
                                       const char *name)
{
    for (; specs->name; specs++) {
        if (strcmp(specs->name, name ? name : "") == 0) return specs;
        if (name && strcmp(specs->name, "*") == 0 && nn_is_named(r->names, name)) return specs;
    }
    return NULL;
}

static const char *kinds_text(Elab *el, int kinds)
{
    static const char *const words[] = {"a number",          "a text",         "a word", "a range",
                                        "a list of numbers", "a list of texts"};
    Text text = text_new(el->arena);
    for (int i = 0; i < 6; i++)
        if (kinds & 1 << i) text_addf(&text, "%s%s", text.length ? " or " : "", words[i]);
    return text.at;
}

static bool list_option(Elab *el, const Value *value, nn_option *out)
{
    int count = value->list.count, texts = 0;
    double *numbers = arena_array(el->arena, double, count + 1);
    const char **strings = arena_array(el->arena, const char *, count + 1);
    for (int i = 0; i < count; i++) {
        const Value *item = value->list.items[i];
        if (item->kind == VALUE_TEXT) strings[texts++] = item->text;
        else if (item->kind == VALUE_NUMBER) numbers[i] = number_double(item->number);
        else return false;
    }
    if (texts && texts < count) return false;
    out->kind = texts ? NN_TEXTS : NN_NUMBERS;
    out->numbers = texts ? NULL : numbers;
    out->texts = texts ? strings : NULL;
    out->count = count;
    return true;
}

/* False for what no option takes. */
static bool value_option(Elab *el, const Value *value, nn_option *out)
{
    switch (value->kind) {
    case VALUE_NUMBER:
        out->kind = NN_NUMBER;
        out->number = number_double(value->number);
        return true;
    case VALUE_RANGE:
        out->kind = NN_RANGE;
        out->number = (double)value->range.begin;
        out->last = (double)value->range.end;
        return true;
    case VALUE_TEXT:
        out->kind = NN_TEXT;
        out->text = value->text;
        return true;
    case VALUE_BOOL:
    case VALUE_NONE:
        out->kind = NN_WORD;
        out->text = value_describe(el->arena, value);
        return true;
    case VALUE_LIST: return list_option(el, value, out);
    case VALUE_POISON:
    case VALUE_TENSOR:
    case VALUE_INIT: break;
    }
    return false;
}

static const char *option_name(Elab *el, const nn_option *option)
{
    return option->name ? arena_printf(el->arena, "`%s`", option->name) : "the first option";
}

/* A bare word that is no constant of the program is a word of the slot, where the slot takes words.
 */
static bool read_value(TrainReader *r, Name step, const nn_option_spec *spec, const Expr *expr,
                       nn_option *out)
{
    Elab *el = r->el;
    bool word = expr->kind == EXPR_NAME && !map_get(&el->main->constants, expr->name);
    if (word && spec->kinds & NN_WORD) {
        out->kind = NN_WORD;
        out->text = expr->name;
        return true;
    }
    const Value *value = eval(el, expr);
    if (value->kind == VALUE_POISON) return false;
    if (value_option(el, value, out) && out->kind & spec->kinds) return true;
    fault(el, expr->span, "%s of %s is %s, got %s", option_name(el, out), step.text,
          kinds_text(el, spec->kinds), value_describe(el->arena, value));
    diag_help(el->diags, "%s", spec->help);
    return false;
}

static void refuse_option(TrainReader *r, Name step, const Arg *arg, const nn_option_spec *specs)
{
    WordList words = option_words(r, specs);
    if (!arg->name.text) {
        fault(r->el, arg->value->span, "%s takes %s", step.text,
              words.count ? "named options only" : "no option");
        if (words.count) diag_help(r->el->diags, "the options are %s", listed(r->el, &words));
        return;
    }
    fault(r->el, arg->name.span, "%s has no option `%s`", step.text, arg->name.text);
    help_words(r->el, arg->name.text, &words, "options");
}

static bool read_option(TrainReader *r, Name step, const Arg *arg, const nn_option_spec *specs,
                        nn_step *out)
{
    const nn_option_spec *spec = find_spec(r, specs, arg->name.text);
    nn_option *option = (nn_option *)&out->options[out->option_count];
    if (!spec) {
        refuse_option(r, step, arg, specs);
        return false;
    }
    option->name = arg->name.text;
    if (nn_find_option(out, option->name)) {
        fault(r->el, arg->name.text ? arg->name.span : arg->value->span, "%s: %s is given twice",
              step.text, option_name(r->el, option));
        return false;
    }
    if (!read_value(r, step, spec, arg->value, option)) return false;
    out->option_count++;
    return true;
}

static bool check_required(TrainReader *r, Name step, const nn_option_spec *specs,
                           const nn_step *out)
{
    bool complete = true;
    for (; specs->name; specs++) {
        bool star = strcmp(specs->name, "*") == 0;
        if (!specs->required) continue;
        if (!star && !nn_find_option(out, specs->name[0] ? specs->name : NULL)) {
            fault(r->el, step.span, "%s needs %s%s%s", step.text, specs->name,
                  specs->name[0] ? ": " : "", specs->help);
            complete = false;
        }
        for (int i = 0; star && r->names[i]; i++) {
            if (nn_find_option(out, r->names[i])) continue;
            fault(r->el, step.span, "%s does not say where `%s` comes from", step.text,
                  r->names[i]);
            diag_help(r->el->diags, "add `%s = ...` (%s)", r->names[i], specs->help);
            complete = false;
        }
    }
    return complete;
}

/* ---- steps ---- */

static const nn_option_spec *loader_specs(Elab *el, Name name)
{
    const nn_loader *loader = nn_find_loader(name.text);
    if (loader) return loader->options;
    WordList words = loader_words(el);
    if (nn_find_transform(name.text)) {
        fault(el, name.span, "a pipeline starts with a loader, and `%s` is a transform", name.text);
        diag_help(el->diags, "the loaders are %s", listed(el, &words));
    } else {
        fault(el, name.span, "there is no loader `%s`", name.text);
        help_words(el, name.text, &words, "loaders");
    }
    return NULL;
}

static const nn_option_spec *transform_specs(Elab *el, Name name)
{
    const nn_transform *transform = nn_find_transform(name.text);
    if (transform) return transform->options;
    WordList words = transform_words(el);
    if (nn_find_loader(name.text)) {
        fault(el, name.span, "the loader `%s` can only stand first in a pipeline", name.text);
    } else {
        fault(el, name.span, "there is no transform `%s`", name.text);
        help_words(el, name.text, &words, "transforms");
    }
    return NULL;
}

static bool read_step(TrainReader *r, const Expr *expr, bool first, nn_step *out, Name *name)
{
    ArgList args;
    bool sound = true;
    static const char wanted[] = "data is a loader and transforms, as in "
                                 "`csv(\"data.csv\", ...) |> standardize`";
    if (!train_call(r, expr, wanted, name, &args)) return false;
    const nn_option_spec *specs = first ? loader_specs(r->el, *name)
                                        : transform_specs(r->el, *name);
    if (!specs) return false;
    *out = (nn_step){.name = name->text};
    out->options = arena_array(r->el->arena, nn_option, args.count + 1);
    for (int i = 0; i < args.count; i++) sound &= read_option(r, *name, &args.at[i], specs, out);
    return sound && check_required(r, *name, specs, out);
}

/* `data, validate =` and `|> split` belong together. */
static bool check_split(TrainReader *r, const Expr *expr, bool splits, const Name *split)
{
    if (splits && !split) {
        fault(r->el, expr->span,
              "`data, validate = ...` takes both from one pipeline with a split");
        diag_help(r->el->diags, "add `|> split(0.8, seed = 1)`");
        return false;
    }
    if (splits || !split) return true;
    fault(r->el, split->span, "%s gives two parts", split->text);
    diag_help(r->el->diags, "write `data, validate = ...`");
    return false;
}

const nn_step *train_pipeline(TrainReader *r, const Expr *expr, bool splits, int *count)
{
    int stages = 1;
    bool sound = true;
    Name *split = NULL, *names;
    for (const Expr *e = expr; e->kind == EXPR_PIPE; e = e->pipe.input) stages++;
    nn_step *steps = arena_array(r->el->arena, nn_step, stages);
    const Expr **at = arena_array(r->el->arena, const Expr *, stages);
    names = arena_array(r->el->arena, Name, stages);
    const Expr *e = expr;
    for (int i = stages; i-- > 0; e = e->kind == EXPR_PIPE ? e->pipe.input : e)
        at[i] = e->kind == EXPR_PIPE ? e->pipe.stage : e;
    for (int i = 0; i < stages; i++) {
        sound &= read_step(r, at[i], i == 0, &steps[i], &names[i]);
        if (names[i].text && nn_find_transform(names[i].text) == &nn_split_transform)
            split = &names[i];
    }
    *count = stages;
    return check_split(r, expr, splits, split) && sound ? steps : NULL;
}
