/* SPDX-License-Identifier: MIT
 * nn_fitted.c - named lists of numbers fitted on the training part. */
#include "nn_fitted.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void nn_fitted_free(nn_fitted *fitted) {
    for (int i = 0; i < fitted->count; i++) free(fitted->fits[i].values);
    free(fitted->fits);
    fitted->fits = NULL;
    fitted->count = fitted->room = 0;
}

static nn_fit *find(const nn_fitted *fitted, const char *column, const char *what) {
    char name[sizeof fitted->fits->name];
    snprintf(name, sizeof name, "%s/%s", column, what);
    for (int i = 0; i < fitted->count; i++)
        if (!strcmp(fitted->fits[i].name, name)) return &fitted->fits[i];
    return NULL;
}

const nn_fit *nn_fitted_get(const nn_fitted *fitted, const char *column, const char *what) {
    return find(fitted, column, what);
}

/* A new entry of that name; NULL when out of memory or where the name is too long. */
static nn_fit *append(nn_fitted *fitted, const char *column, const char *what, nn_error *error) {
    nn_fit *fit;
    if (strlen(column) + strlen(what) + 2 > sizeof fit->name) {
        nn_fail(error, NN_ERR_OPTION, "the name '%s/%s' is too long", column, what);
        return NULL;
    }
    if (fitted->count == fitted->room) {
        int room = fitted->room ? 2 * fitted->room : 8;
        nn_fit *larger = realloc(fitted->fits, sizeof *larger * (size_t)room);
        if (!larger) {
            nn_fail(error, NN_ERR_MEMORY, "out of memory");
            return NULL;
        }
        fitted->fits = larger;
        fitted->room = room;
    }
    fit = &fitted->fits[fitted->count];
    snprintf(fit->name, sizeof fit->name, "%s/%s", column, what);
    fit->values = NULL;
    return fit;
}

int nn_fitted_put(nn_fitted *fitted, const char *column, const char *what, const float *values,
                  int64_t count, nn_error *error) {
    float *copy = nn_alloc(count, sizeof *copy, error);
    nn_fit *fit = find(fitted, column, what);
    if (!copy) return NN_ERR_MEMORY;
    if (!fit) {
        if (!(fit = append(fitted, column, what, error))) {
            free(copy);
            return NN_ERR_MEMORY;
        }
        fitted->count++;
    }
    memcpy(copy, values, sizeof *copy * (size_t)count);
    free(fit->values);
    fit->values = copy;
    fit->count = count;
    return NN_OK;
}

int nn_fitted_record(nn_fitted *fitted, const nn_data *data, nn_error *error) {
    for (int i = 0; i < data->table->column_count; i++) {
        const nn_column *c = &data->table->columns[i];
        int status;
        if (!c->map_count) continue;
        status = nn_fitted_put(fitted, c->name, "center", c->center, c->map_count, error);
        if (!status)
            status = nn_fitted_put(fitted, c->name, "scale", c->scale, c->map_count, error);
        if (status) return status;
    }
    return NN_OK;
}

static int apply_one(nn_column *column, const nn_fit *center, const nn_fit *scale,
                     nn_error *error) {
    if (center->count != scale->count)
        return nn_fail(error, NN_ERR_SHAPE, "the fitted center of '%s' has %lld elements, its "
                       "scale %lld", column->name, (long long)center->count,
                       (long long)scale->count);
    free(column->center);
    free(column->scale);
    column->center = column->scale = NULL;
    column->map_count = 0;
    return nn_column_map(column, center->count, center->values, scale->values, error);
}

int nn_fitted_apply(const nn_fitted *fitted, nn_data *data, nn_error *error) {
    for (int i = 0; i < data->table->column_count; i++) {
        nn_column *column = &data->table->columns[i];
        const nn_fit *center = nn_fitted_get(fitted, column->name, "center");
        const nn_fit *scale = nn_fitted_get(fitted, column->name, "scale");
        int status;
        if (!center || !scale) continue;
        if ((status = apply_one(column, center, scale, error))) return status;
    }
    return NN_OK;
}
