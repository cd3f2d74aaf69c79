/* SPDX-License-Identifier: MIT
 * nn_augment.c - the transforms random_flip and random_crop, and what they do to a picture. */
#include "nn_augment.h"

#include <string.h>

#include "nn_loaders.h"
#include "nn_random.h"

/* ---- a picture ---- */

/* Each sample has a place of its own in the stream for every epoch. */
static uint64_t draw(uint64_t seed, int64_t epoch, int64_t sample)
{
    return nn_random(seed, NN_STREAM_AUGMENT, ((uint64_t)epoch << 40) + (uint64_t)sample);
}

static void flip(float *row, int64_t width)
{
    for (int64_t i = 0; i < width / 2; i++) {
        float kept = row[i];
        row[i] = row[width - 1 - i];
        row[width - 1 - i] = kept;
    }
}

/* out[y][x] = in[y + down][x + right], zero where that lies outside. */
static void move(const float *in, int64_t height, int64_t width, int64_t down, int64_t right,
                 float *out)
{
    int64_t from = right > 0 ? right : 0, to = right > 0 ? 0 : -right;
    int64_t count = width - (right > 0 ? right : -right);
    memset(out, 0, sizeof *out * (size_t)(height * width));
    if (count <= 0) return;
    for (int64_t y = 0; y < height; y++)
        if (y + down >= 0 && y + down < height)
            memcpy(out + y * width + to, in + (y + down) * width + from,
                   sizeof *out * (size_t)count);
}

void nn_augment_row(const nn_augment *augment, const nn_column *column, uint64_t seed,
                    int64_t epoch, int64_t sample, float *out, float *scratch)
{
    uint64_t bits = draw(seed, epoch, sample);
    int64_t height, width, border = augment->border, places = 2 * border + 1;
    if (column->rank < 2 || !column->pictures) return;
    height = column->dims[column->rank - 2];
    width = column->dims[column->rank - 1];
    if (augment->flip && (bits & 1))
        for (int64_t i = 0; i < column->width; i += width) flip(out + i, width);
    if (!border) return;
    memcpy(scratch, out, sizeof *out * (size_t)column->width);
    for (int64_t i = 0; i < column->width; i += height * width)
        move(scratch + i, height, width,
             (int64_t)((bits >> 1 & 0x7fffffff) % (uint64_t)places) - border,
             (int64_t)((bits >> 32) % (uint64_t)places) - border, out + i);
}

/* ---- the transforms ---- */

/* Marks the inputs that are pictures: f32 with at least two axes a sample. Validation stays as it
 * is. */
static int mark(const char *name, nn_parts *parts, nn_error *error)
{
    int found = 0;
    for (int i = 0; i < parts->entry->input_count; i++) {
        const nn_io *io = &parts->entry->inputs[i];
        nn_column *column = nn_data_column(parts->data, io->name);
        if (!column || io->dtype != NN_F32 || nn_is_named(parts->targets, io->name)
            || column->rank < 2)
            continue;
        column->pictures = found = 1;
    }
    if (found) return NN_OK;
    return nn_fail(error, NN_ERR_SHAPE, "%s: no input holds pictures: f32 with rows and columns",
                   name);
}

static int random_flip(const nn_step *step, nn_parts *parts, nn_error *error)
{
    (void)step;
    if (!parts->fitting) return NN_OK;
    parts->data->augment.flip = 1;
    return mark("random_flip", parts, error);
}

static int random_crop(const nn_step *step, nn_parts *parts, nn_error *error)
{
    double border = nn_option_number(step, "padding", 0);
    if (!(border >= 1 && border <= 1 << 20) || border != (double)(int64_t)border)
        return nn_fail(error, NN_ERR_OPTION,
                       "random_crop: padding is a number of pixels from 1 on, "
                       "got %g",
                       border);
    if (!parts->fitting) return NN_OK;
    parts->data->augment.border = (int64_t)border;
    return mark("random_crop", parts, error);
}

static const nn_option_spec flip_options[] = {
    {NULL, 0, 0, NULL},
};
static const nn_option_spec crop_options[] = {
    {"padding", NN_NUMBER, 1, "pixels of zeros around the picture from which it is cut"},
    {NULL, 0, 0, NULL},
};

const nn_transform nn_random_flip_transform = {"random_flip", flip_options, 0, random_flip};
const nn_transform nn_random_crop_transform = {"random_crop", crop_options, 0, random_crop};
