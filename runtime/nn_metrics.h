/* SPDX-License-Identifier: MIT
 * nn_metrics.h - loss and metrics summed over batches, and the one line that shows them. */
#ifndef NN_METRICS_H
#define NN_METRICS_H
#include "nn_error.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { NN_MAX_METRICS = 16 };

/* Sums of (value, weight) pairs. The loss of a batch is a mean over its rows, so its weight is
 * their number. */
typedef struct nn_scores {
    double loss_sum, loss_weight;
    int metric_count;
    const char *names[NN_MAX_METRICS];
    double sums[NN_MAX_METRICS], weights[NN_MAX_METRICS];
} nn_scores;

/* Empties the sums and takes the metric names of an entry. NN_ERR_MODEL beyond NN_MAX_METRICS. */
int nn_scores_start(nn_scores *scores, const nn_entry *entry, nn_error *error);

/* Adds one call's loss over count rows and its (sum, weight) pairs. */
void nn_scores_add(nn_scores *scores, float loss, int count, const float *pairs);

/* Means; NaN where nothing was added. */
double nn_scores_loss(const nn_scores *scores);
double nn_scores_metric(const nn_scores *scores, int metric);

/* "loss 0.0812  accuracy 97.61%". Metrics whose name contains "accuracy" are shown in percent.
 * Returns buffer. */
const char *nn_scores_text(const nn_scores *scores, char *buffer, size_t size);

#ifdef __cplusplus
}
#endif
#endif
