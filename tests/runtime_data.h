/* Loading and binding in tests: an entry that wants x and label, and options by name. */
#ifndef TESTS_RUNTIME_DATA_H
#define TESTS_RUNTIME_DATA_H
#include <math.h>

#include "nn_array.h"
#include "nn_job.h"
#include "runtime_files.h"

/* An entry with one f32 input x of `width` elements and one i32 label below 10. */
typedef struct Wanted {
    nn_io inputs[2];
    nn_entry entry;
} Wanted;

static inline void make_wanted(Wanted *w, int rank, const int64_t *dims) {
    memset(w, 0, sizeof *w);
    w->inputs[0].name = "x";
    w->inputs[0].rank = rank + 1;
    w->inputs[0].dims[0] = w->inputs[1].dims[0] = 4;
    for (int i = 0; i < rank; i++) w->inputs[0].dims[i + 1] = dims[i];
    w->inputs[1].name = "label";
    w->inputs[1].dtype = NN_I32;
    w->inputs[1].rank = 1;
    w->inputs[0].batched = w->inputs[1].batched = 1;
    w->inputs[1].limit = 10;
    w->entry.name = "train";
    w->entry.batch = 4;
    w->entry.input_count = 2;
    w->entry.inputs = w->inputs;
}

static const char *const targets[] = { "label", NULL };

static inline nn_option text_option(const char *name, const char *text) {
    nn_option o = { NULL, NN_TEXT, 0, 0, NULL, NULL, NULL, 0 };
    o.name = name;
    o.text = text;
    return o;
}

static inline nn_option number_option(const char *name, double number) {
    nn_option o = { NULL, NN_NUMBER, 0, 0, NULL, NULL, NULL, 0 };
    o.name = name;
    o.number = number;
    return o;
}

static inline nn_option range_option(const char *name, double first, double last) {
    nn_option o = number_option(name, first);
    o.kind = NN_RANGE;
    o.last = last;
    return o;
}

/* Runs a pipeline as a job of a model that only trains. */
static inline int load(const Wanted *w, const nn_step *steps, int count, int parts, nn_data **data,
                nn_data **validate, nn_fitted *fitted, nn_error *error) {
    nn_model model;
    nn_job job;
    memset(&model, 0, sizeof model);
    memset(&job, 0, sizeof job);
    model.entries = &w->entry;
    model.entry_count = 1;
    job.data = steps;
    job.data_count = count;
    job.parts = parts;
    job.targets = targets;
    return nn_job_load(&job, &model, NULL, data, validate, fitted, error);
}

/* Loads and expects an error that mentions `part`; returns its code. */
static inline int refuse(const Wanted *w, const nn_step *steps, int count, const char *part) {
    nn_data *data, *validate;
    nn_fitted fitted;
    nn_error error;
    char text[2560];
    int status = load(w, steps, count, 1, &data, &validate, &fitted, &error);
    assert_int_not_equal(status, NN_OK);
    assert_int_equal(status, error.code);
    nn_error_text(&error, text, sizeof text);
    if (!strstr(text, part)) fail_msg("'%s' is not in: %s", part, text);
    return status;
}
#endif
