/* Owns `scan`: its body as a graph of its own, carries, yields, and what it captures. */
#include <string.h>

#include "elaborate/context.h"
#include "ops/build.h"

typedef struct Carry { Name name; Node *start; Node *inner; const Binding *binding; } Carry;

typedef struct ScanRun {
    struct ScanRun *outer;
    Region *region;
    VEC(Node *) sequences, elements;
    VEC(Carry) carries;
    int64_t axes[MAX_ATTR_INTS];
    bool reverse, sound;
    const Value *yielded;
    Span yield_span;
} ScanRun;

enum { MOST_PARTS = 16 };            /* sequences, carries and the yield together */

/* ---- head ---- */

static bool take_sequence(Elab *el, ScanRun *run, const ScanVar *var, int64_t axis, Span axis_span)
{
    Span at = var->sequence->span;
    const Value *value = eval(el, var->sequence);
    if (value->kind == VALUE_POISON) return false;
    if (value->kind != VALUE_TENSOR) {
        fault(el, at, "a scan goes along a tensor, got %s", value_describe(el->arena, value));
        if (value->kind == VALUE_RANGE)
            diag_help(el->diags, "`arange(n)` is the range 0..n as a tensor");
        return false;
    }
    Type type = value->tensor.node->type;
    int64_t place = axis < 0 ? axis + type.rank : axis;
    if (place < 0 || place >= type.rank || place == type.batch_axis) {
        fault(el, axis_span,
              place == type.batch_axis && place >= 0
                  ? "a scan cannot go along the batch axis %lld of %s"
                  : "there is no axis %lld of %s",
              (long long)axis, type_text(el->arena, type));
        note_shape(el, axis_span, value);
        return false;
    }
    int first = run->sequences.count;
    if (first && type.dim[place] != run->sequences.at[0]->type.dim[run->axes[0]]) {
        fault(el, at, "the sequences differ in length: %lld steps of %s, before it %lld",
              (long long)type.dim[place], type_text(el->arena, type),
              (long long)run->sequences.at[0]->type.dim[run->axes[0]]);
        note_shape(el, at, value);
        return false;
    }
    run->axes[first] = place;
    vec_push(el->arena, run->sequences, tensor_node(el, value));
    return true;
}

static bool take_options(Elab *el, ScanRun *run, const ArgList *options)
{
    for (int i = 0; i < options->count; i++) {
        const Arg *option = &options->at[i];
        if (strcmp(option->name.text, "reverse") != 0) {
            fault(el, option->name.span, "a scan has no option `%s`", option->name.text);
            diag_help(el->diags, "`reverse = true` goes from the last step to the first");
            return false;
        }
        if (!eval_condition(el, option->value, &run->reverse)) return false;
    }
    return true;
}

static bool take_head(Elab *el, ScanRun *run, const struct Scan *scan)
{
    int64_t axis;
    if (scan->vars.count > MOST_PARTS - 2) {
        fault(el, scan->axis->span, "a scan has at most %d sequences", MOST_PARTS - 2);
        return false;
    }
    if (!eval_int(el, scan->axis, "the axis of a scan", &axis)) return false;
    for (int i = 0; i < scan->vars.count; i++)
        if (!take_sequence(el, run, &scan->vars.at[i], axis, scan->axis->span)) return false;
    return take_options(el, run, &scan->options);
}

/* ---- body ---- */

static Node *body_input(Elab *el, Region *region, Type type, Name name)
{
    Origin origin = {.name = name.text, .layer = el->frame->path, .span = user_span(el, name.span)};
    Attr attr = attr_text(name.text);
    return graph_leaf(region->graph, OP_input, type, &attr, -1, origin);
}

static void bind_element(Elab *el, ScanRun *run, const ScanVar *var, int i)
{
    Type type = type_drop_axis(run->sequences.at[i]->type, (int)run->axes[i]);
    Node *element = body_input(el, run->region, type, var->name);
    vec_push(el->arena, run->elements, element);
    Binding *binding = scope_declare(el, var->name);
    if (binding) binding->value = tensor_value(el, var->name.span, element);
}

Node **scan_given(Region *body, const Node *input)
{
    ScanRun *run = body->run;
    for (int i = 0; run && i < run->elements.count; i++)
        if (run->elements.at[i] == input) return &run->sequences.at[i];
    for (int i = 0; run && i < body->inner.count; i++)
        if (body->inner.at[i] == input) return &body->outer.at[i];
    return NULL;
}

static void run_scan_body(Elab *el, ScanRun *run, const struct Scan *scan)
{
    Region *outer = el->region;
    el->region = run->region;
    el->frame->scan = run;
    el->frame->scans++;
    scope_push(el);
    el->frame->scope->scan = true;
    for (int i = 0; i < scan->vars.count; i++) bind_element(el, run, &scan->vars.at[i], i);
    run_stmts(el, scan->body);
    scope_pop(el);
    el->frame->scans--;
    el->frame->scan = run->outer;
    el->region = outer;
}

/* The start of a carry is computed before the first step, outside of the body. */
static Node *carry_start(Elab *el, ScanRun *run, const Stmt *stmt)
{
    Node *node = NULL;
    Span at = stmt->binding.value->span;
    el->region = run->region->parent;
    const Value *value = eval(el, stmt->binding.value);
    set_origin(el, at);
    if (value->kind == VALUE_NUMBER) node = number_node(el, value->number, DT_F32);
    else if (value->kind == VALUE_TENSOR) node = tensor_node(el, value);
    else if (value->kind != VALUE_POISON)
        fault(el, at, "a carry starts as a tensor or a number, got %s",
              value_describe(el->arena, value));
    el->region = run->region;
    return node;
}

void run_carry(Elab *el, const Stmt *stmt)
{
    ScanRun *run = el->frame->scan;
    Name name = stmt->binding.name;
    if (!run) {
        fault(el, stmt->span, "`carry` stands in the body of a scan");
        return;
    }
    if (run->sequences.count + run->carries.count + 2 > MOST_PARTS) {
        fault(el, stmt->span, "a scan has at most %d sequences and carries", MOST_PARTS - 1);
        run->sound = false;
        return;
    }
    Node *start = carry_start(el, run, stmt);
    Binding *binding = scope_declare(el, name);
    if (!binding) run->sound = false;
    if (!binding) return;
    binding->value = &value_poison;
    if (!start) return;
    Carry carry = {.name = name, .start = start, .binding = binding};
    carry.inner = body_input(el, run->region, start->type, name);
    binding->value = tensor_value(el, name.span, carry.inner);
    vec_push(el->arena, run->carries, carry);
}

void run_yield(Elab *el, const Stmt *stmt)
{
    ScanRun *run = el->frame->scan;
    const Value *value = eval(el, stmt->value);
    if (!run) {
        fault(el, stmt->span, "`yield` stands in the body of a scan");
        return;
    }
    if (run->yielded) {
        fault(el, stmt->span, "a scan has one `yield`");
        diag_note(el->diags, run->yield_span, "it is here");
        diag_help(el->diags, "`concat` makes one tensor of several");
        return;
    }
    run->yield_span = stmt->value->span;
    run->yielded = value;
    if (value->kind == VALUE_TENSOR || value->kind == VALUE_POISON) return;
    if (value->kind == VALUE_NUMBER) {
        set_origin(el, run->yield_span);
        run->yielded = tensor_value(el, run->yield_span, number_node(el, value->number, DT_F32));
    } else
        run->yielded = fault(el, run->yield_span, "a scan yields a tensor, got %s",
                             value_describe(el->arena, value));
}

/* ---- the finished body ---- */

/* The value of a carry after a step. */
static Node *carry_end(Elab *el, const Carry *carry)
{
    const Value *value = carry->binding->value;
    Span at = user_span(el, carry->name.span);
    Node *node = NULL;
    set_origin(el, at);
    if (value->kind == VALUE_NUMBER)
        node = number_node(el, value->number, carry->inner->type.dtype);
    if (value->kind == VALUE_TENSOR) node = tensor_node(el, value);
    if (value->kind == VALUE_POISON) return NULL;
    if (node && type_equal(node->type, carry->inner->type)) return node;
    fault(el, carry->name.span, "the carry `%s` starts as %s and is %s after a step",
          carry->name.text, type_text(el->arena, carry->inner->type),
          node ? type_text(el->arena, node->type) : value_describe(el->arena, value));
    note_shape(el, at, value);
    return NULL;
}

static bool give_outputs(Elab *el, ScanRun *run)
{
    Region *outer = el->region;
    bool sound = run->sound;
    el->region = run->region;
    for (int i = 0; i < run->carries.count; i++) {
        const Carry *carry = &run->carries.at[i];
        Node *end = carry_end(el, carry);
        if (end) graph_output(run->region->graph, OUT_YIELD, carry->name.text, end, -1);
        else sound = false;
    }
    if (run->yielded && run->yielded->kind == VALUE_TENSOR)
        graph_output(run->region->graph, OUT_YIELD, NULL, tensor_node(el, run->yielded), -1);
    else if (run->yielded) sound = false;
    el->region = outer;
    return sound;
}

/* Per node: whether an output or another node reads it. */
static bool *read_nodes(Elab *el, const Graph *graph)
{
    bool *read = arena_array(el->arena, bool, graph->nodes.count + 1);
    for (int i = 0; i < graph->outputs.count; i++) read[graph->outputs.at[i].node->id] = true;
    for (int i = 0; i < graph->nodes.count; i++)
        for (int j = 0; j < graph->nodes.at[i]->input_count; j++)
            read[graph->nodes.at[i]->inputs[j]->id] = true;
    return read;
}

/* Inputs come first: elements, carries, captures. Captures that nothing needs are dropped. */
static void order_inputs(Elab *el, ScanRun *run)
{
    Region *region = run->region;
    Graph *graph = region->graph;
    VEC(Node *) nodes = {0};
    int kept = 0;
    prune_graph(el, graph);
    const bool *read = read_nodes(el, graph);
    for (int i = 0; i < run->elements.count; i++) vec_push(el->arena, nodes, run->elements.at[i]);
    for (int i = 0; i < run->carries.count; i++)
        vec_push(el->arena, nodes, run->carries.at[i].inner);
    for (int i = 0; i < region->inner.count; i++) {
        if (!read[region->inner.at[i]->id]) continue;
        region->outer.at[kept] = region->outer.at[i];
        region->inner.at[kept++] = region->inner.at[i];
        vec_push(el->arena, nodes, region->inner.at[kept - 1]);
    }
    region->outer.count = region->inner.count = kept;
    for (int i = 0; i < graph->nodes.count; i++)
        if (graph->nodes.at[i]->op != OP_input) vec_push(el->arena, nodes, graph->nodes.at[i]);
    graph->nodes.at = nodes.at;
    graph->nodes.count = nodes.count;
    graph->nodes.room = nodes.room;
    graph_renumber(graph);
}

static Node *append_scan(Elab *el, ScanRun *run, Span at)
{
    VEC(Node *) inputs = {0};
    const Region *region = run->region;
    const char *error;
    for (int i = 0; i < run->sequences.count; i++)
        vec_push(el->arena, inputs, run->sequences.at[i]);
    for (int i = 0; i < run->carries.count; i++)
        vec_push(el->arena, inputs, run->carries.at[i].start);
    for (int i = 0; i < region->outer.count; i++) vec_push(el->arena, inputs, region->outer.at[i]);
    Attr attrs[MAX_ATTRS] = {attr_int(run->sequences.count), attr_int(run->carries.count),
                             attr_ints(run->axes, run->sequences.count), attr_int(run->reverse)};
    set_origin(el, at);
    Graph *graph = el->region->graph;
    Node *node = graph_append_region(graph, OP_scan, inputs.at, inputs.count, attrs, region->graph,
                                     graph->origin, &error);
    if (!node) fault(el, at, "%s", error);
    return node;
}

/* ---- results ---- */

/* The yield, stacked along the first axis, with that axis where the sequence had it. */
static const Value *stacked(Elab *el, ScanRun *run, Node *scan, Span at)
{
    Type type = run->region->graph->outputs.at[run->carries.count].node->type;
    int64_t axes[MAX_RANK];
    if (type.rank == MAX_RANK)
        return fault(el, run->yield_span, "%s has too many axes to be stacked",
                     type_text(el->arena, type));
    if (!size_allowed(el, at, type_add_axis(type, 0, run->sequences.at[0]->type.dim[run->axes[0]])))
        return &value_poison;
    Node *node = build_result(el->region->graph, scan, run->carries.count);
    int place = run->axes[0] < type.rank ? (int)run->axes[0] : type.rank;
    for (int i = 0; i <= type.rank; i++) axes[i] = i < place ? i + 1 : i == place ? 0 : i;
    return tensor_value(el, at, build_permute(el->region->graph, node, axes));
}

static const Value *scan_value(Elab *el, ScanRun *run, Node *scan, Span at)
{
    Member *members = arena_array(el->arena, Member, run->carries.count + 1);
    set_origin(el, at);
    const Value *yielded = run->yielded ? stacked(el, run, scan, at) : &value_none;
    if (yielded->kind == VALUE_POISON) return yielded;
    for (int i = 0; i < run->carries.count; i++) {
        Node *last = build_result(el->region->graph, scan, i);
        members[i] = (Member){run->carries.at[i].name.text, tensor_value(el, at, last)};
    }
    Value *value = arena_copy(el->arena, yielded, sizeof *yielded);
    value->members = members;
    value->member_count = run->carries.count;
    return value;
}

const Value *run_scan(Elab *el, const Expr *expr)
{
    ScanRun *run = arena_make(el->arena, ScanRun);
    run->outer = el->frame->scan;
    run->sound = true;
    if (!take_head(el, run, &expr->scan)) return &value_poison;
    run->region = arena_make(el->arena, Region);
    run->region->parent = el->region;
    run->region->run = run;
    const char *name = *el->frame->path ? el->frame->path : "scan";
    run->region->graph = graph_new(el->arena, name, el->region->graph->batch);
    run_scan_body(el, run, &expr->scan);
    if (el->gave_up || !give_outputs(el, run)) return &value_poison;
    if (run->region->graph->outputs.count == 0)
        return fault(el, expr->span,
                     "the scan has neither a `yield` nor a `carry`: it computes nothing");
    order_inputs(el, run);
    Node *scan = append_scan(el, run, expr->span);
    return scan ? scan_value(el, run, scan, expr->span) : &value_poison;
}
