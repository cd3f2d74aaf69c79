/* Memory, values and results of calls. */
#include "driver/buffers.h"

#include <math.h>
#include <stdbool.h>
#include <string.h>

#include "nn_data.h"
#include "nn_pages.h"
#include "nn_weights.h"
#include "ops/random.h"

enum { ALIGNMENT = 64 };

static void *aligned(Arena *arena, size_t bytes)
{
    const uintptr_t at = (uintptr_t)arena_alloc(arena, bytes + 2 * ALIGNMENT);
    void *memory = (void *)((at + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT);
    nn_pages_large(memory, bytes);
    return memory;
}

float *floats_new(Arena *arena, int64_t floats)
{
    return aligned(arena, sizeof(float) * (size_t)floats);
}

int64_t io_elements(const nn_io *io)
{
    int64_t n = 1;
    for (int i = 0; i < io->rank; i++) n *= io->dims[i];
    return n;
}

static int64_t io_valid(const nn_io *io, int64_t batch, int64_t count)
{
    return io->batched ? io_elements(io) / batch * count : io_elements(io);
}

/* ---- a call ---- */

nn_call *call_new(Arena *arena, const nn_model *model, const nn_entry *entry, float *params,
                  float *states)
{
    nn_call *call = arena_make(arena, nn_call);
    const void **inputs = arena_array(arena, const void *, entry->input_count + 1);
    void **outputs = arena_array(arena, void *, entry->output_count + 1);
    for (int i = 0; i < entry->input_count; i++) {
        const nn_io *io = &entry->inputs[i];
        inputs[i] = aligned(arena, nn_dtype_size(io->dtype) * (size_t)io_elements(io));
    }
    for (int i = 0; i < entry->output_count; i++) {
        const nn_io *io = &entry->outputs[i];
        outputs[i] = aligned(arena, nn_dtype_size(io->dtype) * (size_t)io_elements(io));
    }
    *call = (nn_call){.params = params, .states = states, .inputs = inputs, .outputs = outputs,
                      .count = (int)entry->batch, .context = entry->context};
    call->sessions = aligned(arena, model->session_bytes);
    call->grads = floats_new(arena, model->param_floats);
    call->loss = floats_new(arena, 1);
    call->metrics = floats_new(arena, 2 * entry->metric_count);
    call->workspace = aligned(arena, entry->workspace_bytes);
    return call;
}

void *call_input(const nn_call *call, int i)
{
    return (void *)(uintptr_t)call->inputs[i];
}

/* ---- inputs ---- */

static void put_random(const nn_io *io, void *values, uint64_t stream)
{
    const uint64_t limit = io->limit > 0 ? (uint64_t)io->limit : 3;
    for (int64_t i = 0; i < io_elements(io); i++) {
        const uint64_t bits = random_bits(stream, (uint64_t)i);
        const uint64_t whole = (bits >> 33) % limit + (io->limit > 0 ? 0 : 1);
        if (io->dtype == NN_F32) ((float *)values)[i] = (float)(bits >> 40) * 0x1p-23f - 1.0f;
        if (io->dtype == NN_I32) ((int32_t *)values)[i] = (int32_t)whole;
        if (io->dtype == NN_U8) ((unsigned char *)values)[i] = (unsigned char)(bits >> 56);
    }
}

static bool makes_prepared(const nn_entry *entry)
{
    return !entry->input_count && entry->output_count == 1
        && !strncmp(entry->name, "prepare", sizeof "prepare" - 1);
}

const nn_entry *entry_prepare(const nn_model *model, const nn_entry *entry)
{
    if (entry == model->entries || !makes_prepared(entry - 1)) return NULL;
    return entry - 1;
}

int call_prepare(const nn_call *call, const nn_model *model, const nn_entry *entry)
{
    const nn_entry *prepare = entry_prepare(model, entry);
    Arena *scratch = arena_new();
    void *outputs[] = {call_input(call, 0)};
    nn_call own = *call;
    own.inputs = NULL;
    own.outputs = outputs;
    own.count = 1;
    own.workspace = aligned(scratch, prepare->workspace_bytes);
    const int status = prepare->call(&own);
    arena_free(scratch);
    return status;
}

void call_random_inputs(nn_call *call, const nn_model *model, const nn_entry *entry, uint64_t seed)
{
    const int first = entry_prepare(model, entry) != NULL;
    for (int i = first; i < entry->input_count; i++)
        put_random(&entry->inputs[i], call_input(call, i),
                   random_stream(seed, (uint64_t)(i - first)));
    if (first) call_prepare(call, model, entry);
}

void call_spoil_rows(nn_call *call, const nn_entry *entry, int count)
{
    call->count = count;
    for (int i = 0; i < entry->input_count; i++) {
        const nn_io *io = &entry->inputs[i];
        for (int64_t e = io_valid(io, entry->batch, count); e < io_elements(io); e++) {
            if (io->dtype == NN_F32) ((float *)call_input(call, i))[e] = NAN;
            if (io->dtype == NN_I32) ((int32_t *)call_input(call, i))[e] = -1234567;
        }
    }
}

/* ---- results ---- */

static float *as_floats(Arena *arena, const nn_io *io, const void *values)
{
    const int64_t n = io_elements(io);
    float *out = floats_new(arena, n);
    for (int64_t i = 0; i < n; i++) {
        if (io->dtype == NN_F32) out[i] = ((const float *)values)[i];
        if (io->dtype == NN_I32) out[i] = (float)((const int32_t *)values)[i];
        if (io->dtype == NN_U8) out[i] = (float)((const unsigned char *)values)[i];
    }
    return out;
}

static void add_tensors(Arena *arena, Results *results, ResultKind kind, const nn_tensor *tensors,
                        int count, const float *array)
{
    for (int i = 0; i < count; i++) {
        const nn_tensor *t = &tensors[i];
        if (kind == RESULT_GRAD && !t->trainable) continue;
        Result r = {.kind = kind, .name = t->name, .rank = t->rank,
                    .elements = nn_tensor_elements(t)};
        memcpy(r.dims, t->dims, sizeof r.dims);
        r.values = floats_new(arena, r.elements);
        nn_tensor_get(t, array, r.values);
        vec_push(arena, *results, r);
    }
}

static void add_outputs(Arena *arena, Results *results, const nn_entry *entry, const nn_call *call)
{
    for (int i = 0; i < entry->output_count; i++) {
        const nn_io *io = &entry->outputs[i];
        Result r = {.name = io->name, .rank = io->rank,
                    .elements = io_valid(io, entry->batch, call->count)};
        memcpy(r.dims, io->dims, sizeof r.dims);
        r.values = as_floats(arena, io, call->outputs[i]);
        vec_push(arena, *results, r);
    }
}

Results call_results(Arena *arena, const nn_model *model, const nn_entry *entry,
                     const nn_call *call)
{
    const bool trains = !strcmp(entry->name, "train"), backward = !strcmp(entry->name, "backward");
    const bool loss = trains || !strcmp(entry->name, "evaluate");
    Results results = {0};
    add_outputs(arena, &results, entry, call);
    if (loss) {
        Result r = {.kind = RESULT_LOSS, .name = "loss", .elements = 1, .values = call->loss};
        vec_push(arena, results, r);
    }
    for (int i = 0; i < entry->metric_count; i++) {
        Result r = {.kind = RESULT_METRIC, .name = entry->metrics[i], .rank = 1, .dims = {2},
                    .elements = 2, .values = call->metrics + 2 * i};
        vec_push(arena, results, r);
    }
    if (trains || backward)
        add_tensors(arena, &results, RESULT_GRAD, model->params, model->param_count, call->grads);
    if (trains)
        add_tensors(arena, &results, RESULT_STATE, model->states, model->state_count,
                    call->states);
    return results;
}

const Result *result_find(const Results *results, ResultKind kind, const char *name)
{
    for (int i = 0; i < results->count; i++)
        if (results->at[i].kind == kind && !strcmp(results->at[i].name, name))
            return &results->at[i];
    return NULL;
}

const char *result_label(Arena *arena, const Result *result)
{
    static const char *const before[] = {"", "", "metric ", "gradient of ", "state ",
                                         "parameter "};
    return arena_printf(arena, "%s%s", before[result->kind], result->name);
}

const char *dims_text(Arena *arena, int rank, const int64_t *dims)
{
    if (!rank) return "";
    const char *text = "[";
    for (int i = 0; i < rank; i++)
        text = arena_printf(arena, "%s%s%lld", text, i ? ", " : "", (long long)dims[i]);
    return arena_printf(arena, "%s]", text);
}

/* ---- comparison ---- */

Difference floats_differ(const float *got, const float *want, int64_t count, double floor)
{
    Difference d = {.finite = true};
    for (int64_t i = 0; i < count; i++) {
        const double difference = fabs((double)got[i] - (double)want[i]);
        /* Equal infinities agree; their difference is no number. */
        if (!isfinite(difference) && got[i] != want[i] && d.finite) {
            d.finite = false;
            d.at = i;
        }
        if (isfinite(want[i]) && fabs((double)want[i]) > d.largest)
            d.largest = fabs((double)want[i]);
        if (d.finite && difference > d.absolute) {
            d.absolute = difference;
            d.at = i;
        }
    }
    const double scale = d.largest > floor ? d.largest : floor;
    d.relative = !d.finite ? (double)INFINITY : scale > 0 ? d.absolute / scale : d.absolute;
    return d;
}
