/* The checker between passes: whether a module keeps the invariants of ir/graph.h. */
#include <string.h>

#include "base/map.h"
#include "ops/op.h"

typedef struct Verifier {
    Arena *arena;
    const Module *module;
    const Graph *graph;
    const char *where;               /* the graph's place: "train", "train: the body of %12" */
} Verifier;

static const char *node_error(const Verifier *v, const Node *node, const char *what)
{
    return arena_printf(v->arena, "%s: node %%%d%s%s (%s): %s", v->where, node->id,
                        node->name ? " " : "", node->name ? node->name : "", op_row(node->op)->name,
                        what);
}

/* ---- nodes ---- */

static const char *check_type(const Verifier *v, Type type)
{
    if (type.dtype >= DT_COUNT || type.rank < 0 || type.rank > MAX_RANK)
        return "it has no legal type";
    for (int i = 0; i < type.rank; i++)
        if (type.dim[i] < 1) return "an axis has no entries";
    if (type.batch_axis < -1 || type.batch_axis >= type.rank)
        return "its batch axis does not exist";
    if (type.batch_axis < 0) return NULL;
    if (type.batch_inner < 1 || type.dim[type.batch_axis] != v->graph->batch * type.batch_inner)
        return arena_printf(v->arena, "the batch axis of %s does not hold the graph's %lld rows",
                            type_text(v->arena, type), (long long)v->graph->batch);
    return NULL;
}

static const char *check_inputs(const Verifier *v, const Node *node)
{
    int arity = op_row(node->op)->arity;
    if (arity >= 0 && node->input_count != arity)
        return "it has another number of inputs than its row says";
    for (int i = 0; i < node->input_count; i++) {
        const Node *input = node->inputs[i];
        if (!input || input->id < 0 || input->id >= node->id
            || v->graph->nodes.at[input->id] != input)
            return arena_printf(v->arena, "input %d does not stand before it in the graph", i);
    }
    return NULL;
}

static const char *check_attr(const AttrSpec *spec, const Attr *attr)
{
    switch (spec->kind) {
    case ATTR_INT:
    case ATTR_TYPE_AXIS:
    case ATTR_TYPE_INNER: return attr->count == 1 ? NULL : spec->name;
    case ATTR_INTS: case ATTR_TYPE_SHAPE:
        return attr->count >= 0 && attr->count <= MAX_ATTR_INTS ? NULL : spec->name;
    case ATTR_TEXT: return attr->text ? NULL : spec->name;
    case ATTR_NUMBER: case ATTR_NONE: break;
    }
    return attr->count == 0 ? NULL : spec->name;
}

static const char *check_attrs(const Verifier *v, const Node *node)
{
    const AttrSpec *specs = op_row(node->op)->attr;
    for (int i = 0; i < MAX_ATTRS && specs[i].kind != ATTR_NONE; i++) {
        const char *wrong = check_attr(&specs[i], &node->attr[i]);
        if (wrong) return arena_printf(v->arena, "attribute %s is not as its row says", wrong);
    }
    return NULL;
}

static const char *check_shape(const Verifier *v, const Node *node)
{
    Type type;
    const char *error = op_row(node->op)->shape(v->arena, node, &type);
    if (error || type_equal(type, node->type)) return error;
    return arena_printf(v->arena, "its type is %s, but the rule gives %s",
                        type_text(v->arena, node->type), type_text(v->arena, type));
}

static const char *check_listed(const Verifier *v, const Node *node, const ParamList *list,
                                const char *what)
{
    if (node->param < 0 || node->param >= list->count)
        return arena_printf(v->arena, "it names no %s of the module", what);
    if (!type_equal(node->type, list->at[node->param].type))
        return arena_printf(v->arena, "its type is not that of %s %s", what,
                            list->at[node->param].name);
    return NULL;
}

static const char *check_references(const Verifier *v, const Node *node)
{
    if ((op_row(node->op)->kind == KIND_REGION && node->op != OP_result) != (node->body != NULL))
        return "only a region owns a body";
    if ((node->op == OP_constant) != (node->values != NULL)) return "only a constant has values";
    if (node->op == OP_param) return check_listed(v, node, &v->module->params, "parameter");
    if (node->op == OP_state) return check_listed(v, node, &v->module->states, "state");
    if (node->op == OP_session) return check_listed(v, node, &v->module->sessions, "session");
    int decls = node->op == OP_input ? v->module->decls.count : 0;
    return node->param >= -1 && node->param < decls ? NULL
                                                    : "it names no declaration of the module";
}

static const char *check_graph(const Verifier *v);

static const char *check_body(const Verifier *v, const Node *node)
{
    Verifier inner = *v;
    inner.graph = node->body;
    inner.where = arena_printf(v->arena, "%s: the body of %%%d", v->where, node->id);
    if (node->body->batch != v->graph->batch)
        return node_error(v, node, "its body has another batch");
    for (int i = 0; i < node->body->outputs.count; i++)
        if (node->body->outputs.at[i].kind != OUT_YIELD)
            return node_error(v, node, "a body only yields");
    return check_graph(&inner);
}

static const char *check_node(const Verifier *v, const Node *node, int place)
{
    if ((int)node->op < 0 || node->op >= OP_COUNT)
        return arena_printf(v->arena, "%s: node %%%d is no operation", v->where, place);
    const char *error = node->id == place ? NULL : "its id is not its place";
    if (!error) error = check_inputs(v, node);
    if (!error) error = check_attrs(v, node);
    if (!error) error = check_type(v, node->type);
    if (!error) error = check_references(v, node);
    if (error) return node_error(v, node, error);
    error = node->body ? check_body(v, node) : NULL;
    if (error) return error;
    error = check_shape(v, node);
    return error ? node_error(v, node, error) : NULL;
}

/* ---- outputs ---- */

static const char *check_output_target(const Verifier *v, const Output *output)
{
    const ParamList *list = output->kind == OUT_GRAD ? &v->module->params
                          : output->kind == OUT_STATE ? &v->module->states
                          : output->kind == OUT_SESSION ? &v->module->sessions : NULL;
    if (!list) return NULL;
    if (output->param < 0 || output->param >= list->count) return "it names nothing of the module";
    return type_equal(output->node->type, list->at[output->param].type)
               ? NULL
               : "it has another type than what it is for";
}

static const char *check_output(const Verifier *v, const Output *output)
{
    const Node *node = output->node;
    if (!node || node->id < 0 || node->id >= v->graph->nodes.count
        || v->graph->nodes.at[node->id] != node)
        return "its node is not in the graph";
    Type pair = type_make(DT_F32, 1, (int64_t[]){2});
    if (output->kind == OUT_LOSS && !type_equal(node->type, type_scalar(DT_F32)))
        return "a loss is an f32 scalar";
    if (output->kind == OUT_METRIC && !type_equal(node->type, pair)) return "a metric is f32[2]";
    return check_output_target(v, output);
}

static const char *claim_name(const Verifier *v, Output *output, Map *names)
{
    if (!output->name) return "it has no name";
    if (map_get(names, output->name)) return "another output of this kind has its name";
    map_put(v->arena, names, output->name, output);
    return NULL;
}

static const char *check_outputs(const Verifier *v)
{
    const Graph *graph = v->graph;
    if (graph->outputs.count == 0) return arena_printf(v->arena, "%s: it has no outputs", v->where);
    Map names[OUT_YIELD + 1] = {0};
    for (int i = 0; i < graph->outputs.count; i++) {
        Output *output = &graph->outputs.at[i];
        const char *error = check_output(v, output);
        if (!error && output->kind != OUT_YIELD)
            error = claim_name(v, output, &names[output->kind]);
        if (error)
            return arena_printf(v->arena, "%s: %s %s: %s", v->where, output_kind_name(output->kind),
                                output->name ? output->name : "", error);
    }
    return NULL;
}

/* ---- graphs and modules ---- */

static const char *check_input_list(const Verifier *v)
{
    int found = 0;
    bool same = true;
    for (int i = 0; i < v->graph->nodes.count; i++) {
        if (v->graph->nodes.at[i]->op != OP_input) continue;
        same &= found < v->graph->inputs.count
                && v->graph->inputs.at[found] == v->graph->nodes.at[i];
        found++;
    }
    if (same && found == v->graph->inputs.count) return NULL;
    return arena_printf(v->arena, "%s: its list of inputs is not that of its input nodes",
                        v->where);
}

static const char *check_graph(const Verifier *v)
{
    if (v->graph->batch < 1)
        return arena_printf(v->arena, "%s: its batch is not positive", v->where);
    const char *error = NULL;
    for (int i = 0; !error && i < v->graph->nodes.count; i++)
        error = check_node(v, v->graph->nodes.at[i], i);
    if (!error) error = check_input_list(v);
    return error ? error : check_outputs(v);
}

/* Of these only a session's buffer may have a batch axis: it belongs to one entry. */
static const char *check_params(Arena *arena, const ParamList *list, const char *what,
                                bool may_batch)
{
    Map names = {0};
    for (int i = 0; i < list->count; i++) {
        const Param *param = &list->at[i];
        if (param->type.dtype != DT_F32 || (param->type.batch_axis >= 0 && !may_batch))
            return arena_printf(arena, "%s %s is f32%s, not %s", what, param->name,
                                may_batch ? "" : " without a batch axis",
                                type_text(arena, param->type));
        if ((param->init.kind == INIT_VALUES) != (param->init.values != NULL))
            return arena_printf(arena, "%s %s: only given initial values are values", what,
                                param->name);
        if (map_get(&names, param->name))
            return arena_printf(arena, "two %ss are called %s", what, param->name);
        map_put(arena, &names, param->name, &list->at[i]);
    }
    return NULL;
}

static const char *check_decls(Arena *arena, const Module *module)
{
    for (int i = 0; i < module->decls.count; i++)
        for (int j = 0; j < i; j++)
            if (strcmp(module->decls.at[i].name, module->decls.at[j].name) == 0)
                return arena_printf(arena, "two inputs are called %s", module->decls.at[i].name);
    return NULL;
}

static const char *check_entry(Arena *arena, const Module *module, int i)
{
    const Graph *graph = module->entries.at[i];
    if (module_entry(module, graph->name) != graph)
        return arena_printf(arena, "two entries are called %s", graph->name);
    Verifier v = {.arena = arena, .module = module, .graph = graph, .where = graph->name};
    return check_graph(&v);
}

const char *module_verify(Arena *arena, const Module *module)
{
    const char *error = check_params(arena, &module->params, "parameter", false);
    if (!error) error = check_params(arena, &module->states, "state", false);
    if (!error) error = check_params(arena, &module->sessions, "session buffer", true);
    if (!error) error = check_decls(arena, module);
    for (int i = 0; !error && i < module->entries.count; i++) error = check_entry(arena, module, i);
    return error;
}
