/* Reading a reference into a subject. */
#include "driver/reference.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/buffers.h"
#include "nn_weights.h"

static const Span nowhere = {NULL, 0, 0};

const nn_stored *reference_find(const nn_safetensors *file, const char *kind, const char *name)
{
    const size_t n = strlen(kind);
    for (int i = 0; i < file->count; i++) {
        const char *stored = file->tensors[i].name;
        if (strncmp(stored, kind, n) || stored[n] != '/') continue;
        stored += n + 1;
        if (!strcmp(stored, name)) return &file->tensors[i];
        if (!strncmp(stored, "module.", 7) && !strcmp(stored + 7, name)) return &file->tensors[i];
    }
    return NULL;
}

static char *renamed(const nn_rename *renames, const char *stored, size_t kind)
{
    char name[NN_NAME_ROOM];
    const bool kept = nn_rename_apply(renames, stored + kind, name);
    const size_t room = kind + sizeof name + 1;
    char *made = nn_alloc((int64_t)room, 1, NULL);
    if (made && kept) snprintf(made, room, "%.*s%s", (int)kind, stored, name);
    else if (made) snprintf(made, room, "skipped/%.*s", (int)(room - 9), stored);
    return made;
}

void reference_rename(nn_safetensors *file, const nn_rename *renames)
{
    static const char *const kinds[] = {"param/", "state/", "grad/", "act/", "adam3/", "state3/"};
    for (int i = 0; i < file->count; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            const size_t kind = strlen(kinds[k]);
            if (strncmp(file->tensors[i].name, kinds[k], kind) != 0) continue;
            char *name = renamed(renames, file->tensors[i].name, kind);
            if (!name) return;
            free(file->tensors[i].name);
            file->tensors[i].name = name;
            break;
        }
}

float *reference_floats(Arena *arena, const nn_stored *stored)
{
    float *values = floats_new(arena, stored->elements);
    nn_stored_floats(stored, values);
    return values;
}

/* ---- the batch ---- */

static const char *kind_of(bool is_target)
{
    return is_target ? "target" : "input";
}

int64_t reference_batch(const nn_safetensors *file, const Module *module, Diags *diags)
{
    int64_t batch = 0;
    for (int i = 0; i < module->decls.count; i++) {
        const TensorDecl *d = &module->decls.at[i];
        const nn_stored *t = reference_find(file, kind_of(d->is_target), d->name);
        if (!t && d->is_target) continue;
        if (!t) {
            diag_error(diags, d->span, "the reference has no tensor '%s/%s'",
                       kind_of(d->is_target), d->name);
            return 0;
        }
        if (d->type.batch_axis == 0 && t->rank > 0 && !batch) batch = t->dims[0];
    }
    if (batch < 1)
        diag_error(diags, nowhere, "the reference has no batch: its inputs have no rows");
    return batch < 1 ? 0 : batch;
}

static void put_values(const nn_io *io, void *to, const float *values)
{
    for (int64_t i = 0; i < io_elements(io); i++) {
        if (io->dtype == NN_F32) ((float *)to)[i] = values[i];
        if (io->dtype == NN_I32) ((int32_t *)to)[i] = (int32_t)lrintf(values[i]);
        if (io->dtype == NN_U8) ((unsigned char *)to)[i] = (unsigned char)lrintf(values[i]);
    }
}

bool reference_inputs(const nn_safetensors *file, const nn_model *model, const nn_entry *entry,
                      nn_call *call, Diags *diags)
{
    Arena *arena = arena_new();
    bool bound = true;
    for (int i = entry_prepare(model, entry) != NULL; bound && i < entry->input_count; i++) {
        const nn_io *io = &entry->inputs[i];
        const nn_stored *t = reference_find(file, "input", io->name);
        if (!t) t = reference_find(file, "target", io->name);
        bound = t && t->elements == io_elements(io);
        if (bound) put_values(io, call_input(call, i), reference_floats(arena, t));
        else if (!t) diag_error(diags, nowhere, "the reference has no tensor for '%s'", io->name);
        else diag_error(diags, nowhere, "'%s' is %s in the reference, %s in the model", io->name,
                        dims_text(arena, t->rank, t->dims), dims_text(arena, io->rank, io->dims));
    }
    arena_free(arena);
    return bound;
}

/* ---- weights ---- */

static bool same_dims(const nn_stored *stored, const nn_tensor *t)
{
    if (stored->rank != t->rank) return false;
    for (int i = 0; i < t->rank; i++)
        if (stored->dims[i] != t->dims[i]) return false;
    return true;
}

static bool is_permutation(const nn_stored *stored, const nn_tensor *t, const int *order)
{
    for (int i = 0; i < t->rank; i++)
        if (stored->dims[order[i]] != t->dims[i]) return false;
    return true;
}

static void guess_shape(Diags *diags, const nn_stored *stored, const nn_tensor *t)
{
    static const int swapped[] = {1, 0}, channels_last[] = {3, 2, 0, 1};
    if (stored->rank != t->rank) {
        if (stored->elements == nn_tensor_elements(t))
            diag_help(diags, "the elements are as many: reshape it");
        return;
    }
    if (t->rank == 2 && is_permutation(stored, t, swapped))
        diag_help(diags, "it looks transposed: store its .T");
    else if (t->rank == 4 && is_permutation(stored, t, channels_last))
        diag_help(diags, "it looks like [height, width, in, out]: store its "
                         ".transpose(3, 2, 0, 1)");
}

static bool set_one(const nn_safetensors *file, const char *kind, const nn_tensor *t, Span span,
                    float *array, Diags *diags)
{
    Arena *arena = arena_new();
    const nn_stored *stored = reference_find(file, kind, t->name);
    const bool fits = stored && same_dims(stored, t);
    if (fits) {
        nn_tensor_set(t, array, reference_floats(arena, stored));
    } else if (!stored) {
        diag_error(diags, span, "the reference has no tensor '%s/%s'", kind, t->name);
    } else {
        diag_error(diags, span, "%s is %s in the reference, %s in the model", t->name,
                   dims_text(arena, stored->rank, stored->dims),
                   dims_text(arena, t->rank, t->dims));
        guess_shape(diags, stored, t);
    }
    arena_free(arena);
    return fits;
}

static bool belongs(const nn_model *model, const char *name)
{
    for (int i = 0; i < model->param_count; i++)
        if (!strcmp(model->params[i].name, name)) return true;
    for (int i = 0; i < model->state_count; i++)
        if (!strcmp(model->states[i].name, name)) return true;
    return false;
}

static void warn_of_others(const nn_safetensors *file, const nn_model *model, Diags *diags)
{
    for (int i = 0; i < file->count; i++) {
        const char *name = file->tensors[i].name;
        const bool param = !strncmp(name, "param/", 6), state = !strncmp(name, "state/", 6);
        const size_t n = strlen(name);
        if (!param && !state) continue;
        if (n > 19 && !strcmp(name + n - 19, "num_batches_tracked")) continue;
        name += 6;
        if (!strncmp(name, "module.", 7)) name += 7;
        if (!belongs(model, name))
            diag_warning(diags, nowhere, "the model has no tensor '%s', which the reference has",
                         name);
    }
}

bool reference_weights(const nn_safetensors *file, const Module *module, Subject *subject,
                       Diags *diags)
{
    const nn_model *model = subject->model;
    bool fits = true;
    for (int i = 0; i < model->param_count; i++)
        fits &= set_one(file, "param", &model->params[i], module->params.at[i].span,
                        subject->params, diags);
    for (int i = 0; i < model->state_count; i++)
        fits &= set_one(file, "state", &model->states[i], module->states.at[i].span,
                        subject->states, diags);
    warn_of_others(file, model, diags);
    return fits;
}
