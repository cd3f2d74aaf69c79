/* SPDX-License-Identifier: MIT
 * nn_log.h - the CSV log of a run: a row for each epoch, the same bytes however often a run was
 * resumed. */
#ifndef NN_LOG_H
#define NN_LOG_H
#include "nn_metrics.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_log nn_log;

/* A new file with its header line (at < 0), or the existing one cut to `at` bytes. validate: the
 * run has validation columns. */
int nn_log_open(nn_log **out, const char *path, int64_t at, const nn_scores *names, int validate,
                nn_error *error);

/* One row. validate is NULL without validation. */
int nn_log_row(nn_log *log, int64_t epoch, int64_t step, double rate, const nn_scores *train,
               const nn_scores *validate, nn_error *error);

/* Length so far, all of it on disk; -1 after an error. */
int64_t nn_log_flush(nn_log *log, nn_error *error);
void nn_log_close(nn_log *log);              /* NULL is allowed */

#ifdef __cplusplus
}
#endif
#endif
