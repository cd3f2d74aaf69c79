/* Owns the making of values and how they are called in messages. */
#include "elaborate/value.h"

const Value value_poison = {.kind = VALUE_POISON};
const Value value_none = {.kind = VALUE_NONE};

static Value *new_value(Arena *arena, ValueKind kind)
{
    Value *value = arena_make(arena, Value);
    value->kind = kind;
    return value;
}

const Value *value_bool(Arena *arena, bool boolean)
{
    Value *value = new_value(arena, VALUE_BOOL);
    value->boolean = boolean;
    return value;
}

const Value *value_number(Arena *arena, Number number)
{
    Value *value = new_value(arena, VALUE_NUMBER);
    value->number = number;
    return value;
}

const Value *value_int(Arena *arena, int64_t integer)
{
    return value_number(arena, number_int(integer));
}

const Value *value_text(Arena *arena, const char *text)
{
    Value *value = new_value(arena, VALUE_TEXT);
    value->text = text;
    return value;
}

const Value *value_list(Arena *arena, const Value *const *items, int count)
{
    Value *value = new_value(arena, VALUE_LIST);
    value->list.items = arena_copy(arena, items, sizeof *items * (size_t)count);
    value->list.count = count;
    return value;
}

static const char *describe_number(Arena *arena, Number number)
{
    int64_t integer;
    const char *what = number_is_int(number, &integer) ? "integer"
                       : number.exact                  ? "fraction"
                                                       : "number";
    return arena_printf(arena, "the %s %s", what, number_text(arena, number));
}

const char *value_describe(Arena *arena, const Value *value)
{
    switch (value->kind) {
    case VALUE_NUMBER: return describe_number(arena, value->number);
    case VALUE_TENSOR: return type_text(arena, value->tensor.node->type);
    case VALUE_BOOL: return value->boolean ? "true" : "false";
    case VALUE_TEXT: return arena_printf(arena, "the text \"%s\"", value->text);
    case VALUE_LIST: return arena_printf(arena, "a list of %d", value->list.count);
    case VALUE_RANGE:
        return arena_printf(arena, "the range %lld..%lld", (long long)value->range.begin,
                            (long long)value->range.end);
    case VALUE_INIT: return "an initialiser";
    case VALUE_NONE: return value->member_count ? "a scan without `yield`" : "none";
    case VALUE_POISON: break;
    }
    return "nothing";
}

static const char *spell_list(Arena *arena, const Value *value)
{
    Text text = text_new(arena);
    text_add(&text, "[");
    for (int i = 0; i < value->list.count && text.length < 200; i++) {
        const Value *item = value->list.items[i];
        const char *spelt = item->kind == VALUE_LIST ? "[...]" : value_spell(arena, item);
        text_addf(&text, "%s%s", i ? ", " : "", spelt ? spelt : "...");
    }
    text_add(&text, "]");
    return text.at;
}

const char *value_spell(Arena *arena, const Value *value)
{
    switch (value->kind) {
    case VALUE_NUMBER: return number_text(arena, value->number);
    case VALUE_TEXT: return value->text;
    case VALUE_LIST: return spell_list(arena, value);
    case VALUE_BOOL: case VALUE_NONE: case VALUE_TENSOR: case VALUE_RANGE:
        return value_describe(arena, value);
    case VALUE_POISON: case VALUE_INIT: break;
    }
    return NULL;
}
