/* Owns the call of a builtin: finding its row, putting arguments in place, and reading them. The
 * elementwise operations have no rows here: the table of operations offers them all. */
#include "elaborate/builtin.h"

#include <string.h>

#include "ops/op.h"

static const Builtin *const tables[] = {builtin_reductions, builtin_shapes, builtin_makers,
                                        builtin_helpers, builtin_windows};

enum { TABLE_COUNT = sizeof tables / sizeof *tables };

static const Builtin *find_row(const char *name)
{
    for (int i = 0; i < TABLE_COUNT; i++)
        for (const Builtin *row = tables[i]; row->name; row++)
            if (strcmp(row->name, name) == 0) return row;
    return NULL;
}

static bool find_map(const char *name, Op *op)
{
    return op_from_name(name, op) && op_row(*op)->kind == KIND_MAP;
}

bool builtin_find(const char *name)
{
    Op op;
    return find_row(name) != NULL || find_map(name, &op);
}

void builtin_words(Elab *el, WordList *words)
{
    for (int i = 0; i < TABLE_COUNT; i++)
        for (const Builtin *row = tables[i]; row->name; row++)
            vec_push(el->arena, *words, row->name);
    for (int op = 0; op < OP_COUNT; op++)
        if (op_row((Op)op)->kind == KIND_MAP) vec_push(el->arena, *words, op_row((Op)op)->name);
}

/* ---- elementwise operations ---- */

static const Value *numbers_map(Elab *el, const char *name, Op op, Span at,
                                const Value *const *args, int count)
{
    Number numbers[MOST_FORMALS], result;
    const char *error;
    for (int i = 0; i < count; i++) numbers[i] = args[i]->number;
    if (!number_function(el->arena, name, op, numbers, count, &result, &error))
        return fault(el, at, "`%s` needs a tensor among its arguments", name);
    if (error) return fault(el, at, "%s", error);
    return value_number(el->arena, result);
}

static const Value *refuse_operand(Elab *el, const char *name, const Given *given)
{
    fault(el, given->span, "%s works on tensors and numbers, got %s", name,
          value_describe(el->arena, given->value));
    if (given->value->kind == VALUE_BOOL)
        diag_help(el->diags, "what is known at compile time is chosen by `if ... then ... else`");
    return &value_poison;
}

static const Value *call_map(Elab *el, const char *name, Op op, Span at, const Given *given,
                             int given_count)
{
    static const Name formals[] = {{.text = "a"}, {.text = "b"}, {.text = "c"}};
    const Given *bound[3] = {NULL};
    const Value *args[3];
    int count = op_row(op)->arity, numbers = 0;
    if (!bind_arguments(el, at, name, formals, count, given, given_count, bound)
        || !all_sound(given, given_count))
        return &value_poison;
    for (int i = 0; i < count; i++) {
        if (!bound[i])
            return fault(el, at, "%s takes %d argument%s, got %d", name, count, plural(count),
                         given_count);
        args[i] = bound[i]->value;
        numbers += args[i]->kind == VALUE_NUMBER;
        if (args[i]->kind != VALUE_NUMBER && args[i]->kind != VALUE_TENSOR)
            return refuse_operand(el, name, bound[i]);
    }
    return numbers == count ? numbers_map(el, name, op, at, args, count)
                            : apply_map(el, at, op, name, args, count);
}

/* ---- rows of the tables ---- */

/* "axis?" is optional; its name is "axis". */
static const char *formal_name(Arena *arena, const char *formal, bool *optional)
{
    size_t length = strlen(formal);
    *optional = formal[length - 1] == '?';
    return *optional ? arena_strndup(arena, formal, length - 1) : formal;
}

static const char *argument_name(const BuiltinCall *call, int i)
{
    bool optional;
    return formal_name(call->el->arena, find_row(call->name)->formals[i], &optional);
}

const Value *builtin_call(Elab *el, const char *name, Span at, const Given *given, int given_count)
{
    Op op;
    const Builtin *row = find_row(name);
    if (!row && find_map(name, &op)) return call_map(el, name, op, at, given, given_count);
    BuiltinCall call = {.el = el, .name = name, .span = at};
    Name formals[MOST_FORMALS] = {{0}};
    bool optional[MOST_FORMALS] = {false};
    int count = 0;
    for (; row->formals[count]; count++)
        formals[count].text = formal_name(el->arena, row->formals[count], &optional[count]);
    if (!bind_arguments(el, at, name, formals, count, given, given_count, call.at))
        return &value_poison;
    for (int i = 0; i < count; i++)
        if (!call.at[i] && !optional[i])
            return fault(el, at, "%s needs its argument `%s`", name, formals[i].text);
    if (!all_sound(given, given_count)) return &value_poison;
    return row->run(&call);
}

/* ---- arguments ---- */

static const Value *argument(const BuiltinCall *call, int i)
{
    return call->at[i] ? call->at[i]->value : &value_none;
}

static bool missing(const BuiltinCall *call, int i)
{
    return argument(call, i)->kind == VALUE_NONE;
}

static bool refuse(const BuiltinCall *call, int i, const char *wanted)
{
    const Value *value = argument(call, i);
    if (value->kind != VALUE_POISON)
        fault(call->el, call->at[i]->span, "`%s` of %s is %s, got %s", argument_name(call, i),
              call->name, wanted, value_describe(call->el->arena, value));
    return false;
}

bool want_tensor(BuiltinCall *call, int i, Node **out)
{
    const Value *value = argument(call, i);
    if (value->kind != VALUE_TENSOR) return refuse(call, i, "a tensor");
    *out = tensor_node(call->el, value);
    set_origin(call->el, call->span);
    return *out != NULL;
}

bool want_bool(BuiltinCall *call, int i, bool otherwise, bool *out)
{
    *out = otherwise;
    if (missing(call, i)) return true;
    if (argument(call, i)->kind != VALUE_BOOL) return refuse(call, i, "true or false");
    *out = argument(call, i)->boolean;
    return true;
}

static bool integer_of(BuiltinCall *call, int i, const Value *value, int64_t *out)
{
    if (value->kind == VALUE_POISON) return false;
    const char *what =
        arena_printf(call->el->arena, "`%s` of %s", argument_name(call, i), call->name);
    Span at = call->at[i]->span;
    if (!want_int(call->el, at, what, value, out)) return false;
    if (*out >= -ELEMENT_LIMIT && *out <= ELEMENT_LIMIT) return true;
    fault(call->el, at, "%s is beyond all tensors: %lld", what, (long long)*out);
    return false;
}

bool want_integer(BuiltinCall *call, int i, int64_t otherwise, int64_t *out)
{
    *out = otherwise;
    return missing(call, i) || integer_of(call, i, argument(call, i), out);
}

bool want_number(BuiltinCall *call, int i, Number otherwise, Number *out)
{
    *out = otherwise;
    if (missing(call, i)) return true;
    if (argument(call, i)->kind != VALUE_NUMBER) return refuse(call, i, "a number");
    *out = argument(call, i)->number;
    return true;
}

static bool axis_in_range(BuiltinCall *call, int i, int rank, int64_t *axis)
{
    int64_t given = *axis;
    if (given < 0) *axis += rank;
    if (*axis >= 0 && *axis < rank) return true;
    if (rank == 0) fault(call->el, call->at[i]->span, "%s: a scalar has no axes", call->name);
    else
        fault(call->el, call->at[i]->span,
              "%s: there is no axis %lld: the axes are 0 to %d, or -%d "
              "to -1 from the end",
              call->name, (long long)given, rank - 1, rank);
    return false;
}

bool want_axis(BuiltinCall *call, int i, int rank, int64_t otherwise, int64_t *out)
{
    if (!want_integer(call, i, otherwise, out)) return false;
    return missing(call, i) || axis_in_range(call, i, rank, out);
}

bool want_integers(BuiltinCall *call, int i, int64_t *out, int limit, int *count)
{
    const Value *value = argument(call, i);
    *count = 0;
    if (value->kind == VALUE_NUMBER) {
        *count = 1;
        return integer_of(call, i, value, &out[0]);
    }
    if (value->kind != VALUE_LIST) return refuse(call, i, "a list of integers");
    if (value->list.count > limit) {
        fault(call->el, call->at[i]->span, "`%s` of %s has at most %d entries, got %d",
              argument_name(call, i), call->name, limit, value->list.count);
        return false;
    }
    for (; *count < value->list.count; ++*count)
        if (!integer_of(call, i, value->list.items[*count], &out[*count])) return false;
    return true;
}

static bool insert_axis(BuiltinCall *call, int i, int64_t axis, int64_t *axes, int *count)
{
    int at = *count;
    while (at > 0 && axes[at - 1] > axis) at--;
    if (at > 0 && axes[at - 1] == axis) {
        fault(call->el, call->at[i]->span, "%s: axis %lld is given twice", call->name,
              (long long)axis);
        return false;
    }
    memmove(axes + at + 1, axes + at, sizeof *axes * (size_t)(*count - at));
    axes[at] = axis;
    ++*count;
    return true;
}

bool want_axes(BuiltinCall *call, int i, int rank, int64_t *axes, int *count)
{
    int64_t given[MAX_RANK];
    int given_count;
    *count = 0;
    if (missing(call, i)) {
        for (; *count < rank; ++*count) axes[*count] = *count;
        return true;
    }
    if (!want_integers(call, i, given, MAX_RANK, &given_count)) return false;
    for (int j = 0; j < given_count; j++)
        if (!axis_in_range(call, i, rank, &given[j])
            || !insert_axis(call, i, given[j], axes, count))
            return false;
    return true;
}
