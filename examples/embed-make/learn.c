/* Learns to read digits and tells how many unseen ones it reads right: the generated files, stdio, and nothing else.
 * learn digits.csv */
#include <stdio.h>
#include "digits.h"

enum { BATCH = DIGITS_TRAIN_BATCH, PIXELS = 64, PICTURES = 1797, TRAINED = 1437, EPOCHS = 30 };

static float image[PICTURES][PIXELS];
static int32_t label[PICTURES];
static float params[DIGITS_PARAM_FLOATS], grads[DIGITS_PARAM_FLOATS];
static float first[DIGITS_PARAM_FLOATS], second[DIGITS_PARAM_FLOATS];
static float workspace[DIGITS_TRAIN_WORKSPACE_BYTES / sizeof(float) + 1];

/* 64 numbers from 0 (paper) to 16 (ink) and the digit, a picture a line. */
static int read_pictures(const char *path)
{
    FILE *file = fopen(path, "r");
    int good = file != NULL;
    for (int i = 0; good && i < PICTURES; i++) {
        for (int j = 0; good && j < PIXELS; j++) {
            good = fscanf(file, "%f,", &image[i][j]) == 1;
            image[i][j] /= 16;
        }
        good = good && fscanf(file, "%d", &label[i]) == 1;
    }
    if (file) fclose(file);
    return good;
}

/* One pass over the pictures to be learned from; the mean loss, or -1. */
static float learn(digits_step_args *step)
{
    float loss, accuracy[2], sum = 0;
    for (int i = 0; i < TRAINED; i += BATCH, step->step++) {
        digits_train_args pass = {0};
        pass.params = params;
        pass.image = image[i];
        pass.label = &label[i];
        pass.count = TRAINED - i < BATCH ? TRAINED - i : BATCH;
        pass.grads = grads;
        pass.loss = &loss;
        pass.metrics = accuracy;
        pass.workspace = workspace;
        if (digits_train(&pass) || digits_step(step)) return -1;
        sum += loss * (float)pass.count;
    }
    return sum / TRAINED;
}

static int reads_right(int picture)
{
    float logits[10];
    int best = 0;
    if (digits_infer(params, image[picture], logits, workspace)) return 0;
    for (int i = 1; i < 10; i++)
        if (logits[i] > logits[best]) best = i;
    return best == label[picture];
}

int main(int argc, char **argv)
{
    digits_step_args step = {params, grads, first, second, 1, 2e-3f, 0.9f, 0.999f, 1e-8f, 0.0f};
    int right = 0;
    if (argc != 2 || !read_pictures(argv[1])) {
        fprintf(stderr, "usage: learn digits.csv\n");
        return 1;
    }
    digits_init(params, 1);
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        float loss = learn(&step);
        if (epoch % 10 == 0) printf("epoch %d: loss %.4f\n", epoch, (double)loss);
    }
    for (int i = TRAINED; i < PICTURES; i++) right += reads_right(i);
    printf("%d of %d unseen digits read right: %.1f%%\n", right, PICTURES - TRAINED, 100.0 * right / (PICTURES - TRAINED));
    return 0;
}
