/* The text form of modules, read back.
 *
 *   module:  "module" name ["from" string] {decl | param | graph}
 *   decl:    ("input" | "target") name ":" type ["limit" "=" int]
 *   param:   ("param" | "state" | "session") name ":" type "=" init ["trainable"] ["decay"]
 *   init:    "zeros" | "ones"
 *          | ("const" | "uniform" | "normal" | "values") "(" number {"," number} ")"
 *   graph:   "graph" name "batch" "=" int "{" {node | output} "}"
 *   node:    label ":" type "=" operation [label {"," label}] ["@" name] {attr}
 *            ["body" string "{" {node | output} "}"]
 *   attr:    name "=" (int | number | string | "[" [number {"," number}] "]")
 *   output:  kind name "=" label ["@" (name | int)]
 *   type:    dtype ["[" axis {"," axis} "]"]
 *   axis:    ["batch" ["*" int] "="] int
 *
 * A label is a name, %id, or both; a name is a word or a string. '#' starts a comment. Types are
 * checked against the operations' shape rules. */
#include <string.h>

#include "ops/build.h"
#include "ops/read_tokens.h"
#include "ops/rules.h"

typedef struct Labelled { const char *label; Node *node; } Labelled;

typedef struct Reader {
    Tokens t;
    Arena *arena;
    Module *module;
} Reader;

typedef struct GraphReader {
    Reader *r;
    Graph *graph;
    VEC(Labelled) labels;
} GraphReader;

static void read_graph_body(Reader *r, Graph *graph);

/* ---- types and lists ---- */

static void read_axis(Tokens *t, Type *type)
{
    if (type->rank == MAX_RANK) tokens_fail(t, "too many axes");
    if (t->failed) return;
    if (tokens_accept(t, "batch")) {
        type->batch_axis = type->rank;
        if (tokens_accept(t, "*")) type->batch_inner = tokens_int(t);
        tokens_expect(t, "=");
    }
    type->dim[type->rank] = tokens_int(t);
    if (type->dim[type->rank++] < 1 || type->batch_inner < 1)
        tokens_fail(t, "an extent is at least 1");
}

static Type read_type(Tokens *t)
{
    Type type = type_scalar(DT_F32);
    if (!dtype_from_name(tokens_name(t, NULL), &type.dtype))
        tokens_fail(t, "an element type expected");
    if (!tokens_accept(t, "[")) return type;
    do read_axis(t, &type); while (tokens_accept(t, ","));
    tokens_expect(t, "]");
    return type;
}

static float *read_values(Tokens *t, int64_t count, const char *close)
{
    VEC(float) values = {0};
    do {
        float value = (float)tokens_number(t);
        vec_push(t->arena, values, value);
    } while (tokens_accept(t, ","));
    if (values.count != count) tokens_fail(t, "the number of values is not that of the elements");
    tokens_expect(t, close);
    return values.at;
}

static int find_param(const ParamList *list, const char *name)
{
    for (int i = 0; i < list->count; i++)
        if (strcmp(list->at[i].name, name) == 0) return i;
    return -1;
}

static int find_decl(const Module *m, const char *name)
{
    for (int i = 0; i < m->decls.count; i++)
        if (strcmp(m->decls.at[i].name, name) == 0) return i;
    return -1;
}

/* ---- nodes ---- */

static Node *find_label(const GraphReader *g, const char *label)
{
    for (int i = g->labels.count - 1; i >= 0; i--)
        if (strcmp(g->labels.at[i].label, label) == 0) return g->labels.at[i].node;
    return NULL;
}

static Node *read_use(GraphReader *g)
{
    const char *label;
    Tokens before = g->r->t;
    tokens_name(&g->r->t, &label);
    Node *node = find_label(g, label);
    if (!node)
        tokens_fail_at(&g->r->t, &before,
                       arena_printf(g->r->arena, "no node %s stands before", label));
    return node;
}

static int read_leaf_source(Reader *r, Op op)
{
    const Module *m = r->module;
    Tokens before = r->t;
    const char *name = tokens_name(&r->t, NULL);
    int found = op == OP_param ? find_param(&m->params, name)
              : op == OP_state ? find_param(&m->states, name)
              : op == OP_session ? find_param(&m->sessions, name)
              : find_decl(m, name);
    if (found < 0)
        tokens_fail_at(&r->t, &before, arena_printf(r->arena, "the module declares no %s", name));
    return found;
}

static void read_ints(Tokens *t, Attr *attr)
{
    tokens_expect(t, "[");
    if (tokens_accept(t, "]")) return;
    do {
        if (attr->count == MAX_ATTR_INTS) tokens_fail(t, "too many numbers");
        if (t->failed) return;
        attr->ints[attr->count++] = tokens_int(t);
    } while (tokens_accept(t, ","));
    tokens_expect(t, "]");
}

static bool read_attr(Tokens *t, const OpRow *row, const char *name, Attr *attrs)
{
    for (int i = 0; row->attr[i].kind != ATTR_NONE; i++) {
        if (strcmp(row->attr[i].name, name) != 0) continue;
        Attr *attr = &attrs[i];
        *attr = (Attr){0};
        if (row->attr[i].kind == ATTR_INTS) read_ints(t, attr);
        else if (row->attr[i].kind == ATTR_NUMBER) attr->number = tokens_number(t);
        else if (row->attr[i].kind == ATTR_TEXT) attr->text = tokens_name(t, NULL);
        else *attr = attr_int(tokens_int(t));
        return true;
    }
    return false;
}

typedef struct Draft {               /* a node being read */
    Type type;
    Op op;
    VEC(Node *) inputs;
    Attr attrs[MAX_ATTRS];
    float *values;
    int param;
    bool kept;
    Graph *body;
    Origin origin;
} Draft;

/* An attribute is a name with "=" behind it. */
static bool at_attr(const Tokens *t)
{
    Tokens ahead = *t;
    if (t->failed || tokens_end(t)) return false;
    char first = t->source->text[t->at];
    if (strchr("}@:=,{", first)) return false;
    tokens_name(&ahead, NULL);
    return tokens_at(&ahead, "=");
}

static void read_body(Reader *r, Draft *draft, int64_t batch)
{
    draft->body = graph_new(r->arena, tokens_name(&r->t, NULL), batch);
    tokens_expect(&r->t, "{");
    read_graph_body(r, draft->body);
}

static void read_attrs(GraphReader *g, Draft *draft)
{
    Tokens *t = &g->r->t;
    while (at_attr(t)) {
        Tokens before = *t;
        const char *name = tokens_name(t, NULL);
        tokens_expect(t, "=");
        if (strcmp(name, "layer") == 0) {
            draft->origin.layer = tokens_name(t, NULL);
        } else if (strcmp(name, "part") == 0) {
            tokens_expect(t, "forward");
            draft->kept = true;
        } else if (strcmp(name, "values") == 0) {
            tokens_expect(t, "[");
            draft->values = read_values(t, type_elements(draft->type), "]");
        } else if (!read_attr(t, op_row(draft->op), name, draft->attrs)) {
            tokens_fail_at(t, &before, arena_printf(t->arena, "%s has no attribute %s",
                                                    op_row(draft->op)->name, name));
        }
    }
}

/* What printing leaves out: parts of the type, and the node's own name. */
static void complete_draft(Draft *draft)
{
    const OpRow *row = op_row(draft->op);
    for (int i = 0; row->attr[i].kind != ATTR_NONE; i++) {
        attr_of_type(row->attr[i].kind, draft->type, &draft->attrs[i]);
        if (row->attr[i].kind == ATTR_TEXT && !draft->attrs[i].text)
            draft->attrs[i].text = draft->origin.name;
    }
}

static Node *append_draft(GraphReader *g, const Draft *draft, const Tokens *start)
{
    const OpRow *row = op_row(draft->op);
    const char *error = NULL;
    Node *node = NULL;
    bool declared = row->kind == KIND_LEAF || row->kind == KIND_RANDOM;
    if (declared) {
        Node check = {.op = draft->op, .type = draft->type, .param = draft->param};
        memcpy(check.attr, draft->attrs, sizeof check.attr);
        Type type;
        error = row->shape(g->r->arena, &check, &type);
        if (!error)
            node = graph_leaf(g->graph, draft->op, draft->type, draft->attrs, draft->param,
                              draft->origin);
    } else {
        node = graph_append_region(g->graph, draft->op, draft->inputs.at, draft->inputs.count,
                                   draft->attrs, draft->body, draft->origin, &error);
    }
    if (node && !type_equal(node->type, draft->type))
        error = arena_printf(g->r->arena, "%s gives %s, not %s", row->name,
                             type_text(g->r->arena, node->type),
                             type_text(g->r->arena, draft->type));
    if (error) tokens_fail_at(&g->r->t, start, error);
    if (node) node->values = draft->values;
    if (node) node->kept = draft->kept;
    return node;
}

static void read_node(GraphReader *g, const char *name, const char *label, const Tokens *start)
{
    Tokens *t = &g->r->t;
    Draft draft = {.param = -1, .origin = {.name = name[0] && name[0] != '%' ? name : NULL}};
    draft.type = read_type(t);
    tokens_expect(t, "=");
    Tokens before = *t;
    const char *spelling = tokens_name(t, NULL);
    if (!op_from_name(spelling, &draft.op))
        tokens_fail_at(t, &before, arena_printf(t->arena, "there is no operation %s", spelling));
    if (op_row(draft.op)->arity != 0) {
        do {
            Node *input = read_use(g);
            vec_push(g->r->arena, draft.inputs, input);
        } while (tokens_accept(t, ","));
    }
    if (tokens_accept(t, "@")) draft.param = read_leaf_source(g->r, draft.op);
    read_attrs(g, &draft);
    if (tokens_accept(t, "body")) read_body(g->r, &draft, g->graph->batch);
    if (draft.op == OP_constant && !draft.values)
        tokens_fail_at(t, start, "a constant needs its values");
    if (t->failed) return;
    complete_draft(&draft);
    if (find_label(g, label))
        tokens_fail_at(t, start, arena_printf(t->arena, "another node %s stands before", label));
    Labelled labelled = {.label = label, .node = append_draft(g, &draft, start)};
    vec_push(g->r->arena, g->labels, labelled);
}

/* ---- outputs ---- */

static bool output_kind(const char *word, OutputKind *kind)
{
    for (int i = OUT_OUTPUT; i <= OUT_YIELD; i++) {
        if (strcmp(output_kind_name((OutputKind)i), word) != 0) continue;
        *kind = (OutputKind)i;
        return true;
    }
    return false;
}

static int read_output_target(Reader *r, OutputKind kind)
{
    if (kind == OUT_GRAD) return read_leaf_source(r, OP_param);
    if (kind == OUT_STATE) return read_leaf_source(r, OP_state);
    if (kind == OUT_SESSION) return read_leaf_source(r, OP_session);
    return (int)tokens_int(&r->t);
}

static void read_output(GraphReader *g, const char *word, const Tokens *start)
{
    Tokens *t = &g->r->t;
    OutputKind kind = OUT_OUTPUT;
    if (!output_kind(word, &kind)) tokens_fail_at(t, start, "a node or an output expected");
    const char *name = tokens_name(t, NULL);
    tokens_expect(t, "=");
    Node *node = read_use(g);
    int param = tokens_accept(t, "@") ? read_output_target(g->r, kind) : -1;
    if (!t->failed) graph_output(g->graph, kind, name[0] ? name : NULL, node, param);
}

static void read_graph_body(Reader *r, Graph *graph)
{
    GraphReader g = {.r = r, .graph = graph};
    while (!r->t.failed && !tokens_accept(&r->t, "}")) {
        Tokens start = r->t;
        const char *label, *name = tokens_name(&r->t, &label);
        if (tokens_accept(&r->t, ":")) read_node(&g, name, label, &start);
        else read_output(&g, label, &start);
    }
}

/* ---- modules ---- */

static void read_init(Reader *r, Param *param)
{
    Tokens *t = &r->t;
    static const char *const names[] = {[INIT_ZEROS] = "zeros", [INIT_ONES] = "ones",
                                        [INIT_CONST] = "const", [INIT_UNIFORM] = "uniform",
                                        [INIT_NORMAL] = "normal", [INIT_VALUES] = "values"};
    int kind = INIT_ZEROS;
    while (kind <= INIT_VALUES && !tokens_at(t, names[kind])) kind++;
    if (kind > INIT_VALUES) tokens_fail(t, "an initial value expected");
    if (t->failed) return;
    tokens_name(t, NULL);
    param->init.kind = (InitKind)kind;
    if (kind == INIT_ZEROS || kind == INIT_ONES) return;
    tokens_expect(t, "(");
    if (kind == INIT_VALUES) {
        param->init.values = read_values(t, type_elements(param->type), ")");
        return;
    }
    param->init.a = tokens_number(t);
    if (kind != INIT_CONST) {
        tokens_expect(t, ",");
        param->init.b = tokens_number(t);
    }
    tokens_expect(t, ")");
}

static void read_param(Reader *r, ParamList *list)
{
    Param param = {.name = tokens_name(&r->t, NULL)};
    tokens_expect(&r->t, ":");
    param.type = read_type(&r->t);
    tokens_expect(&r->t, "=");
    read_init(r, &param);
    param.trainable = tokens_accept(&r->t, "trainable");
    param.decay = tokens_accept(&r->t, "decay");
    vec_push(r->arena, *list, param);
}

static void read_decl(Reader *r, bool is_target)
{
    TensorDecl decl = {.is_target = is_target, .name = tokens_name(&r->t, NULL)};
    tokens_expect(&r->t, ":");
    decl.type = read_type(&r->t);
    if (tokens_accept(&r->t, "limit")) {
        tokens_expect(&r->t, "=");
        decl.limit = tokens_int(&r->t);
    }
    vec_push(r->arena, r->module->decls, decl);
}

static void read_graph(Reader *r)
{
    const char *name = tokens_name(&r->t, NULL);
    tokens_expect(&r->t, "batch");
    tokens_expect(&r->t, "=");
    Graph *graph = graph_new(r->arena, name, tokens_int(&r->t));
    tokens_expect(&r->t, "{");
    read_graph_body(r, graph);
    vec_push(r->arena, r->module->entries, graph);
}

static void read_item(Reader *r)
{
    Tokens *t = &r->t;
    if (tokens_accept(t, "input")) read_decl(r, false);
    else if (tokens_accept(t, "target")) read_decl(r, true);
    else if (tokens_accept(t, "param")) read_param(r, &r->module->params);
    else if (tokens_accept(t, "state")) read_param(r, &r->module->states);
    else if (tokens_accept(t, "session")) read_param(r, &r->module->sessions);
    else if (tokens_accept(t, "graph")) read_graph(r);
    else tokens_fail(t, "a declaration or a graph expected");
}

Module *module_parse(Arena *arena, const Source *source, Diags *diags)
{
    Reader r = {.t = tokens_new(arena, source, diags), .arena = arena};
    tokens_expect(&r.t, "module");
    r.module = module_new(arena, tokens_name(&r.t, NULL));
    if (tokens_accept(&r.t, "from")) r.module->source_name = tokens_name(&r.t, NULL);
    while (!r.t.failed && !tokens_end(&r.t)) read_item(&r);
    return r.t.failed ? NULL : r.module;
}
