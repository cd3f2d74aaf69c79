/* Owns instance paths and what stands below them: parameters, states and sessions. */
#include <ctype.h>
#include <string.h>

#include "elaborate/context.h"
#include "elaborate/init.h"
#include "ops/build.h"

/* ---- paths ---- */

const char *path_join(Elab *el, const char *base, const char *part)
{
    return *base ? arena_printf(el->arena, "%s.%s", base, part) : part;
}

/* Paths become names in files and in C, so strings may not bring in anything odd. */
static bool check_part(Elab *el, const PathPart *part, const char *text)
{
    bool fine =
        *text && text[0] != '.' && text[strlen(text) - 1] != '.' && strlen(text) <= NAME_LIMIT;
    for (const char *c = text; *c; c++)
        fine &= isalnum((unsigned char)*c) || strchr("_.-", *c) != NULL;
    if (!fine)
        fault(el, part->span,
              "\"%s\" is no name: letters, digits, `_`, `-` and dots inside make one", text);
    return fine;
}

static const char *part_text(Elab *el, const PathPart *part)
{
    if (part->kind == PATH_NAME) return part->name;
    if (part->kind == PATH_INDEX) {
        int64_t index;
        if (!eval_int(el, part->expr, "the index of a name", &index)) return NULL;
        return arena_printf(el->arena, "%lld", (long long)index);
    }
    const char *text = eval_string(el, part->expr);
    return text && check_part(el, part, text) ? text : NULL;
}

const char *path_text(Elab *el, const Path *path)
{
    Text text = text_new(el->arena);
    for (int i = 0; i < path->parts.count; i++) {
        const char *part = part_text(el, &path->parts.at[i]);
        if (!part) return NULL;
        text_addf(&text, "%s%s", i ? "." : "", part);
    }
    return text.at;
}

/* ---- instances ---- */

bool instance_claim(Elab *el, const char *path, Span span, bool again)
{
    Instance *instance = map_get(&el->instances, path);
    int run = el->frame->run;
    if (!instance) {
        instance = arena_make(el->arena, Instance);
        *instance = (Instance){.path = path, .span = user_span(el, span)};
        map_put(el->arena, &el->instances, path, instance);
    } else if (!again && (!el->frame->again || instance->claimed_by == run)) {
        fault(el, span, "there already is an instance `%s`", path);
        diag_note(el->diags, instance->span, "it was named here");
        diag_help(el->diags,
                  el->frame->loops
                      ? "in a loop the name needs the index, as in `as block[i]`"
                      : "to share parameters, declare `layer f = ...;` and call f twice");
        return false;
    }
    instance->claimed_by = run;
    return strlen(path) <= NAME_LIMIT
           || (fault_limit(el, span, "the name of the instance is too long"), false);
}

void instance_poison(Elab *el, const char *path)
{
    Instance *instance = map_get(&el->instances, path);
    if (instance) instance->poisoned = true;
}

/* Whether something at or above path was not elaborated for want of sound arguments. */
static bool is_poisoned(Elab *el, const char *path)
{
    char *head = arena_strdup(el->arena, path);
    while (true) {
        const Instance *instance = map_get(&el->instances, head);
        if (instance && instance->poisoned) return true;
        char *dot = strrchr(head, '.');
        if (!dot) return false;
        *dot = '\0';
    }
}

/* ---- leaves ---- */

static bool leaf_type(Elab *el, const Stmt *stmt, Type *type)
{
    const char *word = ast_stmt_word(stmt->kind);
    const Name *name = &stmt->variable.name;
    if (!eval_type(el, &stmt->variable.type, type)) return false;
    if (type->dtype != DT_F32) {
        fault(el, stmt->variable.type.span, "the %s `%s` must hold f32, not %s", word, name->text,
              dtype_name(type->dtype));
        return false;
    }
    if (type->batch_axis >= 0 && stmt->kind != STMT_SESSION) {
        fault(el, stmt->variable.type.span,
              "the %s `%s` cannot depend on `batch`: every entry has its own", word, name->text);
        return false;
    }
    return true;
}

static bool leaf_init(Elab *el, const Stmt *stmt, Type type, Init *init)
{
    const Expr *expr = stmt->variable.value;
    *init = (Init){.kind = INIT_ZEROS};
    if (!expr && stmt->kind != STMT_PARAM) return true;
    if (!expr) {
        fault(el, stmt->span, "the parameter `%s` needs an initial value",
              stmt->variable.name.text);
        diag_help(el->diags,
                  "for example `= zeros`, `= ones`, `= uniform(-k, k)` or `= normal(0, 0.02)`");
        return false;
    }
    if (!init_from(el, expr->span, eval(el, expr), type, init)) return false;
    if (stmt->kind != STMT_SESSION || init->kind == INIT_ZEROS) return true;
    fault(el, expr->span, "a session starts as zeros");
    return false;
}

/* The module's record of a leaf: made by the first entry, met again by the others. */
static bool enter_module(Elab *el, Leaf *leaf, const Param *param)
{
    const Leaf *known = map_get(&el->leaf_index, leaf->path);
    Module *module = el->module;
    if (!known) {
        if (leaf->kind == STMT_PARAM) vec_push(el->arena, module->params, *param);
        if (leaf->kind == STMT_STATE) vec_push(el->arena, module->states, *param);
        if (leaf->kind == STMT_SESSION) vec_push(el->arena, module->sessions, *param);
        leaf->index = (leaf->kind == STMT_PARAM ? module->params.count : leaf->kind == STMT_STATE
                       ? module->states.count : module->sessions.count) - 1;
        map_put(el->arena, &el->leaf_index, leaf->path, leaf);
        return true;
    }
    leaf->index = known->index;
    const Param *old = known->kind == STMT_PARAM ? &module->params.at[known->index]
                     : known->kind == STMT_STATE ? &module->states.at[known->index]
                                                 : &module->sessions.at[known->index];
    if (known->kind == leaf->kind && type_equal(old->type, param->type)) return true;
    fault(el, leaf->span, "`%s` is the %s %s for %s, but the %s %s for another entry", leaf->path,
          ast_stmt_word(leaf->kind), type_text(el->arena, param->type), el->mode->name,
          ast_stmt_word(known->kind), type_text(el->arena, old->type));
    return false;
}

/* Sessions live on between calls of infer only; training starts each from zeros. */
static Node *leaf_node(Elab *el, const Leaf *leaf, Type type)
{
    Origin origin = {.name = leaf->path, .layer = el->frame->path, .span = leaf->span};
    Graph *graph = el->root->graph;
    Op op = leaf->kind == STMT_PARAM ? OP_param : leaf->kind == STMT_STATE ? OP_state : OP_session;
    if (leaf->kind != STMT_SESSION || el->mode->sessions)
        return graph_leaf(graph, op, type, NULL, leaf->index, origin);
    Attr zero = attr_number(0.0);
    return graph_leaf(graph, OP_fill, type, &zero, -1, origin);
}

static Leaf *make_leaf(Elab *el, const Stmt *stmt, const char *path, Type type)
{
    Leaf *leaf = arena_make(el->arena, Leaf);
    bool trained = stmt->kind == STMT_PARAM;
    Param param = {.name = path, .type = type, .trainable = trained, .decay = trained};
    *leaf = (Leaf){.path = path, .kind = stmt->kind, .run = el->frame->run};
    leaf->span = param.span = user_span(el, stmt->span);
    if (!leaf_init(el, stmt, type, &param.init)) return NULL;
    if ((stmt->kind != STMT_SESSION || el->mode->sessions) && !enter_module(el, leaf, &param))
        return NULL;
    Region *region = el->region;
    el->region = el->root;
    leaf->current = tensor_value(el, stmt->span, leaf_node(el, leaf, type));
    el->region = region;
    map_put(el->arena, &el->leaves, path, leaf);
    return leaf;
}

/* A leaf that is there already: of an instance that runs again, or declared twice. */
static Leaf *meet_again(Elab *el, const Stmt *stmt, Leaf *leaf, Type type)
{
    if (!el->frame->again || leaf->run == el->frame->run) {
        fault(el, stmt->variable.name.span, "there already is a %s `%s`", ast_stmt_word(leaf->kind),
              leaf->path);
        diag_note(el->diags, leaf->span, "it is declared here");
        return NULL;
    }
    leaf->run = el->frame->run;
    if (leaf->current->kind != VALUE_TENSOR) return leaf;
    Type before = leaf->current->tensor.node->type;
    if (type_equal(before, type)) return leaf;
    fault(el, stmt->variable.name.span,
          "`%s` was %s when the layer was first called, and would be %s now", leaf->path,
          type_text(el->arena, before), type_text(el->arena, type));
    return NULL;
}

const Value *leaf_declare(Elab *el, const Stmt *stmt)
{
    Type type;
    Name name = stmt->variable.name;
    Binding *binding = scope_declare(el, name);
    if (!binding) return &value_poison;
    binding->value = &value_poison;
    if (!leaf_type(el, stmt, &type)) return &value_poison;
    const char *path = path_join(el, el->frame->path, name.text);
    Leaf *leaf = map_get(&el->leaves, path);
    leaf = leaf ? meet_again(el, stmt, leaf, type) : make_leaf(el, stmt, path, type);
    if (!leaf) return &value_poison;
    binding->leaf = leaf;
    return leaf->current;
}

/* ---- reaching a parameter by its path ---- */

/* `[0]` and `["part{i}"]` name a part alike. */
static const char *subscript_text(Elab *el, const Expr *expr)
{
    int64_t index;
    const Value *value = eval(el, expr);
    if (value->kind == VALUE_TEXT) return value->text;
    if (!want_int(el, expr->span, "the index of a name", value, &index)) return NULL;
    return arena_printf(el->arena, "%lld", (long long)index);
}

/* The path that a chain of names and subscripts spells; NULL if it is no such chain, or after an
 * error. */
static const char *chain_text(Elab *el, const Expr *expr)
{
    if (expr->kind == EXPR_NAME) return expr->name;
    if (expr->kind == EXPR_STRING) return eval_string(el, expr);
    const Expr *base = expr->kind == EXPR_MEMBER ? expr->member.base
                     : expr->kind == EXPR_INDEX ? expr->index.base : NULL;
    const char *head = base ? chain_text(el, base) : NULL;
    if (!head) return NULL;
    if (expr->kind == EXPR_MEMBER) return path_join(el, head, expr->member.name.text);
    const SubscriptList *at = &expr->index.subscripts;
    if (at->count != 1 || at->at[0].is_range) return NULL;
    const char *part = subscript_text(el, at->at[0].index);
    return part ? path_join(el, head, part) : NULL;
}

static const Expr *chain_head(const Expr *expr)
{
    while (expr->kind == EXPR_MEMBER || expr->kind == EXPR_INDEX)
        expr = expr->kind == EXPR_MEMBER ? expr->member.base : expr->index.base;
    return expr;
}

/* The names below the frame's own path, as they would be written here. */
static WordList reachable_words(Elab *el)
{
    WordList words = {0};
    size_t skip = *el->frame->path ? strlen(el->frame->path) + 1 : 0;
    for (int i = 0; i < el->leaves.slots.count; i++) {
        const char *path = el->leaves.slots.at[i].name;
        if (strlen(path) > skip && strncmp(path, el->frame->path, skip ? skip - 1 : 0) == 0)
            vec_push(el->arena, words, path + skip);
    }
    return words;
}

const Value *leaf_reach(Elab *el, const Expr *expr)
{
    const Expr *head = chain_head(expr);
    if (head->kind != EXPR_NAME && head->kind != EXPR_STRING) return NULL;
    int errors = diags_errors(el->diags);
    const char *chain = chain_text(el, expr);
    if (!chain) return diags_errors(el->diags) > errors ? &value_poison : NULL;
    const char *path = path_join(el, el->frame->path, chain);
    const Leaf *leaf = map_get(&el->leaves, path);
    if (leaf) return leaf->current;
    if (is_poisoned(el, path)) return &value_poison;
    WordList words = reachable_words(el);
    const char *first = chain_text(el, head);
    const Instance *instance =
        map_get(&el->instances, path_join(el, el->frame->path, first ? first : ""));
    if (!instance && head->kind == EXPR_NAME && !nearest_word(chain, words.at, words.count))
        return NULL;
    fault(el, expr->span, "there is no parameter `%s` here", chain);
    if (instance) diag_note(el->diags, instance->span, "`%s` is named here", first);
    help_nearest(el, chain, &words);
    return &value_poison;
}
