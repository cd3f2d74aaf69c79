/* PyTorch's results for a program (../shared/goldens), and the program beside them: its passes run
 * at the golden's batch size, parameters and states set. What runs its entries is a Backend, so
 * that the interpreter and generated code for every target are held against the same numbers. */
#ifndef NNC_TESTS_GOLDENS_H
#define NNC_TESTS_GOLDENS_H
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ast/parse.h"
#include "base/text.h"
#include "elaborate/elaborate.h"
#include "nn_safetensors.h"
#include "ops/op.h"
#include "passes/pass.h"

/* A program and how it was made to agree with its golden: PyTorch ran without dropout. */
typedef struct GoldenRow {
    const char *name; /* examples/NAME.nn, ../shared/goldens/NAME.safetensors */
    int64_t batch;
    const char *without[2]; /* a piece of the program's text and what stands there instead */
    /* Targets on which float sums make a maximum or a relu jump within three steps of Adam, after
     * which weights go their own way: with convolutions by their formula, and in Winograd's form.
     * The interpreter, which sums in double, is held to them. */
    const char *jumps[2];
    bool keeps; /* in Winograd's form the weights agree after three steps too, not loss and
                 * statistics alone */
    double share; /* of the tolerances, for every backend: 0.5 is 1e-5 and 1e-4 after three steps */
    double slack; /* factor on the tolerances of generated code, 1 unless it sums very long chains
                     of floats */
    const char *follows; /* a statistic that moves with a bias whose gradient is noise: not compared
                          * after steps that Adam made of that */
} GoldenRow;

typedef struct Golden {
    const GoldenRow *row;
    Arena *arena;
    Module *module;
    nn_safetensors file;
    float *weights; /* all parameters, one after another, logical row-major */
    int64_t weight_count;
    float **params, **states;    /* each in its place */
    struct Generated *generated; /* what the backend of generated code runs, its one model */
    int failures;
} Golden;

typedef struct Backend {
    const char *name;
    double slack; /* factor on the tolerances */
    /* outputs[i] receives entry->outputs[i]. NULL, or what went wrong. */
    const char *(*run)(Golden *g, const Graph *entry, const Tensor *inputs, Tensor *outputs);
    void *context;
} Backend;

/* ---- the program ---- */

static inline const char *golden_replaced(Arena *arena, const char *text, const char *const *pair)
{
    Text out = text_new(arena);
    if (!pair[0]) return text;
    for (const char *at; (at = strstr(text, pair[0])); text = at + strlen(pair[0])) {
        text_addn(&out, text, (size_t)(at - text));
        text_add(&out, pair[1]);
    }
    text_add(&out, text);
    return out.at;
}

static inline Module *golden_module(Arena *arena, const GoldenRow *row)
{
    char *text = NULL;
    size_t length;
    Diags *diags = diags_new(arena);
    Source source = {.path = arena_printf(arena, "examples/%s.nn", row->name)};
    const char *failure = file_read(arena, source.path, &text, &length);
    if (failure) {
        fprintf(stderr, "%s\n", failure);
        return NULL;
    }
    source.text = golden_replaced(arena, text, row->without);
    source.length = strlen(source.text);
    Source *kept = arena_copy(arena, &source, sizeof source);
    const char *sets[] = {arena_printf(arena, "train.batch=%lld", (long long)row->batch)};
    ElaborateOptions options = {
        .sets = sets, .set_count = 1, .infer_batches = &row->batch, .infer_batch_count = 1};
    AstFile *file = ast_parse(arena, kept, diags);
    Module *module = diags_errors(diags) ? NULL : elaborate(arena, file, &options, diags);
    const char *bug = module ? passes_run(module, &(PassOptions){.verify = true}) : NULL;
    if (bug) fprintf(stderr, "%s\n", bug);
    diags_print(diags, stderr);
    return bug ? NULL : module;
}

/* ---- stored tensors ---- */

static inline const nn_stored *golden_find(const Golden *g, const char *kind, const char *name)
{
    return nn_safetensors_find(&g->file, arena_printf(g->arena, "%s%s", kind, name));
}

static inline float *golden_floats(const Golden *g, const nn_stored *stored)
{
    float *values = arena_array(g->arena, float, stored->elements + 1);
    nn_stored_floats(stored, values);
    return values;
}

/* Fills values with the stored tensor; false where it is missing or of another size. */
static inline bool golden_fill(Golden *g, const char *kind, const char *name, int64_t count,
                               float *values)
{
    const nn_stored *stored = golden_find(g, kind, name);
    if (!stored || stored->elements != count) {
        fprintf(stderr, "%s: %s%s is %s\n", g->row->name, kind, name,
                stored ? "of another size" : "not in the golden");
        g->failures++;
        return false;
    }
    nn_stored_floats(stored, values);
    return true;
}

static inline float **golden_tensors(Golden *g, const ParamList *list, const char *kind,
                                     float *place)
{
    float **tensors = arena_array(g->arena, float *, list->count + 1);
    for (int i = 0; i < list->count; i++) {
        int64_t count = type_elements(list->at[i].type);
        tensors[i] = place;
        golden_fill(g, kind, list->at[i].name, count, place);
        place += count;
    }
    return tensors;
}

static inline int64_t golden_size(const ParamList *list)
{
    int64_t count = 0;
    for (int i = 0; i < list->count; i++) count += type_elements(list->at[i].type);
    return count;
}

/* Puts parameters and states back to the golden's. */
static inline void golden_reset(Golden *g)
{
    g->weight_count = golden_size(&g->module->params);
    g->weights = arena_array(g->arena, float, g->weight_count + 1);
    g->params = golden_tensors(g, &g->module->params, "param/", g->weights);
    g->states = golden_tensors(g, &g->module->states, "state/",
                               arena_array(g->arena, float, golden_size(&g->module->states) + 1));
}

/* NULL after a message. The caller frees with golden_close. */
static inline Golden *golden_open(const GoldenRow *row)
{
    Arena *arena = arena_new();
    Golden *g = arena_make(arena, Golden);
    nn_error error;
    const char *path = arena_printf(arena, "../shared/goldens/%s.safetensors", row->name);
    *g = (Golden){.row = row, .arena = arena, .module = golden_module(arena, row)};
    int status = g->module ? nn_safetensors_read(path, &g->file, &error) : 1;
    if (g->module && status) fprintf(stderr, "%s\n", error.reason);
    if (status) {
        arena_free(arena);
        return NULL;
    }
    golden_reset(g);
    return g;
}

static inline void golden_close(Golden *g)
{
    nn_safetensors_free(&g->file);
    arena_free(g->arena);
}

static inline Tensor *golden_inputs(Golden *g, const Graph *entry)
{
    Tensor *inputs = arena_array(g->arena, Tensor, entry->inputs.count + 1);
    for (int i = 0; i < entry->inputs.count; i++) {
        const Node *node = entry->inputs.at[i];
        const char *name = node->attr[0].text;
        int64_t count = type_elements(node->type);
        float *values = arena_array(g->arena, float, count + 1);
        bool target = node->param >= 0 && g->module->decls.at[node->param].is_target;
        golden_fill(g, target ? "target/" : "input/", name, count, values);
        inputs[i] = tensor_new(g->arena, node->type);
        for (int64_t e = 0; e < count; e++) tensor_set(&inputs[i], e, (double)values[e]);
    }
    return inputs;
}

/* ---- comparing ---- */

static inline double golden_largest(const float *values, int64_t count)
{
    double largest = 0;
    for (int64_t e = 0; e < count; e++) largest = fmax(largest, fabs((double)values[e]));
    return largest;
}

/* The largest difference relative to the golden's largest element, or to `floor` if that is more;
 * NaN counts as failed. */
static inline void golden_compare(Golden *g, const Backend *backend, const char *kind,
                                  const char *name, const float *got, int64_t count, double floor,
                                  double tolerance)
{
    float *expected = arena_array(g->arena, float, count + 1);
    if (!golden_fill(g, kind, name, count, expected)) return;
    double scale = fmax(golden_largest(expected, count), floor), worst = 0;
    int64_t at = 0;
    for (int64_t e = 0; e < count; e++) {
        double off = fabs((double)got[e] - (double)expected[e]) / (scale > 0 ? scale : 1);
        if (off <= worst) continue;
        worst = isnan(off) ? INFINITY : off;
        at = e;
    }
    if (worst <= tolerance * g->row->share * backend->slack) return;
    fprintf(stderr, "%s, %s: %s%s is off by %.3g: element %lld is %.9g, expected %.9g\n",
            g->row->name, backend->name, kind, name, worst, (long long)at, (double)got[at],
            (double)expected[at]);
    g->failures++;
}
#endif
