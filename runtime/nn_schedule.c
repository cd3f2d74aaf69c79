/* SPDX-License-Identifier: MIT
 * nn_schedule.c - learning rates by step, and which parameters are treated alike. */
#include <math.h>
#include <stdlib.h>

#include "nn_optimizer.h"

static double cosine(const nn_schedule *schedule, int64_t step, int64_t total) {
    const double pi = 3.14159265358979323846;
    double length = (double)(total - schedule->warmup);
    if (step >= total || length <= 0) return 0;
    return schedule->peak * (1 + cos(pi * (double)(step - schedule->warmup) / length)) / 2;
}

double nn_schedule_rate(const nn_schedule *schedule, int64_t step, int64_t total) {
    if (step < schedule->warmup)
        return schedule->peak * (double)(step + 1) / (double)schedule->warmup;
    if (schedule->kind == NN_COSINE)
        return cosine(schedule, step, schedule->total ? schedule->total : total);
    if (schedule->kind == NN_STEPWISE && schedule->every > 0)
        return schedule->peak * pow(schedule->factor, (double)(step / schedule->every));
    return schedule->peak;
}

static int by_offset(const void *a, const void *b) {
    const nn_span *x = a, *y = b;
    return (x->offset > y->offset) - (x->offset < y->offset);
}

/* Between neighbours lies padding only, which may be stepped over or through. */
static int merge(nn_span *spans, int count, const int64_t *frozen, int frozen_count) {
    int kept = 0;
    for (int i = 1; i < count; i++) {
        int64_t from = spans[kept].offset + spans[kept].floats;
        int blocked = spans[i].decay != spans[kept].decay;
        for (int j = 0; j < frozen_count; j++)
            if (frozen[j] >= from && frozen[j] < spans[i].offset) blocked = 1;
        if (blocked)
            spans[++kept] = spans[i];
        else
            spans[kept].floats = spans[i].offset + spans[i].floats - spans[kept].offset;
    }
    return count ? kept + 1 : 0;
}

int nn_optimizer_spans(const nn_optimizer *optimizer, const nn_model *model, nn_span **out,
                       int *count, nn_error *error) {
    nn_span *spans = nn_alloc(model->param_count, sizeof *spans, error);
    int64_t *frozen = nn_alloc(model->param_count, sizeof *frozen, error);
    int n = 0, frozen_count = 0;
    if (!spans || !frozen) {
        free(spans);
        free(frozen);
        return NN_ERR_MEMORY;
    }
    for (int i = 0; i < model->param_count; i++) {
        const nn_tensor *t = &model->params[i];
        if (!t->trainable) {
            frozen[frozen_count++] = t->offset;
            continue;
        }
        spans[n].offset = t->offset;
        spans[n].floats = t->floats;
        spans[n++].decay = t->decay && optimizer->weight_decay != 0;
    }
    qsort(spans, (size_t)n, sizeof *spans, by_offset);
    *count = merge(spans, n, frozen, frozen_count);
    *out = spans;
    free(frozen);
    return NN_OK;
}
