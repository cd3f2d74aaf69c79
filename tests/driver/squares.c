/* A custom loader: sample i is x = i / 32 - 1 and y = x * x. */
#include <stdlib.h>

#include "nn_step.h"

static void describe(nn_custom_info *info, int part, const char *name)
{
    info->parts[part].name = name;
    info->parts[part].dtype = NN_F32;
    info->parts[part].rank = 1;
    info->parts[part].dims[0] = 1;
}

int squares_open(void **state, const char *dir, const nn_step *step, nn_custom_info *info,
                 nn_error *error)
{
    (void)dir, (void)step;
    *state = malloc(1);
    if (!*state) return nn_fail(error, NN_ERR_MEMORY, "out of memory");
    info->count = 64;
    info->part_count = 2;
    describe(info, 0, "x");
    describe(info, 1, "y");
    return NN_OK;
}

int squares_read(void *state, int part, int64_t sample, void *out, nn_error *error)
{
    const float x = (float)sample / 32 - 1;
    (void)state, (void)error;
    *(float *)out = part ? x * x : x;
    return NN_OK;
}

void squares_close(void *state)
{
    free(state);
}
