/* The text form of graphs and modules, written. ops/read.c has its grammar.
 *
 *   hidden: f32[batch=128, 128] = relu %7 layer="fc1"   # mnist_mlp.nn:6
 *
 * A node is called by its name, by %id if it has none, and by name%id where several have the
 * name. */
#include <math.h>
#include <string.h>

#include "ops/op.h"

typedef struct Printer {
    Text *out;
    const Module *module;
    const Graph *graph;
    const char **labels;             /* per node */
    int depth;
} Printer;

static void print_graph(Printer *p, const Graph *graph);

static bool is_word(const char *name)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.";
    return name[0] && name[strspn(name, plain)] == '\0';
}

static void add_quoted(Text *out, const char *text)
{
    text_add(out, "\"");
    for (; *text; text++) {
        if (*text == '"' || *text == '\\') text_add(out, "\\");
        text_addn(out, text, 1);
    }
    text_add(out, "\"");
}

static void add_name(Text *out, const char *name)
{
    if (is_word(name)) text_add(out, name);
    else add_quoted(out, name);
}

static void add_number(Text *out, double value)
{
    if (isnan(value)) text_add(out, "nan");
    else if (isinf(value)) text_add(out, value < 0 ? "-inf" : "inf");
    else text_add_double(out, value);
}

static void add_values(Text *out, const float *values, int64_t count)
{
    for (int64_t i = 0; i < count; i++) {
        if (i) text_add(out, ", ");
        if (isfinite(values[i])) text_add_float(out, values[i]);
        else add_number(out, (double)values[i]);
    }
}

static void indent(const Printer *p)
{
    for (int i = 0; i < p->depth; i++) text_add(p->out, "    ");
}

/* ---- nodes ---- */

static bool name_repeats(const Graph *graph, const Node *node)
{
    for (int i = 0; i < graph->nodes.count; i++) {
        const Node *other = graph->nodes.at[i];
        if (other != node && other->name && strcmp(other->name, node->name) == 0) return true;
    }
    return false;
}

static const char *label_of(const Graph *graph, const Node *node)
{
    Text label = text_new(graph->arena);
    if (node->name) add_name(&label, node->name);
    if (!node->name || name_repeats(graph, node)) text_addf(&label, "%%%d", node->id);
    return label.at;
}

static void print_ints(Text *out, const Attr *attr)
{
    text_add(out, "[");
    for (int i = 0; i < attr->count; i++)
        text_addf(out, "%s%lld", i ? ", " : "", (long long)attr->ints[i]);
    text_add(out, "]");
}

/* What reading would fill in by itself is not written: integers of 0, the node's own name, parts
 * of its type. */
static void print_attr(Text *out, const Node *node, const AttrSpec *spec, const Attr *attr)
{
    switch (spec->kind) {
    case ATTR_INT:
        if (attr->ints[0]) text_addf(out, " %s=%lld", spec->name, (long long)attr->ints[0]);
        break;
    case ATTR_INTS:
        text_addf(out, " %s=", spec->name);
        print_ints(out, attr);
        break;
    case ATTR_NUMBER:
        text_addf(out, " %s=", spec->name);
        add_number(out, attr->number);
        break;
    case ATTR_TEXT:
        if (!attr->text || (node->name && strcmp(attr->text, node->name) == 0)) break;
        text_addf(out, " %s=", spec->name);
        add_quoted(out, attr->text);
        break;
    case ATTR_NONE: case ATTR_TYPE_SHAPE: case ATTR_TYPE_AXIS: case ATTR_TYPE_INNER: break;
    }
}

static void print_leaf_source(const Printer *p, const Node *node)
{
    const Module *m = p->module;
    if (node->param < 0) return;
    text_add(p->out, " @");
    if (node->op == OP_param) add_name(p->out, m->params.at[node->param].name);
    else if (node->op == OP_state) add_name(p->out, m->states.at[node->param].name);
    else if (node->op == OP_session) add_name(p->out, m->sessions.at[node->param].name);
    else add_name(p->out, m->decls.at[node->param].name);
}

static void print_origin(const Printer *p, const Node *node)
{
    if (node->kept) text_add(p->out, " part=forward");
    if (node->layer[0]) {
        text_add(p->out, " layer=");
        add_quoted(p->out, node->layer);
    }
}

static void print_body(Printer *p, const Graph *body)
{
    Printer inner = *p;
    inner.depth++;
    text_add(p->out, " body ");
    add_quoted(p->out, body->name ? body->name : "");
    text_add(p->out, " {\n");
    print_graph(&inner, body);
    indent(p);
    text_add(p->out, "}");
}

static void print_node(Printer *p, const Node *node)
{
    const OpRow *row = op_row(node->op);
    indent(p);
    text_addf(p->out, "%s: %s = %s", p->labels[node->id], type_text(p->graph->arena, node->type),
              row->name);
    for (int i = 0; i < node->input_count; i++)
        text_addf(p->out, "%s %s", i ? "," : "", p->labels[node->inputs[i]->id]);
    print_leaf_source(p, node);
    for (int i = 0; row->attr[i].kind != ATTR_NONE; i++)
        print_attr(p->out, node, &row->attr[i], &node->attr[i]);
    if (node->values) {
        text_add(p->out, " values=[");
        add_values(p->out, node->values, type_elements(node->type));
        text_add(p->out, "]");
    }
    print_origin(p, node);
    if (node->body) print_body(p, node->body);
    if (node->span.source) {
        const char *path = node->span.source->path, *slash = strrchr(path, '/');
        text_addf(p->out, "   # %s:%d", slash ? slash + 1 : path, span_line(node->span));
    }
    text_add(p->out, "\n");
}

/* ---- graphs ---- */

static void print_output(const Printer *p, const Output *output)
{
    const Module *m = p->module;
    indent(p);
    text_addf(p->out, "%s ", output_kind_name(output->kind));
    add_name(p->out, output->name ? output->name : "");
    text_addf(p->out, " = %s", p->labels[output->node->id]);
    if (output->param >= 0) {
        text_add(p->out, " @");
        if (output->kind == OUT_GRAD) add_name(p->out, m->params.at[output->param].name);
        else if (output->kind == OUT_STATE) add_name(p->out, m->states.at[output->param].name);
        else if (output->kind == OUT_SESSION) add_name(p->out, m->sessions.at[output->param].name);
        else text_addf(p->out, "%d", output->param);
    }
    text_add(p->out, "\n");
}

static void print_graph(Printer *p, const Graph *graph)
{
    p->graph = graph;
    p->labels = arena_alloc(graph->arena, sizeof *p->labels * (size_t)(graph->nodes.count + 1));
    for (int i = 0; i < graph->nodes.count; i++) p->labels[i] = label_of(graph, graph->nodes.at[i]);
    for (int i = 0; i < graph->nodes.count; i++) print_node(p, graph->nodes.at[i]);
    for (int i = 0; i < graph->outputs.count; i++) print_output(p, &graph->outputs.at[i]);
}

void graph_print(Text *out, const Module *module, const Graph *graph)
{
    Printer printer = {.out = out, .module = module, .depth = 1};
    text_addf(out, "graph %s batch=%lld {\n", graph->name, (long long)graph->batch);
    print_graph(&printer, graph);
    text_add(out, "}\n");
}

/* ---- modules ---- */

static void print_init(Text *out, const Param *param)
{
    const Init *init = &param->init;
    static const char *const names[] = {[INIT_ZEROS] = "zeros", [INIT_ONES] = "ones",
                                        [INIT_CONST] = "const", [INIT_UNIFORM] = "uniform",
                                        [INIT_NORMAL] = "normal", [INIT_VALUES] = "values"};
    text_add(out, names[init->kind]);
    if (init->kind == INIT_ZEROS || init->kind == INIT_ONES) return;
    text_add(out, "(");
    if (init->kind == INIT_VALUES) {
        add_values(out, init->values, type_elements(param->type));
    } else {
        add_number(out, init->a);
        if (init->kind != INIT_CONST) text_add(out, ", ");
        if (init->kind != INIT_CONST) add_number(out, init->b);
    }
    text_add(out, ")");
}

static void print_param(Text *out, const char *list, const Param *param)
{
    text_addf(out, "%s ", list);
    add_name(out, param->name);
    text_addf(out, ": %s = ", type_text(out->arena, param->type));
    print_init(out, param);
    text_addf(out, "%s%s\n", param->trainable ? " trainable" : "", param->decay ? " decay" : "");
}

static void print_decl(Text *out, const TensorDecl *decl)
{
    text_add(out, decl->is_target ? "target " : "input ");
    add_name(out, decl->name);
    text_addf(out, ": %s", type_text(out->arena, decl->type));
    if (decl->limit > 0) text_addf(out, " limit=%lld", (long long)decl->limit);
    text_add(out, "\n");
}

void module_print(Text *out, const Module *module)
{
    text_add(out, "module ");
    add_name(out, module->name);
    if (module->source_name) {
        text_add(out, " from ");
        add_quoted(out, module->source_name);
    }
    text_add(out, "\n");
    for (int i = 0; i < module->decls.count; i++) print_decl(out, &module->decls.at[i]);
    for (int i = 0; i < module->params.count; i++) print_param(out, "param", &module->params.at[i]);
    for (int i = 0; i < module->states.count; i++) print_param(out, "state", &module->states.at[i]);
    for (int i = 0; i < module->sessions.count; i++)
        print_param(out, "session", &module->sessions.at[i]);
    for (int i = 0; i < module->entries.count; i++) {
        text_add(out, "\n");
        graph_print(out, module, module->entries.at[i]);
    }
}
