/* Owns calls: which block, layer or function a name means, its arguments, the name of the instance,
 * and its run. */
#include <string.h>

#include "elaborate/builtin.h"
#include "elaborate/context.h"
#include "ops/op.h"

/* ---- arguments ---- */

static int find_formal(const Name *formals, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (strcmp(formals[i].text, name) == 0) return i;
    return -1;
}

static void help_formals(Elab *el, const Name *formals, int count)
{
    Text all = text_new(el->arena);
    for (int i = 0; i < count; i++) text_addf(&all, "%s`%s`", i ? ", " : "", formals[i].text);
    if (count) diag_help(el->diags, "its parameters are %s", all.at);
}

static bool refuse_name(Elab *el, const char *callee, const Name *formals, int count, Name name)
{
    WordList words = {0};
    for (int i = 0; i < count; i++) vec_push(el->arena, words, formals[i].text);
    fault(el, name.span, "`%s` has no parameter `%s`", callee, name.text);
    if (help_known(el, name.text, &words) || help_nearest(el, name.text, &words)) return false;
    help_formals(el, formals, count);
    return false;
}

static bool refuse_surplus(Elab *el, const char *callee, const Name *formals, int formal_count,
                           int given_count, Span at)
{
    fault(el, at, "`%s` takes at most %d argument%s, got %d", callee, formal_count,
          plural(formal_count), given_count);
    help_formals(el, formals, formal_count);
    return false;
}

static bool place_argument(Elab *el, const char *callee, const Name *formals, int formal_count,
                           const Given *given, int positional, const Given **bound)
{
    int at = given->name.text ? find_formal(formals, formal_count, given->name.text) : positional;
    if (at < 0) return refuse_name(el, callee, formals, formal_count, given->name);
    if (!bound[at]) {
        bound[at] = given;
        return true;
    }
    fault(el, given->name.text ? given->name.span : given->span, "`%s` of `%s` is given twice",
          formals[at].text, callee);
    diag_note(el->diags, bound[at]->span, "it is given here");
    return false;
}

bool bind_arguments(Elab *el, Span at, const char *callee, const Name *formals, int formal_count,
                    const Given *given, int given_count, const Given **bound)
{
    int positional = 0;
    bool sound = true;
    for (int i = 0; i < formal_count; i++) bound[i] = NULL;
    for (int i = 0; i < given_count; i++) positional += given[i].name.text == NULL;
    if (positional > formal_count)
        return refuse_surplus(el, callee, formals, formal_count, positional, at);
    positional = 0;
    for (int i = 0; i < given_count; i++) {
        int place = given[i].name.text ? 0 : positional++;
        sound &= place_argument(el, callee, formals, formal_count, &given[i], place, bound);
    }
    return sound;
}

bool all_sound(const Given *given, int count)
{
    for (int i = 0; i < count; i++)
        if (given[i].value->kind == VALUE_POISON) return false;
    return true;
}

static GivenList eval_arguments(Elab *el, const ArgList *args, const Value *piped, Span piped_span)
{
    GivenList given = {0};
    if (piped) vec_push(el->arena, given, ((Given){.value = piped, .span = piped_span}));
    for (int i = 0; i < args->count; i++) {
        const Arg *arg = &args->at[i];
        Given one = {.name = arg->name, .span = arg->value->span};
        one.value = eval(el, arg->value);
        vec_push(el->arena, given, one);
    }
    return given;
}

/* ---- the name of an instance ---- */

static const char *unnamed_path(Elab *el, const Expr *expr)
{
    const char *callee = expr->call.callee.text;
    if (el->frame->loops) {
        fault(el, expr->span, "`%s` has parameters, and in a loop it needs a name with the index",
              callee);
        diag_help(el->diags, "write `%s(...) as %s[i]`", callee, callee);
        return NULL;
    }
    int *count = map_get(&el->frame->unnamed, callee);
    if (!count) {
        count = arena_make(el->arena, int);
        map_put(el->arena, &el->frame->unnamed, callee, count);
    }
    ++*count;
    return *count == 1 ? callee : arena_printf(el->arena, "%s_%d", callee, *count);
}

/* The path of the instance that a call makes; false after an error. A call without parameters and
 * name belongs to the instance around it. */
static bool instance_path(Elab *el, const Expr *expr, const Block *block, const char **path)
{
    const Path *as = expr->call.as;
    *path = el->frame->path;
    if (!as && !(block && block_has_params(el, block))) return true;
    const char *own = as ? path_text(el, as) : unnamed_path(el, expr);
    if (!own) return false;
    *path = path_join(el, el->frame->path, own);
    return instance_claim(el, *path, as ? as->span : expr->span, false);
}

/* ---- blocks ---- */

static bool refuse_missing(Elab *el, Span call, const Block *block, const Given *const *bound)
{
    const FormalList *formals = &block->item->formals;
    Text missing = text_new(el->arena);
    int count = 0;
    for (int i = 0; i < formals->count; i++)
        if (!bound[i] && !formals->at[i].default_value)
            text_addf(&missing, "%s`%s`", count++ ? ", " : "", formals->at[i].name.text);
    if (!count) return false;
    fault(el, call, "`%s` needs %s", block->item->name.text, missing.at);
    if (bound[0] && bound[0]->value->kind == VALUE_NUMBER && block_has_params(el, block))
        diag_help(el->diags, "`layer name = %s(...);` declares a layer to be called later",
                  block->item->name.text);
    if (!block->unit->library) diag_note(el->diags, block->item->name.span, "it is defined here");
    return true;
}

/* Binds the formals in the frame of the block: a default sees the formals before it. */
static bool bind_formals(Elab *el, const Block *block, const Given *const *bound)
{
    bool sound = true;
    for (int i = 0; i < block->item->formals.count; i++) {
        const Formal *formal = &block->item->formals.at[i];
        const Value *value = bound[i] ? bound[i]->value : eval(el, formal->default_value);
        Binding *binding = scope_declare(el, formal->name);
        sound &= value->kind != VALUE_POISON;
        if (binding) binding->value = value;
        if (binding && bound[i]) binding->given = bound[i]->span;
    }
    return sound;
}

/* The poisoned value where it was reported why; NULL if the block came to no `return`. */
static const Value *run_block(Elab *el, const Block *block, const Given *const *bound)
{
    scope_push(el);
    bool sound = bind_formals(el, block, bound);
    if (sound) run_stmts(el, block->item->body);
    scope_pop(el);
    if (!sound || el->gave_up) return &value_poison;
    return el->frame->result;
}

static const Value *refuse_no_result(Elab *el, const Block *block, Span call)
{
    fault(el, call, "`%s` returns nothing", block->item->name.text);
    diag_note(el->diags, block->item->name.span, "it has no `return` on this way through");
    return &value_poison;
}

static void name_result(Elab *el, const Block *block, const Value *result, int since,
                        const char *name)
{
    if (block->unit->library && result->kind == VALUE_TENSOR && result->tensor.region == el->region
        && result->tensor.node->id >= since && op_row(result->tensor.node->op)->kind != KIND_LEAF)
        result->tensor.node->name = NULL;                  /* the library's own */
    if (name) name_tensor(el, result, since, name);
}

static Name *formal_names(Elab *el, const Block *block)
{
    Name *names = arena_array(el->arena, Name, block->item->formals.count + 1);
    for (int i = 0; i < block->item->formals.count; i++) names[i] = block->item->formals.at[i].name;
    return names;
}

/* What each formal gets; NULL after an error. */
static const Given **match_arguments(Elab *el, Span call, const Block *block,
                                     const GivenList *given)
{
    int count = block->item->formals.count;
    const Given **bound = arena_array(el->arena, const Given *, count + 1);
    bool sound = bind_arguments(el, call, block->item->name.text, formal_names(el, block), count,
                                given->at, given->count, bound);
    return sound && !refuse_missing(el, call, block, bound) ? bound : NULL;
}

/* Runs a block as the instance `path`, which is claimed. What is wrong with its arguments is wrong
 * in the caller. */
static const Value *call_block(Elab *el, const Block *block, const char *path, bool again,
                               Span call, const GivenList *given)
{
    Frame *caller = el->frame;
    if (el->apart_depth && block_has_params(el, block))
        return fault(el, call, "`%s` has parameters and belongs into a model",
                     block->item->name.text);
    if (el->block_depth >= BLOCK_DEPTH_LIMIT)
        return fault_limit(el, call, "blocks call each other more than %d deep", BLOCK_DEPTH_LIMIT);
    const Given **bound = match_arguments(el, call, block, given);
    if (!bound || !all_sound(given->at, given->count)) return &value_poison;
    Frame *frame = arena_make(el->arena, Frame);
    *frame = (Frame){.caller = caller,
                     .unit = block->unit,
                     .name = block->item->name.text,
                     .call = call,
                     .path = path,
                     .run = ++el->runs,
                     .again = again || caller->again,
                     .scans = caller->scans};
    el->frame = frame;
    el->block_depth++;
    const Value *result = run_block(el, block, bound);
    el->block_depth--;
    el->frame = caller;
    return result ? result : refuse_no_result(el, block, call);
}

/* ---- layers ---- */

static bool has_name(const Given *given, int count, const char *name)
{
    for (int i = 0; i < count; i++)
        if (given[i].name.text && strcmp(given[i].name.text, name) == 0) return true;
    return false;
}

/* The arguments of the call come before those of the declaration, as in `x |> dense(128)`. */
static GivenList layer_arguments(Elab *el, const Layer *layer, const GivenList *given)
{
    GivenList all = {0};
    for (int i = 0; i < given->count; i++) vec_push(el->arena, all, given->at[i]);
    for (int i = 0; i < layer->given_count; i++)
        if (!layer->given[i].name.text
            || !has_name(given->at, given->count, layer->given[i].name.text))
            vec_push(el->arena, all, layer->given[i]);
    return all;
}

static const Value *call_layer(Elab *el, const Expr *expr, Layer *layer, const GivenList *given)
{
    if (expr->call.as) {
        fault(el, expr->call.as->span, "the layer `%s` has its name already",
              expr->call.callee.text);
        diag_note(el->diags, layer->span, "it is declared here");
        return &value_poison;
    }
    if (!layer->block || !all_sound(given->at, given->count)) return &value_poison;
    if (!instance_claim(el, layer->path, expr->span, true)) return &value_poison;
    GivenList all = layer_arguments(el, layer, given);
    int since = el->region->graph->nodes.count;
    const Value *result =
        call_block(el, layer->block, layer->path, layer->runs++ > 0, expr->span, &all);
    name_result(el, layer->block, result, since, layer->path);
    return result;
}

void declare_layer(Elab *el, const Stmt *stmt)
{
    const Expr *expr = stmt->binding.value;
    Binding *binding = scope_declare(el, stmt->binding.name);
    if (!binding) return;
    Layer *layer = arena_make(el->arena, Layer);
    layer->span = stmt->binding.name.span;
    binding->layer = layer;
    if (expr->kind == EXPR_CALL && refuse_method(el, expr)) return;
    const Block *block =
        expr->kind == EXPR_CALL ? find_block(el, el->frame->unit, expr->call.callee.text) : NULL;
    if (!block) {
        fault(el, expr->span, "a layer is the call of a block, without its first argument");
        diag_help(el->diags, "as in `layer %s = dense(128);`", stmt->binding.name.text);
        return;
    }
    const char *own = expr->call.as ? path_text(el, expr->call.as) : stmt->binding.name.text;
    if (!own) return;
    layer->path = path_join(el, el->frame->path, own);
    Span at = expr->call.as ? expr->call.as->span : layer->span;
    GivenList given = eval_arguments(el, &expr->call.args, NULL, expr->span);
    if (!instance_claim(el, layer->path, at, false)) return;
    if (!all_sound(given.at, given.count)) {
        instance_poison(el, layer->path);
        return;
    }
    layer->given = given.at;
    layer->given_count = given.count;
    layer->block = block;
}

/* ---- calls ---- */

/* Words of other languages for what is written otherwise here. */
static const struct { const char *word, *help; } habits[] = {
    {"range", "a range is written `0..n`"},
    {"size", "`x.shape` is the list of extents"},
};

static bool help_callable(Elab *el, const char *word)
{
    WordList words = callable_words(el);
    for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
        if (!strcmp(habits[i].word, word)) {
            diag_help(el->diags, "%s", habits[i].help);
            return true;
        }
    return help_known(el, word, &words) || help_nearest(el, word, &words);
}

static bool is_callable(Elab *el, const char *word)
{
    const WordList words = callable_words(el);
    for (int i = 0; i < words.count; i++)
        if (!strcmp(words.at[i], word)) return true;
    return false;
}

bool refuse_method(Elab *el, const Expr *expr)
{
    const Expr *of = expr->call.of;
    const char *name = expr->call.callee.text;
    if (!of) return false;
    const Span at = {of->span.source, of->span.begin, expr->call.callee.span.end};
    const bool module = of->kind == EXPR_NAME && !scope_find(el, of->name)
                     && !find_constant(el, el->frame->unit, of->name);
    if (module || of->kind == EXPR_MEMBER)
        fault(el, at, "a block is called by its name alone: there are no modules");
    else fault(el, at, "a value has no methods: only a block can be called");
    if (!is_callable(el, name) && help_callable(el, name)) return true;
    if (module || of->kind == EXPR_MEMBER) diag_help(el->diags, "write `%s(...)`", name);
    else diag_help(el->diags, "write `x |> %s(...)` or `%s(x, ...)`", name, name);
    return true;
}

static const Value *refuse_callee(Elab *el, const Expr *expr)
{
    Name callee = expr->call.callee;
    const Binding *binding = scope_find(el, callee.text);
    if (binding) {
        const Value *value = scope_read(el, binding);
        if (value && value->kind == VALUE_POISON) return value;
        fault(el, callee.span, "`%s` is %s and cannot be called", callee.text,
              value ? value_describe(el->arena, value) : "a layer");
        diag_note(el->diags, binding->span, "it is given here");
        return &value_poison;
    }
    const Constant *constant = find_constant(el, el->frame->unit, callee.text);
    if (constant && constant->value && constant->value->kind == VALUE_POISON) return &value_poison;
    fault(el, callee.span, "there is no block or function `%s`", callee.text);
    help_callable(el, callee.text);
    return &value_poison;
}

static const Value *call_named_block(Elab *el, const Expr *expr, const Block *block,
                                     const Value *piped, Span piped_span)
{
    const char *path;
    bool claimed = instance_path(el, expr, block, &path);
    GivenList given = eval_arguments(el, &expr->call.args, piped, piped_span);
    if (!claimed) return &value_poison;
    int since = el->region->graph->nodes.count;
    const Value *result = call_block(el, block, path, false, expr->span, &given);
    bool owns = path != el->frame->path;
    if (owns && result->kind == VALUE_POISON) instance_poison(el, path);
    name_result(el, block, result, since, owns ? path : NULL);
    return result;
}

static const Value *call_builtin(Elab *el, const Expr *expr, const Value *piped, Span piped_span)
{
    const char *path;
    bool claimed = instance_path(el, expr, NULL, &path);
    GivenList given = eval_arguments(el, &expr->call.args, piped, piped_span);
    if (!claimed) return &value_poison;
    int since = el->region->graph->nodes.count;
    const Value *result =
        builtin_call(el, expr->call.callee.text, expr->span, given.at, given.count);
    if (path != el->frame->path) name_tensor(el, result, since, path);
    return result;
}

const Value *eval_call(Elab *el, const Expr *expr, const Value *piped, Span piped_span)
{
    const char *callee = expr->call.callee.text;
    if (refuse_method(el, expr)) return &value_poison;
    const Binding *binding = scope_find(el, callee);
    const Block *block = find_block(el, el->frame->unit, callee);
    if (binding && binding->layer) {
        GivenList given = eval_arguments(el, &expr->call.args, piped, piped_span);
        return call_layer(el, expr, binding->layer, &given);
    }
    if (block) return call_named_block(el, expr, block, piped, piped_span);
    if (builtin_find(callee)) return call_builtin(el, expr, piped, piped_span);
    eval_arguments(el, &expr->call.args, piped, piped_span);
    return refuse_callee(el, expr);
}

const Value *eval_pipe(Elab *el, const Expr *expr)
{
    const Value *input = eval(el, expr->pipe.input);
    if (!enter(el, expr->pipe.stage->span)) return &value_poison;
    const Value *value = eval_call(el, expr->pipe.stage, input, expr->pipe.input->span);
    leave(el);
    return value;
}
