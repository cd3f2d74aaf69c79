/* SPDX-License-Identifier: MIT
 * nn_report.h - progress for people: a bar that moves on a terminal, plain lines elsewhere. */
#ifndef NN_REPORT_H
#define NN_REPORT_H
#include "nn_train.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct nn_report {
    int on, terminal;        /* on: report at all; terminal: stderr is one */
    double epoch_start, last_shown;  /* seconds of a steady clock */
    int64_t epoch_steps;     /* batches of an epoch */
} nn_report;

void nn_report_start(nn_report *report, int quiet, int64_t epoch_steps);

/* Called after each step: moves the bar at most ten times a second on a terminal; elsewhere a line
 * every ten seconds, so that long epochs show life. */
void nn_report_step(nn_report *report, const nn_progress *progress);

/* One line for the epoch: scores of training and validation, whether it is the best, seconds. */
void nn_report_epoch(nn_report *report, const nn_progress *progress);

#ifdef __cplusplus
}
#endif
#endif
