/* What an entry computes, in one line: layers as functions, "fc2(relu(fc1(image[1][784])))". */
#include <string.h>

#include "emit/emit.h"

enum { LONGEST = 84 };               /* of a formula that still helps */

typedef VEC(const Node *) NodeVec;

static void expression(Text *out, const Node *node, bool outermost);

static bool is_free(const Node *node)
{
    return op_row(node->op)->kind == KIND_VIEW || node->op == OP_checked;
}

static const Node *through_views(const Node *node)
{
    while (is_free(node) && node->input_count) node = node->inputs[0];
    return node;
}

static bool is_layer(const Node *node)
{
    return node->layer && *node->layer;
}

static bool is_tensor_of_program(const Node *node)
{
    return node->op == OP_input || op_row(node->op)->kind != KIND_LEAF;
}

/* What flows into the layer, apart from its parameters and constants, each once. */
static void layer_inputs(Arena *arena, NodeVec *found, NodeVec *seen, const Node *node,
                         const char *layer)
{
    for (int i = 0; i < seen->count; i++)
        if (seen->at[i] == node) return;
    vec_push(arena, *seen, node);
    for (int i = 0; i < node->input_count; i++) {
        const Node *in = node->inputs[i];
        const bool inside = in->layer && !strcmp(in->layer, layer);
        bool known = false;
        if (inside && op_row(in->op)->kind != KIND_LEAF) {
            layer_inputs(arena, found, seen, in, layer);
            continue;
        }
        in = through_views(in);
        for (int j = 0; j < found->count; j++) known |= found->at[j] == in;
        if (!known && is_tensor_of_program(in)) vec_push(arena, *found, in);
    }
}

static void layer_call(Text *out, const Node *node)
{
    NodeVec inputs = {0}, seen = {0};
    layer_inputs(out->arena, &inputs, &seen, node, node->layer);
    text_addf(out, "%s(", node->layer);
    for (int i = 0; i < inputs.count && out->length <= LONGEST; i++) {
        if (i) text_add(out, ", ");
        expression(out, inputs.at[i], true);
    }
    text_add(out, ")");
}

static const char *sign_of(const Node *node)
{
    static const struct { Op op; const char *sign; } signs[] = {
        {OP_add, " + "}, {OP_sub, " - "}, {OP_mul, " * "}, {OP_div, " / "}, {OP_contract, " @ "}};
    for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
        if (signs[i].op == node->op) return signs[i].sign;
    return NULL;
}

static void operation(Text *out, const Node *node, bool outermost)
{
    const char *sign = sign_of(node);
    text_add(out, sign && outermost ? "" : sign ? "(" : op_row(node->op)->name);
    if (!sign) text_add(out, "(");
    for (int i = 0; i < node->input_count && out->length <= LONGEST; i++) {
        if (i) text_add(out, sign ? sign : ", ");
        expression(out, node->inputs[i], !sign);
    }
    if (!sign || !outermost) text_add(out, ")");
}

static void expression(Text *out, const Node *node, bool outermost)
{
    if (out->length > LONGEST) return;
    node = is_layer(node) ? node : through_views(node);
    if (node->op == OP_input) {
        text_add(out, node->attr[0].text);
        emit_shape(out, node->type);
    } else if (node->op == OP_fill) {
        text_addf(out, "%g", node->attr[0].number);
    } else if (op_row(node->op)->kind == KIND_LEAF) {
        text_add(out, op_node_name(node));
    } else if (is_layer(node)) {
        layer_call(out, node);
    } else {
        operation(out, node, outermost);
    }
}

char *emit_formula(Arena *arena, const Graph *graph)
{
    const Output *only = NULL;
    for (int i = 0; i < graph->outputs.count; i++) {
        if (graph->outputs.at[i].kind != OUT_OUTPUT) continue;
        if (only) return NULL;
        only = &graph->outputs.at[i];
    }
    if (!only) return NULL;
    Text out = text_new(arena);
    text_add(&out, only->name);
    emit_shape(&out, only->node->type);
    text_add(&out, " = ");
    expression(&out, only->node, true);
    return out.length <= LONGEST ? out.at : NULL;
}
