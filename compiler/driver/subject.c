/* Making subjects. */
#include "driver/subject.h"

#include "driver/buffers.h"
#include "driver/cli.h"
#include "driver/interp_model.h"
#include "nn_weights.h"

static void give_memory(Arena *arena, Subject *s)
{
    s->params = floats_new(arena, s->model->param_floats);
    s->states = floats_new(arena, s->model->state_floats);
}

bool subject_native(Compilation *c, Subject *out)
{
    if (!compile_to(c, STAGE_LOWERED)) {
        diags_print(c->diags, stderr);
        return false;
    }
    const Emission *e = compile_emission(c);
    const char *problem = native_load(c->arena, e, NATIVE_FLAGS, &out->native);
    if (problem) {
        cli_error("%s", problem);
        return false;
    }
    out->model = out->native.model;
    out->label = arena_printf(c->arena, "generated (%s)", out->model->target);
    give_memory(c->arena, out);
    return true;
}

bool subject_interp(Compilation *c, bool blas, Subject *out)
{
    if (!compile_to(c, STAGE_TRANSFORMED)) {
        diags_print(c->diags, stderr);
        return false;
    }
    *out = (Subject){.model = interp_model(c->arena, c->module, blas)};
    out->label = out->model->target;
    give_memory(c->arena, out);
    return true;
}

static void copy_tensors(Arena *arena, const nn_tensor *from, const float *values,
                         const nn_tensor *to, float *out, int count)
{
    for (int i = 0; i < count; i++) {
        float *logical = floats_new(arena, nn_tensor_elements(&from[i]));
        nn_tensor_get(&from[i], values, logical);
        nn_tensor_set(&to[i], out, logical);
    }
}

void subject_copy(const Subject *from, Subject *to)
{
    Arena *arena = arena_new();
    const nn_model *a = from->model, *b = to->model;
    copy_tensors(arena, a->params, from->params, b->params, to->params, a->param_count);
    copy_tensors(arena, a->states, from->states, b->states, to->states, a->state_count);
    arena_free(arena);
}
