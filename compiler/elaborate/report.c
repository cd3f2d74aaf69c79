/* Owns how elaboration reports: at what place, with which notes, and "did you mean". */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "elaborate/context.h"

enum { MOST_CALLS_NOTED = 3, MOST_WORDS = 2000 };

/* The argument that a formal's name stands for in the text of its block; else where the block was
 * called. */
static Span given_span(const Elab *el, const Frame *frame, Span at)
{
    const char *text = at.source ? at.source->text + at.begin : NULL;
    const Scope *scope = frame->scope;
    if (!text) return frame->call;
    const char *name = arena_strndup(el->arena, text, (size_t)(at.end - at.begin));
    for (; scope; scope = scope->parent) {
        const Binding *binding = map_get(&scope->names, name);
        if (binding) return binding->given.source ? binding->given : frame->call;
    }
    return frame->call;
}

/* Inside the library the reader's own code is where the outermost library block was called, or the
 * argument at fault. */
Span user_span(const Elab *el, Span at)
{
    for (const Frame *frame = el->frame; frame && frame->unit->library; frame = frame->caller)
        at = given_span(el, frame, at);
    return at;
}

static const Frame *outermost_library(const Elab *el)
{
    const Frame *frame = el->frame, *found = NULL;
    for (; frame && frame->unit->library; frame = frame->caller) found = frame;
    return found;
}

static void note_calls(Elab *el, Span at)
{
    const Frame *frame = outermost_library(el);
    if (frame && at.source) diag_note(el->diags, at, "in `%s` of the library", frame->name);
    frame = frame ? frame->caller : el->frame;
    for (int i = 0; frame && frame->caller && frame->name && i < MOST_CALLS_NOTED; i++) {
        diag_note(el->diags, frame->call, "in `%s`, called here", frame->name);
        frame = frame->caller;
    }
}

static void report(Elab *el, Span at, const char *format, va_list args)
{
    Text text = text_new(el->arena);
    if (el->gave_up) return;
    text_addv(&text, format, args);
    diag_error(el->diags, user_span(el, at), "%s", text.at);
    note_calls(el, at);
}

const Value *fault(Elab *el, Span at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(el, at, format, args);
    va_end(args);
    return &value_poison;
}

const Value *fault_limit(Elab *el, Span at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    report(el, at, format, args);
    va_end(args);
    el->gave_up = true;
    return &value_poison;
}

void note_shape(Elab *el, Span at, const Value *value)
{
    if (value->kind != VALUE_TENSOR) return;
    const Node *node = value->tensor.node;
    if (!node->span.source || (node->span.source == at.source && node->span.begin >= at.begin
                               && node->span.end <= at.end))
        return;
    diag_note(el->diags, node->span, "%s%s%s comes from here", node->name ? node->name : "",
              node->name ? ", " : "", type_text(el->arena, node->type));
}

void words_of_map(Elab *el, WordList *words, const Map *map)
{
    for (int i = 0; i < map->slots.count && words->count < MOST_WORDS; i++)
        vec_push(el->arena, *words, map->slots.at[i].name);
}

bool help_nearest(Elab *el, const char *word, const WordList *words)
{
    const char *nearest = nearest_word(word, words->at, words->count);
    if (nearest) diag_help(el->diags, "did you mean `%s`?", nearest);
    return nearest != NULL;
}

static bool contains(const WordList *words, const char *word)
{
    for (int i = 0; i < words->count; i++)
        if (strcmp(words->at[i], word) == 0) return true;
    return false;
}

/* The same word, whatever its case and underscores: `LayerNorm` and `layer_norm`. */
static bool same_word(const char *a, const char *b)
{
    for (;; a++, b++) {
        while (*a == '_') a++;
        while (*b == '_') b++;
        if (tolower((unsigned char)*a) != tolower((unsigned char)*b)) return false;
        if (!*a) return true;
    }
}

bool help_known(Elab *el, const char *word, const WordList *words)
{
    Constant *known = map_get(&el->library->constants, "synonyms");
    const Value *pairs = known ? unit_constant(el, known) : &value_none;
    for (int i = 0; pairs->kind == VALUE_LIST && i < pairs->list.count; i++) {
        const Value *pair = pairs->list.items[i];
        const char *theirs = pair->list.items[0]->text, *ours = pair->list.items[1]->text;
        if (!same_word(theirs, word) || !contains(words, ours)) continue;
        diag_help(el->diags, "here it is called `%s`", ours);
        return true;
    }
    return false;
}

const char *plural(int64_t count)
{
    return count == 1 ? "" : "s";
}
