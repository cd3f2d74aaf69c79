/* The interpreter behind the descriptor of a model. */
#include "driver/interp_model.h"

#include <string.h>

#include "interp/interp.h"

enum { TENSOR_ROUND = 16 }; /* floats: every tensor starts at a multiple */

typedef struct Owner {
    nn_model model;
    const Module *module;
    bool blas;
    int round;                       /* of disturbed rounding; 0: as it is */
} Owner;

typedef struct EntryContext {
    const Owner *owner;
    const Graph *graph;
} EntryContext;

/* ---- calls ---- */

static size_t bytes_of(Type type)
{
    return tensor_bytes(&(Tensor){.type = type});
}

static float **places(Arena *arena, const nn_tensor *tensors, int count, float *array)
{
    float **at = arena_array(arena, float *, count + 1);
    for (int i = 0; i < count; i++) at[i] = array + tensors[i].offset;
    return at;
}

/* As generated code places it. */
static size_t session_bytes(const Param *session)
{
    const size_t round = TENSOR_ROUND * sizeof(float);
    return (bytes_of(session->type) + round - 1) / round * round;
}

static float **session_places(Arena *arena, const Module *module, void *sessions)
{
    float **at = arena_array(arena, float *, module->sessions.count + 1);
    char *next = sessions;
    for (int i = 0; i < module->sessions.count; i++) {
        at[i] = (float *)(void *)next;
        next += session_bytes(&module->sessions.at[i]);
    }
    return at;
}

static void give(void *to, const Tensor *value)
{
    if (to) memcpy(to, value->data, tensor_bytes(value));
}

static void give_outputs(const EntryContext *context, const nn_call *call, const Interp *interp,
                         const Tensor *values)
{
    const nn_model *model = &context->owner->model;
    int tensor = 0, metric = 0;
    if (call->grads) memset(call->grads, 0, sizeof(float) * (size_t)model->param_floats);
    for (int i = 0; i < context->graph->outputs.count; i++) {
        const Output *o = &context->graph->outputs.at[i];
        switch (o->kind) {
        case OUT_LOSS: give(call->loss, &values[i]); break;
        case OUT_METRIC:
            give(call->metrics ? call->metrics + 2 * metric : NULL, &values[i]);
            metric++;
            break;
        case OUT_GRAD: give(call->grads + model->params[o->param].offset, &values[i]); break;
        case OUT_STATE: give(interp->states[o->param], &values[i]); break;
        case OUT_SESSION: give(interp->sessions[o->param], &values[i]); break;
        case OUT_OUTPUT:
        case OUT_INPUT_GRAD:
        case OUT_YIELD:
            give(call->outputs ? call->outputs[tensor] : NULL, &values[i]);
            tensor++;
            break;
        }
    }
}

static int run(Arena *arena, const EntryContext *context, const nn_call *call)
{
    const Owner *owner = context->owner;
    const Graph *graph = context->graph;
    const nn_model *model = &owner->model;
    Interp interp = {.module = owner->module, .seed = call->seed, .blas = owner->blas};
    interp.params = places(arena, model->params, model->param_count,
                           (float *)(uintptr_t)call->params);
    interp.states = places(arena, model->states, model->state_count, call->states);
    interp.sessions = session_places(arena, owner->module, call->sessions);
    Tensor *inputs = arena_array(arena, Tensor, graph->inputs.count + 1);
    Tensor *outputs = arena_array(arena, Tensor, graph->outputs.count + 1);
    for (int i = 0; i < graph->inputs.count; i++)
        inputs[i] = (Tensor){graph->inputs.at[i]->type, (void *)(uintptr_t)call->inputs[i]};
    const char *error =
        owner->round
            ? interp_disturbed(&interp, arena, graph, inputs, call->count, owner->round, outputs)
            : interp_run(&interp, arena, graph, inputs, call->count, outputs);
    if (error) return NN_BAD_INDEX;
    give_outputs(context, call, &interp, outputs);
    return NN_OK;
}

static int call_entry(const nn_call *call)
{
    const EntryContext *context = call->context;
    if (call->count < 1 || call->count > context->graph->batch) return NN_BAD_COUNT;
    Arena *arena = arena_new();
    const int status = run(arena, context, call);
    arena_free(arena);
    return status;
}

static void start(const void *context, float *params, float *states, uint64_t seed)
{
    const Owner *owner = context;
    const Module *module = owner->module;
    for (int i = 0; i < module->params.count; i++)
        init_param(&module->params.at[i], i, seed, params + owner->model.params[i].offset);
    for (int i = 0; i < module->states.count; i++)
        init_param(&module->states.at[i], i, 0, states + owner->model.states[i].offset);
}

/* ---- the descriptor ---- */

static int dtype_number(DType dtype)
{
    return dtype == DT_F32 ? NN_F32 : dtype == DT_I32 ? NN_I32 : NN_U8;
}

static nn_io describe_io(const char *name, Type type, int64_t limit)
{
    nn_io io = {.name = name, .dtype = dtype_number(type.dtype), .rank = type.rank,
                .batched = type.batch_axis == 0, .limit = limit};
    memcpy(io.dims, type.dim, sizeof(int64_t) * (size_t)type.rank);
    return io;
}

static const nn_tensor *describe_tensors(Arena *arena, const ParamList *list, int64_t *floats)
{
    nn_tensor *tensors = arena_array(arena, nn_tensor, list->count + 1);
    *floats = 0;
    for (int i = 0; i < list->count; i++) {
        const Param *p = &list->at[i];
        const int64_t elements = type_elements(p->type);
        tensors[i] = (nn_tensor){.name = p->name, .rank = p->type.rank, .offset = *floats,
                                 .floats = elements, .trainable = p->trainable, .decay = p->decay};
        memcpy(tensors[i].dims, p->type.dim, sizeof(int64_t) * (size_t)p->type.rank);
        type_strides(p->type, tensors[i].stride);
        *floats += (elements + TENSOR_ROUND - 1) / TENSOR_ROUND * TENSOR_ROUND;
    }
    return tensors;
}

static void describe_outputs(Arena *arena, const Graph *graph, nn_entry *entry)
{
    nn_io *outputs = arena_array(arena, nn_io, graph->outputs.count + 1);
    const char **metrics = arena_array(arena, const char *, graph->outputs.count + 1);
    for (int i = 0; i < graph->outputs.count; i++) {
        const Output *o = &graph->outputs.at[i];
        if (o->kind == OUT_OUTPUT || o->kind == OUT_INPUT_GRAD)
            outputs[entry->output_count++] = describe_io(o->name, o->node->type, 0);
        if (o->kind == OUT_METRIC) metrics[entry->metric_count++] = o->name;
    }
    entry->outputs = outputs;
    entry->metrics = metrics;
}

static nn_entry describe_entry(Arena *arena, const Owner *owner, const Graph *graph)
{
    const Module *module = owner->module;
    EntryContext *context = arena_make(arena, EntryContext);
    *context = (EntryContext){owner, graph};
    nn_io *inputs = arena_array(arena, nn_io, graph->inputs.count + 1);
    nn_entry entry = {.name = graph->name, .batch = graph->batch, .inputs = inputs,
                      .input_count = graph->inputs.count, .call = call_entry, .context = context};
    for (int i = 0; i < graph->inputs.count; i++) {
        const Node *in = graph->inputs.at[i];
        const bool declared = in->param >= 0 && in->param < module->decls.count;
        inputs[i] = describe_io(in->attr[0].text, in->type,
                                declared ? module->decls.at[in->param].limit : 0);
    }
    for (int i = 0; i < graph->nodes.count; i++)
        entry.flops += op_row(graph->nodes.at[i]->op)->flops(graph->nodes.at[i]);
    describe_outputs(arena, graph, &entry);
    return entry;
}

/* FNV-1a over names and shapes: a checkpoint of this model belongs to this model. */
static uint64_t hash_tensors(uint64_t h, const nn_tensor *tensors, int count)
{
    for (int i = 0; i < count; i++) {
        for (const char *c = tensors[i].name; *c; c++)
            h = (h ^ (unsigned char)*c) * UINT64_C(0x100000001b3);
        for (int axis = 0; axis < tensors[i].rank; axis++)
            h = (h ^ (uint64_t)tensors[i].dims[axis]) * UINT64_C(0x100000001b3);
    }
    return h;
}

static const nn_model *describe_model(Arena *arena, Owner *owner)
{
    const Module *module = owner->module;
    const bool blas = owner->blas;
    nn_entry *entries = arena_array(arena, nn_entry, module->entries.count + 1);
    nn_model *model = &owner->model;
    *model = (nn_model){.abi = NN_MODEL_ABI, .name = module->name, .entries = entries,
                        .target = blas ? "interpreter, BLAS" : "interpreter",
                        .param_count = module->params.count, .state_count = module->states.count,
                        .entry_count = module->entries.count, .start = start, .context = owner};
    model->params = describe_tensors(arena, &module->params, &model->param_floats);
    model->states = describe_tensors(arena, &module->states, &model->state_floats);
    for (int i = 0; i < module->sessions.count; i++)
        model->session_bytes += session_bytes(&module->sessions.at[i]);
    model->hash = hash_tensors(hash_tensors(UINT64_C(0xcbf29ce484222325), model->params,
                                            model->param_count), model->states, model->state_count);
    for (int i = 0; i < module->entries.count; i++)
        entries[i] = describe_entry(arena, owner, module->entries.at[i]);
    return model;
}

const nn_model *interp_model(Arena *arena, const Module *module, bool blas)
{
    Owner *owner = arena_make(arena, Owner);
    *owner = (Owner){.module = module, .blas = blas};
    return describe_model(arena, owner);
}

const nn_model *interp_model_disturbed(Arena *arena, const Module *module, int round)
{
    Owner *owner = arena_make(arena, Owner);
    *owner = (Owner){.module = module, .round = round};
    return describe_model(arena, owner);
}
