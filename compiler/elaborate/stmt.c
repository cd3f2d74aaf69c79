/* Owns statements: their order, the scopes they open, and where each of them may stand. */
#include "elaborate/context.h"

bool stopped(const Elab *el)
{
    return el->gave_up || el->frame->result;
}

/* ---- assignment ---- */

/* What a value is called behind the elaborator. Names in the library's blocks are not the user's:
 * there it is the layer's "bn1.average", and of a block that is no layer nothing. */
static const char *value_name(Elab *el, const char *variable)
{
    const Frame *frame = el->frame;
    if (!frame->unit->library) return variable;
    const Binding *binding = scope_find(el, variable);
    const bool is_state = binding && binding->leaf; /* which has its name */
    if (is_state || !frame->caller || frame->caller->path == frame->path) return NULL;
    return arena_printf(el->arena, "%s.%s", frame->path, variable);
}

static void assign_one(Elab *el, Name name, const Value *value, int since)
{
    const char *called = value_name(el, name.text);
    if (called) name_tensor(el, value, since, called);
    scope_assign(el, name, value);
}

static void assign_many(Elab *el, const Stmt *stmt, const Value *value, int since)
{
    const NameList *names = &stmt->assign.names;
    bool fits = value->kind == VALUE_LIST && value->list.count == names->count;
    if (!fits && value->kind != VALUE_POISON) {
        fault(el, stmt->assign.value->span, "%d names take a list of %d, got %s", names->count,
              names->count, value_describe(el->arena, value));
        note_shape(el, stmt->assign.value->span, value);
    }
    for (int i = 0; i < names->count; i++)
        assign_one(el, names->at[i], fits ? value->list.items[i] : &value_poison, since);
}

static void run_assign(Elab *el, const Stmt *stmt)
{
    int since = el->region->graph->nodes.count;
    const Value *value = eval(el, stmt->assign.value);
    if (stmt->assign.names.count == 1) assign_one(el, stmt->assign.names.at[0], value, since);
    else assign_many(el, stmt, value, since);
}

/* ---- control ---- */

static void run_if(Elab *el, const Stmt *stmt)
{
    bool condition;
    if (!eval_condition(el, stmt->branch.condition, &condition)) return;
    if (condition) run_body(el, stmt->branch.then_body);
    else if (stmt->branch.else_body) run_body(el, stmt->branch.else_body);
}

static void run_iteration(Elab *el, const Stmt *stmt, const Value *item)
{
    scope_push(el);
    Binding *binding = scope_declare(el, stmt->loop.name);
    if (binding) binding->value = item;
    run_stmts(el, stmt->loop.body);
    scope_pop(el);
}

static void run_range(Elab *el, const Stmt *stmt, const Value *range)
{
    int64_t begin = range->range.begin, end = range->range.end, count;
    if (__builtin_sub_overflow(end, begin, &count) || count > LOOP_LIMIT) {
        fault(el, stmt->loop.range->span,
              "a loop runs at most %d times, this one from %lld to %lld", LOOP_LIMIT,
              (long long)begin, (long long)end);
        return;
    }
    for (int64_t i = begin; i < end && !stopped(el); i++)
        run_iteration(el, stmt, value_int(el->arena, i));
}

static void run_for(Elab *el, const Stmt *stmt)
{
    const Value *over = eval(el, stmt->loop.range);
    el->frame->loops++;
    if (over->kind == VALUE_RANGE) run_range(el, stmt, over);
    else if (over->kind == VALUE_LIST)
        for (int i = 0; i < over->list.count && !stopped(el); i++)
            run_iteration(el, stmt, over->list.items[i]);
    else if (over->kind != VALUE_POISON) {
        fault(el, stmt->loop.range->span, "a loop goes over a range or a list, got %s",
              value_describe(el->arena, over));
        note_shape(el, stmt->loop.range->span, over);
        if (over->kind == VALUE_TENSOR)
            diag_help(el->diags, "`scan x in xs along 1 { ... }` goes along an axis of a tensor");
        if (over->kind == VALUE_NUMBER)
            diag_help(el->diags, "write `0..%s`", number_text(el->arena, over->number));
    }
    el->frame->loops--;
}

static void run_return(Elab *el, const Stmt *stmt)
{
    const Value *value = eval(el, stmt->value);
    if (el->frame->is_model) {
        fault(el, stmt->span, "a model has no result");
        diag_help(el->diags, "`output name = value;` makes a value an output");
    } else if (el->frame->scan) {
        fault(el, stmt->span, "a scan cannot be left from inside");
        diag_help(el->diags, "`yield` gives a value for each step");
    } else el->frame->result = value;
}

/* ---- where statements stand ---- */

static bool in_model(Elab *el, const Stmt *stmt)
{
    const char *word = ast_stmt_word(stmt->kind);
    if (!el->frame->is_model) fault(el, stmt->span, "`%s` stands in a model, not in a block", word);
    else if (el->frame->scan) fault(el, stmt->span, "`%s` cannot stand in a scan", word);
    else return true;
    return false;
}

static void run_stmt(Elab *el, const Stmt *stmt)
{
    switch (stmt->kind) {
    case STMT_ASSIGN: run_assign(el, stmt); break;
    case STMT_PARAM: case STMT_STATE: case STMT_SESSION: leaf_declare(el, stmt); break;
    case STMT_INPUT: case STMT_TARGET: if (in_model(el, stmt)) declare_tensor(el, stmt); break;
    case STMT_LAYER: declare_layer(el, stmt); break;
    case STMT_CARRY: run_carry(el, stmt); break;
    case STMT_OUTPUT: if (in_model(el, stmt)) declare_output(el, stmt); break;
    case STMT_METRIC: if (in_model(el, stmt)) declare_metric(el, stmt); break;
    case STMT_LOSS: if (in_model(el, stmt)) declare_loss(el, stmt); break;
    case STMT_YIELD: run_yield(el, stmt); break;
    case STMT_RETURN: run_return(el, stmt); break;
    case STMT_IF: run_if(el, stmt); break;
    case STMT_FOR: run_for(el, stmt); break;
    }
}

void run_stmts(Elab *el, const Body *body)
{
    for (int i = 0; i < body->stmts.count && !stopped(el); i++) {
        if (!enter(el, body->stmts.at[i]->span)) return;
        run_stmt(el, body->stmts.at[i]);
        leave(el);
    }
}

void run_body(Elab *el, const Body *body)
{
    scope_push(el);
    run_stmts(el, body);
    scope_pop(el);
}
