/* SPDX-License-Identifier: MIT
 * nn_metrics.c - sums of loss and metrics, and their text. */
#include "nn_metrics.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

int nn_scores_start(nn_scores *scores, const nn_entry *entry, nn_error *error) {
    memset(scores, 0, sizeof *scores);
    if (entry->metric_count > NN_MAX_METRICS)
        return nn_fail(error, NN_ERR_MODEL, "'%s' has %d metrics; at most %d are possible",
                       entry->name, entry->metric_count, NN_MAX_METRICS);
    scores->metric_count = entry->metric_count;
    for (int i = 0; i < entry->metric_count; i++) scores->names[i] = entry->metrics[i];
    return NN_OK;
}

void nn_scores_add(nn_scores *scores, float loss, int count, const float *pairs) {
    scores->loss_sum += (double)loss * count;
    scores->loss_weight += count;
    for (int i = 0; i < scores->metric_count; i++) {
        scores->sums[i] += (double)pairs[2 * i];
        scores->weights[i] += (double)pairs[2 * i + 1];
    }
}

double nn_scores_loss(const nn_scores *scores) {
    return scores->loss_weight > 0 ? scores->loss_sum / scores->loss_weight : (double)NAN;
}

double nn_scores_metric(const nn_scores *scores, int metric) {
    double weight = scores->weights[metric];
    return weight > 0 ? scores->sums[metric] / weight : (double)NAN;
}

/* Four places, or three digits where those would be zeros. */
static void put_value(char *out, size_t size, const char *name, double value) {
    snprintf(out, size, value != 0 && fabs(value) < 1e-3 ? "%s %.2e" : "%s %.4f", name, value);
}

const char *nn_scores_text(const nn_scores *scores, char *buffer, size_t size) {
    put_value(buffer, size, "loss", nn_scores_loss(scores));
    for (int i = 0; i < scores->metric_count; i++) {
        double value = nn_scores_metric(scores, i);
        size_t used = strlen(buffer);
        if (used + 3 > size) break;
        used += (size_t)snprintf(buffer + used, size - used, "  ");
        if (strstr(scores->names[i], "accuracy"))
            snprintf(buffer + used, size - used, "%s %.2f%%", scores->names[i], 100 * value);
        else
            put_value(buffer + used, size - used, scores->names[i], value);
    }
    return buffer;
}
