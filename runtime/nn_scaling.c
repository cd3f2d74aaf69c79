/* SPDX-License-Identifier: MIT
 * nn_scaling.c - the transforms scale, normalize and standardize: maps of f32 inputs. Targets and
 * integer inputs (tokens) are left alone. */
#include <math.h>
#include <stdlib.h>

#include "nn_loaders.h"

/* The column of input i where transforms may change it; NULL: a target, an index, or not there. */
static nn_column *input_column(const nn_parts *parts, int i) {
    const nn_io *io = &parts->entry->inputs[i];
    if (io->dtype != NN_F32 || nn_is_named(parts->targets, io->name)) return NULL;
    return nn_data_column(parts->data, io->name);
}

/* scale(s): value * s. */
static int scale(const nn_step *step, nn_parts *parts, nn_error *error) {
    float factor = (float)nn_option_number(step, NULL, 1), zero = 0;
    for (int i = 0; i < parts->entry->input_count; i++) {
        nn_column *column = input_column(parts, i);
        int status = column ? nn_column_map(column, 1, &zero, &factor, error) : NN_OK;
        if (status) return status;
    }
    return NN_OK;
}

/* A map that repeats each of `channels` numbers over the rest of the sample; axis 0 is the
 * channel. */
static int map_channels(nn_column *column, const nn_option *mean, const nn_option *std,
                        nn_error *error) {
    int64_t inner = mean->count ? column->width / mean->count : 0;
    float *center = nn_alloc(2 * column->width, sizeof *center, error);
    int status;
    if (!center) return NN_ERR_MEMORY;
    for (int64_t i = 0; i < column->width && inner; i++) {
        center[i] = (float)mean->numbers[i / inner];
        center[column->width + i] = (float)(1 / std->numbers[i / inner]);
    }
    status = nn_column_map(column, column->width, center, center + column->width, error);
    free(center);
    return status;
}

/* normalize(mean = [...], std = [...]): (value - mean) / std, a number for each channel. */
static int normalize(const nn_step *step, nn_parts *parts, nn_error *error) {
    const nn_option *mean = nn_find_option(step, "mean"), *std = nn_find_option(step, "std");
    if (mean->count != std->count || mean->count < 1)
        return nn_fail(error, NN_ERR_SHAPE, "normalize: %d means, %d deviations", mean->count,
                       std->count);
    for (int i = 0; i < parts->entry->input_count; i++) {
        nn_column *column = input_column(parts, i);
        int status;
        if (!column) continue;
        if (mean->count > 1 && (column->rank < 1 || column->dims[0] != mean->count))
            return nn_fail(error, NN_ERR_SHAPE, "normalize: %d channels, and '%s' has %lld",
                           mean->count, column->name,
                           (long long)(column->rank ? column->dims[0] : 1));
        if ((status = map_channels(column, mean, std, error))) return status;
    }
    return NN_OK;
}

/* Mean and population deviation of each element over the samples of the part, in two passes. A
 * constant element has deviation 1, so that it becomes 0. */
static void fit_elements(const nn_data *data, const nn_column *column, float *mean, float *std) {
    for (int64_t i = 0; i < column->width; i++) {
        double sum = 0, squares = 0, middle, deviation;
        for (int64_t s = 0; s < data->count; s++)
            sum += nn_column_value(column, nn_data_row(data, s), i);
        middle = sum / (double)data->count;
        for (int64_t s = 0; s < data->count; s++) {
            double d = nn_column_value(column, nn_data_row(data, s), i) - middle;
            squares += d * d;
        }
        deviation = sqrt(squares / (double)data->count);
        mean[i] = (float)middle;
        std[i] = deviation > 1e-7 * fabs(middle) ? (float)deviation : 1;
    }
}

static int fit_column(const nn_parts *parts, const nn_column *column, nn_error *error) {
    float *mean, *std;
    int status;
    if (parts->data->count < 1)
        return nn_fail(error, NN_ERR_SHAPE, "standardize: the training part has no samples");
    if (!(mean = nn_alloc(2 * column->width, sizeof *mean, error))) return NN_ERR_MEMORY;
    std = mean + column->width;
    fit_elements(parts->data, column, mean, std);
    status = nn_fitted_put(parts->fitted, column->name, "mean", mean, column->width, error);
    if (!status)
        status = nn_fitted_put(parts->fitted, column->name, "std", std, column->width, error);
    free(mean);
    return status;
}

static int map_fitted(const nn_parts *parts, nn_column *column, nn_error *error) {
    const nn_fit *mean = nn_fitted_get(parts->fitted, column->name, "mean");
    const nn_fit *std = nn_fitted_get(parts->fitted, column->name, "std");
    float *scales;
    int status;
    if (!mean || !std || mean->count != std->count)
        return nn_fail(error, NN_ERR_MISSING, "standardize: '%s' was not standardized in the "
                       "training part", column->name);
    if (!(scales = nn_alloc(std->count, sizeof *scales, error))) return NN_ERR_MEMORY;
    for (int64_t i = 0; i < std->count; i++) scales[i] = 1 / std->values[i];
    status = nn_column_map(column, mean->count, mean->values, scales, error);
    free(scales);
    return status;
}

/* standardize: mean 0 and deviation 1 of each element over the training part. */
static int standardize(const nn_step *step, nn_parts *parts, nn_error *error) {
    (void)step;
    for (int i = 0; i < parts->entry->input_count; i++) {
        nn_column *column = input_column(parts, i);
        int status = NN_OK;
        if (!column) continue;
        if (parts->fitting && nn_fitted_get(parts->fitted, column->name, "mean"))
            return nn_fail(error, NN_ERR_OPTION, "standardize stands twice in a pipeline");
        if (parts->fitting) status = fit_column(parts, column, error);
        if (!status) status = map_fitted(parts, column, error);
        if (status) return status;
    }
    return NN_OK;
}

static const nn_option_spec scale_options[] = {
    { "", NN_NUMBER, 1, "the factor" },
    { NULL, 0, 0, NULL },
};
static const nn_option_spec normalize_options[] = {
    { "mean", NN_NUMBERS, 1, "a list with the mean of each channel" },
    { "std", NN_NUMBERS, 1, "a list with the standard deviation of each channel" },
    { NULL, 0, 0, NULL },
};
static const nn_option_spec standardize_options[] = {
    { NULL, 0, 0, NULL },
};

const nn_transform nn_scale_transform = { "scale", scale_options, 0, scale };
const nn_transform nn_normalize_transform = { "normalize", normalize_options, 0, normalize };
const nn_transform nn_standardize_transform = { "standardize", standardize_options, 0,
                                                standardize };
