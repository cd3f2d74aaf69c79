/* Trains exclusive or and prints what was learned. */
#include <stdio.h>
#include "parity.h"

static float params[PARITY_PARAM_FLOATS], grads[PARITY_PARAM_FLOATS];
static float first[PARITY_PARAM_FLOATS], second[PARITY_PARAM_FLOATS];
static float workspace[PARITY_TRAIN_WORKSPACE_BYTES / sizeof(float)];

int main(void)
{
    const float x[4][2] = {{0, 0}, {0, 1}, {1, 0}, {1, 1}}, y[4] = {0, 1, 1, 0};
    float loss, p;
    parity_train_args pass = {.params = params, .x = x[0], .y = y, .count = 4, .grads = grads, .loss = &loss, .workspace = workspace};
    parity_step_args step = {params, grads, first, second, 1, 0.05f, 0.9f, 0.999f, 1e-8f, 0.0f};
    parity_init(params, 1);
    for (; step.step <= 500; step.step++)
        if (parity_train(&pass) || parity_step(&step)) return 1;
    for (int i = 0; i < 4 && !parity_infer(params, x[i], &p, workspace); i++)
        printf("%g xor %g = %.2f\n", (double)x[i][0], (double)x[i][1], (double)p);
}
