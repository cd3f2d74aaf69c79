/* Owns one entry of the model: its run, inputs and targets, and what becomes an output of its
 * graph. */
#include <string.h>

#include "elaborate/context.h"
#include "elaborate/init.h"
#include "ops/build.h"

/* ---- inputs and targets ---- */

/* As the module tells it: of one row. */
static Type type_of_one_row(Type type)
{
    if (type.batch_axis >= 0) type.dim[type.batch_axis] = type.batch_inner;
    return type;
}

static bool decl_allowed(Elab *el, const Stmt *stmt, Type type)
{
    Name name = stmt->variable.name;
    const char *word = ast_stmt_word(stmt->kind);
    if (type.batch_axis > 0 || (type.batch_axis == 0 && type.batch_inner != 1)) {
        fault(el, stmt->variable.type.span, "the %s `%s` must have `batch` alone as its first axis",
              word, name.text);
        return false;
    }
    for (int i = 0; i < el->decls; i++) {
        const TensorDecl *other = &el->module->decls.at[i];
        if (strcmp(other->name, name.text) != 0) continue;
        fault(el, name.span, "there already is an input or target `%s`", name.text);
        diag_note(el->diags, other->span, "it is declared here");
        return false;
    }
    return true;
}

/* The module's record of it: made by the first entry, met again by the others. */
static bool enter_decl(Elab *el, const Stmt *stmt, Type type)
{
    TensorDecl decl = {.name = stmt->variable.name.text,
                       .type = type_of_one_row(type),
                       .span = stmt->span,
                       .is_target = stmt->kind == STMT_TARGET};
    int index = el->decls++;
    if (index == el->module->decls.count && !el->module->entries.count) {
        vec_push(el->arena, el->module->decls, decl);
        return true;
    }
    const TensorDecl *known = index < el->module->decls.count ? &el->module->decls.at[index] : NULL;
    if (known && strcmp(known->name, decl.name) == 0 && type_equal(known->type, decl.type))
        return true;
    fault(el, stmt->span, "`%s` is not declared alike for every entry", decl.name);
    if (known)
        diag_note(el->diags, known->span, "for %s this is %s", el->module->entries.at[0]->name,
                  type_text(el->arena, known->type));
    return false;
}

void declare_tensor(Elab *el, const Stmt *stmt)
{
    Type type;
    Binding *binding = scope_declare(el, stmt->variable.name);
    if (!binding) return;
    binding->value = &value_poison;
    if (!eval_type(el, &stmt->variable.type, &type) || !decl_allowed(el, stmt, type)) return;
    if (!enter_decl(el, stmt, type)) return;
    Origin origin = {.name = stmt->variable.name.text, .layer = "", .span = stmt->span};
    Attr attr = attr_text(origin.name);
    Node *node = graph_leaf(el->root->graph, OP_input, type, &attr, el->decls - 1, origin);
    binding->value = tensor_value(el, stmt->span, node);
}

/* ---- outputs ---- */

static bool add_output(Elab *el, OutputKind kind, const char *name, Span span, Node *node,
                       int param)
{
    for (int i = 0; i < el->outputs.count; i++) {
        if (el->outputs.at[i].kind != kind || strcmp(el->outputs.at[i].name, name) != 0) continue;
        fault(el, span, "there already is %s %s `%s`", kind == OUT_OUTPUT ? "an" : "a",
              output_kind_name(kind), name);
        return false;
    }
    Output output = {.kind = kind, .name = name, .node = node, .param = param};
    vec_push(el->arena, el->outputs, output);
    return true;
}

void declare_output(Elab *el, const Stmt *stmt)
{
    Name name = stmt->binding.name;
    int since = el->region->graph->nodes.count;
    const Value *value =
        stmt->binding.value ? eval(el, stmt->binding.value) : scope_lookup(el, name);
    Span at = stmt->binding.value ? stmt->binding.value->span : name.span;
    if (value->kind != VALUE_TENSOR && value->kind != VALUE_POISON)
        value = fault(el, at, "an output is a tensor, got %s", value_describe(el->arena, value));
    name_tensor(el, value, since, name.text);
    if (stmt->binding.value && !scope_find(el, name.text)) scope_assign(el, name, value);
    add_output(el, OUT_OUTPUT, name.text, name.span,
               value->kind == VALUE_TENSOR ? tensor_node(el, value) : NULL, -1);
}

static const Value *refuse_scalar(Elab *el, Span at, const char *what, const Value *value)
{
    if (value->kind == VALUE_POISON) return value;
    fault(el, at, "%s is one f32 number, got %s", what, value_describe(el->arena, value));
    note_shape(el, at, value);
    if (value->kind == VALUE_TENSOR && value->tensor.node->type.rank > 0)
        diag_help(el->diags, "take its `mean(...)`");
    return &value_poison;
}

static bool is_f32(const Value *value, int rank)
{
    return value->kind == VALUE_TENSOR && value->tensor.node->type.dtype == DT_F32
        && value->tensor.node->type.rank == rank;
}

void declare_loss(Elab *el, const Stmt *stmt)
{
    const Value *value = eval(el, stmt->value);
    el->has_loss = true;
    if (!is_f32(value, 0)) value = refuse_scalar(el, stmt->value->span, "a loss", value);
    for (int i = 0; i < el->outputs.count; i++)
        if (el->outputs.at[i].kind == OUT_LOSS) {
            fault(el, stmt->span, "a model has one loss: add them up, as in `loss a + b;`");
            return;
        }
    add_output(el, OUT_LOSS, "loss", stmt->span,
               value->kind == VALUE_TENSOR ? tensor_node(el, value) : NULL, -1);
}

/* `metric accuracy(logits, label)` is called accuracy. */
static const char *metric_name(Elab *el, const Stmt *stmt)
{
    const Expr *expr = stmt->binding.value;
    if (stmt->binding.name.text) return stmt->binding.name.text;
    if (expr->kind == EXPR_PIPE) expr = expr->pipe.stage;
    if (expr->kind == EXPR_CALL) return expr->call.callee.text;
    fault(el, stmt->binding.value->span, "the metric needs a name");
    diag_help(el->diags, "as in `metric error = ...;`");
    return NULL;
}

/* (sum, weight): those of a mean over rows; else the value counts as often as there are rows. */
static Node *metric_pair(Elab *el, Span at, const Value *value)
{
    Node *pair[2], *node = tensor_node(el, value);
    Number rows = number_batch(el->arena, el->mode->batch);
    Type one = type_make(DT_F32, 1, (int64_t[]){1});
    Graph *graph = el->region->graph;
    set_origin(el, at);
    bool mean = value->tensor.sum && value->tensor.region == el->region;
    pair[0] = mean ? value->tensor.sum
                   : build_map(graph, OP_mul, 2, (Node *[]){node, number_node(el, rows, DT_F32)});
    pair[1] = number_node(el, mean ? value->tensor.weight : rows, DT_F32);
    for (int i = 0; i < 2; i++) pair[i] = build_reshape(graph, pair[i], one);
    Attr attrs[MAX_ATTRS] = {attr_int(0)};
    return append_op(el, at, OP_concat, pair, 2, attrs);
}

void declare_metric(Elab *el, const Stmt *stmt)
{
    const Expr *expr = stmt->binding.value;
    const char *name = metric_name(el, stmt);
    const Value *value = eval(el, expr);
    bool pair = is_f32(value, 1) && value->tensor.node->type.dim[0] == 2
                && value->tensor.node->type.batch_axis < 0;
    if (!pair && !is_f32(value, 0)) value = refuse_scalar(el, expr->span, "a metric", value);
    if (!name) return;
    Node *node = value->kind != VALUE_TENSOR ? NULL
                 : pair                      ? tensor_node(el, value)
                                             : metric_pair(el, expr->span, value);
    if (node && !node->name) node->name = name;
    add_output(el, OUT_METRIC, name, stmt->span, node, -1);
}

/* ---- a finished entry ---- */

static void give(Elab *el, Graph *graph, OutputKind kind)
{
    for (int i = 0; i < el->outputs.count; i++) {
        const Output *output = &el->outputs.at[i];
        if (output->kind == kind && output->node)
            graph_output(graph, kind, output->name, output->node, output->param);
    }
}

static void give_leaves(Elab *el, Graph *graph, StmtKind leaf_kind, OutputKind kind)
{
    for (int i = 0; i < el->leaves.slots.count; i++) {
        const Leaf *leaf = el->leaves.slots.at[i].value;
        if (leaf->kind == leaf_kind && leaf->written && leaf->current->kind == VALUE_TENSOR)
            graph_output(graph, kind, leaf->path, tensor_node(el, leaf->current), leaf->index);
    }
}

/* States change by training alone, sessions by inference alone. */
static void give_outputs(Elab *el, Graph *graph)
{
    const EntryMode *mode = el->mode;
    if (mode->outputs) give(el, graph, OUT_OUTPUT);
    if (mode->loss) give(el, graph, OUT_LOSS);
    if (mode->loss) give(el, graph, OUT_METRIC);
    if (mode->training) give_leaves(el, graph, STMT_STATE, OUT_STATE);
    if (mode->sessions) give_leaves(el, graph, STMT_SESSION, OUT_SESSION);
}

/* What the graph does not need of the caller: targets without a loss. */
static void drop_targets(Elab *el, Graph *graph)
{
    int kept = 0;
    for (int i = 0; i < graph->inputs.count; i++) {
        Node *input = graph->inputs.at[i];
        if (el->mode->loss || !el->module->decls.at[input->param].is_target)
            graph->inputs.at[kept++] = input;
    }
    graph->inputs.count = kept;
}

static bool outputs_without_targets(Elab *el, const Graph *graph)
{
    if (el->mode->loss) return true;
    for (int i = 0; i < graph->inputs.count; i++) {
        const Node *input = graph->inputs.at[i];
        if (!el->module->decls.at[input->param].is_target) continue;
        fault(el, input->span,
              "an output depends on the target `%s`, which inference does not have", input->name);
        return false;
    }
    return true;
}

static bool finish(Elab *el, Graph *graph)
{
    give_outputs(el, graph);
    drop_targets(el, graph);
    prune_graph(el, graph);
    return outputs_without_targets(el, graph);
}

/* ---- the run ---- */

static void start(Elab *el, const EntryMode *mode)
{
    Region *root = arena_make(el->arena, Region);
    root->graph = graph_new(el->arena, mode->name, mode->batch);
    el->mode = mode;
    el->root = el->region = root;
    el->leaves = (Map){0};
    el->instances = (Map){0};
    el->outputs.count = 0;
    el->decls = el->randoms = el->steps = 0;
    el->has_loss = false;
}

Graph *elaborate_entry(Elab *el, const Item *model, const EntryMode *mode)
{
    int errors = diags_errors(el->diags);
    Frame *outer = el->frame;
    Frame frame = {.unit = el->main, .name = model->name.text, .is_model = true, .path = "",
                   .call = model->name.span, .run = ++el->runs};
    start(el, mode);
    el->frame = &frame;
    run_body(el, model->body);
    Graph *graph = el->root->graph;
    bool sound = diags_errors(el->diags) == errors && !el->gave_up && finish(el, graph);
    el->frame = outer;
    el->region = el->apart;
    el->mode = NULL;
    return sound ? graph : NULL;
}
