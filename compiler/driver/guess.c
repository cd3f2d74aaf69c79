/* Guesses: a change of the inputs, of a constant or of a weight, a run, and the error after it. A
 * change that explains a difference takes nearly all of it away. Everything is put back. */
#include "driver/guess.h"

#include <math.h>
#include <string.h>

#include "driver/buffers.h"
#include "driver/reference.h"
#include "nn_data.h"
#include "nn_weights.h"

typedef struct Guess {
    const char *text;
    double error;
} Guess;

/* The error of the suspect's output, as things are now. */
static double error_now(const Suspect *s)
{
    if (s->entry->call(s->call)) return (double)INFINITY;
    return floats_differ(s->call->outputs[s->output], s->want, s->elements, 0).relative;
}

static void consider(Guess *best, double error, const char *text)
{
    if (!(error < best->error)) return;
    best->error = error;
    best->text = text;
}

/* ---- the inputs ---- */

static void scale_inputs(const Suspect *s, double factor)
{
    for (int i = 0; i < s->entry->input_count; i++) {
        const nn_io *io = &s->entry->inputs[i];
        float *values = call_input(s->call, i);
        if (io->dtype != NN_F32 || !reference_find(s->file, "input", io->name)) continue;
        for (int64_t e = 0; e < io_elements(io); e++)
            values[e] = (float)((double)values[e] * factor);
    }
}

static void guess_scale(const Suspect *s, Guess *best)
{
    scale_inputs(s, 1.0 / 255);
    consider(best, error_now(s),
             "the reference scaled its inputs by 1/255 before the model, and its file holds them "
             "unscaled");
    scale_inputs(s, 255.0 * 255);
    consider(best, error_now(s),
             "the reference saw inputs of 0..255, and its file holds them scaled by 1/255");
    Diags *diags = diags_new(s->arena);
    reference_inputs(s->file, s->subject->model, s->entry, s->call, diags);
}

/* ---- the mode ---- */

static void guess_mode(const Suspect *s, Guess *best)
{
    const nn_entry *entry = nn_find_entry(s->subject->model, "evaluate");
    const TracedLayer *l = s->layer ? traced_find(s->evaluated, s->layer) : NULL;
    if (!entry || !l) return;
    Diags *diags = diags_new(s->arena);
    nn_call *call = call_new(s->arena, s->subject->model, entry, s->subject->params,
                             s->subject->states);
    if (!reference_inputs(s->file, s->subject->model, entry, call, diags) || entry->call(call))
        return;
    consider(best, floats_differ(call->outputs[l->output], s->want, s->elements, 0).relative,
             "the reference ran in inference mode: call model.train() before its forward pass");
}

/* ---- constants of the layer ---- */

static void guess_constants(const Suspect *s, Guess *best)
{
    static const double tries[] = {1e-3, 1e-5, 1e-6, 1e-7, 1e-8, 1e-12, 0};
    Graph *graph = module_entry(s->module, s->entry->name);
    for (int i = 0; s->layer && i < graph->nodes.count; i++) {
        Node *node = graph->nodes.at[i];
        const double was = node->attr[0].number;
        if (node->op != OP_fill || strcmp(node->layer, s->layer) != 0) continue;
        if (!(was > 0 && was < 1e-2)) continue;
        for (size_t j = 0; j < sizeof tries / sizeof *tries; j++) {
            node->attr[0].number = tries[j];
            consider(best, error_now(s),
                     arena_printf(s->arena, "eps is %g in the reference and %g here", tries[j],
                                  was));
        }
        node->attr[0].number = was;
    }
}

/* ---- functions before the layer ---- */

static bool is_function(Arena *arena, const Node *node, Op op)
{
    const OpRow *row = op_row(op);
    Node changed = *node;
    Type type;
    changed.op = op;
    return row->kind == KIND_MAP && row->arity == 1 && row->shape(arena, &changed, &type) == NULL
           && type_equal(type, node->type);
}

/* Every function of one number in place of each that is there. */
static void guess_function(const Suspect *s, Guess *best)
{
    Graph *graph = module_entry(s->module, s->entry->name);
    const int from = s->after ? s->after->id + 1 : 0;
    for (int i = from; s->until && i <= s->until->id; i++) {
        Node *node = graph->nodes.at[i];
        const Op was = node->op;
        if (node->type.dtype != DT_F32 || !is_function(s->arena, node, was)) continue;
        for (Op op = 0; op < OP_COUNT; op++) {
            if (op == was || !is_function(s->arena, node, op)) continue;
            node->op = op;
            consider(best, error_now(s),
                     arena_printf(s->arena, "the reference has %s where line %d has %s",
                                  op_row(op)->name, span_line(node->span), op_row(was)->name));
            node->op = was;
        }
    }
}

/* ---- weights of the layer ---- */

static bool owns(const char *layer, const char *param)
{
    const size_t n = strlen(layer);
    return !strncmp(layer, param, n) && param[n] == '.' && !strchr(param + n + 1, '.');
}

static void transpose(const nn_tensor *t, const float *from, float *to)
{
    const int64_t n = t->dims[0];
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) to[j * n + i] = from[i * n + j];
}

/* Each change of a tensor that leaves its shape as it is. */
static void guess_tensor(const Suspect *s, const nn_tensor *t, Guess *best)
{
    const int64_t n = nn_tensor_elements(t);
    float *was = floats_new(s->arena, n), *now = floats_new(s->arena, n);
    nn_tensor_get(t, s->subject->params, was);
    if (t->rank == 2 && t->dims[0] == t->dims[1]) {
        transpose(t, was, now);
        nn_tensor_set(t, s->subject->params, now);
        consider(best, error_now(s), arena_printf(s->arena, "%s is transposed", t->name));
    }
    memset(now, 0, sizeof *now * (size_t)n);
    nn_tensor_set(t, s->subject->params, now);
    consider(best, error_now(s), arena_printf(s->arena, "the reference does not use %s", t->name));
    nn_tensor_set(t, s->subject->params, was);
}

static void guess_weights(const Suspect *s, Guess *best)
{
    const nn_model *model = s->subject->model;
    for (int i = 0; s->layer && i < model->param_count; i++)
        if (owns(s->layer, model->params[i].name)) guess_tensor(s, &model->params[i], best);
}

/* ---- another value under this name ---- */

/* The value of some other layer, or the one with its axes in another order. */
static void guess_place(const Suspect *s, const TracedLayers *layers, Guess *best)
{
    for (int i = 0; i < layers->count; i++) {
        const TracedLayer *l = &layers->at[i];
        if (l->output == s->output || type_elements(l->node->type) != s->elements) continue;
        consider(best, floats_differ(s->call->outputs[l->output], s->want, s->elements, 0).relative,
                 arena_printf(s->arena, "the reference holds what layer '%s' gives here",
                              l->layer));
    }
    float *cut = floats_new(s->arena, s->elements);
    const float *got = s->call->outputs[s->output];
    for (int64_t e = 0; e < s->elements; e++) cut[e] = got[e] > 0 ? got[e] : 0;
    consider(best, floats_differ(cut, s->want, s->elements, 0).relative,
             "the reference holds the value after relu, the layer ends before it");
}

const char *guess_cause(const Suspect *s, const TracedLayers *layers)
{
    Guess best = {.error = s->error / 100};
    if (s->error > 0 && error_now(s) > 0) guess_place(s, layers, &best);
    guess_scale(s, &best);
    guess_mode(s, &best);
    guess_constants(s, &best);
    guess_weights(s, &best);
    guess_function(s, &best);
    error_now(s);
    return best.text;
}
