/* Types; the text form of modules, there and back and refused; and the verifier against graphs
 * broken in every way it names. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>

#include "golden.h"
#include "graphs.h"

/* ---- types ---- */

static void types_keep_their_batch_axis(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    Type type = f32_type(DIMS(2, 12, 5));
    type.batch_axis = 1;
    type.batch_inner = 3;
    assert_string_equal(type_text(arena, type), "f32[2, batch*3=12, 5]");
    assert_string_equal(type_text(arena, type_drop_axis(type, 0)), "f32[batch*3=12, 5]");
    assert_string_equal(type_text(arena, type_drop_axis(type, 1)), "f32[2, 5]");
    assert_string_equal(type_text(arena, type_add_axis(type, 1, 7)), "f32[2, 7, batch*3=12, 5]");
    assert_string_equal(type_text(arena, type_add_axis(type, 2, 7)), "f32[2, batch*3=12, 7, 5]");
    assert_int_equal(type_batch(type), 4);
    assert_int_equal(type_valid(type, 1, 2), 6);
    assert_int_equal(type_valid(type, 0, 2), 2);
    assert_string_equal(type_text(arena, type_scalar(DT_BOOL)), "bool");
    DType dtype;
    assert_true(dtype_from_name("u8", &dtype) && dtype == DT_U8);
    assert_false(dtype_from_name("f64", &dtype));
    arena_free(arena);
}

/* ---- text ---- */

static Module *parse(Arena *arena, const char *path, FILE *errors)
{
    Source *source = arena_make(arena, Source);
    char *text;
    source->path = path;
    const char *failure = file_read(arena, path, &text, &source->length);
    if (failure) fail_msg("%s", failure);
    source->text = text;
    Diags *diags = diags_new(arena);
    Module *module = module_parse(arena, source, diags);
    assert_int_equal(module == NULL, diags_errors(diags) > 0);
    diags_print(diags, errors);
    return module;
}

static void a_module_comes_back_as_it_was(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    const char *path = "tests/graph/everything.graph";
    Module *module = parse(arena, path, stderr);
    assert_non_null(module);
    assert_null(module_verify(arena, module));
    Text text = text_new(arena);
    module_print(&text, module);
    assert_true(golden_matches(arena, path, text.at, text.length));
    const Param *table = &module->params.at[5];
    assert_true(table->init.values[2] == 1e-8f && !table->trainable);
    assert_true(module->params.at[0].decay && module->params.at[0].init.a == -0.1);
    assert_string_equal(module->params.at[2].name, "odd name");
    assert_int_equal(module->decls.at[1].limit, 10);
    assert_true(module->decls.at[1].is_target);
    arena_free(arena);
}

static bool refused_as_expected(const char *path)
{
    Arena *arena = arena_new();
    char *said = NULL;
    size_t length = 0;
    FILE *out = open_memstream(&said, &length);
    Module *module = parse(arena, path, out);
    fclose(out);
    if (module) fprintf(stderr, "%s: accepted\n", path);
    const char *expected
        = arena_printf(arena, "%.*s.err", (int)(strlen(path) - strlen(".graph")), path);
    bool matches = golden_matches(arena, expected, said, length);
    free(said);
    arena_free(arena);
    return matches && !module;
}

static void bad_texts_are_refused(void **state)
{
    (void)state;
    glob_t found;
    int failures = 0;
    assert_int_equal(glob("tests/graph/bad/*.graph", 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++) failures += !refused_as_expected(found.gl_pathv[i]);
    assert_true(found.gl_pathc >= 14);
    globfree(&found);
    assert_int_equal(failures, 0);
}

/* Whatever is cut off the end of a text, reading it ends, with a module or a message. */
static void cut_texts_are_read_to_their_end(void **state)
{
    (void)state;
    Arena *arena = arena_new();
    char *text;
    size_t whole;
    assert_null(file_read(arena, "tests/graph/everything.graph", &text, &whole));
    for (size_t length = 0; length < whole; length += 7) {
        Arena *scratch = arena_new();
        Source source
            = {.path = "cut.graph", .text = arena_strndup(scratch, text, length), .length = length};
        Diags *diags = diags_new(scratch);
        Module *module = module_parse(scratch, &source, diags);
        assert_int_equal(module == NULL, diags_errors(diags) > 0);
        arena_free(scratch);
    }
    arena_free(arena);
}

/* ---- the verifier ---- */

static Node *node_named(const Graph *graph, const char *name)
{
    for (int i = 0; i < graph->nodes.count; i++)
        if (graph->nodes.at[i]->name && strcmp(graph->nodes.at[i]->name, name) == 0)
            return graph->nodes.at[i];
    fail_msg("no node %s", name);
    return NULL;
}

static Graph *infer(Module *m) { return m->entries.at[0]; }
static Graph *train(Module *m) { return m->entries.at[1]; }
static Node *scan(Module *m) { return train(m)->nodes.at[3]; }

static void swap_nodes(Module *m)
{
    Node *first = infer(m)->nodes.at[2];
    infer(m)->nodes.at[2] = infer(m)->nodes.at[6];
    infer(m)->nodes.at[6] = first;
}
static void use_later_node(Module *m) { infer(m)->nodes.at[4]->inputs[0] = infer(m)->nodes.at[7]; }
static void use_other_graph(Module *m) { infer(m)->nodes.at[7]->inputs[0] = train(m)->nodes.at[2]; }
static void drop_input(Module *m) { infer(m)->nodes.at[6]->input_count = 1; }
static void change_type(Module *m) { infer(m)->nodes.at[7]->type.dim[1] = 5; }
static void change_dtype(Module *m) { infer(m)->nodes.at[7]->type.dtype = DT_I32; }
static void lose_batch(Module *m) { infer(m)->nodes.at[7]->type.batch_axis = -1; }
static void wrong_batch(Module *m) { train(m)->batch = 3; }
static void empty_axis(Module *m) { node_named(infer(m), "low")->type.dim[0] = 0; }
static void bad_attr(Module *m) { train(m)->nodes.at[7]->attr[0].count = 0; }
static void bad_axis(Module *m) { train(m)->nodes.at[11]->attr[0].ints[0] = 4; }
static void no_param(Module *m) { infer(m)->nodes.at[1]->param = 17; }
static void wrong_param(Module *m) { infer(m)->nodes.at[1]->param = 1; }
static void no_decl(Module *m) { infer(m)->nodes.at[0]->param = 2; }
static void stray_param(Module *m) { infer(m)->nodes.at[7]->param = 0; }
static void stray_values(Module *m)
{
    node_named(infer(m), "low")->values = m->params.at[5].init.values;
}
static void lost_values(Module *m) { node_named(train(m), "weights")->values = NULL; }
static void stray_body(Module *m) { train(m)->nodes.at[5]->body = scan(m)->body; }
static void lost_body(Module *m) { scan(m)->body = NULL; }
static void broken_body(Module *m) { scan(m)->body->nodes.at[2]->type.dim[1] = 9; }
static void body_batch(Module *m) { scan(m)->body->batch = 5; }
static void body_loss(Module *m) { scan(m)->body->outputs.at[0].kind = OUT_LOSS; }
static void changed_carry(Module *m) { scan(m)->body->outputs.count = 0; }
static void no_outputs(Module *m) { infer(m)->outputs.count = 0; }
static void lost_output(Module *m) { infer(m)->outputs.at[0].node = train(m)->nodes.at[2]; }
static void loss_shape(Module *m) { train(m)->outputs.at[0].node = train(m)->nodes.at[11]; }
static void metric_shape(Module *m) { train(m)->outputs.at[1].node = train(m)->nodes.at[12]; }
static void grad_shape(Module *m) { train(m)->outputs.at[3].param = 0; }
static void state_unknown(Module *m) { infer(m)->outputs.at[2].param = 3; }
static void output_twice(Module *m)
{
    graph_output(infer(m), OUT_OUTPUT, "y", infer(m)->nodes.at[7], -1);
}
static void output_nameless(Module *m) { infer(m)->outputs.at[0].name = NULL; }
static void input_list(Module *m) { infer(m)->inputs.count = 0; }
static void entry_twice(Module *m) { train(m)->name = "infer"; }
static void param_twice(Module *m) { m->params.at[1].name = "scale"; }
static void param_batch(Module *m) { m->params.at[1].type.batch_axis = 0; }
static void param_values(Module *m) { m->params.at[5].init.values = NULL; }
static void decl_twice(Module *m) { m->decls.at[1].name = "image"; }

static const struct { void (*break_it)(Module *m); const char *message;
} breakages[] = {
    {swap_nodes, "infer: node %6 x (add): its id is not its place"},
    {use_later_node, "infer: node %4 (reshape): input 0 does not stand before it in the graph"},
    {use_other_graph, "infer: node %7 x (relu): input 0 does not stand before it in the graph"},
    {drop_input, "infer: node %6 x (add): it has another number of inputs than its row says"},
    {change_type,
     "infer: node %7 x (relu): its type is f32[batch=1, 5], but the rule gives f32[batch=1, 2]"},
    {change_dtype,
     "infer: node %7 x (relu): its type is i32[batch=1, 2], but the rule gives f32[batch=1, 2]"},
    {lose_batch,
     "infer: node %7 x (relu): its type is f32[1, 2], but the rule gives f32[batch=1, 2]"},
    {wrong_batch, "train: node %0 sequence (input): the batch axis of f32[batch=4, 5, 2] does not "
                  "hold the graph's "
                  "3 rows"},
    {empty_axis, "infer: node %10 low (fill): an axis has no entries"},
    {bad_attr, "train: node %7 (checked): attribute limit is not as its row says"},
    {bad_axis, "train: node %11 (sum): sum: there is no axis 4 in f32[batch=4]"},
    {no_param, "infer: node %1 fc.weight (param): it names no parameter of the module"},
    {wrong_param, "infer: node %1 fc.weight (param): its type is not that of parameter fc.bias"},
    {no_decl, "infer: node %0 image (input): it names no declaration of the module"},
    {stray_param, "infer: node %7 x (relu): it names no declaration of the module"},
    {stray_values, "infer: node %10 low (fill): only a constant has values"},
    {lost_values, "train: node %14 weights (constant): only a constant has values"},
    {stray_body, "train: node %5 (permute): only a region owns a body"},
    {lost_body, "train: node %3 (scan): only a region owns a body"},
    {broken_body,
     "train: the body of %3: node %2 (add): its type is f32[batch=4, 9], but the rule gives "
     "f32[batch=4, 2]"},
    {body_batch, "train: node %3 (scan): its body has another batch"},
    {body_loss, "train: node %3 (scan): a body only yields"},
    {changed_carry, "train: the body of %3: it has no outputs"},
    {no_outputs, "infer: it has no outputs"},
    {lost_output, "infer: output y: its node is not in the graph"},
    {loss_shape, "train: loss loss: a loss is an f32 scalar"},
    {metric_shape, "train: metric accuracy: a metric is f32[2]"},
    {grad_shape, "train: grad fc.bias: it has another type than what it is for"},
    {state_unknown, "infer: state bn.running_mean: it names nothing of the module"},
    {output_twice, "infer: output y: another output of this kind has its name"},
    {output_nameless, "infer: output : it has no name"},
    {input_list, "infer: its list of inputs is not that of its input nodes"},
    {entry_twice, "two entries are called infer"},
    {param_twice, "two parameters are called scale"},
    {param_batch, "parameter fc.bias is f32 without a batch axis, not f32[batch=2]"},
    {param_values, "parameter table: only given initial values are values"},
    {decl_twice, "two inputs are called image"},
};

static void broken_modules_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof breakages / sizeof *breakages; i++) {
        Arena *arena = arena_new();
        Module *module = parse(arena, "tests/graph/everything.graph", stderr);
        assert_non_null(module);
        breakages[i].break_it(module);
        const char *message = module_verify(arena, module);
        if (!message) fail_msg("not found: %s", breakages[i].message);
        assert_string_equal(message, breakages[i].message);
        arena_free(arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_keep_their_batch_axis),
        cmocka_unit_test(a_module_comes_back_as_it_was),
        cmocka_unit_test(bad_texts_are_refused),
        cmocka_unit_test(cut_texts_are_read_to_their_end),
        cmocka_unit_test(broken_modules_are_found),
    };
    return cmocka_run_group_tests_name("graph", tests, NULL, NULL);
}
