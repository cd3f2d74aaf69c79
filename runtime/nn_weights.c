/* SPDX-License-Identifier: MIT
 * nn_weights.c - a model's parameters and states by name, to and from safetensors. */
#include "nn_weights.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nn_safetensors.h"

int64_t nn_tensor_elements(const nn_tensor *tensor) {
    int64_t product = 1;
    for (int i = 0; i < tensor->rank; i++) product *= tensor->dims[i];
    return product;
}

/* Parameters first, then states, as one list. */
static const nn_tensor *tensor_at(const nn_model *model, int i) {
    return i < model->param_count ? &model->params[i] : &model->states[i - model->param_count];
}

/* Steps index to the next element of the logical order; returns its place. */
static int64_t next_place(const nn_tensor *t, int64_t *index, int64_t at) {
    for (int i = t->rank - 1; i >= 0; i--) {
        at += t->stride[i];
        if (++index[i] < t->dims[i]) return at;
        at -= t->stride[i] * t->dims[i];
        index[i] = 0;
    }
    return at;
}

void nn_tensor_get(const nn_tensor *tensor, const float *array, float *logical) {
    int64_t index[NN_MAX_RANK] = { 0 }, at = tensor->offset, count = nn_tensor_elements(tensor);
    for (int64_t n = 0; n < count; n++, at = next_place(tensor, index, at)) logical[n] = array[at];
}

void nn_tensor_set(const nn_tensor *tensor, float *array, const float *logical) {
    int64_t index[NN_MAX_RANK] = { 0 }, at = tensor->offset, count = nn_tensor_elements(tensor);
    for (int64_t n = 0; n < count; n++, at = next_place(tensor, index, at)) array[at] = logical[n];
}

void nn_weights_start(const nn_model *model, float *params, float *states, uint64_t seed) {
    if (model->start) {
        model->start(model->context, params, states, seed);
        return;
    }
    model->init(params, seed);
    if (model->init_states) model->init_states(states);
}

/* --- loading --- */

typedef struct Loading {
    const nn_model *model;
    const nn_weights_options *options;
    nn_safetensors file;
    const nn_stored **found;         /* [param_count + state_count] */
    char problems[1600];
    int problem_count;
} Loading;

static void note(const Loading *loading, const char *format, const char *name) {
    char text[400];
    if (!loading->options || !loading->options->note) return;
    snprintf(text, sizeof text, format, name);
    loading->options->note(loading->options->user, text);
}

/* Adds to the list; beyond the room problems are only counted. */
static void problem(Loading *loading, const char *what) {
    size_t used = strlen(loading->problems), size = sizeof loading->problems;
    if (used + strlen(what) + 4 < size)
        snprintf(loading->problems + used, size - used, "%s%s", used ? "\n  " : "", what);
    loading->problem_count++;
}

static int ends_with(const char *text, const char *end) {
    size_t length = strlen(text), tail = strlen(end);
    return length >= tail && !strcmp(text + length - tail, end);
}

/* Our name of a file's tensor, in `name`; NULL: it is not wanted. */
static const char *our_name(const Loading *loading, const char *stored, char name[NN_NAME_ROOM]) {
    const nn_rename *rules = loading->options ? loading->options->renames : NULL;
    if (!nn_rename_apply(rules, stored, name)) return NULL;
    if (!strcmp(name, stored) && !strncmp(name, "module.", 7)) return name + 7;
    return name;
}

/* Whether two tensors are the same twice: their bytes are equal, and so is what they mean. */
static int equal(const nn_stored *a, const nn_stored *b) {
    return a->type == b->type && a->bytes == b->bytes && !memcmp(a->data, b->data, a->bytes);
}

static void match_shape(Loading *loading, const nn_stored *stored, int i, int renamed) {
    const nn_tensor *t = tensor_at(loading->model, i);
    char have[128], want[128], text[400];
    int same = stored->rank == t->rank;
    for (int a = 0; same && a < t->rank; a++) same = stored->dims[a] == t->dims[a];
    if (loading->found[i] && renamed && same && equal(loading->found[i], stored)) {
        note(loading, "'%.300s' is there twice, with equal values", t->name);
    } else if (loading->found[i]) {
        const int same_name = !strcmp(stored->name, t->name);
        snprintf(text, sizeof text, "twice: %.150s%s%.150s", t->name, same_name ? "" : ", also as ",
                 same_name ? "" : stored->name);
        problem(loading, text);
    } else if (!same) {
        snprintf(text, sizeof text, "shape: %.100s is %s in the file, %s in the model", t->name,
                 nn_shape_text(stored->rank, stored->dims, have, sizeof have),
                 nn_shape_text(t->rank, t->dims, want, sizeof want));
        problem(loading, text);
    }
    loading->found[i] = stored;
}

static void match(Loading *loading, const nn_stored *stored) {
    char room[NN_NAME_ROOM];
    const char *name = our_name(loading, stored->name, room);
    int count = loading->model->param_count + loading->model->state_count;
    char shape[128], text[400];
    if (!name || !strncmp(stored->name, "data/", 5)) return;
    if (ends_with(name, "num_batches_tracked")) {
        note(loading, "skipped '%.300s': batches are not counted", stored->name);
        return;
    }
    if (name == room + 7) note(loading, "read '%.300s' without 'module.'", stored->name);
    for (int i = 0; i < count; i++)
        if (!strcmp(tensor_at(loading->model, i)->name, name)) {
            match_shape(loading, stored, i, strcmp(room, stored->name) != 0);
            return;
        }
    snprintf(text, sizeof text, "unexpected: %.200s %s", stored->name,
             nn_shape_text(stored->rank, stored->dims, shape, sizeof shape));
    problem(loading, text);
}

static int match_all(Loading *loading, nn_error *error) {
    int count = loading->model->param_count + loading->model->state_count;
    for (int i = 0; i < loading->file.count; i++) match(loading, &loading->file.tensors[i]);
    for (int i = 0; i < count; i++) {
        const nn_tensor *t = tensor_at(loading->model, i);
        char shape[128], text[400];
        if (loading->found[i]) continue;
        snprintf(text, sizeof text, "missing: %.200s %s", t->name,
                 nn_shape_text(t->rank, t->dims, shape, sizeof shape));
        problem(loading, text);
    }
    if (!loading->problem_count) return NN_OK;
    return nn_fail(error, NN_ERR_MODEL, "%d tensor%s not fit model '%s':\n  %s",
                   loading->problem_count, loading->problem_count == 1 ? " does" : "s do",
                   loading->model->name, loading->problems);
}

static int set_tensors(const Loading *loading, float *params, float *states, nn_error *error) {
    const nn_model *model = loading->model;
    for (int i = 0; i < model->param_count + model->state_count; i++) {
        const nn_stored *stored = loading->found[i];
        float *values = nn_alloc(stored->elements, sizeof *values, error);
        if (!values) return NN_ERR_MEMORY;
        nn_stored_floats(stored, values);
        nn_tensor_set(tensor_at(model, i), i < model->param_count ? params : states, values);
        free(values);
    }
    return NN_OK;
}

/* Tensors "data/column/what". */
static int take_fitted(const Loading *loading, nn_fitted *fitted, nn_error *error) {
    for (int i = 0; i < loading->file.count; i++) {
        const nn_stored *stored = &loading->file.tensors[i];
        char column[96];
        const char *slash;
        float *values;
        int status;
        if (strncmp(stored->name, "data/", 5) || !(slash = strrchr(stored->name + 5, '/')))
            continue;
        if (slash - stored->name - 5 >= (ptrdiff_t)sizeof column) continue;
        snprintf(column, sizeof column, "%.*s", (int)(slash - stored->name - 5), stored->name + 5);
        if (!(values = nn_alloc(stored->elements, sizeof *values, error))) return NN_ERR_MEMORY;
        nn_stored_floats(stored, values);
        status = nn_fitted_put(fitted, column, slash + 1, values, stored->elements, error);
        free(values);
        if (status) return status;
    }
    return NN_OK;
}

int nn_weights_load(const nn_model *model, float *params, float *states, nn_fitted *fitted,
                    const char *path, const nn_weights_options *options, nn_error *error) {
    Loading loading;
    int status;
    memset(&loading, 0, sizeof loading);
    loading.model = model;
    loading.options = options;
    loading.found = nn_alloc(model->param_count + model->state_count, sizeof *loading.found, error);
    if (!loading.found) return NN_ERR_MEMORY;
    status = nn_safetensors_read(path, &loading.file, error);
    if (!status) status = match_all(&loading, error);
    if (!status && fitted) status = take_fitted(&loading, fitted, error);
    if (!status) status = set_tensors(&loading, params, states, error);
    nn_safetensors_free(&loading.file);
    free(loading.found);
    return status;
}

/* --- saving --- */

typedef struct Saving {
    nn_storing *tensors;
    int count;
    float *values;           /* logical values of all parameters and states behind each other */
    char (*names)[128];      /* of fitted tensors */
} Saving;

static int prepare(Saving *s, const nn_model *model, const nn_fitted *fitted, nn_error *error) {
    int own = model->param_count + model->state_count, fits = fitted ? fitted->count : 0;
    int64_t total = 0;
    for (int i = 0; i < own; i++) total += nn_tensor_elements(tensor_at(model, i));
    s->tensors = nn_alloc(own + fits, sizeof *s->tensors, error);
    s->values = nn_alloc(total, sizeof *s->values, error);
    s->names = nn_alloc(fits, sizeof *s->names, error);
    return s->tensors && s->values && s->names ? NN_OK : NN_ERR_MEMORY;
}

static void add_own(Saving *s, const nn_model *model, const float *params, const float *states) {
    float *values = s->values;
    for (int i = 0; i < model->param_count + model->state_count; i++) {
        const nn_tensor *t = tensor_at(model, i);
        int64_t count = nn_tensor_elements(t);
        nn_storing *storing = &s->tensors[s->count++];
        nn_tensor_get(t, i < model->param_count ? params : states, values);
        storing->name = t->name;
        storing->rank = t->rank;
        memcpy(storing->dims, t->dims, sizeof storing->dims);
        storing->values = values;
        values += count;
    }
}

static void add_fitted(Saving *s, const nn_fitted *fitted) {
    for (int i = 0; i < fitted->count; i++) {
        nn_storing *storing = &s->tensors[s->count++];
        snprintf(s->names[i], sizeof s->names[i], "data/%s", fitted->fits[i].name);
        storing->name = s->names[i];
        storing->rank = 1;
        storing->dims[0] = fitted->fits[i].count;
        storing->values = fitted->fits[i].values;
    }
}

int nn_weights_save(const nn_model *model, const float *params, float *states,
                    const nn_fitted *fitted, const char *path, nn_error *error) {
    Saving s = { NULL, 0, NULL, NULL };
    int status = prepare(&s, model, fitted, error);
    if (!status) add_own(&s, model, params, states);
    if (!status && fitted) add_fitted(&s, fitted);
    if (!status) status = nn_safetensors_write(path, s.tensors, s.count, error);
    free(s.tensors);
    free(s.values);
    free(s.names);
    return status;
}
