/* What one call of an entry needs: memory for every pointer of nn_call, values to put into it, and
 * tensors of what came out, by name. */
#ifndef NNC_DRIVER_BUFFERS_H
#define NNC_DRIVER_BUFFERS_H
#include <stdbool.h>
#include "base/arena.h"
#include "nn_model.h"

/* All buffers of the entry, zeroed, aligned to 64 bytes; count is the batch. params and states are
 * the caller's. */
nn_call *call_new(Arena *arena, const nn_model *model, const nn_entry *entry, float *params,
                  float *states);
/* The memory behind inputs[i], which the call itself may only read. */
void *call_input(const nn_call *call, int i);

/* Fills the inputs: floats in [-1, 1), those of targets in [0, 1) where `targets` says so, integers
 * in [0, limit) or 1..3 without a limit. The same seed gives the same values. A prepared
 * form is made of the call's parameters and states. */
void call_random_inputs(nn_call *call, const nn_model *model, const nn_entry *entry,
                        uint64_t seed);
/* Of an entry that reads a prepared form, its first input, the entry that makes it; else NULL. */
const nn_entry *entry_prepare(const nn_model *model, const nn_entry *entry);
/* Makes that input of the call's parameters and states; a status. */
int call_prepare(const nn_call *call, const nn_model *model, const nn_entry *entry);
/* Rows from `count` on become NaN, or an index far out of range: whoever reads them shows. */
void call_spoil_rows(nn_call *call, const nn_entry *entry, int count);

/* Memory for a model's parameters (or states), zeroed, aligned to 64 bytes. */
float *floats_new(Arena *arena, int64_t floats);

int64_t io_elements(const nn_io *io);

/* One result of a call in logical row-major order. Floats, or integers as floats. */
typedef enum ResultKind {
    RESULT_OUTPUT, RESULT_LOSS, RESULT_METRIC, RESULT_GRAD, RESULT_STATE, RESULT_PARAM
} ResultKind;
typedef struct Result {
    ResultKind kind;
    const char *name;
    int rank;
    int64_t dims[NN_MAX_RANK];
    int64_t elements;                /* in valid rows */
    float *values;
} Result;
typedef VEC(Result) Results;

/* What a call gave: outputs, loss, metrics, gradients of trainable parameters, states. */
Results call_results(Arena *arena, const nn_model *model, const nn_entry *entry,
                     const nn_call *call);
const Result *result_find(const Results *results, ResultKind kind, const char *name);
const char *result_label(Arena *arena, const Result *result);       /* "gradient of fc1.weight" */
const char *dims_text(Arena *arena, int rank, const int64_t *dims); /* "[128, 784]" */

/* Largest absolute difference, and relative to the largest element of `want` (at least `floor`). */
typedef struct Difference {
    double absolute, largest, relative;
    int64_t at;                      /* of the largest difference, or the first that is no number */
    bool finite;
} Difference;
Difference floats_differ(const float *got, const float *want, int64_t count, double floor);
#endif
