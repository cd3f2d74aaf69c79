/* SPDX-License-Identifier: MIT
 * nn_job.c - running the data pipelines of a job. */
#include "nn_job.h"

#include <stdlib.h>
#include <string.h>

/* The transforms of a pipeline: those that choose rows first, so that what is fitted comes from the
 * training part whatever the order in the program. */
static int transform(const nn_step *steps, int count, nn_parts *parts, nn_error *error) {
    for (int rows = 1; rows >= 0; rows--)
        for (int i = 1; i < count; i++) {
            const nn_transform *t = nn_find_transform(steps[i].name);
            int status;
            if (t->chooses_rows != rows) continue;
            if ((status = t->apply(&steps[i], parts, error))) return status;
        }
    return NN_OK;
}

static int load(const nn_job *job, const nn_step *steps, int count, const char *dir,
                nn_parts *parts, nn_error *error) {
    const nn_request request = { steps, parts->entry, dir, job->customs, job->custom_count,
                                 parts->fitted, parts->fitting };
    const char **names = nn_alloc(parts->entry->input_count + 1, sizeof *names, error);
    int status;
    if (!names) return NN_ERR_MEMORY;
    for (int i = 0; i < parts->entry->input_count; i++) names[i] = parts->entry->inputs[i].name;
    status = nn_check_steps(steps, count, (const char *const *)names, error);
    free(names);
    if (!status) status = nn_find_loader(steps[0].name)->load(&request, &parts->data, error);
    if (!status) status = transform(steps, count, parts, error);
    return status;
}

static int load_validation(const nn_job *job, const char *dir, nn_parts *parts, nn_data **validate,
                           nn_error *error) {
    nn_parts other = *parts;
    int status;
    if (!job->validate) return NN_OK;
    other.data = other.validate = NULL;
    other.fitting = 0;
    status = load(job, job->validate, job->validate_count, dir, &other, error);
    if (!status && other.validate)
        status = nn_fail(error, NN_ERR_OPTION, "split stands in the pipeline of validate");
    nn_data_free(other.validate);
    if (status)
        nn_data_free(other.data);
    else
        *validate = other.data;
    return status;
}

/* Samples that are windows on one text overlap: validation takes each stretch of it once. */
static int thin(nn_data **data, nn_error *error) {
    const nn_column *column = (*data)->table->columns;
    int64_t every = column->step > 0 ? column->width / column->step : 1, count, *samples;
    nn_data *some;
    if ((*data)->table->column_count < 1 || every < 2) return NN_OK;
    count = ((*data)->count + every - 1) / every;
    samples = nn_alloc(count, sizeof *samples, error);
    if (!samples) return NN_ERR_MEMORY;
    for (int64_t i = 0; i < count; i++) samples[i] = i * every;
    some = nn_data_select(*data, samples, count, error);
    free(samples);
    if (!some) return NN_ERR_MEMORY;
    nn_data_free(*data);
    *data = some;
    return NN_OK;
}

static int load_all(const nn_job *job, const char *dir, nn_parts *parts, nn_error *error) {
    int status = load(job, job->data, job->data_count, dir, parts, error);
    if (status) return status;
    if (job->parts == 2 && !parts->validate)
        return nn_fail(error, NN_ERR_OPTION, "`data, validate` needs a split in its pipeline");
    if (job->parts != 2 && parts->validate)
        return nn_fail(error, NN_ERR_OPTION, "split gives two parts: data, validate = ...");
    if (!parts->validate) status = load_validation(job, dir, parts, &parts->validate, error);
    if (!status && parts->validate) status = thin(&parts->validate, error);
    if (!status) status = nn_fitted_record(parts->fitted, parts->data, error);
    return status;
}

int nn_job_load(const nn_job *job, const nn_model *model, const char *dir, nn_data **data,
                nn_data **validate, nn_fitted *fitted, nn_error *error) {
    const nn_entry *train = nn_find_entry(model, "train");
    const nn_entry *evaluate = nn_find_entry(model, "evaluate");
    nn_parts parts;
    int status;
    memset(&parts, 0, sizeof parts);
    memset(fitted, 0, sizeof *fitted);
    nn_error_clear(error);
    *data = *validate = NULL;
    parts.entry = train ? train : evaluate;
    if (!parts.entry)
        return nn_fail(error, NN_ERR_MISSING, "model '%s' has neither train nor evaluate",
                       model->name);
    parts.targets = job->targets;
    parts.fitted = fitted;
    parts.fitting = 1;
    status = load_all(job, dir, &parts, error);
    if (!status) status = nn_data_bind(parts.data, parts.entry, error);
    if (!status && parts.validate)
        status = nn_data_bind(parts.validate, evaluate ? evaluate : parts.entry, error);
    if (status) {
        nn_data_free(parts.data);
        nn_data_free(parts.validate);
        nn_fitted_free(fitted);
        return status;
    }
    *data = parts.data;
    *validate = parts.validate;
    return NN_OK;
}
