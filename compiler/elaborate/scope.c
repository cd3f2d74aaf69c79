/* Owns names inside blocks: scopes, bindings, and how a name is looked up. */
#include <string.h>

#include "elaborate/builtin.h"
#include "elaborate/context.h"

void scope_push(Elab *el)
{
    Scope *scope = arena_make(el->arena, Scope);
    scope->parent = el->frame->scope;
    el->frame->scope = scope;
}

void scope_pop(Elab *el)
{
    const Map *names = &el->frame->scope->names;
    for (int i = 0; i < names->slots.count; i++) {
        const MapSlot *slot = &names->slots.at[i];
        if (!map_get(&el->frame->ended, slot->name))
            map_put(el->arena, &el->frame->ended, slot->name, slot->value);
    }
    el->frame->scope = el->frame->scope->parent;
}

/* What the entry gives: its batch, whether it trains, and whether random draws are wanted in it. */
static const char *const given_words[] = {"batch", "training", "stochastic", NULL};

bool is_given(const char *name)
{
    for (int i = 0; given_words[i]; i++)
        if (strcmp(given_words[i], name) == 0) return true;
    return false;
}

static Binding *find_in(Scope *scope, const char *name, Scope **where, bool *across_scan)
{
    *across_scan = false;
    for (; scope; scope = scope->parent) {
        Binding *binding = map_get(&scope->names, name);
        *where = scope;
        if (binding) return binding;
        *across_scan |= scope->scan;
    }
    return NULL;
}

Binding *scope_find(const Elab *el, const char *name)
{
    Scope *where;
    bool across;
    return find_in(el->frame->scope, name, &where, &across);
}

Binding *scope_declare(Elab *el, Name name)
{
    Scope *scope = el->frame->scope;
    const Binding *other = map_get(&scope->names, name.text);
    if (is_given(name.text)) {
        fault(el, name.span, "`%s` is given by the entry and cannot be another name", name.text);
        Binding *poisoned = arena_make(el->arena, Binding);
        *poisoned = (Binding){.value = &value_poison, .span = name.span};
        map_put(el->arena, &scope->names, name.text, poisoned);
        return NULL;
    }
    if (other) {
        fault(el, name.span, "there already is a `%s` here", name.text);
        if (other->span.source) diag_note(el->diags, other->span, "it was first given here");
        return NULL;
    }
    Binding *binding = arena_make(el->arena, Binding);
    binding->span = name.span;
    map_put(el->arena, &scope->names, name.text, binding);
    return binding;
}

/* ---- assignment ---- */

static void assign_leaf(Elab *el, Name name, Leaf *leaf, const Value *value)
{
    if (leaf->kind == STMT_PARAM) {
        fault(el, name.span, "`%s` is a parameter: only training changes it", name.text);
        diag_note(el->diags, leaf->span, "it is declared here");
        return;
    }
    if (el->frame->scans) {
        fault(el, name.span, "the %s `%s` cannot change inside a scan", ast_stmt_word(leaf->kind),
              name.text);
        return;
    }
    if (value->kind == VALUE_NUMBER)
        value = tensor_value(el, name.span, number_node(el, value->number, DT_F32));
    if (value->kind != VALUE_TENSOR || leaf->current->kind != VALUE_TENSOR) return;
    Type is = leaf->current->tensor.node->type, given = value->tensor.node->type;
    if (!type_equal(is, given)) {
        fault(el, name.span, "the %s `%s` is %s, got %s", ast_stmt_word(leaf->kind), name.text,
              type_text(el->arena, is), type_text(el->arena, given));
        diag_note(el->diags, leaf->span, "it is declared here");
        return;
    }
    leaf->current = value;
    leaf->written = true;
}

static void refuse_across(Elab *el, Name name, const Binding *binding)
{
    fault(el, name.span, "`%s` belongs to the code around the scan and cannot change inside it",
          name.text);
    diag_note(el->diags, binding->span, "it was first given here");
    diag_help(el->diags,
              "`carry %s = ...;` at the head of the scan takes a value from step to step",
              name.text);
}

void scope_assign(Elab *el, Name name, const Value *value)
{
    Scope *where;
    bool across;
    Binding *binding = find_in(el->frame->scope, name.text, &where, &across);
    if (!binding && is_given(name.text)) {
        fault(el, name.span, "`%s` is given by the entry and cannot be assigned", name.text);
        return;
    }
    if (!binding) {
        binding = scope_declare(el, name);
        if (!binding) return;
        across = false;
    }
    if (binding->leaf) assign_leaf(el, name, binding->leaf, value);
    else if (binding->layer)
        fault(el, name.span, "`%s` is a layer and cannot be assigned", name.text);
    else if (across) refuse_across(el, name, binding);
    else binding->value = value;
}

/* ---- lookup ---- */

const Value *scope_read(Elab *el, const Binding *binding)
{
    (void)el;
    return binding->leaf ? binding->leaf->current : binding->value;
}

Constant *find_constant(const Elab *el, const Unit *unit, const char *name)
{
    Constant *constant = map_get(&unit->constants, name);
    return constant ? constant : map_get(&el->library->constants, name);
}

Block *find_block(const Elab *el, const Unit *unit, const char *name)
{
    Block *block = map_get(&unit->blocks, name);
    return block ? block : map_get(&el->library->blocks, name);
}

static WordList value_words(Elab *el)
{
    WordList words = {0};
    for (Scope *scope = el->frame->scope; scope; scope = scope->parent)
        words_of_map(el, &words, &scope->names);
    words_of_map(el, &words, &el->frame->unit->constants);
    for (int i = 0; given_words[i] && el->mode && !el->apart_depth; i++)
        vec_push(el->arena, words, given_words[i]);
    words_of_map(el, &words, &el->library->constants);
    vec_push(el->arena, words, "true");
    vec_push(el->arena, words, "false");
    vec_push(el->arena, words, "none");
    return words;
}

WordList callable_words(Elab *el)
{
    WordList words = {0};
    for (Scope *scope = el->frame->scope; scope; scope = scope->parent)
        for (int i = 0; i < scope->names.slots.count; i++)
            if (((Binding *)scope->names.slots.at[i].value)->layer)
                vec_push(el->arena, words, scope->names.slots.at[i].name);
    words_of_map(el, &words, &el->frame->unit->blocks);
    words_of_map(el, &words, &el->library->blocks);
    builtin_words(el, &words);
    return words;
}

static const Value *refuse_unknown(Elab *el, Name name)
{
    if (find_block(el, el->frame->unit, name.text) || builtin_find(name.text)) {
        fault(el, name.span, "`%s` is a block and must be called", name.text);
        diag_help(el->diags, "write `%s(...)`, or `... |> %s`", name.text, name.text);
        return &value_poison;
    }
    const Instance *instance = map_get(&el->instances, path_join(el, el->frame->path, name.text));
    if (instance) {
        fault(el, name.span, "`%s` is an instance, not a value", name.text);
        diag_note(el->diags, instance->span, "it is named here");
        diag_help(el->diags, "its parameters are reached like `%s.weight`", name.text);
        return &value_poison;
    }
    if ((!el->mode || el->apart_depth) && is_given(name.text))
        return fault(el, name.span, "`%s` is known only inside a model or block", name.text);
    fault(el, name.span, "nothing is called `%s` here", name.text);
    const Binding *ended = map_get(&el->frame->ended, name.text);
    if (ended && ended->span.source) {
        diag_note(el->diags, ended->span, "this `%s` ended with the braces around it", name.text);
        diag_help(el->diags, "what is given a value before the braces can be changed in them");
        return &value_poison;
    }
    WordList words = value_words(el);
    help_nearest(el, name.text, &words);
    return &value_poison;
}

const Value *scope_lookup(Elab *el, Name name)
{
    const Binding *binding = scope_find(el, name.text);
    if (binding && binding->layer) {
        fault(el, name.span, "`%s` is a layer: call it, as in `%s(x)`", name.text, name.text);
        return &value_poison;
    }
    if (binding) return scope_read(el, binding);
    if (el->mode && !el->apart_depth && strcmp(name.text, "batch") == 0)
        return value_number(el->arena, number_batch(el->arena, el->mode->batch));
    if (el->mode && !el->apart_depth && strcmp(name.text, "training") == 0)
        return value_bool(el->arena, el->mode->training);
    if (el->mode && !el->apart_depth && strcmp(name.text, "stochastic") == 0)
        return value_bool(el->arena, !el->options->deterministic);
    Constant *constant = find_constant(el, el->frame->unit, name.text);
    return constant ? unit_constant(el, constant) : refuse_unknown(el, name);
}
