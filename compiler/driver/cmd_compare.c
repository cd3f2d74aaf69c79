/* nnc compare: runs a reference's batch and names the first layer that differs. */
#include <stdlib.h>
#include <string.h>

#include "driver/buffers.h"
#include "driver/commands.h"
#include "driver/guess.h"
#include "driver/model_options.h"
#include "driver/reference.h"
#include "driver/steps.h"
#include "driver/table.h"
#include "nn_data.h"
#include "nn_rename.h"

typedef struct Compare {
    Arena *arena;
    const char *path, *names;
    CompileOptions *options;
    bool generated;
    double tolerance;
    nn_safetensors file;
    Compilation c;
    Subject subject;
    TracedLayers layers, evaluated;  /* of the entry in training mode, and of evaluate */
    Table table;
    int compared, rounded, differ, noise;
    bool stepped;                    /* three steps of Adam were compared too */
    /* the first difference */
    bool found;
    const TracedLayer *agreed;       /* the layer before it, if it agrees */
    Suspect suspect;
    Span span;
    const char *what;
} Compare;

static const Span nowhere = {NULL, 0, 0};
/* Of the tolerance, after three steps of Adam. */
static const double steps_factor = 10;

/* ---- one tensor ---- */

static bool add_row(Compare *k, const char *what, const nn_stored *want, const float *got,
                    int64_t elements, double floor)
{
    if (want->elements != elements) {
        k->differ++;
        table_add(&k->table, what, dims_text(k->arena, want->rank, want->dims), "",
                  arena_printf(k->arena, "DIFFERS: it has %lld elements here",
                               (long long)elements));
        return false;
    }
    const Difference d = floats_differ(got, reference_floats(k->arena, want), elements, floor);
    const bool same = d.finite && d.relative <= k->tolerance;
    k->compared++;
    if (!same) k->differ++;
    table_add(&k->table, what, dims_text(k->arena, want->rank, want->dims),
              arena_printf(k->arena, "%.1e", d.relative),
              same ? floor > 0 ? "ok (noise)" : "ok" : "DIFFERS");
    return same;
}

static double relative_error(Compare *k, const float *got, const nn_stored *want)
{
    return floats_differ(got, reference_floats(k->arena, want), want->elements, 0).relative;
}

/* ---- what is compared, in the order of the computation ---- */

static void suspect(Compare *k, const nn_entry *entry, nn_call *call, const char *what,
                    const char *layer, const Node *node, int output, const nn_stored *want)
{
    if (k->found) return;
    k->found = true;
    k->what = what;
    k->span = node ? node->span : nowhere;
    k->suspect = (Suspect){.arena = k->arena, .module = k->c.module, .subject = &k->subject,
                           .file = &k->file, .entry = entry, .call = call,
                           .evaluated = &k->evaluated, .layer = layer, .until = node,
                           .after = k->agreed ? k->agreed->node : NULL, .output = output,
                           .elements = want->elements};
    if (want->elements != io_elements(&entry->outputs[output])) return;
    k->suspect.want = reference_floats(k->arena, want);
    k->suspect.error = relative_error(k, call->outputs[output], want);
}

static void compare_layers(Compare *k, const nn_entry *entry, nn_call *call)
{
    for (int i = 0; i < k->layers.count; i++) {
        const TracedLayer *l = &k->layers.at[i];
        const nn_stored *want = reference_find(&k->file, "act", l->layer);
        if (!want) continue;
        const char *what = arena_printf(k->arena, "layer %s", l->layer);
        if (!add_row(k, what, want, call->outputs[l->output], type_elements(l->node->type), 0))
            suspect(k, entry, call, what, l->layer, l->node, l->output, want);
        if (!k->found) k->agreed = l;
    }
}

static const Node *output_node(const Compare *k, const char *entry, const char *name)
{
    const Graph *graph = module_entry(k->c.module, entry);
    for (int i = 0; i < graph->outputs.count; i++)
        if (!strcmp(graph->outputs.at[i].name, name)) return graph->outputs.at[i].node;
    return NULL;
}

/* `kind` is that of the reference. */
static void compare_outputs(Compare *k, const nn_entry *entry, nn_call *call, const char *kind)
{
    const bool infers = !strcmp(kind, "infer");
    for (int i = 0; i < entry->output_count; i++) {
        const nn_io *io = &entry->outputs[i];
        const nn_stored *want = reference_find(&k->file, kind, io->name);
        if (!want || io->dtype != NN_F32) continue;
        const char *what =
            arena_printf(k->arena, "%s/%s", infers ? entry->name : kind, io->name);
        if (!add_row(k, what, want, call->outputs[i], io_elements(io), 0))
            suspect(k, entry, call, what, NULL, output_node(k, entry->name, io->name), i, want);
    }
}

static const nn_stored *find_loss(const Compare *k)
{
    return nn_safetensors_find(&k->file, "loss");
}

static void compare_loss(Compare *k, const nn_entry *entry, const nn_call *call)
{
    const nn_stored *want = find_loss(k);
    if (!want || strcmp(entry->name, "train") != 0) return;
    if (add_row(k, "loss", want, call->loss, 1, 0) || k->found) return;
    k->found = true;
    k->what = "loss";
    const Node *loss = output_node(k, entry->name, "loss");
    k->span = loss ? loss->span : nowhere;
}

static double largest_gradient(Compare *k)
{
    double largest = 0;
    for (int i = 0; i < k->c.module->params.count; i++) {
        const nn_stored *want = reference_find(&k->file, "grad", k->c.module->params.at[i].name);
        if (!want) continue;
        const float *values = reference_floats(k->arena, want);
        const Difference d = floats_differ(values, values, want->elements, 0);
        if (d.largest > largest) largest = d.largest;
    }
    return largest;
}

static Span param_span(const Compare *k, const char *name)
{
    for (int i = 0; i < k->c.module->params.count; i++)
        if (!strcmp(k->c.module->params.at[i].name, name))
            return k->c.module->params.at[i].span;
    return nowhere;
}

/* A gradient far below the model's largest is a rounding error of it. */
static void compare_gradients(Compare *k, const nn_entry *entry, const nn_call *call)
{
    const Results results = call_results(k->arena, k->subject.model, entry, call);
    const double largest = largest_gradient(k);
    for (int i = 0; i < results.count; i++) {
        const Result *r = &results.at[i];
        if (r->kind != RESULT_GRAD) continue;
        const nn_stored *want = reference_find(&k->file, "grad", r->name);
        if (!want || want->elements != r->elements) continue;
        const float *values = reference_floats(k->arena, want);
        const double own = floats_differ(values, values, want->elements, 0).largest;
        const bool noise = own < 1e-5 * largest;
        const char *what = arena_printf(k->arena, "grad/%s", r->name);
        if (noise) k->noise++;
        if (add_row(k, what, want, r->values, r->elements, noise ? largest : 0) || k->found)
            continue;
        k->found = true;
        k->what = what;
        k->span = param_span(k, r->name);
    }
}

/* ---- three steps of Adam ---- */

static const char *step_verdict(Compare *k, const StepRow *row)
{
    if (row->within && row->noise)
        return arena_printf(k->arena, "ok (%lld elements are noise)", (long long)row->noise);
    if (row->within) return "ok";
    if (row->rounding) {
        k->rounded++;
        return arena_printf(k->arena, "within rounding: the interpreter itself moves by %.1e",
                            row->moved);
    }
    k->differ++;
    if (!k->found) {
        k->found = true;
        k->what = row->what;
        k->span = row->param ? param_span(k, row->param) : nowhere;
    }
    return arena_printf(k->arena, "DIFFERS; rounding moves it by %.1e", row->moved);
}

/* All that lies before must agree, or nothing can be told of them. */
static bool compare_steps(Compare *k)
{
    Steps steps = {.arena = k->arena, .path = k->path, .options = k->options, .file = &k->file,
                   .module = k->c.module, .subject = &k->subject, .generated = k->generated,
                   .tolerance = steps_factor * k->tolerance, .diags = k->c.diags};
    if (k->found) return true;
    if (!steps_compare(&steps)) return false;
    k->stepped = steps.rows.count > 0;
    for (int i = 0; i < steps.rows.count; i++) {
        const StepRow *row = &steps.rows.at[i];
        k->compared++;
        table_add(&k->table, row->what, dims_text(k->arena, row->rank, row->dims),
                  arena_printf(k->arena, "%.1e", row->off.relative), step_verdict(k, row));
    }
    return true;
}

/* ---- running ---- */

static bool run_entry(Compare *k, const nn_entry *entry, nn_call **out)
{
    nn_call *call = call_new(k->arena, k->subject.model, entry, k->subject.params,
                             k->subject.states);
    *out = call;
    if (!reference_inputs(&k->file, k->subject.model, entry, call, k->c.diags)) return false;
    int status = NN_OK;
    if (entry_prepare(k->subject.model, entry))
        status = call_prepare(call, k->subject.model, entry);
    if (!status) status = entry->call(call);
    if (!status) return true;
    diag_error(k->c.diags, nowhere, "%s: %s", entry->name, nn_status_text(status));
    return false;
}

/* Inference first: training moves the running statistics. */
static bool compare_all(Compare *k)
{
    const nn_model *model = k->subject.model;
    const nn_entry *infer = nn_find_entry(model, "infer"), *train = nn_find_entry(model, "train");
    const nn_entry *prepared = nn_find_entry(model, "infer_prepared");
    nn_call *inferred = NULL, *from_prepared = NULL, *trained;
    if (!train) train = nn_find_entry(model, "forward");
    if (!reference_weights(&k->file, k->c.module, &k->subject, k->c.diags)) return false;
    if (infer && !run_entry(k, infer, &inferred)) return false;
    if (prepared && !run_entry(k, prepared, &from_prepared)) return false;
    if (!run_entry(k, train, &trained)) return false;
    compare_layers(k, train, trained);
    compare_outputs(k, train, trained, "output");
    compare_loss(k, train, trained);
    if (inferred) compare_outputs(k, infer, inferred, "infer");
    if (from_prepared) compare_outputs(k, prepared, from_prepared, "infer");
    compare_gradients(k, train, trained);
    return compare_steps(k);
}

/* The batch is the reference's, and nothing is dropped. */
static bool prepare(Compare *k)
{
    CompileOptions *options = k->options;
    int64_t batch;
    options->elaborate.deterministic = true;
    options->last_pass = k->generated ? NULL : "differentiate";
    k->c = compile_start(k->arena, k->path, options);
    if (!compile_to(&k->c, STAGE_ELABORATED)) return false;
    batch = reference_batch(&k->file, k->c.module, k->c.diags);
    if (!batch) return false;
    options->elaborate.train_batch = batch;
    options->elaborate.infer_batches = arena_copy(k->arena, &batch, sizeof batch);
    options->elaborate.infer_batch_count = 1;
    k->c = compile_start(k->arena, k->path, options);
    if (!compile_to(&k->c, STAGE_ELABORATED)) return false;
    const bool trains = module_entry(k->c.module, "train") != NULL;
    k->layers = trace_layers(k->arena, k->c.module, trains ? "train" : "forward");
    k->evaluated = trace_layers(k->arena, k->c.module, "evaluate");
    return k->generated ? subject_native(&k->c, &k->subject)
                        : subject_interp(&k->c, false, &k->subject);
}

/* ---- the report ---- */

static void explain(Compare *k)
{
    const Suspect *s = &k->suspect;
    const char *cause = NULL;
    if (s->want && !k->generated) cause = guess_cause(s, &k->layers);
    if (s->want)
        diag_error(k->c.diags, k->span, "%s is the first that differs, by %.1e of its largest "
                   "element", k->what, s->error);
    else
        diag_error(k->c.diags, k->span, "%s is the first that differs", k->what);
    if (cause) diag_help(k->c.diags, "%s: with that changed, it agrees", cause);
    else if (s->want && k->generated)
        diag_help(k->c.diags, "without --generated the interpreter runs, and causes are tried");
    else if (s->want) {
        diag_help(k->c.diags, "look at this layer and at what lies between %s and it",
                  k->agreed ? arena_printf(k->arena, "layer %s, which agrees,", k->agreed->layer)
                            : "the inputs");
        diag_help(k->c.diags, "tried without success: other scales of the inputs, inference mode, "
                              "eps, transposed or unused weights, other functions, values of other "
                              "layers");
    }
}

static int report(Compare *k)
{
    printf("%s against the reference; errors are relative to a tensor's largest element\n\n",
           k->subject.label);
    table_print(&k->table, stdout);
    if (!k->compared && !k->differ) {
        diag_error(k->c.diags, nowhere, "the reference holds nothing that the model has: no "
                   "act/LAYER, output/NAME, loss, infer/NAME or grad/NAME");
        return CLI_ERROR;
    }
    printf("\n");
    if (k->found) {
        explain(k);
        return CLI_ERROR;
    }
    printf("ok: %d tensors agree within %.1e", k->compared - k->rounded, k->tolerance);
    if (k->stepped) printf(" (%.1e after three steps of Adam)", steps_factor * k->tolerance);
    if (k->rounded) printf(", %d within what rounding moves in the interpreter", k->rounded);
    printf("\n");
    return CLI_OK;
}

static int read_reference(Compare *k, const char *reference, nn_error *error)
{
    nn_rename *renames = NULL;
    int status = nn_safetensors_read(reference, &k->file, error);
    if (!status && k->names) status = nn_renames_read(k->names, &renames, error);
    if (!status) reference_rename(&k->file, renames);
    free(renames);
    return status;
}

static int compare(Compare *k, const char *reference)
{
    nn_error error;
    char text[2560];
    int status = CLI_ERROR;
    nn_error_clear(&error);
    if (read_reference(k, reference, &error))
        cli_error("%s", nn_error_text(&error, text, sizeof text));
    else if (prepare(k) && compare_all(k))
        status = report(k);
    fflush(stdout);
    if (k->c.diags) diags_print(k->c.diags, stderr);
    nn_safetensors_free(&k->file);
    native_close(&k->subject.native);
    return status;
}

int cmd_compare(Arena *arena, const CliCommand *self, int argc, char **argv)
{
    ModelOptions model = {0};
    CompileOptions options = {0};
    WordList words = {0};
    Compare k = {.arena = arena, .options = &options};
    const char *tolerance = "1e-4";
    char *end;
    int status;
    const CliOption table[] = {
        {"--tolerance", "X", "largest relative error of a tensor; default 1e-4", NULL, &tolerance,
         NULL},
        {"--names", "FILE", "what the reference calls our tensors", NULL, &k.names, NULL},
        {"--generated", NULL, "run generated code in place of the interpreter", &k.generated, NULL,
         NULL},
        MODEL_OPTIONS(model),
        PREPARE_OPTION(model),
        {0},
    };
    if (!cli_parse(arena, self, table, argc, argv, &words, &status)) return status;
    if ((status = model_options(arena, &model, &options))) return status;
    k.tolerance = strtod(tolerance, &end);
    if (*end || end == tolerance || !(k.tolerance > 0)) {
        cli_error("--tolerance takes a positive number, not '%s'", tolerance);
        return CLI_USAGE;
    }
    options.emit.command = model_command(arena, words.at[0], argc, argv);
    k.path = words.at[0];
    k.table = table_new(arena, "<<><", "tensor|shape|error|verdict");
    table_rule(&k.table);
    return compare(&k, words.at[1]);
}
